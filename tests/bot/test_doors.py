"""Every address of the app, tried by somebody who has no business there: nothing is told, nothing
changes. What is added is tried here, too; the first test says what is missing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from itsdangerous import URLSafeSerializer

from bot import clock, marketplace
from bot.models import Inbox
from bot.sandbox import Sandbox
from bot.smartplans import letters
from bot.smartplans.models import Letter
from bot.talks.models import Part
from bot.texts import media_links
from ledger import database
from tests import pictures
from tests.bot.smartplans.test_letters import ADDRESS, mailed
from tests.bot.talks.threads import begun, card
from tests.house import ANN, LINE, House
from tests.pictures import attach, share
from tests.walk import belongings

SHOP, METRICS = "a secret of the shop", "a token of the graphs"
NO = {400, 401, 403, 404, 405, 410, 413}
Answers = Iterator[requests.Response]


class Office:
    """An account that has sent a picture and an e-mail, with the addresses that it gave out."""

    def __init__(self, house: House) -> None:
        self.house, self.at = house, house.sandbox.app_url
        self.key = house.settings.secret_key.get_secret_value()
        mailed(house)
        thread = begun(house)
        share(house, thread, attach(house, house.agent, ("house.jpg", pictures.jpeg())))
        house.slack.press(house.agent, card(house, thread), "Send")
        house.settle()
        (text,) = house.twilio.sent_to(ANN)
        self.media = urlsplit(text.media[0]).path
        with database.session():
            self.part = next(part for part in Part.select() if part.media)
            self.letter = Letter.get()
        self.stop = urlsplit(letters.link(self.key, self.at, self.letter.id)).path
        self.secrets = {
            "5550123", "555-0123", "Harbor Homes", ADDRESS, "JFIF", "partyline_", SHOP, METRICS,
            self.key, house.slack.token, house.twilio.auth_token,
        }  # fmt: skip

    def get(self, path: str, **how: Any) -> requests.Response:
        """GET, as anybody."""
        return requests.get(self.at + path, timeout=10, **how)

    def post(self, path: str, **how: Any) -> requests.Response:
        """POST, as anybody."""
        return requests.post(self.at + path, timeout=10, **how)

    def standing(self) -> list[Any]:
        """All that the account has, and what waits to be applied."""
        with database.session():
            inbox = [row.key for row in Inbox.select().order_by(Inbox.id)]
        return [*belongings(self.house.account().id), *inbox]


@pytest.fixture
def office(books: str, sandbox: Sandbox) -> Iterator[Office]:
    house = House(books, sandbox, MARKETPLACE_SECRET=SHOP, METRICS_TOKEN=METRICS)
    with house.serving():
        yield Office(house)


def media(office: Office) -> Answers:
    token, name = office.media.split("/")[2:]
    file = office.part.media[0]
    forged = media_links.link("another secret", "", office.part.id, 0, file)
    others = media_links.link(office.key, "", office.part.id + 1, 0, file)
    letter = URLSafeSerializer(office.key, letters.SALT).dumps(office.letter.id)
    for path in (forged, others, f"/media/{letter}/{name}", f"/media/{token[:-2]}/{name}",
                 f"/media/{token}/other.jpg", f"/media/{office.part.id}/{name}"):  # fmt: skip
        yield office.get(path)
        yield office.post(path)
    with clock.travelled(timedelta(hours=6)):
        yield office.get(office.media)


def stop(office: Office) -> Answers:
    forged = letters.link("another secret", "", office.letter.id)
    unknown = letters.link(office.key, "", office.letter.id + 1)
    other_salt = URLSafeSerializer(office.key, "media").dumps(office.letter.id)
    for path in (forged, unknown, f"/mail/stop/{other_salt}", f"/mail/stop/{office.letter.id}",
                 office.stop[:-2], f"/mail/stop/{office.media.split('/')[2]}"):  # fmt: skip
        yield office.get(path)
        yield office.post(path, data={"List-Unsubscribe": "One-Click"})


def shop(office: Office) -> Answers:
    path, now = "/marketplace/subscriptions", int(time.time())
    body = b'{"id":"evt_1","type":"cancel","account":"Harbor Homes"}'
    others = (office.key, METRICS, office.house.slack.signing_secret, "")
    stamps = [marketplace.signature(secret, body, now) for secret in others]
    old = marketplace.signature(SHOP, body, now - 301)
    another = marketplace.signature(SHOP, body + b" ", now)
    for stamp in (*stamps, old, another, f"t={now},v1={SHOP}", ""):
        yield office.post(path, data=body, headers={"Partyline-Signature": stamp})
    yield office.get(path)


def metrics(office: Office) -> Answers:
    for token in ("", "Bearer ", f"Bearer {SHOP}", f"Bearer {METRICS}x", "Basic eDp5", "Bearer é"):
        yield office.get("/metrics", headers={"Authorization": token.encode()})


def twilio(path: str) -> Callable[[Office], Answers]:
    """A webhook of Twilio's, unsigned or signed for something else."""
    other = "/twilio/status" if path == "/twilio/sms" else "/twilio/sms"

    def tries(office: Office) -> Answers:
        peer = office.house.twilio
        here = office.house.settings.public_url
        form = {
            "AccountSid": peer.account_sid, "MessageSid": "SM" + "0" * 32, "From": ANN, "To": LINE,
            "Body": "STOP", "MessageStatus": "failed",
        }  # fmt: skip
        nobody = {**form, "AccountSid": "AC" + "0" * 32}
        for given, signature in (
            (form, ""), (form, peer.sign(here + path, form, "another token")),
            (form, peer.sign(here + other, form)), (form, peer.sign(office.at + path, form)),
            (form, peer.sign(here + path, {**form, "Body": "Hi"})),
            (nobody, peer.sign(here + path, nobody)), ({}, peer.sign(here + path, {})),
            ({"Body": "STOP"}, peer.sign(here + path, {"Body": "STOP"})),
        ):  # fmt: skip
            yield office.post(path, data=given, headers={"X-Twilio-Signature": signature})
        yield office.get(path)

    return tries


def slack(office: Office) -> Answers:
    peer, path = office.house.slack, "/slack/events"
    signed = peer.sign(f"command=%2Ftext&user_id={office.house.agent}&text={LINE}+Hi")
    old = peer.sign(signed.body, age_s=301)
    for headers in ({}, old.headers, {**signed.headers, "X-Slack-Signature": "v0=" + "0" * 64}):
        yield office.post(path, data=signed.body, headers=headers)
    yield office.post(path, data=f"{signed.body}+more", headers=signed.headers)
    yield office.get(path)


def told_to_all(office: Office) -> Answers:
    yield office.post("/healthz")
    yield office.post("/readyz")


#: By rule: what somebody tries who has no business there.
DOORS: dict[str, Callable[[Office], Answers]] = {
    "/slack/events": slack,
    "/media/<token>/<name>": media,
    "/mail/stop/<token>": stop,
    "/marketplace/subscriptions": shop,
    "/metrics": metrics,
    "/healthz": told_to_all,
    "/readyz": told_to_all,
}


def doors(office: Office) -> dict[str, Callable[[Office], Answers]]:
    """All that there are; every webhook of Twilio's is tried in one way."""
    rules = {rule.rule for rule in office.house.app.url_map.iter_rules()}
    webhooks = {rule: twilio(rule) for rule in sorted(rules) if rule.startswith("/twilio/")}
    assert rules == DOORS.keys() | webhooks.keys(), "an address that no stranger has tried"
    return DOORS | webhooks


def test_no_door_opens_to_a_stranger(office: Office) -> None:
    stood = office.standing()
    for rule, tries in doors(office).items():
        answers = list(tries(office))
        assert answers
        for answer in answers:
            assert answer.status_code in NO, f"{rule}: {answer.status_code} {answer.text}"
            said = f"{answer.text} {answer.headers}"
            assert [one for one in office.secrets if one in said] == [], rule
    office.house.work()
    assert office.standing() == stood


def test_what_anybody_may_ask_says_nothing_of_anybody(office: Office) -> None:
    for path in ("/healthz", "/readyz", "/", "/static/x", "/media", "/slack", "/favicon.ico"):
        answer = office.get(path)
        assert answer.status_code in (200, 404, 503)
        assert [one for one in office.secrets if one in answer.text] == []


def test_the_doors_open_to_those_whom_they_are_for(office: Office) -> None:
    assert b"JFIF" in office.get(office.media).content
    assert "Stop these e-mails" in office.get(office.stop).text
    bearer = {"Authorization": f"Bearer {METRICS}"}
    assert "partyline_" in office.get("/metrics", headers=bearer).text
