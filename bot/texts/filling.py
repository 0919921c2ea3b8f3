"""What people put into a composer's form, taken into its row."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bot.contacts import address_book, hours, numbers
from bot.contacts.models import Contact
from bot.texts import composer, scheduled, templates
from bot.texts.composer import LONGEST, Typed
from bot.texts.models import Template, Typing
from ledger import savings


def take(row: Typing, typed: Typed) -> None:
    """Takes what the form holds, if it is newer than what is known. Raises Refused."""
    if typed.at <= row.at:
        return
    row.at, row.asked, row.note = typed.at, None, ""
    row.media = [_described(file) for file in typed.files]
    before = row.number
    if row.conversation_id is None:
        row.line = composer.line_of(typed)
        is_ours = typed.account == row.line.account_id
        row.number = _number(row.line.account_id, typed.to) if is_ours else None
    if row.send_at and typed.send_at:
        row.send_at = typed.send_at
    if typed.box < row.box:  # it was typed in a box which is gone
        return
    row.box, row.body = typed.box, typed.body
    if typed.template is not None:
        _insert(row, typed.template)
    elif row.number != before and row.template and row.body == row.filled:
        _insert(row, row.template)


def press(row: Typing, what: str, now: datetime) -> None:
    """One of the form's buttons."""
    match what:
        case "plain":
            _write(row, savings.to_plain(row.body))
        case "mms" | "sms":
            row.as_mms = what == "mms"
        case "now":
            row.send_at = None
        case "later":
            row.send_at = _when(row, now)


def _insert(row: Typing, template_id: int) -> None:
    """Inserts a template with its fields filled: in place of another's words that stand as they
    were inserted, else below what stands there."""
    found = Template.get_or_none(
        Template.id == template_id, Template.account == row.line.account_id
    )  # fmt: skip
    if found is None:
        row.note = "This template was taken away meanwhile."
        return
    contact = address_book.by_number(found.account_id, row.number) if row.number else None
    text = templates.fill(found.body, templates.known(row.line, contact, row.user))
    alone = not row.body.strip() or row.body == row.filled
    _write(row, text if alone else f"{row.body.rstrip()}\n{text}")
    row.template = found.id if alone and not row.note else None


def _write(row: Typing, text: str) -> None:
    """Puts a text of ours into the form: into a new box, for an old one keeps what it holds."""
    if len(text) > LONGEST:
        row.note = f"That would be {len(text):,} characters; this form holds {LONGEST:,}."
        return
    row.body = row.filled = text
    row.box += 1


def _number(account_id: int, to: str) -> str | None:
    kind, _, value = to.partition(":")
    if kind == "n":
        return value if numbers.textable(value) else None
    if kind != "c" or not value.isdecimal():
        return None
    found = Contact.get_or_none(Contact.id == int(value), Contact.account == account_id)
    return address_book.current(found).number if found else None


def _described(file: dict[str, Any]) -> dict[str, Any]:
    return {"file": file["id"], "name": file.get("name") or "file", "size": file.get("size") or 0}


def _when(row: Typing, now: datetime) -> datetime:
    """The first time that is offered: when they are awake, or nine tomorrow, where they live."""
    account = row.line.account
    number = row.number or row.line.number
    contact = address_book.by_number(account.id, row.number) if row.number else None
    where = hours.zones(contact, number, account.timezone) if row.number else [account.timezone]
    awake = hours.opens_at(now, where, hours.of_line(row.line))
    return awake or scheduled.nine_tomorrow(where[0], now)
