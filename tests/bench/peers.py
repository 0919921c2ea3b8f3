"""Other schedulers, draining as many things that do nothing, each from its own store."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from datetime import UTC, datetime, timedelta

import psycopg
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from huey import SqliteHuey
from huey.contrib.sql_huey import SqlHuey
from playhouse.pool import PooledPostgresqlDatabase
from procrastinate import App, PsycopgConnector

from tests import databases

HANDS = 4  # threads, or tasks at once, where a peer has them: more were no faster on two cores


class Counted:
    """Counts calls, and says when there were enough."""

    def __init__(self, wanted: int) -> None:
        self.wanted, self.count, self.lock = wanted, 0, threading.Lock()
        self.enough = threading.Event()

    def once(self) -> None:
        """One more."""
        with self.lock:
            self.count += 1
            if self.count >= self.wanted:
                self.enough.set()

    def wait(self, timeout_s: float = 600) -> None:
        assert self.enough.wait(timeout_s), f"{self.count} of {self.wanted}"


_counted = Counted(0)


def settle(url: str) -> None:
    """Has the database know what it holds, as it would after a minute."""
    if url.startswith("postgresql"):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ANALYZE")


def job() -> None:
    """What APScheduler runs."""
    _counted.once()


def apscheduler(engine: str, count: int) -> float:
    """Date jobs a second that APScheduler 3 drains from its own SQLAlchemyJobStore."""
    global _counted  # jobs are kept by the name of what they call
    _counted = Counted(count)
    url = databases.fresh(engine, durable=True)
    store_url = url.replace("postgresql://", "postgresql+psycopg://")
    scheduler = BackgroundScheduler(
        jobstores={"default": SQLAlchemyJobStore(url=store_url)}, timezone="UTC",
        job_defaults={"misfire_grace_time": None},
    )  # fmt: skip
    scheduler.start(paused=True)
    due = datetime.now(UTC) - timedelta(seconds=1)
    store = scheduler._lookup_jobstore("default")
    with store.engine.connect():
        for _ in range(count):
            scheduler.add_job(job, "date", run_date=due)
    settle(url)
    began = time.perf_counter()
    scheduler.resume()
    _counted.wait()
    while store.get_all_jobs():
        time.sleep(0.01)
    took = time.perf_counter() - began
    scheduler.shutdown()
    return count / took


def huey(engine: str, count: int, *, durable: bool) -> float:
    """Tasks a second that huey's consumer does from its own storage."""
    url = databases.fresh(engine, migrated=False, durable=True)
    if engine == "sqlite":
        queue = SqliteHuey("bench", filename=url.removeprefix("sqlite:///"), fsync=durable)
    else:
        queue = SqlHuey("bench", database=PooledPostgresqlDatabase(url, prefer_psycopg3=True))
    counted = Counted(count)
    task = queue.task()(counted.once)
    for _ in range(count):
        task()
    settle(url)
    logging.getLogger("huey").setLevel(logging.ERROR)
    consumer = queue.create_consumer(
        workers=1 if engine == "sqlite" else HANDS, periodic=False, check_worker_health=False
    )
    began = time.perf_counter()
    consumer.start()
    counted.wait()
    took = time.perf_counter() - began
    consumer.stop(graceful=False)
    return count / took


def procrastinate(count: int) -> float:
    """Jobs a second that procrastinate's worker does, on PostgreSQL."""
    url = databases.fresh("postgresql", migrated=False, durable=True)
    counted = Counted(count)
    logging.getLogger("procrastinate").setLevel(logging.ERROR)

    async def drain() -> float:
        app = App(connector=PsycopgConnector(conninfo=url, max_size=HANDS + 2))

        @app.task(name="nothing")
        async def nothing() -> None:
            counted.once()

        async with app.open_async():
            await app.schema_manager.apply_schema_async()
            await nothing.batch_defer_async(*({} for _ in range(count)))
            settle(url)
            began = time.perf_counter()
            await app.run_worker_async(
                wait=False, concurrency=HANDS, install_signal_handlers=False, listen_notify=False
            )
            return time.perf_counter() - began

    took = asyncio.run(drain())
    assert counted.count == count
    return count / took
