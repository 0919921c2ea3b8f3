"""What is wrong with a line: told once in its channel when it begins, once when it is well again.

Who looks (lines/vitals.py, twilio/checks.py, slack/lines/checks.py) says what was looked at and
what was found; a text that Twilio refuses says so by itself. All that follows is here: a Trouble is
open from the first look that finds it to the first that does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from bot import outbox
from bot.contacts import numbers
from bot.lines.models import Line, Trouble
from bot.team import roles, viewers
from ledger.database import session, transaction

log = structlog.get_logger()

#: Something is wrong where nobody could read of it in the channel.
UNSHOWN = {"channel"}
SETUP = "setup:"  # `setup:30034:US`: texts to there fail until the operator has mended it
LOOKS = 120  # lines that one run looks at
EVERY = timedelta(minutes=10)


@dataclass(frozen=True)
class Problem:
    """Something that is wrong with a line, and what to do."""

    what: str  # one word; open once at a time on a line
    says: str  # a sentence
    advice: str  # what to do, in another
    operator: str = ""  # and what whoever runs Partyline does, where that is more

    @property
    def detail(self) -> str:
        """What is wrong, and what to do."""
        return f"{self.says} {self.advice}"


@dataclass
class Look:
    """What was looked at, in one word each, and what is wrong of it."""

    at: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def __add__(self, other: Look) -> Look:
        """Both."""
        return Look(self.at | other.at, [*self.problems, *other.problems])


@transaction
def settle(line_id: int, look: Look, now: datetime) -> None:
    """Keeps what a look found: new troubles are told, those that were looked at and are gone are
    told to be well again. What nobody could look at now stays as it was."""
    line = Line.get_by_id(line_id)
    problems = {problem.what: problem for problem in look.problems}
    for trouble in open_of(line_id):
        if trouble.what in problems:
            _again(trouble, problems.pop(trouble.what))
        elif trouble.what in look.at:
            _mend(trouble, line, now)
    for problem in problems.values():
        _begin(line, problem, now)


@transaction
def begin(line: Line, problem: Problem, now: datetime) -> None:
    """Something is wrong, found by chance; told once while it lasts."""
    if not any(trouble.what == problem.what for trouble in open_of(line.id)):
        _begin(line, problem, now)


@transaction
def mend(line_id: int, what: str, now: datetime) -> bool:
    """It is well again. Returns whether it was not."""
    for trouble in open_of(line_id):
        if trouble.what == what:
            _mend(trouble, Line.get_by_id(line_id), now)
            return True
    return False


def open_of(line_id: int) -> list[Trouble]:
    """What is wrong with a line now, the oldest first."""
    here = (Trouble.line == line_id) & Trouble.mended_at.is_null()
    return list(Trouble.select().where(here).order_by(Trouble.id))


def _begin(line: Line, problem: Problem, now: datetime) -> None:
    trouble = Trouble.create(
        line=line, account=line.account_id, what=problem.what, key=f"{line.id}:{problem.what}",
        detail=problem.detail, since=now, told_at=now,
    )  # fmt: skip
    for to in _readers(line, problem.what):
        outbox.post_card(
            to, f"trouble:{trouble.id}:{to}", "slack.card",
            {"what": "trouble", "trouble": trouble.id},
        )  # fmt: skip
    viewers.changed(line.account_id)


def _again(trouble: Trouble, problem: Problem) -> None:
    """The same is still wrong; what is said of it may have changed."""
    if trouble.detail != problem.detail:
        trouble.detail = problem.detail
        trouble.save(only=[Trouble.detail])


def _mend(trouble: Trouble, line: Line, now: datetime) -> None:
    trouble.mended_at = trouble.mended_told_at = now
    trouble.save(only=[Trouble.mended_at, Trouble.mended_told_at])
    suspending = [other for other in open_of(line.id) if other.what.startswith(SETUP)]
    if trouble.what.startswith(SETUP) and not suspending:
        Line.update(suspended_at=None).where(Line.id == line.id).execute()
    for to in _readers(line, trouble.what):
        outbox.post_card(
            to, f"mended:{trouble.id}:{to}", "slack.card",
            {"what": "note", "text": mended_words(trouble, line)},
        )  # fmt: skip
    viewers.changed(line.account_id)


def _readers(line: Line, what: str) -> list[str]:
    """Who is told: the line's channel; where it cannot be posted to, owner or managers."""
    if line.channel and what not in UNSHOWN:
        return [line.channel]
    return [boss.slack_user for boss in roles.in_charge(line.account_id)]


def name_of(line: Line) -> str:
    """What to call a line: by its name, and its number as it is spoken."""
    spoken = numbers.spoken(line.number)
    return f"{line.name}, {spoken}" if line.name else spoken


def mended_words(trouble: Trouble, line: Line) -> str:
    """What is said when it is well again, in Slack's mark-up."""
    was = trouble.detail.partition(". ")[0].rstrip(".")
    return f":white_check_mark: *{name_of(line)}* is well again. What was wrong: {was}."


# Which lines to look at


def findings(looks: Iterable[Callable[[Line], Look]]) -> list[str]:
    """What is wrong with any line now, for `flask doctor`; nothing is settled by it. Of an account
    that Twilio does not let us into, doctor speaks once, and not of each line in it."""
    looks = list(looks)
    with session():
        every = list(Line.live().order_by(Line.id))
        refused = [(line, one) for line in every for one in open_of(line.id)
                   if one.what.startswith(SETUP)]  # fmt: skip
    found = [
        f"{name_of(line)}: {problem.says} {problem.operator or problem.advice}"
        for line in every
        for look in looks
        for problem in look(line).problems
        if problem.what != "account"
    ]
    return [*found, *(_refused(line, trouble) for line, trouble in refused)]


def _refused(line: Line, trouble: Trouble) -> str:
    """A set-up that Twilio's refusals of texts have told of; no look finds it."""
    code = trouble.what.split(":")[1]
    return f"{name_of(line)}: {trouble.detail} See https://www.twilio.com/docs/errors/{code}."


def look_at_due(looks: Iterable[Callable[[Line], Look]], now: datetime) -> int:
    """Looks at every line whose turn it is, and settles what was found. Returns at how many. A
    fault of ours at one keeps nobody from looking at the next."""
    looks, due = list(looks), take_due(now)
    for line_id in due:
        try:
            _look_at(line_id, looks, now)
        except Exception:
            log.exception("health.not_looked", line_id=line_id)
    return len(due)


def _look_at(line_id: int, looks: list[Callable[[Line], Look]], now: datetime) -> None:
    with session():
        line = Line.get_by_id(line_id)
    found = Look()
    for look in looks:
        found += look(line)
    settle(line_id, found, now)


@transaction
def take_due(now: datetime) -> list[int]:
    """Lines that nobody has looked at for ten minutes; whoever takes them looks at them now."""
    free = Line.checked_at.is_null() | (Line.checked_at <= now - EVERY)
    due = Line.live(Line.id).where(free).order_by(Line.checked_at, Line.id).limit(LOOKS)
    return [
        line.id
        for line in list(due)
        if Line.update(checked_at=now).where(Line.id == line.id, free).execute()
    ]
