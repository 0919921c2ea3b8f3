"""What members do with their account's plan: see it, change it, hold it, cancel it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from bot.errors import Refused
from bot.team import roles, viewers
from ledger import reports, standing, subscriptions
from ledger.database import transaction
from ledger.plans import Catalogue, Plan, UnknownPlan
from ledger.reports import Forecast
from ledger.standing import Standing
from ledger.subscriptions import Effect, Move, NotSubscribed

NO_PLAN = "Your account has no plan. Choose one with `/credits plan`."
THEN = {
    "hold": subscriptions.hold, "cancel": subscriptions.cancel, "resume": subscriptions.resume,
}  # fmt: skip


class Moved(Exception):
    """It would no longer do what was shown, and nothing was done."""


@dataclass(frozen=True)
class Account:
    """An account as its members see it."""

    standing: Standing
    forecast: Forecast | None
    now: datetime  # as of when
    may_change: bool  # whether this member may change the plan


@transaction
def account(user: str, account_id: int, now: datetime, to_change: bool = False) -> Account:
    """How the account stands. Raises Refused unless the user is on it, or `to_change` may change
    it."""
    roles.require_member(user, account_id)
    if to_change:
        roles.require_manager(user, account_id)
    role = roles.role_of(user, account_id)
    stands = standing.of(account_id, now)
    return Account(stands, reports.forecast(stands, now), now, role in roles.MANAGERS)


@dataclass(frozen=True)
class Turn:
    """What holding, cancelling or going on does at the period's end."""

    what: str  # hold, cancel, resume
    kind: str  # of the period now
    then: str  # what was to happen so far
    at: datetime
    credits: int  # a month, of the plan
    hold_price_cents: int


@transaction
def offers(
    user: str, account_id: int, catalogue: Catalogue, now: datetime, anchor: int | None = None
) -> tuple[Account, list[Effect]]:
    """What choosing each plan would do now; without a plan yet, from this anchor day on. Raises
    Refused unless the user may change it."""
    roles.require_manager(user, account_id)
    effects = [subscriptions.effect(account_id, p, now, anchor) for p in catalogue.plans.values()]
    return account(user, account_id, now), effects


@transaction
def offer(
    user: str, account_id: int, code: str, catalogue: Catalogue, now: datetime,
    anchor: int | None = None,
) -> Effect:  # fmt: skip
    """What choosing this plan would do now."""
    roles.require_manager(user, account_id)
    return subscriptions.effect(account_id, _plan(code, catalogue), now, anchor)


@transaction
def choose(
    user: str, account_id: int, key: str, shown: Effect, catalogue: Catalogue, now: datetime,
    anchor: int | None = None,
) -> Account:  # fmt: skip
    """Subscribes or changes to the plan that was shown, if it still does what was shown; once a
    key.

    Raises subscriptions.NotAsShown with the new numbers; Refused in plain words.
    """
    roles.require_manager(user, account_id)
    plan = _plan(shown.plan.code, catalogue)
    stands = standing.of(account_id, now)
    how: dict[str, Any] = {"actor": user, "now": now, "shown": shown}
    if subscriptions.was_made(account_id, key):  # a confirmation that was pressed twice
        return account(user, account_id, now)
    if stands.subscribed:
        subscriptions.change(account_id, key, plan, **how)
    else:
        subscriptions.subscribe(account_id, key, plan, catalogue, anchor=anchor, **how)
    viewers.changed(account_id)
    return account(user, account_id, now)


@transaction
def turn(user: str, account_id: int, what: str, now: datetime) -> Turn:
    """What holding, cancelling or going on would do. Raises Refused."""
    stands = account(user, account_id, now, to_change=True).standing
    if not (stands.subscribed and stands.terms and stands.ends_at):
        raise Refused(NO_PLAN)
    terms = stands.terms
    return Turn(
        what, stands.kind, terms.then, stands.ends_at, terms.credits, terms.hold_price_cents
    )  # fmt: skip


@transaction
def set_then(user: str, account_id: int, key: str, shown: Turn, now: datetime) -> Account:
    """Has the plan held or cancelled at the period's end, or withdraws that (R12); once a key.

    Raises Moved if it would no longer do what was shown; Refused.
    """
    stands = turn(user, account_id, shown.what, now)
    if not subscriptions.was_made(account_id, key):
        if stands != shown:
            raise Moved
        THEN[shown.what](account_id, key, actor=user, now=now)
        viewers.changed(account_id)
    return account(user, account_id, now)


@transaction
def move(user: str, account_id: int, day: int, now: datetime) -> Move:
    """What renewing on another day of the month would do (R8). Raises Refused."""
    roles.require_manager(user, account_id)
    try:
        return subscriptions.move(account_id, day, now)
    except NotSubscribed:
        raise Refused(NO_PLAN) from None


@transaction
def set_anchor(user: str, account_id: int, shown: Move, now: datetime) -> Account:
    """Renews on that day of the month, from the next boundary on. Raises Moved; Refused."""
    would = move(user, account_id, shown.day, now)
    if would != shown:
        raise Moved
    subscriptions.set_anchor(account_id, shown.day, now)
    return account(user, account_id, now)


def as_json(shown: Effect | Turn | Move) -> dict[str, Any]:
    """What was shown, to be kept where it was shown."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(shown).items()
    }


def effect_of(kept: dict[str, Any]) -> Effect:
    """The effect that `as_json` kept."""
    return Effect(**_moments(kept) | {"plan": Plan(**kept["plan"])})


def turn_of(kept: dict[str, Any]) -> Turn:
    """The turn that `as_json` kept."""
    return Turn(**_moments(kept))


def move_of(kept: dict[str, Any]) -> Move:
    """The move that `as_json` kept."""
    return Move(**_moments(kept))


def _moments(kept: dict[str, Any]) -> dict[str, Any]:
    return {
        name: datetime.fromisoformat(value) if name in ("at", "starts", "ends", "renews_at")
        else value for name, value in kept.items()
    }  # fmt: skip


def _plan(code: str, catalogue: Catalogue) -> Plan:
    try:
        return catalogue.plan(code)
    except UnknownPlan:
        raise Refused("This plan is no longer on sale. Open `/credits plan` again.") from None
