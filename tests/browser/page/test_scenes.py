"""Every scene of the tour, done by hand, with the app as it is."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from bot import audit
from bot.sandbox import wait
from bot.sandbox.page import sights, tour
from bot.sandbox.stage import ADDRESS, Stage
from tests.browser.page.hands import close_all, on_phone, say, thread

ANN = tour.ANN


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
    expect(card).to_contain_text("SMS · 1 × 70 characters · emoji or special characters · 1 credit")


def test_a_text_is_sent_at_the_price_that_was_shown(tab: Page, stage: Stage) -> None:
    say(tab, f"/text {ANN} Would 4 pm tomorrow suit you?")
    card = tab.locator("#messages .whisper", has_text="Would 4 pm").last
    expect(card).to_contain_text("1 credit")
    assert "Would 4 pm" not in str(stage.sandbox.twilio.phone(ANN)), "nothing left before Send"
    card.get_by_role("button", name="Send", exact=True).click()
    on_phone(tab, "Would 4 pm tomorrow suit you?")
    expect(tab.locator(".bubbles li", has_text="Would 4 pm")).to_contain_text("✓✓")


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
        "SMS · 1 × 160 characters · 1 credit"
    )


def test_the_quote_follows_the_typing_in_the_composer(tab: Page) -> None:
    tab.locator("#messages .one", has_text="(415) 555-0123").first.get_by_role(
        "button", name="Reply"
    ).click()
    box = tab.locator(".modal textarea")
    expect(box).to_be_focused()
    box.press_sequentially("Friday at 3 is fine", delay=15)
    expect(tab.locator(".modal")).to_contain_text("SMS · 1 × 160 characters · 1 credit")
    box.press_sequentially(" 😀", delay=15)
    expect(tab.locator(".modal")).to_contain_text("1 × 70 characters · emoji or special characters")
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
    mail = tab.locator("#below .mail", has_text="of your credits are used").first
    mail.locator("summary").click()
    expect(mail).to_contain_text(ADDRESS)
    expect(mail.frame_locator("iframe").locator("body")).to_contain_text("Days left")
    tab.keyboard.press("Escape")
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


def test_a_line_that_is_ill_says_so_and_is_repaired(tab: Page, stage: Stage) -> None:
    faults = tab.get_by_role("region", name="Faults")
    faults.get_by_role("button", name="Texts go nowhere").click()
    expect(faults).to_contain_text("in ten minutes #leads is told")
    tab.fill("#texted", "Is there a cellar?")
    tab.press("#texted", "Enter")
    on_phone(tab, "Is there a cellar?")
    faults.get_by_role("button", name="Ask the doctor").click()
    expect(tab.locator("#told")).to_contain_text("(415) 555-0100: Its texts go nowhere.")
    tab.get_by_role("button", name="+1 hour").click()
    ill = tab.locator("#messages .one", has_text="Its texts go nowhere. Press Repair.").last
    ill.get_by_role("button", name="Repair").click()
    expect(tab.locator("#messages")).to_contain_text("(415) 555-0100 is well again.")
    thread(tab)
    missed = tab.locator(
        "#thread .one", has_text="Is there a cellar?"
    ).last  # the root shows it, too
    expect(missed).to_contain_text("recovered")
    expect(faults.get_by_role("button", name="Texts go nowhere")).to_have_attribute(
        "aria-pressed", "false"
    )
    wait(lambda: "All is well." in stage.doctor(), 30)
    faults.get_by_role("button", name="Ask the doctor").click()
    expect(tab.locator("#told")).to_contain_text("All is well.")


def test_a_channel_that_is_archived_loses_nothing(tab: Page, stage: Stage) -> None:
    faults = tab.get_by_role("region", name="Faults")
    button = faults.get_by_role("button", name="#leads is archived")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    tab.fill("#texted", "Are pets allowed?")
    tab.press("#texted", "Enter")
    wait(lambda: stage.told(stage.agent, "Are pets allowed?"), 30)
    faults.get_by_role("button", name="Ask the doctor").click()
    expect(tab.locator("#told")).to_contain_text("the channel is archived.")
    button.click()
    tab.get_by_role("button", name="+1 hour").click()
    thread(tab)
    expect(tab.locator("#thread")).to_contain_text("Are pets allowed?")


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
