"""The worker: APScheduler as the clock, threads as the hands, so many for each peer that none takes
those of another. Any number of workers may run."""

from __future__ import annotations

import contextlib
import gc
import os
import queue
import secrets
import socket
import threading
from collections.abc import Callable
from datetime import timedelta

import psycopg
import structlog

from bot import attempts, clock, inbox, scheduler
from bot.carriers import Broken, Carriers, Delivery, Timing, crew
from bot.hands import Hands
from bot.models import Heartbeat
from ledger.database import is_sqlite, transaction

log = structlog.get_logger()

POLL_S = 0.1  # between two looks at the tables, where nothing wakes us sooner
BEAT_S = 5
BATCH = 50  # outcomes in one commit
FORGOTTEN = timedelta(hours=1)
FILE_HANDS = 4


def spare_the_collector() -> None:
    """Has Python look for rubbish among less, and less often: what was imported stays, and a batch
    makes thousands of small things that all go by themselves."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _broken(error: Exception) -> Broken:
    return Broken(f"{type(error).__name__}: {error}")


class Worker:
    """Applies the inbox and delivers the outbox until it is stopped."""

    def __init__(
        self,
        handlers: inbox.Handlers,
        carriers: Carriers,
        timing: Timing,
        *,
        jobs: list[scheduler.Job],
        hands: int = 8,
        inbox_tries: int = 5,
        listen_url: str | None = None,
    ) -> None:
        self.handlers, self.carriers, self.timing = handlers, carriers, timing
        self.inbox_tries, self.listen_url = inbox_tries, listen_url
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self.stopping = threading.Event()
        self.wake_inbox, self.wake_outbox = threading.Event(), threading.Event()
        crews = dict.fromkeys(map(crew, carriers), hands) | {"files": FILE_HANDS}
        self.hands = Hands(crews, self.wake_outbox.set)
        self.tried: queue.SimpleQueue[attempts.Attempt | None] = queue.SimpleQueue()
        self.jobs = [("heartbeat", BEAT_S, self.beat), *jobs]

    def run(self) -> None:
        """Works until `stop()`; then finishes the attempts under way and returns."""
        self.beat()
        clockwork = scheduler.build(self.jobs)
        clockwork.start()
        threads = [
            threading.Thread(target=self._loop, args=(self._apply, self.wake_inbox), name="inbox"),
            threading.Thread(target=self._listen, name="listen", daemon=True),
        ]
        # Jobs run at once, too: what was missed while nobody worked is asked for first.
        threads += [
            threading.Thread(target=run, name=name, daemon=True) for name, _, run in self.jobs
        ]
        for thread in threads:
            thread.start()
        log.info("worker.started", worker=self.name)
        clerk = threading.Thread(target=self._record, name="clerk")
        clerk.start()
        self._loop(self._deliver_due, self.wake_outbox)
        self.hands.finish()
        self.tried.put(None)
        clerk.join()
        threads[0].join()
        clockwork.shutdown(wait=False)
        self._gone()
        log.info("worker.stopped", worker=self.name)

    def stop(self) -> None:
        """Asks the worker to stop; safe in a signal handler."""
        self.stopping.set()
        self.wake_inbox.set()
        self.wake_outbox.set()

    def _loop(self, work: Callable[[], bool], wake: threading.Event) -> None:
        """Calls `work` while it finds something to do, and waits where it does not."""
        while not self.stopping.is_set():
            try:
                if work():
                    continue
            except Exception:
                log.exception("worker.failed")  # the database is away: nothing is lost meanwhile
                self.stopping.wait(1)
            wake.wait(POLL_S)
            wake.clear()

    def _apply(self) -> bool:
        if not inbox.anything_due():
            return False
        applied = inbox.work_one(self.handlers, self.inbox_tries)
        if applied:
            self.wake_outbox.set()
        return applied

    def _deliver_due(self) -> bool:
        free = self.hands.free()
        room = {name: free[name] for name in attempts.due(free)}
        claimed = attempts.claim(room, self.carriers, self.timing) if room else []
        for delivery in claimed:
            self.hands.take(crew(delivery.kind), self._deliver, delivery)
        return bool(claimed)

    def _deliver(self, delivery: Delivery) -> None:
        carrier = self.carriers[delivery.kind]
        with structlog.contextvars.bound_contextvars(delivery_id=delivery.id):
            if not attempts.may_start(delivery, self.timing):
                return  # its lease ends; it is looked up then
            try:
                outcome = (carrier.look if delivery.unknown else carrier.attempt)(delivery)
            except Exception as error:
                log.exception("outbox.broken")
                outcome = _broken(error)
            log.info("outbox.tried", kind=delivery.kind, outcome=type(outcome).__name__)
        self.tried.put((delivery, outcome))

    def _record(self) -> None:
        """Records outcomes until None comes, those that came together in one commit."""
        while (first := self.tried.get()) is not None:
            batch, over = [first], False
            while not self.tried.empty() and len(batch) < BATCH:
                if (more := self.tried.get()) is None:
                    over = True
                    break
                batch.append(more)
            try:
                attempts.finish_all(batch, self.carriers, self.timing)
            except Exception:
                log.exception("outbox.batch_broken")
                self._record_one_by_one(batch)
            self.wake_outbox.set()
            if over:
                return

    def _record_one_by_one(self, batch: list[attempts.Attempt]) -> None:
        for delivery, outcome in batch:
            try:
                attempts.finish(delivery, outcome, self.carriers, self.timing)
            except Exception as error:
                log.exception("outbox.broken", delivery_id=delivery.id)
                with contextlib.suppress(Exception):  # its lease ends, and it is looked up
                    attempts.finish(delivery, _broken(error), self.carriers, self.timing)

    @transaction
    def beat(self) -> None:
        """Says that this worker is alive, and forgets those that died long ago."""
        Heartbeat.delete().where(Heartbeat.beat_at < clock.now() - FORGOTTEN).execute()
        Heartbeat.insert(worker=self.name, beat_at=clock.now()).on_conflict(
            conflict_target=[Heartbeat.worker], preserve=[Heartbeat.beat_at]
        ).execute()

    @transaction
    def _gone(self) -> None:
        Heartbeat.delete().where(Heartbeat.worker == self.name).execute()

    def _listen(self) -> None:
        """PostgreSQL tells us of new work at once; where it cannot, the polling finds it."""
        while not is_sqlite() and self.listen_url and not self.stopping.is_set():
            try:
                with psycopg.connect(self.listen_url, autocommit=True) as connection:
                    connection.execute("LISTEN partyline")
                    for _ in connection.notifies():
                        self.wake_inbox.set()
                        self.wake_outbox.set()
            except psycopg.Error:
                self.stopping.wait(1)
