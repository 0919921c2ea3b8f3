"""/contacts import and export: the modal that takes a file, and the buttons of its card."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from slack_bolt import Ack, Respond
from slack_sdk import WebClient

from bot import clock
from bot.contacts import exports, imports
from bot.contacts.models import Sheet, SheetRow
from bot.errors import Refused
from bot.slack import cards
from bot.slack.answers import error_at, or_refusal, refusal_view, reply, whisper
from bot.slack.contacts import sheet_cards
from bot.slack.team.front import values
from bot.team import channels, roles
from ledger.database import transaction

SAMPLED = 20  # rows in which a column's first words are looked for


def give(ack: Ack, command: dict[str, Any], client: WebClient) -> None:
    """/contacts import: the modal that takes a file."""
    user = command["user_id"]
    try:
        account = channels.account_for(user, command["channel_id"])
        roles.require_manager(user, account)
    except Refused as refusal:
        return whisper(ack, cards.note(refusal))
    ack()
    client.views_open(trigger_id=command["trigger_id"], view=sheet_cards.give_view(account))
    return None


def given(ack: Ack, body: dict[str, Any], view: dict[str, Any]) -> None:
    """The file."""
    [file] = values(view)["file"]
    try:
        sheet = imports.begin(
            int(view["private_metadata"]), body["user"]["id"], file, clock.now()
        )  # fmt: skip
    except Refused as refusal:
        ack(response_action="errors", errors=error_at(refusal, "file"))
    else:
        ack(response_action="update", view=sheet_cards.given_view(sheet.name))


def send(ack: Ack, command: dict[str, Any]) -> None:
    """/contacts export."""
    user = command["user_id"]

    def ask() -> cards.Card:
        exports.ask(channels.account_for(user, command["channel_id"]), user)
        return cards.note("Partyline sends you the file in a direct message.")

    whisper(ack, or_refusal(ask))


def confirm(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """Import 480 rows."""
    sheet, version = _pressed(body)
    _decide(ack, respond, lambda: imports.confirm(sheet, version, body["user"]["id"]))


def stop(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """Cancel, and Stop here."""
    sheet, _ = _pressed(body)
    _decide(ack, respond, lambda: imports.stop(sheet, body["user"]["id"]))


def columns(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
    """Columns…: the modal that says which is what."""
    sheet, _ = _pressed(body)
    try:
        view = _columns_view(sheet, body["user"]["id"])
    except Refused as refusal:
        view = refusal_view(refusal)
    ack()
    client.views_open(trigger_id=body["trigger_id"], view=view)


@transaction
def _columns_view(sheet_id: str, user: str) -> dict[str, Any]:
    sheet: Sheet = imports.own(sheet_id, user)
    here = SheetRow.select().where(SheetRow.sheet == sheet).order_by(SheetRow.line).limit(SAMPLED)
    return sheet_cards.columns_view(sheet, [row.cells for row in here])


def columns_chosen(ack: Ack, body: dict[str, Any], view: dict[str, Any]) -> None:
    """Which column is what."""
    sheet = json.loads(view["private_metadata"])["sheet"]
    chosen = values(view).items()
    places = {field: int(place) for field, place in chosen if place not in (None, sheet_cards.NONE)}
    try:
        imports.choose_columns(sheet, body["user"]["id"], places)
    except Refused as refusal:
        ack(response_action="errors", errors=error_at(refusal, "number"))
    else:
        ack()


def _decide(ack: Ack, respond: Respond, act: Callable[[], None]) -> None:
    """Acts; the card shows what came of it. A refusal is told to whoever pressed, alone."""
    try:
        act()
    except Refused as refusal:
        ack()
        return reply(respond, cards.note(refusal), replace=False)
    ack()
    return None


def _pressed(body: dict[str, Any]) -> tuple[str, int]:
    sheet, _, version = body["actions"][0]["value"].rpartition(":")
    return sheet, int(version)


ACTIONS: dict[str, Callable[..., None]] = {
    "sheet_import": confirm,
    "sheet_stop": stop,
    "sheet_columns": columns,
}
VIEWS: dict[str, Callable[..., None]] = {
    "sheet_given": given,
    "sheet_columns_chosen": columns_chosen,
}
