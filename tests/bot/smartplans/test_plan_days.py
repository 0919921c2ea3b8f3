"""The digest says what SmartPlans did yesterday, will do today, and what waits for somebody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from bot.credits import digest
from bot.models import Delivery
from ledger import credits, database
from tests.bot.smartplans.test_steps import NY, NY2, World, reminder, text, world

__all__ = ["world"]


def told(world: World) -> dict[str, str]:
    """The facts of the digest of the next morning; nothing if there is none."""
    with database.session():
        before = {delivery.id for delivery in Delivery.select()}
    eight = world.now.replace(hour=13, minute=0, second=0)  # in New York, before March 14
    world.now = eight if eight > world.now else eight + timedelta(days=1)
    with world.at():
        digest.send_due()
    with database.session():
        made: list[Any] = [d for d in Delivery.select() if d.id not in before]
    [payload] = [d.payload for d in made if d.payload.get("what") == "digest"] or [None]
    return dict(payload["digest"]["facts"]) if payload else {}


def test_the_digest_says_what_smartplans_did_and_will_do(world: World) -> None:
    plan = world.plan(text("one"), text("two", 1), reminder("call", 1))
    world.put(plan, NY, NY2)
    world.tick()
    facts = told(world)
    assert facts["SmartPlans sent"] == "2 texts"
    assert facts["SmartPlans today"] == "2 texts"
    world.now = datetime(2027, 3, 3, 20, tzinfo=UTC)
    world.tick()
    world.tick()
    facts = told(world)
    assert facts["SmartPlans sent"] == "2 texts, 2 reminders"
    assert facts["Reminders"] == "2 open"
    assert "SmartPlans today" not in facts


def test_a_plan_that_waits_for_credits_is_named(world: World) -> None:
    with world.at():
        credits.adjust(
            world.account, "a", -100, reason="spent", actor="operator", now=world.now
        )  # fmt: skip
    plan = world.plan(text("one"), name="R & D")
    world.put(plan, NY)
    world.tick()
    facts = told(world)
    assert facts["SmartPlans today"] == "“R &amp; D” waits for credits"
    assert "SmartPlans sent" not in facts


def test_plans_that_do_nothing_today_make_no_digest(world: World) -> None:
    plan = world.plan(text("one", 9))
    world.put(plan, NY)
    assert told(world) == {}
    world.now += timedelta(days=7)
    assert told(world)["SmartPlans today"] == "1 text"
