"""Many rows in few statements: what a batch writes and reads, on both engines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import peewee

from ledger.database import db, is_sqlite, moment

ROWS = 500  # in one statement of many
#: What a column that numbers itself is of, where it is given.
SERIAL = {"AUTO": "INT", "BIGAUTO": "BIGINT"}


def among(values: Sequence[Any]) -> tuple[str, Any]:
    """SQL, after a column, for "is one of these", and the one value that goes with it."""
    if is_sqlite():
        return "IN (SELECT value FROM json_each(%s))", json.dumps(list(values))
    return "= ANY(%s)", list(values)


def insert(
    table: type[peewee.Model], columns: Sequence[str], rows: Sequence[Sequence[Any]], tail: str = ""
) -> list[tuple[Any, ...]]:
    """Inserts many rows in few statements, whose values are as the driver takes them: foreign keys
    by id, JSON as text. `tail` is ON CONFLICT or RETURNING. Returns what RETURNING gives, in order.
    """
    found: list[tuple[Any, ...]] = []
    meta = table._meta
    fields = [meta.columns[column] for column in columns]
    head = f'INSERT INTO "{meta.table_name}" ({", ".join(_quoted(columns))})'
    for start in range(0, len(rows), ROWS):
        chunk = rows[start : start + ROWS]
        if is_sqlite():
            marks = ", ".join([f"({', '.join('?' * len(columns))})"] * len(chunk))
            values = _plain(value for row in chunk for value in row)
            cursor = db.execute_sql(f"{head} VALUES {marks} {tail}", values)
        else:
            cursor = db.execute_sql(
                f"{head} SELECT * FROM {_records(columns, fields)} {tail}",
                [_as_json(columns, chunk)],
            )
        if "RETURNING" in tail:
            found += cursor.fetchall()
    return found


def update(
    table: type[peewee.Model], columns: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:  # fmt: skip
    """Sets columns of many rows; the first column is the id by which each is found."""
    meta = table._meta
    name, columns = meta.table_name, list(columns)
    if is_sqlite():
        sets = ", ".join(f"{column} = ?" for column in _quoted(columns[1:]))
        values = [_plain((*row[1:], row[0])) for row in rows]
        cursor = db.connection().cursor()
        cursor.executemany(f'UPDATE "{name}" SET {sets} WHERE id = ?', values)
        return
    fields = [meta.columns[column] for column in columns]
    sets = ", ".join(f"{column} = r.{column}" for column in _quoted(columns[1:]))
    for start in range(0, len(rows), ROWS):
        db.execute_sql(
            f'UPDATE "{name}" SET {sets} FROM {_records(columns, fields)} WHERE "{name}".id = r.id',
            [_as_json(columns, rows[start : start + ROWS])],
        )


def _records(columns: Sequence[str], fields: Sequence[Any]) -> str:
    """PostgreSQL's rows from one value of JSON: far cheaper than a parameter for each."""
    types = (
        (field.rel_field if isinstance(field, peewee.ForeignKeyField) else field).field_type
        for field in fields
    )
    typed = zip(_quoted(columns), types, strict=True)
    named = ", ".join(f"{column} {SERIAL.get(kind, kind)}" for column, kind in typed)
    return f"json_to_recordset(%s::json) AS r({named})"


def _as_json(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    named = [dict(zip(columns, row, strict=True)) for row in rows]
    return json.dumps(named, default=lambda value: value.isoformat(), separators=(",", ":"))


def _quoted(columns: Sequence[str]) -> list[str]:
    return [f'"{column}"' for column in columns]


def _plain(values: Iterable[Any]) -> list[Any]:
    """Values as SQLite's driver takes them."""
    return [moment(value) if type(value) is datetime else value for value in values]
