"""Slack's client, as we use it: one try and a time-out. A post that is tried twice stands twice."""

from __future__ import annotations

import functools

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


def permalink(client: WebClient, channel: str, ts: str) -> str:
    """The address of a post. Asks Slack once for the workspace's; raises what Slack's SDK does."""
    return f"{_workspace(client)}archives/{channel}/p{ts.replace('.', '')}"


@functools.lru_cache(16)
def _workspace(client: WebClient) -> str:
    return str(client.auth_test()["url"])
