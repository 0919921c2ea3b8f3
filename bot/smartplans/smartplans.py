"""SmartPlans: written, changed, switched on and off, and shared, by managers.

A plan's steps are kept in versions: one that somebody is on never changes. Who is put on plans, and
by whom, is in plan_people.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.errors import Refused
from bot.lines.models import Line
from bot.smartplans import enrollments, plan_preview, plan_shapes, plan_versions
from bot.smartplans.models import (
    ALIVE,
    Enrollment,
    SmartPlan,
)
from bot.smartplans.plan_shapes import Shape
from bot.team import roles, viewers
from bot.texts import templates
from bot.words import call
from ledger.database import query, transaction

MOST = 200  # plans of an account

PLACES = """
    SELECT version_id, position, count(*) FROM enrollment
    WHERE plan_id = %s AND state IN ('active', 'paused', 'waiting', 'asking')
    GROUP BY version_id, position"""
SAME_NAME = """
    SELECT id FROM smart_plan
    WHERE account_id = %s AND LOWER(name) = LOWER(%s) AND state <> 'archived'"""


@dataclass(frozen=True)
class Effect:
    """What a change of a plan would do to those who are on it, in numbers."""

    on_it: int = 0  # contacts
    go_on: int = 0  # of them, if they move: find a next step in the new version
    end: int = 0  # and have none left there


# Written and changed


@transaction
def new(account_id: int, user: str, shape: Shape, now: datetime) -> SmartPlan:
    """Keeps a new plan, switched off. Raises Refused in plain words."""
    roles.require_manager(user, account_id)
    _check(account_id, shape, None)
    if SmartPlan.select().where(SmartPlan.account == account_id).count() >= MOST:
        raise Refused(f"{MOST} plans are the most. Change one of them.")
    plan: SmartPlan = SmartPlan.create(
        account=account_id, made_by=user, made_at=now, **plan_versions.settings(shape)
    )
    plan_versions.write(plan, shape, user, now)
    plan_versions.write_rules(plan, shape.rules)
    return plan


@transaction
def edit(plan_id: int, user: str, shape: Shape, now: datetime, *, move: bool = True) -> SmartPlan:
    """Changes a plan. Where contacts are on its newest version the steps become a new one, to which
    they move with `move`, each keeping its place; else they end on the old one. Raises Refused."""
    plan = own(plan_id, user)
    _check(plan.account_id, shape, plan)
    for name, value in plan_versions.settings(shape).items():
        setattr(plan, name, value)
    version = enrollments.newest(plan)
    if plan_versions.differs(version, shape):
        agreed = {step.key: step for step in enrollments.steps_of(version)}
        if Enrollment.select().where(Enrollment.version == version).exists():
            plan.version += 1
        else:
            version.delete_instance()  # nobody was ever on it
        plan_versions.write(plan, shape, user, now, agreed)
        plan.moving = plan.moving or move
    if plan.moving:
        plan.due_at = min(plan.due_at or now, now)
    plan.save()
    plan_versions.write_rules(plan, shape.rules)
    if plan.state == "on":
        plan_versions.set_ceilings(plan, plan_preview.ceilings(plan, shape, now), all_of_them=False)
    return plan


@transaction
def effect(plan_id: int, user: str, shape: Shape) -> Effect:
    """What moving to these steps would do to those who are on the plan. Changes nothing."""
    plan = own(plan_id, user)
    on_it = end = 0
    keys = [step.key or "" for step in shape.steps]
    for version_id, position, count in query(PLACES, plan.id).fetchall():
        on_it += count
        theirs = [step.key for step in enrollments.steps_of(version_id)]
        if plan_shapes.landing(theirs, position, keys) is None:
            end += count
    return Effect(on_it, on_it - end, end)


@transaction
def duplicate(plan_id: int, user: str, now: datetime) -> SmartPlan:
    """A copy, switched off and without its rules, under a name of its own."""
    plan = own(plan_id, user)
    shape = plan_versions.shape_of(plan)
    steps = tuple(replace(step, key=None) for step in shape.steps)
    name = _free_name(plan.account_id, f"{plan.name[:70]} (copy)")
    return new(plan.account_id, user, replace(shape, name=name, steps=steps, rules=()), now)


@transaction
def archive(plan_id: int, user: str, now: datetime) -> int:
    """Puts the plan away for good: whoever is on it is taken off. Returns how many that were."""
    plan = own(plan_id, user)
    on_it = (Enrollment.plan == plan) & Enrollment.state.in_(list(ALIVE))
    ended: dict[str, Any] = {
        "state": "stopped", "why": "the plan was archived", "due_at": None, "ended_at": now,
    }  # fmt: skip
    count = int(Enrollment.update(ended).where(on_it).execute())
    SmartPlan.update(flows_into=None).where(SmartPlan.flows_into == plan).execute()
    away = {"state": "archived", "published_at": None, "due_at": None}
    SmartPlan.update(away).where(SmartPlan.id == plan.id).execute()
    viewers.changed(plan.account_id)
    return count


# On and off


@transaction
def switch_on(
    plan_id: int, user: str, now: datetime, ceilings: Mapping[str, int] | None = None
) -> SmartPlan:
    """Lets the plan run, a new one or one that was paused; what is late comes one by one.

    `ceilings` are credits by step key, as a preview showed them: a text that would cost more asks
    first. Without them they are worked out from the account's own contacts. Raises Refused.
    """
    plan = own(plan_id, user)
    if plan.state == "archived":
        raise Refused("This plan was archived. Duplicate it to use it again.")
    plan.state, plan.due_at = "on", now
    plan.save(only=[SmartPlan.state, SmartPlan.due_at])
    if ceilings is None:
        ceilings = plan_preview.ceilings(plan, plan_versions.shape_of(plan), now)
    plan_versions.set_ceilings(plan, ceilings, all_of_them=True)
    viewers.changed(plan.account_id)
    return plan


@transaction
def switch_off(plan_id: int, user: str) -> SmartPlan:
    """Pauses the plan: nothing of it runs, and nobody is taken off."""
    plan = own(plan_id, user)
    if plan.state == "on":
        plan.state = "paused"
        plan.save(only=[SmartPlan.state])
        viewers.changed(plan.account_id)
    return plan


# Shared


@transaction
def publish(plan_id: int, user: str, now: datetime, *, on: bool = True) -> SmartPlan:
    """Offers the plan to the other accounts of the workspace, or no longer."""
    plan = own(plan_id, user)
    plan.published_at = now if on else None
    plan.save(only=[SmartPlan.published_at])
    return plan


@transaction
def library(user: str) -> list[SmartPlan]:
    """Plans that any account has published, newest first. For members of an account alone."""
    if not roles.accounts_of(user):
        raise Refused(roles.NO_TEAM)
    found = SmartPlan.select().where(SmartPlan.published_at.is_null(False))
    return list(found.order_by(SmartPlan.published_at.desc(), SmartPlan.id.desc()).limit(100))


@transaction
def take(plan_id: int, account_id: int, user: str, now: datetime) -> SmartPlan:
    """A copy of a published plan for this account, without what belonged to the other one."""
    roles.require_manager(user, account_id)
    plan = SmartPlan.get_or_none(SmartPlan.id == plan_id, SmartPlan.published_at.is_null(False))
    if plan is None:
        raise Refused("This plan is no longer in the library.")
    shape = plan_versions.shape_of(plan).bare()
    return new(account_id, user, replace(shape, name=_free_name(account_id, shape.name)), now)


# Read


@transaction
def listed(account_id: int, user: str) -> list[SmartPlan]:
    """The account's plans but those archived, by name. Raises Refused for a stranger."""
    roles.require_member(user, account_id)
    found = SmartPlan.select().where(
        SmartPlan.account == account_id, SmartPlan.state != "archived"
    )  # fmt: skip
    return sorted(found, key=lambda plan: (plan.name.casefold(), plan.id))


@transaction
def get(plan_id: int, user: str) -> SmartPlan:
    """A plan, for any member of its account. Raises Refused."""
    plan = _known(plan_id)
    roles.require_member(user, plan.account_id)
    return plan


# Below: for this feature's own use


def own(plan_id: int, user: str) -> SmartPlan:
    """A plan, locked, for a manager of its account to change. Raises Refused."""
    query("SELECT id FROM smart_plan WHERE id = %s FOR UPDATE", plan_id).fetchone()
    plan = _known(plan_id)
    roles.require_manager(user, plan.account_id)
    return plan


def _known(plan_id: int) -> SmartPlan:
    plan: SmartPlan | None = SmartPlan.get_or_none(SmartPlan.id == plan_id)
    if plan is None:
        raise Refused("This SmartPlan is no longer here. `/smartplans` lists yours.")
    return plan


def _check(account_id: int, shape: Shape, plan: SmartPlan | None) -> None:
    """Raises Refused for what is wrong with the shape, alone and in this account."""
    plan_shapes.check(shape)
    for step in shape.steps:
        for words in (*step.bodies, step.subject or ""):
            templates.require_fields(words)
    for row in query(SAME_NAME, account_id, shape.name.strip()).fetchall():
        if plan is None or row[0] != plan.id:
            raise Refused(f"There is a plan called “{shape.name.strip()}”. Choose another name.")
    if shape.line is not None:
        line = Line.get_or_none(Line.id == shape.line)
        if line is None or line.released_at or line.account_id != account_id:
            raise Refused("That line is not one of this account.")
    for step in shape.steps:
        if step.assigned_to and roles.role_of(step.assigned_to, account_id) is None:
            raise Refused(f"{call(step.assigned_to)} is not on this account's team.")
    _check_flow(account_id, shape, plan)


def _check_flow(account_id: int, shape: Shape, plan: SmartPlan | None) -> None:
    following, seen = shape.flows_into, {plan.id} if plan else set()
    while following is not None:
        found = SmartPlan.get_or_none(SmartPlan.id == following)
        if found is None or found.account_id != account_id or found.state == "archived":
            raise Refused("The plan it flows into is not one of this account.")
        if found.id in seen:
            raise Refused("These plans would flow into each other for ever. Choose another one.")
        seen.add(found.id)
        following = found.flows_into_id


def _free_name(account_id: int, name: str) -> str:
    tried, number = name, 2
    while query(SAME_NAME, account_id, tried).fetchone():
        tried, number = f"{name} {number}", number + 1
    return tried
