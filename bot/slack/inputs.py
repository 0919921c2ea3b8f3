"""The inputs of modals, each under a name that is both its block_id and its action_id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.slack.cards import LONGEST_INPUT, option, plain


def field(
    name: str, label: str, element: dict[str, Any], *, optional: bool = False,
    hint: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """An input of any kind."""
    return {
        "type": "input", "block_id": name, "label": plain(label), "optional": optional,
        "element": {"action_id": name, **element}, **({"hint": plain(hint)} if hint else {}),
    }  # fmt: skip


def box(
    name: str, label: str, value: str, *, most: int = LONGEST_INPUT, optional: bool = False,
    multiline: bool = False, hint: str | None = None, placeholder: str = "",
) -> dict[str, Any]:  # fmt: skip
    """An input of words."""
    element = {"type": "plain_text_input", "multiline": multiline, "max_length": most,
               **initial("initial_value", value),
               **initial("placeholder", placeholder and plain(placeholder))}  # fmt: skip
    return field(name, label, element, optional=optional, hint=hint)


def number(name: str, label: str, value: int, least: int, most: int) -> dict[str, Any]:
    """An input of a whole number."""
    return field(name, label, {
        "type": "number_input", "is_decimal_allowed": False, "initial_value": str(value),
        "min_value": str(least), "max_value": str(most),
    })  # fmt: skip


def choice(
    name: str, label: str, choices: Mapping[str, str], here: str, hint: str | None = None
) -> dict[str, Any]:
    """A menu of these choices: what each is called, by its value."""
    options = [option(words, value) for value, words in choices.items()]
    return menu(name, label, options, here, hint)


def menu(
    name: str, label: str, options: Sequence[dict[str, Any]], here: str, hint: str | None = None
) -> dict[str, Any]:
    """A menu of these options; `here` is the value of the one that it starts with."""
    chosen = next(one for one in options if one["value"] == here)
    element = {"type": "static_select", "options": list(options), "initial_option": chosen}
    return field(name, label, element, hint=hint)


def initial(name: str, value: Any) -> dict[str, Any]:
    """What an input starts with, if with anything."""
    return {name: value} if value else {}
