"""A fault in drawing or posting a card never loses the text: it is posted in a plainer form, what
is wrong is logged once, and nothing behind it waits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from bot import clock
from bot.models import Delivery
from bot.sandbox.slack.files import Refusal
from bot.slack import cards, outcomes
from bot.slack.credits import credit_cards
from bot.slack.talks import thread_cards
from ledger import database
from tests.bot.talks.threads import begun, card, posts, press, replied, texts
from tests.house import ANN, LINE, House


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test is a process that has seen no fault yet."""
    monkeypatch.setattr(outcomes, "_known", {})
    monkeypatch.setattr(outcomes, "log", structlog.get_logger())


def broken(*_: Any, **__: Any) -> cards.Card:
    raise KeyError("Is it still free?")  # as a fault of ours may hold somebody's words


def faults(logs: list[Any]) -> list[Any]:
    return [entry for entry in logs if entry["event"] == "slack.bad_card"]


def parked() -> int:
    with database.session():
        return int(Delivery.select().where(Delivery.state.not_in(["done"])).count())


def refuse(house: House, method: str, when: Callable[[dict[str, Any]], bool], error: str) -> None:
    """Slack refuses such a call in these words."""
    as_it_is = getattr(house.slack, method)

    def picky(**given: Any) -> Any:
        if when(given):
            raise Refusal(error)
        return as_it_is(**given)

    setattr(house.slack, method, picky)


def test_a_text_in_whose_card_cannot_be_drawn_is_shown_plainly(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thread_cards, "text_in", broken)
    house.slack.faults.add("rate_limit", "chat.postMessage", times=2)
    with capture_logs() as logs:
        house.twilio.text(ANN, LINE, "Is it still free?")
        for minutes in range(4):
            with clock.travelled(timedelta(minutes=minutes)):
                house.work()
    shown = house.thread(ANN)[-1]
    assert "Is it still free?" in shown.plain()
    assert "Is it still free?" in shown.text
    said = faults(logs)
    assert len(said) == 1, "however often it was tried"
    assert "KeyError in broken, test_card_faults.py" in said[0]["why"]
    assert "free" not in str(said)
    assert parked() == 0


def test_what_comes_behind_a_card_that_cannot_be_drawn_does_not_wait(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_it_is = thread_cards.text_in
    monkeypatch.setattr(
        thread_cards, "text_in", lambda m, *_: broken() if m.body == "One" else as_it_is(m)
    )
    for body in ("One", "Two", "Three"):
        house.twilio.text(ANN, LINE, body)
    house.work()
    said = [post.plain() for post in house.thread(ANN)[1:]]
    assert [body in words for body, words in zip(("One", "Two", "Three"), said, strict=True)]
    assert parked() == 0


def test_a_root_that_cannot_be_drawn_still_begins_the_thread(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thread_cards, "root", broken)
    with capture_logs() as logs:
        thread = begun(house)
        replied(house, thread, "Yes")
        press(house, thread, "Send")
    assert house.thread(ANN)[0].plain() == ANN
    assert texts(house) == ["Yes"]
    assert len(faults(logs)) == 1, "the root was drawn three times"
    assert parked() == 0


def test_a_reply_whose_card_cannot_be_drawn_can_still_be_sent(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thread_cards, "reply", broken)
    thread = begun(house)
    replied(house, thread, "Yes")
    shown = card(house, thread)
    assert (
        shown.plain() == "Yes\n1 credit. Nothing is sent before you press Send.\n[Send]  [Cancel]"
    )
    assert "Yes (1 credit" in shown.text
    press(house, thread, "Send")
    assert texts(house) == ["Yes"]
    assert "Delivered" in card(house, thread).plain()


def test_a_text_out_whose_card_cannot_be_drawn_is_shown_plainly(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thread_cards, "text_out", broken)
    thread = begun(house)
    replied(house, thread, "Yes")
    with capture_logs() as logs:
        press(house, thread, "Send")
        house.send(ANN, "See you")
        house.settle()
    assert [post.plain() for post in posts(house, thread)[1:]] == [
        f"@{house.agent} texted:\nYes", f"@{house.agent} texted:\nSee you",
    ]  # fmt: skip
    assert "[Send]" not in card(house, thread).plain()
    assert len(faults(logs)) == 2, "once of each text"
    assert parked() == 0


def test_a_text_whose_state_cannot_be_said_is_shown_without(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread = begun(house)
    monkeypatch.setattr(thread_cards, "state_of", broken)
    with capture_logs() as logs:
        house.send(ANN, "See you")
        house.settle()
    assert card(house, thread).plain() == f"@{house.agent} texted:\nSee you"
    assert len(faults(logs)) == 1
    assert parked() == 0


@pytest.mark.parametrize(
    "error", ["invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "no_text"]
)
def test_a_card_that_slack_refuses_is_posted_as_its_text(house: House, error: str) -> None:
    refuse(house, "_chat_postMessage", lambda given: bool(given.get("blocks")), error)
    refuse(house, "_chat_update", lambda given: bool(given.get("blocks")), error)
    with capture_logs() as logs:
        thread = begun(house)
        replied(house, thread, "Yes")
    assert [post.blocks for post in house.thread(ANN)] == [[], [], house.thread(ANN)[2].blocks, []]
    assert "Is it still free?" in house.thread(ANN)[1].plain()
    assert "Yes" in card(house, thread).plain()
    assert {entry["why"] for entry in faults(logs)} == {error}
    assert len(faults(logs)) == 3, "once of root, text and reply"
    assert parked() == 0


def test_an_update_that_slack_refuses_takes_the_old_blocks_away(house: House) -> None:
    thread = begun(house)
    replied(house, thread, "Yes")
    refuse(house, "_chat_update", lambda given: bool(given.get("blocks")), "invalid_blocks")
    press(house, thread, "Send")
    shown = card(house, thread)
    assert shown.blocks == [], "or Send would still be there"
    assert "Yes" in shown.plain()
    assert "Delivered" in shown.plain()


def test_a_text_longer_than_slack_lets_an_update_say_is_updated(house: House) -> None:
    thread = begun(house)
    replied(house, thread, "a" * 9_000)
    press(house, thread, "Send")
    shown = card(house, thread)
    assert "Delivered · 57 credits" in shown.plain()
    assert shown.plain().count("a" * 3_000) == 3
    assert parked() == 0


def test_a_card_too_large_by_our_own_count_is_not_even_tried(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = {"text": "Is it still free?", "blocks": [{"type": "divider"}] * 51}
    monkeypatch.setattr(thread_cards, "text_in", lambda *_: large)
    with capture_logs() as logs:
        begun(house)
    assert "Is it still free?" in house.thread(ANN)[1].plain()
    assert len(faults(logs)) == 1
    assert parked() == 0


def test_a_notice_that_cannot_be_drawn_is_said_plainly(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credit_cards, "notice", broken)
    for parts in (50, 40):
        house.send(ANN, "a" * 160 * parts)
    house.settle()
    house.tick()
    assert any("90% of your credits are used" in post.plain() for post in house.told(house.agent))
    assert parked() == 0


def test_slack_that_is_away_while_a_card_is_drawn_is_no_fault_of_the_card(house: House) -> None:
    thread = begun(house)
    with capture_logs() as logs:
        from bot.talks.models import Conversation

        with database.session():
            Conversation.update(former_ts="1700000000.000001").execute()
        house.slack.faults.add("error", "auth.test", times=1)
        replied(house, thread, "Yes")
        press(house, thread, "Send")
        with clock.travelled(timedelta(minutes=1)):
            house.work()
    assert faults(logs) == []
    assert "the thread before this one" in house.thread(ANN)[0].plain()
