"""Paces: how fast one number, one channel or one mail server is used, and until when it is shut."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.carriers import Timing
from ledger.database import instant, query, transaction

ADD = "INSERT INTO pace (key, next_at) VALUES (%s, %s) ON CONFLICT (key) DO NOTHING"
LOCK = "SELECT next_at, shut_until, every_s FROM pace WHERE key = %s FOR UPDATE"
TAKE = "UPDATE pace SET next_at = %s WHERE key = %s"
SHUT = "UPDATE pace SET shut_until = %s, next_at = %s WHERE key = %s"
OPEN = "UPDATE pace SET shut_until = NULL, next_at = %s WHERE key = %s"
EVERY = "SELECT every_s FROM pace WHERE key = %s"
SET_EVERY = "UPDATE pace SET every_s = %s WHERE key = %s"


def of_number(number: str) -> str:
    """The pace at which texts leave a number."""
    return f"number:{number}"


def of_channel(channel: str) -> str:
    """The pace at which posts come into a channel, or to a person."""
    return f"channel:{channel}"


@transaction
def every_s(pace: str) -> float | None:
    """The seconds between two that this pace has of its own; None where it has the settings'."""
    row = query(EVERY, pace).fetchone()
    return None if row is None else row[0]


@transaction
def set_every_s(pace: str, seconds: float | None, now: datetime) -> None:
    """Has this pace go by seconds of its own from now on; None: by the settings'."""
    query(ADD, pace, now)
    query(SET_EVERY, seconds, pace)


def slot(pace: str, has_slot: bool, now: datetime, timing: Timing) -> datetime:
    """When this pace lets a lane go; one that waited for its slot goes, unless the pace is shut."""
    row = query(LOCK, pace).fetchone()
    if row is None:
        query(ADD, pace, now)
        row = query(LOCK, pace).fetchone()
    next_at, is_shut = instant(row[0]), row[1] is not None and instant(row[1]) > now
    if has_slot and not is_shut:
        return now
    every, burst = _rate(pace, timing)
    every = every if row[2] is None else timedelta(seconds=row[2])
    query(TAKE, max(next_at, now) + every, pace)
    return max(now, next_at - every * (burst - 1))


def shut(pace: str, until: datetime, timing: Timing) -> None:
    """Lets nothing go before then, for the peer said so."""
    every, burst = _rate(pace, timing)
    query(SHUT, until, until + every * burst, pace)


def open_again(pace: str, now: datetime) -> None:
    """Lets go what a shut pace held up."""
    query(OPEN, now, pace)


def _rate(pace: str, timing: Timing) -> tuple[timedelta, int]:
    rate = timing.rates[pace.partition(":")[0]]
    return timedelta(seconds=rate.every_s), rate.burst
