"""The stand-in's people write as people do in Slack, and the app is told in Slack's own shapes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.signature import SignatureVerifier

from bot.sandbox import Sandbox
from bot.sandbox.slack.people import Workspace


class Ear:
    """An app that hears what Slack tells, and fails when told to."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.retries: list[str | None] = []
        self.failing = 0
        ear = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert SignatureVerifier(ear.secret).is_valid_request(body, dict(self.headers))
                ear.heard.append(json.loads(body))
                ear.retries.append(self.headers.get("X-Slack-Retry-Num"))
                ear.failing -= 1
                self.send_response(500 if ear.failing >= 0 else 200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.secret = ""
        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def last(self) -> dict[str, Any]:
        """The newest event."""
        return dict(self.heard[-1]["event"])


@pytest.fixture
def ear(sandbox: Sandbox) -> Iterator[Ear]:
    ear = Ear()
    ear.secret = sandbox.slack.signing_secret
    sandbox.app_url = f"http://127.0.0.1:{ear.server.server_port}"
    sandbox.slack.retry_s = 0.001
    yield ear
    ear.server.shutdown()
    ear.server.server_close()


@pytest.fixture
def slack(sandbox: Sandbox) -> Workspace:
    return sandbox.slack


@pytest.fixture
def thread(slack: Workspace, ear: Ear) -> tuple[str, str, str]:
    """An agent, a channel, and the ts of a thread that the app began."""
    agent = slack.add_user("Dana")
    channel = slack.add_channel("leads")
    client = WebClient(slack.token, base_url=slack.api_url, retry_handlers=[])
    return agent, channel, client.chat_postMessage(channel=channel, text="root")["ts"]


def test_a_reply_is_told_as_slack_tells_it(
    slack: Workspace, ear: Ear, thread: tuple[str, str, str]
) -> None:
    agent, channel, root = thread
    post = slack.reply(agent, channel, root, "Tom & @Dana :tada:")
    told, envelope = ear.last, ear.heard[-1]
    assert told.items() >= {
        "type": "message", "user": agent, "text": f"Tom &amp; <@{agent}> :tada:", "ts": post.ts,
        "event_ts": post.ts, "thread_ts": root, "parent_user_id": slack.bot, "channel": channel,
        "channel_type": "channel", "team": slack.team,
    }.items()  # fmt: skip
    assert "subtype" not in told and "bot_id" not in told and "edited" not in told
    kinds = [e["type"] for e in told["blocks"][0]["elements"][0]["elements"]]
    assert kinds == ["text", "user", "text", "emoji"]
    assert envelope["authorizations"][0].items() >= {
        "team_id": slack.team, "user_id": slack.bot, "is_bot": True,
    }.items()  # fmt: skip
    assert envelope["is_ext_shared_channel"] is False


def test_an_edit_an_unfurling_and_a_deletion_are_told_as_slack_tells_them(
    slack: Workspace, ear: Ear, thread: tuple[str, str, str]
) -> None:
    agent, channel, root = thread
    post = slack.reply(agent, channel, root, "see https://example.com")
    slack.unfurl(post)
    assert ear.last["subtype"] == "message_changed"
    assert "edited" not in ear.last["message"]
    assert ear.last["message"]["attachments"]
    slack.edit(post, "see https://example.org")
    told = ear.last
    assert "thread_ts" not in told and "user" not in told, "they are inside"
    assert told["hidden"] is True and told["ts"] > post.ts
    assert told["message"]["edited"]["ts"].endswith(".000000"), "to the second, as Slack has it"
    assert told["message"]["text"] == "see <https://example.org>"
    assert told["previous_message"]["text"] == "see <https://example.com>"
    slack.delete(post)
    assert ear.last["subtype"] == "message_deleted"
    assert ear.last["deleted_ts"] == ear.last["previous_message"]["ts"] == post.ts
    assert slack.thread(channel, root)[-1] is not post


def test_of_a_deleted_root_a_tombstone_stays(
    slack: Workspace, ear: Ear, thread: tuple[str, str, str]
) -> None:
    agent, channel, root = thread
    slack.reply(agent, channel, root, "Hi")
    found = slack.find(channel, root)
    assert found is not None
    slack.delete(found)
    assert ear.last["subtype"] == "message_changed"
    assert ear.last["message"].items() >= {
        "subtype": "tombstone", "user": "USLACKBOT", "text": "This message was deleted.",
    }.items()  # fmt: skip


def test_a_file_a_broadcast_and_me_have_their_subtypes(
    slack: Workspace, ear: Ear, thread: tuple[str, str, str]
) -> None:
    agent, channel, root = thread
    slack.reply(agent, channel, root, "", files=[{"id": "F1"}])
    assert (ear.last["subtype"], ear.last["files"]) == ("file_share", [{"id": "F1"}])
    slack.reply(agent, channel, root, "Hi", broadcast=True)
    assert (ear.last["subtype"], ear.last["root"]["ts"]) == ("thread_broadcast", root)
    assert slack.channel(channel)[-1].broadcast
    slack.me(agent, channel, root, "waves")
    assert ear.last["subtype"] == "me_message"
    slack.join(agent, channel)
    assert ear.last["subtype"] == "channel_join"


def test_other_apps_and_people_of_other_workspaces_look_like_themselves(
    slack: Workspace, ear: Ear, thread: tuple[str, str, str]
) -> None:
    _, channel, root = thread
    slack.bot_says(channel, root, "Deploy")
    assert ear.last["bot_id"] and ear.last["bot_profile"] and "subtype" not in ear.last
    slack.bot_says(channel, root, "Deploy", classic=True)
    assert ear.last["subtype"] == "bot_message" and "user" not in ear.last
    outsider = slack.add_user("Olga", team_id="T0ELSEWHERE")
    slack.reply(outsider, channel, root, "Hi")
    envelope = ear.heard[-1]
    assert ear.last["user_team"] == ear.last["source_team"] == "T0ELSEWHERE"
    assert envelope["team_id"] == "T0ELSEWHERE"
    assert envelope["is_ext_shared_channel"] is True
    assert envelope["authorizations"][0]["team_id"] == slack.team


def test_the_app_is_told_of_its_own_posts_if_it_should_be(
    slack: Workspace, ear: Ear, thread: tuple[str, str, str]
) -> None:
    _, channel, root = thread
    assert ear.heard == []
    slack.echoes = True
    client = WebClient(slack.token, base_url=slack.api_url, retry_handlers=[])
    ts = client.chat_postMessage(channel=channel, text="Hi", thread_ts=root)["ts"]
    client.chat_update(channel=channel, ts=ts, text="Ho")
    slack.echoed()
    posted, changed = (envelope["event"] for envelope in ear.heard)
    assert posted["bot_id"] == changed["message"]["bot_id"] == "B0BOT"
    assert changed["message"]["edited"]
    assert changed["previous_message"]["text"] == "Hi"


def test_an_event_that_is_not_taken_is_sent_again_three_times(
    slack: Workspace, ear: Ear, thread: tuple[str, str, str]
) -> None:
    agent, channel, root = thread
    ear.failing = 2
    slack.reply(agent, channel, root, "Hi")
    assert ear.retries == [None, "1", "2"]
    assert len({envelope["event_id"] for envelope in ear.heard}) == 1
    ear.failing = 9
    slack.reply(agent, channel, root, "Hi")
    assert ear.retries[3:] == [None, "1", "2", "3"]


def test_events_can_be_held_and_sent_in_any_order(
    slack: Workspace, ear: Ear, thread: tuple[str, str, str]
) -> None:
    agent, channel, root = thread
    with slack.held() as events:
        post = slack.reply(agent, channel, root, "one")
        slack.edit(post, "two")
    assert ear.heard == []
    for event in reversed(events):
        event.send()
    assert [e["event"].get("subtype") for e in ear.heard] == ["message_changed", None]


def test_an_update_keeps_the_blocks_it_does_not_name_and_4000_characters(
    slack: Workspace, ear: Ear, thread: tuple[str, str, str]
) -> None:
    _, channel, root = thread
    client = WebClient(slack.token, base_url=slack.api_url, retry_handlers=[])
    block = {"type": "divider"}
    client.chat_update(channel=channel, ts=root, text="x", blocks=[block])
    client.chat_update(channel=channel, ts=root, text="y")
    post = slack.find(channel, root)
    assert post is not None and (post.text, post.blocks) == ("y", [block])
    client.chat_update(channel=channel, ts=root, text="z", blocks=[])
    assert post.blocks == []
    answer = client.api_call  # as the SDK calls it, but the refusal read as it is
    with pytest.raises(Exception, match="msg_too_long"):
        answer("chat.update", json={"channel": channel, "ts": root, "text": "x" * 4_001})
