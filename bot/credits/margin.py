"""What the operator sees: invoices by month, and what credits bring beside what carriers cost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from ledger import boundaries
from ledger.database import instant, query, session
from ledger.reports import Span

PERIODS = """
    SELECT account.name, period.plan, period.plan_name, period.plan_credits, period.price_cents,
           period.starts_at, period.ends_at, period.timezone, period.closed
    FROM period JOIN account ON account.id = period.account_id
    WHERE period.starts_at >= %s AND period.starts_at < %s AND period.price_cents IS NOT NULL
    ORDER BY account.name, period.starts_at"""
# Had from when it was got until it was released, or moved to a Twilio account that others pay.
NUMBERS = """
    SELECT account.name, got.number, got.details, account.timezone, got.made_at, (
        SELECT MIN(after.done_at) FROM setup AS after
        WHERE after.line_id = got.line_id AND after.id <> got.id AND after.step = 'done'
          AND after.done_at > got.made_at) AS until
    FROM setup AS got JOIN account ON account.id = got.account_id
    WHERE got.kind = 'new' AND got.line_id IS NOT NULL AND got.made_at < %s
    ORDER BY account.name, got.line_id, got.made_at"""
# Parts carry Twilio's price of a text out, the message itself that of a text in.
TEXTS = """
    SELECT direction, kind, COUNT(*), SUM(credits), SUM(segments), SUM(price), COUNT(price)
    FROM (
        SELECT message.direction, message.kind, message.credits - message.refunded AS credits,
               message.carrier_segments AS segments,
               CASE WHEN message.direction = 'in' THEN message.price_micros ELSE (
                   SELECT CASE WHEN COUNT(*) = COUNT(price_micros) THEN SUM(price_micros) END
                   FROM part WHERE part.message_id = message.id
               ) END AS price
        FROM entry JOIN message ON message.id = entry.message
        WHERE entry.account_id = %s AND entry.made_at >= %s AND entry.made_at < %s
          AND entry.kind IN ('charge_in', 'charge_out')
    ) AS texts
    GROUP BY direction, kind ORDER BY direction, kind"""
ACCOUNTS = "SELECT id, name, timezone FROM account ORDER BY name"


@dataclass(frozen=True)
class Invoice:
    """What one period of an account is invoiced at: the dearest plan held in it, in full; or what
    a number is, for each month in which the account had it."""

    account: str
    plan: str
    name: str
    credits: int
    price_cents: int
    starts: date
    ends: date
    final: bool  # the period is over; before, a dearer plan may still be chosen


@dataclass(frozen=True)
class Margin:
    """One kind of text of one account in a month."""

    account: str
    direction: str
    kind: str
    texts: int
    credits: int  # charged, less what was given back
    segments: int  # the carrier's own count
    price_micros: int | None  # Twilio's, of those texts of which it is known
    priced: int  # how many those are

    @property
    def credits_a_segment(self) -> float:
        """Below 1, the flat rate card charges less than a credit for what carriers bill as one."""
        return self.credits / self.segments if self.segments else 0.0


def invoices(month: date, now: datetime) -> list[Invoice]:
    """The periods that began in this month, each in its account's own time zone."""
    first = datetime.combine(month.replace(day=1), time(), UTC)
    with session():
        rows = query(PERIODS, first - timedelta(days=2), first + timedelta(days=33)).fetchall()
    made = []
    for name, plan, plan_name, credits, cents, starts_at, ends_at, zone, closed in rows:
        starts = boundaries.day_of(instant(starts_at), zone)
        if (starts.year, starts.month) == (month.year, month.month):
            ends = boundaries.day_of(instant(ends_at), zone)
            made.append(Invoice(name, plan, plan_name, credits, cents, starts, ends, bool(closed)))
    return [*made, *_numbers(first.date(), now)]


def _numbers(first: date, now: datetime) -> Iterator[Invoice]:
    """The numbers that were got at a price, each month that was begun in full."""
    after = boundaries.months_on(first, 1)
    edge = datetime.combine(after, time(), UTC) + timedelta(days=1)
    with session():
        rows = query(NUMBERS, edge).fetchall()
    billed = set()  # got twice in a month, it is billed once
    for name, number, details, zone, got_at, gone_at in rows:
        cents = json.loads(details).get("price_cents")
        had = boundaries.day_of(instant(got_at), zone)
        until = boundaries.day_of(instant(gone_at), zone) if gone_at else None
        had_then = had < after and (until is None or until >= first)
        if cents and had_then and (name, number) not in billed:
            billed.add((name, number))
            over = boundaries.day_of(now, zone) >= after
            yield Invoice(name, "number", number, 0, cents, first, after, over)


def margins(month: date) -> Iterator[Margin]:
    """Each account's texts of this month, by direction and kind, in its own time zone."""
    with session():
        for account, name, zone in query(ACCOUNTS).fetchall():
            span = Span.of_month(month, zone)
            rows = query(TEXTS, account, span.starts_at, span.ends_at).fetchall()
            for direction, kind, texts, credits, segments, price, priced in rows:
                yield Margin(
                    name, direction, kind, int(texts), int(credits), int(segments),
                    None if price is None else int(price), int(priced),
                )  # fmt: skip
