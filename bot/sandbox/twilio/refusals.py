"""How the sandbox's Twilio says no: its error codes, in the shape of its API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, jsonify


class Refusal(Exception):
    """An answer with one of Twilio's error codes."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        self.code, self.message, self.status = code, message, status
        super().__init__(message)


def not_found() -> Refusal:
    """What is not there, or not for this account to see."""
    return Refusal(20404, "The requested resource was not found", 404)


def only(given: set[str], known: set[str]) -> None:
    """Refuses a call that has parameters Twilio does not know."""
    if unknown := given - known:
        raise Refusal(20001, f"Unknown parameter(s): {', '.join(sorted(unknown))}")


def as_json(body: Mapping[str, Any], status: int) -> Response:
    """An answer with this body and HTTP status."""
    answer = jsonify(body)
    answer.status_code = status
    return answer


def error(refusal: Refusal) -> Response:
    """The refusal as the API tells it."""
    return as_json(
        {
            "code": refusal.code,
            "message": refusal.message,
            "more_info": f"https://www.twilio.com/docs/errors/{refusal.code}",
            "status": refusal.status,
        },
        refusal.status,
    )


def broken(status: int, seconds: float) -> Response:
    """Twilio's 429, with the seconds to wait, and its 500."""
    code = 20429 if status == 429 else 20500
    answer = error(Refusal(code, "Too Many Requests" if status == 429 else "Server error", status))
    if status == 429:
        answer.headers["Retry-After"] = str(max(1, round(seconds)))
    return answer
