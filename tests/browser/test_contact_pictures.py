"""Contacts drawn: card, form, merge, and an import from preview to end."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from bot import clock
from bot.contacts import directory
from bot.sandbox import wait
from bot.sandbox.slack.records import View
from tests.bot.contacts.test_imports import Import
from tests.browser.test_pictures import daytime, drawn, look, office
from tests.house import ANN, BEN, LINE, House

__all__ = ["office"]

FILE = """First Name,Last Name,Cell,Phone,E-mail,Tags,SMS Consent,Company
Ann,Lee,(415) 555-0123,,ann@example.com,"buyer, hot lead",yes,Harbor
Cem,Demir,415-555-0177,,cem@example.com,seller,yes,Bay
Dana,Ortiz,415-555-0178,,dana at example,investor,no,Bay
Eve,Hall,555-0199,,,,,
Fay,Wong,,415 555 0180 x7,,buyer,yes,
Gus,Reed,4155550181,,,,maybe,
"""


def opened(house: House, typed: str, label: str) -> View:
    """The modal of a button on a contact's card."""
    card, before = house.ask(typed, "/contacts"), len(house.slack.views)
    house.slack.press(house.agent, card, label)
    wait(lambda: len(house.slack.views) > before)
    return house.slack.open_view(house.agent)


def two(house: House) -> None:
    """Ann and Ben, who are one person."""
    house.twilio.text(ANN, LINE, "Is the house on Elm Street still for sale?", FromCity="OAKLAND",
                      FromState="CA")  # fmt: skip
    house.work()
    house.twilio.text(BEN, LINE, "This is Ann, from my other phone")
    house.work()
    for number, details, said in (
        (ANN, directory.Details("Ann Lee", "ann@example.com", None, ("buyer", "hot lead"),
                                "Prefers afternoons. Has a dog."), "signed form"),
        (BEN, directory.Details("A. Lee", "ann.lee@work.example", None, ("buyer",)),
         "on the phone"),
    ):  # fmt: skip
        consent = directory.Said(True, said)
        directory.add(house.account().id, house.agent, number, details, consent, clock.now())


def test_a_contact_and_its_form(office: House, browser: Browser, tmp_path: Path) -> None:
    with clock.travelled(daytime()):
        two(office)
        cards = [office.ask("lee", "/contacts"), office.ask("0123", "/contacts")]
        look(browser, "contacts", drawn(office, "Contacts", cards), tmp_path, [
            "Found for “lee”", "Open", "Ann Lee", "buyer, hot lead", "9:00 AM there", "Oakland, CA",
            "May be texted: agreed (signed form)", "waiting for an answer", "Text", "Merge…",
        ])  # fmt: skip
        view = opened(office, "0123", "Edit")
        office.slack.submit(office.agent, view, {"said": "They want no more texts"})
        page = drawn(office, "Contact", view=office.slack.open_view(office.agent))
        look(browser, "contact", page, tmp_path, [
            "Time zone", "As the number tells", "May they be texted?", "agreed (signed form)",
            "Say how they told you",
        ])  # fmt: skip


def test_a_merge(office: House, browser: Browser, tmp_path: Path) -> None:
    two(office)
    view = opened(office, "0123", "Merge…")
    office.slack.look_up(office.agent, view, "merge_other", "a. lee")
    office.slack.submit(office.agent, view, {"other": "A. Lee · (415) 555-0124"})
    page = drawn(office, "Merge", view=office.slack.open_view(office.agent))
    look(browser, "merge", page, tmp_path, [
        "Ann Lee · (415) 555-0123 and A. Lee · (415) 555-0124 become one contact",
        "2 texts in all (1 and 1) stand together; none is lost.", "the two threads become one",
        "This cannot be undone.", "Texts go to",
    ])  # fmt: skip


def test_an_import(office: House, browser: Browser, tmp_path: Path) -> None:
    office.name(ANN, "Ann Lee-Smith")
    on = Import(office)
    on.give(FILE)
    post = on.work()
    shows = ["6 rows, checked. Nothing is imported yet.", "New contacts: 2", "Import 3 rows",
             "Columns…", "Cem Demir · (415) 555-0177 · cem@example.com · seller",
             "Line 5: “555-0199” lacks its area code.", "name from “First Name”",
             "has an extension, which no text can reach", "Not read: “Company”"]  # fmt: skip
    look(browser, "import", drawn(office, "Import", [post]), tmp_path, shows)
    before = len(office.slack.views)
    on.press(post, "Columns…")
    wait(lambda: len(office.slack.views) > before)
    page = drawn(office, "Columns", view=office.slack.open_view(office.agent))
    look(browser, "import-columns", page, tmp_path, ["Cell: (415) 555-0123", "Opted out"])
    on.press(post, "Import 3 rows")
    done = on.work()
    look(browser, "import-done", drawn(office, "Import", [done]), tmp_path, [
        "leads.csv is imported.", "New contacts: 2", "Not imported: 3",
        "leads - rows to look at.csv",
    ])  # fmt: skip
