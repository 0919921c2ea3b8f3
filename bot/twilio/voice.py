"""Twilio's webhooks of calls: saved like all others, and answered with what a caller gets."""

from __future__ import annotations

import peewee
import structlog
from flask import Response, current_app, request
from twilio.twiml.voice_response import Dial, VoiceResponse

from bot.config import Settings
from bot.lines import calls
from bot.lines.calls import Answer
from bot.twilio.accounts import Accounts
from bot.twilio.webhooks import LONGEST_SENDER, NAME, RETRY_FRAGMENT, save, webhooks

log = structlog.get_logger()

RINGS_S = 20  # then the caller hears our words; most mailboxes take a call only later


@webhooks.post("/voice")
def voice() -> Response:
    """A call in."""
    if not _is_call():
        return Response(status=400, mimetype="text/xml")
    answer = _answer()
    if answer is None:
        return Response(status=503, mimetype="text/xml")
    saved = save(
        request.form["CallSid"], "twilio.call", f"from:{request.form['From']}",
        forwarded_to=answer.forward,
    )  # fmt: skip
    return _twiml(answer) if saved.status_code == 200 else saved


@webhooks.post("/voice/status")
def voice_status() -> Response:
    """What became of the phone that a call was put through to; or that a call is over."""
    form = request.form
    word = form.get("DialCallStatus") or form.get("CallStatus", "")
    if not (_is_call() and NAME.fullmatch(word)):
        return Response(status=400, mimetype="text/xml")
    dialled = "DialCallStatus" in form
    answer = _answer() if dialled and word not in calls.TAKEN else None
    what = "dial" if dialled else "call"
    saved = save(
        f"{form['CallSid']}:{what}:{word}", "twilio.call_over", f"from:{form['From']}"
    )  # fmt: skip
    if answer and saved.status_code == 200:
        return _twiml(Answer(answer.words))
    return saved


def _is_call() -> bool:
    form = request.form
    return bool(
        NAME.fullmatch(form.get("CallSid", ""))
        and form.get("To")
        and 0 < len(form.get("From", "")) <= LONGEST_SENDER
    )


def _answer() -> Answer | None:
    """What the caller gets; None where the database does not say."""
    accounts: Accounts = current_app.config["TWILIO"]
    form = request.form
    try:
        return calls.answer(form["To"], accounts.beside(form.get("AccountSid")), form["From"])
    except peewee.PeeweeException:
        log.exception("voice.not_answered")
        return None


def _twiml(answer: Answer) -> Response:
    settings: Settings = current_app.config["SETTINGS"]
    document = VoiceResponse()
    if answer.refused:
        document.reject(reason="busy")
    elif answer.forward:
        # The phone rings while the caller hears it ring; both are billed from the answer on.
        dial = Dial(
            action=f"{settings.public_url}/twilio/voice/status{RETRY_FRAGMENT}", method="POST",
            timeout=RINGS_S, answer_on_bridge=True,
        )  # fmt: skip
        dial.number(answer.forward)
        document.append(dial)
    else:
        document.say(answer.words)
        document.hangup()
    return Response(str(document), mimetype="text/xml")
