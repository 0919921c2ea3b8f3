"""What the stand-in for Slack keeps: messages, channels, and views that are open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.slack.files import File
from bot.sandbox.slack.forms import State
from bot.sandbox.slack.reading import plain

APP, BOT = "A0SANDBOX", "B0BOT"


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
