"""The stand-in for Twilio refuses what Twilio refuses, through Twilio's own SDK."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from bot.sandbox import Sandbox
from bot.sandbox.twilio.api import TwilioStandIn
from bot.sandbox.twilio.texts import CREATE
from bot.twilio.client import OneTryHttpClient, RateLimited

OURS, ANN = "+14155550100", "+14155550123"
PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "twilio" / "twilio_api_v2010.json"


@pytest.fixture
def twilio(sandbox: Sandbox) -> TwilioStandIn:
    sandbox.twilio.add_number(OURS)
    return sandbox.twilio


@pytest.fixture
def client(twilio: TwilioStandIn) -> Client:
    return Client(
        twilio.account_sid, twilio.auth_token, http_client=OneTryHttpClient(5, twilio.origin)
    )


def test_a_message_is_made_listed_and_delivered(twilio: TwilioStandIn, client: Client) -> None:
    made = client.messages.create(to=ANN, from_=OURS, body="Hello")
    assert (made.status, made.num_segments, made.price) == ("queued", "1", None)
    assert made.sid.startswith("SM") and len(made.sid) == 34
    twilio.settled()
    read = client.messages(made.sid).fetch()
    assert read.status == "delivered" and read.price.startswith("-")
    assert [m.sid for m in client.messages.list(to=ANN, from_=OURS)] == [made.sid]
    assert client.messages.list(to="+14155550124") == []


def test_the_list_pages_and_knows_dates(twilio: TwilioStandIn, client: Client) -> None:
    for n in range(7):
        twilio.text(ANN, OURS, f"text {n}", wait_for_it=False)
    found = [m.body for m in client.messages.list(to=OURS, page_size=3)]
    assert found == [f"text {n}" for n in reversed(range(7))]
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert client.messages.list(to=OURS, date_sent_after=later) == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"to": "", "from_": OURS, "body": "x"}, 21604),
        ({"to": ANN, "body": "x"}, 21603),
        ({"to": "5550123", "from_": OURS, "body": "x"}, 21211),
        ({"to": ANN, "from_": "+14155550999", "body": "x"}, 21606),
        ({"to": ANN, "from_": OURS, "body": ""}, 21602),
        ({"to": ANN, "from_": OURS, "body": "a" * 1601}, 21617),
        ({"to": ANN, "from_": OURS, "body": "😀" * 801}, 21617),
        ({"to": ANN, "from_": OURS, "media_url": ["http://x/y"] * 11}, 21623),
    ],
)
def test_what_twilio_refuses_is_refused_with_its_code(
    client: Client, arguments: dict[str, object], code: int
) -> None:
    with pytest.raises(TwilioRestException) as refused:
        client.messages.create(**arguments)
    assert refused.value.code == code


def test_stop_blocks_and_start_opens(twilio: TwilioStandIn, client: Client) -> None:
    twilio.text(ANN, OURS, "stop ", wait_for_it=False)
    with pytest.raises(TwilioRestException) as refused:
        client.messages.create(to=ANN, from_=OURS, body="x")
    assert refused.value.code == 21610
    twilio.text(ANN, OURS, "START", wait_for_it=False)
    client.messages.create(to=ANN, from_=OURS, body="x")


def test_wrong_credentials_and_unknown_parameters_are_refused(twilio: TwilioStandIn) -> None:
    url = f"{twilio.origin}/2010-04-01/Accounts/{twilio.account_sid}/Messages.json"
    assert requests.post(url, data={"To": ANN}).status_code == 401
    login = (twilio.account_sid, twilio.auth_token)
    form = {"To": ANN, "From": OURS, "Body": "x", "IdempotencyKey": "k"}
    assert requests.post(url, data=form, auth=login).status_code == 400


def test_429_is_told_with_its_wait(twilio: TwilioStandIn, client: Client) -> None:
    twilio.faults.add("rate_limit", seconds=9)
    with pytest.raises(RateLimited) as limited:
        client.messages.create(to=ANN, from_=OURS, body="x")
    assert limited.value.retry_after_s == 9
    assert twilio.sent_to(ANN) == []


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_dropped_connection_is_dropped_before_or_after_the_work(
    twilio: TwilioStandIn, client: Client, kind: str
) -> None:
    twilio.faults.add(kind, "POST Messages")
    with pytest.raises(requests.ConnectionError):
        client.messages.create(to=ANN, from_=OURS, body="x")
    assert len(twilio.sent_to(ANN)) == (kind == "drop_after")


def test_it_signs_as_twilio_does(twilio: TwilioStandIn) -> None:
    """Twilio's published example, and its SDK's own check."""
    twilio.auth_token = "12345"
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    form = {
        "CallSid": "CA1234567890ABCDE", "Digits": "1234", "From": "+14158675309",
        "To": "+18005551212", "Caller": "+14158675309",
    }  # fmt: skip
    assert twilio.sign(url, form) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    form = {"Body": "😀 & é", "FromCity": "", "To": OURS}
    assert RequestValidator("12345").validate(url, form, twilio.sign(url + "#rc=3", form))


@pytest.mark.skipif(
    not PUBLISHED.is_file(), reason="Twilio's description is not beside the project"
)
def test_it_takes_the_parameters_that_twilio_describes() -> None:
    described = json.loads(PUBLISHED.read_text())
    post = described["paths"]["/2010-04-01/Accounts/{AccountSid}/Messages.json"]["post"]
    body = post["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    known = set(body["properties"])
    assert known >= CREATE
    assert known - CREATE <= {
        "AddressRetention", "ContentRetention", "ContentSid", "FallbackFrom", "MessageIntent",
        "TrafficType", "SendAs",
    }  # fmt: skip
