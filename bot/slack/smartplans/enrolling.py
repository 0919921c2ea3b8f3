"""What a SmartPlan will do and cost, before it is switched on and before contacts are put on it;
and the plans that one contact is on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from slack_bolt import Ack
from slack_sdk import WebClient

from bot import clock
from bot.contacts import address_book, contacts
from bot.contacts.models import Contact
from bot.errors import Refused
from bot.slack import cards
from bot.slack.answers import error_at, refusal_view, show_in
from bot.slack.roll_call import learn_name
from bot.slack.smartplans import enroll_views
from bot.slack.smartplans.plan_modal import open_modal
from bot.slack.team.front import values
from bot.smartplans import plan_people, plan_preview, plan_versions, smartplans
from bot.team import roles
from bot.words import clean
from ledger.database import transaction

View = dict[str, Any]
FOUND = 20  # contacts that the search shows
MOST_WRITTEN = 200  # names or numbers in the form


# Preview, and on


def preview(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
    """Preview and switch on."""
    learn_name(client, body["user"]["id"])  # who is named in its texts
    open_modal(ack, body, client.views_push, lambda user, key: _preview(int(key), user, None))


def preview_as(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
    """Another contact is chosen to preview the plan with."""
    about, user = json.loads(body["view"]["private_metadata"]), body["user"]["id"]
    chosen = (body["actions"][0].get("selected_option") or {}).get("value")
    ack()
    try:
        view = _preview(about["plan"], user, int(chosen) if chosen else None)
    except Refused as refusal:
        view = refusal_view(refusal)
    show_in(client, body["view"]["id"], view)


@transaction
def _preview(plan_id: int, user: str, contact: int | None) -> View:
    now = clock.now()
    plan = smartplans.get(plan_id, user)
    shape = plan_versions.shape_of(plan)
    seen = plan_preview.foresee(plan.account_id, user, shape, contact, now)
    may_switch = plan.state != "on" and roles.role_of(user, plan.account_id) in roles.MANAGERS
    ceilings = plan_preview.ceilings(plan, shape, now) if may_switch else {}
    who = contacts.name_of(Contact.get_by_id(contact)) if contact else None
    return enroll_views.preview(plan, seen, ceilings, who, may_switch)


def switched_on(ack: Ack, body: dict[str, Any], view: View) -> None:
    """Switch on, at the ceilings that were shown."""
    about, user = json.loads(view["private_metadata"]), body["user"]["id"]
    try:
        plan = smartplans.switch_on(about["plan"], user, clock.now(), about["ceilings"])
    except Refused as refusal:
        ack(response_action="update", view=refusal_view(refusal))
        return
    ack(response_action="update", view=enroll_views.on(plan))


# Putting contacts on it


def enroll(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
    """Put contacts on it."""

    @transaction
    def make(user: str, key: str) -> View:
        plan = smartplans.get(int(key), user)
        return enroll_views.choose(plan, address_book.tags(plan.account_id))

    learn_name(client, body["user"]["id"])
    open_modal(ack, body, client.views_push, make)


def chosen(ack: Ack, body: dict[str, Any], view: View) -> None:
    """Show the price: for whom, what it costs, how long the balance lasts."""
    about, given = json.loads(view["private_metadata"]), values(view)
    try:
        shown = _priced(about["plan"], body["user"]["id"], given)
    except Refused as refusal:
        block = "people" if given["people"] else "contact"
        ack(response_action="errors", errors=error_at(refusal, block))
    else:
        ack(response_action="update", view=shown)


@transaction
def _priced(plan_id: int, user: str, given: dict[str, Any]) -> View:
    plan = smartplans.get(plan_id, user)
    who = _who(plan.account_id, given)
    ids = address_book.ids_tagged(plan.account_id, given["tag"]) if who is None else who
    if not ids:
        raise Refused("Nobody has this tag. Choose another, or write who it is for.")
    shape, now = plan_versions.shape_of(plan), clock.now()
    cost = plan_preview.cost(plan.account_id, user, shape, ids, now)
    seen = plan_preview.foresee(plan.account_id, user, shape, ids[0], now)
    first = contacts.name_of(Contact.get_by_id(ids[0]))
    return enroll_views.confirm(plan, cost, seen, first, who, given.get("tag"))


def _who(account: int, given: dict[str, Any]) -> list[int] | None:
    """The contacts that are named; None where a tag is meant. Raises Refused."""
    written = [line.strip() for line in clean(given["people"] or "").splitlines() if line.strip()]
    if sum(map(bool, (given["contact"], written, given.get("tag")))) != 1:
        raise Refused("Choose one contact, or a tag, or write names and numbers: one of the three.")
    if given["contact"]:
        return [int(given["contact"])]
    if given.get("tag"):
        return None
    if len(written) > MOST_WRITTEN:
        raise Refused(f"{len(written)} lines are more than {MOST_WRITTEN}. Give them a tag with "
                      "`/contacts import`, then choose the tag.")  # fmt: skip
    found = []
    for number, line in enumerate(written, 1):
        try:
            contact, rest = contacts.split_contact(account, line)
        except Refused as refusal:
            raise Refused(f"Line {number}: {refusal}") from None
        if rest:
            raise Refused(f"Line {number}: write one name or number, and nothing after it.")
        found.append(int(contact.id))
    return list(dict.fromkeys(found))


def enrolled(ack: Ack, body: dict[str, Any], view: View) -> None:
    """Put them on it."""
    about, user = json.loads(view["private_metadata"]), body["user"]["id"]
    try:
        done = _enrolled(about, user)
    except Refused as refusal:
        ack(response_action="update", view=refusal_view(refusal))
    else:
        ack(response_action="update", view=done)


@transaction
def _enrolled(about: dict[str, Any], user: str) -> View:
    plan, now = about["plan"], clock.now()
    done = plan_people.enroll_many(plan, user, now, tag=about["tag"], people=about["who"] or ())
    return enroll_views.done(smartplans.get(plan, user), done)


def options(ack: Ack, body: dict[str, Any]) -> None:
    """Contacts of the plan's account that are meant by what was typed."""
    about = json.loads(body["view"]["private_metadata"])
    try:
        found = _found(about["plan"], body["user"]["id"], clean(body["value"] or ""))
    except Refused:
        found = []
    ack(options=found)


@transaction
def _found(plan_id: int, user: str, typed: str) -> list[dict[str, Any]]:
    account = smartplans.get(plan_id, user).account_id
    found = address_book.find(account, typed, FOUND)
    return [cards.option(enroll_views.label(one), str(one.id)) for one in found]


# The plans of one contact


@transaction
def contact_view(account: int, user: str, typed: str) -> View:
    """The plans that the contact of this name or number is on, or was."""
    roles.require_member(user, account)
    contact, _ = contacts.split_contact(account, typed)
    return _plans_of(int(contact.id), user)


@transaction
def _plans_of(contact_id: int, user: str, said: str = "") -> View:
    found = plan_people.of_contact(contact_id, user)
    return enroll_views.plans_of(Contact.get_by_id(contact_id), found, said)


def changed(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
    """Pause, go on, skip a step, move, stop: the menu beside a plan of a contact's."""
    what, _, key = body["actions"][0]["selected_option"]["value"].partition(":")
    if what == "move":
        return open_modal(
            ack, body, client.views_push, lambda user, one: _move_view(int(one), user), key
        )
    contact = json.loads(body["view"]["private_metadata"])["contact"]
    user, now = body["user"]["id"], clock.now()
    acts: dict[str, Callable[[int], bool]] = {
        "pause": lambda one: plan_people.pause(one, user),
        "resume": lambda one: plan_people.resume(one, user, now),
        "skip": lambda one: plan_people.skip(one, user, now),
        "stop": lambda one: plan_people.stop(one, user, now),
    }
    ack()
    try:
        done = acts[what](int(key))
        view = _plans_of(contact, user, enroll_views.SAID[what] if done else enroll_views.LATE)
    except Refused as refusal:
        view = refusal_view(refusal)
    return show_in(client, body["view"]["id"], view)


@transaction
def _move_view(enrollment_id: int, user: str) -> View:
    one, plans = plan_people.may_move(enrollment_id, user)
    return enroll_views.move_to(one, plans)


def moved(ack: Ack, body: dict[str, Any], view: View, client: WebClient) -> None:
    """Move."""
    about, given, user = json.loads(view["private_metadata"]), values(view), body["user"]["id"]
    try:
        shown = _moved(about["enrollment"], user, int(given["to"]))
    except Refused as refusal:
        ack(response_action="errors", errors=error_at(refusal, "to"))
        return
    ack()
    show_in(client, view["root_view_id"], shown)


@transaction
def _moved(enrollment_id: int, user: str, plan: int) -> View:
    one, _ = plan_people.may_move(enrollment_id, user)
    done = plan_people.move(enrollment_id, user, plan, clock.now())
    if not done.count:
        raise Refused(f"They are not moved: {next(iter(done.left_out), 'they are there already')}.")
    return _plans_of(one.contact_id, user, enroll_views.SAID["move"])


ACTIONS: dict[str, Callable[..., None]] = {
    "smart_preview": preview,
    "smart_preview_as": preview_as,
    "smart_enroll": enroll,
    "smart_of_contact": changed,
}
VIEWS: dict[str, Callable[..., None]] = {
    "smart_switched_on": switched_on,
    "smart_chosen": chosen,
    "smart_enrolled": enrolled,
    "smart_moved": moved,
}
OPTIONS: dict[str, Callable[..., None]] = {"smart_preview_as": options, "smart_contact": options}
