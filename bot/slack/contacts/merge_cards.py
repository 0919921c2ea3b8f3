"""The modals in which two contacts become one: who the other is, then what that does."""

from __future__ import annotations

from typing import Any

from bot.contacts import contacts, numbers
from bot.contacts.directory import Kept
from bot.contacts.merging import Effect
from bot.slack import cards
from bot.slack.cards import mrkdwn, option, plain
from bot.words import count, escape


def choose_view(kept: Kept, about: dict[str, Any]) -> dict[str, Any]:
    """The modal that asks who the other one is."""
    return cards.modal("merge_chosen", "Merge contacts", [
        mrkdwn(f"Which contact is the same person as {_who(kept)}?"),
        {"type": "input", "block_id": "other", "label": plain("The other contact"),
         "hint": plain("A beginning of the name, the number, the e-mail address or a tag"),
         "element": {"type": "external_select", "action_id": "merge_other",
                     "min_query_length": 1}},
    ], about, submit="Show what it does")  # fmt: skip


def confirm_view(effect: Effect, about: dict[str, Any]) -> dict[str, Any]:
    """The modal that says what the merge does, and asks which number is kept for texts."""
    first, second = effect.kept, effect.gone
    texts = " and ".join(f"{number:,}" for number in effect.texts)
    points = [f"{count(sum(effect.texts), 'text')} in all ({texts}) stand together; none is lost."]
    for talk in effect.joined:
        points.append(
            f"<#{talk.channel}>: the two threads become one. The one with the newest text goes on, "
            "and the other says where."
        )
    if effect.drafts:
        points.append(
            f"Waiting to be sent: {count(effect.drafts, 'text')}, to the number as it was written."
        )
    if effect.plans:
        points.append(f"{_who(second)} is on {count(effect.plans, 'SmartPlan')}: they go on.")
    records = len(first.history) + len(second.history)
    if records:
        points.append(f"History of consent: {count(records, 'record')} kept.")
    if effect.closed:
        points.append(f":no_entry: {escape(effect.closed)}, so nothing can be sent to either.")
    points.append(
        "Name, e-mail address and notes of the number you keep stay; what the other says "
        "otherwise goes to the notes. Tags are joined."
    )
    points.append("This cannot be undone.")
    choices = [option(_label(one), str(one.contact.id)) for one in (first, second)
               if numbers.textable(one.contact.number)]  # fmt: skip
    return cards.modal("merge_confirmed", "Merge contacts", [
        mrkdwn(f"{_who(first)} and {_who(second)} become one contact:"),
        mrkdwn("\n".join(f"• {point}" for point in points)),
        {"type": "input", "block_id": "keep", "label": plain("Texts go to"),
         "element": {"type": "radio_buttons", "action_id": "keep", "options": choices,
                     "initial_option": choices[0]}},
    ], about, submit="Merge")  # fmt: skip


def _who(one: Kept) -> str:
    return f"*{cards.to_whom(contacts.name_of(one.contact), one.contact.number)}*"


def _label(one: Kept) -> str:
    number, name = numbers.spoken(one.contact.number), contacts.name_of(one.contact)
    return number if name == number else f"{number}, {name}"
