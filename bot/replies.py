"""Replies that members write in a conversation's thread: quoted under them, sent, or kept as notes.

What stands in a thread lies open to the team, so the card under a reply may be used by its author
and by managers. Nothing is texted twice: a reply is one draft, by the ts Slack gave it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot import clock, contacts, conversations, desk, drafts, lines, outbox, sending
from bot.errors import Refused
from bot.models import Conversation, Draft
from ledger.database import transaction

#: A reply that begins so is for the team alone.
NOTE_MARKS = ("//", "note:", "(note)", "📝")


@dataclass(frozen=True)
class Reply:
    """What somebody wrote in a thread."""

    channel: str
    thread_ts: str
    ts: str
    user: str
    body: str  # as a phone would show it
    files: Sequence[dict[str, Any]] = ()  # as Slack describes them
    from_elsewhere: bool = False  # its author belongs to another workspace


def is_note(body: str) -> bool:
    """Whether this is for the team alone."""
    return body.lstrip().lower().startswith(NOTE_MARKS)


@transaction
def written(reply: Reply, now: datetime) -> None:
    """A new reply: quoted, or sent at once where the line is set so and the price is small."""
    conversation = desk.find(reply.channel, reply.thread_ts)
    if conversation is None or is_note(reply.body) or conversation.line.mode == "notes":
        return None
    if _draft(conversation, reply.ts):
        return None
    account = conversation.line.account_id
    if reply.from_elsewhere or lines.role_of(reply.user, account) is None:
        return _refuse(conversation, reply, f"{lines.stranger(account)} Nothing was texted.")
    if reply.files:
        return _look_into(conversation, reply)
    return quoted(conversation, reply, (), now)


@transaction
def quoted(
    conversation: Conversation, reply: Reply, media: drafts.Media, now: datetime
) -> None:  # fmt: skip
    """Quotes a reply whose files, if it has any, were looked into."""
    if _draft(conversation, reply.ts):
        return None
    line, number = conversation.line, conversation.contact.number
    try:
        if not contacts.textable(number):
            raise Refused("This sender takes no answers.")
        if not (reply.body.strip() or media):
            return None
        draft = drafts.write(
            line, number, reply.body.strip(), reply.user, now, media=media,
            conversation=conversation, source_ts=reply.ts,
        )  # fmt: skip
    except Refused as refusal:
        return _refuse(conversation, reply, f"{refusal} Nothing was texted.")
    if line.mode == "send" and draft.credits <= line.send_up_to:
        try:
            if isinstance(sending.send(draft.id, draft.version, reply.user, now), sending.Sent):
                return None
        except Refused:
            pass  # the card says why, and what to do
    return conversations.show_draft(Draft.get_by_id(draft.id))


@transaction
def edited(reply: Reply, now: datetime) -> None:
    """The reply's words changed: quoted again, or cancelled where it is a note now."""
    conversation = desk.find(reply.channel, reply.thread_ts)
    if conversation is None:
        return None
    draft = _draft(conversation, reply.ts)
    if draft is None:
        return written(reply, now)
    if draft.body == reply.body.strip():
        return None
    if draft.state == "queued":
        return _refuse(
            conversation, reply,
            "This was texted before you changed it. A text cannot be taken back: "
            "write another one.",
        )  # fmt: skip
    try:
        if is_note(reply.body) or not (reply.body.strip() or draft.media):
            _cancel(draft)
        else:
            drafts.rewrite(draft, now, body=reply.body.strip(), as_mms=False)
    except Refused as refusal:
        _refuse(conversation, reply, str(refusal))
    return None


@transaction
def deleted(channel: str, thread_ts: str, ts: str, now: datetime) -> None:
    """The reply was taken away: what waited for Send is cancelled."""
    conversation = desk.find(channel, thread_ts)
    draft = _draft(conversation, ts) if conversation else None
    if conversation is None or draft is None:
        return
    if draft.state == "queued":
        words = "This was texted before you deleted it. A text cannot be taken back."
        conversations.whisper(conversation, draft.author, words, f"late:{draft.id}:deleted")
    elif draft.state != "cancelled":
        _cancel(draft)


def _draft(conversation: Conversation, ts: str) -> Draft | None:
    found: Draft | None = Draft.get_or_none(
        Draft.conversation == conversation, Draft.source_ts == ts
    )
    return found


def _cancel(draft: Draft) -> None:
    drafts.move(draft, draft.version, {"state": "cancelled", "version": draft.version + 1})
    drafts.refresh(draft)


def _look_into(conversation: Conversation, reply: Reply) -> None:
    """Has the files' content looked at before anything is quoted."""
    outbox.enqueue(
        f"files:{conversation.id}:{reply.ts}", "slack.peek",
        {"conversation": conversation.id, "reply": {**reply.__dict__, "files": list(reply.files)}},
        lane=f"peek:{reply.user}", pace="files:slack",
    )  # fmt: skip


def _refuse(conversation: Conversation, reply: Reply, words: str) -> None:
    key = f"refused:{reply.channel}:{reply.ts}:{clock.now().timestamp()}"
    conversations.whisper(conversation, reply.user, words, key)
