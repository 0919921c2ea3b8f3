"""The modals in which a line's calls are settled, as plain dicts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from bot.contacts import numbers
from bot.lines.call_settings import (
    LONGEST_TEXT,
    LONGEST_WORDS,
    Price,
    Wanted,
    minute_price,
)
from bot.lines.calls import WORDS
from bot.lines.models import Line
from bot.slack import cards, inputs
from bot.slack.cards import context, mrkdwn, plain, words
from bot.words import count


def calls_view(line: Line) -> dict[str, Any]:
    """How the calls of a line are taken."""
    modes = [
        cards.option("They hear a message", "message"),
        cards.option("A phone rings; if nobody takes it, they hear the message", "forward"),
    ]
    return cards.modal("line_calls", "Calls", [
        mrkdwn(f"*{numbers.spoken(line.number)}*\n{_where(line)}"),
        inputs.field("mode", "When somebody calls", {
            "type": "radio_buttons", "options": modes,
            "initial_option": modes[line.voice_mode == "forward"],
        }),
        inputs.box("words", "The message, spoken to them", line.voice_words or WORDS,
                   most=LONGEST_WORDS, optional=True, multiline=True),
        inputs.field("user", "Whose phone rings", {
            "type": "users_select", "placeholder": plain("Choose somebody"),
            **inputs.initial("initial_user", line.forward_user),
        }, optional=True),
        inputs.box("number", "Its number", line.forward_number or "", most=60, optional=True,
                   hint=f"It rings for 20 seconds. A call that is taken costs {minute_price()} "
                   "for each minute begun."),
        inputs.box("text", "A text back after a missed call", line.text_back or "",
                   most=LONGEST_TEXT, optional=True, multiline=True,
                   hint="Leave it empty for no text. A caller gets it once an hour at most; "
                   "whoever opted out gets none. Its price is shown before it is switched on."),
        context("A missed call is shown in the caller's thread, free of charge."),
    ], str(line.id), submit="Save")  # fmt: skip


def taken(line: Line) -> str:
    """How calls to a line are taken, to go on after "Calls", in Slack's mark-up."""
    if line.calls_until is None:
        return "are not taken"
    if line.voice_mode == "forward":
        return f"ring the phone of <@{line.forward_user}>"
    return "hear a message"


def _where(line: Line) -> str:
    if line.calls_until is not None:
        return "Its calls are taken by Partyline."
    return "Its calls do not come to Partyline yet. They will when you save."


def agree_view(line_id: int, wanted: Wanted, price: Price) -> dict[str, Any]:
    """What a text back costs, before it is switched on."""
    kept = {"line": line_id, "agreed": price.most, "wanted": asdict(wanted)}
    return cards.modal(
        "line_calls_agreed",
        "Text back",
        [
            mrkdwn("Whoever's call is missed gets this text, once an hour at most:"),
            *words(wanted.text),
            mrkdwn(
                f"It costs *{count(price.home, 'credit')}* to a US or Canadian number and "
                f"*{count(price.abroad, 'credit')}* to any other. One that would cost more is not "
                "sent. The first to somebody says how to opt out, free of charge."
            ),
        ],
        kept,
        submit="Switch on",
        close="Not now",
    )
