"""The documents: each of their links leads somewhere, each picture is shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import app as wiring
from tests.house import House

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def links(page: Path) -> list[str]:
    """Where a page points to within this repository."""
    found = LINK.findall(page.read_text())
    return [link for link in found if not link.startswith(("http:", "https:", "mailto:"))]


def headings(page: Path) -> set[str]:
    """What a page's headings are called in addresses."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        to = (page.parent / path).resolve() if path else page
        assert to.exists(), link
        if anchor and to.suffix == ".md":
            assert anchor in headings(to), link


def test_every_picture_is_shown_and_says_what_it_is() -> None:
    shown = {Path(link).name for page in PAGES for link in links(page) if link.endswith(".png")}
    assert shown == {picture.name for picture in (ROOT / "docs" / "pictures").glob("*.png")}
    nameless = [page.name for page in PAGES if "![](" in page.read_text()]
    assert nameless == []


REFERENCE = (ROOT / "docs" / "reference.md").read_text()


def test_the_reference_has_every_job_of_the_clock(house: House) -> None:
    rows = re.findall(r"^\| ([^|]+) \|", REFERENCE.partition("## What the worker's clock")[2], re.M)
    assert {name for name, _, _ in wiring.jobs(house.settings)} <= set(rows)


def test_the_reference_has_every_route(house: House) -> None:
    told = {
        (method, path.replace("&lt;", "<").replace("&gt;", ">"))
        for methods, path in re.findall(r"^\| ([A-Z, ]+) (/[^ ]+) \|", REFERENCE, re.M)
        for method in methods.split(", ")
    }
    served = {
        (method, re.sub(r"<\w+:", "<", rule.rule))
        for rule in house.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert served == {(method, path) for method, path in told if method != "HEAD"}


def test_the_reference_has_every_counter() -> None:
    code = "".join(path.read_text() for path in (ROOT / "bot").rglob("*.py"))
    counted = set(re.findall(r'\(\s*"(\w+_total)"', code))
    assert len(counted) > 5
    assert {name for name in counted if f"partyline_{name}" not in REFERENCE} == set()


def test_the_readme_has_every_command_of_the_operator(house: House) -> None:
    listed = set(re.findall(r"^\| `flask (\w+)", (ROOT / "README.md").read_text(), re.M))
    assert set(house.app.cli.commands) <= listed
