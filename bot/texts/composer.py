"""The composer: a form whose quote follows what is put in, and Send.

What was shown while somebody typed is never what is charged: Send quotes the true text again, and
where that differs from what stood before their eyes it asks once more (R6).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.contacts import address_book, contacts, numbers
from bot.contacts.contacts import Recipient
from bot.contacts.models import Contact
from bot.errors import Refused
from bot.lines.models import Line
from bot.talks import desk
from bot.talks.models import Conversation, Message
from bot.team import channels, roles
from bot.texts import drafts, offers, templates
from bot.texts.models import Typing
from bot.texts.offers import Quoted
from ledger import rates
from ledger.database import transaction
from ledger.models import Account
from ledger.rates import Quote

LONGEST = 3_000  # characters that a box of Slack's holds
MOST_LINES = 100  # that a menu of Slack's shows
FOUND = 20  # contacts that a search shows

#: What is compared at Send: credits, kind, the newest text of somebody else's, whether they sleep,
#: whether it goes out later.
Terms = list[Any]


@dataclass(frozen=True)
class Typed:
    """All that a composer's form holds, as Slack told of it at `at`."""

    view: str
    user: str
    at: str  # Slack's action_ts
    hash: str | None = None  # the view's
    line: int = 0
    conversation: int | None = None  # that it replies to: line and recipient stand
    to: str = ""  # "c:12", a contact; "n:+14155550100", a number; nobody yet
    account: int | None = None  # whose contacts the menu of recipients shows
    body: str = ""
    box: int = 0  # which one the body stands in
    template: int | None = None  # to be inserted
    files: Sequence[dict[str, Any]] = ()  # as Slack describes them
    send_at: datetime | None = None


@dataclass(frozen=True)
class Look:
    """What a composer shows."""

    line: int
    account: int
    lines: Sequence[tuple[int, str]]  # to choose from, where there are several
    templates: Sequence[tuple[int, str]]  # ids and names
    conversation: int | None
    recipient: Recipient | None
    sender: str  # our number, as people write it
    box: int
    filled: str
    offer: Quoted | None = None  # of what stands there, to the recipient
    price: Quote | None = None  # to a number like our own, before anybody is chosen
    trouble: str = ""  # why it cannot be sent
    note: str = ""  # why what was pressed changed nothing
    plain_credits: int = 0  # what it would cost not as a picture message
    is_mms: bool = False  # because that is cheaper
    send_at: datetime | None = None
    asked: int | None = None  # credits that were shown when Send found another price
    answered: int = 0  # the newest text to the contact by somebody else

    @property
    def terms(self) -> Terms | None:
        """What Send has to find as it was shown; None where there is nothing to send."""
        if self.offer is None:
            return None
        quote, is_quiet = self.offer.quote, self.offer.send_at is not None
        return [quote.credits, quote.kind, self.answered, is_quiet, self.send_at is not None]


# Opening it


@transaction
def start(
    user: str, now: datetime, *, channel: str | None = None, account: int | None = None,
    conversation: int | None = None, to: str | None = None,
) -> Look:  # fmt: skip
    """An empty composer: from a channel, for an account, or as a reply; to this number, if one is
    given. Raises Refused."""
    if conversation is not None:
        talk = desk.own(conversation, user)
        if not numbers.textable(talk.contact.number):
            raise Refused("This sender takes no answers.")
        drafts.require_sendable(talk.line, talk.contact, "")
        line = talk.line
    else:
        line = _first(user, channel, account)
        if to:
            drafts.require_sendable(line, address_book.by_number(line.account_id, to), "")
    row = blank(Typed("", user, "", line=line.id, conversation=conversation), now)
    row.number = row.number or to
    return look(row, now)


def blank(typed: Typed, now: datetime) -> Typing:
    """A row in which nothing stands yet. Raises Refused where the user may not write there."""
    talk = desk.own(typed.conversation, typed.user) if typed.conversation else None
    return Typing(
        view=typed.view, user=typed.user, line=talk.line if talk else line_of(typed),
        conversation=talk, number=talk.contact.number if talk else None, body="", box=typed.box,
        at="", hash=typed.hash, made_at=now,
    )  # fmt: skip


def draft_id(view: str) -> str:
    """The id of the draft that a composer becomes: its view's, so that it is sent once."""
    return f"view-{view}"


def line_of(typed: Typed) -> Line:
    """The line that was chosen. Raises Refused if it is none of the user's."""
    line: Line | None = Line.live().where(Line.id == typed.line).get_or_none()
    if line is None:
        raise Refused("This line was released, or is another team's. `/line` lists yours.")
    roles.require_member(typed.user, line.account_id)
    return line


def _first(user: str, channel: str | None, account: int | None) -> Line:
    if channel and Line.live().where(Line.channel == channel).exists():
        return channels.line_for(user, channel)
    mine = _lines(user)
    if account is not None:
        roles.require_member(user, account)
        mine = [line for line in mine if line.account_id == account]
    return mine[0] if mine else channels.line_for(user, channel or "")


def _lines(user: str) -> list[Line]:
    here = Line.account.in_(roles.accounts_of(user))
    return list(
        Line.live(Line, Account).join(Account).where(here).order_by(Line.id).limit(MOST_LINES)
    )


@transaction
def find(user: str, account_id: int, line_id: int, typed: str) -> list[tuple[str, str]]:
    """Who may be meant: values for `Typed.to` with what they say. Raises Refused."""
    roles.require_member(user, account_id)
    found = [
        chosen(Recipient(one.number, one))
        for one in address_book.find(account_id, typed, FOUND)
        if numbers.textable(one.number)
    ]
    line = Line.get_or_none(Line.id == line_id, Line.account == account_id)
    home = numbers.region(line.number) if line else None
    try:
        number = numbers.read(typed, home or contacts.home_region(account_id))
    except Refused:  # no number, or none yet
        return found
    if address_book.by_number(account_id, number) is None:
        found.insert(0, chosen(Recipient(number, None)))
    return found


def chosen(whom: Recipient) -> tuple[str, str]:
    """The value for `Typed.to` that means them, and what it says."""
    if whom.contact is None:
        return f"n:{whom.number}", f"Text {numbers.spoken(whom.number)}"
    return f"c:{whom.contact.id}", contacts.with_number(whom.name, whom.contact.number)


# What is shown


def look(row: Typing, now: datetime) -> Look:
    """What the composer shows of what stands in it, as things are now."""
    line = row.line
    contact = address_book.by_number(line.account_id, row.number) if row.number else None
    mine = _lines(row.user) if row.conversation_id is None else []
    mine = mine if line in mine else [line, *mine[: MOST_LINES - 1]]
    several = len({one.account_id for one in mine}) > 1
    shown: dict[str, Any] = {
        "line": line.id, "account": line.account_id, "sender": numbers.spoken(line.number),
        "lines": tuple((one.id, _line_label(one, several)) for one in mine) if mine[1:] else (),
        "templates": tuple((one.id, one.name) for one in templates.listed(line.account_id)),
        "conversation": row.conversation_id, "box": row.box, "filled": row.filled, "note": row.note,
        "recipient": Recipient(row.number, contact) if row.number else None,
        "send_at": row.send_at, "asked": row.asked, "answered": _answered(row, contact),
    }  # fmt: skip
    return Look(**shown, **_priced(row, contact, now))


def _line_label(line: Line, several: bool) -> str:
    number = numbers.spoken(line.number)
    return f"{number} · {line.account.name}" if several else number


def _priced(row: Typing, contact: Contact | None, now: datetime) -> dict[str, Any]:
    """The quote of what stands there, or why there is none."""
    body = row.body.strip()
    if not (body or row.media):
        return {}
    try:
        drafts.require_sendable(row.line, contact, body, row.media)
        if row.number is None:
            return {"price": rates.quote(row.line.number, body, offers.sizes(row.media))}
        is_mms, credits = _as_mms(row, body)
        draft = drafts.sketch(
            row.line, row.number, body, row.user, now, media=row.media, as_mms=is_mms,
            send_at=row.send_at,
        )  # fmt: skip
        offer = offers.offer(draft, now)
    except Refused as refusal:
        return {"trouble": str(refusal)}
    trouble = ""
    if gaps := templates.unfilled(body):
        trouble = f"We do not know {gaps[0]} here. Write in its place what they should read."
    return {"offer": offer, "trouble": trouble, "is_mms": is_mms, "plain_credits": credits}


def _as_mms(row: Typing, body: str) -> tuple[bool, int]:
    """Whether it goes as one picture message, as long as that is cheaper; and its price else."""
    number = row.number or ""
    plain = rates.quote(number, body, offers.sizes(row.media)).credits
    may = row.as_mms and not row.media and numbers.takes_pictures(row.line.number, number)
    return may and rates.quote(number, body, as_mms=True).credits < plain, plain


def _answered(row: Typing, contact: Contact | None) -> int:
    """The newest text that somebody else sent to the contact."""
    if contact is None:
        return 0
    found = (
        Message.select(Message.id)
        .join(Conversation)
        .where(
            Conversation.line == row.line, Conversation.contact == contact,
            Message.direction == "out", Message.author != row.user,
        )
        .order_by(Message.made_at.desc())
        .first()
    )  # fmt: skip
    return found.id if found else 0
