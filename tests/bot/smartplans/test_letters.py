"""E-mails of SmartPlans: what their readers get, how they stop them, addresses that do not work."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage
from urllib.parse import urlsplit

import pytest
import requests

from bot import clock
from bot.contacts import address_book
from bot.contacts.models import Contact
from bot.smartplans import plan_people, room, smartplans, steps
from bot.smartplans.models import Letter, StepRun
from bot.smartplans.plan_shapes import Shape, StepShape
from bot.smartplans.schedule import When
from ledger import database
from tests.house import ANN, House

ADDRESS = "ann@example.com"
FAST = room.Pace(0.001, 1000)
BODY = "Dear {first_name|friend},\n\n<b>three</b> houses: https://harbor.example/3?a=1&b=2"


def mailed(house: House, times: int = 1) -> list[EmailMessage]:
    """A plan of so many e-mails has begun for Ann, and its first has gone out."""
    mails = tuple(
        StepShape("email", When("enrolled", at, "minutes"), (BODY,), f"Your search {at}")
        for at in range(times)
    )
    plan = smartplans.new(house.account().id, house.agent, Shape("Mail", mails), clock.now())
    smartplans.switch_on(plan.id, house.agent, clock.now())
    contact = address_book.meet(house.account().id, ANN, clock.now())
    with database.session():
        Contact.update(email=ADDRESS).execute()
    plan_people.enroll(plan.id, house.agent, [contact.id], clock.now())
    steps.run_due(FAST, by_mail=True)
    house.work()
    return house.sandbox.mail.box(ADDRESS)


def link(mail: EmailMessage, house: House) -> str:
    """The address that stops such e-mails, here on loopback."""
    address = str(mail["List-Unsubscribe"]).strip(" <>")
    assert address.startswith(f"{house.settings.public_url}/mail/stop/")
    return f"{house.sandbox.app_url}{urlsplit(address).path}"


def wants_mail(house: House) -> bool:
    with database.session():
        return Contact.get().mail_stopped_at is None


def test_an_email_says_whose_it_is_in_two_forms_and_how_to_stop_it(house: House) -> None:
    (mail,) = mailed(house)
    assert "Harbor Homes" in str(mail["From"]) and mail["To"] == ADDRESS
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    plain, page = (part.get_content() for part in mail.iter_parts())
    assert plain.startswith("Dear friend,") and "<b>three</b> houses" in plain
    assert str(mail["List-Unsubscribe"]).strip(" <>") in plain
    assert "&lt;b&gt;three&lt;/b&gt; houses" in page
    assert 'href="https://harbor.example/3?a=1&amp;b=2"' in page
    assert "Harbor Homes sent you this." in page and "\n\n\n\n" not in plain


def test_opening_the_link_stops_nothing_and_the_button_does(house: House) -> None:
    (mail,) = mailed(house)
    page = requests.get(link(mail, house), timeout=10)
    assert page.status_code == 200 and "Harbor Homes sends e-mails to a…@example.com" in page.text
    assert "Stop these e-mails" in page.text and ADDRESS not in page.text
    assert wants_mail(house)
    done = requests.post(link(mail, house), timeout=10)
    assert done.status_code == 200 and "sends no more such e-mails" in done.text
    assert not wants_mail(house)
    assert "no more such" in requests.get(link(mail, house), timeout=10).text
    assert requests.post(link(mail, house), timeout=10).status_code == 200


def test_a_mail_programs_own_button_stops_them_without_a_page(house: House) -> None:
    (mail,) = mailed(house)
    one_click = {"List-Unsubscribe": "One-Click"}
    assert requests.post(link(mail, house), data=one_click, timeout=10).status_code == 200
    assert not wants_mail(house)


def test_no_further_email_of_any_plan_comes_and_the_reason_is_written_down(house: House) -> None:
    (mail,) = mailed(house, times=3)
    requests.post(link(mail, house), timeout=10)
    house.tick()
    with clock.travelled(_minutes(5)):
        house.tick()
    assert len(house.sandbox.mail.box(ADDRESS)) == 1
    with database.session():
        reasons = {run.reason for run in StepRun.select() if run.outcome == "skipped"}
    assert reasons == {"they want no more e-mails"}


def test_one_that_waits_when_they_stop_does_not_go_out(house: House) -> None:
    (mail,) = mailed(house, times=2)
    with clock.travelled(_minutes(2)):
        steps.run_due(FAST, by_mail=True)
        requests.post(link(mail, house), timeout=10)
        house.work()
    assert len(house.sandbox.mail.box(ADDRESS)) == 1
    with database.session():
        states = [letter.state for letter in Letter.select().order_by(Letter.id)]
    assert states == ["sent", "failed"]


@pytest.mark.parametrize("token", ["x", "MQ.forged", "1", "%00", "MQ." + "a" * 400])
def test_a_forged_link_stops_nothing(house: House, token: str) -> None:
    mailed(house)
    address = f"{house.sandbox.app_url}/mail/stop/{token}"
    assert requests.get(address, timeout=10).status_code == 404
    assert requests.post(address, timeout=10).status_code == 404
    assert wants_mail(house)


def test_an_address_that_is_none_is_marked_and_gets_no_more(house: House) -> None:
    house.sandbox.mail.refused.add(ADDRESS)
    assert mailed(house, times=2) == []
    with database.session():
        assert Contact.get().mail_bounced_at is not None
        assert "550" in str(Letter.get().error)
    with clock.travelled(_minutes(5)):
        house.tick()
    with database.session():
        reasons = [run.reason for run in StepRun.select().order_by(StepRun.id)]
    assert reasons == [None, "their e-mail address does not work"]


def _minutes(number: int) -> timedelta:

    return timedelta(minutes=number)
