"""Slack's events, read from the inbox. What is not listed here needs nothing done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog

from bot import tally
from bot.errors import Refused
from bot.inbox import Payload
from bot.slack.rich import said
from bot.talks import desk, outages, replies
from bot.talks.replies import Reply
from bot.team import accounts, people, persons, viewers
from bot.words import clean
from ledger.database import session

log = structlog.get_logger()

DONE = "white_check_mark"  # the reaction that closes a conversation
#: Of the messages in a channel, those that people write; what else has a subtype is Slack's own.
WRITTEN = {None, "file_share", "thread_broadcast"}
SLACKBOT = "USLACKBOT"


def event(payload: Payload, now: datetime) -> None:
    """Hands an event to what handles its type."""
    handle = EVENTS.get(payload["event"].get("type", ""))
    if handle:
        handle(payload, now)


def concerns_us(payload: Payload) -> bool:
    """Whether an event may need anything done. A channel's talk, what bots post, Partyline first of
    them, what Slack itself puts in, and who else comes and goes does not: it is not even saved."""
    told = payload["event"]
    match told.get("type"):
        case "message":
            return _is_written(told)
        case "reaction_added" | "reaction_removed":
            return (
                told.get("reaction") == DONE and (told.get("item") or {}).get("type") == "message"
            )
        case "app_home_opened":
            return bool(told.get("tab", "home") == "home")
        case "member_joined_channel" | "member_left_channel":
            return _is_us(payload)
        case "user_change":  # each status that somebody sets in the whole workspace is one
            with session():
                return people.is_member(str((told.get("user") or {}).get("id")))
    return told.get("type") in EVENTS


def _is_written(told: Mapping[str, Any]) -> bool:
    """Whether a person wrote, changed or took away a reply."""
    match told.get("subtype"):
        case "message_changed":
            return _is_reply(told.get("message"))
        case "message_deleted":
            return _is_reply(told.get("previous_message"))
    return _is_reply(told)


def about(told: Mapping[str, Any]) -> str:
    """What an event is about: a thread, else a person. Those about one thing keep their order."""
    post = told.get("message") or told.get("previous_message") or told.get("item") or told
    if isinstance(post, Mapping) and (ts := post.get("thread_ts") or post.get("ts")):
        return f"{told.get('channel') or post.get('channel')}:{ts}"
    user = told.get("user")
    return str(user.get("id") if isinstance(user, Mapping) else user or "workspace")


def message(payload: Payload, now: datetime) -> None:
    """A reply in a thread was written, changed or taken away."""
    told = payload["event"]
    if not _is_written(told):
        return
    match told.get("subtype"):
        case "message_changed":
            was, is_now = told.get("previous_message") or {}, told["message"]
            # An unfurled link changes a message, too, without anybody having edited it.
            reworded = is_now.get("edited") and is_now.get("text") != was.get("text")
            if reworded or _files(is_now) != _files(was):
                replies.written(_reply(payload, is_now), now)
        case "message_deleted":
            replies.deleted(_reply(payload, told["previous_message"]), now)
        case _:
            replies.written(_reply(payload, told), now)


def _is_reply(message: Any) -> bool:
    """Whether a person wrote this in a thread."""
    return (
        isinstance(message, Mapping)
        and message.get("subtype") in WRITTEN
        and bool(message.get("ts") and message.get("user") and message.get("thread_ts"))
        and message["thread_ts"] != message["ts"]
        and not message.get("bot_id")
        and message["user"] != SLACKBOT
    )


def _files(message: Mapping[str, Any]) -> set[str]:
    """The ids of a message's files, without those that were taken away."""
    files = message.get("files") or ()
    return {str(file.get("id")) for file in files if file.get("mode") != "tombstone"}


def _reply(payload: Payload, message: Mapping[str, Any]) -> Reply:
    """What was written, with the moment of the newest that happened to it."""
    told = payload["event"]
    # Where a channel is shared, the event comes in the name of whoever's workspace it came from.
    us = payload.get("authorizations") or ()
    home, bots = _homes(payload), {one.get("user_id") for one in us}
    team = message.get("user_team") or message.get("source_team") or message.get("team")
    return Reply(
        told["channel"], message["thread_ts"], message["ts"], message["user"],
        clean(said(message, people.called)),
        tuple(file for file in message.get("files") or () if file.get("id") in _files(message)),
        from_elsewhere=team is not None and team not in home,
        below_ours=message.get("parent_user_id") in bots,
        changed_ts=str(told.get("event_ts") or told.get("ts") or message["ts"]),
    )  # fmt: skip


def _homes(payload: Payload) -> set[str | None]:
    """The workspaces in whose name the app is told."""
    us = payload.get("authorizations") or [{"team_id": payload.get("team_id")}]
    return {one.get("team_id") for one in us}


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


def came_in(payload: Payload, now: datetime) -> None:
    """Somebody joined a channel: is it us?"""
    if _is_us(payload):
        accounts.entered(payload["event"]["channel"], now)


def went_out(payload: Payload, now: datetime) -> None:
    """Somebody left a channel, or was removed from it: is it us?"""
    if _is_us(payload):
        accounts.left(payload["event"]["channel"])


def _is_us(payload: Payload) -> bool:
    bots = {one.get("user_id") for one in payload.get("authorizations") or () if one.get("is_bot")}
    return payload["event"].get("user") in bots


def brought_back(payload: Payload, now: datetime) -> None:
    """A channel is no longer archived."""
    outages.mended(payload["event"]["channel"], now)


def user_changed(payload: Payload, now: datetime) -> None:
    """A person was renamed, left the workspace, or became a guest of it."""
    told = payload["event"]["user"]
    people.changed(told | {"is_stranger": persons.is_stranger(told, _homes(payload))}, now)


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
    "member_joined_channel": came_in,
    "member_left_channel": went_out,
    "channel_unarchive": brought_back,
    "group_unarchive": brought_back,
    "app_uninstalled": disconnected,
    "tokens_revoked": disconnected,
}
