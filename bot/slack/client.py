"""Slack's client, as we use it: one try and a time-out. A post that is tried twice stands twice."""

from __future__ import annotations

import functools
from typing import Any

from slack_sdk import WebClient

from bot.config import Settings
from bot.team import persons


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
    address, _ = _workspace(client)
    return f"{address}archives/{channel}/p{ts.replace('.', '')}"


def person(client: WebClient, user: str) -> dict[str, Any]:
    """Slack's description of somebody, as a stranger if they belong to another workspace. Raises
    what Slack's SDK does."""
    told = dict(client.users_info(user=user)["user"])
    _, ours = _workspace(client)
    return told | {"is_stranger": persons.is_stranger(told, {ours})}


@functools.lru_cache(16)
def _workspace(client: WebClient) -> tuple[str, str]:
    us = client.auth_test()
    return str(us["url"]), str(us["team_id"])
