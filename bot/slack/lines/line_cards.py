"""A team's lines and the settings of one, as plain dicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.contacts import numbers
from bot.lines.health import name_of
from bot.lines.models import Line, Setup
from bot.lines.settings import LONGEST_NAME, MOST_PLAN_TEXTS, Settings, Stands
from bot.slack import cards, inputs
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
    modes = {
        "confirm": "Ask before sending (the price is shown)",
        "send": "Send at once, up to a price",
        "notes": "Notes only: replies are never texted",
    }
    options = [cards.option(words, mode) for mode, words in modes.items()]
    limits = {str(credits): count(credits, "credit") for credits in range(1, 11)}
    hours = [cards.option(hour_words(hour), str(hour)) for hour in range(25)]
    usual_from = cards.option(f"As usual: {hour_words(settled.usual_from)}", "usual")
    usual_until = cards.option(f"As usual: {hour_words(settled.usual_until)}", "usual")
    off = cards.option("Not at all", "off")
    digest = "off" if settled.digest_hour is None else str(settled.digest_hour)
    return cards.modal("line_changed", "Line settings", [
        mrkdwn(f"*{numbers.spoken(line.number)}*"),
        _channel(line),
        inputs.box("name", "What your team calls it", line.name or "", most=LONGEST_NAME,
                   optional=True),
        inputs.field("mode", "A reply in a thread", {
            "type": "radio_buttons", "options": options,
            "initial_option": options[[*modes].index(line.mode)],
        }),
        inputs.choice("up_to", "Send at once up to", limits, str(min(line.send_up_to, 10)),
                      "A reply that costs more is shown with its price first."),
        inputs.menu("from", "Quiet from", [usual_from, *hours[1:]], _or_usual(line.quiet_from)),
        inputs.menu("until", "Quiet until", [usual_until, *hours[:24]],
                    _or_usual(line.quiet_until),
                    "By the contact's own clock, on this line alone."),
        inputs.choice("pace", "How fast texts leave", _paces(settled.pace_s),
                      _pace_value(settled.pace_s), "After a burst of 100. Twilio queues what comes "
                      "faster than your number may send."),
        inputs.number("plan_texts", "Texts of SmartPlans a day, at most",
                      line.plan_texts_a_day, 1, MOST_PLAN_TEXTS),
        inputs.menu("digest", "The daily digest comes at", [off, *hours[:24]], digest,
                    "One digest for all lines of your team."),
        {**mrkdwn(f"*Calls* {call_cards.taken(line)}."),
         "accessory": button("Calls", "line_calls", str(line.id))},
    ], str(line.id), submit="Save")  # fmt: skip


def _paces(pace_s: float | None) -> dict[str, str]:
    known = {"usual": "As usual", **PACES}
    if _pace_value(pace_s) not in known:  # somebody set it another way
        known[_pace_value(pace_s)] = f"{_pace_value(pace_s)} seconds between texts"
    return known


def _pace_value(pace_s: float | None) -> str:
    return "usual" if pace_s is None else _seconds(pace_s)


def _or_usual(hour: int | None) -> str:
    return "usual" if hour is None else str(hour)


def _channel(line: Line) -> dict[str, Any]:
    return inputs.field("channel", "The channel in which its texts are shown", {
        "type": "conversations_select", "placeholder": cards.plain("Choose a channel"),
        "filter": {"include": ["public", "private"], "exclude_external_shared_channels": True},
        **inputs.initial("initial_conversation", line.channel),
    }, hint="Everybody in it sees them. Make a new one in Slack if you like. Partyline must be in "
            "it: type /invite @Partyline there. Conversations stay in the channel they began in."
    )  # fmt: skip
