"""What SmartPlans cost grows with the work that is due, and not with what is kept: every statement
that runs on the clock, or for Home, reads by an index, and no more rows than it is after."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.smartplans import (
    bulks,
    enrollments,
    in_motion,
    plan_counts,
    plan_events,
    plan_upkeep,
    reminders,
    step_facts,
    steps,
)
from bot.smartplans.models import Enrollment, SmartPlan
from ledger import database
from ledger.database import query
from tests.bench.smartplans import ACCOUNTS, fill

MANY = 20_000  # enrollments, in a hundred plans
NOW = datetime(2028, 5, 1, 15, 0, tzinfo=UTC)
DUE = 7  # of the first plan
#: Each statement, what it is given, and the rows it may read at most beside those it returns.
STATEMENTS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "plans that are due": (steps.DUE_PLANS, (NOW, 100)),
    "due steps of a plan": (step_facts.DUE, (1, "text", NOW, 500)),
    "no due step of a plan": (step_facts.DUE, (2, "text", NOW, 500)),
    "the next of a plan": (steps.SOONEST, (2, "text")),
    "plans that got credits": (plan_upkeep.FED, (100,)),
    "those that wait": (plan_upkeep.WAKE, (NOW, 1, 500)),
    "bulks at work": (bulks.BUSY, (20,)),
    "bulks to show": (bulks.STALE, (NOW, 20)),
    "held with a bulk": (bulks.WAKE, (NOW, 1, "held", 500)),
    "taken off with a bulk": (bulks.TAKE_OFF, (NOW, 1, 500)),
    "left of a bulk": (bulks.LEFT, (1,)),
    "due now for a bulk": (bulks.DUE_NOW, (1, NOW, 10_000)),
    "those that ask": (step_facts.ASKING, (1, 3)),
    "how many ask": (in_motion.ALL_ASKS, (1, 10_000)),
    "reminders put off": (reminders.SNOOZED, (NOW, 100)),
    "who answers is taken off": (plan_events.STOP_ON_REPLY, ("", NOW, 1, "replied", "", 1)),
    "a tag puts on plans": (plan_events.ENROLLING, (1, "tag_added", "buyer")),
    "tags that do": (plan_events.RULE_TAGS, (1,)),
    "plans that run": (in_motion.RUNNING, (1,)),
    "what comes today": (in_motion.TODAY, (1, "text", NOW, 10_000)),
    "who is on a plan": (plan_counts.ACTIVE, (2, 10_000)),
    "who waits on a plan": (plan_counts.OTHERS, (2, "waiting", 10_000)),
    "bulks of a contact": (enrollments.STALE, (True, 1)),
    "a refund": (plan_events.GIVE_BACK, (1, 1)),
}
#: Rows beyond what is returned or changed: the first look at each of a contact's or account's own.
SPARE = 12


@pytest.fixture
def kept(books: str) -> Iterator[None]:
    fill(MANY, NOW)
    with database.session():
        first = SmartPlan.select().order_by(SmartPlan.id).first()
        assert (first.id, SmartPlan.select().count()) == (1, ACCOUNTS)
        due = Enrollment.select(Enrollment.id).where(Enrollment.plan == first).limit(DUE)
        ids = [one.id for one in due]
        Enrollment.update(due_at=NOW).where(Enrollment.id.in_(ids)).execute()
        SmartPlan.update(due_at=NOW).where(SmartPlan.id == first).execute()
        if not database.is_sqlite():
            for table in ("enrollment", "smart_plan", "contact"):
                query(f"ANALYZE {table}")
    yield


def test_nothing_reads_more_than_it_is_after(kept: None) -> None:
    looked = looked_at if not database.is_sqlite() else scanned
    wrong = {name: found for name, (sql, values) in STATEMENTS.items()
             if (found := looked(sql, values))}  # fmt: skip
    assert wrong == {}


def scanned(sql: str, values: tuple[Any, ...]) -> list[str]:
    """Tables that SQLite goes through from end to end."""
    with database.session():
        plan = query(f"EXPLAIN QUERY PLAN {sql}", *values).fetchall()
    said = [str(row[-1]) for row in plan]
    assert any("USING" in line for line in said), said
    return [line for line in said if line.startswith("SCAN") and "USING INDEX" not in line
            and "COVERING" not in line and "CONSTANT" not in line
            and not line.startswith(("SCAN found", "SCAN (subquery"))]  # fmt: skip


def looked_at(sql: str, values: tuple[Any, ...]) -> str:
    """What PostgreSQL read, where that is more rows than it returned or changed; else nothing."""
    with database.session(), database.db.atomic() as undone:
        query("SET LOCAL enable_seqscan = off")  # for tables that hold a page
        [[told]] = query(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", *values).fetchall()
        undone.rollback()
    plan = (json.loads(told) if isinstance(told, str) else told)[0]["Plan"]
    nodes = list(walk(plan))
    read = max(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in nodes
    )
    whole = [node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"]
    wanted = max(node["Actual Rows"] for node in nodes[:2])
    return f"{whole} {read} rows" if whole or read > wanted + SPARE else ""


def walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from walk(below)
