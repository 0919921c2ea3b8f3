"""Keys typed in an open composer: the newest wins, and one update of its view is in flight at a
time, however many web processes hear of the keys.

The row of `Typing` is the lock. Whoever finds something to show claims it, makes one call, and says
so; a claim runs out, so that a killed process holds up nothing.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.talks import desk
from bot.texts import composer, filling
from bot.texts.composer import Look, Typed
from bot.texts.models import Draft, Typing
from ledger.database import query, transaction

GAP = timedelta(milliseconds=300)  # between two updates of one view
KEPT = timedelta(days=1)  # after its first key, what stood in a composer is forgotten
LOCK = "SELECT view FROM typing WHERE view = %s FOR UPDATE"

View = dict[str, Any]
Draw = Callable[[Look], View]  # pure: a view of what is to be shown


@dataclass(frozen=True)
class Update:
    """One update of a view, to be made by whoever claimed it."""

    view: View
    hash: str | None  # of the view that it changes, where that is known
    claim: str
    digest: str


@dataclass(frozen=True)
class Wait:
    """Another update is in flight, or was a moment ago: look again then."""

    seconds: float


@transaction
def claim(
    view: str, typed: Typed | None, draw: Draw, lease_s: float, now: datetime
) -> Update | Wait | None:
    """Takes what was typed, if anything, and claims the update that is due; None if none is.

    Raises Refused where the user may not write there (any more).
    """
    row = hold(typed, now) if typed else held(view)
    if row is None:
        return None
    if typed:
        filling.take(row, typed)
    found = _due(row, composer.look(row, now), draw, lease_s, now)
    row.save()
    return found


def _due(
    row: Typing, look: Look, draw: Draw, lease_s: float, now: datetime
) -> Update | Wait | None:  # fmt: skip
    drawn = draw(look)
    digest = hashlib.sha256(json.dumps(drawn, sort_keys=True).encode()).hexdigest()
    is_shown = row.claim is None and (row.shown or {}).get("digest") == digest
    if is_shown:
        return None
    if row.busy_until and row.busy_until > now:
        return Wait((row.busy_until - now).total_seconds())
    row.claim, row.busy_until = secrets.token_hex(8), now + timedelta(seconds=lease_s)
    row.shown = {"terms": look.terms}
    return Update(drawn, row.hash, row.claim, digest)


@transaction
def finish(view: str, claim: str, digest: str | None, hash: str | None, now: datetime) -> bool:
    """The claimed update was made: this stands in the view, and this is its hash. Neither is known
    where Slack did not say that it was done. Returns whether the form is still written in: it may
    have been sent meanwhile, and the update stand over what was said of that."""
    row = held(view)
    if row is None:
        return False
    if row.claim != claim:
        return True
    row.claim, row.busy_until = None, now + GAP
    row.shown, row.hash = {"digest": digest}, hash
    row.save()
    return True


@transaction
def pressed(typed: Typed, what: str, now: datetime) -> None:
    """A button of the form: what it changes is shown by the next update. Raises Refused."""
    row = hold(typed, now)
    if row is None or typed.at <= row.at:
        return
    is_here = what != "plain" or typed.box >= row.box
    filling.take(row, typed)
    if is_here:
        filling.press(row, what, now)
    row.save()


@transaction
def gone(view: str) -> None:
    """The view is closed: what stood in it is forgotten."""
    Typing.delete().where(Typing.view == view).execute()


@transaction
def forget(now: datetime) -> int:
    """Forgets what stood in composers that were opened a day ago. Returns how many."""
    return int(Typing.delete().where(Typing.made_at < now - KEPT).execute())


def hold(typed: Typed, now: datetime) -> Typing | None:
    """The row of this view, locked; a new one if there is none, and none once its text was sent:
    a key may come late. Raises Refused."""
    row = held(typed.view)
    if row is None:
        if Draft.get_or_none(Draft.id == composer.draft_id(typed.view)):
            return None
        blank = composer.blank(typed, now)
        Typing.insert(**blank.__data__).on_conflict_ignore().execute()
        row = held(typed.view)
    elif row.conversation_id:
        desk.own(row.conversation_id, typed.user)
    return row


def held(view: str) -> Typing | None:
    """The row of this view, locked; None if there is none."""
    if query(LOCK, view).fetchone() is None:
        return None
    found: Typing = Typing.get_by_id(view)
    return found


def may_stand(row: Typing, terms: composer.Terms, now: datetime) -> bool:
    """Whether these terms are the only ones that an update in flight may be showing."""
    in_flight = row.claim is not None and row.busy_until and row.busy_until > now
    return not in_flight or (row.shown or {}).get("terms") == terms
