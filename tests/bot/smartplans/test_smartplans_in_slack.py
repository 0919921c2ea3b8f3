"""SmartPlans in Slack: made, changed, previewed, switched on; contacts put on and taken off."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot import clock
from bot.contacts import address_book
from bot.sandbox.slack import watching
from bot.sandbox.slack.records import Post, View
from bot.smartplans import plan_people
from bot.smartplans.models import Enrollment, Reminder, SmartPlan, Step
from bot.team.models import Member
from ledger import database
from tests.house import ANN, BEN, House


def opened(house: House, typed: str, user: str = "") -> View:
    """The modal that the command opens."""
    user = user or house.agent
    house.slack.close_modals(user)
    return house.opens(
        lambda: house.slack.command(user, house.channel, "/smartplans", typed), user
    )  # fmt: skip


def made(house: House, start: str = "New lead", **more: Any) -> View:
    """A new plan, made from the list; its modal."""
    house.slack.close_modals(house.agent)
    card = house.ask("", "/smartplans")
    form = house.opens(lambda: house.slack.press(house.agent, card, "New plan"))
    house.slack.submit(house.agent, form, {"start": start, **more})
    return house.slack.open_view(house.agent)


def pushed(house: House, on: View, label: str) -> View:
    """The modal that a button of another one opens above it."""
    return house.opens(lambda: house.slack.press(house.agent, on, label))


def kept(house: House, plan: View, form: View, given: dict[str, Any]) -> None:
    """Submits a form; the plan below shows the change."""
    watching.turned(plan, lambda: house.slack.submit(house.agent, form, given))


def switched_on(house: House, plan: View) -> None:
    preview = pushed(house, plan, "Preview and switch on")
    house.slack.submit(house.agent, preview, {})
    assert "is on" in house.slack.open_view(house.agent).plain()


def person(house: House, number: str) -> int:
    with database.session():
        contact = address_book.by_number(house.account().id, number)
        assert contact is not None
        return int(contact.id)


def only_plan() -> SmartPlan:
    with database.session():
        return SmartPlan.get()


def steps() -> list[Step]:
    with database.session():
        version = SmartPlan.get().version
        found = Step.select().order_by(Step.version.desc(), Step.position)
        return [one for one in found if one.version.number == version]


def test_a_plan_is_made_from_a_ready_one_previewed_and_switched_on_at_its_price(
    house: House,
) -> None:
    assert "No SmartPlans yet" in house.ask("", "/smartplans").plain()
    plan = made(house)
    assert "New lead" in plan.plain() and "Not switched on yet" in plan.plain()
    assert "1. Text, 5 minutes after they join" in plan.plain()
    preview = pushed(house, plan, "Preview and switch on")
    assert "3 credits a contact" in preview.plain()
    assert "1 credit" in preview.plain() and "Call Alexander" in preview.plain()
    house.slack.submit(house.agent, preview, {})
    assert "New lead is on" in house.slack.open_view(house.agent).plain()
    assert only_plan().state == "on"
    assert [one.ceiling for one in steps() if one.kind == "text"] == [1, 1, 1]
    assert "on · " not in house.ask("", "/smartplans").plain()
    assert "New lead · on" in house.ask("", "/smartplans").plain()


def test_a_contact_is_put_on_it_after_the_price_was_shown(house: House) -> None:
    house.name(ANN, "Ann Lee")
    switched_on(house, made(house))
    form = pushed(house, opened(house, "new lead"), "Put contacts on it")
    assert house.slack.look_up(house.agent, form, "smart_contact", "ann") == [
        "Ann Lee · (415) 555-0123"
    ]
    house.slack.submit(house.agent, form, {"contact": "Ann Lee · (415) 555-0123"})
    price = house.slack.open_view(house.agent)
    assert "1 contact" in price.plain() and "3 credits in all" in price.plain()
    assert "Hi Ann, this is Agent." in price.plain()
    with database.session():
        assert not Enrollment.select().exists()
    house.slack.submit(house.agent, price, {})
    assert "1 contact is on New lead now" in house.slack.open_view(house.agent).plain()
    mine = opened(house, "of Ann Lee")
    assert "New lead · runs" in mine.plain()
    stop = lambda: house.slack.choose(  # noqa: E731
        house.agent, mine, "smart_of_contact", "Stop for good"
    )
    watching.turned(mine, stop)
    assert "New lead · stopped: stopped by hand" in mine.plain()


def test_a_contact_is_moved_to_another_plan(house: House) -> None:
    house.name(ANN, "Ann Lee")
    switched_on(house, made(house))
    plan_people.enroll(only_plan().id, house.agent, [person(house, ANN)], clock.now())
    move = "Move to another plan…"
    menu = lambda mine: house.slack.choose(house.agent, mine, "smart_of_contact", move)  # noqa: E731
    mine = opened(house, "of Ann Lee")
    told = house.opens(lambda: menu(mine))
    assert "no other plan that is on" in told.plain()
    switched_on(house, made(house, "Past client"))
    mine = opened(house, "of Ann Lee")
    form = house.opens(lambda: menu(mine))
    assert "Ann Lee comes off New lead" in form.plain()
    kept(house, mine, form, {"to": "Past client"})
    assert "New lead · stopped: moved to Past client" in mine.plain()
    assert "Past client · runs" in mine.plain()
    plan_people.enroll(only_plan().id, house.agent, [person(house, ANN)], clock.now())
    mine = opened(house, "of Ann Lee")
    form = house.opens(lambda: menu(mine))
    house.slack.submit(house.agent, form, {"to": "New lead"})
    assert "They are not moved: was on it before" in form.errors["to"]


def test_a_list_names_the_line_that_is_wrong(house: House) -> None:
    house.name(ANN, "Ann Lee")
    switched_on(house, made(house))
    form = pushed(house, opened(house, "new lead"), "Put contacts on it")
    house.slack.submit(house.agent, form, {"people": "Ann Lee\nNobody Known"})
    assert "Line 2" in form.errors["people"]
    house.slack.submit(house.agent, form, {"people": ""})
    assert "one of the three" in form.errors["contact"]
    house.slack.submit(house.agent, form, {"people": f"Ann Lee\n{ANN}\n"})
    assert "1 contact" in house.slack.open_view(house.agent).plain()


def test_all_with_a_tag_are_put_on_it_and_the_price_is_for_all(house: House) -> None:
    for number, name in ((ANN, "Ann Lee"), (BEN, "Ben Ray")):
        house.name(number, name)
        house.ask(f"tag {name} buyer", "/contacts")
    switched_on(house, made(house))
    form = pushed(house, opened(house, "new lead"), "Put contacts on it")
    house.slack.submit(house.agent, form, {"tag": "buyer"})
    price = house.slack.open_view(house.agent)
    assert "2 contacts with the tag “buyer”" in price.plain()
    assert "6 credits in all" in price.plain()
    house.slack.submit(house.agent, price, {})
    with database.session():
        assert Enrollment.select().count() == 2


def test_steps_are_added_changed_moved_and_taken_out(house: House) -> None:
    plan = made(house, "An empty plan", name="Thanks")
    form = pushed(house, plan, "Add an e-mail")
    kept(house, plan, form, {
        "subject": "Thank you", "body": "Hi {first_name|there}", "amount": "3", "unit": "days",
        "basis": "the step before", "at": "09:30",
        "days": [{"text": {"type": "plain_text", "text": "Mon"}, "value": "0"}],
    })  # fmt: skip
    assert "2. E-mail, 3 days after the step before, at 9:30 AM, Mon" in plan.plain()
    text, mail = steps()
    form = pushed(house, plan, f"step:{text.key}:Edit")
    house.slack.submit(house.agent, form, {"body": "Hi {firstname}"})
    assert "no field {firstname}" in form.errors["body"]
    kept(house, plan, form, {"body": "Thanks, {first_name}!", "place": "2."})
    assert [one.kind for one in steps()] == ["email", "text"]
    form = pushed(house, plan, f"step:{mail.key}:Edit")
    watching.turned(plan, lambda: house.slack.press(house.agent, form, "Remove this step"))
    assert [one.bodies for one in steps()] == [["Thanks, {first_name}!"]]
    assert "is removed" in house.slack.open_view(house.agent).plain()
    assert "E-mail" not in plan.plain().replace("Add an e-mail", "")


def test_the_member_that_a_step_is_assigned_to_is_named_in_its_text(house: House) -> None:
    clerk = house.slack.add_user("Clara Clerk")
    with database.session():
        Member.create(account=house.account(), slack_user=clerk, role="agent")
    plan = made(house, "An empty plan")
    with database.session():
        assert Member.get(Member.slack_user == house.agent).name == "Agent"
    form = pushed(house, plan, f"step:{steps()[0].key}:Edit")
    kept(house, plan, form, {"body": "Hi, {agent_name|us} here.", "who": clerk})
    watching.wait(lambda: named(clerk))
    assert "Hi, Clara Clerk here." in pushed(house, plan, "Preview and switch on").plain()


def named(user: str) -> str | None:
    with database.session():
        name: str | None = Member.get(Member.slack_user == user).name
        return name


def test_a_change_while_contacts_are_on_it_says_in_numbers_who_moves(house: House) -> None:
    house.name(ANN, "Ann Lee")
    switched_on(house, made(house))
    plan_people.enroll(only_plan().id, house.agent, [person(house, ANN)], clock.now())
    view = opened(house, "new lead")
    form = pushed(house, view, f"step:{steps()[1].key}:Edit")
    assert "1 contact on it: go on with the plan as changed" in str(form.view)
    kept(house, view, form, {"body": "Call them.", "move": "stay"})
    house.tick()
    with database.session():
        assert Enrollment.get().version.number == 1
        assert SmartPlan.get().version == 2
    form = pushed(house, view, f"step:{steps()[1].key}:Edit")
    kept(house, view, form, {"body": "Call them now.", "move": "move"})
    house.tick()
    with database.session():
        assert Enrollment.get().version.number == SmartPlan.get().version


def test_settings_are_kept_and_say_what_they_do(house: House) -> None:
    plan = made(house)
    form = pushed(house, plan, "Settings")
    kept(house, plan, form, {
        "name": "Fresh leads", "enroll": "buyer, hot lead", "off_removed": "buyer", "cap": "50",
        "ends": [],
    })  # fmt: skip
    said = plan.plain()
    assert "Fresh leads" in said and "It spends 50 credits at most." in said
    assert "Whoever gets the tag “buyer”, “hot lead” joins it." in said
    assert "Whoever loses the tag “buyer” is taken off." in said
    assert "It stops for a contact when they opt out." in said
    form = pushed(house, plan, "Settings")
    house.slack.submit(house.agent, form, {"every": "3", "unit": "days"})
    assert "The last step comes" in form.errors["name"]


def test_pause_copy_share_and_archive(house: House) -> None:
    plan = made(house)
    switched_on(house, plan)
    view = opened(house, "new lead")
    house.turns(view, "Pause")
    assert "Paused: nothing of it goes out" in view.plain()
    menu = lambda what: house.slack.choose(house.agent, view, "smart_more", what)  # noqa: E731
    watching.turned(view, lambda: menu("Share with other teams"))
    assert "shared" in view.plain()
    watching.turned(view, lambda: menu("Duplicate"))
    assert "New lead (copy)" in view.plain()
    question = house.opens(lambda: menu("Archive…"))
    assert "New lead (copy) is put away" in question.plain()
    house.slack.submit(house.agent, question, {})
    assert "(copy)" not in house.ask("", "/smartplans").plain()


def test_a_plan_is_shown_as_yaml_and_made_from_it(house: House) -> None:
    plan = made(house)
    shown = house.opens(
        lambda: house.slack.choose(house.agent, plan, "smart_more", "Show as YAML")
    )  # fmt: skip
    blocks = [b for b in shown.view["blocks"] if b["type"] == "rich_text"]
    text = "".join(b["elements"][0]["elements"][0]["text"] for b in blocks)
    assert text.startswith("name: New lead\nsteps:\n- kind: text\n")
    again = made(house, yaml=text, name="From a file")
    assert "From a file" in again.plain() and "1. Text, 5 minutes after" in again.plain()
    house.slack.close_modals(house.agent)
    card = house.ask("", "/smartplans")
    form = house.opens(lambda: house.slack.press(house.agent, card, "New plan"))
    house.slack.submit(house.agent, form, {"yaml": "name: A"})
    assert form.errors["yaml"] == "steps is missing."


def test_an_agent_sees_plans_and_enrolls_but_changes_none(house: House) -> None:
    house.name(ANN, "Ann Lee")
    switched_on(house, made(house))
    clerk = house.slack.add_user("Clerk")
    with database.session():
        Member.create(account=house.account(), slack_user=clerk, role="agent")
    view = opened(house, "new lead", clerk)
    assert "Settings" not in view.plain() and "Edit" not in view.plain()
    assert "New plan" not in house.ask("", "/smartplans", clerk).plain()
    form = house.opens(lambda: house.slack.press(clerk, view, "Put contacts on it"), clerk)
    house.slack.look_up(clerk, form, "smart_contact", "ann")
    house.slack.submit(clerk, form, {"contact": "Ann Lee · (415) 555-0123"})
    assert "3 credits in all" in house.slack.open_view(clerk).plain()


@pytest.mark.parametrize(
    ("press", "said"), [("Done", "Done by"), ("Skip", "Skipped by"), ("Put off", "Put off until")]
)
def test_a_reminder_is_done_skipped_or_put_off_from_its_card(
    house: House, press: str, said: str
) -> None:
    house.name(ANN, "Ann Lee")
    card = reminded(house)
    assert "Call Ann Lee" in card.plain() and "(415) 555-0123" in card.plain()
    label = next(one for one in labels(card) if one.startswith(press))
    house.slack.press(house.agent, card, label)
    house.work()
    assert said in card.plain()


def reminded(house: House) -> Post:
    """A plan of one reminder has run; its card."""
    plan = made(house, "An empty plan", name="Calls")
    text = steps()[0]
    pushed_form = pushed(house, plan, "Add a reminder")
    kept(house, plan, pushed_form, {
        "body": "Call {name}", "amount": "0", "unit": "minutes",
        "basis": "the moment they join",
    })  # fmt: skip
    form = pushed(house, plan, f"step:{text.key}:Edit")
    watching.turned(plan, lambda: house.slack.press(house.agent, form, "Remove this step"))
    switched_on(house, opened(house, "calls"))
    plan_people.enroll(only_plan().id, house.agent, [person(house, ANN)], clock.now())
    with clock.travelled(timedelta(minutes=1)):
        house.tick()
    with database.session():
        assert Reminder.get().to == house.agent
    return house.told(house.agent)[-1]


def labels(card: Post) -> list[str]:
    return [one["text"]["text"] for block in card.blocks for one in block.get("elements", ())]
