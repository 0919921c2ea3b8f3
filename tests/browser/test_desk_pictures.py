"""The desk, drawn: a thread's root with its handles, who waits, what is scheduled, an opt-out."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from bot import clock
from tests.bot.talks.test_conversations import root
from tests.bot.texts.test_later import later
from tests.browser.harbor import BEN, CEM, GRACE, at_noon, minutes, texts
from tests.browser.test_pictures import drawn, look, office
from tests.house import ANN, LINE, House

__all__ = ["office"]


def test_a_thread_from_a_strangers_first_text_to_its_close(
    office: House, browser: Browser, tmp_path: Path
) -> None:
    with at_noon(office):
        place = {"FromCity": "SAN FRANCISCO", "FromState": "CA"}
        office.twilio.text(ANN, LINE, "Hi, is the house on Harbor Street still free?", **place)
        office.work()
        look(browser, "thread-new", drawn(office, "New", office.thread(ANN), menu="talk_more"),
             tmp_path, [
            "(415) 555-0123", "New contact · San Francisco, CA", "Name this contact", "Assign to…",
            "Waiting for an answer since today at 12:00 PM", "Close", "Put off…",
            "They asked for no more texts", "Block this sender",
        ])  # fmt: skip
        texts(office, ANN, "We could come on Friday.")
        office.slack.choose(office.agent, root(office), "talk_assign", office.clerk)
        office.work()
        with clock.travelled(minutes(5)):
            office.slack.choose(office.clerk, root(office), "talk_more", "Put off…")
            view = office.slack.open_view(office.clerk)
            look(browser, "snooze", drawn(office, "Put off", view=view), tmp_path, [
                "Until when", "Or at another time, by your own clock",
            ])  # fmt: skip
            office.slack.submit(office.clerk, view, {})
            office.work()
            look(browser, "thread", drawn(office, "Thread", office.thread(ANN)), tmp_path, [
                "Ann Lee", "(415) 555-0123 · San Francisco, CA", "@Sam looks after it",
                "Put off until tomorrow at 9:00 AM", "Dana asks @Sam to look after",
            ])  # fmt: skip
            office.slack.press(office.clerk, root(office), "Close")
            office.work()
            look(browser, "thread-closed", drawn(office, "Closed", office.thread(ANN)[:1]),
                 tmp_path, ["Closed: the next text opens it again", "Reopen"])  # fmt: skip


def test_who_waits(office: House, browser: Browser, tmp_path: Path) -> None:
    with at_noon(office):
        for ago, number, body in (
            (190, GRACE, "Can I see it on Saturday?"),
            (42, ANN, "Is it still free?"),
            (3, BEN, "Thanks!"),
        ):
            with clock.travelled(-minutes(ago)):
                texts(office, number, body)
        office.slack.choose(office.agent, root(office), "talk_assign", office.clerk)
        office.work()
        card = office.ask("waiting")
        look(browser, "waiting", drawn(office, "Waiting", [card]), tmp_path, [
            "3 wait for an answer", "Grace Okafor", "@Sam",
        ])  # fmt: skip


def test_a_wish_to_get_no_more(office: House, browser: Browser, tmp_path: Path) -> None:
    with at_noon(office):
        texts(office, CEM, "We have found a place. Please take me off your list")
        office.settle()
        look(browser, "opt-out", drawn(office, "Opt out", office.thread(CEM)[1:]), tmp_path, [
            "This reads as if", "Opt them out", "They did not mean that",
        ])  # fmt: skip
        office.slack.press(office.agent, office.thread(CEM)[-1], "Opt them out")
        office.work()
        look(browser, "opted-out", drawn(office, "Opted out", office.thread(CEM)), tmp_path, [
            "Opted out", "nothing can be sent",
        ])  # fmt: skip


def test_what_is_scheduled(office: House, browser: Browser, tmp_path: Path) -> None:
    with at_noon(office):
        texts(office, ANN, "Is it still free?")
        later(office, "Good afternoon Ann, the keys are at the office.", 27)
        later(office, "Happy birthday, Ann! All the best from all of us at Harbor Homes 🎂", 51)
        card = office.ask("later")
        look(browser, "later", drawn(office, "Later", [card]), tmp_path, [
            "Ann Lee · tomorrow at 3:00 PM · 1 credit · by Dana",
            "Send now", "Other time…", "Cancel",
        ])  # fmt: skip
        view = office.modal(office.agent, card, "Other time…")
        look(browser, "later-time", drawn(office, "Time", view=view), tmp_path, [
            "When, by your own clock", "Schedule",
        ])  # fmt: skip
        look(browser, "thread-scheduled", drawn(office, "Thread", office.thread(ANN)[:1]),
             tmp_path, ["A text goes out tomorrow at 3:00 PM"])  # fmt: skip
