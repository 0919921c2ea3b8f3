"""The address book: a contact made, found by number, and by the beginning of anything known of it.

`find` reads ranges of the table Word, whose rows are beginnings already: a name stands in it once
from each of its words on ("ann marie lee", "marie lee ann", …), a number from its country, its area
and its last digit on. So the work is what is shown, not what is known. Whoever makes or changes a
contact calls `index` in the same transaction.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from datetime import datetime

import phonenumbers

from bot.contacts.models import Contact, Tag, Word
from ledger.database import query, transaction

LONGEST_WORD = 60  # bytes of a row, and of what is looked for
NAME_WORDS = 6  # of a name that a search knows
STARTS, ENDS = "#", "<"  # open the rows of numbers: by their first digits, by their last
WHOLE = "="  # opens the row of the whole name
PAGE = 50  # rows of one range that are read at once
TAGS_LISTED = 100  # a menu of Slack's holds no more
SCANNED = 500  # contacts that one word of several may bring, before the others are asked about
NAMED = 5  # contacts of one name
TWICE = 3  # as often as that a contact stands under one word, for all that is likely
AFTER_ALL = b"\xff"  # follows every byte of UTF-8

RANGE = """
    SELECT word, contact_id FROM word WHERE account_id = %s AND word >= %s AND word < %s
      AND (word > %s OR contact_id > %s) ORDER BY word, contact_id LIMIT %s"""
TAGS = "SELECT DISTINCT tag FROM tag WHERE account_id = %s ORDER BY tag LIMIT %s"
HOW_MANY = """
    SELECT count(*) FROM (
        SELECT 1 FROM word WHERE account_id = %s AND word >= %s AND word < %s LIMIT %s) AS here"""
SEVERAL = """
    SELECT contact_id FROM (
        SELECT contact_id FROM word WHERE account_id = %s AND word >= %s AND word < %s
        ORDER BY word, contact_id LIMIT %s) AS here WHERE """
# Not EXISTS: PostgreSQL would read all contacts that have the other word, to join them.
ALSO = """
    1 = (SELECT 1 FROM word AS other WHERE other.contact_id = here.contact_id AND ({}) LIMIT 1)"""

HOLD = "SELECT id FROM contact WHERE id IN ({}) ORDER BY id FOR UPDATE"

Range = tuple[bytes, bytes]


@transaction
def meet(account_id: int, number: str, now: datetime, place: str | None = None) -> Contact:
    """The contact with this number; a new one, named by it, if there is none."""
    contact, new = Contact.get_or_create(
        account=account_id, number=number, defaults={"place": place, "made_at": now}
    )
    if new:
        index(contact)
    return current(contact)


def by_number(account_id: int, number: str) -> Contact | None:
    """The contact with this number, written as Twilio writes it."""
    found: Contact | None = Contact.get_or_none(
        Contact.account == account_id, Contact.number == number
    )
    return found and current(found)


def current(contact: Contact) -> Contact:
    """The contact, or the one it was merged into."""
    return contact if contact.same_as_id is None else Contact.get_by_id(contact.same_as_id)


def hold(*ids: int) -> None:
    """Locks contacts until the caller's transaction ends, after its account and before the rest."""
    marks = ", ".join(["%s"] * len(ids))
    query(HOLD.format(marks), *ids)


def other_numbers(contact: Contact) -> list[str]:
    """The numbers that were found to be the contact's as well."""
    others = Contact.select(Contact.number).where(Contact.same_as == contact)
    return [row.number for row in others.order_by(Contact.id)]


def tags_of(contact: Contact) -> list[str]:
    """The contact's tags, in the order of the alphabet."""
    return sorted(row.tag for row in Tag.select(Tag.tag).where(Tag.contact == contact))


@transaction
def tags(account_id: int) -> list[str]:
    """The tags that contacts of the account have, by name; as many as a menu holds."""
    found = query(TAGS, account_id, TAGS_LISTED).fetchall()
    return [row[0] for row in found]


def ids_tagged(account_id: int, tag: str) -> list[int]:
    """The contacts with this tag, by the ids of their rows."""
    found = Tag.select().where(Tag.account == account_id, Tag.tag == tag)
    return [one.contact_id for one in found.order_by(Tag.contact)]


def find(account_id: int, typed: str, most: int) -> list[Contact]:
    """Contacts of which something begins as typed, at most so many; the newest if nothing is typed.

    What can begin so: any word of the name, of the e-mail address or of a tag, and the number, in
    any formatting, with or without its country; or its last digits. Several words must all be
    found. Case and accents do not matter. A merged contact is found as the one it was merged into.
    """
    whole = plain(typed)
    if not whole:
        return [] if typed.strip() else newest(account_id, most)
    parts = list(_parts(whole))
    ids: dict[int, None] = {}
    ranges = [_range(whole), *(_numbers(parts[0], typed) if len(parts) == 1 else ())]
    for contact in (contact for one in ranges for contact in _in_range(account_id, one)):
        ids[contact] = None
        if len(ids) == most:
            break
    if not ids and len(parts) > 1:
        ids = dict.fromkeys(_with_all(account_id, parts, most)[:most])
    found = {contact.id: contact for contact in Contact.select().where(Contact.id.in_(list(ids)))}
    return [found[contact] for contact in ids]


def newest(account_id: int, most: int) -> list[Contact]:
    """The contacts that were made last."""
    here = (Contact.account == account_id) & Contact.same_as.is_null()
    return list(Contact.select().where(here).order_by(Contact.id.desc()).limit(most))


def named(account_id: int, name: str) -> list[Contact]:
    """The contacts of this very name, but for case and accents."""
    wanted = plain(name)
    if not wanted:
        return []
    called = (Word.account == account_id) & (Word.word == _bytes(WHOLE + wanted))
    found = Contact.select().join(Word).where(called).order_by(Contact.id)
    return [one for one in found if plain(one.name or "") == wanted][:NAMED]


@transaction
def index(contact: Contact) -> None:
    """Has the contact found by what is known of it now."""
    if contact.same_as_id is not None:
        Word.delete().where(Word.contact == contact).execute()
        return
    numbers = (contact.number, *other_numbers(contact))
    wanted = words(numbers, contact.name, contact.email, tags_of(contact))
    stands = {bytes(row.word) for row in Word.select().where(Word.contact == contact)}
    if gone := stands - wanted:
        Word.delete().where(Word.contact == contact, Word.word.in_(list(gone))).execute()
    new = [(contact.account_id, word, contact.id) for word in sorted(wanted - stands)]
    if new:
        Word.insert_many(new, fields=[Word.account, Word.word, Word.contact]).execute()


def words(
    numbers: Iterable[str], name: str | None = None, email: str | None = None,
    tags: Iterable[str] = (),
) -> set[bytes]:  # fmt: skip
    """What a contact's rows of Word hold."""
    called = plain(name or "")
    found = {*_turned(called.split()[:NAME_WORDS])}
    found |= {word for number in numbers for word in _of_number(number)}
    found |= {WHOLE + called} if called else set()
    for text in (email or "", *tags):
        several = plain(text).split()
        found |= {" ".join(several[place:]) for place in range(len(several))}
    return {_bytes(one) for one in found}


def plain(text: str) -> str:
    """Letters and digits alone, without case and accents: "jose oneil smith" for
    "José O'Neil-Smith"."""
    kept = []
    for letter in unicodedata.normalize("NFKD", text.casefold()):
        if unicodedata.category(letter)[0] in "LNM":
            kept.append("" if unicodedata.combining(letter) else letter)
        else:
            kept.append("" if letter in "'’" else " ")
    return " ".join("".join(kept).split())


def _turned(name: list[str]) -> Iterator[str]:
    """The name from each of its words on, and any two of its words that this leaves apart."""
    for place in range(len(name)):
        turned = name[place:] + name[:place]
        yield " ".join(turned)
        for other in turned[2:]:
            yield f"{turned[0]} {other}"


def _of_number(number: str) -> Iterator[str]:
    if not number.startswith("+"):  # a short code, or a name
        yield from (plain(number), STARTS + number, ENDS + number[::-1])
        return
    digits = _digits(number)
    yield from (STARTS + digits, ENDS + digits[::-1])
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return
    national = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    yield STARTS + phonenumbers.national_significant_number(parsed)
    yield STARTS + _digits(national)  # "020 7946 0000", as they dial it there


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdecimal())


def _parts(whole: str) -> Iterator[str]:
    """The words of what was typed; digits that stand side by side are one number."""
    digits = ""
    for word in whole.split():
        if word.isdecimal():
            digits += word
            continue
        if digits:
            yield digits
        digits = ""
        yield word
    if digits:
        yield digits


def _numbers(part: str, typed: str = "") -> list[Range]:
    """Where numbers stand that begin or end so; none for a word."""
    if not part.isdecimal():
        return []
    starts = [STARTS + part]
    if typed.lstrip().startswith("00"):  # what people dial for the plus
        starts.append(STARTS + part[2:])
    return [_range(start) for start in (*starts, ENDS + part[::-1])]


def _range(beginning: str) -> Range:
    least = _bytes(beginning)
    return least, least + AFTER_ALL


def _bytes(word: str) -> bytes:
    return word.encode()[:LONGEST_WORD]


def _in_range(account_id: int, one: Range) -> Iterator[int]:
    """The contacts in a range, in its order; some more than once."""
    (word, end), contact = one, 0
    while True:
        rows = query(RANGE, account_id, word, end, word, contact, PAGE).fetchall()
        yield from (row[1] for row in rows)
        if len(rows) < PAGE:
            return
        word, contact = bytes(rows[-1][0]), rows[-1][1]


def _with_all(account_id: int, parts: list[str], most: int) -> list[int]:
    """The contacts that have all of these, among the first of the rarest; some more than once."""
    ranges = [[_range(part), *_numbers(part)] for part in parts]
    rarest = min(ranges, key=lambda several: _how_many(account_id, several))
    others = [several for several in ranges if several is not rarest]
    also = [
        ALSO.format(" OR ".join(["other.word >= %s AND other.word < %s"] * len(several)))
        for several in others
    ]
    sql = SEVERAL + " AND ".join(also) + " LIMIT %s"
    bounds = [bound for several in others for one in several for bound in one]
    found: dict[int, None] = {}
    for one in rarest:
        rows = query(sql, account_id, *one, SCANNED, *bounds, most * TWICE).fetchall()
        found |= dict.fromkeys(row[0] for row in rows)
    return list(found)


def _how_many(account_id: int, several: list[Range]) -> int:
    return sum(query(HOW_MANY, account_id, *one, SCANNED).fetchone()[0] for one in several)
