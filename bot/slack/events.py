"""Slack's events, read from the inbox. What is not listed here needs nothing done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog

from bot import desk, people, replies, tally, viewers
from bot.errors import Refused
from bot.inbox import Payload
from bot.replies import Reply
from bot.slack.markup import to_phone
from bot.words import clean

log = structlog.get_logger()

DONE = "white_check_mark"  # the reaction that closes a conversation
#: Of the messages in a channel, those that people write; what else has a subtype is Slack's own.
WRITTEN = {None, "file_share", "thread_broadcast"}


def event(payload: Payload, now: datetime) -> None:
    """Hands an event to what handles its type."""
    handle = EVENTS.get(payload["event"].get("type", ""))
    if handle:
        handle(payload, now)


def message(payload: Payload, now: datetime) -> None:
    """Something was written, changed or taken away in a channel. Only replies in threads count."""
    told = payload["event"]
    match told.get("subtype"):
        case subtype if subtype in WRITTEN:
            if reply := _reply(payload, told):
                replies.written(reply, now)
        case "message_changed":
            changed = told.get("message") or {}
            # An unfurled link changes a message, too, without anybody having edited it.
            if changed.get("edited") and (reply := _reply(payload, changed)):
                replies.edited(reply, now)
        case "message_deleted":
            gone = told.get("previous_message") or {}
            if _by_a_person(gone) and gone.get("thread_ts"):
                replies.deleted(told["channel"], gone["thread_ts"], told["deleted_ts"], now)


def _reply(payload: Payload, told: dict[str, Any]) -> Reply | None:
    ts, thread_ts = told.get("ts"), told.get("thread_ts")
    if not (ts and thread_ts) or thread_ts == ts or not _by_a_person(told):
        return None
    home_team = payload.get("team_id")
    team = told.get("user_team") or told.get("source_team") or told.get("team") or home_team
    return Reply(
        payload["event"]["channel"], thread_ts, ts, told["user"],
        clean(to_phone(told.get("text") or "")), tuple(told.get("files") or ()),
        from_elsewhere=team != home_team,
    )  # fmt: skip


def _by_a_person(told: dict[str, Any]) -> bool:
    return bool(told.get("user")) and not told.get("bot_id")


def reaction(payload: Payload, now: datetime) -> None:
    """A check mark on a thread's root closes the conversation; taken away, it opens it again."""
    told = payload["event"]
    item = told.get("item") or {}
    if told.get("reaction") != DONE or item.get("type") != "message":
        return
    conversation = desk.find(item["channel"], item["ts"])
    if conversation is None:
        return
    change = desk.close if told["type"] == "reaction_added" else desk.reopen
    try:
        change(conversation.id, told["user"], now)
    except Refused:
        log.info("slack.reaction_refused")  # a mark of somebody's who is not on the team


def home_opened(payload: Payload, now: datetime) -> None:
    """Somebody looks at Partyline's Home."""
    if payload["event"].get("tab", "home") == "home":
        viewers.opened(payload["event"]["user"], now)


def user_changed(payload: Payload, now: datetime) -> None:
    """A person was renamed, left the workspace, or became a guest of it."""
    people.changed(payload["event"]["user"], now)


def disconnected(payload: Payload, now: datetime) -> None:
    """The app was removed from the workspace, or its token revoked: nothing can be posted."""
    tally.count("slack_disconnected_total")
    log.error("slack.disconnected", why=payload["event"]["type"])


#: By their types; the manifest asks Slack for each.
EVENTS: dict[str, Callable[[Payload, datetime], None]] = {
    "message": message,
    "reaction_added": reaction,
    "reaction_removed": reaction,
    "app_home_opened": home_opened,
    "user_change": user_changed,
    "app_uninstalled": disconnected,
    "tokens_revoked": disconnected,
}
