"""Slack's events, read from the inbox. What is not listed here needs nothing done."""

from __future__ import annotations

from datetime import datetime

import structlog

from bot import tally
from bot.inbox import Payload

log = structlog.get_logger()


def event(payload: Payload, now: datetime) -> None:
    """Hands an event to what handles its type."""
    handle = EVENTS.get(payload["event"].get("type", ""))
    if handle:
        handle(payload, now)


def disconnected(payload: Payload, now: datetime) -> None:
    """The app was removed from the workspace, or its token revoked: nothing can be posted."""
    tally.count("slack_disconnected_total")
    log.error("slack.disconnected", why=payload["event"]["type"])


EVENTS = {"app_uninstalled": disconnected, "tokens_revoked": disconnected}
