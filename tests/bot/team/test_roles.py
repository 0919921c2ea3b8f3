"""Who is on an account, what each may do, and what becomes of somebody who left."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import peewee
import pytest
from click.testing import CliRunner

from bot import clock, doctor
from bot.operator import handover
from bot.sandbox.slack.records import View
from bot.slack import commands
from bot.talks.models import Conversation
from bot.team import opening, roles
from bot.team.models import Member
from ledger import credits, database
from tests.house import ANN, LINE, House

TO_TEAM, TO_POLICY = "Add or remove people", "Opt-out words and quiet hours"


@pytest.fixture
def staffed(house: House) -> House:
    """A house with an owner (its agent), a manager and an agent."""
    house.manager = house.slack.add_user("Mona")
    house.clerk = house.slack.add_user("Carl")
    opening.setup(account="Harbor Homes", managers=(house.manager,), agents=(house.clerk,))
    with database.session():
        Member.update(name="Agent").where(Member.slack_user == house.agent).execute()
    return house


def team_modal(house: House, user: str) -> View:
    return house.modal(user, house.home(user), TO_TEAM)


def settle(house: House, by: str, whom: str, role: str) -> dict[str, str]:
    """Saves somebody's role in the team's modal. Returns what was refused, by input."""
    view = team_modal(house, by)
    house.slack.submit(by, view, {"who": whom, "role": role})
    house.work()
    return view.errors


def staff() -> dict[str, str]:
    with database.session():
        here = Member.select().where(Member.left_at.is_null())
        return {member.slack_user: member.role for member in here}


def test_a_manager_adds_an_agent_who_may_text_at_once(staffed: House) -> None:
    nora = staffed.slack.add_user("Nora")
    assert "You are not on" in staffed.ask(f"{ANN} Hello", user=nora).plain()
    assert settle(staffed, staffed.manager, nora, "agent") == {}
    assert staff()[nora] == "agent"
    assert "[Send]" in staffed.ask(f"{ANN} Hello", user=nora).plain()
    assert f"@{nora}" in staffed.home(staffed.manager).plain()


def test_home_of_whoever_was_added_or_removed_changes_at_once(staffed: House) -> None:
    nora = staffed.slack.add_user("Nora")
    assert "Harbor Homes" not in staffed.home(nora).plain()
    settle(staffed, staffed.agent, nora, "agent")
    assert "Harbor Homes: 100 credits left" in staffed.home(nora).plain()
    settle(staffed, staffed.agent, nora, "none")
    assert "Harbor Homes" not in staffed.home(nora).plain()
    assert "100 credits" not in staffed.home(nora).plain()


def test_only_the_owner_makes_changes_and_removes_managers(staffed: House) -> None:
    for whom, role in ((staffed.clerk, "manager"), (staffed.manager, "agent"),
                       (staffed.manager, "none")):  # fmt: skip
        assert "Ask @Agent." in settle(staffed, staffed.manager, whom, role)["who"]
    assert staff() == {
        staffed.agent: "owner",
        staffed.manager: "manager",
        staffed.clerk: "agent",
    }
    assert settle(staffed, staffed.agent, staffed.clerk, "manager") == {}
    assert settle(staffed, staffed.agent, staffed.manager, "none") == {}
    assert staff() == {staffed.agent: "owner", staffed.clerk: "manager"}


def test_an_owner_is_neither_changed_nor_removed(staffed: House) -> None:
    assert "the owner already" in settle(staffed, staffed.agent, staffed.agent, "manager")["who"]
    assert "An owner stays" in settle(staffed, staffed.manager, staffed.agent, "none")["who"]
    assert staff()[staffed.agent] == "owner"


@pytest.mark.parametrize(
    "flags",
    [
        {"is_restricted": True}, {"is_ultra_restricted": True}, {"is_bot": True},
        {"deleted": True}, {"is_stranger": True}, {"team_id": "T0ELSEWHERE"},
        {"team_id": "T0ELSEWHERE", "enterprise_user": {"teams": ["T0ELSEWHERE", "T0THIRD"]}},
    ],
)  # fmt: skip
def test_guests_bots_leavers_and_people_from_elsewhere_cannot_be_added(
    staffed: House, flags: dict[str, Any]
) -> None:
    guest = staffed.slack.add_user("Gus", **flags)
    assert "cannot be on an account" in settle(staffed, staffed.agent, guest, "agent")["who"]
    assert guest not in staff()


def test_somebody_of_two_workspaces_of_an_organisation_can_be_added(staffed: House) -> None:
    both = {"teams": ["T0ELSEWHERE", staffed.slack.team]}
    rob = staffed.slack.add_user("Rob", team_id="T0ELSEWHERE", enterprise_user=both)
    assert settle(staffed, staffed.agent, rob, "agent") == {}
    assert staff()[rob] == "agent"


OUTSIDE = [{"is_restricted": True}, {"is_stranger": True}, {"team_id": "T0ELSEWHERE"}]


@pytest.mark.parametrize("flags", OUTSIDE)
@pytest.mark.parametrize("command", commands.COMMANDS)
def test_people_from_elsewhere_are_refused_by_every_command(
    staffed: House, flags: dict[str, Any], command: str
) -> None:
    guest = staffed.slack.add_user("Gus", is_admin=True, **flags)  # an admin of their own workspace
    nowhere = staffed.slack.add_channel("elsewhere")
    for where in (staffed.channel, nowhere):
        typed = f"{ANN} Hello" if command in ("/text", "/quote") else ""
        answer = staffed.slack.command(guest, where, command, typed)
        assert answer.shown is not None
        said = answer.shown.plain()
        assert "full members of this workspace" in said or "You are not on" in said


@pytest.mark.parametrize("flags", OUTSIDE)
def test_people_from_elsewhere_open_no_account(staffed: House, flags: dict[str, Any]) -> None:
    guest = staffed.slack.add_user("Gus", is_admin=True, **flags)
    home = staffed.home(guest)
    assert "full members of this workspace" in home.plain() and "Open an account]" not in str(home)
    admin = staffed.slack.add_user("Alma", is_admin=True)
    form = staffed.modal(admin, staffed.home(admin), "Open an account")
    form.user = guest  # as if they had it
    staffed.slack.people[admin] |= flags
    staffed.slack.submit(guest, form, {"name": "Theirs"})
    assert "Only an admin of this workspace" in form.errors["name"]


def test_nobody_is_removed_who_is_not_there(staffed: House) -> None:
    errors = settle(staffed, staffed.agent, staffed.stranger, "none")
    assert "They are not on the team" in errors["who"]


def test_an_agent_sees_no_settings_and_is_refused_where_a_button_is_forged(staffed: House) -> None:
    home = staffed.home(staffed.clerk)
    for label in (TO_TEAM, TO_POLICY, "Templates", "Settings", "Choose a plan"):
        assert f"[{label}]" not in home.plain()
    bosses = staffed.home(staffed.agent)
    for label in (TO_TEAM, TO_POLICY, "Settings", "Choose a plan"):
        view = staffed.modal(staffed.clerk, bosses, label)
        assert f"Only the owner and managers can do that. Ask @{staffed.agent}." in view.plain()


def test_an_agent_who_was_a_manager_when_the_modal_opened_changes_nothing(staffed: House) -> None:
    view = team_modal(staffed, staffed.manager)
    settle(staffed, staffed.agent, staffed.manager, "agent")
    staffed.slack.submit(staffed.manager, view, {"who": staffed.stranger, "role": "agent"})
    assert "Only the owner and managers" in view.errors["who"]
    assert staffed.stranger not in staff()


# Somebody leaves


def test_who_leaves_slack_has_no_access_and_nothing_to_look_after(staffed: House) -> None:
    house, clerk = staffed, staffed.clerk
    house.twilio.text(ANN, LINE, "Hello")
    house.work()
    assert "Hello" not in house.home(clerk).plain()  # not a text's words, on Home
    house.hears(lambda: house.slack.press(clerk, house.ask(f"{ANN} Hi", user=clerk), "Send"), clerk)
    house.twilio.text(ANN, LINE, "Thanks")
    house.work()
    with database.session():
        assert Conversation.get().assigned_to == clerk
    house.slack.change(clerk, deleted=True)
    house.work()
    assert clerk not in staff()
    assert "You are not on" in house.ask(f"{ANN} Hello", user=clerk).plain()
    with database.session():
        assert Conversation.get().assigned_to is None
    assert clerk not in house.thread(ANN)[0].plain()


def test_who_becomes_a_guest_has_no_access_and_an_empty_home(staffed: House) -> None:
    assert "Harbor Homes" in staffed.home(staffed.clerk).plain()
    staffed.slack.change(staffed.clerk, is_restricted=True)
    assert "Harbor Homes" not in staffed.home(staffed.clerk).plain()
    assert staffed.clerk not in staff()


def test_who_comes_back_is_added_again_and_not_before(staffed: House) -> None:
    staffed.slack.change(staffed.clerk, deleted=True)
    staffed.work()
    staffed.slack.change(staffed.clerk, deleted=False)
    staffed.work()
    assert "You are not on" in staffed.ask(f"{ANN} Hello", user=staffed.clerk).plain()
    assert settle(staffed, staffed.agent, staffed.clerk, "agent") == {}
    assert "[Send]" in staffed.ask(f"{ANN} Hello", user=staffed.clerk).plain()


def test_who_left_is_sent_no_alerts(staffed: House) -> None:
    settle(staffed, staffed.agent, staffed.manager, "none")
    with database.session():
        account = roles.accounts_of(staffed.agent)[0]
    for place in range(9):
        credits.charge_out(
            account, f"out:{place}", 10, message=0, actor=staffed.agent, now=clock.now()
        )
    staffed.tick()
    assert any("of your credits are used" in post.text for post in staffed.told(staffed.agent))
    assert staffed.told(staffed.manager) == []


def test_a_leaver_whose_event_was_lost_is_noticed_within_a_day(staffed: House) -> None:
    staffed.tick()  # everybody was asked after just now
    staffed.slack.change(staffed.clerk, told=False, deleted=True)
    staffed.tick()
    assert staffed.clerk in staff()
    with clock.travelled(timedelta(days=1, minutes=1)):
        staffed.tick()
    assert staffed.clerk not in staff()


def test_members_are_asked_after_once_a_day_and_a_few_at_a_time(staffed: House) -> None:
    many = tuple(staffed.slack.add_user(f"Agent{place}") for place in range(20))
    opening.setup(account="Harbor Homes", agents=many)
    asked = 0
    for _ in range(5):
        before = len(staffed.slack.calls)
        staffed.tick()
        calls = [name for name, _ in staffed.slack.calls[before:] if name == "users.info"]
        assert len(calls) <= 10
        asked += len(calls)
    assert asked == 23


def test_a_member_whom_slack_does_not_know_is_left_alone(staffed: House) -> None:
    opening.setup(account="Harbor Homes", agents=("U0NOBODY",))
    staffed.tick()
    assert staff()["U0NOBODY"] == "agent"


def test_a_new_name_is_known(staffed: House) -> None:
    staffed.slack.change(staffed.clerk, profile={"display_name": "Carla"}, told=False)
    staffed.tick()
    with database.session():
        assert Member.get(Member.slack_user == staffed.clerk).name == "Carla"


# The owner leaves


def test_when_the_owner_leaves_the_managers_are_told_once_and_go_on(staffed: House) -> None:
    staffed.slack.change(staffed.agent, deleted=True)
    staffed.work()
    [told] = staffed.told(staffed.manager)
    assert f"@{staffed.agent}, the owner of Harbor Homes, is no longer in" in told.plain()
    assert 'flask handover --account "Harbor Homes" --owner U…' in told.plain()
    assert staffed.told(staffed.clerk) == []
    staffed.slack.change(staffed.agent, deleted=True)
    staffed.work()
    assert len(staffed.told(staffed.manager)) == 1
    assert settle(staffed, staffed.manager, staffed.stranger, "agent") == {}
    errors = settle(staffed, staffed.manager, staffed.clerk, "manager")
    assert "this account has none now. Ask whoever runs Partyline for you." in errors["who"]
    refusal = staffed.modal(staffed.clerk, staffed.home(staffed.manager), TO_TEAM).plain()
    assert f"Ask @{staffed.manager}." in refusal
    assert any("Harbor Homes has no owner any more" in found for found in doctor.findings())


def test_where_there_is_no_manager_the_agents_are_told(house: House) -> None:
    clerk = house.slack.add_user("Carl")
    opening.setup(account="Harbor Homes", agents=(clerk,))
    house.slack.change(house.agent, deleted=True)
    house.work()
    assert len(house.told(clerk)) == 1


def test_the_operator_hands_an_account_over(staffed: House) -> None:
    def hand(to: str, account: str = "Harbor Homes") -> Any:
        asked = ["--account", account, "--owner", to]
        with staffed.app.app_context():
            return CliRunner().invoke(handover, asked)

    assert "is a manager" in hand(staffed.manager).output
    assert staff()[staffed.manager] == "owner"
    assert staff()[staffed.agent] == "manager"
    staffed.slack.change(staffed.manager, deleted=True)
    staffed.work()
    assert hand(staffed.clerk).output == f"Harbor Homes is {staffed.clerk}'s now.\n"
    assert staff() == {staffed.agent: "manager", staffed.clerk: "owner"}
    assert hand(staffed.clerk).exit_code == 0  # again: nothing changes
    assert "none is called 'Harbour'" in hand(staffed.clerk, "Harbour").output


def test_setup_keeps_the_owner_and_brings_people_back(staffed: House) -> None:
    with pytest.raises(ValueError, match="flask handover"):
        opening.setup(account="Harbor Homes", owner=staffed.clerk)
    assert opening.setup(account="Harbor Homes", owner=staffed.agent).done == []
    settle(staffed, staffed.agent, staffed.clerk, "none")
    assert opening.setup(account="Harbor Homes", agents=(staffed.clerk,)).done == [
        f"agent {staffed.clerk}"
    ]
    assert staff()[staffed.clerk] == "agent"


def test_an_account_never_has_two_owners(staffed: House) -> None:
    with database.session(), pytest.raises(peewee.IntegrityError):
        Member.update(role="owner").where(Member.slack_user == staffed.clerk).execute()
