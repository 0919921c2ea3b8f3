"""Which thresholds accounts have crossed (R18, R19), and what of theirs will expire (R20).

A charge that crosses a threshold marks its period, so nobody has to look at every account.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ledger import periods, standing
from ledger.books import announcement, level
from ledger.database import instant, query, session, transaction
from ledger.models import Alert
from ledger.standing import Standing

CROSSED = """
    SELECT account_id FROM period WHERE alert_due AND NOT closed ORDER BY account_id LIMIT %s"""
TOLD = "UPDATE period SET alerted = %s, alert_due = %s WHERE id = %s"
EXPIRING = """
    SELECT account_id, id FROM credit_grant
    WHERE remaining > 0 AND announce_at IS NOT NULL AND announce_at <= %s
    ORDER BY announce_at LIMIT %s"""
GRANT = "SELECT remaining, expires_at, announce_at FROM credit_grant WHERE id = %s"
ANNOUNCE_NEXT = "UPDATE credit_grant SET announce_at = %s WHERE id = %s"


@dataclass(frozen=True)
class Crossing:
    """A threshold that an account has crossed and was not told of before."""

    id: int
    threshold: int  # percent
    standing: Standing


@dataclass(frozen=True)
class Expiry:
    """Credits of one grant that will expire unless they are used before."""

    grant: int
    credits: int
    expires_at: datetime
    standing: Standing


def crossed(most: int = 100) -> list[int]:
    """Accounts that have crossed a threshold, at most so many."""
    with session():
        return [row[0] for row in query(CROSSED, most).fetchall()]


@transaction
def cross(account_id: int, now: datetime) -> Crossing | None:
    """The highest threshold crossed, once: in the caller's transaction it counts as told (R19).

    None if a grant has come meanwhile, or it was told at this limit before.
    """
    books = periods.lock(account_id, now)
    reached = level(books.used, books.limit)
    query(TOLD, max(books.alerted, reached), False, books.period)
    if reached <= books.alerted:
        return None
    alert, new = Alert.get_or_create(
        period=books.period, threshold=reached, limit=books.limit,
        defaults={"used": books.used, "made_at": books.now},
    )  # fmt: skip
    return Crossing(alert.id, reached, standing.of(account_id, now)) if new else None


def expiring(now: datetime, most: int = 100) -> list[tuple[int, int]]:
    """Accounts and their grants of which it is time to say that they will expire."""
    with session():
        return [(row[0], row[1]) for row in query(EXPIRING, now, most).fetchall()]


@transaction
def announce(account_id: int, grant: int, now: datetime) -> Expiry | None:
    """What is left of the grant, once per announcement; None if nothing is, or it was said."""
    books = periods.lock(account_id, now)
    remaining, expires_at, announce_at = query(GRANT, grant).fetchone()
    if announce_at is None or instant(announce_at) > books.now:
        return None
    expires_at = instant(expires_at)
    if books.kind == "frozen":
        # It does not age; said again when the account has thawed (its times move then).
        query(ANNOUNCE_NEXT, None, grant)
        return None
    query(ANNOUNCE_NEXT, announcement(expires_at, books.now), grant)
    if not remaining:
        return None
    return Expiry(grant, remaining, expires_at, standing.of(account_id, now))
