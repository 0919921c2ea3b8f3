"""Whoever types what comes to mind gets what they meant, or the words that do it."""

from __future__ import annotations

import pytest

from bot.credits.models import Digest
from bot.sandbox.slack.records import View
from bot.team.models import Member
from ledger import database
from tests.bot.smartplans.test_smartplans_in_slack import made
from tests.bot.texts.test_composer import shows, still
from tests.house import ANN, BEN, House


def opened(house: House, command: str, typed: str) -> View:
    """The modal that a command opens."""
    house.slack.close_modals(house.agent)
    return house.opens(lambda: house.slack.command(house.agent, house.channel, command, typed))


def title(house: House, command: str, typed: str) -> str:
    said: str = opened(house, command, typed).view["title"]["text"]
    return said


@pytest.mark.parametrize("command", ["/text", "/contacts", "/smartplans", "/credits", "/line"])
def test_a_question_mark_asks_for_help(house: House, command: str) -> None:
    helped = house.ask("help", command).plain()
    assert command in helped
    assert house.ask("?", command).plain() == house.ask("--help", command).plain() == helped


@pytest.mark.parametrize(
    ("command", "typed", "form"),
    [
        ("/smartplans", "new", "New SmartPlan"), ("/smartplans", "Add", "New SmartPlan"),
        ("/contacts", "new", "New contact"), ("/contacts", "create", "New contact"),
        ("/line", "add", "A new number"), ("/line", "new 415", "A new number"),
        ("/line", "edit", "Line settings"), ("/line", "delete", "Release a line"),
        ("/credits", "upgrade", "Your plan"), ("/credits", "add 500", "Your plan"),
        ("/text", "templates", "Templates"), ("/text", "new", "Write a text"),
    ],
)  # fmt: skip
def test_a_natural_word_opens_the_form_that_is_meant(
    house: House, command: str, typed: str, form: str
) -> None:
    assert title(house, command, typed) == form


def test_a_new_plan_bears_the_name_that_stood_behind_new(house: House) -> None:
    form = opened(house, "/smartplans", "new Spring mailing")
    assert form.held["name"]["name"]["value"] == "Spring mailing"
    house.slack.submit(house.agent, form, {})
    assert "Spring mailing" in house.slack.open_view(house.agent).plain()
    with database.session():
        Member.update(role="agent").where(Member.slack_user == house.agent).execute()
    assert "Only the owner and managers" in house.ask("new", "/smartplans").plain()


def test_a_verb_before_a_plans_name_opens_the_plan_whose_buttons_do_it(house: House) -> None:
    made(house)
    for typed in ("pause new lead", "edit New", "new lead"):
        assert "New lead" in opened(house, "/smartplans", typed).plain()
    assert title(house, "/smartplans", "new") == "New SmartPlan"
    said = house.ask("pause brithday", "/smartplans").plain()
    assert "No plan is called “brithday”. There are: “New lead”." in said


def test_a_person_alone_opens_the_form_to_them(house: House) -> None:
    house.twilio.text(ANN, house.line().number, "Hi")
    house.work()
    house.name(ANN, "Ann Lee")
    form = opened(house, "/text", "ann lee")
    house.slack.write_in(house.agent, form, "compose_body", "Hello Ann")
    shows(house, form, "1 credit")
    still(house)
    assert "98 left after" in form.plain() and "Ann Lee · (415) 555-0123" in str(form.view)
    house.slack.submit(house.agent, form, {})
    house.settle()
    assert [sms.body for sms in house.twilio.sent_to(ANN)] == ["Hello Ann"]
    stranger = opened(house, "/text", BEN)
    assert "Text (415) 555-0124" in str(stranger.view)
    house.twilio.text(ANN, house.line().number, "STOP")
    house.work()
    assert "Ann Lee opted out" in house.ask("Ann Lee").plain()


def test_a_part_of_a_name_is_answered_with_whom_it_may_mean(house: House) -> None:
    for number, name in ((ANN, "Ann Lee"), (BEN, "Ann-Marie Hall")):
        house.twilio.text(number, house.line().number, "Hi")
        house.work()
        house.name(number, name)
    said = house.ask("Ann see you at 3").plain()
    assert "“Ann” is no number and no contact of this line. There is " in said
    assert "Ann Lee · (415) 555-0123" in said and "Ann-Marie Hall · (415) 555-0124" in said
    assert "There is" not in house.ask("Hello everyone").plain()


def test_a_verb_before_a_contacts_name_shows_the_card_whose_buttons_do_it(house: House) -> None:
    house.ask("add (415) 555-0123 Ann Lee", "/contacts")
    for typed in ("edit Ann Lee", "show ann", "merge (415) 555-0123"):
        assert house.ask(typed, "/contacts").plain().startswith("Ann Lee")
    house.ask("tag Ann Lee New York", "/contacts")
    assert house.ask("new york", "/contacts").plain().startswith("Ann Lee")
    assert "Ben Ortiz is a contact now" in house.ask(f"new {BEN} Ben Ortiz", "/contacts").plain()


def test_the_digest_comes_at_an_hour_as_people_say_it(house: House) -> None:
    for typed, hour in (("8", 8), ("9 AM", 9), ("8:00pm", 20), ("12 am", 0), ("12pm", 12)):
        house.ask(f"digest {typed}", "/credits")
        with database.session():
            assert Digest.get().hour == hour
    for typed in ("13 pm", "24", "8:30", "soon"):
        assert "Say at which hour" in house.ask(f"digest {typed}", "/credits").plain()
