"""What was done long ago and nobody will ask for: rows of the two doors, and of files that were
imported (docs/scaling.md)."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from bot import clock
from bot.texts import keystrokes
from ledger.database import instant, query, transaction

log = structlog.get_logger()

KEPT = timedelta(days=30)  # longer than any sender repeats itself
BATCH = 1000  # rows in one commit

# Rows come in the order of their time, near enough: the first ones by id are the oldest, and only
# those are looked at. What is parked or under way stays.
OLDEST = {
    "inbox": "SELECT id, done_at FROM inbox WHERE state = 'done' ORDER BY id LIMIT %s",
    "delivery": """
        SELECT id, done_at FROM delivery WHERE state IN ('done', 'failed') ORDER BY id LIMIT %s""",
}
FORGET = {
    "inbox": "DELETE FROM inbox WHERE id = %s AND state = 'done'",
    "delivery": "DELETE FROM delivery WHERE id = %s AND state IN ('done', 'failed')",
}
OLD_SHEET = "DELETE FROM sheet WHERE id = (SELECT id FROM sheet WHERE made_at < %s LIMIT 1)"


def forget() -> int:
    """Deletes what both doors were done with 30 days ago, imports of that age, and what stood in
    composers a day ago. Returns how many rows."""
    before, gone = clock.now() - KEPT, keystrokes.forget(clock.now())
    while _old_sheet(before):
        gone += 1
    for table in OLDEST:
        while forgotten := _batch(table, before):
            gone += forgotten
            if forgotten < BATCH:
                break
    if gone:
        log.info("retention.forgot", rows=gone)
    return gone


@transaction
def _old_sheet(before: datetime) -> int:
    """Deletes one import with its rows: they may be many."""
    return int(query(OLD_SHEET, before).rowcount)


@transaction
def _batch(table: str, before: datetime) -> int:
    old = [
        id_
        for id_, done_at in query(OLDEST[table], BATCH).fetchall()
        if done_at is not None and instant(done_at) < before
    ]
    for id_ in old:
        query(FORGET[table], id_)
    return len(old)
