"""What conversations show, on its way to Slack: posts in threads, and updates of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from slack_sdk import WebClient

from bot import clock, contacts, conversations, drafts
from bot.carriers import Again, Delivery, Done, Failed, NotThere, Outcome
from bot.models import Conversation, Draft, Message
from bot.slack import cards, thread_cards
from bot.slack.client import permalink
from bot.slack.outcomes import (
    LONGEST_UPDATE,
    Form,
    around,
    could_not_look,
    first_taken,
    fit,
    found,
    keyed,
)
from ledger.database import session

#: A thread that takes no more replies: the conversation goes on in a new one.
THREAD_GONE = {
    "Slack: thread_not_found",
    "Slack: cannot_reply_to_message",
    "Slack: restricted_action_thread_locked",
}
#: A channel that takes nothing from us; in words for whoever must mend it.
CHANNEL_GONE = {
    "Slack: is_archived": "the channel is archived. Bring it back, or give the line another one",
    "Slack: channel_not_found": "the channel is gone or private. Invite @Partyline to it",
    "Slack: not_in_channel": "@Partyline is not in the channel. Invite it",
    "Slack: restricted_action": "only some people may post in the channel. Let @Partyline, too",
    "Slack: restricted_action_read_only_channel": "nobody may post in the channel",
}


@dataclass
class Shown:
    """How a post may look, the plainest last, and what it says of a row that may have moved on by
    the time it stands in Slack. Without any form there is nothing to post."""

    forms: list[Form]
    state: str | None = None
    broadcast: bool = False
    ts: str | None = None  # where it stands already


class PostCarrier:
    """Posts thread roots, texts, reply cards and remarks."""

    lists_late = False

    def __init__(self, client: WebClient) -> None:
        self.client = client

    def attempt(self, delivery: Delivery) -> Outcome:
        """One chat.postMessage, with an opaque key in its metadata to find it again by."""
        with session():
            conversation = conversations.of(delivery.payload["conversation"])
            channel, thread_ts = conversation.channel, conversation.thread_ts
            shown = _new(delivery, conversation, self.client)
        if not shown.forms:
            return Done({"ts": shown.ts, "state": shown.state})
        if delivery.payload["what"] != "root" and thread_ts is None:
            return Again(5, "the thread has no root yet")
        call = {"channel": channel, **keyed(delivery)}
        if thread_ts:
            call |= {"thread_ts": thread_ts, "reply_broadcast": shown.broadcast}

        def post(form: cards.Card, _: int) -> Done:
            posted = self.client.chat_postMessage(**call, **form)
            return Done({"ts": posted["ts"], "state": shown.state})

        result = first_taken(shown.forms, post, about(delivery))
        return heed(result, conversation.id, thread_ts)

    def look(self, delivery: Delivery) -> Outcome:
        """Reads the post back by its key. Where Slack lets us not read, it is posted again."""
        with session():
            conversation = conversations.of(delivery.payload["conversation"])
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
                conversations.rooted(delivery.payload["conversation"], ts)
            case "text":
                conversations.shown(delivery.payload["message"], ts, state)
            case "draft":
                if ts is not None:
                    drafts.shown(delivery.payload["draft"], ts, state)


def heed(result: Outcome, conversation_id: int, thread_ts: str | None) -> Outcome:
    """The outcome of a post; where thread or channel takes none, the conversation goes on
    elsewhere."""
    if isinstance(result, Again):
        if thread_ts and result.why in THREAD_GONE:
            conversations.thread_gone(conversation_id, thread_ts)
        elif result.why in CHANNEL_GONE:
            conversations.fall_back(conversation_id, CHANNEL_GONE[result.why])
    return result


class UpdateCarrier:
    """Brings a root, a text or a reply's card in Slack up to date with the rows as they are now."""

    lists_late = False

    def __init__(self, client: WebClient) -> None:
        self.client = client

    def attempt(self, delivery: Delivery) -> Outcome:
        """One chat.update; none where Slack shows the same already."""
        with session():
            channel, ts, forms, state = self._now(delivery)
        if not forms:
            return Done({})
        if ts is None:
            return Again(5, "the post to update is not there yet")

        def update(form: cards.Card, _: int) -> Done:
            form = {**form, "text": fit(form["text"], LONGEST_UPDATE)}
            self.client.chat_update(channel=channel, ts=ts, **form)
            return Done({"state": state})

        return first_taken(forms, update, about(delivery))

    def _now(self, delivery: Delivery) -> tuple[str, str | None, list[Form], str | None]:
        """Channel and ts of a post, how it may look, and in which state that shows it."""
        told = delivery.payload
        if "message" in told:
            message = Message.get_by_id(told["message"])
            state = thread_cards.state_of(message)
            channel, ts = message.conversation.channel, message.slack_ts
            if ts is None or message.shown == state:  # what never came needs no change
                return channel, ts, [], None
            return channel, ts, _text(message), state
        if "draft" in told:
            draft = Draft.get_by_id(told["draft"])
            sent = Message.get_or_none(Message.draft == draft.id)
            is_copy = sent is not None and sent.slack_ts == draft.card_ts
            if is_copy or draft.card_ts is None:  # its post, which is to come, shows all
                return draft.talk.channel, None, [], None
            return draft.talk.channel, draft.card_ts, _reply(draft), None
        talk = conversations.of(told["conversation"])
        if "former" in told:
            return (
                told.get("channel", talk.channel),
                told["former"],
                [drawn(_moved, talk, self.client)],
                None,
            )
        return talk.channel, talk.thread_ts, _root(talk, self.client), None

    def look(self, delivery: Delivery) -> Outcome:
        """An update may be repeated: it says what is, not what changed."""
        return NotThere(1)

    def settle(self, delivery: Delivery, outcome: Done | Failed, now: datetime) -> None:
        """Remembers what the text's copy shows."""
        if isinstance(outcome, Done) and "message" in delivery.payload and outcome.result:
            shown = {"shown": outcome.result["state"]}
            Message.update(**shown).where(Message.id == delivery.payload["message"]).execute()


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
            return Shown([lambda: cards.note(told["text"])])
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
    return Shown(_text(message), thread_cards.state_of(message))


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
            former = permalink(client, conversation.channel, former)
        return thread_cards.root(conversation, former)

    return [drawn(full), drawn(thread_cards.bare_root, conversation)]


def _moved(talk: Conversation, client: WebClient) -> cards.Card:
    link = permalink(client, talk.channel, str(talk.thread_ts))
    return thread_cards.moved(contacts.name_of(talk.contact), link)


def drawn(draw: Callable[..., cards.Card], *of: Any) -> Form:
    """A form of a card, drawn when its turn comes."""

    def form() -> cards.Card:
        with session():
            return draw(*of)

    return form
