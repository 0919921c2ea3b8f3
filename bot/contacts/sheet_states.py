"""How far a sheet of contacts is, and what follows from its getting further: its card, its file.

reading → checking → ready → importing → done
              ↖ other columns ↙      ↘ stopped, failed
"""

from __future__ import annotations

import secrets

from bot import outbox
from bot.contacts.models import Sheet
from ledger.database import query

BY_COMMAND = "operator"  # who imports with `flask contacts import`
LOCK = "SELECT id FROM sheet WHERE id = %s FOR UPDATE"


def locked(sheet_id: str) -> Sheet:
    """The sheet, which nobody else changes before the caller's transaction ends. Raises
    peewee.DoesNotExist."""
    query(LOCK, sheet_id)
    found: Sheet = Sheet.get_by_id(sheet_id)
    return found


def start(sheet: Sheet, state: str) -> None:
    """Has its rows looked at from the first one: `checking` or `importing`."""
    sheet.upto, sheet.counts, sheet.tries = 0, {}, 0
    move(sheet, state)


def move(sheet: Sheet, state: str) -> None:
    """Brings it to this state, which makes older cards of it stale, and shows it."""
    sheet.state = state
    sheet.version += 1
    sheet.save()
    show(sheet)
    if state in ("ready", "done") and sheet.user != BY_COMMAND:
        outbox.enqueue(
            f"problems:{sheet.id}:{sheet.version}", "slack.sheet_file", {"sheet": sheet.id},
            lane=lane(sheet), pace="files:slack",
        )  # fmt: skip


def show(sheet: Sheet) -> None:
    """Queues the sheet's card, in a message to who gave it; one that waits already serves."""
    if sheet.user != BY_COMMAND:
        outbox.enqueue(
            f"sheet:{secrets.token_hex(8)}", "slack.sheet_card", {"sheet": sheet.id},
            lane=lane(sheet), pace=f"sheets:{sheet.id}", replaces=f"sheet:{sheet.id}",
        )  # fmt: skip


def lane(sheet: Sheet) -> str:
    """In which all that is said of this sheet leaves in order."""
    return f"sheet:{sheet.id}"
