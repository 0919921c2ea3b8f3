"""/line new and release, step by step: parse, ask Twilio what there is, call, answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from slack_bolt import Ack, BoltContext
from slack_sdk import WebClient

from bot import clock
from bot.errors import Refused
from bot.lines import setups
from bot.lines.models import Setup
from bot.lines.offers import PAGE, Unreached, wanted
from bot.lines.setups import Plan
from bot.slack.answers import error_at, refusal_view, show_in
from bot.slack.cards import told
from bot.slack.lines import setup_cards, setup_views
from bot.slack.lines.setup_views import View
from bot.slack.team import front
from bot.team import channels, roles
from bot.words import clean
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
    view = or_refused(lambda: new(body["user"]["id"], body["actions"][0]["value"]))
    if body.get("view", {}).get("type") == "modal":
        return show_in(client, body["view"]["id"], view)
    client.views_open(trigger_id=body["trigger_id"], view=view)
    return None


def research(ack: Ack, body: Body, client: WebClient) -> None:
    """Search again."""
    ack()
    meta = json.loads(body["view"]["private_metadata"])
    account, user = meta["account"], body["user"]["id"]
    view = or_refused(lambda: new(user, str(account)))
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
        ack(response_action="errors", errors=error_at(refusal, "wish"))
        return
    waits = setup_views.waiting("A new number", "Looking …")
    asked(ack, client, view["id"], waits, lambda: _offers(meta, context))


def more(ack: Ack, body: Body, client: WebClient, context: BoltContext) -> None:
    """Ten more numbers."""
    ack()
    meta = json.loads(body["view"]["private_metadata"])
    meta["most"] = min(meta["most"] + PAGE, MOST_OFFERED)

    def made() -> View:
        with session():
            setups.require_may_add(meta["account"], body["user"]["id"])
        return _offers(meta, context)

    show_in(client, body["view"]["id"], or_refused(made))


def _offers(meta: dict[str, Any], context: BoltContext) -> View:
    wish = wanted(meta["country"], meta["toll_free"], meta["wish"])
    try:
        found = context["numbers"].search(wish, meta["most"])
    except Unreached as why:
        return setup_views.search(meta["account"], told(why), meta["country"], meta["wish"])
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
        about(view)["account"], body["user"]["id"], plan_of(given, given[block]), price, view["id"],
        clock.now(),
    ))  # fmt: skip


def release(user: str, line_id: str) -> View:
    """What happens when a line is released."""
    with session():
        line = roles.line_to_change(int(line_id), user)
        return setup_views.release(line, setups.way_out(line), setups.plans_on(line))


def released(ack: Ack, body: Body, view: View) -> None:
    """The number was typed: the line is released."""
    line, typed = int(view["private_metadata"]), front.values(view)["typed"] or ""
    user = body["user"]["id"]
    _begun(ack, "typed", lambda: setups.release(line, user, typed, view["id"], clock.now()))


# How


def about(view: View) -> dict[str, Any]:
    """What a modal keeps for whoever submits it."""
    return dict(json.loads(view["private_metadata"]))


def plan_of(given: dict[str, Any], number: str) -> Plan:
    """How a new line is to be, as the form has it. Raises Wrong."""
    made = clean(given["make"] or "")
    return Plan(
        number, clean(given["name"] or ""), given["channel"],
        setups.channel_name(made) if made else None,
    )  # fmt: skip


def asked(
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


def _begun(ack: Ack, block: str, begin: Callable[[], Setup]) -> None:
    """Begins something; the modal follows it, or says at this input why not."""
    try:
        with session():
            view = setup_cards.progress(begin())
    except (Refused, Unreached) as refusal:
        ack(response_action="errors", errors=error_at(refusal, block))
    else:
        ack(response_action="update", view=view)


def or_refused(make: Callable[[], View]) -> View:
    """The modal, or one that says why not."""
    try:
        return make()
    except (Refused, Unreached) as refusal:
        return refusal_view(refusal)


def account_here(user: str, channel: str) -> str:
    """The account that somebody means who types /line new or bring there. Raises Refused."""
    with session():
        account = channels.account_for(user, channel)
        setups.require_may_add(account, user)
    return str(account)


ACTIONS: dict[str, Callable[..., None]] = {
    "line_new": open_new,
    "line_research": research,
    "line_more": more,
}
VIEWS: dict[str, Callable[..., None]] = {
    "line_search": searched,
    "line_buy": bought,
    "line_release": released,
}
