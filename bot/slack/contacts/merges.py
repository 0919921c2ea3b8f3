"""Merge…: the other contact is searched for, the effect shown, and confirmed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from slack_bolt import Ack
from slack_sdk import WebClient

from bot import clock
from bot.contacts import address_book, contacts, directory, merging
from bot.errors import Refused
from bot.slack import cards
from bot.slack.answers import error_at, on_card, refusal_view
from bot.slack.contacts import contact_cards, merge_cards
from bot.slack.team.front import values
from bot.words import clean, escape
from ledger.database import transaction

FOUND = 20  # contacts that the search shows


def begin(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
    """Merge…: who the other one is."""
    contact, user = int(body["actions"][0]["value"]), body["user"]["id"]
    try:
        kept = directory.look_up(contact, user)
        about = {"contact": kept.contact.id, "card_url": body["response_url"]}
        view = merge_cards.choose_view(kept, about)
    except Refused as refusal:
        view = refusal_view(refusal)
    ack()
    client.views_open(trigger_id=body["trigger_id"], view=view)


def options(ack: Ack, body: dict[str, Any]) -> None:
    """Contacts of the same account that are meant by what was typed."""
    about = json.loads(body["view"]["private_metadata"])
    try:
        found = _others(about["contact"], body["user"]["id"], clean(body["value"] or ""))
    except Refused:
        found = []
    ack(options=found)


@transaction
def _others(contact_id: int, user: str, typed: str) -> list[dict[str, Any]]:
    own = directory.own(contact_id, user)
    found = address_book.find(own.account_id, typed, FOUND + 1)
    return [cards.option(_label(one), str(one.id)) for one in found if one.id != own.id][:FOUND]


def _label(one: Any) -> str:
    return contacts.with_number(contacts.name_of(one), one.number, cards.LONGEST_OPTION)


def chosen(ack: Ack, body: dict[str, Any], view: dict[str, Any]) -> None:
    """The other one: what the merge does, in numbers."""
    about, other = json.loads(view["private_metadata"]), values(view)["other"]
    try:
        if not other:
            raise Refused("Choose the other contact.")
        shown = _shown(about["contact"], int(other), body["user"]["id"], about["card_url"])
    except Refused as refusal:
        ack(response_action="errors", errors=error_at(refusal, "other"))
    else:
        ack(response_action="update", view=shown)


def _shown(contact: int, other: int, user: str, card_url: str) -> dict[str, Any]:
    """Either may be kept, so both effects are foreseen; one that cannot be kept is not offered."""
    seen, first = {}, None
    for kept, gone in ((contact, other), (other, contact)):
        try:
            effect = merging.foresee(kept, gone, user)
        except merging.NotTextable:
            continue
        seen[str(kept)] = [gone, effect.version]
        first = first or effect
    if first is None:
        raise Refused("Nobody can text either of these numbers, so there is nothing to gain.")
    return merge_cards.confirm_view(first, {"seen": seen, "card_url": card_url})


def confirmed(ack: Ack, body: dict[str, Any], view: dict[str, Any]) -> None:
    """Merge."""
    about, keep = json.loads(view["private_metadata"]), values(view)["keep"]
    try:
        gone, seen = about["seen"][keep]
        card = _merged(int(keep), gone, body["user"]["id"], seen)
    except Refused as refusal:
        ack(response_action="errors", errors=error_at(refusal, "keep"))
    else:
        ack()
        on_card(about["card_url"], card)


@transaction
def _merged(kept: int, gone: int, user: str, seen: str) -> cards.Card:
    now = clock.now()
    contact = merging.merge(kept, gone, user, seen, now)
    name = escape(contacts.name_of(contact))
    return contact_cards.card(directory.look_up(contact.id, user), now, f"Merged into {name}.")


ACTIONS: dict[str, Callable[..., None]] = {"contact_merge": begin}
VIEWS: dict[str, Callable[..., None]] = {"merge_chosen": chosen, "merge_confirmed": confirmed}
OPTIONS: dict[str, Callable[..., None]] = {"merge_other": options}
