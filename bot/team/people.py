"""People of the workspace: who is on an account, and who no longer may be."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot import clock, outbox
from bot.errors import Refused
from bot.lines.models import Line
from bot.talks import threads
from bot.talks.models import Conversation
from bot.team import roles, viewers
from bot.team.models import Member
from bot.team.persons import Person, is_gone, name_of
from bot.words import OPERATOR, escape
from ledger.database import query, transaction
from ledger.models import Account

NAMELESS = {"owner": "the owner", "manager": "a manager", "agent": "a colleague"}
CHECK_EVERY = timedelta(days=1)
BEHIND = """
    SELECT slack_user FROM member
    WHERE left_at IS NULL AND (checked_at IS NULL OR checked_at < %s)
    GROUP BY slack_user ORDER BY MIN(checked_at) NULLS FIRST LIMIT %s"""
MOST_ROOTS = 200  # that are brought up to date when somebody leaves


@transaction
def changed(person: Person, now: datetime) -> None:
    """Slack says what a user is called, and whether they are still here."""
    here = (Member.slack_user == str(person["id"])) & Member.left_at.is_null()
    Member.update(name=name_of(person), checked_at=now).where(here).execute()
    if is_gone(person):  # for good: whoever comes back is added again
        for member in list(Member.select().where(here)):
            _leave(member, now)
            if member.role == "owner":
                _tell_ownerless(member)


def is_member(user: str) -> bool:
    """Whether this user is on any account."""
    here = (Member.slack_user == user) & Member.left_at.is_null()
    return bool(Member.select().where(here).exists())


def is_unnamed(user: str) -> bool:
    """Whether this user is on an account, and nobody has said yet what they are called."""
    return is_member(user) and called(user) is None


def called(user: str) -> str | None:
    """What Slack calls a user who is, or was, on an account; None if nobody knows."""
    member = Member.get_or_none(Member.slack_user == user, Member.name.is_null(False))
    return str(member.name) if member else None


def spoken_of(user: str) -> str:
    """What to call a user in Slack's mark-up: by name, which calls nobody, where it is known."""
    name = called(user)
    return escape(name) if name else f"<@{user}>"


def in_words(user: str) -> str:
    """A user where Slack draws no mention: "@Dana"; what they are where nobody knows the name."""
    if name := called(user):
        return f"@{name.lstrip('@')}"
    member = Member.get_or_none(Member.slack_user == user, Member.left_at.is_null())
    return NAMELESS[member.role] if member else "somebody who left"


@transaction
def to_check(now: datetime, most: int) -> list[str]:
    """Members of whom Slack was not asked for a day: an event may have been missed."""
    return [row[0] for row in query(BEHIND, now - CHECK_EVERY, most).fetchall()]


@transaction
def checked(user: str, now: datetime) -> None:
    """Slack had nothing to say of this user."""
    Member.update(checked_at=now).where(Member.slack_user == user).execute()


@transaction
def add(account_id: int, by: str, person: Person, role: str) -> None:
    """Puts somebody on the account, or gives them another role. Raises Refused.

    Managers add agents; only the owner makes managers. `person` is Slack's description of them.
    """
    roles.require_manager(by, account_id)
    user = str(person["id"])
    if role not in ("manager", "agent"):
        raise Refused("Say `agent` or `manager`. An account has one owner.")
    if role == "manager":
        roles.require_owner(by, account_id, "make managers")
    if is_gone(person):
        raise Refused(
            "Guests, bots, people of other workspaces and those who left cannot be on an account. "
            "Choose a full member of this workspace."
        )
    here = roles.role_of(user, account_id)
    if here == "owner":
        raise Refused("That is the owner already.")
    if here == "manager":
        roles.require_owner(by, account_id, "change a manager's role")
    put(account_id, user, role, name_of(person))


@transaction
def put(account_id: int, user: str, role: str, name: str | None) -> None:
    """Writes down that somebody is on the account."""
    kept = {"role": role, "left_at": None} | ({"name": name} if name else {})
    Member.insert(account=account_id, slack_user=user, **kept).on_conflict(
        conflict_target=[Member.account, Member.slack_user], update=kept
    ).execute()
    viewers.publish(user)
    viewers.changed(account_id)


@transaction
def remove(account_id: int, by: str, user: str) -> None:
    """Takes somebody off the account. Raises Refused."""
    roles.require_manager(by, account_id)
    here = (Member.account == account_id) & (Member.slack_user == user)
    member = Member.get_or_none(here, Member.left_at.is_null())
    if member is None:
        raise Refused("They are not on the team.")
    if member.role == "owner":
        raise Refused(f"An owner stays. To hand the account over, ask {OPERATOR}.")
    if member.role == "manager":
        roles.require_owner(by, account_id, "take a manager off the team")
    _leave(member, clock.now())


@transaction
def hand_over(account: str, user: str) -> str | None:
    """Makes somebody the owner. Returns who was it before, if they stay on as a manager. Raises
    ValueError naming what is wrong."""
    found = Account.get_or_none(Account.name == account)
    if found is None:
        raise ValueError(f"--account: none is called {account!r}")
    here = (Member.account == found) & (Member.role == "owner") & Member.left_at.is_null()
    former = Member.get_or_none(here, Member.slack_user != user)
    if former is not None:
        Member.update(role="manager").where(Member.id == former.id).execute()
    put(found.id, user, "owner", None)
    return former.slack_user if former else None


@transaction
def team(account_id: int) -> list[Member]:
    """Who is on the account, the owner first."""
    found = Member.select().where(Member.account == account_id, Member.left_at.is_null())
    return sorted(found, key=lambda member: (roles.ROLES.index(member.role), member.id))


def _leave(member: Member, now: datetime) -> None:
    """They see and change nothing any more; what was theirs to answer is everybody's."""
    member.left_at = now
    member.save(only=[Member.left_at])
    of_account = Line.select(Line.id).where(Line.account == member.account_id)
    theirs = (Conversation.assigned_to == member.slack_user) & Conversation.line.in_(of_account)
    waits = Conversation.waiting_since.is_null(False)
    roots = list(Conversation.select().where(theirs, waits).limit(MOST_ROOTS))
    Conversation.update(assigned_to=None).where(theirs).execute()
    for conversation in roots:
        threads.show_root(conversation)
    viewers.publish(member.slack_user)
    viewers.changed(member.account_id)


def _tell_ownerless(owner: Member) -> None:
    """The owner has left: those who can have it mended are told, once."""
    account = Account.get_by_id(owner.account_id)
    words = (
        f":warning: <@{owner.slack_user}>, the owner of *{escape(account.name)}*, is no longer in "
        f"this workspace. To have another owner, ask {OPERATOR}: they type "
        f'`flask handover --account "{escape(account.name)}" --owner U…`. '
        "Until then managers do all but make managers."
    )
    for member in roles.bosses(account.id) or team(account.id):
        to = member.slack_user
        outbox.post_card(
            to, f"ownerless:{owner.id}:{owner.left_at.timestamp():.0f}:{to}", "slack.card",
            {"what": "note", "text": words},
        )  # fmt: skip
