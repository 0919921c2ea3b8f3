"""`flask contacts import` and `export`, as an operator runs them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import Result

from bot.contacts import address_book
from bot.contacts.models import Contact, Sheet, Word
from ledger import database
from tests.commands import ROOT, clean
from tests.house import ANN, House

FILE = """First Name;Last Name;Mobile;Tags
Ann;Lee;(415) 555-0123;buyer
Ben;Ito;12;
"""


def run(house: House, *arguments: str | Path, account: str = "Harbor Homes") -> Result:
    return house.app.test_cli_runner().invoke(
        args=["contacts", *map(str, arguments), "--account", account]
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "leads.csv"
    path.write_text(FILE)
    return path


def count() -> int:
    with database.session():
        return int(Contact.select().count())


def test_a_dry_run_says_what_would_happen_and_keeps_nothing(house: House, file: Path) -> None:
    done = run(house, "import", file, "--dry-run")
    assert "2 rows. number from “Mobile”" in done.stdout
    assert "Would be: 1 new, 1 refused." in done.stdout
    assert "line 3: “12” is a short code" in done.stderr
    assert done.exit_code == 1
    assert count() == 0
    with database.session():
        assert Sheet.select().count() == 0


def test_a_file_is_imported_once_however_often(house: House, file: Path, tmp_path: Path) -> None:
    problems = tmp_path / "problems.csv"
    done = run(house, "import", file, "--problems", problems)
    assert "Imported: 1 new, 1 refused." in done.stdout
    assert "Line,What happened,First Name" in problems.read_text("utf-8-sig")
    assert "Imported: 1 nothing new, 1 refused." in run(house, "import", file).stdout
    assert count() == 1
    assert "Ann Lee" in house.ask("buyer", "/contacts").plain()


def test_columns_are_named_where_the_header_does_not_tell(house: House, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("Who,Line A,Line B\nAnn,415 555 0199,415 555 0123\n")
    done = run(house, "import", path, "--map", "number=line b", "--map", "name=Who")
    assert "Imported: 1 new." in done.stdout, done.stderr
    assert done.exit_code == 0
    with database.session():
        assert Contact.get(Contact.number == ANN).name == "Ann"
    assert "There is no column “Nope”" in run(house, "import", path, "--map", "name=Nope").stderr
    assert "is none of" in run(house, "import", path, "--map", "shoe=Who").stderr


def test_what_cannot_be_done_is_said_in_a_line(house: House, file: Path, tmp_path: Path) -> None:
    assert "none is called 'Nobody'" in run(house, "import", file, account="Nobody").stderr
    assert "none is called 'Nobody'" in run(house, "export", account="Nobody").stderr
    broken = tmp_path / "book.xlsx"
    broken.write_bytes(b"PK\x03\x04")
    done = run(house, "import", broken)
    assert "an Excel workbook" in done.stderr
    assert "Traceback" not in done.stderr
    with database.session():
        assert Sheet.select().count() == 0


def test_an_export_imports_to_the_same(house: House, file: Path, tmp_path: Path) -> None:
    run(house, "import", file)
    out = tmp_path / "out.csv"
    assert "1 contact." in run(house, "export", "--file", out).stderr
    assert "Ann Lee,+14155550123,,buyer" in out.read_text("utf-8-sig")
    assert "Imported: 1 nothing new." in run(house, "import", out).stdout


def test_killed_in_the_middle_the_worker_goes_on(house: House, tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    path.write_text(
        "Name,Phone\n" + "".join(f"Ann {n},+1415{2_000_000 + n}\n" for n in range(4000))
    )
    process = subprocess.Popen(
        [Path(sys.executable).parent / "flask", "contacts", "import", path, "--account",
         "Harbor Homes"],
        cwd=ROOT, env={**clean(), **house.environ}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    ends = time.monotonic() + 60
    while count() < 100:
        assert time.monotonic() < ends
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = count()
    assert 0 < left < 4000
    assert left % 100 == 0, "a hundred rows are taken over whole, or not at all"
    house.tick()  # what any worker does every two seconds
    while count() < 4000:
        assert time.monotonic() < ends
        house.tick()
    with database.session():
        assert Sheet.get().counts == {"new": 4000}
        assert Word.select().count() == sum(
            len(address_book.words([one.number], one.name)) for one in Contact.select()
        )
    assert "Imported: 4,000 nothing new." in run(house, "import", path).stdout
