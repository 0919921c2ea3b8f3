"""Which column of a sheet is what: guessed from its header, and what a row says by that."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bot.contacts import numbers
from bot.contacts.address_book import plain
from bot.contacts.directory import Details
from bot.contacts.sheets import bare
from bot.errors import Refused

Places = Mapping[str, int]  # field → column, counted from 0

#: What a column may be, and what it is called then.
FIELDS = {
    "number": "Number", "other": "Other number", "name": "Name", "first": "First name",
    "last": "Last name", "email": "E-mail", "tags": "Tags", "notes": "Notes",
    "birthday": "Birthday", "closing": "Closing day", "days": "Dates",
    "timezone": "Time zone", "consent": "Consent", "opted_out": "Opted out",
}  # fmt: skip
#: What such columns are called by HubSpot, Follow Up Boss, kvCORE, Salesforce, Google, Outlook,
#: Apple and people, as `plain` writes it; what is likelier comes first.
CALLED = {
    "number": (
        "mobile", "mobile phone", "mobile number", "mobile phone number", "cell", "cell phone",
        "cell number", "cellphone", "phone mobile", "phone cell", "text number", "sms number",
        "phone 1 value", "primary phone", "phone", "phone number", "phone 1", "telephone", "tel",
        "number", "main phone", "primary number", "contact number", "home phone", "phone home",
        "phone 2 value", "phone 2", "other phone", "work phone", "business phone", "phone work",
    ),
    "name": (
        "name", "full name", "contact name", "display name", "contact", "client", "client name",
        "lead name", "lead", "customer", "customer name", "person",
    ),
    "first": ("first name", "first", "firstname", "given name", "forename", "fname"),
    "last": ("last name", "last", "lastname", "surname", "family name", "lname"),
    "email": (
        "e mail", "email", "email address", "e mail address", "primary email", "e mail 1 value",
        "email 1", "email 1 value", "home email", "work email", "personal email",
    ),
    "tags": (
        "tags", "tag", "labels", "label", "groups", "group", "group membership", "lists", "list",
        "categories", "category", "segments", "segment",
    ),
    "notes": ("notes", "note", "comments", "comment", "description", "remarks", "background"),
    "birthday": ("birthday", "birth date", "birthdate", "date of birth", "dob", "bday", "born"),
    "closing": (
        "closing", "closing date", "closing day", "close date", "closed date", "home anniversary",
        "closing anniversary", "purchase date", "settlement date", "house anniversary",
    ),
    "days": ("dates", "special dates", "important dates", "anniversaries"),
    "timezone": ("time zone", "timezone", "tz"),
    "consent": (
        "consent", "sms consent", "text consent", "opt in", "opted in", "sms opt in", "subscribed",
        "may be texted", "sms subscribed", "texting consent", "permission",
    ),
    "opted_out": (
        "opted out", "opt out", "sms opt out", "unsubscribed", "do not text", "dnc",
        "do not contact", "stop", "text opt out", "do not call",
    ),
}  # fmt: skip
YES = {
    "yes", "y", "true", "t", "1", "x", "opted in", "in", "subscribed", "agreed", "granted", "given",
    "ok", "consented", "sí", "si", "ja", "oui",
}  # fmt: skip
NO = {
    "no", "n", "false", "f", "0", "opted out", "out", "unsubscribed", "refused", "denied",
    "revoked", "withdrawn", "stop", "nein", "non", "never",
}  # fmt: skip
DAYS = ("birthday", "closing")  # columns that hold one day each
SAMPLED = 50  # rows that are looked into where no header names the number


@dataclass(frozen=True)
class Told:
    """What a row says of a contact, as it was written."""

    number: str
    details: Details
    consent: bool | None = None  # agreed, or wants no more


def header_of(first: Sequence[str], region: str) -> list[str] | None:
    """The names of the columns; None where the first row is a contact already."""
    if any(_is_number(cell, region) for cell in first):
        return None
    return [cell or f"Column {place + 1}" for place, cell in enumerate(first)]


def guess(header: Sequence[str], sample: Sequence[Sequence[str]], region: str) -> dict[str, int]:
    """Which column is what, as far as its name tells; the number's is told by what stands in it
    where no name does."""
    called = [plain(name) for name in header]
    places: dict[str, int] = {}
    for field, names in CALLED.items():
        found = [called.index(name) for name in names if name in called]
        free = [place for place in found if place not in places.values()]
        if free:
            places[field] = free[0]
        if field == "number" and free[1:]:
            places["other"] = free[1]
    if "number" not in places:
        likely = _by_content(len(header), sample, region, set(places.values()))
        if likely is not None:
            places["number"] = likely
    return places


def _by_content(
    columns: int, sample: Sequence[Sequence[str]], region: str, taken: set[int]
) -> int | None:
    """The column of which at least half are numbers, and most of all."""
    best: tuple[float, int] | None = None
    for place in range(columns):
        cells = [row[place] for row in sample[:SAMPLED] if place < len(row) and row[place]]
        share = sum(_is_number(cell, region) for cell in cells) / len(cells) if cells else 0
        if place not in taken and share >= 0.5 and (best is None or share > best[0]):
            best = (share, place)
    return best[1] if best else None


def _is_number(cell: str, region: str) -> bool:
    if sum(letter.isdecimal() for letter in cell) < 7:
        return False
    try:
        numbers.read(cell, region)
    except Refused:
        return False
    return True


def told(cells: Sequence[str], places: Places) -> Told:
    """What a row says. Raises Refused for consent that is neither yes nor no."""

    def cell(field: str) -> str:
        place = places.get(field)
        return bare(cells[place]) if place is not None and place < len(cells) else ""

    name = " ".join(part for part in (cell("first"), cell("last")) if part) or cell("name")
    tags = tuple(re.split(r"[,;|]|:::", cell("tags")))
    days = [cell("days"), *(f"{field}: {cell(field)}" for field in DAYS if cell(field))]
    details = Details(
        name, cell("email"), cell("timezone"), tags, cell("notes"), "; ".join(days)
    )  # fmt: skip
    return Told(cell("number") or cell("other"), details, _consent(cell))


def _consent(cell: Callable[[str], str]) -> bool | None:
    out, agreed = cell("opted_out").lower(), cell("consent").lower()
    if out and out not in NO:  # a day, a reason: whatever stands there, they are out
        return False
    if not agreed:
        return None
    if agreed in YES | NO:
        return agreed in YES
    raise Refused(f"Consent is “{agreed[:40]}”, which is neither yes nor no.")
