"""Every request gets an id, which its log lines carry, and a line of its own if all was not well.

A request that was taken in is a row of the inbox, and has its line when that is applied: a second
one here would cost a webhook more than its insert.
"""

from __future__ import annotations

import secrets
import time

import structlog
from flask import Flask, Response, g, request

log = structlog.get_logger()

SLOW_MS = 1000
OPENS_A_FILE = "/media/"  # with what follows, which is kept out of the log


def log_each(app: Flask) -> None:
    """Has `app` log each request that failed or took long: path, status, milliseconds."""

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=secrets.token_hex(6))

    @app.after_request
    def end(response: Response) -> Response:
        ms = (time.perf_counter() - g.began) * 1000
        if response.status_code >= 400 or ms > SLOW_MS:
            log.warning("request", path=_path(), status=response.status_code, ms=round(ms, 1))
        return response


def _path() -> str:
    return OPENS_A_FILE + "…" if request.path.startswith(OPENS_A_FILE) else request.path
