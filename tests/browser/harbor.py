"""Harbor Homes on a working day: the people of the pictures, and who texts them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from bot import clock
from bot.contacts import address_book
from bot.contacts.models import Contact
from bot.smartplans import plan_people
from bot.smartplans.models import SmartPlan
from bot.team.models import Member
from ledger import database
from tests.bot.smartplans.test_smartplans_in_slack import made, person, pushed
from tests.browser.test_pictures import daytime
from tests.house import ANN, BEN, LINE, House

CEM, GRACE = "+14155550177", "+14155550178"
PEOPLE = {ANN: "Ann Lee", BEN: "Ben Ortiz", CEM: "Cem Demir", GRACE: "Grace Okafor"}


def team(house: House) -> None:
    """Dana owns the account, Mia manages it, Sam is an agent."""
    house.manager, house.clerk = house.slack.add_user("Mia"), house.slack.add_user("Sam")
    house.slack.channels[house.channel].members |= {house.manager, house.clerk}
    house.slack.people[house.agent]["profile"] = {"display_name": "Dana"}
    account = house.account()
    with database.session():
        Member.update(name="Dana").where(Member.slack_user == house.agent).execute()
        Member.create(account=account, slack_user=house.manager, role="manager", name="Mia")
        Member.create(account=account, slack_user=house.clerk, role="agent", name="Sam")


def texts(house: House, number: str, body: str) -> str:
    """Somebody whose name is known texts. Returns the ts of their thread."""
    place = {"FromCity": "SAN FRANCISCO", "FromState": "CA"}
    house.twilio.text(number, LINE, body, **place)
    house.work()
    with database.session():
        Contact.update(name=PEOPLE[number]).where(Contact.number == number).execute()
        address_book.index(Contact.get(Contact.number == number))
    return house.thread(number)[0].ts


def lead_plan(house: House) -> None:
    """The plan for new leads is on, and Ann is on it."""
    plan = made(house)
    house.slack.submit(house.agent, pushed(house, plan, "Preview and switch on"), {})
    house.slack.close_modals(house.agent)
    with database.session():
        key = SmartPlan.get().id
    plan_people.enroll(key, house.agent, [person(house, ANN)], clock.now())


@contextmanager
def at_noon(house: House) -> Iterator[None]:
    """Noon in New York, with everybody at work."""
    with clock.travelled(daytime()):
        team(house)
        yield


def minutes(number: float) -> timedelta:
    """So many of them."""
    return timedelta(minutes=number)
