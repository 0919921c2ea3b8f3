"""The ledger: charges a second; what things cost at 1,000 accounts and at 180,000; a renewal night.

PARTYLINE_BENCH_ACCOUNTS sets another size than 180,000.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import statistics
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.clock import travelled
from bot.credits import renewals, usage
from ledger import alerts, books, credits, database, periods, reports, standing
from ledger.database import is_sqlite, query, session, transaction
from tests import databases

MANY = int(os.environ.get("PARTYLINE_BENCH_ACCOUNTS", "180000"))
FEW = 1000
ENTRIES = 56  # an account: 180,000 of them have 10 million
PLAN = 500
SECONDS = 4.0  # of each measurement of charges
ASKED = 300  # accounts that are asked for what a thing costs
SPENT = ENTRIES - 1


def run() -> str:
    """The tables, as Markdown."""
    charges = [row for engine in databases.ENGINES for row in _charges(engine)]
    costs, nights, plans = [], [], []
    for engine in databases.ENGINES:
        small, _ = _costs(engine, FEW)
        large, shown = _costs(engine, MANY)
        for name, (few, many) in zip(small, zip(small.values(), large.values(), strict=True),
                                     strict=True):  # fmt: skip
            costs.append(f"| {engine} | {name} | {few:.2f} ms | {many:.2f} ms | {many / few:.2f} |")
        plans.append(shown)
        nights.append(_night(engine))
    return "\n".join(
        [
            "## Charges a second",
            "",
            "One thread, a commit a charge, with every check and the replay of its key. Beside it "
            "hand-made SQL that writes the same rows and checks nothing.",
            "",
            "| engine | accounts | partyline | hand-made SQL | share |",
            "|---|---|---|---|---|",
            *charges,
            "",
            f"## What things cost at {FEW:,} accounts and at {MANY:,}",
            "",
            f"{ENTRIES} entries an account, {MANY * ENTRIES:,} in all at {MANY:,}; the median of "
            f"{ASKED} accounts taken at random. `/credits` is balance, limit, forecast and what "
            "will expire; the report is a month by day; the alert scan finds 20 accounts that "
            "crossed a threshold and marks each as told.",
            "",
            f"| engine | what | {FEW:,} accounts | {MANY:,} accounts | ratio |",
            "|---|---|---|---|---|",
            *costs,
            "",
            "## A renewal night",
            "",
            f"All {MANY:,} accounts renew at the same midnight, while texts in are charged to "
            "accounts at random, a commit each, from another process. Each charge waits for none "
            "but its own account; on SQLite for the writer's turn.",
            "",
            "| engine | renewals | a second | a charge alone: median / 99th | meanwhile: median "
            "/ 99th / longest |",
            "|---|---|---|---|---|",
            *nights,
            "",
            "## Query plans",
            "",
            *plans,
        ]
    )


# Charges


def _charges(engine: str) -> list[str]:
    rows = []
    for accounts in (1, 1000):
        rates = []
        for charge in (_ours, _by_hand):
            bound = _filled(engine, accounts)
            done, began = 0, time.perf_counter()
            while time.perf_counter() - began < SECONDS:
                charge(1 + done % accounts, done)
                done += 1
            rates.append(done / (time.perf_counter() - began))
            bound.close_all()
        ours, hand = rates
        rows.append(f"| {engine} | {accounts:,} | {ours:,.0f} | {hand:,.0f} | {ours / hand:.2f} |")
    return rows


def _ours(account: int, n: int) -> None:
    credits.charge_in(account, f"in:now-{n}", 1, message=n, now=datetime.now(UTC))


@transaction
def _by_hand(account: int, n: int) -> None:
    now = datetime.now(UTC)
    number, balance = query(
        "UPDATE account SET balance = balance - 1, entries = entries + 1, booked_at = %s"
        " WHERE id = %s RETURNING entries, balance", now, account,
    ).fetchone()  # fmt: skip
    query("UPDATE period SET used = used + 1 WHERE account_id = %s AND NOT closed", account)
    query(
        "UPDATE credit_grant SET remaining = remaining - 1 WHERE id = (SELECT id FROM credit_grant"
        " WHERE account_id = %s AND remaining > 0 ORDER BY granted_at, id LIMIT 1)", account,
    )  # fmt: skip
    query(
        "INSERT INTO entry (account_id, number, period_id, key, kind, amount, balance, message,"
        " reason, actor, made_at) VALUES (%s, %s, %s, %s, 'charge_in', -1, %s, %s, 'text in',"
        " 'twilio', %s)", account, number, account, f"in:now-{n}", balance, n, now,
    )  # fmt: skip


# Accounts by the thousand


def _filled(engine: str, accounts: int) -> Any:
    """A database of so many accounts, each a month into its plan; bound."""
    bound = database.bind(databases.fresh(engine, durable=True))
    _fill(accounts)
    return bound


@transaction
def _fill(accounts: int) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    starts, ends = now - timedelta(days=28), now + timedelta(days=2)
    if is_sqlite():
        numbers = (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) "
        )
        several, one = "n", "strftime('%Y-%m-%d %H:%M:%S', {at}, 'unixepoch') || '.000000+00:00'"
    else:
        numbers, several = "", "generate_series(1, {count}) AS n(i)"
        one = "to_timestamp({at})"

    def rows(count: int) -> tuple[str, str]:
        return numbers.format(count=count), several.format(count=count)

    head, source = rows(accounts)
    # `query` marks values by %s: what strftime writes as % is doubled for drivers that read it so.
    query(
        f"{head} INSERT INTO account (name, timezone, balance, entries, grants_last_months, due_at,"
        f" booked_at, created_at) SELECT 'account ' || i, 'America/New_York', {PLAN - SPENT},"
        f" {ENTRIES}, 12, %s, %s, %s FROM {source}", ends, now, starts,
    )  # fmt: skip
    query(
        f"{head} INSERT INTO subscription (account_id, plan, name, credits, price_cents,"
        " hold_price_cents, anchor, \"then\") SELECT i, 'solo', 'Solo', "
        f"{PLAN}, 2200, 500, 1, 'renew' FROM {source}"
    )
    query(
        f"{head} INSERT INTO period (account_id, kind, starts_at, ends_at, anchor, timezone,"
        " closed, carried_in, granted, used, plan_granted, plan, plan_name, plan_credits,"
        " price_cents, alerted, alert_due) SELECT i, 'plan', %s, %s, 1, 'America/New_York', %s, 0,"
        f" {PLAN}, {SPENT}, {PLAN}, 'solo', 'Solo', {PLAN}, 2200, 0, %s FROM {source}",
        starts, ends, False, False,
    )  # fmt: skip
    query(
        f"{head} INSERT INTO credit_grant (account_id, amount, remaining, granted_at, expires_at,"
        f" announce_at) SELECT i, {PLAN}, {PLAN - SPENT}, %s, %s, %s FROM {source}",
        starts, starts + timedelta(days=365), starts + timedelta(days=335),
    )  # fmt: skip
    head, source = rows(accounts * ENTRIES)
    number, account = f"((i - 1) % {ENTRIES} + 1)", f"((i - 1) / {ENTRIES} + 1)"
    if not is_sqlite():
        number = number.replace("%", "%%")
    at = one.format(at=f"{int(starts.timestamp())} + {number} * 43000")
    database.db.execute_sql(
        f"{head} INSERT INTO entry (account_id, number, period_id, key, kind, amount, balance,"
        f" message, grant_id, reason, actor, made_at)"
        f" SELECT {account}, {number}, {account}, 'bench-' || i,"
        f" CASE WHEN {number} = 1 THEN 'plan' WHEN i / 2 * 2 = i THEN 'charge_in'"
        " ELSE 'charge_out' END,"
        f" CASE WHEN {number} = 1 THEN {PLAN} ELSE -1 END, {PLAN + 1} - {number}, i,"
        f" CASE WHEN {number} = 1 THEN {account} END, 'bench', 'U1', {at} FROM {source}",
        () if is_sqlite() else None,
    )
    if not is_sqlite():
        for table in ("account", "period", "credit_grant", "entry", "subscription"):
            query(f"ANALYZE {table}")


# What things cost


def _costs(engine: str, accounts: int) -> tuple[dict[str, float], str]:
    """Milliseconds by what is done, and the query plans, with so many accounts."""
    bound = _filled(engine, accounts)
    dice = random.Random(7)
    asked = [dice.randint(1, accounts) for _ in range(ASKED)]
    now = datetime.now(UTC)

    def balance(account: int) -> None:
        with session():
            credits.balance(account)

    def status(account: int) -> None:
        _status(account, now)

    def report(account: int) -> None:
        usage.make(usage.ask(account, "America/New_York", "30d by day", now), now)

    costs = {
        "balance": _median(balance, asked),
        "`/credits`": _median(status, asked),
        "report of a month": _median(report, asked),
    }
    scans = []
    for round_ in range(15):
        crossing = sorted({dice.randint(1, accounts) for _ in range(20)})
        for place, account in enumerate(crossing):
            credits.charge_in(account, f"x{round_}:{place}", 380, message=1, now=now)
        began = time.perf_counter()
        for account in alerts.crossed():
            alerts.cross(account, now)
        scans.append((time.perf_counter() - began) * 1000 / len(crossing))
        for place, account in enumerate(crossing):
            credits.grant(account, f"g{round_}:{place}", 5000, reason="x", actor="x", now=now)
    costs["alert scan, an alert"] = statistics.median(scans)
    shown = _plans(engine, accounts, now)
    bound.close_all()
    return costs, shown


@transaction
def _status(account: int, now: datetime) -> None:
    reports.forecast(standing.of(account, now), now)


def _median(work: Callable[[int], None], asked: list[int]) -> float:
    times = []
    for account in asked:
        began = time.perf_counter()
        work(account)
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def _plans(engine: str, accounts: int, now: datetime) -> str:
    """How the engine goes about each query that must not read everything."""
    month = now - timedelta(days=30)
    asked = {
        "an account's lock": (books.LOCK.replace("FOR UPDATE", ""), (7,)),
        "accounts that are due": (periods.DUE.partition("FOR UPDATE")[0], (now, 50)),
        "accounts that crossed a threshold": (alerts.CROSSED, (100,)),
        "grants to announce": (alerts.EXPIRING, (now, 100)),
        "a month's use": (reports.USED, (7, month, now)),
        "the sum of a fortnight": (reports.SPENT, (7, month, now)),
        "history": (reports.HISTORY, (7, 2**31 - 1, 15)),
    }
    lines = [f"{engine}, {accounts:,} accounts:", "", "```"]
    with session():
        for name, (sql, values) in asked.items():
            how = "EXPLAIN QUERY PLAN " if is_sqlite() else "EXPLAIN (COSTS OFF) "
            rows = query(how + sql, *values).fetchall()
            lines.append(f"{name}:")
            lines += [f"    {row[3] if is_sqlite() else row[0]}" for row in rows]
    return "\n".join([*lines, "```", ""])


# A renewal night


def _night(engine: str) -> str:
    url = databases.fresh(engine, durable=True)
    bound = database.bind(url)
    _fill(MANY)
    alone = _texting(url, seconds=5)
    stop = multiprocessing.get_context("spawn").Event()
    answers: Any = multiprocessing.get_context("spawn").Queue()
    other = multiprocessing.get_context("spawn").Process(
        target=_text_until, args=(url, stop, answers)
    )
    other.start()
    assert answers.get(timeout=60) == "ready"
    began = time.perf_counter()
    with travelled(timedelta(days=3)):
        booked = renewals.book_due()
    took = time.perf_counter() - began
    stop.set()
    meanwhile = answers.get(timeout=60)
    other.join()
    assert booked == MANY, booked
    bound.close_all()
    return (
        f"| {engine} | {booked:,} in {took / 60:.1f} min | {booked / took:,.0f} | "
        f"{_spread(alone)[0]:.1f} / {_spread(alone)[1]:.1f} ms | "
        f"{_spread(meanwhile)[0]:.1f} / {_spread(meanwhile)[1]:.1f} / {max(meanwhile):.0f} ms |"
    )


def _spread(times: list[float]) -> tuple[float, float]:
    ordered = sorted(times)
    return statistics.median(ordered), ordered[int(len(ordered) * 0.99)]


def _texting(url: str, seconds: float) -> list[float]:
    stop, answers = threading.Event(), multiprocessing.get_context("spawn").Queue()
    threading.Timer(seconds, stop.set).start()
    _charge_until(stop, "alone")
    answers.close()
    return TIMES.pop("alone")


TIMES: dict[str, list[float]] = {}


def _text_until(url: str, stop: Any, answers: Any) -> None:
    """Another process: texts in, 20 a second, until told to stop."""
    bound = database.bind(url)
    answers.put("ready")
    _charge_until(stop, "meanwhile")
    answers.put(TIMES["meanwhile"])
    bound.close_all()


def _charge_until(stop: Any, name: str) -> None:
    dice, times, n = random.Random(3), [], 0
    while not stop.wait(0.05):
        began = time.perf_counter()
        credits.charge_in(dice.randint(1, MANY), f"{name}:{n}", 1, message=n, now=datetime.now(UTC))
        times.append((time.perf_counter() - began) * 1000)
        n += 1
    TIMES[name] = times
