"""Quotes that follow the typing in open composers, out of step with Slack's acks.

Slack tells of each key and takes an update of a view in 50 to 250 ms, at most some hundred a
minute. So of the keys that come meanwhile only the newest is shown, and none that changes nothing.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot import clock
from bot.errors import Refused
from bot.slack.client import permalink
from bot.slack.texts import compose_cards
from bot.texts import composed, keystrokes
from bot.texts.composed import Gone
from bot.texts.composer import Typed
from bot.texts.keystrokes import Update, Wait

log = structlog.get_logger()

THREADS = 24  # composers that are looked at in the same moment; the others wait their turn
LEASE_S = 5  # of a claim, beyond the time that a call may take
POLL_S = 1.0  # at most, between looks at what another process is showing
TRIES = 5  # of an update that Slack does not take; then the next key's
CLOSED = "not_found"  # the view is no longer open
MOVED = "hash_conflict"  # it is not the view that we knew
RATE_LIMITED = "ratelimited"


class LiveQuotes:
    """Follows what is typed in this process, in threads of its own."""

    def __init__(self, client: WebClient) -> None:
        self._client = client
        self._pool = ThreadPoolExecutor(THREADS, "live")
        self._lock = threading.Lock()
        self._due: dict[str, Typed | None] = {}  # views to look at, with the newest key if any
        self._followed: set[str] = set()  # views that a thread is at
        self._failed: dict[str, int] = {}
        self._shut_until = 0.0  # monotonic: Slack said to wait

    def typed(self, key: Typed) -> None:
        """Somebody typed: the newest key counts, whatever order they come in."""
        self._follow(key.view, key)

    def look(self, view: str) -> None:
        """Something else has changed in this composer."""
        self._follow(view, None)

    def is_idle(self) -> bool:
        """Whether all that came is shown."""
        with self._lock:
            return not self._followed

    def _follow(self, view: str, key: Typed | None) -> None:
        with self._lock:
            kept = self._due.get(view)
            newest = key if kept is None or (key and key.at > kept.at) else kept
            self._due[view] = newest
            if view in self._followed:
                return
            self._followed.add(view)
        self._pool.submit(self._step, view)

    def _step(self, view: str) -> None:
        """One look at a composer; then its turn comes again, if there may be more to show."""
        if (shut_s := self._shut_until - time.monotonic()) > 0:
            time.sleep(min(shut_s, POLL_S))
            self._pool.submit(self._step, view)
            return
        with self._lock:
            key = self._due.pop(view, None)
        try:
            wait_s = self._show(view, key)
        except Refused:  # not on the team any more: Send says so
            wait_s = None
        except Exception:
            log.exception("live.failed")
            wait_s = None
        if wait_s is None:
            with self._lock:
                self._failed.pop(view, None)
                if view not in self._due:
                    self._followed.discard(view)
                    return
        time.sleep(wait_s or 0)
        self._pool.submit(self._step, view)

    def _show(self, view: str, key: Typed | None) -> float | None:
        """Shows what is due, if anything. Returns when to look again; None if nothing is left."""
        lease_s = self._client.timeout + LEASE_S
        due = keystrokes.claim(view, key, compose_cards.view, lease_s, clock.now())
        if due is None:
            return None
        if isinstance(due, Wait):
            return min(due.seconds, POLL_S)
        return self._update(view, due)

    def _update(self, view: str, due: Update) -> float | None:
        known = {"hash": due.hash} if due.hash else {}
        try:
            shown = self._client.views_update(view_id=view, view=due.view, **known)
        except SlackApiError as error:
            return self._not_taken(view, due, error)
        except Exception as error:  # it may stand there now, or soon
            return self._unknown(view, due, type(error).__name__)
        self._failed.pop(view, None)
        hash = shown["view"]["hash"]
        if not keystrokes.finish(view, due.claim, due.digest, hash, clock.now()):
            self._say_again(view, hash)
        return keystrokes.GAP.total_seconds()

    def _say_again(self, view: str, hash: str) -> None:
        """Send was pressed while an update was on its way, which stands over its answer now."""
        if done := composed.sent_from(view):
            said = compose_cards.gone(done, address(self._client, done))
            self._client.views_update(view_id=view, view=said, hash=hash)

    def _not_taken(self, view: str, due: Update, error: SlackApiError) -> float | None:
        why = error.response.get("error")
        if why == CLOSED:
            keystrokes.gone(view)
            return None
        if why == RATE_LIMITED:
            shut_s = float(error.response.headers.get("Retry-After", 1))
            self._shut_until = max(self._shut_until, time.monotonic() + shut_s)
        return self._unknown(view, due, str(why))

    def _unknown(self, view: str, due: Update, why: str) -> float | None:
        keystrokes.finish(view, due.claim, None, None, clock.now())
        self._failed[view] = tries = self._failed.get(view, 0) + 1
        if why != MOVED:
            log.warning("live.not_shown", why=why, tries=tries)
        return keystrokes.GAP.total_seconds() if tries < TRIES else None


def address(client: WebClient, done: Gone) -> str | None:
    """The address of the thread that a text went to, if it has one and Slack says it."""
    if done.thread_ts is None:
        return None
    try:
        return permalink(client, done.channel, done.thread_ts)
    except Exception as error:  # the text is on its way, whatever Slack says to this
        log.warning("slack.no_address", error=type(error).__name__)
        return None
