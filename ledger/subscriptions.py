"""Subscribe, change plan, hold, cancel, resume (R7–R12); what each would do, before it is done.

Each takes a `key`: called again with the same key it changes nothing. What time brings (renewal, a
hold that begins, a balance that freezes) is in periods.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ledger import boundaries, periods
from ledger.books import Books, KeyReused, announcement
from ledger.database import transaction
from ledger.models import Account, Change, Grant, Period, Subscription
from ledger.periods import Terms
from ledger.plans import Catalogue, Plan

MOMENT = timedelta(microseconds=1)  # that a period lasts, where a plan follows on it at once


class NotSubscribed(Exception):
    """The account has no plan: there is nothing to change, hold or cancel."""


class AlreadySubscribed(Exception):
    """The account has a plan: it is changed, not subscribed to."""


class NotAsShown(Exception):
    """It would no longer do what was shown. `effect` has the new numbers."""

    def __init__(self, effect: Effect) -> None:
        self.effect = effect
        super().__init__("the numbers have changed")


@dataclass(frozen=True)
class Effect:
    """What choosing a plan does: now, and at the next renewal."""

    plan: Plan
    granted: int  # credits added at once (R10)
    withdrawn: int  # credits taken back at once (R11)
    balance: int  # after it
    limit: int  # of this period, after it
    renews_at: datetime
    at_renewal: int  # credits added then; none if a hold or an end is set for then
    bill_cents: int  # what this period is invoiced at: the dearest plan held in it

    def as_promised(self, other: Effect) -> bool:
        """Whether the other does the same. What is left may differ: texts go on meanwhile."""
        return replace(self, balance=other.balance, limit=other.limit) == other


@transaction
def effect(account_id: int, plan: Plan, now: datetime, anchor: int | None = None) -> Effect:
    """What subscribing or changing to this plan would do now; nothing is changed."""
    return _effect(periods.lock(account_id, now), plan, anchor)


@transaction
def subscribe(
    account_id: int,
    key: str,
    plan: Plan,
    catalogue: Catalogue,
    *,
    actor: str,
    now: datetime,
    anchor: int | None = None,
    shown: Effect | None = None,
) -> Effect | None:
    """Opens a period at this instant with the plan's credits in full (R8); thaws a frozen balance
    (R12). `anchor` is the day of the month on which it renews: as before, else the 1st.

    Returns None if the key was used before. Raises AlreadySubscribed; NotAsShown if `shown` is not
    what it would do.
    """
    books = periods.lock(account_id, now)
    if _found(books, key, "subscribe", plan.code):
        return None
    if books.kind in ("plan", "hold"):
        raise AlreadySubscribed("the account has a plan already")
    books.now = max(books.now, books.starts_at + MOMENT)
    does = _as_shown(_effect(books, plan, anchor), shown)
    anchor = _anchor(books, anchor)
    if not 1 <= anchor <= 31:
        raise ValueError("the anchor day is a day of the month, 1 to 31")
    if books.kind == "frozen":
        _thaw(books)
    kept = {
        "plan": plan.code, "name": plan.name, "credits": plan.credits,
        "price_cents": plan.price_cents, "hold_price_cents": catalogue.hold_price_cents,
        "anchor": anchor, "then": "renew",
    }  # fmt: skip
    Subscription.insert(account=account_id, **kept).on_conflict(
        conflict_target=[Subscription.account], update=kept
    ).execute()
    terms = periods.terms_of(account_id)
    assert terms is not None
    periods.begin(books, "plan", books.now, terms)
    periods.grant_plan(books, plan.credits, plan.name, f"grant:{books.period}", actor)
    _note(books, key, "subscribe", plan.code, plan.credits, plan.price_cents, actor)
    periods.catch_up(books)
    return does


@transaction
def change(
    account_id: int,
    key: str,
    plan: Plan,
    *,
    actor: str,
    now: datetime,
    shown: Effect | None = None,
) -> Effect | None:
    """Moves to another plan at once: up grants what is missing (R10), down withdraws what is left
    of what is too much (R11). On hold, it ends the hold.

    Returns None if the key was used before. Raises NotSubscribed; NotAsShown if `shown` is not what
    it would do.
    """
    books = periods.lock(account_id, now)
    if _found(books, key, "change", plan.code):
        return None
    terms = _terms(books)
    does = _as_shown(_effect(books, plan, None), shown)
    if does.granted:
        periods.grant_plan(books, does.granted, plan.name, f"plan:{key}", actor)
    elif does.withdrawn:
        books.burn(does.withdrawn, newest_first=True)
        books.book(
            f"plan:{key}", "withdraw", -does.withdrawn, plan=-does.withdrawn, rearms=True,
            reason=f"plan {plan.name}", actor=actor,
        )  # fmt: skip
    then = "renew" if terms.then == "hold" and books.kind == "hold" else terms.then
    Subscription.update(
        plan=plan.code, name=plan.name, credits=plan.credits, price_cents=plan.price_cents,
        then=then,
    ).where(Subscription.account == account_id).execute()  # fmt: skip
    period: dict[str, object] = {"kind": "plan"}
    dearest = int(Period.get_by_id(books.period).price_cents or 0)
    if plan.price_cents > dearest or books.kind == "hold":
        period |= {
            "plan": plan.code, "plan_name": plan.name, "plan_credits": plan.credits,
            "price_cents": max(plan.price_cents, dearest),
        }  # fmt: skip
    Period.update(period).where(Period.id == books.period).execute()
    moved = does.granted - does.withdrawn
    _note(books, key, "change", plan.code, moved, plan.price_cents, actor)
    return does


def hold(account_id: int, key: str, *, actor: str, now: datetime) -> None:
    """From the next boundary on: no new credits, a holding price; all else goes on (R12)."""
    _then(account_id, key, "hold", actor, now)


def cancel(account_id: int, key: str, *, actor: str, now: datetime) -> None:
    """Everything works to the period's end; then the balance is frozen (R12)."""
    _then(account_id, key, "cancel", actor, now)


def resume(account_id: int, key: str, *, actor: str, now: datetime) -> None:
    """Withdraws a cancellation, or a hold from the next boundary on (R12)."""
    _then(account_id, key, "resume", actor, now)


@transaction
def was_made(account_id: int, key: str) -> bool:
    """Whether a change of this account's was made under this key."""
    return Change.select().where(Change.account == account_id, Change.key == key).exists()


@dataclass(frozen=True)
class Move:
    """What another anchor day does: the period that begins next runs from `starts` to `ends`."""

    day: int
    starts: datetime
    ends: datetime


@transaction
def move(account_id: int, day: int, now: datetime) -> Move:
    """What renewing on this day of the month would do; nothing is changed. Raises NotSubscribed."""
    books = periods.lock(account_id, now)
    _terms(books)
    assert books.ends_at is not None, "a period with a plan ends"
    same = (books.anchor, books.ends_in) == (day, books.timezone)
    least = timedelta(0) if same else boundaries.SHORTEST_AFTER_A_CHANGE
    ends = boundaries.next_boundary(books.ends_at, day, books.timezone, least)
    return Move(day, books.ends_at, ends)


@transaction
def set_anchor(account_id: int, day: int, now: datetime) -> None:
    """Renews on another day of the month, from the next boundary on (R8)."""
    if not 1 <= day <= 31:
        raise ValueError("the anchor day is a day of the month, 1 to 31")
    _terms(periods.lock(account_id, now))
    Subscription.update(anchor=day).where(Subscription.account == account_id).execute()


@transaction
def set_timezone(account_id: int, timezone: str, now: datetime) -> None:
    """Moves the account to another time zone; its period ends when it was to end (R8)."""
    ZoneInfo(timezone)
    periods.lock(account_id, now)
    Account.update(timezone=timezone).where(Account.id == account_id).execute()


@transaction
def _then(account_id: int, key: str, what: str, actor: str, now: datetime) -> None:
    books = periods.lock(account_id, now)
    if _found(books, key, what, None):
        return
    terms = _terms(books)
    # A cancellation that is withdrawn on hold leaves the account on hold, unless that was the hold.
    back = "hold" if books.kind == "hold" and terms.then == "cancel" else "renew"
    then = {"hold": "hold", "cancel": "cancel", "resume": back}[what]
    Subscription.update(then=then).where(Subscription.account == account_id).execute()
    _note(books, key, what, terms.plan, 0, terms.price_cents, actor)


def _effect(books: Books, plan: Plan, anchor: int | None) -> Effect:
    terms = periods.terms_of(books.account)
    if books.kind not in ("plan", "hold"):
        renews_at = boundaries.next_boundary(books.now, _anchor(books, anchor), books.timezone)
        return Effect(
            plan, plan.credits, 0, books.balance + plan.credits, books.balance + plan.credits,
            renews_at, plan.credits, plan.price_cents,
        )  # fmt: skip
    assert terms is not None
    held = Period.get_by_id(books.period)
    granted = withdrawn = 0
    if plan.credits >= terms.credits or books.kind == "hold":
        granted = max(0, plan.credits - books.plan_granted)
    else:
        withdrawn = max(0, min(books.plan_granted - plan.credits, books.balance))
    renews = terms.then == "renew" or (terms.then == "hold" and books.kind == "hold")
    moved = granted - withdrawn
    return Effect(
        plan, granted, withdrawn, books.balance + moved, books.limit + moved, held.ends_at,
        plan.credits if renews else 0, max(plan.price_cents, int(held.price_cents or 0)),
    )  # fmt: skip


def _as_shown(does: Effect, shown: Effect | None) -> Effect:
    if shown is not None and not shown.as_promised(does):
        raise NotAsShown(does)
    return does


def _anchor(books: Books, wanted: int | None) -> int:
    terms = periods.terms_of(books.account)
    return wanted or (terms.anchor if terms else 1)


def _terms(books: Books) -> Terms:
    terms = periods.terms_of(books.account)
    if terms is None or books.kind not in ("plan", "hold"):
        raise NotSubscribed("the account has no plan")
    return terms


def _thaw(books: Books) -> None:
    """Grants did not age while they were frozen: each expires that much later (R12, R20)."""
    alive = Grant.select().where(Grant.account == books.account, Grant.expires_at > books.starts_at)
    for grant in alive:
        still = books.now - max(books.starts_at, grant.granted_at)
        expires_at = grant.expires_at + still
        told = announcement(expires_at, books.now)
        Grant.update(expires_at=expires_at, announce_at=told).where(Grant.id == grant.id).execute()


def _found(books: Books, key: str, what: str, plan: str | None) -> bool:
    """Whether this change was made before. Raises KeyReused if the key stands for another."""
    stood = Change.get_or_none(Change.key == key)
    if stood is None:
        return False
    if (stood.account_id, stood.what) != (books.account, what) or plan not in (None, stood.plan):
        raise KeyReused(f"{key} stands for {stood.what} {stood.plan} of another call")
    return True


def _note(
    books: Books, key: str, what: str, plan: str, moved: int, price_cents: int, actor: str
) -> None:
    Change.create(
        account=books.account, period=books.period, key=key, what=what, plan=plan, credits=moved,
        price_cents=price_cents, actor=actor, made_at=books.now,
    )  # fmt: skip
