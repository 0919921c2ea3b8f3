"""Attempts: a worker claims the head of a lane, commits the claim, makes ONE attempt, and records
what came of it.

An attempt whose outcome nobody knows (a time-out, a 5xx, a killed worker) leaves the delivery
`unknown`: it is looked up at the peer, and sent again only when the looks came back empty.

    queued → sending → done | failed | parked
                ↓  ↑ (after empty looks)
              unknown → done | parked
"""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import structlog

from bot import clock, lanes, paces, tally
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
)
from bot.lanes import Head
from ledger.database import instant, query, session, transaction

log = structlog.get_logger()

Attempt = tuple[Delivery, Outcome]

GIVE_UP_AFTER = 40  # tries that were surely not taken, or looks that broke (about a day)
SOON_S = 3  # before a look at a peer that lists at once
BACKOFF_S = (1, 2, 5, 15, 60, 300, 1800)
UNSEEN = -1  # looks, of what was parked while nobody knew whether it arrived

DUE = """
    SELECT CAST(%s AS TEXT) WHERE EXISTS (SELECT 1 FROM lane WHERE crew = %s AND due_at <= %s)"""
DUE_LANES = """
    SELECT name, has_slot FROM lane WHERE crew = %s AND due_at <= %s
    ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED"""
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
OVERTAKEN = """
    UPDATE delivery SET state = 'done', done_at = %s WHERE id = %s AND EXISTS (
        SELECT 1 FROM delivery AS newer
        WHERE newer.replaces = delivery.replaces AND newer.state = 'queued'
          AND newer.id > delivery.id)"""


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
def claim(room: Mapping[str, int], carriers: Carriers, timing: Timing) -> list[Delivery]:
    """Claims due deliveries, each the head of its lane, at most so many for each crew, and commits
    the claims."""
    now = clock.now()
    heads = []
    for hands, most in room.items():
        for lane, has_slot in query(DUE_LANES, hands, now, most).fetchall():
            head = lanes.head(lane)
            if head is None:
                lanes.set_due(lane, None)
            else:
                heads.append((head, bool(has_slot)))
    # By pace, so that two workers lock the paces in one order.
    heads.sort(key=lambda pair: pair[0].pace)
    claims = (_claim_head(head, has_slot, now, carriers, timing) for head, has_slot in heads)
    return [delivery for delivery in claims if delivery]


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
        lanes.set_due(head.lane, due, has_slot)
        return None
    lease_until = now + timedelta(seconds=timing.lease_s)
    if state == "queued":
        if (slot := paces.slot(head.pace, has_slot, now, timing)) > now:
            lanes.set_due(head.lane, slot, has_slot=True)
            return None
        token = secrets.token_hex(8)
        query(START, token, now, lease_until, head.id)
    else:
        if not query(START_LOOK, lease_until, head.id).rowcount:
            return None
        attempted = instant(head.attempted_at)
    lanes.set_due(head.lane, lease_until)
    return Delivery(
        head.id, head.key, head.kind, head.lane, head.pace, json.loads(head.payload), token,
        head.tries + (state == "queued"), attempted, lease_until, unknown=state == "unknown",
    )  # fmt: skip


def may_start(delivery: Delivery, timing: Timing) -> bool:
    """Whether enough of the lease is left for an attempt to end inside it."""
    return clock.now() + timedelta(seconds=timing.start_margin_s) <= delivery.lease_until


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
        lanes.lock(lane)
        lanes.reopen(lane)
    for pace, until in sorted(pair for pair in shut if pair):
        paces.shut(pace, until, timing)


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
