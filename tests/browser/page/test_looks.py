"""How the page looks and feels: at once, smooth, by day and by night, on a phone."""

from __future__ import annotations

import os
import time
from pathlib import Path

from playwright.sync_api import Browser, expect

from bot.sandbox import wait
from bot.sandbox.page import sights, tour
from bot.sandbox.slack.records import Post
from bot.sandbox.stage import LINE, Stage
from tests.browser.page.hands import say, thread
from tests.browser.test_pictures import DOCS

ANN = tour.ANN
FIRST_PAGE_S = 2
#: Scrolls from the newest message to the oldest, and says how long each frame took, in ms.
SCROLLED = """async () => {
  const list = document.querySelector("#messages").parentElement, frames = [];
  let before = performance.now();
  for (let turn = 0; turn < 120; turn++) {
    list.scrollBy(0, -list.scrollHeight / 120);
    const now = await new Promise(requestAnimationFrame);
    frames.push(now - before);
    before = now;
  }
  return frames;
}"""


def test_a_picture_for_the_readme(browser: Browser, url: str, stage: Stage, tmp_path: Path) -> None:
    tour.send(stage)
    wait(lambda: not stage.busy(), 30)
    stage.sandbox.twilio.text(ANN, LINE, "Perfect! May I bring my sister on Saturday?")
    wait(lambda: not stage.busy(), 30)
    tab = browser.new_page(viewport={"width": 1400, "height": 860})
    tab.goto(f"{url}?step=3")
    say(tab, f"/text {ANN} Of course! Saturday at 11, see you both there 😀")
    expect(tab.locator("#messages .whisper").last).to_contain_text("left after")
    thread(tab)
    tab.wait_for_timeout(300)
    folder = DOCS if os.environ.get("PICTURES") else tmp_path
    tab.screenshot(path=folder / "sandbox.png")
    tab.close()


def test_the_first_page_comes_at_once_and_2000_messages_stay_smooth(
    browser: Browser, url: str, stage: Stage
) -> None:
    slack = stage.sandbox.slack
    many = slack.add_channel("many", bot=False)
    slack.channels[many].posts += [
        Post(many, f"1700000{n:04d}.000000", stage.agent, f"Message {n}", bot_id=None)
        for n in range(2000)
    ]
    tab = browser.new_page()
    began = time.monotonic()
    tab.goto(f"{url}?in={many}")
    expect(tab.locator("#messages")).to_contain_text("Message 1999")
    took = time.monotonic() - began
    assert took < FIRST_PAGE_S, f"{took:.2f} s"
    assert tab.locator("#messages .one").count() == sights.WINDOW
    began = time.monotonic()
    say(tab, "One more")
    expect(tab.locator("#messages")).to_contain_text("One more")
    print(f"first page {took:.2f} s, a message {time.monotonic() - began:.2f} s")
    assert tab.locator("#messages .one").count() == sights.WINDOW
    tab.locator(".earlier a").click()
    expect(tab.locator("#messages")).to_contain_text("Message 1950")
    expect(tab.locator("#messages")).not_to_contain_text("Message 1951")
    assert tab.locator("#messages .one").count() == sights.WINDOW, "only what is seen is drawn"
    tab.get_by_role("link", name="Back to the newest").click()
    expect(tab.locator("#messages")).to_contain_text("One more")
    frames = sorted(tab.evaluate(SCROLLED))
    print(f"scrolled: 95 % of the frames within {frames[int(len(frames) * 0.95)]:.0f} ms")
    tab.close()


def test_light_and_dark_and_a_phones_screen(
    browser: Browser, url: str, stage: Stage, tmp_path: Path
) -> None:
    for scheme, width in (("light", 1400), ("dark", 1400), ("light", 390)):
        tab = browser.new_page(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        tab.goto(url)
        thread(tab)
        wide = tab.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{scheme}, {width}: {wide} pixels wide"
        tab.screenshot(path=tmp_path / f"{scheme}-{width}.png")
        tab.close()
