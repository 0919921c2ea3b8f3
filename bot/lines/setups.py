"""Numbers on their way to be lines, and away again: which step comes next.

Each step is one delivery, whose carrier makes one call. What came of it moves the row on in the
transaction that records it; so a set-up that is broken off anywhere goes on where it stopped.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot import outbox
from bot.contacts import contacts
from bot.errors import Refused
from bot.lines.offers import Held, Kind, Own
from bot.models import Line, Setup, TwilioAccount
from bot.team import accounts, lines, viewers
from ledger.database import query, transaction
from ledger.models import Account, Subscription

LONGEST_NAME = 40  # characters
MOST_LINES = 25  # of one account that it may set up itself
REMIND_AFTER = timedelta(days=5)
STEPS: dict[str, tuple[str, ...]] = {
    "new": ("buy", "service", "channel"),
    "adopt": ("remember", "point", "service", "channel"),
    "transfer": ("remember", "move", "point", "service", "channel"),
    "own": ("remember", "point", "channel"),
    "release": ("leave",),
}
IN_SLACK = {"channel"}
LOCK = "SELECT id FROM setup WHERE id = %s FOR UPDATE"
#: Texts that came to a number before it was a line.
UNPARK = """
    UPDATE inbox SET state = 'new', tries = 0, due_at = %s
    WHERE state = 'parked' AND kind IN ('twilio.sms', 'twilio.call') AND error LIKE %s"""
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
    again = Setup.get_or_none(Setup.view == view, Setup.number == plan.number)
    if again is not None:
        return again
    require_may_add(account_id, user)
    _require_paying(account_id)
    return _begin("new", account_id, user, plan, view, now, price_cents=price_cents)


@transaction
def adopt(account_id: int, user: str, plan: Plan, held: Held, view: str, now: datetime) -> Setup:
    """Begins to use a number where it is, if that account's token is kept here; else it is moved
    into our own account first. Raises Refused."""
    require_may_add(account_id, user)
    if not held.private:
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
    """Begins to use a number in an agent's own Twilio account, and keeps that account's token.
    Raises Refused."""
    require_may_add(account_id, user)
    held = own.held
    row = TwilioAccount.get_or_none(TwilioAccount.sid == held.account)
    if row is None:
        TwilioAccount.create(
            sid=held.account, account=account_id, parent_sid=own.parent, name=held.account_name,
            token=own.sealed, made_at=now,
        )  # fmt: skip
    elif row.account_id != account_id:
        raise Refused(f"This Twilio account is kept for others here. Ask {lines.OPERATOR}.")
    else:
        row.token, row.former_token = own.sealed, row.token
        row.save(only=[TwilioAccount.token, TwilioAccount.former_token])
    return _begin("own", account_id, user, plan, view, now, twilio=held.account, sid=held.sid)


@transaction
def release(line_id: int, user: str, typed: str, view: str, now: datetime) -> Setup:
    """Begins to release a line, once its number was typed. Raises Refused."""
    line = own_line(line_id, user)
    if _digits(typed) not in (_digits(line.number), _digits(line.number)[-10:]):
        raise Refused(f"Type the line's number to release it: {contacts.spoken(line.number)}.")
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
    require_may_add(account_id, user)
    known = Setup.get_or_none(Setup.number == number, Setup.done_at.is_null())
    if known is not None and (known.kind, known.account_id) == ("support", account_id):
        return known
    require_free(number)
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
        outbox.enqueue(
            f"support:{one.id}:{now.timestamp():.0f}", "slack.setup",
            {"setup": one.id, "what": "reminder", "to": one.by},
            lane=f"card:{one.by}", pace=f"channel:{one.by}",
        )  # fmt: skip
    return len(due)


@transaction
def forget(setup_id: str, user: str, now: datetime) -> str:
    """Nobody waits for this number any more. Returns the number. Raises Refused."""
    one = own(setup_id, user)
    if one.kind == "support":
        _end(one, "done", None, now)
    return str(one.number)


def plans_on(line: Line) -> int:
    """How many SmartPlans that are switched on text from this line."""
    return int(query(PLANS_ON, line.id).fetchone()[0])


def channel_name(typed: str) -> str:
    """What a new channel is called, as Slack has it. Raises Refused."""
    name = re.sub(r"\s+", "-", typed.strip().lstrip("#").lower())
    if not re.fullmatch(r"[\w-]{1,80}", name):
        raise Refused("A channel's name has letters, digits, - and _ alone, 80 at most.")
    return name


# What may be done, and by whom


def require_may_add(account_id: int, user: str) -> None:
    """Raises Refused unless this user may add a line to the account."""
    lines.require_manager(user, account_id)
    if Line.live().where(Line.account == account_id).count() >= MOST_LINES:
        raise Refused(f"An account has {MOST_LINES} numbers at most. Ask {lines.OPERATOR}.")


def require_place(plan: Plan) -> None:
    """Raises Refused unless it is said where a line's texts are to be shown."""
    if not (plan.channel or plan.make):
        raise Refused("Choose a channel, or name one that is to be made.")
    if plan.channel:
        lines.require_free_channel(plan.channel)


def require_alone() -> None:
    """Raises Refused where several accounts share our Twilio account: a number in it may be
    anybody's, and only the operator knows whose."""
    if Account.select().count() > 1:
        raise Refused(
            "This number is in the Twilio account that all teams here share. "
            f"Ask {lines.OPERATOR} to give it to yours: `flask setup --line`."
        )


def _require_paying(account_id: int) -> None:
    """A number costs the operator money every month."""
    account = Account.get_by_id(account_id)
    subscribed = Subscription.select().where(Subscription.account == account_id).exists()
    if not subscribed and account.balance <= 0:
        raise Refused("Choose a plan first: `/credits plan`. Then come back for a number.")


@transaction
def require_free(number: str) -> None:
    """Raises Refused if the number is a line here, or on its way to be one."""
    if Line.live().where(Line.number == number).exists():
        raise Refused(f"{contacts.spoken(number)} is a line here already.")
    if Setup.select().where(Setup.number == number, Setup.done_at.is_null()).exists():
        raise Refused(f"{contacts.spoken(number)} is being set up already.")


@transaction
def own_line(line_id: int, user: str) -> Line:
    """The line. Raises Refused unless this user may change it."""
    line: Line | None = Line.live().where(Line.id == line_id).get_or_none()
    if line is None:
        raise Refused("This line is not known here.")
    lines.require_manager(user, line.account_id)
    return line


@transaction
def own(setup_id: str, user: str) -> Setup:
    """The set-up. Raises Refused unless this user may set up lines of its account."""
    found: Setup | None = Setup.get_or_none(Setup.id == setup_id)
    if found is None:
        raise Refused("This set-up is not known here.")
    lines.require_manager(user, found.account_id)
    return found


def _digits(number: str) -> str:
    return "".join(letter for letter in number if letter.isdecimal())


# From step to step


def _begin(
    kind: Kind, account_id: int, user: str, plan: Plan, view: str, now: datetime,
    line: int | None = None, twilio: str | None = None, sid: str | None = None, **details: Any,
) -> Setup:  # fmt: skip
    if kind != "release":
        support = (Setup.number == plan.number) & (Setup.kind == "support")
        Setup.update(done_at=now, step="done", remind_at=None).where(
            support, Setup.account == account_id, Setup.done_at.is_null()
        ).execute()
        require_free(plan.number)
    elif Setup.select().where(Setup.number == plan.number, Setup.done_at.is_null()).exists():
        raise Refused(f"{contacts.spoken(plan.number)} is being set up. Wait until that is done.")
    name = " ".join(plan.name.split())
    if len(name) > LONGEST_NAME:
        raise Refused(f"A name has {LONGEST_NAME} characters at most; this has {len(name)}.")
    if kind != "release":
        require_place(plan)
    wishes = {"name": name or None, "channel": plan.channel, "make": plan.make, **details}
    made = Setup.create(
        id=secrets.token_hex(8), account=account_id, line=line, kind=kind, number=plan.number,
        twilio=twilio, sid=sid, step=STEPS[kind][0], details=wishes, by=user, view=view,
        made_at=now,
    )  # fmt: skip
    _queue(made)
    return made


def _queue(one: Setup) -> None:
    """Has the next step taken."""
    kind = "slack.setup" if one.step in IN_SLACK else "twilio.setup"
    outbox.enqueue(
        f"setup:{one.id}:{one.step}", kind, {"setup": one.id, "what": one.step},
        lane=f"setup:{one.id}",
        pace="updates:slack" if one.step in IN_SLACK else "setups:twilio",
    )  # fmt: skip
    show(one)


def show(one: Setup) -> None:
    """Brings the modal that was left open, if it was, up to date."""
    if one.view:
        outbox.enqueue(
            f"setup:{one.id}:view:{secrets.token_hex(6)}", "slack.setup",
            {"setup": one.id, "what": "view"}, lane=f"setup-view:{one.id}", pace="updates:slack",
            replaces=f"setup:{one.id}:view",
        )  # fmt: skip


def at(setup_id: str, step: str) -> Setup | None:
    """The set-up, locked, if this step is the one that comes next."""
    query(LOCK, setup_id)
    one = Setup.get_by_id(setup_id)
    return one if one.step == step and one.done_at is None else None


@transaction
def delayed(setup_id: str, step: str, why: str) -> None:
    """A step could not be taken yet, or nobody knows whether it was: it goes on by itself."""
    one = at(setup_id, step)
    if one is not None and one.error != why:
        one.error = why
        one.save(only=[Setup.error])
        show(one)


@transaction
def stepped(setup_id: str, step: str, result: Mapping[str, Any], now: datetime) -> None:
    """A step was taken; the next one follows."""
    one = at(setup_id, step)
    if one is None:
        return
    one.error = None
    TAKEN[step](one, result, now)
    steps = STEPS[one.kind]
    place = steps.index(step) + 1
    if place == len(steps):
        _end(one, "done", None, now)
    else:
        one.step = steps[place]
        one.save()
        _queue(one)


@transaction
def failed(setup_id: str, step: str, why: str, now: datetime) -> None:
    """A step was refused for good. What was got so far is kept, and said."""
    one = at(setup_id, step)
    if one is None:
        return
    if step == "channel" and one.line is not None:
        one.details = {**one.details, "remark": why}
        _end(one, "done", None, now)
    else:
        one.details = {**one.details, "at": step}
        _end(one, "failed", why, now)


def _end(one: Setup, step: str, why: str | None, now: datetime) -> None:
    one.step, one.error, one.done_at, one.remind_at = step, why, now, None
    one.save()
    viewers.changed(one.account_id)
    show(one)
    if one.kind != "support":
        _tell(one)


def _tell(one: Setup) -> None:
    """Tells what came of it: the channel of a line that works, else whoever began it."""
    line, works = one.line, one.step == "done" and not one.details.get("remark")
    to = line.channel if line and line.channel and works and one.kind != "release" else one.by
    outbox.enqueue(
        f"setup:{one.id}:told", "slack.setup", {"setup": one.id, "what": "told", "to": to},
        lane=f"card:{to}", pace=f"channel:{to}",
    )  # fmt: skip


# What a step brings about


def _remembered(one: Setup, result: Mapping[str, Any], now: datetime) -> None:
    one.sid = result["sid"]
    one.details = {**one.details, "former": result["former"]}


def _moved(one: Setup, result: Mapping[str, Any], now: datetime) -> None:
    one.sid = result["sid"]


def _pointed(one: Setup, result: Mapping[str, Any], now: datetime) -> None:
    one.sid = result["sid"]
    _become_line(one, now)


def _become_line(one: Setup, now: datetime) -> None:
    """The number is ours and its texts come here: from now on it is a line. One that was released
    by the same account goes on, with its conversations."""
    wishes = one.details
    before = Line.select().where(Line.account == one.account_id, Line.number == one.number)
    line = before.order_by(Line.id.desc()).first()
    if line is None:
        line = Line.create(
            account=one.account_id, number=one.number, channel="", read_until=now, made_at=now
        )
    line.released_at, line.read_until, line.suspended_at = None, now, None
    line.sid, line.twilio, line.name = one.sid, one.twilio_id, wishes["name"]
    line.former_webhooks, line.price_cents = wishes.get("former"), wishes.get("price_cents")
    line.channel = "" if wishes["channel"] else line.channel
    line.save()
    outbox.set_pace(f"number:{line.number}", None, now)
    if wishes["channel"]:
        lines.move(line, wishes["channel"])
    one.line = line
    query(UNPARK, now, f"%{one.number}%")
    viewers.changed(one.account_id)


def _in_service(one: Setup, result: Mapping[str, Any], now: datetime) -> None:
    if result.get("remark"):
        one.details = {**one.details, "remark": result["remark"]}


def _has_channel(one: Setup, result: Mapping[str, Any], now: datetime) -> None:
    line = one.line
    assert line is not None
    if result["channel"] != line.channel:
        lines.move(line, result["channel"])
    if result["joined"]:
        accounts.entered(result["channel"], now)
    else:
        words = (
            f"Type `/invite @Partyline` in <#{result['channel']}>: it is private, and only "
            "somebody in it can let Partyline in."
        )
        one.details = {**one.details, "remark": words}


def _left(one: Setup, result: Mapping[str, Any], now: datetime) -> None:
    line = one.line
    assert line is not None
    line.released_at = now
    line.save(only=[Line.released_at])
    one.details = {**one.details, **({"remark": result["remark"]} if result.get("remark") else {})}
    query("UPDATE smart_plan SET state = 'paused' WHERE line_id = %s AND state = 'on'", line.id)
    query(
        "UPDATE trouble SET mended_at = %s, mended_told_at = %s "
        "WHERE line_id = %s AND mended_at IS NULL", now, now, line.id,
    )  # fmt: skip
    if line.twilio_id and not Line.live().where(Line.twilio == line.twilio_id).exists():
        own_ = (TwilioAccount.sid == line.twilio_id) & TwilioAccount.account.is_null(False)
        TwilioAccount.update(token=result["blank"], former_token=None).where(own_).execute()


TAKEN = {
    "buy": _pointed, "remember": _remembered, "move": _moved, "point": _pointed,
    "service": _in_service, "channel": _has_channel, "leave": _left,
}  # fmt: skip
