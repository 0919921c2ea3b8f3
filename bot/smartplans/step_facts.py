"""All that the steps of one plan that are due need to know, read in a few statements."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from bot.contacts import hours, numbers
from bot.lines.models import Line
from bot.smartplans import enrollments
from bot.smartplans.models import Bulk, SmartPlan, SmartPlanVersion, Step
from bot.smartplans.schedule import Course, Dates, Limits, Ran, Spot
from bot.team.models import Member, Policy
from ledger.database import instant, query
from ledger.models import Account
from ledger.rows import among

REMEMBERED = timedelta(days=30)  # for which the texts of plans to a contact are looked at (R21)

COLUMNS = """
    enrollment.id, enrollment.plan_id, enrollment.version_id, enrollment.contact_id,
    enrollment.round, enrollment.position, enrollment.enrolled_at, enrollment.basis_at,
    enrollment.planned_at, enrollment.due_at, enrollment.previous_planned_at,
    enrollment.previous_at, enrollment.agreed, enrollment.by, enrollment.bulk_id,
    contact.number, contact.name, contact.place, contact.timezone, contact.opted_out_at,
    contact.blocked_at, contact.told_at, contact.unreachable, contact.email,
    contact.mail_stopped_at, contact.mail_bounced_at"""
DUE = f"""
    SELECT {COLUMNS} FROM enrollment JOIN contact ON contact.id = enrollment.contact_id
    WHERE enrollment.plan_id = %s AND enrollment.state = 'active' AND enrollment.kind = %s
      AND enrollment.due_at <= %s
    ORDER BY enrollment.due_at, enrollment.id LIMIT %s FOR UPDATE OF enrollment"""  # noqa: S608
ONE_DUE = f"""
    SELECT {COLUMNS} FROM enrollment JOIN contact ON contact.id = enrollment.contact_id
    WHERE enrollment.id = %s AND enrollment.state = 'active' AND enrollment.due_at <= %s
    FOR UPDATE OF enrollment"""  # noqa: S608
ASKING = f"""
    SELECT {COLUMNS} FROM enrollment JOIN contact ON contact.id = enrollment.contact_id
    WHERE enrollment.account_id = %s AND enrollment.state = 'asking'
    ORDER BY enrollment.id LIMIT %s"""  # noqa: S608
TALKS = """
    SELECT contact_id, line_id, last_text_at, opted_in_at, braked_at, assigned_to
    FROM conversation WHERE contact_id {}"""
TEXTS = """
    SELECT contact_id, ran_at FROM step_run WHERE outcome = 'sent' AND ran_at > %s
      AND contact_id {} ORDER BY ran_at"""
RUN = "SELECT enrollment_id, round, key FROM step_run WHERE enrollment_id {}"


class Due(NamedTuple):
    """An enrollment whose next step is due, with its contact."""

    id: int
    plan: int
    version: int
    contact: int
    round: int
    position: int
    enrolled_at: datetime
    basis_at: datetime
    planned_at: datetime
    due_at: datetime
    previous_planned_at: datetime | None
    previous_at: datetime | None
    agreed: int | None
    by: str
    bulk: int | None
    number: str
    name: str | None
    place: str | None
    timezone: str | None
    opted_out_at: datetime | None
    blocked_at: datetime | None
    told_at: datetime | None
    unreachable: str | None
    email: str | None
    mail_stopped_at: datetime | None
    mail_bounced_at: datetime | None

    @property
    def spot(self) -> Spot:
        """Where it is."""
        return Spot(self.round, self.position, self.basis_at, self.planned_at, self.due_at)

    @property
    def before(self) -> Ran | None:
        """The last step that ran."""
        if self.previous_at is None or self.previous_planned_at is None:
            return None
        return Ran(self.previous_planned_at, self.previous_at)


MOMENTS = [place for place, name in enumerate(Due._fields) if name.endswith("_at")]


@dataclass
class Talk:
    """What a contact's conversations say, all lines together but for the plan's own."""

    last_text_at: datetime | None = None  # in either direction, by people
    opted_in_at: datetime | None = None  # on the plan's line
    is_braked: bool = False  # there may be a machine at the other end
    assigned_to: str | None = None


@dataclass
class Facts:
    """What holds for all steps of a batch, and for each contact."""

    plan: SmartPlan
    line: Line | None
    account: str  # its name
    home: str  # its time zone
    policy: Policy
    members: dict[str, str]  # Slack user → name
    by_mail: bool
    courses: dict[int, tuple[Course, list[Step]]] = field(default_factory=dict)  # by version
    talks: dict[int, Talk] = field(default_factory=dict)  # as all below, by contact
    texts: dict[int, list[datetime]] = field(default_factory=dict)  # of plans, oldest first
    dates: dict[int, Dates] = field(default_factory=dict)
    done: dict[int, frozenset[int]] = field(default_factory=dict)  # by enrollment: positions
    bulks: dict[int, str] = field(default_factory=dict)  # their states, of those that do not run
    # Limits, and the first moment that they allow, by what is known of a contact.
    opens: dict[Hashable, tuple[Limits, datetime | None]] = field(default_factory=dict)

    @cached_property
    def spoken_line(self) -> str:
        """The plan's number as people write it."""
        return numbers.spoken(self.line.number) if self.line else ""

    def step(self, due: Due) -> Step:
        """The step that is due."""
        return self.courses[due.version][1][due.position]

    def course(self, due: Due) -> Course:
        """The course it is on."""
        return self.courses[due.version][0]

    def zones(self, due: Due) -> Sequence[str]:
        """The time zones in which the contact may live."""
        return hours.zones(due, due.number, self.home)

    def known(self, due: Due, sender: str) -> dict[str, str]:
        """What the fields of words to this contact stand for."""
        agent = self.members.get(sender, "")
        name = due.name or ""
        return {
            "first_name": _first(name), "name": name, "agent_first_name": _first(agent),
            "agent_name": agent, "team": self.account,
            "line": self.spoken_line,
        }  # fmt: skip

    def sender(self, due: Due, step: Step) -> str:
        """Whose name the words bear: the member it is assigned to, else who looks after the
        contact, else who put it on the plan, else who made the plan."""
        talk = self.talks.get(due.contact)
        for user in (step.assigned_to, talk and talk.assigned_to, due.by):
            if user and user in self.members:
                return str(user)
        return str(self.plan.made_by)


def due_of(plan_id: int, kind: str, now: datetime, most: int) -> list[Due]:
    """The plan's enrollments whose next step is of this kind and due, locked, the oldest first."""
    return [_due(row) for row in query(DUE, plan_id, kind, now, most).fetchall()]


def one_due(enrollment_id: int, now: datetime) -> list[Due]:
    """This one, if it is due."""
    return [_due(row) for row in query(ONE_DUE, enrollment_id, now).fetchall()]


def asking(account_id: int, most: int) -> list[Due]:
    """Those of an account whose next text waits for an answer, for it costs more than agreed."""
    return [_due(row) for row in query(ASKING, account_id, most).fetchall()]


def gather(
    plan: SmartPlan, batch: Sequence[Due], by_mail: bool, now: datetime
) -> Facts:  # fmt: skip
    """What the steps of these need to know."""
    account = Account.get_by_id(plan.account_id)
    here = (Member.account == account) & Member.left_at.is_null()
    line = plan.line if plan.line and plan.line.released_at is None else None
    facts = Facts(
        plan, line, account.name, account.timezone,
        hours.of_line(line) if line else hours.policy(account.id),
        {row.slack_user: row.name or "" for row in Member.select().where(here)}, by_mail,
    )  # fmt: skip
    for version in {due.version for due in batch}:
        facts.courses[version] = enrollments.course_of(SmartPlanVersion.get_by_id(version))
    contact_ids = [due.contact for due in batch]
    facts.talks = _talks(contact_ids, plan.line_id)
    facts.texts = _texts(contact_ids, now)
    if any(when.basis == "date" for course, _ in facts.courses.values() for when in course.steps):
        facts.dates = enrollments.dates_of(contact_ids)
    facts.bulks = _bulks({due.bulk for due in batch if due.bulk is not None})
    if plan.version > 1:
        facts.done = _done(batch, facts)
    return facts


def _due(row: Any) -> Due:
    values = list(row)
    for place in MOMENTS:
        if values[place] is not None:
            values[place] = instant(values[place])
    return Due(*values)


def _talks(contact_ids: list[int], line_id: int | None) -> dict[int, Talk]:
    found: dict[int, Talk] = {}
    here, which = among(contact_ids)
    for contact, line, last, opened, braked, assigned in query(TALKS.format(here), which):
        talk = found.setdefault(contact, Talk())
        if last is not None:
            talk.last_text_at = max(instant(last), talk.last_text_at or instant(last))
        if line == line_id:
            talk.opted_in_at = opened and instant(opened)
            talk.is_braked = braked is not None
            talk.assigned_to = assigned or talk.assigned_to
        else:
            talk.assigned_to = talk.assigned_to or assigned
    return found


def _bulks(ids: set[int]) -> dict[int, str]:
    here = Bulk.id.in_(sorted(ids)) & (Bulk.state != "running")
    return {bulk.id: bulk.state for bulk in Bulk.select().where(here)} if ids else {}


def _texts(contact_ids: list[int], now: datetime) -> dict[int, list[datetime]]:
    found: dict[int, list[datetime]] = {}
    here, which = among(contact_ids)
    for contact, at in query(TEXTS.format(here), now - REMEMBERED, which):
        found.setdefault(contact, []).append(instant(at))
    return found


def _done(batch: Sequence[Due], facts: Facts) -> dict[int, frozenset[int]]:
    """The positions of steps that ran already in this round, under a version that is gone."""
    here, which = among([due.id for due in batch])
    keys: dict[tuple[int, int], set[str]] = {}
    for enrollment, number, key in query(RUN.format(here), which):
        keys.setdefault((enrollment, number), set()).add(key)
    return {
        due.id: frozenset(
            step.position
            for step in facts.courses[due.version][1]
            if step.key in keys.get((due.id, due.round), ())
        )
        for due in batch
    }


def _first(name: str) -> str:
    return next(iter(name.split()), "")
