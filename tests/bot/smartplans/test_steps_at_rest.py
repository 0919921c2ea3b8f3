"""Steps that rest while something changes: none runs before its time, none is held up for good."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot import clock
from bot.contacts.models import Contact
from bot.models import Delivery
from bot.smartplans import (
    bulks,
    plan_events,
    plan_people,
    plan_upkeep,
    plan_versions,
    reminders,
    smartplans,
    step_choices,
)
from bot.smartplans.models import Bulk, Enrollment, SmartPlan, Step
from bot.smartplans.plan_shapes import StepShape
from bot.smartplans.reminders import NewReminder
from bot.smartplans.schedule import When
from ledger import credits, database
from tests.bot.smartplans.test_steps import BOSS, FAST, NY, World, text, world
from tests.house import House

__all__ = ["world"]


def move(world: World, plan: SmartPlan, days: int, *bodies: str) -> None:
    """Has the plan's one step come so many days later."""
    with database.session():
        shape = plan_versions.shape_of(SmartPlan.get_by_id(plan.id))
    step = replace(shape.steps[0], when=When("enrolled", days), bodies=bodies or ("Hi",))
    smartplans.edit(plan.id, BOSS, replace(shape, steps=(step,)), world.now)
    world.tick()


def spend_all(world: World) -> None:
    credits.adjust(
        world.account, "all", -world.balance(), reason="for a test", actor="op", now=world.now
    )


def fed(world: World) -> None:
    """Credits come."""
    credits.grant(world.account, "new", 50, reason="for a test", actor="op", now=world.now)
    with world.at():
        plan_upkeep.wake_fed()
    world.tick()


def test_one_that_waits_for_credits_keeps_the_time_it_was_moved_to(world: World) -> None:
    plan = world.plan(text("Hi"))
    spend_all(world)
    world.put(plan, NY)
    world.tick()
    assert world.one().state == "waiting"
    move(world, plan, days=30)
    fed(world)
    one = world.one()
    assert (world.texts(), one.state, one.why, one.due_at) == ([], "active", None, one.planned_at)
    world.later(days=30)
    assert world.texts() == ["Hi"]


def test_many_that_were_paused_keep_the_time_they_were_moved_to(world: World) -> None:
    plan = world.plan(text("Hi"))
    people = [world.person(f"+1212555{n:04d}") for n in range(300, 400)]
    with world.at():
        plan_people.enroll_many(plan.id, BOSS, world.now, people=people)
        bulks.work(FAST)
    with database.session():
        bulk = Bulk.get()
    with world.at():
        bulks.pause(bulk.id, BOSS, world.now)
    world.tick()
    move(world, plan, days=30)
    with world.at():
        bulks.go_on(bulk.id, BOSS, world.now)
        bulks.work(FAST)
    world.tick()
    assert world.texts() == []
    world.later(days=30)
    assert world.texts() == ["Hi"] * 100


def test_what_was_asked_about_is_asked_anew_after_an_edit(world: World) -> None:
    plan = world.plan(text("x" * 200))
    with database.session():
        Step.update(ceiling=1).execute()
    world.put(plan, NY)
    world.tick()
    one = world.one()
    assert one.state == "asking"
    move(world, plan, 30, "Other words")
    assert not plan_upkeep.agree(one.id, BOSS, (0, 0), 2, world.now), "the old card is stale"
    world.tick()
    assert (world.texts(), world.one().state) == ([], "active")


def test_a_birthday_that_was_wrong_moves_the_text_that_waits_for_credits(world: World) -> None:
    plan = world.plan(StepShape("text", When("date", field="birthday"), ("Happy birthday",)))
    contact_id = world.person(NY)
    with database.session():
        contact = Contact.get_by_id(contact_id)
    day = (world.now + timedelta(days=1)).date()
    plan_events.set_date(contact, "birthday", (day.month, day.day, None), world.now)
    spend_all(world)
    world.put(plan, NY)
    world.later(days=1, hours=4)
    assert world.one().state == "waiting"
    later = (world.now + timedelta(days=60)).date()
    plan_events.set_date(contact, "birthday", (later.month, later.day, None), world.now)
    assert world.one().state == "waiting"
    fed(world)
    assert world.texts() == []
    world.later(days=61)
    assert world.texts() == ["Happy birthday"]


def test_one_that_breaks_for_a_day_is_paused_with_the_reason(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def quote(*_: object, **__: object) -> object:
        raise KeyError("no such thing")

    world.put(world.plan(text("Hi")), NY)
    monkeypatch.setattr(step_choices.rates, "quote", quote)
    world.tick()
    for _ in range(23):
        world.later(hours=1)
        assert world.one().state == "active"
    world.later(hours=2)
    one = world.one()
    assert (one.state, one.why, one.due_at) == (
        "paused", "its step could not be run (KeyError)", None
    )  # fmt: skip


def test_one_that_is_late_is_tried_twice_before_it_is_paused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not run for days, since no worker did, has its second try, too."""
    world.put(world.plan(text("Hi")), NY)
    world.now += timedelta(days=3)
    with monkeypatch.context() as patch:
        patch.setattr(step_choices.rates, "quote", lambda *_, **__: {}["nothing"])
        world.tick()
    assert world.one().state == "active"
    world.later(hours=1)
    with database.session():
        assert Enrollment.get().state == "done"


# Reminders that were put off


def test_a_reminder_that_wakes_before_its_update_left_holds_up_no_card(house: House) -> None:
    new = NewReminder(house.agent, None, None, "Call Ann")
    [one] = reminders.make(house.account().id, [new], clock.now())
    house.work()
    reminders.snooze(one, house.agent, clock.now(), clock.now() + timedelta(minutes=2))
    with clock.travelled(timedelta(minutes=3)):
        assert reminders.wake_due() == 1
        house.work()
    assert len(house.told(house.agent)) == 2
    with database.session():
        assert not Delivery.select().where(Delivery.state != "done").exists()
