"""A text out: the quote, the card, Send, and what becomes of it."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from bot import clock
from bot.contacts.models import Contact
from bot.sandbox import Sandbox, wait
from bot.slack import cards
from bot.slack.limits import check, check_view
from bot.talks.models import Message, Part
from bot.texts import drafts
from bot.texts.models import Draft
from ledger import database, plans, rates
from tests.house import ANN, LINE, LONDON, House


def test_nothing_is_sent_before_send_is_pressed(house: House) -> None:
    house.ask(f"{ANN} Hello")
    house.work()
    assert house.twilio.sent_to(ANN) == []
    assert house.balance() == 100


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (f"{ANN} Hello", "SMS · 1 × 160 characters · 1 credit · 99 left after"),
        (f"{LONDON} Hello", "SMS · 1 × 160 characters · 2 credits · 98 left after"),
        ("(415) 555-0123 Hello", "1 credit"),
        ("415-555-0123 Hello", "1 credit"),
        ("<tel:+14155550123|+14155550123> Hello", "1 credit"),
        (f"{ANN} " + "a" * 300, "SMS · 2 × 160 characters · 2 credits · 98 left after"),
        (f"{ANN} Hi :tada:", "SMS · 1 × 70 characters · emoji or special characters · 1 credit"),
        (f"{ANN} Tom &amp; Ann &lt;3", "Tom & Ann <3"),
        (f"{ANN} see <http://example.com|example.com>", "see example.com"),
    ],
)
def test_the_card_shows_what_will_arrive_and_its_exact_price(
    house: House, typed: str, shown: str
) -> None:
    assert shown in house.ask(typed).plain()


def test_the_cards_text_alone_carries_the_whole_meaning(house: House) -> None:
    card = house.ask(f"{ANN} Hello")
    for part in ("(415) 555-0123", "Hello", "1 credit", "99 left after"):
        assert part in card.text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("help", "shows what a text costs"),
        ("Nobody Hello", "is no number and no contact"),
        ("12 Hello", "is no number and no contact"),
        (f"{ANN} " + "a" * 10_001, "10,000 is the most"),
    ],
)
def test_what_cannot_be_quoted_is_said_in_plain_words(house: House, typed: str, said: str) -> None:
    assert said in house.ask(typed).plain()


@pytest.mark.parametrize(
    "number",
    ["555-0123", "5550123", "555.0123", "555 0123", "+15550123", "+1 555-0123"],
)
def test_a_number_without_its_area_code_is_refused_and_never_made_up(
    house: House, number: str
) -> None:
    said = house.ask(f"{number} Hi").plain()
    assert f"“{number}” lacks its area code. Write it with one." in said
    assert "lacks its area code" in house.ask(f"tag {number} buyer", "/contacts").plain()
    assert (
        "1 credit. Nothing was sent: `/text` sends."
        in house.ask(f"{number} is mine", "/quote").plain()
    )
    with database.session():
        assert Draft.select().count() == Contact.select().count() == 0


def test_a_contact_is_found_by_name_and_two_of_one_name_are_not_guessed(house: House) -> None:
    for number in (ANN, LONDON):
        house.twilio.text(number, house.line().number, "Hi")
    house.work()
    house.name(ANN, "Ann Lee")
    assert "To Ann Lee · (415) 555-0123" in house.ask("ann lee Hello").plain()
    assert "To Ann Lee" in house.ask('"Ann Lee" Hello').plain()
    house.name(LONDON, "Ann Lee")
    assert "Several contacts are called" in house.ask("Ann Lee Hello").plain()


def test_quote_shows_a_price_and_sends_nothing(house: House) -> None:
    own = house.ask("See you at 3", "/quote").plain()
    assert "SMS · 1 × 160 characters · 1 credit. Nothing was sent: `/text` sends." in own
    assert "2 credits" in house.ask(f"{LONDON} See you at 3", "/quote").plain()
    with database.session():
        assert Draft.select().count() == 0


def test_a_stranger_can_neither_quote_nor_send(house: House) -> None:
    refused = house.ask(f"{ANN} Hello", user=house.stranger)
    assert "You are not on this line's team" in refused.plain()
    card = house.ask(f"{ANN} Hello")
    house.slack.press(house.stranger, card, "Send")
    house.work()
    assert house.twilio.sent_to(ANN) == []


def test_send_pressed_twice_at_once_sends_once(house: House) -> None:
    card = house.ask(f"{ANN} Hello")
    presses = [house.slack.signed_press(house.agent, card, "Send") for _ in range(8)]
    threads = [threading.Thread(target=press.send) for press in presses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    house.settle()
    assert len(house.twilio.sent_to(ANN)) == 1
    assert house.balance() == 99
    assert house.audit() == []


def test_r14_send_is_refused_when_credits_ran_out_meanwhile(house: House) -> None:
    cards = [house.ask(f"{ANN} " + "a" * 160 * 60) for _ in range(2)]
    for card in cards:
        house.slack.press(house.agent, card, "Send")
    wait(lambda: any("needs 60 credits" in c.plain() for c in house.slack.seen_by(house.agent)))
    house.settle()
    assert house.balance() == 40
    assert house.audit() == []


def test_a_card_that_credits_do_not_cover_has_no_send(house: House) -> None:
    card = house.ask(f"{ANN} " + "a" * 10_000 + "")
    assert card.plain().count("[Send]") == 1
    card = house.ask(f"{LONDON} " + "a" * 10_000)
    assert "That text needs 126 credits and 100 are left" in card.plain()
    assert "[Send]" not in card.plain()


def test_edit_quotes_again_and_the_old_card_sends_nothing(house: House) -> None:
    card = house.ask(f"{ANN} Hello")
    old_press = house.slack.signed_press(house.agent, card, "Send")
    view = house.opens(lambda: house.slack.press(house.agent, card, "Edit"))
    house.slack.submit(house.agent, view, {"body": "Hello " * 40})
    wait(lambda: "2 credits" in card.plain())
    old_press.send()
    house.work()
    assert house.twilio.sent_to(ANN) == []
    house.slack.press(house.agent, card, "Send")
    house.settle()
    assert [text.body for text in house.twilio.sent_to(ANN)] == [("Hello " * 40).strip()]
    assert house.balance() == 98


def test_an_empty_edit_is_refused_in_the_modal(house: House) -> None:
    card = house.ask(f"{ANN} Hello")
    view = house.opens(lambda: house.slack.press(house.agent, card, "Edit"))
    answer = house.slack.submit(house.agent, view, {"body": "  "})
    assert answer.json["response_action"] == "errors"


def test_a_text_too_long_for_slacks_form_is_not_cut(house: House) -> None:
    card = house.ask(f"{ANN} " + "a" * 3_001)
    said = house.hears(lambda: house.slack.press(house.agent, card, "Edit")).plain()
    assert "Slack's form holds 3,000 characters" in said
    with pytest.raises(LookupError):
        house.slack.open_view(house.agent)


def test_every_card_and_modal_keeps_slacks_limits(house: House) -> None:
    for body in ("x", "é" * 3_000, "😀" * 2_400, "a" * 10_000):
        offer = drafts.quote(house.agent, house.channel, f"{ANN} {body}", clock.now())
        check(cards.offer(offer)["blocks"])
    check_view(cards.edit_view("d" * 16, "a" * 3_000, "https://hooks.slack.com/" + "x" * 200))


def test_cancel_throws_the_draft_away(house: House) -> None:
    card = house.ask(f"{ANN} Hello")
    press = house.slack.signed_press(house.agent, card, "Send")
    house.slack.press(house.agent, card, "Cancel")
    wait(lambda: "Cancelled" in card.plain())
    press.send()
    house.work()
    assert house.twilio.sent_to(ANN) == []
    assert house.balance() == 100


def test_r6_a_price_that_changed_since_it_was_shown_is_asked_again(house: House) -> None:
    card = house.ask(f"{ANN} Hello")
    with database.session():
        Draft.update(credits=7).execute()  # as if the rate card had been dearer then
    house.slack.press(house.agent, card, "Send")
    wait(lambda: "The price has changed" in card.plain())
    house.work()
    assert house.twilio.sent_to(ANN) == []
    house.slack.press(house.agent, card, "Send")
    house.settle()
    assert len(house.twilio.sent_to(ANN)) == 1
    assert house.balance() == 99


def test_r2_an_operator_may_price_by_what_the_carrier_counts(
    books: str, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "CARD", rates.CARD)  # as it is now, when this is over
    own = tmp_path / "plans.toml"
    own.write_text(plans.SHIPPED.read_text().replace('count = "flat"', 'count = "carrier"'))
    with House(books, sandbox, PLANS_FILE=str(own)).serving() as house:
        card = house.ask(f"{ANN} " + "a" * 307)
        assert "SMS · 3 × 153 characters · 3 credits · 97 left after" in card.plain()
        house.slack.press(house.agent, card, "Send")
        house.settle()
        assert len(house.twilio.sent_to(ANN)) == 1
        house.twilio.text(ANN, LINE, "b" * 155)
        house.twilio.text(ANN, LINE, "c" * 161)
        house.settle()
        assert house.balance() == 97 - 1 - 2


def test_r5_a_long_text_leaves_in_parts_that_keep_their_order(house: House) -> None:
    body = "word " * 500
    house.send(ANN, body)
    house.settle()
    sent = [text.body for text in house.twilio.sent_to(ANN)]
    assert len(sent) == 2
    assert "".join(sent) == body.strip()
    assert house.balance() == 100 - 16
    assert house.audit() == []


def test_a_refused_text_is_refunded_and_the_agent_told_why(house: House) -> None:
    house.twilio.refuse(ANN, 21211)
    house.send(ANN, "Hello")
    house.settle()
    _, text, remark = house.thread(ANN)
    assert "Not sent: The number does not exist" in text.plain()
    assert "1 credit given back" in text.plain()
    assert f"@{house.agent} Your text to (415) 555-0123 did not arrive" in remark.plain()
    assert house.balance() == 100
    assert house.audit() == []


@pytest.mark.parametrize(
    ("status", "code", "balance"),
    [
        ("undelivered", 30005, 99),  # the carrier had taken it
        ("undelivered", 30036, 100),  # it expired before
        ("failed", 30001, 100),
        ("failed", None, 100),
        ("undelivered", 99999, 99),
    ],
)
def test_r14_what_never_reached_the_carrier_is_refunded(
    house: House, status: str, code: int | None, balance: int
) -> None:
    house.twilio.outcome(ANN, status, code)
    house.send(ANN, "Hello")
    house.settle()
    assert house.balance() == balance
    assert house.audit() == []


def test_r14_a_setting_gives_back_what_the_carrier_did_not_deliver(
    books: str, sandbox: Sandbox
) -> None:
    with House(books, sandbox, REFUND_UNDELIVERED="true").serving() as house:
        house.twilio.outcome(ANN, "undelivered", 30005)
        house.send(ANN, "Hello")
        house.settle()
        assert house.balance() == 100
        assert house.audit() == []


def test_r14_a_part_that_fails_gives_back_its_share(house: House) -> None:
    house.send(ANN, "word " * 500)
    house.twilio.faults.clear()
    house.twilio.outcome(ANN, "failed", 30008)
    house.settle()
    assert house.balance() == 100
    with database.session():
        assert Message.get().refunded == 16
        assert [part.status for part in Part.select()] == ["failed", "failed"]
    assert house.audit() == []


def test_late_and_repeated_callbacks_change_nothing(house: House) -> None:
    house.twilio.callbacks.repeat, house.twilio.callbacks.shuffle = 3, True
    house.send(ANN, "Hello")
    house.settle()
    _, text = house.thread(ANN)
    assert "Delivered" in text.plain()
    with database.session():
        assert Part.get().status == "delivered"
    assert house.audit() == []


def test_a_text_to_somebody_who_said_stop_is_refused_by_every_path(house: House) -> None:
    late = house.ask(f"{ANN} Before the STOP")
    house.twilio.text(ANN, house.line().number, "Stop")
    house.work()
    assert "opted out (texted STOP)" in house.ask(f"{ANN} Hello").plain()
    house.slack.press(house.agent, late, "Send")
    house.work()
    assert house.twilio.sent_to(ANN) == []
    assert "Opted out (texted STOP)" in house.thread(ANN)[0].plain()
    house.twilio.text(ANN, house.line().number, "START")
    house.work()
    assert "left after" in house.ask(f"{ANN} Hello").plain()


def test_stop_is_heeded_between_send_and_the_call(house: House) -> None:
    house.send(ANN, "Hello")
    house.twilio.text(ANN, house.line().number, "STOP")
    house.apply()
    house.work()
    assert house.twilio.sent_to(ANN) == []
    assert house.balance() == 99  # the STOP itself
    assert house.audit() == []


def test_an_opt_out_that_only_twilio_knows_of_is_learnt(house: House) -> None:
    house.twilio.opted_out.add((house.line().number, ANN))
    house.send(ANN, "Hello")
    house.settle()
    assert "opted out (Twilio refused a text)" in house.ask(f"{ANN} Hello again").plain()
    assert house.balance() == 100


def test_a_status_that_never_came_is_asked_for_after_an_hour(house: House) -> None:
    from bot.twilio import poll
    from bot.twilio.accounts import Accounts

    house.twilio.callbacks.withhold = True
    house.send(ANN, "Hello")
    house.settle()
    twilio = Accounts(house.settings)
    assert poll.overdue_statuses(twilio, False) == 0
    with clock.travelled(timedelta(hours=1, minutes=1)):
        assert poll.overdue_statuses(twilio, False) == 1
        assert poll.overdue_statuses(twilio, False) == 0
        house.work()
    assert "Delivered" in house.thread(ANN)[1].plain()


def test_a_status_that_is_not_final_after_an_hour_is_asked_for_after_a_day(house: House) -> None:
    from bot.twilio import poll
    from bot.twilio.accounts import Accounts

    house.twilio.callbacks.withhold = True
    house.twilio.outcome(ANN, "sent")
    house.send(ANN, "Hello")
    house.settle()
    twilio = Accounts(house.settings)
    for hours, asked in ((2, 1), (12, 0), (25, 1), (60, 0)):
        with clock.travelled(timedelta(hours=hours)):
            assert poll.overdue_statuses(twilio, False) == asked


def test_a_status_that_nobody_knows_holds_up_no_other(house: House) -> None:
    from bot.twilio import poll
    from bot.twilio.accounts import Accounts

    house.twilio.callbacks.withhold = True
    house.send(ANN, "Hello")
    house.work()
    house.send(LONDON, "Hello")
    house.settle()
    house.twilio.sent_to(ANN)[0].status = "pondering"
    with clock.travelled(timedelta(hours=2)):
        assert poll.overdue_statuses(Accounts(house.settings), False) == 2
        house.work()
    assert "Delivered" in house.thread(LONDON)[1].plain()


def test_slow_slack_does_not_hold_up_a_text(house: House) -> None:
    house.slack.faults.add("error", "chat.postMessage", times=None)
    house.send(ANN, "Hello")
    house.settle()
    assert [text.body for text in house.twilio.sent_to(ANN)] == ["Hello"]
