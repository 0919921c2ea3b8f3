"""The stand-in for Slack refuses what Slack refuses, through Slack's own SDK."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.sandbox import Sandbox


@pytest.fixture
def room(sandbox: Sandbox) -> tuple[WebClient, str]:
    sandbox.slack.add_user("Ann")
    channel = sandbox.slack.add_channel("leads")
    return WebClient(
        sandbox.slack.token, base_url=sandbox.slack.api_url, retry_handlers=[]
    ), channel


def refusal(call: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(SlackApiError) as refused:
        call(*args, **kwargs)
    return str(refused.value.response["error"])


SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "Hello"}}


def test_a_post_a_reply_and_an_update_are_read_back(room: tuple[WebClient, str]) -> None:
    client, channel = room
    metadata = {"event_type": "partyline", "event_payload": {"key": "k"}}
    root = client.chat_postMessage(channel=channel, text="root", metadata=metadata)["ts"]
    reply = client.chat_postMessage(channel=channel, text="reply", thread_ts=root)["ts"]
    client.chat_update(channel=channel, ts=reply, text="reply, mended")
    thread = client.conversations_replies(channel=channel, ts=root, include_all_metadata=True)
    assert [post["text"] for post in thread["messages"]] == ["root", "reply, mended"]
    assert thread["messages"][0]["metadata"] == metadata
    plain = client.conversations_history(channel=channel)["messages"]
    assert [post["text"] for post in plain] == ["root"]
    assert "metadata" not in plain[0]
    late = client.conversations_replies(channel=channel, ts=root, oldest=reply)["messages"]
    assert [post["text"] for post in late] == ["root"]


def test_ts_rise_and_look_like_slacks(room: tuple[WebClient, str]) -> None:
    client, channel = room
    stamps = [client.chat_postMessage(channel=channel, text="x")["ts"] for _ in range(5)]
    assert stamps == sorted(set(stamps))
    assert all(len(ts.partition(".")[2]) == 6 for ts in stamps)


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        ("chat.postMessage", {"text": "x"}, "invalid_arguments"),
        ("chat.postMessage", {"channel": "C", "text": "x", "colour": "red"}, "invalid_arguments"),
        ("chat.postMessage", {"channel": "C0NONE", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": "C"}, "no_text"),
        ("chat.postMessage", {"channel": "C", "text": "a" * 40_001}, "msg_too_long"),
        ("chat.postMessage", {"channel": "C", "text": "x", "thread_ts": "1.000000"},
         "thread_not_found"),
        ("chat.postMessage", {"channel": "C", "text": "x", "blocks": [SECTION] * 51},
         "invalid_blocks"),
        ("chat.postMessage", {"channel": "C", "text": "x", "blocks": [{"type": "nothing"}]},
         "invalid_blocks"),
        ("chat.update", {"channel": "C", "ts": "1.000000", "text": "x"}, "message_not_found"),
        ("users.info", {"user": "U0NONE"}, "user_not_found"),
        ("chat.nothing", {}, "unknown_method"),
        ("views.open", {"trigger_id": "t", "view": {}}, "exchanged_trigger_id"),
    ],
)  # fmt: skip
def test_what_slack_refuses_is_refused_in_its_words(
    room: tuple[WebClient, str], method: str, arguments: dict[str, Any], error: str
) -> None:
    client, channel = room
    if arguments.get("channel") == "C":
        arguments = {**arguments, "channel": channel}
    assert refusal(client.api_call, method, json=arguments) == error


def test_tokens_channels_and_membership_are_checked(sandbox: Sandbox) -> None:
    slack = sandbox.slack
    channel = slack.add_channel("leads")
    wrong = WebClient("xoxb-wrong", base_url=slack.api_url)
    assert refusal(wrong.auth_test) == "invalid_auth"
    client = WebClient(slack.token, base_url=slack.api_url)
    slack.channels[channel].archived = True
    assert refusal(client.chat_postMessage, channel=channel, text="x") == "is_archived"
    apart = slack.add_channel("apart", bot=False)
    assert refusal(client.chat_postMessage, channel=apart, text="x") == "not_in_channel"


def test_a_trigger_opens_one_view_and_a_hash_guards_it(sandbox: Sandbox) -> None:
    slack = sandbox.slack
    user = slack.add_user("Ann")
    client = WebClient(slack.token, base_url=slack.api_url)
    view = {"type": "modal", "title": {"type": "plain_text", "text": "T"}, "blocks": [SECTION]}
    trigger = slack.new_trigger(user)
    opened = client.views_open(trigger_id=trigger, view=view)["view"]
    assert refusal(client.views_open, trigger_id=trigger, view=view) == "exchanged_trigger_id"
    client.views_update(view_id=opened["id"], hash=opened["hash"], view=view)
    stale = refusal(client.views_update, view_id=opened["id"], hash=opened["hash"], view=view)
    assert stale == "hash_conflict"
    slack.triggers["old"] = (user, 0.0)
    assert refusal(client.views_open, trigger_id="old", view=view) == "expired_trigger_id"


def test_a_response_url_serves_five_times(sandbox: Sandbox) -> None:
    slack = sandbox.slack
    user, channel = slack.add_user("Ann"), slack.add_channel("leads")
    url = slack.new_response_url(user, channel)
    answers = [requests.post(url, json={"text": f"{n}"}).status_code for n in range(6)]
    assert answers == [200] * 5 + [404]
    assert [post.text for post in slack.seen_by(user)] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_dropped_connection_is_dropped_before_or_after_the_work(
    room: tuple[WebClient, str], sandbox: Sandbox, kind: str
) -> None:
    client, channel = room
    sandbox.slack.faults.add(kind, "chat.postMessage")
    with pytest.raises(OSError):
        client.chat_postMessage(channel=channel, text="x")
    assert len(sandbox.slack.channel(channel)) == (kind == "drop_after")


def test_429_and_500_come_as_slacks(room: tuple[WebClient, str], sandbox: Sandbox) -> None:
    client, channel = room
    sandbox.slack.faults.add("rate_limit", seconds=7)
    with pytest.raises(SlackApiError) as limited:
        client.chat_postMessage(channel=channel, text="x")
    assert limited.value.response.status_code == 429
    assert limited.value.response.headers["Retry-After"] == "7"
    sandbox.slack.faults.add("error")
    assert refusal(client.chat_postMessage, channel=channel, text="x") == "internal_error"
    assert sandbox.slack.channel(channel) == []


def test_people_cannot_press_what_is_not_there(sandbox: Sandbox) -> None:
    slack = sandbox.slack
    user, channel = slack.add_user("Ann"), slack.add_channel("leads")
    whisper = slack.whisper(user, channel, {"text": "no buttons"})
    with pytest.raises(LookupError, match="nothing is called 'Send'"):
        slack.press(user, whisper, "Send")
