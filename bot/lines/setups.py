"""What owners and managers begin with numbers: one is bought, brought, waited for or released. The
steps that follow are in steps.py."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import peewee

from bot import outbox
from bot.contacts import numbers
from bot.errors import Refused, Wrong
from bot.lines import steps, tokens
from bot.lines.models import Line, Setup
from bot.lines.offers import Held, Kind, Own
from bot.lines.settings import kept_name
from bot.team import channels, roles
from bot.words import OPERATOR
from ledger import credits
from ledger.database import query, transaction
from ledger.models import Account, Subscription

MOST_LINES = 25  # of one account that it may set up itself
REMIND_AFTER = timedelta(days=5)
TO_MOVE = (
    "To have it in another Twilio account, let Twilio's support move it there: who owns the "
    "account that it is in asks for it, at https://help.twilio.com. Then type `/line bring` once "
    "more: the line goes on there, with its channel and its conversations."
)
COMING = ("new", "adopt", "transfer", "own")
PLANS_ON = "SELECT COUNT(*) FROM smart_plan WHERE line_id = %s AND state = 'on'"


@dataclass(frozen=True)
class Plan:
    """How a new line is to be: what its number, name and channel are."""

    number: str
    name: str = ""
    channel: str | None = None  # one that is there
    make: str | None = None  # or the name of one to be made


@transaction
def buy(account_id: int, user: str, plan: Plan, price_cents: int | None, view: str, now: datetime
        ) -> Setup:  # fmt: skip
    """Begins to buy this number. Pressed twice it is bought once. Raises Refused."""
    roles.require_manager(user, account_id)
    credits.hold(account_id, now)  # two that begin at once see one another
    same = (Setup.view == view) & (Setup.number == plan.number) & (Setup.account == account_id)
    again: Setup | None = Setup.get_or_none(same)
    if again is not None:
        return again
    require_may_add(account_id, user)
    _require_paying(account_id)
    return _begin("new", account_id, user, plan, view, now, price_cents=price_cents)


@transaction
def adopt(account_id: int, user: str, plan: Plan, held: Held, view: str, now: datetime) -> Setup:
    """Begins to use a number where it is, if that account's token is kept here; else it is moved
    into our own account first. A line of theirs goes on there. Raises Refused."""
    line = _require_may_bring(account_id, user, plan.number, now)
    if line is not None:
        require_left(line, held)
    elif not held.private:
        require_alone()
    if held.ours or held.kept:
        stays = None if held.ours else held.account
        return _begin("adopt", account_id, user, plan, view, now, twilio=stays, sid=held.sid)
    return _begin(
        "transfer", account_id, user, plan, view, now, sid=held.sid, from_=held.account,
        via=held.via,
    )  # fmt: skip


@transaction
def bring(account_id: int, user: str, plan: Plan, own: Own, view: str, now: datetime) -> Setup:
    """Begins to use a number in an agent's own Twilio account, and keeps that account's token. A
    line of theirs goes on there. Raises Refused."""
    _require_may_bring(account_id, user, plan.number, now)
    tokens.keep(account_id, own, now)
    held = own.held
    return _begin("own", account_id, user, plan, view, now, twilio=held.account, sid=held.sid)


@transaction
def line_of(account_id: int, user: str, number: str) -> Line | None:
    """The line that the team has with this number already, if it has one. Raises Refused."""
    roles.require_manager(user, account_id)
    return _own_line_of(account_id, number)


def _own_line_of(account_id: int, number: str) -> Line | None:
    here = (Line.number == number) & (Line.account == account_id)
    found: Line | None = Line.live().where(here).get_or_none()
    return found


@transaction
def own_account_of(account_id: int, user: str, number: str) -> str | None:
    """The SID of the team's own Twilio account that this line of theirs is in, if it is in one.
    Raises Refused."""
    line = line_of(account_id, user, number)
    if line is None or line.twilio is None or line.twilio.account_id != account_id:
        return None
    return str(line.twilio_id)


@transaction
def renew(account_id: int, user: str, own: Own, now: datetime) -> None:
    """Keeps the new token of a Twilio account that a line is in. Raises Refused."""
    if own_account_of(account_id, user, own.held.number) != own.held.account:
        raise Refused("No line of yours is in this Twilio account.")
    tokens.keep(account_id, own, now)


@transaction
def release(line_id: int, user: str, typed: str, view: str, now: datetime) -> Setup:
    """Begins to release a line, once its number was typed. Raises Refused."""
    line = roles.line_to_change(line_id, user)
    if _digits(typed) not in (_digits(line.number), _digits(line.number)[-10:]):
        raise Refused(f"Type the line's number to release it: {numbers.spoken(line.number)}.")
    under_way = Setup.get_or_none(Setup.number == line.number, Setup.done_at.is_null())
    if under_way is not None and under_way.kind == "release":
        return under_way
    how = way_out(line)
    return _begin(
        "release", line.account_id, user, Plan(line.number, line.name or ""), view, now,
        line=line.id, twilio=line.twilio_id, sid=line.sid, how=how,
    )  # fmt: skip


def way_out(line: Line) -> str:
    """What becomes of a released line's number: `give_back` to Twilio if it was bought here,
    `restore` where its texts went before, or `unpoint`: they go nowhere."""
    if line.former_webhooks is not None:
        return "restore"
    bought = Setup.select().where(Setup.line == line, Setup.kind == "new", Setup.step == "done")
    return "give_back" if bought.exists() else "unpoint"


@transaction
def await_support(account_id: int, user: str, number: str, now: datetime) -> Setup:
    """Keeps in mind that somebody asked Twilio's support about a number. Raises Refused."""
    _require_may_bring(account_id, user, number, now)
    known = Setup.get_or_none(Setup.number == number, Setup.done_at.is_null())
    if known is not None and (known.kind, known.account_id) == ("support", account_id):
        return known
    require_free(number, account_id)
    return Setup.create(
        id=secrets.token_hex(8), account=account_id, kind="support", number=number, step="wait",
        by=user, remind_at=now + REMIND_AFTER, made_at=now,
    )  # fmt: skip


@transaction
def remind(now: datetime) -> int:
    """Asks those who wait for Twilio's support whether it has answered. Returns how many."""
    due = list(Setup.select().where(Setup.remind_at <= now).limit(100))
    for one in due:
        one.remind_at = now + REMIND_AFTER
        one.save(only=[Setup.remind_at])
        outbox.post_card(
            one.by, f"support:{one.id}:{now.timestamp():.0f}", "slack.setup",
            {"setup": one.id, "what": "reminder"},
        )  # fmt: skip
    return len(due)


@transaction
def forget(setup_id: str, user: str, now: datetime) -> str:
    """Nobody waits for this number any more. Returns the number. Raises Refused."""
    one = own(setup_id, user)
    if one.kind == "support":
        steps.end(one, "done", None, now)
    return str(one.number)


def plans_on(line: Line) -> int:
    """How many SmartPlans that are switched on text from this line."""
    return int(query(PLANS_ON, line.id).fetchone()[0])


def channel_name(typed: str) -> str:
    """What a new channel is called, as Slack has it. Raises Wrong."""
    name = re.sub(r"\s+", "-", typed.strip().lstrip("#").lower())
    if not re.fullmatch(r"[\w-]{1,80}", name):
        raise Wrong("make", "A channel's name has letters, digits, - and _ alone, 80 at most.")
    return name


@transaction
def under_way(account_id: int, user: str) -> list[Setup]:
    """The account's numbers that are on their way, the oldest first. Raises Refused."""
    roles.require_member(user, account_id)
    going = (Setup.account == account_id) & Setup.done_at.is_null()
    return list(Setup.select().where(going).order_by(Setup.made_at, Setup.id))


# What may be done, and by whom


def require_may_add(account_id: int, user: str) -> None:
    """Raises Refused unless this user may add a line to the account; numbers on their way count."""
    roles.require_manager(user, account_id)
    coming = (Setup.account == account_id) & Setup.kind.in_(COMING)
    going_on = Setup.select().where(coming, Setup.done_at.is_null(), Setup.line.is_null()).count()
    if Line.live().where(Line.account == account_id).count() + going_on >= MOST_LINES:
        raise Refused(f"An account has {MOST_LINES} numbers at most. Ask {OPERATOR}.")


def _require_may_bring(account_id: int, user: str, number: str, now: datetime) -> Line | None:
    """Raises Refused unless this user may bring a number. Returns the line it is already."""
    line = line_of(account_id, user, number)
    credits.hold(account_id, now)  # two that begin at once see one another
    if line is None:
        require_may_add(account_id, user)
    return line


def require_left(line: Line, held: Held) -> None:
    """Raises Refused if a line's number is still where the line is."""
    if held.account == line.twilio_id or (held.ours and line.twilio_id is None):
        where = "Partyline's own Twilio account" if held.ours else f"the account {held.account}"
        raise Refused(
            f"{numbers.spoken(line.number)} is a line of yours already, in {where}. {TO_MOVE}"
        )


def require_place(plan: Plan) -> None:
    """Raises Wrong unless it is said where a line's texts are to be shown."""
    if not (plan.channel or plan.make):
        raise Wrong("make", "Choose a channel, or name one that is to be made.")
    if plan.channel:
        channels.require_free(plan.channel)


def require_alone() -> None:
    """Raises Refused where several accounts share our Twilio account: a number in it may be
    anybody's, and only the operator knows whose."""
    if Account.select().count() > 1:
        raise Refused(
            "This number is in the Twilio account that all teams here share. "
            f"Ask {OPERATOR} to give it to yours: `flask setup --line`."
        )


def _require_paying(account_id: int) -> None:
    """A number costs the operator money every month."""
    account = Account.get_by_id(account_id)
    subscribed = Subscription.select().where(Subscription.account == account_id).exists()
    if not subscribed and account.balance <= 0:
        raise Refused("Choose a plan first: `/credits plan`. Then come back for a number.")


@transaction
def require_free(number: str, account_id: int | None = None) -> None:
    """Raises Refused if the number is a line here, except of this account, or on its way to be
    one."""
    others = Line.account != account_id if account_id else True
    if Line.live().where(Line.number == number, others).exists():
        raise Refused(f"{numbers.spoken(number)} is a line here already.")
    if Setup.select().where(Setup.number == number, Setup.done_at.is_null()).exists():
        raise Refused(f"{numbers.spoken(number)} is being set up already.")


@transaction
def own(setup_id: str, user: str) -> Setup:
    """The set-up. Raises Refused unless this user may set up lines of its account."""
    found: Setup | None = Setup.get_or_none(Setup.id == setup_id)
    if found is None:
        raise Refused("This set-up is over. `/line` shows your numbers.")
    roles.require_manager(user, found.account_id)
    return found


def _digits(number: str) -> str:
    return "".join(letter for letter in number if letter.isdecimal())


def _begin(
    kind: Kind, account_id: int, user: str, plan: Plan, view: str, now: datetime,
    line: int | None = None, twilio: str | None = None, sid: str | None = None, **details: Any,
) -> Setup:  # fmt: skip
    moves = None
    if kind != "release":
        moves = _own_line_of(account_id, plan.number) if kind != "new" else None
        support = (Setup.number == plan.number) & (Setup.kind == "support")
        Setup.update(done_at=now, step="done", remind_at=None).where(
            support, Setup.account == account_id, Setup.done_at.is_null()
        ).execute()
        require_free(plan.number, account_id if moves else None)
    elif Setup.select().where(Setup.number == plan.number, Setup.done_at.is_null()).exists():
        raise Refused(f"{numbers.spoken(plan.number)} is being set up. Wait until that is done.")
    name = kept_name(plan.name)
    if moves is not None:
        line, details["left"] = moves.id, moves.twilio_id
    elif kind != "release":
        require_place(plan)
    wishes = {"name": name, "channel": plan.channel, "make": plan.make, **details}
    try:
        made = Setup.create(
            id=secrets.token_hex(8), account=account_id, line=line, kind=kind, number=plan.number,
            twilio=twilio, sid=sid, step=steps.STEPS[kind][0], details=wishes, by=user, view=view,
            made_at=now,
        )  # fmt: skip
    except peewee.IntegrityError:  # somebody else began with it this instant
        raise Refused(f"{numbers.spoken(plan.number)} is being set up already.") from None
    steps.queue(made)
    return made
