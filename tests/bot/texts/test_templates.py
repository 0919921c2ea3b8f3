"""Templates: written by managers, refused where a field is none, and filled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bot import clock
from bot.lines.models import Line
from bot.sandbox import wait
from bot.sandbox.slack.records import View
from bot.slack import roll_call
from bot.slack.client import connect
from bot.slack.limits import check_view
from bot.slack.texts.templates import edit_view, list_view
from bot.team.models import Member
from bot.texts import templates
from bot.texts.models import Template
from ledger import credits, database
from tests.house import House

# Filling


@pytest.mark.parametrize(
    ("body", "known", "filled"),
    [
        ("Hi {first_name}!", {"first_name": "Ann"}, "Hi Ann!"),
        ("Hi {first_name|there}!", {"first_name": "Ann"}, "Hi Ann!"),
        ("Hi {first_name|there}!", {}, "Hi there!"),
        ("Hi {first_name|there}!", {"first_name": ""}, "Hi there!"),
        ("Hi{first_name|}!", {}, "Hi!"),
        ("Hi {first_name}!", {}, "Hi {first_name}!"),
        ("{ first_name | you all }", {}, " you all "),
        ("{name}", {"name": "{team}", "team": "Harbor"}, "{team}"),  # filled once
        ("no field", {}, "no field"),
    ],
)
def test_a_field_is_filled_or_has_its_other_words(
    body: str, known: dict[str, str], filled: str
) -> None:
    assert templates.fill(body, known) == filled


def test_what_stayed_a_field_is_found() -> None:
    assert templates.unfilled("Hi {first_name}, {team} {smile}") == ["{first_name}", "{team}"]
    assert templates.unfilled("{smile} {") == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("Hi {frist_name}", "There is no field {frist_name}. Did you mean {first_name}?"),
        ("Hi {Agent_Name}", "Did you mean {agent_name}?"),
        ("Hi {phone}", "The fields are {first_name}, {name}, {agent_first_name}"),
        ("Hi {first name}", "This is none: {first name}"),
        ("Hi {}", "This is none: {}"),
        ("Hi {first_name", "This is none: {first_name"),
        ("Hi first_name}", "This is none: }"),
        ("Hi {{first_name}}", "This is none: {"),
        ("Hi {first_name|a|b} {x}", "There is no field {x}"),
    ],
)
def test_a_field_that_is_none_is_refused_in_plain_words(body: str, said: str) -> None:
    with pytest.raises(templates.Wrong) as refused:
        templates.require_fields(body)
    assert said in str(refused.value)
    assert refused.value.where == "body"


@pytest.mark.parametrize("field", templates.FIELDS)
def test_every_field_is_one(field: str) -> None:
    templates.require_fields(f"{{{field}}} and {{{field}|other words, even “these”}}")
    assert templates.fill(f"{{{field}}}", {field: "x"}) == "x"


# The modals


def listed(house: House, user: str = "") -> View:
    """The list, opened from Home."""
    user = user or house.agent
    house.slack.event({"type": "app_home_opened", "user": user, "tab": "home"}).send()
    house.work()
    home = house.slack.homes[user]
    return opened(house, user, lambda: house.slack.press(user, home, "Templates"))


def opened(house: House, user: str, press: Callable[[], Any]) -> View:
    """What press opens on top."""
    before = set(house.slack.views)
    assert press().status == 200
    wait(lambda: set(house.slack.views) - before)
    return house.slack.open_view(user)


def write(house: House, view: View, name: str, body: str) -> View:
    """New template, and what it is given."""
    form = opened(house, house.agent, lambda: house.slack.press(house.agent, view, "New template"))
    house.slack.submit(house.agent, form, {"name": name, "body": body})
    return form


def test_a_template_is_written_changed_and_taken_away(house: House) -> None:
    view = listed(house)
    write(house, view, " Hello  again ", "Hi {first_name|there}!\n")
    wait(lambda: "Hello again: Hi {first_name|there}!" in view.plain().replace("\n", ": "))
    form = opened(house, house.agent, lambda: house.slack.press(house.agent, view, "Edit"))
    house.slack.submit(house.agent, form, {"body": "Hello {first_name|there}!"})
    wait(lambda: "Hello {first_name|there}!" in view.plain())
    with database.session():
        assert [(t.name, t.body) for t in Template.select()] == [
            ("Hello again", "Hello {first_name|there}!")
        ]
    form = opened(house, house.agent, lambda: house.slack.press(house.agent, view, "Edit"))
    house.slack.press(house.agent, form, "Delete this template")
    wait(lambda: "Hello again" not in view.plain())
    assert "The template is deleted" in form.plain()
    with database.session():
        assert Template.select().count() == 0


def test_what_is_wrong_is_said_where_it_stands(house: House) -> None:
    view = listed(house)
    form = write(house, view, "Hello", "Hi {frist_name}")
    assert "Did you mean {first_name}?" in form.errors["body"]
    house.slack.submit(house.agent, form, {"body": "   "})
    assert form.errors == {"body": "Write what it says."}
    house.slack.submit(house.agent, form, {"name": "  ", "body": "Hi"})
    assert form.errors == {"name": "Give it a name."}
    house.slack.submit(house.agent, form, {"name": "Hello"})
    assert not form.errors
    form = write(house, view, "Hello", "Hi again")
    assert "There is a template of that name" in form.errors["name"]


def test_a_template_taken_away_meanwhile_is_not_changed(house: House) -> None:
    view = listed(house)
    write(house, view, "Hello", "Hi")
    wait(lambda: "[Edit]" in view.plain())
    form = opened(house, house.agent, lambda: house.slack.press(house.agent, view, "Edit"))
    with database.session():
        Template.delete().execute()
    house.slack.submit(house.agent, form, {"body": "Hi again"})
    assert "taken away meanwhile" in form.errors["name"]
    second = opened(house, house.agent, lambda: house.slack.press(house.agent, view, "Edit"))
    assert "taken away meanwhile" in second.plain()


def test_fifty_are_the_most(house: House) -> None:
    account = house.account().id
    for place in range(50):
        templates.save(account, house.agent, f"Number {place}", "Hi")
    form = write(house, listed(house), "One more", "Hi")
    assert "50 templates are the most" in form.errors["name"]


def test_agents_use_templates_and_managers_write_them(house: House) -> None:
    view = listed(house)
    write(house, view, "Hello", "Hi")
    wait(lambda: "[Edit]" in view.plain())
    presses = [
        house.slack.signed_press(house.agent, view, label) for label in ("New template", "Edit")
    ]
    form = opened(house, house.agent, presses[1].send)
    away = house.slack.signed_press(house.agent, form, "Delete this template")
    with database.session():
        Member.update(role="agent").execute()
    house.slack.submit(house.agent, form, {"body": "Changed"})
    assert "Only the owner and managers can do that" in form.errors["name"]
    away.send()
    wait(lambda: "Only the owner and managers" in form.plain())
    with database.session():
        assert Template.get().body == "Hi"


def test_nobody_touches_another_accounts_templates(house: House) -> None:
    with database.session():
        other = credits.open_account("Elsewhere", "America/New_York", clock.now(), 12)
        theirs = Template.create(account=other, name="Theirs", body="Secret")
        Line.create(
            account=other, number="+14155550199", channel="C9", read_until=clock.now(),
            made_at=clock.now(),
        )  # fmt: skip
    view = listed(house)
    write(house, view, "Ours", "Hi")
    wait(lambda: "[Edit]" in view.plain())
    for block in view.view["blocks"]:
        if "accessory" in block:
            block["accessory"]["value"] = str(theirs.id)  # as a forger would press
    form = opened(house, house.agent, lambda: house.slack.press(house.agent, view, "Edit"))
    assert "Secret" not in form.plain()
    assert "You are not on this line's team" in form.plain()


def test_the_modals_keep_slacks_limits() -> None:
    many = [
        Template(id=place, account=1, name="<" * 40, body="&" * 1_600) for place in range(50)
    ]  # fmt: skip
    check_view(list_view(1, many))
    check_view(list_view(1, []))
    check_view(edit_view(1, many[0]))
    check_view(edit_view(1, None))


def test_slack_is_asked_for_the_name_of_a_member_once_and_never_of_a_stranger(
    house: House,
) -> None:
    client = connect(house.settings)
    asked = lambda: [given for name, given in house.slack.calls if name == "users.info"]  # noqa: E731
    roll_call.learn_name(client, house.stranger)
    assert asked() == []
    for _ in range(2):
        roll_call.learn_name(client, house.agent)
    assert asked() == [{"user": house.agent}]
    with database.session():
        assert Member.get(Member.slack_user == house.agent).name == "Agent"
