"""The daily digest: at the account's own hour, one message of yesterday and of what waits."""

from __future__ import annotations

import functools
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta

from bot import clock, outbox
from bot.contacts import contacts
from bot.credits import notices
from bot.credits.models import Digest
from bot.lines.models import Line
from bot.smartplans import plan_days
from bot.talks import unanswered
from bot.talks.models import Message
from bot.words import count, day_words
from ledger import boundaries, reports, standing
from ledger.database import instant, query, session, transaction
from ledger.reports import Row, Span
from ledger.standing import Standing

DAY = timedelta(days=1)
DEFAULT_HOUR = 8
MOST_LISTED = 10

DUE = """
    SELECT account_id FROM digest WHERE next_at <= %s ORDER BY next_at, account_id"""
LOCK = "SELECT hour, day, next_at, told_until FROM digest WHERE account_id = %s FOR UPDATE"
# A text fails hours after it was sent at most: only the account's newest are looked at.
FAILED = """
    SELECT message.id FROM entry JOIN message ON message.id = entry.message
    WHERE entry.account_id = %s AND entry.made_at >= %s AND entry.kind = 'charge_out'
      AND message.failed_at >= %s AND message.failed_at < %s
    ORDER BY message.failed_at, message.id"""
FAILS_WITHIN = timedelta(days=2)
FAILURES_KEPT = timedelta(days=7)  # of an account whose digest did not come for longer


@dataclass(frozen=True)
class Waiting:
    """A conversation in which somebody waits for an answer."""

    who: str
    since: float  # seconds since 1970
    channel: str
    thread_ts: str | None


@dataclass(frozen=True)
class Failure:
    """A text that did not arrive."""

    who: str
    why: str
    channel: str
    thread_ts: str | None


@dataclass(frozen=True)
class Daily:
    """One digest, as it was at its hour."""

    account: int
    name: str
    day: str  # yesterday, in words
    hour: int
    facts: list[tuple[str, str]]
    waiting: list[Waiting]
    waiting_more: int
    failures: list[Failure]
    failures_more: int


@transaction
def start(account_id: int, timezone: str, now: datetime) -> None:
    """Gives a new account its digest, from tomorrow on."""
    today = boundaries.day_of(now, timezone)
    next_at = _next(today, DEFAULT_HOUR, timezone, now)
    Digest.create(account=account_id, hour=DEFAULT_HOUR, day=today, next_at=next_at)


def send_due() -> int:
    """Sends every digest whose hour has come. Returns how many had something to say."""
    with session():
        due = [row[0] for row in query(DUE, clock.now()).fetchall()]
    return notices.each(
        "digest", ((account, functools.partial(_send, account)) for account in due)
    )  # fmt: skip


@transaction
def _send(account_id: int) -> bool:
    """One account's, once for a day of its own, whoever else tries and whatever the clocks do."""
    now = clock.now()
    stands = standing.of(account_id, now)  # the account's lock comes first
    hour, done, next_at, told_until = _locked(account_id)
    if next_at is None:
        return False
    today = boundaries.day_of(now, stands.timezone)
    first = done is None or done < today
    if first and now < _at(today, hour, stands.timezone):
        Digest.update(next_at=_at(today, hour, stands.timezone)).where(
            Digest.account == account_id
        ).execute()
        return False
    Digest.update(
        day=today, next_at=_next(today, hour, stands.timezone, now),
        told_until=now if first else told_until,
    ).where(Digest.account == account_id).execute()  # fmt: skip
    here = (Line.account == account_id) & (Line.channel != "")
    line = Line.live().where(here).order_by(Line.id).first()
    yesterday = boundaries.day_starts(today - DAY, stands.timezone)
    since = max(now - FAILURES_KEPT, told_until or yesterday)
    daily = _compose(stands, hour, today, since, now) if first and line else None
    if daily is None:
        return False
    told = {"what": "digest", "digest": asdict(daily)}
    outbox.post_card(line.channel, f"digest:{account_id}:{today}", "slack.card", told)
    return True


@transaction
def set_hour(account_id: int, hour: int | None, now: datetime) -> datetime | None:
    """Has the digest come at this hour of the account's day; None mutes it. Returns when it comes
    next."""
    stands = standing.of(account_id, now)
    next_at = None
    if hour is not None:
        done, today = _locked(account_id)[1], boundaries.day_of(now, stands.timezone)
        came = done is not None and done >= today
        last = today if came else today - DAY
        next_at = _next(last, hour, stands.timezone, now)
    kept = {"next_at": next_at} | ({} if hour is None else {"hour": hour})
    Digest.update(kept).where(Digest.account == account_id).execute()
    return next_at


@transaction
def moved(account_id: int, now: datetime) -> None:
    """The account has another time zone: its digest comes at the same hour there."""
    standing.of(account_id, now)
    hour, _, next_at, _ = _locked(account_id)
    if next_at is not None:
        set_hour(account_id, hour, now)


def _locked(account_id: int) -> tuple[int, date | None, datetime | None, datetime | None]:
    """The digest's hour, the last day that is done, when it comes next, and until when it told."""
    hour, done, next_at, told_until = query(LOCK, account_id).fetchone()
    done = date.fromisoformat(done) if isinstance(done, str) else done
    return hour, done, next_at and instant(next_at), told_until and instant(told_until)


def _next(last: date, hour: int, timezone: str, now: datetime) -> datetime:
    """The first time after now at which it is this hour on a day after `last`."""
    day = last + DAY
    while (found := _at(day, hour, timezone)) <= now:
        day += DAY
    return found


def _at(day: date, hour: int, timezone: str) -> datetime:
    return boundaries.local(datetime.combine(day, time(hour)), timezone)


def _compose(
    stands: Standing, hour: int, today: date, since: datetime, now: datetime
) -> Daily | None:
    """Yesterday, what waits, and what failed since the last one; None if there is none of it."""
    yesterday = Span(today - timedelta(days=1), today, stands.timezone)
    sums = reports.total(reports.group(reports.used(stands.account, yesterday), lambda _: "all"))
    waiting, waiting_more = _waiting(stands.account, now)
    failures, failures_more = _failures(stands.account, since, now)
    midnight = boundaries.day_starts(today + DAY, stands.timezone)
    planned = list(plan_days.facts(stands.account, yesterday, midnight))
    moved = sums.texts_in or sums.texts_out or sums.refunded or sums.calls
    if not (moved or waiting or failures or planned):
        return None
    return Daily(
        stands.account, stands.name, day_words(yesterday.first), hour,
        _facts(stands, sums, planned, now), waiting, waiting_more, failures, failures_more,
    )  # fmt: skip


def _facts(
    stands: Standing, sums: Row, planned: list[tuple[str, str]], now: datetime
) -> list[tuple[str, str]]:
    texts = f"{sums.texts_in:,} in, {sums.texts_out:,} out"
    spent = count(sums.credits, "credit")
    if sums.refunded:
        spent += f" ({sums.charged:,} charged, {sums.refunded:,} given back)"
    forecast = reports.forecast(stands, now)
    how = notices.facts(stands, forecast, now)
    calls = [("Calls forwarded", f"{sums.calls:,}")] if sums.calls else []
    return [("Texts", texts), *calls, ("Spent", spent), *planned, *how]


def _waiting(account_id: int, now: datetime) -> tuple[list[Waiting], int]:
    """Conversations that wait for an answer, longest first; and how many more there are."""
    listed = [
        Waiting(talk.who, talk.since.timestamp(), talk.channel, talk.thread_ts)
        for talk in unanswered.listed(account_id, now, MOST_LISTED)
    ]
    return listed, unanswered.count(account_id, now) - len(listed)


def _failures(account_id: int, since: datetime, now: datetime) -> tuple[list[Failure], int]:
    rows = query(FAILED, account_id, since - FAILS_WITHIN, since, now).fetchall()
    ids = [row[0] for row in rows]
    messages = Message.select().where(Message.id.in_(ids[:MOST_LISTED])).order_by(
        Message.failed_at, Message.id
    )  # fmt: skip
    listed = [
        Failure(
            contacts.name_of(message.conversation.contact),
            message.failure or "No reason was given.",
            message.conversation.channel, message.conversation.thread_ts,
        )
        for message in messages
    ]  # fmt: skip
    return listed, len(ids) - len(listed)
