"""Slack's description of somebody, read: who may be on an account at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

Person = Mapping[str, Any]
OUTSIDERS = (
    "Partyline is for full members of this workspace. Guests and people of other workspaces cannot "
    "use it."
)


def is_stranger(person: Person, ours: Collection[str | None]) -> bool:
    """Whether this is somebody of another workspace; `ours` are our own's ids.

    In an Enterprise organisation one person may belong to several workspaces.
    """
    theirs = {person.get("team_id"), *(person.get("enterprise_user") or {}).get("teams", ())}
    elsewhere = person.get("team_id") is not None and not theirs & set(ours)
    return bool(person.get("is_stranger") or elsewhere)


def is_outside(person: Person) -> bool:
    """Whether this is a guest, or somebody of another workspace."""
    guest = person.get("is_restricted") or person.get("is_ultra_restricted")
    return bool(guest or person.get("is_stranger"))


def is_gone(person: Person) -> bool:
    """Whether this is somebody who may not be on an account, or not any more."""
    bot = person.get("is_bot") or person.get("is_workflow_bot") or person["id"] == "USLACKBOT"
    return bool(person.get("deleted") or bot or is_outside(person))


def name_of(person: Person) -> str:
    """What Slack calls them."""
    profile = person.get("profile") or {}
    name = profile.get("display_name") or person.get("real_name") or person.get("name")
    return str(name or person["id"])
