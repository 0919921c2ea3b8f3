"""What runs before every command: where no text can be sent yet, the way there is the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from slack_bolt import Ack, BoltResponse
from slack_sdk import WebClient
from slack_sdk.errors import SlackClientError

from bot.slack import cards, roll_call
from bot.slack.answers import typed_words
from bot.slack.client import person
from bot.slack.team import first_cards
from bot.team import accounts, first_run, persons
from bot.team.first_run import Way

log = structlog.get_logger()

#: Commands that are of use to an account which cannot text yet.
USEFUL_BEFORE = {"/credits", "/contacts", "/smartplans", "/line"}


def lead(
    ack: Ack, command: dict[str, Any], client: WebClient, next: Callable[[], BoltResponse]
) -> BoltResponse:
    """Answers with the way to a first text; goes on to the command where it is behind us, or where
    only help was asked for."""
    if cards.asks_help(typed_words(command)):
        return next()
    user, channel = command["user_id"], command["channel_id"]
    way = first_run.way(user, channel)
    if way is None or (way.account is not None and command["command"] in USEFUL_BEFORE):
        return next()
    if way.account is None:
        asks = _person(client, user)
        if persons.is_outside(asks):
            return ack(response_type="ephemeral", **cards.note(persons.OUTSIDERS))
        way = Way(None, first_run.first(asks))
    elif way.blocks and way.next and way.next.action == "check":
        way = _asked(client, way.account, user, way)
    return ack(response_type="ephemeral", **first_cards.card(way.steps)) if way.blocks else next()


def _asked(client: WebClient, account: int, user: str, way: Way) -> Way:
    """The way, after a look whether Partyline is in the channel by now."""
    try:
        roll_call.look(client, accounts.unjoined(account, user))
    except (SlackClientError, OSError) as error:
        log.warning("slack.not_asked", error=type(error).__name__)
        return Way(account, [])  # then the command must find out
    return Way(way.account, first_run.steps(account, user))


def _person(client: WebClient, user: str) -> dict[str, Any]:
    """Slack's description of somebody; of nobody in particular where Slack does not answer."""
    try:
        return person(client, user)
    except (SlackClientError, OSError) as error:
        log.warning("slack.not_asked", error=type(error).__name__)
        return {"id": user}
