"""Contacts: who is meant by what somebody typed, and what they are called."""

from __future__ import annotations

import re
from dataclasses import dataclass

import phonenumbers

from bot.contacts import address_book, numbers
from bot.contacts.models import Contact
from bot.errors import Refused
from bot.lines.models import Line

LONGEST_NAME = 6  # words
MOST_ALIKE = 3


@dataclass(frozen=True)
class Recipient:
    """Who a text is for; `contact` is None for a number nobody texted with yet."""

    number: str
    contact: Contact | None

    @property
    def name(self) -> str:
        """The contact's name, else the number as people write it."""
        return name_of(self.contact) if self.contact else numbers.spoken(self.number)


def home_region(account_id: int) -> str:
    """The country in which a number without a country code is meant: that of the first line."""
    line = Line.live().where(Line.account == account_id).order_by(Line.id).first()
    return (numbers.region(line.number) if line else None) or "US"


def name_of(contact: Contact) -> str:
    """What to call a contact: the name, else the number."""
    return contact.name or numbers.spoken(contact.number)


def with_number(name: str, number: str, most: int | None = None) -> str:
    """ "Ann Lee · (415) 555-0123", or the number alone where there is no other name; of a name that
    is longer than `most` leaves over, the beginning."""
    spelt = numbers.spoken(number)
    if name == spelt:
        return spelt
    return f"{name[: most - len(spelt) - 3] if most else name} · {spelt}"


def split_recipient(line: Line, text: str) -> tuple[Recipient, str]:
    """Reads `<number or contact> <body>`. Returns who is meant and the body.

    Raises Refused with what to type when nobody is named, or several are.
    """
    text = text.strip()
    account_id = line.account_id
    number, rest = _leading_number(text, numbers.region(line.number) or "US")
    if number:
        return Recipient(number, address_book.by_number(account_id, number)), rest
    contact, rest = _leading_name(account_id, text)
    if contact is None:
        raise Refused(
            f"“{_first(text)}” is no number and no contact of this line.{_alike(account_id, text)} "
            "Start with a phone number, like `/text +14155550100 See you at 3`, or a contact's "
            "full name."
        )
    if not numbers.textable(contact.number):
        raise Refused(f"{name_of(contact)} is a sender that takes no answers.")
    return Recipient(contact.number, contact), rest


def split_new(account_id: int, text: str) -> tuple[str, str]:
    """Reads a number and a name, in either order. Returns both as typed, "" for none."""
    home = home_region(account_id)
    leniency = phonenumbers.Leniency.POSSIBLE
    for match in phonenumbers.PhoneNumberMatcher(text, home, leniency=leniency):
        before, after = text[: match.start], text[match.end :]
        # What is written into it is a part of it: "whatsapp:+1415…" is no number.
        start = len(before) - len(re.split(r"[\s,;]", before)[-1])
        end = match.end + len(re.split(r"[\s,;]", after)[0])
        rest = f"{text[:start]} {text[end:]}".replace(",", " ").replace(";", " ")
        return text[start:end], " ".join(rest.split())
    # No number that could be: what looks most like one is said to be wrong where it is read.
    digits = next((word for word in text.split() if any(one.isdecimal() for one in word)), "")
    return digits, " ".join(word for word in text.split() if word != digits)


def split_contact(account_id: int, text: str) -> tuple[Contact, str]:
    """Reads `<number or contact> <more>`. Returns the contact and the rest.

    Raises Refused when it is no contact of the account's, or several are called so.
    """
    text = text.strip()
    if not text:
        raise Refused("Whom? Write a phone number or a contact's full name first.")
    number, rest = _leading_number(text, home_region(account_id))
    if number:
        contact = address_book.by_number(account_id, number)
        if contact is None:
            raise Refused(
                f"{numbers.spoken(number)} is no contact yet. `/contacts add` makes it one."
            )
        return contact, rest
    contact, rest = _leading_name(account_id, text)
    if contact is None:
        raise Refused(
            f"“{_first(text)}” is no contact. Start with a phone number or a contact's full name; "
            "`/contacts find` helps."
        )
    return contact, rest


def _leading_number(text: str, home: str) -> tuple[str | None, str]:
    """The number that opens the text, and the rest. Raises Refused if it is one that cannot be."""
    # What is typed so is meant as a number, even where no numbering plan knows it.
    if plain := re.match(r"\+\d{7,}(?=\s|$)", text):
        return numbers.read(plain[0], home), text[plain.end() :].strip()
    leniency = phonenumbers.Leniency.POSSIBLE  # which takes seven digits, too
    for match in phonenumbers.PhoneNumberMatcher(text, home, leniency=leniency):
        if match.start != 0:
            break
        return numbers.read(match.raw_string, home), text[match.end :].strip()
    return None, text


def _leading_name(account_id: int, text: str) -> tuple[Contact | None, str]:
    """The contact whose whole name opens the text; the longest such name wins."""
    if quoted := re.match(r'["“]([^"”]+)["”]\s*', text):
        return _named(account_id, quoted[1]), text[quoted.end() :].strip()
    words = list(re.finditer(r"\S+", text))[:LONGEST_NAME]
    for last in reversed(words):
        if found := address_book.named(account_id, text[: last.end()]):
            return _only(found), text[last.end() :].strip()
    if re.fullmatch(r"\d{3,6}", _first(text)):
        raise Refused(f"“{_first(text)}” is a short code: it sends texts, but takes none.")
    return None, text


def _alike(account_id: int, text: str) -> str:
    """Who may be meant by a part of a name that opens the text, as a sentence; "" for nobody."""
    part = address_book.plain(_first(text))
    found = [
        with_number(one.name, one.number)
        for one in address_book.find(account_id, part, MOST_ALIKE)
        if part and one.name and part in _words(one.name)
    ]
    return f" There is {' and '.join(found)}." if found else ""


def _words(name: str) -> list[str]:
    return address_book.plain(name).split()


def _first(text: str) -> str:
    return text.split(maxsplit=1)[0] if text.split() else ""


def _named(account_id: int, name: str) -> Contact:
    found = address_book.named(account_id, name)
    if not found:
        raise Refused(f"No contact of this line is called “{name}”.")
    return _only(found)


def _only(found: list[Contact]) -> Contact:
    if len(found) > 1:
        theirs = ", ".join(numbers.spoken(contact.number) for contact in found)
        raise Refused(f"Several contacts are called “{found[0].name}”: {theirs}. Use the number.")
    return found[0]
