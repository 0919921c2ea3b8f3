"""Proves the books: replays every account's entries and compares with what is kept beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ledger import boundaries
from ledger.books import THRESHOLDS, level
from ledger.database import session
from ledger.models import Account, Entry, Grant, Period, Subscription

GIVES = ("grant", "plan", "refund")
BELOW_ZERO = ("charge_in", "charge_call", "adjust")


@dataclass(frozen=True)
class Fault:
    """One thing in the books that does not hold, and where."""

    account: str
    rule: str
    found: str

    def __str__(self) -> str:
        return f"{self.account}: {self.rule}: {self.found}"


def prove(account_id: int | None = None) -> list[Fault]:
    """Every fault in the books of one account, or of all; an empty list is the proof."""
    with session():
        accounts = Account.select().order_by(Account.id)
        if account_id is not None:
            accounts = accounts.where(Account.id == account_id)
        return [fault for account in accounts for fault in _prove_account(account)]


def _prove_account(account: Account) -> Iterator[Fault]:
    entries = list(Entry.select().where(Entry.account == account).order_by(Entry.number))
    for rule, found in (
        *_chain(account, entries),
        *_refunds(entries),
        *_periods(account, entries),
        *_grants(account, entries),
    ):
        yield Fault(account.name, rule, found)


def _chain(account: Account, entries: list[Entry]) -> Iterator[tuple[str, str]]:
    running, latest = 0, None
    for number, entry in enumerate(entries, start=1):
        running += entry.amount
        if entry.number != number:
            yield "entries are numbered without a gap", f"{entry.key} is {entry.number}"
        if entry.balance != running:
            yield "the balance chains", f"{entry.key} says {entry.balance}, the sum is {running}"
        if not (entry.reason and entry.actor):
            yield "no entry without a cause", entry.key
        if entry.balance < 0 and entry.amount < 0 and entry.kind not in BELOW_ZERO:
            yield "below zero only through texts in, calls and an operator (R14, R15)", entry.key
        if latest is not None and entry.made_at < latest:
            yield "an account's time does not run backwards", entry.key
        latest = entry.made_at
        if (entry.amount > 0) != (entry.kind in GIVES) and entry.amount:
            yield "an entry's sign follows its kind", f"{entry.key}: {entry.kind} {entry.amount}"
        if entry.kind.startswith("charge") and entry.message is None:
            yield "a charge names its text", entry.key
    if account.balance != running:
        yield "sum of entries = balance", f"{account.balance}, the sum is {running}"
    if account.entries != len(entries):
        yield "the account counts its entries", f"{account.entries}, there are {len(entries)}"


def _refunds(entries: list[Entry]) -> Iterator[tuple[str, str]]:
    charges = {e.id: e for e in entries if e.kind.startswith("charge")}
    given_back: dict[int, int] = {}
    for entry in entries:
        if entry.kind == "refund":
            if entry.charge_id not in charges:
                yield "a refund is tied to a charge of its account (R14)", entry.key
                continue
            given_back[entry.charge_id] = given_back.get(entry.charge_id, 0) + entry.amount
    for charge_id, amount in given_back.items():
        if amount > -charges[charge_id].amount:
            yield "refunds never exceed their charge", f"{charges[charge_id].key}: {amount}"


def _periods(account: Account, entries: list[Entry]) -> Iterator[tuple[str, str]]:
    periods = list(Period.select().where(Period.account == account).order_by(Period.starts_at))
    inside: dict[int, list[Entry]] = {}
    for entry in entries:
        inside.setdefault(entry.period_id, []).append(entry)
    home = {entry.id: entry.period_id for entry in entries}
    carried, until = 0, None
    for period in periods:
        own = inside.get(period.id, [])
        used = -sum(
            e.amount
            for e in own
            if e.kind.startswith("charge")
            or (e.kind == "refund" and home.get(e.charge_id) == period.id)
        )
        granted = sum(e.amount for e in own) + used
        of_plan = sum(e.amount for e in own if e.kind in ("plan", "withdraw"))
        where = f"period {period.id}"
        if period.carried_in != carried:
            yield "carried in = balance at the boundary (R9)", f"{period.carried_in}, not {carried}"
        if period.used != used:
            yield "used = charges − refunds (R13)", f"{where}: {period.used}, not {used}"
        if period.granted != granted:
            yield "limit (R13)", f"{where}: {period.granted} granted, not {granted}"
        if period.plan_granted != of_plan:
            yield "plan credits (R10)", f"{where}: {period.plan_granted}, not {of_plan}"
        if until is not None and period.starts_at != until:
            yield "periods tile (R8)", f"{where} starts {period.starts_at}, not {until}"
        yield from _bounds(period, own)
        carried, until = carried + granted - used, period.ends_at
    if [p.closed for p in periods] != [True] * (len(periods) - 1) + [False]:
        yield "the last period, and no other, is open", f"{len(periods)} periods"
    if carried != account.balance:
        yield "balance = limit − used (R13)", f"{carried}, the balance is {account.balance}"
    yield from _open(account, periods[-1])


def _bounds(period: Period, own: list[Entry]) -> Iterator[tuple[str, str]]:
    """A period holds the entries of its time, and its end is where the calendar says (R8)."""
    where = f"period {period.id}"
    for entry in own:
        early = entry.made_at < period.starts_at
        if early or (period.closed and period.ends_at and entry.made_at > period.ends_at):
            yield "an entry stands in the period of its time (R9)", f"{entry.key} in {where}"
    if sum(e.key == f"grant:{period.id}" and e.kind == "plan" for e in own) != (
        period.kind == "plan"
    ):
        resumed = period.kind == "plan" and any(e.key.startswith("plan:") for e in own)
        if not resumed:  # a hold that ended in the middle of its period
            yield "a period with a plan has its credits once (R9)", where
    if (period.kind in ("plan", "hold")) != (period.ends_at is not None) and not period.closed:
        yield "what is paid for has an end (R8)", where
    if period.anchor and period.timezone and period.ends_at:
        ends = boundaries.next_boundary(period.starts_at, period.anchor, period.timezone)
        moved = ends
        while moved < period.ends_at:  # the period after a change of anchor or zone is longer
            moved = boundaries.next_boundary(moved, period.anchor, period.timezone)
        if period.ends_at != moved or (
            moved != ends and ends - period.starts_at >= boundaries.SHORTEST_AFTER_A_CHANGE
        ):
            yield "a period ends on its anchor day (R8)", f"{where}: {period.ends_at}, not {ends}"


def _open(account: Account, period: Period) -> Iterator[tuple[str, str]]:
    """The open period's alerts, and when the account is looked at next."""
    if period.alerted > 0 and period.alerted not in THRESHOLDS:
        yield "alerts are sent at thresholds (R18)", f"{period.alerted} %"
    if period.alert_due != (level(period.used, period.limit) > period.alerted):
        yield "a crossing waits to be told, and nothing else does (R19)", f"period {period.id}"
    due = [period.ends_at] if period.ends_at else []
    if period.kind != "frozen":
        due += [
            grant.expires_at
            for grant in Grant.select().where(Grant.account == account, Grant.remaining > 0)
            if grant.expires_at
        ]
    if due and (account.due_at is None or account.due_at > min(due)):
        yield "an account is due when something of it is (R9, R20)", f"{account.due_at}"
    if (period.kind in ("plan", "hold", "frozen")) and not (
        Subscription.select().where(Subscription.account == account).exists()
    ):
        yield "a period with a plan has a subscription (R7)", f"period {period.id}"


def _grants(account: Account, entries: list[Entry]) -> Iterator[tuple[str, str]]:
    """R20: plays the entries again, oldest grant first, and compares what remains of each."""
    kept = {g.id: g for g in Grant.select().where(Grant.account == account)}
    by_age = sorted(kept, key=lambda grant_id: (kept[grant_id].granted_at, grant_id))
    left: dict[int, int] = {}
    balance = 0
    for entry in entries:
        if entry.kind == "expire":
            if entry.amount != -left.get(entry.grant_id, 0):
                yield "nothing expires that was used (R20)", entry.key
            left[entry.grant_id] = 0
        elif entry.amount < 0:
            order = [g for g in by_age if left.get(g)]
            owed = -entry.amount
            for grant_id in reversed(order) if entry.kind in ("adjust", "withdraw") else order:
                taken = min(owed, left[grant_id])
                left[grant_id] -= taken
                owed -= taken
        elif entry.grant_id is not None:
            alive = entry.amount - min(entry.amount, max(0, -balance))
            left[entry.grant_id] = left.get(entry.grant_id, 0) + alive
        balance += entry.amount
    for grant_id, grant in kept.items():
        if grant.remaining != left.get(grant_id, 0):
            yield (
                "credits are used oldest first (R20)",
                f"grant {grant_id} keeps {grant.remaining}, the replay {left.get(grant_id, 0)}",
            )
    if account.booked_at is not None and not _frozen(account):
        for grant_id, grant in kept.items():
            if grant.remaining and grant.expires_at and grant.expires_at <= account.booked_at:
                yield "nothing older than its term is left (R20)", f"grant {grant_id}"


def _frozen(account: Account) -> bool:
    open_now = Period.select().where(Period.account == account, ~Period.closed)
    return any(period.kind == "frozen" for period in open_now)
