"""What members do with contacts: add, change, tag, and record what they agreed to."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from bot import clock
from bot.contacts import address_book, consent, contacts, hours, numbers, special_days
from bot.contacts.models import Consent, Contact, Tag
from bot.contacts.special_days import Day
from bot.errors import Refused, Wrong
from bot.lines.models import Line
from bot.smartplans import plan_events
from bot.talks import desk, threads
from bot.talks.models import Conversation
from bot.team import roles, viewers
from bot.words import clean, is_email
from ledger.database import transaction
from ledger.models import Account

LONGEST_NAME, LONGEST_NOTES = 200, 2000  # characters
LONGEST_TAG, MOST_TAGS = 40, 20
LONGEST_HOW = 200
FIELDS = {
    "name": "the name", "email": "the e-mail address", "timezone": "the time zone",
    "notes": "the notes",
}  # fmt: skip
#: Characters that turn the reading direction of all that follows, on anybody's screen.
TURNING = {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


@dataclass(frozen=True)
class Details:
    """What is known of a person, beside the number."""

    name: str | None = None
    email: str | None = None
    timezone: str | None = None  # None: the number tells
    tags: tuple[str, ...] = ()
    notes: str | None = None
    days: str | None = None  # of the year, as special_days writes them

    @property
    def version(self) -> str:
        """A name for exactly these details."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Said:
    """What a contact told a member about being texted."""

    given: bool  # they agreed; else they want no more
    how: str  # "on the phone", "signed form"
    on_day: date | None = None  # when; None: just now


@dataclass(frozen=True)
class Difference:
    """What details would add to a contact; true if anything."""

    fills: Mapping[str, str]  # by column
    days: Mapping[str, Day]  # of the year, by name
    tags: tuple[str, ...]
    stays: tuple[str, ...]  # "the name stays “Robert”, not “Bob”"

    def __bool__(self) -> bool:
        return bool(self.fills or self.days or self.tags)


@dataclass(frozen=True)
class Kept:
    """A contact with all that its card shows."""

    contact: Contact
    details: Details  # what an edit changes
    other_numbers: tuple[str, ...]
    talks: Sequence[Conversation]  # the one with the newest text first
    history: Sequence[Consent]  # newest first
    zones: Sequence[str]  # in which the contact may live
    trouble: str | None = None  # what may keep a text from arriving
    reopened: Sequence[Line] = ()  # by START, after STOP closed all


@transaction
def add(
    account_id: int, user: str, typed: str, details: Details, said: Said | None, now: datetime
) -> tuple[Contact, bool, Difference]:  # fmt: skip
    """The contact with this number, whether it is new, and what was added. Raises Refused.

    One that is there already gets what was not known of it; what is known stays.
    """
    roles.require_member(user, account_id)
    details = checked(details)
    try:
        number = numbers.read(typed, contacts.home_region(account_id))
    except Refused as refusal:
        raise Wrong("number", str(refusal)) from None
    known = address_book.by_number(account_id, number)
    contact = known or address_book.meet(account_id, number, now)
    contact = _held(contact.id, user)
    known_days = plan_events.days_of([contact.id]).get(contact.id, {})
    more = compare(contact, address_book.tags_of(contact), known_days, details)
    complete(contact, more)
    if said:
        _record(contact, user, said, now)
    changed(contact)
    return contact, known is None, more


@transaction
def save(
    contact_id: int, user: str, details: Details, said: Said | None, now: datetime, seen: str
) -> Contact:  # fmt: skip
    """Keeps what was said of a contact, in place of what was known, the version `seen`.

    Raises Refused.
    """
    contact = _held(contact_id, user)
    details = checked(details)
    if seen != _details(contact).version:
        raise Wrong(
            "name", "Somebody changed this contact meanwhile. Close this, and open it again."
        )
    contact.name, contact.email, contact.notes = details.name, details.email, details.notes
    contact.timezone = details.timezone
    contact.save(only=[Contact.name, Contact.email, Contact.notes, Contact.timezone])
    _set_days(contact, details.days, now)
    _set_tags(contact, details.tags)
    address_book.index(contact)
    if said:
        _record(contact, user, said, now)
    changed(contact)
    return contact


@transaction
def tag(contact_id: int, user: str, more: Iterable[str], fewer: Iterable[str]) -> tuple[str, ...]:
    """Puts tags on a contact and takes others off. Returns those it has now. Raises Refused."""
    contact = _held(contact_id, user)
    gone = {tidy(one).lower() for one in fewer}
    kept = [one for one in address_book.tags_of(contact) if one not in gone]
    tags = checked(Details(tags=(*kept, *more))).tags
    _set_tags(contact, tags)
    address_book.index(contact)
    return tags


@transaction
def look_up(contact_id: int, user: str) -> Kept:
    """A contact with all that is known. Raises Refused if it is none of this user's."""
    contact = own(contact_id, user)
    talks = list(
        Conversation.select(Conversation, Line)
        .join(Line)
        .where(Conversation.contact == contact)
        .order_by(Conversation.last_text_at.desc(nulls="LAST"), Conversation.id.desc())
    )
    home = Account.get_by_id(contact.account_id).timezone
    opened = [talk.line for talk in talks if talk.opted_in_at and not consent.opted_out(talk)]
    return Kept(
        contact, _details(contact),
        tuple(address_book.other_numbers(contact)), talks, consent.history(contact),
        hours.zones(contact, contact.number, home),
        numbers.trouble(contact.number) if numbers.textable(contact.number) else
        "This sender takes no answers.",
        opened if contact.opted_out_at else (),
    )  # fmt: skip


@transaction
def own(contact_id: int, user: str) -> Contact:
    """The contact, or the one it was merged into. Raises Refused if it is none of this user's."""
    contact = Contact.get_or_none(Contact.id == contact_id)
    if contact is None:
        raise Refused("This contact is no longer here. `/contacts` finds the others.")
    roles.require_member(user, contact.account_id)
    return address_book.current(contact)


def _held(contact_id: int, user: str) -> Contact:
    """The same, locked: two who change it at once do so one after the other."""
    contact = own(contact_id, user)
    address_book.hold(contact.id)
    return own(contact.id, user)


@transaction
def of_talk(conversation_id: int, user: str) -> int:
    """The contact of a conversation. Raises Refused if it is none of this user's."""
    return int(own(desk.own(conversation_id, user).contact_id, user).id)


# What others who make contacts need, too


def checked(details: Details) -> Details:
    """The details as they are kept. Raises Refused with what cannot be."""
    name, email = tidy(details.name or ""), tidy(details.email or "")
    notes = _printable(details.notes or "").strip()
    tags = tuple(dict.fromkeys(tidy(one).lower() for one in details.tags if tidy(one)))
    if len(name) > LONGEST_NAME:
        raise Wrong("name", f"That name has {len(name)} characters; {LONGEST_NAME} is the most.")
    if email and not is_email(email):
        raise Wrong("email", f"“{email[:60]}” is not an e-mail address.")
    if len(notes) > LONGEST_NOTES:
        raise Wrong(
            "notes", f"Those notes have {len(notes):,} characters; {LONGEST_NOTES:,} is the most."
        )
    if long := next((one for one in tags if len(one) > LONGEST_TAG), None):
        raise Wrong(
            "tags", f"The tag “{long[:30]}…” is too long; {LONGEST_TAG} characters is the most."
        )
    if len(tags) > MOST_TAGS:
        raise Wrong("tags", f"{len(tags)} tags; {MOST_TAGS} is the most for a contact.")
    zone = details.timezone or None
    if zone is not None and zone not in hours.every_zone():
        raise Wrong("timezone", f"“{zone[:60]}” is no time zone. Write one like America/New_York.")
    try:
        days = special_days.written(special_days.read(details.days or ""))
    except Refused as refusal:
        raise Wrong("days", str(refusal)) from None
    return Details(name or None, email or None, zone, tags, notes or None, days or None)


def compare(
    contact: Contact, tags: Sequence[str], days: Mapping[str, Day], details: Details
) -> Difference:  # fmt: skip
    """What these details would add to a contact, and what they say otherwise than we know.

    The details must have been `checked`.
    """
    fills, stays = {}, []
    for column, thing in FIELDS.items():
        here, there = getattr(contact, column), getattr(details, column)
        if there and not here:
            fills[column] = there
        elif there and there.casefold() != here.casefold():
            stays.append(f"{thing} stays “{here[:60]}”, not “{there[:60]}”")
    told = special_days.read(details.days or "")
    for name, day in told.items():
        if name in days and days[name] != day:
            here, there = special_days.said(days[name]), special_days.said(day)
            stays.append(f"the {name} stays {here}, not {there}")
    new = [tag for tag in details.tags if tag not in tags]
    if len(tags) + len(new) > MOST_TAGS:
        stays.append(f"no more than {MOST_TAGS} tags: “{', '.join(new)[:60]}” left out")
        new = []
    fresh = {name: day for name, day in told.items() if name not in days}
    return Difference(fills, fresh, tuple(new), tuple(stays))


def complete(contact: Contact, more: Difference) -> None:
    """Adds to a contact what was not known of it."""
    if not more:
        return
    for column, value in more.fills.items():
        setattr(contact, column, value)
    if more.fills:
        contact.save(only=[getattr(Contact, column) for column in more.fills])
    for name, day in more.days.items():
        plan_events.set_date(contact, name, day, clock.now())
    for tag in more.tags:
        Tag.create(account=contact.account_id, tag=tag, contact=contact)
        plan_events.on_tag(contact, tag, True, clock.now())
    address_book.index(contact)


def _record(contact: Contact, user: str, said: Said, now: datetime) -> None:
    """Keeps how and when a contact agreed, or wanted no more, and who heard it.

    Who texted STOP can be texted again only once they text START: no phone company lets us.
    """
    how = tidy(said.how)
    if not how:
        raise Wrong("how", "Say how they told you, like “on the phone” or “signed form”.")
    if len(how) > LONGEST_HOW:
        raise Wrong("how", f"{len(how)} characters; {LONGEST_HOW} is the most.")
    zone = Account.get_by_id(contact.account_id).timezone
    if said.on_day is not None and said.on_day > now.astimezone(ZoneInfo(zone)).date():
        raise Wrong("on_day", "That day has not come yet. Choose the day they told you.")
    try:
        tell = consent.agree if said.given else consent.refuse
        tell(contact, how, now, user, said.on_day)
    except Refused as refusal:
        raise Wrong("said", str(refusal)) from None


def changed(contact: Contact) -> None:
    """Has Slack show the contact as it is now: in the roots of its threads, and on Home."""
    here = (Conversation.contact == contact) & Conversation.thread_ts.is_null(False)
    for talk in Conversation.select().where(here):
        threads.show_root(talk)
    viewers.changed(contact.account_id)


def _details(contact: Contact) -> Details:
    tags = tuple(address_book.tags_of(contact))
    days = special_days.written(plan_events.days_of([contact.id]).get(contact.id, {})) or None
    return Details(contact.name, contact.email, contact.timezone, tags, contact.notes, days)


def _set_days(contact: Contact, written: str | None, now: datetime) -> None:
    before = plan_events.days_of([contact.id]).get(contact.id, {})
    after = special_days.read(written or "")
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            plan_events.set_date(contact, name, after.get(name), now)


def _set_tags(contact: Contact, tags: Iterable[str]) -> None:
    before, after = address_book.tags_of(contact), list(tags)
    Tag.delete().where(Tag.contact == contact).execute()
    for tag in after:
        Tag.create(account=contact.account_id, tag=tag, contact=contact)
    now = clock.now()
    for tag in sorted({*before} ^ {*after}):
        plan_events.on_tag(contact, tag, tag in after, now)


def tidy(text: str) -> str:
    """A person's words on one line: no line breaks, no controls, nothing that turns the line."""
    return " ".join(_printable(text).split())


def _printable(text: str) -> str:
    return "".join(
        "" if one in TURNING else " " if unicodedata.category(one) == "Cc" and one != "\n" else one
        for one in clean(text)
    )
