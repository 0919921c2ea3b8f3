"""Texts that Twilio refuses because something is not set up: SmartPlans wait until it is."""

from __future__ import annotations

from datetime import datetime

from bot.contacts import numbers
from bot.lines.health import SETUP, Problem, begin, mend, open_of
from bot.lines.models import Line
from ledger.database import transaction


@transaction
def failed(line: Line, code: int, reason: str, to: str, now: datetime) -> None:
    """A text to this number was refused so: the line's SmartPlans text nobody more until that is
    mended. Told once a code and country; of a line that was released since, to nobody."""
    if line.released_at is not None:
        return
    Line.update(suspended_at=now).where(Line.id == line.id, Line.suspended_at.is_null()).execute()
    problem = Problem(
        f"{SETUP}{code}:{country(to)}",
        f"{reason} (Twilio's error {code}.)",
        "Its SmartPlans text nobody until that is mended: their texts become reminders. When it "
        "is, press *It is mended*; a text that arrives says so, too.",
    )
    begin(line, problem, now)


@transaction
def arrived(line_id: int, written_at: datetime, to: str, now: datetime) -> None:
    """A text got to this number: what was not set up for its country now is, if the text was
    written after the trouble began."""
    for trouble in open_of(line_id):
        of_there = trouble.what.startswith(SETUP) and trouble.what.endswith(f":{country(to)}")
        if of_there and trouble.since <= written_at:
            mend(line_id, trouble.what, now)


def country(number: str) -> str:
    """A number's country, as far as its digits tell."""
    return numbers.region(number) or number[:3]
