"""Charge, refund, grant, adjust: the only writer of entries and balances (R13–R16, R20).

Each function is one transaction that holds the account's row, so two of them on one account follow
one another. Each takes a `key`: called again with the same key and amount it changes nothing and
returns the first entry; with another amount it raises KeyReused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ledger.database import query, transaction
from ledger.models import Account, Entry, Period


class NotEnoughCredits(Exception):
    """The balance does not cover a text out (R14)."""

    def __init__(self, needed: int, left: int) -> None:
        self.needed, self.left = needed, left
        super().__init__(f"{needed} credits are needed and {left} are left")


class KeyReused(Exception):
    """A key that stands for one change was used for another: a fault of the caller."""


class RefundTooLarge(Exception):
    """Refunds of one charge would exceed it: a fault of the caller."""


@dataclass(frozen=True)
class Booked:
    """An entry as written: its id, the balance after it, and whether it stood there before."""

    entry_id: int
    balance: int
    replayed: bool = False


# The hot path, statement by statement.
LOCK_ACCOUNT = "SELECT balance, entries FROM account WHERE id = %s FOR UPDATE"
FIND_ENTRY = "SELECT id, amount, balance, account_id FROM entry WHERE key = %s"
OPEN_PERIOD = "SELECT id FROM period WHERE account_id = %s AND NOT closed"
ADD_ENTRY = """
    INSERT INTO entry (account_id, number, period_id, key, kind, amount, balance, message,
                       charge_id, grant_id, reason, actor, made_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id"""
MOVE_BALANCE = "UPDATE account SET balance = %s, entries = %s WHERE id = %s"
COUNT_USED = "UPDATE period SET used = used + %s WHERE id = %s"
COUNT_GRANTED = "UPDATE period SET granted = granted + %s WHERE id = %s"
LEFT_OLDEST_FIRST = """
    SELECT id, remaining FROM credit_grant WHERE account_id = %s AND remaining > 0
    ORDER BY granted_at, id"""
LEFT_NEWEST_FIRST = LEFT_OLDEST_FIRST.replace("granted_at, id", "granted_at DESC, id DESC")
SET_REMAINING = "UPDATE credit_grant SET remaining = %s WHERE id = %s"
OLDEST_ALIVE = """
    SELECT id FROM credit_grant WHERE account_id = %s AND (expires_at IS NULL OR expires_at > %s)
    ORDER BY granted_at, id LIMIT 1"""
ADD_REMAINING = "UPDATE credit_grant SET remaining = remaining + %s WHERE id = %s"
ADD_GRANT = """
    INSERT INTO credit_grant (account_id, amount, remaining, granted_at, expires_at)
    VALUES (%s, %s, %s, %s, %s) RETURNING id"""
REFUNDED = "SELECT COALESCE(SUM(amount), 0) FROM entry WHERE charge_id = %s"


@transaction
def open_account(name: str, timezone: str, now: datetime) -> Account:
    """A new account with no credits and one open period (R7). The name must be free."""
    account = Account.create(name=name, timezone=timezone, created_at=now)
    Period.create(account=account, starts_at=now)
    return account


@transaction
def hold(account_id: int) -> None:
    """Locks the account's credits until the caller's transaction ends. The first lock of any."""
    _lock(account_id)


@transaction
def charge_out(
    account_id: int, key: str, amount: int, *, message: int, actor: str, now: datetime
) -> Booked:
    """Takes `amount` credits for a text out; raises NotEnoughCredits if the balance lacks (R14)."""
    return _charge("charge_out", account_id, key, amount, message, "text out", actor, now)


@transaction
def charge_in(account_id: int, key: str, amount: int, *, message: int, now: datetime) -> Booked:
    """Takes `amount` credits for a text in, below zero if need be (R15)."""
    return _charge("charge_in", account_id, key, amount, message, "text in", "twilio", now)


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
    """Gives `amount` credits, which first fill a hole below zero (R15)."""
    _require(amount > 0, "a grant gives at least one credit")
    balance, entries = _lock(account_id)
    if done := _found(account_id, key, amount):
        return done
    remaining = max(0, min(amount, balance + amount))
    grant_id = query(ADD_GRANT, account_id, amount, remaining, now, expires_at).fetchone()[0]
    period = _open_period(account_id)
    query(COUNT_GRANTED, amount, period)
    return _book(
        account_id, balance, entries, period, key, "grant", amount, reason, actor, now,
        grant_id=grant_id,
    )  # fmt: skip


@transaction
def refund(
    account_id: int, key: str, amount: int, *, charge_key: str, reason: str, now: datetime
) -> Booked:
    """Gives back `amount` credits of one charge, once (R14). Its parts never exceed the charge."""
    _require(amount > 0, "a refund gives back at least one credit")
    balance, entries = _lock(account_id)
    if done := _found(account_id, key, amount):
        return done
    charge = Entry.get(Entry.key == charge_key, Entry.account == account_id)
    if query(REFUNDED, charge.id).fetchone()[0] + amount > -charge.amount:
        raise RefundTooLarge(f"{key} would give back more than {charge_key} took")
    period = _open_period(account_id)
    if charge.period_id == period:
        query(COUNT_USED, -amount, period)
    else:
        query(COUNT_GRANTED, amount, period)
    grant_id = _put_back(account_id, amount - min(amount, max(0, -balance)), now)
    return _book(
        account_id, balance, entries, period, key, "refund", amount, reason, "partyline", now,
        charge=charge.id, message=charge.message, grant_id=grant_id,
    )  # fmt: skip


@transaction
def adjust(
    account_id: int, key: str, amount: int, *, reason: str, actor: str, now: datetime
) -> Booked:
    """An operator's correction, up or down, with a reason; it may go below zero (R16)."""
    _require(amount != 0, "an adjustment of nothing is none")
    if amount > 0:
        return grant(account_id, key, amount, reason=reason, actor=actor, now=now)
    balance, entries = _lock(account_id)
    if done := _found(account_id, key, amount):
        return done
    _burn(account_id, -amount, LEFT_NEWEST_FIRST)
    period = _open_period(account_id)
    query(COUNT_GRANTED, amount, period)
    return _book(
        account_id, balance, entries, period, key, "adjust", amount, reason, actor, now
    )  # fmt: skip


def balance(account_id: int) -> int:
    """Credits left; negative when texts in were charged at zero (R15)."""
    found = Account.select(Account.balance).where(Account.id == account_id).get()
    return int(found.balance)


def _charge(
    kind: str, account_id: int, key: str, amount: int, message: int, reason: str, actor: str,
    now: datetime,
) -> Booked:  # fmt: skip
    _require(amount >= 0, "a charge is never negative")
    balance, entries = _lock(account_id)
    # The key first: a charge that is replayed must not be answered "not enough".
    if done := _found(account_id, key, -amount):
        return done
    if kind == "charge_out" and balance < amount:
        raise NotEnoughCredits(amount, balance)
    _burn(account_id, amount, LEFT_OLDEST_FIRST)
    period = _open_period(account_id)
    query(COUNT_USED, amount, period)
    return _book(
        account_id, balance, entries, period, key, kind, -amount, reason, actor, now,
        message=message,
    )  # fmt: skip


def _lock(account_id: int) -> tuple[int, int]:
    row = query(LOCK_ACCOUNT, account_id).fetchone()
    if row is None:
        raise LookupError(f"no account {account_id}")
    return row[0], row[1]


def _found(account_id: int, key: str, amount: int) -> Booked | None:
    row = query(FIND_ENTRY, key).fetchone()
    if row is None:
        return None
    if (row[1], row[3]) != (amount, account_id):
        raise KeyReused(f"{key} stands for {row[1]} credits of account {row[3]}")
    return Booked(row[0], row[2], replayed=True)


def _open_period(account_id: int) -> int:
    return int(query(OPEN_PERIOD, account_id).fetchone()[0])


def _burn(account_id: int, amount: int, order: str) -> None:
    """Takes `amount` from what remains of grants; what no grant covers is the hole below zero."""
    for grant_id, remaining in query(order, account_id).fetchall() if amount else ():
        taken = min(amount, remaining)
        query(SET_REMAINING, remaining - taken, grant_id)
        amount -= taken
        if not amount:
            break


def _put_back(account_id: int, amount: int, now: datetime) -> int | None:
    """Adds to the oldest grant still alive, or makes a new one (R20). Returns the grant's id."""
    if not amount:
        return None
    alive = query(OLDEST_ALIVE, account_id, now).fetchone()
    if alive is None:
        return int(query(ADD_GRANT, account_id, amount, amount, now, None).fetchone()[0])
    query(ADD_REMAINING, amount, alive[0])
    return int(alive[0])


def _book(
    account_id: int, balance: int, entries: int, period: int, key: str, kind: str, amount: int,
    reason: str, actor: str, now: datetime, *, message: int | None = None,
    charge: int | None = None, grant_id: int | None = None,
) -> Booked:  # fmt: skip
    after = balance + amount
    row = query(
        ADD_ENTRY, account_id, entries + 1, period, key, kind, amount, after, message,
        charge, grant_id, reason, actor, now,
    ).fetchone()  # fmt: skip
    query(MOVE_BALANCE, after, entries + 1, account_id)
    return Booked(row[0], after)


def _require(holds: bool, rule: str) -> None:
    if not holds:
        raise ValueError(rule)
