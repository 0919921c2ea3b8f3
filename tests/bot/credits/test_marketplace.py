"""POST /marketplace/subscriptions: signed, once, and saying what is wrong."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from bot import marketplace
from bot.credits.models import Address
from bot.sandbox import Sandbox
from bot.team.models import Member
from ledger import database, standing
from ledger.models import Account, Change
from ledger.standing import Standing
from tests.house import House

SECRET = "a secret of the shop"


def hours_ago(hours: float) -> str:
    """A time as a shop writes it."""
    return (datetime.now(UTC) - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


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
    return {"id": id_, "type": kind, "created_at": hours_ago(9), "account": "Harbor Homes", **more}


def stands(house: House) -> Standing:
    from bot import clock

    return standing.of(house.account().id, clock.now())


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


def test_two_shops_hands_change_the_plan_at_once(shop: House) -> None:
    """R10, R11: each change is made once, in the order of their locks, and the books hold."""
    post(shop, event("start", plan="solo"))
    at_once = [event("change", f"evt_{plan}", plan=plan) for plan in ("pro", "team", "starter")]
    with ThreadPoolExecutor(6) as hands:
        answers = list(hands.map(lambda one: post(shop, one), at_once * 2))
    assert [answer.status_code for answer in answers] == [200] * 6
    with database.session():
        made = [change.plan for change in Change.select().order_by(Change.id)]
    assert sorted(made) == ["pro", "solo", "starter", "team"]
    now = stands(shop)
    assert now.terms is not None and now.terms.plan == made[-1]
    assert now.bill_cents == 9000, "the dearest that was held"
    assert shop.audit() == []


def test_a_start_that_cannot_be_heeded_opens_no_account(shop: House) -> None:
    new = event("start", plan="gold", account="Elm", timezone="UTC", owner="U9")
    assert post(shop, new).status_code == 422
    with database.session():
        assert Account.select().where(Account.name == "Elm").count() == 0


def test_two_starts_of_a_new_account_open_it_once(shop: House) -> None:
    new = event("start", plan="pro", account="Elm", timezone="UTC", owner="U9")
    with ThreadPoolExecutor(4) as hands:
        codes = [a.status_code for a in hands.map(lambda one: post(shop, one), [new] * 4)]
    assert set(codes) <= {200, 503}, "503: send it again"
    assert post(shop, new).status_code == 200
    with database.session():
        assert Account.get(Account.name == "Elm").balance == 1000


def test_an_event_of_one_account_under_the_id_of_anothers_is_409(shop: House) -> None:
    post(shop, event("start", plan="solo"))
    new = event("start", plan="solo", account="Elm", timezone="UTC", owner="U9")
    answer = post(shop, new)
    assert (answer.status_code, "was used for another event" in answer.text) == (409, True)
    with database.session():
        assert Account.select().where(Account.name == "Elm").count() == 0


def test_late_events_that_come_again_stay_late(shop: House) -> None:
    post(shop, event("start", plan="solo"))
    post(shop, event("change", "evt_3", plan="team") | {"created_at": hours_ago(1)})
    late = event("change", "evt_2", plan="pro") | {"created_at": hours_ago(2)}
    assert [post(shop, late).json()["heeded"] for _ in range(2)] == [False, False]
    assert stands(shop).terms.plan == "team"


def test_an_event_that_comes_late_changes_nothing(shop: House) -> None:
    post(shop, event("start", plan="solo"))
    post(shop, event("cancel", "evt_3") | {"created_at": hours_ago(1)})
    late = post(shop, event("change", "evt_2", plan="pro") | {"created_at": hours_ago(2)})
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
        (event("start", plan="solo") | {"created_at": None}, 422, "created_at must be"),
        (event("start", plan="solo") | {"created_at": 1700000000}, 422, "created_at must be"),
        (event("start", plan="solo") | {"created_at": "2026-11-23"}, 422, "created_at must be"),
        (event("start", plan="solo") | {"created_at": "2026-11-23T10:00:00"}, 422,
         "created_at must be"),
        (event("start", plan="solo") | {"created_at": "0001-01-01T00:00:00+14:00"}, 422,
         "created_at must be"),
        (event("start", plan="solo") | {"created_at": "2999-01-01T00:00:00Z"}, 422,
         "created_at is in the future"),
        (b"[" * 60_000, 422, "no JSON"),
        (event("start", plan="solo", emails=["a@b"]), 422, "emails must be a list"),
        (event("start", plan="solo", emails=["a@b.example\n"]), 422, "emails must be a list"),
        (event("start", plan="solo", emails=["a\x00@b.example"]), 422, "emails must be a list"),
        (event("start", plan="solo", owner="Dana"), 422, "owner must be a Slack user id"),
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
