"""Numbers, drawn: how they stand, how one comes and goes, its calls, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from tests.bot.lines.test_bringing import ELSEWHERE, OLD, brought
from tests.bot.lines.test_call_settings import calls
from tests.bot.lines.test_new_number import got, looked
from tests.browser.harbor import at_noon, texts
from tests.browser.test_pictures import drawn, look, office
from tests.house import ANN, LINE, House

__all__ = ["office"]

BACK = "Sorry that we missed you. What can we do for you? Texts are answered fastest."


def test_a_number_is_looked_for_and_got(office: House, browser: Browser, tmp_path: Path) -> None:
    with at_noon(office):
        view = looked(office, wish="415")
        look(browser, "line-new", drawn(office, "New", view=view), tmp_path, ["(415) 555-3"])
        got(office, view, name="Open houses", make="open-houses")
        look(browser, "line-got", drawn(office, "Got", view=view), tmp_path, ["It works."])
        card = office.ask("", "/line")
        look(browser, "lines", drawn(office, "Lines", [card]), tmp_path, [
            "(415) 555-0100", "Open houses", "#open-houses",
        ])  # fmt: skip


def test_a_number_is_brought_and_let_go(office: House, browser: Browser, tmp_path: Path) -> None:
    with at_noon(office):
        below, _ = office.twilio.add_account(parent=office.twilio.account_sid)
        office.twilio.add_number(OLD, ELSEWHERE, below)
        view = brought(office)
        look(browser, "line-move", drawn(office, "Bring", view=view), tmp_path, [
            "crm.example.com now", "ends when it is moved", "Move it here",
        ])  # fmt: skip
        office.slack.close_modals(office.agent)
        view = brought(office, "(415) 555-0199")
        look(browser, "line-bring", drawn(office, "Bring", view=view), tmp_path, [
            "in no Twilio account that Partyline reaches", "Account SID", "Auth token",
        ])  # fmt: skip
        office.slack.close_modals(office.agent)
        asked = office.opens(
            lambda: office.slack.command(office.agent, office.channel, "/line", "release")
        )
        look(browser, "line-release", drawn(office, "Release", view=asked), tmp_path, [
            "Type (415) 555-0100 to release it", "Keep it",
        ])  # fmt: skip


def test_calls_are_settled_and_a_missed_one_is_shown(
    office: House, browser: Browser, tmp_path: Path
) -> None:
    with at_noon(office):
        texts(office, ANN, "Is the house on Elm Street still for sale?")
        view = calls(office)
        for name, value in (
            ("mode", "forward"), ("user", office.clerk), ("number", "(415) 555-0188"),
            ("text", BACK),
        ):  # fmt: skip
            office.slack.put(office.agent, view, name, name, value)
        look(browser, "calls", drawn(office, "Calls", view=view), tmp_path, [
            "When somebody calls", "Whose phone rings", "A text back after a missed call",
        ])  # fmt: skip
        office.slack.submit(office.agent, view, {})
        look(browser, "calls-price", drawn(office, "Text back", view=view), tmp_path, [
            "It costs 1 credit", "Switch on",
        ])  # fmt: skip
        office.slack.submit(office.agent, view, {})
        office.work()
        office.twilio.call(ANN, LINE)
        office.settle()
        office.twilio.quiet()
        office.settle()
        look(browser, "call-missed", drawn(office, "Thread", office.thread(ANN)), tmp_path, [
            "Missed call", BACK,
        ])  # fmt: skip


def test_what_is_wrong_with_a_line_and_that_it_is_well(
    office: House, browser: Browser, tmp_path: Path
) -> None:
    with at_noon(office):
        office.twilio.point(LINE, "https://elsewhere.example/sms")
        office.tick()
        [ill] = [p for p in office.slack.channel(office.channel) if "Repair" in p.plain()]
        office.hears(lambda: office.slack.press(office.agent, ill, "Repair"))
        office.work()
        posts = office.slack.channel(office.channel)[-2:]
        look(browser, "trouble", drawn(office, "Health", posts), tmp_path, [
            "Its texts go somewhere else than here.", "Repair", "is well again",
        ])  # fmt: skip
