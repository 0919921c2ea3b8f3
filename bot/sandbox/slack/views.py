"""Modals and Home tabs in the sandbox's Slack."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.slack.files import Refusal
from bot.sandbox.slack.forms import state
from bot.sandbox.slack.messages import SlackMessages
from bot.sandbox.slack.records import View
from bot.slack.limits import BlockError, check_view

TRIGGER_S = 3
DEEPEST = 3  # modals on one another


@dataclass
class SlackViews(SlackMessages):
    """What Slack's methods of views do, and the triggers they need."""

    views: dict[str, View] = field(default_factory=dict)
    homes: dict[str, View] = field(default_factory=dict)
    triggers: dict[str, tuple[str, float]] = field(default_factory=dict)  # → (user, until)

    def new_trigger(self, user: str) -> str:
        """A trigger_id: good for three seconds and one view."""
        trigger = f"{int(time.time())}.{secrets.token_hex(8)}"
        self.triggers[trigger] = (user, time.monotonic() + TRIGGER_S)
        return trigger

    def _views_open(self, view: dict[str, Any], trigger_id: str = "", **_: Any) -> dict[str, Any]:
        return {"view": self._show(self._pulled(trigger_id), view)}

    def _views_push(self, view: dict[str, Any], trigger_id: str = "", **_: Any) -> dict[str, Any]:
        user = self._pulled(trigger_id)
        below = [v for v in self.views.values() if v.user == user and v.open]
        if not below:
            raise Refusal("not_found")
        if len(below) >= DEEPEST:
            raise Refusal("push_limit_reached")
        return {"view": self._show(user, view, below[-1].id)}

    def _views_update(
        self, view: dict[str, Any], view_id: str = "", hash: str | None = None, **_: Any
    ) -> dict[str, Any]:
        shown = self.views.get(view_id)
        if shown is None or not shown.open:
            raise Refusal("not_found")
        if hash is not None and hash != shown.hash:
            raise Refusal("hash_conflict")
        _checked_view(view)
        shown.held = state(view, shown.held)  # first: whoever waits for the view looks into it
        shown.view, shown.hash = view, secrets.token_hex(6)
        return {"view": {**view, "id": shown.id, "hash": shown.hash}}

    def _views_publish(
        self, user_id: str, view: dict[str, Any], hash: str | None = None, **_: Any
    ) -> dict[str, Any]:
        if user_id not in self.people or self.people[user_id]["deleted"]:
            raise Refusal("user_not_found")
        _checked_view(view)
        if view["type"] != "home":
            raise Refusal("invalid_arguments", "[ERROR] only a home view may be published")
        before = self.homes.get(user_id)
        if hash is not None and (before is None or hash != before.hash):
            raise Refusal("hash_conflict")
        named = before.id if before else "V" + secrets.token_hex(5).upper()
        self.homes[user_id] = View(named, user_id, view, secrets.token_hex(6), held=state(view))
        return {"view": {**view, "id": named, "hash": self.homes[user_id].hash}}

    def _pulled(self, trigger_id: str) -> str:
        user, until = self.triggers.pop(trigger_id, ("", 0.0))
        if not user:
            raise Refusal("exchanged_trigger_id" if trigger_id else "invalid_arguments")
        if until < time.monotonic():
            raise Refusal("expired_trigger_id")
        return user

    def _show(self, user: str, view: dict[str, Any], before: str | None = None) -> dict[str, Any]:
        _checked_view(view)
        shown = View(
            "V" + secrets.token_hex(5).upper(), user, view, secrets.token_hex(6),
            held=state(view), before=before,
        )  # fmt: skip
        self.views[shown.id] = shown
        return {**view, "id": shown.id, "hash": shown.hash}


def _checked_view(view: dict[str, Any]) -> None:
    try:
        check_view(view)
    except (BlockError, KeyError, TypeError) as error:
        raise Refusal("invalid_arguments", f"[ERROR] {error}") from None
