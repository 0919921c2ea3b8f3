"""Conversations: whose they are, whether they are done, and what stands in their thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot import clock
from bot.contacts.models import Contact
from bot.sandbox import Sandbox
from bot.sandbox.slack.records import Post
from bot.sandbox.slack.watching import heard, opened
from bot.smartplans import plan_people, smartplans
from bot.smartplans.models import Enrollment
from bot.smartplans.plan_shapes import Shape, StepShape
from bot.smartplans.schedule import When
from bot.talks import conversations, desk
from bot.talks.models import Conversation, Message
from bot.team.models import Member
from ledger import database
from tests.bot.talks.threads import begun, is_told, replied
from tests.house import ANN, BEN, LINE, House

DONE = "white_check_mark"
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def team(books: str, sandbox: Sandbox) -> Iterator[House]:
    """An account with an owner, a manager and an agent, whose contacts are always awake."""
    house = House(books, sandbox)
    house.manager, house.clerk = house.slack.add_user("Mia"), house.slack.add_user("Carl")
    house.slack.channels[house.channel].members |= {house.manager, house.clerk}
    with database.session():
        Member.update(name="Agent").execute()
        for user, name, role in (
            (house.manager, "Mia", "manager"), (house.clerk, "Carl", "agent"),
        ):  # fmt: skip
            Member.create(account=house.account(), slack_user=user, role=role, name=name)
    house.settle_quiet(24, 0)
    with house.serving():
        yield house


def root(house: House, number: str = ANN) -> Post:
    return house.thread(number)[0]


def press(house: House, label: str, user: str | None = None, number: str = ANN) -> None:
    answer = house.slack.press(user or house.agent, root(house, number), label)
    assert answer.status == 200, answer.body
    house.work()


def choose(house: House, label: str, user: str | None = None, number: str = ANN) -> None:
    """Chooses from the menu behind the three dots."""
    answer = house.slack.choose(user or house.agent, root(house, number), "talk_more", label)
    assert answer.status == 200, answer.body
    house.work()


def assign(house: House, to: str, user: str | None = None) -> None:
    answer = house.slack.choose(user or house.agent, root(house), "talk_assign", to)
    assert answer.status == 200, answer.body
    house.work()


def says(house: House, number: str = ANN, body: str = "Hello again") -> Post:
    """The contact texts. Returns the newest post of the thread."""
    house.twilio.text(number, LINE, body)
    house.work()
    return house.thread(number)[-1]


def waiting(house: House, user: str | None = None) -> str:
    return house.ask("waiting", user=user).plain()


def talk(number: str = ANN) -> Conversation:
    with database.session():
        found = Conversation.select().join(Contact).where(Contact.number == number)
        return found.get()


# Whose it is


def test_a_member_is_given_the_conversation_and_is_told_in_the_thread(team: House) -> None:
    begun(team)
    assign(team, team.clerk)
    assert f"@{team.clerk} looks after it" in root(team).plain()
    said = team.thread(ANN)[-1]
    assert said.plain() == f"Agent asks @{team.clerk} to look after (415) 555-0123."
    assert f"<@{team.agent}>" not in said.text, "it calls whoever it is for, nobody else"


def test_who_takes_it_for_themselves_is_not_called(team: House) -> None:
    begun(team)
    assign(team, team.clerk, user=team.clerk)
    assert f"@{team.clerk} looks after it" in root(team).plain()
    assert len(team.thread(ANN)) == 2


def test_a_conversation_is_given_to_nobody_again(team: House) -> None:
    begun(team)
    assign(team, team.clerk)
    choose(team, "Nobody looks after it")
    assert "looks after it" not in root(team).plain()
    assert talk().assigned_to is None


def test_nobody_from_outside_the_team_gets_it_or_gives_it(team: House) -> None:
    begun(team)
    assign(team, team.stranger)
    assert is_told(team, f"@{team.stranger} is not on this line's team")
    assign(team, team.clerk, user=team.stranger)
    assert is_told(team, "You are not on this line's team", team.stranger)
    assert talk().assigned_to is None


def test_the_first_who_answers_looks_after_it_and_the_second_does_not(team: House) -> None:
    thread = begun(team)
    for user in (team.clerk, team.manager):
        replied(team, thread, "Yes", user=user)
        card = [p for p in team.thread(ANN) if "[Send]" in p.plain()][-1]
        team.slack.press(user, card, "Send")
        team.settle()
        card = team.thread(ANN)[-1]
        if "[Send]" in card.plain():  # the other has just answered: asked once more
            team.slack.press(user, card, "Send")
            team.settle()
    assert len(team.twilio.sent_to(ANN)) == 2
    assert talk().assigned_to == team.clerk


def test_the_assigned_member_is_called_once_in_three_quiet_minutes(team: House) -> None:
    begun(team)
    assign(team, team.clerk)
    calls = []
    for minutes in (4, 5, 7, 9.5, 13, 14):
        with clock.travelled(timedelta(minutes=minutes)):
            calls.append(f"<@{team.clerk}>" in says(team).text)
    assert calls == [True, False, False, False, True, False]


def test_who_left_looks_after_nothing_and_is_not_called(team: House) -> None:
    begun(team)
    assign(team, team.clerk)
    team.slack.change(team.clerk, deleted=True)
    team.work()
    assert "looks after it" not in root(team).plain()
    with clock.travelled(timedelta(minutes=10)):
        assert f"<@{team.clerk}>" not in says(team).text
    assert f"@{team.clerk}" not in waiting(team)


# Done or not


def test_close_and_reopen_by_button(team: House) -> None:
    begun(team)
    press(team, "Close", team.clerk)
    assert "Closed" in root(team).plain()
    assert "[Reopen]" in root(team).plain() and "[Close]" not in root(team).plain()
    assert "Nobody waits" in waiting(team)
    press(team, "Reopen")
    assert "Closed" not in root(team).plain()


def test_a_check_mark_on_the_first_post_closes_and_taken_away_it_reopens(team: House) -> None:
    begun(team)
    team.slack.react(team.clerk, root(team), DONE)
    team.work()
    assert "Closed" in root(team).plain()
    team.slack.unreact(team.clerk, root(team), DONE)
    team.work()
    assert "Closed" not in root(team).plain()


def test_other_marks_and_other_people_and_other_posts_close_nothing(team: House) -> None:
    begun(team)
    team.slack.react(team.clerk, root(team), "thumbsup")
    team.slack.react(team.stranger, root(team), DONE)
    team.slack.react(team.clerk, team.thread(ANN)[1], DONE)
    team.work()
    assert talk().state == "open"


def test_a_text_in_a_closed_conversation_reopens_it_and_is_shown_in_the_channel(
    team: House,
) -> None:
    begun(team)
    press(team, "Close")
    assert len(team.slack.channel(team.channel)) == 1
    post = says(team, body="One more thing")
    assert post.broadcast
    assert "Waiting for an answer" in root(team).plain()
    assert len(team.slack.channel(team.channel)) == 2
    assert not says(team, body="And another").broadcast


def test_strangers_close_nothing(team: House) -> None:
    begun(team)
    press(team, "Close", team.stranger)
    assert is_told(team, "You are not on this line's team", team.stranger)
    assert talk().state == "open"


# Put off


def put_off(house: House, values: dict[str, object]) -> None:
    view = opened(
        house.slack, house.agent,
        lambda: house.slack.choose(house.agent, root(house), "talk_more", "Put off…"),
    )  # fmt: skip
    answer = house.slack.submit(house.agent, view, values)
    assert answer.status == 200, answer.body
    house.work()


def test_put_off_hides_it_until_nine_tomorrow_by_the_accounts_clock(team: House) -> None:
    begun(team)
    put_off(team, {})
    assert "Put off until" in root(team).plain()
    assert "Nobody waits" in waiting(team)
    until = talk().snoozed_until
    local = until.astimezone(NEW_YORK)
    today = clock.now().astimezone(NEW_YORK).date()
    assert (local.hour, local.minute, local.date()) == (9, 0, today + timedelta(days=1))
    with clock.travelled(until - clock.now() + timedelta(minutes=1)):
        team.tick()
        team.tick()
        assert "Put off" not in root(team).plain()
        assert "1 waits for an answer" in waiting(team)
    woken = [p for p in team.thread(ANN) if "was put off until now" in p.plain()]
    assert len(woken) == 1
    assert woken[0].broadcast, "nobody looks after it, so the channel sees it"


def test_who_looks_after_it_is_called_when_its_time_comes(team: House) -> None:
    begun(team)
    assign(team, team.clerk)
    put_off(team, {"until": "In an hour"})
    with clock.travelled(timedelta(minutes=61)):
        team.tick()
    woken = team.thread(ANN)[-1]
    assert woken.text == f":alarm_clock: <@{team.clerk}> (415) 555-0123 was put off until now."
    assert not woken.broadcast


def test_a_text_brings_back_what_was_put_off(team: House) -> None:
    begun(team)
    put_off(team, {"until": "In three hours"})
    says(team)
    assert "Put off" not in root(team).plain()
    with clock.travelled(timedelta(hours=4)):
        team.tick()
    assert "was put off" not in "".join(p.plain() for p in team.thread(ANN))


def test_another_time_is_chosen_and_one_that_is_over_is_refused(team: House) -> None:
    begun(team)
    view = opened(
        team.slack, team.agent,
        lambda: team.slack.choose(team.agent, root(team), "talk_more", "Put off…"),
    )  # fmt: skip
    gone = int((clock.now() - timedelta(minutes=5)).timestamp())
    team.slack.submit(team.agent, view, {"other": gone})
    assert view.errors == {"other": "That time is over. Choose a later one."}
    then = int((clock.now() + timedelta(days=3)).timestamp())
    team.slack.submit(team.agent, view, {"other": then})
    assert int(talk().snoozed_until.timestamp()) == then


def test_two_workers_wake_it_once(team: House) -> None:
    begun(team)
    put_off(team, {"until": "In an hour"})
    with clock.travelled(timedelta(hours=2)):
        at_once(*[desk.wake_due] * 4)
        team.work()
    assert sum("was put off until now" in p.plain() for p in team.thread(ANN)) == 1


# Who waits


def test_who_waits_is_listed_longest_first_with_links(team: House) -> None:
    begun(team)
    with clock.travelled(timedelta(minutes=5)):
        begun(team, BEN)
        assign(team, team.clerk)
        said = team.ask("waiting", user=team.clerk)
    lines = said.plain().splitlines()
    assert lines[0] == "2 wait for an answer, longest first"
    assert lines[1].startswith("(415) 555-0123 since ") and f"@{team.clerk}" in lines[1]
    assert lines[3].startswith("(415) 555-0124 since ")
    assert f"archives/{team.channel}/p{root(team).ts.replace('.', '')}" in said.text
    assert "You are not on a team" in waiting(team, team.stranger)


def test_an_answer_ends_the_wait(team: House) -> None:
    begun(team)
    assert "Waiting for an answer since" in root(team).plain()
    team.send(ANN, "Hi")
    team.settle()
    assert "Waiting" not in root(team).plain()
    assert "Nobody waits" in waiting(team)


# One thread, for good


def at_once(*works: Callable[[], object]) -> None:
    """Runs each in a thread of its own, all in one instant, as so many workers would."""
    gate = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        gate.wait()
        work()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_two_first_texts_of_a_stranger_in_one_instant_make_one_thread(team: House) -> None:
    """Even if the inbox did not keep them in order."""
    names = iter(range(8))
    lock = threading.Lock()

    def receive() -> None:
        with lock:
            name = next(names)
        text = conversations.TextIn(f"SM{name:032d}", ANN, LINE, f"text {name}")
        conversations.receive(text, clock.now())

    at_once(*[receive] * 8)
    team.work()
    with database.session():
        assert (Contact.select().count(), Conversation.select().count()) == (1, 1)
        assert Message.select().count() == 8
    assert len(team.slack.channel(team.channel)) == 1
    assert len(team.thread(ANN)) == 9
    assert team.balance() == 92
    assert team.audit() == []


def test_an_agents_first_text_and_theirs_in_one_instant_make_one_thread(team: House) -> None:
    card = team.ask(f"{ANN} Hello")
    press = team.slack.signed_press(team.agent, card, "Send")
    team.twilio.text(ANN, LINE, "Hello")
    at_once(press.send, team.apply)
    team.settle()
    with database.session():
        assert Conversation.select().count() == 1
    assert len(team.slack.channel(team.channel)) == 1
    assert team.audit() == []


@pytest.mark.parametrize("why", ["thread_locked", "full"])
def test_a_thread_that_takes_no_more_goes_on_in_another_linked_both_ways(
    team: House, why: str
) -> None:
    old = begun(team)
    team.slack.lock_thread(team.channel, old, why)
    for body in ("Are you there?", "Anybody?"):
        team.twilio.text(ANN, LINE, body)
    team.work()
    settled(team)
    new = root(team)
    assert new.ts != old
    said = [post.plain().splitlines()[0] for post in team.thread(ANN)[1:]]
    assert said == ["Are you there?", "Anybody?"]
    assert f"p{old.replace('.', '')}|the thread before this one" in new.text
    former = team.slack.find(team.channel, old)
    assert former is not None
    assert "this conversation goes on in a new thread" in former.plain()
    assert f"p{new.ts.replace('.', '')}" in former.text
    assert says(team, body="Good").plain().startswith("Good"), "and it stays there"


def test_a_first_post_that_was_deleted_is_made_anew_when_it_changes(team: House) -> None:
    begun(team)
    old = root(team)
    team.slack.channels[team.channel].posts.remove(old)
    team.slack.choose(team.agent, old, "talk_assign", team.clerk)
    team.work()
    settled(team)
    assert root(team).ts != old.ts
    assert f"@{team.clerk} looks after it" in root(team).plain()


def settled(house: House) -> None:
    """A minute goes by, and all is done that was put off for seconds."""
    for seconds in range(0, 60, 5):
        with clock.travelled(timedelta(seconds=seconds)):
            house.work()


def test_two_changes_in_one_instant_lose_neither(team: House) -> None:
    """Closing, giving away and a text in: whoever comes last finds what the others did."""
    begun(team)
    conversation = talk().id
    team.twilio.text(ANN, LINE, "Hello")
    now = clock.now()
    works = [
        lambda: desk.assign(conversation, team.agent, team.clerk, now), team.apply,
        lambda: desk.snooze(conversation, team.agent, now + timedelta(hours=1), now),
        lambda: desk.assign(conversation, team.agent, team.clerk, now),
    ]  # fmt: skip
    at_once(*works)
    team.work()
    assert talk().assigned_to == team.clerk
    assert talk().burst == 2


# Blocked


def test_a_blocked_senders_texts_are_charged_and_kept_and_not_shown(team: House) -> None:
    begun(team)
    choose(team, "Block this sender", team.clerk)
    assert "Blocked" in root(team).plain()
    assert team.thread(ANN)[-1].plain().startswith("Carl blocked (415) 555-0123.")
    before = len(team.thread(ANN))
    for body in ("Buy now", "Buy more"):
        says(team, body=body)
    assert len(team.thread(ANN)) == before
    assert team.balance() == 97
    assert "Nobody waits" in waiting(team)
    assert "Put off" not in root(team).plain()
    with database.session():
        assert Message.select().count() == 3
    assert team.audit() == []


def test_who_is_blocked_is_on_no_smartplan_any_more(team: House) -> None:
    begun(team)
    step = StepShape("text", When("enrolled", 3), ("Still looking?",))
    with database.session():
        ann = Contact.get().id
    plan = smartplans.new(
        team.account().id, team.agent, Shape("Leads", (step,), team.line().id), clock.now()
    )
    smartplans.switch_on(plan.id, team.agent, clock.now())
    plan_people.enroll(plan.id, team.agent, [ann], clock.now())
    choose(team, "Block this sender")
    with database.session():
        [one] = Enrollment.select()
    assert (one.state, one.why, one.due_at) == ("stopped", "they were blocked", None)


def test_unblocked_their_texts_are_shown_again_and_those_that_came_meanwhile(team: House) -> None:
    begun(team)
    choose(team, "Block this sender")
    for body in ("One", "Two"):
        says(team, body=body)
    choose(team, "Unblock", team.manager)
    said = [post.plain().splitlines()[0] for post in team.thread(ANN)]
    at = said.index("Mia unblocked (415) 555-0123. 2 texts came meanwhile. They follow.")
    assert said[at + 1 :] == ["One", "Two"]
    assert "Waiting for an answer" in root(team).plain()
    assert says(team, body="Three").plain().startswith("Three")
    choose(team, "Block this sender")
    choose(team, "Unblock")
    assert team.thread(ANN)[-1].plain().endswith("0 texts came meanwhile.")


def test_whoever_is_blocked_on_one_line_begins_no_thread_on_another(team: House) -> None:
    from bot.team import opening

    begun(team)
    team.twilio.add_number("+14155550111")
    other = team.slack.add_channel("other")
    opening.setup(account="Harbor Homes", line="+14155550111", channel=other)
    choose(team, "Block this sender")
    team.twilio.text(ANN, "+14155550111", "Here, too")
    team.work()
    settled(team)
    assert team.slack.channel(other) == []
    team.slack.choose(team.agent, team.slack.channel(team.channel)[0], "talk_more", "Unblock")
    team.work()
    settled(team)
    first, *_ = team.slack.channel(other)
    shown = [post.plain() for post in team.slack.thread(other, first.ts)]
    assert shown[1].startswith("Here, too")


def test_a_blocked_senders_stop_is_heeded_all_the_same(team: House) -> None:
    begun(team)
    choose(team, "Block this sender")
    says(team, body="STOP")
    assert "Opted out (texted STOP)" in root(team).plain()


# Loops


def test_twenty_texts_in_five_minutes_put_the_brake_on_once_and_an_answer_off(
    team: House,
) -> None:
    for n in range(25):
        says(team, body=f"ping {n}")
    said = [p for p in team.thread(ANN) if "There may be a machine at the other end" in p.plain()]
    assert len(said) == 1
    assert said[0].plain().startswith(":octagonal_sign: 20 texts in 5 minutes.")
    assert "Nothing is answered automatically" in root(team).plain()
    team.send(ANN, "Who are you?")
    team.settle()
    assert "Nothing is answered automatically" not in root(team).plain()
    for n in range(19):
        says(team, body=f"pong {n}")
    assert "Nothing is answered automatically" not in root(team).plain()
    says(team, body="pong")
    assert "Nothing is answered automatically" in root(team).plain()
    said = [p for p in team.thread(ANN) if "There may be a machine" in p.plain()]
    assert len(said) == 2
    assert len(team.twilio.sent_to(ANN)) == 1


def test_many_texts_over_a_longer_time_are_no_loop(team: House) -> None:
    for n in range(45):
        with clock.travelled(timedelta(seconds=20 * n)):
            says(team, body=f"text {n}")
    assert talk().braked_at is None


def test_what_people_chat_is_no_loop(team: House) -> None:
    for n in range(15):
        says(team, body=f"and {n}")
        team.send(ANN, f"yes {n}")
    assert talk().braked_at is None


def test_texts_that_no_person_sent_count_for_the_brake(team: House) -> None:
    begun(team)
    conversation = talk()
    now = clock.now()
    for n in range(19):
        with database.session():
            Message.create(
                conversation=conversation, direction="out", body=str(n), kind="sms", credits=1,
                carrier_segments=1, status="sent", automated=True, made_at=now,
            )  # fmt: skip
        conversations.sent_automatically(talk(), now)
    team.work()
    assert talk().braked_at is not None
    assert talk().waiting_since is not None, "it answers nobody"


def spring(day: int, hour: int) -> datetime:
    return datetime(2027, 3, day, hour, tzinfo=NEW_YORK)


def test_nine_tomorrow_is_nine_when_the_clocks_change(team: House) -> None:
    begun(team)
    now = spring(13, 18)
    times = dict(desk.wake_times(talk().id, team.agent, now))
    assert times["Tomorrow at 9:00 AM"] == spring(14, 9)
    assert times["On Monday, March 15, at 9:00 AM"] == spring(15, 9)


def test_a_press_is_answered_where_it_was_made(team: House) -> None:
    """A refusal stands in the thread, below the card, for whoever pressed alone."""
    begun(team)
    post = heard(
        team.slack, team.stranger, lambda: team.slack.press(team.stranger, root(team), "Close")
    )
    assert "You are not on this line's team" in post.plain()
