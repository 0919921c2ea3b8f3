"""App Home and its modals: the first steps, and what owners and managers settle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import available_timezones

from slack_bolt import Ack
from slack_sdk import WebClient

from bot import accounts, clock, contacts, people, sending, viewers
from bot.errors import Refused
from bot.slack import cards, home_cards
from bot.words import clean
from ledger.database import session

#: Time zones offered first; the user's own, as Slack has it, comes before all.
ZONES = [
    "America/New_York", "America/Chicago", "America/Denver", "America/Phoenix",
    "America/Los_Angeles", "America/Anchorage", "Pacific/Honolulu", "America/Puerto_Rico",
    "America/Toronto", "America/Vancouver", "Europe/London", "Europe/Berlin", "Australia/Sydney",
]  # fmt: skip

Made = Callable[[str, str], dict[str, Any]]  # (user, the button's value) → view


def more(ack: Ack, body: dict[str, Any]) -> None:
    """Show more of those who wait."""
    ack()
    viewers.more(body["user"]["id"])


def check(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
    """I have invited it: Slack is asked whether that is so, and Home shows the next step."""
    ack()
    user, account = body["user"]["id"], int(body["actions"][0]["value"])
    try:
        there = {
            channel
            for channel in accounts.channels(account, user)
            if client.conversations_info(channel=channel)["channel"].get("is_member")
        }
        accounts.joined(account, user, there, clock.now())
    except Refused:
        return
    viewers.publish(user)


def _opens(make: Made) -> Callable[[Ack, dict[str, Any], WebClient], None]:
    """A listener of a button that opens the modal which `make` makes."""

    def listener(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
        try:
            view = make(body["user"]["id"], body["actions"][0]["value"])
        except Refused as refusal:
            view = refusal_view(refusal)
        ack()
        client.views_open(trigger_id=body["trigger_id"], view=view)

    listener.__doc__ = make.__doc__
    return listener


def refusal_view(refusal: Refused) -> dict[str, Any]:
    """A modal that says why not, and what to do."""
    return {
        "type": "modal", "callback_id": "refused",
        "title": cards.plain("Partyline"), "close": cards.plain("Close"),
        "blocks": [cards.mrkdwn(str(refusal))],
    }  # fmt: skip


def open_account(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
    """Open an account: the modal, with the admin's own time zone first."""
    ack()
    person = client.users_info(user=body["user"]["id"])["user"]
    mine = person.get("tz") if person.get("tz") in available_timezones() else ZONES[0]
    view = home_cards.account_view([mine, *(zone for zone in ZONES if zone != mine)])
    client.views_open(trigger_id=body["trigger_id"], view=view)


def account_opened(ack: Ack, body: dict[str, Any], view: dict[str, Any], client: WebClient) -> None:
    """The account's name and time zone."""
    given = values(view)
    person = client.users_info(user=body["user"]["id"])["user"]
    _settled(ack, "name", lambda: accounts.open_account(
        person, clean(given["name"] or ""), given["zone"], clock.now()
    ))  # fmt: skip


def _team(user: str, account: str) -> dict[str, Any]:
    """Add or remove people."""
    accounts.policy(int(account), user)  # refuses whoever may not
    return home_cards.team_view(int(account), people.team(int(account)))


def team_changed(ack: Ack, body: dict[str, Any], view: dict[str, Any], client: WebClient) -> None:
    """Somebody's role, or none."""
    given, account = values(view), int(view["private_metadata"])
    user, whom = body["user"]["id"], given["who"]

    def change() -> None:
        if not whom:
            raise Refused("Choose somebody.")
        if given["role"] == "none":
            people.remove(account, user, whom)
        else:
            people.add(account, user, client.users_info(user=whom)["user"], given["role"])
        viewers.publish(user)
        viewers.publish(whom)

    _settled(ack, "who", change)


def _policy(user: str, account: str) -> dict[str, Any]:
    """Opt-out words and quiet hours."""
    now = accounts.policy(int(account), user)
    return home_cards.policy_view(
        int(account), now.opt_out_words, now.quiet_from, now.quiet_until
    )  # fmt: skip


def policy_changed(ack: Ack, body: dict[str, Any], view: dict[str, Any]) -> None:
    """New opt-out words and quiet hours."""
    given = values(view)
    _settled(ack, "words", lambda: accounts.settle_policy(
        int(view["private_metadata"]), body["user"]["id"], clean(given["words"] or ""),
        int(given["from"]), int(given["until"]),
    ))  # fmt: skip


def _line(user: str, line: str) -> dict[str, Any]:
    """A line's settings."""
    return home_cards.line_view(accounts.line(int(line), user))


def line_changed(ack: Ack, body: dict[str, Any], view: dict[str, Any]) -> None:
    """A line's new settings."""
    given = values(view)
    _settled(ack, "mode", lambda: accounts.settle_line(
        int(view["private_metadata"]), body["user"]["id"], given["mode"], int(given["up_to"])
    ))  # fmt: skip


def _scheduled(user: str, account: str) -> dict[str, Any]:
    """Texts that wait for their time."""
    accounts.channels(int(account), user)  # refuses strangers
    with session():
        found = sending.scheduled(int(account), user)
        said = [cards.scheduled(draft, contacts.name_of(draft.talk.contact))["text"]
                for draft in found]  # fmt: skip
    return {
        "type": "modal", "callback_id": "scheduled",
        "title": cards.plain("Scheduled texts"), "close": cards.plain("Close"),
        "blocks": [
            *(cards.mrkdwn(line[: cards.SECTION]) for line in said),
            cards.context("`/text later` in a channel changes, sends and cancels them."),
        ],
    }  # fmt: skip


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
        case "datepicker":
            return state.get("selected_date")
        case "datetimepicker":
            return state.get("selected_date_time")
        case "file_input":
            return state.get("files") or []
    return state.get("value")


def _settled(ack: Ack, block: str, change: Callable[[], Any]) -> None:
    """Closes the modal if the change was made; else says at this input why not."""
    try:
        change()
    except Refused as refusal:
        ack(response_action="errors", errors={block: str(refusal)})
    else:
        ack()


ACTIONS: dict[str, Callable[..., None]] = {
    "home_more": more,
    "home_check": check,
    "home_scheduled": _opens(_scheduled),
    "account_open": open_account,
    "team_open": _opens(_team),
    "policy_open": _opens(_policy),
    "line_settings": _opens(_line),
}
VIEWS: dict[str, Callable[..., None]] = {
    "account_opened": account_opened,
    "team_changed": team_changed,
    "policy_changed": policy_changed,
    "line_changed": line_changed,
}
