"""The composer and the templates, drawn."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from bot import clock
from bot.contacts import address_book
from bot.contacts.models import Contact
from bot.texts import templates
from ledger import database
from tests import pictures
from tests.bot.texts.test_composer import form, shows, still, to, type_in
from tests.bot.texts.test_templates import listed, opened
from tests.browser.test_pictures import daytime, drawn, look, office
from tests.house import ANN, LINE, House

__all__ = ["office"]

BODY = (
    "Hi Ann, it’s Dana. The viewing at 12 Harbor Street is on Friday at 3. Shall I send you "
    "the plans? “Yes” is enough."
)
LONGER = (
    "Hi Ann, it's Dana. The viewing at 12 Harbor Street is on Friday at 3. Shall I send you the "
    "plans? And do tell me whether your sister comes, too: there is a second key at the office."
)


@pytest.fixture
def desk(office: House) -> House:
    """A contact, and templates."""
    office.twilio.text(ANN, LINE, "Hello")
    office.work()
    with database.session():
        Contact.update(name="Ann Lee").execute()
        address_book.index(Contact.get())
    account = office.account().id
    for name, body in (
        ("Viewing", "Hi {first_name|there}, {agent_first_name|we} from {team} can show it today."),
        ("Thanks", "Thank you, {first_name|and see you soon}!"),
    ):
        templates.save(account, office.agent, name, body)
    return office


def test_the_composer(desk: House, browser: Browser, tmp_path: Path) -> None:
    with clock.travelled(daytime()):
        view = form(desk)
        to(desk, view, "Ann")
        type_in(desk, view, BODY)
        see(desk, browser, tmp_path, "composer", [
            "Ann Lee · (415) 555-0123",
            "SMS · 2 × 70 characters · emoji or special characters · 2 credits",
            "Replace 3 curly quotes: 1 credit instead of 2", "Later…", "Insert a template",
        ])  # fmt: skip
        desk.slack.press(desk.agent, view, "Replace 3 curly quotes: 1 credit instead of 2")
        shows(desk, view, "1 × 160 characters · 1 credit")
        desk.slack.press(desk.agent, view, "Later…")
        shows(desk, view, "When, by your own clock")
        see(desk, browser, tmp_path, "composer-later", ["Schedule", "Send now instead"])
        desk.slack.press(desk.agent, view, "Send now instead")
        shows(desk, view, "[Later…]")
        desk.slack.submit(desk.agent, view, {"body:1": LONGER})
        see(desk, browser, tmp_path, "composer-again", [
            "While you typed, this came to 2 credits instead of 1. Press Send once more",
        ])  # fmt: skip
        still(desk)
        desk.slack.submit(desk.agent, view, {})
        see(desk, browser, tmp_path, "composer-sent", ["On its way to Ann Lee: 2 credits"])


def see(desk: House, browser: Browser, tmp_path: Path, name: str, words: list[str]) -> None:
    """Draws the modal on top."""
    view = desk.slack.open_view(desk.agent)
    look(browser, name, drawn(desk, name, view=view), tmp_path, words)


def test_a_reply_with_a_picture_at_night(desk: House, browser: Browser, tmp_path: Path) -> None:
    with clock.travelled(daytime() + timedelta(hours=14)):
        root = desk.thread(ANN)[0]
        view = opened(desk, desk.agent, lambda: desk.slack.press(desk.agent, root, "Reply"))
        file = desk.slack.add_file(desk.agent, "the house.jpg", pictures.jpeg(900_000))
        view.held["files"]["files"]["files"] = [desk.slack.described(file)]
        type_in(desk, view, "Here is the house")
        still(desk)
        see(desk, browser, tmp_path, "composer-reply", [
            "To Ann Lee · (415) 555-0123", "MMS · 1 × 1,600 characters · 3 credits",
            "the house.jpg",
            "It is 11:00 PM where Ann Lee lives.", "Send at 9:00 AM instead…",
        ])  # fmt: skip


def test_the_templates(desk: House, browser: Browser, tmp_path: Path) -> None:
    view = listed(desk)
    see(desk, browser, tmp_path, "templates", ["Viewing", "Thanks", "New template", "Edit"])
    form_of: Any = opened(
        desk, desk.agent, lambda: desk.slack.press(desk.agent, view, "New template")
    )
    desk.slack.submit(desk.agent, form_of, {"name": "Hello", "body": "Hi {frist_name}"})
    see(desk, browser, tmp_path, "template", [
        "Save", "{first_name} the contact's first name", "Did you mean {first_name}?",
    ])  # fmt: skip
