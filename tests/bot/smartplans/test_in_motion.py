"""App Home shows the SmartPlans that run, what comes today, reminders, and texts that ask."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot import clock
from bot.contacts import address_book
from bot.contacts.models import Contact
from bot.errors import Refused
from bot.sandbox.slack.records import View
from bot.slack.limits import check_view
from bot.smartplans import in_motion, plan_counts, plan_people, plan_versions, smartplans, steps
from bot.smartplans.models import Enrollment, Reminder, SmartPlan
from bot.smartplans.plan_shapes import Shape
from ledger import database
from tests.bot.smartplans.test_steps import (
    BOSS,
    CLERK,
    FAST,
    NY,
    NY2,
    World,
    reminder,
    text,
    world,
)
from tests.house import ANN, BEN, House

__all__ = ["world"]


def seen(world: World, user: str = BOSS) -> in_motion.InMotion:
    with database.session():
        return in_motion.of(world.account, user, world.now)


def run(house: House, name: str, *written: object, people: tuple[str, ...] = (ANN,)) -> SmartPlan:
    """A plan that is on, these people on it, and its first steps done."""
    account, now = house.account().id, clock.now()
    plan = smartplans.new(account, house.agent, Shape(name, written, house.line().id), now)
    smartplans.switch_on(plan.id, house.agent, now)
    for number in people:
        contact = address_book.meet(account, number, now)
        plan_people.enroll(plan.id, house.agent, [contact.id], now)
    steps.run_due(FAST, by_mail=False)
    return plan


def press(house: House, home: View, label: str) -> str:
    """Presses a button of Home; what Home shows then."""
    house.slack.press(house.agent, home, label)
    return house.home(house.agent).plain()


def test_plans_that_run_are_counted_and_what_comes_today(world: World) -> None:
    leads = world.plan(text("one", 1, "hours"), reminder("call", 2, "hours"), name="leads")
    world.plan(text("two", 3), name="Anniversary")
    off = world.plan(text("three"), name="Zoo")
    world.plan(text("four"), name="Draft", on=False)
    smartplans.switch_off(off.id, BOSS)
    world.put(leads, NY, NY2)
    motion = seen(world)
    assert [(plan.name, plan.state, plan.contacts) for plan in motion.plans] == [
        ("Anniversary", "on", "0 contacts"), ("leads", "on", "2 contacts"),
        ("Zoo", "paused", "0 contacts"),
    ]  # fmt: skip
    assert motion.today == "2 texts"
    world.later(hours=1)
    assert seen(world).today == "2 reminders"
    world.now = datetime(2027, 3, 3, 4, 59, tzinfo=UTC)  # a minute before midnight in New York
    world.tick()
    assert seen(world).today == "" and len(seen(world).reminders) == 2


def test_nothing_is_counted_past_ten_thousand(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_counts, "MANY", 1)
    plan = world.plan(text("one", 1, "hours"))
    world.put(plan, NY, NY2)
    motion = seen(world)
    assert motion.plans[0].contacts == "over 1 contact" and motion.today == "over 1 text"


def test_reminders_are_each_members_own_and_the_rest_is_a_number(world: World) -> None:
    plan = world.plan(reminder("Call {name}"))
    world.put(plan, *(f"+1212555{n:04}" for n in range(130, 137)))
    world.tick()
    motion = seen(world)
    assert len(motion.reminders) == 5 and motion.reminders_more == 2
    assert motion.reminders[0].words == "Call (212) 555-0130"
    assert not seen(world, CLERK).reminders
    with database.session(), pytest.raises(Refused):
        in_motion.of(world.account, "USTRANGER", world.now)


def test_a_text_that_asks_is_shown_as_its_contact_would_get_it(world: World) -> None:
    plan = world.plan(text("Dear {name}, hello"), on=False)
    smartplans.switch_on(plan.id, BOSS, world.now, dict.fromkeys(keys(plan), 1))
    with database.session():
        Contact.update(name="N" * 200)
    ids = [world.person(NY, name="N" * 200)]
    plan_people.enroll(plan.id, BOSS, ids, world.now)
    world.tick()
    [ask] = seen(world).asks
    assert (ask.plan, ask.body, ask.credits) == ("Leads", f"Dear {'N' * 200}, hello", 2)


def keys(plan: SmartPlan) -> list[str]:
    with database.session():
        return [str(one.key) for one in plan_versions.shape_of(SmartPlan.get_by_id(plan.id)).steps]


def test_home_is_silent_where_no_plan_was_ever_made(house: House) -> None:
    assert "SmartPlans*" not in house.home(house.agent).plain()


@pytest.mark.parametrize(
    ("label", "state", "card"),
    [("Done", "done", "Done by"), ("Skip", "skipped", "Skipped by"),
     ("Put off until 9:00 AM tomorrow", "open", "Put off until")],
)  # fmt: skip
def test_a_reminder_is_settled_on_home_and_its_card_shows_it(
    house: House, label: str, state: str, card: str
) -> None:
    house.name(ANN, "Ann Lee")
    run(house, "Calls", reminder("Call {name}"), reminder("Again", 30))
    home = house.home(house.agent)
    said = home.plain()
    assert "Your reminders (1)" in said and "Call Ann Lee" in said
    assert "Calls: 1 contact on it" in said
    check_view(home.view)
    assert "Your reminders" not in press(house, home, label)
    with database.session():
        assert Reminder.get().state == state
    assert card in house.told(house.agent)[-1].plain()


def test_a_reminder_that_was_put_off_comes_back_to_home(house: House) -> None:
    run(house, "Calls", reminder("Call {name}"))
    press(house, house.home(house.agent), "Put off until 9:00 AM tomorrow")
    with clock.travelled(timedelta(days=2)):
        house.tick()
        house.slack.open_home(house.agent)
        assert "Your reminders (1)" in house.home(house.agent).plain()


def test_a_text_that_costs_more_is_agreed_to_on_home(house: House) -> None:
    house.settle_quiet(24, 0)
    house.name(ANN, "A" * 180)
    house.name(BEN, "B" * 180)
    plan = run(house, "Dear ones", text("Dear {name}"), people=())
    with database.session():
        version = SmartPlan.get().version
    smartplans.switch_on(plan.id, house.agent, clock.now(), dict.fromkeys(keys(plan), 1))
    assert version == 1
    account = house.account().id
    ids = [address_book.meet(account, number, clock.now()).id for number in (ANN, BEN)]
    noon = clock.now().replace(hour=19, minute=30) + timedelta(days=1)  # awake from coast to coast
    with clock.travelled(noon - clock.now()):
        plan_people.enroll(plan.id, house.agent, ids, clock.now())
        steps.run_due(FAST, by_mail=False)
        home = house.home(house.agent)
        assert "Texts that cost more than was agreed (2)" in home.plain()
        assert f">Dear {'A' * 180}" in str(home.view)
        assert "(1)" in press(house, home, "Send for 2 credits")
        steps.run_due(FAST, by_mail=False)
        house.work()
        assert [one.body for one in house.twilio.texts.values()] == [f"Dear {'A' * 180}"]
        assert "cost more" not in press(
            house, house.home(house.agent), "Stop the SmartPlan for them"
        )
    with database.session():
        assert {one.state for one in Enrollment.select()} == {"done", "stopped"}


def test_a_plan_is_opened_from_home(house: House) -> None:
    run(house, "Calls", reminder("Call {name}", 1))
    view = house.modal(house.agent, house.home(house.agent), "smart_open")
    assert "Calls" in view.plain() and "Put contacts on it" in view.plain()
