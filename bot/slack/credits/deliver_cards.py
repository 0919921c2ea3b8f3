"""What accounts are told, on its way to Slack: notices, digests and reports, with their files."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot import clock, outbox
from bot.carriers import Carrier, Delivery, Done, Failed, NotThere, Outcome
from bot.credits import charts, usage
from bot.credits.usage import Asked, Report
from bot.slack import cards
from bot.slack.client import permalink, person
from bot.slack.credits import credit_cards
from bot.slack.limits import BlockError, check_view
from bot.slack.lines import health
from bot.slack.outcomes import (
    Form,
    change,
    drawn,
    first_taken,
    keyed,
    outcome,
    read_back,
)
from bot.slack.team import home_cards
from bot.team import first_run, home
from bot.words import escape
from ledger.plans import Catalogue

log = structlog.get_logger()

#: Why somebody cannot be told something in a channel.
NOT_HERE = {"user_not_in_channel", "not_in_channel", "channel_not_found", "is_archived"}
#: Somebody who has no Home, and never will.
HOMELESS = {"user_not_found", "user_not_visible", "not_enabled"}
PEOPLE_KEPT = 1000  # names that are asked for once in a process


class CardCarrier(Carrier):
    """Posts a card to a channel, or to a person as a direct message."""

    def __init__(self, client: WebClient) -> None:
        self.client = client

    def attempt(self, delivery: Delivery) -> Outcome:
        """One chat.postMessage. Where Slack refuses its chart, once more without."""
        forms = self._forms(delivery)
        is_report = delivery.payload["what"] == "report"

        def post(form: cards.Card, refused: int) -> Done:
            posted = self.client.chat_postMessage(
                channel=delivery.payload["to"], **keyed(delivery), **form
            )
            return Done({
                "ts": posted["ts"], "channel": posted["channel"],
                "chart": refused == 0 and is_report,
            })  # fmt: skip

        return first_taken(forms, post, delivery.key)

    def look(self, delivery: Delivery) -> Outcome:
        """Reads the post back by its key."""
        back = read_back(self.client, delivery, delivery.payload["to"])
        return Done({**back.result, "chart": False}) if isinstance(back, Done) else back

    def settle(self, delivery: Delivery, outcome: Done | Failed, now: datetime) -> None:
        """A report that is posted gets its files: CSV, and a picture where no chart was drawn."""
        if isinstance(outcome, Failed) or delivery.payload["what"] != "report":
            return
        channel = outcome.result["channel"]
        outbox.enqueue(
            f"files:{delivery.key}", "slack.files",
            {"report": delivery.payload["report"], "channel": channel,
             "ts": outcome.result["ts"], "chart": outcome.result["chart"]},
            lane=f"files:{channel}", pace=f"channel:{channel}",
        )  # fmt: skip

    def _forms(self, delivery: Delivery) -> list[Form]:
        """The card, and plainer ones for one that cannot be drawn, or a Slack that refuses it."""
        told = delivery.payload
        match told["what"]:
            case "notice":
                said = told["notice"]
                plainer = f"{escape(said['name'])}: {said['title']}. {said['advice']}"
                return [lambda: credit_cards.notice(said), lambda: cards.note(plainer)]
            case "digest":
                link = functools.partial(permalink, self.client)
                plainer = "Your digest could not be shown. `/credits` says how you stand."
                return [
                    lambda: credit_cards.digest(told["digest"], link), lambda: cards.note(plainer),
                ]  # fmt: skip
            case "trouble":
                of = told["trouble"]
                return [drawn(health.trouble_card, of), drawn(health.bare_trouble, of)]
            case "note":
                return [lambda: cards.note(told["text"])]
        return _report_forms(lambda: _made(self.client, told["report"]))


class WhisperCarrier(Carrier):
    """Tells one person something in a channel or thread that nobody else there sees."""

    def __init__(self, client: WebClient) -> None:
        self.client = client

    def attempt(self, delivery: Delivery) -> Outcome:
        """One chat.postEphemeral; to somebody who is not there, a direct message."""
        to = delivery.payload
        where = {"thread_ts": to["thread_ts"]} if to.get("thread_ts") else {}

        def post(form: cards.Card, _: int) -> Done:
            try:
                self.client.chat_postEphemeral(
                    channel=to["channel"], user=to["user"], **where, **form
                )
            except SlackApiError as error:
                if error.response.get("error") not in NOT_HERE:
                    raise
                self.client.chat_postMessage(channel=to["user"], **keyed(delivery), **form)
            return Done({})

        return first_taken([cards.note(to["text"])], post, delivery.key)

    def look(self, delivery: Delivery) -> Outcome:
        """Nobody can read it back; said twice is better than not at all."""
        return NotThere(1)


class HomeCarrier(Carrier):
    """Publishes Partyline's Home to one person, as it is when it leaves."""

    def __init__(self, client: WebClient, catalogue: Catalogue) -> None:
        self.client, self.catalogue = client, catalogue

    def attempt(self, delivery: Delivery) -> Outcome:
        """One views.publish. It needs no hash: a viewer's lane lets out one at a time, and each
        shows what is when it leaves."""
        user = delivery.payload["user"]
        try:
            shown = home.of(user, clock.now())
            first = [] if shown else first_run.first(person(self.client, user))
            link = functools.partial(permalink, self.client)
            view = home_cards.view(shown, first, self.catalogue, link)
            check_view(view)
            self.client.views_publish(user_id=user, view=view)
        except BlockError as error:
            log.error("slack.bad_card", rule=str(error))
            return Failed("Home could not be drawn")
        except SlackApiError as error:
            gone = error.response.get("error") in HOMELESS
            return Failed(str(error.response.get("error"))) if gone else outcome(error)
        except Exception as error:
            return outcome(error)
        return Done({})

    def look(self, delivery: Delivery) -> Outcome:
        """It is published again: Home says what is."""
        return NotThere(1)


class FilesCarrier(Carrier):
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
            name, forms = _file_name(made), _report_forms(lambda: (made, people))
            sheet = usage.to_csv(made, people)
            files = [self._upload(f"{name}.csv", sheet, f"{made.title} (CSV)")]
            if not payload["chart"]:
                picture, said = charts.draw(made, people)
                files.append(self._upload(f"{name}.png", picture, made.title, said))
        except Exception as error:
            return outcome(error)

        def attach(form: cards.Card, _: int) -> Done:
            change(self.client, payload["channel"], payload["ts"], form, files)
            return Done({})

        return first_taken(forms if payload["chart"] else forms[1:], attach, delivery.key)

    def look(self, delivery: Delivery) -> Outcome:
        """It is done again: an update says what is."""
        return NotThere(1)

    def settle(self, delivery: Delivery, outcome: Done | Failed, now: datetime) -> None:
        """Nothing follows: without its files, a report still is its table."""

    def _upload(self, name: str, content: bytes, title: str, said: str | None = None) -> str:
        file = self.client.files_upload_v2(
            filename=name, content=content, title=title, alt_txt=said
        )["file"]
        return str(file["id"])


Made = tuple[Report, dict[str, str]]  # a report, and the names of the people in it


def _made(client: WebClient, asked: dict[str, Any]) -> Made:
    """The report, read once, so that its table, chart and file agree."""
    made = usage.make(Asked.of(asked), clock.now())
    return made, _people(client, made)


def _report_forms(make: Callable[[], Made]) -> list[Form]:
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
