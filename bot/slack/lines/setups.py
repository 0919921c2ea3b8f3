"""/line new, bring and release, step by step: parse, ask Twilio what there is, call, answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from slack_bolt import Ack, BoltContext, Respond
from slack_sdk import WebClient

from bot import clock
from bot.contacts import contacts, numbers
from bot.errors import Refused
from bot.lines import setups
from bot.lines.offers import PAGE, Unreached, wanted
from bot.lines.setups import Plan
from bot.models import Setup
from bot.slack import cards
from bot.slack.answers import refusal_view, reply, show_in
from bot.slack.lines import setup_cards, setup_views
from bot.slack.lines.setup_views import View
from bot.slack.team import front
from bot.team import lines
from bot.words import clean, escape
from ledger.database import session

MOST_OFFERED = 50
PATIENCE_S = 1.8  # of the three seconds that Slack waits
ASKING = ThreadPoolExecutor(8, "asking")
Body = dict[str, Any]


def new(user: str, account: str) -> View:
    """What number is wanted."""
    with session():
        setups.require_may_add(int(account), user)
    return setup_views.search(int(account))


def open_new(ack: Ack, body: Body, client: WebClient) -> None:
    """Look for a number: in the modal that is open, or in one of its own."""
    ack()
    view = _or_refused(lambda: new(body["user"]["id"], body["actions"][0]["value"]))
    if body.get("view", {}).get("type") == "modal":
        return show_in(client, body["view"]["id"], view)
    client.views_open(trigger_id=body["trigger_id"], view=view)
    return None


def research(ack: Ack, body: Body, client: WebClient) -> None:
    """Search anew."""
    ack()
    meta = json.loads(body["view"]["private_metadata"])
    account, user = meta["account"], body["user"]["id"]
    view = _or_refused(lambda: new(user, str(account)))
    show_in(client, body["view"]["id"], view)


def searched(ack: Ack, body: Body, view: View, client: WebClient, context: BoltContext) -> None:
    """What number is wanted; Twilio is asked while the modal says so."""
    given, user = front.values(view), body["user"]["id"]
    meta = {
        "account": int(view["private_metadata"]), "country": given["country"],
        "toll_free": given["kind"] == "toll_free", "wish": clean(given["wish"] or ""),
        "most": PAGE,
    }  # fmt: skip
    try:
        with session():
            setups.require_may_add(meta["account"], user)
        wanted(meta["country"], meta["toll_free"], meta["wish"])
    except Refused as refusal:
        ack(response_action="errors", errors={"wish": str(refusal)})
        return
    waits = setup_views.waiting("A new number", "Looking …")
    _asked(ack, client, view["id"], waits, lambda: _offers(meta, context))


def more(ack: Ack, body: Body, client: WebClient, context: BoltContext) -> None:
    """Ten more numbers."""
    ack()
    meta = json.loads(body["view"]["private_metadata"])
    meta["most"] = min(meta["most"] + PAGE, MOST_OFFERED)

    def made() -> View:
        with session():
            setups.require_may_add(meta["account"], body["user"]["id"])
        return _offers(meta, context)

    show_in(client, body["view"]["id"], _or_refused(made))


def _offers(meta: dict[str, Any], context: BoltContext) -> View:
    wish = wanted(meta["country"], meta["toll_free"], meta["wish"])
    try:
        found = context["numbers"].search(wish, meta["most"])
    except Unreached as why:
        return setup_views.search(meta["account"], str(why), meta["country"], meta["wish"])
    if not found:
        none = "Twilio has no such number now. Ask for less: another area code, or none."
        return setup_views.search(meta["account"], none, meta["country"], meta["wish"])
    catalogue = context["catalogue"]
    cents = catalogue.number_price_cents
    return setup_views.offers(meta, found, catalogue.money(cents) if cents else None)


def bought(ack: Ack, body: Body, view: View, context: BoltContext) -> None:
    """A number is chosen: it is got, and the modal follows."""
    given = front.values(view)
    block = next(name for name in given if name.startswith("number"))
    price = context["catalogue"].number_price_cents
    _begun(ack, block, lambda: setups.buy(
        _meta(view)["account"], body["user"]["id"], _plan(given, given[block]), price, view["id"],
        clock.now(),
    ))  # fmt: skip


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
        ack(response_action="errors", errors={"number": str(refusal)})
        return
    waits = setup_views.waiting("Bring a number", "Looking for it …")
    _asked(ack, client, view["id"], waits, lambda: _found(account, user, number, context))


def _found(account: int, user: str, number: str, context: BoltContext) -> View:
    def made() -> View:
        with session():
            if sid := setups.own_account_of(account, user, number):
                return setup_views.token(account, number, sid)
            setups.require_free(number)
        held = context["numbers"].find(number, account)
        if held is None:
            return setup_views.elsewhere(account, number)
        if not held.private:
            with session():
                setups.require_alone()
        return setup_views.found(account, held)

    return _or_refused(made)


def adopted(ack: Ack, body: Body, view: View, client: WebClient, context: BoltContext) -> None:
    """A number that we reach is used from now on, or moved to us first."""
    meta, given, user = _meta(view), front.values(view), body["user"]["id"]
    account, number = meta["account"], meta["number"]
    plan = _placed(ack, account, user, given, number)
    if plan is None:
        return

    def made() -> View:
        held = context["numbers"].find(number, account)  # as it is now, not as the modal has it
        if held is None:
            raise Refused("Twilio no longer has this number there.")
        with session():
            one = setups.adopt(account, user, plan, held, view["id"], clock.now())
            return setup_cards.progress(one)

    waits = setup_views.waiting("Bring a number", "Asking Twilio …")
    _asked(ack, client, view["id"], waits, lambda: _or_refused(made))


def own(ack: Ack, body: Body, view: View, client: WebClient, context: BoltContext) -> None:
    """An agent's own Twilio account: its token is tried, then kept sealed."""
    meta, given, user = _meta(view), front.values(view), body["user"]["id"]
    account, number = meta["account"], meta["number"]
    plan = _placed(ack, account, user, given, number)
    if plan is None:
        return
    sid = clean(given["sid"] or "")

    def made() -> View:
        try:
            found = context["numbers"].own(sid, given["token"] or "", number)
            with session():
                one = setups.bring(account, user, plan, found, view["id"], clock.now())
                return setup_cards.progress(one)
        except (Unreached, Refused) as why:
            return setup_views.elsewhere(account, number, escape(str(why)), sid)

    waits = setup_views.waiting("Bring a number", "Asking Twilio …")
    _asked(ack, client, view["id"], waits, made)


def renewed(ack: Ack, body: Body, view: View, client: WebClient, context: BoltContext) -> None:
    """The new token of an own Twilio account: it is tried, then kept sealed."""
    meta, user, given = _meta(view), body["user"]["id"], front.values(view)["token"] or ""
    account, number, sid = meta["account"], meta["number"], meta["sid"]
    try:
        with session():
            lines.require_manager(user, account)
    except Refused as refusal:
        ack(response_action="errors", errors={"token": str(refusal)})
        return

    def made() -> View:
        try:
            found = context["numbers"].own(sid, given, number)
            setups.renew(account, user, found, clock.now())
        except (Unreached, Refused) as why:
            return setup_views.token(account, number, sid, escape(str(why)))
        return setup_views.said("A new token", "Twilio takes it, and it is kept.")

    waits = setup_views.waiting("A new token", "Asking Twilio …")
    _asked(ack, client, view["id"], waits, made)


def support(ack: Ack, body: Body, client: WebClient, context: BoltContext) -> None:
    """No Twilio account of their own: what to ask Twilio's support for."""
    ack()
    meta = json.loads(body["actions"][0]["value"])

    def made() -> View:
        with session():
            setups.require_may_add(meta["account"], body["user"]["id"])
        gaining = context["numbers"].account
        return setup_views.support(meta["account"], meta["number"], gaining)

    show_in(client, body["view"]["id"], _or_refused(made))


def remind(ack: Ack, body: Body, view: View) -> None:
    """Somebody asks Twilio's support, and is reminded."""
    meta = _meta(view)
    spoken = contacts.spoken(meta["number"])
    try:
        setups.await_support(meta["account"], body["user"]["id"], meta["number"], clock.now())
        words = f"You are asked every five days whether Twilio has moved {spoken}."
        shown = setup_views.said("Bring a number", words)
    except Refused as refusal:
        shown = setup_views.said("Bring a number", str(refusal))
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
        held = context["numbers"].find(one.number, one.account_id)
        if held is None:
            return setup_views.said("Bring a number", "It is not here yet. Look again later.")
        if not held.private:
            with session():
                setups.require_alone()
        return setup_views.found(one.account_id, held)

    show_in(client, opened, _or_refused(made))


def forget(ack: Ack, body: Body, respond: Respond) -> None:
    """Nobody waits for that number any more."""
    ack()
    try:
        number = setups.forget(body["actions"][0]["value"], body["user"]["id"], clock.now())
        words = f"{contacts.spoken(number)} is not asked about any more."
    except Refused as refusal:
        words = str(refusal)
    reply(respond, cards.note(words))


def release(user: str, line_id: str) -> View:
    """What happens when a line is released."""
    with session():
        line = setups.own_line(int(line_id), user)
        return setup_views.release(line, setups.way_out(line), setups.plans_on(line))


def released(ack: Ack, body: Body, view: View) -> None:
    """The number was typed: the line is released."""
    line, typed = int(view["private_metadata"]), front.values(view)["typed"] or ""
    user = body["user"]["id"]
    _begun(ack, "typed", lambda: setups.release(line, user, typed, view["id"], clock.now()))


# How


def _meta(view: View) -> dict[str, Any]:
    return dict(json.loads(view["private_metadata"]))


def _plan(given: dict[str, Any], number: str) -> Plan:
    made = clean(given["make"] or "")
    return Plan(
        number, clean(given["name"] or ""), given["channel"],
        setups.channel_name(made) if made else None,
    )  # fmt: skip


def _asked(
    ack: Ack, client: WebClient, view_id: str, waits: View, make: Callable[[], View]
) -> None:  # fmt: skip
    """Shows what Twilio is asked for: in the ack, where it answers within the time that Slack
    gives; else what is waited for, and then that."""
    asking = ASKING.submit(make)
    try:
        ack(response_action="update", view=asking.result(PATIENCE_S))
    except TimeoutError:
        ack(response_action="update", view=waits)
        show_in(client, view_id, asking.result())


def _placed(
    ack: Ack, account: int, user: str, given: dict[str, Any], number: str
) -> Plan | None:  # fmt: skip
    """How the new line is to be; None where the modal was told what is wrong with that."""
    try:
        with session():
            setups.require_may_add(account, user)
            plan = _plan(given, number)
            setups.require_place(plan)
    except Refused as refusal:
        ack(response_action="errors", errors=front.error_at(refusal, "make"))
        return None
    return plan


def _begun(ack: Ack, block: str, begin: Callable[[], Setup]) -> None:
    """Begins something; the modal follows it, or says at this input why not."""
    try:
        with session():
            view = setup_cards.progress(begin())
    except (Refused, Unreached) as refusal:
        ack(response_action="errors", errors=front.error_at(refusal, block))
    else:
        ack(response_action="update", view=view)


def _or_refused(make: Callable[[], View]) -> View:
    try:
        return make()
    except (Refused, Unreached) as refusal:
        return refusal_view(str(refusal))


def account_here(user: str, channel: str) -> str:
    """The account that somebody means who types /line new or bring there. Raises Refused."""
    with session():
        account = lines.account_for(user, channel)
        setups.require_may_add(account, user)
    return str(account)


ACTIONS: dict[str, Callable[..., None]] = {
    "line_new": open_new,
    "line_research": research,
    "line_more": more,
    "line_support": support,
    "line_again": again,
    "line_forget": forget,
}
VIEWS: dict[str, Callable[..., None]] = {
    "line_search": searched,
    "line_buy": bought,
    "line_bring": brought,
    "line_adopt": adopted,
    "line_own": own,
    "line_token": renewed,
    "line_remind": remind,
    "line_release": released,
}
