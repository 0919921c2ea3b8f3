"""Everything that Slack calls by a name of ours, and what answers it."""

from __future__ import annotations

from slack_bolt import App

from bot.slack import contacts, credits, front, talks, texts

COMMANDS = texts.COMMANDS | contacts.COMMANDS | credits.COMMANDS
ACTIONS = texts.ACTIONS | talks.ACTIONS | contacts.ACTIONS | front.ACTIONS | credits.ACTIONS
VIEWS = texts.VIEWS | contacts.VIEWS | front.VIEWS | credits.VIEWS


def register(bolt: App) -> None:
    """Every listener there is."""
    for name, listener in COMMANDS.items():
        bolt.command(name)(listener)
    for name, listener in ACTIONS.items():
        bolt.action(name)(listener)
    for name, listener in VIEWS.items():
        bolt.view(name)(listener)
