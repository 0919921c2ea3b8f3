"""An account's books while its lock is held: what every change of a balance is made of.

Nobody but the ledger's own verbs (credits, subscriptions, periods) writes through here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ledger import boundaries
from ledger.database import instant, query
from ledger.models import Entry
from ledger.rows import among, insert, numbers

THRESHOLDS = (80, 85, 90, 95, 100)  # percent of a period's limit (R18)
ANNOUNCED_DAYS_BEFORE = (30, 7)  # that what is left of a grant will expire (R20)
LOOKS = 5  # at an account whose period is turned again and again meanwhile

# The hot path, statement by statement.
LOCK = """
    SELECT account.balance, account.entries, account.timezone, account.grants_last_months,
           account.due_at, account.booked_at, period.starts_at, period.ends_at,
           period.id, period.kind, period.anchor, period.timezone,
           period.carried_in + period.granted, period.used, period.plan_granted, period.alerted
    FROM account JOIN period ON period.account_id = account.id AND NOT period.closed
    WHERE account.id = %s FOR UPDATE"""
FIND_ENTRIES = "SELECT key, id, amount, balance, account_id FROM entry WHERE key {}"
ADD_ENTRY = """
    INSERT INTO entry (account_id, number, period_id, key, kind, amount, balance, message,
                       charge_id, grant_id, reason, actor, made_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id"""
CHARGES = (
    "id", "account_id", "number", "period_id", "key", "kind", "amount", "balance", "message",
    "reason", "actor", "made_at",
)  # fmt: skip
MOVE_BALANCE = "UPDATE account SET balance = %s, entries = %s, booked_at = %s WHERE id = %s"
MOVE_PERIOD = """
    UPDATE period SET granted = granted + %s, used = used + %s, plan_granted = plan_granted + %s,
           alerted = %s, alert_due = %s WHERE id = %s"""
LEFT_OLDEST_FIRST = """
    SELECT id, remaining FROM credit_grant WHERE account_id = %s AND remaining > 0
    ORDER BY granted_at, id"""
LEFT_NEWEST_FIRST = LEFT_OLDEST_FIRST.replace("granted_at, id", "granted_at DESC, id DESC")
SET_REMAINING = "UPDATE credit_grant SET remaining = %s WHERE id = %s"
OLDEST_ALIVE = """
    SELECT id, expires_at FROM credit_grant
    WHERE account_id = %s AND (expires_at IS NULL OR expires_at > %s)
    ORDER BY granted_at, id LIMIT 1"""
ADD_REMAINING = "UPDATE credit_grant SET remaining = remaining + %s WHERE id = %s"
ADD_GRANT = """
    INSERT INTO credit_grant (account_id, amount, remaining, granted_at, expires_at, announce_at)
    VALUES (%s, %s, %s, %s, %s, %s) RETURNING id"""
SET_DUE = "UPDATE account SET due_at = %s WHERE id = %s"


class KeyReused(Exception):
    """A key that stands for one change was used for another: a fault of the caller."""


@dataclass(frozen=True)
class Booked:
    """An entry as written: its id, the balance after it, and whether it stood there before."""

    entry_id: int
    balance: int
    replayed: bool = False


class Charge(NamedTuple):
    """What one text out costs."""

    key: str
    amount: int
    message: int
    actor: str


def level(used: int, limit: int) -> int:
    """The highest threshold at or below the share used, in percent; 0 below the first (R19)."""
    if limit <= 0:
        return THRESHOLDS[-1] if used > 0 else 0
    return max((t for t in THRESHOLDS if used * 100 >= t * limit), default=0)


@dataclass
class Books:
    """An account and its open period as they stand, locked until the transaction ends."""

    account: int
    balance: int
    entries: int
    timezone: str
    grants_last_months: int
    due_at: datetime | None
    now: datetime  # never before what is booked: an account's time does not run backwards
    starts_at: datetime  # of the period, as all that follows
    ends_at: datetime | None
    period: int
    kind: str
    anchor: int | None  # from which its end was worked out, with
    ends_in: str | None  # this time zone
    limit: int
    used: int
    plan_granted: int
    alerted: int

    def book(
        self, key: str, kind: str, amount: int, *, reason: str, actor: str,
        used: int = 0, plan: int = 0, rearms: bool = False,
        message: int | None = None, charge: int | None = None, grant: int | None = None,
    ) -> Booked:  # fmt: skip
        """Writes an entry and moves balance and period with it. `used` and `plan` are what it adds
        to the period's use and plan credits; what is no use moves the limit (R13). One that
        `rearms` lowers what was alerted to where the use is now (R19)."""
        self.balance += amount
        self.entries += 1
        self.used += used
        self.limit += amount + used
        self.plan_granted += plan
        crossed = level(self.used, self.limit)
        if rearms:
            self.alerted = min(self.alerted, crossed)
        row = query(
            ADD_ENTRY, self.account, self.entries, self.period, key, kind, amount, self.balance,
            message, charge, grant, reason, actor, self.now,
        ).fetchone()  # fmt: skip
        query(MOVE_BALANCE, self.balance, self.entries, self.now, self.account)
        query(
            MOVE_PERIOD, amount + used, used, plan, self.alerted, crossed > self.alerted,
            self.period,
        )  # fmt: skip
        return Booked(row[0], self.balance)

    def book_charges(self, charges: Sequence[Charge], kind: str, reason: str) -> list[Booked]:
        """Writes the entries of many texts at once; moves balance and period once for all."""
        if not charges:
            return []
        rows, before = [], self.balance
        for entry, charge in zip(numbers(Entry, len(charges)), charges, strict=True):
            self.balance -= charge.amount
            self.entries += 1
            rows.append((
                entry, self.account, self.entries, self.period, charge.key, kind, -charge.amount,
                self.balance, charge.message, reason, charge.actor, self.now,
            ))  # fmt: skip
        used = before - self.balance
        self.used += used
        crossed = level(self.used, self.limit)
        insert(Entry, CHARGES, rows)
        query(MOVE_BALANCE, self.balance, self.entries, self.now, self.account)
        query(MOVE_PERIOD, 0, used, 0, self.alerted, crossed > self.alerted, self.period)
        return [Booked(row[0], row[7]) for row in rows]

    def found(self, key: str, amount: int) -> Booked | None:
        """The entry of this key, if it stands. Raises KeyReused if it stands for another change."""
        return self.found_all([(key, amount)]).get(key)

    def found_all(self, changes: Sequence[tuple[str, int]]) -> dict[str, Booked]:
        """The same for many keys and amounts: those that stand, by their keys."""
        amounts, booked = dict(changes), {}
        if len(amounts) < len(changes):
            raise KeyReused("one key stands for two of these changes")
        here, keys = among(list(amounts))
        for key, entry, amount, balance, account in query(FIND_ENTRIES.format(here), keys):
            if (amount, account) != (amounts[key], self.account):
                raise KeyReused(f"{key} stands for {amount} credits of account {account}")
            booked[key] = Booked(entry, balance, replayed=True)
        return booked

    def give(self, amount: int, expires_at: datetime | None = None) -> int:
        """Adds a grant of `amount` credits, before it is booked. Returns its id.

        It first fills a hole below zero (R15). Without `expires_at` it lasts the account's term.
        """
        if expires_at is None and self.grants_last_months:
            months = self.grants_last_months
            expires_at = boundaries.months_later(self.now, months, self.timezone)
        remaining = max(0, min(amount, self.balance + amount))
        row = query(
            ADD_GRANT, self.account, amount, remaining, self.now, expires_at,
            announcement(expires_at, self.now),
        ).fetchone()  # fmt: skip
        if expires_at is not None and self.kind != "frozen":
            self.due_by(expires_at)
        return int(row[0])

    def due_by(self, moment: datetime) -> None:
        """Has the account looked at by then."""
        if self.due_at is None or moment < self.due_at:
            self.due_at = moment
            query(SET_DUE, moment, self.account)

    def burn(self, amount: int, newest_first: bool = False) -> None:
        """Takes `amount` from what remains of grants; what none covers is the hole below zero."""
        order = LEFT_NEWEST_FIRST if newest_first else LEFT_OLDEST_FIRST
        for grant, remaining in query(order, self.account).fetchall() if amount else ():
            taken = min(amount, remaining)
            query(SET_REMAINING, remaining - taken, grant)
            amount -= taken
            if not amount:
                break

    def put_back(self, amount: int) -> int | None:
        """Refunds into the oldest grant still alive, or a new one (R20). Returns the grant's id.

        What fills a hole below zero goes into none.
        """
        # What was alive when the account froze still is: frozen grants do not age.
        aged_until = self.starts_at if self.kind == "frozen" else self.now
        alive = query(OLDEST_ALIVE, self.account, aged_until).fetchone()
        if alive is None:
            return self.give(amount)
        rest = amount - min(amount, max(0, -self.balance))
        query(ADD_REMAINING, rest, alive[0])
        if alive[1] is not None and self.kind != "frozen":  # it may have been empty until now
            self.due_by(instant(alive[1]))
        return int(alive[0])


def open_books(account_id: int, now: datetime) -> Books:
    """Locks the account: the first lock of any transaction. Raises LookupError if there is none."""
    # One that waited while the period was turned sees the closed one, and no row: it looks again.
    looks = (query(LOCK, account_id).fetchone() for _ in range(LOOKS))
    row = next((found for found in looks if found), None)
    if row is None:
        raise LookupError(f"no account {account_id}")
    balance, entries, zone, months, due_at, booked_at, starts_at, ends_at, *rest = row
    latest = max(now, _instant(booked_at) or now, instant(starts_at))
    return Books(
        account_id, balance, entries, zone, months, _instant(due_at), latest,
        instant(starts_at), _instant(ends_at), *rest,
    )  # fmt: skip


def announcement(expires_at: datetime | None, now: datetime) -> datetime | None:
    """When the next word is due that a grant will expire (R20)."""
    days = (timedelta(days=days) for days in ANNOUNCED_DAYS_BEFORE)
    later = (expires_at - before for before in days) if expires_at else ()
    return next((moment for moment in later if moment > now), None)


def _instant(value: Any) -> datetime | None:
    return None if value is None else instant(value)
