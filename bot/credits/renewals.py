"""Renewals and expiries of the accounts to which nothing else comes (R9, R20)."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import structlog

from bot import clock
from ledger import periods
from ledger.database import is_sqlite

log = structlog.get_logger()

HANDS = 3  # at once, where accounts are locked by row


def book_due() -> int:
    """Books every boundary and expiry that is due, some accounts in a commit. Returns how many
    accounts there were."""
    hands = 1 if is_sqlite() else HANDS
    if not periods.due(clock.now(), most=1):
        return 0
    broken = threading.Event()
    with ThreadPoolExecutor(hands, "renewals") as pool:
        booked = sum(pool.map(lambda _: _book_batches(broken), range(hands)))
    return booked + _one_by_one() if broken.is_set() else booked


def _book_batches(broken: threading.Event) -> int:
    booked = 0
    while not broken.is_set():
        began = time.monotonic()
        try:
            turned = periods.turn_due(clock.now())
        except Exception:
            log.exception("renewals.batch_failed")
            broken.set()
            break
        booked += turned
        if turned < periods.BATCH:
            return booked
        if is_sqlite():  # one writer at a time: texts that wait for their turn get it now
            time.sleep(2 * (time.monotonic() - began))
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
