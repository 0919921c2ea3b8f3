"""The rows of a sheet: kept as its file is read; then checked, then imported.

Rows are looked at a hundred at a time, and each hundred is one transaction that also says how far
it got: killed in the middle, it goes on from there. Checking and importing look alike
(takeover.py); checking changes no contact.
"""

from __future__ import annotations

import itertools
import time
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import structlog

from bot import clock
from bot.contacts import columns, contacts, sheet_states, sheets, takeover
from bot.contacts.models import Sheet, SheetRow
from bot.errors import Refused
from bot.words import OPERATOR, clean
from ledger.database import query, transaction

log = structlog.get_logger()

SLAB = 100  # rows looked at in one transaction: short enough that no text waits for it
READ_AT_ONCE = 500  # rows kept in one transaction while a file is read
SAMPLED = 50  # rows from which columns are guessed
TRIES = 5  # of the same hundred rows, before the sheet is given up
NEXT = """
    SELECT id FROM sheet WHERE state IN ('checking', 'importing')
    ORDER BY upto LIMIT 1 FOR UPDATE SKIP LOCKED"""


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
    sheet = sheet_states.locked(sheet_id)
    if sheet.state != "reading":
        return
    here = SheetRow.select().where(SheetRow.sheet == sheet).order_by(SheetRow.line)
    sample = [row.cells for row in here.limit(SAMPLED)]
    sheet.header, sheet.length = header, length
    sheet.places = columns.guess(header, sample, contacts.home_region(sheet.account_id))
    if "number" in sheet.places:
        sheet_states.start(sheet, "checking")
    else:
        sheet_states.move(sheet, "ready")


@transaction
def fail(sheet_id: str, why: str) -> None:
    """The file cannot be read, and why."""
    sheet = sheet_states.locked(sheet_id)
    if sheet.state == "reading":
        sheet.why = why
        sheet_states.move(sheet, "failed")


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
    row = query(sheet_states.LOCK, sheet_id).fetchone() if sheet_id else query(NEXT).fetchone()
    if row is None:
        return False
    taken.append(row[0])
    sheet = Sheet.get_by_id(row[0])
    if sheet.state not in ("checking", "importing"):
        return False
    here = (SheetRow.sheet == sheet) & (SheetRow.line > sheet.upto)
    slab = list(SheetRow.select().where(here).order_by(SheetRow.line).limit(SLAB))
    if not slab:
        sheet_states.move(sheet, "ready" if sheet.state == "checking" else "done")
        return True
    for outcome, number in takeover.look_at(sheet, slab, clock.now()).items():
        sheet.counts = sheet.counts | {outcome: sheet.counts.get(outcome, 0) + number}
    sheet.upto, sheet.tries = slab[-1].line, 0
    sheet.save(only=[Sheet.counts, Sheet.upto, Sheet.tries])
    sheet_states.show(sheet)
    return True


@transaction
def _broke(sheet_id: str) -> None:
    """The same hundred rows are tried again a few times; then the sheet is given up."""
    sheet = sheet_states.locked(sheet_id)
    sheet.tries += 1
    sheet.save(only=[Sheet.tries])
    if sheet.tries >= TRIES:
        sheet.why = (
            f"Something went wrong on our side behind line {sheet.upto:,}. What came before is "
            f"imported. Tell {OPERATOR}, then import the file again: that changes nothing twice."
        )
        sheet_states.move(sheet, "failed")
