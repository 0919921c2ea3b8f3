"""How an account's credits stand: what is left, of how much, until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ledger import periods
from ledger.database import instant, query, transaction
from ledger.periods import Terms

ABOUT = """
    SELECT account.name, account.created_at, period.price_cents
    FROM period JOIN account ON account.id = period.account_id WHERE period.id = %s"""
EXPIRING = """
    SELECT COALESCE(SUM(remaining), 0) FROM credit_grant
    WHERE account_id = %s AND remaining > 0 AND expires_at <= %s"""


@dataclass(frozen=True)
class Standing:
    """An account's credits as they stand."""

    account: int
    name: str
    timezone: str
    balance: int
    limit: int
    used: int
    kind: str  # of the period: open, plan, hold, frozen
    period: int
    starts_at: datetime
    ends_at: datetime | None
    terms: Terms | None  # of the subscription, if there is one or was
    bill_cents: int | None
    expiring: int  # credits that expire by the period's end (R20)
    opened_at: datetime

    @property
    def percent(self) -> int:
        """Of the limit used, rounded down; a limit of nothing is used up by anything (R19)."""
        if self.limit <= 0:
            return 100 if self.used > 0 else 0
        return max(0, self.used * 100 // self.limit)

    @property
    def subscribed(self) -> bool:
        """Whether a plan is paid for, on hold or not."""
        return self.kind in ("plan", "hold")


@transaction
def of(account_id: int, now: datetime) -> Standing:
    """How the account stands, with all that time has brought. Raises LookupError."""
    books = periods.lock(account_id, now)
    name, opened_at, bill_cents = query(ABOUT, books.period).fetchone()
    expiring = 0
    if books.ends_at is not None:
        expiring = query(EXPIRING, account_id, books.ends_at).fetchone()[0]
    return Standing(
        account_id, name, books.timezone, books.balance, books.limit, books.used, books.kind,
        books.period, books.starts_at, books.ends_at, periods.terms_of(account_id), bill_cents,
        expiring, instant(opened_at),
    )  # fmt: skip
