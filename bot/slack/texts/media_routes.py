"""GET and HEAD /media/<token>/<name>: an attachment on its way from Slack, or from a SmartPlan's
step, to Twilio.

It streams through: at most one chunk of it is held here. Twilio asks twice, and refuses a file
whose type is not the one it was told, so HEAD asks Slack, too, and both answer alike.
"""

from __future__ import annotations

from collections.abc import Iterator

import structlog
from flask import Blueprint, Response, current_app

from bot.config import Settings
from bot.downloads import Away, Gone, Incoming, Trouble
from bot.slack import files
from bot.smartplans import step_pictures
from bot.texts import media_links
from bot.texts.media_links import Shared

log = structlog.get_logger()
routes = Blueprint("media", __name__)

HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


@routes.get("/media/<token>/<name>")
def attachment(token: str, name: str) -> Response:
    """The file; 404 for an address that we never gave, 410 for one whose time is over, or whose
    file is gone, 503 while Slack does not hand it over."""
    settings: Settings = current_app.config["SETTINGS"]
    try:
        shared = media_links.opened(settings.secret_key.get_secret_value(), token, name)
    except media_links.Expired:
        return _refused(410)
    except media_links.Unknown:
        return _refused(404)
    if shared.kept is not None:
        return _kept(shared, shared.kept)
    try:
        coming = files.fetch(files.source(settings), shared.url, shared.size_bytes)
    except Trouble as trouble:
        log.warning("media.not_handed_over", why=type(trouble).__name__)
        if isinstance(trouble, Away):
            return _refused(503)
        return _refused(410 if isinstance(trouble, Gone) else 502)
    if coming.kind != shared.kind or coming.size_bytes not in (None, shared.size_bytes):
        coming.close()
        log.warning("media.changed")  # since it was looked at, and quoted
        return _refused(410)
    return _handed_over(shared, coming)


def _kept(shared: Shared, kept: str) -> Response:
    content = step_pictures.content(kept)
    return _refused(410) if content is None else _answer(shared, content)


def _handed_over(shared: Shared, coming: Incoming) -> Response:
    answer = _answer(shared, _whole(shared, coming))
    answer.call_on_close(coming.close)
    return answer


def _answer(shared: Shared, content: bytes | Iterator[bytes]) -> Response:
    answer = Response(content, mimetype=shared.kind.content_type, headers=HEADERS)
    answer.content_length = shared.size_bytes
    answer.headers["Content-Disposition"] = f'inline; filename="{shared.name}"'
    return answer


def _whole(shared: Shared, coming: Incoming) -> Iterator[bytes]:
    """All of it. What ends early is cut off for Twilio, too: a torn picture is never texted."""
    sent = 0
    for chunk in coming.chunks():
        sent += len(chunk)
        yield chunk
    if sent != shared.size_bytes:
        raise Away("it was cut off")


def _refused(status: int) -> Response:
    return Response(status=status, headers=HEADERS)
