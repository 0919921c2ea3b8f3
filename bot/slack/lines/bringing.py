"""/line bring, step by step: where a number is, and how it becomes a line or goes on as one."""

from __future__ import annotations

import json
from collections.abc import Callable

from slack_bolt import Ack, BoltContext, Respond
from slack_sdk import WebClient

from bot import clock
from bot.contacts import contacts, numbers
from bot.errors import Refused
from bot.lines import setups
from bot.lines.models import Line
from bot.lines.offers import Held, Unreached
from bot.lines.setups import Plan
from bot.slack import cards
from bot.slack.answers import error_at, reply, show_in
from bot.slack.lines import setup_cards, setup_views
from bot.slack.lines.setup_views import View
from bot.slack.lines.setups import Body, about, asked, or_refused, plan_of
from bot.slack.team import front
from bot.team import roles
from bot.words import clean
from ledger.database import session


def bring(user: str, account: str) -> View:
    """Which number is brought."""
    with session():
        setups.require_may_add(int(account), user)
    return setup_views.bring(int(account))


def brought(ack: Ack, body: Body, view: View, client: WebClient, context: BoltContext) -> None:
    """A number to look for, in all accounts we reach."""
    account, user = int(view["private_metadata"]), body["user"]["id"]
    try:
        with session():
            setups.require_may_add(account, user)
            home = contacts.home_region(account)
        number = numbers.read(clean(front.values(view)["number"] or ""), home)
    except Refused as refusal:
        ack(response_action="errors", errors=error_at(refusal, "number"))
        return
    waits = setup_views.waiting("Bring a number", "Looking for it …")
    asked(ack, client, view["id"], waits, lambda: _found(account, user, number, context))


def _found(account: int, user: str, number: str, context: BoltContext) -> View:
    def made() -> View:
        with session():
            line = setups.line_of(account, user, number)
            own_ = setups.own_account_of(account, user, number)
            if line is None:
                setups.require_free(number)
        try:
            held = context["numbers"].find(number, account)
        except Unreached:
            if own_ is None:
                raise
            return setup_views.token(account, number, own_)  # which Twilio may not take any more
        return _where(account, number, held, line, own_)

    return or_refused(made)


def _where(
    account: int, number: str, held: Held | None, line: Line | None, own_: str | None
) -> View:
    """What can be done with a number that is there; a line of theirs goes on in another account."""
    if line is not None and held is not None:
        if held.account == own_:
            return setup_views.token(account, number, own_)
        setups.require_left(line, held)
    if held is None:
        return setup_views.elsewhere(account, number, line=line)
    if line is None and not held.private:
        with session():
            setups.require_alone()
    return setup_views.found(account, held, line)


def adopted(ack: Ack, body: Body, view: View, client: WebClient, context: BoltContext) -> None:
    """A number that we reach is used from now on, or moved to us first."""
    if (placed := _placed(ack, body, view)) is None:
        return
    account, user, plan = placed

    def made() -> View:
        held = context["numbers"].find(
            plan.number, account
        )  # as it is now, not as the modal has it
        if held is None:
            raise Refused("Twilio no longer has this number there.")
        with session():
            one = setups.adopt(account, user, plan, held, view["id"], clock.now())
            return setup_cards.progress(one)

    waits = setup_views.waiting("Bring a number", "Asking Twilio …")
    asked(ack, client, view["id"], waits, lambda: or_refused(made))


def own(ack: Ack, body: Body, view: View, client: WebClient, context: BoltContext) -> None:
    """An agent's own Twilio account: its token is tried, then kept sealed."""
    if (placed := _placed(ack, body, view)) is None:
        return
    (account, user, plan), given = placed, front.values(view)
    number = plan.number
    sid = clean(given["sid"] or "")

    def made() -> View:
        try:
            found = context["numbers"].own(sid, given["token"] or "", number)
            with session():
                one = setups.bring(account, user, plan, found, view["id"], clock.now())
                return setup_cards.progress(one)
        except (Unreached, Refused) as why:
            with session():
                line = setups.line_of(account, user, number)
            return setup_views.elsewhere(account, number, cards.told(why), sid, line)

    waits = setup_views.waiting("Bring a number", "Asking Twilio …")
    asked(ack, client, view["id"], waits, made)


def renewed(ack: Ack, body: Body, view: View, client: WebClient, context: BoltContext) -> None:
    """The new token of an own Twilio account: it is tried, then kept sealed."""
    meta, user, given = about(view), body["user"]["id"], front.values(view)["token"] or ""
    account, number, sid = meta["account"], meta["number"], meta["sid"]
    try:
        with session():
            roles.require_manager(user, account)
    except Refused as refusal:
        ack(response_action="errors", errors=error_at(refusal, "token"))
        return

    def made() -> View:
        try:
            found = context["numbers"].own(sid, given, number)
            setups.renew(account, user, found, clock.now())
        except (Unreached, Refused) as why:
            return setup_views.token(account, number, sid, cards.told(why))
        return setup_views.said("A new token", "Twilio takes it, and it is kept.")

    waits = setup_views.waiting("A new token", "Asking Twilio …")
    asked(ack, client, view["id"], waits, made)


def support(ack: Ack, body: Body, client: WebClient, context: BoltContext) -> None:
    """No Twilio account of their own: what to ask Twilio's support for."""
    ack()
    meta = json.loads(body["actions"][0]["value"])

    def made() -> View:
        with session():
            setups.require_may_add(meta["account"], body["user"]["id"])
        gaining = context["numbers"].account
        return setup_views.support(meta["account"], meta["number"], gaining)

    show_in(client, body["view"]["id"], or_refused(made))


def remind(ack: Ack, body: Body, view: View) -> None:
    """Somebody asks Twilio's support, and is reminded."""
    meta = about(view)
    spoken = numbers.spoken(meta["number"])
    try:
        setups.await_support(meta["account"], body["user"]["id"], meta["number"], clock.now())
        words = f"You are asked every five days whether Twilio has moved {spoken}."
        shown = setup_views.said("Bring a number", words)
    except Refused as refusal:
        shown = setup_views.said("Bring a number", cards.told(refusal))
    ack(response_action="update", view=shown)


def again(ack: Ack, body: Body, client: WebClient, context: BoltContext) -> None:
    """Whether the number has come by now."""
    ack()
    user = body["user"]["id"]
    opened = client.views_open(
        trigger_id=body["trigger_id"],
        view=setup_views.waiting("Bring a number", "Looking for it …"),
    )["view"]["id"]

    def made() -> View:
        with session():
            one = setups.own(body["actions"][0]["value"], user)
            setups.require_may_add(one.account_id, user)
            line = setups.line_of(one.account_id, user, one.number)
        held = context["numbers"].find(one.number, one.account_id)
        if held is None:
            return setup_views.said("Bring a number", "It is not here yet. Look again later.")
        return _where(one.account_id, one.number, held, line, None)

    show_in(client, opened, or_refused(made))


def forget(ack: Ack, body: Body, respond: Respond) -> None:
    """Nobody waits for that number any more."""
    ack()
    try:
        number = setups.forget(body["actions"][0]["value"], body["user"]["id"], clock.now())
        words = f"{numbers.spoken(number)} is not asked about any more."
    except Refused as refusal:
        words = cards.told(refusal)
    reply(respond, cards.note(words))


def _placed(ack: Ack, body: Body, view: View) -> tuple[int, str, Plan] | None:
    """For which account, by whom, and how the line is to be: one of theirs stays as it is. None
    where the modal was told what is wrong with that."""
    meta, given, user = about(view), front.values(view), body["user"]["id"]
    account, number = meta["account"], meta["number"]
    try:
        with session():
            line = setups.line_of(account, user, number)
            if line is not None:
                return account, user, Plan(number, line.name or "", line.channel or None)
            setups.require_may_add(account, user)
            plan = plan_of(given, number)
            setups.require_place(plan)
    except Refused as refusal:
        ack(response_action="errors", errors=error_at(refusal, next(iter(given), "sid")))
        return None
    return account, user, plan


ACTIONS: dict[str, Callable[..., None]] = {
    "line_support": support,
    "line_again": again,
    "line_forget": forget,
}
VIEWS: dict[str, Callable[..., None]] = {
    "line_bring": brought,
    "line_adopt": adopted,
    "line_own": own,
    "line_token": renewed,
    "line_remind": remind,
}
