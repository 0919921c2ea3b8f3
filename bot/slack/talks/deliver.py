"""What conversations show, on its way to Slack: posts in threads, and updates of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from slack_sdk import WebClient

from bot import clock
from bot.carriers import Again, Carrier, Delivery, Done, Failed, NotThere, Outcome, Repeatable
from bot.contacts import contacts
from bot.slack import cards
from bot.slack.client import permalink
from bot.slack.outcomes import (
    Form,
    around,
    change,
    could_not_look,
    drawn,
    fault,
    first_taken,
    found,
    keyed,
)
from bot.slack.talks import thread_cards
from bot.talks import outages, threads
from bot.talks.models import Conversation, Message
from bot.texts import drafts
from bot.texts.models import Draft
from ledger.database import session

#: A thread that takes no more replies: the conversation goes on in a new one.
THREAD_GONE = {
    "thread_not_found", "cannot_reply_to_message", "restricted_action_thread_locked",
}  # fmt: skip
NOT_THERE = "Slack: message_not_found"


@dataclass
class Shown:
    """How a post may look, the plainest last, and what it says of a row that may have moved on by
    the time it stands in Slack. Without any form there is nothing to post."""

    forms: list[Form]
    state: str | None = None
    broadcast: bool = False
    ts: str | None = None  # where it stands already


class PostCarrier(Carrier):
    """Posts thread roots, texts, reply cards and remarks."""

    def __init__(self, client: WebClient, by_mail: bool) -> None:
        self.client, self.by_mail = client, by_mail

    def attempt(self, delivery: Delivery) -> Outcome:
        """One chat.postMessage, with an opaque key in its metadata to find it again by."""
        with session():
            conversation = threads.of(delivery.payload["conversation"])
            channel, thread_ts = conversation.channel, conversation.thread_ts
            shown = _new(delivery, conversation, self.client)
        is_root = delivery.payload["what"] == "root"
        if not shown.forms:
            return Done({"ts": shown.ts, "state": shown.state})
        if not channel:
            unset = Again(30, "Slack: no_channel", patient=True)
            return self.heed(unset, conversation.id, channel, thread_ts)
        if not is_root and thread_ts is None:
            return Again(1, "the thread has no root yet")
        call = {"channel": channel, **keyed(delivery)}
        if not is_root:
            call |= {"thread_ts": thread_ts, "reply_broadcast": shown.broadcast}

        def post(form: cards.Card, _: int) -> Done:
            posted = self.client.chat_postMessage(**call, **form)
            return Done({"ts": posted["ts"], "state": shown.state})

        result = first_taken(shown.forms, post, about(delivery))
        return self.heed(result, conversation.id, channel, thread_ts)

    def heed(
        self, result: Outcome, conversation_id: int, channel: str, thread_ts: str | None
    ) -> Outcome:
        """The outcome of a post. Where the thread takes none, the conversation goes on in another;
        where the channel or Slack takes none, people are told what waits."""
        if not isinstance(result, Again):
            return result
        error, now = result.why.removeprefix("Slack: "), clock.now()
        if thread_ts and error in THREAD_GONE:
            threads.thread_gone(conversation_id, thread_ts)
            return Again(1, result.why)
        if error in outages.CHANNEL:
            outages.channel_shut(channel, error, now)
            return replace(result, shuts_pace=True)
        if error in outages.SLACK and self.by_mail:
            outages.slack_shut(error, now)
        return result

    def look(self, delivery: Delivery) -> Outcome:
        """Reads the post back by its key. Where Slack lets us not read, it is posted again."""
        with session():
            conversation = threads.of(delivery.payload["conversation"])
            channel, thread_ts = conversation.channel, conversation.thread_ts
        read = {"channel": channel, **around(delivery)}
        try:
            if delivery.payload["what"] == "root":
                page = self.client.conversations_history(**read)
            else:
                page = self.client.conversations_replies(ts=str(thread_ts), **read)
        except Exception as error:
            return could_not_look(error)
        ts = found(delivery, page["messages"])
        return Done({"ts": ts, "state": None}) if ts else NotThere(1)

    def settle(self, delivery: Delivery, outcome: Done | Failed, now: datetime) -> None:
        """Keeps the post's ts where it will be needed."""
        if isinstance(outcome, Failed):
            return
        ts, state = outcome.result["ts"], outcome.result["state"]
        match delivery.payload["what"]:
            case "root":
                threads.rooted(delivery.payload["conversation"], ts)
            case "text":
                threads.shown(delivery.payload["message"], ts, state)
            case "draft":
                if ts is not None:
                    drafts.shown(delivery.payload["draft"], ts, state)


class UpdateCarrier(Repeatable):
    """Brings a root, a text or a reply's card in Slack up to date with the rows as they are now."""

    def __init__(self, client: WebClient, by_mail: bool) -> None:
        self.client, self.by_mail = client, by_mail

    def attempt(self, delivery: Delivery) -> Outcome:
        """One chat.update; none where Slack shows the same already."""
        with session():
            channel, ts, forms, state = self._now(delivery)
        if not forms:
            return Done({})
        if ts is None:
            return Again(1, "the post to update is not there yet")

        def update(form: cards.Card, _: int) -> Done:
            change(self.client, channel, ts, form)
            return Done({"state": state})

        result = first_taken(forms, update, about(delivery))
        if isinstance(result, Failed) and result.why == NOT_THERE and _is_root(delivery):
            threads.thread_gone(delivery.payload["conversation"], ts)
        if isinstance(result, Again):
            return self._heed(result, channel)
        return result

    def _heed(self, result: Again, channel: str) -> Outcome:
        """Where the channel takes none, it is not waited for: posts stand behind it. All that was
        left out is made up later."""
        error, now = result.why.removeprefix("Slack: "), clock.now()
        if error in outages.CHANNEL:
            outages.channel_shut(channel, error, now)
            return Failed(result.why)
        if error in outages.SLACK and self.by_mail:
            outages.slack_shut(error, now)
        return result

    def _now(self, delivery: Delivery) -> tuple[str, str | None, list[Form], str | None]:
        """Channel and ts of a post, how it may look, and in which state that shows it."""
        told = delivery.payload
        if "remark" in told:
            return told["channel"], told["remark"], [lambda: cards.note(told["text"])], None
        if "message" in told:
            message = Message.get_by_id(told["message"])
            state = _state_of(message)
            channel, ts = message.conversation.channel, message.slack_ts
            shows_it = state is not None and message.shown == state
            if ts is None or shows_it:  # what never came needs no change
                return channel, ts, [], None
            return channel, ts, _text(message), state
        if "draft" in told:
            draft = Draft.get_by_id(told["draft"])
            sent = Message.get_or_none(Message.draft == draft.id)
            is_copy = sent is not None and sent.slack_ts == draft.card_ts
            if is_copy or draft.card_ts is None:  # its post, which is to come, shows all
                return draft.talk.channel, None, [], None
            return draft.talk.channel, draft.card_ts, _reply(draft), None
        talk = threads.of(told["conversation"])
        if "former" in told:
            if talk.thread_ts is None:  # its next first post has this one told, too
                return talk.channel, None, [], None
            return told["channel"], told["former"], [drawn(_moved, talk, self.client)], None
        if talk.thread_ts is None and talk.former_ts is None:
            return talk.channel, None, [], None  # its first post shows how things are then
        return talk.channel, talk.thread_ts, _root(talk, self.client), None

    def settle(self, delivery: Delivery, outcome: Done | Failed, now: datetime) -> None:
        """Remembers what the text's copy shows; a card that is gone is posted anew."""
        told = delivery.payload
        if isinstance(outcome, Failed):
            if "draft" in told and outcome.why == NOT_THERE:
                drafts.card_gone(told["draft"])
            elif outcome.why.removeprefix("Slack: ") in outages.CHANNEL:
                threads.left_stale(_talk(told).id)
        elif "message" in told and outcome.result:
            shown = {"shown": outcome.result["state"]}
            Message.update(**shown).where(Message.id == told["message"]).execute()


def _talk(told: Mapping[str, Any]) -> Conversation:
    """The conversation in which an update was to be made."""
    if "message" in told:
        found: Conversation = Message.get_by_id(told["message"]).conversation
        return found
    if "draft" in told:
        draft: Draft = Draft.get_by_id(told["draft"])
        return draft.talk
    return threads.of(told.get("conversation") or told["talk"])


def about(delivery: Delivery) -> str:
    """What a delivery shows, for the log: ids, nothing that anybody wrote."""
    told = delivery.payload
    for name in ("message", "draft", "conversation"):
        if name in told:
            return f"{name} {told[name]}"
    return delivery.key


def _new(delivery: Delivery, conversation: Conversation, client: WebClient) -> Shown:
    told = delivery.payload
    match told["what"]:
        case "root":
            # Where two contacts were merged, the conversation may have a thread meanwhile.
            needs = conversation.thread_ts is None and conversation.id == told["conversation"]
            return Shown(_root(conversation, client) if needs else [], ts=conversation.thread_ts)
        case "remark":
            return Shown([lambda: cards.note(told["text"])], broadcast=told.get("broadcast", False))
        case "draft":
            draft = Draft.get_by_id(told["draft"])
            # What stands there already, was sent or cancelled needs no card.
            waits = draft.card_ts is None and draft.state in drafts.WAITING
            return Shown(_reply(draft) if waits else [], drafts.stage(draft), ts=draft.card_ts)
    message = Message.get_by_id(told["message"])
    if told["what"] == "stop_wish":
        return Shown([drawn(thread_cards.stop_wish, message)])
    if message.direction == "in":
        return Shown(_text(message, told.get("call")), None, message.in_channel)
    return Shown(_text(message), _state_of(message))


def _state_of(message: Message) -> str | None:
    """How far a text out is, as its copy says it; None where that cannot be said."""
    try:
        return thread_cards.state_of(message)
    except Exception as error:
        fault(f"message {message.id}", error)
        return None


# How a post may look: in full, and in forms that little can go wrong with.


def _text(message: Message, call: str | None = None) -> list[Form]:
    full = (thread_cards.text_in, message, call) if message.direction == "in" else (
        thread_cards.text_out, message,
    )  # fmt: skip
    return [drawn(*full), drawn(thread_cards.bare_text, message)]


def _reply(draft: Draft) -> list[Form]:
    full = drawn(thread_cards.reply, draft, clock.now())
    return [full, drawn(thread_cards.bare_reply, draft)]


def _root(conversation: Conversation, client: WebClient) -> list[Form]:
    def full() -> cards.Card:
        former: Any = conversation.former_ts
        if former:
            former = permalink(client, str(conversation.former_channel), former)
        return thread_cards.root(conversation, former)

    return [drawn(full), drawn(thread_cards.bare_root, conversation)]


def _moved(talk: Conversation, client: WebClient) -> cards.Card:
    link = permalink(client, talk.channel, str(talk.thread_ts))
    return thread_cards.moved(contacts.name_of(talk.contact), link)


def _is_root(delivery: Delivery) -> bool:
    return "conversation" in delivery.payload and "former" not in delivery.payload
