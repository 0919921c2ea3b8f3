"""A workspace whose people come and go, open Partyline's Home, and take it into their channels."""

from __future__ import annotations

import re
import time
from typing import Any

from bot.sandbox.slack.files import Refusal
from bot.sandbox.slack.people import Answer, Workspace
from bot.sandbox.slack.records import Channel, View


class Company(Workspace):
    """Slack with all that happens in it."""

    def open_home(self, user: str) -> None:
        """Opens Partyline's Home; it is drawn when the app has published it."""
        shown = self.homes.get(user)
        event: dict[str, Any] = {
            "type": "app_home_opened", "user": user, "channel": f"D{user}", "tab": "home",
            "event_ts": self.next_ts(),
        }  # fmt: skip
        if shown is not None:
            event["view"] = self._as_told(shown)
        _taken(self.event(event).send())

    def home(self, user: str) -> View:
        """The Home this user sees; raises LookupError if none was published."""
        with self.lock:
            if user not in self.homes:
                raise LookupError("Home is empty")
            return self.homes[user]

    def invite_app(self, channel: str, by: str) -> None:
        """Types `/invite @Partyline`."""
        self.channels[channel].members.add(self.bot)
        self._moved("member_joined_channel", self.bot, channel, inviter=by)

    def remove_app(self, channel: str) -> None:
        """Takes the app out of a channel."""
        self._moved("member_left_channel", self.bot, channel)
        self.channels[channel].members.discard(self.bot)

    def come_in(self, user: str, channel: str) -> None:
        """Somebody joins a channel."""
        self.channels[channel].members.add(user)
        self._moved("member_joined_channel", user, channel)

    # What the app does to channels

    def _conversations_create(self, name: str, **_: Any) -> dict[str, Any]:
        if not re.fullmatch(r"[\w-]{1,80}", name) or name != name.lower():
            raise Refusal("invalid_name_specials")
        if any(room.name == name for room in self.channels.values()):
            raise Refusal("name_taken")
        made = f"C{len(self.channels) + 1:04d}{name.upper().replace('-', '')[:6]}"
        room = Channel(made, name, {self.bot}, creator=self.bot, created=int(time.time()))
        self.channels[made] = room
        return {"channel": self._channel(room)}

    def _conversations_join(self, channel: str) -> dict[str, Any]:
        room = self.channels.get(channel)
        if room is None:
            raise Refusal("channel_not_found")
        if room.private or channel[0] != "C":
            raise Refusal("method_not_supported_for_channel_type")
        if room.archived:
            raise Refusal("is_archived")
        room.members.add(self.bot)
        return {"channel": self._channel(room)}

    def _conversations_invite(self, channel: str, users: str, **_: Any) -> dict[str, Any]:
        room = self._room(channel)
        wanted = set(users.split(","))
        if not wanted <= self.people.keys():
            raise Refusal("user_not_found")
        if wanted & room.members:
            raise Refusal("already_in_channel")
        room.members |= wanted
        return {"channel": self._channel(room)}

    def change(self, user: str, *, told: bool = True, **to: Any) -> None:
        """Slack's description of somebody changes: `deleted`, `is_restricted`, a name. Without
        `told`, the event gets lost."""
        self.people[user] |= to
        if told:
            event = {"type": "user_change", "user": self.people[user], "event_ts": self.next_ts()}
            _taken(self.event(event).send())

    def _moved(self, what: str, user: str, channel: str, **more: Any) -> None:
        event = {
            "type": what, "user": user, "channel": channel, "channel_type": "C", "team": self.team,
            "event_ts": self.next_ts(), **more,
        }  # fmt: skip
        _taken(self.event(event).send())


def _taken(answer: Answer) -> None:
    assert answer.status == 200, answer.body
