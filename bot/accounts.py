"""What owners and managers settle: an account opened, its words, hours and lines."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot import digest, hours, lines, people, viewers
from bot.errors import Refused
from bot.models import Line, Member, Policy
from ledger import credits
from ledger.database import transaction
from ledger.models import Account
from ledger.segments import count as count_characters

GRANTS_LAST_MONTHS = 12
LONGEST_WORDS = 150  # characters


@transaction
def open_account(person: Mapping[str, Any], name: str, timezone: str, now: datetime) -> int:
    """An account of a workspace admin's own. Returns its id. Raises Refused.

    `person` is Slack's description of them.
    """
    if not (person.get("is_admin") or person.get("is_owner")):
        raise Refused("Only an admin of this workspace can open an account. Ask one of them.")
    name = " ".join(name.split())
    if not name:
        raise Refused("Give your team a name.")
    if Account.get_or_none(Account.name == name):
        raise Refused("There is an account of that name already. Choose another one.")
    account = credits.open_account(name, timezone, now, GRANTS_LAST_MONTHS)
    digest.start(account.id, timezone, now)
    user = str(person["id"])
    Member.create(account=account, slack_user=user, role="owner", name=people.name_of(person))
    viewers.publish(user)
    return int(account.id)


@transaction
def policy(account_id: int, user: str) -> Policy:
    """What the account has settled. Raises Refused unless this user may change it."""
    lines.require_manager(user, account_id)
    return hours.policy(account_id)


@transaction
def settle_policy(
    account_id: int, user: str, words: str, quiet_from: int, quiet_until: int
) -> None:  # fmt: skip
    """Keeps the words of a first text, and the quiet hours. Raises Refused."""
    lines.require_manager(user, account_id)
    words = " ".join(words.split())
    if len(words) > LONGEST_WORDS:
        raise Refused(f"{len(words)} characters; {LONGEST_WORDS} is the most.")
    if words and "stop" not in words.lower():
        raise Refused("Say how to opt out: STOP is the word that carriers know.")
    if count_characters(words).encoding != "GSM-7":
        raise Refused(
            "Use plain letters: an emoji or curly quote would make every first text dear."
        )
    if quiet_until >= quiet_from:
        raise Refused("Quiet hours begin in the evening and end in the morning.")
    kept = {"opt_out_words": words, "quiet_from": quiet_from, "quiet_until": quiet_until}
    Policy.insert(account=account_id, **kept).on_conflict(
        conflict_target=[Policy.account], update=kept
    ).execute()


@transaction
def line(line_id: int, user: str) -> Line:
    """The line. Raises Refused unless this user may change it."""
    found: Line | None = Line.get_or_none(Line.id == line_id)
    if found is None:
        raise Refused("This line is not known here.")
    lines.require_manager(user, found.account_id)
    return found


@transaction
def settle_line(line_id: int, user: str, mode: str, send_up_to: int) -> None:
    """Keeps what a reply in the line's threads is. Raises Refused."""
    found = line(line_id, user)
    found.mode, found.send_up_to = mode, send_up_to
    found.save(only=[Line.mode, Line.send_up_to])
    viewers.changed(found.account_id)


@transaction
def joined(account_id: int, user: str, channels: set[str], now: datetime) -> bool:
    """Partyline was seen to be in these channels. Returns whether that is all it needs."""
    lines.require_member(user, account_id)
    mine = list(Line.select().where(Line.account == account_id))
    for one in mine:
        if one.channel in channels and one.joined_at is None:
            one.joined_at = now
            one.save(only=[Line.joined_at])
    viewers.changed(account_id)
    return bool(mine) and all(one.joined_at for one in mine)


@transaction
def channels(account_id: int, user: str) -> list[str]:
    """The channels of the account's lines."""
    lines.require_member(user, account_id)
    found = Line.select().where(Line.account == account_id).order_by(Line.id)
    return [one.channel for one in found]
