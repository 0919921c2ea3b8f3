"""App Home and its modals: the first steps, and what owners and managers settle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import available_timezones

from slack_bolt import Ack, BoltContext, Respond
from slack_sdk import WebClient

from bot import clock
from bot.errors import Refused
from bot.slack import cards, roll_call
from bot.slack.answers import error_at, refusal_view, reply, tell
from bot.slack.client import person
from bot.slack.credits import plans
from bot.slack.team import first_cards, settings_cards
from bot.slack.texts import later_cards
from bot.team import accounts, first_run, people, viewers
from bot.texts import scheduled
from bot.words import clean
from ledger.database import session
from ledger.plans import Catalogue

#: Time zones offered first; the user's own, as Slack has it, comes before all.
ZONES = [
    "America/New_York", "America/Chicago", "America/Denver", "America/Phoenix",
    "America/Los_Angeles", "America/Anchorage", "Pacific/Honolulu", "America/Puerto_Rico",
    "America/Toronto", "America/Vancouver", "Europe/London", "Europe/Berlin", "Australia/Sydney",
]  # fmt: skip

Made = Callable[[str, str], dict[str, Any]]  # (user, the button's value) → view


def more(ack: Ack, body: dict[str, Any]) -> None:
    """Show more of those who wait, or of the lines."""
    ack()
    viewers.more(body["user"]["id"])


def turn(ack: Ack, body: dict[str, Any]) -> None:
    """Another of the viewer's accounts."""
    ack()
    viewers.turn(body["user"]["id"], int(body["actions"][0]["selected_option"]["value"]))


def check(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
    """I have invited it: Slack is asked whether that is so, and the next step is shown."""
    ack()
    user, account = body["user"]["id"], int(body["actions"][0]["value"])
    try:
        roll_call.look(client, accounts.unjoined(account, user))
        missing = accounts.unjoined(account, user)
        way = first_run.steps(account, user)
    except Refused as refusal:
        return tell(body, client, respond, refusal)
    viewers.publish(user)
    if missing:
        client.views_open(trigger_id=body["trigger_id"], view=first_cards.not_there(missing))
    elif body.get("response_url"):
        reply(respond, first_cards.card(way))
    return None


def open_account(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
    """Open an account: the modal, with the admin's own time zone first."""
    ack()
    zone = person(client, body["user"]["id"]).get("tz")
    mine = zone if zone in available_timezones() else ZONES[0]
    view = first_cards.account_view([mine, *(zone for zone in ZONES if zone != mine)])
    client.views_open(trigger_id=body["trigger_id"], view=view)


def account_opened(
    ack: Ack, body: dict[str, Any], view: dict[str, Any], client: WebClient, context: BoltContext
) -> None:
    """The account's name and time zone; the plans come next, in the same modal."""
    given, user, now = values(view), body["user"]["id"], clock.now()
    catalogue: Catalogue = context["catalogue"]
    admin = person(client, user)
    try:
        account = accounts.open_account(admin, clean(given["name"] or ""), given["zone"], now)
    except Refused as refusal:
        ack(response_action="errors", errors=error_at(refusal, "name"))
    else:
        ack(response_action="update", view=plans.listed(user, account, catalogue))


def opens(make: Made) -> Callable[[Ack, dict[str, Any], WebClient], None]:
    """A listener of a button that opens the modal which `make` makes, on top of the one that the
    button is in, if it is in one."""

    def listener(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
        try:
            view = make(body["user"]["id"], body["actions"][0]["value"])
        except Refused as refusal:
            view = refusal_view(refusal)
        ack()
        on_top = (body.get("view") or {}).get("type") == "modal"
        show = client.views_push if on_top else client.views_open
        show(trigger_id=body["trigger_id"], view=view)

    listener.__doc__ = make.__doc__
    return listener


def _team(user: str, account: str) -> dict[str, Any]:
    """Add or remove people."""
    return settings_cards.team_view(int(account), accounts.team(int(account), user))


def team_changed(ack: Ack, body: dict[str, Any], view: dict[str, Any], client: WebClient) -> None:
    """Somebody's role, or none."""
    given, account = values(view), int(view["private_metadata"])
    user, whom = body["user"]["id"], given["who"]

    def change() -> None:
        if not whom:
            raise Refused("Choose somebody.")
        if given["role"] == "none":
            return people.remove(account, user, whom)
        return people.add(account, user, person(client, whom), given["role"])

    settled(ack, "who", change)


def _policy(user: str, account: str) -> dict[str, Any]:
    """Opt-out words and quiet hours."""
    return settings_cards.policy_view(int(account), accounts.policy(int(account), user))


def policy_changed(ack: Ack, body: dict[str, Any], view: dict[str, Any]) -> None:
    """New opt-out words and quiet hours."""
    given = values(view)
    settled(ack, "words", lambda: accounts.settle_policy(
        int(view["private_metadata"]), body["user"]["id"], clean(given["words"] or ""),
        int(given["from"]), int(given["until"]), int(given["plan_texts"]), int(given["plan_gap"]),
    ))  # fmt: skip


def _scheduled(user: str, account: str) -> dict[str, Any]:
    """Texts that wait for their time."""
    listed = scheduled.of_account(int(account), user)
    with session():
        said = [later_cards.line(draft, listed.all) for draft in listed.texts]
    return cards.modal("scheduled", "Scheduled texts", [
        *(cards.mrkdwn(line[: cards.SECTION]) for line in said),
        cards.context("`/text later` in a channel changes, sends and cancels them."),
    ])  # fmt: skip


def values(view: dict[str, Any]) -> dict[str, Any]:
    """What a modal's inputs hold, by their block_id."""
    return {block: _value(next(iter(inside.values())))
            for block, inside in view["state"]["values"].items()}  # fmt: skip


def _value(state: dict[str, Any]) -> Any:
    match state["type"]:
        case "static_select" | "external_select" | "radio_buttons":
            return (state.get("selected_option") or {}).get("value")
        case "users_select":
            return state.get("selected_user")
        case "checkboxes":
            return [one["value"] for one in state.get("selected_options") or ()]
        case "datepicker":
            return state.get("selected_date")
        case "conversations_select":
            return state.get("selected_conversation")
        case "timepicker":
            return state.get("selected_time")
        case "datetimepicker":
            return state.get("selected_date_time")
        case "file_input":
            return state.get("files") or []
    return state.get("value")


def settled(ack: Ack, block: str, change: Callable[[], Any]) -> bool:
    """Closes the modal if the change was made; else says why not, at the input that it is about,
    or at this one."""
    try:
        change()
    except Refused as refusal:
        ack(response_action="errors", errors=error_at(refusal, block))
        return False
    ack()
    return True


ACTIONS: dict[str, Callable[..., None]] = {
    "home_more": more,
    "home_account": turn,
    "home_check": check,
    "home_scheduled": opens(_scheduled),
    "account_open": open_account,
    "team_open": opens(_team),
    "policy_open": opens(_policy),
}
VIEWS: dict[str, Callable[..., None]] = {
    "account_opened": account_opened,
    "team_changed": team_changed,
    "policy_changed": policy_changed,
}
