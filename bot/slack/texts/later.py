"""Send later: the times a text can be given, and `/text later`, the list of what waits for its."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from slack_bolt import Ack, Respond
from slack_sdk import WebClient

from bot import clock
from bot.errors import Refused
from bot.slack import cards
from bot.slack.answers import beside, error_at, on_card, or_refusal, reply, whisper
from bot.slack.texts import later_cards
from bot.slack.texts.pressed import answer, card_url, draft_of
from bot.texts import drafts, scheduled, sending
from bot.texts.scheduled import Listed
from bot.words import clean
from ledger.database import session


def command(ack: Ack, command: dict[str, Any], **_: Any) -> None:
    """/text later."""
    user, channel = command["user_id"], command["channel_id"]
    whisper(ack, or_refusal(lambda: _list(scheduled.listed(user, channel))))


def _list(listed: Listed, said: str = "") -> cards.Card:
    with session():
        return later_cards.listing(listed, said)


# A time for a text


def at(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """Send at 9:00: the text is scheduled for the time the button names."""
    key, _, moment = body["actions"][0]["value"].rpartition(":")
    draft_id, _, version = key.rpartition(":")
    then = datetime.fromtimestamp(int(moment), UTC)

    def timed(user: str) -> cards.Card:
        return cards.timed(scheduled.later(draft_id, int(version), user, then, clock.now()))

    answer(ack, body, respond, draft_id, timed)


def when(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
    """Later…, or Other time…: a modal that asks when; its trigger lives three seconds."""
    draft_id, version = draft_of(body)
    try:
        suggested = scheduled.suggest(draft_id, body["user"]["id"], clock.now())
    except Refused as refusal:
        ack()
        return beside(respond, body, cards.note(refusal))
    ack()
    about = {"draft": draft_id, "version": version, "card_url": card_url(body),
             "listed": _is_listed(body)}  # fmt: skip
    client.views_open(trigger_id=body["trigger_id"], view=later_cards.when_view(about, suggested))
    return None


def timed(ack: Ack, body: dict[str, Any], view: dict[str, Any]) -> None:
    """The time that was chosen; in the contact's quiet hours, it is asked about once."""
    about = json.loads(view["private_metadata"])
    chosen = view["state"]["values"]["at"]["at"]["selected_date_time"]
    user, draft_id = body["user"]["id"], about["draft"]
    try:
        if chosen is None:
            raise Refused("Choose a date and a time.")
        then = datetime.fromtimestamp(int(chosen), UTC)
        scheduled.require_time(then, clock.now())
        if about.get("agreed") != chosen and (night := scheduled.night(draft_id, user, then)):
            asked = later_cards.when_view({**about, "agreed": chosen}, then, night)
            ack(response_action="update", view=asked)
            return None
        scheduled.later(draft_id, about["version"], user, then, clock.now())
    except Refused as refusal:
        ack(response_action="errors", errors=error_at(refusal, "at"))
        return None
    ack()
    return _outcome(about, user, cards.timed(then), f"Its time is {cards.when(then)} now.")


# The list


def send(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """Send now, on the list."""
    draft_id, version = draft_of(body)

    def sent(user: str) -> str:
        outcome = sending.send(draft_id, version, user, clock.now())
        if isinstance(outcome, sending.Sent):
            return f"On its way to {cards.escape(outcome.recipient)}."
        return f"Nothing was sent yet. {outcome.asked}"

    _on_list(ack, body, respond, draft_id, sent)


def cancel(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """Cancel, on the list."""
    draft_id, version = draft_of(body)

    def cancelled(user: str) -> str:
        drafts.cancel(draft_id, version, user)
        return "Cancelled. It is not sent."

    _on_list(ack, body, respond, draft_id, cancelled)


def edit(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
    """Edit, of a text that waits for its time: a modal; its trigger lives three seconds."""
    draft_id, version = draft_of(body)
    try:
        written = drafts.body_of(draft_id, body["user"]["id"])
        if len(written) > cards.LONGEST_INPUT:
            raise Refused(cards.TOO_LONG_TO_EDIT)
    except Refused as refusal:
        ack()
        return beside(respond, body, cards.note(refusal))
    ack()
    about = {"draft": draft_id, "version": version, "card_url": card_url(body),
             "listed": _is_listed(body), "agreed": 0}  # fmt: skip
    view = later_cards.reword_view(about, written)
    client.views_open(trigger_id=body["trigger_id"], view=view)
    return None


def edited(ack: Ack, body: dict[str, Any], view: dict[str, Any]) -> None:
    """The new words; where they cost more, that is asked about once."""
    about, user = json.loads(view["private_metadata"]), body["user"]["id"]
    written = clean(view["state"]["values"]["body"]["body"]["value"] or "")
    try:
        more = scheduled.reword(
            about["draft"], about["version"], user, written, about["agreed"], clock.now()
        )
    except Refused as refusal:
        ack(response_action="errors", errors=error_at(refusal, "body"))
        return None
    if more is not None:
        asked = later_cards.reword_view({**about, "agreed": more}, written)
        ack(response_action="update", view=asked)
        return None
    ack()
    return _outcome(about, user, cards.note("Changed. It keeps its time."), "Changed.")


def _on_list(
    ack: Ack, body: dict[str, Any], respond: Respond, draft_id: str, act: Callable[[str], str]
) -> None:
    """Acts, and shows the list as it is then, with what came of it above."""
    user = body["user"]["id"]
    try:
        said = act(user)
    except Refused as refusal:
        said = cards.told(refusal)
    ack()
    card = or_refusal(lambda: _list(scheduled.listed_beside(draft_id, user), said))
    reply(respond, card)


def _outcome(about: dict[str, Any], user: str, card: cards.Card, said: str) -> None:
    """Shows what came of a modal on the card, or the list, that it was opened from."""
    if about["listed"]:
        card = _list(scheduled.listed_beside(about["draft"], user), said)
    on_card(about["card_url"], card)


def _is_listed(body: dict[str, Any]) -> bool:
    return bool(body["actions"][0]["block_id"].startswith(later_cards.LISTED))


ACTIONS: dict[str, Callable[..., None]] = {
    "draft_at": at,
    "draft_later": when,
    "later_send": send,
    "later_edit": edit,
    "later_cancel": cancel,
}
VIEWS: dict[str, Callable[..., None]] = {"draft_timed": timed, "later_edited": edited}
