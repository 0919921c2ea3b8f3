"""Days of the year that mean something to a contact, as people write them and as they are kept:
"birthday: May 14, 1985; closing: June 1"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from bot.errors import Refused

Day = tuple[int, int, int | None]  # month, day, year

LONGEST_NAME, MOST = 40, 10
SOME_LEAP_YEAR = 2000
OLDEST, LAST = 1850, 2200
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September",
          "October", "November", "December")  # fmt: skip
FORM = "Write it like May 14, or May 14, 1985, or 5/14/1985."
ISO = re.compile(r"(?:(\d{4})|-)-(\d{1,2})-(\d{1,2})(?:[t ].*)?")
SLASHED = re.compile(r"(\d{1,2})[/](\d{1,2})(?:[/](\d{4}))?")  # month first, as in the US
DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(?: ?(\d{4}))?")  # day first, as in Europe
WORDS = re.compile(r"(?:(\d{1,2})(?:st|nd|rd|th)?\.? (?:of )?([a-z]+)|([a-z]+)\.? (\d{1,2})(?:st|"
                   r"nd|rd|th)?)(?:,? (\d{4}))?")  # fmt: skip


def read(text: str) -> dict[str, Day]:
    """The days that somebody wrote, one a line or with semicolons between them, by their names.
    Raises Refused."""
    found: dict[str, Day] = {}
    for part in re.split(r"[;\n]", text):
        if part.strip():
            name, day = _named(part.strip())
            found[name] = day
    if len(found) > MOST:
        raise Refused(f"{len(found)} dates; {MOST} are the most for a contact.")
    return found


def read_day(text: str) -> Day:
    """One day. Raises Refused."""
    said = " ".join(text.lower().split())
    month, day, year = _parts(said)
    try:
        date(int(year or SOME_LEAP_YEAR), month, day)
    except ValueError:
        raise Refused(f"“{text[:40]}” is no day of a year. {FORM}") from None
    if year and not OLDEST <= year <= LAST:
        raise Refused(f"“{text[:40]}” is in no year that can be meant. {FORM}")
    return month, day, year


def written(days: Mapping[str, Day]) -> str:
    """All of them as they are kept and shown, by name."""
    return "; ".join(f"{name}: {said(day)}" for name, day in sorted(days.items()))


def said(day: Day) -> str:
    """ "May 14", "May 14, 1985"."""
    month, of_month, year = day
    return f"{MONTHS[month - 1]} {of_month}" + (f", {year}" if year else "")


def _named(part: str) -> tuple[str, Day]:
    name, colon, day = part.partition(":")
    if not colon:
        # "birthday May 14": the name ends where a day can be read.
        words = part.split()
        for at in range(1, len(words)):
            try:
                return _name(" ".join(words[:at])), read_day(" ".join(words[at:]))
            except Refused:
                continue
        raise Refused(f"“{part[:40]}” names no day. Write it like birthday: May 14, 1985.")
    return _name(name), read_day(day.strip())


def _name(text: str) -> str:
    name = " ".join(text.lower().split())
    if not name or len(name) > LONGEST_NAME:
        raise Refused(f"Give the date a name of at most {LONGEST_NAME} characters, like birthday.")
    return name


def _parts(said: str) -> tuple[int, int, int | None]:
    if found := ISO.fullmatch(said):
        return int(found[2]), int(found[3]), int(found[1]) if found[1] else None
    if found := SLASHED.fullmatch(said):
        return int(found[1]), int(found[2]), int(found[3]) if found[3] else None
    if found := DOTTED.fullmatch(said):
        return int(found[2]), int(found[1]), int(found[3]) if found[3] else None
    if found := WORDS.fullmatch(said):
        month = _month(found[2] or found[3])
        return month, int(found[1] or found[4]), int(found[5]) if found[5] else None
    raise Refused(f"“{said[:40]}” is no day. {FORM}")


def _month(word: str) -> int:
    for number, name in enumerate(MONTHS, 1):
        if len(word) >= 3 and name.lower().startswith(word):
            return number
    raise Refused(f"“{word[:40]}” is no month. {FORM}")
