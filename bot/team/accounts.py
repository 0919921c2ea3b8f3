"""What owners and managers settle: an account opened, its words, hours and lines."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.contacts import hours
from bot.credits import digest
from bot.errors import Refused, Wrong
from bot.lines.models import Line
from bot.talks import outages
from bot.team import first_run, people, persons, roles, viewers
from bot.team.models import Member, Policy
from ledger import credits
from ledger.database import transaction
from ledger.models import Account
from ledger.segments import count as count_characters

GRANTS_LAST_MONTHS = 12
LONGEST_WORDS = 150  # characters
MOST_PLAN_TEXTS, LONGEST_PLAN_GAP = 20, 1440  # in 24 hours; minutes


@transaction
def open_account(person: Mapping[str, Any], name: str, timezone: str, now: datetime) -> int:
    """An account of a workspace admin's own. Returns its id. Raises Refused.

    `person` is Slack's description of them.
    """
    if persons.is_gone(person) or not (person.get("is_admin") or person.get("is_owner")):
        raise Refused("Only an admin of this workspace can open an account. Ask one of them.")
    name = " ".join(name.split())
    if not name:
        raise Refused("Give your team a name.")
    if Account.get_or_none(Account.name == name):
        raise Refused("There is an account of that name already. Choose another one.")
    account = credits.open_account(name, timezone, now, GRANTS_LAST_MONTHS)
    digest.start(account.id, timezone, now)
    people.put(account.id, str(person["id"]), "owner", persons.name_of(person))
    return int(account.id)


@transaction
def team(account_id: int, user: str) -> list[Member]:
    """Who is on the account. Raises Refused unless this user may change it."""
    roles.require_manager(user, account_id)
    return people.team(account_id)


@transaction
def policy(account_id: int, user: str) -> Policy:
    """What the account has settled. Raises Refused unless this user may change it."""
    roles.require_manager(user, account_id)
    return hours.policy(account_id)


@transaction
def settle_policy(
    account_id: int, user: str, words: str, quiet_from: int, quiet_until: int, plan_texts: int,
    plan_gap: int,
) -> None:  # fmt: skip
    """Keeps the words of a first text, the quiet hours, how many texts of SmartPlans one contact
    gets in 24 hours, and the minutes between two of them. Raises Refused."""
    roles.require_manager(user, account_id)
    words = " ".join(words.split())
    if len(words) > LONGEST_WORDS:
        raise Wrong("words", f"{len(words)} characters; {LONGEST_WORDS} is the most.")
    if words and "stop" not in words.lower():
        raise Wrong("words", "Say how to opt out: STOP is the word that carriers know.")
    if count_characters(words).encoding != "GSM-7":
        raise Wrong(
            "words", "Use plain letters: an emoji or curly quote would make every first text dear."
        )
    hours.require_night(quiet_from, quiet_until)
    if not 1 <= plan_texts <= MOST_PLAN_TEXTS:
        raise Wrong("plan_texts", f"1 to {MOST_PLAN_TEXTS} texts in 24 hours.")
    if not 0 <= plan_gap <= LONGEST_PLAN_GAP:
        raise Wrong("plan_gap", f"0 to {LONGEST_PLAN_GAP:,} minutes, which is a day.")
    kept = {
        "opt_out_words": words, "quiet_from": quiet_from, "quiet_until": quiet_until,
        "plan_texts_a_day": plan_texts, "plan_gap_minutes": plan_gap,
    }  # fmt: skip
    Policy.insert(account=account_id, **kept).on_conflict(
        conflict_target=[Policy.account], update=kept
    ).execute()


@transaction
def entered(channel: str, now: datetime) -> None:
    """Partyline is in this channel: what waits to be shown there is shown now."""
    here = (Line.channel == channel) & Line.joined_at.is_null()
    for one in list(Line.select().where(here)):
        Line.update(joined_at=now).where(Line.id == one.id).execute()
        viewers.changed(one.account_id)
        outages.mended(channel, now)


@transaction
def left(channel: str) -> None:
    """Partyline is no longer in this channel."""
    for one in list(Line.select().where(Line.channel == channel)):
        Line.update(joined_at=None).where(Line.id == one.id).execute()
        viewers.changed(one.account_id)


@transaction
def unjoined(account_id: int, user: str) -> list[str]:
    """The channels of the account's lines in which Partyline was not seen yet. Raises Refused."""
    roles.require_member(user, account_id)
    return first_run.unjoined(account_id)


@transaction
def unjoined_anywhere(most: int) -> list[str]:
    """The same of all accounts, the newest lines' first."""
    here = Line.joined_at.is_null() & (Line.channel != "")
    found = Line.live().where(here).order_by(Line.id.desc()).limit(most)
    return [one.channel for one in found]
