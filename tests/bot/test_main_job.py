"""The main job, over HTTP from end to end: a text in, a text out, the books."""

from __future__ import annotations

from bot.sandbox import wait
from tests.house import ANN, House


def test_a_text_in_becomes_a_thread_and_is_charged(house: House) -> None:
    house.twilio.text(ANN, house.line().number, "Is the house still for sale?")
    house.work()

    root, reply = house.thread(ANN)
    assert "(415) 555-0123" in root.plain()
    assert "Waiting for an answer" in root.plain()
    assert "Is the house still for sale?" in reply.plain()
    assert house.balance() == 99
    assert house.audit() == []


def test_a_command_quotes_and_send_texts_and_charges(house: House) -> None:
    card = house.ask(f"{ANN} See you at 3")
    assert "SMS · 1 × 160 characters · 1 credit · 99 left after" in card.plain()
    assert house.twilio.sent_to(ANN) == []

    house.slack.press(house.agent, card, "Send")
    wait(lambda: "On its way" in card.plain())
    house.settle()

    assert [text.body for text in house.twilio.sent_to(ANN)] == ["See you at 3"]
    _, text = house.thread(ANN)
    assert "See you at 3" in text.plain()
    assert "Delivered" in text.plain()
    assert house.balance() == 99
    assert house.audit() == []
