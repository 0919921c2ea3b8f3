"""How far many contacts are who were put on a plan at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.slack.cards import Card, button, context, mrkdwn, when
from bot.smartplans import bulks
from bot.smartplans.models import Bulk
from bot.words import count, escape

DONE = (("sent", "text", "sent"), ("mailed", "e-mail", "sent"), ("reminded", "reminder", "given"))
REASONS = 6  # that are named


def card(bulk: Bulk) -> Card:
    """What was done, what was left out and why, what is left, and when it is over."""
    left = bulks.left(bulk)
    title, note = _title(bulk), _note(bulk)
    rows = [*_entered(bulk), *_outcomes(bulk), _left(bulk, left)]
    said = "\n".join(row for row in rows if row)
    buttons = _buttons(bulk)
    return {
        "text": f"{title}\n{said}" + (f"\n{note}" if note else ""),
        "blocks": [
            mrkdwn(f"{title}\n{said}"),
            *([context(note)] if note else []),
            *([buttons] if buttons else []),
        ],
    }


def _title(bulk: Bulk) -> str:
    name = f"*{escape(bulk.plan.name)}*"
    people = count(bulk.total, "contact") + (f" with the tag “{escape(bulk.tag)}”" if bulk.tag
                                             else "")  # fmt: skip
    marks = {
        "running": ":arrow_forward:", "paused": ":double_vertical_bar: Paused:",
        "stopping": ":octagonal_sign: Being stopped:", "stopped": ":octagonal_sign: Stopped:",
        "done": ":white_check_mark: All are through:",
    }  # fmt: skip
    return f"{marks[bulk.state]} {name}, {people}"


def _entered(bulk: Bulk) -> list[str]:
    said = f"{bulk.put_on:,} put on the plan"
    if not bulk.entered:
        said = f"{bulk.looked_at:,} of {bulk.total:,} looked at, {said}"
    return [said, _reasons("Not put on it", "contact", bulk.left_out)]


def _outcomes(bulk: Bulk) -> list[str]:
    done = [f"{count(number, thing)} {verb}" for outcome, thing, verb in DONE
            if (number := bulk.done.get(outcome))]  # fmt: skip
    return [", ".join(done), _reasons("Left out", "step", bulk.skipped)]


def _reasons(what: str, thing: str, reasons: Mapping[str, int]) -> str:
    if not reasons:
        return ""
    most = sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    named = [f"{number:,} {escape(why)}" for why, number in most[:REASONS]]
    if rest := sum(number for _, number in most[REASONS:]):
        named.append(f"{rest:,} for other reasons")
    return f"{what}: {count(sum(reasons.values()), thing)} ({', '.join(named)})"


def _left(bulk: Bulk, left: int) -> str:
    if bulk.state == "done":
        return ""
    return f"{count(left, 'contact')} {'has' if left == 1 else 'have'} steps to come"


def _note(bulk: Bulk) -> str:
    if bulk.state == "paused":
        return "Nothing of it goes out before somebody presses Go on."
    if bulk.state != "running":
        return ""
    said = []
    if bulk.plan.state == "paused":
        said.append("The SmartPlan is paused: nothing goes out before it is switched on.")
    elif bulk.out_at is not None:
        said.append(f"The texts that are due now are out about {when(bulk.out_at)}.")
    if bulk.ends_at is not None:
        said.append(f"The last step comes about {when(bulk.ends_at)}.")
    elif bulk.entered:
        said.append("The SmartPlan repeats: it has no end of its own.")
    return " ".join(said)


def _buttons(bulk: Bulk) -> dict[str, Any] | None:
    key = str(bulk.id)
    made = []
    if bulk.state == "running":
        made.append(button("Pause", "bulk_pause", key))
    if bulk.state == "paused":
        made.append({**button("Go on", "bulk_go_on", key), "style": "primary"})
    if not made:
        return None
    ask = {
        "title": {"type": "plain_text", "text": "Stop it for good?"},
        "text": {"type": "plain_text", "text": "Nobody else is put on, and whoever came on the "
                 "plan with these is taken off. What was sent stays sent."},
        "confirm": {"type": "plain_text", "text": "Stop"},
        "deny": {"type": "plain_text", "text": "Back"},
    }  # fmt: skip
    made.append({**button("Stop", "bulk_stop", key), "style": "danger", "confirm": ask})
    return {"type": "actions", "block_id": f"bulk:{key}", "elements": made}
