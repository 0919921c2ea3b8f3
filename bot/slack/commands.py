"""Everything that Slack calls by a name of ours, and what answers it."""

from __future__ import annotations

from slack_bolt import App

from bot.slack import compose, contacts, credits, front, later, plans, talks, templates, texts
from bot.slack.lead import lead

COMMANDS = texts.COMMANDS | contacts.COMMANDS | credits.COMMANDS
ACTIONS = (
    texts.ACTIONS | later.ACTIONS | compose.ACTIONS | talks.ACTIONS | contacts.ACTIONS
    | front.ACTIONS | templates.ACTIONS | credits.ACTIONS | plans.ACTIONS
)  # fmt: skip
VIEWS = (
    texts.VIEWS | later.VIEWS | talks.VIEWS | compose.VIEWS | contacts.VIEWS | front.VIEWS
    | templates.VIEWS | plans.VIEWS
)  # fmt: skip
SHORTCUTS = compose.SHORTCUTS
OPTIONS = compose.OPTIONS | contacts.OPTIONS


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
