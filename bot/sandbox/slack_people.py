"""People in the sandbox's Slack: what they type and press, signed and sent as Slack does."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import requests

from bot.sandbox.slack import Channel, Post, SlackStandIn, View

FORM, JSON = "application/x-www-form-urlencoded", "application/json"


@dataclass(frozen=True)
class Signed:
    """A request as Slack would send it; it may be sent again, as Slack does."""

    url: str
    body: bytes
    headers: dict[str, str]

    def send(self) -> Answer:
        """Posts it to the app."""
        return Answer(requests.post(self.url, data=self.body, headers=self.headers, timeout=30))


class Answer:
    """What the app answered, and what Slack then shows to the user."""

    def __init__(self, response: requests.Response, shown: Post | None = None) -> None:
        self.status = response.status_code
        self.body = response.text
        self.shown = shown

    @property
    def json(self) -> dict[str, Any]:
        """The answer as JSON; nothing at all is {}."""
        return dict(json.loads(self.body)) if self.body.strip() else {}

    def plain(self) -> str:
        """What the user reads."""
        return self.shown.plain() if self.shown else ""


class Workspace(SlackStandIn):
    """Slack with people in it."""

    def add_user(self, name: str, **flags: Any) -> str:
        """A person. Returns the user's id. `flags`: is_bot, is_restricted, …"""
        user = f"U{len(self.people) + 1:04d}{name.upper()[:6]}"
        self.people[user] = {
            "id": user, "team_id": self.team, "name": name.lower(), "real_name": name,
            "profile": {"display_name": name}, "tz": "America/New_York", "is_bot": False,
            "deleted": False, **flags,
        }  # fmt: skip
        return user

    def add_channel(self, name: str, bot: bool = True) -> str:
        """A channel with everybody in it, and the bot. Returns its id."""
        channel = f"C{len(self.channels) + 1:04d}{name.upper().replace('-', '')[:6]}"
        members = {*self.people, *([self.bot] if bot else [])}
        self.channels[channel] = Channel(channel, name, members)
        return channel

    def sign(self, body: str | bytes, content_type: str = FORM, age_s: int = 0) -> Signed:
        """A request with this body and Slack's signature on it."""
        raw = body if isinstance(body, bytes) else body.encode()
        stamp = str(int(time.time()) - age_s)
        mac = hmac.new(
            self.signing_secret.encode(), b"v0:" + stamp.encode() + b":" + raw, hashlib.sha256
        )
        headers = {
            "Content-Type": content_type,
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": "v0=" + mac.hexdigest(),
        }
        return Signed(f"{self.app_url}/slack/events", raw, headers)

    # What they do

    def command(self, user: str, channel: str, command: str, text: str = "") -> Answer:
        """Types a slash command; an ephemeral answer is shown to this user alone."""
        fields = {
            "token": "deprecated", "team_id": self.team, "team_domain": "sandbox",
            "channel_id": channel, "channel_name": self.channels[channel].name, "user_id": user,
            "user_name": self.people[user]["name"], "command": command, "text": text,
            "api_app_id": "A0SANDBOX", "is_enterprise_install": "false",
            "response_url": self.new_response_url(user, channel),
            "trigger_id": self.new_trigger(user),
        }  # fmt: skip
        answer = self.sign(urlencode(fields)).send()
        if answer.status == 200 and answer.json:
            assert answer.json.get("response_type") == "ephemeral", "seen by the whole channel"
            answer.shown = self.whisper(user, channel, answer.json)
        return answer

    def press(self, user: str, on: Post | View, label: str) -> Answer:
        """Presses the button with this label; raises LookupError if there is none."""
        return self.signed_press(user, on, label).send()

    def signed_press(self, user: str, on: Post | View, label: str) -> Signed:
        """The press of a button, to be sent any number of times."""
        block, button = _element(on, label)
        return self._acted(user, on, block, button, {
            "text": button["text"], "value": button.get("value", ""), "type": "button",
        })  # fmt: skip

    def choose(self, user: str, on: Post | View, action_id: str, label: str) -> Answer:
        """Chooses from a menu by what it says; raises LookupError if it does not say that."""
        block, menu = _element(on, action_id)
        options = [o for o in menu["options"] if o["text"]["text"] == label]
        if not options:
            raise LookupError(f"{action_id} does not offer {label!r}")
        chosen = {"type": menu["type"], "selected_option": options[0]}
        return self._acted(user, on, block, menu, chosen).send()

    def _acted(
        self, user: str, on: Post | View, block: dict[str, Any], element: dict[str, Any],
        what: dict[str, Any],
    ) -> Signed:  # fmt: skip
        payload = {
            **self._who(user), "type": "block_actions", "api_app_id": "A0SANDBOX",
            "trigger_id": self.new_trigger(user),
            "actions": [{
                "action_id": element["action_id"], "block_id": block.get("block_id", "b"),
                "action_ts": self.next_ts(), **what,
            }],
        }  # fmt: skip
        if isinstance(on, View):
            payload["container"] = {"type": "view", "view_id": on.id}
            payload["view"] = {
                **on.view, "id": on.id, "hash": on.hash, "state": {"values": {}},
                "root_view_id": on.id, "app_id": "A0SANDBOX", "team_id": self.team,
            }  # fmt: skip
            return self._payload(payload)
        own = on in self.whispers.get(user, ())
        payload |= {
            "container": {"type": "message", "message_ts": on.ts, "channel_id": on.channel,
                          "is_ephemeral": own},
            "channel": {"id": on.channel, "name": self.channels[on.channel].name},
            "response_url": self.new_response_url(user, on.channel, on),
        }  # fmt: skip
        if not own:
            payload["message"] = {"ts": on.ts, "text": on.text, "user": on.user}
        return self._payload(payload)

    def submit(self, user: str, shown: View, values: Mapping[str, str]) -> Answer:
        """Submits a modal with these values by block_id; inputs not named keep what they show."""
        state: dict[str, Any] = {}
        for block in shown.view["blocks"]:
            if block["type"] == "input":
                element = block["element"]
                value = values.get(block["block_id"], element.get("initial_value"))
                state[block["block_id"]] = {
                    element["action_id"]: {"type": element["type"], "value": value}
                }
        view = {**shown.view, "id": shown.id, "hash": shown.hash, "state": {"values": state},
                "root_view_id": shown.id, "app_id": "A0SANDBOX", "team_id": self.team}  # fmt: skip
        answer = self._payload(
            {**self._who(user), "type": "view_submission", "trigger_id": self.new_trigger(user),
             "view": view, "response_urls": []}
        ).send()  # fmt: skip
        action = answer.json.get("response_action") if answer.status == 200 else "none"
        if action == "update":
            self._views_update(answer.json["view"], view_id=shown.id)
        elif action in (None, "clear"):
            shown.open = False
        return answer

    def event(self, event: Mapping[str, Any], event_id: str | None = None) -> Signed:
        """An event of the Events API, to be sent any number of times."""
        body = {
            "token": "deprecated", "team_id": self.team, "api_app_id": "A0SANDBOX",
            "event": dict(event), "type": "event_callback", "event_time": int(time.time()),
            "event_id": event_id or "Ev" + secrets.token_hex(5).upper(),
        }  # fmt: skip
        return self.sign(json.dumps(body), JSON)

    # What they see

    def channel(self, channel: str) -> list[Post]:
        """The channel's messages, oldest first, without those inside threads."""
        with self.lock:
            posts = self.channels[channel].posts
            return [p for p in posts if p.thread_ts is None or p.broadcast]

    def thread(self, channel: str, ts: str) -> list[Post]:
        """A thread: its root, then the replies, oldest first."""
        with self.lock:
            return [p for p in self.channels[channel].posts if ts in (p.ts, p.thread_ts)]

    def seen_by(self, user: str) -> list[Post]:
        """The ephemeral messages this user was shown."""
        return self.whispers.get(user, [])

    def open_view(self, user: str) -> View:
        """The modal on top; raises LookupError if none is open."""
        with self.lock:
            found = [v for v in self.views.values() if v.user == user and v.open]
        if not found:
            raise LookupError("no modal is open")
        return found[-1]

    def _who(self, user: str) -> dict[str, Any]:
        person = self.people[user]
        return {
            "user": {"id": user, "username": person["name"], "team_id": person["team_id"]},
            "team": {"id": self.team, "domain": "sandbox"},
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def _payload(self, payload: Mapping[str, Any]) -> Signed:
        return self.sign(urlencode({"payload": json.dumps(payload)}))


def _element(on: Post | View, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A button by its label or action_id, or another element by its action_id, and its block."""
    for block in on.blocks if isinstance(on, Post) else on.view["blocks"]:
        accessory = [block["accessory"]] if "accessory" in block else []
        for element in [*block.get("elements", ()), *accessory]:
            label = element["text"]["text"] if element.get("type") == "button" else None
            named = f"{block.get('block_id')}:{label}"
            if name in (label, element.get("action_id"), named):
                return block, element
    raise LookupError(f"nothing is called {name!r} on: {on.plain()}")
