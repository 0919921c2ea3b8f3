"""Logs: one line an event, with fields. Never a body, a full phone number or a token.

What an exception says may hold any of these (a database names the row, a peer the number), so of an
exception its kind, its code and where it came from are written, and not its words.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from typing import Any, TextIO

import structlog


def configure(style: str, stream: TextIO = sys.stderr) -> None:
    """Sets up structlog, and the libraries' own logging behind it. `style`: text or json."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        exceptions,
    ]
    renderer = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    )
    structlog.configure(
        processors=[*shared, renderer],
        logger_factory=structlog.WriteLoggerFactory(stream),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        foreign_pre_chain=shared,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    # Both write what they send and to whom.
    logging.getLogger("twilio").setLevel(logging.ERROR)
    logging.getLogger("slack_sdk").setLevel(logging.ERROR)


def exceptions(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Writes an entry's exception as its kind, its code, and the places it passed."""
    found = event.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    error = found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        event["exception"] = "\n".join(_lines(error))
    return event


def _lines(error: BaseException) -> Iterator[str]:
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _lines(before)
        yield "then:"
    for frame in traceback.extract_tb(error.__traceback__):
        yield f"  {frame.filename}:{frame.lineno} {frame.name}"
    yield kind_of(error)


def kind_of(error: BaseException) -> str:
    """ "TwilioRestException 21211", "SlackApiError invalid_auth": what it is, without its words."""
    response: Any = getattr(error, "response", None)
    said = [
        getattr(error, "code", None),
        getattr(getattr(error, "orig", None), "sqlstate", None),
        response.get("error") if hasattr(response, "get") else None,
    ]
    known = [str(one) for one in said if isinstance(one, int | str)]
    return " ".join([type(error).__name__, *known])


def for_sentry(event: Any, _: Any) -> Any:
    """A report of an error without anybody's words: kinds and places are what mends it."""
    for one in (event.get("exception") or {}).get("values", ()):
        one["value"] = ""
        for frame in (one.get("stacktrace") or {}).get("frames", ()):
            frame.pop("vars", None)
    for part in ("request", "breadcrumbs", "extra", "user"):
        event.pop(part, None)
    entry = event.get("logentry") or {}
    entry.pop("params", None)
    entry.pop("formatted", None)
    return event
