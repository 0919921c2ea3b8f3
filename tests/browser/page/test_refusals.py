"""The page cannot do what Slack would refuse, and says so; it reaches nothing real."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.sandbox.page import tour
from bot.sandbox.slack.views import TRIGGER_S
from bot.sandbox.stage import LINE, RealTokens, Stage, refuse_real_tokens
from tests.browser.page.hands import say, thread

ANN = tour.ANN


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
    olga = tab.locator(".top a", has_text="Olga")
    olga.click()
    expect(olga).to_have_attribute("aria-current", "true")  # what is written before is Dana's
    say(tab, "/credits")
    expect(tab.locator("#messages .whisper").last).to_contain_text("You are not on")


def test_what_became_stale_says_so(tab: Page, stage: Stage) -> None:
    answer = tab.request.post(
        f"{tab.url}press", form={"on": "post:1.000000", "kind": "button", "action": "x"}
    )
    assert "not there any more" in answer.headers["hx-trigger"]


def test_it_listens_on_loopback_alone(url: str) -> None:
    assert url.startswith("http://127.0.0.1:")


def test_it_refuses_to_start_where_real_tokens_are_set() -> None:
    refuse_real_tokens({"HOME": "/", "SLACK_BOT_TOKEN": ""})
    with pytest.raises(RealTokens, match="SLACK_BOT_TOKEN, TWILIO_AUTH_TOKEN"):
        refuse_real_tokens({"SLACK_BOT_TOKEN": "xoxb-1", "TWILIO_AUTH_TOKEN": "t"})
    assert LINE.startswith("+1")
