"""The handle: transactions, migrations, both engines."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime

import pytest
from playhouse.schema_diff import diff_models

from bot.models import MIGRATIONS
from bot.tables import TABLES
from ledger import database
from ledger.database import transaction
from ledger.models import Account
from tests import databases

NOW = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)


def shape() -> list[tuple[str, str]]:
    """The schema as the engine itself describes it."""
    if database.is_sqlite():
        return sorted(_sqlite_shape())
    sql = """
        SELECT c.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod)
               || a.attnotnull::text || COALESCE(pg_get_expr(d.adbin, d.adrelid), '')
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND c.relkind = 'r'
        UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL SELECT conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace"""
    rows = database.query(sql).fetchall()
    return sorted(
        (n, s)
        for n, s in rows
        if "schema_migration" not in n and "schema_migration" not in (s or "")
    )


def _sqlite_shape() -> Iterator[tuple[str, str]]:
    """Tables by column, each with its checks, and indexes: the same however they came about."""
    rows = database.query("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    for kind, name, sql in rows.fetchall():
        if name.startswith(("sqlite_", "schema_migration")):
            continue
        if kind == "index":
            yield name, re.sub(r'["(),\s]+', " ", sql.partition(" ON ")[2]).strip()
            continue
        for column in database.query(f"PRAGMA table_info({name})").fetchall():
            yield name, str(column[1:])
        for link in database.query(f"PRAGMA foreign_key_list({name})").fetchall():
            yield name, str(link[2:])
        for check in re.findall(r"CHECK \((.*?\)?)\)(?=,| |$|\))", sql):
            yield name, check


def test_migrating_an_empty_database_gives_exactly_the_models_schema(engine: str) -> None:
    bound = database.bind(databases.fresh(engine, migrated=False))
    assert database.pending(MIGRATIONS) != []
    database.migrate(MIGRATIONS)
    assert database.pending(MIGRATIONS) == []
    with database.session():
        assert str(diff_models(bound, TABLES)) == ""
        migrated = shape()
    bound.close_all()

    bound = database.bind(databases.fresh(engine, migrated=False))
    with database.session():
        bound.create_tables(TABLES)
        assert shape() == migrated
    bound.close_all()


def test_a_schema_that_is_behind_is_refused_with_what_to_run(engine: str) -> None:
    bound = database.bind(databases.fresh(engine, migrated=False))
    with pytest.raises(database.SchemaBehind, match="flask migrate"):
        database.require_schema(MIGRATIONS)
    bound.close_all()


def test_sqlite_keeps_what_it_said_it_kept() -> None:
    bound = database.bind(databases.fresh("sqlite"))
    with database.session():
        assert bound.journal_mode == "wal"
        assert bound.foreign_keys == 1
        assert bound.synchronous == 2  # FULL
        assert bound.pragma("busy_timeout") == 15_000
    bound.close_all()


def test_a_moment_comes_back_as_it_was_and_needs_a_time_zone(books: str) -> None:
    @transaction
    def keep() -> None:
        Account.create(name="a", timezone="UTC", created_at=NOW)

    keep()
    with database.session():
        assert Account.get().created_at == NOW
    with pytest.raises(ValueError, match="time zone"), database.session():
        Account.create(name="b", timezone="UTC", created_at=NOW.replace(tzinfo=None))


def test_an_exception_undoes_the_whole_transaction(books: str) -> None:
    @transaction
    def fail() -> None:
        Account.create(name="a", timezone="UTC", created_at=NOW)
        raise LookupError

    with pytest.raises(LookupError):
        fail()
    with database.session():
        assert Account.select().count() == 0


@pytest.mark.parametrize("way", [nullcontext, database.overlapped])
def test_a_deadlocked_transaction_is_run_again_whole(
    books: str, way: Callable[[], AbstractContextManager[None]]
) -> None:
    """Two transactions take two rows in opposite order: both come through."""
    with database.session():
        for name in ("a", "b"):
            Account.create(name=name, timezone="UTC", created_at=NOW)
    both_have_one = threading.Barrier(2)
    tries = {"ab": 0, "ba": 0}

    @transaction
    def move(order: str) -> None:
        tries[order] += 1
        with way():
            for place, name in enumerate(order):
                database.query("UPDATE account SET balance = balance + 1 WHERE name = %s", name)
                if place == 0 and not database.is_sqlite() and tries[order] == 1:
                    database.query("SELECT 1").fetchone()
                    both_have_one.wait(5)

    threads = [threading.Thread(target=move, args=(order,)) for order in tries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.session():
        assert [a.balance for a in Account.select()] == [2, 2]
    if not database.is_sqlite():
        assert sum(tries.values()) > 2
