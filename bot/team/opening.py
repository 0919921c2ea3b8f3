"""Accounts made ready by whoever runs Partyline: `flask setup` and `flask grant`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from peewee import fn

from bot import clock
from bot.contacts.numbers import textable
from bot.credits import digest
from bot.credits.models import Address
from bot.lines import addressee
from bot.lines.models import Line, TwilioAccount
from bot.team import channels, viewers
from bot.team.models import Member
from bot.team.roles import ROLES
from bot.words import day_and_year, is_email
from ledger import boundaries, credits, standing, subscriptions
from ledger.database import transaction
from ledger.models import Account, Entry
from ledger.plans import Catalogue, Plan

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
    no_emails: tuple[str, ...] = (),
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
    done += _set_emails(found, emails, no_emails)
    if line is not None or channel is not None or twilio is not None:
        done += _set_line(found, line, channel, twilio, now)
    viewers.changed(found.id)
    if opening_credits:
        done += _grant(found, opening_credits, now)
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
    wanted_roles = dict(wanted + ([(owner, "owner")] if owner else []))
    done = []
    for user, role in sorted(wanted_roles.items(), key=lambda pair: ROLES.index(pair[1])):
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


def _set_emails(account: Account, emails: tuple[str, ...], no_emails: tuple[str, ...]) -> list[str]:
    done = []
    for email in emails:
        if not is_email(email):
            raise ValueError(f"--email: {email!r} is no e-mail address")
        _, new = Address.get_or_create(account=account, email=email)
        if new:
            done.append(f"e-mail address {email}")
    for email in no_emails:
        if email in emails:
            raise ValueError(f"--no-email: {email} is given with --email, too")
        here = (Address.account == account) & (fn.LOWER(Address.email) == email.lower())
        if Address.delete().where(here).execute():
            done.append(f"no more alerts to {email}")
    return done


def _grant(account: Account, amount: int, now: datetime) -> list[str]:
    """What the account opens with, once."""
    key = f"grant:opening:{account.id}"
    stood = Entry.get_or_none(Entry.key == key)
    if stood is None:
        credits.grant(account.id, key, amount, reason="opening credits", actor="operator", now=now)
        return [f"{amount} opening credits"]
    if stood.amount != amount:
        raise ValueError(f"--credits: {account.name} opened with {stood.amount}")
    return []


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
    stands = standing.of(account.id, now)
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
    terms = standing.of(account.id, now).terms
    if terms is None or terms.anchor == anchor:
        return []
    subscriptions.set_anchor(account.id, anchor, now)
    starts, ends = (
        day_and_year(boundaries.day_of(moment, account.timezone))
        for moment in (would.starts, would.ends)
    )
    return [
        f"day of renewal {anchor}, from {starts} on: the period that begins then ends on {ends}"
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
            account=account, number=number, channel="", twilio=twilio, read_until=now, made_at=now,
            had_since=addressee.others_until(number, account.id),
        )  # fmt: skip
        if channel is None:
            return [f"line {number}, whose channel is chosen in Slack"]
        channels.move(line, channel)
        return [f"line {number} in channel {channel}"]
    if line.account_id != account.id:
        raise ValueError(f"--line: {number} belongs to another account")
    if twilio not in (None, line.twilio_id):
        raise ValueError(f"--twilio: {number} is in another one; setup does not move it")
    if channel is None or line.channel == channel:
        return []
    channels.move(line, channel)
    return [f"line {number} moved to channel {channel}"]


def _require_twilio(account: Account, sid: str) -> None:
    known = TwilioAccount.get_or_none(TwilioAccount.sid == sid)
    if known is None or known.account_id not in (None, account.id):
        raise ValueError("--twilio: no such account is kept for this one. Run `flask twilio` first")


def _require_timezone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(
            f"--timezone: {name!r} is no IANA time zone, like America/New_York"
        ) from None
