"""`make bench`: everything measured in one run, side by side, written to docs/performance.md.

`make bench PARTS="smartplans start"` measures some of it anew and leaves the rest of the page.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sqlite3
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bot import logs
from tests.bench import (
    composer,
    contacts,
    deliveries,
    ledger,
    media,
    segments,
    smartplans,
    start,
    texts,
    webhooks,
)

MARK = re.compile(r"^<!-- (\w+) -->$", re.MULTILINE)  # where a part begins
PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
PARTS: dict[str, Callable[[], str]] = {
    "segments": segments.run,
    "webhooks": webhooks.run,
    "texts": texts.run,
    "deliveries": deliveries.run,
    "media": media.run,
    "contacts": contacts.run,
    "composer": composer.run,
    "smartplans": smartplans.run,
    "ledger": ledger.run,
    "start": start.run,
}


def machine() -> str:
    """The machine in a line."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    cores = Path("/proc/cpuinfo").read_text().count("processor\t")
    return (
        f"{cores} cores of {cpu}, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"PostgreSQL 18; {datetime.now(UTC):%d %B %Y}."
    )


def main() -> None:
    """Runs the named parts, or all, and writes them down."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("part", nargs="*", choices=[*PARTS, []], default=[])
    chosen = parser.parse_args().part
    unseen = Path(os.devnull).open("w")  # noqa: SIM115  # what is measured writes its log
    logs.configure("json", unseen)
    _, *kept = MARK.split(PAGE.read_text())
    made = dict(zip(kept[::2], map(str.strip, kept[1::2]), strict=True))
    for name in chosen or PARTS:
        print(f"measuring {name} …", file=sys.stderr)
        made[name] = f"{PARTS[name]()}\n\n_Measured on {machine()}_"
        print(made[name], flush=True)
        write(made)


def write(made: dict[str, str]) -> None:
    """Writes the page, with the parts there are."""
    head = Path(__file__).with_name("preface.md").read_text().strip()
    parts = [f"<!-- {name} -->\n\n{made[name]}" for name in PARTS if name in made]
    PAGE.write_text("\n\n".join([head, *parts]) + "\n")


if __name__ == "__main__":
    main()
