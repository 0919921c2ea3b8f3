"""A reply in a thread, drawn: its quote, a colleague who was faster, and what became of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Browser

from bot import clock
from bot.contacts import address_book
from bot.contacts.models import Contact
from bot.team.models import Member
from ledger import database
from tests.bot.talks.threads import begun, card, is_told, press, replied
from tests.browser.test_pictures import daytime, drawn, look, office
from tests.house import ANN, House

__all__ = ["office"]


def see(
    house: House, browser: Browser, tmp_path: Path, name: str, thread: str, words: list[str]
) -> None:
    """Draws the thread."""
    posts = house.slack.thread(house.channel, thread)
    look(browser, name, drawn(house, name, posts), tmp_path, words)


def colleagues(house: House) -> str:
    """Dana, who owns the account, and Sam. Returns Sam's id."""
    sam = house.slack.add_user("Sam")
    house.slack.channels[house.channel].members.add(sam)
    house.slack.people[house.agent]["profile"] = {"display_name": "Dana"}
    with database.session():
        Member.create(account=house.account(), slack_user=sam, role="agent", name="Sam")
        Member.update(name="Dana").where(Member.slack_user == house.agent).execute()
        Contact.update(name="Ann Lee", place="San Francisco, CA").execute()
        address_book.index(Contact.get())
    return sam


def test_a_reply_its_quote_and_what_became_of_it(
    office: House, browser: Browser, tmp_path: Path
) -> None:
    with clock.travelled(daytime()):
        thread = begun(office, ANN, "Hi, is the house on Harbor Street still free?")
        office.settle_words("Reply STOP to opt out.")
        sam = colleagues(office)
        words = "Yes it is! “Open house” is on Friday at 3, rain or shine. Will you come?"
        replied(office, thread, words)
        see(office, browser, tmp_path, "reply-quoted", thread, [
            "To Ann Lee · (415) 555-0123", "Dana's reply, not sent yet",
            "SMS · 2 × 70 characters · emoji or special characters · 2 credits · 497 left after",
            "Replace 2 curly quotes: 1 credit instead of 2",
            "Reply STOP to opt out. (added to a first text, free)", "Later…", "Waiting for an",
        ])  # fmt: skip
        replied(office, thread, "Friday at 3, and the key is at the office", sam)
        press(office, thread, "Send", sam)
        with clock.travelled(timedelta(minutes=4)):
            shown = office.slack.thread(office.channel, thread)[3]
            office.slack.press(office.agent, shown, "Send")
            assert is_told(office, "Nothing was sent yet. @")
            office.work()
            see(office, browser, tmp_path, "reply-overtaken", thread, [
                "@Sam answered 4 minutes ago. Look again, then press Send.", "Delivered · 1 credit",
                "@Sam looks after it",
            ])  # fmt: skip
            office.slack.press(office.agent, shown, "Send")
            office.settle()
            replied(office, thread, "// she is a friend of the seller's")
            assert "Delivered" in shown.plain()
            assert card(office, thread).text.startswith("<@")
            see(office, browser, tmp_path, "reply-sent", thread, ["// she is a friend"])
