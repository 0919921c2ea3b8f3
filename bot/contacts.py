"""Contacts: who is meant, and how a number is written."""

from __future__ import annotations

import re
from dataclasses import dataclass

import peewee
import phonenumbers

from bot import address_book
from bot.errors import Refused
from bot.models import Contact, Line

E164 = re.compile(r"\+[1-9]\d{6,14}")
LONGEST_NAME = 6  # words
PICTURES = {"US", "CA", "PR", "VI", "GU"}  # twilio.com/docs/messaging/guides/accepted-mime-types


@dataclass(frozen=True)
class Recipient:
    """Who a text is for; `contact` is None for a number nobody texted with yet."""

    number: str
    contact: Contact | None

    @property
    def name(self) -> str:
        """The contact's name, else the number as people write it."""
        return name_of(self.contact) if self.contact else spoken(self.number)


def textable(number: str) -> bool:
    """Whether this is a number one can text back to: E.164, not a short code or a name."""
    return E164.fullmatch(number) is not None


def region(number: str) -> str | None:
    """The country or territory of a number, like "US"; None where it cannot be told."""
    try:
        found: str | None = phonenumbers.region_code_for_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return None
    return found


def takes_pictures(ours: str, theirs: str) -> bool:
    """Whether a picture message can go between these numbers: within the US and Canada alone."""
    return region(ours) in PICTURES and region(theirs) in PICTURES


def trouble(number: str) -> str | None:
    """What may keep a text to this number from arriving, in words; None if nothing is seen."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return "This is not a phone number"
    if not phonenumbers.is_valid_number(parsed):
        # Numbers kept for films and tests, and those just opened, are in no numbering plan.
        return None if phonenumbers.is_possible_number(parsed) else "No such number is known."
    if phonenumbers.number_type(parsed) == phonenumbers.PhoneNumberType.FIXED_LINE:
        return "This looks like a landline; most take no texts."
    return None


def spoken(number: str) -> str:
    """The number as people write it: "(415) 555-0100", "+44 20 7946 0000"; others as they are."""
    if not textable(number):
        return number
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    national = parsed.country_code == 1
    style = phonenumbers.PhoneNumberFormat
    return str(
        phonenumbers.format_number(parsed, style.NATIONAL if national else style.INTERNATIONAL)
    )


def name_of(contact: Contact) -> str:
    """What to call a contact: the name, else the number."""
    return contact.name or spoken(contact.number)


def split_recipient(line: Line, text: str) -> tuple[Recipient, str]:
    """Reads `<number or contact> <body>`. Returns who is meant and the body.

    Raises Refused with what to type when nobody is named, or several are.
    """
    text = text.strip()
    number, rest = _leading_number(line, text)
    if number:
        return Recipient(number, address_book.by_number(line.account_id, number)), rest
    contact, rest = _leading_name(line, text)
    if not textable(contact.number):
        raise Refused(f"{name_of(contact)} is a sender that takes no answers.")
    return Recipient(contact.number, contact), rest


def _leading_number(line: Line, text: str) -> tuple[str | None, str]:
    # A number typed in full is taken as it stands, even one that no numbering plan knows.
    if plain := re.match(r"(\+[1-9]\d{6,14})(?=\s|$)", text):
        return plain[1], text[plain.end() :].strip()
    region = phonenumbers.region_code_for_number(phonenumbers.parse(line.number))
    found = phonenumbers.PhoneNumberMatcher(
        text, region or "US", leniency=phonenumbers.Leniency.POSSIBLE
    )
    for match in found:
        if match.start == 0:
            number = phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164)
            return number, text[match.end :].strip()
        break
    return None, text


def _leading_name(line: Line, text: str) -> tuple[Contact, str]:
    """The contact whose whole name opens the text; the longest such name wins."""
    if quoted := re.match(r'["“]([^"”]+)["”]\s*', text):
        return _named(line, quoted[1]), text[quoted.end() :].strip()
    words = list(re.finditer(r"\S+", text))[:LONGEST_NAME]
    for last in reversed(words):
        if found := _by_name(line, text[: last.end()]):
            return _only(found), text[last.end() :].strip()
    first = words[0][0] if words else ""
    raise Refused(
        f"“{first}” is no number and no contact of this line. Start with a phone number, "
        "like `/text +14155550100 See you at 3`, or a contact's full name."
    )


def _named(line: Line, name: str) -> Contact:
    found = _by_name(line, name)
    if not found:
        raise Refused(f"No contact of this line is called “{name}”.")
    return _only(found)


def _by_name(line: Line, name: str) -> list[Contact]:
    wanted = " ".join(name.split()).lower()
    return list(
        Contact.select()
        .where(Contact.account == line.account_id, peewee.fn.LOWER(Contact.name) == wanted)
        .limit(5)
    )


def _only(found: list[Contact]) -> Contact:
    if len(found) > 1:
        numbers = ", ".join(spoken(contact.number) for contact in found)
        raise Refused(f"Several contacts are called “{found[0].name}”: {numbers}. Use the number.")
    return found[0]
