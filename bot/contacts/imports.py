"""Contacts from a CSV file: given, shown as they would be, and taken over once somebody confirms.

How far a sheet is stands in sheet_states.py; how its rows are read and looked at, in sheet_rows.py.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import peewee

from bot import outbox
from bot.contacts import columns, numbers, sheet_states, sheets, takeover
from bot.contacts.address_book import plain
from bot.contacts.models import Sheet, SheetRow
from bot.errors import Refused
from bot.team import roles
from bot.words import clean
from ledger.database import transaction
from ledger.models import Account

# What members do


@transaction
def begin(account_id: int, user: str, file: Mapping[str, Any], now: datetime) -> Sheet:
    """Has a file that was given in Slack read. Raises Refused.

    `file` is Slack's description of it.
    """
    roles.require_manager(user, account_id)
    size = int(file.get("size") or 0)
    if size > sheets.MOST_BYTES:
        raise Refused(
            f"That file has {size / 1e6:.1f} MB and {sheets.MOST_BYTES / 1e6:.0f} MB is the most. "
            "Cut it in parts, and import them one after the other."
        )
    sheet = _new(account_id, user, str(file.get("name") or "file.csv"), now, dict(file))
    sheet_states.show(sheet)
    outbox.enqueue(
        f"read:{sheet.id}", "slack.sheet", {"sheet": sheet.id},
        lane=sheet_states.lane(sheet), pace="files:slack",
    )  # fmt: skip
    return sheet


@transaction
def confirm(sheet_id: str, version: int, user: str) -> None:
    """Has the rows taken over, as they were shown. Raises Refused if that is not how they are."""
    sheet = own(sheet_id, user)
    if sheet.state != "ready" or sheet.version != version:
        raise Refused(_stale(sheet))
    sheet_states.start(sheet, "importing")


@transaction
def choose_columns(sheet_id: str, user: str, places: Mapping[str, int]) -> None:
    """Reads the rows by other columns, which are checked anew. Raises Refused."""
    sheet = own(sheet_id, user)
    if sheet.state not in ("ready", "checking"):
        raise Refused(_stale(sheet))
    _choose(sheet, places)


def _choose(sheet: Sheet, places: Mapping[str, int]) -> None:
    if not {"number", "other"} & set(places):
        raise Refused("Choose the column that holds the number: it is what makes a contact.")
    sheet.places = {field: place for field, place in places.items() if place < len(sheet.header)}
    sheet_states.start(sheet, "checking")


@transaction
def stop(sheet_id: str, user: str) -> None:
    """Takes over no more of its rows. Raises Refused if it is over already."""
    sheet = own(sheet_id, user)
    if sheet.state not in ("reading", "checking", "ready", "importing"):
        raise Refused(_stale(sheet))
    if sheet.state != "importing":
        sheet.counts = {}
    sheet_states.move(sheet, "stopped")


def own(sheet_id: str, user: str) -> Sheet:
    """The sheet, locked, if this user may decide on it. Raises Refused."""
    try:
        sheet = sheet_states.locked(sheet_id)
    except peewee.DoesNotExist:
        raise Refused(
            "This import is not known here any more. Start again: `/contacts import`."
        ) from None
    roles.require_manager(user, sheet.account_id)
    return sheet


def looked(sheet: Sheet) -> int:
    """How many rows were looked at."""
    return sum(number for what, number in sheet.counts.items() if what != "plans")


def problems(sheet: Sheet, most: int | None = None) -> list[SheetRow]:
    """Rows that were refused, or of which something was left out; by line."""
    here = (SheetRow.sheet == sheet) & SheetRow.why.is_null(False)
    return list(SheetRow.select().where(here).order_by(SheetRow.line).limit(most))


def first(sheet: Sheet, most: int) -> list[list[str]]:
    """What the first rows that would be new become: name, number, e-mail, tags, notes."""
    here = (SheetRow.sheet == sheet) & (SheetRow.outcome == "new")
    found = []
    for row in SheetRow.select().where(here).order_by(SheetRow.line).limit(most):
        known = takeover.fit(columns.told(row.cells, sheet.places).details, [])
        number = numbers.spoken(str(row.number))
        tags = ", ".join(known.tags)
        found.append([known.name or "", number, known.email or "", tags, known.notes or ""])
    return found


def problems_csv(sheet: Sheet) -> bytes:
    """The same rows as a CSV file, which can be mended and imported again."""
    header = ["Line", "What happened", *sheet.header]
    found = problems(sheet)
    return sheets.written(header, ([str(row.line), row.why or "", *row.cells] for row in found))


def _stale(sheet: Sheet) -> str:
    match sheet.state:
        case "importing":
            return "This import is under way. Its message shows how far it is."
        case "done":
            return "This import is done already. Importing the file again changes nothing."
        case "stopped" | "failed":
            return "This import was stopped. Start again with `/contacts import`."
    return "This card is out of date. Use the newest one of this import."


@transaction
def _new(
    account_id: int, user: str, name: str, now: datetime, file: dict[str, Any] | None
) -> Sheet:  # fmt: skip
    return Sheet.create(
        id=secrets.token_urlsafe(9), account=account_id, user=user, name=clean(name)[:100],
        file=file, state="reading", made_at=now,
    )  # fmt: skip


# What the operator does, at a terminal


@transaction
def of_operator(account: str, name: str, now: datetime) -> Sheet:
    """A sheet that sheet_rows.read_in is to fill. Raises ValueError if no account is called so."""
    found = Account.get_or_none(Account.name == account)
    if found is None:
        raise ValueError(f"--account: none is called {account!r}")
    return _new(found.id, sheet_states.BY_COMMAND, name, now, None)


@transaction
def settle_columns(sheet: Sheet, named: Mapping[str, str]) -> Sheet:
    """Has the sheet read by these columns, by field, over those that were guessed. Returns it as
    it is then. Raises Refused for a column it does not have."""
    sheet = Sheet.get_by_id(sheet.id)
    places, called = dict(sheet.places), [plain(name) for name in sheet.header]
    for field, name in named.items():
        places.pop(field, None)
        if name and plain(name) not in called:
            raise Refused(f"There is no column “{name}”. There are: {', '.join(sheet.header)}.")
        if name:
            places[field] = called.index(plain(name))
    _choose(sheet, places)
    return sheet


@transaction
def take_over(sheet: Sheet) -> None:
    """Has the rows that were checked imported."""
    sheet_states.start(Sheet.get_by_id(sheet.id), "importing")


@transaction
def now_at(sheet: Sheet) -> Sheet:
    """The sheet as it is now."""
    found: Sheet = Sheet.get_by_id(sheet.id)
    return found


@transaction
def drop(sheet: Sheet) -> None:
    """Forgets a sheet that was only looked at."""
    Sheet.delete().where(Sheet.id == sheet.id).execute()
