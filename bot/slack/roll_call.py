"""What only Slack knows and events may have missed: who has left, what members are called, and
where Partyline is."""

from __future__ import annotations

from collections.abc import Iterable

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot import clock
from bot.slack.client import person
from bot.team import accounts, people
from ledger.database import session

log = structlog.get_logger()

AT_ONCE = 10  # questions in one run: Slack answers a hundred a minute, and others ask too
#: Slack's words for a user or channel that it does not show us.
UNSEEN = {"user_not_found", "user_not_visible", "channel_not_found"}


def members(client: WebClient, most: int = AT_ONCE) -> int:
    """Asks after the members who were not asked after for a day. Returns how many."""
    due = people.to_check(clock.now(), most)
    for user in due:
        try:
            told = person(client, user)
        except SlackApiError as error:
            if error.response.get("error") not in UNSEEN:
                raise
            # Whoever Slack does not know can press nothing either; a wrong token looks the same.
            log.warning("slack.member_unknown", user=user)
            people.checked(user, clock.now())
            continue
        people.changed(told, clock.now())
    return len(due)


def channels(client: WebClient) -> int:
    """Asks whether Partyline is in the channels where it was not seen yet. Returns how many."""
    due = accounts.unjoined_anywhere(AT_ONCE)
    look(client, due)
    return len(due)


def look(client: WebClient, where: Iterable[str]) -> None:
    """Asks Slack whether Partyline is in these channels."""
    for channel in dict.fromkeys(where):
        try:
            told = client.conversations_info(channel=channel)["channel"]
        except SlackApiError as error:
            if error.response.get("error") not in UNSEEN:
                raise
            continue  # gone, or private and without us
        if told.get("is_member") and not told.get("is_archived"):
            accounts.entered(channel, clock.now())


def learn_name(client: WebClient, user: str) -> None:
    """A template may say who writes; Slack knows, where we were not told yet of a member."""
    with session():
        is_unknown = people.is_unnamed(user)
    if is_unknown:
        people.changed(person(client, user), clock.now())
