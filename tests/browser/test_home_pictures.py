"""Home, drawn: of a busy team, of a first run, and what owner and managers settle there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from bot import clock
from bot.sandbox import Sandbox
from ledger import database
from tests import databases
from tests.bot.team.test_first_run import Fresh
from tests.bot.texts.test_later import later
from tests.browser.harbor import BEN, GRACE, at_noon, lead_plan, minutes, texts
from tests.browser.test_pictures import database_bound, daytime, drawn, look, office, spend
from tests.house import ANN, LONDON, House

__all__ = ["office"]


def test_home_of_a_busy_team_and_its_settings(
    office: House, browser: Browser, tmp_path: Path
) -> None:
    with at_noon(office):
        spend(office, 412, "a month")
        for ago, number, body in ((190, GRACE, "Can I see it on Saturday?"),
                                  (42, ANN, "Is it still free?"), (3, BEN, "Thanks!")):  # fmt: skip
            with clock.travelled(-minutes(ago)):
                texts(office, number, body)
        office.twilio.outcome(LONDON, "failed", 30005)
        office.send(LONDON, "The plans are in the mail.")
        office.settle()
        root = office.thread(ANN)[0]
        office.slack.choose(office.agent, root, "talk_assign", office.clerk)
        later(office, "The keys are at the office.", 27)
        office.work()
        lead_plan(office)
        office.settle_words("Harbor Homes. Reply STOP to opt out.")
        home = office.home(office.agent)
        look(browser, "home", drawn(office, "Home", view=home.view), tmp_path, [
            "% of your credits are used", "did not arrive", "Write a text", "Grace Okafor",
            "@Sam", "#leads", "SmartPlans", "New lead: 1", "Team",
            "Opt-out words and quiet hours", "How it works",
        ])  # fmt: skip
        for label, name, shows in (
            ("Add or remove people", "team", ["Your team", "Only the owner makes managers"]),
            ("Opt-out words and quiet hours", "policy", ["Quiet from", "US carriers ask"]),
            ("Settings", "line", ["Line settings", "#leads", "Ask before sending"]),
        ):  # fmt: skip
            view = office.modal(office.agent, home, label)
            look(browser, name, drawn(office, name, view=view), tmp_path, shows)
            office.slack.close_modals(office.agent)


def test_a_first_run(browser: Browser, tmp_path: Path) -> None:
    url = databases.fresh("sqlite")
    with Sandbox() as sandbox, database_bound(url), clock.travelled(daytime()):
        house = Fresh(url, sandbox)
        with house.serving():
            admin = house.admin
            see: Any = lambda name, shows: look(  # noqa: E731
                browser, name, drawn(house, name, view=house.home(admin).view), tmp_path, shows
            )
            see("first-home", ["Your way to the first text", "Open an account"])
            view = house.modal(admin, house.home(admin), "Open an account")
            look(browser, "first-account", drawn(house, "Account", view=view), tmp_path,
                 ["Name of your team", "Time zone"])  # fmt: skip
            house.slack.submit(admin, view, {"name": "Harbor Homes"})
            house.subscribe_in(view)
            house.give_number()
            see("first-steps", ["Choose a plan", "Choose a channel"])
            card = house.ask(f"{ANN} Hello", user=admin)
            look(browser, "first-card", drawn(house, "First", [card]), tmp_path,
                 ["No text can be sent yet."])  # fmt: skip
        database.db.close_all()
