"""Pictures in a thread, drawn in a browser: what came, what did not, and a reply's card."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser

from bot import clock
from bot.sandbox import Sandbox
from ledger import database
from tests import databases, pictures
from tests.browser.harbor import team
from tests.browser.test_pictures import daytime, drawn, look
from tests.house import ANN, LINE, House
from tests.pictures import attach, share


@pytest.fixture
def house() -> Iterator[House]:
    bound = database.bind(url := databases.fresh("sqlite"))
    with Sandbox() as sandbox, clock.travelled(daytime()), House(url, sandbox).serving() as built:
        team(built)
        yield built
    bound.close_all()


def scene(sky: str, wall: str, form: str) -> bytes:
    """A small house under a sky of this colour."""
    image = Image.new("RGB", (360, 220), sky)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 160, 360, 220), fill="#5b8c3e")
    pen.rectangle((110, 95, 250, 175), fill=wall)
    pen.polygon((95, 95, 180, 40, 265, 95), fill="#7a3b2e")
    pen.rectangle((165, 125, 195, 175), fill="#4a2c1d")
    for x in (125, 210):
        pen.rectangle((x, 110, x + 28, 135), fill="#f5e6a8", outline="#4a2c1d", width=3)
    kept = io.BytesIO()
    image.save(kept, form)
    return kept.getvalue()


def test_pictures_of_a_text_in_and_one_that_could_not_be_brought(
    house: House, browser: Browser, tmp_path: Path
) -> None:
    day, night = scene("#a9d4f0", "#e8d9b5", "JPEG"), scene("#1c2540", "#8d8468", "PNG")
    house.twilio.text(
        ANN, LINE, "Is this the one on Elm Street?", media=[day, night, pictures.CARD, b"x"]
    )
    list(house.twilio.media.values())[-1].served = "gone"
    for minutes in range(9):
        with clock.travelled(timedelta(minutes=minutes)):
            house.work()
    _, text, shown = house.thread(ANN)
    html = drawn(house, "Pictures", [text, shown])
    look(
        browser, "pictures-in", html, tmp_path,
        ["Is this the one on Elm Street?", "4 attachments", "attachment-3.vcf",
         "Attachment 4 of 4 could not be brought here. It is no longer at Twilio. Ask them to send "
         "it again."],
    )  # fmt: skip
    page = browser.new_page()
    page.set_content(html)
    shown = page.evaluate("[...document.images].map(i => [i.alt, i.naturalWidth])")
    page.close()
    assert shown == [
        ["Picture 1 of 4 from (415) 555-0123", 360], ["Picture 2 of 4 from (415) 555-0123", 360],
    ]  # fmt: skip


def test_the_card_of_a_reply_with_pictures(house: House, browser: Browser, tmp_path: Path) -> None:
    house.twilio.text(ANN, LINE, "Hello")
    house.work()
    files = [("front.jpg", pictures.jpeg(3_000_000)), ("garden.jpg", pictures.jpeg(3_000_000))]
    share(
        house, house.thread(ANN)[0].ts, attach(house, house.agent, *files), "The two you asked for"
    )
    card = house.thread(ANN)[-1]
    look(
        browser, "pictures-out", drawn(house, "Card", [card]), tmp_path,
        ["The two you asked for", "front.jpg", "garden.jpg",
         "MMS · 2 × 5 MB or 10 files · 6 credits", "Send"],
    )  # fmt: skip
