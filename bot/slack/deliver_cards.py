"""What accounts are told, on its way to Slack: notices, digests and reports, with their files."""

from __future__ import annotations

import functools
from datetime import datetime
from typing import Any

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot import charts, outbox, usage
from bot.carriers import Delivery, Done, Failed, NotThere, Outcome
from bot.slack import cards, credit_cards
from bot.slack.outcomes import around, could_not_look, first_taken, found, keyed, outcome
from bot.usage import Asked, Report
from ledger.database import session

log = structlog.get_logger()

PEOPLE_KEPT = 1000  # names that are asked for once in a process


class CardCarrier:
    """Posts a card to a channel, or to a person as a direct message."""

    lists_late = False

    def __init__(self, client: WebClient) -> None:
        self.client = client
        self._workspace = functools.cache(lambda: str(client.auth_test()["url"]))

    def attempt(self, delivery: Delivery) -> Outcome:
        """One chat.postMessage. Where Slack refuses its chart, once more without."""
        try:
            forms = self._forms(delivery)
        except Exception as error:
            return outcome(error)

        def post(form: cards.Card, refused: int) -> Done:
            posted = self.client.chat_postMessage(
                channel=delivery.payload["to"], **keyed(delivery), **form
            )
            return Done({
                "ts": posted["ts"], "channel": posted["channel"],
                "chart": refused == 0 and len(forms) > 1,
            })  # fmt: skip

        return first_taken(forms, post)

    def look(self, delivery: Delivery) -> Outcome:
        """Reads the post back by its key."""
        to = delivery.payload["to"]
        try:
            if to.startswith(("U", "W")):
                to = self.client.conversations_open(users=to)["channel"]["id"]
            page = self.client.conversations_history(channel=to, **around(delivery))
        except Exception as error:
            return could_not_look(error)
        ts = found(delivery, page["messages"])
        return Done({"ts": ts, "channel": to, "chart": False}) if ts else NotThere(1)

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

    def _forms(self, delivery: Delivery) -> list[cards.Card]:
        """The card, and plainer ones for a Slack that refuses it."""
        match delivery.payload["what"]:
            case "notice":
                return [credit_cards.notice(delivery.payload["notice"])]
            case "digest":
                return [credit_cards.digest(delivery.payload["digest"], self._link)]
        return _report_forms(self.client, delivery.payload["report"])

    def _link(self, channel: str, ts: str) -> str:
        return f"{self._workspace()}archives/{channel}/p{ts.replace('.', '')}"


class FilesCarrier:
    """Uploads a report's files, seen by nobody yet, then attaches them to its post.

    Either may be repeated: a file that no message names is seen by nobody.
    """

    lists_late = False

    def __init__(self, client: WebClient) -> None:
        self.client = client

    def attempt(self, delivery: Delivery) -> Outcome:
        """The uploads, and one chat.update that attaches them."""
        payload = delivery.payload
        try:
            made = _make(payload["report"])
            name = _file_name(made)
            forms = _report_forms(self.client, payload["report"])
            files = [self._upload(f"{name}.csv", usage.to_csv(made), f"{made.title} (CSV)")]
            if not payload["chart"]:
                picture, said = charts.draw(made, _people(self.client, made))
                files.append(self._upload(f"{name}.png", picture, made.title, said))
        except Exception as error:
            return outcome(error)

        def attach(form: cards.Card, _: int) -> Done:
            self.client.chat_update(
                channel=payload["channel"], ts=payload["ts"], file_ids=files, **form
            )
            return Done({})

        return first_taken(forms if payload["chart"] else forms[1:], attach)

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


def _report_forms(client: WebClient, asked: dict[str, Any]) -> list[cards.Card]:
    made = _make(asked)
    people = _people(client, made)
    return [
        credit_cards.report(made, chart=True, people=people),
        credit_cards.report(made, chart=False, people=people),
    ]


def _make(asked: dict[str, Any]) -> Report:
    with session():
        return usage.make(Asked.of(asked))


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
    person = client.users_info(user=user)["user"]
    return str(person.get("real_name") or person.get("name") or user)


def _file_name(made: Report) -> str:
    return made.title.lower().replace(",", "").replace(" ", "-").replace("–", "to")
