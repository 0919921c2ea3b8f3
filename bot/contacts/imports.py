"""Contacts from a CSV file: read, checked, shown, and taken over once somebody confirms.

    reading → checking → ready → importing → done
                  ↖ other columns ↙      ↘ stopped, failed

Rows are looked at a hundred at a time, and each hundred is one transaction that also says how far
it got: killed in the middle, it goes on from there. Checking and importing look alike
(takeover.py); checking changes no contact.
"""

from __future__ import annotations

import itertools
import secrets
import time
import traceback
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import structlog

from bot import clock, outbox
from bot.contacts import columns, contacts, sheets, takeover
from bot.contacts.address_book import plain
from bot.contacts.models import Sheet, SheetRow
from bot.errors import Refused
from bot.team import roles
from bot.words import OPERATOR, clean
from ledger.database import query, transaction
from ledger.models import Account

log = structlog.get_logger()

SLAB = 100  # rows looked at in one transaction: short enough that no text waits for it
READ_AT_ONCE = 500  # rows kept in one transaction while a file is read
SAMPLED = 50  # rows from which columns are guessed
TRIES = 5  # of the same hundred rows, before the sheet is given up
BY_COMMAND = "operator"  # who imports with `flask contacts import`

NEXT = """
    SELECT id FROM sheet WHERE state IN ('checking', 'importing')
    ORDER BY upto LIMIT 1 FOR UPDATE SKIP LOCKED"""
LOCK = "SELECT id FROM sheet WHERE id = %s FOR UPDATE"


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
    show(sheet)
    outbox.enqueue(
        f"read:{sheet.id}", "slack.sheet", {"sheet": sheet.id},
        lane=_lane(sheet), pace="files:slack",
    )  # fmt: skip
    return sheet


@transaction
def confirm(sheet_id: str, version: int, user: str) -> None:
    """Has the rows taken over, as they were shown. Raises Refused if that is not how they are."""
    sheet = own(sheet_id, user)
    if sheet.state != "ready" or sheet.version != version:
        raise Refused(_stale(sheet))
    _start(sheet, "importing")


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
    _start(sheet, "checking")


@transaction
def stop(sheet_id: str, user: str) -> None:
    """Takes over no more of its rows. Raises Refused if it is over already."""
    sheet = own(sheet_id, user)
    if sheet.state not in ("reading", "checking", "ready", "importing"):
        raise Refused(_stale(sheet))
    if sheet.state != "importing":
        sheet.counts = {}
    _move(sheet, "stopped")


def own(sheet_id: str, user: str) -> Sheet:
    """The sheet, locked, if this user may decide on it. Raises Refused."""
    query(LOCK, sheet_id)
    sheet: Sheet | None = Sheet.get_or_none(Sheet.id == sheet_id)
    if sheet is None:
        raise Refused("This import is not known here any more. Start again: `/contacts import`.")
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
        number = contacts.spoken(str(row.number))
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


# A file that comes in


@transaction
def _new(
    account_id: int, user: str, name: str, now: datetime, file: dict[str, Any] | None
) -> Sheet:  # fmt: skip
    return Sheet.create(
        id=secrets.token_urlsafe(9), account=account_id, user=user, name=clean(name)[:100],
        file=file, state="reading", made_at=now,
    )  # fmt: skip


def read_in(sheet_id: str, file: IO[bytes]) -> tuple[list[str], int]:
    """Keeps the rows of a file. Returns the names of its columns, and how many rows there are.

    Raises Refused with what is wrong with the file. Done twice, it keeps the same rows once.
    """
    region = _forget_rows(sheet_id)
    rows = sheets.rows(file)
    first = next(rows, None)
    if first is None:
        raise Refused("This file is empty.")
    header = columns.header_of(first.cells, region)
    if header is None:
        header = [f"Column {place + 1}" for place in range(len(first.cells))]
        rows = itertools.chain([first], rows)
    kept = 0
    while slab := list(itertools.islice(rows, READ_AT_ONCE)):
        _keep(sheet_id, slab)
        kept += len(slab)
    if not kept:
        raise Refused("This file has a header and no rows below it.")
    return [clean(name)[:100] for name in header], kept


@transaction
def _forget_rows(sheet_id: str) -> str:
    SheetRow.delete().where(SheetRow.sheet == sheet_id).execute()
    return contacts.home_region(Sheet.get_by_id(sheet_id).account_id)


@transaction
def _keep(sheet_id: str, rows: Iterable[sheets.Row]) -> None:
    table = [(sheet_id, row.line, [clean(cell) for cell in row.cells]) for row in rows]
    fields = [SheetRow.sheet, SheetRow.line, SheetRow.cells]
    SheetRow.insert_many(table, fields).on_conflict_ignore().execute()


@transaction
def was_read(sheet_id: str, header: list[str], length: int) -> None:
    """All rows are there: their columns are guessed, and they are checked."""
    query(LOCK, sheet_id)
    sheet = Sheet.get_by_id(sheet_id)
    if sheet.state != "reading":
        return
    here = SheetRow.select().where(SheetRow.sheet == sheet).order_by(SheetRow.line)
    sample = [row.cells for row in here.limit(SAMPLED)]
    sheet.header, sheet.length = header, length
    sheet.places = columns.guess(header, sample, contacts.home_region(sheet.account_id))
    if "number" in sheet.places:
        _start(sheet, "checking")
    else:
        _move(sheet, "ready")


@transaction
def fail(sheet_id: str, why: str) -> None:
    """The file cannot be read, and why."""
    query(LOCK, sheet_id)
    sheet = Sheet.get_by_id(sheet_id)
    if sheet.state == "reading":
        sheet.why = why
        _move(sheet, "failed")


# What the operator does, at a terminal


@transaction
def of_operator(account: str, name: str, now: datetime) -> Sheet:
    """A sheet to be filled by `read_in`. Raises ValueError where there is no such account."""
    found = Account.get_or_none(Account.name == account)
    if found is None:
        raise ValueError(f"--account: none is called {account!r}")
    return _new(found.id, BY_COMMAND, name, now, None)


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
    _start(Sheet.get_by_id(sheet.id), "importing")


@transaction
def now_at(sheet: Sheet) -> Sheet:
    """The sheet as it is now."""
    found: Sheet = Sheet.get_by_id(sheet.id)
    return found


@transaction
def drop(sheet: Sheet) -> None:
    """Forgets a sheet that was only looked at."""
    Sheet.delete().where(Sheet.id == sheet.id).execute()


# Its rows, a hundred at a time


def work(for_s: float = 2, sheet_id: str | None = None) -> bool:
    """Checks and imports rows for so long. Returns whether it found something to do."""
    ends, found = time.monotonic() + for_s, False
    while time.monotonic() < ends:
        taken: list[str] = []
        try:
            if not _next(taken, sheet_id):
                break
        except Exception as error:
            if not taken:
                raise
            # Not its words: what a database says of a row holds the row.
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(last.filename).name}:{last.lineno}"
            log.error("import.broke", sheet=taken[0], error=type(error).__name__, where=where)
            _broke(taken[0])
        found = True
    return found


@transaction
def _next(taken: list[str], sheet_id: str | None) -> bool:
    """Looks at the next hundred rows of a sheet. Returns whether one waited."""
    row = query(LOCK, sheet_id).fetchone() if sheet_id else query(NEXT).fetchone()
    if row is None:
        return False
    taken.append(row[0])
    sheet = Sheet.get_by_id(row[0])
    if sheet.state not in ("checking", "importing"):
        return False
    here = (SheetRow.sheet == sheet) & (SheetRow.line > sheet.upto)
    slab = list(SheetRow.select().where(here).order_by(SheetRow.line).limit(SLAB))
    if not slab:
        _move(sheet, "ready" if sheet.state == "checking" else "done")
        return True
    for outcome, number in takeover.look_at(sheet, slab, clock.now()).items():
        sheet.counts = sheet.counts | {outcome: sheet.counts.get(outcome, 0) + number}
    sheet.upto, sheet.tries = slab[-1].line, 0
    sheet.save(only=[Sheet.counts, Sheet.upto, Sheet.tries])
    show(sheet)
    return True


@transaction
def _broke(sheet_id: str) -> None:
    """The same hundred rows are tried again a few times; then the sheet is given up."""
    query(LOCK, sheet_id)
    sheet = Sheet.get_by_id(sheet_id)
    sheet.tries += 1
    sheet.save(only=[Sheet.tries])
    if sheet.tries >= TRIES:
        sheet.why = (
            f"Something went wrong on our side behind line {sheet.upto:,}. What came before is "
            f"imported. Tell {OPERATOR}, then import the file again: that changes nothing twice."
        )
        _move(sheet, "failed")


def _start(sheet: Sheet, state: str) -> None:
    sheet.upto, sheet.counts, sheet.tries = 0, {}, 0
    _move(sheet, state)


def _move(sheet: Sheet, state: str) -> None:
    sheet.state = state
    sheet.version += 1
    sheet.save()
    show(sheet)
    if state in ("ready", "done") and sheet.user != BY_COMMAND:
        outbox.enqueue(
            f"problems:{sheet.id}:{sheet.version}", "slack.sheet_file", {"sheet": sheet.id},
            lane=_lane(sheet), pace="files:slack",
        )  # fmt: skip


def show(sheet: Sheet) -> None:
    """Queues the sheet's card, in a message to who gave it; one that waits already serves."""
    if sheet.user != BY_COMMAND:
        outbox.enqueue(
            f"sheet:{secrets.token_hex(8)}", "slack.sheet_card", {"sheet": sheet.id},
            lane=_lane(sheet), pace=f"sheets:{sheet.id}", replaces=f"sheet:{sheet.id}",
        )  # fmt: skip


def _lane(sheet: Sheet) -> str:
    return f"sheet:{sheet.id}"
