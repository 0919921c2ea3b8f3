"""The steps of a plan in its modal: added, edited, removed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from slack_bolt import Ack
from slack_sdk import WebClient

from bot import clock
from bot.errors import Refused
from bot.slack.answers import refusal_view, show_in
from bot.slack.roll_call import learn_name
from bot.slack.smartplans import smart_views, step_views, with_pictures
from bot.slack.smartplans.plan_modal import open_modal, plan_view, save
from bot.slack.team.front import values
from bot.smartplans import plan_versions, smartplans
from bot.smartplans.plan_shapes import Shape
from ledger.database import transaction

View = dict[str, Any]


def add(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
    """Add a text, an e-mail, a reminder."""
    kind = body["actions"][0]["action_id"].rpartition("_")[2]
    open_modal(ack, body, client.views_push, lambda user, key: _view(int(key), user, kind, None))


def edit(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
    """Edit, beside a step."""

    def make(user: str, value: str) -> View:
        plan, _, key = value.partition(":")
        return _view(int(plan), user, "", key)

    open_modal(ack, body, client.views_push, make)


def saved(ack: Ack, body: dict[str, Any], view: View, client: WebClient) -> None:
    """A step's Save. Pictures that are added are read first."""
    about, given = json.loads(view["private_metadata"]), values(view)
    if given.get("files"):
        return with_pictures.save(ack, body, view, client)

    def settle(shape: Shape) -> Shape:
        return step_views.settled(about, given, shape)[0]

    if save(ack, body, view, client, "body", settle) and given["who"]:
        learn_name(client, given["who"])  # who is named in it
    return None


def removed(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
    """Remove this step."""
    plan, _, key = body["actions"][0]["value"].partition(":")
    user, shown = body["user"]["id"], body["view"]
    ack()
    try:
        shown_now = _without(int(plan), user, key)
    except Refused as refusal:
        show_in(client, shown["id"], refusal_view(refusal))
        return
    show_in(client, shown["id"], smart_views.told("The step is removed."))
    show_in(client, shown["root_view_id"], shown_now)


@transaction
def _view(plan_id: int, user: str, kind: str, key: str | None) -> View:
    plan = smartplans.own(plan_id, user)
    shape = plan_versions.shape_of(plan)
    on_it = smartplans.effect(plan_id, user, shape).on_it
    if key is None:
        return step_views.view(plan_id, kind, shape, None, on_it, None)
    place = _place(shape, key)
    without = replace(shape, steps=shape.steps[:place] + shape.steps[place + 1 :])
    removal = smartplans.effect(plan_id, user, without) if without.steps else None
    return step_views.view(plan_id, shape.steps[place].kind, shape, place, on_it, removal)


@transaction
def _without(plan_id: int, user: str, key: str) -> View:
    shape = plan_versions.shape_of(smartplans.own(plan_id, user))
    place = _place(shape, key)
    steps = shape.steps[:place] + shape.steps[place + 1 :]
    smartplans.edit(plan_id, user, replace(shape, steps=steps), clock.now())
    return plan_view(plan_id, user)


def _place(shape: Shape, key: str) -> int:
    keys = [step.key for step in shape.steps]
    if key not in keys:
        raise Refused("This step is no longer in the plan. Open the plan again.")
    return keys.index(key)


ACTIONS: dict[str, Callable[..., None]] = {
    "smart_add_text": add,
    "smart_add_email": add,
    "smart_add_reminder": add,
    "smart_step": edit,
    "smart_step_remove": removed,
}
VIEWS: dict[str, Callable[..., None]] = {"smart_step_saved": saved}
