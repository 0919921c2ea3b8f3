"""The sandbox in the browser: every scene of its tour, done by hand, with the app as it is."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot import audit
from bot.sandbox import Sandbox, wait
from bot.sandbox.page import sights, tour
from bot.sandbox.page import web as sandbox_page
from bot.sandbox.slack import TRIGGER_S, Post
from bot.sandbox.stage import ADDRESS, LINE, NEW_YORK, RealTokens, Stage, refuse_real_tokens
from tests.browser.test_pictures import DOCS
from tests.faults.processes import free_port

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
expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def stage(browser: Browser) -> Iterator[Stage]:
    """The demo's own stage: web and worker as processes."""
    port = free_port()
    with Sandbox(f"http://127.0.0.1:{port}") as sandbox:
        built = Stage(sandbox, port)
        try:
            built.start()
            yield built
        finally:
            built.stop()


@pytest.fixture(scope="module")
def url(stage: Stage) -> Iterator[str]:
    page = sandbox_page.Page(stage)
    page.serve()
    tour.text_in(stage)
    wait(lambda: not stage.busy(), 30)
    yield page.url
    page.close()


@pytest.fixture
def tab(browser: Browser, url: str) -> Iterator[Page]:
    """The page as a newcomer opens it. Nothing on it may fail unseen."""
    opened = browser.new_page(viewport={"width": 1400, "height": 900})
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("response", lambda r: wrong.append(f"{r.status} {r.url}") if r.status >= 400 else 0)
    opened.set_default_timeout(30_000)
    opened.goto(url)
    yield opened
    opened.close()
    assert wrong == []


def say(tab: Page, words: str) -> None:
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
    expect(tab.locator(".bubbles")).to_contain_text(words)


# The eight scenes


def test_a_text_comes_in(tab: Page) -> None:
    tab.fill("#texted", "Is the roof new?")
    tab.press("#texted", "Enter")
    on_phone(tab, "Is the roof new?")
    thread(tab)
    expect(tab.locator("#thread")).to_contain_text("Is the roof new?")
    expect(tab.locator("#thread")).to_contain_text("SMS · 1 credit")
    expect(tab.locator("#below")).to_contain_text("Text in")


def test_what_would_it_cost(tab: Page) -> None:
    said = len(tab.locator("#messages .whisper").all())
    say(tab, "/quote See you at 3 😀")
    card = tab.locator("#messages .whisper").nth(said)
    expect(card).to_contain_text("Only visible to you")
    expect(card).to_contain_text("SMS · 1 × 70 · emoji or special characters · 1 credit")


def test_a_text_is_sent_at_the_price_that_was_shown(tab: Page, stage: Stage) -> None:
    say(tab, f"/text {ANN} Would 3 pm tomorrow suit you?")
    card = tab.locator("#messages .whisper", has_text="Would 3 pm").last
    expect(card).to_contain_text("1 credit")
    assert "Would 3 pm" not in str(stage.sandbox.twilio.phone(ANN)), "nothing left before Send"
    card.get_by_role("button", name="Send", exact=True).click()
    on_phone(tab, "Would 3 pm tomorrow suit you?")
    expect(tab.locator(".bubbles li", has_text="Would 3 pm")).to_contain_text("✓✓")


def test_a_picture_is_shared_quoted_and_sent(tab: Page, tmp_path: Path, stage: Stage) -> None:
    (tmp_path / "garden.png").write_bytes(tour.garden())
    thread(tab)
    tab.locator(".thread input[type=file]").set_input_files(tmp_path / "garden.png")
    expect(tab.locator(".thread .attached")).to_contain_text("garden.png")
    tab.fill("#replied", "The garden in May")
    tab.press("#replied", "Enter")
    expect(
        tab.locator("#thread .one", has_text="The garden in May").first.locator("img")
    ).to_be_visible()
    expect(tab.locator(".thread .attached li")).to_have_count(0)
    card = tab.locator("#thread .one", has_text="left after").last
    expect(card).to_contain_text("3 credits")
    card.get_by_role("button", name="Send", exact=True).click()
    tab.wait_for_selector(".bubbles li:not(.mine) img", timeout=30_000)
    [got] = [one for one in sights.bubbles(stage.sandbox.twilio, ANN) if one.pictures]
    assert got.pictures[0][1] == tour.garden()


def test_a_price_that_grows_and_what_one_press_saves(tab: Page) -> None:
    say(tab, f"/text {ANN} {tour.CURLY}")
    card = tab.locator("#messages .whisper", has_text="open house").last
    expect(card).to_contain_text("2 credits")
    card.get_by_role("button", name="Replace 4 curly quotes: 1 credit instead of 2").click()
    expect(tab.locator("#messages .whisper", has_text="open house").last).to_contain_text(
        "SMS · 1 × 160 · 1 credit"
    )


def test_the_quote_follows_the_typing_in_the_composer(tab: Page) -> None:
    tab.locator("#messages .one", has_text="(415) 555-0123").first.get_by_role(
        "button", name="Reply"
    ).click()
    box = tab.locator(".modal textarea")
    expect(box).to_be_focused()
    box.press_sequentially("Friday at 3 is fine", delay=15)
    expect(tab.locator(".modal")).to_contain_text("SMS · 1 × 160 · 1 credit")
    box.press_sequentially(" 😀", delay=15)
    expect(tab.locator(".modal")).to_contain_text("1 × 70 · emoji or special characters")
    expect(box).to_have_value("Friday at 3 is fine 😀")
    tab.get_by_role("button", name="Send", exact=True).last.click()
    expect(tab.locator(".modal")).to_have_count(0)
    on_phone(tab, "Friday at 3 is fine 😀")


def test_a_month_of_texts(tab: Page, stage: Stage) -> None:
    say(tab, "/smartplans")
    tab.locator("#messages .whisper").last.get_by_role("button", name="New plan").click()
    tab.locator(".modal select").first.select_option(label="New lead")
    tab.locator(".modal footer .primary").click()
    tab.get_by_role("button", name="Preview and switch on").click()
    expect(tab.locator(".modal")).to_contain_text("3 credits a contact")
    tab.locator(".modal footer .primary").click()
    expect(tab.locator(".modal")).to_contain_text("New lead is on")
    close_all(tab)
    say(tab, "/smartplans new lead")
    tab.locator(".modal").get_by_role("button", name="Put contacts on it").click()
    search = tab.locator(".modal .search input")
    search.click()
    search.press_sequentially("555-0123", delay=15)
    tab.locator(".offered button").first.click()
    expect(tab.locator(".modal .search input")).to_have_attribute(
        "placeholder", re.compile("555-0123")
    )
    tab.locator(".modal footer .primary").click()
    expect(tab.locator(".modal")).to_contain_text("3 credits in all")
    tab.locator(".modal footer .primary").click()
    expect(tab.locator(".modal")).to_contain_text("1 contact is on New lead now")
    close_all(tab)
    for _ in range(6):
        if "Thanks for reaching out" in str(stage.sandbox.twilio.phone(ANN)):
            break
        with tab.expect_response(re.compile("/jump"), timeout=60_000):
            tab.get_by_role("button", name="To the next step").click()
    on_phone(tab, "Thanks for reaching out")


def test_80_percent_are_used_and_an_upgrade(tab: Page, stage: Stage) -> None:
    tour.alert(stage)
    tab.locator(".rooms a", has_text=re.compile("^Partyline$")).click()
    expect(tab.locator("#messages")).to_contain_text("of your credits are used")
    expect(tab.locator("#below")).to_contain_text(ADDRESS)
    tab.locator("#messages").get_by_role("button", name="Upgrade").last.click()
    tab.locator(".modal .section", has_text="Pro").get_by_role("button", name="Choose").click()
    expect(tab.locator(".modal")).to_contain_text("Pro")
    tab.locator(".modal footer .primary").click()
    expect(tab.locator("#below table")).to_contain_text("+750")
    close_all(tab)


def test_a_killed_worker_loses_and_doubles_nothing(tab: Page, stage: Stage) -> None:
    say(tab, f"/text {ANN} The key is with the neighbor")
    card = tab.locator("#messages .whisper", has_text="the neighbor").last
    card.get_by_role("button", name="Send", exact=True).click()
    tab.get_by_role("button", name="Kill the worker").click()
    expect(tab.locator("#told")).to_contain_text("The worker was killed")
    on_phone(tab, "The key is with the neighbor")
    wait(lambda: not stage.busy(), 60)
    got = [one for one in stage.sandbox.twilio.phone(ANN) if "the neighbor" in one]
    assert len(got) == 1
    tab.get_by_role("button", name="Prove the books").click()
    expect(tab.locator("#told")).to_contain_text("The books hold")
    assert list(audit.prove()) == []


def test_each_scene_can_be_watched(tab: Page, stage: Stage, url: str) -> None:
    for step in range(1, 6):
        tab.goto(f"{url}?step={step}&as={stage.helper}&phone={tour.CLARA}")
        expect(tab.locator(".tour")).to_contain_text(f"{step} of 8 · {tour.SCENES[step - 1].title}")
        with tab.expect_navigation(url=re.compile("phone=.*0123")) as led:
            tab.get_by_role("button", name="Show me").click()
        assert f"as={stage.agent}" in led.value.url, "it leads to whoever did it"
        expect(tab.locator(".tour")).to_contain_text(f"{step} of 8")


def test_a_plan_that_was_made_by_hand_is_not_made_again(tab: Page, url: str) -> None:
    tab.goto(f"{url}?step=6")
    tab.get_by_role("button", name="Show me").click()
    expect(tab.locator("#told")).to_contain_text("New lead is there already")
    expect(tab.locator(".modal")).to_have_count(0)


def test_the_tour_types_for_whoever_would_rather_press(tab: Page, url: str) -> None:
    for step, scene in enumerate(tour.SCENES, 1):
        tab.goto(f"{url}?step={step}")
        if scene.typed:
            tab.get_by_role("button", name="Type it for me").click()
            box = tab.locator(f"#{scene.into}")
            expect(box).to_have_value(scene.typed)
            expect(box).to_be_focused()
            box.fill("")
    tab.goto(f"{url}?step=4")
    tab.get_by_role("button", name="Attach a picture").click()
    expect(tab.locator("#told")).to_contain_text("Open Ann's thread first")
    thread(tab)
    tab.get_by_role("button", name="Attach a picture").click()
    expect(tab.locator(".thread .attached")).to_contain_text("garden.png")
    tab.get_by_role("button", name="Remove garden.png").click()
    expect(tab.locator(".thread .attached li")).to_have_count(0)


# Where one writes


def test_several_lines_are_written_and_a_note_is_never_texted(tab: Page, stage: Stage) -> None:
    thread(tab)
    box = tab.locator("#replied")
    one_line = box.bounding_box()
    box.press_sequentially("// Ann is in a hurry")
    box.press("Shift+Enter")
    box.press_sequentially("call her first")
    grown = box.bounding_box()
    assert one_line and grown and grown["height"] > one_line["height"] * 1.4
    box.press("Enter")
    expect(box).to_have_value("")
    note = tab.locator("#thread .one", has_text="Ann is in a hurry").first
    expect(note).to_contain_text("call her first")
    wait(lambda: not stage.busy(), 30)
    assert "in a hurry" not in str(stage.sandbox.twilio.phone(ANN))


def test_commands_are_completed_with_the_keyboard(tab: Page) -> None:
    box, commands = tab.locator("#said"), tab.get_by_role("listbox", name="Commands")
    box.press_sequentially("/")
    expect(commands.get_by_role("option")).to_have_count(len(sights.manifest()["slash_commands"]))
    box.press_sequentially("c")
    expect(commands.get_by_role("option")).to_have_count(2)
    box.press("ArrowDown")
    expect(commands.locator("[aria-selected=true]")).to_contain_text("/credits")
    box.press("Tab")
    expect(box).to_have_value("/credits ")
    expect(commands).to_be_hidden()
    expect(box).to_be_focused()
    box.press("Enter")
    expect(tab.locator("#messages .whisper").last).to_contain_text("credits left")


def test_what_was_begun_stays_in_its_box_while_one_looks_elsewhere(tab: Page) -> None:
    tab.fill("#said", "Half a sent")
    thread(tab)
    expect(tab.locator("#said")).to_have_value("Half a sent")
    tab.fill("#replied", "and another")
    tab.locator(".people a", has_text="Ben").click()
    expect(tab.locator("#said")).to_have_value("Half a sent")
    expect(tab.locator("#replied")).to_have_value("and another")
    tab.fill("#said", "")


def test_a_dot_marks_the_phone_where_a_text_came(tab: Page) -> None:
    clara = tab.locator(".people a", has_text="Clara")
    expect(clara).not_to_have_class(re.compile("fresh"))
    say(tab, f"/text {tour.CLARA} The key is under the mat")
    card = tab.locator("#messages .whisper", has_text="under the mat").last
    card.get_by_role("button", name="Send", exact=True).click()
    expect(clara).to_have_class(re.compile("fresh"))
    clara.click()
    on_phone(tab, "under the mat")
    expect(tab.locator(".people a", has_text="Clara")).not_to_have_class(re.compile("fresh"))


def test_a_thread_brings_the_phone_it_is_about(tab: Page, stage: Stage) -> None:
    stage.sandbox.twilio.text(tour.CLARA, LINE, "May I call?")
    thread(tab, "+44 20 7946 0000")
    expect(tab.locator(".phone h3")).to_contain_text("Clara Hughes")
    thread(tab)
    expect(tab.locator(".phone h3")).to_contain_text("Ann Lee")


def test_a_check_mark_closes_a_conversation_and_counts(tab: Page, stage: Stage) -> None:
    root = tab.locator("#messages .one", has_text="(415) 555-0123").first
    root.hover()
    root.get_by_role("button", name="React with a check mark").click()
    expect(root).to_contain_text("Closed")
    mark = root.get_by_role("button", name="✅ 1")
    expect(mark).to_have_attribute("aria-pressed", "true")
    mark.click()
    expect(root).not_to_contain_text("Closed")


def test_a_form_goes_with_all_that_was_typed(tab: Page) -> None:
    say(tab, "/contacts add +14155550188")
    box = tab.locator(".modal label", has_text="Name").locator("input")
    box.press_sequentially("Grace Okafor")
    box.press("Enter")
    expect(tab.locator("#messages .whisper").last).to_contain_text("Grace Okafor")


def test_days_are_told_apart(tab: Page, stage: Stage) -> None:
    day = stage.sandbox.slack.channel(stage.channel)[0].ts
    shown = f"{datetime.fromtimestamp(float(day), NEW_YORK):%A, %B %-d}"
    expect(tab.locator("#messages .day").first).to_have_text(shown)


def test_a_menu_opens_where_there_is_room(tab: Page) -> None:
    thread(tab)
    menu = tab.locator("#thread .actions details.more").first
    menu.locator("summary").click()
    column, opened = tab.locator(".thread").bounding_box(), menu.locator("div").bounding_box()
    assert column and opened
    assert opened["x"] + opened["width"] <= column["x"] + column["width"]


def test_a_modal_takes_the_keyboard_and_gives_it_back(tab: Page) -> None:
    say(tab, "/text")
    expect(tab.locator(".modal .search input")).to_be_focused()
    for _ in range(20):
        tab.keyboard.press("Tab")
        inside = (
            "document.activeElement === document.body || !!document.activeElement.closest('.modal')"
        )
        assert tab.evaluate(inside), "the keyboard left the modal"
    tab.keyboard.press("Escape")
    expect(tab.locator(".modal")).to_have_count(0)
    expect(tab.locator("#said")).to_be_focused()


# What Slack would refuse


def test_the_page_cannot_do_what_slack_would_refuse(tab: Page) -> None:
    say(tab, "/nonsense")
    expect(tab.locator("#told")).to_contain_text("/nonsense is not a valid command")
    thread(tab)
    tab.fill("#replied", f"/text {ANN} Hi")
    tab.press("#replied", "Enter")
    expect(tab.locator("#told")).to_contain_text("/text is not supported in threads")
    expect(tab.locator("#replied")).to_have_value(f"/text {ANN} Hi")  # to be put right


def test_a_form_that_comes_too_late_is_refused_and_says_so(tab: Page, stage: Stage) -> None:
    faults = stage.sandbox.slack.faults
    faults.add("slow", "views.open", 1, TRIGGER_S + 0.5)
    say(tab, "/text")
    expect(tab.locator("#told")).to_contain_text("a form opens only within 3 seconds of the press")
    expect(tab.locator(".modal")).to_have_count(0)


def test_a_101st_block_is_refused_and_says_so(tab: Page, stage: Stage) -> None:
    slack = stage.sandbox.slack
    client = WebClient(slack.token, base_url=slack.api_url)
    blocks = [{"type": "divider"}] * 101
    view = {"type": "modal", "title": {"type": "plain_text", "text": "Much"}, "blocks": blocks}
    with pytest.raises(SlackApiError):
        client.views_open(trigger_id=slack.new_trigger(stage.agent), view=view)
    expect(tab.locator("#told")).to_contain_text("blocks: 101, 100 is Slack's limit")
    expect(tab.locator(".modal")).to_have_count(0)


def test_what_only_you_saw_is_gone_when_slack_is_loaded_anew(tab: Page) -> None:
    say(tab, "/quote Gone in a moment")
    expect(tab.locator("#messages")).to_contain_text("Gone in a moment")
    thread(tab)  # another page of the sandbox, and the same Slack
    expect(tab.locator("#messages")).to_contain_text("Gone in a moment")
    tab.reload()
    expect(tab.locator("#messages .whisper")).to_have_count(0)


def test_an_outsider_is_refused(tab: Page, url: str, stage: Stage) -> None:
    tab.locator(".top a", has_text="Olga").click()
    say(tab, "/credits")
    expect(tab.locator("#messages .whisper").last).to_contain_text("You are not on")


def test_what_became_stale_says_so(tab: Page, stage: Stage) -> None:
    answer = tab.request.post(
        f"{tab.url}press", form={"on": "post:1.000000", "kind": "button", "action": "x"}
    )
    assert "not there any more" in answer.headers["hx-trigger"]


# How it feels


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


# Safety


def test_it_listens_on_loopback_alone(url: str) -> None:
    assert url.startswith("http://127.0.0.1:")


def test_it_refuses_to_start_where_real_tokens_are_set() -> None:
    refuse_real_tokens({"HOME": "/", "SLACK_BOT_TOKEN": ""})
    with pytest.raises(RealTokens, match="SLACK_BOT_TOKEN, TWILIO_AUTH_TOKEN"):
        refuse_real_tokens({"SLACK_BOT_TOKEN": "xoxb-1", "TWILIO_AUTH_TOKEN": "t"})
    assert LINE.startswith("+1")
