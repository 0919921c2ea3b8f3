"""How an account's lines stand, and what owners and managers settle about each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot import paces
from bot.contacts import hours
from bot.credits import digest
from bot.credits.models import Digest
from bot.errors import Wrong
from bot.lines import health
from bot.lines.models import Line
from bot.smartplans import room
from bot.talks.models import Conversation
from bot.team import channels, roles, viewers
from bot.words import OPERATOR
from ledger.database import instant, query, transaction

LONGEST_NAME = 40  # characters
MOST_LISTED = 40
MOST_PLAN_TEXTS = 100_000  # of a line a day
FASTEST_S, SLOWEST_S = 0.01, 60.0
#: The newest text in and out of each line of an account.
LAST_TEXTS = """
    SELECT conversation.line_id, message.direction, MAX(message.made_at)
    FROM conversation JOIN message ON message.conversation_id = conversation.id
    WHERE conversation.line_id = %s GROUP BY conversation.line_id, message.direction"""


@dataclass(frozen=True)
class Stands:
    """A line, and how it is."""

    line: Line
    last_in: datetime | None
    last_out: datetime | None
    pace_s: float | None  # seconds between two texts; none: as the settings have it
    waiting: int  # conversations in which somebody waits for an answer
    troubles: list[str]  # what is wrong, and what to do, as sentences


@dataclass(frozen=True)
class Settings:
    """All that a line's settings show."""

    line: Line
    pace_s: float | None
    digest_hour: int | None  # of the account's day; none: muted
    usual_from: int  # quiet hours of the account's other lines
    usual_until: int


@dataclass(frozen=True)
class Wanted:
    """What somebody settled about a line."""

    name: str
    channel: str | None
    mode: str
    send_up_to: int
    quiet_from: int | None
    quiet_until: int | None
    pace_s: float | None
    digest_hour: int | None
    plan_texts: int  # of SmartPlans a day, at most


@transaction
def listed(account_id: int, user: str) -> list[Stands]:
    """The account's lines, the oldest first. Raises Refused unless this user is on it."""
    roles.require_member(user, account_id)
    here = Line.live().where(Line.account == account_id).order_by(Line.id)
    return [_stands(line) for line in here.limit(MOST_LISTED)]


def _stands(line: Line) -> Stands:
    last = {row[1]: instant(row[2]) for row in query(LAST_TEXTS, line.id).fetchall()}
    waits = (Conversation.line == line) & Conversation.waiting_since.is_null(False)
    return Stands(
        line, last.get("in"), last.get("out"), paces.every_s(_pace(line)),
        Conversation.select().where(waits).count(), _troubles(line),
    )  # fmt: skip


def _troubles(line: Line) -> list[str]:
    found = [one for one in health.open_of(line.id) if one.detail]
    is_told = any(one.what.startswith(health.SETUP) for one in found)
    seen = None if is_told and line.channel and line.joined_at else trouble(line)
    return [*([f"It {seen}"] if seen else []), *(one.detail for one in found)]


def trouble(line: Line) -> str | None:
    """What keeps a line from its work, and what to do; None if nothing does."""
    if not line.channel:
        return "has no channel: its texts are shown nowhere. Choose one in its settings."
    if line.joined_at is None:
        return f"cannot show its texts: type `/invite @Partyline` in <#{line.channel}>."
    if line.suspended_at is not None:
        return f"sends no texts of SmartPlans: Twilio says its set-up is not done. Ask {OPERATOR}."
    return None


@transaction
def settings(line_id: int, user: str) -> Settings:
    """How the line is settled. Raises Refused unless this user may change it."""
    found = roles.line_to_change(line_id, user)
    daily = Digest.get_or_none(Digest.account == found.account_id)
    usual = hours.policy(found.account_id)
    hour = daily.hour if daily and daily.next_at else None
    return Settings(found, paces.every_s(_pace(found)), hour, usual.quiet_from, usual.quiet_until)


@transaction
def settle(line_id: int, user: str, wanted: Wanted, now: datetime) -> None:
    """Keeps how a line is to be, and the hour of the account's digest. Raises Refused."""
    found = roles.line_to_change(line_id, user)
    name = kept_name(wanted.name)
    if wanted.pace_s is not None and not FASTEST_S <= wanted.pace_s <= SLOWEST_S:
        raise Wrong("pace", f"Between two texts lie {FASTEST_S} to {SLOWEST_S:.0f} seconds.")
    if not 1 <= wanted.plan_texts <= MOST_PLAN_TEXTS:
        raise Wrong("plan_texts", f"1 to {MOST_PLAN_TEXTS:,} texts a day. To send none, pause the "
                    "plans: `/smartplans`.")  # fmt: skip
    if wanted.channel and wanted.channel != found.channel:
        channels.require_free(wanted.channel, found.id)
    before = settings(line_id, user)
    found.name, found.mode, found.send_up_to = name, wanted.mode, wanted.send_up_to
    found.quiet_from, found.quiet_until = wanted.quiet_from, wanted.quiet_until
    asleep = hours.of_line(found)
    hours.require_night(asleep.quiet_from, asleep.quiet_until)
    if wanted.plan_texts != found.plan_texts_a_day:
        room.set_day(found, wanted.plan_texts, now)
    found.save(
        only=[Line.name, Line.mode, Line.send_up_to, Line.quiet_from, Line.quiet_until]
    )  # fmt: skip
    if wanted.channel and wanted.channel != found.channel:
        channels.move(found, wanted.channel)
    if wanted.pace_s != before.pace_s:
        paces.set_every_s(_pace(found), wanted.pace_s, now)
    if wanted.digest_hour != before.digest_hour:
        digest.set_hour(found.account_id, wanted.digest_hour, now)
    viewers.changed(found.account_id)


def kept_name(typed: str) -> str | None:
    """A line's name as it is kept; None where it gets none. Raises Wrong."""
    name = " ".join(typed.split())
    if len(name) > LONGEST_NAME:
        raise Wrong("name", f"{LONGEST_NAME} characters at most; this has {len(name)}.")
    return name or None


def _pace(line: Line) -> str:
    return paces.of_number(line.number)
