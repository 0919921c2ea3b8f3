"""POST /slack/events: the one address Slack calls, for events, commands, buttons and modals.

Events are saved in the inbox and answered; Bolt acknowledges an event before its listener ran, and
what a killed process had acknowledged would be lost. The rest is answered at once, through Bolt.
"""

from __future__ import annotations

import json
from typing import Any

import peewee
import structlog
from flask import Blueprint, Response, current_app, request
from slack_bolt.adapter.flask import SlackRequestHandler
from slack_sdk.signature import SignatureVerifier

from bot import bodies, inbox
from bot.config import Settings
from bot.slack.events import about, concerns_us

log = structlog.get_logger()
routes = Blueprint("slack", __name__, url_prefix="/slack")

MAX_BYTES = 1024 * 1024


@routes.before_request
def guard() -> Response | None:
    """413 for a body Slack never sends, 401 unless Slack signed it in the last five minutes."""
    settings: Settings = current_app.config["SETTINGS"]
    verifier = SignatureVerifier(settings.slack_signing_secret.get_secret_value())
    # The raw body; reading request.form first would leave Bolt with nothing.
    body = bodies.whole(MAX_BYTES)
    try:
        body.decode()
        signed = verifier.is_valid(
            body,
            request.headers.get("X-Slack-Request-Timestamp", ""),
            request.headers.get("X-Slack-Signature", ""),
        )
    except (ValueError, TypeError):  # a timestamp or signature that is none, or not UTF-8
        signed = False
    if signed:
        return None
    log.warning("slack.bad_signature")
    return Response(status=401)


@routes.post("/events")
def events() -> Response:
    """Whatever Slack has to tell."""
    if request.is_json:
        try:
            payload = json.loads(request.get_data())
        except ValueError:
            return Response(status=400)
        if not isinstance(payload, dict):
            return Response(status=400)
        if payload.get("type") == "event_callback":
            return _save(payload)
    handler: SlackRequestHandler = current_app.config["BOLT"]
    try:
        answer: Response = handler.handle(request)
    except Exception:  # of Bolt's reading; what a listener raises is answered by bolt.py
        log.exception("slack.not_read")
        return Response(status=400)
    return answer


def _save(payload: dict[str, Any]) -> Response:
    event, event_id = payload.get("event"), payload.get("event_id")
    if not (isinstance(event, dict) and isinstance(event_id, str) and 0 < len(event_id) <= 64):
        return Response(status=400)
    lane = f"slack:{about(event)}"[:100]
    try:
        if not concerns_us(payload):
            return Response(status=200)
        intake: inbox.Intake = current_app.config["INTAKE"]
        intake.save(event_id, "slack.event", lane, payload)
    except peewee.PeeweeException:
        log.exception("inbox.not_saved", kind="slack.event")
        return Response(status=503)  # so that Slack tries again
    return Response(status=200)
