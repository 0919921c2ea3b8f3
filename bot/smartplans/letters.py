"""E-mails of SmartPlans: who wants no more of them, and whose address does not work.

The link that stops them names the e-mail it stands in, is signed, and works for as long as the
key does: whoever finds an old e-mail must be able to end it, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from itsdangerous import BadData, URLSafeSerializer

from bot.contacts.models import Contact
from bot.smartplans.models import Letter
from bot.team.models import Member
from bot.words import is_email
from ledger.database import session, transaction
from ledger.models import Account

SALT = "letter"


class Unknown(Exception):
    """No e-mail of ours has this link."""


class Ready(NamedTuple):
    """An e-mail as it leaves."""

    to: str
    sender: str  # as its reader knows them
    subject: str
    body: str
    team: str
    stopped: bool  # its reader wants no more since it was written


class Stopping(NamedTuple):
    """What the page behind the link says."""

    team: str
    address: str  # as much of it as its reader knows it by
    stopped: bool


def link(key: str, public_url: str, letter_id: int) -> str:
    """The address behind which its reader ends these e-mails."""
    return f"{public_url}/mail/stop/{URLSafeSerializer(key, SALT).dumps(letter_id)}"


def letter_of(keys: Sequence[str], token: str) -> int:
    """The e-mail that a link stands in, signed with one of these keys. Raises Unknown."""
    for key in keys:
        try:
            return int(URLSafeSerializer(key, SALT).loads(token))
        except (BadData, TypeError, ValueError):
            continue
    raise Unknown


def ready(letter_id: int) -> Ready:
    """The e-mail, with what is said around it."""
    with session():
        letter = Letter.get_by_id(letter_id)
        team = Account.get_by_id(letter.account_id).name
        member = Member.get_or_none(
            Member.account == letter.account_id, Member.slack_user == letter.sender
        )
        sender = f"{member.name}, {team}" if member and member.name else team
        stopped = letter.contact.mail_stopped_at is not None
    return Ready(letter.to, sender, letter.subject, letter.body, team, stopped)


def about(letter_id: int) -> Stopping:
    """What the page says before anything is stopped. Raises Unknown."""
    with session():
        letter = Letter.get_or_none(Letter.id == letter_id)
        if letter is None:
            raise Unknown
        team = Account.get_by_id(letter.account_id).name
        return Stopping(team, _veiled(letter.to), letter.contact.mail_stopped_at is not None)


@transaction
def stop(letter_id: int, now: datetime) -> Stopping:
    """Its reader wants no more e-mails of any plan; again, it changes nothing. Raises Unknown."""
    letter = Letter.get_or_none(Letter.id == letter_id)
    if letter is None:
        raise Unknown
    here = (Contact.id == letter.contact_id) & Contact.mail_stopped_at.is_null()
    Contact.update(mail_stopped_at=now).where(here).execute()
    return about(letter_id)


@transaction
def bounced(letter_id: int, now: datetime) -> None:
    """The mail server knows no such address: nothing more is sent there until it is changed."""
    letter = Letter.get_by_id(letter_id)
    contact = Contact.get_by_id(letter.contact_id)
    if contact.email == letter.to:  # else it was mended meanwhile
        here = (Contact.id == contact.id) & Contact.mail_bounced_at.is_null()
        Contact.update(mail_bounced_at=now).where(here).execute()


def _veiled(address: str) -> str:
    """ "a…@example.com": whoever is sent the link on learns no address from it."""
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}…@{domain}" if is_email(address) else "your address"
