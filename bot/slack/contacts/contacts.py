"""/contacts, and the modal in which a contact is changed: parse, call one feature, answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

from slack_bolt import Ack, Respond
from slack_sdk import WebClient

from bot import clock
from bot.contacts import address_book, contacts, directory
from bot.contacts.directory import Details, Said
from bot.contacts.models import Contact
from bot.errors import Refused, Wrong
from bot.slack import cards
from bot.slack.answers import (
    error_at,
    on_card,
    or_refusal,
    refusal_view,
    reply,
    typed_words,
    whisper,
)
from bot.slack.cards import Card
from bot.slack.contacts import contact_cards, merges, sheets
from bot.slack.team.front import values
from bot.team import channels
from bot.words import escape
from ledger.database import transaction

LISTED = 10
TO_ADD = ("add", "new", "create")
#: What people write before a name: the contact's card has the buttons for it.
TO_FIND = ("search", "show", "open", "edit", "change", "merge")


def command(ack: Ack, command: dict[str, Any], client: WebClient) -> None:
    """/contacts [help | add … | tag … | import | export …]; anything else is looked for."""
    typed = typed_words(command)
    word, _, rest = typed.partition(" ")
    user = command["user_id"]
    answers: dict[str, Callable[[int], Card]] = {
        **dict.fromkeys(("", "list"), _newest),
        "find": lambda account: _found(account, user, rest),
        **dict.fromkeys(TO_FIND, lambda account: _found(account, user, typed, rest)),
        "tag": lambda account: _tagged(account, user, rest, on=True),
        "untag": lambda account: _tagged(account, user, rest, on=False),
    }
    if cards.asks_help(typed):
        return whisper(ack, cards.note(contact_cards.HELP))
    if word.lower() in TO_ADD:
        return _add(ack, command, client, typed)
    if word.lower() == "import":
        return sheets.give(ack, command, client)
    if word.lower() == "export":
        return sheets.send(ack, command)
    answer = answers.get(word.lower(), lambda account: _found(account, user, typed))
    return whisper(
        ack, or_refusal(lambda: answer(channels.account_for(user, command["channel_id"])))
    )


@transaction
def _newest(account: int) -> Card:
    found = address_book.newest(account, LISTED)
    if not found:
        return cards.note(
            "No contacts yet. Whoever texts you becomes one; `/contacts add` makes one by hand, "
            "and `/contacts import` reads a CSV file."
        )
    title = f"*The newest {len(found)}*" if len(found) > 1 else "*The only contact so far*"
    return contact_cards.listed(f"{title}. `/contacts ann` finds others.", _with_tags(found))


@transaction
def _found(account: int, user: str, typed: str, else_: str = "") -> Card:
    found = address_book.find(account, typed, LISTED + 1)
    if else_ and not found:
        return _found(account, user, else_)
    if not found:
        return cards.note(
            f"No contact has “{escape(typed[:60])}” at the beginning of a name, e-mail address, "
            "tag or number, or at a number's end. `/contacts add` makes a new one."
        )
    if len(found) == 1:
        return contact_cards.card(directory.look_up(found[0].id, user), clock.now())
    more = " Only some are shown: write a little more." if len(found) > LISTED else ""
    title = f"*Found for “{escape(typed[:60])}”*.{more}"
    return contact_cards.listed(title, _with_tags(found[:LISTED]))


def _with_tags(found: list[Contact]) -> list[tuple[Contact, list[str]]]:
    return [(contact, address_book.tags_of(contact)) for contact in found]


@transaction
def _tagged(account: int, user: str, typed: str, *, on: bool) -> Card:
    contact, rest = contacts.split_contact(account, typed)
    tags = [one for one in rest.removeprefix(":").split(",") if one.strip()]
    if not tags:
        how = "tag Ann Lee buyer, hot lead" if on else "untag Ann Lee buyer"
        raise Refused(f"Which tags? Write them after the name, like `/contacts {how}`.")
    directory.tag(contact.id, user, tags if on else (), () if on else tags)
    return contact_cards.card(directory.look_up(contact.id, user), clock.now())


def _add(ack: Ack, command: dict[str, Any], client: WebClient, typed: str) -> None:
    """A number and a name make a contact at once; anything less opens the form."""
    user, (word, _, rest) = command["user_id"], typed.partition(" ")
    try:
        account = channels.account_for(user, command["channel_id"])
        if word.lower() != "add" and rest and address_book.find(account, typed, 1):
            return whisper(ack, _found(account, user, typed))  # by a tag like "New York"
        number, name = contacts.split_new(account, rest.strip())
        if number and name:
            return whisper(ack, _made(account, user, number, Details(name=name), None))
    except Refused as refusal:
        return whisper(ack, cards.note(refusal))
    ack()
    about = {"account": account, "card_url": command["response_url"]}
    view = contact_cards.edit_view(None, about, number, name)
    client.views_open(trigger_id=command["trigger_id"], view=view)
    return None


@transaction
def _made(account: int, user: str, number: str, details: Details, said: Said | None) -> Card:
    now = clock.now()
    contact, new, more = directory.add(account, user, number, details, said, now)
    name = escape(contacts.name_of(contact))
    done = f"{name} is a contact now." if new else f"{name} was a contact already."
    if not new and (more or said):
        done += " What was missing is added."
    if more.stays:
        stays = escape("; ".join(more.stays))
        done += f" {stays[0].upper()}{stays[1:]}: *Edit* changes that."
    return contact_cards.card(directory.look_up(contact.id, user), now, done)


# A card's buttons


def open_card(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """Open: the contact's card, in place of the list."""
    contact, user = int(body["actions"][0]["value"]), body["user"]["id"]
    card = or_refusal(lambda: contact_cards.card(directory.look_up(contact, user), clock.now()))
    ack()
    reply(respond, card)


def edit(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
    """Edit, and Name this contact: the modal."""
    contact = int(body["actions"][0]["value"].partition(":")[0])
    own = (body.get("container") or {}).get("is_ephemeral")
    _open(ack, body, client, lambda: contact, body["response_url"] if own else None)


def edit_talk(ack: Ack, body: dict[str, Any], client: WebClient, conversation: int) -> None:
    """Edit contact…, in the menu of a conversation."""
    user = body["user"]["id"]
    _open(ack, body, client, lambda: directory.of_talk(conversation, user), None)


def _open(
    ack: Ack, body: dict[str, Any], client: WebClient, contact: Callable[[], int],
    card_url: str | None,
) -> None:  # fmt: skip
    try:
        kept = directory.look_up(contact(), body["user"]["id"])
        about = {
            "contact": kept.contact.id, "seen": kept.details.version, "card_url": card_url,
        }  # fmt: skip
        view = contact_cards.edit_view(kept, about)
    except Refused as refusal:
        view = refusal_view(refusal)
    ack()
    client.views_open(trigger_id=body["trigger_id"], view=view)


def saved(ack: Ack, body: dict[str, Any], view: dict[str, Any]) -> None:
    """The modal's Save."""
    about, given, user = json.loads(view["private_metadata"]), values(view), body["user"]["id"]
    try:
        card = _saved(about, given, user)
    except Refused as refusal:
        ack(response_action="errors", errors=error_at(refusal, "name"))
    else:
        ack()
        on_card(about["card_url"], card, replace="contact" in about)


@transaction
def _saved(about: dict[str, Any], given: dict[str, Any], user: str) -> Card:
    zone = given["timezone"]
    details = Details(
        given["name"], given["email"], None if zone == contact_cards.BY_NUMBER else zone,
        tuple((given["tags"] or "").split(",")), given["notes"], given["days"],
    )  # fmt: skip
    said = None
    if given["said"]:
        on_day = date.fromisoformat(given["on_day"]) if given["on_day"] else None
        said = Said(given["said"] == "yes", given["how"] or "", on_day)
    elif given["how"] or given["on_day"]:
        raise Wrong("said", "Choose what they told you, or leave how and when empty, too.")
    if "contact" not in about:
        return _made(about["account"], user, given["number"] or "", details, said)
    now = clock.now()
    contact = directory.save(about["contact"], user, details, said, now, about["seen"])
    return contact_cards.card(directory.look_up(contact.id, user), now, "Saved.")


COMMANDS: dict[str, Callable[..., None]] = {"/contacts": command}
ACTIONS: dict[str, Callable[..., None]] = {
    "contact_open": open_card,
    "contact_edit": edit,
    **merges.ACTIONS,
    **sheets.ACTIONS,
}
VIEWS: dict[str, Callable[..., None]] = {"contact_saved": saved, **merges.VIEWS, **sheets.VIEWS}
OPTIONS: dict[str, Callable[..., None]] = merges.OPTIONS
