"""The documents: each of their links leads somewhere, each picture is shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

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
