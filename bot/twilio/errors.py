"""Twilio's error codes in plain words, and what each means for the text and its credits.

From twilio.com/docs/api/errors. Twilio asks that programs not lean on codes too much, so a code
that is not here has a safe meaning: final, not sent again, refunded only where Twilio says failed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TextError:
    """Why a text did not arrive."""

    code: int | None
    reason: str  # for an agent: what happened, and what to do
    permanent: bool = True  # the same text to the same number will not arrive either
    refund: bool = False  # undelivered, yet it never reached the carrier (R14)
    opts_out: bool = False  # the person said STOP
    setup: bool = False  # the operator has to mend something


_BAD_NUMBER = "The number does not exist. Check it with the person."
_LANDLINE = "The number cannot get texts: it is a landline or not reachable by text."
_SPAM = "The carrier took it for spam. Word it differently, without links, before you try again."
_BUSY = "The carrier was too busy. Try again later."
_ACCOUNT = "Texting is suspended on the Twilio account. Ask your operator."
_UNREGISTERED = (
    "US carriers refuse texts from this number until it is registered (A2P 10DLC). "
    "Ask your operator."
)
_OURS = "Twilio found the message malformed. Tell your operator; this is ours to mend."

_TABLE = [
    TextError(20003, "Twilio does not take our credentials. Ask your operator.", setup=True),
    TextError(21211, _BAD_NUMBER),
    TextError(21212, "Our own number is not valid at Twilio. Ask your operator.", setup=True),
    TextError(21408, "Texting to that country is switched off at Twilio. Ask your operator.", setup=True),
    TextError(21602, _OURS),
    TextError(21604, _OURS),
    TextError(21606, "Our number cannot text there, or is not ours. Ask your operator.", setup=True),
    TextError(21608, "A trial account texts only numbers verified at Twilio. Ask your operator.", setup=True),
    TextError(21610, "The person opted out with STOP. They can text START to opt in.", opts_out=True),
    TextError(21611, "Too many texts wait on our number. Try again in some hours.", permanent=False),
    TextError(21612, "Our number cannot reach that number."),
    TextError(21614, _LANDLINE),
    TextError(21617, _OURS),
    TextError(21619, _OURS),
    TextError(21620, _OURS),
    TextError(21623, _OURS),
    TextError(21635, _LANDLINE),
    TextError(11751, "The attachment is too large for the carrier. Send a smaller one.", refund=True),
    TextError(12300, "The attachment is of a kind that cannot be texted.", refund=True),
    TextError(30001, "Too many texts wait on our number. Try again in some hours.", False, True),
    TextError(30002, _ACCOUNT, refund=True, setup=True),
    TextError(30003, "The phone is switched off or out of reach. Try again later.", permanent=False),
    TextError(30004, "The carrier blocks texts to this phone. Call instead."),
    TextError(30005, _BAD_NUMBER),
    TextError(30006, _LANDLINE),
    TextError(30007, _SPAM),
    TextError(30008, "The carrier did not say why. Try once more later.", permanent=False),
    TextError(30017, _BUSY, permanent=False),
    TextError(30019, "The attachment is too large for the carrier. Send a smaller one."),
    TextError(30022, _BUSY, permanent=False),
    TextError(30023, "Today's allowance for this carrier is used up. Try again tomorrow.", False, True),
    TextError(30024, _UNREGISTERED, refund=True, setup=True),
    TextError(30027, "Today's allowance for this carrier is used up. Try again tomorrow.", False, True),
    TextError(30032, "This toll-free number is not verified yet. Ask your operator.", refund=True, setup=True),
    TextError(30033, _ACCOUNT, refund=True, setup=True),
    TextError(30034, _UNREGISTERED, refund=True, setup=True),
    TextError(30035, "The number's registration is under way; it can take a day.", False, True, setup=True),
    TextError(30036, "It waited too long to go out and was dropped. Send it again if it still matters.", False, True),
    TextError(30037, _ACCOUNT, refund=True, setup=True),
    TextError(30410, "The carrier did not answer Twilio. Try once more.", False, True),
    TextError(30450, "Twilio blocked it as possible fraud. Try again in half an hour.", False, True),
    TextError(30453, "Twilio blocked it as possible fraud. Try again in half an hour.", False, True),
    TextError(30454, "Too many texts went to that country. Try again in half an hour.", False, True),
    TextError(30500, "Twilio broke while sending it. Try once more.", False, True),
    TextError(60728, "The hour's limit of texts is used up. Try again in an hour.", False, True),
    TextError(63038, "Today's limit of texts at Twilio is used up. Try again tomorrow.", False, True),
]  # fmt: skip
ERRORS = {error.code: error for error in _TABLE}


def explain(code: int | None) -> TextError:
    """The error of this code; for one that is not known, a safe one that names Twilio's page."""
    if code is None:
        return TextError(None, "Twilio gave no reason.")
    page = f"https://www.twilio.com/docs/api/errors/{code}"
    return ERRORS.get(code) or TextError(code, f"Twilio's reason is error {code}: {page}")


def classify(status: int, code: int | None) -> Literal["again", "failed", "unknown"]:
    """What an HTTP error says: surely not done and worth repeating, surely refused, or nobody knows.

    A wrong "failed" refunds a text that went out; a wrong "again" sends one twice. So only what
    Twilio documents as refused is refused, and only "never processed" is repeated.
    """
    if status == 429 or code == 20429:
        return "again"
    if status == 401 or code == 20003:
        return "again"  # nothing was done; credentials are mended without losing the text
    if 400 <= status < 500 and status != 408:
        return "failed"
    return "unknown"
