"""From an app that was just installed to a first text: who is led where, and what is noticed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from bot import clock
from bot.lines.models import Line
from bot.sandbox import Sandbox, wait
from bot.sandbox.slack.records import View
from bot.team import opening
from bot.team.models import Member
from ledger import database
from ledger.models import Account
from tests.house import ANN, House

NUMBER = "+14155550188"


class Fresh(House):
    """Partyline just installed: no account, no line, nobody on anything."""

    def __init__(self, url: str, sandbox: Sandbox) -> None:
        super().__init__(url, sandbox, empty=True)
        self.admin = self.slack.add_user("Alma", is_admin=True, tz="America/Chicago")

    def open_account(self) -> View:
        """The admin opens an account on Home. Returns the modal that follows: the plans."""
        view = self.modal(self.admin, self.home(self.admin), "Open an account")
        self.slack.submit(self.admin, view, {"name": "Harbor Homes"})
        return view

    def subscribe_in(self, view: View) -> None:
        """Chooses a plan in the modal of plans, and confirms."""
        before = view.hash
        self.slack.press(self.admin, view, "plan_solo:Choose")
        wait(lambda: view.hash != before)
        self.slack.submit(self.admin, view, {})

    def give_number(self) -> None:
        """What the operator does."""
        self.twilio.add_number(NUMBER)
        opening.setup(account="Harbor Homes", line=NUMBER)


def test_a_number_is_got_from_home_and_all_is_done(fresh: Fresh) -> None:
    house, slack, admin = fresh, fresh.slack, fresh.admin
    house.subscribe_in(house.open_account())
    form = house.modal(admin, house.home(admin), "Get a number")
    slack.submit(admin, form, {"wish": "415"})
    slack.submit(admin, form, {"make": "front-desk"})
    house.work()
    assert "It works." in form.plain()
    (number,) = house.twilio.bought
    assert "from your phone and look into" in house.home(admin).plain()
    house.twilio.text(ANN, number, "Is the house still for sale?")
    house.work()
    assert "Your way to the first text" not in house.home(admin).plain()


@pytest.fixture
def fresh(books: str, sandbox: Sandbox) -> Iterator[Fresh]:
    house = Fresh(books, sandbox)
    with house.serving():
        yield house


def test_an_admin_is_led_from_the_empty_home_to_the_first_text(fresh: Fresh) -> None:
    house, slack, admin = fresh, fresh.slack, fresh.admin
    assert "1. Open an account" in house.home(admin).plain()
    plans = house.open_account()
    assert "no plan yet" in plans.plain()
    assert "[See the plans]" in house.home(admin).plain()

    house.subscribe_in(plans)
    shown = house.home(admin).plain()
    assert ":white_check_mark: Choose a plan" in shown
    assert "[Get a number]" in shown

    house.give_number()
    assert "[Choose a channel]" in house.home(admin).plain()
    assert "[Write a text]" not in house.home(admin).plain(), "none could be sent yet"
    channel = slack.add_channel("front-desk", bot=False)
    view = house.modal(admin, house.home(admin), "Choose a channel")
    slack.submit(admin, view, {"channel": channel})
    assert f"Type `/invite @Partyline` in #{channel}." in house.home(admin).plain()

    slack.invite_app(channel, admin)
    shown = house.home(admin).plain()
    assert f"Text (415) 555-0188 from your phone and look into #{channel}" in shown
    assert "[Write a text]" in shown

    house.twilio.text(ANN, NUMBER, "Is the house still for sale?")
    house.work()
    shown = house.home(admin).plain()
    assert "Your way" not in shown
    assert "Harbor Homes: 499 credits left" in shown
    assert "Waiting for an answer (1)" in shown
    assert house.audit() == []


def test_the_account_has_the_admins_time_zone_and_makes_them_its_owner(fresh: Fresh) -> None:
    fresh.open_account()
    with database.session():
        account, member = Account.get(), Member.get()
    assert (account.name, account.timezone) == ("Harbor Homes", "America/Chicago")
    assert (member.slack_user, member.role, member.name) == (fresh.admin, "owner", "Alma")


def test_two_accounts_cannot_have_one_name_and_none_has_no_name(fresh: Fresh) -> None:
    fresh.open_account()
    other = fresh.slack.add_user("Boris", is_owner=True)
    view = fresh.modal(other, fresh.home(other), "Open an account")
    for name, why in ((" Harbor  Homes ", "of that name already"), ("   ", "Give your team")):
        fresh.slack.submit(other, view, {"name": name})
        assert why in view.errors["name"]
    with database.session():
        assert Account.select().count() == 1


def test_somebody_who_is_no_admin_learns_whom_to_ask(fresh: Fresh) -> None:
    shown = fresh.home(fresh.agent).plain()
    assert "Ask an admin of this workspace to open an account." in shown
    assert "[Open an account]" not in shown
    fresh.open_account()
    fresh.slack.open_home(fresh.agent)
    shown = fresh.home(fresh.agent).plain()
    assert f"Ask @{fresh.admin} to add you to their team" in shown


def test_who_was_no_admin_any_more_when_they_pressed_opens_nothing(fresh: Fresh) -> None:
    view = fresh.modal(fresh.admin, fresh.home(fresh.admin), "Open an account")
    fresh.slack.change(fresh.admin, is_admin=False)
    fresh.slack.submit(fresh.admin, view, {"name": "Harbor Homes"})
    assert "Only an admin" in view.errors["name"]
    with database.session():
        assert Account.select().count() == 0


@pytest.mark.parametrize("command", ["/text", "/quote", "/credits"])
def test_every_command_leads_somebody_on_no_account(fresh: Fresh, command: str) -> None:
    card = fresh.ask("Hello", command)
    assert "Step 1 of 6: Open an account. Ask an admin" in card.text
    card = fresh.ask("", command, fresh.admin)
    assert "[Open an account]" in card.plain()
    view = fresh.modal(fresh.admin, card, "Open an account")
    assert view.view["callback_id"] == "account_opened"


@pytest.mark.parametrize("command", ["/text", "/quote", "/credits"])
def test_help_is_there_from_the_start(fresh: Fresh, command: str) -> None:
    assert f"`{command}" in fresh.ask("help", command).plain()


def test_text_leads_on_step_by_step_and_goes_through_at_the_end(fresh: Fresh) -> None:
    house, slack, admin = fresh, fresh.slack, fresh.admin
    plans = house.open_account()

    def ask() -> str:
        return house.ask(f"{ANN} Hello", user=admin).plain()

    assert "2. Choose a plan" in ask()
    assert "Harbor Homes: 0 credits left" in house.ask("", "/credits", admin).plain()
    house.subscribe_in(plans)
    assert "3. Get a number" in ask()
    house.give_number()
    assert "4. Choose a channel" in ask()
    channel = slack.add_channel("front-desk", bot=False)
    view = house.modal(admin, slack.seen_by(admin)[-1], "Choose a channel")
    slack.submit(admin, view, {"channel": channel})
    assert "5. Invite @Partyline" in ask()

    view = house.modal(admin, slack.seen_by(admin)[-1], "I have invited it")
    assert f"Partyline is not in #{channel}" in view.plain()
    slack.channels[channel].members.add(slack.bot)  # the event was lost
    assert "[Send]" in ask()
    with database.session():
        assert Line.get().joined_at is not None


def test_the_check_button_sees_that_it_was_invited(fresh: Fresh) -> None:
    house, slack, admin = fresh, fresh.slack, fresh.admin
    house.subscribe_in(house.open_account())
    house.give_number()
    channel = slack.add_channel("front-desk", bot=False)
    opening.setup(account="Harbor Homes", line=NUMBER, channel=channel)
    card = house.ask(f"{ANN} Hello", user=admin)
    slack.channels[channel].members.add(slack.bot)
    slack.press(admin, card, "I have invited it")
    wait(lambda: card.edited)
    assert "6. Try a first text" in card.plain()


def test_an_agent_is_told_whose_turn_it_is(fresh: Fresh) -> None:
    fresh.open_account()
    opening.setup(account="Harbor Homes", agents=(fresh.agent,))
    card = fresh.ask(f"{ANN} Hello")
    assert f"Ask @{fresh.admin} to do that." in card.plain()
    assert "[See the plans]" not in card.plain()


def test_an_invitation_whose_event_was_lost_is_noticed_all_the_same(fresh: Fresh) -> None:
    fresh.open_account()
    channel = fresh.slack.add_channel("front-desk")
    opening.setup(account="Harbor Homes", line=NUMBER, channel=channel)
    with database.session():
        assert Line.get().joined_at is None
    fresh.tick()
    with database.session():
        assert Line.get().joined_at is not None


def test_somebody_elses_coming_is_not_ours(fresh: Fresh) -> None:
    fresh.open_account()
    channel = fresh.slack.add_channel("front-desk", bot=False)
    opening.setup(account="Harbor Homes", line=NUMBER, channel=channel)
    fresh.slack.come_in(fresh.agent, channel)
    fresh.tick()
    with database.session():
        assert Line.get().joined_at is None


def test_a_text_before_there_is_a_channel_is_shown_to_the_owner_then_in_its_thread(
    fresh: Fresh,
) -> None:
    house, slack, admin = fresh, fresh.slack, fresh.admin
    house.subscribe_in(house.open_account())
    house.give_number()
    house.twilio.text(ANN, NUMBER, "Is the house still for sale?")
    house.work()
    [told] = [post for post in house.told(admin) if "cannot be shown" in post.text]
    assert "has no channel yet" in told.text
    assert "Is the house still for sale?" in told.text
    with clock.travelled(timedelta(days=3)):  # nobody looked for a long time
        house.tick()
        channel = slack.add_channel("front-desk", bot=False)
        slack.open_home(admin)
        house.work()
        assert "has no channel: its texts are shown nowhere" in house.home(admin).plain()
        view = house.modal(admin, house.home(admin), "Settings")
        slack.submit(admin, view, {"channel": channel})
        house.work()
        slack.invite_app(channel, admin)
        house.work()
        house.work()
        root = slack.channel(channel)[0]
        thread = slack.thread(channel, root.ts)
    assert "Is the house still for sale?" in thread[1].plain()
    assert len([post for post in house.told(admin) if "cannot be shown" in post.text]) == 1


def test_a_channel_without_partyline_is_said_on_home(fresh: Fresh) -> None:
    house, slack, admin = fresh, fresh.slack, fresh.admin
    house.subscribe_in(house.open_account())
    house.give_number()
    channel = slack.add_channel("front-desk")
    opening.setup(account="Harbor Homes", line=NUMBER, channel=channel)
    house.tick()
    house.twilio.text(ANN, NUMBER, "Hello")
    house.work()
    slack.remove_app(channel)
    house.work()
    with clock.travelled(timedelta(seconds=10)):
        assert f"type `/invite @Partyline` in #{channel}" in house.home(admin).plain()


def test_a_private_channel_may_be_chosen_before_partyline_is_in_it(fresh: Fresh) -> None:
    house, slack, admin = fresh, fresh.slack, fresh.admin
    house.open_account()
    house.give_number()
    channel = slack.add_channel("secret", bot=False)
    slack.channels[channel].private = True
    view = house.modal(admin, house.home(admin), "Settings")
    slack.submit(admin, view, {"channel": channel})
    with database.session():
        assert (Line.get().channel, Line.get().joined_at) == (channel, None)
    slack.invite_app(channel, admin)
    house.work()
    with database.session():
        assert Line.get().joined_at is not None
