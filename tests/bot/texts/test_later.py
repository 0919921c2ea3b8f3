"""Send later: a time for any text, the list of what waits, and a look when its time comes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot import clock
from bot.sandbox import wait
from bot.sandbox.slack.records import Post, View
from bot.sandbox.slack.watching import heard, opened, turned
from bot.team.models import Member, Policy
from bot.texts import scheduled
from bot.texts.models import Draft
from ledger import credits, database
from tests.bot.talks.test_conversations import at_once, choose, press, root, says, settled, team
from tests.bot.talks.threads import begun, replied, texts
from tests.house import ANN, BEN, LINE, House

__all__ = ["team"]  # the fixture
PACIFIC = ZoneInfo("America/Los_Angeles")


def in_(hours: float) -> int:
    """Seconds since 1970, so many hours from now."""
    return int((clock.now() + timedelta(hours=hours)).timestamp())


def when(house: House, card: Post, user: str | None = None, label: str = "Later…") -> View:
    """The modal that asks when."""
    user = user or house.agent
    return opened(house.slack, user, lambda: house.slack.press(user, card, label))


def later(house: House, body: str = "See you", hours: float = 2, user: str | None = None) -> Post:
    """A text by slash command, scheduled in so many hours. Returns its card."""
    user = user or house.agent
    card = house.ask(f"{ANN} {body}", user=user)
    view = when(house, card, user)
    answer = house.slack.submit(user, view, {"at": in_(hours)})
    assert answer.status == 200 and not view.errors, view.errors
    wait(lambda: card.edited)
    house.work()
    return card


def its_time(house: House, hours: float = 2, after: timedelta = timedelta(seconds=30)) -> None:
    """The time of a text comes, and a little more."""
    with clock.travelled(timedelta(hours=hours) + after):
        house.tick()
        house.settle()
        house.settle()


def asked(house: House) -> str:
    """What stands in Ann's thread since."""
    return "\n".join(post.plain() for post in house.thread(ANN)[1:])


def listing(house: House, user: str | None = None) -> Post:
    return house.ask("later", user=user)


def on_list(house: House, post: Post, label: str, user: str | None = None) -> str:
    """Presses a button of the list; what the list says then."""
    user = user or house.agent
    return heard(house.slack, user, lambda: house.slack.press(user, post, label)).plain()


def draft() -> Draft:
    with database.session():
        return Draft.select().order_by(Draft.made_at.desc()).first()


# A time is chosen


def test_a_text_is_scheduled_in_the_modal_and_goes_out_at_its_time(team: House) -> None:
    card = later(team)
    assert card.plain().startswith(":clock3: It goes out ")
    assert texts(team) == []
    assert team.balance() == 100, "nothing is charged before it goes"
    assert "A text goes out" in root(team).plain()
    its_time(team, 1.9, timedelta(0))
    assert texts(team) == []
    its_time(team)
    assert texts(team) == ["See you"]
    assert team.balance() == 99
    assert "A text goes out" not in root(team).plain()
    assert "Delivered" in team.thread(ANN)[-1].plain()
    its_time(team, 3)
    assert len(texts(team)) == 1
    assert team.audit() == []


def test_a_reply_in_a_thread_is_scheduled_on_its_card(team: House) -> None:
    thread = begun(team)
    replied(team, thread, "See you")
    card = team.thread(ANN)[-1]
    team.slack.submit(team.agent, when(team, card), {"at": in_(2)})
    team.work()
    assert "[Send now]  [Other time…]  [Cancel]" in card.plain()
    its_time(team)
    assert texts(team) == ["See you"]


def at_hour(hour: int, minute: int = 0) -> timedelta:
    """From now to this hour of the Pacific clock, a day ahead at least."""
    now = clock.now().astimezone(PACIFIC)
    day = now.date() + timedelta(days=1)
    then = datetime(day.year, day.month, day.day, hour, minute, tzinfo=PACIFIC)
    return then - now


def asleep(house: House) -> None:
    with database.session():
        Policy.update(quiet_from=20, quiet_until=9).execute()


def test_at_night_one_press_sends_it_in_the_morning(team: House) -> None:
    asleep(team)
    with clock.travelled(at_hour(23)):
        card = team.ask(f"{ANN} See you")
        assert "It is 11:00 PM where (415) 555-0123 lives." in card.plain()
        team.slack.press(team.agent, card, "Send at 9:00 AM")
        wait(lambda: card.edited)
        team.work()
    kept = draft()
    assert kept.send_at is not None
    local = kept.send_at.astimezone(PACIFIC)
    assert (local.hour, local.minute) == (9, 0)
    its_time(team, 0, kept.send_at - clock.now() + timedelta(seconds=10))
    assert texts(team) == ["See you"]


def test_pressed_twice_it_is_scheduled_once_and_says_so_both_times(team: House) -> None:
    asleep(team)
    with clock.travelled(at_hour(23)):
        card = team.ask(f"{ANN} See you")
        presses = [team.slack.signed_press(team.agent, card, "Send at 9:00 AM") for _ in range(2)]
        for one in presses:
            assert one.send().status == 200
        wait(lambda: card.edited == 2)
        assert "It goes out" in card.plain()
    assert draft().state == "scheduled"


def test_a_time_in_their_night_is_asked_about_once(team: House) -> None:
    asleep(team)
    card = team.ask(f"{ANN} See you")
    view = when(team, card)
    night = int((clock.now() + at_hour(23, 30)).timestamp()) + 1
    turned(view, lambda: team.slack.submit(team.agent, view, {"at": night}))
    assert "It will be 11:30 PM where (415) 555-0123 lives." in view.plain()
    assert draft().state == "quoted"
    team.slack.submit(team.agent, view, {"at": night})
    assert not view.open
    assert draft().state == "scheduled"
    its_time(team, 0, at_hour(23, 30) + timedelta(seconds=10))
    assert texts(team) == ["See you"], "that it is night was known"


@pytest.mark.parametrize(
    ("hours", "said"), [(-1, "That time is over"), (24 * 400, "for a year at most")]
)
def test_a_time_that_is_no_use_is_refused_in_the_modal(
    team: House, hours: float, said: str
) -> None:
    view = when(team, team.ask(f"{ANN} See you"))
    team.slack.submit(team.agent, view, {"at": in_(hours)})
    assert said in view.errors["at"]


def test_nine_tomorrow_where_they_live_is_offered_first(team: House) -> None:
    view = when(team, team.ask(f"{ANN} See you"))
    at = view.held["at"]["at"]["selected_date_time"]
    offered = datetime.fromtimestamp(at, PACIFIC)
    tomorrow = clock.now().astimezone(PACIFIC).date() + timedelta(days=1)
    assert (offered.hour, offered.minute, offered.date()) == (9, 0, tomorrow)


def test_the_old_card_can_neither_send_nor_change_what_is_scheduled(team: House) -> None:
    card = team.ask(f"{ANN} See you")
    old = team.slack.signed_press(team.agent, card, "Send")
    team.slack.submit(team.agent, when(team, card), {"at": in_(2)})
    wait(lambda: card.edited)
    old.send()
    team.settle()
    assert texts(team) == []
    assert "waits for its time" in team.slack.seen_by(team.agent)[-1].plain()


# The list


def test_the_list_shows_ones_own_and_managers_all(team: House) -> None:
    assert "No text waits for its time." in listing(team).plain()
    later(team, "from the agent", 3, team.clerk)
    later(team, "from the owner", 2)
    mine = listing(team, team.clerk).plain()
    assert "Your texts that wait for their time" in mine
    assert "from the agent" in mine and "from the owner" not in mine
    everybodys = listing(team, team.manager)
    assert "Texts of your team that wait for their time" in everybodys.plain()
    said = everybodys.plain()
    assert said.index("from the owner") < said.index("from the agent")
    assert "· by Carl" in said and "1 credit" in said
    for word in ("from the owner", "from the agent", "1 credit", "(415) 555-0123"):
        assert word in everybodys.text
    assert "You are not on a team" in listing(team, team.stranger).plain()


def test_send_now_from_the_list(team: House) -> None:
    later(team)
    said = on_list(team, listing(team), "Send now")
    assert said.startswith("On its way to (415) 555-0123.")
    assert "No text waits" in said
    team.settle()
    assert texts(team) == ["See you"]
    its_time(team)
    assert len(texts(team)) == 1


def test_cancel_from_the_list(team: House) -> None:
    later(team)
    said = on_list(team, listing(team), "Cancel")
    assert said.startswith("Cancelled. It is not sent.")
    its_time(team)
    assert texts(team) == []
    assert "A text goes out" not in root(team).plain()
    assert team.balance() == 100


def test_another_time_from_the_list(team: House) -> None:
    later(team, hours=2)
    post = listing(team)
    view = when(team, post, label="Other time…")
    assert view.held["at"]["at"]["selected_date_time"] == int(draft().send_at.timestamp())
    heard(team.slack, team.agent, lambda: team.slack.submit(team.agent, view, {"at": in_(5)}))
    assert "Its time is" in post.plain() and "See you" in post.plain()
    its_time(team, 3)
    assert texts(team) == []
    its_time(team, 5)
    assert texts(team) == ["See you"]


def reworded(house: House, post: Post, body: str) -> View:
    view = opened(house.slack, house.agent, lambda: house.slack.press(house.agent, post, "Edit"))
    assert view.held["body"]["body"]["value"] == draft().body
    answer = house.slack.submit(house.agent, view, {"body": body})
    assert answer.status == 200
    return view


def test_an_edited_text_keeps_its_time(team: House) -> None:
    later(team)
    post = listing(team)
    heard(team.slack, team.agent, lambda: reworded(team, post, "See you soon") and None)
    assert "Changed." in post.plain() and "See you soon" in post.plain()
    its_time(team)
    assert texts(team) == ["See you soon"]


def test_an_edit_that_costs_more_is_asked_about_once(team: House) -> None:
    later(team)
    post = listing(team)
    view = reworded(team, post, "a" * 300)
    wait(lambda: "It costs 2 credits now" in view.plain())
    assert draft().body == "See you"
    team.slack.submit(team.agent, view, {"body": "a" * 300})
    wait(lambda: not view.open)
    assert draft().credits == 2
    its_time(team)
    assert texts(team) == ["a" * 300]
    assert team.balance() == 98
    assert team.audit() == []


def test_an_empty_edit_is_refused(team: House) -> None:
    later(team)
    view = reworded(team, listing(team), "  ")
    assert view.errors == {"body": "An empty text cannot be sent. To take it back, press Cancel."}


def test_a_reply_is_not_edited_on_the_list_but_where_it_was_written(team: House) -> None:
    thread = begun(team)
    replied(team, thread, "See you")
    team.slack.submit(team.agent, when(team, team.thread(ANN)[-1]), {"at": in_(2)})
    team.work()
    assert "[Edit]" not in listing(team).plain()


def test_a_manager_changes_everybodys_and_an_agent_only_their_own(team: House) -> None:
    later(team, user=team.agent)
    press = team.slack.signed_press(team.manager, listing(team, team.manager), "Cancel")
    forged = team.slack.sign(
        press.body.replace(team.manager.encode(), team.clerk.encode())
    )  # as if the agent had pressed it
    assert forged.send().status == 200
    assert draft().state == "scheduled"
    on_list(team, listing(team, team.manager), "Cancel", team.manager)
    assert draft().state == "cancelled"


def test_many_are_listed_within_slacks_limits_with_how_many_there_are_beyond(team: House) -> None:
    begun(team)
    for n in range(14):
        one = team.ask(f"{ANN} {n} " + "<&>" * 500)
        kept = draft()
        scheduled.later(
            kept.id, kept.version, team.agent, clock.now() + timedelta(hours=n + 1), clock.now()
        )
        assert one
    post = listing(team)
    assert post.plain().count("[Send now]") == scheduled.LISTED
    assert "And 4 more, later than these." in post.plain()


# When its time comes


def test_an_answer_that_came_meanwhile_is_asked_about(team: House) -> None:
    begun(team)
    later(team)
    says(team, body="Forget it, I bought another one")
    its_time(team)
    assert texts(team) == []
    assert (
        f"@{team.agent} Your text was not sent at its time. (415) 555-0123 has written since. "
        "Please look again:" in asked(team)
    )
    card = team.thread(ANN)[-1]
    assert "See you" in card.plain() and "[Edit]" in card.plain()
    assert "Not sent at its time" in listing(team).plain()
    team.slack.press(team.agent, card, "Send")
    team.settle()
    assert texts(team) == ["See you"]
    assert "No text waits" in listing(team).plain()
    assert team.audit() == []


def test_what_they_wrote_before_it_was_scheduled_was_seen(team: House) -> None:
    begun(team)
    card = team.ask(f"{ANN} See you")
    says(team, body="When?")
    team.slack.submit(team.agent, when(team, card), {"at": in_(2)})
    its_time(team)
    assert texts(team) == ["See you"]


def test_ones_own_text_meanwhile_is_not_asked_about(team: House) -> None:
    begun(team)
    later(team)
    team.send(ANN, "my own")
    team.settle()
    its_time(team)
    assert texts(team) == ["my own", "See you"]


def test_another_members_text_meanwhile_is_asked_about(team: House) -> None:
    begun(team)
    later(team)
    card = team.ask(f"{ANN} Carl's", user=team.clerk)
    team.slack.press(team.clerk, card, "Send")
    wait(lambda: card.edited)
    if "[Send]" in card.plain():
        team.slack.press(team.clerk, card, "Send")
    team.settle()
    its_time(team)
    assert texts(team) == ["Carl's"]
    assert f"@{team.clerk} has texted since." in asked(team)


@pytest.mark.parametrize(("shown", "sent"), [(1, False), (3, True)])
def test_a_higher_price_is_asked_about_and_a_lower_one_is_charged(
    team: House, shown: int, sent: bool
) -> None:
    later(team, "a" * 200)
    with database.session():
        Draft.update(credits=shown).execute()  # as if the rate card had been another one
    its_time(team)
    assert bool(texts(team)) is sent
    if not sent:
        assert "It would cost 2 credits now; 1 credit when it was scheduled." in asked(team)
    assert team.balance() == (98 if sent else 100)
    assert team.audit() == []


def test_without_credits_it_is_asked_about_and_sent_when_there_are(team: House) -> None:
    later(team)
    account = team.account().id
    credits.adjust(account, "t", -100, reason="test", actor="test", now=clock.now())
    its_time(team)
    assert texts(team) == []
    assert "That text needs 1 credit and 0 are left" in asked(team)
    assert "[Check again]" in team.thread(ANN)[-1].plain()
    assert team.audit() == []


def test_whoever_was_blocked_since_is_asked_about(team: House) -> None:
    begun(team)
    later(team)
    choose(team, "Block this sender")
    its_time(team)
    assert texts(team) == []
    assert "(415) 555-0123 was blocked since." in asked(team)


def test_who_left_is_not_spoken_for_and_anybody_of_the_team_decides(team: House) -> None:
    begun(team)
    later(team, user=team.clerk)
    team.slack.change(team.clerk, deleted=True)
    team.work()
    its_time(team)
    assert texts(team) == []
    assert (
        f"@{team.agent} This text was not sent at its time. Carl, who wrote it, is no longer on "
        "the team." in asked(team)
    )
    card = team.thread(ANN)[-1]
    team.slack.press(team.stranger, card, "Send")
    team.settle()
    assert texts(team) == []
    team.slack.press(team.manager, card, "Send")
    team.settle()
    assert texts(team) == ["See you"]
    with database.session():
        assert Draft.get().author == team.manager


def test_a_guest_is_no_longer_spoken_for(team: House) -> None:
    begun(team)
    later(team, user=team.clerk)
    team.slack.change(team.clerk, is_restricted=True)
    team.work()
    its_time(team)
    assert texts(team) == []


def test_closing_the_conversation_stops_no_text(team: House) -> None:
    begun(team)
    later(team)
    press(team, "Close")
    its_time(team)
    assert texts(team) == ["See you"]


# Late


def test_a_little_late_it_goes(team: House) -> None:
    later(team)
    its_time(team, 2, timedelta(minutes=50))
    assert texts(team) == ["See you"]


def test_hours_late_it_is_asked_about(team: House) -> None:
    later(team)
    its_time(team, 2, timedelta(hours=5))
    assert texts(team) == []
    assert "Partyline did not run at its time: it would be 5 hours late." in asked(team)


def test_late_into_the_night_it_is_asked_about_soon(team: House) -> None:
    asleep(team)
    with clock.travelled(at_hour(19, 45) - timedelta(hours=2)):
        later(team)
    its_time(team, 0, at_hour(20, 15))
    assert texts(team) == []
    assert "it would be 30 minutes late, and it is 8:15 PM where" in asked(team)


# Never twice


def due(house: House) -> Callable[[], object]:
    return scheduled.send_due


def test_workers_side_by_side_send_it_once(team: House) -> None:
    later(team)
    with clock.travelled(timedelta(hours=2, seconds=5)):
        at_once(*[due(team)] * 6)
        team.settle()
    assert texts(team) == ["See you"]
    assert team.balance() == 99
    assert team.audit() == []


def test_send_now_and_its_time_in_one_instant_send_it_once(team: House) -> None:
    later(team)
    press = team.slack.signed_press(team.agent, listing(team), "Send now")
    with clock.travelled(timedelta(hours=2, seconds=5)):
        at_once(press.send, due(team), due(team))
        team.settle()
    assert texts(team) == ["See you"]
    assert team.audit() == []


def test_a_worker_that_dies_while_it_sends_leaves_it_whole(
    team: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it is one transaction: what was not committed is done again, by whoever comes."""
    from bot.texts import departures

    later(team)
    real = departures.depart

    def dies(*given: object, **more: object) -> object:
        real(*given, **more)  # type: ignore[arg-type]
        raise SystemExit("killed")

    monkeypatch.setattr(departures, "depart", dies)
    with clock.travelled(timedelta(hours=2, seconds=5)):
        with pytest.raises(SystemExit):
            scheduled.send_due()
        assert draft().state == "scheduled"
        assert team.balance() == 100
        monkeypatch.undo()
        team.tick()
        team.settle()
    assert texts(team) == ["See you"]
    assert team.audit() == []


def test_one_that_cannot_be_looked_at_holds_up_no_other(
    team: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(team, "broken")
    card = team.ask(f"{BEN} whole")
    team.slack.submit(team.agent, when(team, card), {"at": in_(2)})
    real = scheduled._why_ask

    def fails(one: Draft, now: datetime) -> str | None:
        if one.body == "broken":
            raise ZeroDivisionError("a fault of ours")
        return real(one, now)

    monkeypatch.setattr(scheduled, "_why_ask", fails)
    with clock.travelled(timedelta(hours=2, seconds=5)):
        assert scheduled.send_due(most=1) == 1
        assert scheduled.send_due(most=1) == 1
        team.settle()
    assert texts(team, BEN) == ["whole"]
    monkeypatch.undo()
    its_time(team, 2, timedelta(minutes=2))
    assert texts(team) == ["broken"]


def test_nothing_due_is_one_look_at_an_index(team: House) -> None:
    with database.session():
        sql = scheduled.DUE
        if database.is_sqlite():
            plan = database.query(f"EXPLAIN QUERY PLAN {sql}", clock.now(), 100).fetchall()
            assert "draft_scheduled" in str(plan)
        else:
            database.query("SET LOCAL enable_seqscan = off")
            plan = database.query(f"EXPLAIN {sql}", clock.now(), 100).fetchall()
            assert "draft_scheduled" in str(plan)
    assert scheduled.send_due() == 0


def test_a_first_text_that_is_scheduled_says_how_to_opt_out(team: House) -> None:
    team.settle_words("Reply STOP to opt out.")
    team.settle_quiet(24, 0)
    later(team)
    its_time(team)
    assert texts(team) == ["See you\nReply STOP to opt out."]
    assert team.balance() == 99


def test_a_member_added_again_may_decide_on_their_own_text(team: House) -> None:
    begun(team)
    later(team, user=team.clerk)
    with database.session():
        Member.update(left_at=clock.now()).where(Member.slack_user == team.clerk).execute()
        Member.update(left_at=None).where(Member.slack_user == team.clerk).execute()
    its_time(team)
    assert texts(team) == ["See you"]


def test_the_card_of_a_reply_that_came_back_stands_below(team: House) -> None:
    thread = begun(team)
    replied(team, thread, "See you")
    old = team.thread(ANN)[-1]
    team.slack.submit(team.agent, when(team, old), {"at": in_(2)})
    team.work()
    team.twilio.text(ANN, LINE, "Wait")
    team.work()
    its_time(team)
    settled(team)
    assert old.plain() == "Not sent at its time: see below."
    new = team.thread(ANN)[-1]
    assert "[Send]" in new.plain() and "[Edit]" not in new.plain()
