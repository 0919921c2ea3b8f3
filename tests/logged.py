"""All that the house logs, whatever was configured before."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from structlog.testing import capture_logs

from bot import logs


@contextmanager
def logged() -> Iterator[list[Any]]:
    """Inside the block, the entries of every module of ours. A logger that was used keeps its
    first processors, so each gets a new one meanwhile."""
    with _new_loggers(), capture_logs() as entries:
        yield entries


@contextmanager
def _new_loggers() -> Iterator[None]:
    ours = [
        module
        for name, module in list(sys.modules.items())
        if name.startswith(("bot.", "ledger.")) and hasattr(getattr(module, "log", None), "bind")
    ]
    before = [(module, module.log) for module in ours]
    for module in ours:
        module.log = structlog.get_logger()  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for module, log in before:
            module.log = log  # type: ignore[attr-defined]


@contextmanager
def written(style: str) -> Iterator[io.StringIO]:
    """Inside the block, all that the house and its libraries would write into a log of this
    style, debug lines of the libraries' too."""
    page = io.StringIO()
    root, configured = logging.getLogger(), structlog.get_config()
    handlers, level = list(root.handlers), root.level
    try:
        logs.configure(style, page)
        with _new_loggers():
            yield page
    finally:
        root.handlers, root.level = handlers, level
        structlog.configure(**configured)
