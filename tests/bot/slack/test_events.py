"""Which of Slack's events are kept: those that somebody on an account is concerned by."""

from __future__ import annotations

from typing import Any

import pytest

from bot.models import Inbox
from bot.team.models import Member
from ledger import database
from tests.bot.talks.threads import begun
from tests.house import House


def saved(house: House, event: dict[str, Any]) -> bool:
    """Whether the app keeps this event."""
    with database.session():
        before = Inbox.select().count()
    answer = house.slack.event({"event_ts": house.slack.next_ts(), **event}).send()
    assert answer.status == 200
    with database.session():
        return bool(Inbox.select().count() - before)


def test_of_people_only_changes_of_members_are_kept(house: House) -> None:
    people = house.slack.people
    assert saved(house, {"type": "user_change", "user": people[house.agent]})
    assert not saved(house, {"type": "user_change", "user": people[house.stranger]})
    with database.session():
        Member.create(account=house.account(), slack_user=house.stranger, role="agent")
    assert saved(house, {"type": "user_change", "user": people[house.stranger]})


@pytest.mark.parametrize("what", ["member_joined_channel", "member_left_channel"])
def test_of_comings_and_goings_only_the_apps_own_are_kept(house: House, what: str) -> None:
    moved = {"type": what, "channel": house.channel, "channel_type": "C", "team": house.slack.team}
    assert saved(house, {**moved, "user": house.slack.bot})
    assert not saved(house, {**moved, "user": house.stranger})


def test_of_reactions_only_the_one_that_closes_is_kept(house: House) -> None:
    thread = begun(house)
    item = {"type": "message", "channel": house.channel, "ts": thread}
    for what in ("reaction_added", "reaction_removed"):
        told = {"type": what, "user": house.agent, "item_user": house.slack.bot, "item": item}
        assert saved(house, {**told, "reaction": "white_check_mark"})
        assert not saved(house, {**told, "reaction": "tada"})
        file = {"type": "file", "file": "F1"}
        assert not saved(house, {**told, "reaction": "white_check_mark", "item": file})


def test_of_home_only_the_tab_that_is_drawn_is_kept(house: House) -> None:
    told = {"type": "app_home_opened", "user": house.agent, "channel": f"D{house.agent}"}
    assert saved(house, {**told, "tab": "home"})
    assert not saved(house, {**told, "tab": "messages"})


def test_what_nobody_asked_for_is_not_kept(house: House) -> None:
    assert not saved(house, {"type": "emoji_changed", "subtype": "add", "name": "tada"})
    assert saved(house, {"type": "channel_unarchive", "channel": house.channel, "user": "U1"})


def test_a_member_who_turns_out_to_be_of_another_workspace_is_one_no_more(house: House) -> None:
    house.slack.change(house.agent, team_id="T0ELSEWHERE")
    house.work()
    assert "You are not on" in house.ask("+14155550123 Hi").plain()
