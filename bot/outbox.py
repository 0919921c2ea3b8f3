"""The door out: what leaves is written as a delivery in the same transaction as its cause.

A worker claims the head of a lane, commits the claim, makes ONE attempt, and records what came of
it. An attempt whose outcome nobody knows (a time-out, a 5xx, a killed worker) leaves the delivery
`unknown`: it is looked up at the peer, and sent again only when the looks came back empty.

    queued → sending → done | failed | parked
                ↓  ↑ (after empty looks)
              unknown → done | parked
"""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import structlog

from bot import clock, models, tally
from bot.carriers import (
    Again,
    Broken,
    Carrier,
    Carriers,
    Delivery,
    Done,
    Failed,
    NotThere,
    Outcome,
    Timing,
    Unknown,
    crew,
)
from bot.models import Lane
from ledger import rows
from ledger.database import instant, query, session, transaction, wake_workers

log = structlog.get_logger()


GIVE_UP_AFTER = 40  # tries that were surely not taken, or looks that broke (about a day)
SOON_S = 3  # before a look at a peer that lists at once
BACKOFF_S = (1, 2, 5, 15, 60, 300, 1800)
UNSEEN = -1  # looks, of what was parked while nobody knew whether it arrived

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
DUE_LANES = """
    SELECT name, has_slot FROM lane WHERE crew = %s AND due_at <= %s
    ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED"""
# The attempt that a lane is at; then the oldest, which may have come back behind it.
HEAD = """
    SELECT id, key, kind, lane, pace, payload, state, tries, claim, due_at, attempted_at,
           lease_until, looks
    FROM delivery WHERE id = COALESCE(
        (SELECT id FROM delivery WHERE lane = %s AND state IN ('sending', 'unknown')),
        (SELECT id FROM delivery WHERE lane = %s AND state IN ('queued', 'sending', 'unknown')
         ORDER BY id LIMIT 1))"""
SET_LANE = "UPDATE lane SET due_at = %s, has_slot = %s WHERE name = %s"
REOPEN = "UPDATE lane SET due_at = %s, has_slot = false, crew = %s WHERE name = %s"
LOCK_LANE = "SELECT name FROM lane WHERE name = %s FOR UPDATE"
START = """
    UPDATE delivery SET state = 'sending', tries = tries + 1, looks = 0, claim = %s,
           attempted_at = %s, lease_until = %s WHERE id = %s"""
START_LOOK = "UPDATE delivery SET lease_until = %s WHERE id = %s AND state = 'unknown'"
LOOK_FIRST = "UPDATE delivery SET state = 'unknown', looks = 0 WHERE id = %s AND state = 'queued'"
LOSE = """
    UPDATE delivery SET state = 'unknown', due_at = %s, error = %s
    WHERE id = %s AND state = 'sending'"""
FINISH = """
    UPDATE delivery SET state = %s, error = %s, due_at = %s, done_at = %s, looks = looks + %s,
           tries = tries + %s
    WHERE id = %s AND claim = %s AND state IN ('sending', 'unknown')"""
LOOKS = "SELECT looks FROM delivery WHERE id = %s"
LOCK_PACE = "SELECT next_at, shut_until, every_s FROM pace WHERE key = %s FOR UPDATE"
ADD_PACE = "INSERT INTO pace (key, next_at) VALUES (%s, %s) ON CONFLICT (key) DO NOTHING"
SET_PACE = "UPDATE pace SET next_at = %s WHERE key = %s"
EVERY = "SELECT every_s FROM pace WHERE key = %s"
SET_EVERY = "UPDATE pace SET every_s = %s WHERE key = %s"
SHUT_PACE = "UPDATE pace SET shut_until = %s, next_at = %s WHERE key = %s"
WITNESSED = "UPDATE delivery SET state = 'done', done_at = %s WHERE id = %s AND state = 'unknown'"
OVERTAKEN = """
    UPDATE delivery SET state = 'done', done_at = %s WHERE id = %s AND EXISTS (
        SELECT 1 FROM delivery AS newer
        WHERE newer.replaces = delivery.replaces AND newer.state = 'queued'
          AND newer.id > delivery.id)"""
DUE = """
    SELECT CAST(%s AS TEXT) WHERE EXISTS (SELECT 1 FROM lane WHERE crew = %s AND due_at <= %s)"""
UNPARK = """
    UPDATE delivery SET state = 'queued', tries = 0, due_at = %s WHERE state = 'parked'
    RETURNING lane"""
UNPARK_PACE = """
    UPDATE delivery SET state = 'queued', tries = 0, due_at = %s
    WHERE state = 'parked' AND pace = %s RETURNING lane"""
PUT_OFF_LANES = "SELECT name FROM lane WHERE due_at > %s ORDER BY name"
OPEN_PACE = "UPDATE pace SET shut_until = NULL, next_at = %s WHERE key = %s"
HURRY = """
    UPDATE delivery SET due_at = %s, pace = %s WHERE lane = %s AND pace = %s AND state = 'queued'"""
OPEN_AGAIN = "UPDATE lane SET due_at = COALESCE(due_at, %s) WHERE name = %s"


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
    lanes = sorted(crews)  # locked in one order by all who do this
    rows.insert(Lane, LANE, [(lane, now, False, crews[lane]) for lane in lanes], OPENED)
    written = [
        (item.key, item.kind, item.lane, item.pace,
         json.dumps(item.payload, separators=(",", ":")), "queued", 0, 0, now, now)
        for item in items
    ]  # fmt: skip
    rows.insert(models.Delivery, DELIVERY, written, "ON CONFLICT (key) DO NOTHING")
    wake_workers()


@transaction
def claim(room: Mapping[str, int], carriers: Carriers, timing: Timing) -> list[Delivery]:
    """Claims due deliveries, each the head of its lane, at most so many for each crew, and commits
    the claims."""
    now = clock.now()
    heads = []
    for hands, most in room.items():
        for lane, has_slot in query(DUE_LANES, hands, now, most).fetchall():
            head = _head(lane)
            if head is None:
                query(SET_LANE, None, False, lane)
            else:
                heads.append((head, bool(has_slot)))
    # By pace, so that two workers lock the paces in one order.
    heads.sort(key=lambda pair: pair[0].pace)
    claims = (_claim_head(head, has_slot, now, carriers, timing) for head, has_slot in heads)
    return [delivery for delivery in claims if delivery]


def _head(lane: str) -> Head | None:
    row = query(HEAD, lane, lane).fetchone()
    return Head(*row) if row else None


def _claim_head(
    head: Head, has_slot: bool, now: datetime, carriers: Carriers, timing: Timing
) -> Delivery | None:
    state, due, token, attempted = head.state, instant(head.due_at), head.claim, now
    if state == "sending":  # its worker died: nobody finished it before the lease ended
        late = timing.look_after_s if carriers[head.kind].lists_late else 0
        state, due = "unknown", instant(head.lease_until) + timedelta(seconds=late)
        if not query(LOSE, due, "the worker was killed", head.id).rowcount:
            return None  # finished this instant; whoever finished it sets the lane
    elif state == "queued" and head.looks == UNSEEN:
        state = "unknown"
        query(LOOK_FIRST, head.id)
    if due > now:
        query(SET_LANE, due, has_slot, head.lane)
        return None
    lease_until = now + timedelta(seconds=timing.lease_s)
    if state == "queued":
        if (slot := _slot(head.pace, has_slot, now, timing)) > now:
            query(SET_LANE, slot, True, head.lane)
            return None
        token = secrets.token_hex(8)
        query(START, token, now, lease_until, head.id)
    else:
        if not query(START_LOOK, lease_until, head.id).rowcount:
            return None
        attempted = instant(head.attempted_at)
    query(SET_LANE, lease_until, False, head.lane)
    return Delivery(
        head.id, head.key, head.kind, head.lane, head.pace, json.loads(head.payload), token,
        head.tries + (state == "queued"), attempted, lease_until, unknown=state == "unknown",
    )  # fmt: skip


def _slot(pace: str, has_slot: bool, now: datetime, timing: Timing) -> datetime:
    """When this pace lets a lane go; one that waited for its slot goes, unless the pace is shut."""
    row = query(LOCK_PACE, pace).fetchone()
    if row is None:
        query(ADD_PACE, pace, now)
        row = query(LOCK_PACE, pace).fetchone()
    next_at, shut = instant(row[0]), row[1] is not None and instant(row[1]) > now
    if has_slot and not shut:
        return now
    every, burst = _rate(pace, timing)
    every = every if row[2] is None else timedelta(seconds=row[2])
    query(SET_PACE, max(next_at, now) + every, pace)
    return max(now, next_at - every * (burst - 1))


@transaction
def set_pace(pace: str, every_s: float | None, now: datetime) -> None:
    """Has this pace go by seconds of its own from now on; None: by the settings'."""
    query(ADD_PACE, pace, now)
    query(SET_EVERY, every_s, pace)


@transaction
def pace_of(pace: str) -> float | None:
    """Its own seconds, if it has any."""
    row = query(EVERY, pace).fetchone()
    return None if row is None else row[0]


def _rate(pace: str, timing: Timing) -> tuple[timedelta, int]:
    rate = timing.rates[pace.partition(":")[0]]
    return timedelta(seconds=rate.every_s), rate.burst


def may_start(delivery: Delivery, timing: Timing) -> bool:
    """Whether enough of the lease is left for an attempt to end inside it."""
    return clock.now() + timedelta(seconds=timing.start_margin_s) <= delivery.lease_until


Attempt = tuple[Delivery, Outcome]


def finish(delivery: Delivery, outcome: Outcome, carriers: Carriers, timing: Timing) -> None:
    """Records what came of an attempt or a look, with all that follows from it."""
    finish_all([(delivery, outcome)], carriers, timing)


@transaction
def finish_all(attempts: list[Attempt], carriers: Carriers, timing: Timing) -> None:
    """The same for several, in one commit."""
    now = clock.now()
    # Settling may lock accounts and conversations, which come before lanes.
    shut = [_record(*attempt, carriers, timing, now) for attempt in attempts]
    for lane in sorted({delivery.lane for delivery, _ in attempts}):
        query(LOCK_LANE, lane)
        _reopen(lane)
    for pace, until in sorted(pair for pair in shut if pair):
        every, burst = _rate(pace, timing)
        query(SHUT_PACE, until, until + every * burst, pace)


def _record(
    delivery: Delivery, outcome: Outcome, carriers: Carriers, timing: Timing, now: datetime
) -> tuple[str, datetime] | None:
    """Writes one outcome. Returns the pace it shuts and until when, if it does."""
    carrier = carriers[delivery.kind]
    state, error, due, empty_looks = _verdict(delivery, outcome, now, carrier, timing)
    ended = now if state in ("done", "failed") else None
    uncounted = _is_patient(outcome) and delivery.tries > len(BACKOFF_S)
    more = 1 if isinstance(outcome, Broken) and delivery.unknown else -int(uncounted)
    ours = query(
        FINISH, state, error, due, ended, empty_looks, more, delivery.id, delivery.claim
    ).rowcount  # fmt: skip
    if not ours:
        # Somebody else resolved it, or is sending it again. That the peer has it still counts.
        log.warning("outbox.overtaken", delivery_id=delivery.id, outcome=type(outcome).__name__)
        if isinstance(outcome, Done):
            carrier.settle(delivery, outcome, now)
        return None
    if isinstance(outcome, Done | Failed):
        carrier.settle(delivery, outcome, now)
    elif state == "queued":
        query(OVERTAKEN, now, delivery.id)
    tally.count("delivery_attempts_total", f'kind="{delivery.kind}",outcome="{state}"')
    if isinstance(outcome, Again) and outcome.shuts_pace:
        return delivery.pace, due
    return None


def _verdict(
    delivery: Delivery, outcome: Outcome, now: datetime, carrier: Carrier, timing: Timing
) -> tuple[str, str | None, datetime, int]:
    """The delivery's next state, its error, when it is due, and how many looks were empty."""
    match outcome:
        case Done():
            return "done", None, now, 0
        case Failed(why=why):
            return "failed", why[:500], now, 0
        case Again(after_s=after_s, why=why) if delivery.unknown:
            return "unknown", why[:500], now + timedelta(seconds=after_s), 0
        case Again(after_s=after_s, why=why):
            wait = max(after_s, BACKOFF_S[min(delivery.tries, len(BACKOFF_S)) - 1])
            if outcome.patient and outcome.shuts_pace:
                wait = after_s  # one of all that wait is tried then, and tells when it is mended
            elif delivery.tries >= GIVE_UP_AFTER and not outcome.patient:
                return "parked", why[:500], now, 0
            return "queued", why[:500], now + timedelta(seconds=wait), 0
        case Broken(why=why) if delivery.unknown:
            if delivery.tries >= GIVE_UP_AFTER:
                return "parked", why[:500], now, UNSEEN - _looks(delivery)
            wait = BACKOFF_S[min(delivery.tries, len(BACKOFF_S)) - 1]
            return "unknown", why[:500], now + timedelta(seconds=wait), 0
        case Unknown(why=why) | Broken(why=why):
            soon = now + timedelta(seconds=SOON_S)
            look_at = soon if isinstance(outcome, Unknown) else delivery.lease_until
            if carrier.lists_late:
                look_at = delivery.lease_until + timedelta(seconds=timing.look_after_s)
            return "unknown", why[:500], look_at, 0
        case NotThere(enough=enough):
            looks = _looks(delivery)
            if looks + 1 >= enough and delivery.tries >= GIVE_UP_AFTER:
                return "parked", "not at the peer, however often it was sent", now, 1
            if looks + 1 >= enough:
                return "queued", "not at the peer: sent again", now, 1
            look_at = now + timedelta(seconds=timing.look_apart_s)
            return "unknown", "not at the peer yet", look_at, 1


def _looks(delivery: Delivery) -> int:
    return int(query(LOOKS, delivery.id).fetchone()[0])


def _is_patient(outcome: Outcome) -> bool:
    return isinstance(outcome, Again) and outcome.patient


def _reopen(lane: str) -> None:
    """Makes the lane due when its head is, for those who take it; idle when nothing is left."""
    head = _head(lane)
    if head is None:
        query(SET_LANE, None, False, lane)
    else:
        query(REOPEN, instant(head.due_at), crew(head.kind), lane)


def due(crews: Iterable[str]) -> list[str]:
    """For which of these crews a claim would find a lane: a read that holds up nobody."""
    now = clock.now()
    asked = [(name, name, now) for name in crews]
    if not asked:
        return []
    with session():
        found = query(" UNION ALL ".join([DUE] * len(asked)), *itertools.chain(*asked))
        return [row[0] for row in found.fetchall()]


@transaction
def resolve(key: str, now: datetime) -> None:
    """A witness (a status callback) says that this delivery arrived: it is done."""
    row = query("SELECT id, lane FROM delivery WHERE key = %s", key).fetchone()
    if row is None:
        return
    query(LOCK_LANE, row[1])
    if query(WITNESSED, now, row[0]).rowcount:
        _reopen(row[1])


@transaction
def retry_parked() -> int:
    """Puts every parked delivery back. Returns how many."""
    now = clock.now()
    lanes = [row[0] for row in query(UNPARK, now).fetchall()]
    for lane in sorted(set(lanes)):
        query(OPEN_AGAIN, now, lane)
    return len(lanes)


@transaction
def hurry(pace: str, instead: str | None = None) -> int:
    """Tries at once what waits to be tried again on this pace, for its cause was mended; on another
    pace if that is where it goes now. Returns of how many lanes."""
    now = clock.now()
    parked = {row[0] for row in query(UNPARK_PACE, now, pace).fetchall()}
    put_off = {row[0] for row in query(PUT_OFF_LANES, now).fetchall()}
    hurried = 0
    for shut in {pace, instead or pace}:
        query(OPEN_PACE, now, shut)
    for lane in sorted(parked | put_off):
        query(LOCK_LANE, lane)
        head = _head(lane)
        if head and head.pace == pace and head.state == "queued":
            query(HURRY, now, instead or pace, lane, pace)
            query(SET_LANE, now, False, lane)
            hurried += 1
    wake_workers()
    return hurried
