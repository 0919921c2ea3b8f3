"""A stand-in for Slack's Web API, strict where Slack is. Who drives it is in slack_people.py."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Response, jsonify, request

from bot import clock
from bot.sandbox import slack_refusals
from bot.sandbox.slack_files import File, Refusal, SlackFiles, broken
from bot.sandbox.slack_forms import State, state
from bot.sandbox.slack_reading import plain
from bot.slack.limits import BlockError, check, check_view

#: method → (arguments it needs, arguments it may have); `token` goes without saying
METHODS: dict[str, tuple[set[str], set[str]]] = {
    "auth.test": (set(), set()),
    "chat.postMessage": ({"channel"}, {
        "current_draft_last_updated_ts", "text", "blocks", "attachments", "thread_ts",
        "reply_broadcast", "metadata", "mrkdwn",
        "parse", "link_names", "unfurl_links", "unfurl_media", "username", "icon_emoji",
        "icon_url", "markdown_text", "client_msg_id", "as_user"}),
    "chat.update": ({"channel", "ts"}, {
        "unfurled_attachments", "text", "blocks", "attachments", "metadata", "parse",
        "link_names", "reply_broadcast",
        "file_ids", "markdown_text", "as_user"}),
    "chat.postEphemeral": ({"channel", "user"}, {
        "metadata", "text", "blocks", "attachments", "thread_ts", "parse", "link_names", "username",
        "icon_emoji", "icon_url", "markdown_text", "as_user"}),
    "chat.delete": ({"channel", "ts"}, {"as_user"}),
    "chat.getPermalink": ({"channel", "message_ts"}, set()),
    "conversations.replies": ({"channel", "ts"}, {
        "cursor", "include_all_metadata", "inclusive", "latest", "limit", "oldest"}),
    "conversations.history": ({"channel"}, {
        "cursor", "include_all_metadata", "inclusive", "latest", "limit", "oldest"}),
    "conversations.info": ({"channel"}, {"include_locale", "include_num_members"}),
    "conversations.list": (set(), {
        "cursor", "exclude_archived", "limit", "team_id", "types"}),
    "conversations.create": ({"name"}, {"is_private", "team_id"}),
    "conversations.join": ({"channel"}, set()),
    "conversations.invite": ({"channel", "users"}, {"force"}),
    "conversations.open": (set(), {"channel", "users", "return_im", "prevent_creation"}),
    "conversations.members": ({"channel"}, {"cursor", "limit"}),
    "files.getUploadURLExternal": ({"filename", "length"}, {"alt_txt", "snippet_type"}),
    "files.info": ({"file"}, {"count", "cursor", "limit", "page"}),
    "files.completeUploadExternal": ({"files"}, {
        "channel_id", "channels", "thread_ts", "initial_comment", "blocks", "username",
        "icon_url", "icon_emoji"}),
    "users.info": ({"user"}, {"include_locale"}),
    "users.list": (set(), {"cursor", "include_locale", "limit", "team_id"}),
    "views.open": ({"view"}, {"trigger_id", "interactivity_pointer"}),
    "views.update": ({"view"}, {"view_id", "external_id", "hash"}),
    "views.push": ({"view"}, {"trigger_id", "interactivity_pointer"}),
    "views.publish": ({"user_id", "view"}, {"hash", "interactivity_pointer"}),
    "reactions.add": ({"channel", "name", "timestamp"}, set()),
}  # fmt: skip
JSON_ARGUMENTS = {"blocks", "metadata", "view", "attachments", "files"}
TRUE = {"1", "true", True}
TRIGGER_S, RESPONSE_S, RESPONSES = 3, 1800, 5
DEEPEST = 3  # modals on one another
APP, BOT = "A0SANDBOX", "B0BOT"
LONGEST_POST, LONGEST_UPDATE = 40_000, 4_000  # characters of `text`


@dataclass
class Post:
    """A message as Slack keeps it."""

    channel: str
    ts: str
    user: str
    text: str
    blocks: list[dict[str, Any]] = field(default_factory=list)
    thread_ts: str | None = None
    metadata: dict[str, Any] | None = None
    broadcast: bool = False
    edited: int = 0
    reactions: list[str] = field(default_factory=list)  # the app's own
    reacted: list[tuple[str, str]] = field(default_factory=list)  # who put which emoji on it
    files: list[File] = field(default_factory=list)
    bot_id: str | None = BOT  # none of what a person wrote
    edited_ts: str | None = None
    said: dict[str, Any] = field(default_factory=dict)  # the rest of how Slack describes it
    alone: bool = False  # one person sees it, and nobody else

    def plain(self) -> str:
        """What a person reads."""
        return "\n".join([plain(self.text, self.blocks), *(f"[{f.name}]" for f in self.files)])


@dataclass
class Channel:
    """A channel, private or direct too."""

    id: str
    name: str
    members: set[str]
    archived: bool = False
    private: bool = False
    creator: str = ""
    created: int = 0
    posts: list[Post] = field(default_factory=list)


@dataclass
class View:
    """A modal that is open, or a Home tab."""

    id: str
    user: str
    view: dict[str, Any]
    hash: str
    open: bool = True
    held: State = field(default_factory=dict)  # what its inputs hold
    before: str | None = None  # the view it lies upon
    errors: dict[str, str] = field(default_factory=dict)  # what the last Submit was told
    offered: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # for what was searched

    def plain(self) -> str:
        """What a person reads."""
        return plain(self.view.get("title", {}).get("text", ""), self.view["blocks"])


class SlackStandIn(SlackFiles):
    """Slack. `app_url` is where our own app listens."""

    ROUTES = (
        ("/api/<method>", "_api", ("GET", "POST")),
        ("/response/<key>", "_respond", ("POST",)),
    )

    def __init__(self, app_url: str = "") -> None:
        super().__init__("slack")
        self.app_url = app_url
        self.token = "xoxb-sandbox-" + secrets.token_hex(12)
        self.signing_secret = secrets.token_hex(16)
        self.bot = "U0BOT"
        self.people: dict[str, dict[str, Any]] = {}
        self.channels: dict[str, Channel] = {}
        self.whispers: dict[str, list[Post]] = {}  # ephemeral messages, by who sees them
        self.views: dict[str, View] = {}
        self.homes: dict[str, View] = {}
        self.triggers: dict[str, tuple[str, float]] = {}  # trigger → (user, until)
        self.responses: dict[str, dict[str, Any]] = {}  # response_url's id → whose, where, uses
        self.draws_charts = True  # some workspaces have no chart blocks yet
        self.refused: dict[str, str] = {}  # error by method; by "" of all
        self.refusals: list[str] = []  # what was refused and why, in words
        self.shut_threads: dict[tuple[str, str], str] = {}  # error, by channel and ts
        self.unreadable = False  # as where the app may not read a channel's history
        self.spans: list[tuple[str, float, float]] = []  # each call with its begin and its end
        self._last_ts = 0

    @property
    def api_url(self) -> str:
        """What SLACK_API_URL has to be."""
        return f"{self.origin}/api/"

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

    def new_trigger(self, user: str) -> str:
        """A trigger_id: good for three seconds and one view."""
        trigger = f"{int(time.time())}.{secrets.token_hex(8)}"
        self.triggers[trigger] = (user, time.monotonic() + TRIGGER_S)
        return trigger

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

    # The Web API

    def _api(self, method: str) -> Response:
        began = time.monotonic()
        try:
            return self.answer(method, lambda: self._do(method), broken)
        finally:
            self.spans.append((method, began, time.monotonic()))

    def _do(self, method: str) -> Response:
        try:
            arguments = self._arguments(method)
            with self.lock:
                self.calls.append((method, arguments))
                made = getattr(self, "_" + method.replace(".", "_"))(**arguments)
        except Refusal as refusal:
            if said := slack_refusals.words(method, refusal):
                self.refusals.append(said)
            answer: dict[str, Any] = {"ok": False, "error": refusal.error}
            if refusal.messages:
                answer["response_metadata"] = {"messages": list(refusal.messages)}
            return jsonify(answer)
        return jsonify({"ok": True, **made})

    def _arguments(self, method: str) -> dict[str, Any]:
        given: dict[str, Any] = (
            dict(request.get_json(silent=True) or {})
            if request.is_json
            else request.values.to_dict()
        )
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        token = given.pop("token", None) or token
        if not token:
            raise Refusal("not_authed")
        if token != self.token:
            raise Refusal("invalid_auth")
        if method not in METHODS:
            raise Refusal("unknown_method")
        if refused := self.refused.get(method) or self.refused.get(""):
            raise Refusal(refused)
        needed, allowed = METHODS[method]
        if missing := needed - set(given):
            raise Refusal(
                "invalid_arguments",
                *(f"[ERROR] missing required field: {m}" for m in sorted(missing)),
            )
        if unknown := set(given) - needed - allowed:
            raise Refusal(
                "invalid_arguments", *(f"[ERROR] unknown field: {u}" for u in sorted(unknown))
            )
        for key in JSON_ARGUMENTS & set(given):
            if isinstance(given[key], str):
                try:
                    given[key] = json.loads(given[key])
                except ValueError:
                    raise Refusal(f"invalid_{key}_format") from None
        return given

    def _auth_test(self) -> dict[str, Any]:
        return {
            "url": "https://sandbox.slack.com/", "team": "Sandbox", "user": "partyline",
            "team_id": self.team, "user_id": self.bot, "bot_id": BOT,
        }  # fmt: skip

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

    def _views_open(self, view: dict[str, Any], trigger_id: str = "", **_: Any) -> dict[str, Any]:
        return {"view": self._show(self._pulled(trigger_id), view)}

    def _views_push(self, view: dict[str, Any], trigger_id: str = "", **_: Any) -> dict[str, Any]:
        user = self._pulled(trigger_id)
        below = [v for v in self.views.values() if v.user == user and v.open]
        if not below:
            raise Refusal("not_found")
        if len(below) >= DEEPEST:
            raise Refusal("push_limit_reached")
        return {"view": self._show(user, view, below[-1].id)}

    def _pulled(self, trigger_id: str) -> str:
        user, until = self.triggers.pop(trigger_id, ("", 0.0))
        if not user:
            raise Refusal("exchanged_trigger_id" if trigger_id else "invalid_arguments")
        if until < time.monotonic():
            raise Refusal("expired_trigger_id")
        return user

    def _views_update(
        self, view: dict[str, Any], view_id: str = "", hash: str | None = None, **_: Any
    ) -> dict[str, Any]:
        shown = self.views.get(view_id)
        if shown is None or not shown.open:
            raise Refusal("not_found")
        if hash is not None and hash != shown.hash:
            raise Refusal("hash_conflict")
        _checked_view(view)
        shown.view, shown.hash = view, secrets.token_hex(6)
        shown.held = state(view, shown.held)
        return {"view": {**view, "id": shown.id, "hash": shown.hash}}

    def _views_publish(
        self, user_id: str, view: dict[str, Any], hash: str | None = None, **_: Any
    ) -> dict[str, Any]:
        if user_id not in self.people or self.people[user_id]["deleted"]:
            raise Refusal("user_not_found")
        _checked_view(view)
        if view["type"] != "home":
            raise Refusal("invalid_arguments", "[ERROR] only a home view may be published")
        before = self.homes.get(user_id)
        if hash is not None and (before is None or hash != before.hash):
            raise Refusal("hash_conflict")
        named = before.id if before else "V" + secrets.token_hex(5).upper()
        self.homes[user_id] = View(named, user_id, view, secrets.token_hex(6), held=state(view))
        return {"view": {**view, "id": named, "hash": self.homes[user_id].hash}}

    def _reactions_add(self, channel: str, name: str, timestamp: str) -> dict[str, Any]:
        post = self.find(self._room(channel).id, timestamp)
        if post is None:
            raise Refusal("message_not_found")
        if name in post.reactions:
            raise Refusal("already_reacted")
        post.reactions.append(name)
        return {}

    # What the methods share

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

    def _show(self, user: str, view: dict[str, Any], before: str | None = None) -> dict[str, Any]:
        _checked_view(view)
        shown = View(
            "V" + secrets.token_hex(5).upper(), user, view, secrets.token_hex(6),
            held=state(view), before=before,
        )  # fmt: skip
        self.views[shown.id] = shown
        return {**view, "id": shown.id, "hash": shown.hash}

    def _channel(self, room: Channel) -> dict[str, Any]:
        return {
            "id": room.id, "name": room.name, "is_channel": True, "is_archived": room.archived,
            "is_member": self.bot in room.members, "is_private": room.private,
            "creator": room.creator, "created": room.created,
        }  # fmt: skip

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


def _checked_view(view: dict[str, Any]) -> None:
    try:
        check_view(view)
    except (BlockError, KeyError, TypeError) as error:
        raise Refusal("invalid_arguments", f"[ERROR] {error}") from None


def message_of(post: Post, metadata: bool = False) -> dict[str, Any]:
    """A message as Slack describes it, in answers and events."""
    made: dict[str, Any] = {
        "type": "message", "user": post.user, "text": post.text, "ts": post.ts, **post.said,
    }  # fmt: skip
    if post.bot_id is not None:
        made |= {"bot_id": post.bot_id, "app_id": APP}
    if post.blocks:
        made["blocks"] = post.blocks
    if post.thread_ts:
        made["thread_ts"] = post.thread_ts
    if post.edited_ts:
        made["edited"] = {"user": post.user, "ts": post.edited_ts}
    if metadata and post.metadata:
        made["metadata"] = post.metadata
    return made


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
