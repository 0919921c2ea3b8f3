"""Accounts and lines, and who may use them: made ready, and found from a Slack channel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from bot import clock, digest
from bot.contacts import textable
from bot.errors import Refused
from bot.models import Address, Line, Member
from ledger import credits, subscriptions
from ledger.database import transaction
from ledger.models import Account, Entry
from ledger.plans import Catalogue, Plan

MANAGERS = ("owner", "manager")


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
    managers: tuple[str, ...] = (),
    agents: tuple[str, ...] = (),
    emails: tuple[str, ...] = (),
    line: str | None = None,
    channel: str | None = None,
    opening_credits: int = 0,
    plan: Plan | None = None,
    catalogue: Catalogue | None = None,
    anchor: int | None = None,
    grants_last_months: int = 12,
) -> Ready:
    """Makes an account, its people, line, plan and opening credits, or completes what is missing.

    Run twice it changes nothing. Raises ValueError naming what is wrong.
    """
    now, done = clock.now(), []
    _require_timezone(timezone)
    found = Account.get_or_none(Account.name == account)
    if found is None:
        found = credits.open_account(account, timezone, now, grants_last_months)
        digest.start(found.id, timezone, now)
        done.append(f"account {account} in {timezone}")
    elif found.timezone != timezone:
        raise ValueError(f"--timezone: {account} is in {found.timezone}; setup does not move it")
    people = [
        (owner, "owner"),
        *((m, "manager") for m in managers),
        *((a, "agent") for a in agents),
    ]
    for user, role in people:
        _, new = Member.get_or_create(account=found, slack_user=user, defaults={"role": role})
        if new:
            done.append(f"{role} {user}")
    for email in emails:
        _, new = Address.get_or_create(account=found, email=email)
        if new:
            done.append(f"e-mail address {email}")
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
    if plan and catalogue:
        done += _set_plan(found, plan, catalogue, anchor, now)
    return Ready(done)


@transaction
def give(account: str, amount: int, reason: str, key: str) -> credits.Booked:
    """An operator's grant, or what is taken back, once a key. Raises ValueError naming what is
    wrong."""
    found = Account.get_or_none(Account.name == account)
    if found is None:
        raise ValueError(f"--account: none is called {account!r}")
    if not amount:
        raise ValueError("--credits: 0 changes nothing")
    try:
        return credits.adjust(
            found.id, f"operator:{key}", amount, reason=reason, actor="operator", now=clock.now()
        )
    except credits.KeyReused as error:
        raise ValueError(f"--key: {error}") from None


def _set_plan(
    account: Account, plan: Plan, catalogue: Catalogue, anchor: int | None, now: datetime
) -> list[str]:
    stands = subscriptions.standing(account.id, now)
    if stands.subscribed and stands.terms:
        if stands.terms.plan != plan.code:
            raise ValueError(
                f"--plan: {account.name} is on {stands.terms.plan}; setup does not change it"
            )
        return []
    subscriptions.subscribe(
        account.id, f"setup:{account.id}:{stands.period}", plan, catalogue,
        actor="operator", now=now, anchor=anchor,
    )  # fmt: skip
    return [f"plan {plan.name}: {plan.credits:,} credits a month"]


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
    accounts = accounts_of(user)
    here = list(Line.select().where(Line.channel == channel))
    mine = [line for line in here if line.account_id in accounts]
    if here and not mine:
        raise Refused(stranger(here[0].account_id))
    if not accounts:
        raise Refused("You are not on any account here. Ask the owner of your account to add you.")
    mine = mine or list(Line.select().where(Line.account.in_(accounts)))
    if not mine:
        raise Refused("Your account has no number yet. Ask your operator to run `flask setup`.")
    if len(mine) > 1:
        channels = ", ".join(f"<#{line.channel}>" for line in mine)
        raise Refused(f"You have several lines. Run the command in the line's channel: {channels}")
    return mine[0]


def account_for(user: str, channel: str) -> int:
    """The account that this Slack user means in this channel; raises Refused with what to do.

    In a line's channel it is that line's; elsewhere the only account of the user's.
    """
    mine = accounts_of(user)
    here = [line.account_id for line in Line.select().where(Line.channel == channel)]
    meant = sorted(set(mine) & set(here)) or sorted(set(mine))
    if not meant:
        raise Refused("You are not on any account here. Ask the owner of your account to add you.")
    if len(meant) > 1:
        raise Refused("You have several accounts. Run the command in the channel of one's line.")
    return meant[0]


def accounts_of(user: str) -> list[int]:
    """The accounts this Slack user is on."""
    here = (Member.slack_user == user) & Member.left_at.is_null()
    return [member.account_id for member in Member.select().where(here).order_by(Member.id)]


def owner_of(account_id: int) -> str:
    """The account's owner, as Slack shows them."""
    owner = Member.get_or_none(
        Member.account == account_id, Member.role == "owner", Member.left_at.is_null()
    )
    return f"<@{owner.slack_user}>" if owner else "its owner"


def stranger(account_id: int) -> str:
    """What somebody hears who is not on the account."""
    return f"You are not on this line's team. Ask {owner_of(account_id)} to add you."


def role_of(user: str, account_id: int) -> str | None:
    """This Slack user's role on the account; None if it has none."""
    member = Member.get_or_none(
        Member.account == account_id, Member.slack_user == user, Member.left_at.is_null()
    )
    return member.role if member else None


def require_manager(user: str, account_id: int) -> None:
    """Raises Refused unless this Slack user is owner or manager of the account."""
    if role_of(user, account_id) not in MANAGERS:
        raise Refused(f"Only owner and managers can do that. Ask {owner_of(account_id)}.")


def require_member(user: str, account_id: int) -> None:
    """Raises Refused unless this Slack user is on the account."""
    if role_of(user, account_id) is None:
        raise Refused(stranger(account_id))
