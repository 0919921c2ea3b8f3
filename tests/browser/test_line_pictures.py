"""Numbers, drawn: how they stand, one that is looked for, and what happens while it is got."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from tests.bot.lines.test_new_number import got, looked
from tests.browser.harbor import at_noon
from tests.browser.test_pictures import drawn, look, office
from tests.house import House

__all__ = ["office"]


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
