"""Replies that members write in a conversation's thread: quoted under them, sent, or kept as notes.

What stands in a thread lies open to the team, so the card under a reply may be used by its author
and by managers. A reply is one draft, by the ts Slack gave it, and the draft knows the newest that
happened to the reply: Slack tells of things twice, late, and the last of them first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot import inbox, outbox
from bot.contacts import numbers
from bot.errors import Refused
from bot.talks import desk, threads
from bot.talks.models import Conversation
from bot.team import roles
from bot.texts import drafts, offers, sending
from bot.texts.models import Draft
from bot.words import as_told
from ledger import credits
from ledger.database import db, transaction

#: A reply that begins so is for the team alone.
NOTE_MARKS = ("//", "note:", "(note)", "📝")
#: An older reply is asked about: whoever wrote it does not expect it to go out any more.
AT_ONCE_WITHIN = timedelta(minutes=5)


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
    below_ours: bool = False  # the thread's first post is Partyline's
    changed_ts: str = ""  # Slack's, of the newest that is known to have happened to it

    @property
    def is_new(self) -> bool:
        """Whether it stands as it was first written."""
        return self.changed_ts <= self.ts


def is_note(body: str) -> bool:
    """Whether this is for the team alone."""
    return body.lstrip().lower().startswith(NOTE_MARKS)


@transaction
def written(reply: Reply, now: datetime) -> None:
    """A reply, new or changed: it is quoted; or cancelled, where it is a note now. A new one is
    sent at once where the line is set so and nothing speaks against it.

    Raises inbox.NotYet while it is not known whose thread it is in.
    """
    conversation = _conversation(reply, now)
    if conversation is None or _is_settled(conversation, reply):
        return
    draft = _draft(conversation, reply.ts)
    nothing = not (reply.body.strip() or reply.files)
    if nothing or is_note(reply.body) or conversation.line.mode == "notes":
        if draft is not None or not reply.is_new:  # else there is nothing to take back
            _put_away(conversation, draft, reply, now)
        return
    account = conversation.line.account_id
    if reply.from_elsewhere or roles.role_of(reply.user, account) is None:
        refuse(conversation, reply, as_told(roles.stranger(account)), now)
        return
    media: offers.Media = draft.media if draft is not None else ()
    if {file.get("id") for file in reply.files} != {file.get("file") for file in media}:
        _look_into(conversation, reply)
    else:
        quoted(conversation, reply, media, now)


@transaction
def deleted(reply: Reply, now: datetime) -> None:
    """The reply was taken away: what waited for Send is cancelled."""
    conversation = _conversation(reply, now)
    if conversation is not None and not _is_settled(conversation, reply, "deleted"):
        _put_away(conversation, _draft(conversation, reply.ts), reply, now)


@transaction
def quoted(
    conversation: Conversation, reply: Reply, media: offers.Media, now: datetime
) -> None:  # fmt: skip
    """Quotes a reply whose files, if it has any, were looked into."""
    credits.hold(conversation.line.account_id, now)
    if _is_settled(conversation, reply):
        return
    try:
        draft = _kept(conversation, reply, media, now)
    except Refused as refusal:
        refuse(conversation, reply, as_told(str(refusal)), now)
        return
    if not _sent_at_once(draft, reply, now):
        threads.show_draft(draft)


@transaction
def refuse(conversation: Conversation, reply: Reply, words: str, now: datetime) -> None:
    """Tells the author, alone, why nothing comes of the reply, in Slack's mark-up; what waited of
    it is cancelled."""
    credits.hold(conversation.line.account_id, now)
    if _is_settled(conversation, reply):
        return
    if (draft := _draft(conversation, reply.ts)) is not None:
        _put_away(conversation, draft, reply, now)
    _whisper(conversation, reply, f"{words} Nothing was texted.")


def _whisper(conversation: Conversation, reply: Reply, words: str) -> None:
    key = f"reply:{reply.channel}:{reply.ts}:{reply.changed_ts}"
    threads.whisper(conversation, reply.user, words, key)


def _conversation(reply: Reply, now: datetime) -> Conversation | None:
    """The conversation in whose thread this is, its account held."""
    conversation = desk.find(reply.channel, reply.thread_ts)
    if conversation is not None:
        credits.hold(conversation.line.account_id, now)
        return conversation
    if reply.below_ours:
        if desk.rootless(reply.channel):
            raise inbox.NotYet("a thread of this channel has begun, and its ts is not known yet")
        if (moved := desk.find_former(reply.channel, reply.thread_ts)) and not is_note(reply.body):
            _whisper(
                moved, reply,
                "This conversation goes on in a new thread: the first post here links to it. "
                "Nothing was texted.",
            )  # fmt: skip
    return None


def _kept(
    conversation: Conversation, reply: Reply, media: offers.Media, now: datetime
) -> Draft:  # fmt: skip
    """The reply as a draft. Raises Refused if it could not be sent at all."""
    line, number = conversation.line, conversation.contact.number
    if not numbers.textable(number):
        raise Refused("This sender takes no answers.")
    body, when = reply.body.strip(), {"changed_ts": reply.changed_ts}
    draft = _draft(conversation, reply.ts)
    if draft is None:
        return drafts.write(
            line, number, body, reply.user, now, media=media, conversation=conversation,
            source_ts=reply.ts, **when,
        )  # fmt: skip
    return drafts.quote_anew(draft, now, body=body, media=list(media), as_mms=False, **when)


def _sent_at_once(draft: Draft, reply: Reply, now: datetime) -> bool:
    """Sends it if the line is set so, the price small, and its card would warn of nothing."""
    line = draft.line
    age = now - datetime.fromtimestamp(float(reply.ts), UTC)
    is_fresh = reply.is_new and age <= AT_ONCE_WITHIN
    if line.mode != "send" or draft.credits > line.send_up_to or not is_fresh:
        return False
    if offers.offer(draft, now).warnings:
        return False
    try:
        with db.atomic():  # what a refusal leaves half done is undone
            return isinstance(sending.send(draft.id, draft.version, reply.user, now), sending.Sent)
    except Refused:
        return False  # the card says why, and what to do


def _is_settled(conversation: Conversation, reply: Reply, what: str = "changed") -> bool:
    """Whether nothing is left to do: something newer is known to have happened to the reply, or
    this very thing; or it was texted before, which its author is told."""
    draft = _draft(conversation, reply.ts)
    if draft is None:
        return False
    if (draft.changed_ts or "") >= reply.changed_ts:
        return True
    if draft.state != "queued":
        return False
    Draft.update(changed_ts=reply.changed_ts).where(Draft.id == draft.id).execute()
    words = f"This was texted before you {what} it. A text cannot be taken back"
    _whisper(conversation, reply, words + (": write another one." if what == "changed" else "."))
    return True


def _put_away(
    conversation: Conversation, draft: Draft | None, reply: Reply, now: datetime
) -> None:  # fmt: skip
    """Nothing is to be sent of this reply; what comes late of it changes nothing any more."""
    if draft is None:
        Draft.create(
            id=drafts.new_id(), line=conversation.line, number=conversation.contact.number,
            body="", credits=0, author=reply.user, state="cancelled", conversation=conversation,
            source_ts=reply.ts, changed_ts=reply.changed_ts, made_at=now,
        )  # fmt: skip
        return
    Draft.update(changed_ts=reply.changed_ts).where(Draft.id == draft.id).execute()
    if drafts.move(draft, draft.version, {"state": "cancelled", "version": draft.version + 1}):
        drafts.refresh(draft)


def _draft(conversation: Conversation, ts: str) -> Draft | None:
    found: Draft | None = Draft.get_or_none(
        Draft.conversation == conversation, Draft.source_ts == ts
    )
    return found


def _look_into(conversation: Conversation, reply: Reply) -> None:
    """Has the files' content looked at before anything is quoted."""
    outbox.enqueue(
        f"files:{conversation.id}:{reply.ts}:{reply.changed_ts}", "slack.peek",
        {"conversation": conversation.id, "reply": asdict(reply)},
        lane=f"peek:{reply.user}", pace="files:slack",
    )  # fmt: skip
