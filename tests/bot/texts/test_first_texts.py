"""R21: the first text to a contact says how to opt out; that is shown in the quote, and free."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot import clock
from bot.contacts import hours
from bot.contacts.models import Contact
from bot.sandbox import Sandbox
from bot.talks.models import Conversation, Message, Part
from bot.team import accounts
from bot.texts import first_texts
from ledger import database
from tests.bot.talks.threads import begun, card, is_told, modal, press, replied, texts
from tests.house import ANN, House

WORDS = "Reply STOP to opt out."


@pytest.fixture
def house(books: str, sandbox: Sandbox):  # type: ignore[no-untyped-def]
    with House(books, sandbox).serving() as built:
        built.settle_words(WORDS)
        yield built


def test_r21_the_first_text_and_only_that_says_how_to_opt_out(house: House) -> None:
    thread = begun(house)
    for body in ("Yes", "Until Friday"):
        replied(house, thread, body)
        press(house, thread, "Send")
    house.send(ANN, "See you")
    house.settle()
    assert texts(house) == [f"Yes\n{WORDS}", "Until Friday", "See you"]
    assert house.balance() == 96
    assert house.audit() == []


def test_r21_every_card_shows_the_words_and_that_they_are_free(house: House) -> None:
    thread = begun(house)
    said = f"{WORDS} (added to a first text, free)"
    replied(house, thread, "Yes")
    for shown in (card(house, thread), house.ask(f"{ANN} Hello")):
        assert said in shown.plain()
        assert said in shown.text
        assert "1 credit" in shown.plain()
    house.slack.press(house.agent, card(house, thread), "Later…")
    at = int((clock.now() + timedelta(days=1)).timestamp())
    house.slack.submit(house.agent, modal(house), {"at": at})
    house.work()
    assert said in card(house, thread).plain()
    assert said in card(house, thread).text
    press(house, thread, "Send now")
    assert WORDS in card(house, thread).plain()


@pytest.mark.parametrize(
    ("body", "credits", "leaves"),
    [
        ("a" * 160, 1, ["a" * 160 + f"\n{WORDS}"]),
        ("é" * 160, 1, ["é" * 160 + f"\n{WORDS}"]),
        ("я" * 70, 1, ["я" * 70 + f"\n{WORDS}"]),
        ("a" * 161, 2, ["a" * 161 + f"\n{WORDS}"]),
        ("a" * 1577, 10, ["a" * 1577 + f"\n{WORDS}"]),
        ("a" * 1578, 10, ["a" * 1578, WORDS]),
        ("a" * 1600, 10, ["a" * 1600, WORDS]),
        ("a" * 1599 + " " + "b" * 100, 11, ["a" * 1599 + " ", "b" * 100 + f"\n{WORDS}"]),
    ],
)
def test_r21_the_words_are_neither_in_the_price_nor_a_message(
    house: House, body: str, credits: int, leaves: list[str]
) -> None:
    thread = begun(house)
    replied(house, thread, body)
    assert f"{credits} credit" in card(house, thread).plain()
    press(house, thread, "Send")
    assert texts(house) == leaves
    assert house.balance() == 99 - credits
    with database.session():
        message = Message.get(Message.direction == "out")
        parts = list(Part.select().where(Part.message == message).order_by(Part.number))
    assert (message.credits, message.words) == (credits, WORDS)
    assert sum(part.credits for part in parts) == credits
    assert message.carrier_segments >= 1, "the operator's own cost counts them"
    assert house.audit() == []


def test_r21_the_account_words_them(house: House) -> None:
    account = house.account().id
    accounts.settle_policy(account, house.agent, "Harbor Homes. STOP ends this.", 20, 9, 3, 60)
    thread = begun(house)
    replied(house, thread, "Yes")
    assert "Harbor Homes. STOP ends this. (added" in card(house, thread).plain()
    press(house, thread, "Send")
    assert texts(house) == ["Yes\nHarbor Homes. STOP ends this."]


def test_r21_words_that_were_changed_since_are_shown_before_they_are_sent(house: House) -> None:
    thread = begun(house)
    replied(house, thread, "Yes")
    accounts.settle_policy(house.account().id, house.agent, "Text STOP to end.", 20, 9, 3, 60)
    press(house, thread, "Send")
    assert is_told(house, "Nothing was sent yet. This text will say how to opt out.")
    assert "Text STOP to end. (added" in card(house, thread).plain()
    press(house, thread, "Send")
    assert texts(house) == ["Yes\nText STOP to end."]


def test_r21_of_two_cards_for_one_stranger_only_the_first_to_go_carries_them(
    house: House,
) -> None:
    cards = [house.ask(f"{ANN} {body}") for body in ("One", "Two")]
    for shown in reversed(cards):
        assert WORDS in shown.plain()
        house.slack.press(house.agent, shown, "Send")
    house.settle()
    assert texts(house) == [f"Two\n{WORDS}", "One"]
    assert house.audit() == []


def test_r21_a_first_text_that_never_reached_the_carrier_was_none(house: House) -> None:
    thread = begun(house)
    house.twilio.outcome(ANN, "failed", 30001)
    replied(house, thread, "Yes")
    press(house, thread, "Send")
    house.twilio.outcome(ANN, "delivered")
    replied(house, thread, "Yes, really")
    press(house, thread, "Send")
    replied(house, thread, "And more")
    press(house, thread, "Send")
    assert texts(house) == [f"Yes\n{WORDS}", f"Yes, really\n{WORDS}", "And more"]


def test_r21_an_automated_text_says_it_again_after_30_quiet_days(house: House) -> None:
    thread = begun(house)
    replied(house, thread, "Yes")
    press(house, thread, "Send")
    account = house.account().id
    with database.session():
        ann, last = Contact.get(), Conversation.get().last_text_at
        for days, automated, said in (
            (0, True, ""),
            (29, True, ""),
            (30, True, WORDS),
            (30, False, ""),
            (400, False, ""),
            (400, True, WORDS),
        ):
            then = last + timedelta(days=days)
            assert first_texts.words(account, ann, then, automated=automated) == said, days
    house.twilio.text(ANN, house.line().number, "Still there")
    house.work()
    with database.session():
        assert hours.policy(account).opt_out_words == WORDS
        then = last + timedelta(days=30) - timedelta(seconds=1)
        assert first_texts.words(account, Contact.get(), then, automated=True) == ""
        unknown = first_texts.words(account, None, then, automated=False)
        assert unknown == WORDS, "a number nobody has texted with"
