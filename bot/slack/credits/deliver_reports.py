"""Reports of usage, on their way to Slack: the card, then its files."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot import clock, outbox, paces
from bot.carriers import Delivery, Done, Outcome, Repeatable
from bot.credits import charts, usage
from bot.credits.usage import Asked, Report
from bot.slack import cards, files
from bot.slack.client import person
from bot.slack.credits import credit_cards
from bot.slack.outcomes import Form, change, first_taken, outcome

log = structlog.get_logger()

PEOPLE_KEPT = 1000  # names that are asked for once in a process
Made = tuple[Report, dict[str, str]]  # a report, and the names of the people in it


def forms(client: WebClient, asked: dict[str, Any]) -> list[Form]:
    """How the report that was asked for may look: with its chart, without, in words."""
    return _forms(lambda: _made(client, asked))


def queue_files(delivery: Delivery, posted: Done) -> None:
    """Has the files follow a report that is posted: CSV, and a picture where no chart was drawn."""
    channel = posted.result["channel"]
    outbox.enqueue(
        f"files:{delivery.key}", "slack.files",
        {"report": delivery.payload["report"], "channel": channel,
         "ts": posted.result["ts"], "chart": posted.result["chart"]},
        lane=f"files:{channel}", pace=paces.of_channel(channel),
    )  # fmt: skip


class ReportFilesCarrier(Repeatable):
    """Uploads a report's files, seen by nobody yet, then attaches them to its post.

    Either may be repeated: a file that no message names is seen by nobody.
    """

    def __init__(self, client: WebClient) -> None:
        self.client = client

    def attempt(self, delivery: Delivery) -> Outcome:
        """The uploads, and one chat.update that attaches them."""
        payload = delivery.payload
        try:
            made, people = _made(self.client, payload["report"])
            name, looks = _file_name(made), _forms(lambda: (made, people))
            sheet = usage.to_csv(made, people)
            tied = [files.upload(self.client, f"{name}.csv", sheet, f"{made.title} (CSV)", None)]
            if not payload["chart"]:
                picture, said = charts.draw(made, people)
                tied.append(files.upload(self.client, f"{name}.png", picture, made.title, said))
        except Exception as error:
            return outcome(error)

        def attach(form: cards.Card, _: int) -> Done:
            change(self.client, payload["channel"], payload["ts"], form, tied)
            return Done({})

        return first_taken(looks if payload["chart"] else looks[1:], attach, delivery.key)


def _made(client: WebClient, asked: dict[str, Any]) -> Made:
    """The report, read once, so that its table, chart and file agree."""
    made = usage.make(Asked.of(asked), clock.now())
    return made, _people(client, made)


def _forms(make: Callable[[], Made]) -> list[Form]:
    def form(chart: bool) -> cards.Card:
        made, people = make()
        return credit_cards.report(made, chart=chart, people=people)

    plainer = "The report could not be shown. Ask for another one: `/credits report`."
    return [lambda: form(True), lambda: form(False), lambda: cards.note(plainer)]


def _people(client: WebClient, made: Report) -> dict[str, str]:
    """The names of those whom a report by member names by their ids."""
    if made.by != "member":
        return {}
    people = {}
    for row in made.rows:
        if row.label[:1] in ("U", "W"):
            try:
                people[row.label] = _name(client, row.label)
            except SlackApiError:  # gone, or from elsewhere: the id must do
                log.warning("slack.name_not_told", user=row.label)
    return people


@functools.lru_cache(PEOPLE_KEPT)
def _name(client: WebClient, user: str) -> str:
    told = person(client, user)
    return str(told.get("real_name") or told.get("name") or user)


def _file_name(made: Report) -> str:
    return made.title.lower().replace(",", "").replace(" ", "-").replace("–", "to")
