"""/line: how the lines stand, and what owners and managers settle about each."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from bot import clock, paces
from bot.credits.models import Digest
from bot.lines.models import Line, Trouble
from bot.sandbox import wait
from bot.sandbox.slack.records import View
from bot.team import opening
from bot.team.models import Member
from ledger import database
from tests.bot.office import at_hour
from tests.house import ANN, BEN, LINE, House


def settings(house: House, user: str | None = None) -> View:
    """The settings of the line, opened by the command."""
    who = user or house.agent
    return house.opens(lambda: house.slack.command(who, house.channel, "/line", "settings"), who)


def saved(house: House, **values: object) -> View:
    """Saves these settings. The modal, with what it was told."""
    view = settings(house)
    named = {"from_": "from"}
    given = {named.get(name, name): value for name, value in values.items()}
    assert house.slack.submit(house.agent, view, given).status == 200
    return view


def listed(house: House, user: str | None = None) -> str:
    return house.ask("", "/line", user).plain()


def test_the_list_says_how_each_line_stands(house: House) -> None:
    shown = listed(house)
    assert f"(415) 555-0100 in #{house.channel}" in shown
    assert "replies wait for Send · usual pace" in shown
    assert "no text in yet · none out yet · nobody waits" in shown
    assert "All is well." in shown
    house.twilio.text(ANN, house.line().number, "Hello")
    house.work()
    house.send(BEN, "Hi Ben")
    house.settle()
    shown = listed(house)
    assert re.search(r"last text in \w+ \d+, .* · last text out \w+ \d+, ", shown)
    assert "1 waits for an answer" in shown


def test_the_list_says_what_is_wrong_and_what_to_do(house: House) -> None:
    with database.session():
        Line.update(joined_at=None).execute()
        Trouble.create(
            line=house.line(), key="1:webhooks", what="webhooks", since=clock.now(),
            detail="Its texts go elsewhere. Ask your operator.",
        )  # fmt: skip
    shown = listed(house)
    assert f"It cannot show its texts: type `/invite @Partyline` in #{house.channel}" in shown
    assert "Its texts go elsewhere. Ask your operator." in shown
    assert "All is well" not in shown


def test_what_is_settled_is_kept_and_shown(house: House) -> None:
    view = saved(
        house, name=" Front  desk ", mode="Send at once, up to a price", up_to="5 credits",
        from_="9:00 PM", until="7:00 AM", pace="1 text in 3 seconds", digest="10:00 AM",
    )  # fmt: skip
    assert view.errors == {}
    line = house.line()
    assert (line.name, line.mode, line.send_up_to) == ("Front desk", "send", 5)
    assert (line.quiet_from, line.quiet_until) == (21, 7)
    shown = listed(house)
    assert "Front desk, (415) 555-0100" in shown
    assert "small replies are sent at once · 3 s between texts" in shown
    with database.session():
        assert Digest.get().hour == 10
    again = settings(house)
    assert {"Front desk", "Send at once", "1 text in 3 seconds"} <= {
        word for word in ("Front desk", "Send at once", "1 text in 3 seconds")
        if word in str(again.held)
    }  # fmt: skip
    house.slack.submit(house.agent, again, {"digest": "Not at all", "pace": "As usual", "name": ""})
    assert house.line().name is None
    with database.session():
        assert Digest.get().next_at is None
    assert "usual pace" in listed(house)


def test_a_line_has_quiet_hours_of_its_own(house: House) -> None:
    house.settle_quiet(24, 0)
    with clock.travelled(at_hour(23)):
        assert "where" not in house.ask(f"{ANN} Hi").plain()
        saved(house, from_="8:00 PM", until="9:00 AM")
        assert "where (415) 555-0123 lives" in house.ask(f"{ANN} Hi").plain()


@pytest.mark.parametrize(
    ("given", "at", "why"),
    [
        ({"from_": "7:00 AM", "until": "9:00 AM"}, "until", "begin in the evening"),
        ({"channel": "taken"}, "channel", "That channel has a line already."),
        ({"plan_texts": "0"}, "plan_texts", "To send none, pause the plans: /smartplans."),
        ({"plan_texts": "100001"}, "plan_texts", "1 to 100,000 texts a day."),
    ],
)
def test_what_cannot_be_is_said_at_the_input_it_is_about(
    house: House, given: dict[str, str], at: str, why: str
) -> None:
    taken = house.slack.add_channel("sales")
    with database.session():
        Line.create(
            account=house.account(), number="+14155550111", channel=taken,
            read_until=clock.now(), made_at=clock.now(),
        )  # fmt: skip
    view = saved(house, **{k: taken if v == "taken" else v for k, v in given.items()})
    assert list(view.errors) == [at] and why in view.errors[at]
    line = house.line()
    assert (line.name, line.quiet_from, line.channel) == (None, None, house.channel)
    assert line.plan_texts_a_day == 2000


def test_a_line_that_was_released_meanwhile_is_not_changed(house: House) -> None:
    view = settings(house)
    with database.session():
        Line.update(released_at=clock.now()).execute()
    house.slack.submit(house.agent, view, {"name": "Too late"})
    assert "This line was released" in view.errors["channel"]
    assert house.line().name is None


def test_texts_of_smartplans_have_a_number_a_day(house: House) -> None:
    assert "2000" in str(settings(house).held)
    assert saved(house, plan_texts="150").errors == {}
    assert house.line().plan_texts_a_day == 150


@pytest.mark.parametrize("from_home", [False, True])
def test_calls_are_settled_from_the_settings_of_the_line(house: House, from_home: bool) -> None:
    if from_home:
        view = house.modal(house.agent, house.home(house.agent), "Settings")
    else:
        view = settings(house)
    assert "Calls are not taken." in view.plain().replace("*", "")
    on_top = house.modal(house.agent, view, "Calls")
    house.slack.submit(house.agent, on_top, {"words": "Please text."})
    assert (on_top.errors, view.open) == ({}, True)
    house.work()
    assert "calls hear a message" in listed(house)
    with database.session():
        Line.update(voice_mode="forward", forward_user=house.agent).execute()
    assert f"Calls ring the phone of @{house.agent}." in settings(house).plain().replace("*", "")


def test_a_line_has_a_pace_of_its_own(house: House) -> None:
    """Its first hundred go at once, as everywhere; then one a minute, and not one a second."""
    paces.set_every_s(f"number:{LINE}", 60, clock.now())
    opening.give("Harbor Homes", 100, "for a test", "more")
    for n in range(103):
        house.send(f"+1415555{n + 1000}", "Hi")
    house.work()
    sent = [text for text in house.twilio.texts.values() if text.direction != "inbound"]
    assert len(sent) == 100
    with clock.travelled(timedelta(seconds=61)):
        house.work()
        assert len([t for t in house.twilio.texts.values() if t.direction != "inbound"]) == 101


def test_another_channel_is_one_that_partyline_must_be_in(house: House) -> None:
    other = house.slack.add_channel("sales", bot=False)
    saved(house, channel=other)
    assert house.line().channel == other
    assert f"type `/invite @Partyline` in #{other}" in listed(house)
    house.slack.invite_app(other, house.agent)
    house.work()
    wait(lambda: house.line().joined_at)


def test_agents_see_the_list_and_change_nothing(house: House) -> None:
    clerk = house.slack.add_user("Clerk")
    with database.session():
        Member.create(account=house.account(), slack_user=clerk, role="agent")
    house.slack.channels[house.channel].members.add(clerk)
    shown = house.ask("", "/line", clerk)
    assert "(415) 555-0100" in shown.plain() and "Settings" not in shown.plain()
    assert "Only the owner and managers" in house.ask("settings", "/line", clerk).plain()
    view = settings(house)
    view.user = clerk
    house.slack.submit(clerk, view, {"name": "Mine"})
    assert "Only the owner and managers" in str(view.errors)
    assert house.line().name is None


@pytest.mark.parametrize("what", ["", "settings"])
def test_a_stranger_is_told_nothing(house: House, what: str) -> None:
    shown = house.ask(what, "/line", house.stranger).plain()
    assert "You are not on" in shown and "555-0100" not in shown
