"""Several processes at the same accounts at the same time: the books hold on both engines."""

from __future__ import annotations

import multiprocessing
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from ledger import alerts, audit, credits, database, periods, plans, subscriptions
from ledger.books import Charge
from ledger.models import Change, Entry, Period

CATALOGUE = plans.load()
BEGIN = datetime(2026, 1, 20, 12, tzinfo=UTC)
PROCESSES, STEPS, ACCOUNTS = 4, 90, 3
#: What an account may answer; anything else is a fault.
ANSWERS = (
    credits.NotEnoughCredits, credits.RefundTooLarge, subscriptions.AlreadySubscribed,
    subscriptions.NotSubscribed, Entry.DoesNotExist,
)  # fmt: skip


def work(url: str, seed: int) -> list[str]:
    """One process: some of its steps under keys that the others use, too. What went wrong."""
    bound = database.bind(url)
    dice, shared, wrong = random.Random(seed), random.Random(0), []
    for n in range(STEPS):
        now = BEGIN + timedelta(hours=12 * n)  # over 1 February and 1 March
        for of, name in ((shared, "shared"), (dice, f"of-{seed}")):
            try:
                step(of, f"{name}:{n}", n, now)
            except ANSWERS:
                pass
            except Exception as error:
                wrong.append(f"{name}:{n}: {type(error).__name__}: {error}")
    bound.close_all()
    return wrong


def step(dice: random.Random, key: str, n: int, now: datetime) -> None:
    account, amount = dice.randint(1, ACCOUNTS), dice.randint(1, 60)
    plan, charge = dice.choice(list(CATALOGUE.plans.values())), dice.randint(0, n)
    how: dict[str, Any] = {"actor": "U1", "now": now}
    match dice.choice(
        ["out", "out", "many", "in", "in", "call", "refund", "change", "change", "subscribe",
         "hold", "cancel", "resume", "grant", "adjust", "renew", "alert"]
    ):  # fmt: skip
        case "out":
            credits.charge_out(account, f"out:{key}", amount, message=1, **how)
        case "many":
            charges = [Charge(f"out:{key}.{n}", amount, 1, "U1") for n in range(3)]
            credits.charge_texts(account, charges, now=now)
        case "in":
            credits.charge_in(account, f"in:{key}", amount, message=1, now=now)
        case "call":
            credits.charge_call(account, f"call:{key}", amount, call=1, now=now)
        case "refund":
            of = f"{key.partition(':')[0]}:{charge}"
            credits.refund(
                account, f"refund:{of}", 1, charge_key=f"out:{of}", reason="failed", now=now
            )  # fmt: skip
        case "change":
            subscriptions.change(account, key, plan, **how)
        case "subscribe":
            subscriptions.subscribe(account, key, plan, CATALOGUE, **how)
        case "hold":
            subscriptions.hold(account, key, **how)
        case "cancel":
            subscriptions.cancel(account, key, **how)
        case "resume":
            subscriptions.resume(account, key, **how)
        case "grant":
            credits.grant(account, f"g:{key}", amount, reason="gift", **how)
        case "adjust":
            credits.adjust(account, f"a:{key}", -amount, reason="mistake", **how)
        case "renew":
            periods.turn_due(now)
        case "alert":
            for crossed in alerts.crossed():
                alerts.cross(crossed, now)


def test_processes_that_do_everything_at_once_leave_the_books_whole(books: str) -> None:
    """R9 to R16, R19, R20: renewals, changes, charges, refunds, replays, alerts side by side."""
    for n in range(ACCOUNTS):
        account = credits.open_account(f"home {n}", "America/New_York", BEGIN)
        subscriptions.subscribe(
            account.id, f"first:{n}", CATALOGUE.plan("solo"), CATALOGUE, actor="U1", now=BEGIN
        )
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        wrong = pool.starmap(work, [(books, seed) for seed in range(1, PROCESSES + 1)])
    assert [fault for faults in wrong for fault in faults] == []
    assert audit.prove() == []
    with database.session():
        begun = Counter(
            (period.account_id, period.starts_at.astimezone(UTC).date())
            for period in Period.select().where(Period.kind << ["plan", "hold"])
        )
        kinds = {entry.kind for entry in Entry.select(Entry.kind)}
        made = {change.what for change in Change.select(Change.what)}
    assert {day for _, day in begun} >= {BEGIN.date()}
    assert max(begun.values()) == 1, "no month begins twice"
    assert kinds >= {"plan", "charge_in", "charge_out", "charge_call", "grant", "adjust"}
    assert made >= {"subscribe", "change", "hold", "cancel"}
