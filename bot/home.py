"""App Home: what an account's members see first, and the way to a first text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot import billing, desk, lines, people, viewers
from bot.billing import Account
from bot.desk import Waiting
from bot.models import Conversation, Line, Member, Message
from ledger.database import transaction


@dataclass(frozen=True)
class Step:
    """One step on the way to a first text."""

    title: str
    done: bool
    how: str = ""  # what to do, in Slack's mark-up
    action: str = ""  # what a button here does: open_account, plan, check


@dataclass(frozen=True)
class Home:
    """One account, for one of its members."""

    account: Account
    role: str
    lines: list[Line]
    waiting: list[Waiting]
    waiting_more: int
    scheduled: int  # texts that wait for their time
    failed: int  # texts of the last day that did not arrive
    steps: list[Step] = field(default_factory=list)  # empty once the first text has come or gone
    team: list[Member] = field(default_factory=list)  # for those who may change it


@transaction
def of(user: str, now: datetime) -> list[Home]:
    """What this user's Home shows, an account after the other; none for somebody on no account."""
    return [_home(user, account, viewers.listed(user), now) for account in lines.accounts_of(user)]


def _home(user: str, account_id: int, most: int, now: datetime) -> Home:
    role = lines.role_of(user, account_id) or "agent"
    waiting = desk.unanswered(account_id, now, viewers.MOST_LISTED + 1)
    stands = billing.account(user, account_id, now)
    return Home(
        stands, role, list(Line.select().where(Line.account == account_id).order_by(Line.id)),
        waiting[:most], max(0, len(waiting) - most), desk.scheduled_count(account_id),
        desk.failed_since(account_id, now - timedelta(days=1)), _steps(stands, account_id),
        people.team(account_id) if role in lines.MANAGERS else [],
    )  # fmt: skip


def _steps(stands: Account, account_id: int) -> list[Step]:
    """What is done and what comes next; nothing once texts flow."""
    line = Line.get_or_none(Line.account == account_id)
    talked = line and Message.select().join(Conversation).where(Conversation.line == line).exists()
    if talked:
        return []
    subscribed = stands.standing.subscribed or stands.standing.balance > 0
    number = "Ask your operator to run `flask setup --line +1… --channel C…`: a number, its channel"
    return [
        Step("An account", True),
        Step("Choose a plan", subscribed, "Credits pay for texts, sent and received.", "plan"),
        Step("A number and its channel", line is not None, number),
        Step(
            "Invite @Partyline to the channel", line is not None and line.joined_at is not None,
            f"Type `/invite @Partyline` in <#{line.channel}>." if line else
            "So that it can show texts there.", "check" if line else "",
        ),
        Step(
            "A first text", False,
            f"Text {line.number} from your phone, or type `/text` and your own number." if line
            else "Text your new number from your phone.",
        ),
    ]  # fmt: skip


@transaction
def first_steps(person: Mapping[str, Any]) -> list[Step]:
    """What somebody on no account sees: an admin may open one, others learn whom to ask."""
    admin = bool(person.get("is_admin") or person.get("is_owner"))
    if admin:
        how, action = "You are an admin of this workspace, so you can open one.", "open_account"
    else:
        how, action = "Ask the owner of an account to add you, or an admin to open one.", ""
    rest = ("Choose a plan", "A number and its channel", "Invite @Partyline", "A first text")
    return [Step("An account", False, how, action), *(Step(title, False) for title in rest)]
