"""Hundreds are put on a plan at once: in batches, with one message that says how far it is, and can
hold it, let it go on, and stop it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import app as wiring
from bot import clock
from bot.contacts.models import Contact, Tag
from bot.errors import Refused
from bot.sandbox.slack.records import Post
from bot.slack.limits import check
from bot.slack.smartplans import bulk_cards
from bot.smartplans import bulks, plan_events, plan_people, smartplans
from bot.smartplans.models import Bulk, Enrollment, SmartPlan
from bot.smartplans.plan_shapes import Shape, StepShape
from bot.smartplans.room import Pace
from bot.team.models import Member
from ledger import credits, database
from tests.bot.smartplans.test_smartplans_in_slack import made, opened, pushed, switched_on
from tests.bot.smartplans.test_steps import BOSS, CLERK, FAST, World, reminder, text, world
from tests.house import House

__all__ = ["world"]


def people(account: int, number: int, **known: Any) -> list[int]:
    """So many contacts in New York, with the tag `buyer`."""
    now = datetime(2027, 3, 1, tzinfo=UTC)
    with database.session(), database.db.atomic():
        for n in range(number):
            row = {"account": account, "number": f"+1212555{n:04}", "made_at": now, "told_at": now}
            contact = Contact.create(**row, **known)
            Tag.create(account=account, tag="buyer", contact=contact)
        return [one.id for one in Contact.select().order_by(Contact.id)]


def begun(world: World, plan: SmartPlan, number: int) -> Bulk:
    """So many are being put on the plan."""
    people(world.account, number)
    bulk = plan_people.enroll_many(plan.id, BOSS, world.now, tag="buyer")
    assert isinstance(bulk, Bulk)
    return bulk


def work(world: World, times: int = 1, pace: Pace = FAST) -> None:
    with world.at():
        for _ in range(times):
            bulks.work(pace)


def row() -> Bulk:
    with database.session():
        return Bulk.get()


def said() -> str:
    with database.session():
        card = bulk_cards.card(Bulk.get())
    check(card["blocks"])
    return str(card["text"])


def states() -> dict[str, int]:
    with database.session():
        found: dict[str, int] = {}
        for one in Enrollment.select():
            found[one.state] = found.get(one.state, 0) + 1
        return found


def test_few_are_put_on_at_once_and_many_in_batches(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulks, "BATCH", 60)
    plan = world.plan(reminder("call"))
    ids = people(world.account, 150)
    few = plan_people.enroll_many(plan.id, BOSS, world.now, people=ids[:99])
    assert not isinstance(few, Bulk) and few.count == 99
    plan_people.enroll_many(plan.id, BOSS, world.now, tag="buyer")
    work(world)
    assert "60 of 150 looked at, 0 put on the plan" in said()
    work(world, 3)
    assert row().put_on == 51 and row().left_out == {"on it already": 99}
    assert "51 put on the plan" in said() and "Not put on it: 99 contacts (99 on it" in said()
    assert states() == {"active": 150}


def test_contacts_named_one_by_one_are_put_on_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulks, "BATCH", 50)
    plan = world.plan(reminder("call"))
    ids = people(world.account, 120)
    plan_people.enroll_many(plan.id, BOSS, world.now, people=[*ids[100:], *ids[:100], 10**6])
    work(world, 4)
    assert states() == {"active": 120} and row().entered
    assert not row().busy


def test_it_says_what_was_sent_left_out_and_is_to_come(world: World) -> None:
    grant(world, 1000)
    plan = world.plan(text("Hi {first_name|there}"), text("Hello {first_name}", 2))
    begun(world, plan, 110)
    work(world)
    world.tick()
    world.later(seconds=15)
    work(world)
    shown = said()
    assert "*Leads*, 110 contacts with the tag “buyer”" in shown
    assert "110 texts sent" in shown and "110 contacts have steps to come" in shown
    assert "The last step comes about" in shown
    assert row().ends_at == datetime(2027, 3, 4, 15, 0, tzinfo=UTC)
    world.later(days=2)
    for _ in range(3):
        world.later(minutes=2)
    work(world)
    assert "All are through" in said() and row().state == "done"
    assert "Left out: 110 steps (110 {first_name} is not known" in said()
    assert "Stop" not in str(card_of(row()))


def grant(world: World, amount: int) -> None:
    with world.at():
        credits.adjust(
            world.account, "more", amount, reason="test", actor="operator", now=world.now
        )  # fmt: skip


def card_of(bulk: Bulk) -> Any:
    with database.session():
        return bulk_cards.card(Bulk.get_by_id(bulk.id))["blocks"]


def test_paused_nothing_goes_out_and_it_goes_on_where_it_was(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant(world, 1000)
    monkeypatch.setattr(bulks, "BATCH", 60)
    plan = world.plan(text("Hi"), text("Again", 1))
    bulk = begun(world, plan, 120)
    work(world)
    assert bulks.pause(bulk.id, BOSS, world.now)
    assert not bulks.pause(bulk.id, BOSS, world.now)
    work(world, 3)
    world.later(hours=1)
    assert world.texts() == [] and states() == {"paused": 60}
    assert "Paused" in said() and "60 of 120 looked at" in said()
    assert bulks.go_on(bulk.id, BOSS, world.now)
    work(world, 6)
    assert states() == {"active": 120}
    world.tick()
    assert len(world.texts()) == 120
    world.later(days=1, hours=2)
    assert len(world.texts()) == 240


def test_only_what_came_on_it_together_is_held(world: World) -> None:
    grant(world, 1000)
    plan = world.plan(text("Hi"))
    world.put(plan, "+13105550123")
    bulk = begun(world, plan, 100)
    work(world)
    bulks.pause(bulk.id, BOSS, world.now)
    world.now = datetime(2027, 3, 2, 19, tzinfo=UTC)  # by day in Los Angeles, too
    world.tick()
    assert len(world.texts()) == 1


def test_stopped_nobody_else_is_put_on_and_all_are_taken_off(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulks, "BATCH", 50)
    plan = world.plan(text("Hi"), reminder("call", 1))
    bulk = begun(world, plan, 130)
    work(world)
    bulks.pause(bulk.id, BOSS, world.now)
    world.tick()
    assert bulks.stop(bulk.id, BOSS, world.now)
    assert not bulks.go_on(bulk.id, BOSS, world.now)
    world.tick()
    work(world, 4)
    world.later(days=2)
    assert world.texts() == [] and states() == {"stopped": 50}
    assert row().state == "stopped" and not row().busy
    assert "Stopped" in said() and "0 contacts have steps to come" in said()


def test_a_plan_that_is_put_away_stops_it(world: World) -> None:
    plan = world.plan(text("Hi"))
    begun(world, plan, 100)
    smartplans.archive(plan.id, BOSS, world.now)
    work(world, 2)
    assert row().state == "stopped" and states() == {}


def test_who_answers_is_off_it_and_its_message_shows_that(world: World) -> None:
    plan = world.plan(text("Hi", 3), stop_on_reply=True)
    begun(world, plan, 100)
    work(world, 2)
    with database.session():
        Bulk.update(shown_at=world.now - timedelta(hours=1), stale=False).execute()
        one = Contact.get()
    plan_events.on_text_in(world.account, one.id, world.now)
    assert row().stale
    work(world)
    assert not row().stale and "99 contacts have steps to come" in said()


def test_its_message_changes_at_a_modest_pace(world: World) -> None:
    grant(world, 1000)
    plan = world.plan(text("Hi"))
    begun(world, plan, 300)
    pace = Pace(1.0, 1.0)
    work(world, pace=pace)
    shows = []
    for _ in range(120):
        world.later(pace, seconds=1)
        work(world, pace=pace)
        shows.append(row().shown_at)
    assert 3 <= len(set(shows)) <= 13
    assert row().out_at is not None and "are out about" in said()
    assert 60 < len(world.texts()) < 200


def test_nobody_but_who_began_it_and_managers_may_hold_it(world: World) -> None:
    plan = world.plan(text("Hi"))
    people(world.account, 100)
    bulk = plan_people.enroll_many(plan.id, CLERK, world.now, tag="buyer")
    assert isinstance(bulk, Bulk)
    for act in (bulks.pause, bulks.go_on, bulks.stop):
        with pytest.raises(Refused):
            act(bulk.id, "USTRANGER", world.now)
    assert bulks.pause(bulk.id, CLERK, world.now)
    assert bulks.go_on(bulk.id, BOSS, world.now)
    other = plan_people.enroll_many(plan.id, BOSS, world.now, tag="buyer")
    assert isinstance(other, Bulk)
    with pytest.raises(Refused, match="Only the owner and managers"):
        bulks.pause(other.id, CLERK, world.now)


def test_what_is_restarted_goes_on_and_doubles_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulks, "BATCH", 40)
    plan = world.plan(reminder("call"))
    begun(world, plan, 100)
    enroll, calls = bulks.enrollments.enroll, []

    def dies(*given: Any, **more: Any) -> Any:
        calls.append(given)
        made = enroll(*given, **more)
        if len(calls) == 2:
            raise SystemExit
        return made

    monkeypatch.setattr(bulks.enrollments, "enroll", dies)
    work(world)
    with pytest.raises(SystemExit):
        work(world)
    assert row().put_on == 40 == states()["active"]
    work(world, 3)
    assert row().put_on == 100 and states() == {"active": 100}


# In Slack


def running(house: House, number: int = 100) -> Post:
    """So many are put on a plan by the form; the message that says how far it is."""
    people(house.account().id, number)
    switched_on(house, made(house))
    form = pushed(house, opened(house, "new lead"), "Put contacts on it")
    house.slack.submit(house.agent, form, {"tag": "buyer"})
    price = house.slack.open_view(house.agent)
    assert f"{number} contacts with the tag “buyer”" in price.plain()
    house.slack.submit(house.agent, price, {})
    assert f"{number} contacts come on New lead now" in house.slack.open_view(house.agent).plain()
    house.work()
    return house.told(house.agent)[-1]


def test_one_message_says_how_far_it_is_and_has_it_paused_go_on_and_stop(house: House) -> None:
    card = running(house)
    assert "0 of 100 looked at" in card.plain()
    bulks.work(wiring.pace(house.settings))
    with clock.travelled(timedelta(seconds=11)):
        bulks.work(wiring.pace(house.settings))
        house.work()
        assert "100 put on the plan" in card.plain() and "[Pause]" in card.plain()
        house.slack.press(house.agent, card, "Pause")
        house.work()
        assert "Paused" in card.plain() and "[Go on]" in card.plain()
        house.slack.press(house.agent, card, "Go on")
        house.work()
        assert "[Pause]" in card.plain()
        house.slack.press(house.agent, card, "Stop")
        house.work()
        assert "Being stopped" in card.plain() and "[Stop]" not in card.plain()
    with clock.travelled(timedelta(seconds=30)):
        bulks.work(wiring.pace(house.settings))
        house.work()
        assert "Stopped" in card.plain()
    assert len(house.told(house.agent)) == 1
    assert states() == {"stopped": 100}


def test_a_message_whose_answer_was_lost_is_found_and_goes_on_changing(house: House) -> None:
    house.slack.faults.add("drop_after", "chat.postMessage")
    running_card(house)
    with clock.travelled(timedelta(minutes=5)):
        house.work()
        bulks.work(wiring.pace(house.settings))
        house.work()
    with clock.travelled(timedelta(minutes=10)):
        bulks.work(wiring.pace(house.settings))
        house.work()
        [card] = house.told(house.agent)
        assert "100 put on the plan" in card.plain()


def running_card(house: House) -> None:
    people(house.account().id, 100)
    written: Sequence[StepShape] = (reminder("call", 5),)
    plan = smartplans.new(
        house.account().id, house.agent, Shape("Calls", tuple(written)), clock.now()
    )  # fmt: skip
    smartplans.switch_on(plan.id, house.agent, clock.now())
    plan_people.enroll_many(plan.id, house.agent, clock.now(), tag="buyer")
    house.work()


def test_another_agent_is_refused_beside_the_message(house: House) -> None:
    card = running(house)
    clerk = house.slack.add_user("Clerk")
    with database.session():
        Member.create(account=house.account(), slack_user=clerk, role="agent")
    said = house.hears(lambda: house.slack.press(clerk, card, "Pause"), clerk)
    assert "Only the owner and managers" in said.plain()
    assert row().state == "running"
