"""`flask contacts import` and `flask contacts export`: contacts by CSV file, at a terminal."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import IO

import click

from bot import clock
from bot.contacts import columns, exports, imports, sheet_rows
from bot.contacts.models import Sheet
from bot.errors import Refused
from bot.operator import require_schema_or_exit
from bot.words import count
from ledger.database import session
from ledger.models import Account

FIELDS = ", ".join(columns.FIELDS)
SAID = {
    "new": "new", "more": "completed", "again": "repeat a row above", "same": "nothing new",
    "error": "refused", "plans": "put on SmartPlans by their tags",
}  # fmt: skip


@click.group("contacts")
def contacts_by_file() -> None:
    """Import and export contacts."""


@contacts_by_file.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--account", required=True, help="Name of the account.")
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@click.option(
    "--map", "mapped", multiple=True, metavar="FIELD=COLUMN",
    help=f"Which column is what, where the header does not tell; fields: {FIELDS}.",
)  # fmt: skip
@click.option("--problems", type=click.Path(dir_okay=False, path_type=Path),
              help="Where to write the rows to look at, as CSV.")  # fmt: skip
def take(
    file: IO[bytes], account: str, dry_run: bool, mapped: tuple[str, ...], problems: Path | None
) -> None:
    """Import contacts from a CSV file; exit 1 if rows were refused.

    A number that is there already is completed, never overwritten; the same file again changes
    nothing.
    """
    require_schema_or_exit()
    named = _named(mapped)
    try:
        sheet = imports.of_operator(account, Path(file.name).name, clock.now())
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        header, length = sheet_rows.read_in(sheet.id, _seekable(file))
        sheet_rows.was_read(sheet.id, header, length)
        sheet = imports.settle_columns(sheet, named)
    except Refused as refusal:
        imports.drop(sheet)
        raise click.ClickException(str(refusal)) from None
    click.echo(f"{count(sheet.length, 'row')}. {_read_by(sheet)}")
    sheet = _through(sheet, "checked")
    if not dry_run and sheet.state == "ready":
        imports.take_over(sheet)
        sheet = _through(sheet, "imported")
    _report(sheet, problems, dry_run)
    refused = sheet.counts.get("error", 0)
    if dry_run:
        imports.drop(sheet)
    sys.exit(1 if refused or sheet.state == "failed" else 0)


@contacts_by_file.command("export")
@click.option("--account", required=True, help="Name of the account.")
@click.option("--file", type=click.File("wb"), default="-", help="Where to; else the terminal.")
def send(account: str, file: IO[bytes]) -> None:
    """Write an account's contacts as CSV."""
    require_schema_or_exit()
    with session():
        found = Account.get_or_none(Account.name == account)
    if found is None:
        raise click.UsageError(f"--account: none is called {account!r}")
    content, length = exports.to_csv(found.id)
    file.write(content)
    click.echo(f"{count(length, 'contact')}.", err=True)


def _named(mapped: tuple[str, ...]) -> dict[str, str]:
    named = dict(one.partition("=")[::2] for one in mapped)
    for field in named:
        if field not in columns.FIELDS:
            raise click.UsageError(f"--map: {field!r} is none of {FIELDS}")
    return named


def _seekable(file: IO[bytes]) -> IO[bytes]:
    """The file, kept where it comes through a pipe: it is read twice."""
    if file.seekable():
        return file
    kept = tempfile.TemporaryFile()  # noqa: SIM115  # read by the caller, gone with the process
    shutil.copyfileobj(file, kept)
    kept.seek(0)
    return kept


def _read_by(sheet: Sheet) -> str:
    said = [f"{field} from “{sheet.header[place]}”" for field, place in sheet.places.items()]
    left = [name for place, name in enumerate(sheet.header) if place not in sheet.places.values()]
    return f"{'; '.join(said)}." + (f" Not read: {', '.join(left)}." if left else "")


def _through(sheet: Sheet, done: str) -> Sheet:
    """Works on a sheet until all its rows are looked at; says how far it is."""
    while (sheet := imports.now_at(sheet)).state in ("checking", "importing"):
        sheet_rows.work(2, sheet.id)
        looked = imports.looked(imports.now_at(sheet))
        click.echo(f"{looked:,} of {count(sheet.length, 'row')} {done}", err=True)
    return sheet


def _report(sheet: Sheet, problems: Path | None, dry_run: bool) -> None:
    with session():
        found = imports.problems(sheet)
        for row in found:
            click.echo(f"line {row.line}: {row.why}", err=True)
        if problems and found:
            problems.write_bytes(imports.problems_csv(sheet))
    said = ", ".join(
        f"{sheet.counts[what]:,} {word}" for what, word in SAID.items() if sheet.counts.get(what)
    )
    head = "Would be" if dry_run else "Imported"
    click.echo(sheet.why if sheet.state == "failed" else f"{head}: {said or 'nothing'}.")
