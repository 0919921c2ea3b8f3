"""Twilio's webhooks: check the signature, save, answer. Nothing else happens in the request."""

from __future__ import annotations

import re

import peewee
import structlog
from flask import Blueprint, Response, current_app, request
from twilio.request_validator import RequestValidator, compare
from werkzeug.exceptions import HTTPException

from bot import bodies, inbox
from bot.config import Settings
from bot.lines.sealing import CannotOpen
from bot.twilio.accounts import Accounts

log = structlog.get_logger()
webhooks = Blueprint("twilio", __name__, url_prefix="/twilio")

MAX_BYTES = 256 * 1024  # a text of 1,600 characters with ten pictures is under 20 kB

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # a SID, a status
LONGEST_SENDER = 100  # characters: a number, a short code, a name, a channel's address

#: Appended to every URL we give Twilio: three retries, also when we answer 5xx or too late, where
#: Twilio by itself retries nothing (twilio.com/docs/usage/webhooks/webhooks-connection-overrides).
RETRY_FRAGMENT = "#rc=3&rp=ct,rt,5xx"


@webhooks.before_request
def guard() -> Response | None:
    """413 for a body no text can have, 403 unless Twilio signed it for our own address, with a
    token of the account that it names; 503 where that token cannot be had now."""
    bodies.whole(MAX_BYTES)  # the form is read from it
    settings: Settings = current_app.config["SETTINGS"]
    accounts: Accounts = current_app.config["TWILIO"]
    given = request.headers.get("X-Twilio-Signature", "")
    # Signed over the configured address, never over what a Host header claims.
    url = settings.public_url + request.path
    if request.query_string:
        url += "?" + request.query_string.decode("latin-1")
    try:
        tokens = accounts.tokens(request.form.get("AccountSid", ""))
    except (CannotOpen, peewee.PeeweeException):
        log.exception("twilio.no_token")
        return Response(status=503, mimetype="text/xml")  # so that Twilio tries again
    for token in tokens:
        validator = RequestValidator(token)
        # The second: a sender that signs the whole URL it was given.
        for signed in (url, url + RETRY_FRAGMENT):
            if compare(validator.compute_signature(signed, request.form), given):
                return None
    log.warning("twilio.bad_signature", path=request.path)
    return Response(status=403, mimetype="text/xml")


@webhooks.errorhandler(HTTPException)
def refused(error: HTTPException) -> Response:
    """No page for people: Twilio would read it as what is to be done."""
    return Response(status=error.code, mimetype="text/xml")


@webhooks.post("/sms")
def sms() -> Response:
    """A text in."""
    form = request.form
    sid, sender = form.get("MessageSid", ""), form.get("From", "")
    if not (NAME.fullmatch(sid) and form.get("To") and 0 < len(sender) <= LONGEST_SENDER):
        return Response(status=400, mimetype="text/xml")
    return save(sid, "twilio.sms", f"from:{sender}")


@webhooks.post("/status")
def status() -> Response:
    """What became of a text out."""
    sid, status = request.form.get("MessageSid", ""), request.form.get("MessageStatus", "")
    if not (NAME.fullmatch(sid) and NAME.fullmatch(status)):
        return Response(status=400, mimetype="text/xml")
    return save(f"{sid}:{status}", "twilio.status", f"status:{sid}")


def save(key: str, kind: str, lane: str, **more: object) -> Response:
    """Saves what the request told, and answers it: with nothing to say, or 503."""
    accounts: Accounts = current_app.config["TWILIO"]
    key = accounts.key(request.form["AccountSid"], key)
    form = list(request.form.items(multi=True))
    payload = {"form": form, "query": request.args.to_dict(), **more}
    try:
        intake: inbox.Intake = current_app.config["INTAKE"]
        intake.save(key, kind, lane, payload)
    except peewee.PeeweeException:
        log.exception("inbox.not_saved", kind=kind)
        return Response(status=503, mimetype="text/xml")  # so that Twilio tries again
    # text/plain would be texted to the person; an empty document says nothing to anybody.
    return Response("<Response/>", mimetype="text/xml")
