"""Two contacts that are one person become one: what that would do, in numbers, and doing it.

The contact that is merged away stays as a row that points to the other, and so does its
conversation on a line where both had one: their numbers, threads and buttons lead to what goes on.
Nothing is deleted, and the stricter consent wins.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.contacts import address_book, consent, contacts, directory, numbers
from bot.contacts.directory import Kept
from bot.contacts.models import Consent, Contact, Tag
from bot.errors import Refused
from bot.smartplans import plan_events
from bot.smartplans.models import ALIVE, Enrollment
from bot.talks import threads
from bot.talks.models import Call, Conversation, Message
from bot.team import viewers
from bot.texts.models import Draft
from bot.words import escape
from ledger import credits
from ledger.database import transaction

STANDS = (Draft.state == "quoted") | (Draft.state == "scheduled")


class NotTextable(Refused):
    """The number that would be kept takes no texts."""


@dataclass(frozen=True)
class Effect:
    """What a merge would do."""

    kept: Kept  # whose number texts go to
    gone: Kept
    texts: tuple[int, int]  # of either
    drafts: int  # of both, that wait for Send or for their time
    plans: int  # SmartPlans that the second is on
    joined: Sequence[Conversation]  # the first's, where both have one
    closed: str  # why nothing can be sent afterwards; "" if something can

    @property
    def version(self) -> str:
        """A name for exactly this."""
        of = (self.kept.details, self.gone.details, self.texts, self.drafts, self.plans,
              self.closed, [talk.id for talk in self.joined])  # fmt: skip
        return hashlib.sha256(repr(of).encode()).hexdigest()[:16]


@transaction
def foresee(kept_id: int, gone_id: int, user: str) -> Effect:
    """What merging the second into the first would do. Raises Refused."""
    kept, gone = directory.look_up(kept_id, user), directory.look_up(gone_id, user)
    if kept.contact.account_id != gone.contact.account_id:
        raise Refused("These contacts are of two accounts. Each keeps its own.")
    if kept.contact.id == gone.contact.id:
        raise Refused("That is the same contact. Choose the other one.")
    if not numbers.textable(kept.contact.number):
        raise NotTextable(
            f"Nobody can text {numbers.spoken(kept.contact.number)}. Keep the other number."
        )
    lines_of_both = {talk.line_id for talk in kept.talks} & {talk.line_id for talk in gone.talks}
    return Effect(
        kept, gone, (_texts(kept), _texts(gone)), _drafts(kept) + _drafts(gone),
        _plans(gone),
        [talk for talk in kept.talks if talk.line_id in lines_of_both], _why_closed(kept, gone),
    )  # fmt: skip


@transaction
def merge(kept_id: int, gone_id: int, user: str, seen: str, now: datetime) -> Contact:
    """Merges the second contact into the first, if that does what was seen. Returns the first.

    Raises Refused.
    """
    credits.hold(directory.own(kept_id, user).account_id, now)
    address_book.hold(kept_id, gone_id)
    effect = foresee(kept_id, gone_id, user)
    if effect.version != seen:
        raise Refused("Something has changed meanwhile. Look again, then merge.")
    kept, gone = effect.kept.contact, effect.gone.contact
    name = contacts.name_of(gone)
    _join_consent(effect)
    _join_talks(effect)
    _join_details(effect)
    plan_events.on_merge(kept, gone.id, now)
    Call.update(contact=kept).where(Call.contact == gone).execute()
    Contact.update(same_as=kept).where(Contact.same_as == gone).execute()
    gone.same_as, gone.name, gone.email, gone.notes = kept, None, None, None
    gone.save(only=[Contact.same_as, Contact.name, Contact.email, Contact.notes])
    for one in (gone, kept):
        address_book.index(one)
    _tell(kept, gone, name, user)
    return kept


def _texts(kept: Kept) -> int:
    return int(Message.select().where(Message.conversation.in_(_ids(kept))).count())


def _drafts(kept: Kept) -> int:
    mine = Draft.conversation.in_(_ids(kept))
    return int(Draft.select().where(mine, STANDS).count())


def _plans(kept: Kept) -> int:
    on = (Enrollment.contact == kept.contact) & Enrollment.state.in_(list(ALIVE))
    return int(Enrollment.select().where(on).count())


def _ids(kept: Kept) -> list[int]:
    return [talk.id for talk in kept.talks]


# Consent: on each line it is closed afterwards if it was closed for either


def _closed_on(kept: Kept, line_id: int) -> bool:
    talk = next((one for one in kept.talks if one.line_id == line_id), None)
    return is_out(kept) if talk is None else consent.opted_out(talk)


def is_out(kept: Kept) -> bool:
    """Whether the contact opted out, if perhaps not of every line."""
    return kept.contact.opted_out_at is not None


def _why_closed(kept: Kept, gone: Kept) -> str:
    for one in (kept, gone):
        if is_out(one):
            return f"{contacts.name_of(one.contact)} opted out ({consent.how(one.contact)})"
    return ""


def _join_consent(effect: Effect) -> None:
    kept, gone = effect.kept, effect.gone
    both = {talk.line_id for talk in (*kept.talks, *gone.talks)}
    closed = {line: _closed_on(kept, line) or _closed_on(gone, line) for line in both}
    opened: dict[int, list[datetime]] = {}
    for talk in (*kept.talks, *gone.talks):
        if talk.opted_in_at is not None:
            opened.setdefault(talk.line_id, []).append(talk.opted_in_at)
    for talk in (*kept.talks, *gone.talks):
        is_open = not closed[talk.line_id]
        talk.opted_in_at = max(opened.get(talk.line_id, ()), default=None) if is_open else None
        talk.save(only=[Conversation.opted_in_at])
    out = [one.contact.opted_out_at for one in (kept, gone) if one.contact.opted_out_at]
    if is_out(gone) and all(one.given for one in gone.history):  # STOP, before it was kept
        Consent.create(
            contact=kept.contact, given=False, how=consent.how(gone.contact),
            made_at=gone.contact.opted_out_at,
        )  # fmt: skip
    kept.contact.opted_out_at = max(out, default=None)
    kept.contact.save(only=[Contact.opted_out_at])
    Consent.update(contact=kept.contact).where(Consent.contact == gone.contact).execute()


# Conversations: of two on one line, the first's row goes on, in the thread with the newest text


def _join_talks(effect: Effect) -> None:
    mine = {talk.line_id: talk for talk in effect.kept.talks}
    gone = effect.gone.contact
    for theirs in effect.gone.talks:
        moved = Message.update(other_number=gone.number)
        moved.where(Message.conversation == theirs, Message.other_number.is_null()).execute()
        own = mine.get(theirs.line_id)
        if own is None:
            theirs.contact = effect.kept.contact
            theirs.save(only=[Conversation.contact])
        else:
            _join(own, theirs)


def _join(own: Conversation, theirs: Conversation) -> None:
    for model in (Message, Draft):
        model.update(conversation=own).where(model.conversation == theirs).execute()
    Conversation.update(goes_on=own).where(Conversation.goes_on == theirs).execute()
    if _goes_on_in(theirs, own):
        for column in ("channel", "has_thread", "thread_ts", "former_channel", "former_ts"):
            here, there = getattr(own, column), getattr(theirs, column)
            setattr(own, column, there)
            setattr(theirs, column, here)
    if own.former_ts is None and own.channel == theirs.channel:
        own.former_channel, own.former_ts = theirs.channel, theirs.thread_ts
    own.state = "open" if "open" in (own.state, theirs.state) else "closed"
    own.assigned_to = own.assigned_to or theirs.assigned_to
    own.waiting_since = _first(own.waiting_since, theirs.waiting_since)
    asleep = own.snoozed_until and theirs.snoozed_until
    own.snoozed_until = _first(own.snoozed_until, theirs.snoozed_until) if asleep else None
    for column in ("heard_at", "last_text_at", "braked_at"):
        setattr(own, column, _last(getattr(own, column), getattr(theirs, column)))
    own.save()
    theirs.goes_on, theirs.state = own, "closed"
    theirs.waiting_since = theirs.snoozed_until = None
    theirs.save()
    if theirs.thread_ts:
        threads.tell_former(own, theirs.channel, theirs.thread_ts)


def _goes_on_in(theirs: Conversation, own: Conversation) -> bool:
    """Whether the thread of `theirs` is the one with the newest text."""
    if not (theirs.thread_ts and own.thread_ts):
        return theirs.thread_ts is not None
    return bool(theirs.last_text_at) and (
        own.last_text_at is None or theirs.last_text_at > own.last_text_at
    )


def _first(*moments: datetime | None) -> datetime | None:
    return min((one for one in moments if one), default=None)


def _last(*moments: datetime | None) -> datetime | None:
    return max((one for one in moments if one), default=None)


# What is known


def _join_details(effect: Effect) -> None:
    """What stands with the first stays; what the second says otherwise goes to the notes."""
    kept, other = effect.kept.contact, effect.gone
    for column in ("name", "email", "timezone", "place", "told_at"):
        if getattr(kept, column) is None:
            setattr(kept, column, getattr(other.contact, column))
    tags = list(dict.fromkeys((*effect.kept.details.tags, *other.details.tags)))
    said = [
        there
        for here, there in (
            (kept.name, other.details.name), (kept.email, other.details.email),
            *((None, tag) for tag in tags[directory.MOST_TAGS :]),
        )
        if there and there != here
    ]  # fmt: skip
    notes = [kept.notes, other.details.notes, f"Was also: {', '.join(said)}" if said else None]
    kept.notes = "\n".join(one for one in notes if one) or None
    if len(kept.notes or "") > directory.LONGEST_NOTES:
        raise Refused(
            f"The notes of both together have {len(kept.notes or ''):,} characters; "
            f"{directory.LONGEST_NOTES:,} is the most. Shorten one of them first."
        )
    kept.save()
    Tag.delete().where(Tag.contact.in_([kept.id, other.contact.id])).execute()
    for tag in tags[: directory.MOST_TAGS]:
        Tag.create(account=kept.account_id, tag=tag, contact=kept)


def _tell(kept: Contact, gone: Contact, name: str, user: str) -> None:
    """Has every thread of the contact show who it is now, and say what happened."""
    who = escape(contacts.with_number(name, gone.number))
    for talk in Conversation.select().where(Conversation.contact == kept):
        threads.show_root(talk)
        threads.say(
            talk,
            f"<@{user}> merged {who} into {escape(contacts.name_of(kept))}: what comes from that "
            f"number shows here, too. Answers go to {escape(numbers.spoken(kept.number))}.",
            f"merged:{talk.id}:{gone.id}",
        )
    viewers.changed(kept.account_id)
