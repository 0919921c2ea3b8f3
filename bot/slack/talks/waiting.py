"""/text waiting: who waits for an answer, longest first, their words, and a link to each thread."""

from __future__ import annotations

from typing import Any

from slack_bolt import Ack
from slack_sdk import WebClient

from bot import clock
from bot.errors import Refused
from bot.slack import cards
from bot.slack.answers import whisper
from bot.slack.client import permalink
from bot.slack.talks import thread_cards
from bot.talks import threads, unanswered
from bot.talks.unanswered import Waiting
from bot.team import channels
from bot.words import escape
from ledger.database import session


def command(ack: Ack, command: dict[str, Any], client: WebClient) -> None:
    """/text waiting."""
    now = clock.now()
    try:
        with session():
            account = channels.account_for(command["user_id"], command["channel_id"])
            found, total = unanswered.listed(account, now), unanswered.count(account, now)
            said = [thread_cards.newest(threads.of(talk.id)) for talk in found]
    except Refused as refusal:
        return whisper(ack, cards.note(refusal))
    if not found:
        return whisper(ack, cards.note(":white_check_mark: Nobody waits for an answer."))
    shown = [_line(*one, client) for one in zip(found, said, strict=True)]
    head = f"*{total:,} {'waits' if total == 1 else 'wait'} for an answer*, longest first"
    more = [f"And {total - len(found):,} more."] if total > len(found) else []
    return whisper(ack, {
        "text": "\n".join([head, *shown, *more]),
        "blocks": [*map(cards.mrkdwn, [head, *shown]), *map(cards.context, more)],
    })  # fmt: skip


def _line(talk: Waiting, said: str, client: WebClient) -> str:
    name = escape(talk.who)
    if talk.thread_ts:
        name = f"<{permalink(client, talk.channel, talk.thread_ts)}|{name}>"
    whose = f" · <@{talk.assigned_to}>" if talk.assigned_to else ""
    quoted = f"\n>{escape(said)}" if said else ""
    return f"{name} since {cards.when(talk.since)}{whose}{quoted}"
