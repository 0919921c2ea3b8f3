"""What the texts of SmartPlans cost, by plan: the ledger knows messages, and no plans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.smartplans.models import SmartPlan
from bot.words import count
from ledger.database import query
from ledger.rows import among

PLANS_OF = """
    SELECT step_run.message_id, enrollment.plan_id FROM step_run
    JOIN enrollment ON enrollment.id = step_run.enrollment_id
    WHERE step_run.message_id {}"""
NAMED = "SELECT id, name, state, cap, spent FROM smart_plan WHERE id {} ORDER BY id"


def plans_of(message_ids: Sequence[int]) -> dict[int, int]:
    """The plan of each of these messages that is a step of one."""
    here, which = among(message_ids)
    return dict(query(PLANS_OF.format(here), which).fetchall())


def labels(plan_ids: Iterable[int]) -> dict[int, str]:
    """What to call these plans where each is to have a name of its own."""
    here, which = among(sorted(set(plan_ids)))
    found: dict[int, str] = {}
    for plan_id, name, state, *_ in query(NAMED.format(here), which).fetchall():
        label = f"{name} (archived)" if state == "archived" else name
        taken = set(found.values())
        found[plan_id] = label if label not in taken else f"{label} {plan_id}"
    return found


def budgets(plan_ids: Iterable[int]) -> dict[int, tuple[int, int | None]]:
    """Credits that each of these plans has spent in all, and those it may; None: no cap."""
    here, which = among(sorted(set(plan_ids)))
    return {
        plan_id: (spent, cap)
        for plan_id, _, _, cap, spent in query(NAMED.format(here), which).fetchall()
    }


def spent_words(plan: SmartPlan) -> str:
    """ "40 credits spent", "40 of 100 credits spent"; "" for nothing of no cap."""
    if plan.cap is not None:
        return f"{plan.spent:,} of {plan.cap:,} credits spent"
    if not plan.spent:
        return ""
    return f"{count(plan.spent, 'credit')} spent"
