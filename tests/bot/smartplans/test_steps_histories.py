"""SmartPlans through random months, with the database: zones with odd offsets, summer time both
ways, leap days, workers that are away from a second to a month, and people who reply, opt out, are
tagged, held and let go in between. Whatever happens, the rules hold and the books are clean."""

from __future__ import annotations

import itertools
import os
import random
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.contacts import directory, hours
from bot.contacts.models import Contact
from bot.errors import Refused
from bot.smartplans import (
    law,
    plan_events,
    plan_people,
    plan_upkeep,
    plan_versions,
    smartplans,
    steps,
)
from bot.smartplans.models import ALIVE, Enrollment, SmartPlan, Step, StepRun
from bot.smartplans.plan_shapes import RuleShape, Shape, StepShape
from bot.smartplans.schedule import Limits, When
from bot.talks import conversations, desk
from bot.talks.conversations import TextIn
from bot.talks.models import Conversation, Message
from ledger import credits, database
from tests.bot.smartplans.test_schedule import forbidden
from tests.bot.smartplans.test_steps import BOSS, FAST, World, world
from tests.house import LINE

__all__ = ["world"]

SEED = int(os.environ.get("SEED", "0")) or random.randrange(1, 10**6)
HISTORIES = int(os.environ.get("HISTORIES", "2"))
CONTACTS, DAYS = 24, int(os.environ.get("DAYS", "75"))
#: A number, and where its owner is said to live: none where the number tells.
PLACES = [
    ("+1212555{:04d}", None), ("+1310555{:04d}", None), ("+1205555{:04d}", None),
    ("+1709555{:04d}", None), ("+1800555{:04d}", None), ("+97798412{:05d}", None),
    ("+6433050{:03d}", "Pacific/Chatham"), ("+6126666{:04d}", "Australia/Lord_Howe"),
    ("+4420794{:05d}", None), ("+1212556{:04d}", "America/Los_Angeles"),
]  # fmt: skip


class History:
    """Months of one account, by a dice."""

    def __init__(self, world: World, dice: random.Random) -> None:
        self.world, self.dice = world, dice
        self.world.now = datetime(2027, 1, 1, tzinfo=UTC) + timedelta(
            days=dice.uniform(0, 700)
        )  # over 29 February 2028, and both changes of clocks
        self.edits = False
        self.opted_out: dict[int, datetime] = {}
        self.credits(400)
        self.contacts = self.people()
        self.plans = [self.plan(name) for name in ("Alpha", "Beta", "Gamma")]

    def people(self) -> list[int]:
        found = []
        for number in range(CONTACTS):
            form, zone = PLACES[number % len(PLACES)]
            known = {"timezone": zone, "name": self.dice.choice([None, "Ann Lee", "Bo"])}
            found.append(self.world.person(form.format(number), **known))
            if self.dice.random() < 0.7:
                day = self.dice.choice([(2, 29, None), (3, 8, None), (11, 1, None), (7, 4, None)])
                with database.session():
                    contact = Contact.get_by_id(found[-1])
                plan_events.set_date(contact, "birthday", day, self.world.now)
        return found

    def plan(self, name: str) -> SmartPlan:
        repeats = self.dice.random() < 0.4
        written = tuple(self.step(repeats) for _ in range(self.dice.randint(1, 5)))
        more = {"repeat_every": self.dice.choice([5, 9]), "repeat_unit": "weeks"} if repeats else {}
        return self.world.plan(
            *written, name=name, stop_on_reply=self.dice.random() < 0.5, allow_again=True,
            line=self.world.line if self.dice.random() < 0.85 else None,
            rules=(
                RuleShape("enroll", "tag_added", name.lower()),
                RuleShape("remove", "tag_removed", name.lower()),
            ),
            **more,
        )  # fmt: skip

    def step(self, repeats: bool) -> StepShape:
        dice = self.dice
        when = When(
            dice.choice(["enrolled", "previous"]), dice.randint(0, 6), "days",
            dice.choice([None, 600, 1320, 135]), dice.choice([0, 0, 31]),
        )  # fmt: skip
        if dice.random() < 0.15:
            when = When("date", dice.randint(-5, 5), "days", 600, 0, "birthday")
        elif dice.random() < 0.3:
            when = When(when.basis, dice.randint(0, 50), "hours", when.at, when.weekdays)
        kind = dice.choice(["text", "text", "text", "email", "reminder"])
        words = dice.choice(["Hi {first_name|there}", "Hi {first_name}", "x" * 170])
        bodies = (words, "other words") if repeats else (words,)
        return StepShape(kind, when, bodies, "A subject" if kind == "email" else None)

    # What happens

    def run(self) -> None:
        with self.world.at():
            ends = self.world.now + timedelta(days=DAYS)
            while self.world.now < ends:
                self.happen()
                away = self.dice.random() < 0.04
                outage = self.dice.choice([1, 600, 3600 * 5, 86_400 * 3, 86_400 * 31])
                ahead = outage if away else self.dice.choice([30, 3600, 3600 * 5, 3600 * 18])
                self.world.now += timedelta(seconds=ahead)
                self.tick()
            for _ in range(3):
                self.tick()

    def tick(self) -> None:
        steps.run_due(FAST, by_mail=True)
        plan_upkeep.wake_fed()

    def happen(self) -> None:
        self.dice.choice([
            self.enroll, self.enroll, self.tag, self.reply, self.stop, self.hold, self.skip,
            self.close, self.agent, self.feed, self.switch,
        ])()  # fmt: skip

    def enroll(self) -> None:
        chosen = self.dice.sample(self.contacts, 5)
        plan = self.dice.choice(self.plans)
        with database.session():
            running = SmartPlan.get_by_id(plan.id).state == "on"
        if running:
            plan_people.enroll(plan.id, BOSS, chosen, self.world.now)

    def tag(self) -> None:
        name = self.dice.choice(self.plans).name.lower()
        on = self.dice.random() < 0.7
        contact = self.dice.choice(self.contacts)
        directory.tag(contact, BOSS, [name] if on else [], [] if on else [name])

    def text_in(self, body: str) -> int:
        with database.session():
            contact = Contact.get_by_id(self.dice.choice(self.contacts))
        sid = f"SM{self.dice.randrange(16**32):032x}"
        conversations.receive(TextIn(sid, contact.number, LINE, body), self.world.now)
        return contact.id

    def reply(self) -> None:
        self.text_in("Yes please")

    def stop(self) -> None:
        if self.dice.random() < 0.3:
            contact = self.text_in("STOP")
            self.opted_out.setdefault(contact, self.world.now)

    def hold(self) -> None:
        alive = self.alive()
        if alive:
            one = self.dice.choice(alive)
            if one.state == "paused":
                plan_people.resume(one.id, BOSS, self.world.now)
            elif self.dice.random() < 0.2:
                plan_people.pause(one.id, BOSS)

    def skip(self) -> None:
        alive = self.alive()
        if alive and self.dice.random() < 0.2:
            plan_people.skip(self.dice.choice(alive).id, BOSS, self.world.now)

    def alive(self) -> list[Enrollment]:
        with database.session():
            return list(Enrollment.select().where(Enrollment.state.in_(list(ALIVE))))

    def close(self) -> None:
        with database.session():
            talks = list(Conversation.select().limit(5))
        if talks:
            desk.close(self.dice.choice(talks).id, BOSS, self.world.now)

    def agent(self) -> None:
        """An agent texts, as it stands in the conversation."""
        with database.session():
            talks = list(Conversation.select().limit(8))
            if talks:
                talk = self.dice.choice(talks)
                conversations.answered(talk, BOSS, self.world.now)

    def feed(self) -> None:
        if self.dice.random() < 0.1:
            self.credits(self.dice.randint(5, 60))

    def credits(self, amount: int) -> None:
        key = f"gift:{self.dice.random()}"
        credits.grant(
            self.world.account, key, amount, reason="a gift", actor="operator", now=self.world.now
        )

    def switch(self) -> None:
        plan = self.dice.choice(self.plans)
        with database.session():
            state = SmartPlan.get_by_id(plan.id).state
        if state == "paused":
            smartplans.switch_on(plan.id, BOSS, self.world.now)
        elif self.dice.random() < 0.05:
            smartplans.switch_off(plan.id, BOSS)


class Edited(History):
    """The same, while the plans are changed under those who are on them."""

    def happen(self) -> None:
        super().happen()
        if self.dice.random() < 0.08:
            self.edit()

    def edit(self) -> None:
        plan = self.dice.choice(self.plans)
        with database.session():
            shape = plan_versions.shape_of(SmartPlan.get_by_id(plan.id))
        written = list(shape.steps)
        self.dice.shuffle(written)
        written = written[: self.dice.randint(1, len(written))]
        written.insert(
            self.dice.randint(0, len(written)), self.step(shape.repeat_every is not None)
        )
        changed = Shape(**{**shape.__dict__, "steps": tuple(written[:6])})
        try:
            smartplans.edit(plan.id, BOSS, changed, self.world.now, move=self.dice.random() < 0.7)
        except Refused:
            return  # its rounds would overlap


# What must hold


def check(history: History, *, edited: bool) -> None:
    with database.session():
        runs = list(StepRun.select().order_by(StepRun.id))
        everyone = list(Enrollment.select())
        people = {contact.id: contact for contact in Contact.select()}
        steps_by_id = {step.id: step for step in Step.select()}
        plans = {plan.id: plan for plan in SmartPlan.select()}
    by_enrollment = defaultdict(list)
    for run in runs:
        by_enrollment[run.enrollment_id].append(run)
    for enrollment in everyone:
        own = by_enrollment[enrollment.id]
        _each_once(own)
        if not edited:
            _none_missing(enrollment, own, steps_by_id)
        _spacing(own, steps_by_id, people[enrollment.contact_id])
    _texts(runs, steps_by_id, people, history)
    _nothing_is_late(everyone, plans, history.world.now)
    _paid(runs, plans)


def _each_once(own: list[StepRun]) -> None:
    seen = Counter((run.round, run.key) for run in own)
    assert not seen or max(seen.values()) == 1
    assert [run.ran_at for run in own] == sorted(run.ran_at for run in own)
    for run in own:
        assert (run.outcome == "skipped") <= (run.reason is not None)
        assert run.ran_at >= run.planned_at or run.outcome == "skipped"


def _none_missing(enrollment: Enrollment, own: list[StepRun], steps_by_id: dict[int, Step]) -> None:
    size = sum(step.version_id == enrollment.version_id for step in steps_by_id.values())
    went = [(run.round, steps_by_id[run.step_id].position) for run in own]
    assert went == [(n // size, n % size) for n in range(len(went))], "in order, none left out"
    if enrollment.state == "done":
        assert len(went) == size
    elif enrollment.state in ALIVE:
        assert (enrollment.round, enrollment.position) == (len(went) // size, len(went) % size)


def _spacing(own: list[StepRun], steps_by_id: dict[int, Step], contact: Contact) -> None:
    zone = ZoneInfo(hours.zones(contact, contact.number, "America/New_York")[0])
    ran = [run for run in own if run.outcome != "skipped"]
    for one, two in itertools.pairwise(ran):
        step = steps_by_id[two.step_id]
        if step.basis == "date":
            continue
        between = two.planned_at - one.planned_at
        assert two.ran_at - one.ran_at >= between / 2, "no burst"
        if two.round == one.round and step.at is None and not step.weekdays:
            assert two.ran_at - one.ran_at >= between
        elif two.round == one.round and two.ran_at - one.ran_at < between:
            days = [
                moment.astimezone(zone).date().toordinal()
                for moment in (one.planned_at, two.planned_at, one.ran_at, two.ran_at)
            ]
            assert days[3] - days[2] >= days[1] - days[0]


def _texts(
    runs: list[StepRun], steps_by_id: dict[int, Step], people: dict[int, Contact], history: History
) -> None:
    texts = defaultdict(list)
    for run in runs:
        if run.outcome == "sent":
            texts[run.contact_id].append(run)
    for contact_id, own in texts.items():
        person = people[contact_id]
        limits = Limits(
            hours.zones(person, person.number, "America/New_York"),
            law.of(person.number, person.place, person.timezone), 20, 9,
        )  # fmt: skip
        for run in own:
            mask = steps_by_id[run.step_id].weekdays
            assert forbidden(run.ran_at, limits._replace(weekdays=mask)) is None
            if contact_id in history.opted_out:
                assert run.ran_at <= history.opted_out[contact_id]
        at = [run.ran_at for run in own]
        for one, two in itertools.pairwise(at):
            assert two - one >= timedelta(hours=1), "never two at once, across plans"
        for one, four in zip(at, at[3:], strict=False):
            assert four - one >= timedelta(hours=24), "three a day"


def _nothing_is_late(
    everyone: list[Enrollment], plans: dict[int, SmartPlan], now: datetime
) -> None:
    for enrollment in everyone:
        plan = plans[enrollment.plan_id]
        assert (enrollment.state == "active") == (enrollment.due_at is not None)
        if enrollment.state == "active":
            assert plan.due_at is not None
            assert plan.due_at <= enrollment.due_at, "a plan is looked at when a step is due"
            if plan.state == "on":
                assert enrollment.due_at > now, f"left behind: {enrollment.__data__}"


def _paid(runs: list[StepRun], plans: dict[int, SmartPlan]) -> None:
    with database.session():
        messages = {m.id: m for m in Message.select().where(Message.automated)}
        plan_of = {e.id: e.plan_id for e in Enrollment.select()}
    sent = [run for run in runs if run.outcome == "sent"]
    assert sorted(run.message_id for run in sent) == sorted(messages), "a text each, none without"
    spent: Counter[int] = Counter()
    for run in sent:
        assert run.credits == messages[run.message_id].credits
        spent[plan_of[run.enrollment_id]] += run.credits
    for plan in plans.values():
        assert plan.spent == spent[plan.id]


@pytest.mark.parametrize("number", range(HISTORIES))
@pytest.mark.parametrize("kind", [History, Edited])
def test_months_by_a_dice(world: World, kind: type[History], number: int) -> None:
    print(f"SEED={SEED}")
    history = kind(world, random.Random(f"{SEED}:{kind.__name__}:{number}"))
    history.run()
    check(history, edited=kind is Edited)
