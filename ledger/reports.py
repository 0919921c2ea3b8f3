"""What credits were used for, and how long they will last. Reads, no writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from ledger import boundaries
from ledger.database import instant, query
from ledger.standing import Standing

PACE_DAYS, LEAST_DAYS = 14, 3

USED = """
    SELECT entry.kind, entry.amount, entry.message, COALESCE(charge.actor, entry.actor),
           COALESCE(charge.kind, entry.kind), entry.made_at
    FROM entry LEFT JOIN entry AS charge ON charge.id = entry.charge_id
    WHERE entry.account_id = %s AND entry.made_at >= %s AND entry.made_at < %s
      AND entry.kind IN ('charge_in', 'charge_out', 'charge_call', 'refund')
    ORDER BY entry.made_at, entry.number"""
SPENT = """
    SELECT COALESCE(SUM(amount), 0) FROM entry
    WHERE account_id = %s AND made_at >= %s AND made_at < %s
      AND kind IN ('charge_in', 'charge_out', 'charge_call', 'refund')"""
HISTORY = """
    SELECT number, kind, amount, balance, reason, actor, message, made_at FROM entry
    WHERE account_id = %s AND number < %s ORDER BY number DESC LIMIT %s"""


@dataclass(frozen=True)
class Use:
    """One charge or refund: which text or call it was for, and when."""

    refund: bool
    credits: int  # positive, for a refund too
    message: int  # or call
    member: str | None  # who sent the text; None for a text in, and for a call
    kind: str  # of the charge: charge_in, charge_out, charge_call
    day: date

    @property
    def inbound(self) -> bool:
        """Whether it was for a text in."""
        return self.kind == "charge_in"

    @property
    def call(self) -> bool:
        """Whether it was for the minutes of a call."""
        return self.kind == "charge_call"


@dataclass
class Row:
    """One line of a report."""

    label: str
    texts_in: int = 0
    texts_out: int = 0
    credits_in: int = 0
    credits_out: int = 0
    refunded: int = 0
    calls: int = 0  # that were forwarded
    credits_calls: int = 0

    @property
    def charged(self) -> int:
        """What was taken."""
        return self.credits_in + self.credits_out + self.credits_calls

    @property
    def credits(self) -> int:
        """What it came to: charges less refunds."""
        return self.charged - self.refunded

    def add(self, use: Use) -> None:
        """Counts a charge or a refund."""
        if use.refund:
            self.refunded += use.credits
        elif use.call:
            self.calls += 1
            self.credits_calls += use.credits
        elif use.inbound:
            self.texts_in += 1
            self.credits_in += use.credits
        else:
            self.texts_out += 1
            self.credits_out += use.credits


@dataclass(frozen=True)
class Span:
    """A stretch of whole days of an account, the last one not included."""

    first: date
    end: date
    zone: str

    @classmethod
    def of_month(cls, day: date, zone: str) -> Span:
        """The month that this day is in."""
        first = day.replace(day=1)
        return cls(first, boundaries.months_on(first, 1), zone)

    @property
    def starts_at(self) -> datetime:
        """The first day's start."""
        return boundaries.day_starts(self.first, self.zone)

    @property
    def ends_at(self) -> datetime:
        """The end day's start."""
        return boundaries.day_starts(self.end, self.zone)

    def days(self) -> Iterator[date]:
        """Each day of it."""
        day = self.first
        while day < self.end:
            yield day
            day += timedelta(days=1)


def used(account_id: int, span: Span) -> list[Use]:
    """Every charge and refund of these days, in order."""
    zone = ZoneInfo(span.zone)
    return [
        Use(
            kind == "refund", abs(amount), message, actor if of == "charge_out" else None, of,
            instant(made_at).astimezone(zone).date(),
        )
        for kind, amount, message, actor, of, made_at in query(
            USED, account_id, span.starts_at, span.ends_at
        ).fetchall()
    ]  # fmt: skip


def group(uses: Iterable[Use], label: Callable[[Use], str]) -> list[Row]:
    """The uses summed up by what `label` calls them, in the order in which labels come."""
    rows: dict[str, Row] = {}
    for use in uses:
        name = label(use)
        rows.setdefault(name, Row(name)).add(use)
    return list(rows.values())


def total(rows: Iterable[Row]) -> Row:
    """The sum of all rows."""
    every = Row("Total")
    for row in rows:
        every.texts_in += row.texts_in
        every.texts_out += row.texts_out
        every.credits_in += row.credits_in
        every.credits_out += row.credits_out
        every.refunded += row.refunded
        every.calls += row.calls
        every.credits_calls += row.credits_calls
    return every


@dataclass(frozen=True)
class Past:
    """An entry as /credits history shows it."""

    number: int
    kind: str
    amount: int
    balance: int
    reason: str
    actor: str
    message: int | None
    made_at: datetime


def history(account_id: int, before: int | None = None, most: int = 15) -> list[Past]:
    """The newest entries, or those before this number, newest first."""
    rows = query(HISTORY, account_id, before or 2**31 - 1, most).fetchall()
    return [
        Past(number, kind, amount, left, reason, actor, message, instant(made_at))
        for number, kind, amount, left, reason, actor, message, made_at in rows
    ]


@dataclass(frozen=True)
class Forecast:
    """How fast credits go, from whole days past, and how long they last at that pace."""

    days: int  # that were looked at: up to 14, today not among them
    spent: int  # credits in those days
    runs_out_at: datetime | None  # before the renewal, if there is one
    rolls_over: int | None  # about what is left at the renewal

    @property
    def a_day(self) -> float:
        """Credits a day."""
        return self.spent / self.days


def forecast(account: Standing, now: datetime) -> Forecast | None:
    """At the pace of the last 14 whole days, or of as many as there were; None below three."""
    today = boundaries.day_of(now, account.timezone)
    days = min(PACE_DAYS, (today - boundaries.day_of(account.opened_at, account.timezone)).days - 1)
    if days < LEAST_DAYS:
        return None
    span = Span(today - timedelta(days=days), today, account.timezone)
    spent = -query(SPENT, account.account, span.starts_at, span.ends_at).fetchone()[0]
    spent = max(0, spent)
    rate = spent / days
    left = max(0, account.balance)
    ends_at, runs_out_at = account.ends_at, None
    if spent and left / rate < 366:
        runs_out_at = now + timedelta(days=left / rate)
        if ends_at is not None and runs_out_at >= ends_at:
            runs_out_at = None
    rolls_over = None
    if ends_at is not None and runs_out_at is None:
        rolls_over = max(0, round(left - rate * ((ends_at - now) / timedelta(days=1))))
    return Forecast(days, spent, runs_out_at, rolls_over)
