"""All that the house logs, whatever was configured before."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from structlog.testing import capture_logs


@contextmanager
def logged() -> Iterator[list[Any]]:
    """Inside the block, the entries of every module of ours. A logger that was used keeps its
    first processors, so each gets a new one meanwhile."""
    ours = [
        module
        for name, module in list(sys.modules.items())
        if name.startswith(("bot.", "ledger.")) and hasattr(getattr(module, "log", None), "bind")
    ]
    before = [(module, module.log) for module in ours]
    for module in ours:
        module.log = structlog.get_logger()  # type: ignore[attr-defined]
    try:
        with capture_logs() as entries:
            yield entries
    finally:
        for module, log in before:
            module.log = log  # type: ignore[attr-defined]
