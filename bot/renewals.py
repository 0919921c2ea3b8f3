"""Renewals and expiries of the accounts to which nothing else comes (R9, R20)."""

from __future__ import annotations

import structlog

from bot import clock
from ledger import periods

log = structlog.get_logger()


def book_due() -> int:
    """Books every boundary and expiry that is due, some accounts in a commit. Returns how many
    accounts there were."""
    booked = 0
    while True:
        try:
            turned = periods.turn_due(clock.now())
        except Exception:
            log.exception("renewals.batch_failed")
            return booked + _one_by_one()
        booked += turned
        if turned < periods.BATCH:
            return booked


def _one_by_one() -> int:
    """One account whose books cannot be turned must not keep all others from theirs."""
    booked, now = 0, clock.now()
    for account in periods.due(now):
        try:
            periods.turn(account, now)
            booked += 1
        except Exception:
            log.exception("renewal.failed", account_id=account)
    return booked
