"""GET and POST /mail/stop/<token>: where the reader of a plan's e-mail ends such e-mails.

Opening the page stops nothing: programs that look into e-mails open every link. The button does,
and so does a mail program's own, which posts without showing the page (RFC 8058).
"""

from __future__ import annotations

import structlog
from flask import Blueprint, Response, current_app

from bot import clock
from bot.config import Settings
from bot.mail.deliver import PAGES
from bot.smartplans import letters

log = structlog.get_logger()
pages = Blueprint("mail", __name__, url_prefix="/mail")


@pages.get("/stop/<token>")
def ask(token: str) -> Response:
    """What would stop, and a button."""
    try:
        found = letters.about(_letter(token))
    except letters.Unknown:
        return _unknown()
    if found.stopped:
        return _stopped(found)
    says = f"{found.team} sends e-mails to {found.address} from time to time."
    return _page("No more e-mails?", says, ask=True)


@pages.post("/stop/<token>")
def stop(token: str) -> Response:
    """Stops them. Again, it says the same."""
    try:
        found = letters.stop(_letter(token), clock.now())
    except letters.Unknown:
        return _unknown()
    log.info("letters.stopped")
    return _stopped(found)


def _letter(token: str) -> int:
    settings: Settings = current_app.config["SETTINGS"]
    return letters.letter_of([settings.secret_key.get_secret_value()], token)


def _stopped(found: letters.Stopping) -> Response:
    says = f"{found.team} sends no more such e-mails to {found.address}."
    return _page("Done", says)


def _unknown() -> Response:
    says = "This link is not complete. Open it from the e-mail, or copy all of it."
    return _page("This link is not known here", says, status=404)


def _page(title: str, says: str, *, ask: bool = False, status: int = 200) -> Response:
    page = PAGES.get_template("stop.html").render(title=title, says=says, ask=ask)
    answer = Response(page, status=status, mimetype="text/html")
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"
    )
    return answer
