"""Twilio's error codes in plain words, and what each means for a text and its credits.

From twilio.com/docs/api/errors. Twilio asks programs not to lean on its codes too much, so one that
is not here has a safe meaning: final, not sent again, charged unless Twilio's status says failed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from bot.words import OPERATOR

PAGE = "https://www.twilio.com/docs/api/errors/{code}"


@dataclass(frozen=True)
class TextError:
    """Why a text did not arrive. As a string: what happened, then what to do."""

    code: int | None
    reason: str  # what happened, in an agent's words
    advice: str  # what the agent does next
    refund: bool = False  # no carrier took it (R14), whatever status Twilio gives it
    opts_out: bool = False  # the person said STOP
    setup: bool = False  # the operator has to mend something

    def __str__(self) -> str:
        return f"{self.reason} {self.advice}"


def explain(code: int | None) -> TextError:
    """The error of this code; for one that is not known, a safe one that names Twilio's page."""
    if not code:
        return TextError(None, "Twilio gave no reason.", "Call, or try once more later.")
    unknown = f"Twilio's error {code}, explained at {PAGE.format(code=code)}"
    return ERRORS.get(code) or TextError(code, unknown, f"Ask {OPERATOR}.")


def classify(status: int, code: int | None) -> Literal["again", "failed", "unknown"]:
    """What an HTTP error of Twilio's says of the text: not done and worth repeating, refused for
    good, or nobody knows. `code` is the one in the answer's body, if it has one.

    A wrong "failed" refunds a text that went out; a wrong "again" sends one twice. So only what
    Twilio has surely not done is either; a gateway's time-out (408, 5xx) may hide a text sent.
    """
    if status == 429 or code == TOO_MANY_REQUESTS:
        return "again"  # "never processed and always safe to retry"
    # The account was turned away, not the text: every text would fail alike and agents would have
    # to send each anew. It waits for the operator, for as long as a text may wait at all.
    if code == WRONG_CREDENTIALS or (status in (401, 403) and code not in ERRORS):
        return "again"
    if 400 <= status < 500 and status != 408:
        return "failed"
    return "unknown"


WRONG_CREDENTIALS, TOO_MANY_REQUESTS = 20003, 20429

_OPERATOR = f"Ask {OPERATOR}."
_REGISTER = f"Ask {OPERATOR} to register it (A2P 10DLC)."
_LATER = "Try again later."
_CHECK = "Check the number with the person."
_CALL = "Call instead."
_START = "They can text START to opt in again."
_RESIZE = "Send smaller ones."
_HALF_AN_HOUR = "Try again in half an hour."
_TOMORROW = "Try again tomorrow."

_NO_SUCH_NUMBER = "The number does not exist."
_LANDLINE = "The number is a landline, or cannot get texts."
_MALFORMED = "Twilio found the message malformed."
_OURS = f"Tell {OPERATOR}: this is ours to mend."
_SUSPENDED = "Texting is suspended on the Twilio account."
_QUEUE_FULL = "Too many texts wait to leave our number."
_BUSY = "The person's carrier was too busy to deliver it."
_DAILY_CAP = "Today's allowance for the person's carrier is used up."
_FRAUD = "Twilio blocked it as possible fraud."

#: Refused in the answer to our call.
_REFUSED = [
    TextError(WRONG_CREDENTIALS, "Twilio does not take our credentials.", _OPERATOR, setup=True),
    TextError(TOO_MANY_REQUESTS, "Twilio was asked too much at once.", _LATER),
    TextError(21211, _NO_SUCH_NUMBER, _CHECK),
    TextError(21212, "Twilio does not know our own number.", _OPERATOR, setup=True),
    TextError(21408, "Texting to that country is switched off.", _OPERATOR, setup=True),
    TextError(21602, _MALFORMED, _OURS),
    TextError(21604, _MALFORMED, _OURS),
    TextError(21606, "Our own number cannot send that text.", _OPERATOR, setup=True),
    TextError(21608, "A Twilio trial texts only numbers verified there.", _OPERATOR, setup=True),
    TextError(21610, "The person opted out with STOP.", _START, opts_out=True),
    TextError(21611, _QUEUE_FULL, "Try again in some hours."),
    TextError(21612, "Our number cannot reach that number.", _CALL),
    TextError(21614, _LANDLINE, _CALL),
    TextError(21617, _MALFORMED, _OURS),
    TextError(21619, _MALFORMED, _OURS),
    TextError(21620, _MALFORMED, _OURS),
    TextError(21623, _MALFORMED, _OURS),
    TextError(21635, _LANDLINE, _CALL),
    TextError(35111, _MALFORMED, _OURS),
    TextError(35114, _MALFORMED, _OURS),
    TextError(35118, _MALFORMED, _OURS),
    TextError(60728, "The hour's limit of texts is used up.", "Try again in an hour."),
    TextError(63038, "Today's limit of texts at Twilio is used up.", _TOMORROW),
]
#: Taken by Twilio, then stopped before a carrier had it, or where none takes our number's texts.
_STOPPED = [
    TextError(11200, "Twilio could not fetch an attachment.", "Send it again."),
    TextError(11751, "The attachments are too large.", _RESIZE),
    TextError(12300, "An attachment is of a kind that cannot be texted.", "Send it another way."),
    TextError(30001, _QUEUE_FULL, "Try again in some hours."),
    TextError(30002, _SUSPENDED, _OPERATOR, setup=True),
    TextError(30023, _DAILY_CAP, _TOMORROW),
    TextError(30024, "The carrier does not know our number yet.", _OPERATOR, setup=True),
    TextError(30027, _DAILY_CAP, _TOMORROW),
    TextError(30032, "Our toll-free number is not verified yet.", _OPERATOR, setup=True),
    TextError(30033, _SUSPENDED, _OPERATOR, setup=True),
    TextError(30034, "US carriers refuse texts from our number.", _REGISTER, setup=True),
    TextError(30035, "Our number is being registered.", _TOMORROW, setup=True),
    TextError(30036, "It waited too long and was dropped.", "Send it again if it matters."),
    TextError(30037, _SUSPENDED, _OPERATOR, setup=True),
    TextError(30410, "The carrier did not answer Twilio.", "Try once more."),
    TextError(30450, _FRAUD, _HALF_AN_HOUR),
    TextError(30453, _FRAUD, _HALF_AN_HOUR),
    TextError(30454, "Too many texts went to that country.", _HALF_AN_HOUR),
    TextError(30500, "Twilio broke while it sent it.", "Try once more."),
]
#: Taken by a carrier, and not delivered.
_UNDELIVERED = [
    TextError(30003, "The phone is switched off or out of reach.", _LATER),
    TextError(30004, "The phone or its carrier blocks our texts.", _CALL),
    TextError(30005, _NO_SUCH_NUMBER, _CHECK),
    TextError(30006, _LANDLINE, _CALL),
    TextError(30007, "It was filtered out as spam.", "Word it differently, without links."),
    TextError(30008, "The carrier did not say why.", "Try once more later."),
    TextError(30017, _BUSY, _LATER),
    TextError(30019, "The attachments are too large for the carrier.", _RESIZE),
    TextError(30022, _BUSY, _LATER),
]
ERRORS = {error.code: error for error in _UNDELIVERED} | {
    error.code: replace(error, refund=True) for error in (*_REFUSED, *_STOPPED)
}
