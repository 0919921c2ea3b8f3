"""What a text costs and what its card shows, as things are now; nothing here writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.contacts import address_book, contacts, hours, numbers
from bot.contacts.models import Contact
from bot.lines.models import Line
from bot.talks.models import Conversation, Message
from bot.team import people
from bot.texts.models import Draft
from bot.words import count, escape
from ledger import credits, rates, savings
from ledger.credits import Funds
from ledger.models import Account
from ledger.rates import Quote
from ledger.savings import Saving

JUST_NOW = timedelta(minutes=10)  # within which another member's answer is mentioned
Media = Sequence[dict[str, Any]]
SELDOM_ARRIVES = (
    "Pictures seldom arrive outside the US and Canada: carriers there send a link instead, or "
    "nothing. A link in a text is surer."
)


@dataclass(frozen=True)
class Quoted:
    """A quoted draft, with all that its card shows."""

    draft_id: str
    version: int
    recipient: str  # name, or the number as people write it
    number: str
    body: str
    quote: Quote
    funds: Funds  # before it is sent
    words: str = ""  # to opt out, below the body and free (R21)
    media: Media = ()
    savings: Sequence[Saving] = ()
    warnings: Sequence[str] = ()  # in Slack's mark-up
    send_at: datetime | None = None  # a better time, on the contact's clock: when they are awake,
    was_scheduled: bool = False  # or the one that was chosen before the text was edited
    author: str = ""  # Slack user
    by: str = ""  # what to call the author, in Slack's mark-up
    in_thread: bool = False
    asked: str = ""  # why Send was not enough, in Slack's mark-up

    @property
    def left_after(self) -> int:
        """Credits left after Send."""
        return self.funds.balance - self.quote.credits

    @property
    def covered(self) -> bool:
        """Whether the balance covers it (R14)."""
        return self.funds.cover(self.quote.credits)


def shortage(needed: int, funds: Funds) -> str:
    """Why a text of this price is not covered, and what to do."""
    if funds.frozen:
        return (
            f"Your plan has ended. Your {count(funds.balance, 'credit')} are kept; to send again, "
            "choose a plan with `/credits plan`."
        )
    left = f"{funds.balance:,} {'is' if funds.balance == 1 else 'are'} left"
    if funds.balance < 0:
        left = f"{-funds.balance:,} {'is' if funds.balance == -1 else 'are'} missing already"
    more = "Choose a plan" if funds.planless else "Upgrade"
    shorter = ", or shorten it" if needed > 1 and funds.balance > 0 else ""
    return (
        f"That text needs {count(needed, 'credit')} and {left}. "
        f"{more} with `/credits plan`{shorter}."
    )


def offer(draft: Draft, now: datetime) -> Quoted:
    """All that the draft's card shows, as things are now."""
    contact = contact_of(draft)
    account = Account.get_by_id(draft.line.account_id)
    where = hours.zones(contact, draft.number, account.timezone)
    chosen = draft.send_at if draft.send_at and draft.send_at > now else None
    at = chosen or hours.opens_at(now, where, hours.of_line(draft.line))
    recipient = contacts.Recipient(draft.number, contact)
    return Quoted(
        draft.id, draft.version, recipient.name, draft.number, draft.body, priced(draft),
        credits.funds(account.id, now), draft.words, draft.media, savings_of(draft),
        _warnings(draft, contact, recipient.name, now), at and hours.local(at, where),
        chosen is not None, draft.author, people.spoken_of(draft.author),
        draft.source_ts is not None, draft.asked or "",
    )  # fmt: skip


def priced(draft: Draft) -> Quote:
    """What the draft costs now."""
    return rates.quote(draft.number, draft.body, sizes(draft.media), as_mms=draft.as_mms)


def sizes(media: Media) -> list[int]:
    """Attachments' sizes in bytes."""
    return [int(file["size"]) for file in media]


def contact_of(draft: Draft) -> Contact | None:
    """Who it is for, if anybody of the account knows them yet."""
    return contact_at(draft.line, draft.number)


def overtaken(draft: Draft) -> Message | None:
    """A text that another member sent to this contact since the card was shown."""
    last = _newest_out(draft.line, contact_of(draft))
    if last is None or last.id <= (draft.seen or 0) or last.author == draft.author:
        return None
    return last


def _warnings(
    draft: Draft, contact: Contact | None, name: str, now: datetime
) -> list[str]:  # fmt: skip
    said = []
    last = _newest_out(draft.line, contact)
    theirs = last and last.author != draft.author and not draft.asked
    if last and theirs and now - last.made_at < JUST_NOW:
        ago = count(max(1, round((now - last.made_at).total_seconds() / 60)), "minute")
        said.append(f"<@{last.author}> answered {ago} ago.")
    home = Account.get_by_id(draft.line.account_id).timezone
    where = hours.zones(contact, draft.number, home)
    is_later = draft.send_at is not None and draft.send_at > now
    at = draft.send_at if is_later else now
    if hours.opens_at(at, where, hours.of_line(draft.line)):
        will = "It will be" if is_later else "It is"
        said.append(f"{will} {hours.said(at, where)} where {escape(name)} lives.")
    if trouble := numbers.trouble(draft.number):
        said.append(trouble)
    if draft.media and not numbers.takes_pictures(draft.line.number, draft.number):
        said.append(SELDOM_ARRIVES)
    return said


def savings_of(draft: Draft) -> list[Saving]:
    """What would make it cheaper."""
    if draft.as_mms:
        return []
    may_mms = numbers.takes_pictures(draft.line.number, draft.number)
    return savings.cheaper(draft.number, draft.body, sizes(draft.media), may_mms=may_mms)


def newest(line: Line, contact: Contact | None) -> int:
    """The newest text that a member sent to this contact; 0 for none."""
    found = _newest_out(line, contact)
    return found.id if found else 0


def _newest_out(line: Line, contact: Contact | None) -> Message | None:
    if contact is None:
        return None
    found: Message | None = (
        Message.select()
        .join(Conversation)
        .where(
            Conversation.line == line,
            Conversation.contact == contact,
            Message.direction == "out",
            ~Message.automated,
        )
        .order_by(Message.made_at.desc())
        .first()
    )
    return found


def contact_at(line: Line, number: str) -> Contact | None:
    """Who this number is, on the line's account."""
    return address_book.by_number(line.account_id, number)
