"""Lanes: the queues of what leaves. A lane's row is its lock, and says when its head is due."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from bot.carriers import crew
from ledger.database import instant, query

LOCK = "SELECT name FROM lane WHERE name = %s FOR UPDATE"
SET_DUE = "UPDATE lane SET due_at = %s, has_slot = %s WHERE name = %s"
REOPEN = "UPDATE lane SET due_at = %s, has_slot = false, crew = %s WHERE name = %s"
HEAD = """
    SELECT id, key, kind, lane, pace, payload, state, tries, claim, due_at, attempted_at,
           lease_until, looks
    FROM delivery WHERE id = COALESCE(
        (SELECT id FROM delivery WHERE lane = %s AND state IN ('sending', 'unknown')),
        (SELECT id FROM delivery WHERE lane = %s AND state IN ('queued', 'sending', 'unknown')
         ORDER BY id LIMIT 1))"""


class Head(NamedTuple):
    """The first live row of a lane, as the database has it."""

    id: int
    key: str
    kind: str
    lane: str
    pace: str
    payload: str
    state: str
    tries: int
    claim: str
    due_at: Any
    attempted_at: Any
    lease_until: Any
    looks: int


def lock(lane: str) -> None:
    """Holds the lane until the caller's transaction ends; several are locked by their names."""
    query(LOCK, lane)


def head(lane: str) -> Head | None:
    """What this lane is at, or else what leaves next in it."""
    row = query(HEAD, lane, lane).fetchone()
    return Head(*row) if row else None


def set_due(lane: str, at: datetime | None, has_slot: bool = False) -> None:
    """When a worker next looks at the lane; None: once something new is in it. One that `has_slot`
    will have waited for its turn on its pace by then."""
    query(SET_DUE, at, has_slot, lane)


def reopen(lane: str) -> None:
    """Makes the lane due when its head is, for those who take it; idle when nothing is left."""
    first = head(lane)
    if first is None:
        set_due(lane, None)
    else:
        query(REOPEN, instant(first.due_at), crew(first.kind), lane)
