"""Slack's client, as we use it: one try and a time-out. A post that is tried twice stands twice."""

from __future__ import annotations

from slack_sdk import WebClient

from bot.config import Settings


def connect(settings: Settings) -> WebClient:
    """A client for the workspace of the settings; safe to share between threads."""
    return WebClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url,
        timeout=int(settings.attempt_timeout_s),
        retry_handlers=[],
    )
