"""What Slack says of a line's channel: is it alive, and is Partyline in it?"""

from __future__ import annotations

from datetime import timedelta

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot import clock
from bot.lines.health import Look, Problem
from bot.lines.models import Line
from bot.talks import outages

log = structlog.get_logger()

SETTLED_AFTER = timedelta(hours=1)  # a line whose channel was not entered yet is being set up
ADVICE = "Its texts are kept, and told to the owner."


def channel(client: WebClient, line: Line) -> Look:
    """Whether the line's texts can be shown. What Slack does not answer now is not looked at."""
    is_new = line.joined_at is None and clock.now() - line.made_at < SETTLED_AFTER
    if not line.channel or is_new:
        return Look()
    try:
        told = client.conversations_info(channel=line.channel)["channel"]
    except SlackApiError as error:
        word = str(error.response.get("error"))
        return _shut(line, word) if word == "channel_not_found" else Look()
    except OSError:
        log.warning("slack.channel_not_told", line_id=line.id)
        return Look()
    if told.get("is_archived"):
        return _shut(line, "is_archived")
    if not told.get("is_member"):
        return _shut(line, "not_in_channel")
    return Look({"channel"})


def _shut(line: Line, word: str) -> Look:
    why, _, what = outages.CHANNEL[word].partition(". ")
    says = f"Nothing can be shown in <#{line.channel}>: {why}."
    return Look({"channel"}, [Problem("channel", says, f"{what}. {ADVICE}")])
