"""Who may be texted: opt-outs and their history, and what people write when they want no more."""

from __future__ import annotations

import re
from datetime import date, datetime

from bot import enrollments
from bot.errors import Refused
from bot.models import Consent, Contact, Conversation, Line

# Twilio's words for long codes, and the FCC's (47 CFR 64.1200(a)(10)); the whole body must match.
STOP_WORDS = {
    "stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "opt out",
}  # fmt: skip
START_WORDS = {"start", "yes", "unstop"}
#: "Any reasonable means" counts (same rule). A machine may only suggest it: a person decides.
PLAIN_WISH = re.compile(
    r"""\b(
        (take|remove|delete)\s+(me|my\s+number)\s+(off|from) | unsubscribe\s+me |
        (stop|quit)\s+(texting|messaging|contacting|writing|sending|it\b|please) | please\s+stop |
        (do\s+not|don'?t|never)\s+(text|message|contact|write)\s+(me|this|to\s+me|again) |
        no\s+more\s+(texts?|messages?) | leave\s+me\s+alone | opt\s+(me\s+)?out | wrong\s+number |
        no\s+m[aá]s\s+(mensajes|textos) | d[eé]j[ae]\w*\s+de\s+(escribir|mandar|enviar)\w*
    )""",
    re.IGNORECASE | re.VERBOSE,
)


def word(body: str, opt_out_type: str | None = None) -> str | None:
    """ "STOP" or "START" if that is what the text says, whole; None if it says something else."""
    said = re.sub(r"\s+", " ", body).strip().strip(".!").lower()
    if opt_out_type == "STOP" or said in STOP_WORDS:
        return "STOP"
    if opt_out_type == "START" or said in START_WORDS:
        return "START"
    return None


def wishes_to_stop(body: str) -> bool:
    """Whether the text reads like a wish to get no more; worth a suggestion, not more."""
    return word(body) is None and PLAIN_WISH.search(body.replace("’", "'")) is not None


def opted_out(conversation: Conversation) -> bool:
    """Whether this contact may not be texted on this line: STOP closes all, START opens one."""
    return is_closed(conversation.contact.opted_out_at, conversation.opted_in_at)


def is_closed(opted_out_at: datetime | None, opted_in_at: datetime | None) -> bool:
    """Whether the last word was STOP."""
    return opted_out_at is not None and (opted_in_at is None or opted_in_at < opted_out_at)


def withdraw(
    conversation: Conversation, how: str, now: datetime, by: str | None = None
) -> bool:  # fmt: skip
    """Marks the contact opted out of every line of the account. Returns whether that is new."""
    if opted_out(conversation):
        return False
    contact = conversation.contact
    contact.opted_out_at = now
    contact.save(only=[Contact.opted_out_at])
    enrollments.on_opt_out(contact.id, now)
    _note(conversation, False, how, now, by)
    return True


def give(conversation: Conversation, how: str, now: datetime, by: str | None = None) -> bool:
    """Opens this one line to the contact again. Returns whether that is new."""
    if not opted_out(conversation):
        return False
    conversation.opted_in_at = now
    conversation.save(only=[Conversation.opted_in_at])
    _note(conversation, True, how, now, by)
    return True


def refuse(
    contact: Contact, how: str, now: datetime, by: str, on_day: date | None = None
) -> None:  # fmt: skip
    """Closes every line of the account to the contact, who told a member so."""
    contact.opted_out_at = now
    contact.save(only=[Contact.opted_out_at])
    enrollments.on_opt_out(contact.id, now)
    _keep(contact, False, how, now, by, on_day)


def agree(
    contact: Contact, how: str, now: datetime, by: str, on_day: date | None = None
) -> None:  # fmt: skip
    """Records that the contact agreed to be texted, and takes back what a member recorded before.

    Raises Refused where they texted STOP themselves.
    """
    if contact.opted_out_at is not None:
        if _texted_stop(contact):
            raise Refused(
                "They texted STOP themselves. Only their own START opens the line again: "
                "the phone companies let nobody else do it."
            )
        contact.opted_out_at = None
        contact.save(only=[Contact.opted_out_at])
    _keep(contact, True, how, now, by, on_day)


def _texted_stop(contact: Contact) -> bool:
    """Whether the contact's own last word, without a member between, was STOP."""
    own = [one for one in history(contact) if one.by is None]
    if own:
        return not own[0].given
    return _last(contact, given=False) is None  # of before there was a history


def _last(contact: Contact, given: bool) -> Consent | None:
    found: Consent | None = (
        Consent.select()
        .where(Consent.contact == contact, Consent.given == given)
        .order_by(Consent.made_at.desc(), Consent.id.desc())
        .first()
    )
    return found


def how(contact: Contact) -> str:
    """How the contact said last that they want no texts: "texted STOP", "said so"."""
    last = _last(contact, given=False)
    return str(last.how) if last else "texted STOP"


def history(contact: Contact) -> list[Consent]:
    """What the contact agreed to and no longer did, newest first."""
    found = Consent.select().where(Consent.contact == contact)
    return list(found.order_by(Consent.made_at.desc(), Consent.id.desc()))


def _note(
    conversation: Conversation, given: bool, how: str, now: datetime, by: str | None
) -> None:  # fmt: skip
    _keep(conversation.contact, given, how, now, by, line=conversation.line)


def _keep(
    contact: Contact, given: bool, how: str, now: datetime, by: str | None,
    on_day: date | None = None, line: Line | None = None,
) -> None:  # fmt: skip
    Consent.create(
        contact=contact, line=line, given=given, how=how, by=by, on_day=on_day, made_at=now
    )
