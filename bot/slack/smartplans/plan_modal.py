"""The modal of a plan, and how what is pressed and filled in there is answered."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from slack_bolt import Ack
from slack_sdk import WebClient

from bot import clock
from bot.errors import Refused
from bot.slack.answers import error_at, refusal_view, show_in
from bot.slack.smartplans import smart_views
from bot.slack.team.front import values
from bot.smartplans import plan_counts, plan_versions, smartplans
from bot.smartplans.plan_shapes import Shape
from bot.team import roles
from ledger.database import transaction

View = dict[str, Any]


@transaction
def plan_view(plan_id: int, user: str, said: str = "") -> View:
    """The modal of a plan, as this member may see it. Raises Refused."""
    plan = smartplans.get(plan_id, user)
    following = plan.flows_into.name if plan.flows_into else None
    may_write = roles.role_of(user, plan.account_id) in roles.MANAGERS
    return smart_views.plan_view(
        plan, plan_versions.shape_of(plan), plan_counts.of(plan.id),
        may_write=may_write and plan.state != "archived", line=plan.line, flows_into=following,
        said=said,
    )  # fmt: skip


def open_modal(
    ack: Ack, body: dict[str, Any], open_view: Callable[..., Any],
    make: Callable[[str, str], View], key: str | None = None,
) -> None:  # fmt: skip
    """Opens what `make` makes of who pressed and of the button's value, or says why not."""
    try:
        view = make(body["user"]["id"], key or body["actions"][0]["value"])
    except Refused as refusal:
        view = refusal_view(refusal)
    ack()
    open_view(trigger_id=body["trigger_id"], view=view)


def act(
    ack: Ack, body: dict[str, Any], client: WebClient, do: Callable[[str, int], int], said: str,
    key: str | None = None,
) -> None:  # fmt: skip
    """Does something to the plan that the button names; its modal shows what came of it."""
    user = body["user"]["id"]
    try:
        view = plan_view(do(user, int(key or body["actions"][0]["value"])), user, said)
    except Refused as refusal:
        view = refusal_view(refusal)
    ack()
    show_in(client, body["view"]["id"], view)


def save(
    ack: Ack, body: dict[str, Any], view: View, client: WebClient, block: str,
    settle: Callable[[Shape], Shape],
) -> bool:  # fmt: skip
    """Keeps a form's change; the plan below it shows it. Returns whether it was one to keep."""
    about, user, move = json.loads(view["private_metadata"]), body["user"]["id"], values(view)
    try:
        shown = _edited(about["plan"], user, settle, move.get("move") != "stay")
    except Refused as refusal:
        ack(response_action="errors", errors=error_at(refusal, block))
        return False
    ack()
    show_in(client, view["root_view_id"], shown)
    return True


@transaction
def _edited(plan_id: int, user: str, settle: Callable[[Shape], Shape], move: bool) -> View:
    shape = plan_versions.shape_of(smartplans.own(plan_id, user))
    smartplans.edit(plan_id, user, settle(shape), clock.now(), move=move)
    return plan_view(plan_id, user, "Saved.")
