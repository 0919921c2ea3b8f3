"""Messages that the app posts in the sandbox's Slack, whispers, and what is answered to a press."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from flask import Response, request

from bot.sandbox.server import Route
from bot.sandbox.slack.channels import TRUE, SlackChannels
from bot.sandbox.slack.files import Refusal, broken
from bot.sandbox.slack.records import Post, message_of
from bot.slack.limits import BlockError, check

RESPONSE_S, RESPONSES = 1800, 5
LONGEST_POST, LONGEST_UPDATE = 40_000, 4_000  # characters of `text`


@dataclass
class SlackMessages(SlackChannels):
    """What Slack's methods of messages do, and its response_urls."""

    ROUTES: ClassVar[tuple[Route, ...]] = (("/response/<key>", "_respond", ("POST",)),)

    whispers: dict[str, list[Post]] = field(default_factory=dict)  # ephemeral, by who sees them
    responses: dict[str, dict[str, Any]] = field(default_factory=dict)  # whose, where, uses, by id
    draws_charts: bool = True  # some workspaces have no chart blocks yet
    shut_threads: dict[tuple[str, str], str] = field(default_factory=dict)  # error, by channel, ts

    def new_response_url(self, user: str, channel: str, whisper: Post | None = None) -> str:
        """A response_url: five uses in half an hour."""
        key = secrets.token_hex(12)
        self.responses[key] = {
            "user": user, "channel": channel, "whisper": whisper, "left": RESPONSES,
            "until": time.monotonic() + RESPONSE_S,
        }  # fmt: skip
        return f"{self.origin}/response/{key}"

    def whisper(self, user: str, channel: str, card: Mapping[str, Any]) -> Post:
        """A message that only this user sees."""
        self._check_message(card)
        post = Post(
            channel, self.next_ts(), self.bot, card.get("text", ""), list(card.get("blocks", [])),
            card.get("thread_ts"), alone=True,
        )  # fmt: skip
        self.whispers.setdefault(user, []).append(post)
        return post

    def echo(self, post: Post, was: dict[str, Any] | None = None) -> None:
        """Told of what the app itself posted, or changed from what it `was`."""

    def _chat_postMessage(self, channel: str, **given: Any) -> dict[str, Any]:
        room = self._room(channel, post=True)
        self._check_message(given)
        thread = given.get("thread_ts")
        parent = self.find(room.id, thread) if thread else None
        if thread and parent is None:
            raise Refusal("thread_not_found")
        if parent is not None and parent.thread_ts not in (None, parent.ts):
            raise Refusal("cannot_reply_to_message")
        if thread and (shut := self.shut_threads.get((room.id, thread))):
            raise Refusal(shut)
        post = Post(
            room.id, self.next_ts(), self.bot, given.get("text", ""), given.get("blocks") or [],
            thread, given.get("metadata"), given.get("reply_broadcast") in TRUE,
        )  # fmt: skip
        answer: dict[str, Any] = {
            "channel": room.id,
            "ts": post.ts,
            "message": message_of(post, True),
        }
        if (
            post.metadata
            and not post.metadata.get("event_type", "").replace("_", "").replace("-", "").isalnum()
        ):
            post.metadata = None
            answer["response_metadata"] = {"warnings": ["invalid_metadata_schema"]}
        room.posts.append(post)
        self.echo(post)
        return answer

    def _chat_update(self, channel: str, ts: str, **given: Any) -> dict[str, Any]:
        room = self._room(channel, post=True)
        self._check_message(given)
        post = self.find(room.id, ts)
        if post is None:
            raise Refusal("message_not_found")
        if post.user != self.bot:
            raise Refusal("cant_update_message")
        named = given.get("file_ids") or []
        named = named.split(",") if isinstance(named, str) else named
        files = [self._file(file) for file in named]
        if len(given.get("text") or "") > LONGEST_UPDATE:
            raise Refusal("msg_too_long")
        was = message_of(post)
        post.text = given.get("text", "")
        if given.get("blocks") is not None:  # else they stay as they are
            post.blocks = given["blocks"]
        post.files = files or post.files
        post.edited += 1
        post.edited_ts = self.edit_ts()
        self.echo(post, was)
        return {"channel": room.id, "ts": ts, "text": post.text, "message": message_of(post)}

    def _chat_postEphemeral(self, channel: str, user: str, **given: Any) -> dict[str, Any]:
        room = self._room(channel, post=True)
        if user not in room.members:
            raise Refusal("user_not_in_channel")
        return {"message_ts": self.whisper(user, room.id, given).ts}

    def _chat_delete(self, channel: str, ts: str, **_: Any) -> dict[str, Any]:
        room = self._room(channel)
        post = self.find(room.id, ts)
        if post is None:
            raise Refusal("message_not_found")
        room.posts.remove(post)
        return {"channel": room.id, "ts": ts}

    def _chat_getPermalink(self, channel: str, message_ts: str) -> dict[str, Any]:
        room = self._room(channel)
        if self.find(room.id, message_ts) is None:
            raise Refusal("message_not_found")
        link = f"https://sandbox.slack.com/archives/{room.id}/p{message_ts.replace('.', '')}"
        return {"channel": room.id, "permalink": link}

    def _reactions_add(self, channel: str, name: str, timestamp: str) -> dict[str, Any]:
        post = self.find(self._room(channel).id, timestamp)
        if post is None:
            raise Refusal("message_not_found")
        if name in post.reactions:
            raise Refusal("already_reacted")
        post.reactions.append(name)
        return {}

    def _check_message(self, given: Mapping[str, Any]) -> None:
        blocks = given.get("blocks") or []
        if not (given.get("text") or blocks):
            raise Refusal("no_text")
        if len(given.get("text") or "") > LONGEST_POST:
            raise Refusal("msg_too_long")
        try:
            check(list(blocks), "message")
        except BlockError as error:
            raise Refusal("invalid_blocks", f"[ERROR] {error}") from None
        self._check_pictures(blocks)
        if not self.draws_charts and any(b["type"] == "data_visualization" for b in blocks):
            raise Refusal("invalid_blocks", "[ERROR] unsupported type: data_visualization")

    def _respond(self, key: str) -> Response:
        return self.answer("response_url", lambda: self._response(key), broken)

    def _response(self, key: str) -> Response:
        kept, given = self.responses.get(key), request.get_json()
        if kept is None or kept["left"] <= 0 or kept["until"] < time.monotonic():
            return Response("expired_url", status=404)
        with self.lock:
            kept["left"] -= 1
            self.calls.append(("response_url", given))
            shown: Post | None = kept["whisper"]
            own = self.whispers.get(kept["user"], [])
            if given.get("delete_original"):
                own[:] = [post for post in own if post is not shown]
            elif given.get("replace_original") and shown is not None:
                self._check_message(given)
                shown.text, shown.blocks = given.get("text", ""), given.get("blocks") or []
                shown.edited += 1
                shown.edited_ts = self.edit_ts()
            else:
                self.whisper(kept["user"], kept["channel"], given)
        return Response("ok")
