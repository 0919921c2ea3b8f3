"""Thousands of forged, truncated, oversized and senseless requests: a 4xx or a row, never a 500."""

from __future__ import annotations

import json
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.models import Inbox
from ledger import database
from tests.house import ANN, LINE, House

EXAMPLES = 350  # a property; seven properties, both engines
quick = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck)
)  # fmt: skip

wild = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("\x00\x07\x1b\u202e\u200f\ufeff<>&|@#!:\U0001f600\ufffd\r\n"),
    ),
    max_size=60,
)
numbers = st.one_of(
    st.sampled_from(
        [ANN, LINE, "32665", "BANK", "", "+", "+1", "anonymous", "client:bob", "+999" * 9]
    ),
    wild,
)
fine = {200, 400, 401, 403, 404, 405, 413, 415}


@pytest.fixture
def twilio_post(house: House):
    browser = house.app.test_client()

    def post(path: str, form: dict[str, str]) -> int:
        form = {k: v.encode(errors="replace").decode() for k, v in form.items()}
        form["AccountSid"] = house.twilio.account_sid
        signature = house.twilio.sign(house.settings.public_url + path, form)
        return browser.post(path, data=form, headers={"X-Twilio-Signature": signature}).status_code

    return post


@pytest.fixture
def slack_post(house: House):
    browser = house.app.test_client()

    def post(body: bytes, content_type: str) -> int:
        signed = house.slack.sign(body, content_type)
        return browser.post("/slack/events", data=body, headers=signed.headers).status_code

    return post


@quick
@given(st.fixed_dictionaries(
    {"MessageSid": wild, "From": numbers, "To": numbers, "Body": wild},
    optional={"NumMedia": wild, "MediaUrl0": wild, "OptOutType": wild, "FromCity": wild},
))  # fmt: skip
def test_a_signed_text_of_any_shape_is_taken_or_refused(twilio_post, form: dict[str, str]) -> None:
    assert twilio_post("/twilio/sms", form) in fine


@quick
@given(st.fixed_dictionaries(
    {"MessageSid": wild, "MessageStatus": st.one_of(wild, st.sampled_from(["sent", "failed"]))},
    optional={"ErrorCode": wild},
), wild)  # fmt: skip
def test_a_signed_status_of_any_shape_is_taken_or_refused(
    twilio_post, form: dict[str, str], ref: str
) -> None:
    ref = ref.encode(errors="replace").decode()
    assert twilio_post(f"/twilio/status?ref={quote(ref)}", form) in fine


headers_of_any_kind = st.dictionaries(
    st.sampled_from(
        [
            "Content-Type",
            "X-Twilio-Signature",
            "X-Slack-Signature",
            "X-Slack-Request-Timestamp",
            "Authorization",
        ]
    ),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=40),
)
routes = st.sampled_from(["/twilio/sms", "/twilio/status", "/slack/events", "/metrics", "/nowhere"])


@quick
@given(routes, st.binary(max_size=300), headers_of_any_kind)
def test_unsigned_rubbish_is_refused(
    house: House, path: str, body: bytes, headers: dict[str, str]
) -> None:
    answer = house.app.test_client().post(path, data=body, headers=headers)
    assert answer.status_code in fine - {200}


leaves = st.one_of(st.none(), st.booleans(), st.integers(), wild)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@quick
@given(trees, st.sampled_from(["event_callback", "url_verification", "block_actions", "x", None]),
       st.integers(0, 400))  # fmt: skip
def test_signed_json_of_any_shape_is_taken_or_refused(
    slack_post, tree: object, kind: str | None, cut: int
) -> None:
    body = {"type": kind, "event": tree, "event_id": tree, "challenge": "c"} if kind else tree
    raw = json.dumps(body).encode()
    assert slack_post(raw[: len(raw) - cut] if cut < 30 else raw, "application/json") in fine


@quick
@given(st.sampled_from(["block_actions", "view_submission", "message_action", "x"]), trees,
       st.sampled_from(["draft_send", "draft_edit", "draft_cancel", "draft_edited", "nothing"]),
       wild)  # fmt: skip
def test_signed_interactions_of_any_shape_are_taken_or_refused(
    slack_post, house: House, kind: str, tree: object, name: str, value: str
) -> None:
    payload = {
        "type": kind, "user": {"id": house.agent}, "team": {"id": "T1"}, "trigger_id": "t",
        "actions": [{"action_id": name, "value": value, "type": "button", "block_id": "b"}],
        "view": {"callback_id": name, "type": "modal", "private_metadata": value, "id": "V1",
                 "state": {"values": tree}},
        "response_url": "http://127.0.0.1:9/", "channel": tree,
    }  # fmt: skip
    body = urlencode({"payload": json.dumps(payload)}).encode()
    assert slack_post(body, "application/x-www-form-urlencoded") in fine


@quick
@given(st.sampled_from(["/text", "/quote", "/other", ""]), wild, st.sampled_from([ANN, LINE, ""]))
def test_commands_with_any_text_are_answered(
    slack_post, house: House, command: str, text: str, number: str
) -> None:
    fields = {
        "command": command, "text": f"{number} {text}", "user_id": house.agent, "team_id": "T1",
        "channel_id": house.channel, "trigger_id": "t", "response_url": "http://127.0.0.1:9/",
    }  # fmt: skip
    body = urlencode(fields, errors="replace").encode()
    assert slack_post(body, "application/x-www-form-urlencoded") in fine


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(numbers, wild, wild), min_size=1, max_size=6))
def test_what_was_taken_is_applied_or_parked_and_the_books_hold(
    twilio_post, house: House, rows: list[tuple[str, str, str]]
) -> None:
    for sender, body, media in rows:
        twilio_post("/twilio/sms", {
            "MessageSid": f"SM{hash((sender, body))}", "From": sender, "To": LINE, "Body": body,
            "NumMedia": media,
        })  # fmt: skip
    house.apply()
    with database.session():
        assert Inbox.select().where(Inbox.state == "new", Inbox.tries == 0).count() == 0
    assert house.audit() == []
