"""CSV files as people have them: read in any usual encoding and delimiter, a row at a time; and
written so that a spreadsheet opens them and runs nothing.

A file is read twice, first for its encoding, and never held whole.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, NamedTuple

from bot.errors import Refused
from bot.words import FORMULAS

MOST_BYTES = 30_000_000
MOST_ROWS, MOST_COLUMNS = 200_000, 200
LONGEST_CELL = 10_000  # characters
PIECE = 64 * 1024  # bytes read at a time
SPANNED = 50  # lines of one row; more is a quotation mark that is never closed
DELIMITERS = ",;\t|"
NUMBER = re.compile(r"\+[0-9]{6,15}")
OTHER_FILES = {
    b"PK\x03\x04": "an Excel workbook or another packed file",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a packed file",
}
BOMS = {
    codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip


class Row(NamedTuple):
    """A row, and the line of the file on which it begins."""

    line: int
    cells: list[str]


def rows(file: IO[bytes]) -> Iterator[Row]:
    """The rows that hold anything, the header among them. Raises Refused for what is no CSV."""
    encoding = _encoding(file)
    file.seek(0)
    text = io.TextIOWrapper(file, encoding, errors="replace", newline="")
    try:
        yield from _rows(text)
    finally:
        text.detach()  # the file stays open, and is the caller's


def _encoding(file: IO[bytes]) -> str:
    """UTF-8 where all of it is that, else what Windows wrote before; by its mark where it has one.

    Raises Refused for files that are no text.
    """
    head = file.read(PIECE)
    for mark, what in OTHER_FILES.items():
        if head.startswith(mark):
            raise Refused(
                f"This is {what}, not a CSV file. Open it in your spreadsheet and save it as "
                "“CSV UTF-8”, then import that."
            )
    for mark, encoding in BOMS.items():
        if head.startswith(mark):
            return encoding
    if b"\0" in head:
        raise Refused("This is no CSV file. Save your list as “CSV UTF-8”, then import that.")
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while head:
            decoder.decode(head)
            head = file.read(PIECE)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


class _Lines:
    """Lines of a file, counted; those of the row under way are at hand."""

    def __init__(self, text: Iterable[str]) -> None:
        self.text, self.read = iter(text), 0
        self.row: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self.text)
        self.read += 1
        self.row.append(line)
        if len(self.row) > SPANNED:
            raise Refused(_unclosed(self.read - len(self.row) + 1))
        return line.replace("\0", "")


def _unclosed(line: int) -> str:
    return (
        f"A quotation mark on line {line} is never closed, so what follows cannot be told apart. "
        "Close it or take it out, then import again."
    )


def _rows(text: io.TextIOWrapper) -> Iterator[Row]:
    lines = _Lines(text)
    first = next(lines, "")
    if told := re.fullmatch(r"\s*\"?sep=(.)\"?\s*", first):  # what Excel writes, and takes
        delimiter, lines.row = told[1], []
        first = next(lines, "")
    else:
        delimiter = max(DELIMITERS, key=lambda one: _columns(first, one))
    reader = csv.reader(_again(first, lines), delimiter=delimiter)
    found, begins = 0, lines.read
    try:
        for cells in reader:
            if len(lines.row) > 1 and "".join(lines.row).count('"') % 2:
                raise Refused(_unclosed(begins))
            if any(cell.strip() for cell in cells):
                found += 1
                yield Row(begins, [cell.strip()[:LONGEST_CELL] for cell in cells[:MOST_COLUMNS]])
            if found > MOST_ROWS:
                raise Refused(
                    f"This file has more than {MOST_ROWS:,} rows. Cut it in parts, and import them "
                    "one after the other."
                )
            begins, lines.row = lines.read + 1, []
    except csv.Error:
        raise Refused(_unclosed(begins)) from None


def _again(first: str, rest: Iterator[str]) -> Iterator[str]:
    if first:
        yield first.replace("\0", "")
    yield from rest


def _columns(line: str, delimiter: str) -> int:
    return len(next(csv.reader([line], delimiter=delimiter), []))


# Written


def harmless(cell: str) -> str:
    """A cell that no spreadsheet runs. What we read back is what it was."""
    if cell.startswith(FORMULAS) and not NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def bare(cell: str) -> str:
    """A cell without the mark that `harmless` set before it."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULAS) else cell


def written(header: Sequence[str], table: Iterable[Sequence[str]]) -> bytes:
    """A CSV file that spreadsheets open: UTF-8, with a mark that says so."""
    text = io.StringIO()
    sheet = csv.writer(text)
    sheet.writerow(header)
    for cells in table:
        sheet.writerow([harmless(cell) for cell in cells])
    return text.getvalue().encode("utf-8-sig")
