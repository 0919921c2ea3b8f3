"""Every request gets an id, which its log lines carry, and one line when it is answered."""

from __future__ import annotations

import time
import uuid

import structlog
from flask import Flask, Response, g, request

log = structlog.get_logger()


def log_each(app: Flask) -> None:
    """Has `app` log each request: path, status, milliseconds; never what it said."""

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=uuid.uuid4().hex[:12])

    @app.after_request
    def end(response: Response) -> Response:
        took = (time.perf_counter() - g.began) * 1000
        log.info("request", path=request.path, status=response.status_code, ms=round(took, 1))
        return response
