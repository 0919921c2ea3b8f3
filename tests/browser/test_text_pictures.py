"""A text's card and what becomes of it, drawn; and what is said when something is in the way."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Browser

from bot import clock
from tests.bot.talks.test_conversations import choose
from tests.bot.talks.test_outages import a_while, break_
from tests.bot.texts.test_later import its_time, later
from tests.browser.harbor import BEN, at_noon, minutes, texts
from tests.browser.test_pictures import drawn, look, office
from tests.house import ANN, LINE, House

__all__ = ["office"]
VIEWING = "Hi Ben, it’s Dana. The viewing is on Friday at 3. Shall I send you the plans?"


def test_a_card_its_edit_and_a_text_that_does_not_arrive(
    office: House, browser: Browser, tmp_path: Path
) -> None:
    with at_noon(office):
        texts(office, BEN, "Is it still free?")
        office.settle_words("Harbor Homes. Reply STOP to opt out.")
        card = office.ask(f"Ben Ortiz {VIEWING}")
        look(browser, "card", drawn(office, "Card", [card]), tmp_path, [
            "To Ben Ortiz · (415) 555-0124", "Replace 1 curly quote: 1 credit instead of 2",
            "Reply STOP to opt out. (added to a first text, free)", "Edit", "Later…", "Cancel",
        ])  # fmt: skip
        view = office.modal(office.agent, card, "Edit")
        look(browser, "card-edit", drawn(office, "Edit", view=view), tmp_path, [
            "What they will read", "Show the price",
        ])  # fmt: skip
        office.slack.close_modals(office.agent)
        price = office.ask(f"{BEN} See you at 3", "/quote")
        look(browser, "quote", drawn(office, "Quote", [price]), tmp_path, ["Nothing was sent: "])
        office.twilio.outcome(BEN, "failed", 30005)
        office.hears(lambda: office.slack.press(office.agent, card, "Send"))
        office.settle()
        look(browser, "failed", drawn(office, "Failed", office.thread(BEN)[1:]), tmp_path, [
            "Not sent", "given back", "@Dana Your text to Ben Ortiz did not arrive",
        ])  # fmt: skip


def test_a_scheduled_text_that_comes_back(office: House, browser: Browser, tmp_path: Path) -> None:
    with at_noon(office):
        texts(office, ANN, "Is it still free?")
        later(office, "See you at six, then.", 3)
        with clock.travelled(timedelta(hours=1)):
            texts(office, ANN, "We cannot come at six after all.")
        its_time(office, 3)
        look(browser, "came-back", drawn(office, "Back", office.thread(ANN)[1:]), tmp_path, [
            "We cannot come at six after all.", "See you at six, then.", "Send",
        ])  # fmt: skip


def test_a_brake_and_a_blocked_sender(office: House, browser: Browser, tmp_path: Path) -> None:
    with at_noon(office):
        for place in range(20):
            with clock.travelled(minutes(place / 10)):
                office.twilio.text(ANN, LINE, "Thanks for your text! We are open from 9 to 5.")
                office.work()
        with clock.travelled(minutes(2)):
            choose(office, "Block this sender")
            posts = office.thread(ANN)
            shown = [posts[0], *posts[-3:]]
            look(browser, "brake", drawn(office, "Brake", shown), tmp_path, [
                "Blocked", "blocked (415) 555-0123", "Unblock",
            ])  # fmt: skip


def test_a_channel_that_takes_nothing(office: House, browser: Browser, tmp_path: Path) -> None:
    with at_noon(office):
        texts(office, ANN, "Is it still free?")
        break_(office, "archived")
        office.work()
        office.twilio.text(ANN, LINE, "We could come on Friday.")
        office.work()
        a_while(office, 5, 10)
        look(browser, "outage", drawn(office, "Outage", office.told(office.agent)), tmp_path, [
            "A text cannot be shown in #leads", "the channel is archived", "To answer now",
        ])  # fmt: skip
