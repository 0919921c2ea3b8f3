"""Slack's limits on blocks, as data, and a check to run before anything is sent.

docs.slack.dev/reference/block-kit/blocks. Slack answers a block that breaks one with no more than
"invalid_blocks", and the SDK checks nothing in plain dicts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Block = Mapping[str, Any]

MOST_BLOCKS = {"message": 50, "modal": 100, "home": 100}
IDS = 255  # characters of a block_id or an action_id

#: block type → (required keys, {text key: most characters}, {list key: most items}, surfaces)
EVERYWHERE = ("message", "modal", "home")
BLOCKS: dict[str, tuple[tuple[str, ...], dict[str, int], dict[str, int], tuple[str, ...]]] = {
    "section": ((), {"text": 3000}, {"fields": 10}, EVERYWHERE),
    "header": (("text",), {"text": 150}, {}, EVERYWHERE),
    "divider": ((), {}, {}, EVERYWHERE),
    "context": (("elements",), {}, {"elements": 10}, EVERYWHERE),
    "actions": (("elements",), {}, {"elements": 25}, EVERYWHERE),
    "image": (("alt_text",), {"title": 2000, "alt_text": 2000}, {}, EVERYWHERE),
    "input": (("label", "element"), {"label": 2000, "hint": 2000}, {}, EVERYWHERE),
    "rich_text": (("elements",), {}, {}, EVERYWHERE),
    "markdown": (("text",), {"text": 12_000}, {}, ("message",)),
    "table": (("rows",), {}, {"rows": 100}, ("message", "home")),
    "data_table": (("rows",), {}, {"rows": 201}, ("message", "home")),
    "data_visualization": ((), {"title": 50}, {}, ("message",)),
    "alert": (("text",), {"text": 200}, {}, ("modal",)),
}  # fmt: skip

#: element type → (required keys, {text key: most characters}, {list key: most items})
ELEMENTS: dict[str, tuple[tuple[str, ...], dict[str, int], dict[str, int]]] = {
    "button": (("text", "action_id"), {"text": 75, "value": 2000, "url": 3000,
                                       "accessibility_label": 75}, {}),
    "overflow": (("options", "action_id"), {}, {"options": 5}),
    "static_select": (("action_id",), {"placeholder": 150}, {"options": 100}),
    "multi_static_select": (("action_id",), {"placeholder": 150}, {"options": 100}),
    "external_select": (("action_id",), {"placeholder": 150}, {}),
    "conversations_select": (("action_id",), {"placeholder": 150}, {}),
    "channels_select": (("action_id",), {"placeholder": 150}, {}),
    "users_select": (("action_id",), {"placeholder": 150}, {}),
    "multi_users_select": (("action_id",), {"placeholder": 150}, {}),
    "checkboxes": (("options", "action_id"), {}, {"options": 10}),
    "radio_buttons": (("options", "action_id"), {}, {"options": 10}),
    "datepicker": (("action_id",), {"placeholder": 150}, {}),
    "timepicker": (("action_id",), {"placeholder": 150}, {}),
    "datetimepicker": (("action_id",), {}, {}),
    "plain_text_input": (("action_id",), {"placeholder": 150, "initial_value": 3000}, {}),
    "number_input": (("action_id", "is_decimal_allowed"), {"placeholder": 150}, {}),
    "email_text_input": (("action_id",), {"placeholder": 150}, {}),
    "file_input": (("action_id",), {}, {}),
    "image": (("alt_text",), {"alt_text": 2000}, {}),
    "mrkdwn": (("text",), {"text": 3000}, {}),
    "plain_text": (("text",), {"text": 3000}, {}),
}  # fmt: skip
PLAIN_ONLY = {"header.text", "button.text", "input.label", "input.hint", "title", "placeholder"}


class BlockError(ValueError):
    """A block that Slack would refuse: where it is, and the rule it breaks."""


def check(blocks: list[dict[str, Any]], surface: str = "message") -> None:
    """Raises BlockError for the first thing that Slack would refuse on this surface."""
    for fault in _faults(blocks, surface):
        raise BlockError(fault)


def check_view(view: Block) -> None:
    """Raises BlockError for the first thing that Slack would refuse in a modal or Home tab."""
    surface = view.get("type")
    if surface not in ("modal", "home"):
        raise BlockError(f"view.type: {surface!r} is neither modal nor home")
    for key in ("title", "submit", "close"):
        text = view.get(key)
        if text and len(text["text"]) > 24:
            raise BlockError(f"view.{key}: {len(text['text'])} characters, 24 is Slack's limit")
    if surface == "modal" and not view.get("title"):
        raise BlockError("view.title: a modal needs one")
    if len(view.get("private_metadata", "")) > 3000:
        raise BlockError("view.private_metadata: over 3,000 characters")
    if len(view.get("callback_id", "")) > IDS:
        raise BlockError(f"view.callback_id: over {IDS} characters")
    check(list(view["blocks"]), surface)


def _faults(blocks: list[dict[str, Any]], surface: str) -> Iterator[str]:
    if len(blocks) > MOST_BLOCKS[surface]:
        yield f"blocks: {len(blocks)}, {MOST_BLOCKS[surface]} is Slack's limit in a {surface}"
    ids = [block["block_id"] for block in blocks if block.get("block_id")]
    if len(ids) != len(set(ids)):
        yield "blocks: a block_id stands twice"
    for place, block in enumerate(blocks):
        where, kind = f"blocks[{place}]", block.get("type")
        if kind not in BLOCKS:
            yield f"{where}.type: {kind!r} is no block"
            continue
        required, texts, lists, surfaces = BLOCKS[kind]
        if surface not in surfaces:
            yield f"{where}: a {kind} may not stand in a {surface}"
        if kind == "section" and not (block.get("text") or block.get("fields")):
            yield f"{where}: a section needs text or fields"
        yield from _shape(where, kind, block, required, texts, lists)
        yield from _elements(where, kind, block)


def _elements(where: str, kind: str, block: Block) -> Iterator[str]:
    if kind == "rich_text":
        return
    inside = [*block.get("elements", ())]
    inside += [block[key] for key in ("element", "accessory") if key in block]
    actions = [element.get("action_id") for element in inside if element.get("action_id")]
    if len(actions) != len(set(actions)):
        yield f"{where}: an action_id stands twice"
    for field in block.get("fields", ()):
        if len(field.get("text", "")) > 2000:
            yield f"{where}.fields: {len(field['text']):,} characters, 2,000 is Slack's limit"
    for place, element in enumerate(inside):
        spot = f"{where}.elements[{place}]"
        if element.get("type") not in ELEMENTS:
            yield f"{spot}.type: {element.get('type')!r} is no element"
            continue
        required, texts, lists = ELEMENTS[element["type"]]
        yield from _shape(spot, element["type"], element, required, texts, lists)


def _shape(
    where: str, kind: str, part: Block, required: tuple[str, ...], texts: dict[str, int],
    lists: dict[str, int],
) -> Iterator[str]:  # fmt: skip
    for key in required:
        if not part.get(key) and part.get(key) is not False:
            yield f"{where}.{key}: a {kind} needs it"
    for key in ("block_id", "action_id"):
        if len(part.get(key) or "") > IDS:
            yield f"{where}.{key}: over {IDS} characters"
    for key, most in texts.items():
        value = part.get(key)
        if value is None:
            continue
        text = value.get("text", "") if isinstance(value, Mapping) else value
        if not text:
            yield f"{where}.{key}: empty"
        if len(text) > most:
            yield f"{where}.{key}: {len(text):,} characters, {most:,} is Slack's limit"
        if isinstance(value, Mapping) and (f"{kind}.{key}" in PLAIN_ONLY or key in PLAIN_ONLY):
            if value.get("type") != "plain_text":
                yield f"{where}.{key}: only plain_text may stand here"
        elif isinstance(value, Mapping) and value.get("type") not in ("plain_text", "mrkdwn"):
            yield f"{where}.{key}.type: {value.get('type')!r} is no text"
    for key, most in lists.items():
        if len(part.get(key) or ()) > most:
            yield f"{where}.{key}: {len(part[key])}, {most} is Slack's limit"
