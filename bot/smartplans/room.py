"""How many texts of SmartPlans a line has room for, and when there is more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot import paces
from bot.lines.models import Line
from bot.smartplans.models import SmartPlan
from ledger import boundaries
from ledger.database import query, transaction
from ledger.models import Account

AHEAD = timedelta(seconds=60)  # so much of a line's time is filled by texts of plans at most
WORTH = timedelta(seconds=20)  # of that free, before more are let go

RIVALS = "SELECT count(*) FROM smart_plan WHERE line_id = %s AND state = 'on' AND due_at <= %s"
SHARING = "SELECT count(*) FROM line WHERE channel = %s AND released_at IS NULL"
SET_LINE = "UPDATE line SET plans_until = %s, plans_day = %s, plans_sent = %s WHERE id = %s"


@dataclass(frozen=True)
class Pace:
    """How fast texts leave: seconds between two of one number, and between two posts of one
    channel of Slack, where each has its copy."""

    number_s: float = 1.0
    channel_s: float = 1.0

    def between(self, line: Line) -> timedelta:
        """The time between two texts of a line, whose channel others may share."""
        sharing = query(SHARING, line.channel).fetchone()[0]
        number_s = paces.every_s(paces.of_number(line.number)) or self.number_s
        return timedelta(seconds=max(number_s, self.channel_s * sharing))


@transaction
def set_day(line: Line, texts: int, now: datetime) -> None:
    """How many texts of plans may leave from a line in a day; plans that wait for its next one are
    looked at again."""
    waiting = (SmartPlan.line == line) & (SmartPlan.state == "on") & (SmartPlan.due_at > now)
    SmartPlan.update(due_at=now).where(waiting).execute()
    line.plan_texts_a_day = texts
    line.save(only=[Line.plan_texts_a_day])


class Room:
    """How many texts of plans may leave from a line now: no more than its pace sends in the next
    minute, so that nobody's own text stands behind thousands; its fair share, where several plans
    wait for it; and no more than the line's day allows."""

    def __init__(self, plan: SmartPlan, pace: Pace, now: datetime, most: int) -> None:
        self.line: Line | None = plan.line
        self.now, self.messages = now, most
        if self.line is None:
            return
        self.every = pace.between(self.line)
        self.filled = max(self.line.plans_until or now, now)
        self.zone = Account.get_by_id(plan.account_id).timezone
        self.today = boundaries.day_of(now, self.zone)
        self.sent = self.line.plans_sent if self.line.plans_day == self.today else 0
        rivals = query(RIVALS, self.line.id, now).fetchone()[0]
        free, today = self._free()
        self.messages = max(0, min(most, -(-free // max(1, rivals)), today))

    def _free(self) -> tuple[int, int]:
        """Texts that fit into the next minute, and into the day."""
        assert self.line is not None
        fit = int((self.now + AHEAD - self.filled) / self.every)
        return fit, self.line.plan_texts_a_day - self.sent

    def used(self, messages: int) -> None:
        """So many are on their way."""
        if self.line is not None and messages:
            self.filled += messages * self.every
            self.sent += messages
            query(SET_LINE, self.filled, self.today, self.sent, self.line.id)

    def opens_at(self) -> datetime:
        """When more may leave: now, unless the line is full."""
        if self.line is None:
            return self.now
        fit, today = self._free()
        if today < 1:
            return boundaries.day_starts(self.today + timedelta(days=1), self.zone)
        return self.now if fit >= 1 else self.filled - AHEAD + max(WORTH, self.every)
