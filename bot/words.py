"""Words: somebody's, made safe to keep, and our own for numbers and days."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
LONGEST_EMAIL = 254  # characters: RFC 5321 §4.5.3.1.3, less the brackets
_SIGNED = re.compile(r"`([^`\n]+)`|(?<![\w*])\*([^*\n]+)\*(?![\w*])")  # code, bold
_NOT = r"""@\s<>,;:()\[\]"\\"""  # RFC 5322 §3.2.3 keeps them for itself
EMAIL = re.compile(f"[^{_NOT}]+@[^{_NOT}]+\\.[^{_NOT}.]+")
OPERATOR = "whoever runs Partyline for you"
#: What stands round the id of whom we call. Unicode keeps these two for use inside programs.
_CALL, _END = "\ufdd0", "\ufdd1"
_CALLED = re.compile(f"{_CALL}([@#])([A-Z0-9]+){_END}")
_NOT_WORDS = re.compile(f"[\ud800-\udfff{_CALL}{_END}]")


def is_email(text: str) -> bool:
    """Whether this can be an address: one that a mail server refuses is found out when it does."""
    return len(text) <= LONGEST_EMAIL and bool(EMAIL.fullmatch(text)) and text.isprintable()


def clean(text: str) -> str:
    """`text` as any database and phone takes it: no NUL, and U+FFFD for half a surrogate pair and
    what stands for a call of ours."""
    return _NOT_WORDS.sub("\ufffd", text.replace("\x00", ""))


def escape(text: str) -> str:
    """`text` so that Slack shows it as it is: nothing pings, links or disguises a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def call(user_or_channel: str) -> str:
    """A Slack user or channel, by id, in a sentence of ours that `as_told` or `in_plain` reads."""
    sign = "@" if user_or_channel[:1] in ("U", "W") else "#"
    return f"{_CALL}{sign}{user_or_channel}{_END}"


def as_told(text: str) -> str:
    """A sentence of ours as Slack's mark-up: whom and what it calls is called; all else that stands
    in it, whoever wrote it, is shown as it is."""
    return _CALLED.sub(r"<\1\2>", escape(text))


def in_plain(text: str, names: Callable[[str], str]) -> str:
    """A sentence of ours where nothing is read as mark-up: whom it calls is named, and there are no
    signs of bold and code."""
    said = _CALLED.sub(lambda one: names(one[2]) if one[1] == "@" else "its channel", text)
    return _SIGNED.sub(r"\1\2", said)


def short(text: str, most: int) -> str:
    """`text` in at most so many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def no_formula(cell: str) -> str:
    """`cell` so that no spreadsheet runs what somebody called a contact or an account."""
    # owasp.org/www-community/attacks/CSV_Injection; the wide forms are formulas in Asian editions
    return f"'{cell}" if cell[:1] in FORMULAS else cell


def count(number: int, thing: str) -> str:
    """ "1 credit", "1,200 credits"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def day_words(day: date) -> str:
    """ "February 28"."""
    return f"{day:%B} {day.day}"


def day_and_year(day: date) -> str:
    """ "February 28, 2026"."""
    return f"{day_words(day)}, {day.year}"


def short_day_words(day: date) -> str:
    """ "Feb 28"."""
    return f"{day:%b} {day.day}"


def ordinal(number: int) -> str:
    """ "1st", "22nd", "13th"."""
    tail = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{tail}"


def when(moment: datetime) -> str:
    """The reader's own time, by Slack; UTC where Slack does not put it in."""
    fallback = f"{moment_words(moment.astimezone(UTC))} UTC"
    return f"<!date^{int(moment.timestamp())}^{{date_short_pretty}} at {{time}}|{fallback}>"


def moment_words(moment: datetime) -> str:
    """ "Feb 28, 9:05 PM", by the moment's own zone."""
    return f"{short_day_words(moment.date())}, {clock_words(moment)}"


def clock_words(moment: datetime) -> str:
    """ "9:05 PM", by the moment's own zone."""
    return f"{moment.hour % 12 or 12}:{moment:%M} {'PM' if moment.hour >= 12 else 'AM'}"


def hour_words(hour: int) -> str:
    """ "Noon", "8:00 PM"."""
    if hour % 12 == 0:
        return "Noon" if hour == 12 else "Midnight"
    return f"{hour % 12}:00 {'AM' if hour < 12 else 'PM'}"
