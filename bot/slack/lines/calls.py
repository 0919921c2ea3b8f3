"""A line's calls settled in Slack: parse, call, answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from slack_bolt import Ack

from bot import clock
from bot.errors import Refused
from bot.lines import call_settings
from bot.lines.call_settings import Wanted
from bot.lines.calls import WORDS
from bot.slack.answers import error_at, refusal_view
from bot.slack.lines import call_cards
from bot.slack.team import front
from bot.team import roles
from bot.words import clean


def calls(user: str, line_id: str) -> dict[str, Any]:
    """How a line's calls are taken."""
    return call_cards.calls_view(roles.line_to_change(int(line_id), user))


def changed(ack: Ack, body: dict[str, Any], view: dict[str, Any]) -> None:
    """Calls are to be taken so; a text back is asked about first, with its price."""
    given, line_id, user = front.values(view), int(view["private_metadata"]), body["user"]["id"]
    said = clean(given["words"] or "").strip()
    wanted = Wanted(
        given["mode"], "" if said == WORDS else said, given["user"],
        clean(given["number"] or "").strip(), clean(given["text"] or "").strip(),
    )  # fmt: skip

    try:
        price = call_settings.look(line_id, user, wanted)
        if price is None:
            call_settings.settle(line_id, user, wanted, None, clock.now())
    except Refused as refusal:
        ack(response_action="errors", errors=error_at(refusal, "mode"))
        return
    if price is None:
        ack()
    else:
        ack(response_action="update", view=call_cards.agree_view(line_id, wanted, price))


def agreed(ack: Ack, body: dict[str, Any], view: dict[str, Any]) -> None:
    """The price of a text back was seen: all of it is settled."""
    kept, user = json.loads(view["private_metadata"]), body["user"]["id"]
    try:
        call_settings.settle(
            kept["line"], user, Wanted(**kept["wanted"]), kept["agreed"], clock.now()
        )
    except Refused as refusal:
        ack(response_action="update", view=refusal_view(refusal))
    else:
        ack()


ACTIONS: dict[str, Callable[..., None]] = {"line_calls": front.opens(calls)}
VIEWS: dict[str, Callable[..., None]] = {"line_calls": changed, "line_calls_agreed": agreed}
