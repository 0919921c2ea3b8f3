"""POST /marketplace/subscriptions: signed, once, and saying what is wrong."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from bot import marketplace
from bot.models import Address, Member
from bot.sandbox import Sandbox
from ledger import database, subscriptions
from ledger.models import Account, Change
from tests.house import House

SECRET = "a secret of the shop"
MADE = "2026-11-23T10:00:00Z"


@pytest.fixture
def shop(books: str, sandbox: Sandbox) -> Iterator[House]:
    house = House(books, sandbox, opening_credits=0, MARKETPLACE_SECRET=SECRET)
    with house.serving():
        yield house


def post(
    house: House, body: Any, *, secret: str = SECRET, age_s: int = 0, **headers: str
) -> requests.Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    stamp = marketplace.signature(secret, raw, int(time.time()) - age_s)
    url = f"{house.sandbox.app_url}/marketplace/subscriptions"
    return requests.post(
        url, data=raw, headers={"Partyline-Signature": stamp, **headers}, timeout=10
    )


def event(kind: str, id_: str = "evt_1", **more: Any) -> dict[str, Any]:
    return {"id": id_, "type": kind, "created_at": MADE, "account": "Harbor Homes", **more}


def stands(house: House) -> subscriptions.Standing:
    from bot import clock

    return subscriptions.standing(house.account().id, clock.now())


def test_a_shop_starts_changes_and_cancels(shop: House) -> None:
    made = post(shop, event("start", plan="solo"))
    assert made.status_code == 200
    assert made.json()["balance"] == 500
    assert made.json()["state"] == "plan"
    assert post(shop, event("change", "evt_2", plan="pro")).json()["balance"] == 1000
    assert post(shop, event("hold", "evt_3")).json()["at_period_end"] == "hold"
    assert post(shop, event("cancel", "evt_4")).json()["at_period_end"] == "cancel"
    assert post(shop, event("resume", "evt_5")).json()["at_period_end"] == "renew"
    assert shop.audit() == []


def test_a_start_may_open_the_account(shop: House) -> None:
    new = event("start", plan="pro", account="Elm & Co", timezone="Europe/Lisbon", owner="U9",
                emails=["elm@example.com"], anchor=15)  # fmt: skip
    assert post(shop, new).json()["account"] == "Elm & Co"
    with database.session():
        account = Account.get(Account.name == "Elm & Co")
        assert Member.get(Member.account == account).slack_user == "U9"
        assert Address.get(Address.account == account).email == "elm@example.com"
    assert (
        "needs timezone and owner"
        in post(shop, event("start", "evt_9", plan="pro", account="Nobody")).json()["error"]
    )


def test_an_event_that_comes_again_counts_once(shop: House) -> None:
    answers = []

    def send() -> None:
        answers.append(post(shop, event("start", plan="solo")))

    threads = [threading.Thread(target=send) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [a.status_code for a in answers] == [200] * 5
    assert shop.balance() == 500
    post(shop, event("change", "evt_2", plan="pro"))
    post(shop, event("change", "evt_3", plan="starter"))
    assert post(shop, event("change", "evt_2", plan="pro")).status_code == 200
    assert stands(shop).terms.plan == "starter"
    with database.session():
        assert Change.select().count() == 3


def test_an_event_that_comes_late_changes_nothing(shop: House) -> None:
    post(shop, event("start", plan="solo"))
    post(shop, event("cancel", "evt_3") | {"created_at": "2026-11-23T12:00:00Z"})
    late = post(shop, event("change", "evt_2", plan="pro") | {"created_at": "2026-11-23T11:00:00Z"})
    assert late.status_code == 200
    assert late.json()["heeded"] is False
    assert shop.balance() == 500
    assert stands(shop).terms.then == "cancel"


@pytest.mark.parametrize(
    "how",
    [
        {"secret": "another secret"},
        {"age_s": 400},
        {"age_s": -400},
        {"Partyline-Signature": "nonsense"},
        {"Partyline-Signature": ""},
        {"Partyline-Signature": "t=" + "9" * 40 + ",v1=" + "a" * 64},
    ],
)
def test_what_the_shop_did_not_sign_just_now_is_403(shop: House, how: Any) -> None:
    assert post(shop, event("start", plan="solo"), **how).status_code == 403
    assert shop.balance() == 0


def test_a_body_that_was_changed_on_the_way_is_403(shop: House) -> None:
    raw = json.dumps(event("start", plan="solo")).encode()
    stamp = marketplace.signature(SECRET, raw, int(time.time()))
    url = f"{shop.sandbox.app_url}/marketplace/subscriptions"
    changed = raw.replace(b"solo", b"team")
    sent = requests.post(url, data=changed, headers={"Partyline-Signature": stamp}, timeout=10)
    assert sent.status_code == 403


def test_an_unknown_plan_is_422_with_the_plans_there_are(shop: House) -> None:
    answer = post(shop, event("start", plan="gold"))
    assert answer.status_code == 422
    assert [p["code"] for p in answer.json()["plans"]] == [
        "starter", "solo", "pro", "team", "office",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"{", 422, "no JSON"),
        (b"[]", 422, "no JSON object"),
        (b"\xff\xfe", 422, "no JSON"),
        (event("begin"), 422, "type must be one of start, change"),
        (event("start"), 422, "plan must be a text"),
        (event("start", "", plan="solo"), 422, "id must be a text"),
        (event("start", plan=7), 422, "plan must be a text"),
        (event("start", plan="solo", anchor=32), 422, "anchor must be a day"),
        (event("start", plan="solo", emails="x"), 422, "emails must be a list"),
        (event("start", plan="solo") | {"created_at": "yesterday"}, 422, "created_at must be"),
        (event("start", plan="solo") | {"account": "a\x00b"}, 422, "account must be a text"),
        (event("start", plan="solo", account="New", timezone="Mars/Base", owner="U1"), 422,
         "timezone must be"),
        (event("change", plan="solo", account="Nobody"), 404, "No account is called 'Nobody'"),
        (event("change", plan="solo"), 409, "Send a start instead"),
        (event("cancel"), 409, "Send a start instead"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(shop: House, body: Any, status: int, says: str) -> None:
    answer = post(shop, body)
    assert (answer.status_code, says in answer.json()["error"]) == (status, True), answer.text
    assert shop.audit() == []


def test_a_second_start_and_a_reused_id_are_409(shop: House) -> None:
    post(shop, event("start", plan="solo"))
    again = post(shop, event("start", "evt_2", plan="pro"))
    assert (again.status_code, "Send a change" in again.text) == (409, True)
    other = post(shop, event("start", plan="pro"))
    assert (other.status_code, "was used for another event" in other.text) == (409, True)


def test_without_a_secret_there_is_no_such_page(house: House) -> None:
    assert post(house, event("start", plan="solo")).status_code == 404
