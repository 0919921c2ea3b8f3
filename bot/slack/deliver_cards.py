"""Cards on their way to a channel or a person, and words there that one person alone sees."""

from __future__ import annotations

import functools
from datetime import datetime

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.carriers import Carrier, Delivery, Done, Failed, Outcome, Repeatable
from bot.slack import cards
from bot.slack.client import permalink
from bot.slack.credits import credit_cards, deliver_reports
from bot.slack.lines import health
from bot.slack.outcomes import Form, drawn, first_taken, keyed, read_back
from bot.words import escape

#: Why somebody cannot be told something in a channel.
NOT_HERE = {"user_not_in_channel", "not_in_channel", "channel_not_found", "is_archived"}


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
        """A report that is posted gets its files."""
        if isinstance(outcome, Done) and delivery.payload["what"] == "report":
            deliver_reports.queue_files(delivery, outcome)

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
        return deliver_reports.forms(self.client, told["report"])


class WhisperCarrier(Repeatable):
    """Tells one person something in a channel or thread that nobody else there sees.

    Nobody can read it back; said twice is better than not at all.
    """

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
