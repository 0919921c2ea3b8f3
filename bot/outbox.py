"""The door out: what leaves is written as a delivery in the same transaction as its cause.

Here is all that the rest of the house does with deliveries. attempts.py has what a worker does with
them; lanes.py and paces.py have the order and the speed in which they leave.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from bot import clock, lanes, paces
from bot.carriers import crew
from bot.models import Delivery, Lane
from ledger import rows
from ledger.database import query, transaction, wake_workers

REPLACE = "UPDATE delivery SET payload = %s WHERE replaces = %s AND state = 'queued'"
ADD = """
    INSERT INTO delivery (key, kind, lane, pace, payload, replaces, state, tries, looks, due_at,
                          made_at)
    VALUES (%s, %s, %s, %s, %s, %s, 'queued', 0, 0, %s, %s) ON CONFLICT (key) DO NOTHING"""
# A lane that is due at some time has a head already; a new tail changes nothing for it.
OPENED = """
    ON CONFLICT (name) DO UPDATE SET due_at = COALESCE(lane.due_at, excluded.due_at),
        crew = CASE WHEN lane.due_at IS NULL THEN excluded.crew ELSE lane.crew END"""
OPEN_LANE = "INSERT INTO lane (name, due_at, has_slot, crew) VALUES (%s, %s, false, %s)" + OPENED  # noqa: S608
LANE = ("name", "due_at", "has_slot", "crew")
DELIVERY = (
    "key", "kind", "lane", "pace", "payload", "state", "tries", "looks", "due_at", "made_at",
)  # fmt: skip
WITNESSED = "UPDATE delivery SET state = 'done', done_at = %s WHERE id = %s AND state = 'unknown'"
UNPARK = """
    UPDATE delivery SET state = 'queued', tries = 0, due_at = %s WHERE state = 'parked'
    RETURNING lane"""
UNPARK_PACE = """
    UPDATE delivery SET state = 'queued', tries = 0, due_at = %s
    WHERE state = 'parked' AND pace = %s RETURNING lane"""
PUT_OFF_LANES = "SELECT name FROM lane WHERE due_at > %s ORDER BY name"
HURRY = """
    UPDATE delivery SET due_at = %s, pace = %s WHERE lane = %s AND pace = %s AND state = 'queued'"""
OPEN_AGAIN = "UPDATE lane SET due_at = COALESCE(due_at, %s) WHERE name = %s"


@transaction
def enqueue(
    key: str,
    kind: str,
    payload: Mapping[str, Any],
    *,
    lane: str,
    pace: str,
    replaces: str | None = None,
) -> None:
    """Queues a delivery in the caller's transaction; a second one with the same key is ignored.

    A delivery that `replaces` takes the place of a queued one of that name, if there is one.
    """
    now = clock.now()
    query(OPEN_LANE, lane, now, crew(kind))  # locks the lane
    body = json.dumps(payload, separators=(",", ":"))
    if replaces is None or not query(REPLACE, body, replaces).rowcount:
        query(ADD, key, kind, lane, pace, body, replaces, now, now)
    wake_workers()


def post_card(to: str, key: str, kind: str, payload: Mapping[str, Any]) -> None:
    """Queues a post of its own, in no thread, to a channel or a person."""
    told = {**payload, "to": to}
    enqueue(key, kind, told, lane=card_lane(to), pace=paces.of_channel(to))


def card_lane(to: str) -> str:
    """In which such posts to one channel or person, and their updates, leave in order."""
    return f"card:{to}"


class Item(NamedTuple):
    """A delivery to be queued with others."""

    key: str
    kind: str
    payload: Mapping[str, Any]
    lane: str
    pace: str


@transaction
def enqueue_all(items: Sequence[Item]) -> None:
    """Queues many deliveries in the caller's transaction, in their order."""
    if not items:
        return
    now = clock.now()
    crews = {item.lane: crew(item.kind) for item in reversed(items)}  # of the first in each lane
    names = sorted(crews)  # locked in one order by all who do this
    rows.insert(Lane, LANE, [(lane, now, False, crews[lane]) for lane in names], OPENED)
    written = [
        (item.key, item.kind, item.lane, item.pace,
         json.dumps(item.payload, separators=(",", ":")), "queued", 0, 0, now, now)
        for item in items
    ]  # fmt: skip
    rows.insert(Delivery, DELIVERY, written, "ON CONFLICT (key) DO NOTHING")
    wake_workers()


@transaction
def resolve(key: str, now: datetime) -> None:
    """A witness (a status callback) says that this delivery arrived: it is done."""
    row = query("SELECT id, lane FROM delivery WHERE key = %s", key).fetchone()
    if row is None:
        return
    lanes.lock(row[1])
    if query(WITNESSED, now, row[0]).rowcount:
        lanes.reopen(row[1])


@transaction
def retry_parked() -> int:
    """Puts every parked delivery back. Returns how many."""
    now = clock.now()
    unparked = [row[0] for row in query(UNPARK, now).fetchall()]
    for lane in sorted(set(unparked)):
        query(OPEN_AGAIN, now, lane)
    return len(unparked)


@transaction
def hurry(pace: str, instead: str | None = None) -> int:
    """Tries at once what waits to be tried again on this pace, for its cause was mended; on another
    pace if that is where it goes now. Returns of how many lanes."""
    now = clock.now()
    parked = {row[0] for row in query(UNPARK_PACE, now, pace).fetchall()}
    put_off = {row[0] for row in query(PUT_OFF_LANES, now).fetchall()}
    hurried = 0
    for shut in {pace, instead or pace}:
        paces.open_again(shut, now)
    for lane in sorted(parked | put_off):
        lanes.lock(lane)
        head = lanes.head(lane)
        if head and head.pace == pace and head.state == "queued":
            query(HURRY, now, instead or pace, lane, pace)
            lanes.set_due(lane, now)
            hurried += 1
    wake_workers()
    return hurried
