"""The one database handle: SQLite or PostgreSQL by URL, transactions, migrations.

Every feature function is one transaction from top to bottom (`@transaction`). A transaction that
meets a lock it cannot have is rolled back and run again whole, so it must do nothing but read and
write rows: no network, no message to anybody.
"""

from __future__ import annotations

import functools
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import peewee
from playhouse.migrations import Runner
from playhouse.pool import PooledPostgresqlDatabase, PooledSqliteDatabase

P = ParamSpec("P")
R = TypeVar("R")

WAIT_S = 15  # for a connection of the pool; on SQLite also for another process's writer
CONNECTIONS = 40  # of one process; its threads are fewer
TRIES = 6  # of one transaction, before the database is called busy
#: PostgreSQL's "run it again": serialization failure, deadlock, lock not available.
RUN_AGAIN = {"40001", "40P01", "55P03"}

db = peewee.DatabaseProxy()
#: SQLite takes one writer at a time and is unfair to those that wait: threads queue here instead.
_writers: AbstractContextManager[Any] = nullcontext()


class SchemaBehind(Exception):
    """The database has not had every migration; the message says what to run."""


class InstantField(peewee.DateTimeField):
    """A moment: aware, in UTC. TIMESTAMPTZ on PostgreSQL, fixed-width text that sorts on SQLite."""

    field_type = "TIMESTAMPTZ"

    def db_value(self, value: datetime | None) -> Any:
        return None if value is None else moment(value)

    def python_value(self, value: Any) -> datetime | None:
        return None if value is None else instant(value)


def moment(value: datetime) -> Any:
    """The value as this database's driver takes it; naive datetimes are refused."""
    if value.tzinfo is None:
        raise ValueError("a moment without a time zone is refused: pass an aware datetime")
    return _as_text(value) if is_sqlite() else value


@functools.lru_cache(1024)  # a batch reads and writes the same few moments over and over
def _from_text(value: str) -> datetime:
    return datetime.fromisoformat(value).astimezone(UTC)


@functools.lru_cache(1024)
def _as_text(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(sep=" ", timespec="microseconds")


def instant(value: str | datetime) -> datetime:
    """An aware UTC datetime from what this database's driver returns."""
    return _from_text(value) if isinstance(value, str) else value.astimezone(UTC)


def bind(url: str) -> peewee.Database:
    """Opens the handle on `sqlite:///file`, `sqlite:////absolute/file` or `postgresql://…`."""
    global _writers
    if url.startswith("sqlite:///"):
        path = url.removeprefix("sqlite:///")
        _writers = threading.RLock()
        database = PooledSqliteDatabase(
            path,
            max_connections=CONNECTIONS,
            timeout=WAIT_S,
            returning_clause=True,
            check_same_thread=False,
            pragmas={
                "journal_mode": "wal",
                "foreign_keys": 1,
                "synchronous": "full",
                "busy_timeout": WAIT_S * 1000,
            },
        )
    else:
        _writers = nullcontext()
        database = PooledPostgresqlDatabase(
            "postgresql://" + url.partition("://")[2],
            max_connections=CONNECTIONS,
            timeout=WAIT_S,
            prefer_psycopg3=True,
            options="-c timezone=UTC",
            connect_timeout=5,
        )
    db.initialize(database)
    opened: peewee.Database = database
    return opened


def is_sqlite() -> bool:
    """Whether the bound database is SQLite."""
    return isinstance(db.obj, peewee.SqliteDatabase)


def session() -> AbstractContextManager[None]:
    """A connection for this block, given back at its end: for reads outside a transaction."""
    context: AbstractContextManager[None] = db.connection_context()
    return context


def transaction(work: Callable[P, R]) -> Callable[P, R]:
    """Runs `work` as one transaction, again whole when the database was busy or deadlocked.

    Inside another transaction it is simply part of that one.
    """

    @functools.wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if db.transaction_depth():
            return work(*args, **kwargs)
        for tries_left in reversed(range(TRIES)):
            try:
                with _writers, session(), _begun():
                    return work(*args, **kwargs)
            except peewee.OperationalError as error:
                if not tries_left or not _may_run_again(error):
                    raise
                time.sleep(random.uniform(0, 0.05))  # noqa: S311  # jitter, not a secret
        raise AssertionError("unreachable")

    return run


@contextmanager
def _begun() -> Iterator[None]:
    """A transaction; IMMEDIATE on SQLite, which refuses at once a read that turns into a write."""
    with ExitStack() as begun:
        try:
            begun.enter_context(db.atomic("IMMEDIATE") if is_sqlite() else db.atomic())
        except peewee.OperationalError:
            if is_sqlite():
                raise
            # A pooled connection that died while it was idle: nothing was done on it yet.
            db.manual_close()
            db.connect()
            begun.enter_context(db.atomic())
        yield


def _may_run_again(error: peewee.OperationalError) -> bool:
    if is_sqlite():
        return "locked" in str(error) or "busy" in str(error)
    return getattr(getattr(error, "orig", None), "sqlstate", None) in RUN_AGAIN


def query(sql: str, *values: Any) -> Any:
    """Runs one statement of a hot path; `%s` marks a value on both engines. Returns its cursor."""
    if is_sqlite():
        sql = _for_sqlite(sql)
        values = tuple(moment(v) if isinstance(v, datetime) else v for v in values)
    return db.execute_sql(sql, values)


@functools.cache
def _for_sqlite(sql: str) -> str:
    # SQLite has one writer and so nothing to lock by row.
    return re.sub(r"FOR UPDATE( OF \w+)?( SKIP LOCKED)?", "", sql.replace("%s", "?"))


@contextmanager
def overlapped() -> Iterator[None]:
    """Statements of this block follow one another without waiting for the answer of each: the
    database works while we do (PostgreSQL). One whose answer is read waits; one that fails says so
    by the end of the block, and it is not to be asked how many rows it changed."""
    if is_sqlite():
        yield
        return
    with peewee.__exception_wrapper__, db.connection().pipeline():  # type: ignore[attr-defined]
        yield


def wake_workers() -> None:
    """Tells waiting workers, when this transaction commits, that there is something to do.

    PostgreSQL only: on SQLite workers poll.
    """
    if not is_sqlite():
        query("NOTIFY partyline")


def migrate(directory: Path) -> list[str]:
    """Brings the schema up to date. Returns the names of the migrations it ran."""
    with session():
        names: list[str] = Runner(db.obj, str(directory)).up()
    return names


def pending(directory: Path) -> list[str]:
    """The migrations that this database has not had, oldest first."""
    with session():
        return [m.name for m in Runner(db.obj, str(directory)).status() if not m.applied]


def require_schema(directory: Path) -> None:
    """Raises SchemaBehind unless every migration has run."""
    behind = pending(directory)
    if behind:
        raise SchemaBehind(
            f"The database is {len(behind)} migration(s) behind (next: {behind[0]}). "
            "Run `flask migrate`, then start again."
        )
