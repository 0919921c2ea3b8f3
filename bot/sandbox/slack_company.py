"""A workspace whose people come and go, open Partyline's Home, and take it into their channels."""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack import View
from bot.sandbox.slack_people import Answer, Workspace


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
