"""Every call of Twilio's that the app makes, and every answer of the stand-in, against Twilio's own
description of its API: names, types, required fields."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Response

from bot import clock
from bot.lines.models import Line
from bot.sandbox import Sandbox
from bot.sandbox.twilio.api import Exchange
from bot.team import opening
from bot.twilio import usage
from bot.twilio.accounts import Accounts
from ledger import database
from tests import databases, pictures
from tests.bot.lines import test_bringing as bringing
from tests.bot.lines import test_new_number as new
from tests.house import ANN, BEN, LINE, House

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "twilio"
APIS = ("twilio_api_v2010.json", "twilio_messaging_v1.json")
pytestmark = pytest.mark.skipif(
    not PUBLISHED.is_dir(), reason="Twilio's published descriptions are not beside the project"
)
#: What the SDK itself adds, or Twilio takes though its description lacks it.
UNPUBLISHED = {"Page", "PageToken", "PageSize"}
TYPES: dict[str, Any] = {
    "string": str, "integer": int, "boolean": bool, "object": dict, "array": list,
    "number": (int, float),
}  # fmt: skip


class Description:
    """Twilio's APIs, as it describes them."""

    def __init__(self) -> None:
        self.paths: dict[str, Any] = {}
        self.schemas: dict[str, Any] = {}
        for name in APIS:
            api = json.loads((PUBLISHED / name).read_text())
            self.paths |= api["paths"]
            self.schemas |= api["components"]["schemas"]
        self.patterns = {
            path: re.compile(re.sub(r"\{\w+\}", "[^/]+", path.replace(".", r"\.")))
            for path in self.paths
        }
        self.seen: set[str] = set()

    def operation(self, exchange: Exchange) -> tuple[str, Any]:
        """What a call is, by the most exact path that fits it."""
        fits = [path for path, pattern in self.patterns.items() if pattern.fullmatch(exchange.path)]
        assert fits, f"{exchange.path} is no path of Twilio's"
        path = min(fits, key=lambda one: one.count("{"))
        assert exchange.method.lower() in self.paths[path], f"{exchange.method} {path}"
        return path, self.paths[path][exchange.method.lower()]

    def check(self, exchange: Exchange) -> None:
        """Raises AssertionError if a call or its answer is not as described."""
        path, operation = self.operation(exchange)
        where = f"{exchange.method} {path}"
        self.seen.add(where)
        known, required = self._parameters(operation)
        unknown = set(exchange.given) - set(known) - UNPUBLISHED
        assert not unknown, f"{where} takes no {sorted(unknown)}"
        assert required <= set(exchange.given), f"{where} needs {required - set(exchange.given)}"
        for name, value in exchange.given.items():
            if name in known:
                self._check_value(f"{where} {name}", known[name], value)
        if exchange.answer.status_code < 300 and exchange.answer.status_code != 204:
            self._check_answer(where, operation, exchange)

    def _parameters(self, operation: Any) -> tuple[dict[str, Any], set[str]]:
        asked = [one for one in operation.get("parameters", ()) if one["in"] == "query"]
        known = {one["name"]: one["schema"] for one in asked}
        required = {one["name"] for one in asked if one.get("required")}
        body = operation.get("requestBody", {}).get("content", {})
        form = body.get("application/x-www-form-urlencoded", {}).get("schema", {})
        return known | form.get("properties", {}), required | set(form.get("required", ()))

    def _check_value(self, where: str, schema: Any, value: str) -> None:
        schema = self._resolved(schema)
        if "enum" in schema:
            assert value in schema["enum"], f"{where}: {value!r} is none of {schema['enum']}"
        if "pattern" in schema and value:
            assert re.search(schema["pattern"], value), f"{where}: {value!r}"
        match schema.get("type"):
            case "boolean":
                assert value in ("true", "false"), f"{where}: {value!r}"
            case "integer":
                assert re.fullmatch(r"-?\d+", value), f"{where}: {value!r}"

    def _check_answer(self, where: str, operation: Any, exchange: Exchange) -> None:
        answers = operation["responses"]
        status = str(exchange.answer.status_code)
        assert status in answers, f"{where} answers no {status}"
        schema = answers[status]["content"]["application/json"]["schema"]
        self._check_shape(where, schema, exchange.answer.get_json())

    def _check_shape(self, where: str, schema: Any, found: Any) -> None:
        schema = self._resolved(schema)
        if found is None:
            return
        wanted = TYPES.get(schema.get("type", ""))
        if wanted:
            assert isinstance(found, wanted), f"{where}: {found!r} is no {schema['type']}"
        properties = schema.get("properties")
        if isinstance(found, dict) and properties and "additionalProperties" not in schema:
            unknown = {name for name in found if name not in properties} - LOOSE
            assert not unknown, f"{where} answers no {sorted(unknown)}"
            for name, value in found.items():
                if name in properties:
                    self._check_shape(f"{where}.{name}", properties[name], value)
        if isinstance(found, list) and "items" in schema:
            for one in found:
                self._check_shape(f"{where}[]", schema["items"], one)

    def _resolved(self, schema: Any) -> Any:
        while "$ref" in schema:
            schema = self.schemas[schema["$ref"].rpartition("/")[2]]
        return schema


#: Named differently in Twilio's examples than in its descriptions: capabilities are in capitals.
LOOSE = {"SMS", "MMS", "Voice", "fax"}


@pytest.mark.parametrize(
    ("given", "answer", "words"),
    [({"PhoneNumber": "+1", "Nonsense": "1"}, {}, "takes no"),
     ({"PhoneNumber": "+1", "SmsMethod": "PUT"}, {}, "is none of"),
     ({"PhoneNumber": "+1", "VoiceCallerIdLookup": "yes"}, {}, "VoiceCallerIdLookup"),
     ({"PhoneNumber": "+1", "AddressSid": "XX1"}, {}, "AddressSid"),
     ({"PhoneNumber": "+1"}, {"sid": 7}, "is no string"),
     ({"PhoneNumber": "+1"}, {"name": "x"}, "answers no")],
)  # fmt: skip
def test_what_twilio_does_not_describe_is_noticed(
    given: dict[str, str], answer: dict[str, Any], words: str
) -> None:
    path = f"/2010-04-01/Accounts/AC{'1' * 32}/IncomingPhoneNumbers.json"
    made = Response(json.dumps(answer), 201, mimetype="application/json")
    with pytest.raises(AssertionError, match=words):
        Description().check(Exchange("POST", path, given, made))
    with pytest.raises(AssertionError, match="needs"):
        Description().check(Exchange("POST", path.replace("IncomingPhoneNumbers", "Messages"), {},
                                     made))  # fmt: skip
    with pytest.raises(AssertionError, match="no path"):
        Description().check(Exchange("POST", "/2010-04-01/Nowhere.json", given, made))


@pytest.fixture
def described(sandbox: Sandbox) -> Iterator[Description]:
    """Twilio's description, by which every call to the stand-in is checked from now on."""
    description, faults = Description(), []

    def watch(exchange: Exchange) -> None:
        try:
            description.check(exchange)
        except AssertionError as fault:
            faults.append(str(fault))

    sandbox.twilio.watch = watch
    yield description
    sandbox.twilio.watch = None
    assert faults == []


@pytest.fixture
def home(sandbox: Sandbox) -> Iterator[House]:
    service = sandbox.twilio.add_service()
    with databases.lent("sqlite") as url, House(
        url, sandbox, TWILIO_MESSAGING_SERVICE_SID=service.sid
    ).serving() as house:  # fmt: skip
        yield house


def test_texts_go_and_come_as_twilio_describes(described: Description, home: House) -> None:
    home.twilio.callbacks.withhold = True
    home.twilio.text(ANN, LINE, "Look", media=[pictures.png()])
    home.work()
    home.send(BEN, "Hi Ben")
    home.settle()
    with clock.travelled(timedelta(hours=30)):
        home.tick()
    assert {
        "POST /2010-04-01/Accounts/{AccountSid}/Messages.json",
        "GET /2010-04-01/Accounts/{AccountSid}/Messages.json",
        "GET /2010-04-01/Accounts/{AccountSid}/Messages/{Sid}.json",
    } <= described.seen


def test_numbers_are_bought_and_released_as_twilio_describes(
    described: Description, home: House
) -> None:
    for wish in ("415", "Oakland", "*3104", ""):
        view = new.looked(home, wish=wish)
    new.looked(home, kind="Toll-free (US and Canada)")
    new.looked(home, country="United Kingdom")
    new.got(home, view, name="Desk")
    (number,) = home.twilio.bought
    bringing.released(home, number, number)
    assert {
        "GET /2010-04-01/Accounts/{AccountSid}/AvailablePhoneNumbers/{CountryCode}/Local.json",
        "GET /2010-04-01/Accounts/{AccountSid}/AvailablePhoneNumbers/{CountryCode}/TollFree.json",
        "GET /2010-04-01/Accounts/{AccountSid}/AvailablePhoneNumbers/{CountryCode}/Mobile.json",
        "POST /2010-04-01/Accounts/{AccountSid}/IncomingPhoneNumbers.json",
        "DELETE /2010-04-01/Accounts/{AccountSid}/IncomingPhoneNumbers/{Sid}.json",
        "GET /v1/Services/{Sid}",
        "POST /v1/Services/{ServiceSid}/PhoneNumbers",
    } <= described.seen


def test_numbers_are_brought_as_twilio_describes(described: Description, home: House) -> None:
    below, _ = home.twilio.add_account(parent=home.twilio.account_sid)
    home.twilio.add_number(bringing.OLD, bringing.ELSEWHERE, below)
    bringing.goes_on(home, bringing.brought(home))
    sid, token = home.twilio.add_account()
    home.twilio.add_number("+14155550178", bringing.ELSEWHERE, sid)
    view = bringing.brought(home, "(415) 555-0178")
    bringing.goes_on(home, view, sid=sid, token=token)
    bringing.released(home, "(415) 555-0178", "+14155550178")
    assert {
        "GET /2010-04-01/Accounts.json",
        "GET /2010-04-01/Accounts/{Sid}.json",
        "GET /2010-04-01/Accounts/{AccountSid}/IncomingPhoneNumbers.json",
        "POST /2010-04-01/Accounts/{AccountSid}/IncomingPhoneNumbers/{Sid}.json",
    } <= described.seen


def test_health_and_repairs_are_as_twilio_describes(described: Description, home: House) -> None:
    home.twilio.add_number("+18005550199")
    home.twilio.verified["+18005550199"] = "TWILIO_REJECTED"
    opening.setup(
        account="Harbor Homes", line="+18005550199", channel=home.slack.add_channel("free")
    )
    (service,) = home.twilio.services.values()
    service.campaigns = ["FAILED", "IN_PROGRESS", "VERIFIED"]
    home.twilio.point(LINE, "https://elsewhere.example/sms")
    home.tick()
    with clock.travelled(timedelta(hours=1)):
        home.work()
    for post in home.slack.channel(home.channel):
        if any(block["type"] == "actions" for block in post.blocks):
            home.hears(lambda post=post: home.slack.press(home.agent, post, "Repair"))
    with clock.travelled(timedelta(hours=1)):
        home.work()
        home.tick()
    usage.bill(Accounts(home.settings).client(), date(2026, 11, 1), date(2026, 11, 25))
    assert {
        "GET /2010-04-01/Accounts/{AccountSid}/IncomingPhoneNumbers.json",
        "POST /2010-04-01/Accounts/{AccountSid}/IncomingPhoneNumbers/{Sid}.json",
        "GET /2010-04-01/Accounts/{AccountSid}/Usage/Records.json",
        "GET /v1/Services/{Sid}",
        "POST /v1/Services/{Sid}",
        "GET /v1/Services/{ServiceSid}/PhoneNumbers/{Sid}",
        "GET /v1/Services/{MessagingServiceSid}/Compliance/Usa2p",
        "GET /v1/Tollfree/Verifications",
    } <= described.seen


def test_calls_are_asked_about_as_twilio_describes(described: Description, home: House) -> None:
    with database.session():
        Line.update(voice_mode="forward", forward_number=BEN, calls_until=clock.now()).execute()
    home.twilio.picks_up[BEN] = 61
    home.twilio.call(ANN, LINE)
    home.twilio.call(ANN, LINE, gives_up=True)
    home.work()
    with clock.travelled(timedelta(hours=30)):
        home.tick()
    assert "GET /2010-04-01/Accounts/{AccountSid}/Calls.json" in described.seen
    asked = [set(given) for name, given in home.twilio.calls if name == "GET Calls"]
    for names in ({"To", "StartTime>"}, {"To", "StartTime>", "StartTime<"}, {"ParentCallSid"}):
        assert any(names <= one for one in asked)
