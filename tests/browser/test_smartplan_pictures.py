"""SmartPlans, drawn: the list, a plan, a step, the preview with its price, and what they ask."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Browser

from bot import clock
from bot.sandbox.slack.records import View
from bot.smartplans import plan_people
from bot.smartplans.models import SmartPlan, Step
from ledger import database
from tests.bot.smartplans.test_smartplans_in_slack import kept, made, opened, person, pushed, steps
from tests.browser.harbor import BEN, CEM, PEOPLE, at_noon, team
from tests.browser.test_pictures import daytime, drawn, look, office
from tests.house import ANN, House

__all__ = ["office"]
NEW_LEAD = "New lead"


def switched_on(house: House, plan: View) -> None:
    """Preview, and on."""
    house.slack.submit(house.agent, pushed(house, plan, "Preview and switch on"), {})
    house.slack.close_modals(house.agent)


def named(house: House) -> None:
    """Three contacts with a tag."""
    for number in (ANN, BEN, CEM):
        house.name(number, PEOPLE[number])
        house.ask(f"tag {PEOPLE[number]} buyer", "/contacts")


def test_a_plan_from_its_making_to_its_list(
    office: House, browser: Browser, tmp_path: Path
) -> None:
    with at_noon(office):
        named(office)
        plan = made(office)
        look(browser, "smartplan", drawn(office, "Plan", view=plan), tmp_path, [
            NEW_LEAD, "Preview and switch on", "1. Text, 5 minutes after they join",
            "Add a text", "Add a reminder",
        ])  # fmt: skip
        form = pushed(office, plan, f"step:{steps()[2].key}:Edit")
        look(browser, "smartplan-step", drawn(office, "Step", view=form), tmp_path, [
            "Text step", "Only on", "Whoever enrolls", "Remove this step",
        ])  # fmt: skip
        office.slack.close_modals(office.agent)
        plan = opened(office, "new lead")
        preview = pushed(office, plan, "Preview and switch on")
        look(browser, "smartplan-preview", drawn(office, "Preview", view=preview), tmp_path, [
            "3 credits a contact", "Switch on", "1 credit",
        ])  # fmt: skip
        office.slack.submit(office.agent, preview, {})
        office.slack.close_modals(office.agent)
        form = pushed(office, opened(office, "new lead"), "Put contacts on it")
        look(browser, "smartplan-enroll", drawn(office, "Enroll", view=form), tmp_path, [
            "One contact", "All with a tag", "A list",
        ])  # fmt: skip
        office.slack.submit(office.agent, form, {"tag": "buyer"})
        price = office.slack.open_view(office.agent)
        look(browser, "smartplan-price", drawn(office, "Price", view=price), tmp_path, [
            "3 contacts", "9 credits", "Put them on it",
        ])  # fmt: skip
        office.slack.submit(office.agent, price, {})
        made(office, "Open house visitor")
        made(office, "Past client")
        card = office.ask("", "/smartplans")
        look(browser, "smartplans", drawn(office, "SmartPlans", [card]), tmp_path, [
            "Your SmartPlans", "3 contacts on it", "not switched on yet", "New plan", "Open",
        ])  # fmt: skip
        office.slack.close_modals(office.agent)
        view = pushed(office, opened(office, "new lead"), "Settings")
        look(browser, "smartplan-settings", drawn(office, "Settings", view=view), tmp_path, [
            "Plan settings", "It stops for a contact when", "They answer",
        ])  # fmt: skip


def test_what_a_plan_asks(office: House, browser: Browser, tmp_path: Path) -> None:
    with clock.travelled(daytime()):
        team(office)
        named(office)
        plan = made(office, "An empty plan", name="Just listed")
        form = pushed(office, plan, "Add a reminder")
        kept(office, plan, form, {
            "body": "Call {name} about the new house on Elm Street.", "amount": "0",
            "unit": "minutes", "basis": "the moment they join",
        })  # fmt: skip
        form = pushed(office, plan, f"step:{steps()[0].key}:Edit")
        kept(office, plan, form, {
            "body": "Hi {first_name|there}, a house like the one you asked for came up on Elm "
                    "Street. Three rooms, a garden, and the light you love. Shall I show it to you "
                    "before the open house on Sunday?",
            "amount": "1", "unit": "minutes", "basis": "the step before", "place": "2.",
        })  # fmt: skip
        switched_on(office, opened(office, "just listed"))
        with database.session():
            Step.update(ceiling=1).where(Step.kind == "text").execute()
            key = SmartPlan.get().id
        plan_people.enroll(key, office.agent, [person(office, ANN)], clock.now())
        for minutes in (1, 3, 5):
            with clock.travelled(timedelta(minutes=minutes)):
                office.tick()
        reminder, asks = office.told(office.agent)[-2:]
        look(browser, "reminder", drawn(office, "Reminder", [reminder]), tmp_path, [
            "Call Ann Lee", "Ann Lee · (415) 555-0123", "Done", "Skip",
        ])  # fmt: skip
        look(browser, "smartplan-asks", drawn(office, "Asks", [asks]), tmp_path, [
            "costs 2 credits, which is more than was agreed", "Send for 2 credits",
        ])  # fmt: skip
