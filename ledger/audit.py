"""Proves the books: replays every account's entries and compares with what is kept beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ledger.database import session
from ledger.models import Account, Entry, Grant, Period


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
    running = 0
    for number, entry in enumerate(entries, start=1):
        running += entry.amount
        if entry.number != number:
            yield "entries are numbered without a gap", f"{entry.key} is {entry.number}"
        if entry.balance != running:
            yield "the balance chains", f"{entry.key} says {entry.balance}, the sum is {running}"
        if not (entry.reason and entry.actor):
            yield "no entry without a cause", entry.key
        if entry.kind == "charge_out" and entry.balance < 0:
            yield "a text out never goes below zero (R14)", entry.key
        if (entry.amount > 0) != (entry.kind in ("grant", "refund")) and entry.amount:
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
    home = {entry.id: entry.period_id for entry in entries}
    carried, until = 0, None
    for period in periods:
        own = [e for e in entries if e.period_id == period.id]
        used = -sum(
            e.amount
            for e in own
            if e.kind.startswith("charge")
            or (e.kind == "refund" and home.get(e.charge_id) == period.id)
        )
        granted = sum(e.amount for e in own) + used
        if period.carried_in != carried:
            yield "carried in = balance at the boundary (R9)", f"{period.carried_in}, not {carried}"
        if period.used != used:
            yield "used = charges − refunds (R13)", f"period {period.id}: {period.used}, not {used}"
        if period.granted != granted:
            yield "limit (R13)", f"period {period.id}: {period.granted} granted, not {granted}"
        if until is not None and period.starts_at != until:
            yield "periods tile (R8)", f"period {period.id} starts {period.starts_at}, not {until}"
        carried, until = carried + granted - used, period.ends_at
    if [p.closed for p in periods] != [True] * (len(periods) - 1) + [False]:
        yield "the last period, and no other, is open", f"{len(periods)} periods"
    if carried != account.balance:
        yield "balance = limit − used (R13)", f"{carried}, the balance is {account.balance}"


def _grants(account: Account, entries: list[Entry]) -> Iterator[tuple[str, str]]:
    """R20: plays the entries again, oldest grant first, and compares what remains of each."""
    kept = {g.id: g for g in Grant.select().where(Grant.account == account)}
    by_age = sorted(kept, key=lambda grant_id: (kept[grant_id].granted_at, grant_id))
    left: dict[int, int] = {}
    balance = 0
    for entry in entries:
        if entry.amount < 0:
            order = [g for g in by_age if left.get(g)]
            owed = -entry.amount
            for grant_id in reversed(order) if entry.kind == "adjust" else order:
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
