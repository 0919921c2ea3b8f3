from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from bot.sandbox import Sandbox
from ledger import database
from tests import databases
from tests.house import House


def pytest_xdist_auto_num_workers() -> int:
    """Two for each core: half of a test is waiting for an answer."""
    return 2 * (os.cpu_count() or 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first: at the end one core would wait for the other."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(params=databases.ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def books(engine: str) -> Iterator[str]:
    """A migrated database with nothing in it, bound; its URL."""
    with databases.lent(engine) as url:
        bound = database.bind(url)
        yield url
        bound.close_all()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as peers:
        yield peers


@pytest.fixture
def house(books: str, sandbox: Sandbox) -> Iterator[House]:
    with House(books, sandbox).serving() as built:
        yield built
