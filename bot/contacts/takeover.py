"""Rows of a sheet beside the contacts that are there: what they would change, and changing it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from bot.contacts import address_book, columns, consent, contacts, directory, numbers, special_days
from bot.contacts.directory import Details, Difference
from bot.contacts.models import Consent, Contact, Sheet, SheetRow, Tag, Word
from bot.errors import Refused, Wrong
from bot.smartplans import plan_events
from bot.talks import threads
from bot.talks.models import Conversation
from bot.team import viewers
from ledger.database import query

BEFORE = """
    SELECT number, min(line) FROM sheet_row WHERE sheet_id = %s AND number IN ({})
    GROUP BY number"""
HOLD = """
    SELECT id FROM contact WHERE account_id = %s AND number IN ({}) ORDER BY id FOR UPDATE"""
MARK = "UPDATE sheet_row SET number = %s, outcome = %s, why = %s WHERE sheet_id = %s AND line = %s"
#: Fields without which a row is still worth having.
SPARED = ("email", "timezone", "notes", "tags", "days")


@dataclass
class Judged:
    """A row, as it can be taken over."""

    row: SheetRow
    number: str | None = None
    details: Details = field(default_factory=Details)
    consent: bool | None = None
    outcome: str = "error"  # new, again (as a row above), more, same
    added: tuple[str, ...] = ()  # tags that the contact gets
    notes: list[str] = field(default_factory=list)


def look_at(sheet: Sheet, rows: Sequence[SheetRow], now: datetime) -> Counter[str]:
    """Checks rows, or takes them over if the sheet is being imported. Returns how many came to
    what: new, again (as a row above), more, same, error; and beside that how many put a contact on
    SmartPlans: plans."""
    region = contacts.home_region(sheet.account_id)
    judged = [_judge(sheet, row, region) for row in rows]
    sound = [one for one in judged if one.number]
    if sheet.state == "importing":
        _take(sheet, sound, now)
    else:
        _foresee(sheet, sound, rows[0].line)
    for one in judged:
        row, why = one.row, " ".join(one.notes)[:1000] or None
        if (row.number, row.outcome, row.why) != (one.number, one.outcome, why):
            query(MARK, one.number, one.outcome, why, sheet.id, row.line)
    starts = plan_events.rule_tags(sheet.account_id)
    plans = sum(bool(starts & {plan_events.same_tag(tag) for tag in one.added}) for one in sound)
    return Counter(one.outcome for one in judged) + Counter(plans=plans)


def _judge(sheet: Sheet, row: SheetRow, region: str) -> Judged:
    judged = Judged(row)
    try:
        told = columns.told(row.cells, sheet.places)
        if not told.number:
            raise Refused("There is no number.")
        number = numbers.read(told.number, region)
        judged.details = fit(told.details, judged.notes)
        judged.number, judged.consent = number, told.consent
    except Refused as refusal:
        judged.notes = [str(refusal)]
    return judged


def fit(details: Details, notes: list[str]) -> Details:
    """The details as they are kept, without what cannot be."""
    while True:
        try:
            return directory.checked(details)
        except Wrong as unfit:
            if unfit.where not in SPARED:
                raise
            notes.append(f"{unfit} Left out.")
            nothing: dict[str, Any] = {unfit.where: () if unfit.where == "tags" else None}
            details = replace(details, **nothing)


# Checked


def _foresee(sheet: Sheet, judged: Iterable[Judged], first_line: int) -> None:
    judged = list(judged)
    above = _lines_above(sheet, first_line, {one.number for one in judged if one.number})
    known = _Known(sheet.account_id, judged)
    for one in judged:
        assert one.number is not None
        if contact := known.contacts.get(one.number):
            known.compare(one, contact)
        elif one.number in above:
            one.outcome, one.added = "again", one.details.tags
            one.notes.append(f"The same number as line {above[one.number]:,}.")
        else:
            one.outcome, one.added = "new", one.details.tags
            above[one.number] = one.row.line


def _lines_above(sheet: Sheet, line: int, wanted: set[str]) -> dict[str, int]:
    if not wanted:
        return {}
    marks = ", ".join(["%s"] * len(wanted))
    rows = query(BEFORE.format(marks), sheet.id, *sorted(wanted)).fetchall()
    return {number: int(first) for number, first in rows if first < line}


class _Known:
    """The contacts that have the numbers of some rows, with what a comparison needs."""

    def __init__(self, account_id: int, judged: Iterable[Judged], hold: bool = False) -> None:
        wanted = sorted({str(one.number) for one in judged})
        if hold:
            marks = ", ".join(["%s"] * len(wanted))
            query(HOLD.format(marks), account_id, *wanted)
        found = Contact.select().where(Contact.account == account_id, Contact.number.in_(wanted))
        once: dict[int, Contact] = {}  # a contact that has two of these numbers
        self.contacts: dict[str, Contact] = {}
        for one in found:
            contact = address_book.current(one)
            self.contacts[one.number] = once.setdefault(contact.id, contact)
        ids = sorted(once)
        self.tags: dict[int, list[str]] = {}
        for row in Tag.select().where(Tag.contact.in_(ids)):
            self.tags.setdefault(row.contact_id, []).append(row.tag)
        self.days = plan_events.days_of(ids)
        given = Consent.select(Consent.contact).where(Consent.contact.in_(ids), Consent.given)
        self.agreed = {row.contact_id for row in given}

    def compare(self, one: Judged, contact: Contact) -> tuple[Difference, bool | None]:
        """What the row adds to the contact, and what consent it records. Says so on the row."""
        more = directory.compare(
            contact, self.tags.get(contact.id, ()), self.days.get(contact.id, {}), one.details
        )  # fmt: skip
        one.notes += [f"{stays[0].upper()}{stays[1:]}." for stays in more.stays]
        said = one.consent
        if said and contact.opted_out_at:
            one.notes.append("They opted out, and stay so.")
        if said is False and contact.opted_out_at:
            said = None
        if said and (contact.opted_out_at or contact.id in self.agreed):
            said = None
        one.added = more.tags
        one.outcome = "more" if more or said is not None else "same"
        return more, said


# Taken over


def _take(sheet: Sheet, judged: list[Judged], now: datetime) -> None:
    """Makes who is new, then completes who is there, whoever made them."""
    while judged:
        known = _Known(sheet.account_id, judged, hold=True)
        fresh: dict[str, Judged] = {}
        for one in judged:
            contact = known.contacts.get(str(one.number))
            if contact is None:
                fresh.setdefault(str(one.number), one)
            else:
                _complete(sheet, one, contact, known, now)
        made = _make(sheet, fresh, now)
        judged = [
            one for one in judged
            if one.number not in known.contacts
            and not (one.number in made and one is fresh[str(one.number)])
        ]  # fmt: skip
    viewers.changed(sheet.account_id)


def _make(sheet: Sheet, fresh: dict[str, Judged], now: datetime) -> dict[str, int]:
    """New contacts with all that is told of them. Returns their ids by number; one that somebody
    else makes this instant is not among them."""
    if not fresh:
        return {}
    table = [
        (sheet.account_id, number, one.details.name, one.details.email, one.details.timezone,
         one.details.notes, now if one.consent is False else None, now)
        for number, one in sorted(fresh.items())
    ]  # fmt: skip
    columns = (Contact.account, Contact.number, Contact.name, Contact.email, Contact.timezone,
               Contact.notes, Contact.opted_out_at, Contact.made_at)  # fmt: skip
    made = Contact.insert_many(table, columns).on_conflict_ignore()
    ids = {row.number: row.id for row in made.returning(Contact.id, Contact.number).execute()}
    tags, words, said, days = [], [], [], []
    for number, contact in ids.items():
        one = fresh[number]
        one.outcome, known = "new", one.details
        one.added = known.tags
        told = special_days.read(known.days or "")
        days += [(contact, name, day) for name, day in told.items()]
        tags += [(sheet.account_id, tag, contact) for tag in known.tags]
        found = address_book.words([number], known.name, known.email, known.tags)
        words += [(sheet.account_id, word, contact) for word in sorted(found)]
        if one.consent is not None:
            said.append((contact, one.consent, _how(sheet), sheet.user, now))
    for model, rows, fields in (
        (Tag, tags, (Tag.account, Tag.tag, Tag.contact)),
        (Word, words, (Word.account, Word.word, Word.contact)),
        (Consent, said, (Consent.contact, Consent.given, Consent.how, Consent.by, Consent.made_at)),
    ):
        if rows:
            model.insert_many(rows, fields).execute()
    plan_events.set_days(days)  # before tags put them on plans that look at such days
    plan_events.on_tags(sheet.account_id, [(tag, contact) for _, tag, contact in tags], now)
    return ids


def _complete(
    sheet: Sheet, one: Judged, contact: Contact, known: _Known, now: datetime
) -> None:  # fmt: skip
    more, said = known.compare(one, contact)
    directory.complete(contact, more)
    known.tags.setdefault(contact.id, []).extend(more.tags)
    known.days.setdefault(contact.id, {}).update(more.days)
    if said is not None:
        known.agreed |= {contact.id} if said else set()
        tell = consent.agree if said else consent.refuse
        tell(contact, _how(sheet), now, sheet.user)
    if "name" in more.fills or said is False:
        here = (Conversation.contact == contact) & Conversation.thread_ts.is_null(False)
        for talk in Conversation.select().where(here):
            threads.show_root(talk)


def _how(sheet: Sheet) -> str:
    return f"imported from {sheet.name}"
