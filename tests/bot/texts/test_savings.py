"""Savings on a card: what is offered, taken by one press, and charged."""

from __future__ import annotations

import pytest

from bot.lines.models import Line
from bot.sandbox import wait
from bot.talks.models import Message
from bot.texts.models import Draft
from ledger import database, rates, savings
from tests.bot.talks import threads
from tests.house import ANN, LONDON, House

LONG = "a" * 700

CASES = [
    (ANN, "“" + "a" * 100 + "”", "Replace 2 curly quotes: 1 credit instead of 2", 1),
    (ANN, "It’s " + "a" * 100, "Replace 1 curly quote: 1 credit instead of 2", 1),
    (ANN, "3\u00a0pm " + "a" * 100, "Replace 1 special character: 1 credit instead of 2", 1),
    (ANN, "Ann — " + "a" * 100 + "…", "Replace 2 special characters: 1 credit instead of 2", 1),
    (ANN, "1½ hours " + "a" * 100, "Replace 1 special character: 1 credit instead of 2", 1),
    (LONDON, "“" + "a" * 100 + "”", "Replace 2 curly quotes: 2 credits instead of 4", 2),
    (ANN, LONG, "One picture message: 3 credits instead of 5", 3),
    (ANN, "🎉" + "a" * 210, "One picture message: 3 credits instead of 4", 3),
]


@pytest.mark.parametrize(("number", "body", "label", "credits"), CASES)
def test_on_the_card_of_a_command_one_press_takes_it(
    house: House, number: str, body: str, label: str, credits: int
) -> None:
    card = house.ask(f"{number} {body}")
    assert f"[{label}]" in card.plain()
    house.slack.press(house.agent, card, label)
    wait(lambda: label not in card.plain())
    assert f"· {credits} credit" in card.plain()
    house.slack.press(house.agent, card, "Send")
    wait(lambda: "On its way" in card.plain())
    house.settle()
    check_sent(house, number, body, credits)


@pytest.mark.parametrize(("number", "body", "label", "credits"), CASES)
def test_on_the_card_of_a_reply_one_press_takes_it(
    house: House, number: str, body: str, label: str, credits: int
) -> None:
    thread = threads.begun(house, number)
    before = house.balance()
    threads.replied(house, thread, body)
    assert f"[{label}]" in threads.card(house, thread).plain()
    threads.press(house, thread, label)
    assert f"· {credits} credit" in threads.card(house, thread).plain()
    threads.press(house, thread, "Send")
    check_sent(house, number, body, credits, before)


def check_sent(
    house: House, number: str, body: str, credits: int, before: int = 100
) -> None:  # fmt: skip
    """It went out as it was shown, was charged so, and says what was written."""
    with database.session():
        message = Message.get(Message.direction == "out")
    assert message.body == (body if message.kind == "mms" else savings.to_plain(body))
    assert message.credits == credits
    assert house.balance() == before - credits
    assert "".join(text.body for text in house.twilio.sent_to(number)) == message.body
    assert house.audit() == []


@pytest.mark.parametrize(
    ("number", "body"),
    [
        (ANN, "Hello"),
        (ANN, "“Hello”"),  # one credit as it is
        (ANN, "a" * 320),  # two, and a picture message three
        (LONDON, LONG),  # no picture message goes abroad
    ],
)
def test_where_nothing_is_saved_nothing_is_offered(house: House, number: str, body: str) -> None:
    said = house.ask(f"{number} {body}").plain()
    assert "instead of" not in said


def test_no_picture_message_is_offered_from_a_line_abroad(house: House) -> None:
    with database.session():
        Line.update(number="+442079460001").execute()
    assert "picture message" not in house.ask(f"{ANN} {LONG}").plain()


def test_two_savings_are_offered_with_the_cheaper_first(house: House) -> None:
    said = house.ask(f"{ANN} " + "“" + "a" * 300 + "”").plain()
    plain = said.index("Replace 2 curly quotes: 2 credits instead of 5")
    assert plain < said.index("One picture message: 3 credits instead of 5")


def test_r6_a_saving_is_quoted_again_when_it_is_sent(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = house.ask(f"{ANN} {LONG}")
    house.slack.press(house.agent, card, "One picture message: 3 credits instead of 5")
    wait(lambda: "MMS · 1 × 1,600 characters · 3 credits" in card.plain())
    monkeypatch.setattr(rates, "CARD", rates.RateCard(mms=4))  # an operator's new one
    house.slack.press(house.agent, card, "Send")
    wait(lambda: "4 credits" in card.plain())
    house.work()
    assert house.twilio.sent_to(ANN) == []
    house.slack.press(house.agent, card, "Send")
    house.settle()
    assert len(house.twilio.sent_to(ANN)) == 1
    assert house.balance() == 96


def test_a_saving_of_an_old_card_is_not_taken(house: House) -> None:
    card = house.ask(f"{ANN} {LONG}")
    press = house.slack.signed_press(
        house.agent, card, "One picture message: 3 credits instead of 5"
    )
    press.send()
    wait(lambda: "MMS · 1 × 1,600 characters · 3 credits" in card.plain())
    press.send()
    wait(lambda: "out of date" in house.slack.seen_by(house.agent)[-1].plain())
    with database.session():
        assert Draft.get().as_mms
