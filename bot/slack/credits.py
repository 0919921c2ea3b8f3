"""/credits, the plan modal, and the buttons of notices and digests: parse, call, answer."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any

from slack_bolt import Ack, BoltContext, Respond
from slack_sdk import WebClient

from bot import billing, clock, digest, lines, outbox, usage
from bot.errors import Refused
from bot.slack import cards, credit_cards
from bot.slack.answers import or_refusal, reply, typed_words, whisper
from ledger import reports
from ledger.database import session, transaction
from ledger.plans import Catalogue
from ledger.subscriptions import NotAsShown

HELP = (
    "*`/credits`* shows what is left, what was used, and how long it lasts.\n"
    "`/credits plan` shows the plans and what each would do, before you change anything.\n"
    f"{usage.HELP} sends you a table, a chart and a CSV file.\n"
    "`/credits history` lists what happened to your credits, each with its cause.\n"
    "`/credits digest 8` has the daily digest come at 8:00; `off` mutes it, `on` brings it back."
)


def credits(ack: Ack, command: dict[str, Any], client: WebClient, context: BoltContext) -> None:
    """/credits [plan | report … | history | digest …]."""
    word, _, rest = typed_words(command).partition(" ")
    user, channel = command["user_id"], command["channel_id"]
    catalogue: Catalogue = context["catalogue"]
    if word.lower() == "plan":
        return _open_plans(ack, client, command["trigger_id"], catalogue, user, channel=channel)
    answers: dict[str, Callable[[int], cards.Card]] = {
        "": lambda account: _status(user, account, catalogue),
        "report": lambda account: _report(user, account, rest),
        "history": lambda account: _history(user, account, None),
        "digest": lambda account: _digest(user, account, rest),
    }
    answer = answers.get(word.lower())
    if answer is None:
        return whisper(ack, cards.note(HELP))
    return whisper(ack, or_refusal(lambda: answer(_account(user, channel))))


def open_plans(
    ack: Ack, body: dict[str, Any], client: WebClient, context: BoltContext, respond: Respond
) -> None:
    """The button of a card or notice that opens the plans."""
    account = int(body["actions"][0]["value"])
    _open_plans(
        ack, client, body["trigger_id"], context["catalogue"], body["user"]["id"],
        account=account, respond=respond,
    )  # fmt: skip


def choose_plan(ack: Ack, body: dict[str, Any], client: WebClient, context: BoltContext) -> None:
    """Choose: the same modal asks for confirmation, at exact numbers."""
    catalogue: Catalogue = context["catalogue"]
    code = body["actions"][0]["value"]

    def view(user: str, account: int) -> dict[str, Any]:
        now = clock.now()
        effect = billing.offer(user, account, code, catalogue, now)
        stands = billing.account(user, account, now).standing
        return credit_cards.confirm_view(effect, stands, catalogue, secrets.token_hex(8))

    _turn_view(ack, body, client, view)


def choose_then(ack: Ack, body: dict[str, Any], client: WebClient, context: BoltContext) -> None:
    """Hold, cancel, or withdraw that: the same modal asks for confirmation."""
    catalogue: Catalogue = context["catalogue"]
    what = body["actions"][0]["value"]

    def view(user: str, account: int) -> dict[str, Any]:
        stands = billing.account(user, account, clock.now(), to_change=True)
        return credit_cards.then_view(stands, what, catalogue, secrets.token_hex(8))

    _turn_view(ack, body, client, view)


def list_plans(ack: Ack, body: dict[str, Any], client: WebClient, context: BoltContext) -> None:
    """All plans: back to the list."""
    catalogue: Catalogue = context["catalogue"]
    _turn_view(
        ack, body, client,
        lambda user, account: credit_cards.plan_view(
            *billing.offers(user, account, catalogue, clock.now()), catalogue
        ),
    )  # fmt: skip


def plan_chosen(ack: Ack, body: dict[str, Any], view: dict[str, Any], context: BoltContext) -> None:
    """The confirmed plan: done once, and only at the numbers that were shown."""
    about, user, now = json.loads(view["private_metadata"]), body["user"]["id"], clock.now()
    catalogue: Catalogue = context["catalogue"]
    account, key = int(about["account"]), str(about["key"])
    shown = billing.from_json(about["shown"])
    try:
        done = billing.choose(user, account, key, shown, catalogue, now)
        view = credit_cards.done_view(done, catalogue)
    except NotAsShown as changed:
        stands = billing.account(user, account, now).standing
        view = credit_cards.confirm_view(changed.effect, stands, catalogue, key, changed=True)
    except Refused as refusal:
        view = _refusal_view(refusal)
    ack(response_action="update", view=view)


def then_chosen(ack: Ack, body: dict[str, Any], view: dict[str, Any], context: BoltContext) -> None:
    """The confirmed hold, cancellation or withdrawal."""
    about, user = json.loads(view["private_metadata"]), body["user"]["id"]
    account, key, what = int(about["account"]), str(about["key"]), str(about["what"])
    try:
        done = billing.set_then(user, account, key, what, clock.now())
        view = credit_cards.done_view(done, context["catalogue"])
    except Refused as refusal:
        view = _refusal_view(refusal)
    ack(response_action="update", view=view)


def history(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """History, or its older page."""
    account, _, before = body["actions"][0]["value"].partition(":")
    user = body["user"]["id"]
    card = or_refusal(lambda: _history(user, int(account), int(before) if before else None))
    ack()
    reply(respond, card, replace=False)


def report(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """Report: this month's, by day."""
    account = int(body["actions"][0]["value"])
    card = or_refusal(lambda: _report(body["user"]["id"], account, ""))
    ack()
    reply(respond, card, replace=False)


def digest_hour(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """Another hour for the digest, from its menu."""
    account, _, hour = body["actions"][0]["selected_option"]["value"].partition(":")
    card = or_refusal(lambda: _digest(body["user"]["id"], int(account), hour))
    ack()
    reply(respond, card, replace=False)


def digest_mute(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """No more digests."""
    account = int(body["actions"][0]["value"])
    card = or_refusal(lambda: _digest(body["user"]["id"], account, "off"))
    ack()
    reply(respond, card, replace=False)


def _account(user: str, channel: str) -> int:
    with session():
        return lines.account_for(user, channel)


def _status(user: str, account: int, catalogue: Catalogue) -> cards.Card:
    return credit_cards.status(billing.account(user, account, clock.now()), catalogue)


def _history(user: str, account: int, before: int | None) -> cards.Card:
    stands = billing.account(user, account, clock.now()).standing
    with session():
        entries = reports.history(account, before)
    return credit_cards.history(account, stands.timezone, entries)


@transaction
def _report(user: str, account: int, typed: str) -> cards.Card:
    """Queues the report: files cannot be attached to an answer that only one person sees."""
    stands = billing.account(user, account, clock.now()).standing
    asked = usage.ask(account, stands.timezone, typed, clock.now())
    outbox.enqueue(
        f"report:{secrets.token_hex(8)}", "slack.card",
        {"what": "report", "to": user, "report": asked.payload()},
        lane=f"card:{user}", pace=f"channel:{user}",
    )  # fmt: skip
    return cards.note("Your report comes as a direct message from Partyline in a moment.")


@transaction
def _digest(user: str, account: int, typed: str) -> cards.Card:
    lines.require_manager(user, account)
    wanted = typed.strip().lower().removesuffix(":00")
    if wanted == "off":
        digest.set_hour(account, None, clock.now())
        return cards.note("The daily digest is muted. `/credits digest on` brings it back.")
    if wanted == "on":
        hour = digest.DEFAULT_HOUR
    elif wanted.isdecimal() and int(wanted) < 24:
        hour = int(wanted)
    else:
        raise Refused("Say at which hour it should come, like `/credits digest 8`, or `off`.")
    digest.set_hour(account, hour, clock.now())
    return cards.note(f"The daily digest comes at {hour}:00. `/credits digest off` mutes it.")


def _open_plans(
    ack: Ack, client: WebClient, trigger_id: str, catalogue: Catalogue, user: str, *,
    channel: str | None = None, account: int | None = None, respond: Respond | None = None,
) -> None:  # fmt: skip
    """Opens the plans at once, its trigger lives three seconds; refuses where nobody may."""
    try:
        if account is None:
            account = _account(user, channel or "")
        view = credit_cards.plan_view(
            *billing.offers(user, account, catalogue, clock.now()), catalogue
        )
    except Refused as refusal:
        if respond is None:
            return whisper(ack, cards.note(str(refusal)))
        ack()
        return reply(respond, cards.note(str(refusal)), replace=False)
    ack()
    client.views_open(trigger_id=trigger_id, view=view)
    return None


def _turn_view(
    ack: Ack, body: dict[str, Any], client: WebClient,
    make: Callable[[str, int], dict[str, Any]],
) -> None:  # fmt: skip
    """Replaces the modal in which a button was pressed."""
    ack()
    shown = body["view"]
    account = int(json.loads(shown["private_metadata"])["account"])
    try:
        view = make(body["user"]["id"], account)
    except Refused as refusal:
        view = _refusal_view(refusal)
    client.views_update(view_id=shown["id"], hash=shown["hash"], view=view)


def _refusal_view(refusal: Refused) -> dict[str, Any]:
    return {
        "type": "modal", "callback_id": "plan_refused",
        "title": {"type": "plain_text", "text": "Your plan"},
        "close": {"type": "plain_text", "text": "Close"},
        "blocks": cards.note(str(refusal))["blocks"],
    }  # fmt: skip


COMMANDS: dict[str, Callable[..., None]] = {"/credits": credits}
ACTIONS: dict[str, Callable[..., None]] = {
    "plan_open": open_plans,
    "plan_list": list_plans,
    "plan_choose": choose_plan,
    "plan_hold": choose_then,
    "plan_cancel": choose_then,
    "plan_resume": choose_then,
    "credits_report": report,
    "credits_history": history,
    "digest_hour": digest_hour,
    "digest_mute": digest_mute,
}
VIEWS: dict[str, Callable[..., None]] = {"plan_chosen": plan_chosen, "plan_then": then_chosen}
