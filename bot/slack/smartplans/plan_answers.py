"""The buttons of what SmartPlans tell members: of reminders, of texts that cost more, and of many
who were put on a plan at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slack_bolt import Ack, Respond
from slack_sdk import WebClient

from bot import clock
from bot.errors import Refused
from bot.slack import cards
from bot.slack.answers import reply, tell
from bot.smartplans import bulks, plan_upkeep, reminders
from bot.team import viewers
from bot.words import count

Act = Callable[[int, str], Any]


def reminder(ack: Ack, body: dict[str, Any], respond: Respond, client: WebClient) -> None:
    """Done, Skip, Put off, on the reminder's card or on Home: both show what came of it."""
    what, now = body["actions"][0]["action_id"], clock.now()
    acts: dict[str, Act] = {
        "reminder_done": lambda one, user: reminders.done(one, user, now),
        "reminder_skip": lambda one, user: reminders.skip(one, user, now),
        "reminder_snooze": lambda one, user: reminders.snooze(one, user, now),
    }
    key, user = int(body["actions"][0]["value"]), body["user"]["id"]
    try:
        if not _on_home(body):
            reminders.pressed(key, user, body["channel"]["id"], body["container"]["message_ts"])
        acts[what](key, user)
    except Refused as refusal:
        ack()
        return tell(body, client, respond, refusal)
    ack()
    return viewers.publish(user)


def ask(ack: Ack, body: dict[str, Any], respond: Respond, client: WebClient) -> None:
    """Send it for what it costs, leave it out, or stop the plan for this contact."""
    what, user, now = body["actions"][0]["action_id"], body["user"]["id"], clock.now()
    one, turn, place, price = map(int, body["actions"][0]["value"].split(":"))
    try:
        if what == "ask_send":
            said = f"It goes out for {count(price, 'credit')}."
            done = plan_upkeep.agree(one, user, (turn, place), price, now)
        else:
            said = "It is left out."
            if for_good := what == "ask_stop":
                said = "The SmartPlan is stopped for this contact."
            done = plan_upkeep.decline(one, user, (turn, place), now, for_good=for_good)
    except Refused as refusal:
        ack()
        return tell(body, client, respond, refusal)
    ack()
    said = said if done else "That was settled already, or is no longer asked."
    if _on_home(body):
        return viewers.publish(user)
    return reply(respond, cards.note(f"{said} (<@{user}>)"))


def bulk(ack: Ack, body: dict[str, Any], respond: Respond, client: WebClient) -> None:
    """Pause, Go on, Stop, of many put on a plan at once: the card shows what came of it."""
    what, user, now = body["actions"][0]["action_id"], body["user"]["id"], clock.now()
    acts: dict[str, Callable[[int], bool]] = {
        "bulk_pause": lambda one: bulks.pause(one, user, now),
        "bulk_go_on": lambda one: bulks.go_on(one, user, now),
        "bulk_stop": lambda one: bulks.stop(one, user, now),
    }
    key = int(body["actions"][0]["value"])
    ack()
    try:
        acts[what](key)
    except Refused as refusal:
        tell(body, client, respond, refusal)


def _on_home(body: dict[str, Any]) -> bool:
    return (body.get("container") or {}).get("type") == "view"


ACTIONS: dict[str, Callable[..., None]] = {
    "reminder_done": reminder,
    "reminder_skip": reminder,
    "reminder_snooze": reminder,
    "bulk_pause": bulk,
    "bulk_go_on": bulk,
    "bulk_stop": bulk,
    "ask_send": ask,
    "ask_skip": ask,
    "ask_stop": ask,
}
