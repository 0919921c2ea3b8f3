"""What follows on something a person does. The app may call Slack only after it has answered the
press, so whoever looks at once may see what stood there before: these wait for what follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.sandbox.server import wait
from bot.sandbox.slack.people import Answer, Workspace
from bot.sandbox.slack.records import Post, View

Act = Callable[[], Answer | None]


def opened(slack: Workspace, user: str, act: Act) -> View:
    """The modal that `act` opens for this user."""
    before = set(slack.views)
    _answered(act)
    view: View = wait(lambda: _first(v for v in list(slack.views.values())
                                     if v.id not in before and v.user == user))  # fmt: skip
    return view


def turned(view: View, act: Act) -> View:
    """The modal, once it shows something else because of `act`."""
    before = view.hash
    _answered(act)
    wait(lambda: view.hash != before)
    return view


def heard(slack: Workspace, user: str, act: Act) -> Post:
    """What this user alone is shown because of `act`: a new message, or another in its place."""
    before = {post.ts: post.edited for post in slack.seen_by(user)}
    _answered(act)
    post: Post = wait(lambda: _first(p for p in reversed(slack.seen_by(user))
                                     if p.edited != before.get(p.ts, -1)))  # fmt: skip
    return post


def _answered(act: Act) -> None:
    answer = act()
    assert answer is None or answer.status == 200, answer.body


def _first(found: Any) -> Any:
    return next(iter(found), None)
