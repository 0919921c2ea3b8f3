"""What a plan will do and cost, before it does: the same as when it runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot import clock
from bot.contacts.models import Contact
from bot.errors import Refused
from bot.smartplans import enrollments, plan_people, plan_preview, plan_versions, smartplans
from bot.smartplans.models import SmartPlan, Step
from bot.smartplans.plan_shapes import Shape, StepShape
from bot.smartplans.schedule import When
from bot.talks.models import Message
from ledger import database
from tests.bot.smartplans.test_steps import (
    BOSS,
    LONDON,
    NY,
    NY2,
    START,
    World,
    reminder,
    text,
    world,
)

__all__ = ["world"]


def shape(world: World, *steps: StepShape, **more: object) -> Shape:
    return Shape("Leads", steps, line=world.line, **more)


def test_each_step_is_shown_as_the_contact_will_get_it(world: World) -> None:
    wanted = shape(
        world, text("Hi {first_name|there}", 0, "days", 22 * 60), text("{name}, bye", 1),
        StepShape("email", When("enrolled", 2), ("Dear {name}",), "About {name}"),
        reminder("Call {name}", 3), StepShape("text", When("date", field="closing"), ("x",)),
    )  # fmt: skip
    ann = world.person(NY, name="Ann Lee", email="ann@example.com")
    seen = plan_preview.foresee(world.account, BOSS, wanted, ann, START)
    assert [(s.kind, s.body, s.credits, s.note) for s in seen] == [
        ("text", "Hi Ann", 1, "moved: quiet hours"),
        ("text", "Ann Lee, bye", 1, "moved: quiet hours"),  # as much later as the first
        ("email", "Dear Ann Lee", 0, None),
        ("reminder", "Call Ann Lee", 0, None),
        ("text", "x", 0, "no closing is known"),
    ]
    assert seen[0].at == datetime(2027, 3, 3, 14, 0, tzinfo=UTC)  # nine in the morning
    assert seen[0].planned_at == datetime(2027, 3, 3, 3, 0, tzinfo=UTC)
    assert seen[4].at is None
    assert seen[2].subject == "About Ann Lee"


def test_it_comes_as_it_was_foreseen(world: World) -> None:
    wanted = shape(
        world, text("a {first_name|there}", 0, "days", 23 * 60), text("b" * 200, 3),
        text("c", 3, "days", 8 * 60),
    )  # fmt: skip
    ann = world.person(LONDON)
    seen = plan_preview.foresee(world.account, BOSS, wanted, ann, START)
    plan = smartplans.new(world.account, BOSS, wanted, START)
    smartplans.switch_on(plan.id, BOSS, START)
    plan_people.enroll(plan.id, BOSS, [ann], START)
    for _ in range(24 * 8):
        world.later(hours=1)
    with database.session():
        sent = [(m.body, m.credits) for m in Message.select().order_by(Message.id)]
        at = [m.made_at for m in Message.select().order_by(Message.id)]
    assert sent == [(s.body, s.credits) for s in seen]
    for came, foreseen in zip(at, seen, strict=True):
        assert foreseen.at is not None
        assert timedelta(0) <= came - foreseen.at <= timedelta(hours=1)


def test_somebody_nobody_knows_stands_for_all(world: World) -> None:
    seen = plan_preview.foresee(world.account, BOSS, shape(world, text("Hi {name}")), None, START)
    assert seen[0].body == "Hi Alexander Alexander"
    with pytest.raises(Refused):
        plan_preview.foresee(world.account, "USTRANGER", shape(world, text("Hi")), None, START)
    with pytest.raises(Refused, match="no longer here"):
        plan_preview.foresee(world.account, BOSS, shape(world, text("Hi")), 999, START)


def test_the_total_and_the_day_on_which_credits_run_out(world: World) -> None:
    ids = [world.person(f"+1212555{n:04d}") for n in range(40)] + [world.person(LONDON)]
    wanted = shape(world, text("one"), text("two", 3), text("three", 10))
    total = plan_preview.cost(world.account, BOSS, wanted, ids, START)
    assert (total.contacts, total.texts, total.credits) == (41, 123, 126)
    assert (total.balance, total.left_after, total.is_exact) == (100, -26, True)
    assert total.runs_out_at is not None
    assert total.runs_out_at.date().isoformat() == "2027-03-12"
    assert set(total.ceilings.values()) == {2}
    cheap = plan_preview.cost(world.account, BOSS, shape(world, text("one")), ids, START)
    assert (cheap.left_after, cheap.runs_out_at) == (58, None)


def test_of_very_many_contacts_some_are_looked_at(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_preview, "COUNTED", 10)
    ids = [world.person(f"+1212555{n:04d}") for n in range(40)]
    total = plan_preview.cost(world.account, BOSS, shape(world, text("one")), ids, START)
    assert (total.texts, total.credits, total.is_exact) == (40, 40, False)


def test_switching_on_agrees_on_what_each_text_may_cost(world: World) -> None:
    plan = smartplans.new(
        world.account, BOSS, shape(world, text("Hi"), text("ж" * 80, 1), reminder("x", 2)), START
    )
    smartplans.switch_on(plan.id, BOSS, START)
    assert _ceilings(plan) == [1, 2, None]
    world.put(plan, NY, NY2)
    with world.at(), database.session():
        assert clock.now() == START
        one, two, three = plan_versions.shape_of(SmartPlan.get_by_id(plan.id)).steps
    longer = replace(two, bodies=("ж" * 150,))
    smartplans.edit(plan.id, BOSS, shape(world, one, longer, three), START)
    assert _ceilings(plan) == [1, 3, None]
    with database.session():
        assert Contact.select().count() == 2
        assert enrollments.newest(SmartPlan.get_by_id(plan.id)).number == 2


def _ceilings(plan: SmartPlan) -> list[int | None]:
    with database.session():
        version = enrollments.newest(SmartPlan.get_by_id(plan.id))
        found = Step.select().where(Step.version == version).order_by(Step.position)
        return [step.ceiling for step in found]
