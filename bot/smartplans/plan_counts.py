"""How many contacts are on a plan, or were: read often, so never counted past `MANY`."""

from __future__ import annotations

from collections import Counter

from bot.smartplans.models import ALIVE
from bot.words import count
from ledger.database import query

MANY = 10_000

ACTIVE = """
    SELECT count(*) FROM (
        SELECT 1 FROM enrollment WHERE plan_id = %s AND state = 'active' LIMIT %s) AS found"""
# The first condition is that of the index.
OTHERS = """
    SELECT count(*) FROM (
        SELECT 1 FROM enrollment WHERE plan_id = %s AND state <> 'active' AND state = %s
        LIMIT %s) AS found"""


def of(plan_id: int) -> Counter[str]:
    """How many there are in each state, and of each one more than `MANY` at most."""
    found = Counter(active=query(ACTIVE, plan_id, MANY + 1).fetchone()[0])
    for state in ("paused", "waiting", "asking", "done"):
        found[state] = query(OTHERS, plan_id, state, MANY + 1).fetchone()[0]
    return found


def alive(counts: Counter[str]) -> int:
    """How many are on the plan."""
    return sum(counts[state] for state in ALIVE)


def figure(number: int) -> str:
    """ "12", "over 10,000"."""
    return f"{number:,}" if number <= MANY else f"over {MANY:,}"


def about(number: int, thing: str) -> str:
    """ "12 texts", "over 10,000 texts"."""
    return count(number, thing) if number <= MANY else f"over {count(MANY, thing)}"
