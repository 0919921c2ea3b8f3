"""Who looks at Partyline's Home, and its publishing.

Home is published from the database, by a delivery per viewer that a newer one overtakes, so that it
changes every few seconds at most however much happens.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from bot import clock, outbox
from bot.models import Viewer
from ledger.database import query, transaction

FIRST_LISTED, STEP, MOST_LISTED = 10, 20, 50
WATCHED_FOR = timedelta(days=1)  # after somebody opened Home, it is kept up to date
VIEWERS = """
    SELECT viewer.slack_user FROM viewer JOIN member ON member.slack_user = viewer.slack_user
    WHERE member.account_id = %s AND member.left_at IS NULL AND viewer.opened_at > %s"""


@transaction
def opened(user: str, now: datetime) -> None:
    """Somebody looks at Home: it is published, and kept up to date for a day."""
    Viewer.insert(slack_user=user, opened_at=now, listed=FIRST_LISTED).on_conflict(
        conflict_target=[Viewer.slack_user], update={"opened_at": now, "listed": FIRST_LISTED}
    ).execute()
    publish(user)


@transaction
def more(user: str) -> None:
    """Show more: a longer list of who waits."""
    here = Viewer.slack_user == user
    Viewer.update(listed=min(listed(user) + STEP, MOST_LISTED)).where(here).execute()
    publish(user)


@transaction
def changed(account_id: int) -> None:
    """Something that Home shows has changed: whoever looked at it today sees it."""
    for row in query(VIEWERS, account_id, clock.now() - WATCHED_FOR).fetchall():
        publish(row[0])


def publish(user: str) -> None:
    """Queues this user's Home; one that waits already serves."""
    outbox.enqueue(
        f"home:{secrets.token_hex(8)}", "slack.home", {"user": user},
        lane=f"home:{user}", pace=f"home:{user}", replaces=f"home:{user}",
    )  # fmt: skip


def listed(user: str) -> int:
    """How many waiting conversations this viewer is shown."""
    viewer = Viewer.get_or_none(Viewer.slack_user == user)
    return viewer.listed if viewer else FIRST_LISTED
