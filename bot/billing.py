"""What members do with their account's plan: see it, change it, hold it, cancel it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from bot import lines
from bot.errors import Refused
from ledger import reports, subscriptions
from ledger.database import transaction
from ledger.plans import Catalogue, Plan, UnknownPlan
from ledger.reports import Forecast
from ledger.subscriptions import Effect, Standing

THEN = {
    "hold": subscriptions.hold, "cancel": subscriptions.cancel, "resume": subscriptions.resume,
}  # fmt: skip


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
    role = lines.role_of(user, account_id)
    if to_change:
        lines.require_manager(user, account_id)
    if role is None:
        raise Refused("You are not on this account's team.")
    stands = subscriptions.standing(account_id, now)
    return Account(stands, reports.forecast(stands, now), now, role in lines.MANAGERS)


@transaction
def offers(
    user: str, account_id: int, catalogue: Catalogue, now: datetime
) -> tuple[Account, list[Effect]]:
    """What choosing each plan would do now. Raises Refused unless the user may change it."""
    lines.require_manager(user, account_id)
    effects = [subscriptions.effect(account_id, p, now) for p in catalogue.plans.values()]
    return account(user, account_id, now), effects


@transaction
def offer(user: str, account_id: int, code: str, catalogue: Catalogue, now: datetime) -> Effect:
    """What choosing this plan would do now."""
    lines.require_manager(user, account_id)
    return subscriptions.effect(account_id, _plan(code, catalogue), now)


@transaction
def choose(
    user: str, account_id: int, key: str, shown: Effect, catalogue: Catalogue, now: datetime
) -> Account:
    """Subscribes or changes to the plan that was shown, if it still does what was shown.

    Raises subscriptions.NotAsShown with the new numbers; Refused in plain words.
    """
    lines.require_manager(user, account_id)
    plan = _plan(shown.plan.code, catalogue)
    if subscriptions.standing(account_id, now).subscribed:
        subscriptions.change(account_id, key, plan, actor=user, now=now, shown=shown)
    else:
        subscriptions.subscribe(account_id, key, plan, catalogue, actor=user, now=now, shown=shown)
    return account(user, account_id, now)


@transaction
def set_then(user: str, account_id: int, key: str, what: str, now: datetime) -> Account:
    """Has the plan held or cancelled at the period's end, or withdraws that (R12)."""
    lines.require_manager(user, account_id)
    try:
        THEN[what](account_id, key, actor=user, now=now)
    except subscriptions.NotSubscribed:
        raise Refused("Your account has no plan. Choose one with `/credits plan`.") from None
    return account(user, account_id, now)


def as_json(effect: Effect) -> dict[str, Any]:
    """An effect that was shown, to be kept where it was shown."""
    return asdict(effect) | {"renews_at": effect.renews_at.isoformat()}


def from_json(kept: dict[str, Any]) -> Effect:
    """What `as_json` kept."""
    moment = datetime.fromisoformat(kept["renews_at"])
    return Effect(**kept | {"plan": Plan(**kept["plan"]), "renews_at": moment})


def _plan(code: str, catalogue: Catalogue) -> Plan:
    try:
        return catalogue.plan(code)
    except UnknownPlan:
        raise Refused("This plan is no longer on sale. Open `/credits plan` again.") from None
