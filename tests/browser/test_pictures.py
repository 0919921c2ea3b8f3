"""What people see, drawn in a browser: nothing runs out of its box, nothing is missing.

With PICTURES set the pictures go to docs/pictures, from where the documents show them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from bot import clock
from bot.sandbox import Sandbox, drawing, wait
from bot.sandbox.slack.records import Post
from ledger import boundaries, credits
from tests import databases
from tests.bot.office import at_hour, digests, open_plans
from tests.house import ANN, BEN, LINE, LONDON, House

DOCS = Path(__file__).parents[2] / "docs" / "pictures"


def daytime() -> timedelta:
    """From now to the next noon in New York."""
    now = clock.now()
    today = boundaries.day_of(now, "America/New_York")
    noon = datetime.combine(today + timedelta(days=1), time(12))
    return boundaries.local(noon, "America/New_York") - now


@pytest.fixture
def office() -> Iterator[House]:
    """An account on a plan, at noon."""
    from ledger import database

    url = databases.fresh("sqlite")
    with Sandbox() as sandbox, database_bound(url), clock.travelled(daytime()):
        house = House(url, sandbox, opening_credits=0)
        house.subscribe("solo")
        house.add_email("office@harbor.example")
        with house.serving():
            yield house
        database.db.close_all()


class database_bound:
    """A fresh database for the time of a block."""

    def __init__(self, url: str) -> None:
        from ledger import database

        self.bound = database.bind(url)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self.bound.close_all()


def look(browser: Browser, name: str, html: str, tmp_path: Path, shows: list[str]) -> None:
    """Draws the page, and keeps its picture; everything in `shows` can be seen on it."""
    page = browser.new_page(viewport={"width": 760, "height": 500}, device_scale_factor=1.5)
    page.set_content(html)
    seen = page.inner_text("body")
    missing = [words for words in shows if words not in seen]
    assert missing == []
    assert page.locator(".unknown").count() == 0, "a block that is not drawn"
    wide = page.evaluate("document.documentElement.scrollWidth <= 760")
    assert wide, "it runs out of the page"
    folder = DOCS if os.environ.get("PICTURES") else tmp_path
    picture = folder / f"{name}.png"
    page.locator("body").screenshot(path=picture)
    assert picture.stat().st_size > 5000
    page.close()


def drawn(
    house: House, title: str, posts: Sequence[Post] = (), view: Any = None, menu: str = ""
) -> str:  # fmt: skip
    """A page of what is in this house's Slack."""
    slack = house.slack
    return drawing.page(
        title, posts, view, slack.files, drawing.names(slack.people, slack.channels), menu
    )  # fmt: skip


def spend(office: House, amount: int, key: Any) -> None:
    credits.charge_out(
        office.account().id, f"out:{key}", amount, message=0, actor=office.agent, now=clock.now()
    )


def test_the_alert_in_slack_and_by_mail(office: House, browser: Browser, tmp_path: Path) -> None:
    for day in range(1, 10):
        with clock.travelled(timedelta(days=day)):
            spend(office, 46, day)
    with clock.travelled(timedelta(days=10)):
        office.tick()
        [post] = office.told(office.agent)
        shows = ["82% of your credits are used", "414 of 500 credits (82%)", "Upgrade",
                 "They run out on", "Days left"]  # fmt: skip
        look(browser, "alert", drawn(office, "Alert", [post]), tmp_path, shows)
        [mail] = office.sandbox.mail.box("office@harbor.example")
        html = mail.get_body(("html",)).get_content()
        look(browser, "alert-mail", html, tmp_path, [*shows[:2], *shows[3:], "/credits plan"])
        view = open_plans(office)
        look(
            browser,
            "plans",
            drawn(office, "Plans", view=view.view),
            tmp_path,
            ["your plan", "Now: 500 credits added, 586 credits left of 1,000.", "Cancel the plan"],
        )
        office.turns(view, "plan_pro:Choose")
        look(
            browser,
            "confirm",
            drawn(office, "Confirm", view=view.view),
            tmp_path,
            ["Upgrade to Pro", "All plans", "Not now"],
        )
        card = office.ask("", "/credits")
        look(
            browser,
            "credits",
            drawn(office, "Credits", [card]),
            tmp_path,
            ["Harbor Homes: 86 credits left", "Report", "History"],
        )


def texts(office: House) -> None:
    office.twilio.outcome(BEN, "failed", 30005)
    for sender, body in ((ANN, "Hello"), (LONDON, "Are you open?"), (BEN, "Is it sold?")):
        office.twilio.text(sender, LINE, body)
    office.work()
    office.send(ANN, "Yes, come by any time 😀")
    office.send(BEN, "It is still there. " * 15)
    office.settle()


def test_the_report_with_slacks_chart_and_with_a_picture(
    office: House, browser: Browser, tmp_path: Path
) -> None:
    for day in range(12):
        with clock.travelled(timedelta(days=day)):
            for _ in range(1 + day % 4):
                texts(office)
    with clock.travelled(timedelta(days=11)):
        for draws, name, typed in ((True, "report", "20d by day"),
                                   (False, "report-picture", "30d by contact")):  # fmt: skip
            office.slack.draws_charts = draws
            office.ask(f"report {typed}", "/credits")
            office.work()
            post = office.told(office.agent)[-1]
            wait(lambda post=post: post.files)
            look(
                browser,
                name,
                drawn(office, "Report", [post]),
                tmp_path,
                ["Total", "Credits in", "Given back", "CSV"],
            )


def test_the_digest(office: House, browser: Browser, tmp_path: Path) -> None:
    texts(office)
    with clock.travelled(at_hour(8)):
        office.tick()
        [post] = digests(office)
        look(
            browser,
            "digest",
            drawn(office, "Digest", [post]),
            tmp_path,
            ["3 in, 2 out", "Waiting for an answer", "Did not arrive", "8:00", "Mute"],
        )
