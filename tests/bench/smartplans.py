"""SmartPlans: a tick with a million enrollments, and how fast steps that are due become deliveries.

PARTYLINE_BENCH_ENROLLMENTS sets another size than 1,000,000.
"""

from __future__ import annotations

import functools
import gc
import os
import statistics
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from bot import clock
from bot.contacts.models import Contact
from bot.lines.models import Line
from bot.smartplans import (
    bulks,
    plan_people,
    plan_upkeep,
    reminders,
    room,
    smartplans,
    step_facts,
    steps,
)
from bot.smartplans.models import Enrollment, SmartPlan, SmartPlanVersion, Step
from bot.smartplans.plan_shapes import Shape, StepShape
from bot.smartplans.schedule import When
from bot.team import opening
from bot.team.models import Member, Policy
from bot.worker import spare_the_collector
from ledger import credits, database, rows
from ledger.database import is_sqlite, query, session, transaction
from ledger.models import Account
from tests import databases
from tests.bench import peers

MANY = int(os.environ.get("PARTYLINE_BENCH_ENROLLMENTS", "1000000"))
FEW = 1000
ACCOUNTS = 100
TICKS = 300
DUE = int(os.environ.get("PARTYLINE_BENCH_STEPS", "10000"))
SOME = 20  # steps that are due, in ticks that have something to do
FAST = room.Pace(0.001, 0.001)
ROUNDS = 3
OURS = {1: "texts of one account", 10: "texts of ten accounts"}  # ready to leave


def run() -> str:
    """The tables, as Markdown."""
    ticks, shown = [], []
    for engine in databases.ENGINES:
        few, _ = _ticks(engine, FEW)
        many, plans = _ticks(engine, MANY)
        shown.append(plans)
        ticks += [
            f"| {engine} | {what} | {few[what]:.2f} ms | {many[what]:.2f} ms "
            f"| {many[what] / few[what]:.2f} |"
            for what in few
        ]
    return "\n".join(
        [
            f"## A tick of SmartPlans at {FEW:,} active enrollments and at {MANY:,}",
            "",
            f"In {ACCOUNTS} accounts. The median of {TICKS} ticks in which nothing is due, with "
            "the looks for plans that wait for credits, for many who are put on at once and for "
            f"reminders that were put off; and of ticks in which {SOME} texts are due, "
            "each priced, charged, queued and written down.",
            "",
            f"| engine | what | {FEW:,} | {MANY:,} | ratio |",
            "|---|---|---|---|---|",
            *ticks,
            "",
            f"## {DUE:,} steps that are due",
            "",
            f"{DUE:,} text steps of as many contacts become messages with their parts, charges and "
            "deliveries, durably: each on its contact's clock, under the law's hours, with its "
            "fields filled and its price. Beside it other schedulers that drain as many things "
            f"that do nothing, each from its own store, in the same run; best of {ROUNDS}.",
            "",
            "| engine | who | a second | partyline is, one account | ten accounts |",
            "|---|---|---|---|---|",
            *_drained(),
            "",
            "## Query plans of a tick",
            "",
            *shown,
        ]
    )


# Ticks


def _ticks(engine: str, enrollments: int) -> tuple[dict[str, float], str]:
    """Milliseconds of a tick by what is due, and the query plans, with so many enrollments."""
    bound = database.bind(databases.fresh(engine, durable=True))
    now = _monday()
    fill(enrollments, now)
    with clock.travelled(now - datetime.now(UTC)):
        nothing = _median(TICKS, _tick)
        with session():
            plans = _plans(engine)
        some = _median(30, _tick, _make_due)
    bound.close_all()
    return {"nothing is due": nothing, f"{SOME} texts are due": some}, plans


def _tick() -> None:
    steps.run_due(FAST, by_mail=False)
    plan_upkeep.wake_fed()
    bulks.work(FAST)
    reminders.wake_due()


def _median(
    times: int, work: Callable[[], None], before: Callable[[], None] | None = None
) -> float:
    took = []
    for _ in range(times):
        if before:
            before()
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


_next = 0


@transaction
def _make_due() -> None:
    """Has the step of the next twenty of one plan due now."""
    global _next
    now, plan = clock.now(), 1 + _next % ACCOUNTS
    _next += 1
    query(
        "UPDATE enrollment SET due_at = %s, planned_at = %s WHERE id IN (SELECT id FROM enrollment"
        " WHERE plan_id = %s AND state = 'active' AND position = 0 ORDER BY id LIMIT %s)",
        now, now, plan, SOME if MANY > FEW else 10,
    )  # fmt: skip
    query("UPDATE smart_plan SET due_at = %s WHERE id = %s", now, plan)


def _monday() -> datetime:
    """Eleven in the morning of a Monday in New York, more than a year ahead."""
    return datetime(2028, 5, 1, 15, 0, tzinfo=UTC)


@transaction
def fill(enrollments: int, now: datetime) -> None:
    """So many enrollments, all due some time later, in a hundred accounts."""
    before, later = now - timedelta(days=9), now + timedelta(days=1)
    mine = max(SOME, enrollments // ACCOUNTS)
    of_plan = min(mine, 1000)  # contacts of an account, each on all of its plans
    for number in range(1, ACCOUNTS + 1):
        account = credits.open_account(f"account {number}", "America/New_York", before, 0)
        credits.grant(
            account.id, f"g{number}", 100_000, reason="bench", actor="bench", now=before
        )  # fmt: skip
        Policy.create(account=account, opt_out_words="", plan_texts_a_day=1000)
        line = Line.create(
            account=account, number=f"+1415{number:07d}", channel=f"C{number}", read_until=before,
            made_at=before, plan_texts_a_day=1_000_000,
        )  # fmt: skip
        people = [
            (account.id, f"+1212555{n:04d}", "Ann Lee", before, before) for n in range(of_plan)
        ]
        columns = ("account_id", "number", "name", "told_at", "made_at")
        found = rows.insert(Contact, columns, people, "RETURNING id")
        ids = sorted(row[0] for row in found)
        for place in range(mine // of_plan):
            _fill_plan(account, line, place, ids, before, later)
    if not is_sqlite():
        for table in ("account", "contact", "smart_plan", "enrollment", "step", "period"):
            query(f"ANALYZE {table}")


def _fill_plan(
    account: Account, line: Line, place: int, ids: list[int], before: datetime, later: datetime
) -> None:
    plan = SmartPlan.create(
        account=account, name=f"plan {place}", state="on", line=line, made_by="U1", made_at=before,
        due_at=later,
    )  # fmt: skip
    version = SmartPlanVersion.create(plan=plan, number=1, made_by="U1", made_at=before)
    for position in range(2):
        Step.create(
            version=version, position=position, key=f"{position}", kind="text", basis="enrolled",
            amount=10 + 30 * position, bodies=["Hi {first_name|there}, still looking?"],
        )  # fmt: skip
    table = [
        (account.id, plan.id, version.id, one, "active", 0, 0, "text", before, before, later, later,
         "U1")
        for one in ids
    ]  # fmt: skip
    rows.insert(
        Enrollment,
        ("account_id", "plan_id", "version_id", "contact_id", "state", "round", "position", "kind",
         "enrolled_at", "basis_at", "planned_at", "due_at", "by"),
        table,
    )  # fmt: skip


def _plans(engine: str) -> str:
    """How the engine reads what a tick asks for."""
    explain = "EXPLAIN QUERY PLAN " if is_sqlite() else "EXPLAIN "
    now = clock.now()
    said = []
    for name, sql, values in (
        ("which plans are due", steps.DUE_PLANS, (now, 100)),
        ("a plan's enrollments that are due", step_facts.DUE, (1, "text", now, 500)),
        ("when its next is", steps.SOONEST, (1, "text")),
        ("which plans got credits", plan_upkeep.FED, (100,)),
    ):
        lines_ = [str(row[-1]) for row in query(explain + sql, *values).fetchall()]
        said += [f"{name}:", *(f"    {line}" for line in lines_)]
    return "\n".join([f"{engine}", "```", *said, "```", ""])


# Steps that are due


def _drained() -> list[str]:
    found: list[str] = []
    for engine in databases.ENGINES:
        rates = {who: max(drain() for _ in range(ROUNDS)) for who, drain in _drains(engine).items()}
        ours = [rates.pop(who) for who in OURS.values()]
        found += [
            f"| {engine} | **partyline**, {who} | {rate:,.0f} | | |"
            for who, rate in zip(OURS.values(), ours, strict=True)
        ]
        for who, rate in rates.items():
            times = " | ".join(f"{our / rate:.1f} × as fast" for our in ours)
            found.append(f"| {engine} | {who} | {rate:,.0f} | {times} |")
    return found


def _drains(engine: str) -> dict[str, Callable[[], float]]:
    """Who drains on this engine, each as what returns its rate a second."""
    found: dict[str, Callable[[], float]] = {
        who: functools.partial(_ours, engine, accounts) for accounts, who in OURS.items()
    } | {"APScheduler 3, date jobs, SQLAlchemyJobStore": lambda: peers.apscheduler(engine, DUE)}
    if engine == "sqlite":
        return found | {
            "huey, no fsync (its default)": lambda: peers.huey(engine, DUE, durable=False),
            "huey, fsync as we do": lambda: peers.huey(engine, DUE, durable=True),
        }
    return found | {
        "huey, contrib.sql_huey": lambda: peers.huey(engine, DUE, durable=True),
        "procrastinate": lambda: peers.procrastinate(DUE),
    }


def _ours(engine: str, accounts: int) -> float:
    """Text steps a second that become messages, charges and deliveries, of a worker that has done
    some before; the steps are of so many accounts."""
    url = databases.fresh(engine, durable=True)
    bound = database.bind(url)
    now = _monday()
    with clock.travelled(now - datetime.now(UTC)):
        for number in range(1, accounts + 1):
            opening.setup(
                account=f"Team {number}", timezone="America/New_York", owner=f"U{number}",
                line=f"+1415555{number:04d}", channel=f"C{number}", opening_credits=2 * DUE,
            )  # fmt: skip
        with session():
            Line.update(plan_texts_a_day=10 * DUE).execute()
        _campaigns(0, SOME)
        steps.run_due(FAST, by_mail=False)
        _campaigns(SOME, DUE // accounts)
        peers.settle(url)
        thresholds = gc.get_threshold()
        spare_the_collector()
        began = time.perf_counter()
        steps.run_due(FAST, by_mail=False)
        took = time.perf_counter() - began
        gc.unfreeze()
        gc.set_threshold(*thresholds)
        with session():
            for sql in (
                "SELECT count(*) FROM delivery WHERE kind = 'twilio.message' AND state = 'queued'",
                "SELECT count(*) FROM entry WHERE kind = 'charge_out'",
            ):
                assert query(sql).fetchone()[0] == DUE + SOME * accounts
    bound.close_all()
    return DUE / took


def _campaigns(first: int, many: int) -> None:
    """So many new contacts of each account, each with a text that is due."""
    now = clock.now()
    with session():
        accounts = list(Account.select().order_by(Account.id))
    for account in accounts:
        _people(account, range(first, first + many), now)
        with session():
            line = Line.get(Line.account == account)
            owner = Member.get(Member.account == account).slack_user
            mine = Contact.select(Contact.id).where(Contact.account == account)
            ids = sorted(row.id for row in mine.order_by(Contact.id.desc()).limit(many))
        step = StepShape("text", When("enrolled"), ("Hi {first_name|there}, still looking?",))
        shape = Shape(f"Campaign {first}", (step,), line=line.id)
        plan = smartplans.new(account.id, owner, shape, now)
        smartplans.switch_on(plan.id, plan.made_by, now)
        plan_people.enroll(plan.id, plan.made_by, ids, now)


@transaction
def _people(account: Account, places: Iterable[int], now: datetime) -> None:
    table: list[tuple[Any, ...]] = [
        (account.id, f"+1212{555 + n // 10_000}{n % 10_000:04d}", "Ann Lee", now) for n in places
    ]
    rows.insert(Contact, ("account_id", "number", "name", "made_at"), table)
