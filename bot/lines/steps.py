"""From step to step: how a number comes to be a line, and ceases to be one.

Each step is one delivery, whose carrier makes one call. What came of it moves the row on in the
transaction that records it; so a set-up that is broken off anywhere goes on where it stopped.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot import outbox, paces
from bot.lines import addressee, tokens
from bot.lines.models import Line, Setup
from bot.team import accounts, channels, viewers
from ledger.database import query, transaction

STEPS: dict[str, tuple[str, ...]] = {
    "new": ("buy", "service", "channel"),
    "adopt": ("remember", "point", "service", "channel"),
    "transfer": ("remember", "move", "point", "service", "channel"),
    "own": ("remember", "point", "channel"),
    "release": ("leave",),
}
IN_SLACK = {"channel"}
LOCK = "SELECT id FROM setup WHERE id = %s FOR UPDATE"
#: What came to a number before it was a line, or was at this Twilio account.
UNPARK = """
    UPDATE inbox SET state = 'new', tries = 0, due_at = %s
    WHERE state = 'parked' AND kind IN ('twilio.sms', 'twilio.call', 'twilio.call_over')
      AND error LIKE %s"""
MOVED = "The number is in Partyline's Twilio account already: `/line bring` goes on from there."


def way(one: Setup) -> tuple[str, ...]:
    """The steps of a set-up. A line that moves to another Twilio account has its channel."""
    steps = STEPS[one.kind]
    return tuple(step for step in steps if step != "channel") if moves(one) else steps


def moves(one: Setup) -> bool:
    """Whether it is a line that goes on in another Twilio account."""
    return "left" in one.details


def queue(one: Setup) -> None:
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
    steps = way(one)
    place = steps.index(step) + 1
    if place == len(steps):
        end(one, "done", None, now)
    else:
        one.step = steps[place]
        one.save()
        queue(one)


@transaction
def failed(setup_id: str, step: str, why: str, now: datetime) -> None:
    """A step was refused for good. What was got so far is kept, and said."""
    one = at(setup_id, step)
    if one is None:
        return
    if one.kind == "own":
        tokens.left(one.twilio_id, now)
    if step == "channel" and one.line is not None:
        one.details = {**one.details, "remark": why}
        end(one, "done", None, now)
    else:
        one.details = {**one.details, "at": step}
        moved = one.kind == "transfer" and step == "point"
        end(one, "failed", f"{why} {MOVED}" if moved else why, now)


def end(one: Setup, step: str, why: str | None, now: datetime) -> None:
    """Nothing more follows: it is `done` or `failed`, and that is told."""
    one.step, one.error, one.done_at, one.remind_at = step, why, now, None
    one.save()
    viewers.changed(one.account_id)
    show(one)
    if one.kind != "support":
        _tell(one)


def _tell(one: Setup) -> None:
    """Tells what came of it: the channel of a line that works; whoever began it, if it does not, or
    something is left to do."""
    line = Line.get_or_none(Line.id == one.line_id)
    works = one.step == "done" and one.kind != "release"
    here = [line.channel] if works and line and line.channel and line.joined_at else []
    for to in here if here and not one.details.get("remark") else [*here, one.by]:
        outbox.post_card(
            to, f"setup:{one.id}:told:{to}", "slack.setup", {"setup": one.id, "what": "told"}
        )


# What a step brings about


def _remembered(one: Setup, result: Mapping[str, Any], now: datetime) -> None:
    one.sid = result["sid"]
    one.details = {**one.details, "former": result["former"]}


def _moved(one: Setup, result: Mapping[str, Any], now: datetime) -> None:
    one.sid = result["sid"]


def _pointed(one: Setup, result: Mapping[str, Any], now: datetime) -> None:
    one.sid = result["sid"]
    if moves(one):
        _go_on(one, result, now)
    else:
        _become_line(one, now)
    query(UNPARK, now, f"%{one.number}%")
    viewers.changed(one.account_id)


def _since(one: Setup) -> datetime:
    """From when on what came to the number is theirs: a number that was bought may have been
    another team's before, and so may any that was a line of one."""
    if one.kind == "new":
        return one.made_at
    return addressee.others_until(one.number, one.account_id) or one.account.created_at


def _go_on(one: Setup, result: Mapping[str, Any], now: datetime) -> None:
    """The line is in another Twilio account from now on: all else of it stays. What came there
    before is read from Twilio's list, from where the other account's was read up to."""
    line, left = one.line, one.details["left"]
    assert line is not None
    line.sid, line.twilio, line.former_webhooks = one.sid, one.twilio_id, one.details["former"]
    line.price_cents = line.checked_at = None
    line.save(only=[
        Line.sid, Line.twilio, Line.former_webhooks, Line.price_cents, Line.checked_at,
    ])  # fmt: skip
    tokens.left(left, now)


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
    line.had_since = _since(one)
    line.sent_until, line.calls_until, line.checked_at = now, now, None
    line.sid, line.twilio, line.name = one.sid, one.twilio_id, wishes["name"]
    line.former_webhooks, line.price_cents = wishes.get("former"), wishes.get("price_cents")
    line.channel = "" if wishes["channel"] else line.channel
    line.save()
    paces.set_every_s(paces.of_number(line.number), None, now)
    if wishes["channel"]:
        channels.move(line, wishes["channel"])
    one.line = line


def _in_service(one: Setup, result: Mapping[str, Any], now: datetime) -> None:
    if result.get("remark"):
        one.details = {**one.details, "remark": result["remark"]}


def _has_channel(one: Setup, result: Mapping[str, Any], now: datetime) -> None:
    line = one.line
    assert line is not None
    if result["channel"] != line.channel:
        channels.move(line, result["channel"])
    if result["joined"]:
        accounts.entered(result["channel"], now)
    else:
        words = (
            f"Type `/invite @Partyline` in <#{result['channel']}>: somebody who is in it has to "
            "let Partyline in."
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
    tokens.left(line.twilio_id, now)


TAKEN = {
    "buy": _pointed, "remember": _remembered, "move": _moved, "point": _pointed,
    "service": _in_service, "channel": _has_channel, "leave": _left,
}  # fmt: skip
