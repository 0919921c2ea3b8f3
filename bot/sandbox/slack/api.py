"""A stand-in for Slack's Web API, strict where Slack is. Who drives it is in people.py."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

from flask import Response, jsonify, request

from bot.sandbox.slack import refusals
from bot.sandbox.slack.files import Refusal, broken
from bot.sandbox.slack.methods import JSON_ARGUMENTS, METHODS
from bot.sandbox.slack.records import BOT
from bot.sandbox.slack.views import SlackViews


class SlackStandIn(SlackViews):
    """Slack: who calls it is known, arguments are checked, and the method of that name answers.
    `app_url` is where our own app listens."""

    ROUTES = (("/api/<method>", "_api", ("GET", "POST")),)

    def __init__(self, app_url: str = "") -> None:
        super().__init__("slack")
        self.app_url = app_url
        self.token = "xoxb-sandbox-" + secrets.token_hex(12)
        self.signing_secret = secrets.token_hex(16)
        self.refused: dict[str, str] = {}  # error by method; by "" of all
        self.refusals: list[str] = []  # what was refused and why, in words
        self.spans: list[tuple[str, float, float]] = []  # each call with its begin and its end

    @property
    def api_url(self) -> str:
        """What SLACK_API_URL has to be."""
        return f"{self.origin}/api/"

    def _api(self, method: str) -> Response:
        began = time.monotonic()
        try:
            return self.answer(method, lambda: self._do(method), broken)
        finally:
            self.spans.append((method, began, time.monotonic()))

    def _do(self, method: str) -> Response:
        try:
            arguments = self._arguments(method)
            with self.lock:
                self.calls.append((method, arguments))
                made = getattr(self, "_" + method.replace(".", "_"))(**arguments)
        except Refusal as refusal:
            if said := refusals.words(method, refusal):
                self.refusals.append(said)
            answer: dict[str, Any] = {"ok": False, "error": refusal.error}
            if refusal.messages:
                answer["response_metadata"] = {"messages": list(refusal.messages)}
            return jsonify(answer)
        return jsonify({"ok": True, **made})

    def _arguments(self, method: str) -> dict[str, Any]:
        given: dict[str, Any] = (
            dict(request.get_json(silent=True) or {})
            if request.is_json
            else request.values.to_dict()
        )
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        token = given.pop("token", None) or token
        if not token:
            raise Refusal("not_authed")
        if token != self.token:
            raise Refusal("invalid_auth")
        if method not in METHODS:
            raise Refusal("unknown_method")
        if refused := self.refused.get(method) or self.refused.get(""):
            raise Refusal(refused)
        needed, allowed = METHODS[method]
        if missing := needed - set(given):
            raise Refusal(
                "invalid_arguments",
                *(f"[ERROR] missing required field: {m}" for m in sorted(missing)),
            )
        if unknown := set(given) - needed - allowed:
            raise Refusal(
                "invalid_arguments", *(f"[ERROR] unknown field: {u}" for u in sorted(unknown))
            )
        for key in JSON_ARGUMENTS & set(given):
            if isinstance(given[key], str):
                try:
                    given[key] = json.loads(given[key])
                except ValueError:
                    raise Refusal(f"invalid_{key}_format") from None
        return given

    def _auth_test(self) -> dict[str, Any]:
        return {
            "url": "https://sandbox.slack.com/", "team": "Sandbox", "user": "partyline",
            "team_id": self.team, "user_id": self.bot, "bot_id": BOT,
        }  # fmt: skip
