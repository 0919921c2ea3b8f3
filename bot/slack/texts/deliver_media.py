"""Files on their way between Twilio and Slack: fetched, uploaded, shown, or only looked at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot import downloads
from bot.carriers import Again, Delivery, Done, Failed, Outcome, Repeatable, Unknown
from bot.downloads import Away, Gone, Shut, Source, TooLarge, Trouble
from bot.slack import files
from bot.slack.cards import Card
from bot.slack.outcomes import (
    BAD_CARD,
    NO_FILES,
    change,
    drawn,
    first_taken,
    keyed,
    outcome,
)
from bot.slack.talks.deliver import PostCarrier, about
from bot.slack.texts import media_cards
from bot.talks.models import Message
from bot.talks.replies import Reply
from bot.texts import composed, kinds, media
from bot.words import OPERATOR
from ledger.database import session

log = structlog.get_logger()

FETCHES = 12  # tries over some hours, before an attachment is given up
NOT_YET = 6  # tries, in a minute and a half: what has just come may not be there yet
PEEKS = 5  # tries, while somebody waits for a quote
SETTLES = 6  # tries, while Slack may be at work on a picture that was just uploaded


class MediaCarrier(Repeatable):
    """Brings an attachment of a text in from Twilio to Slack, where nobody sees it yet.

    Done twice, it leaves a file that no message names, so nobody sees it.
    """

    def __init__(self, client: WebClient, twilio: Callable[[str | None], Source]) -> None:
        self.client, self.twilio = client, twilio

    def attempt(self, delivery: Delivery) -> Outcome:
        """One download and one upload."""
        wanted = media.attachment(delivery.payload["message"], delivery.payload["place"])
        try:
            source = self.twilio(wanted.twilio)
            with downloads.fetch(source, wanted.url, media.LARGEST_IN) as coming:
                kind, content = coming.kind, b"".join(coming.chunks())
        except Trouble as trouble:
            return _not_fetched(trouble, delivery.tries)
        if not content:
            return _not_fetched(Gone("empty"), delivery.tries)
        name, said = wanted.name(kind), wanted.said(kind)
        try:
            file = files.upload(self.client, name, content, said, said)
        except SlackApiError as error:
            refused = error.response.get("error")
            if refused in NO_FILES:
                return Failed(f"Slack did not take it ({refused}). Ask an admin of your workspace.")
            return _or_give_up(outcome(error), delivery.tries)
        except Exception as error:
            return _or_give_up(outcome(error), delivery.tries)
        return Done({"file": file, "name": name, "type": kind.content_type if kind else None})

    def settle(self, delivery: Delivery, outcome: Done | Failed, now: datetime) -> None:
        """Keeps the file's id, or why there is none."""
        told = delivery.payload
        got = {"failed": outcome.why} if isinstance(outcome, Failed) else dict(outcome.result)
        media.brought(told["message"], told["place"], got)


class PicturesCarrier(PostCarrier):
    """Posts the pictures of a text in, in its thread, once they are all uploaded."""

    def attempt(self, delivery: Delivery) -> Outcome:
        """One chat.postMessage. Where Slack knows a picture not yet, it waits; at last, all files
        are tied to a post without blocks for them."""
        with session():
            message = Message.get_by_id(delivery.payload["message"])
            talk = message.conversation
            channel, thread_ts, talk_id = talk.channel, talk.thread_ts, talk.id
            every = [one["file"] for one in message.media if "file" in one]
        if thread_ts is None:
            return Again(5, "the thread has no root yet")
        call = {"channel": channel, "thread_ts": thread_ts, **keyed(delivery)}

        def post(form: Card, place: int) -> Outcome:
            try:
                ts = self.client.chat_postMessage(**call, **form)["ts"]
            except SlackApiError as error:
                if error.response.get("error") not in BAD_CARD or delivery.tries >= SETTLES:
                    raise
                return Again(1, "Slack is not done with a picture")
            return Done({"ts": ts, "attach": every if place else _unseen(message)})

        forms = [drawn(media_cards.pictures, message), drawn(media_cards.pictures, message, every)]
        result = first_taken(forms, post, about(delivery))
        return self.heed(result, talk_id, channel, thread_ts)

    def look(self, delivery: Delivery) -> Outcome:
        """Reads the post back by its key."""
        seen = super().look(delivery)
        if not isinstance(seen, Done):
            return seen
        with session():
            message = Message.get_by_id(delivery.payload["message"])
        return Done({"ts": seen.result["ts"], "attach": _unseen(message)})

    def settle(self, delivery: Delivery, outcome: Done | Failed, now: datetime) -> None:
        """Ties to the post what no block shows."""
        if isinstance(outcome, Done):
            posted = outcome.result
            media.pictures_shown(delivery.payload["message"], posted["ts"], posted["attach"])


class AttachCarrier(Repeatable):
    """Ties uploaded files to the post that names them."""

    def __init__(self, client: WebClient) -> None:
        self.client = client

    def attempt(self, delivery: Delivery) -> Outcome:
        """One chat.update."""
        told = delivery.payload
        with session():
            message = Message.get_by_id(told["message"])
            channel = message.conversation.channel

        def attach(form: Card, _: int) -> Done:
            change(self.client, channel, told["ts"], form, told["files"])
            return Done({})

        form = drawn(media_cards.pictures, message, told["files"])
        return first_taken([form], attach, about(delivery))


class PeekCarrier(Repeatable):
    """Looks at what a reply's files are, and how large, before it is quoted."""

    def __init__(self, client: WebClient, slack: Source) -> None:
        self.client, self.slack = client, slack

    def attempt(self, delivery: Delivery) -> Outcome:
        """Opens each file and reads its beginning."""
        given = delivery.payload["reply"]["files"]
        if why := media.too_many(len(given)):
            return Done({"media": [], "why_not": [why]})
        found, why_not = [], []
        for file in given:
            try:
                seen = files.look_at(self.client, self.slack, file)
            except Away as away:
                if delivery.tries < PEEKS:
                    return Again(away.after_s, str(away))
                seen = "Slack did not hand the files over. Try again in some minutes."
            if isinstance(seen, str):
                why_not.append(seen)
            else:
                found.append(seen)
        return Done({"media": found, "why_not": why_not})

    def settle(self, delivery: Delivery, outcome: Done | Failed, now: datetime) -> None:
        """The reply is quoted, or the composed text sent; or its author told why not."""
        told = delivery.payload
        if "draft" in told:
            seen = outcome.result if isinstance(outcome, Done) else NOT_LOOKED_AT
            composed.looked_into(told["draft"], seen["media"], seen["why_not"], now)
        elif isinstance(outcome, Done):
            media.looked_into(
                told["conversation"], Reply(**told["reply"]), outcome.result["media"],
                outcome.result["why_not"], now,
            )  # fmt: skip


NOT_LOOKED_AT: dict[str, Any] = {
    "media": [],
    "why_not": ["Your files could not be read from Slack."],
}


def _unseen(message: Message) -> list[str]:
    """Files that no block of Slack's shows: all but pictures."""
    return [
        one["file"] for one in message.media if "file" in one and not media_cards.is_picture(one)
    ]


def _not_fetched(trouble: Trouble, tries: int) -> Outcome:
    match trouble:
        case Away() if tries < FETCHES:
            return Again(trouble.after_s, f"Twilio: {trouble}")
        case Gone() if tries < NOT_YET:
            return Again(1, "not at Twilio yet")
        case Away():
            return Failed("Twilio did not hand it over for hours. Ask them to send it again.")
        case Gone():
            return Failed("It is no longer at Twilio. Ask them to send it again.")
        case Shut():
            return Failed(f"Twilio does not let us read it. Ask {OPERATOR}.")
        case TooLarge():
            most = kinds.size_words(media.LARGEST_IN)
            return Failed(f"It has more than {most}. Ask them for a smaller one, or for a link.")
    log.error("media.misled", why=str(trouble))
    return Failed(f"Its address is not Twilio's, so it was not opened. Ask {OPERATOR}.")


def _or_give_up(result: Outcome, tries: int) -> Outcome:
    if isinstance(result, Again | Unknown) and tries >= FETCHES:
        return Failed(f"{result.why}. Ask {OPERATOR}.")
    return result
