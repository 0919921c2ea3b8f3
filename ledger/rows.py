"""Many rows in few statements: what a batch writes and reads, on both engines.

Values are as the driver takes them: foreign keys by id, JSON as text. What is the same in all rows
of a batch, as most of it is, travels once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import peewee

from ledger.database import db, is_sqlite, moment, query

ROWS = 1000  # in one statement of many
#: What a column that numbers itself is of, where it is given.
SERIAL = {"AUTO": "INT", "BIGAUTO": "BIGINT"}
WHOLE = {"INT", "INTEGER", "BIGINT", "SMALLINT"}

Rows = Sequence[Sequence[Any]]


def among(values: Sequence[Any]) -> tuple[str, Any]:
    """SQL, after a column, for "is one of these", and the one value that goes with it."""
    if is_sqlite():
        return "IN (SELECT value FROM json_each(%s))", json.dumps(list(values))
    return "= ANY(%s)", list(values)


def numbers(table: type[peewee.Model], count: int) -> list[int]:
    """Ids for so many rows that are inserted next in this transaction: they need not come back."""
    name = table._meta.table_name
    if is_sqlite():  # which has one writer, and gives the same ids itself
        [last] = query(f"SELECT COALESCE(MAX(id), 0) FROM {_quoted(name)}").fetchone()
        return list(range(last + 1, last + 1 + count))
    given = query(f"SELECT nextval('{name}_id_seq') FROM generate_series(1, %s)", count)
    return [row[0] for row in given]


def insert(
    table: type[peewee.Model], columns: Sequence[str], rows: Rows, tail: str = ""
) -> list[tuple[Any, ...]]:
    """Inserts many rows. `tail` is ON CONFLICT or RETURNING. Returns what RETURNING gives."""
    found: list[tuple[Any, ...]] = []
    head = f"INSERT INTO {_quoted(table._meta.table_name)} ({', '.join(map(_quoted, columns))})"
    for start in range(0, len(rows), ROWS):
        sent = _sent(table, columns, rows[start : start + ROWS])
        # WHERE: else SQLite reads ON CONFLICT as the condition of a join.
        sql = f"{head} SELECT {', '.join(sent.columns)} FROM {sent.source} WHERE true {tail}"
        cursor = db.execute_sql(sql, sent.values)
        if "RETURNING" in tail:
            found += cursor.fetchall()
    return found


def update(table: type[peewee.Model], columns: Sequence[str], rows: Rows) -> None:
    """Sets columns of many rows; the first column is the id by which each is found."""
    name = _quoted(table._meta.table_name)
    for start in range(0, len(rows), ROWS):
        sent = _sent(table, columns, rows[start : start + ROWS])
        found_by, *values = sent.columns
        pairs = zip(columns[1:], values, strict=True)
        sets = ", ".join(f"{_quoted(column)} = {value}" for column, value in pairs)
        sql = f"UPDATE {name} SET {sets} FROM {sent.source} WHERE {name}.id = {found_by}"
        db.execute_sql(sql, sent.values)


class Sent(NamedTuple):
    """Rows as they travel: what to select, column by column, and from where."""

    columns: list[str]
    source: str
    values: list[Any]


def _sent(table: type[peewee.Model], columns: Sequence[str], rows: Rows) -> Sent:
    types = [_type(table._meta.columns[column]) for column in columns]
    same, varying = [], []
    selected: list[str] = []
    for column, kind in zip(zip(*rows, strict=True), types, strict=True):
        if selected and column.count(column[0]) == len(column):
            same.append(column[0])
            selected.append(f"CAST(%s AS {kind})")
        else:
            varying.append((column, kind))
            selected.append(f"r.column{len(varying)}")
    if is_sqlite():
        return _for_sqlite(same, [column for column, _ in varying], selected)
    arrays = ", ".join(f"{'%s' if kind in WHOLE else '%b'}::{kind}[]" for _, kind in varying)
    names = ", ".join(f"column{place}" for place in range(1, len(varying) + 1))
    values = [*same, *(_array(column, kind) for column, kind in varying)]
    return Sent(selected, f"unnest({arrays}) AS r({names})", values)


def _array(column: Sequence[Any], kind: str) -> Any:
    """Whole numbers travel as text, which is put together in no time."""
    if kind in WHOLE:
        return f"{{{','.join(map(str, column))}}}".replace("None", "NULL")
    return list(column)


def _for_sqlite(same: Sequence[Any], varying: Rows, selected: Sequence[str]) -> Sent:
    one = f"({', '.join('?' * len(varying))})"
    marks = ", ".join([one] * len(varying[0]))
    plain = [_plain(column) for column in varying]
    values = [*_plain(same), *(value for row in zip(*plain, strict=True) for value in row)]
    columns = ["?" if "%s" in column else column for column in selected]
    return Sent(columns, f"(VALUES {marks}) AS r", values)


def _plain(values: Sequence[Any]) -> Sequence[Any]:
    """Values as SQLite's driver takes them."""
    return [moment(value) if type(value) is datetime else value for value in values]


def _type(field: peewee.Field) -> str:
    if isinstance(field, peewee.ForeignKeyField):
        field = field.rel_field
    return SERIAL.get(field.field_type, field.field_type)


def _quoted(name: str) -> str:
    return f'"{name}"'
