"""SmartPlans run: each step once, at a time that is allowed, paid for, and written down."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from bot import audit, clock, outbox
from bot.contacts import address_book
from bot.contacts.models import Contact
from bot.errors import Refused
from bot.lines.models import Line
from bot.models import Delivery
from bot.sandbox import wait
from bot.smartplans import (
    plan_events,
    plan_people,
    plan_upkeep,
    plan_versions,
    reminders,
    room,
    smartplans,
    steps,
)
from bot.smartplans.models import Enrollment, Letter, Reminder, SmartPlan, Step, StepRun
from bot.smartplans.plan_shapes import Shape, StepShape
from bot.smartplans.schedule import When
from bot.talks.models import Conversation, Message
from bot.team import opening
from bot.team.models import Policy
from ledger import credits, database, rows
from ledger.models import Account
from tests.house import LINE

#: A Tuesday, ten in the morning in New York: nothing is forbidden there.
START = datetime(2027, 3, 2, 15, 0, tzinfo=UTC)
BOSS, CLERK = "UBOSS", "UCLERK"
NY, NY2, LA, LONDON = "+12125550123", "+12125550124", "+13105550123", "+442079460000"
FAST = room.Pace(0.001, 0.001)


class World:
    """An account with a line, and a clock that goes where it is told."""

    def __init__(self, line: str = LINE) -> None:
        self.now = START
        opening.setup(
            account="Harbor Homes", timezone="America/New_York", owner=BOSS, agents=(CLERK,),
            line=line, channel="C1", opening_credits=100, grants_last_months=0,
        )  # fmt: skip
        with database.session():
            self.account = Account.get(Account.name == "Harbor Homes").id
            self.line = Line.get(Line.number == line).id
            Policy.create(account=self.account, opt_out_words="")

    def plan(self, *written: StepShape, on: bool = True, **more: object) -> SmartPlan:
        more = {"name": "Leads", "line": self.line, "stop_on_reply": False} | more
        plan = smartplans.new(self.account, BOSS, Shape(steps=written, **more), self.now)
        return smartplans.switch_on(plan.id, BOSS, self.now) if on else plan

    def person(self, number: str, **known: object) -> int:
        contact = address_book.meet(self.account, number, self.now)
        with database.session():
            Contact.update(told_at=self.now, **known).where(Contact.id == contact.id).execute()
        return contact.id

    def put(self, plan: SmartPlan, *numbers: str) -> None:
        ids = [self.person(number) for number in numbers]
        plan_people.enroll(plan.id, BOSS, ids, self.now)

    def later(self, pace: room.Pace = FAST, by_mail: bool = True, **ahead: float) -> None:
        """Goes ahead, and has a worker tick then."""
        self.now += timedelta(**ahead)
        self.tick(pace, by_mail)

    def tick(self, pace: room.Pace = FAST, by_mail: bool = True) -> None:
        with self.at():
            steps.run_due(pace, by_mail)

    @contextmanager
    def at(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(clock, "now", lambda: self.now)
            yield

    def runs(self) -> list[tuple[str, str | None]]:
        with database.session():
            return [(r.outcome, r.reason) for r in StepRun.select().order_by(StepRun.id)]

    def texts(self) -> list[str]:
        with database.session():
            return [m.body for m in Message.select().order_by(Message.id)]

    def one(self) -> Enrollment:
        with database.session():
            return Enrollment.get()

    def balance(self) -> int:
        with database.session():
            return credits.balance(self.account)


@pytest.fixture
def world(books: str) -> Iterator[World]:
    built = World()
    yield built
    with built.at():
        assert audit.prove() == []


def text(
    body: str, amount: int = 0, unit: str = "days", at: int | None = None, **more: object
) -> StepShape:  # fmt: skip
    return StepShape("text", When("enrolled", amount, unit, at), (body,), **more)


def reminder(words: str, amount: int = 0, unit: str = "days") -> StepShape:
    return StepShape("reminder", When("enrolled", amount, unit), (words,))


# A plan from end to end


def test_each_step_runs_once_and_the_plan_ends(world: World) -> None:
    plan = world.plan(text("one"), text("two", 2), reminder("call", 3))
    world.put(plan, NY)
    for _ in range(3):
        world.tick()
    assert world.texts() == ["one"]
    assert world.one().due_at == START + timedelta(days=2)
    world.later(days=2)
    world.later(days=1)
    world.later(days=30)
    assert world.texts() == ["one", "two"]
    assert world.runs() == [("sent", None), ("sent", None), ("reminded", None)]
    assert world.one().state == "done"
    assert world.balance() == 98
    with database.session():
        assert SmartPlan.get().spent == 2
        assert SmartPlan.get().due_at is None
        parts = Delivery.select().where(Delivery.kind == "twilio.message").count()
        assert parts == 2


def test_a_text_leaves_like_any_other_and_is_shown_in_its_thread(house) -> None:
    """From the plan to the phone and back, through the stand-ins of Twilio and Slack."""
    house.twilio.text(NY, LINE, "Hi, is it still free?")
    house.settle()
    account, line = house.account(), house.line()
    shape = Shape("Leads", (text("Yes {first_name|there}, it is."),), line=line.id)
    plan = smartplans.new(account.id, house.agent, shape, clock.now())
    smartplans.switch_on(plan.id, house.agent, clock.now())
    contact = address_book.by_number(account.id, NY)
    with clock.travelled(_until(clock.now(), 15)):
        plan_people.enroll(plan.id, house.agent, [contact.id], clock.now())
        steps.run_due(FAST, by_mail=False)
        house.settle()
        assert [t.body for t in house.twilio.sent_to(NY)] == ["Yes there, it is."]
        shown = house.thread(NY)[-1].plain()
        assert "Yes there, it is." in shown
        assert "Delivered" in shown
        assert house.audit() == []


def _until(now: datetime, hour: int) -> timedelta:
    """Until the next Wednesday at this hour of UTC."""
    days = (2 - now.weekday()) % 7 or 7
    wanted = (now + timedelta(days=days)).replace(hour=hour, minute=0)
    return wanted - now


def test_a_contact_without_a_thread_gets_none_before_they_answer(house) -> None:
    account, line = house.account(), house.line()
    plan = smartplans.new(
        account.id, house.agent, Shape("Leads", (text("Hello"),), line=line.id), clock.now()
    )  # fmt: skip
    smartplans.switch_on(plan.id, house.agent, clock.now())
    contact = address_book.meet(account.id, NY, clock.now())
    with clock.travelled(_until(clock.now(), 15)):
        plan_people.enroll(plan.id, house.agent, [contact.id], clock.now())
        steps.run_due(FAST, by_mail=False)
        house.settle()
        assert [t.body for t in house.twilio.sent_to(NY)] == ["Hello"]
        assert house.slack.channel(house.channel) == []
        house.twilio.text(NY, LINE, "Who is this?")
        house.settle()
        said = [post.plain() for post in house.thread(NY)]
        assert "Hello" in said[1] and "Delivered" in said[1]
        assert "Who is this?" in said[2]
        assert len(said) == 3


# Times


def test_what_falls_into_quiet_hours_comes_when_they_are_over(world: World) -> None:
    plan = world.plan(text("late", 0, "days", 22 * 60), text("next", 1, "days", 11 * 60))
    world.put(plan, NY)
    world.later(hours=12)  # 22:00 in New York
    assert world.texts() == []
    assert world.one().why == "quiet hours"
    assert world.one().due_at == datetime(2027, 3, 3, 14, 0, tzinfo=UTC)  # nine there
    assert world.one().planned_at == datetime(2027, 3, 3, 3, 0, tzinfo=UTC)
    world.later(hours=11)
    assert world.texts() == ["late"]
    # It was written for the day after the first one, whose day was moved by one.
    assert world.one().due_at == datetime(2027, 3, 4, 16, 0, tzinfo=UTC)


def test_a_number_of_no_one_place_waits_until_it_is_allowed_everywhere(world: World) -> None:
    plan = world.plan(text("Hi"))
    world.put(plan, "+18005550123")
    world.tick()
    assert world.texts() == []
    # Ten in Los Angeles, the latest of the four zones, under the strictest hours.
    assert world.one().due_at == datetime(2027, 3, 2, 18, 0, tzinfo=UTC)
    world.later(hours=3)
    assert world.texts() == ["Hi"]


def test_after_a_long_outage_nobody_gets_a_burst(world: World) -> None:
    plan = world.plan(text("one"), text("two", 2), text("three", 7), text("four", 30))
    world.put(plan, NY)
    world.later(days=41)
    assert world.texts() == ["one"]
    world.later(days=1)
    assert world.texts() == ["one"]
    world.later(days=1)
    assert world.texts() == ["one", "two"]
    world.later(days=5)
    assert world.texts() == ["one", "two", "three"]


def test_two_plans_do_not_text_one_person_at_once(world: World) -> None:
    for name in ("A", "B", "C", "D"):
        world.put(world.plan(text(name), name=name), NY)
    world.tick()
    assert world.texts() == ["A"]
    for _ in range(3):
        world.later(hours=1)
    assert world.texts() == ["A", "B", "C"]  # three in 24 hours are the most
    assert "3 texts of plans" in _waiting(world)[0].why
    world.later(hours=21)
    assert world.texts() == ["A", "B", "C", "D"]


def _waiting(world: World) -> list[Enrollment]:
    with database.session():
        return list(Enrollment.select().where(Enrollment.state == "active"))


def test_a_plan_does_not_talk_into_a_conversation(world: World) -> None:
    plan = world.plan(text("Hi", 1, "hours"))
    world.put(plan, NY)
    with database.session():
        contact, line = Contact.get(), Line.get()
        Conversation.create(
            line=line, contact=contact, channel="C1", made_at=START,
            last_text_at=START + timedelta(minutes=30),
        )  # fmt: skip
    world.later(hours=1)
    assert world.texts() == []
    assert world.one().why == "you are texting with them"
    world.later(hours=3, minutes=30)
    assert world.texts() == ["Hi"]


def test_the_text_that_put_somebody_on_a_plan_does_not_hold_it(world: World) -> None:
    plan = world.plan(text("Hi", 5, "minutes"))
    with database.session():
        contact = world.person(NY)
        Conversation.create(
            line=Line.get(), contact=contact, channel="C1", made_at=START, last_text_at=START
        )  # fmt: skip
    world.put(plan, NY)
    world.later(minutes=5)
    assert world.texts() == ["Hi"]


def test_a_birthday_comes_each_year_and_not_when_it_is_over(world: World) -> None:
    birthday = StepShape("text", When("date", 0, "days", 600, 0, "birthday"), ("Hurray",))
    plan = world.plan(birthday, repeat_every=1, repeat_unit="years")
    with database.session():
        for number, day in ((NY, (3, 10, 1980)), (NY2, (3, 4, None))):
            plan_events.set_date(Contact.get_by_id(world.person(number)), "birthday", day, START)
    world.put(plan, NY, NY2, LA)
    world.tick()
    assert world.runs() == [("skipped", "no birthday is known")]
    world.later(days=8)  # the worker was away over the fourth
    assert set(world.runs()[1:]) == {("skipped", "the birthday was over"), ("sent", None)}
    world.later(days=366)
    assert world.runs()[3:].count(("sent", None)) == 1


def test_rounds_that_passed_are_left_out_and_the_words_take_turns(world: World) -> None:
    step = StepShape("text", When("enrolled", 0, "days", 600), ("red", "green", "blue"))
    plan = world.plan(step, repeat_every=1, repeat_unit="weeks")
    world.put(plan, NY)
    for _ in range(4):
        world.tick()
        world.later(weeks=1)
    assert world.texts() == ["red", "green", "blue", "red", "green"]
    world.later(weeks=4)
    missed = ("skipped", "its next round has begun")
    assert world.runs()[5:] == [missed] * 3 + [("sent", None)]
    assert world.texts()[-1] == "blue"
    assert world.one().due_at == START + timedelta(weeks=9) - timedelta(hours=1)  # summer time


# Credits


def test_r17_what_credits_do_not_cover_waits_says_so_once_and_goes_on(world: World) -> None:
    plan = world.plan(text("Hi"))
    world.put(plan, *(f"+1212555{n:04d}" for n in range(102)))
    world.tick()
    world.later(minutes=5)
    assert len(world.texts()) == 100
    assert world.balance() == 0
    with database.session():
        assert Enrollment.select().where(Enrollment.state == "waiting").count() == 2
        told = Delivery.select().where(Delivery.key.startswith("short:"))
        assert [d.payload["why"] for d in told] == ["credits"]
    with world.at():
        assert plan_upkeep.wake_fed() == 0
        credits.grant(
            world.account, "one", 1, reason="a gift", actor="operator", now=world.now
        )  # fmt: skip
        assert plan_upkeep.wake_fed() == 1
        world.tick()
        assert len(world.texts()) == 101
        credits.grant(
            world.account, "two", 5, reason="a gift", actor="operator", now=world.now
        )  # fmt: skip
        assert plan_upkeep.wake_fed() == 1
        world.tick()
    assert len(world.texts()) == 102
    with database.session():
        assert Delivery.select().where(Delivery.key.startswith("short:")).count() == 1
        assert SmartPlan.get().short_since is None
        assert Message.select().where(Message.automated).count() == 102


def test_a_plan_spends_no_more_than_its_cap(world: World) -> None:
    plan = world.plan(text("Hi"), cap=2)
    world.put(plan, NY, NY2, LA)
    world.later(hours=4)
    assert len(world.texts()) == 2
    with world.at():
        assert plan_upkeep.wake_fed() == 0
        smartplans.edit(
            plan.id, BOSS, Shape("Leads", _kept(plan), line=world.line, cap=3), world.now
        )  # fmt: skip
        assert plan_upkeep.wake_fed() == 1
        world.tick()
    assert len(world.texts()) == 3


def _kept(plan: SmartPlan) -> tuple[StepShape, ...]:
    with database.session():
        return plan_versions.shape_of(SmartPlan.get_by_id(plan.id)).steps


def test_a_text_over_its_ceiling_asks_and_goes_only_on_a_yes(world: World) -> None:
    plan = world.plan(text("Dear {name}, hello"), on=False)
    with database.session():
        key = Step.get().key
    smartplans.switch_on(plan.id, BOSS, START, {key: 1})
    ids = [world.person(NY, name="N" * 200), world.person(NY2, name="M" * 200)]
    plan_people.enroll(plan.id, BOSS, ids, START)
    world.tick()
    assert world.texts() == []
    with database.session():
        asked = [e.id for e in Enrollment.select().where(Enrollment.state == "asking")]
        told = [d.payload for d in Delivery.select() if d.payload.get("what") == "ask"]
    assert [(one["credits"], one["enrollment"]) for one in told] == [(2, asked[0]), (2, asked[1])]
    with pytest.raises(Refused):
        plan_upkeep.agree(asked[0], "USTRANGER", (0, 0), 2, world.now)
    assert not plan_upkeep.agree(asked[0], CLERK, (0, 1), 2, world.now)  # of another step
    assert plan_upkeep.agree(asked[0], CLERK, (0, 0), 2, world.now)
    assert not plan_upkeep.agree(asked[0], CLERK, (0, 0), 2, world.now)
    assert plan_people.skip(asked[1], CLERK, world.now)
    world.tick()
    assert len(world.texts()) == 1
    assert sorted(world.runs()) == [("sent", None), ("skipped", "skipped by hand")]


# Where no text can go


def test_without_a_line_a_text_is_a_reminder_with_the_words_to_copy(world: World) -> None:
    plan = world.plan(text("Hi {first_name|there}"), line=None)
    plan_people.enroll(plan.id, CLERK, [world.person(NY, name="Ann Lee")], START)
    world.tick()
    with database.session():
        told = Reminder.get()
        assert (told.to, told.words, told.body) == (
            CLERK,
            "Text Ann Lee · (212) 555-0123:",
            "Hi Ann",
        )
    assert world.runs() == [("reminded", "the plan has no number")]
    assert world.balance() == 100
    with database.session():
        Line.update(suspended_at=START).execute()


def test_a_suspended_line_texts_nobody(world: World) -> None:
    plan = world.plan(text("Hi"))
    with database.session():
        Line.update(suspended_at=START).execute()
    world.put(plan, NY)
    world.tick()
    assert world.runs() == [("reminded", "the line is suspended")]


@pytest.mark.parametrize(
    ("known", "body", "reason"),
    [
        ({"unreachable": "The number is a landline"}, "Hi", "no text gets there: The number is"),
        ({}, "Hi {first_name}", "{first_name} is not known, and no other words stand for it"),
    ],
)
def test_what_cannot_be_sent_is_left_out_with_its_reason(
    world: World, known: dict[str, object], body: str, reason: str
) -> None:
    plan = world.plan(text(body))
    plan_people.enroll(plan.id, BOSS, [world.person(NY, **known)], START)
    world.tick()
    ((outcome, said),) = world.runs()
    assert outcome == "skipped"
    assert said is not None and said.startswith(reason)
    assert world.one().state == "done"


def test_a_sender_that_takes_no_texts_is_left_out(world: World) -> None:
    plan = world.plan(text("Hi"))
    world.put(plan, "32665")
    world.tick()
    assert world.runs() == [("skipped", "this sender takes no texts")]


def test_who_opted_out_after_they_were_put_on_gets_nothing(world: World) -> None:
    plan = world.plan(text("one"), text("two", 1))
    world.put(plan, NY)
    world.tick()
    with database.session():
        contact = Contact.get()
        contact.opted_out_at = world.now
        contact.save()
    world.later(days=1)
    assert world.texts() == ["one"]
    assert (world.one().state, world.one().why) == ("stopped", "they opted out")


# E-mails and reminders


def test_an_email_goes_out_once_and_says_why_where_it_cannot(world: World) -> None:
    mail = StepShape("email", When("enrolled"), ("Dear {first_name|friend}",), "For {name|you}")
    plan = world.plan(mail, StepShape("email", When("enrolled", 1), ("Again",), "Again"))
    ids = [
        world.person(NY, name="Ann Lee", email="ann@example.com"),
        world.person(NY2),
        world.person(LA, email="ben@example.com", mail_stopped_at=START),
        world.person(LONDON, email="cy@example.com", mail_bounced_at=START),
    ]
    plan_people.enroll(plan.id, BOSS, ids, START)
    world.tick()
    assert sorted(world.runs(), key=str) == [
        ("mailed", None), ("skipped", "no e-mail address is known"),
        ("skipped", "their e-mail address does not work"), ("skipped", "they want no more e-mails"),
    ]  # fmt: skip
    with database.session():
        letter = Letter.get()
    assert (letter.subject, letter.body) == ("For Ann Lee", "Dear Ann")
    world.later(by_mail=False, days=1)
    assert ("reminded", "no mail server is set up") in world.runs()


def test_an_email_of_a_plan_arrives(house) -> None:
    account = house.account()
    mail = StepShape("email", When("enrolled"), ("Dear {first_name|friend}",), "Your search")
    plan = smartplans.new(account.id, house.agent, Shape("Mail", (mail,)), clock.now())
    smartplans.switch_on(plan.id, house.agent, clock.now())
    contact = address_book.meet(account.id, NY, clock.now())
    with database.session():
        Contact.update(email="ann@example.com").execute()
    plan_people.enroll(plan.id, house.agent, [contact.id], clock.now())
    steps.run_due(FAST, by_mail=True)
    house.work()
    (got,) = house.sandbox.mail.box("ann@example.com")
    assert got["Subject"] == "Your search"
    with database.session():
        assert Letter.get().state == "sent"


def test_a_reminder_is_put_off_comes_back_and_is_done(house) -> None:
    account = house.account()
    plan = smartplans.new(
        account.id, house.agent, Shape("Call", (reminder("Call {name}"),)), clock.now()
    )  # fmt: skip
    smartplans.switch_on(plan.id, house.agent, clock.now())
    contact = address_book.meet(account.id, NY, clock.now())
    plan_people.enroll(plan.id, house.agent, [contact.id], clock.now())
    steps.run_due(FAST, by_mail=False)
    house.work()
    assert "Call (212) 555-0123" in house.told(house.agent)[0].plain()
    [mine], _ = reminders.listed(account.id, house.agent, clock.now(), 5)
    with pytest.raises(Refused):
        reminders.done(mine.id, house.stranger, clock.now())
    reminders.snooze(mine.id, house.agent, clock.now())
    assert reminders.listed(account.id, house.agent, clock.now(), 5) == ([], 0)
    house.work()
    with clock.travelled(timedelta(days=2)):
        assert reminders.wake_due() == 1
        assert reminders.wake_due() == 0
        house.work()
        assert len(house.told(house.agent)) == 2
        reminders.done(mine.id, house.agent, clock.now())
        house.work()
        assert "Done by" in house.told(house.agent)[-1].plain()
        assert reminders.listed(account.id, house.agent, clock.now(), 5) == ([], 0)


# Many


def test_a_line_lets_go_no_more_than_it_can_send_in_a_minute(world: World) -> None:
    plan = world.plan(text("Hi"))
    world.put(plan, *(f"+1212555{n:04d}" for n in range(90)))
    slow = room.Pace(1, 1)
    world.tick(slow)
    assert len(world.texts()) == 60
    world.tick(slow)
    assert len(world.texts()) == 60
    world.later(slow, seconds=30)
    assert len(world.texts()) == 90


def test_plans_of_one_line_share_it(world: World) -> None:
    first, second = world.plan(text("A"), name="A"), world.plan(text("B"), name="B")
    world.put(first, *(f"+1212555{n:04d}" for n in range(90)))
    world.put(second, *(f"+1917555{n:04d}" for n in range(5)))
    world.tick(room.Pace(1, 1))
    assert world.texts().count("B") == 5
    assert len(world.texts()) <= 60


def test_a_lines_day_has_an_end(world: World) -> None:
    plan = world.plan(text("Hi"))
    with database.session():
        Line.update(plan_texts_a_day=3).execute()
    world.put(plan, *(f"+1212555{n:04d}" for n in range(5)))
    world.tick()
    assert len(world.texts()) == 3
    world.later(hours=3)
    assert len(world.texts()) == 3
    with database.session():
        assert SmartPlan.get().due_at == datetime(2027, 3, 3, 5, 0, tzinfo=UTC)  # midnight
    world.later(hours=21)
    assert len(world.texts()) == 5


def test_a_day_that_is_made_longer_goes_on_at_once(world: World) -> None:
    plan = world.plan(text("Hi"))
    with database.session():
        Line.update(plan_texts_a_day=3).execute()
    world.put(plan, *(f"+1212555{n:04d}" for n in range(5)))
    world.tick()
    with database.session():
        room.set_day(Line.get(), 4, world.now)
    world.later(minutes=1)
    assert len(world.texts()) == 4
    world.later(hours=3)
    assert len(world.texts()) == 4


def test_opt_out_words_come_with_the_first_text_and_after_30_quiet_days(world: World) -> None:
    """R21"""
    with database.session():
        Policy.update(opt_out_words="Reply STOP to opt out.").execute()
    plan = world.plan(text("a"), text("b", 10), text("c", 45))
    contact = address_book.meet(world.account, NY, START)
    plan_people.enroll(plan.id, BOSS, [contact.id], START)
    world.tick()
    world.later(days=10)
    world.later(days=35)
    with database.session():
        said = [bool(m.words) for m in Message.select().order_by(Message.id)]
        assert said == [True, False, True]
        assert Contact.get().told_at == START


def test_an_account_whose_credits_are_held_keeps_no_other_waiting(world: World) -> None:
    if database.is_sqlite():
        pytest.skip("it has one writer")
    world.put(world.plan(text("Hi")), NY)
    with database.session():
        Account.update(name="Held").execute()
    free = World("+14155550101")
    free.put(free.plan(text("Hello")), NY2)
    held, let_go = threading.Event(), threading.Event()

    @database.transaction
    def hold() -> None:
        credits.held(world.account, START)
        held.set()
        let_go.wait(10)

    with ThreadPoolExecutor(2) as hands, world.at():
        holder = hands.submit(hold)
        held.wait(10)
        tick = hands.submit(steps.run_due, FAST, by_mail=False)
        wait(world.texts)
        assert world.texts() == ["Hello"]
        let_go.set()
        holder.result()
        tick.result()
    assert world.texts() == ["Hello", "Hi"]


# What goes wrong


@pytest.mark.parametrize("error", [KeyError, database.peewee.OperationalError])
def test_one_that_breaks_stops_no_other_and_is_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """Also one that makes the database say that it cannot go on, while it answers all others."""
    from bot.smartplans import step_choices

    plan = world.plan(text("Hi"))
    world.put(plan, NY, NY2, LA)
    whole = step_choices.rates.quote

    def quote(number: str, *rest: object, **more: object) -> object:
        if number == NY2:
            raise error(number)
        return whole(number, *rest, **more)

    monkeypatch.setattr(step_choices.rates, "quote", quote)
    world.later(hours=2)
    assert len(world.texts()) == 2
    with database.session():
        (left,) = Enrollment.select().where(Enrollment.state == "active")
        assert left.why == f"its step could not be run ({error.__name__})"
    world.later(hours=1)
    monkeypatch.undo()
    world.later(hours=1)
    assert len(world.texts()) == 3


def test_a_mover_goes_on_at_its_step_and_none_runs_twice(world: World) -> None:
    plan = world.plan(text("one"), text("two", 1), text("three", 5))
    world.put(plan, NY)
    world.tick()
    one, two, three = _kept(plan)
    fresh = text("before", 1)
    sooner = StepShape("text", When("enrolled", 2), ("three, sooner",), key=three.key)
    changed = Shape("Leads", (two, one, sooner, fresh), line=world.line)
    smartplans.edit(plan.id, BOSS, changed, world.now)
    world.tick()
    with database.session():
        assert Enrollment.get().version.number == 2
        assert not SmartPlan.get().moving
    world.later(days=1)
    assert world.texts() == ["one", "two"]
    world.later(days=1)
    assert world.texts() == ["one", "two", "three, sooner"]
    world.later(days=9)
    assert world.texts() == ["one", "two", "three, sooner", "before"]


def test_who_has_no_step_left_in_a_new_version_is_done(world: World) -> None:
    plan = world.plan(text("one"), text("two", 1), text("three", 5))
    world.put(plan, NY)
    world.tick()
    world.later(days=1)
    one, two, _ = _kept(plan)
    smartplans.edit(plan.id, BOSS, Shape("Leads", (one, two), line=world.line), world.now)
    world.tick()
    assert world.one().state == "done"


def test_who_stays_on_the_old_version_ends_there(world: World) -> None:
    plan = world.plan(text("one"), text("two", 1))
    world.put(plan, NY)
    world.tick()
    one, _ = _kept(plan)
    new = Shape("Leads", (one, text("other", 1)), line=world.line)
    smartplans.edit(plan.id, BOSS, new, world.now, move=False)
    world.put(plan, NY2)
    world.later(days=1)
    assert sorted(world.texts()) == ["one", "one", "two"]
    world.later(days=1)
    assert sorted(world.texts()) == ["one", "one", "other", "two"]


def test_a_paused_plan_does_nothing_and_goes_on_where_it_was(world: World) -> None:
    plan = world.plan(text("one"), text("two", 1))
    world.put(plan, NY)
    smartplans.switch_off(plan.id, BOSS)
    world.later(days=6)
    assert world.texts() == []
    smartplans.switch_on(plan.id, BOSS, world.now)
    world.tick()
    assert world.texts() == ["one"]


def test_a_finished_plan_flows_into_the_next(world: World) -> None:
    second = world.plan(text("b"), name="Second")
    first = world.plan(text("a"), name="First", flows_into=second.id)
    world.put(first, NY)
    world.tick()
    assert world.texts() == ["a"]  # not both at once
    world.later(hours=1)
    assert world.texts() == ["a", "b"]


def test_a_refund_is_given_back_to_the_plan(house) -> None:
    account, line = house.account(), house.line()
    house.twilio.refuse(NY, 21211)
    plan = smartplans.new(
        account.id, house.agent, Shape("Leads", (text("Hi"),), line=line.id), clock.now()
    )  # fmt: skip
    smartplans.switch_on(plan.id, house.agent, clock.now())
    contact = address_book.meet(account.id, NY, clock.now())
    with clock.travelled(_until(clock.now(), 15)):
        plan_people.enroll(plan.id, house.agent, [contact.id], clock.now())
        steps.run_due(FAST, by_mail=False)
        house.settle()
    with database.session():
        assert SmartPlan.get().spent == 0
        assert Contact.get().unreachable == "The number does not exist"
        assert StepRun.get().credits == 1
    assert house.audit() == []
    with database.session():
        assert outbox.query("SELECT count(*) FROM delivery WHERE state = 'queued'").fetchone() == (
            0,
        )


def test_deliveries_and_runs_are_written_together_or_not_at_all(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = world.plan(text("Hi"))
    world.put(plan, NY)

    def broken(*_: object) -> None:
        raise database.peewee.OperationalError("the database is away")

    monkeypatch.setattr(rows, "update", broken)
    monkeypatch.setattr(steps, "_due_ids", broken)
    with pytest.raises(database.peewee.OperationalError), world.at():
        steps.run_due(FAST, by_mail=False)
    monkeypatch.undo()
    assert (world.texts(), world.runs(), world.balance()) == ([], [], 100)
    world.tick()
    assert world.texts() == ["Hi"]
