"""A team's lines and the settings of one, as plain dicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.contacts import numbers
from bot.lines.health import name_of
from bot.lines.models import Line, Setup
from bot.lines.settings import LONGEST_NAME, MOST_PLAN_TEXTS, Settings, Stands
from bot.slack import cards
from bot.slack.cards import button, context, mrkdwn, when
from bot.slack.lines import call_cards
from bot.slack.lines.setup_cards import on_its_way
from bot.words import count, escape, hour_words

MODES = {
    "confirm": "replies wait for Send", "send": "small replies are sent at once",
    "notes": "threads are for notes",
}  # fmt: skip
PACES = {
    "0.01": "100 texts a second (short code)",
    "0.33": "3 texts a second (toll-free)",
    "1": "1 text a second (US long code)",
    "3": "1 text in 3 seconds",
    "6": "10 texts a minute",
}


def listed(
    lines: Sequence[Stands], under_way: Sequence[Setup], may_change: bool
) -> cards.Card:  # fmt: skip
    """Every line of an account and how it stands, with its settings for those who may change it;
    then the numbers that are on their way."""
    blocks = []
    for stands in lines:
        block = mrkdwn(_line(stands))
        if may_change:
            block["accessory"] = button("Settings", "line_settings", str(stands.line.id))
        blocks.append(block)
    coming = [on_its_way(one) for one in under_way]
    return {
        "text": "\n\n".join([*(_line(stands) for stands in lines), *coming]),
        "blocks": [
            *blocks, *cards.listed(coming), context("`/line help` says what you can do here."),
        ],
    }  # fmt: skip


def _line(stands: Stands) -> str:
    line = stands.line
    title = escape(name_of(line))
    where = f"<#{line.channel}>" if line.channel else "no channel yet"
    pace = f"{_seconds(stands.pace_s)} s between texts" if stands.pace_s else "usual pace"
    last_in = f"last text in {when(stands.last_in)}" if stands.last_in else "no text in yet"
    last_out = f"last text out {when(stands.last_out)}" if stands.last_out else "none out yet"
    waiting = f"{stands.waiting:,} {'waits' if stands.waiting == 1 else 'wait'} for an answer"
    health = [f":warning: {one}" for one in stands.troubles] or [":white_check_mark: All is well."]
    return (
        f"*{title}* in {where}\n{MODES[line.mode]} · {pace} · calls {call_cards.taken(line)}\n"
        f"{last_in} · {last_out} · "
        f"{waiting if stands.waiting else 'nobody waits'}\n" + "\n".join(health)
    )


def _seconds(pace_s: float) -> str:
    return f"{pace_s:g}"


def line_view(settled: Settings) -> dict[str, Any]:
    """The modal of one line's settings: first of all its channel."""
    line = settled.line
    modes = [
        cards.option("Ask before sending (the price is shown)", "confirm"),
        cards.option("Send at once, up to a price", "send"),
        cards.option("Notes only: replies are never texted", "notes"),
    ]
    limits = [cards.option(count(credits, "credit"), str(credits)) for credits in range(1, 11)]
    hours = [cards.option(hour_words(hour), str(hour)) for hour in range(25)]
    usual_from = cards.option(f"As usual: {hour_words(settled.usual_from)}", "usual")
    usual_until = cards.option(f"As usual: {hour_words(settled.usual_until)}", "usual")
    off = cards.option("Not at all", "off")
    return cards.modal("line_changed", "Line settings", [
        mrkdwn(f"*{numbers.spoken(line.number)}*"),
        _channel(line),
        {"type": "input", "block_id": "name", "optional": True,
         "label": cards.plain("What your team calls it"),
         "element": {"type": "plain_text_input", "action_id": "name",
                     "max_length": LONGEST_NAME, "initial_value": line.name or ""}},
        {"type": "input", "block_id": "mode", "label": cards.plain("A reply in a thread"),
         "element": {"type": "radio_buttons", "action_id": "mode", "options": modes,
                     "initial_option": _chosen(modes, line.mode)}},
        {"type": "input", "block_id": "up_to",
         "label": cards.plain("Send at once up to"),
         "hint": cards.plain("A reply that costs more is shown with its price first."),
         "element": _menu("up_to", limits, str(min(line.send_up_to, 10)))},
        {"type": "input", "block_id": "from", "label": cards.plain("Quiet from"),
         "element": _menu("from", [usual_from, *hours[1:]], _or_usual(line.quiet_from))},
        {"type": "input", "block_id": "until", "label": cards.plain("Quiet until"),
         "hint": cards.plain("By the contact's own clock, on this line alone."),
         "element": _menu("until", [usual_until, *hours[:24]], _or_usual(line.quiet_until))},
        {"type": "input", "block_id": "pace", "label": cards.plain("How fast texts leave"),
         "hint": cards.plain("After a burst of 100. Twilio queues what comes faster than your "
                             "number may send."),
         "element": _menu("pace", _paces(settled.pace_s), _pace_value(settled.pace_s))},
        cards.number("plan_texts", "Texts of SmartPlans a day, at most",
                     line.plan_texts_a_day, 1, MOST_PLAN_TEXTS),
        {"type": "input", "block_id": "digest",
         "label": cards.plain("The daily digest comes at"),
         "hint": cards.plain("One digest for all lines of your team."),
         "element": _menu("digest", [off, *hours[:24]],
                          "off" if settled.digest_hour is None else str(settled.digest_hour))},
        {**mrkdwn(f"*Calls* {call_cards.taken(line)}."),
         "accessory": button("Calls", "line_calls", str(line.id))},
    ], str(line.id), submit="Save")  # fmt: skip


def _paces(pace_s: float | None) -> list[dict[str, Any]]:
    known = {"usual": "As usual", **PACES}
    if _pace_value(pace_s) not in known:  # somebody set it another way
        known[_pace_value(pace_s)] = f"{_pace_value(pace_s)} seconds between texts"
    return [cards.option(label, value) for value, label in known.items()]


def _pace_value(pace_s: float | None) -> str:
    return "usual" if pace_s is None else _seconds(pace_s)


def _or_usual(hour: int | None) -> str:
    return "usual" if hour is None else str(hour)


def _menu(name: str, options: list[dict[str, Any]], value: str) -> dict[str, Any]:
    return {
        "type": "static_select", "action_id": name, "options": options,
        "initial_option": _chosen(options, value),
    }  # fmt: skip


def _chosen(options: list[dict[str, Any]], value: str) -> dict[str, Any]:
    return next(one for one in options if one["value"] == value)


def _channel(line: Line) -> dict[str, Any]:
    return {
        "type": "input", "block_id": "channel",
        "label": cards.plain("The channel in which its texts are shown"),
        "hint": cards.plain(
            "Everybody in it sees them. Make a new one in Slack if you like. Partyline must be in "
            "it: type /invite @Partyline there. Conversations stay in the channel they began in."
        ),
        "element": {
            "type": "conversations_select", "action_id": "channel",
            "placeholder": cards.plain("Choose a channel"),
            "filter": {"include": ["public", "private"], "exclude_external_shared_channels": True},
            **({"initial_conversation": line.channel} if line.channel else {}),
        },
    }  # fmt: skip
