"""Who looks at Partyline's Home, and its publishing.

What changes only marks a viewer's Home as stale, in the transaction of the change; every few
seconds the stale ones are published, by a delivery each that a newer one overtakes. So a text costs
the same whether it is one of a thousand a minute or alone, and no Home is behind for long.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from bot import clock, outbox
from bot.team.models import Viewer
from ledger.database import query, transaction

FIRST_LISTED, STEP, MOST_LISTED = 10, 20, 50
WATCHED_FOR = timedelta(days=1)  # after somebody opened Home, it is kept up to date
EVERY = timedelta(seconds=3)  # the least between two of one person
REFRESHED_AFTER = timedelta(minutes=10)  # for what time alone changes, like a renewal
AT_ONCE, REFRESHED_AT_ONCE = 200, 20  # Homes that are published in one run

# Not only where it was not stale before: a Home that is published just now shows nothing of what
# has not been committed yet, so the row is locked until then.
MARK = """
    UPDATE viewer SET stale = %s WHERE opened_at > %s AND slack_user IN (
        SELECT slack_user FROM member WHERE account_id = %s AND left_at IS NULL)"""
STALE = """
    SELECT slack_user FROM viewer
    WHERE stale AND (published_at IS NULL OR published_at <= %s)
    ORDER BY published_at NULLS FIRST LIMIT %s FOR UPDATE SKIP LOCKED"""
OLD = """
    SELECT slack_user FROM viewer WHERE opened_at > %s AND published_at < %s AND NOT stale
    ORDER BY published_at LIMIT %s FOR UPDATE SKIP LOCKED"""


@transaction
def opened(user: str, now: datetime) -> None:
    """Somebody looks at Home: it is published, and kept up to date for a day."""
    Viewer.insert(slack_user=user, opened_at=now, listed=FIRST_LISTED, stale=False).on_conflict(
        conflict_target=[Viewer.slack_user], update={"opened_at": now, "listed": FIRST_LISTED}
    ).execute()
    publish(user)


@transaction
def more(user: str) -> None:
    """Show more: longer lists."""
    here = Viewer.slack_user == user
    Viewer.update(listed=min(listed(user) + STEP, MOST_LISTED)).where(here).execute()
    publish(user)


@transaction
def turn(user: str, account_id: int) -> None:
    """Shows another of this user's accounts. (Home shows it only to whoever is on it.)"""
    here = Viewer.slack_user == user
    Viewer.update(account=account_id, listed=FIRST_LISTED).where(here).execute()
    publish(user)


@transaction
def changed(account_id: int) -> None:
    """Something that Home shows has changed: whoever looked at it today sees it in a moment."""
    query(MARK, True, clock.now() - WATCHED_FOR, account_id)


@transaction
def publish(user: str) -> None:
    """Publishes this user's Home, if it is one that is watched; at once, unless it just was."""
    now = clock.now()
    viewer = Viewer.get_or_none(Viewer.slack_user == user, Viewer.opened_at > now - WATCHED_FOR)
    if viewer is None:
        return
    if viewer.published_at and viewer.published_at > now - EVERY:
        Viewer.update(stale=True).where(Viewer.slack_user == user).execute()
    else:
        _publish(user, now)


@transaction
def publish_stale() -> int:
    """Publishes every Home that is behind. Returns how many."""
    now = clock.now()
    return _publish_all(query(STALE, now - EVERY, AT_ONCE).fetchall(), now)


@transaction
def refresh(most: int = REFRESHED_AT_ONCE) -> int:
    """Publishes those that were not for a while. Returns how many."""
    now = clock.now()
    old = query(OLD, now - WATCHED_FOR, now - REFRESHED_AFTER, most).fetchall()
    return _publish_all(old, now)


def listed(user: str) -> int:
    """How many rows of a list this viewer is shown."""
    viewer = Viewer.get_or_none(Viewer.slack_user == user)
    return viewer.listed if viewer else FIRST_LISTED


def _publish_all(rows: Iterable[tuple[str]], now: datetime) -> int:
    users = sorted(row[0] for row in rows)
    for user in users:
        _publish(user, now)
    return len(users)


def _publish(user: str, now: datetime) -> None:
    """Queues this user's Home; one that waits already serves, for it shows what is when it
    leaves."""
    Viewer.update(stale=False, published_at=now).where(Viewer.slack_user == user).execute()
    outbox.enqueue(
        f"home:{secrets.token_hex(8)}", "slack.home", {"user": user},
        lane=f"home:{user}", pace="home:slack", replaces=f"home:{user}",
    )  # fmt: skip
