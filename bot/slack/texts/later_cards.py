"""Scheduled texts, as plain dicts: the list of them, and the modals that change one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bot.contacts import contacts
from bot.slack.cards import (
    CHECKED_AGAIN,
    LONGEST_INPUT,
    Blocks,
    Card,
    button,
    context,
    modal,
    mrkdwn,
    plain,
    when,
)
from bot.team import people
from bot.texts import offers
from bot.texts.models import Draft
from bot.texts.scheduled import Listed
from bot.words import count, escape, short

LISTED = "later:"  # opens the block_id of a listed text's buttons
SHOWN = 150  # characters of a listed text


def listing(listed: Listed, said: str = "") -> Card:
    """The answer to /text later; `said` is what came of what was pressed."""
    if not listed.texts:
        none = "No text waits for its time. *Later…* on a text's card gives it one."
        return _card([*([said] if said else []), none], [])
    whose = "Texts of your team" if listed.all else "Your texts"
    lines = [*([said] if said else []), f"*{whose} that wait for their time*"]
    made = [block for draft in listed.texts for block in _text(draft, listed.all)]
    if listed.more:
        made.append(context(f"And {listed.more:,} more, later than these."))
    spoken = [line(draft, listed.all) for draft in listed.texts]
    return _card(lines, made, spoken)


def _card(lines: list[str], more: Blocks, spoken: list[str] | None = None) -> Card:
    return {
        "text": "\n".join([*lines, *(spoken or [])]),
        "blocks": [*map(mrkdwn, lines), *more],
    }


def _text(draft: Draft, by_all: bool) -> Blocks:
    key = f"{draft.id}:{draft.version}"
    buttons = [button("Send now", "later_send", key)]
    if draft.source_ts is None:  # else it is edited as it was written, in its thread
        buttons.append(button("Edit", "later_edit", key))
    buttons += [
        button("Other time…", "draft_later", key), button("Cancel", "later_cancel", key),
    ]  # fmt: skip
    return [
        mrkdwn(line(draft, by_all)),
        {"type": "actions", "block_id": f"{LISTED}{draft.id}", "elements": buttons},
    ]


def line(draft: Draft, by_all: bool) -> str:
    """When a text goes out, to whom, its price, and how it begins; whose it is, if `by_all`."""
    at = when(draft.send_at) if draft.state == "scheduled" else "*Not sent at its time*"
    name = escape(contacts.Recipient(draft.number, offers.contact_of(draft)).name)
    whose = f" · by {people.spoken_of(draft.author)}" if by_all else ""
    said = draft.body or count(len(draft.media), "attachment")
    shown = " ".join(escape(short(said, SHOWN)).split())
    return f"*{name}* · {at} · {count(draft.credits, 'credit')}{whose}\n>{shown}"


def when_view(about: dict[str, Any], at: datetime, night: str = "") -> dict[str, Any]:
    """The modal that asks when a text is to go out; `night` is what speaks against that time."""
    warning = [mrkdwn(f":warning: {escape(night)} Schedule it all the same?")] if night else []
    return modal("draft_timed", "Send later", [
        *warning,
        {
            "type": "input",
            "block_id": "at",
            "label": plain("When, by your own clock"),
            "hint": plain(CHECKED_AGAIN),
            "element": {
                "type": "datetimepicker", "action_id": "at",
                "initial_date_time": int(at.timestamp()),
            },
        },
    ], about, submit="Schedule")  # fmt: skip


def reword_view(about: dict[str, Any], body: str) -> dict[str, Any]:
    """The modal in which a scheduled text is edited; with what it would cost, if that is more."""
    more = about["agreed"]
    warning = f":warning: It costs {count(more, 'credit')} now. Press *Save* if that is right."
    return modal("later_edited", "Edit the text", [
        *([mrkdwn(warning)] if more else []),
        {
            "type": "input",
            "block_id": "body",
            "label": plain("What they will read"),
            "hint": plain("It keeps its time."),
            "element": {
                "type": "plain_text_input", "action_id": "body", "multiline": True,
                "max_length": LONGEST_INPUT, "initial_value": body,
            },
        },
    ], about, submit="Save")  # fmt: skip
