"""Who may be texted: opt-outs and their history, and what people write when they want no more."""

from __future__ import annotations

import re
from datetime import date, datetime

from bot.contacts.models import Consent, Contact, is_closed
from bot.errors import Refused
from bot.lines.models import Line
from bot.smartplans import plan_events
from bot.talks.models import Conversation

# Twilio's words for long codes, and the FCC's (47 CFR 64.1200(a)(10)); the whole body must match,
# but for case, spaces and punctuation.
STOP_WORDS = {"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"}
START_WORDS = {"start", "yes", "unstop"}
BESIDE_WORDS = re.compile(r"[\s.,!;:'\"“”‘’*()_-]+")  # not "?": "Cancel?" asks something
#: "Any reasonable means" counts (same rule). A machine may only suggest it: a person decides.
PLAIN_WISH = re.compile(
    r"""\b(
        (take|remove|delete)\s+(me|my\s+(number|name|info))\b
            (?=\s*($|[.!,]|(now|please|off|from)\b)) | get\s+me\s+off |
        (stop|quit)\s+(texting|messaging|contacting|writing|bothering|spamming|sending|calling)\b |
        (stop|quit)\s+(the|these|those|all|any)?\s*(texts?|messages?|spam)\b |
        (please|pls|just)\s+(stop|quit)\s*(it|this|now|please|thanks?|thank\s+you)?\s*($|[.!,]) |
        (do\s+not|don'?t|never|stop)\s+(ever\s+)?
            (text(ing)?|messag(e|ing)|contact(ing)?|writ(e|ing)|bother(ing)?|call(ing)?)\b
            (?=\s*($|[.!,]|(me|us|this|to|again|any|here|anymore)\b
                (?!\s+(before|after|until|till|between|during|at|on|while)\b))) |
        (want|need|get|send)\s+no\s+(more|further)\s+(texts?|messages?) |
        no\s+(more|further)\s+(texts?|messages?|contact) | leave\s+me\s+alone |
        opt(ing)?\s*-?\s*(me\s+)?out | unsubscribe | revoke\s+(my\s+)?(consent|permission) |
        lose\s+(my|this)\s+number | wrong\s+(number|person) |
        no\s+m[aá]s\s+(mensajes?|textos?) |
        d[eé]j[ae]\w*\s+de\s+(escribir|mandar|enviar|molestar)\w* |
        no\s+me\s+(escrib\w+|mand\w+|env[ií]\w+)(?=\s*($|[.!,]|m[aá]s\b)) |
        (dar|darme|de)\s+(de\s+)?baja\b |
        (arr[eê]te[zr]?|cesse[zr]?)\s+(de\s+m|les\s+(messages?|textos?|sms))
    )""",
    re.IGNORECASE | re.VERBOSE,
)
#: A text that is nothing but such a word and politeness: "Stop please", "please unsubscribe me".
ONLY_WISH = re.compile(
    r"""\W*((please|pls|ok|no|hey|hi)\W+)?
        (stop|quit|unsubscribe|opt\W?out|revoke|arr[eê]t|alto|parar|basta|no\W+m[aá]s)\b
        (\W+(me|it|now|please|pls|all|this|already|thanks?|thank\W+you|sir|texts?|messages?))*\W*""",
    re.IGNORECASE | re.VERBOSE,
)


def word(body: str, opt_out_type: str | None = None) -> str | None:
    """ "STOP" or "START" if that is what the text says, whole; None if it says something else.

    `opt_out_type` is what Twilio made of it, where it did: an account's own words, in any language.
    """
    if opt_out_type in ("STOP", "START"):
        return opt_out_type
    said = BESIDE_WORDS.sub("", body).lower()
    if said in STOP_WORDS:
        return "STOP"
    return "START" if said in START_WORDS else None


def wishes_to_stop(body: str) -> bool:
    """Whether the text reads like a wish to get no more; worth a suggestion, not more."""
    said = body.replace("’", "'")
    return word(body) is None and bool(PLAIN_WISH.search(said) or ONLY_WISH.fullmatch(said))


def opted_out(conversation: Conversation) -> bool:
    """Whether this contact may not be texted on this line: STOP closes all, START opens one."""
    return is_closed(conversation.contact.opted_out_at, conversation.opted_in_at)


def withdraw(
    conversation: Conversation, how: str, now: datetime, by: str | None
) -> bool:  # fmt: skip
    """Marks the contact opted out of every line of the account. Returns whether that is new."""
    contact = conversation.contact
    if contact.opted_out_at is not None and contact.opted_out_at >= now:
        return False  # told late: something newer is known
    last = _last(contact, given=False)
    # What they text themselves weighs more than what a member noted: only they can take it back.
    weighs_more = by is None and last is not None and last.by is not None
    if not weighs_more and not _open_somewhere(contact):
        return False
    contact.opted_out_at = now
    contact.save(only=[Contact.opted_out_at])
    plan_events.on_opt_out(contact.id, now)
    _note(conversation, False, how, now, by)
    return opted_out(conversation)


def give(conversation: Conversation, how: str, now: datetime, by: str | None = None) -> bool:
    """Opens this one line to the contact again. Returns whether that is new."""
    closed = opted_out(conversation)
    if conversation.opted_in_at is None or conversation.opted_in_at < now:
        conversation.opted_in_at = now  # open or not: a refusal of before may be told late
        conversation.save(only=[Conversation.opted_in_at])
    new = closed and not opted_out(conversation)
    if new:
        _note(conversation, True, how, now, by)
    return new


def refuse(
    contact: Contact, how: str, now: datetime, by: str, on_day: date | None = None
) -> None:  # fmt: skip
    """Closes every line of the account to the contact, who told a member so."""
    contact.opted_out_at = now
    contact.save(only=[Contact.opted_out_at])
    plan_events.on_opt_out(contact.id, now)
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


def _open_somewhere(contact: Contact) -> bool:
    """Whether any line of the account may text the contact."""
    if contact.opted_out_at is None:
        return True
    opened = Conversation.opted_in_at >= contact.opted_out_at
    here = Conversation.contact == contact
    return bool(Conversation.select().where(here, opened).exists())


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
