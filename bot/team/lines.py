"""Accounts and lines, and who may use them: made ready, and found from a Slack channel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from bot import clock, outbox
from bot.contacts.contacts import textable
from bot.credits import digest
from bot.errors import Refused, Wrong
from bot.models import Address, Conversation, Line, Member, TwilioAccount
from bot.team import viewers
from bot.words import OPERATOR, is_email
from ledger import credits, subscriptions
from ledger.database import transaction
from ledger.models import Account, Entry
from ledger.plans import Catalogue, Plan

ROLES = ("owner", "manager", "agent")
MANAGERS = ("owner", "manager")
NONE_YET = "Your team has no number yet. `/line new` gets one, `/line bring` uses yours."
NO_TEAM = "You are not on a team here. Ask the owner of your team to add you."
DEFAULT_TIMEZONE = "America/New_York"


@dataclass(frozen=True)
class Ready:
    """What `setup` made or changed, in words; empty when all of it stood already."""

    done: list[str]


@transaction
def setup(
    *,
    account: str,
    timezone: str | None = None,
    owner: str | None = None,
    managers: tuple[str, ...] = (),
    agents: tuple[str, ...] = (),
    emails: tuple[str, ...] = (),
    line: str | None = None,
    channel: str | None = None,
    twilio: str | None = None,
    opening_credits: int = 0,
    plan: Plan | None = None,
    catalogue: Catalogue | None = None,
    anchor: int | None = None,
    grants_last_months: int = 12,
) -> Ready:
    """Makes an account, its people, line, plan and opening credits, or completes what is missing.

    Run twice it changes nothing. Raises ValueError naming what is wrong. A new account needs an
    owner; one that stands keeps its own (`people.hand_over` changes that).
    """
    now, done = clock.now(), []
    found = Account.get_or_none(Account.name == account)
    if found is None:
        found = _open(account, timezone or DEFAULT_TIMEZONE, owner, now, grants_last_months)
        done.append(f"account {account} in {found.timezone}")
    elif timezone not in (None, found.timezone):
        done += _move_to(found, str(timezone), now)
    done += _set_people(found, owner, managers, agents)
    for email in emails:
        if not is_email(email):
            raise ValueError(f"--email: {email!r} is no e-mail address")
        _, new = Address.get_or_create(account=found, email=email)
        if new:
            done.append(f"e-mail address {email}")
    if line is not None or channel is not None or twilio is not None:
        done += _set_line(found, line, channel, twilio, now)
    viewers.changed(found.id)
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
    elif anchor:
        done += _set_anchor(found, anchor, now)
    return Ready(done)


def _open(
    name: str, timezone: str, owner: str | None, now: datetime, grants_last_months: int
) -> Account:
    _require_timezone(timezone)
    if owner is None:
        raise ValueError(f"--owner: {name} is a new account. Name its owner, like U012AB3CD")
    opened = credits.open_account(name, timezone, now, grants_last_months)
    digest.start(opened.id, timezone, now)
    return opened


def _move_to(account: Account, timezone: str, now: datetime) -> list[str]:
    _require_timezone(timezone)
    subscriptions.set_timezone(account.id, timezone, now)
    digest.moved(account.id, now)
    return [f"time zone {timezone}: the period that runs ends when it was to end"]


def _set_people(
    account: Account, owner: str | None, managers: tuple[str, ...], agents: tuple[str, ...]
) -> list[str]:
    here = (Member.account == account) & Member.left_at.is_null()
    stands = Member.get_or_none(here, Member.role == "owner")
    if owner and stands and stands.slack_user != owner:
        raise ValueError(
            f"--owner: {account.name} is {stands.slack_user}'s; `flask handover` changes that"
        )
    wanted = [(user, "agent") for user in agents] + [(user, "manager") for user in managers]
    roles = dict(wanted + ([(owner, "owner")] if owner else []))
    done = []
    for user, role in sorted(roles.items(), key=lambda pair: ROLES.index(pair[1])):
        mine = (Member.account == account) & (Member.slack_user == user)
        member = Member.get_or_none(mine)
        if member is None:
            Member.create(account=account, slack_user=user, role=role)
        elif member.left_at is not None or (role == "owner" != member.role):
            Member.update(role=role, left_at=None).where(mine).execute()
        else:
            continue
        done.append(f"{role} {user}")
    return done


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
        return _set_anchor(account, anchor, now) if anchor else []
    subscriptions.subscribe(
        account.id, f"setup:{account.id}:{stands.period}", plan, catalogue,
        actor="operator", now=now, anchor=anchor,
    )  # fmt: skip
    return [f"plan {plan.name}: {plan.credits:,} credits a month"]


def _set_anchor(account: Account, anchor: int, now: datetime) -> list[str]:
    try:
        would = subscriptions.move(account.id, anchor, now)
    except subscriptions.NotSubscribed:
        raise ValueError(f"--anchor: {account.name} has no plan; give it one with --plan") from None
    terms = subscriptions.standing(account.id, now).terms
    if terms is None or terms.anchor == anchor:
        return []
    subscriptions.set_anchor(account.id, anchor, now)
    return [
        f"day of renewal {anchor}, from {would.starts:%Y-%m-%d} on: "
        f"the period that begins then ends on {would.ends:%Y-%m-%d}"
    ]


def _set_line(
    account: Account, number: str | None, channel: str | None, twilio: str | None, now: datetime
) -> list[str]:
    if not number:
        raise ValueError("--channel and --twilio need --line")
    if channel == "":
        raise ValueError("--channel: it is empty. Leave it out, and it is chosen in Slack")
    if not textable(number):
        raise ValueError(f"--line: {number} is not a phone number in E.164, like +14155550100")
    if twilio:
        _require_twilio(account, twilio)
    line = Line.live().where(Line.number == number).get_or_none()
    if line is None:
        line = Line.create(
            account=account, number=number, channel="", twilio=twilio, read_until=now, made_at=now
        )
        if channel is None:
            return [f"line {number}, whose channel is chosen in Slack"]
        move(line, channel)
        return [f"line {number} in channel {channel}"]
    if line.account_id != account.id:
        raise ValueError(f"--line: {number} belongs to another account")
    if twilio not in (None, line.twilio_id):
        raise ValueError(f"--twilio: {number} is in another one; setup does not move it")
    if channel is None or line.channel == channel:
        return []
    move(line, channel)
    return [f"line {number} moved to channel {channel}"]


def _require_twilio(account: Account, sid: str) -> None:
    known = TwilioAccount.get_or_none(TwilioAccount.sid == sid)
    if known is None or known.account_id not in (None, account.id):
        raise ValueError("--twilio: no such account is kept for this one. Run `flask twilio` first")


def move(line: Line, channel: str) -> None:
    """Has the line's texts shown in this channel from now on. Threads stay where they are, those of
    a line that had no channel yet begin in this one."""
    if not line.channel:
        homeless = (Conversation.line == line) & (Conversation.channel == "")
        Conversation.update(channel=channel).where(homeless).execute()
        outbox.hurry("channel:", instead=f"channel:{channel}")
    line.channel, line.joined_at = channel, None
    line.save(only=[Line.channel, Line.joined_at])


@transaction
def to_change(line_id: int, user: str) -> Line:
    """The line. Raises Refused unless it is one still, and this user may change it."""
    line: Line | None = Line.live().where(Line.id == line_id).get_or_none()
    if line is None:
        raise Refused("This line was released, or is another team's. `/line` lists yours.")
    require_manager(user, line.account_id)
    return line


def require_free_channel(channel: str, line_id: int | None = None) -> None:
    """Raises Wrong if another line has this channel: what is typed in it would mean either."""
    if Line.live().where(Line.channel == channel, Line.id != (line_id or 0)).exists():
        raise Wrong(
            "channel", "That channel has a line already. Choose another one, or make a new one."
        )


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
    here = list(Line.live().where(Line.channel == channel))
    mine = [line for line in here if line.account_id in accounts]
    if here and not mine:
        raise Refused(stranger(here[0].account_id))
    if not accounts:
        raise Refused(NO_TEAM)
    mine = mine or list(Line.live().where(Line.account.in_(accounts)))
    if not mine:
        raise Refused(NONE_YET)
    if len(mine) > 1:
        channels = ", ".join(f"<#{line.channel}>" for line in mine)
        raise Refused(f"You have several lines. Run the command in the line's channel: {channels}")
    return mine[0]


def account_for(user: str, channel: str) -> int:
    """The account that this Slack user means in this channel; raises Refused with what to do.

    In a line's channel it is that line's; elsewhere the only account of the user's.
    """
    mine = accounts_of(user)
    here = [line.account_id for line in Line.live().where(Line.channel == channel)]
    meant = sorted(set(mine) & set(here)) or sorted(set(mine))
    if not meant:
        raise Refused(NO_TEAM)
    if len(meant) > 1:
        raise Refused("You have several accounts. Run the command in the channel of one's line.")
    return meant[0]


def is_ours(number: str) -> bool:
    """Whether some account's line has this number."""
    return bool(Line.live().where(Line.number == number).exists())


def accounts_of(user: str) -> list[int]:
    """The accounts this Slack user is on."""
    here = (Member.slack_user == user) & Member.left_at.is_null()
    return [member.account_id for member in Member.select().where(here).order_by(Member.id)]


def owner_of(account_id: int) -> str:
    """Who can help, as Slack shows them: the owner; where there is none, the managers."""
    here = (Member.account == account_id) & Member.left_at.is_null()
    bosses = list(Member.select().where(here, Member.role.in_(MANAGERS)).order_by(Member.id))
    named = [boss for boss in bosses if boss.role == "owner"] or bosses[:3]
    return " or ".join(f"<@{boss.slack_user}>" for boss in named) or OPERATOR


def stranger(account_id: int) -> str:
    """What somebody hears who is not on the account."""
    return f"You are not on this line's team. Ask {owner_of(account_id)} to add you."


def role_of(user: str, account_id: int) -> str | None:
    """This Slack user's role on the account; None if it has none."""
    member = Member.get_or_none(
        Member.account == account_id, Member.slack_user == user, Member.left_at.is_null()
    )
    return member.role if member else None


def require_owner(user: str, account_id: int, what: str) -> None:
    """Raises Refused unless this Slack user is the account's owner. `what`: "make managers"."""
    require_manager(user, account_id)
    if role_of(user, account_id) == "owner":
        return
    owner = Member.get_or_none(
        Member.account == account_id, Member.role == "owner", Member.left_at.is_null()
    )
    if owner is None:
        raise Refused(f"Only an owner can {what}, and this account has none now. Ask {OPERATOR}.")
    raise Refused(f"Only the owner can {what}. Ask <@{owner.slack_user}>.")


def require_manager(user: str, account_id: int) -> None:
    """Raises Refused unless this Slack user is owner or manager of the account."""
    require_member(user, account_id)
    if role_of(user, account_id) not in MANAGERS:
        raise Refused(f"Only owner and managers can do that. Ask {owner_of(account_id)}.")


def require_member(user: str, account_id: int) -> None:
    """Raises Refused unless this Slack user is on the account."""
    if role_of(user, account_id) is None:
        raise Refused(stranger(account_id))
