"""A reply in a thread: the quote under it, Send, and what an edit or a deletion does."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from bot import clock
from bot.contacts.models import Contact
from bot.lines.models import Line
from bot.talks.models import Message
from bot.team import people
from bot.team.models import Member
from bot.texts.models import Draft
from ledger import credits, database
from tests.bot.talks.threads import (
    begun,
    card,
    is_told,
    modal,
    posts,
    press,
    replied,
    texts,
    whispered,
)
from tests.house import ANN, LONDON, House
from tests.pictures import attach, jpeg, png, share


def named(house: House, user: str, name: str) -> None:
    """Slack says what a member is called."""
    person = {**house.slack.people[user], "profile": {"display_name": name}}
    house.slack.people[user] = person
    house.slack.tell(house.slack.event({"type": "user_change", "user": person}))
    house.work()


def join(house: House, role: str) -> str:
    """Somebody else on the account."""
    user = house.slack.add_user(role.title())
    house.slack.channels[house.channel].members.add(user)
    with database.session():
        Member.create(account=house.account(), slack_user=user, role=role)
    return user


def set_mode(house: House, mode: str, up_to: int = 3) -> None:
    with database.session():
        Line.update(mode=mode, send_up_to=up_to).execute()


def test_a_reply_is_quoted_under_it_and_sent_by_send(house: House) -> None:
    thread = begun(house)
    reply = replied(house, thread, "Yes, until Friday")
    shown = card(house, thread)
    assert shown.ts > reply.ts
    for part in (
        "To (415) 555-0123",
        "Yes, until Friday",
        "SMS · 1 × 160 characters · 1 credit · 98 left",
    ):
        assert part in shown.plain()
        assert part in shown.text
    assert "[Send]  [Later…]  [Cancel]" in shown.plain()
    assert "not sent yet" in shown.text
    assert texts(house) == []
    press(house, thread, "Send")
    assert texts(house) == ["Yes, until Friday"]
    assert house.balance() == 98
    assert house.audit() == []


def test_the_card_becomes_the_texts_copy_and_there_is_no_other(house: House) -> None:
    thread = begun(house)
    replied(house, thread, "Yes, until Friday")
    before = [post.ts for post in posts(house, thread)]
    house.slack.press(house.agent, card(house, thread), "Send")
    house.deliver()
    assert "Queued · 1 credit" in card(house, thread).plain()
    house.settle()
    assert "Delivered · 1 credit" in card(house, thread).plain()
    assert "[Send]" not in card(house, thread).plain()
    assert [post.ts for post in posts(house, thread)] == before
    with database.session():
        assert Message.get(Message.direction == "out").slack_ts == before[-1]


@pytest.mark.parametrize(
    ("typed", "arrives"),
    [
        ("Tom & Ann <3 “ok”", "Tom & Ann <3 “ok”"),
        ("see https://example.com/a?b=1&c=2.", "see https://example.com/a?b=1&c=2."),
        ("on example.com or me@example.com", "on example.com or me@example.com"),
        ("call +14155550100", "call +14155550100"),
        ("great :tada: 🎉 👍🏽", "great 🎉 🎉 👍🏽"),
        ("*now* or 2*3*4", "now or 2*3*4"),
        ("@Dana will call, @Stranger too", "@Dana will call, @someone too"),
        ("&amp; as it is", "&amp; as it is"),
    ],
)
def test_what_is_quoted_and_sent_is_what_a_phone_shows(
    house: House, typed: str, arrives: str
) -> None:
    named(house, house.agent, "Dana")
    thread = begun(house)
    replied(house, thread, typed)
    assert arrives in card(house, thread).plain()
    press(house, thread, "Send")
    assert texts(house) == [arrives]


def test_the_card_says_by_name_whose_reply_it_is_and_calls_nobody(house: House) -> None:
    named(house, house.agent, "Dana")
    thread = begun(house)
    replied(house, thread, "Yes")
    assert "Dana's reply, not sent yet" in card(house, thread).plain()
    assert f"<@{house.agent}>" not in str((card(house, thread).text, card(house, thread).blocks))


def test_a_reply_also_sent_to_the_channel_is_a_reply_like_any(house: House) -> None:
    thread = begun(house)
    house.slack.reply(house.agent, house.channel, thread, "Yes", broadcast=True)
    house.work()
    press(house, thread, "Send")
    assert texts(house) == ["Yes"]


# Edited, deleted, notes


def test_an_edit_is_quoted_on_the_same_card_and_the_old_one_sends_nothing(house: House) -> None:
    thread = begun(house)
    reply = replied(house, thread, "Yes")
    shown = card(house, thread)
    old = house.slack.signed_press(house.agent, shown, "Send")
    house.slack.edit(reply, "Yes " * 60)
    house.work()
    assert card(house, thread) is shown
    assert "2 credits" in shown.plain()
    old.send()
    house.work()
    assert texts(house) == []
    assert is_told(house, "out of date")
    press(house, thread, "Send")
    assert texts(house) == [("Yes " * 60).strip()]
    assert house.balance() == 97


def test_an_edit_after_send_says_that_it_cannot_be_taken_back(house: House) -> None:
    thread = begun(house)
    reply = replied(house, thread, "Yes")
    press(house, thread, "Send")
    house.slack.edit(reply, "No")
    house.work()
    assert is_told(house, "This was texted before you changed it")
    assert texts(house) == ["Yes"]
    assert "Yes" in card(house, thread).plain()
    assert house.slack.seen_by(house.agent)[-1].thread_ts == thread


def test_a_deletion_cancels_and_after_send_says_that_it_is_too_late(house: House) -> None:
    thread = begun(house)
    reply = replied(house, thread, "Yes")
    old = house.slack.signed_press(house.agent, card(house, thread), "Send")
    house.slack.delete(reply)
    house.work()
    assert "Cancelled. Nothing was sent." in card(house, thread).plain()
    old.send()
    house.work()
    assert texts(house) == []
    assert is_told(house, "was cancelled")
    reply = replied(house, thread, "Yes, really")
    press(house, thread, "Send")
    house.slack.delete(reply)
    house.work()
    assert is_told(house, "This was texted before you deleted it")
    assert texts(house) == ["Yes, really"]


def test_what_is_deleted_before_its_card_was_posted_leaves_no_card(house: House) -> None:
    thread = begun(house)
    reply = house.slack.reply(house.agent, house.channel, thread, "Yes")
    house.slack.delete(reply)
    before = len(posts(house, thread))
    house.work()
    assert len(posts(house, thread)) == before


def test_an_edit_brings_back_a_card_that_somebody_took_away(house: House) -> None:
    thread = begun(house)
    reply = replied(house, thread, "Yes")
    old = house.slack.signed_press(house.agent, card(house, thread), "Send")
    house.slack.delete(card(house, thread))
    house.slack.edit(reply, "Yes, until Friday")
    house.work()
    assert "Yes, until Friday" in card(house, thread).plain()
    old.send()
    press(house, thread, "Send")
    assert texts(house) == ["Yes, until Friday"]
    assert "Delivered" in card(house, thread).plain()


def test_cancel_and_then_an_edit_quotes_again(house: House) -> None:
    thread = begun(house)
    reply = replied(house, thread, "Yes")
    shown = card(house, thread)
    press(house, thread, "Cancel")
    assert "Cancelled. Nothing was sent." in shown.plain()
    house.slack.edit(reply, "Yes, but not today")
    house.work()
    assert card(house, thread) is shown
    press(house, thread, "Send")
    assert texts(house) == ["Yes, but not today"]


@pytest.mark.parametrize("typed", ["// he is a friend", "Note: call him", "(note) x", "📝 mind"])
def test_a_note_is_for_the_team_alone(house: House, typed: str) -> None:
    thread = begun(house)
    before = len(posts(house, thread))
    replied(house, thread, typed)
    replied(house, thread, typed, house.stranger)
    assert len(posts(house, thread)) == before
    assert whispered(house) == whispered(house, house.stranger) == []


def test_a_reply_edited_into_a_note_is_cancelled_and_back_is_asked_about(house: House) -> None:
    set_mode(house, "send")
    thread = begun(house)
    reply = replied(house, thread, "// Yes")
    house.slack.edit(reply, "Yes")
    house.work()
    assert texts(house) == [], "what was edited is asked about, even where replies go out at once"
    assert "[Send]" in card(house, thread).plain()
    house.slack.edit(reply, "// Yes")
    house.work()
    assert "Cancelled" in card(house, thread).plain()


def test_an_edit_that_cannot_be_sent_cancels_what_waited(house: House) -> None:
    thread = begun(house)
    reply = replied(house, thread, "Yes")
    house.slack.edit(reply, "a" * 10_001)
    house.work()
    assert is_told(house, "10,000 is the most")
    assert "Cancelled" in card(house, thread).plain()
    house.slack.edit(reply, "Yes!")
    house.work()
    press(house, thread, "Send")
    assert texts(house) == ["Yes!"]


def test_a_link_that_unfurls_changes_nothing_not_even_after_an_edit(house: House) -> None:
    thread = begun(house)
    reply = replied(house, thread, "“https://example.com” " + "a" * 60)
    house.slack.edit(reply, "“https://example.com” now " + "a" * 60)
    house.work()
    press(house, thread, "Replace 2 curly quotes: 1 credit instead of 2")
    saved = card(house, thread).plain()
    assert '"https://example.com" now' in saved
    house.slack.unfurl(reply)
    house.work()
    assert card(house, thread).plain() == saved


def test_a_file_that_is_taken_away_before_send_is_not_texted(house: House) -> None:
    thread = begun(house)
    files = attach(house, house.agent, ("a.jpg", jpeg()), ("b.png", png()))
    reply = share(house, thread, files, "Look")
    assert "3 credits" in card(house, thread).plain()
    house.slack.remove_file(reply, files[0].id)
    house.work()
    shown = card(house, thread).plain()
    assert "a.jpg" not in shown
    assert "b.png" in shown
    house.slack.edit(reply, "Look here")
    house.work()
    assert "b.png" in card(house, thread).plain()
    house.slack.remove_file(reply, files[1].id)
    house.work()
    assert "SMS · 1 × 160 characters · 1 credit" in card(house, thread).plain()
    press(house, thread, "Send")
    assert texts(house) == ["Look here"]
    lone = share(house, thread, attach(house, house.agent, ("c.jpg", jpeg())))
    house.slack.remove_file(lone, lone.said["files"][0]["id"])
    house.work()
    assert "Cancelled" in card(house, thread).plain()
    assert house.audit() == []


# What a line is set to


def test_a_line_that_sends_sends_small_ones_at_once(house: House) -> None:
    set_mode(house, "send", 2)
    thread = begun(house)
    before = len(posts(house, thread))
    replied(house, thread, "Yes")
    house.settle()
    assert texts(house) == ["Yes"]
    assert "Delivered · 1 credit" in card(house, thread).plain()
    assert len(posts(house, thread)) == before + 1
    replied(house, thread, "a" * 400)
    assert "3 credits" in card(house, thread).plain()
    assert "[Send]" in card(house, thread).plain()
    assert len(texts(house)) == 1
    assert house.audit() == []


def test_at_night_a_line_that_sends_asks_first(house: House) -> None:
    set_mode(house, "send")
    thread = begun(house)
    house.settle_quiet(1, 23)  # at every hour but none
    replied(house, thread, "Yes")
    assert texts(house) == []
    assert "where (415) 555-0123 lives" in card(house, thread).plain()
    assert "[Send]" in card(house, thread).plain()


def test_what_is_not_covered_is_asked_about_and_left_whole(house: House) -> None:
    set_mode(house, "send", 1000)
    thread = begun(house)
    replied(house, thread, "a" * 160 * 60)
    house.settle()
    assert house.balance() == 39
    replied(house, thread, "b" * 160 * 50)
    shown = card(house, thread)
    assert "needs 50 credits and 39 are left" in shown.plain()
    assert "[Send]" not in shown.plain()
    credits.grant(house.account().id, "more", 100, reason="test", actor="test", now=clock.now())
    press(house, thread, "Check again")
    press(house, thread, "Send")
    assert house.balance() == 89
    assert house.audit() == []


def test_a_thread_of_notes_texts_nothing(house: House) -> None:
    set_mode(house, "notes")
    thread = begun(house)
    before = len(posts(house, thread))
    reply = replied(house, thread, "He seems nice")
    house.slack.edit(reply, "He seems very nice")
    house.work()
    assert len(posts(house, thread)) == before
    assert texts(house) == []


def test_an_old_reply_is_asked_about_where_others_go_out_at_once(house: House) -> None:
    set_mode(house, "send")
    thread = begun(house)
    with house.slack.held() as events:
        house.slack.reply(house.agent, house.channel, thread, "Coming now")
    with clock.travelled(timedelta(hours=1)):
        events[0].send()
        house.work()
        assert texts(house) == []
        assert "[Send]" in card(house, thread).plain()


# Two people


def test_the_second_of_two_is_told_who_just_answered(house: House) -> None:
    second = join(house, "agent")
    thread = begun(house)
    replied(house, thread, "Yes")
    press(house, thread, "Send")
    replied(house, thread, "Yes, it is", second)
    assert f"@{house.agent} answered 1 minute ago" in card(house, thread).plain()
    press(house, thread, "Send", second)
    assert texts(house) == ["Yes", "Yes, it is"], "it was said on the card"


def test_send_asks_again_if_somebody_answered_since_the_card_was_shown(house: House) -> None:
    second = join(house, "agent")
    thread = begun(house)
    replied(house, thread, "Yes, it is", second)
    shown = card(house, thread)
    replied(house, thread, "Yes")
    press(house, thread, "Send")
    with clock.travelled(timedelta(minutes=15)):
        old = house.slack.signed_press(second, shown, "Send")
        old.send()
        house.work()
        assert texts(house) == ["Yes"]
        said = f"@{house.agent} answered 15 minutes ago. Look again, then press Send."
        assert said in shown.plain()
        assert is_told(house, f"Nothing was sent yet. {said}", second)
        assert house.slack.seen_by(second)[-1].thread_ts == thread
        old.send()
        house.work()
        assert texts(house) == ["Yes"], "the card as it was sends nothing"
        house.slack.press(second, shown, "Send")
        house.settle()
    assert texts(house) == ["Yes", "Yes, it is"]


def test_in_a_line_that_sends_the_second_is_asked(house: House) -> None:
    second = join(house, "agent")
    set_mode(house, "send")
    thread = begun(house)
    replied(house, thread, "Yes")
    house.settle()
    replied(house, thread, "Yes, it is", second)
    assert texts(house) == ["Yes"]
    assert "answered 1 minute ago" in card(house, thread).plain()


def test_only_the_author_and_managers_press(house: House) -> None:
    other, boss = join(house, "agent"), join(house, "manager")
    author = join(house, "agent")
    thread = begun(house)
    replied(house, thread, "Yes", author)
    for user, said in ((other, f"This is @{author}'s text"), (house.stranger, "not on this line")):
        for label in ("Send", "Cancel", "Later…"):
            press(house, thread, label, user)
            assert is_told(house, said, user)
    assert texts(house) == []
    assert "[Send]" in card(house, thread).plain()
    press(house, thread, "Send", boss)
    assert texts(house) == ["Yes"]
    with database.session():
        assert Message.get(Message.direction == "out").author == author


def test_who_left_the_team_can_press_no_more(house: House) -> None:
    author = join(house, "agent")
    thread = begun(house)
    replied(house, thread, "Yes", author)
    people.remove(house.account().id, house.agent, author)
    press(house, thread, "Send", author)
    assert is_told(house, "not on this line's team", author)
    assert texts(house) == []


def test_send_pressed_by_two_people_at_once_sends_once(house: House) -> None:
    boss = join(house, "manager")
    thread = begun(house)
    replied(house, thread, "Yes")
    presses = [
        house.slack.signed_press(user, card(house, thread), "Send")
        for user in (house.agent, boss, house.agent, boss)
    ]
    hands = [threading.Thread(target=one.send) for one in presses]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    house.settle()
    assert texts(house) == ["Yes"]
    assert house.balance() == 98
    assert house.audit() == []


# Price, savings, consent


def test_r6_a_price_that_changed_since_it_was_shown_is_asked_again(house: House) -> None:
    thread = begun(house)
    replied(house, thread, "Yes")
    with database.session():
        Draft.update(credits=7).execute()  # as if the rate card had been dearer then
    press(house, thread, "Send")
    said = "The price has changed since it was shown: 7 credits then, 1 credit now."
    assert said in card(house, thread).plain()
    assert is_told(house, said)
    assert texts(house) == []
    press(house, thread, "Send")
    assert texts(house) == ["Yes"]
    assert "has changed" not in card(house, thread).plain()
    assert house.balance() == 98


def test_r6_a_reply_that_comes_an_hour_late_is_quoted_at_the_price_of_now(house: House) -> None:
    thread = begun(house)
    with house.slack.held() as events:
        house.slack.reply(house.agent, house.channel, thread, "Yes")
    with clock.travelled(timedelta(hours=1)):
        events[0].send()
        house.work()
        assert "1 credit · 98 left after" in card(house, thread).plain()
        press(house, thread, "Send")
    assert texts(house) == ["Yes"]


def test_one_press_takes_a_saving_and_the_card_shows_it(house: House) -> None:
    thread = begun(house)
    replied(house, thread, "“Yes” " + "a" * 80)
    shown = card(house, thread)
    assert "2 credits" in shown.plain()
    old = house.slack.signed_press(house.agent, shown, "Send")
    press(house, thread, "Replace 2 curly quotes: 1 credit instead of 2")
    assert card(house, thread) is shown
    assert '"Yes" aaa' in shown.plain()
    assert "1 credit" in shown.plain()
    old.send()
    house.work()
    assert texts(house) == []
    press(house, thread, "Send")
    assert texts(house) == ['"Yes" ' + "a" * 80]
    assert house.balance() == 98


def test_one_picture_message_instead_of_many(house: House) -> None:
    with database.session():
        Line.update(number="+12025550100").execute()
    house.twilio.add_number("+12025550100")
    house.twilio.text("+12125550123", "+12025550100", "Hi")
    house.work()
    thread = house.thread("+12125550123")[0].ts
    replied(house, thread, "a" * 700)
    press(house, thread, "One picture message: 3 credits instead of 5")
    assert "MMS · 1 × 1,600 characters · 3 credits" in card(house, thread).plain()


def test_a_reply_to_somebody_who_opted_out_is_refused(house: House) -> None:
    thread = begun(house)
    reply = replied(house, thread, "Yes")
    house.twilio.text(ANN, house.line().number, "STOP")
    house.work()
    press(house, thread, "Send") if "[Send]" in card(house, thread).plain() else None
    house.slack.edit(reply, "Please?")
    house.work()
    assert is_told(house, "opted out (texted STOP)")
    replied(house, thread, "Sorry")
    assert is_told(house, "opted out (texted STOP), so nothing can be sent")
    assert texts(house) == []


def test_a_refusal_names_somebody_as_they_are_called_and_calls_nobody(house: House) -> None:
    thread = begun(house)
    house.name(ANN, "Ann <!here> Lee")
    house.twilio.text(ANN, house.line().number, "STOP")
    house.work()
    replied(house, thread, "Sorry")
    [told] = house.slack.seen_by(house.agent)
    assert "Ann &lt;!here&gt; Lee opted out" in told.text


def test_a_sender_that_takes_no_answers_is_said_to_be_one(house: House) -> None:
    thread = begun(house, "BANK")
    replied(house, thread, "Yes")
    assert is_told(house, "This sender takes no answers. Nothing was texted.")


def test_the_first_to_answer_has_the_conversation(house: House) -> None:
    thread = begun(house)
    replied(house, thread, "Yes")
    assert "Waiting for an answer" in house.thread(ANN)[0].plain()
    press(house, thread, "Send")
    root = house.thread(ANN)[0].plain()
    assert f"@{house.agent} looks after it" in root
    assert "Waiting" not in root


def test_a_thread_abroad_costs_what_it_costs(house: House) -> None:
    thread = begun(house, LONDON)
    replied(house, thread, "Yes")
    assert "2 credits" in card(house, thread).plain()
    press(house, thread, "Send")
    assert house.balance() == 96


def test_later_from_the_card_keeps_it_and_the_card_says_when(house: House) -> None:
    thread = begun(house)
    replied(house, thread, "Yes")
    house.slack.press(house.agent, card(house, thread), "Later…")
    view = modal(house)
    tomorrow = int((clock.now() + timedelta(days=1)).timestamp())
    answer = house.slack.submit(house.agent, view, {"at": tomorrow})
    assert answer.status == 200
    house.work()
    assert "[Send now]  [Other time…]  [Cancel]" in card(house, thread).plain()
    assert texts(house) == []
    press(house, thread, "Send now")
    assert texts(house) == ["Yes"]
    assert "Delivered" in card(house, thread).plain()


def test_a_contact_renamed_meanwhile_is_on_the_card_as_it_leaves(house: House) -> None:
    thread = begun(house)
    with database.session():
        Contact.update(name="Ann Lee").execute()
    replied(house, thread, "Yes")
    assert "To Ann Lee · (415) 555-0123" in card(house, thread).plain()
