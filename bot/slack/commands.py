"""Everything that Slack calls by a name of ours, and what answers it."""

from __future__ import annotations

from collections.abc import Callable

from slack_bolt import App

from bot.slack.contacts import contacts
from bot.slack.credits import credits, plans
from bot.slack.lines import bringing, calls, health, lines, setups
from bot.slack.smartplans import plan_answers, smartplans
from bot.slack.talks import talks
from bot.slack.team import front
from bot.slack.team.lead import lead
from bot.slack.texts import compose, later, templates, texts

ROOMS = (
    texts, later, compose, talks, contacts, front, health, calls, lines, setups, bringing,
    templates, credits, plans, smartplans, plan_answers,
)  # fmt: skip


def _all(kind: str) -> dict[str, Callable[..., None]]:
    """What the rooms have of a kind, by the name that Slack calls it."""
    named = [pair for room in ROOMS for pair in getattr(room, kind, {}).items()]
    assert len(named) == len(dict(named)), f"two of {kind} have one name"
    return dict(named)


COMMANDS, SHORTCUTS = _all("COMMANDS"), _all("SHORTCUTS")
ACTIONS, VIEWS, OPTIONS = _all("ACTIONS"), _all("VIEWS"), _all("OPTIONS")


def register(bolt: App) -> None:
    """Every listener there is."""
    for name, listener in COMMANDS.items():
        bolt.command(name, middleware=[lead])(listener)
    for name, listener in ACTIONS.items():
        bolt.action(name)(listener)
    for name, listener in VIEWS.items():
        bolt.view(name)(listener)
    for name, listener in SHORTCUTS.items():
        bolt.shortcut(name)(listener)
    for name, listener in OPTIONS.items():
        bolt.options(name)(listener)
