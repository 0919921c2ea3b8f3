"""Many rows in few statements, on both engines."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import peewee
import pytest

from bot.contacts.models import Contact
from bot.models import Delivery
from ledger import credits, rows
from ledger.database import overlapped, query, session, transaction

NOW = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
COLUMNS = ("key", "kind", "lane", "pace", "payload", "state", "tries", "looks", "due_at", "made_at")
ONCE = "ON CONFLICT (key) DO NOTHING"


def delivery(number: int, **other: object) -> tuple[object, ...]:
    row = {
        "key": f"it's {number}", "kind": "slack.post", "lane": f"a{number % 7}", "pace": '"b" %s ?',
        "payload": json.dumps({"é": number}), "state": "queued", "tries": 0, "looks": 0,
        "due_at": NOW + timedelta(seconds=number % 3), "made_at": NOW,
    } | other  # fmt: skip
    return tuple(row[column] for column in COLUMNS)


@pytest.mark.parametrize("many", [0, 1, 2, rows.ROWS, 2 * rows.ROWS + 1])
def test_rows_come_back_as_they_were_given(books: str, many: int) -> None:
    transaction(rows.insert)(Delivery, COLUMNS, [delivery(n) for n in range(many)])
    with session():
        found = list(Delivery.select().order_by(Delivery.id))
    assert [
        (d.key, d.lane, d.pace, d.payload, d.due_at, d.made_at, d.tries, d.replaces) for d in found
    ] == [
        (f"it's {n}", f"a{n % 7}", '"b" %s ?', {"é": n}, NOW + timedelta(seconds=n % 3), NOW, 0,
         None)
        for n in range(many)
    ]  # fmt: skip


def test_what_stands_there_is_left_or_comes_back(books: str) -> None:
    @transaction
    def insert(tail: str) -> list[tuple[object, ...]]:
        return rows.insert(Delivery, COLUMNS, [delivery(n) for n in range(3)], tail)

    assert len(insert(f"{ONCE} RETURNING id")) == 3
    assert insert(f"{ONCE} RETURNING id") == []
    with pytest.raises(peewee.IntegrityError):
        insert("")


def test_nothing_stands_beside_something_in_one_column(books: str) -> None:
    names = [None, "Ann", None, "Žofie 🌻", ""]
    columns = ("account_id", "number", "name", "opted_out_at", "made_at")
    with session():
        account = credits.open_account("a", "UTC", NOW).id
        rows.insert(Contact, columns, [
            (account, f"+1{n}", name, NOW if n % 2 else None, NOW) for n, name in enumerate(names)
        ])  # fmt: skip
        found = list(Contact.select().order_by(Contact.id))
    assert [one.name for one in found] == names
    assert [one.opted_out_at for one in found] == [None, NOW, None, NOW, None]


def test_an_update_sets_what_differs_and_what_is_the_same(books: str) -> None:
    transaction(rows.insert)(Delivery, COLUMNS, [delivery(n) for n in range(4)])
    later = NOW + timedelta(days=1)
    with session():
        ids = [one.id for one in Delivery.select().order_by(Delivery.id)]
        changed = [(one, "failed", f"e{one}", later) for one in ids[:3]]
        rows.update(Delivery, ("id", "state", "error", "done_at"), changed)
        found = [(d.state, d.error, d.done_at) for d in Delivery.select().order_by(Delivery.id)]
    assert found == [*(("failed", f"e{one}", later) for one in ids[:3]), ("queued", None, None)]


def test_rows_that_are_numbered_first_are_followed_by_others(books: str) -> None:
    with session():
        account = credits.open_account("a", "UTC", NOW)

    @transaction
    def keep() -> list[int]:
        ids = rows.numbers(Contact, 3)
        table = [(number, account.id, f"+1{number}", NOW) for number in ids]
        rows.insert(Contact, ("id", "account_id", "number", "made_at"), table)
        return ids

    first, more = keep(), keep()
    assert sorted({*first, *more}) == [*first, *more]
    with session():
        assert Contact.create(account=account, number="+2", made_at=NOW).id > more[-1]
    assert transaction(rows.numbers)(Contact, 0) == []


def test_what_overlaps_is_read_where_it_is_needed_and_fails_as_elsewhere(books: str) -> None:
    @transaction
    def write(*keys: str) -> int:
        with overlapped():
            rows.insert(Delivery, COLUMNS, [delivery(n, key=key) for n, key in enumerate(keys)])
            [there] = query("SELECT count(*) FROM delivery").fetchone()
            query("UPDATE delivery SET tries = 7")
        return int(there)

    assert write("a", "b") == 2
    with session():
        assert [one.tries for one in Delivery.select()] == [7, 7]
    with pytest.raises(peewee.IntegrityError):
        write("c", "a")
    with session():
        assert Delivery.select().count() == 2
    assert write("c") == 3
