"""What a conversation shows in Slack: its thread, what is posted there, and what becomes of both.

What a post looks like is decided when it leaves, from the rows as they are then (slack/talks/).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from bot import clock, outbox, paces
from bot.talks.models import Conversation, Message
from bot.texts.models import Draft
from ledger.database import query, session, transaction

MADE_UP = timedelta(days=7)  # how old a text may be whose copy is brought up to date once more
TO_SHOW = "SELECT id FROM conversation WHERE show_at <= %s ORDER BY show_at LIMIT %s"
TO_BE_SHOWN = "UPDATE conversation SET show_at = NULL WHERE id = %s AND show_at <= %s"
REPACE = """
    UPDATE delivery SET pace = %s WHERE lane = %s AND state = 'queued' AND kind <> 'slack.update'"""


def of(conversation_id: int) -> Conversation:
    """The conversation; or the one it goes on in, since their contacts were merged."""
    found: Conversation = Conversation.get_by_id(conversation_id)
    return current(found)


def current(conversation: Conversation) -> Conversation:
    """The same, of one that is at hand."""
    if conversation.goes_on_id is None:
        return conversation
    found: Conversation = Conversation.get_by_id(conversation.goes_on_id)
    return found


class Thread(NamedTuple):
    """What a text's way into its thread depends on, of a conversation."""

    id: int
    contact: int
    number: str  # the contact's usual one
    channel: str
    is_there: bool  # or will be, as soon as Slack has its first post


def newest_said(conversation: Conversation) -> Message | None:
    """The newest text in or out that a person wrote; None where there is none that is shown.

    What SmartPlans write begins no thread and leaves a root as it is.
    """
    if conversation.contact.blocked_at is not None:
        return None
    written = (Message.conversation == conversation) & ~Message.automated
    newest: Message | None = (
        Message.select().where(written).order_by(Message.made_at.desc(), Message.id.desc()).first()
    )
    return newest


def thread_of(conversation: Conversation) -> Thread:
    """The thread of a conversation."""
    return Thread(
        conversation.id, conversation.contact_id, conversation.contact.number,
        conversation.channel, conversation.has_thread,
    )  # fmt: skip


# The thread


@transaction
def thread_gone(conversation_id: int, thread_ts: str) -> None:
    """Slack no longer has the thread: what waits for it goes to a new one, started once."""
    conversation = Conversation.get_by_id(conversation_id)
    if conversation.thread_ts == thread_ts:
        move_on(conversation, conversation.channel)


def move_on(conversation: Conversation, channel: str) -> None:
    """Has the conversation go on in a new thread, in this channel."""
    here = (Conversation.id == conversation.id) & (Conversation.channel == conversation.channel)
    if conversation.thread_ts is None:  # its first post waits, and goes there
        Conversation.update(channel=channel).where(here).execute()
        return
    former = {"former_channel": conversation.channel, "former_ts": conversation.thread_ts}
    here &= Conversation.thread_ts == conversation.thread_ts
    if Conversation.update(channel=channel, thread_ts=None, **former).where(here).execute():
        moved = Conversation.get_by_id(conversation.id)
        pace, lane = paces.of_channel(channel), thread_lane(moved)
        query(REPACE, pace, lane)
        post("root", f"root:{moved.id}:{moved.former_ts}", moved, {}, lane=_root_lane(moved))


@transaction
def rooted(conversation_id: int, ts: str | None) -> None:
    """Slack has the thread's root; the one before it, if any, is told where it goes on."""
    if ts is None:
        return
    Conversation.update(thread_ts=ts).where(Conversation.id == conversation_id).execute()
    conversation = Conversation.get_by_id(conversation_id)
    if conversation.goes_on_id is not None:
        tell_former(current(conversation), conversation.channel, ts)
    elif conversation.former_ts:
        tell_former(conversation, str(conversation.former_channel), conversation.former_ts)


def tell_former(conversation: Conversation, channel: str, ts: str) -> None:
    """Queues an update of a thread's root that says where its conversation goes on."""
    if ts != conversation.thread_ts:
        former = {"conversation": conversation.id, "channel": channel, "former": ts}
        _update(conversation, f"former:{channel}:{ts}", former, lane=_root_lane(conversation))


@transaction
def shown(message_id: int, ts: str, state: str | None) -> None:
    """A text's copy stands in its thread; its pictures follow."""
    Message.update(slack_ts=ts, shown=state).where(Message.id == message_id).execute()
    message = Message.get_by_id(message_id)
    for place in range(len(message.media) if message.direction == "in" else 0):
        outbox.enqueue(
            f"media:{message_id}:{place}", "slack.media", {"message": message_id, "place": place},
            lane=f"media:{message.conversation_id}", pace="files:slack",
        )  # fmt: skip


# What is posted in it


def thread_lane(conversation: Conversation | Thread) -> str:
    """The lane of everything that is posted in this conversation's thread."""
    return f"thread:{conversation.id}"


def _root_lane(conversation: Conversation) -> str:
    """Of a thread that follows another: its own lane is held up by what found that one gone."""
    return f"root:{conversation.id}"


def show(message: Message, call: str | None = None) -> None:
    """Queues the text's copy in the thread, which calls a Slack user if one is given."""
    payload = {"message": message.id} | ({"call": call} if call else {})
    post("text", f"post:{message.id}", message.conversation, payload)


def copies(messages: Iterable[tuple[int, Thread]]) -> list[outbox.Item]:
    """Deliveries of many texts' copies, each in its thread."""
    return [
        outbox.Item(
            f"post:{message}", "slack.post",
            {"what": "text", "conversation": thread.id, "message": message},
            thread_lane(thread), paces.of_channel(thread.channel),
        )
        for message, thread in messages
    ]  # fmt: skip


def show_draft(draft: Draft) -> None:
    """Queues the card of a reply that was quoted, or its update."""
    if draft.card_ts is None:
        post("draft", f"draft:{draft.id}:{draft.version}", draft.talk, {"draft": draft.id})
    else:
        _update(draft.talk, f"draft:{draft.id}", {"draft": draft.id})


def whisper(conversation: Conversation, user: str, text: str, key: str) -> None:
    """Queues words in the thread that only this Slack user sees, in Slack's mark-up."""
    outbox.enqueue(
        key, "slack.whisper",
        {"channel": conversation.channel, "thread_ts": conversation.thread_ts, "user": user,
         "text": text},
        lane=f"whisper:{user}", pace=paces.of_channel(conversation.channel),
    )  # fmt: skip


def say(conversation: Conversation, text: str, key: str, *, broadcast: bool = False) -> None:
    """Queues a remark of Partyline's own in the thread, in Slack's mark-up; a `broadcast` is shown
    in the channel, too."""
    post("remark", key, conversation, {"text": text, "broadcast": broadcast})


def restate(conversation: Conversation, ts: str, text: str) -> None:
    """Queues an update that leaves this text alone of a post in the thread."""
    channel = conversation.channel
    _update(conversation, f"remark:{channel}:{ts}", {
        "remark": ts, "channel": channel, "talk": conversation.id, "text": text,
    })  # fmt: skip


def show_again(message: Message) -> None:
    """Queues an update of the text's copy in the thread, if it is to have one; one that waits
    already serves."""
    if message.automated and message.slack_ts is None and not message.conversation.has_thread:
        return
    _update(message.conversation, f"message:{message.id}", {"message": message.id})


def show_root(conversation: Conversation) -> None:
    """Queues an update of the thread's root, if it has one; one that waits already serves."""
    if conversation.has_thread:
        _update(conversation, f"root:{conversation.id}", {"conversation": conversation.id})


def show_due(most: int = 100) -> int:
    """Brings roots up to date with what was said in one go, when it is over. Returns how many."""
    now = clock.now()
    with session():
        due = [row[0] for row in query(TO_SHOW, now, most).fetchall()]
    return sum(_show_due(conversation_id, now) for conversation_id in due)


@transaction
def _show_due(conversation_id: int, now: datetime) -> bool:
    if not query(TO_BE_SHOWN, conversation_id, now).rowcount:
        return False
    show_root(of(conversation_id))
    return True


def left_stale(conversation_id: int) -> None:
    """Something in the thread could not be changed: it is made up when Slack takes it again."""
    Conversation.update(stale=True).where(Conversation.id == conversation_id).execute()


@transaction
def make_up(conversation: Conversation, now: datetime) -> None:
    """Queues updates of what may show what was: the root, texts of late, cards of replies."""
    Conversation.update(stale=False).where(Conversation.id == conversation.id).execute()
    show_root(conversation)
    texts = Message.select().where(
        Message.conversation == conversation, Message.direction == "out",
        Message.slack_ts.is_null(False), Message.made_at > now - MADE_UP,
    )  # fmt: skip
    for message in texts.order_by(Message.id):
        show_again(message)
    cards = Draft.select().where(
        Draft.conversation == conversation, Draft.source_ts.is_null(False),
        Draft.card_ts.is_null(False), Draft.made_at > now - MADE_UP,
    )  # fmt: skip
    for draft in cards:
        show_draft(draft)


def post(
    what: str,
    key: str,
    conversation: Conversation,
    payload: dict[str, object],
    lane: str | None = None,
) -> None:
    """Queues a post in the thread: `what` it shows (a root, text, draft, remark or stop_wish), and
    the rest of what its carrier must know."""
    outbox.enqueue(
        key,
        "slack.post",
        {"what": what, "conversation": conversation.id, **payload},
        lane=lane or thread_lane(conversation),
        pace=paces.of_channel(conversation.channel),
    )


def _update(
    conversation: Conversation, replaces: str, payload: dict[str, object], lane: str | None = None
) -> None:  # fmt: skip
    outbox.enqueue(
        f"update:{secrets.token_hex(8)}",
        "slack.update",
        payload,
        lane=lane or thread_lane(conversation),
        pace="updates:slack",
        replaces=replaces,
    )
