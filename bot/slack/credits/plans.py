"""The plan's modals: open the list, choose, confirm at the numbers that are shown."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any

import structlog
from slack_bolt import Ack, BoltContext, Respond
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot import clock
from bot.credits import billing
from bot.errors import Refused
from bot.slack import cards
from bot.slack.answers import tell, whisper
from bot.slack.credits import plan_views
from ledger.plans import Catalogue
from ledger.subscriptions import NotAsShown

log = structlog.get_logger()

View = dict[str, Any]
#: A modal that changed under a press: it was pressed twice, or closed. What it shows now is right.
OVERTAKEN = {"hash_conflict", "not_found"}


def open_from(
    ack: Ack, client: WebClient, trigger_id: str, catalogue: Catalogue, user: str,
    account_of: Callable[[], int], say: Callable[[str], None] | None = None,
) -> None:  # fmt: skip
    """Opens the plans at once, the trigger lives three seconds; refuses where nobody may."""
    try:
        view = listed(user, account_of(), catalogue)
    except Refused as refusal:
        if say is None:
            return whisper(ack, cards.note(refusal))
        ack()
        return say(cards.told(refusal))
    ack()
    client.views_open(trigger_id=trigger_id, view=view)
    return None


def open_plans(
    ack: Ack, body: dict[str, Any], client: WebClient, context: BoltContext, respond: Respond
) -> None:
    """The button of a card or notice that opens the plans."""
    account = int(body["actions"][0]["value"])
    open_from(
        ack, client, body["trigger_id"], context["catalogue"], body["user"]["id"],
        lambda: account, lambda words: tell(body, client, respond, words),
    )  # fmt: skip


def list_plans(ack: Ack, body: dict[str, Any], client: WebClient, context: BoltContext) -> None:
    """All plans: back to the list."""
    catalogue: Catalogue = context["catalogue"]
    _turn_view(
        ack, body, client,
        lambda user, about: listed(user, about["account"], catalogue, about.get("anchor")),
    )  # fmt: skip


def choose_plan(ack: Ack, body: dict[str, Any], client: WebClient, context: BoltContext) -> None:
    """Choose: the same modal asks for confirmation, at exact numbers."""
    catalogue: Catalogue = context["catalogue"]
    code = body["actions"][0]["value"]

    def view(user: str, about: dict[str, Any]) -> View:
        now, anchor = clock.now(), about.get("anchor")
        effect = billing.offer(user, about["account"], code, catalogue, now, anchor)
        stands = billing.account(user, about["account"], now).standing
        return plan_views.confirm(effect, stands, catalogue, secrets.token_hex(8), anchor)

    _turn_view(ack, body, client, view)


def choose_turn(ack: Ack, body: dict[str, Any], client: WebClient, context: BoltContext) -> None:
    """Hold, cancel, or withdraw that: the same modal asks for confirmation."""
    catalogue: Catalogue = context["catalogue"]
    what = body["actions"][0]["value"]

    def view(user: str, about: dict[str, Any]) -> View:
        now = clock.now()
        turn = billing.turn(user, about["account"], what, now)
        stands = billing.account(user, about["account"], now).standing
        return plan_views.confirm_turn(turn, stands, catalogue, secrets.token_hex(8))

    _turn_view(ack, body, client, view)


def choose_day(ack: Ack, body: dict[str, Any], client: WebClient, context: BoltContext) -> None:
    """Another day of renewal: with a plan it is confirmed first, without one the list shows it."""
    catalogue: Catalogue = context["catalogue"]
    day = int(body["actions"][0]["selected_option"]["value"])

    def view(user: str, about: dict[str, Any]) -> View:
        now = clock.now()
        stands = billing.account(user, about["account"], now, to_change=True).standing
        if not stands.subscribed:
            return listed(user, about["account"], catalogue, day)
        return plan_views.confirm_move(billing.move(user, about["account"], day, now), stands)

    _turn_view(ack, body, client, view)


def plan_chosen(ack: Ack, body: dict[str, Any], view: View, context: BoltContext) -> None:
    """The confirmed plan: done once, and only if it does what was shown."""
    catalogue: Catalogue = context["catalogue"]

    def confirmed(user: str, about: dict[str, Any]) -> View:
        now, account, anchor = clock.now(), about["account"], about.get("anchor")
        shown = billing.effect_of(about["shown"])
        try:
            done = billing.choose(user, account, about["key"], shown, catalogue, now, anchor)
        except NotAsShown as changed:
            stands = billing.account(user, account, now).standing
            return plan_views.confirm(
                changed.effect, stands, catalogue, about["key"], anchor, changed=True
            )
        return plan_views.done(done, catalogue)

    _confirmed(ack, body, view, confirmed)


def turn_chosen(ack: Ack, body: dict[str, Any], view: View, context: BoltContext) -> None:
    """The confirmed hold, cancellation or withdrawal."""
    catalogue: Catalogue = context["catalogue"]

    def confirmed(user: str, about: dict[str, Any]) -> View:
        now, account, key = clock.now(), about["account"], about["key"]
        shown = billing.turn_of(about["shown"])
        try:
            done = billing.set_then(user, account, key, shown, now)
        except billing.Moved:
            stands = billing.account(user, account, now).standing
            turn = billing.turn(user, account, shown.what, now)
            return plan_views.confirm_turn(turn, stands, catalogue, key, changed=True)
        return plan_views.done(done, catalogue)

    _confirmed(ack, body, view, confirmed)


def day_chosen(ack: Ack, body: dict[str, Any], view: View, context: BoltContext) -> None:
    """The confirmed day of renewal."""

    def confirmed(user: str, about: dict[str, Any]) -> View:
        now, account = clock.now(), about["account"]
        shown = billing.move_of(about["shown"])
        try:
            done = billing.set_anchor(user, account, shown, now)
        except billing.Moved:
            stands = billing.account(user, account, now).standing
            move = billing.move(user, account, shown.day, now)
            return plan_views.confirm_move(move, stands, changed=True)
        return plan_views.done(done, context["catalogue"])

    _confirmed(ack, body, view, confirmed)


def listed(user: str, account: int, catalogue: Catalogue, anchor: int | None = None) -> View:
    """The modal of the plans. Raises Refused unless this user may change the plan."""
    offers = billing.offers(user, account, catalogue, clock.now(), anchor)
    return plan_views.plan_list(*offers, catalogue, anchor)


def _turn_view(
    ack: Ack, body: dict[str, Any], client: WebClient, make: Callable[[str, dict[str, Any]], View]
) -> None:
    """Replaces the modal in which something was pressed."""
    ack()
    shown = body["view"]
    view = _or_refusal(lambda: make(body["user"]["id"], json.loads(shown["private_metadata"])))
    try:
        client.views_update(view_id=shown["id"], hash=shown["hash"], view=view)
    except SlackApiError as error:
        if error.response.get("error") not in OVERTAKEN:
            raise
        log.info("slack.modal_overtaken")


def _confirmed(
    ack: Ack, body: dict[str, Any], view: View, make: Callable[[str, dict[str, Any]], View]
) -> None:
    """Answers a submitted modal with what comes of it."""
    about = json.loads(view["private_metadata"])
    ack(response_action="update", view=_or_refusal(lambda: make(body["user"]["id"], about)))


def _or_refusal(make: Callable[[], View]) -> View:
    try:
        return make()
    except Refused as refusal:
        return plan_views.refused(cards.told(refusal))


ACTIONS: dict[str, Callable[..., None]] = {
    "plan_open": open_plans,
    "plan_list": list_plans,
    "plan_choose": choose_plan,
    "plan_hold": choose_turn,
    "plan_cancel": choose_turn,
    "plan_resume": choose_turn,
    "plan_day": choose_day,
}
VIEWS: dict[str, Callable[..., None]] = {
    "plan_chosen": plan_chosen, "plan_then": turn_chosen, "plan_moved": day_chosen,
}  # fmt: skip
