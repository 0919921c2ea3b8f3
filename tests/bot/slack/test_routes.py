"""POST /slack/events: what Slack signed is taken once, what it did not is refused."""

from __future__ import annotations

import json
import threading

import pytest
import requests

from bot.models import Inbox
from ledger import database
from tests.house import House

EVENT = {"type": "app_uninstalled"}


def rows() -> int:
    with database.session():
        return Inbox.select().count()


def test_an_event_that_slack_sends_again_is_kept_once(house: House) -> None:
    signed = house.slack.event(EVENT, "Ev1")
    assert [signed.send().status for _ in range(3)] == [200] * 3
    again = house.slack.event(EVENT, "Ev1")
    threads = [threading.Thread(target=again.send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rows() == 1
    house.work()
    with database.session():
        assert Inbox.get().state == "done"


def test_an_event_that_could_not_be_kept_is_asked_for_again(house: House) -> None:
    signed = house.slack.event(EVENT)
    with database.session():
        database.query("ALTER TABLE inbox RENAME TO away")
    assert signed.send().status == 503
    with database.session():
        database.query("ALTER TABLE away RENAME TO inbox")
    assert signed.send().status == 200
    assert rows() == 1


def test_an_event_that_nothing_needs_is_taken_and_not_kept(house: House) -> None:
    event = {"type": "message", "text": None, "channel": house.channel}
    assert house.slack.event(event).send().status == 200
    assert rows() == 0


@pytest.mark.parametrize("age_s", [301, -302])
def test_what_is_old_or_from_the_future_is_refused(house: House, age_s: int) -> None:
    assert house.slack.sign(json.dumps(EVENT), "application/json", age_s).send().status == 401


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Slack-Signature", "v0=wrong"),
        ("X-Slack-Signature", "v0=ä".encode()),
        ("X-Slack-Signature", None),
        ("X-Slack-Request-Timestamp", "abc"),
        ("X-Slack-Request-Timestamp", ""),
    ],
)
def test_what_slack_did_not_sign_is_refused(house: House, header: str, value: object) -> None:
    signed = house.slack.event(EVENT)
    headers = {**signed.headers, header: value}
    assert requests.post(signed.url, data=signed.body, headers=headers).status_code == 401
    assert rows() == 0


def test_a_body_that_was_changed_is_refused(house: House) -> None:
    signed = house.slack.event(EVENT)
    assert (
        requests.post(signed.url, data=signed.body + b" ", headers=signed.headers).status_code
        == 401
    )


def test_slack_may_check_the_address(house: House) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "c1", "token": "t"})
    answer = house.slack.sign(body, "application/json").send()
    assert (answer.status, answer.json) == (200, {"challenge": "c1"})


def test_what_is_huge_is_refused_before_it_is_read(house: House) -> None:
    signed = house.slack.sign(b"a" * 1_100_000)
    assert requests.post(signed.url, data=signed.body, headers=signed.headers).status_code == 413


def test_a_listener_that_breaks_says_so_and_sends_nothing(house: House) -> None:
    with database.session():
        database.query("ALTER TABLE draft RENAME TO away")
    card = house.ask("+14155550123 Hello")
    assert "Something went wrong on our side, and nothing was sent" in card.plain()
    with database.session():
        database.query("ALTER TABLE away RENAME TO draft")
