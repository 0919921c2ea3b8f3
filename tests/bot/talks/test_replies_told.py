"""What Slack tells of threads: every subtype, whoever wrote it, twice, late and out of order."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta

import pytest

from bot import clock
from bot.contacts import address_book
from bot.models import Inbox
from bot.sandbox.slack.records import Post
from bot.sandbox.slack.signing import Signed
from bot.talks import conversations
from bot.talks.models import Conversation
from bot.texts.models import Draft
from ledger import database
from tests.bot.talks.test_replies import join, set_mode
from tests.bot.talks.threads import begun, card, is_told, posts, press, replied, texts, whispered
from tests.house import BEN, House

Did = Callable[[House, str], object]


def _topic(house: House, thread: str) -> None:
    _raw(house, {
        "subtype": "channel_topic", "user": house.agent, "topic": "x", "ts": house.slack.next_ts(),
        "text": f"<@{house.agent}> set the channel topic: x", "thread_ts": thread,
    })  # fmt: skip


def _replied(house: House, thread: str, **subtype: str) -> None:
    """What Slack says of a root that has a reply; its own pages call it broken."""
    root = {
        "type": "message", "user": house.agent, "text": "x", "thread_ts": thread, "ts": thread,
        "reply_count": 1, "latest_reply": house.slack.next_ts(),
    }  # fmt: skip
    at = house.slack.next_ts()
    _raw(house, {**subtype, "message": root, "thread_ts": thread, "ts": at, "hidden": True})
    _raw(house, root)


def _raw(house: House, told: dict[str, object]) -> None:
    event = {"type": "message", "channel": house.channel, "event_ts": told.get("ts"), **told}
    house.slack.tell(house.slack.event(event))


def _slackbot(house: House, thread: str) -> None:
    said = {"user": "USLACKBOT", "text": "Did you know?", "ts": house.slack.next_ts()}
    for subtype in ({}, {"subtype": "slackbot_response"}):
        _raw(house, {**said, **subtype, "thread_ts": thread})


def _me_edited(house: House, thread: str) -> None:
    post = house.slack.me(house.agent, house.channel, thread, "waves")
    house.slack.edit(post, "waves again")
    house.slack.delete(post)


def _bot_edited(house: House, thread: str) -> None:
    post = house.slack.bot_says(house.channel, thread, "Deploy of 7")
    house.slack.edit(post, "Deploy of 8")
    house.slack.delete(post)


def _tombstone(house: House, thread: str) -> None:
    root = house.slack.find(house.channel, thread)
    assert root is not None
    house.slack.delete(root)


@pytest.mark.parametrize(
    "done",
    [
        lambda house, thread: house.slack.write(house.agent, house.channel, "Hello all"),
        lambda house, thread: house.slack.bot_says(house.channel, thread, "Deploy of 7"),
        lambda house, thread: house.slack.bot_says(house.channel, thread, "Deploy", classic=True),
        _bot_edited,
        _slackbot,
        lambda house, thread: house.slack.me(house.agent, house.channel, thread, "waves"),
        _me_edited,
        lambda house, thread: house.slack.join(house.stranger, house.channel),
        _topic,
        lambda house, thread: _replied(house, thread, subtype="message_replied"),
        _replied,
        _tombstone,
    ],
)  # fmt: skip
def test_what_no_member_wrote_in_a_thread_is_taken_and_nothing_comes_of_it(
    house: House, done: Did
) -> None:
    thread = begun(house)
    before, calls = len(posts(house, thread)), len(house.slack.calls)
    done(house, thread)
    house.work()
    assert len(posts(house, thread)) == before
    assert len(house.slack.calls) == calls
    assert whispered(house) == whispered(house, house.stranger) == []
    with database.session():
        assert Inbox.select().where(Inbox.kind == "slack.event").count() == 0, "not even saved"
    assert house.audit() == []


def test_colleagues_talk_beside_it_in_threads_of_their_own(house: House) -> None:
    thread = begun(house)
    talk = house.slack.write(house.agent, house.channel, "Lunch?")
    calls = len(house.slack.calls)
    replied(house, talk.ts, "Yes")
    assert len(posts(house, thread)) == 1
    assert len(house.slack.calls) == calls


def test_what_partyline_posts_comes_back_and_changes_nothing(house: House) -> None:
    house.slack.echoes = True
    thread = begun(house)
    replied(house, thread, "Yes")
    press(house, thread, "Send")
    house.slack.echoed()
    calls = len(house.slack.calls)
    house.work()
    assert len(house.slack.calls) == calls
    with database.session():
        assert Inbox.select().where(Inbox.kind == "slack.event").count() == 1, "the reply"


def test_a_file_in_a_reply_is_looked_into_before_anything_is_quoted(house: House) -> None:
    thread = begun(house)
    file = {"id": "F1", "name": "plan.png", "mimetype": "image/png", "mode": "hosted", "size": 9}
    house.slack.reply(house.agent, house.channel, thread, "", files=[file])
    house.apply()
    with database.session():
        peeks = database.query("SELECT payload FROM delivery WHERE kind = 'slack.peek'").fetchall()
    assert len(peeks) == 1
    assert '"plan.png"' in peeks[0][0]
    assert texts(house) == []


# Who may not


@pytest.mark.parametrize(
    "flags",
    [
        {},
        {"is_restricted": True},
        {"is_restricted": True, "is_ultra_restricted": True},
        {"team_id": "T0ELSEWHERE", "is_stranger": True},
    ],
)
def test_who_is_not_on_the_team_is_told_whom_to_ask_and_charged_nothing(
    house: House, flags: dict[str, object]
) -> None:
    thread = begun(house)
    user = house.slack.add_user("Visitor", **flags)
    house.slack.channels[house.channel].members.add(user)
    reply = replied(house, thread, "Yes", user)
    said = f"You are not on this line's team. Ask @{house.agent} to add you. Nothing was texted."
    assert whispered(house, user) == [said]
    assert house.slack.seen_by(user)[-1].thread_ts == thread
    house.slack.edit(reply, "Yes!")
    house.slack.delete(reply)
    house.settle()
    assert texts(house) == []
    assert house.balance() == 99
    assert len(posts(house, thread)) == 1


def test_somebody_elsewhere_is_refused_even_with_a_members_id(house: House) -> None:
    thread = begun(house)
    house.slack.people[house.agent]["team_id"] = "T0ELSEWHERE"
    replied(house, thread, "Yes")
    assert "Nothing was texted" in whispered(house)[-1]
    assert texts(house) == []


def test_who_became_a_guest_or_left_can_reply_no_more(house: House) -> None:
    author = join(house, "agent")
    thread = begun(house)
    person = {**house.slack.people[author], "is_restricted": True}
    house.slack.tell(house.slack.event({"type": "user_change", "user": person}))
    house.work()
    replied(house, thread, "Yes", author)
    assert "Nothing was texted" in whispered(house, author)[-1]
    assert len(posts(house, thread)) == 1


# Twice, late, out of order


def happened(house: House, thread: str, *edits: str, deleted: bool = False) -> list[Signed]:
    """What Slack would tell of a reply and what became of it; nothing is told yet."""
    with house.slack.held() as events:
        reply = house.slack.reply(house.agent, house.channel, thread, "first")
        for words in edits:
            house.slack.edit(reply, words)
        if deleted:
            house.slack.delete(reply)
    return events


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_last_edit_counts_in_whatever_order_it_is_told(
    house: House, order: tuple[int, ...]
) -> None:
    thread = begun(house)
    events = happened(house, thread, "second", "third")
    for place in order:
        events[place].send()
        house.work()
    assert len(posts(house, thread)) == 2
    assert "third" in card(house, thread).plain()
    press(house, thread, "Send")
    assert texts(house) == ["third"]


@pytest.mark.parametrize("mode", ["confirm", "send"])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_what_was_deleted_is_never_texted_once_that_is_known(
    house: House, order: tuple[int, ...], mode: str
) -> None:
    set_mode(house, mode)
    thread = begun(house)
    events = happened(house, thread, "second", deleted=True)
    known = False
    for place in order:
        before = texts(house)
        events[place].send()
        house.settle()
        known = known or place == 2
        if known:
            assert texts(house) == before
            assert "[Send]" not in card(house, thread).plain()
    assert house.audit() == []


@pytest.mark.parametrize("mode", ["confirm", "send"])
def test_an_edit_to_a_note_that_overtakes_the_reply_keeps_it_a_note(
    house: House, mode: str
) -> None:
    set_mode(house, mode)
    thread = begun(house)
    reply, edit = happened(house, thread, "// only for us")
    edit.send()
    reply.send()
    house.settle()
    assert texts(house) == []
    assert len(posts(house, thread)) == 1


def test_slacks_retries_and_copies_under_other_ids_make_one_card(house: House) -> None:
    thread = begun(house)
    with house.slack.held() as events:
        house.slack.reply(house.agent, house.channel, thread, "Yes")
    for retry in range(4):
        assert events[0].send(retry).status == 200
    copy = house.slack.sign(events[0].body.replace(b'"Ev', b'"EvX'), "application/json")
    copy.send()
    house.work()
    assert len(posts(house, thread)) == 2
    press(house, thread, "Send")
    copy = house.slack.sign(events[0].body.replace(b'"Ev', b'"EvY'), "application/json")
    copy.send()
    house.settle()
    assert texts(house) == ["Yes"]
    assert len(posts(house, thread)) == 2
    assert whispered(house) == []


def test_an_event_that_the_app_did_not_take_is_sent_again_and_counts_once(house: House) -> None:
    thread = begun(house)
    house.slack.retry_s = 0.01
    url, house.slack.app_url = house.slack.app_url, "http://127.0.0.1:9"
    with house.slack.held() as events:
        house.slack.reply(house.agent, house.channel, thread, "Yes")
    house.slack.tell(events[0])  # nobody is there: Slack gives up after three retries
    house.work()
    assert len(posts(house, thread)) == 1
    house.slack.app_url = url
    again = Signed(f"{url}/slack/events", events[0].body, events[0].headers)
    house.slack.tell(again)
    house.work()
    assert len(posts(house, thread)) == 2


def test_an_edit_while_the_card_is_posted_is_on_it_when_it_stands(house: House) -> None:
    thread = begun(house)
    reply = house.slack.reply(house.agent, house.channel, thread, "first")
    house.apply()
    house.slack.faults.add("drop_after", "chat.postMessage")
    house.deliver()
    house.slack.edit(reply, "second")
    house.apply()
    with clock.travelled(timedelta(minutes=2)):
        house.work()
        assert len(posts(house, thread)) == 2, "it was read back, not posted again"
        assert "second" in card(house, thread).plain()
        press(house, thread, "Send")
        assert texts(house) == ["second"]


def test_send_pressed_on_a_card_whose_post_is_in_doubt_sends_once_on_that_card(
    house: House,
) -> None:
    house.slack.unreadable = True  # the post cannot be read back
    thread = begun(house)
    house.slack.reply(house.agent, house.channel, thread, "Yes")
    house.apply()
    house.slack.faults.add("drop_after", "chat.postMessage")
    house.deliver()
    shown = card(house, thread)
    house.slack.press(house.agent, shown, "Send")
    with clock.travelled(timedelta(minutes=2)):
        house.settle()
    assert texts(house) == ["Yes"]
    assert card(house, thread) is shown
    assert len(posts(house, thread)) == 2
    assert "Delivered" in shown.plain()


def test_a_reply_under_a_root_that_is_not_known_yet_waits_for_it(house: House) -> None:
    house.slack.faults.add("drop_after", "chat.postMessage")
    house.twilio.text("+14155550123", house.line().number, "Hi")
    house.apply()
    house.deliver()
    root = house.slack.channel(house.channel)[-1]
    house.slack.reply(house.agent, house.channel, root.ts, "Yes")
    house.apply()
    with database.session():
        assert Conversation.get().thread_ts is None
        assert Inbox.get(Inbox.kind == "slack.event").state == "new"
    with clock.travelled(timedelta(minutes=2)):
        house.work()
        with clock.travelled(timedelta(seconds=10)):
            house.work()
            press(house, root.ts, "Send")
    assert texts(house) == ["Yes"]


def test_a_reply_in_a_thread_that_goes_on_elsewhere_says_so(house: House) -> None:
    thread = begun(house)
    with database.session():
        Conversation.update(
            thread_ts="1700000000.000001", former_channel=house.channel, former_ts=thread
        ).execute()
    replied(house, thread, "Yes")
    assert "goes on in a new thread" in whispered(house)[-1]
    replied(house, thread, "// a note")
    assert len(whispered(house)) == 1
    assert texts(house) == []


def test_who_was_written_to_without_a_thread_holds_up_no_reply(house: House) -> None:
    thread = begun(house)
    with database.session():
        line = house.line()
        ben = address_book.meet(line.account_id, BEN, clock.now())
        conversations.open_quietly(line, {ben.id: BEN}, clock.now())
        Conversation.update(
            thread_ts="1700000000.000001", former_channel=house.channel, former_ts=thread
        ).where(Conversation.contact != ben).execute()
    replied(house, thread, "Yes")
    with database.session():
        assert {row.state for row in Inbox.select()} == {"done"}
    assert "goes on in a new thread" in whispered(house)[-1]


def test_a_reply_that_many_hands_apply_at_once_is_one_draft(house: House) -> None:
    thread = begun(house)
    events = happened(house, thread, *(f"edit {n}" for n in range(6)))
    for event in [*events, *events]:
        event.send()
    house.work()
    with database.session():
        assert [d.body for d in Draft.select()] == ["edit 5"]
    assert is_shown(card(house, thread), "edit 5")


def is_shown(post: Post, words: str) -> bool:
    return words in post.plain() and words in post.text


def test_who_pressed_alone_sees_what_was_refused(house: House) -> None:
    thread = begun(house)
    replied(house, thread, "Yes")
    press(house, thread, "Send", house.stranger)
    assert is_told(house, "You are not on this line's team", house.stranger)
    assert whispered(house) == []
