"""Words: somebody's, made safe to keep, and our own for numbers and days."""

from __future__ import annotations

import re
from datetime import date, datetime

_LONE = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """`text` as any database and phone takes it: no NUL, and U+FFFD for half a surrogate pair."""
    return _LONE.sub("\ufffd", text.replace("\x00", ""))


def escape(text: str) -> str:
    """`text` so that Slack shows it as it is: nothing pings, links or disguises a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def count(number: int, thing: str) -> str:
    """ "1 credit", "1,200 credits"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def day_words(day: date) -> str:
    """ "28 February"."""
    return f"{day.day} {day:%B}"


def clock_words(moment: datetime) -> str:
    """ "9:05 pm", by the moment's own zone."""
    return f"{moment.hour % 12 or 12}:{moment:%M} {'pm' if moment.hour >= 12 else 'am'}"
