"""The way to a first text, as plain dicts: on Home, as an answer to a command, as a modal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.slack import cards, inputs
from bot.slack.cards import Blocks, button, context, mrkdwn
from bot.team.first_run import Step
from bot.words import OPERATOR


def steps(way: Sequence[Step]) -> Blocks:
    """The steps, the next one with what to do and its button."""
    if not way:
        return []
    reached = next((place for place, step in enumerate(way) if not step.done), len(way))
    titles = [
        f"{':white_check_mark:' if step.done else f'{place}.'} {step.title}"
        for place, step in enumerate(way, 1)
    ]
    made: Blocks = [mrkdwn("*Your way to the first text*"), *cards.listed(titles[:reached])]
    for step in way[reached : reached + 1]:
        block = mrkdwn(f"*{titles[reached]}*" + (f"\n{step.how}" if step.how else ""))
        if step.action:
            block["accessory"] = _button(step)
        made.append(block)
    return [*made, *cards.listed(titles[reached + 1 :])]


def card(way: Sequence[Step]) -> cards.Card:
    """The same way, as the answer to a command that cannot work yet."""
    reached = next((place for place, step in enumerate(way) if not step.done), len(way) - 1)
    step = way[reached]
    said = f"{step.title}. {step.how}" if step.how else f"{step.title}."
    return {
        "text": f"No text can be sent yet. Step {reached + 1} of {len(way)}: {said}",
        "blocks": [
            mrkdwn("No text can be sent yet."),
            *steps(way),
            context("The same list is on Partyline's Home."),
        ],
    }


def not_there(channels: Sequence[str]) -> dict[str, Any]:
    """The modal that says in which channels Partyline is not."""
    named = " and ".join(f"<#{channel}>" for channel in channels)
    return cards.modal("not_there", "Not there yet", [mrkdwn(
        f"Partyline is not in {named}. Open the channel, type `/invite @Partyline` and send "
        "it. Home then shows the next step."
    )])  # fmt: skip


def account_view(zones: Sequence[str]) -> dict[str, Any]:
    """The modal that opens an account."""
    return cards.modal("account_opened", "Open an account", [
        inputs.box("name", "Name of your team", "", most=60,
                   hint="Your team sees it; those you text do not."),
        inputs.choice("zone", "Time zone", {zone: zone for zone in zones}, zones[0],
                      f"Months, reports and the daily digest go by it. Only {OPERATOR} can change "
                      "it later."),
    ], submit="Open it")  # fmt: skip


def _button(step: Step) -> dict[str, Any]:
    match step.action:
        case "open_account":
            made = button("Open an account", "account_open", "open")
        case "plan":
            made = button("See the plans", "plan_open", str(step.about))
        case "number":
            made = button("Get a number", "line_new", str(step.about))
        case "channel":
            made = button("Choose a channel", "line_settings", str(step.about))
        case _:
            made = button("I have invited it", "home_check", str(step.about))
    return {**made, "style": "primary"}
