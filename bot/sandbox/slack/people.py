"""People in the sandbox's Slack: what they type and press, signed and sent as Slack does."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from bot.sandbox.slack.forms import (
    HELD,
    WRITTEN,
    Element,
    dispatches,
    elements,
    entered,
    missing,
    state,
)
from bot.sandbox.slack.records import APP, Channel, Post, View, message_of
from bot.sandbox.slack.signing import ACK_S, Answer, Signed
from bot.sandbox.slack.troubles import Troubled
from bot.sandbox.slack.writing import Writers
from bot.slack.limits import check_options


class Workspace(Writers, Troubled):
    """Slack with people in it."""

    acted_ts = ""  # of the last key, choice or press

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

    # What they do

    def command(self, user: str, channel: str, command: str, text: str = "") -> Answer:
        """Types a slash command; an ephemeral answer is shown to this user alone."""
        fields = {
            "token": "deprecated", "team_id": self.team, "team_domain": "sandbox",
            "channel_id": channel, "channel_name": self.channels[channel].name, "user_id": user,
            "user_name": self.people[user]["name"], "command": command, "text": text,
            "api_app_id": APP, "is_enterprise_install": "false",
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

    def click(self, user: str, on: Post | View, action_id: str, value: str) -> Answer:
        """Presses the button with this action_id and value; raises LookupError if it is gone."""
        for block, button in elements(_drawn(on)):
            named = button.get("action_id"), button.get("value", "")
            if button["type"] == "button" and named == (action_id, value):
                pressed = {"text": button["text"], "value": value, "type": "button"}
                return self._acted(user, on, block, button, pressed).send()
        raise LookupError("that button is not there any more")

    def put(
        self, user: str, on: View, block_id: str, action_id: str, value: Any, *, enter: bool = False
    ) -> Answer | None:  # fmt: skip
        """Puts something into an input in place of what it holds, or presses Enter in it. Returns
        what the app answered, if it hears of it; raises LookupError if the input is gone."""
        with self.lock:
            for block, element in elements(on.view):
                if (block["block_id"], element.get("action_id")) == (block_id, action_id):
                    break
            else:
                raise LookupError("that box is not there any more")
            held = entered(element, value, on.offered.get(action_id, []))
            on.held[block_id][action_id] = held
            press = self._acted(user, on, block, element, held)
        typed = "on_character_entered" if element["type"] in WRITTEN else ""
        when = "on_enter_pressed" if enter else typed
        return press.send() if dispatches(block, element, when) else None

    def signed_press(self, user: str, on: Post | View, label: str) -> Signed:
        """The press of a button, to be sent any number of times."""
        block, button = _element(on, label)
        return self._acted(user, on, block, button, {
            "text": button["text"], "value": button.get("value", ""), "type": "button",
        })  # fmt: skip

    def choose(self, user: str, on: Post | View, action_id: str, label: str) -> Answer:
        """Chooses from a menu by what it says; raises LookupError if it does not say that."""
        block, menu = _element(on, action_id)
        offered = on.offered.get(action_id, []) if isinstance(on, View) else []
        chosen = entered(menu, label, offered)
        if isinstance(on, View):
            if menu["type"] in HELD:
                on.held[block["block_id"]][action_id] = chosen
            if not dispatches(block, menu, ""):
                raise LookupError(f"nobody hears of a choice of {action_id}")
        return self._acted(user, on, block, menu, chosen).send()

    def type_keys(
        self, user: str, on: View, action_id: str, text: str, *, pause_s: float = 0.0,
        apps: Sequence[str] = (),
    ) -> list[Answer]:  # fmt: skip
        """Types into a box, one character after the other, at the end of what it holds.

        As Slack does, it tells the app of each without waiting for the answer to the last. With
        several `apps`, by their addresses, they hear of the keys in turn.
        """
        told = []
        with ThreadPoolExecutor(8, "keys") as hands:
            for place, letter in enumerate(text):
                with self.lock:  # where an update may have put another box in its place
                    block, box = _element(on, action_id)
                    held = on.held[block["block_id"]]
                    written = (held[action_id]["value"] or "") + letter
                    held[action_id] = entered(box, written, [])
                    press = self._acted(user, on, block, box, held[action_id])
                if dispatches(block, box, "on_character_entered"):
                    if apps:
                        press = replace(press, url=f"{apps[place % len(apps)]}/slack/events")
                    told.append(hands.submit(press.send))
                time.sleep(pause_s)
        return [answer.result() for answer in told]

    def write_in(self, user: str, on: View, action_id: str, text: str) -> Answer | None:
        """Puts a whole text into a box in place of what it holds, as one pastes it. Returns what
        the app answered, if it hears of it."""
        with self.lock:
            block, box = _element(on, action_id)
            on.held[block["block_id"]][action_id] = held = entered(box, text, [])
            press = self._acted(user, on, block, box, held)
        return press.send() if dispatches(block, box, "on_character_entered") else None

    def look_up(self, user: str, on: View, action_id: str, typed: str) -> list[str]:
        """Types into a menu whose options the app searches for. What they say."""
        block, menu = _element(on, action_id)
        if len(typed) < menu.get("min_query_length", 3):
            return []
        answer = self._payload({
            **self._who(user), "type": "block_suggestion", "api_app_id": APP,
            "action_id": action_id, "block_id": block["block_id"], "value": typed,
            "container": {"type": "view", "view_id": on.id}, "view": self._as_told(on),
        }).send()  # fmt: skip
        if answer.status != 200 or answer.took_s > ACK_S:
            return []
        on.offered[action_id] = answer.json["options"]
        check_options(on.offered[action_id])
        return [option["text"]["text"] for option in on.offered[action_id]]

    def shortcut(self, user: str, callback_id: str, on: Post | None = None) -> Answer:
        """Uses a shortcut of the app: of a message, or one that is found anywhere."""
        payload = {
            **self._who(user), "type": "shortcut", "callback_id": callback_id,
            "trigger_id": self.new_trigger(user), "action_ts": self.next_ts(),
        }  # fmt: skip
        if on is not None:
            payload |= {
                "type": "message_action", "message_ts": on.ts,
                "channel": {"id": on.channel, "name": self.channels[on.channel].name},
                "response_url": self.new_response_url(user, on.channel),
                "message": {
                    "type": "message", "user": on.user, "ts": on.ts, "text": on.text,
                    **({"thread_ts": on.thread_ts} if on.thread_ts else {}),
                },
            }  # fmt: skip
        return self._payload(payload).send()

    def _acted(
        self, user: str, on: Post | View, block: Element, element: Element,
        what: dict[str, Any],
    ) -> Signed:  # fmt: skip
        self.acted_ts = self.next_ts()
        payload = {
            **self._who(user), "type": "block_actions", "api_app_id": APP,
            "trigger_id": self.new_trigger(user),
            "actions": [{
                "action_id": element["action_id"], "block_id": block.get("block_id", "b"),
                "action_ts": self.acted_ts, **what,
            }],
        }  # fmt: skip
        if isinstance(on, View):
            payload["container"] = {"type": "view", "view_id": on.id}
            payload["view"] = self._as_told(on)
            return self._payload(payload)
        own = on in self.whispers.get(user, ())
        thread = {"thread_ts": on.thread_ts} if on.thread_ts else {}
        payload |= {
            "container": {"type": "message", "message_ts": on.ts, "channel_id": on.channel,
                          "is_ephemeral": own, **thread},
            "channel": {"id": on.channel, "name": self.channels[on.channel].name},
            "response_url": self.new_response_url(user, on.channel, on),
        }  # fmt: skip
        if not own:
            payload["message"] = message_of(on)
        return self._payload(payload)

    def reload(self, user: str) -> None:
        """Loads Slack anew: what only this user saw is gone, forms too."""
        self.close_modals(user)
        with self.lock:
            self.whispers.pop(user, None)
            self.next_ts()

    def close_modals(self, user: str) -> None:
        """Closes all modals of this user's: whoever types a command has none open."""
        with self.lock:
            for view in self.views.values():
                view.open = view.open and view.user != user

    def submit(self, user: str, shown: View, values: Mapping[str, Any]) -> Answer:
        """Submits a modal with these values by block_id; inputs not named keep what they hold."""
        signed, before = self.signed_submit(user, shown, values), shown.hash
        return self._submitted(shown, signed.send(), before)

    def signed_submit(self, user: str, shown: View, values: Mapping[str, Any]) -> Signed:
        """The submission of a modal, to be sent any number of times. Raises LookupError where a
        client of Slack's does not submit."""
        if not shown.view.get("submit"):
            raise LookupError("this modal has no Submit")
        shown.held = state(shown.view, shown.held)
        for block, element in elements(shown.view):
            if block["type"] == "input" and block["block_id"] in values:
                offered = shown.offered.get(element["action_id"], [])
                held = entered(element, values[block["block_id"]], offered)
                shown.held[block["block_id"]][element["action_id"]] = held
        if empty := missing(shown.view, shown.held):
            raise LookupError(f"nothing stands in {', '.join(empty)}")
        return self._payload({
            **self._who(user), "type": "view_submission", "api_app_id": APP,
            "trigger_id": self.new_trigger(user), "view": self._as_told(shown),
            "response_urls": [],
        })  # fmt: skip

    def _submitted(self, shown: View, answer: Answer, before: str) -> Answer:
        """Does to the modal what the app answers; one that answers late, or badly, changes
        nothing. What the app showed after its answer stands."""
        action = answer.json.get("response_action") if answer.status == 200 else "none"
        shown.errors = {}
        if answer.took_s > ACK_S:
            return answer
        match action:
            case "update" if shown.hash == before:
                self._views_update(answer.json["view"], view_id=shown.id)
            case "errors":
                inputs = {b["block_id"] for b, _ in elements(shown.view) if b["type"] == "input"}
                assert answer.json["errors"].keys() <= inputs, "an error at what is no input"
                shown.errors = dict(answer.json["errors"])
            case None:
                shown.open = False
            case "clear":
                for view in self.views.values():
                    view.open = view.open and view.user != shown.user
        return answer

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

    def _as_told(self, on: View) -> dict[str, Any]:
        """A view as payloads describe it."""
        root = on
        while root.before:
            root = self.views[root.before]
        return {
            **on.view, "id": on.id, "hash": on.hash, "state": {"values": on.held},
            "root_view_id": root.id, "previous_view_id": on.before, "app_id": APP,
            "team_id": self.team,
        }  # fmt: skip

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


def _drawn(on: Post | View) -> dict[str, Any]:
    return {"blocks": on.blocks} if isinstance(on, Post) else on.view


def _element(on: Post | View, name: str) -> tuple[Element, Element]:
    """A button by its label or action_id, or another element by its action_id, and its block."""
    for block, element in elements(_drawn(on)):
        label = element["text"]["text"] if element.get("type") == "button" else None
        named = f"{block.get('block_id')}:{label}"
        if name in (label, element.get("action_id"), named):
            return block, element
    raise LookupError(f"nothing is called {name!r} on: {on.plain()}")
