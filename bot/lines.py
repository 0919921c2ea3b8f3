"""Lines and who may use them: an account made ready, and the line a Slack channel stands for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from bot import clock
from bot.contacts import textable
from bot.errors import Refused
from bot.models import Line, Member
from ledger import credits
from ledger.database import transaction
from ledger.models import Account, Entry


@dataclass(frozen=True)
class Ready:
    """What `setup` made or changed, in words; empty when all of it stood already."""

    done: list[str]


@transaction
def setup(
    *,
    account: str,
    timezone: str,
    owner: str,
    agents: tuple[str, ...] = (),
    line: str | None = None,
    channel: str | None = None,
    opening_credits: int = 0,
) -> Ready:
    """Makes an account, its owner, agents, line and opening credits, or completes what is missing.

    Run twice it changes nothing. Raises ValueError naming what is wrong.
    """
    now, done = clock.now(), []
    _require_timezone(timezone)
    found = Account.get_or_none(Account.name == account)
    if found is None:
        found = credits.open_account(account, timezone, now)
        done.append(f"account {account} in {timezone}")
    elif found.timezone != timezone:
        raise ValueError(f"--timezone: {account} is in {found.timezone}; setup does not move it")
    for user, role in ((owner, "owner"), *((agent, "agent") for agent in agents)):
        _, new = Member.get_or_create(account=found, slack_user=user, defaults={"role": role})
        if new:
            done.append(f"{role} {user}")
    if line or channel:
        done += _set_line(found, line, channel, now)
    if opening_credits:
        key = f"grant:opening:{found.id}"
        stood = Entry.get_or_none(Entry.key == key)
        if stood is None:
            credits.grant(
                found.id, key, opening_credits, reason="opening credits", actor="operator", now=now
            )
            done.append(f"{opening_credits} opening credits")
        elif stood.amount != opening_credits:
            raise ValueError(f"--credits: {account} opened with {stood.amount}")
    return Ready(done)


def _set_line(
    account: Account, number: str | None, channel: str | None, now: datetime
) -> list[str]:
    if not (number and channel):
        raise ValueError("--line and --channel go together: a line is one number in one channel")
    if not textable(number):
        raise ValueError(f"--line: {number} is not a phone number in E.164, like +14155550100")
    line = Line.get_or_none(Line.number == number)
    if line is None:
        Line.create(account=account, number=number, channel=channel, read_until=now, made_at=now)
        return [f"line {number} in channel {channel}"]
    if line.account_id != account.id:
        raise ValueError(f"--line: {number} belongs to another account")
    if line.channel != channel:
        line.channel = channel
        line.save(only=[Line.channel])
        return [f"line {number} moved to channel {channel}"]
    return []


def _require_timezone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(
            f"--timezone: {name!r} is no IANA time zone, like America/New_York"
        ) from None


def line_for(user: str, channel: str) -> Line:
    """The line that this Slack user means in this channel; raises Refused with what to do.

    In a line's channel it is that line; elsewhere the only line of the user's accounts.
    """
    accounts = [m.account_id for m in Member.select().where(Member.slack_user == user)]
    here = list(Line.select().where(Line.channel == channel))
    mine = [line for line in here if line.account_id in accounts]
    if here and not mine:
        owner = Member.get_or_none(Member.account == here[0].account_id, Member.role == "owner")
        ask = f"<@{owner.slack_user}>" if owner else "its owner"
        raise Refused(f"You are not on this line's team. Ask {ask} to add you.")
    if not accounts:
        raise Refused("You are not on any account here. Ask the owner of your account to add you.")
    mine = mine or list(Line.select().where(Line.account.in_(accounts)))
    if not mine:
        raise Refused("Your account has no number yet. Ask your operator to run `flask setup`.")
    if len(mine) > 1:
        channels = ", ".join(f"<#{line.channel}>" for line in mine)
        raise Refused(f"You have several lines. Run the command in the line's channel: {channels}")
    return mine[0]


def require_member(user: str, account_id: int) -> None:
    """Raises Refused unless this Slack user is on the account."""
    if not Member.select().where(Member.account == account_id, Member.slack_user == user).exists():
        raise Refused("You are not on this line's team.")
