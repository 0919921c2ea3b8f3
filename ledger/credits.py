"""Charge, refund, grant, adjust: what moves a balance beside its subscription (R13–R16, R20).

Each function is one transaction that holds the account's row, so two of them on one account follow
one another; each first books what time has brought (R9, R20). Each takes a `key`: called again with
the same key and amount it changes nothing and returns the first entry; with another amount it
raises KeyReused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger import periods
from ledger.books import Booked, Books, Charge, KeyReused
from ledger.database import instant, query, transaction
from ledger.models import Account, Entry, Period

__all__ = [
    "Booked", "Charge", "Frozen", "Funds", "KeyReused", "NotEnoughCredits", "RefundTooLarge",
    "adjust", "balance", "charge_call", "charge_in", "charge_out", "charge_texts", "funds", "grant",
    "held", "hold", "open_account", "refund",
]  # fmt: skip

REFUNDED = "SELECT COALESCE(SUM(amount), 0) FROM entry WHERE charge_id = %s"

FUNDS = """
    SELECT account.balance, account.due_at, period.kind FROM account
    JOIN period ON period.account_id = account.id AND NOT period.closed WHERE account.id = %s"""


@dataclass(frozen=True)
class Funds:
    """What there is to send from: nothing while it is frozen (R12)."""

    balance: int
    frozen: bool
    planless: bool = False  # never subscribed: it has what the operator gave it (R7)

    def cover(self, amount: int) -> bool:
        """Whether a text out of this price may go (R14)."""
        return not self.frozen and self.balance >= amount


class NotEnoughCredits(Exception):
    """The balance does not cover a text out (R14)."""

    def __init__(self, needed: int, left: int) -> None:
        self.needed, self.left = needed, left
        super().__init__(f"{needed} credits are needed and {left} are left")


class Frozen(NotEnoughCredits):
    """The plan has ended: the balance is kept, and nothing is sent until the next one (R12)."""


class RefundTooLarge(Exception):
    """Refunds of one charge would exceed it: a fault of the caller."""


@transaction
def open_account(name: str, timezone: str, now: datetime, grants_last_months: int = 12) -> Account:
    """A new account with no credits and one open period (R7). The name must be free."""
    account = Account.create(
        name=name, timezone=timezone, grants_last_months=grants_last_months, created_at=now
    )
    Period.create(account=account, starts_at=now)
    return account


@transaction
def hold(account_id: int, now: datetime) -> None:
    """Locks the account's credits until the caller's transaction ends. The first lock of any."""
    periods.lock(account_id, now)


@transaction
def held(account_id: int, now: datetime) -> Funds:
    """Locks the account's credits, too, and says what there is to send from."""
    books = periods.lock(account_id, now)
    return Funds(books.balance, books.kind == "frozen", books.kind == "open")


@transaction
def charge_out(
    account_id: int, key: str, amount: int, *, message: int, actor: str, now: datetime
) -> Booked:
    """Takes `amount` credits for a text out; raises NotEnoughCredits if the balance lacks (R14),
    and its kind Frozen after the last plan has ended (R12)."""
    return charge_texts(account_id, [Charge(key, amount, message, actor)], now=now)[0]


@transaction
def charge_texts(account_id: int, charges: Sequence[Charge], *, now: datetime) -> list[Booked]:
    """The same for many texts, all of them or none; each has an entry of its own."""
    books = periods.lock(account_id, now)
    _require(all(charge.amount >= 0 for charge in charges), "a charge is never negative")
    # The keys first: a charge that is replayed must not be answered "not enough".
    booked = books.found_all([(charge.key, -charge.amount) for charge in charges])
    new = [charge for charge in charges if charge.key not in booked]
    needed = sum(charge.amount for charge in new)
    if new and books.kind == "frozen":
        raise Frozen(needed, books.balance)
    if new and books.balance < needed:
        raise NotEnoughCredits(needed, books.balance)
    books.burn(needed)
    written = books.book_charges(new, "charge_out", "text out")
    booked |= {charge.key: entry for charge, entry in zip(new, written, strict=True)}
    return [booked[charge.key] for charge in charges]


@transaction
def charge_in(account_id: int, key: str, amount: int, *, message: int, now: datetime) -> Booked:
    """Takes `amount` credits for a text in, below zero if need be (R15)."""
    books = periods.lock(account_id, now)
    if done := books.found(key, -amount):
        return done
    return _charge(books, "charge_in", key, amount, message, "text in", "twilio")


@transaction
def charge_call(account_id: int, key: str, amount: int, *, call: int, now: datetime) -> Booked:
    """Takes `amount` credits for the minutes of a call, which are over and cannot be refused: below
    zero if need be, as for a text in (R15)."""
    books = periods.lock(account_id, now)
    if done := books.found(key, -amount):
        return done
    return _charge(books, "charge_call", key, amount, call, "call forwarded", "twilio")


@transaction
def grant(
    account_id: int,
    key: str,
    amount: int,
    *,
    reason: str,
    actor: str,
    now: datetime,
    expires_at: datetime | None = None,
) -> Booked:
    """Gives `amount` credits, which first fill a hole below zero (R15).

    They last the account's term, unless `expires_at` says otherwise.
    """
    _require(amount > 0, "a grant gives at least one credit")
    books = periods.lock(account_id, now)
    if done := books.found(key, amount):
        return done
    _require(expires_at is None or expires_at > books.now, "a grant expires after it is given")
    grant_id = books.give(amount, expires_at)
    return books.book(key, "grant", amount, grant=grant_id, rearms=True, reason=reason, actor=actor)


@transaction
def refund(
    account_id: int, key: str, amount: int, *, charge_key: str, reason: str, now: datetime
) -> Booked:
    """Gives back `amount` credits of one charge, once (R14). Its parts never exceed the charge."""
    _require(amount > 0, "a refund gives back at least one credit")
    books = periods.lock(account_id, now)
    if done := books.found(key, amount):
        return done
    charge = Entry.get(Entry.key == charge_key, Entry.account == account_id)
    if query(REFUNDED, charge.id).fetchone()[0] + amount > -charge.amount:
        raise RefundTooLarge(f"{key} would give back more than {charge_key} took")
    return books.book(
        key, "refund", amount, used=-amount if charge.period_id == books.period else 0,
        charge=charge.id, message=charge.message, grant=books.put_back(amount),
        reason=reason, actor="partyline",
    )  # fmt: skip


@transaction
def adjust(
    account_id: int, key: str, amount: int, *, reason: str, actor: str, now: datetime
) -> Booked:
    """An operator's correction, up or down, with a reason; it may go below zero (R16)."""
    _require(amount != 0, "an adjustment of nothing is none")
    if amount > 0:
        return grant(account_id, key, amount, reason=reason, actor=actor, now=now)
    books = periods.lock(account_id, now)
    if done := books.found(key, amount):
        return done
    books.burn(-amount, newest_first=True)
    return books.book(key, "adjust", amount, reason=reason, actor=actor)


@transaction
def funds(account_id: int, now: datetime) -> Funds:
    """What there is to send from now, with what time has brought; locks nothing if it brought
    nothing."""
    balance, due_at, kind = query(FUNDS, account_id).fetchone()
    if due_at is not None and instant(due_at) <= now:
        books = periods.lock(account_id, now)
        balance, kind = books.balance, books.kind
    return Funds(balance, kind == "frozen", kind == "open")


def balance(account_id: int) -> int:
    """Credits left; negative when texts in were charged at zero (R15)."""
    found = Account.select(Account.balance).where(Account.id == account_id).get()
    return int(found.balance)


def _charge(
    books: Books, kind: str, key: str, amount: int, message: int, reason: str, actor: str
) -> Booked:
    _require(amount >= 0, "a charge is never negative")
    books.burn(amount)
    return books.book(key, kind, -amount, used=amount, message=message, reason=reason, actor=actor)


def _require(holds: bool, rule: str) -> None:
    if not holds:
        raise ValueError(rule)
