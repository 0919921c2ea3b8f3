"""What goes wrong with a workspace itself: threads locked, channels archived, the app removed."""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack.records import Post
from bot.sandbox.slack.signing import Signer


class Troubled(Signer):
    """Slack, as its admins and owners leave it. Each verb tells the app of it as Slack does."""

    def react(self, user: str, post: Post, name: str) -> None:
        """Puts an emoji on a message."""
        if (user, name) in post.reacted:
            raise LookupError(f"{user} has put {name} on it already")
        post.reacted.append((user, name))
        self._reaction("reaction_added", user, post, name)

    def unreact(self, user: str, post: Post, name: str) -> None:
        """Takes an emoji of one's own off a message."""
        post.reacted.remove((user, name))
        self._reaction("reaction_removed", user, post, name)

    def _reaction(self, what: str, user: str, post: Post, name: str) -> None:
        self.tell(self.event({
            "type": what, "user": user, "reaction": name, "item_user": post.user,
            "item": {"type": "message", "channel": post.channel, "ts": post.ts},
            "event_ts": self.next_ts(),
        }))  # fmt: skip

    def lock_thread(self, channel: str, ts: str, why: str = "thread_locked") -> None:
        """Has a thread take no more replies: an admin locked it, or (`full`) it takes no more."""
        errors = {
            "thread_locked": "restricted_action_thread_locked",
            "full": "cannot_reply_to_message",
        }
        self.shut_threads[channel, ts] = errors[why]

    def archive(self, channel: str, by: str) -> None:
        """Archives a channel, which takes the app out of nothing, and posts from nobody."""
        self.channels[channel].archived = True
        self._channel_event("channel_archive", channel, by)

    def unarchive(self, channel: str, by: str) -> None:
        """Brings a channel back."""
        self.channels[channel].archived = False
        self._channel_event("channel_unarchive", channel, by)

    def _channel_event(self, what: str, channel: str, user: str) -> None:
        at = self.next_ts()
        self.tell(self.event({"type": what, "channel": channel, "user": user, "event_ts": at}))

    def refuse_all(self, error: str | None, methods: tuple[str, ...] = ()) -> None:
        """Refuses every call of these methods, or of all, with this error; or takes them again."""
        self.refused: dict[str, str] = {}
        if error:
            self.refused = dict.fromkeys(methods or ("",), error)

    def revoke(self) -> None:
        """Revokes the app's token."""
        self.refuse_all("token_revoked")
        revoked: dict[str, Any] = {"tokens": {"oauth": [], "bot": [self.bot]}}
        self.tell(self.event({"type": "tokens_revoked", **revoked, "event_ts": self.next_ts()}))
