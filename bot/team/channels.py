"""Slack channels: whose line one has, and which line or account somebody means in it."""

from __future__ import annotations

from bot import outbox, paces
from bot.errors import Refused, Wrong
from bot.lines.models import Line
from bot.talks.models import Conversation
from bot.team import roles
from bot.words import call

NO_LINE_YET = "Your team has no number yet. `/line new` gets one, `/line bring` uses yours."


def move(line: Line, channel: str) -> None:
    """Has the line's texts shown in this channel from now on. Threads stay where they are, those of
    a line that had no channel yet begin in this one."""
    if not line.channel:
        homeless = (Conversation.line == line) & (Conversation.channel == "")
        Conversation.update(channel=channel).where(homeless).execute()
        outbox.hurry(paces.of_channel(""), instead=paces.of_channel(channel))
    line.channel, line.joined_at = channel, None
    line.save(only=[Line.channel, Line.joined_at])


def require_free(channel: str, line_id: int | None = None) -> None:
    """Raises Wrong if another line has this channel: what is typed in it would mean either."""
    if Line.live().where(Line.channel == channel, Line.id != (line_id or 0)).exists():
        raise Wrong(
            "channel", "That channel has a line already. Choose another one, or make a new one."
        )


def line_for(user: str, channel: str) -> Line:
    """The line that this Slack user means in this channel; raises Refused with what to do.

    In a line's channel it is that line; elsewhere the only line of the user's accounts.
    """
    accounts = roles.accounts_of(user)
    here = list(Line.live().where(Line.channel == channel))
    mine = [line for line in here if line.account_id in accounts]
    if here and not mine:
        raise Refused(roles.stranger(here[0].account_id))
    if not accounts:
        raise Refused(roles.NO_TEAM)
    mine = mine or list(Line.live().where(Line.account.in_(accounts)))
    if not mine:
        raise Refused(NO_LINE_YET)
    if len(mine) > 1:
        channels = ", ".join(call(line.channel) for line in mine)
        raise Refused(f"You have several lines. Run the command in the line's channel: {channels}")
    return mine[0]


def account_for(user: str, channel: str) -> int:
    """The account that this Slack user means in this channel; raises Refused with what to do.

    In a line's channel it is that line's; elsewhere the only account of the user's.
    """
    mine = roles.accounts_of(user)
    here = [line.account_id for line in Line.live().where(Line.channel == channel)]
    meant = sorted(set(mine) & set(here)) or sorted(set(mine))
    if not meant:
        raise Refused(roles.NO_TEAM)
    if len(meant) > 1:
        raise Refused("You have several accounts. Run the command in the channel of one's line.")
    return meant[0]
