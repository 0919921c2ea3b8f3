"""Channels and people in the sandbox's Slack, and who may read and write where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot import clock
from bot.sandbox.slack.files import Refusal, SlackFiles
from bot.sandbox.slack.records import Channel, Post, message_of

TRUE = {"1", "true", True}


@dataclass
class SlackChannels(SlackFiles):
    """What Slack's methods of conversations and users do, and the time of all that happens."""

    bot: str = "U0BOT"
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    unreadable: bool = False  # as where the app may not read a channel's history
    _last_ts: int = 0

    def next_ts(self) -> str:
        """A ts: seconds and microseconds, unique, and later than all before."""
        with self.lock:
            self._last_ts = max(self._last_ts + 1, int(clock.now().timestamp() * 1_000_000))
            return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    @property
    def last_ts(self) -> int:
        """The newest ts, in microseconds: it changes with all that people and the app do."""
        return self._last_ts

    def edit_ts(self) -> str:
        """When a message was edited: Slack says it to the second."""
        return self.next_ts().partition(".")[0] + ".000000"

    def find(self, channel: str, ts: str) -> Post | None:
        """The message with this ts."""
        return next((p for p in self.channels[channel].posts if p.ts == ts), None)

    def _conversations_replies(self, channel: str, ts: str, **how: Any) -> dict[str, Any]:
        room = self._room(channel, read=True)
        if self.find(room.id, ts) is None:
            raise Refusal("thread_not_found")
        thread = [p for p in room.posts if ts in (p.ts, p.thread_ts)]
        return _page([p for p in thread if p.ts == ts or _between(p, how)], how)

    def _conversations_history(self, channel: str, **how: Any) -> dict[str, Any]:
        room = self._room(channel, read=True)
        top = [p for p in room.posts if p.thread_ts in (None, p.ts) or p.broadcast]
        return _page([p for p in reversed(top) if _between(p, how)], how)

    def _conversations_info(self, channel: str, **_: Any) -> dict[str, Any]:
        room = self.channels.get(channel)
        if room is None or (room.private and self.bot not in room.members):
            raise Refusal("channel_not_found")
        return {"channel": self._channel(room)}

    def _conversations_list(self, **_: Any) -> dict[str, Any]:
        found = [self._channel(room) for room in self.channels.values() if room.id[0] == "C"]
        return {"channels": found, "response_metadata": {"next_cursor": ""}}

    def _conversations_open(self, users: str = "", **_: Any) -> dict[str, Any]:
        if users not in self.people:
            raise Refusal("user_not_found")
        room = self.channels.setdefault(
            f"D{users}", Channel(f"D{users}", f"dm-{users}", {users, self.bot})
        )
        return {"channel": {"id": room.id}}

    def _conversations_members(self, channel: str, **_: Any) -> dict[str, Any]:
        return {
            "members": sorted(self._room(channel).members),
            "response_metadata": {"next_cursor": ""},
        }

    def _users_info(self, user: str, **_: Any) -> dict[str, Any]:
        if user not in self.people:
            raise Refusal("user_not_found")
        return {"user": self.people[user]}

    def _users_list(self, **_: Any) -> dict[str, Any]:
        return {"members": list(self.people.values()), "response_metadata": {"next_cursor": ""}}

    def _room(self, channel: str, post: bool = False, read: bool = False) -> Channel:
        if read and self.unreadable:
            raise Refusal("missing_scope")
        room = self.channels.get(channel)
        if room is None and post and channel in self.people:
            room = self.channels[self._conversations_open(users=channel)["channel"]["id"]]
        if room is None:
            raise Refusal("channel_not_found")
        if room.archived and post:
            raise Refusal("is_archived")
        if self.bot not in room.members:
            raise Refusal("not_in_channel")
        return room

    def _channel(self, room: Channel) -> dict[str, Any]:
        return {
            "id": room.id, "name": room.name, "is_channel": True, "is_archived": room.archived,
            "is_member": self.bot in room.members, "is_private": room.private,
            "creator": room.creator, "created": room.created,
        }  # fmt: skip


def _between(post: Post, how: Mapping[str, Any]) -> bool:
    return bool(how.get("oldest", "0") < post.ts <= how.get("latest", "9"))


def _page(posts: list[Post], how: Mapping[str, Any]) -> dict[str, Any]:
    limit, start = int(how.get("limit", 100)), int(how.get("cursor") or 0)
    shown = posts[start : start + limit]
    more = len(posts) > start + limit
    return {
        "messages": [message_of(p, how.get("include_all_metadata") in TRUE) for p in shown],
        "has_more": more,
        "response_metadata": {"next_cursor": str(start + limit) if more else ""},
    }
