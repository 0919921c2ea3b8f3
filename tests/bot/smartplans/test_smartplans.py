"""Plans: written, changed while people are on them, switched on and off, shared; who is put on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.contacts import address_book
from bot.contacts.models import Contact
from bot.errors import Refused
from bot.lines.models import Line
from bot.smartplans import (
    enrollments,
    plan_events,
    plan_people,
    plan_shapes,
    plan_versions,
    smartplans,
)
from bot.smartplans.models import Enrollment, SmartPlan, SmartPlanVersion, Step, StepRun
from bot.smartplans.plan_shapes import RuleShape, Shape, StepShape
from bot.smartplans.schedule import When
from bot.team import opening
from bot.team.models import Member
from ledger import database
from ledger.models import Account
from ledger.rates import quote
from tests.house import ANN, BEN, LINE, LONDON

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)  # a Monday, ten in New York
BOSS, CLERK, STRANGER = "UBOSS", "UCLERK", "USTRANGER"


@pytest.fixture
def account(books: str) -> int:
    opening.setup(
        account="Harbor Homes", timezone="America/New_York", owner=BOSS, agents=(CLERK,),
        line=LINE, channel="C1", opening_credits=100,
    )  # fmt: skip
    with database.session():
        return Account.get().id


def text(body: str, amount: int = 0, unit: str = "days", **more: object) -> StepShape:
    return StepShape("text", When("enrolled", amount, unit), (body,), **more)


def shape(*steps: StepShape, name: str = "Leads", **more: object) -> Shape:
    return Shape(name, steps or (text("Hi"), text("Still there?", 2)), **more)


def made(account: int, *steps: StepShape, **more: object) -> SmartPlan:
    plan = smartplans.new(account, BOSS, shape(*steps, **more), NOW)
    return smartplans.switch_on(plan.id, BOSS, NOW)


def people(account: int, *numbers: str) -> list[int]:
    return [address_book.meet(account, number, NOW).id for number in numbers]


def steps_of(plan: SmartPlan) -> list[Step]:
    with database.session():
        version = enrollments.newest(SmartPlan.get_by_id(plan.id))
        return list(Step.select().where(Step.version == version).order_by(Step.position))


def on_it(plan: SmartPlan) -> list[Enrollment]:
    with database.session():
        return list(Enrollment.select().where(Enrollment.plan == plan).order_by(Enrollment.id))


def test_a_plan_is_kept_as_it_was_written(account: int) -> None:
    wanted = Shape(
        "Leads",
        (
            StepShape(
                "text", When("enrolled", 5, "minutes"), ("Hi {first_name|there}",),
                media=({"file": "F1", "name": "a.png", "size": 10},), assigned_to=CLERK,
            ),
            StepShape("email", When("previous", 2, "days", 600, 31), ("Hello",), "A subject"),
            StepShape("reminder", When("date", -7, "days", 540, 0, "birthday"), ("Buy a card",)),
        ),
        repeat_every=1, repeat_unit="years", stop_on_reply=False, allow_again=True, cap=50,
        rules=(RuleShape("enroll", "tag_added", "buyer"), RuleShape("remove", "replied")),
    )  # fmt: skip
    plan = smartplans.new(account, BOSS, wanted, NOW)
    with database.session():
        kept = plan_versions.shape_of(SmartPlan.get_by_id(plan.id))
    bare = tuple(replace(step, key=None) for step in kept.steps)
    assert replace(kept, steps=bare) == wanted
    assert plan.state == "draft"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (shape(name=" "), "Give the plan a name"),
        (replace(shape(), steps=()), "between 1 and 50 steps"),
        (shape(text("")), "Step 1 is empty"),
        (shape(StepShape("email", When("enrolled"), ("Hello",))), "without a subject"),
        (shape(StepShape("text", When("enrolled", -1), ("Hi",))), "before its beginning"),
        (shape(StepShape("text", When("date", 1), ("Hi",))), "Say which: birthday"),
        (shape(StepShape("text", When("enrolled"), ("a", "b"))), "Only a plan that repeats"),
        (shape(text("Hi", 8), repeat_every=1, repeat_unit="weeks"), "the next round has begun"),
        (shape(rules=(RuleShape("enroll", "closed"),)), "No rule enrolls contacts on “closed”"),
        (shape(rules=(RuleShape("enroll", "tag_added"),)), "names the tag"),
        (
            shape(rules=tuple(RuleShape("enroll", "tag_added", f"t{n}") for n in range(11))),
            "10 are the most",
        ),
        (shape(cap=0), "at least 1 credit"),
        (shape(line=999), "not one of this account"),
        (shape(text("Hi", assigned_to=STRANGER)), "not on this account's team"),
        (shape(flows_into=999), "not one of this account"),
        (shape(text("a" * 10_001)), "10,000 are the most"),
    ],
)
def test_a_plan_that_could_not_run_is_refused_in_plain_words(
    account: int, wrong: Shape, said: str
) -> None:
    with pytest.raises(Refused, match=said):
        smartplans.new(account, BOSS, wrong, NOW)
    with database.session():
        assert SmartPlan.select().count() == 0


def test_managers_write_plans_and_members_put_contacts_on_them(account: int) -> None:
    (ann,) = people(account, ANN)
    for user in (CLERK, STRANGER):
        with pytest.raises(Refused):
            smartplans.new(account, user, shape(), NOW)
    plan = made(account)
    assert plan_people.enroll(plan.id, CLERK, [ann], NOW).count == 1
    with pytest.raises(Refused):
        plan_people.enroll(plan.id, STRANGER, [ann], NOW)
    for verb in (smartplans.duplicate, smartplans.archive, smartplans.switch_on):
        with pytest.raises(Refused):
            verb(plan.id, CLERK, NOW)
    with pytest.raises(Refused):
        plan_people.stop(on_it(plan)[0].id, STRANGER, NOW)


def test_two_plans_of_one_name_and_plans_in_a_ring_are_refused(account: int) -> None:
    first = made(account)
    with pytest.raises(Refused, match="There is a plan called"):
        smartplans.new(account, BOSS, shape(name="LEADS"), NOW)
    second = made(account, name="Second", flows_into=first.id)
    with pytest.raises(Refused, match="for ever"):
        smartplans.edit(first.id, BOSS, shape(flows_into=second.id), NOW)
    smartplans.archive(first.id, BOSS, NOW)
    smartplans.new(account, BOSS, shape(), NOW)


def test_nobody_is_on_a_plan_twice_nor_again_unless_allowed(account: int) -> None:
    plan = made(account)
    ids = people(account, ANN, BEN)
    assert plan_people.enroll(plan.id, BOSS, ids, NOW).count == 2
    again = plan_people.enroll(plan.id, BOSS, ids, NOW)
    assert (again.count, dict(again.left_out)) == (0, {"on it already": 2})
    plan_people.stop(on_it(plan)[0].id, BOSS, NOW)
    assert plan_people.enroll(plan.id, BOSS, ids[:1], NOW).left_out["was on it before"] == 1
    smartplans.edit(plan.id, BOSS, shape(*kept(plan), allow_again=True), NOW)
    assert plan_people.enroll(plan.id, BOSS, ids[:1], NOW).count == 1


def kept(plan: SmartPlan) -> tuple[StepShape, ...]:
    with database.session():
        return plan_versions.shape_of(SmartPlan.get_by_id(plan.id)).steps


def test_who_opted_out_or_is_blocked_or_of_another_account_is_left_out(account: int) -> None:
    plan = made(account)
    ann, ben, london = people(account, ANN, BEN, LONDON)
    opening.setup(account="Elm", timezone="UTC", owner="UELM")
    with database.session():
        Contact.update(opted_out_at=NOW).where(Contact.id == ann).execute()
        Contact.update(blocked_at=NOW).where(Contact.id == ben).execute()
        elm = Account.get(Account.name == "Elm").id
    theirs = people(elm, ANN)
    done = plan_people.enroll(plan.id, BOSS, [ann, ben, london, *theirs], NOW)
    assert done.count == 1
    assert dict(done.left_out) == {"opted out": 1, "blocked": 1}
    with pytest.raises(Refused):
        plan_people.enroll(plan.id, "UELM", [ann], NOW)


def test_a_draft_and_an_archived_plan_take_nobody(account: int) -> None:
    plan = smartplans.new(account, BOSS, shape(), NOW)
    ids = people(account, ANN)
    with pytest.raises(Refused, match="Switch “Leads” on"):
        plan_people.enroll(plan.id, BOSS, ids, NOW)
    smartplans.switch_on(plan.id, BOSS, NOW)
    plan_people.enroll(plan.id, BOSS, ids, NOW)
    assert smartplans.archive(plan.id, BOSS, NOW) == 1
    assert [(e.state, e.why) for e in on_it(plan)] == [("stopped", "the plan was archived")]


def test_the_first_step_is_planned_on_the_contacts_own_clock(account: int) -> None:
    plan = made(account, StepShape("text", When("enrolled", 1, "days", 600), ("Hi",)))
    ids = people(account, "+12125550123", "+13105550123", LONDON)
    plan_people.enroll(plan.id, BOSS, ids, NOW)
    # Ten in the morning of Tuesday in New York, Los Angeles and London.
    hours = [e.due_at.strftime("%d %H:%M") for e in on_it(plan)]
    assert hours == ["03 15:00", "03 18:00", "03 10:00"]


# Changed while contacts are on it


def test_words_changed_before_anybody_was_on_it_make_no_new_version(account: int) -> None:
    plan = made(account)
    smartplans.edit(plan.id, BOSS, shape(text("Hello"), text("Still there?", 2)), NOW)
    with database.session():
        assert SmartPlanVersion.select().count() == 1
    assert [step.bodies for step in steps_of(plan)] == [["Hello"], ["Still there?"]]


def test_a_change_makes_a_version_and_says_who_goes_on_and_who_ends(account: int) -> None:
    plan = made(account, text("one"), text("two", 2), text("three", 4))
    plan_people.enroll(plan.id, BOSS, people(account, ANN, BEN, LONDON), NOW)
    with database.session():
        Enrollment.update(position=2).where(Enrollment.id == on_it(plan)[2].id).execute()
    one, two, _ = kept(plan)
    shorter = shape(one, replace(two, bodies=("two, in other words",)))
    assert smartplans.effect(plan.id, BOSS, shorter) == smartplans.Effect(3, 2, 1)
    smartplans.edit(plan.id, BOSS, shorter, NOW)
    with database.session():
        assert SmartPlan.get_by_id(plan.id).version == 2
        assert SmartPlan.get_by_id(plan.id).moving
        assert [e.version.number for e in Enrollment.select()] == [1, 1, 1]  # until the next tick
        assert sum(step.bodies == ["two"] for step in Step.select()) == 1  # stands as it was


@pytest.mark.parametrize(
    ("old", "at", "new", "then"),
    [
        ("abc", 1, "abc", 1),
        ("abc", 1, "xabc", 2),
        ("abc", 1, "ac", 1),  # theirs is gone: the next that is there
        ("abc", 2, "ab", None),  # nothing is left after what they had
        ("abc", 2, "abx", 2),
        ("abc", 1, "cba", 1),
        ("abc", 1, "xyz", 1),  # all is new
        ("abc", 2, "x", None),
    ],
)
def test_where_somebody_goes_on_in_a_new_version(
    old: str, at: int, new: str, then: int | None
) -> None:
    assert plan_shapes.landing(list(old), at, list(new)) == then


# One contact's way


def test_a_contact_is_held_let_go_on_skipped_stopped_and_moved(account: int) -> None:
    plan, other = made(account), made(account, name="Other")
    (ann,) = people(account, ANN)
    plan_people.enroll(plan.id, BOSS, [ann], NOW)
    (one,) = on_it(plan)
    assert plan_people.pause(one.id, CLERK)
    assert not plan_people.pause(one.id, CLERK)
    assert on_it(plan)[0].due_at is None
    assert plan_people.resume(one.id, CLERK, NOW)
    assert on_it(plan)[0].due_at == NOW
    assert plan_people.skip(one.id, CLERK, NOW)
    assert (on_it(plan)[0].position, on_it(plan)[0].due_at) == (1, NOW + timedelta(days=2))
    assert plan_people.move(one.id, CLERK, other.id, NOW).count == 1
    assert [(e.state, e.why) for e in on_it(plan)] == [("stopped", "moved to Other")]
    assert not plan_people.stop(one.id, CLERK, NOW)
    (second,) = on_it(other)
    assert plan_people.skip(second.id, CLERK, NOW)
    assert plan_people.skip(second.id, CLERK, NOW)
    assert on_it(other)[0].state == "done"
    assert not plan_people.skip(second.id, CLERK, NOW)
    with database.session():
        runs = [(r.outcome, r.reason) for r in StepRun.select()]
    assert runs == [("skipped", "skipped by hand")] * 3


def test_the_last_step_flows_into_the_next_plan(account: int) -> None:
    second = made(account, name="Second")
    first = made(account, text("Only"), name="First", flows_into=second.id)
    plan_people.enroll(first.id, BOSS, people(account, ANN), NOW)
    plan_people.skip(on_it(first)[0].id, BOSS, NOW)
    assert [e.state for e in on_it(second)] == ["active"]


# Rules and events


def test_a_tag_puts_on_from_then_on_and_takes_off(account: int) -> None:
    ann, ben = people(account, ANN, BEN)
    with database.session():
        plan_events.on_tag(Contact.get_by_id(ben), "Buyer", True, NOW)
    rules = (
        RuleShape("enroll", "tag_added", "buyer"), RuleShape("remove", "tag_removed", "Buyer"),
        RuleShape("remove", "tag_added", "lost"),
    )  # fmt: skip
    plan = made(account, rules=rules)
    assert on_it(plan) == []
    with database.session():
        contact = Contact.get_by_id(ann)
    plan_events.on_tag(contact, " BUYER ", True, NOW)
    assert [e.contact_id for e in on_it(plan)] == [ann]
    plan_events.on_tag(contact, "seller", False, NOW)
    assert on_it(plan)[0].state == "active"
    plan_events.on_tag(contact, "Lost", True, NOW)
    assert (on_it(plan)[0].state, on_it(plan)[0].why) == ("stopped", "the tag Lost was added")


def test_a_paused_plan_takes_nobody_by_itself(account: int) -> None:
    plan = made(account, rules=(RuleShape("enroll", "new_sender"),))
    smartplans.switch_off(plan.id, BOSS)
    (ann,) = people(account, ANN)
    with database.session():
        plan_events.on_new_sender(account, Contact.get_by_id(ann), NOW)
    assert on_it(plan) == []


@pytest.mark.parametrize(
    ("event", "stopped"),
    [("reply", ["Replies"]), ("close", ["Closes"]), ("opt out", ["All", "Closes", "Replies"])],
)
def test_what_stops_a_plan(account: int, event: str, stopped: list[str]) -> None:
    (ann,) = people(account, ANN)
    for name, reply, close in (
        ("Replies", True, False),
        ("Closes", False, True),
        ("All", False, False),
    ):
        plan = made(account, name=name, stop_on_reply=reply, stop_on_close=close)
        plan_people.enroll(plan.id, BOSS, [ann], NOW)
    if event == "reply":
        plan_events.on_text_in(account, ann, NOW)
    elif event == "close":
        plan_events.on_close(account, ann, NOW)
    else:
        plan_events.on_opt_out(ann, NOW)
    with database.session():
        gone = Enrollment.select().where(Enrollment.state == "stopped")
        assert sorted(e.plan.name for e in gone) == stopped


def test_merged_contacts_are_on_each_plan_once(account: int) -> None:
    both, only = made(account), made(account, name="Only")
    ann, ben = people(account, ANN, BEN)
    plan_people.enroll(both.id, BOSS, [ann, ben], NOW)
    plan_people.enroll(only.id, BOSS, [ben], NOW)
    with database.session():
        plan_events.set_date(Contact.get_by_id(ben), "birthday", (2, 29, None), NOW)
        plan_events.on_merge(Contact.get_by_id(ann), ben, NOW)
        assert enrollments.dates_of([ann]) == {ann: {"birthday": (2, 29)}}
    assert {(e.contact_id, e.state) for e in on_it(both)} == {(ann, "active"), (ann, "stopped")}
    assert [e.contact_id for e in on_it(only)] == [ann]


def test_a_birthday_that_is_learnt_later_moves_the_step(account: int) -> None:
    plan = made(account, StepShape("text", When("date", 0, "days", 600, 0, "birthday"), ("Hi",)))
    (ann,) = people(account, ANN)
    with database.session():
        plan_events.set_date(Contact.get_by_id(ann), "birthday", (3, 10, None), NOW)
    plan_people.enroll(plan.id, BOSS, [ann], NOW)
    assert on_it(plan)[0].due_at.date().isoformat() == "2026-03-10"
    with database.session():
        plan_events.set_date(Contact.get_by_id(ann), "birthday", (3, 1, 1990), NOW)
    assert on_it(plan)[0].due_at.date().isoformat() == "2027-03-01"


# Shared, and ready


def test_a_published_plan_is_taken_without_what_belonged_to_the_other_account(
    account: int,
) -> None:
    with database.session():
        line = Line.get().id
    step = text("Hi", assigned_to=CLERK)
    plan = made(account, step, line=line, cap=9, rules=(RuleShape("enroll", "new_sender"),))
    opening.setup(account="Elm", timezone="UTC", owner="UELM")
    with database.session():
        elm = Account.get(Account.name == "Elm").id
        Member.get(Member.slack_user == "UELM")
    with pytest.raises(Refused, match="no longer in the library"):
        smartplans.take(plan.id, elm, "UELM", NOW)
    smartplans.publish(plan.id, BOSS, NOW)
    assert [found.id for found in smartplans.library("UELM")] == [plan.id]
    with pytest.raises(Refused):
        smartplans.library(STRANGER)
    for _ in range(2):
        taken = smartplans.take(plan.id, elm, "UELM", NOW)
    with database.session():
        theirs = plan_versions.shape_of(taken)
    assert (taken.account_id, taken.state, taken.name) == (elm, "draft", "Leads 2")
    assert (theirs.line, theirs.cap, theirs.rules) == (None, None, ())
    assert theirs.steps[0].assigned_to is None


def test_a_copy_has_a_name_of_its_own_and_no_rules(account: int) -> None:
    plan = made(account, rules=(RuleShape("enroll", "new_sender"),))
    copy = smartplans.duplicate(plan.id, BOSS, NOW)
    assert (copy.name, copy.state) == ("Leads (copy)", "draft")
    with database.session():
        assert plan_versions.shape_of(copy).rules == ()
        assert {s.key for s in Step.select().where(Step.version == 1)}.isdisjoint(
            {s.key for s in Step.select().where(Step.version == 2)}
        )


def test_the_plans_that_ship_make_sense_and_each_text_costs_one_credit(account: int) -> None:
    assert list(plan_shapes.ready()) == [
        "new_lead", "open_house", "past_client", "birthday", "showing",
    ]  # fmt: skip
    for code in plan_shapes.ready():
        found = plan_shapes.ready_one(code)
        smartplans.new(account, BOSS, found, NOW)
        for step in found.steps:
            for body in step.bodies if step.kind == "text" else ():
                longest = body
                for field, value in (("first_name", "Maximilian-A."), ("agent_name", "B" * 18)):
                    while f"{{{field}|" in longest:
                        start = longest.index(f"{{{field}|")
                        longest = longest[:start] + value + longest[longest.index("}", start) + 1 :]
                assert quote(ANN, longest).credits == 1, longest
    with pytest.raises(Refused, match="Did you mean birthday"):
        plan_shapes.ready_one("brithday")
