"""/credits, and the buttons of its card, of notices and digests: parse, call, answer."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Any

from slack_bolt import Ack, BoltContext, Respond
from slack_sdk import WebClient

from bot import clock, outbox
from bot.credits import billing, digest, usage
from bot.errors import Refused
from bot.slack import cards
from bot.slack.answers import or_refusal, reply, tell, typed_words, whisper
from bot.slack.credits import credit_cards, plans
from bot.team import channels, roles
from bot.words import hour_words
from ledger import reports
from ledger.database import session, transaction
from ledger.plans import Catalogue

HELP = (
    "*`/credits`* shows what is left, what was used, and how long it lasts.\n"
    "`/credits plan` shows the plans and what each would do, before you change anything.\n"
    f"{usage.HELP} sends you a table, a chart and a CSV file.\n"
    "`/credits history` lists what happened to your credits, each with its cause.\n"
    "`/credits digest 8 AM` has the daily digest come then; `off` mutes it, `on` brings it back."
)


#: What people try, beside the words that the help names.
REPORT = ("report", "reports", "usage")
STATUS = ("", "balance", "left", "status")
PLAN = ("plan", "plans", "upgrade", "downgrade", "cancel", "subscribe", "buy", "add", "more", "new")


def credits(ack: Ack, command: dict[str, Any], client: WebClient, context: BoltContext) -> None:
    """/credits [plan | report … | history | digest …]."""
    word, _, rest = typed_words(command).partition(" ")
    user, channel = command["user_id"], command["channel_id"]
    catalogue: Catalogue = context["catalogue"]
    if word.lower() in PLAN:
        return plans.open_from(
            ack, client, command["trigger_id"], catalogue, user, lambda: _account(user, channel)
        )  # fmt: skip
    answers: dict[str, Callable[[int], cards.Card]] = {
        **dict.fromkeys(STATUS, lambda account: _status(user, account, catalogue)),
        **dict.fromkeys(REPORT, lambda account: _report(user, account, rest)),
        "history": lambda account: _history(user, account, None),
        "digest": lambda account: _digest(user, account, rest),
    }
    answer = answers.get(word.lower())
    if answer is None:
        return whisper(ack, cards.help_for("/credits", word, HELP))
    return whisper(ack, or_refusal(lambda: answer(_account(user, channel))))


def history(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
    """History, or its older page."""
    account, _, before = body["actions"][0]["value"].partition(":")
    user = body["user"]["id"]
    card = or_refusal(lambda: _history(user, int(account), int(before) if before else None))
    ack()
    reply(respond, card, replace=False)


def report(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
    """Report: this month's, by day."""
    account = int(body["actions"][0]["value"])
    card = or_refusal(lambda: _report(body["user"]["id"], account, ""))
    ack()
    tell(body, client, respond, card["text"])


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
        return channels.account_for(user, channel)


def _status(user: str, account: int, catalogue: Catalogue) -> cards.Card:
    return credit_cards.status(billing.account(user, account, clock.now()), catalogue)


def _history(user: str, account: int, before: int | None) -> cards.Card:
    stands = billing.account(user, account, clock.now()).standing
    with session():
        entries = reports.history(account, before)
        names = usage.whose(entries)
    return credit_cards.history(account, stands.timezone, entries, names)


@transaction
def _report(user: str, account: int, typed: str) -> cards.Card:
    """Queues the report: files cannot be attached to an answer that only one person sees."""
    stands = billing.account(user, account, clock.now()).standing
    asked = usage.ask(account, stands.timezone, typed, clock.now())
    outbox.post_card(
        user, f"report:{secrets.token_hex(8)}", "slack.card",
        {"what": "report", "report": asked.payload()},
    )  # fmt: skip
    return cards.note("Your report comes as a direct message from Partyline in a moment.")


@transaction
def _digest(user: str, account: int, typed: str) -> cards.Card:
    roles.require_manager(user, account)
    wanted = typed.strip().lower()
    at = re.fullmatch(r"(\d{1,2})(?::00)? ?(am|pm)?", wanted)
    hour = _of_day(int(at[1]), at[2]) if at else None
    if wanted == "off":
        digest.set_hour(account, None, clock.now())
        return cards.note("The daily digest is muted. `/credits digest on` brings it back.")
    if wanted == "on":
        hour = digest.DEFAULT_HOUR
    if hour is None:
        raise Refused("Say at which hour it should come, like `/credits digest 8 AM`, or `off`.")
    digest.set_hour(account, hour, clock.now())
    return cards.note(
        f"The daily digest comes at {hour_words(hour)}. `/credits digest off` mutes it."
    )


def _of_day(hour: int, half: str | None) -> int | None:
    """The hour as the day counts it, from one as people say it: "8", "8 PM", "20"."""
    if half and 1 <= hour <= 12:
        return hour % 12 + (12 if half == "pm" else 0)
    return hour if hour < 24 and not half else None


COMMANDS: dict[str, Callable[..., None]] = {"/credits": credits}
ACTIONS: dict[str, Callable[..., None]] = {
    "credits_report": report,
    "credits_history": history,
    "digest_hour": digest_hour,
    "digest_mute": digest_mute,
}
