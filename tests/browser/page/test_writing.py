"""One writes, presses and reads on the page as in Slack, with the keyboard too."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime

from playwright.sync_api import Page, expect

from bot.sandbox import wait
from bot.sandbox.page import sights, tour
from bot.sandbox.stage import LINE, NEW_YORK, Stage
from tests.browser.page.hands import close_all, on_phone, say, thread

ANN = tour.ANN


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


def test_what_cannot_be_undone_asks_first_in_the_apps_words(tab: Page, stage: Stage) -> None:
    with suppress(LookupError):  # it is there already
        tour.plan(stage)
    say(tab, "/smartplans new lead")
    tab.locator(".modal").get_by_role("button", name="Edit", exact=True).last.click()
    take = tab.locator(".modal").get_by_role("button", name="Remove this step")
    take.click()
    sure = tab.get_by_role("dialog", name="Remove this step?")
    expect(sure).to_be_visible()
    sure.get_by_role("button", name="Back").click()
    expect(take).to_be_visible()
    take.click()
    sure.get_by_role("button", name="Remove it").click()
    expect(take).to_have_count(0)
    close_all(tab)


def test_a_reply_is_sent_to_the_channel_too(tab: Page) -> None:
    thread(tab)
    tab.get_by_label("Also send to #leads").check()
    tab.fill("#replied", "// Who takes this one?")
    tab.press("#replied", "Enter")
    expect(tab.locator("#messages .one").last).to_contain_text("Who takes this one?")
    expect(tab.get_by_label("Also send to #leads")).not_to_be_checked()
