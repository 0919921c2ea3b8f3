"""Attachments both ways: those of a text in are brought into its thread, those of a reply are
looked at before they are quoted. Carriers move the files; here is what follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot import outbox, paces
from bot.contacts import contacts
from bot.talks import replies, threads
from bot.talks.models import Message
from bot.talks.replies import Reply
from bot.texts.kinds import Kind
from bot.words import count, escape
from ledger.database import query, session, transaction

LARGEST_IN = 10_000_000  # bytes of an attachment that comes in; phones send 5 MB at most
MOST_FILES = 30  # of one reply: three messages' worth

LOCK_MESSAGE = "SELECT id FROM message WHERE id = %s FOR UPDATE"


# Texts in


@dataclass(frozen=True)
class Attachment:
    """One attachment of a text in."""

    url: str  # at Twilio
    who: str  # sent it
    place: int  # 0, 1, 2 …
    of: int  # how many
    twilio: str | None  # the Twilio account that keeps it; none: that of the settings

    def name(self, kind: Kind | None) -> str:
        """What its file is called."""
        what = "picture" if kind and kind.is_picture else "attachment"
        number = f"-{self.place + 1}" if self.of > 1 else ""
        return f"{what}{number}.{kind.extension if kind else 'bin'}"

    def said(self, kind: Kind | None) -> str:
        """What it is, in words: "Picture 2 of 3 from Ann Lee"."""
        what = "Picture" if kind and kind.is_picture else "Attachment"
        number = f" {self.place + 1} of {self.of}" if self.of > 1 else ""
        return f"{what}{number} from {self.who}"


def attachment(message_id: int, place: int) -> Attachment:
    """What is to be fetched."""
    with session():
        message = Message.get_by_id(message_id)
        who = contacts.name_of(message.conversation.contact)
        one = message.media[place]
        return Attachment(one["url"], who, place, len(message.media), one.get("twilio"))


@transaction
def brought(message_id: int, place: int, file: dict[str, Any]) -> None:
    """An attachment of a text in is uploaded, or will never be; the last one has all shown.

    `file` is {"file", "name", "type"}, or {"failed": why, in words}.
    """
    query(LOCK_MESSAGE, message_id)
    message = Message.get_by_id(message_id)
    media = list(message.media)
    if "file" in media[place]:
        return
    media[place] = {**media[place], **file}
    if "file" in file:  # come after all, of an attempt that was given up
        media[place].pop("failed", None)
    Message.update(media=media).where(Message.id == message_id).execute()
    if all("file" in one or "failed" in one for one in media):
        conversation = message.conversation
        outbox.enqueue(
            f"pictures:{message_id}", "slack.pictures",
            {"what": "pictures", "conversation": conversation.id, "message": message_id},
            lane=f"media:{conversation.id}", pace=paces.of_channel(conversation.channel),
        )  # fmt: skip


@transaction
def pictures_shown(message_id: int, ts: str, attach: Sequence[str]) -> None:
    """The pictures stand in the thread, in this post; files that no block shows are tied to it."""
    conversation = Message.get_by_id(message_id).conversation
    if attach:
        outbox.enqueue(
            f"attach:{message_id}", "slack.attach",
            {"message": message_id, "ts": ts, "files": list(attach)},
            lane=f"media:{conversation.id}", pace="updates:slack",
        )  # fmt: skip


# Replies


@transaction
def looked_into(
    conversation_id: int, reply: Reply, media: Sequence[dict[str, Any]], why_not: Sequence[str],
    now: datetime,
) -> None:  # fmt: skip
    """A reply's files were looked at: it is quoted with them, or its author told why not."""
    conversation = threads.of(conversation_id)
    if why_not:
        words = " ".join(escape(why) for why in why_not)
        replies.refuse(conversation, reply, words, now)
    else:
        replies.quoted(conversation, reply, media, now)


def too_many(files: int) -> str | None:
    """Why so many files cannot be sent at once; None if they can."""
    if files <= MOST_FILES:
        return None
    return f"That is {count(files, 'file')}, and {MOST_FILES} is the most at once. Send fewer."
