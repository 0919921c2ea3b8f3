"""What people put into a modal, as Slack's clients keep it: the state of its inputs.

Slack keeps what was put in through an update where block_id and action_id stay the same, whatever
initial value the update names (docs.slack.dev/reference/methods/views.update), and starts anew
elsewhere.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from typing import Any

Element = Mapping[str, Any]
State = dict[str, dict[str, dict[str, Any]]]  # block_id → action_id → what the element holds

WRITTEN = {"plain_text_input", "email_text_input", "url_text_input", "number_input"}
#: Where the state of each other kind of input stands, and what it starts from.
HELD = {
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "checkboxes": ("selected_options", "initial_options"),
    "users_select": ("selected_user", "initial_user"),
    "channels_select": ("selected_channel", "initial_channel"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "file_input": ("files", ""),
} | dict.fromkeys(WRITTEN, ("value", "initial_value"))
LISTS = {"checkboxes", "file_input"}


def elements(view: Mapping[str, Any]) -> Iterator[tuple[Element, Element]]:
    """Each block of a view with each of its elements."""
    for block in view["blocks"]:
        inside = [block.get("element"), block.get("accessory"), *block.get("elements", ())]
        yield from ((block, element) for element in inside if element)


def state(view: dict[str, Any], before: Mapping[str, Any] | None = None) -> State:
    """What a view's inputs hold when it is shown, over `before`, the state of what it replaces.

    A block without a block_id is given one, which another update does not know.
    """
    held: State = {}
    for block in view["blocks"]:
        block.setdefault("block_id", secrets.token_urlsafe(4))
    for block, element in elements(view):
        kind = element["type"]
        if kind not in HELD:
            continue
        key, initial = HELD[kind]
        kept = ((before or {}).get(block["block_id"]) or {}).get(element["action_id"])
        if not (kept and kept["type"] == kind):
            start = element.get(initial, [] if kind in LISTS else None)
            kept = {"type": kind, key: start}
        held.setdefault(block["block_id"], {})[element["action_id"]] = kept
    return held


def entered(element: Element, value: Any, offered: list[dict[str, Any]]) -> dict[str, Any]:
    """The state of an input in which somebody put `value`: words, an option by what it says or its
    value, a user's id, seconds since 1970, files as Slack describes them.

    Raises LookupError where a client of Slack's would not take that; `offered` are the options that
    the app gave for a search.
    """
    kind = element["type"]
    key, _ = HELD.get(kind, ("selected_option", ""))  # an overflow menu holds nothing
    if kind in WRITTEN:
        most, least = element.get("max_length", 3000), element.get("min_length", 0)
        if value and not least <= len(value) <= most:
            raise LookupError(f"{len(value)} characters: this box takes {least} to {most}")
        return {"type": kind, key: value or None}
    if key == "selected_option":
        listed = offered if kind == "external_select" else options(element)
        named = [o for o in listed if value in (o["text"]["text"], o["value"])]
        if not named:
            raise LookupError(f"{element['action_id']} does not offer {value!r}")
        return {"type": kind, key: named[0]}
    if kind == "file_input" and len(value) > element.get("max_files", 10):
        raise LookupError(f"{len(value)} files: this box takes {element.get('max_files', 10)}")
    return {"type": kind, key: value}


def options(menu: Element) -> list[dict[str, Any]]:
    """What a menu offers, in groups or not."""
    groups = menu.get("option_groups", ())
    return [*menu.get("options", ()), *(one for group in groups for one in group["options"])]


def dispatches(block: Element, element: Element, on: str) -> bool:
    """Whether the app hears of this at once: `on` is on_character_entered, or "" for a choice."""
    if block["type"] != "input":
        return True
    if not block.get("dispatch_action"):
        return False
    when = element.get("dispatch_action_config", {}).get("trigger_actions_on", ["on_enter_pressed"])
    return not on or on in when


def missing(view: Mapping[str, Any], held: State) -> list[str]:
    """The inputs without which a client of Slack's does not submit, and which hold nothing."""
    empty = []
    for block, element in elements(view):
        if block["type"] == "input" and not block.get("optional"):
            key, _ = HELD[element["type"]]
            if not held[block["block_id"]][element["action_id"]][key]:
                empty.append(block["block_id"])
    return empty
