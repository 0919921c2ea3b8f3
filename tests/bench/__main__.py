"""`make bench`: everything measured in one run, side by side, written to docs/performance.md."""

from __future__ import annotations

import argparse
import os
import platform
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
    """Runs the named parts, or all; only a run of all is written down."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("part", nargs="*", choices=[*PARTS, []], default=[])
    chosen = parser.parse_args().part
    unseen = Path(os.devnull).open("w")  # noqa: SIM115  # what is measured writes its log
    logs.configure("json", unseen)
    made = []
    for name in chosen or PARTS:
        print(f"measuring {name} …", file=sys.stderr)
        made.append(PARTS[name]())
        print(made[-1], flush=True)
    if not chosen:
        head = Path(__file__).with_name("preface.md").read_text()
        PAGE.write_text("\n\n".join([head.strip(), f"Measured on: {machine()}", *made]) + "\n")


if __name__ == "__main__":
    main()
