"""App Home: what an account's members see first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.credits import billing
from bot.credits.billing import Account
from bot.lines.models import Line
from bot.smartplans import in_motion
from bot.smartplans.in_motion import InMotion
from bot.talks import desk, unanswered
from bot.talks.desk import Failed
from bot.talks.unanswered import Waiting
from bot.team import first_run, people, roles, viewers
from bot.team.first_run import Step
from bot.team.models import Member, Viewer
from ledger import standing
from ledger.database import transaction


@dataclass(frozen=True)
class Other:
    """Another account of the viewer's, in a line."""

    account: int
    name: str
    balance: int
    waiting: int


@dataclass(frozen=True)
class Home:
    """One account, for one of its members."""

    account: Account
    role: str
    lines: Sequence[Line]
    lines_more: int
    waiting: Sequence[Waiting]
    waiting_more: int
    may_see_more: bool
    scheduled: int  # texts that wait for their time
    failed: Sequence[Failed]  # texts of the last day that did not arrive, the newest
    failed_more: int
    steps: Sequence[Step] = ()  # empty once the first text has come or gone
    team: Sequence[Member] = ()  # for those who may change it
    others: Sequence[Other] = ()
    motion: InMotion = field(default_factory=InMotion)  # of SmartPlans


@transaction
def of(user: str, now: datetime) -> Home | None:
    """What this user's Home shows; None for somebody on no account."""
    mine = roles.accounts_of(user)
    if not mine:
        return None
    viewer = Viewer.get_or_none(Viewer.slack_user == user)
    shown = viewer.account_id if viewer and viewer.account_id in mine else mine[0]
    others = [_other(account, now) for account in mine if account != shown]
    return _home(user, shown, viewers.listed(user), others, now)


def _home(user: str, account_id: int, most: int, others: list[Other], now: datetime) -> Home:
    role = roles.role_of(user, account_id) or "agent"
    all_waiting = unanswered.count(account_id, now)
    waiting = unanswered.listed(account_id, now, most)
    here = Line.live().where(Line.account == account_id).order_by(Line.id)
    shown, all_lines = list(here.limit(most)), here.count()
    way = first_run.steps(account_id, user)
    failed, failed_more = desk.failed_since(account_id, now - timedelta(days=1))
    return Home(
        billing.account(user, account_id, now), role, shown, all_lines - len(shown), waiting,
        all_waiting - len(waiting), most < viewers.MOST_LISTED, desk.scheduled_count(account_id),
        failed, failed_more, () if way[-1].done else way,
        people.team(account_id) if role in roles.MANAGERS else (), others,
        in_motion.of(account_id, user, now),
    )  # fmt: skip


def _other(account_id: int, now: datetime) -> Other:
    stands = standing.of(account_id, now)
    waiting = unanswered.count(account_id, now)
    return Other(account_id, stands.name, stands.balance, waiting)
