from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.sandbox import Sandbox
from tests.bot import office as built
from tests.house import House


@pytest.fixture
def office(books: str, sandbox: Sandbox) -> Iterator[House]:
    """An account on the plan Solo, served."""
    with built.build(books, sandbox).serving() as house:
        yield house
