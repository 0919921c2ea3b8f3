"""Slack's limits on blocks, checked before anything is sent."""
from typing import Any

class BlockError(ValueError):
    """."""

def check(blocks: list[dict[str, Any]], surface: str = "message") -> None:
    """."""
