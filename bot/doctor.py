"""What is wrong and what to do about it, one line each, for `flask doctor`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

from bot import clock
from bot.models import Delivery, Heartbeat, Inbox, Lane
from bot.talks import outages
from bot.team.models import Member
from bot.words import moment_words
from ledger.database import instant, query, session
from ledger.models import Account

ALIVE_FOR = timedelta(seconds=30)  # after a worker's last heartbeat
STUCK_AFTER = timedelta(minutes=10)
MOST = 20  # rows of a kind that are listed
SHUT = """
    SELECT min(pace), error, count(*), min(made_at) FROM delivery
    WHERE state IN ('queued', 'sending', 'unknown') AND error LIKE 'Slack: %%'
    GROUP BY CASE WHEN pace LIKE 'channel:%%' THEN pace ELSE '' END, error ORDER BY 4"""


def findings() -> list[str]:
    """Every finding in the tables; empty when all is well."""
    with session():
        return [*_workers(), *_ownerless(), *_parked(), *_shut(), *_stuck()]


def is_worker_alive() -> bool:
    """Whether any worker has told lately that it runs."""
    lately = Heartbeat.beat_at > clock.now() - ALIVE_FOR
    return bool(Heartbeat.select().where(lately).exists())


def _workers() -> Iterator[str]:
    if not is_worker_alive():
        yield "No worker is alive: texts are saved, nothing is shown or sent. Run `flask worker`."


def _ownerless() -> Iterator[str]:
    owned = Member.select(Member.account).where(Member.role == "owner", Member.left_at.is_null())
    ownerless = Account.select().where(Account.id.not_in(owned)).order_by(Account.id)
    for account in ownerless.limit(MOST):
        yield (
            f"{account.name} has no owner any more. Run "
            f'`flask handover --account "{account.name}" --owner U…`.'
        )


def _parked() -> Iterator[str]:
    for model, what in ((Inbox, "arrived"), (Delivery, "to be sent")):
        parked = model.select().where(model.state == "parked").order_by(model.id)
        for row in parked.limit(MOST):
            yield f"Parked: {row.kind} {row.id} ({what}): {row.error}"
        if count := parked.count():
            yield f"{count} row(s) {what} are parked. Mend the cause, then run `flask retry`."


def _shut() -> Iterator[str]:
    """What waits for somebody to mend Slack, by what is wrong."""
    for pace, error, count, since in query(SHUT).fetchall():
        if why := outages.explain(error):
            channel = f"'s channel {pace.partition(':')[2]}" if outages.in_channel(error) else ""
            yield (
                f"{count} post(s) wait for Slack{channel} since "
                f"{moment_words(instant(since))} UTC: {why}."
            )


def _stuck() -> Iterator[str]:
    now = clock.now()
    old = (
        Delivery.select()
        .where(Delivery.state.in_(["queued", "unknown"]), Delivery.made_at < now - STUCK_AFTER)
        .order_by(Delivery.id)
        .limit(MOST)
    )
    for row in (row for row in old if not outages.explain(row.error)):
        yield (
            f"Waiting since {moment_words(row.made_at)} UTC: {row.kind} {row.id}, "
            f"{row.tries} tries: {row.error or 'its turn has not come'}"
        )
    late = Lane.select(Lane.crew).where(Lane.due_at < now - STUCK_AFTER).distinct()
    for lane in late.order_by(Lane.crew):
        yield (
            f"Deliveries ({lane.crew}) have been due for ten minutes: no worker runs (`flask "
            "worker`), or all its hands for them wait for answers."
        )


def plain(finding: str) -> str:
    """A finding without Slack's mark-up, for a terminal."""
    return re.sub(r"\*([^*]+)\*", r"\1", re.sub(r"<#(\w+)>", r"the channel \1", finding))


def reach(peer: str, call: Callable[[], object], mend: str = "") -> Iterator[str]:
    """A finding if the peer does not answer this harmless call; `mend` is what to do where it does
    not take our credentials."""
    try:
        call()
    except Exception as error:
        why = getattr(error, "msg", None) or type(error).__name__
        response = getattr(error, "response", None)
        why = response.get("error", why) if response is not None else why
        if peer == "Slack" and (what := outages.explain(why)):
            why = f"{what.rstrip('.')} ({why})"
        if mend and getattr(error, "status", None) in (401, 403):
            yield f"{peer} does not take our credentials: no text leaves. {mend}"
        else:
            yield f"{peer} does not take our credentials or cannot be reached: {why}."
