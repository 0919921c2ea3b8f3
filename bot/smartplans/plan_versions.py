"""SmartPlans as they are kept: settings, rules, and steps in versions, of which one that somebody
is on never changes."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from bot.smartplans import enrollments, plan_events
from bot.smartplans.models import PlanRule, SmartPlan, SmartPlanVersion, Step
from bot.smartplans.plan_shapes import RuleShape, Shape, StepShape


def shape_of(plan: SmartPlan) -> Shape:
    """The plan as it is written now."""
    version = enrollments.newest(plan)
    steps = tuple(_shape_of_step(step) for step in enrollments.steps_of(version))
    rules = PlanRule.select().where(PlanRule.plan == plan).order_by(PlanRule.id)
    return Shape(
        plan.name, steps, plan.line_id, version.repeat_every, version.repeat_unit,
        plan.stop_on_reply, plan.stop_on_close, plan.allow_again, plan.cap, plan.flows_into_id,
        tuple(RuleShape(rule.what, rule.event, rule.tag) for rule in rules),
    )  # fmt: skip


def set_ceilings(plan: SmartPlan, ceilings: Mapping[str, int], *, all_of_them: bool) -> None:
    """Keeps what each text of the plan may cost before it asks; with `all_of_them` of those that
    have a ceiling already, too."""
    for step in enrollments.steps_of(enrollments.newest(plan)):
        if step.key in ceilings and (all_of_them or step.ceiling is None):
            step.ceiling = ceilings[step.key]
            step.save(only=[Step.ceiling])


def settings(shape: Shape) -> dict[str, Any]:
    """What a plan's own row holds of it."""
    return {
        "name": shape.name.strip(), "line": shape.line, "stop_on_reply": shape.stop_on_reply,
        "stop_on_close": shape.stop_on_close, "allow_again": shape.allow_again, "cap": shape.cap,
        "flows_into": shape.flows_into,
    }  # fmt: skip


def write(
    plan: SmartPlan,
    shape: Shape,
    user: str,
    now: datetime,
    agreed: Mapping[str, Step] = MappingProxyType({}),
) -> None:
    """Writes the newest version. Steps that say the same as before keep the ceiling `agreed` on."""
    version = SmartPlanVersion.create(
        plan=plan, number=plan.version, repeat_every=shape.repeat_every,
        repeat_unit=shape.repeat_unit, made_by=user, made_at=now,
    )  # fmt: skip
    keys: set[str] = set()
    for position, step in enumerate(shape.steps):
        key = step.key if step.key and step.key not in keys else secrets.token_hex(6)
        keys.add(key)
        was = agreed.get(key)
        same = was is not None and (was.bodies, was.media) == (
            list(step.bodies), [dict(file) for file in step.media]
        )  # fmt: skip
        Step.create(
            version=version, position=position, key=key, kind=step.kind, basis=step.when.basis,
            amount=step.when.amount, unit=step.when.unit, at=step.when.at,
            weekdays=step.when.weekdays, date_field=step.when.field, subject=step.subject,
            bodies=list(step.bodies), media=[dict(file) for file in step.media],
            assigned_to=step.assigned_to, ceiling=was.ceiling if was and same else None,
        )  # fmt: skip


def write_rules(plan: SmartPlan, rules: Sequence[RuleShape]) -> None:
    """Replaces the plan's rules."""
    wanted = {(rule.what, rule.event, plan_events.same_tag(rule.tag)) for rule in rules}
    PlanRule.delete().where(PlanRule.plan == plan).execute()
    for what, event, tag in sorted(wanted):
        PlanRule.create(plan=plan, what=what, event=event, tag=tag)


def differs(version: SmartPlanVersion, shape: Shape) -> bool:
    """Whether the steps are others than this version's."""
    stands = tuple(_shape_of_step(step) for step in enrollments.steps_of(version))
    repeats = (version.repeat_every, version.repeat_unit)
    return stands != shape.steps or repeats != (shape.repeat_every, shape.repeat_unit)


def _shape_of_step(step: Step) -> StepShape:
    return StepShape(
        step.kind, enrollments.when_of(step), tuple(step.bodies), step.subject, tuple(step.media),
        step.assigned_to, step.key,
    )  # fmt: skip
