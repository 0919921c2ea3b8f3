"""/smartplans and the modal of a plan: parse, call one feature, answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from slack_bolt import Ack
from slack_sdk import WebClient

from bot import clock
from bot.errors import Refused
from bot.lines.models import Line
from bot.slack import cards
from bot.slack.answers import error_at, or_refusal, refusal_view, typed_words, whisper
from bot.slack.cards import Card
from bot.slack.roll_call import learn_name
from bot.slack.smartplans import enrolling, smart_views, steps
from bot.slack.smartplans.plan_modal import act, open_modal, plan_view, save
from bot.slack.team.front import values
from bot.smartplans import plan_counts, plan_files, plan_shapes, plan_versions, smartplans
from bot.smartplans.models import SmartPlan
from bot.smartplans.plan_shapes import RuleShape, Shape
from bot.team import channels, roles
from bot.words import clean, count
from ledger.database import transaction

View = dict[str, Any]

TO_MAKE = ("new", "add", "create", "make")
#: What people write before a plan's name: the plan has the buttons for it.
TO_OPEN = (
    "open", "show", "edit", "change", "preview", "start", "pause", "stop", "archive", "delete",
)  # fmt: skip


def command(ack: Ack, command: dict[str, Any], client: WebClient) -> None:
    """/smartplans [help | new | of <contact> | <name>]."""
    typed, user = typed_words(command), command["user_id"]
    if cards.asks_help(typed):
        return whisper(ack, cards.note(smart_views.HELP))
    try:
        account = channels.account_for(user, command["channel_id"])
        if typed.lower() in ("", "list"):
            return whisper(ack, or_refusal(lambda: _list(account, user)))
        view = _meant(account, user, typed)
    except Refused as refusal:
        return whisper(ack, cards.note(refusal))
    ack()
    client.views_open(trigger_id=command["trigger_id"], view=view)
    return None


@transaction
def _list(account: int, user: str) -> Card:
    plans = [(plan, plan_counts.of(plan.id)) for plan in smartplans.listed(account, user)]
    return smart_views.listed(plans, account, roles.role_of(user, account) in roles.MANAGERS)


@transaction
def _meant(account: int, user: str, typed: str) -> View:
    """The form of a new plan, a contact's plans, or the plan whose name begins so."""
    word, _, rest = typed.partition(" ")
    word, rest = word.lower(), rest.strip()
    if word == "of" and rest:
        return enrolling.contact_view(account, user, rest)
    plans = smartplans.listed(account, user)
    found = _begun(plans, typed)
    if word in TO_MAKE and (not found or (not rest and found[0].name.casefold() != word)):
        return _new_view(account, user, rest)
    if word in TO_OPEN and rest and not found:
        typed, found = rest, _begun(plans, rest)
    if len(found) != 1:
        raise Refused(_not_one(found or plans, typed, several=bool(found)))
    return plan_view(int(found[0].id), user)


def _begun(plans: Sequence[SmartPlan], typed: str) -> list[SmartPlan]:
    """Those called so, else those whose names begin so."""
    wanted = typed.casefold()
    return [plan for plan in plans if plan.name.casefold() == wanted] or [
        plan for plan in plans if plan.name.casefold().startswith(wanted)
    ]


def _not_one(plans: Sequence[SmartPlan], typed: str, *, several: bool) -> str:
    start = "Several plans begin so" if several else f"No plan is called “{typed[:60]}”"
    names = ", ".join(f"“{plan.name}”" for plan in plans[:10])
    there = f"There are: {names}." if names else "You have none yet: `/smartplans new` makes one."
    return f"{start}. {there} `/smartplans help` says what else can be typed."


# From the list, and from the plan


def opened(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
    """Open."""
    open_modal(ack, body, client.views_open, lambda user, key: plan_view(int(key), user))


def new(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
    """New plan."""
    open_modal(ack, body, client.views_open, lambda user, key: _new_view(int(key), user))


@transaction
def _new_view(account: int, user: str, name: str = "") -> View:
    roles.require_manager(user, account)
    shared = [plan for plan in smartplans.library(user) if plan.account_id != account]
    return smart_views.new_view(account, _lines(account), shared, name)


def made(ack: Ack, body: dict[str, Any], view: View, client: WebClient) -> None:
    """Make it."""
    given, user = values(view), body["user"]["id"]
    account = json.loads(view["private_metadata"])["account"]
    try:
        plan = _make(account, user, given)
    except Refused as refusal:
        block = "yaml" if given["yaml"] else "name"
        ack(response_action="errors", errors=error_at(refusal, block))
    else:
        ack(response_action="update", view=plan_view(plan, user, smart_views.MADE))
        learn_name(client, user)


@transaction
def _make(account: int, user: str, given: Mapping[str, Any]) -> int:
    now, line = clock.now(), _chosen_line(given)
    kind, _, key = given["start"].partition(":")
    name = " ".join(clean(given["name"] or "").split())
    if given["yaml"]:
        shape = plan_files.read(clean(given["yaml"]))
        named = replace(shape, name=name or shape.name, line=line)
        return int(smartplans.new(account, user, named, now).id)
    if kind == smart_views.SHARED:
        taken = smartplans.take(int(key), account, user, now)
        shape = plan_versions.shape_of(taken)
        settled = replace(shape, name=name or shape.name, line=line)
        return int(smartplans.edit(taken.id, user, settled, now).id)
    if kind == smart_views.READY:
        shape = plan_shapes.ready_one(key)
    else:
        shape = Shape("New plan", (smart_views.FIRST_STEP,))
    shape = replace(shape, name=name or shape.name, line=line)
    return int(smartplans.new(account, user, shape, now).id)


def settings(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
    """Settings."""
    open_modal(ack, body, client.views_push, lambda user, key: _settings_view(int(key), user))


@transaction
def _settings_view(plan_id: int, user: str) -> View:
    plan = smartplans.own(plan_id, user)
    shape = plan_versions.shape_of(plan)
    others = [one for one in smartplans.listed(plan.account_id, user) if one.id != plan.id]
    on_it = smartplans.effect(plan_id, user, shape).on_it
    return smart_views.settings_view(plan, shape, _lines(plan.account_id), others, on_it)


def settled(ack: Ack, body: dict[str, Any], view: View, client: WebClient) -> None:
    """The settings' Save."""
    given = values(view)

    def settle(shape: Shape) -> Shape:
        ends, every = given["ends"] or (), given["every"]
        return replace(
            shape, name=" ".join(clean(given["name"] or "").split()), line=_chosen_line(given),
            repeat_every=int(every) if every else None,
            repeat_unit=given["unit"] if every else None,
            stop_on_reply="reply" in ends, stop_on_close="close" in ends,
            allow_again=bool(given["again"]), cap=int(given["cap"]) if given["cap"] else None,
            flows_into=int(given["then"]) if given["then"] != "none" else None,
            rules=_rules(given),
        )  # fmt: skip

    save(ack, body, view, client, "name", settle)


def _rules(given: Mapping[str, Any]) -> tuple[RuleShape, ...]:
    made = [RuleShape("enroll", "new_sender")] if given["new_sender"] else []
    for block, what, event in (("enroll", "enroll", "tag_added"),
                               ("off_added", "remove", "tag_added"),
                               ("off_removed", "remove", "tag_removed")):  # fmt: skip
        tags = {" ".join(tag.split()) for tag in clean(given[block] or "").split(",")}
        made += [RuleShape(what, event, tag) for tag in sorted(tags) if tag]
    return tuple(made)


# Pause, share, duplicate, archive


def pause(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
    """Pause."""
    act(ack, body, client, lambda user, plan: smartplans.switch_off(plan, user).id,
        "Paused: nothing of it goes out, and nobody is taken off.")  # fmt: skip


def more(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
    """The menu behind the three dots."""
    what, _, key = body["actions"][0]["selected_option"]["value"].partition(":")
    views = {"archive": _archive_view, "yaml": _yaml_view}
    if what in views:
        make = views[what]
        return open_modal(ack, body, client.views_push, lambda user, key: make(int(key), user), key)
    acts: dict[str, tuple[Callable[[str, int], int], str]] = {
        "duplicate": (lambda user, plan: smartplans.duplicate(plan, user, clock.now()).id,
                      "This is the copy. It is not switched on, and its rules are left out."),
        "share": (_share, ""),
    }  # fmt: skip
    return act(ack, body, client, *acts[what], key)


@transaction
def _share(user: str, plan_id: int) -> int:
    on = smartplans.own(plan_id, user).published_at is None
    return int(smartplans.publish(plan_id, user, clock.now(), on=on).id)


@transaction
def _yaml_view(plan_id: int, user: str) -> View:
    plan = smartplans.get(plan_id, user)
    return smart_views.yaml_view(plan, plan_files.write(plan_versions.shape_of(plan)))


@transaction
def _archive_view(plan_id: int, user: str) -> View:
    plan = smartplans.own(plan_id, user)
    return smart_views.archive_view(
        plan, smartplans.effect(plan_id, user, plan_versions.shape_of(plan)).on_it
    )


def archived(ack: Ack, body: dict[str, Any], view: View) -> None:
    """Archive."""
    plan, user = json.loads(view["private_metadata"])["plan"], body["user"]["id"]
    try:
        off = smartplans.archive(plan, user, clock.now())
    except Refused as refusal:
        ack(response_action="update", view=refusal_view(refusal))
        return
    said = f"The plan is archived; {count(off, 'contact')} came off it."
    ack(response_action="clear") if not off else ack(
        response_action="update", view=smart_views.told(said)
    )


# What these share


def _lines(account: int) -> list[Line]:
    return list(Line.live().where(Line.account == account).order_by(Line.id))


def _chosen_line(given: Mapping[str, Any]) -> int | None:
    return int(given["line"]) if given.get("line", "none") not in (None, "none") else None


COMMANDS: dict[str, Callable[..., None]] = {"/smartplans": command}
ACTIONS: dict[str, Callable[..., None]] = {
    "smart_open": opened,
    "smart_new": new,
    "smart_settings": settings,
    "smart_pause": pause,
    "smart_more": more,
    **steps.ACTIONS,
    **enrolling.ACTIONS,
}
VIEWS: dict[str, Callable[..., None]] = {
    "smart_made": made,
    "smart_settled": settled,
    "smart_archived": archived,
    **steps.VIEWS,
    **enrolling.VIEWS,
}
OPTIONS = enrolling.OPTIONS
