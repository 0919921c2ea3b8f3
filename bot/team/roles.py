"""Who is on an account, and what each may do there. A refusal says who can help."""

from __future__ import annotations

from bot.errors import Refused
from bot.lines.models import Line
from bot.team.models import Member
from bot.words import OPERATOR, call
from ledger.database import transaction

ROLES = ("owner", "manager", "agent")
MANAGERS = ("owner", "manager")
NAMED = 3  # of those who can help
NO_TEAM = "You are not on a team here. Ask the owner of your team to add you."


def accounts_of(user: str) -> list[int]:
    """The accounts this Slack user is on."""
    here = (Member.slack_user == user) & Member.left_at.is_null()
    return [member.account_id for member in Member.select().where(here).order_by(Member.id)]


def bosses(account_id: int) -> list[Member]:
    """Owner and managers of the account."""
    here = (Member.account == account_id) & Member.left_at.is_null()
    return list(Member.select().where(here, Member.role.in_(MANAGERS)).order_by(Member.id))


def in_charge(account_id: int) -> list[Member]:
    """The owner of the account; where there is none any more, the managers."""
    both = bosses(account_id)
    return [boss for boss in both if boss.role == "owner"] or both


def owner_of(account_id: int) -> str:
    """Who can help, called: the owner; where there is none, some managers."""
    named = in_charge(account_id)[:NAMED]
    return " or ".join(call(boss.slack_user) for boss in named) or OPERATOR


def stranger(account_id: int) -> str:
    """What somebody hears who is not on the account."""
    return f"You are not on this line's team. Ask {owner_of(account_id)} to add you."


def role_of(user: str, account_id: int) -> str | None:
    """This Slack user's role on the account; None if it has none."""
    member = Member.get_or_none(
        Member.account == account_id, Member.slack_user == user, Member.left_at.is_null()
    )
    return member.role if member else None


def require_owner(user: str, account_id: int, what: str) -> None:
    """Raises Refused unless this Slack user is the account's owner. `what`: "make managers"."""
    require_manager(user, account_id)
    if role_of(user, account_id) == "owner":
        return
    owner = Member.get_or_none(
        Member.account == account_id, Member.role == "owner", Member.left_at.is_null()
    )
    if owner is None:
        raise Refused(f"Only an owner can {what}, and this account has none now. Ask {OPERATOR}.")
    raise Refused(f"Only the owner can {what}. Ask {call(owner.slack_user)}.")


def require_manager(user: str, account_id: int) -> None:
    """Raises Refused unless this Slack user is owner or manager of the account."""
    require_member(user, account_id)
    if role_of(user, account_id) not in MANAGERS:
        raise Refused(f"Only the owner and managers can do that. Ask {owner_of(account_id)}.")


@transaction
def line_to_change(line_id: int, user: str) -> Line:
    """The line. Raises Refused unless it is one still, and this user may change it."""
    line: Line | None = Line.live().where(Line.id == line_id).get_or_none()
    if line is None:
        raise Refused("This line was released, or is another team's. `/line` lists yours.")
    require_manager(user, line.account_id)
    return line


def require_member(user: str, account_id: int) -> None:
    """Raises Refused unless this Slack user is on the account."""
    if role_of(user, account_id) is None:
        raise Refused(stranger(account_id))
