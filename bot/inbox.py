"""The door in: save first, act later.

`Intake.save()` is all that a webhook does. A worker then calls `work_one()` until nothing is due:
it takes the oldest row whose lane has none before it, and applies it in one transaction that also
marks it done. An exception rolls all of that back; the row is tried again a bounded number of
times, then parked: never dropped, shown by `flask doctor`, put back by `flask retry`. However late
that is, a payload's `sent_at` says when it was sent, or came here.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from bot import clock, tally
from bot.words import clean
from ledger.database import instant, query, session, transaction, wake_workers

log = structlog.get_logger()

BACKOFF_S = (1, 5, 15, 60)  # before the second, third … try

Payload = Mapping[str, Any]
Handlers = Mapping[str, Callable[[Payload, datetime], None]]


class Park(Exception):
    """This row cannot be applied, now or later; the message says why and what to do."""


class NotYet(Exception):
    """Something this row needs is on its way: it is tried again, and nothing is wrong so far."""


SAVE = "INSERT INTO inbox (key, kind, lane, payload, state, tries, due_at, received_at) VALUES "
ROW = "(%s, %s, %s, %s, 'new', 0, %s, %s)"
ONCE = " ON CONFLICT (key) DO NOTHING"
# A lane's rows behind its head wait until the head is done or parked.
TAKE = """
    SELECT id, kind, payload, received_at, tries FROM inbox AS head
    WHERE state = 'new' AND due_at <= %s AND NOT EXISTS (
        SELECT 1 FROM inbox AS before
        WHERE before.lane = head.lane AND before.state = 'new' AND before.id < head.id)
    ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"""
DONE = "UPDATE inbox SET state = 'done', done_at = %s, error = NULL WHERE id = %s"
PUT_OFF = """
    UPDATE inbox SET tries = tries + 1, error = %s, due_at = %s, state = %s
    WHERE id = %s AND state = 'new'"""
DUE = "SELECT 1 FROM inbox WHERE state = 'new' AND due_at <= %s LIMIT 1"
PUT_BACK = "UPDATE inbox SET state = 'new', tries = 0, due_at = %s WHERE state = 'parked'"


def save(key: str, kind: str, lane: str, payload: Payload) -> bool:
    """Saves one event under its sender's own key. Returns whether it is new; a copy is ignored."""
    return bool(_insert([_row(key, kind, lane, payload)]))


def _row(key: str, kind: str, lane: str, payload: Payload) -> tuple[Any, ...]:
    now = clock.now()
    return clean(key), kind, clean(lane), json.dumps(payload, separators=(",", ":")), now, now


@transaction
def _insert(rows: list[tuple[Any, ...]]) -> int:
    saved = query(SAVE + ", ".join([ROW] * len(rows)) + ONCE, *itertools.chain(*rows)).rowcount
    wake_workers()
    return int(saved)


class Intake:
    """Saves what many requests bring at once in one commit: each waits until its row is durable.

    A commit costs more than all else in a webhook, and the database takes a hundred rows in one as
    gladly as one. The first request leads: it commits for all that came meanwhile, then the next
    one leads. Alone, a row waits for nobody; where the last commit held several, the leader waits
    a moment for company.
    """

    MOST = 100  # rows in one commit
    LINGER_S = 0.002

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._led = False
        self._crowded = False

    def save(self, key: str, kind: str, lane: str, payload: Payload) -> None:
        """Returns when the row is durable; raises what the database raised if it is not."""
        mine = _Waiting(_row(key, kind, lane, payload))
        with self._lock:
            self._waiting.append(mine)
            followed, self._led = self._led, True
        if followed:
            mine.turn.acquire()  # until the row is saved, or it is ours to lead
        if not mine.over:
            self._lead()
        if mine.error:
            raise mine.error

    def _lead(self) -> None:
        if self._crowded:
            time.sleep(self.LINGER_S)
        with self._lock:
            batch = self._waiting[: self.MOST]
        error = None
        try:
            _insert([waiting.row for waiting in batch])
        except Exception as raised:
            error = raised
        with self._lock:
            self._waiting = self._waiting[len(batch) :]
            self._led, self._crowded = bool(self._waiting), len(batch) > 1
            leader = self._waiting[0] if self._waiting else None
        for waiting in batch:
            waiting.error, waiting.over = error, True
            waiting.turn.release()
        if leader:
            leader.turn.release()


class _Waiting:
    __slots__ = ("error", "over", "row", "turn")

    def __init__(self, row: tuple[Any, ...]) -> None:
        self.row = row
        self.error: Exception | None = None
        self.over = False
        self.turn = threading.Lock()
        self.turn.acquire()


def work_one(handlers: Handlers, tries: int) -> bool:
    """Applies the next due row, if there is one. Returns whether there was. Raises what the
    database raised where it is away: then it takes no note of the row either."""
    taken: dict[str, Any] = {}
    try:
        return _apply_next(handlers, taken)
    except Park as error:
        _put_off(taken, str(error), park=True)
    except NotYet as error:
        _put_off(taken, str(error), park=taken["tries"] + 1 >= tries)
    except Exception as error:
        if not taken:
            raise
        _put_off(taken, f"{type(error).__name__}: {error}", park=taken["tries"] + 1 >= tries)
        log.exception("inbox.failed", inbox_id=taken["id"], kind=taken["kind"])
    return True


@transaction
def _apply_next(handlers: Handlers, taken: dict[str, Any]) -> bool:
    taken.clear()
    now = clock.now()
    row = query(TAKE, now).fetchone()
    if row is None:
        return False
    taken.update(id=row[0], kind=row[1], tries=row[4])
    payload = json.loads(row[2])
    payload["sent_at"] = payload.get("sent_at") or instant(row[3]).isoformat()
    with structlog.contextvars.bound_contextvars(inbox_id=row[0]):
        handlers[row[1]](payload, now)
    query(DONE, now, row[0])
    log.info("inbox.applied", inbox_id=row[0], kind=row[1])
    tally.count("inbox_rows_total", f'kind="{row[1]}",outcome="done"')
    return True


@transaction
def _put_off(taken: Mapping[str, Any], error: str, park: bool) -> None:
    wait = BACKOFF_S[min(taken["tries"], len(BACKOFF_S) - 1)]
    state = "parked" if park else "new"
    query(PUT_OFF, error[:500], clock.now() + timedelta(seconds=wait), state, taken["id"])
    if park:
        tally.count("inbox_rows_total", f'kind="{taken["kind"]}",outcome="parked"')
        log.error("inbox.parked", inbox_id=taken["id"], kind=taken["kind"])


def anything_due() -> bool:
    """Whether a row may be due: a read that holds up nobody."""
    with session():
        return query(DUE, clock.now()).fetchone() is not None


@transaction
def retry_parked() -> int:
    """Puts every parked row back. Returns how many."""
    return int(query(PUT_BACK, clock.now()).rowcount)
