"""The way to a first text: what is done, what comes next, and whose turn it is.

Nobody ticks anything off: each step is done when the rows say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot.contacts import numbers
from bot.errors import Refused
from bot.lines.models import Line
from bot.talks.models import Conversation, Message
from bot.team import channels, roles
from bot.team.models import Member
from bot.team.persons import OUTSIDERS, Person, is_outside
from bot.words import as_told
from ledger.database import transaction
from ledger.models import Account, Subscription

OTHERS_NAMED = 3
AHEAD = (
    "Choose a plan", "Get a number", "Choose a channel for its texts",
    "Invite @Partyline to the channel", "Try a first text",
)  # fmt: skip
HOW_NUMBER = "`/line new` finds one and sets it up; `/line bring` uses one that you have."


@dataclass(frozen=True)
class Step:
    """One step on the way to a first text."""

    title: str
    done: bool
    how: str = ""  # what to do, in Slack's mark-up
    action: str = ""  # what a button here does: open_account, plan, number, channel, check
    about: int = 0  # the account or line it does that to


@dataclass(frozen=True)
class Way:
    """Where somebody stands on it. `account` is None for somebody on none."""

    account: int | None
    steps: list[Step]

    @property
    def next(self) -> Step | None:
        """The first step that is not done."""
        return next((step for step in self.steps if not step.done), None)

    @property
    def blocks(self) -> bool:
        """Whether no text can be sent yet."""
        return any(not step.done for step in self.steps[:-1])


@transaction
def way(user: str, channel: str) -> Way | None:
    """Where the user stands with the account they mean in this channel; None if that cannot be
    told, or is not for them to know."""
    if not roles.accounts_of(user):
        here = Line.live().where(Line.channel == channel).exists()
        return None if here else Way(None, [])
    try:
        account = channels.account_for(user, channel)
    except Refused:
        return None
    return Way(account, steps(account, user))


@transaction
def steps(account_id: int, user: str) -> list[Step]:
    """All steps of the account, as this member sees them."""
    account = Account.get_by_id(account_id)
    paid = account.entries > 0 or Subscription.select().where(_of(Subscription, account)).exists()
    line = _line(account)
    return [
        Step("Open an account", True),
        _for_managers(
            user, account_id, paid,
            Step("Choose a plan", paid, "Credits pay for texts, sent and received. `/credits plan` "
                 "shows what there is.", "plan", account_id),
        ),
        _for_managers(
            user, account_id, line is not None,
            Step("Get a number", line is not None, HOW_NUMBER, "number", account_id),
        ),
        _for_managers(
            user, account_id, bool(line and line.channel),
            Step("Choose a channel for its texts", bool(line and line.channel),
                 "Everybody in that channel sees the texts.", "channel", line.id if line else 0),
        ),
        Step(
            "Invite @Partyline to the channel", bool(line and line.joined_at),
            f"Type `/invite @Partyline` in <#{line.channel}>." if line else "", "check", account_id,
        ),
        Step("Try a first text", _talked(account), _how_text(line)),
    ]  # fmt: skip


@transaction
def first(person: Person) -> list[Step]:
    """What somebody on no account sees: an admin may open one, others learn whom to ask.

    `person` is Slack's description of them.
    """
    if is_outside(person):
        return [Step("Open an account", False, OUTSIDERS)]
    owners = Member.select().where(Member.role == "owner", Member.left_at.is_null())
    named = [f"<@{owner.slack_user}>" for owner in owners.order_by(Member.id).limit(OTHERS_NAMED)]
    join = f"Ask {' or '.join(named)} to add you to their team" if named else ""
    if person.get("is_admin") or person.get("is_owner"):
        how = "You are an admin of this workspace: open one for your team."
        how += f" {join} if you belong there." if join else ""
        mine = Step("Open an account", False, how, "open_account")
    else:
        ask = "ask an admin of this workspace to open an account"
        how = f"{join}, or {ask}." if join else f"{ask[0].upper()}{ask[1:]}."
        mine = Step("Open an account", False, how)
    return [mine, *(Step(title, False) for title in AHEAD)]


def unjoined(account_id: int) -> list[str]:
    """The channels of the account's lines in which Partyline was not seen yet."""
    here = (Line.account == account_id) & Line.joined_at.is_null() & (Line.channel != "")
    return [line.channel for line in Line.live().where(here).order_by(Line.id)]


def _for_managers(user: str, account_id: int, done: bool, step: Step) -> Step:
    if done or roles.role_of(user, account_id) in roles.MANAGERS:
        return step
    return Step(step.title, False, as_told(f"Ask {roles.owner_of(account_id)} to do that."))


def _line(account: Account) -> Line | None:
    """The line that is furthest."""
    mine = list(Line.live().where(_of(Line, account)).order_by(Line.id))
    return min(mine, key=lambda line: (not line.channel, not line.joined_at), default=None)


def _talked(account: Account) -> bool:
    said = Message.select().join(Conversation).join(Line).where(_of(Line, account))
    return bool(said.exists())


def _of(model: Any, account: Account) -> Any:
    return model.account == account


def _how_text(line: Line | None) -> str:
    if line is None:
        return ""
    return (
        f"Text {numbers.spoken(line.number)} from your phone and look into <#{line.channel}>, or "
        "type `/text` there with your own number."
    )
