"""People who write in the sandbox's channels and threads, and what Slack tells the app of it.

The shapes are those of docs.slack.dev/reference/events, and of what slackapi/bolt-python recorded.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from bot.sandbox.slack.records import Post, message_of
from bot.sandbox.slack.signing import Signed, Signer
from bot.sandbox.slack.typed import Typed

OTHER_APP, OTHER_BOT = "A0OTHERAPP", "B0OTHERAPP"


class Writers(Signer):
    """Slack with people who write. Each verb tells the app of it, unless events are held."""

    def __init__(self, app_url: str = "") -> None:
        super().__init__(app_url)
        self.echoes = False  # whether the app is told of what it posts itself, as Slack tells it
        self._echoing = ThreadPoolExecutor(1, "echo")
        self._echoed: list[Future[None]] = []

    def reply(
        self, user: str, channel: str, thread_ts: str, typed: str, *, broadcast: bool = False,
        files: Sequence[dict[str, Any]] = (),
    ) -> Post:  # fmt: skip
        """Writes in a thread; a `broadcast` is also shown in the channel. `files` are as Slack
        describes them."""
        post = self._written(user, channel, typed, thread_ts)
        post.broadcast = broadcast
        more: dict[str, Any] = {}
        if broadcast:
            parent = self.find(channel, thread_ts)
            more = {"subtype": "thread_broadcast", "root": parent and message_of(parent)}
        return self._shared(post, files, more)

    def write(
        self, user: str, channel: str, typed: str, *, files: Sequence[dict[str, Any]] = ()
    ) -> Post:  # fmt: skip
        """Writes in a channel; `files` are as Slack describes them."""
        return self._shared(self._written(user, channel, typed, None), files, {})

    def _shared(
        self, post: Post, files: Sequence[dict[str, Any]], more: dict[str, Any]
    ) -> Post:  # fmt: skip
        if files:
            post.said["files"] = list(files)
            more = {"subtype": "file_share", "upload": False, "display_as_bot": False}
        self.tell(self._event(post, {**message_of(post), **more}))
        return post

    def me(self, user: str, channel: str, thread_ts: str | None, typed: str) -> Post:
        """Writes `/me …`."""
        post = self._written(user, channel, typed, thread_ts)
        post.blocks, post.said["subtype"] = [], "me_message"
        self.tell(self._event(post, message_of(post)))
        return post

    def edit(self, post: Post, typed: str) -> None:
        """Its author changes a message."""
        was = message_of(post)
        said = self._typed(typed)
        post.text, post.blocks, post.edited_ts = said.text, said.blocks, self.edit_ts()
        post.edited += 1
        self._changed(post, was)

    def unfurl(self, post: Post) -> None:
        """Slack shows what a link in it leads to; nobody edited anything."""
        was = message_of(post)
        post.said["attachments"] = [{"id": 1, "title": "A page", "from_url": "https://example.com"}]
        self._changed(post, was)

    def remove_file(self, post: Post, file: str) -> None:
        """Somebody takes a file away; its message stays, and nobody edited it."""
        was = message_of(post)
        post.said["files"] = [
            {"id": file, "mode": "tombstone"} if one["id"] == file else one
            for one in post.said["files"]
        ]
        self._changed(post, was)

    def delete(self, post: Post) -> None:
        """A message is taken away; of one with replies, a tombstone stays."""
        was, room = message_of(post), self.channels[post.channel]
        if any(other.thread_ts == post.ts for other in room.posts if other is not post):
            post.text, post.blocks, post.user = "This message was deleted.", [], "USLACKBOT"
            post.bot_id, post.said = None, {"subtype": "tombstone", "hidden": True}
            self._changed(post, was)
            return
        room.posts.remove(post)
        told = {"subtype": "message_deleted", "deleted_ts": post.ts, "previous_message": was}
        self.tell(self._happened(post, told))

    def bot_says(self, channel: str, thread_ts: str, text: str, classic: bool = False) -> Post:
        """Another app posts: as apps do now, or as integrations once did."""
        post = Post(channel, self.next_ts(), "U0OTHERBOT", text, thread_ts=thread_ts)
        post.bot_id = OTHER_BOT
        self.channels[channel].posts.append(post)
        said = {**message_of(post), "app_id": OTHER_APP, "bot_profile": {
            "id": OTHER_BOT, "app_id": OTHER_APP, "name": "other", "team_id": self.team,
        }}  # fmt: skip
        if classic:
            said |= {"subtype": "bot_message", "username": "other"}
            del said["user"], said["bot_profile"]
        self.tell(self._event(post, said))
        return post

    def join(self, user: str, channel: str) -> None:
        """Somebody comes into the channel."""
        self.channels[channel].members.add(user)
        post = Post(channel, self.next_ts(), user, f"<@{user}> has joined the channel")
        post.bot_id, post.said["subtype"] = None, "channel_join"
        self.channels[channel].posts.append(post)
        self.tell(self._event(post, message_of(post)))

    def echo(self, post: Post, was: dict[str, Any] | None = None) -> None:
        """Tells the app of its own post, as Slack does, in a moment."""
        if not self.echoes:
            return
        now = message_of(post)
        event = self._event(post, now) if was is None else self._change(post, was)
        self._echoed.append(self._echoing.submit(self.tell, event))

    def echoed(self) -> None:
        """Waits until the app was told of all it posted."""
        while self._echoed:
            self._echoed.pop().result(30)

    def close(self) -> None:
        """Stops listening."""
        self._echoing.shutdown(wait=True, cancel_futures=True)
        super().close()

    # What Slack makes of it

    def _written(self, user: str, channel: str, typed: str, thread_ts: str | None) -> Post:
        said, person = self._typed(typed), self.people[user]
        team = person["team_id"]
        post = Post(channel, self.next_ts(), user, said.text, said.blocks, thread_ts)
        post.bot_id = None
        post.said = {"client_msg_id": secrets.token_hex(16), "team": team}
        if thread_ts and (parent := self.find(channel, thread_ts)):
            post.said["parent_user_id"] = parent.user
        if team != self.team:
            post.said |= {"user_team": team, "source_team": team, "user_profile": {
                "team": team, "display_name": person["profile"]["display_name"],
                "is_restricted": False,
            }}  # fmt: skip
        with self.lock:
            self.channels[channel].posts.append(post)
        return post

    def _typed(self, typed: str) -> Typed:
        names = {p["profile"]["display_name"]: user for user, p in self.people.items()}
        rooms = {room.name: room.id for room in self.channels.values()}
        return Typed(typed, names, rooms)

    def _event(self, post: Post, message: dict[str, Any]) -> Signed:
        about = {"channel": post.channel, "event_ts": post.ts, "channel_type": "channel"}
        team = post.said.get("user_team")
        return self.event({**message, **about}, source_team=team)

    def _changed(self, post: Post, was: dict[str, Any]) -> None:
        self.tell(self._change(post, was))

    def _change(self, post: Post, was: dict[str, Any]) -> Signed:
        where = {"source_team": self.team, "user_team": self.team}
        told = {
            "subtype": "message_changed", "message": {**where, **message_of(post)},
            "previous_message": {**where, **was},
        }  # fmt: skip
        return self._happened(post, told)

    def _happened(self, post: Post, told: dict[str, Any]) -> Signed:
        at = self.next_ts()
        event = {
            "type": "message", **told, "channel": post.channel, "hidden": True, "ts": at,
            "event_ts": at, "channel_type": "channel",
        }  # fmt: skip
        return self.event(event, source_team=post.said.get("user_team"))
