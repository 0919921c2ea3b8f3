"""People of the workspace: who is on an account, and who no longer may be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot import clock, lines
from bot.errors import Refused
from bot.models import Member
from ledger.database import query, transaction

ROLES = ("owner", "manager", "agent")
BEHIND = "SELECT DISTINCT slack_user FROM member WHERE left_at IS NULL ORDER BY slack_user"


def is_gone(person: Mapping[str, Any]) -> bool:
    """Whether Slack's description of a user is of one who may not be on an account."""
    guest = person.get("is_restricted") or person.get("is_ultra_restricted")
    return bool(person.get("deleted") or guest or person.get("is_bot"))


def name_of(person: Mapping[str, Any]) -> str:
    """What Slack calls a user."""
    profile = person.get("profile") or {}
    name = profile.get("display_name") or person.get("real_name") or person.get("name")
    return str(name or person["id"])


@transaction
def changed(person: Mapping[str, Any], now: datetime) -> None:
    """Slack says what a user is called, and whether they are still here."""
    mine = Member.slack_user == person["id"]
    Member.update(name=name_of(person)).where(mine).execute()
    if is_gone(person):  # for good: whoever comes back is added again
        Member.update(left_at=now).where(mine, Member.left_at.is_null()).execute()


@transaction
def called(user: str) -> str | None:
    """What Slack calls a user who is, or was, on an account; None if nobody knows."""
    here = (Member.slack_user == user) & Member.name.is_null(False)
    member = Member.get_or_none(here)
    return str(member.name) if member else None


@transaction
def known() -> list[str]:
    """Slack users who are on any account."""
    return [row[0] for row in query(BEHIND).fetchall()]


@transaction
def add(account_id: int, by: str, person: Mapping[str, Any], role: str) -> None:
    """Puts somebody on the account, or gives them another role. Raises Refused.

    Managers add agents; only the owner makes managers. `person` is Slack's description of them.
    """
    lines.require_manager(by, account_id)
    if role not in ("manager", "agent"):
        raise Refused("Say `agent` or `manager`. An account has one owner.")
    if role == "manager" and lines.role_of(by, account_id) != "owner":
        raise Refused(f"Only {lines.owner_of(account_id)} can make managers.")
    if is_gone(person):
        raise Refused("Guests, bots and people who left cannot be on an account.")
    user = str(person["id"])
    here = lines.role_of(user, account_id)
    if here == "owner":
        raise Refused("That is the owner already.")
    if here == "manager" and lines.role_of(by, account_id) != "owner":
        raise Refused(f"Only {lines.owner_of(account_id)} can change a manager.")
    Member.insert(account=account_id, slack_user=user, role=role, name=name_of(person)).on_conflict(
        conflict_target=[Member.account, Member.slack_user],
        update={"role": role, "name": name_of(person), "left_at": None},
    ).execute()


@transaction
def remove(account_id: int, by: str, user: str) -> None:
    """Takes somebody off the account. Raises Refused."""
    lines.require_manager(by, account_id)
    role = lines.role_of(user, account_id)
    if role is None:
        raise Refused(f"<@{user}> is not on the team.")
    if role == "owner" or (role == "manager" and lines.role_of(by, account_id) != "owner"):
        raise Refused(f"Only {lines.owner_of(account_id)} can do that, and an owner stays.")
    here = (Member.account == account_id) & (Member.slack_user == user)
    Member.update(left_at=clock.now()).where(here).execute()


@transaction
def team(account_id: int) -> list[Member]:
    """Who is on the account, the owner first."""
    found = Member.select().where(Member.account == account_id, Member.left_at.is_null())
    return sorted(found, key=lambda member: (ROLES.index(member.role), member.id))
