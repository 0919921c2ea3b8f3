"""Counters that survive every process: counted in the transaction of what they count."""

from __future__ import annotations

import threading

from ledger.database import query

SHARDS = 16  # threads that count the same thing at once rarely meet on a row

COUNT, ROW = "INSERT INTO tally (name, label, shard, value) VALUES ", "(%s, %s, %s, %s)"
ADD = " ON CONFLICT (name, label, shard) DO UPDATE SET value = tally.value + excluded.value"


def count(name: str, label: str = "", by: int = 1) -> None:
    """Adds to a counter of /metrics, inside the caller's transaction. `label`: `kind="sms"`."""
    count_all((name, label, by))


def count_all(*what: tuple[str, str, int]) -> None:
    """The same for several, in one statement: each a name, a label and how many."""
    shard = threading.get_ident() // 4096 % SHARDS
    values = [value for name, label, by in what for value in (name, label, shard, by)]
    query(COUNT + ", ".join([ROW] * len(what)) + ADD, *values)
