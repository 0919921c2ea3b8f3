"""Time passes: periods end and begin (R8, R9), grants expire (R20). Late is as good as on time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from ledger import boundaries
from ledger.books import SET_DUE, Books, open_books
from ledger.database import instant, query, session, transaction

BATCH = 50  # accounts in one commit
HELD = {"renew": "plan", "hold": "hold", "cancel": "frozen"}  # the next period's kind, by `then`

NEXT_EXPIRY = """
    SELECT id, remaining, expires_at FROM credit_grant
    WHERE account_id = %s AND remaining > 0 AND expires_at IS NOT NULL
    ORDER BY expires_at, granted_at, id LIMIT 1"""
SUBSCRIPTION = """
    SELECT plan, name, credits, price_cents, hold_price_cents, anchor, "then"
    FROM subscription WHERE account_id = %s"""
CLOSE = "UPDATE period SET closed = %s, ends_at = %s, alert_due = %s WHERE id = %s"
OPEN = """
    INSERT INTO period (account_id, kind, starts_at, ends_at, anchor, timezone, closed, carried_in,
                        granted, used, plan_granted, plan, plan_name, plan_credits, price_cents,
                        alerted, alert_due)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 0, 0, 0, %s, %s, %s, %s, 0, %s) RETURNING id"""
DUE = """
    SELECT id FROM account WHERE due_at <= %s ORDER BY due_at, id LIMIT %s
    FOR UPDATE SKIP LOCKED"""
ALL_DUE = "SELECT id FROM account WHERE due_at <= %s ORDER BY due_at, id LIMIT %s"


class Terms(NamedTuple):
    """What an account subscribes to, and what happens at its period's end."""

    plan: str
    name: str
    credits: int
    price_cents: int
    hold_price_cents: int
    anchor: int
    then: str


def lock(account_id: int, now: datetime) -> Books:
    """The account's books, locked, with all booked that was due by now."""
    books = open_books(account_id, now)
    if books.due_at is not None and books.due_at <= books.now:
        catch_up(books)
    return books


@transaction
def turn_due(now: datetime) -> int:
    """Books what is due of at most BATCH accounts, oldest first. Returns how many there were.

    What a charge books first when it comes, this books for those to whom nothing comes.
    """
    due = sorted(row[0] for row in query(DUE, now, BATCH).fetchall())
    for account_id in due:
        lock(account_id, now)
    return len(due)


@transaction
def turn(account_id: int, now: datetime) -> None:
    """Books what is due of one account."""
    lock(account_id, now)


def due(now: datetime, most: int = 100_000) -> list[int]:
    """Accounts of which something is due, oldest first, at most so many."""
    with session():
        return [row[0] for row in query(ALL_DUE, now, most).fetchall()]


def catch_up(books: Books) -> None:
    """Books every boundary and expiry up to now, in the order of their time, each once."""
    now = books.now
    while True:
        expiry = _next_expiry(books)
        times = [moment for moment in (books.ends_at, expiry and expiry[2]) if moment is not None]
        due_at = min(times, default=None)
        if due_at is None or due_at > now:
            break
        # An account's time does not run backwards, not even for what comes late.
        books.now = max(due_at, books.starts_at)
        if due_at == books.ends_at:
            _turn(books, due_at)
        elif expiry:
            _expire(books, *expiry)
    books.now, books.due_at = now, due_at
    query(SET_DUE, due_at, books.account)


def begin(books: Books, kind: str, at: datetime, terms: Terms) -> None:
    """Closes the open period and opens one of this kind, which carries the balance over (R9)."""
    query(CLOSE, True, at, False, books.period)
    ends_at, price = None, None
    if kind in ("plan", "hold"):
        before, after = (books.anchor, books.ends_in), (terms.anchor, books.timezone)
        moved = books.anchor is not None and before != after
        least = boundaries.SHORTEST_AFTER_A_CHANGE if moved else timedelta(0)
        ends_at = boundaries.next_boundary(at, terms.anchor, books.timezone, least)
        price = terms.price_cents if kind == "plan" else terms.hold_price_cents
    paid = (terms.plan, terms.name, terms.credits, price)
    if kind == "hold":
        paid = ("hold", "On hold", 0, price)
    anchor, zone = (terms.anchor, books.timezone) if ends_at else (None, None)
    row = query(
        OPEN, books.account, kind, at, ends_at, anchor, zone, False, books.balance,
        *(paid if ends_at else (None,) * 4), False,
    ).fetchone()  # fmt: skip
    books.period, books.kind, books.starts_at, books.ends_at = row[0], kind, at, ends_at
    books.anchor, books.ends_in = anchor, zone
    books.limit, books.used, books.plan_granted, books.alerted = books.balance, 0, 0, 0


def grant_plan(books: Books, amount: int, name: str, key: str, actor: str) -> None:
    """Gives plan credits: at a renewal, a subscription or an upgrade."""
    grant = books.give(amount)
    books.book(
        key, "plan", amount, plan=amount, rearms=True, grant=grant, reason=f"plan {name}",
        actor=actor,
    )  # fmt: skip


def terms_of(account_id: int) -> Terms | None:
    """What the account subscribes to; None if it never did."""
    row = query(SUBSCRIPTION, account_id).fetchone()
    return Terms(*row) if row else None


def _turn(books: Books, at: datetime) -> None:
    """The period ends, the next opens with the balance and, if it renews, the plan's credits."""
    terms = terms_of(books.account)
    assert terms is not None, "a period that ends has a subscription"
    begin(books, HELD[terms.then], at, terms)
    while (expiry := _next_expiry(books, even_frozen=True)) and expiry[2] <= at:
        _expire(books, *expiry)  # the new period's first entries (R20)
    if books.kind == "plan":
        grant_plan(books, terms.credits, terms.name, f"grant:{books.period}", "partyline")


def _expire(books: Books, grant: int, remaining: int, _: datetime) -> None:
    query("UPDATE credit_grant SET remaining = 0, announce_at = NULL WHERE id = %s", grant)
    books.book(
        f"expire:{grant}", "expire", -remaining, grant=grant, reason="expired", actor="partyline"
    )


def _next_expiry(books: Books, even_frozen: bool = False) -> tuple[int, int, datetime] | None:
    if books.kind == "frozen" and not even_frozen:
        return None  # frozen grants do not age
    row = query(NEXT_EXPIRY, books.account).fetchone()
    return (row[0], row[1], instant(row[2])) if row else None
