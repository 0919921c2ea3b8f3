"""What one does on the page, again and again."""

from __future__ import annotations

from playwright.sync_api import Page, expect

expect.set_options(timeout=30_000)


def say(tab: Page, words: str) -> None:
    """Writes in the channel."""
    tab.fill("#said", words)
    tab.press("#said", "Enter")


def thread(tab: Page, number: str = "(415) 555-0123") -> None:
    """Opens this person's thread."""
    root = tab.locator("#messages .one:not(.whisper)", has_text=number).first
    root.locator(".under a").click()
    expect(tab.locator("#thread")).to_contain_text(number)


def close_all(tab: Page) -> None:
    """Closes the modals, one after the other, with the keyboard."""
    for _ in range(12):
        if not tab.locator(".modal").count():
            return
        tab.keyboard.press("Escape")
        tab.wait_for_timeout(300)  # a key that comes while the next one is drawn closes nothing
    raise AssertionError("a modal does not close")


def on_phone(tab: Page, words: str) -> None:
    """The phone that is shown got this."""
    expect(tab.locator(".bubbles")).to_contain_text(words)
