"""Slack's limits on blocks, as data, and a check to run before anything is sent.

docs.slack.dev/reference/block-kit/blocks. Slack answers a block that breaks one with no more than
"invalid_blocks", and the SDK checks nothing in plain dicts. Where Slack's pages name no limit,
there is none here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MOST_BLOCKS = {"message": 50, "modal": 100, "home": 100}
ONLY_IN = {
    "markdown": ("message",), "data_visualization": ("message",), "alert": ("modal",),
    "table": ("message", "home"), "data_table": ("message", "home"),
}  # fmt: skip
MOST_CHARTS, MOST_MARKDOWN = 2, 12_000  # of a message, all its blocks together
MOST_CELLS_TEXT = {"table": 10_000, "data_table": 20_000}  # characters of all cells
MOST_VIEW_BYTES = 250_000


class BlockError(ValueError):
    """A block that Slack would refuse: where it is, and the rule it breaks."""


# What may stand at a key: one of these.


@dataclass(frozen=True)
class String:
    most: int | None = None  # characters
    least: int = 1


@dataclass(frozen=True)
class Text:
    """A text object."""

    most: int
    kinds: tuple[str, ...] = ("plain_text", "mrkdwn")


@dataclass(frozen=True)
class Many:
    of: Rule
    most: int | None = None
    least: int = 1


@dataclass(frozen=True)
class Shape:
    """An object: the keys it needs, the one of several it needs, and what may stand at a key."""

    keys: Mapping[str, Rule] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kinds:
    """An object whose shape goes by its `type`."""

    shapes: Mapping[str, Shape]


Rule = String | Text | Many | Shape | Kinds


def plain(most: int) -> Text:
    """A text object that may only be plain."""
    return Text(most, ("plain_text",))


def option(text: Text) -> Shape:
    """One choice of a menu, whose words are such a text."""
    keys: dict[str, Rule] = {"text": text, "description": text, "value": String(150)}
    return Shape(keys | {"url": String(3000)}, needs=("text", "value"))


# Composition objects and elements. What no table names, Slack alone judges.

ID = String(255)
CHOICE, TICKED = option(plain(75)), option(Text(75))
CONFIRM = Shape(
    {"title": plain(100), "text": Text(300), "confirm": plain(30), "deny": plain(30)},
    needs=("title", "text", "confirm", "deny"),
)
GROUP = Shape({"label": plain(75), "options": Many(CHOICE, 100)}, needs=("label", "options"))
ASKED: dict[str, Rule] = {"action_id": ID, "confirm": CONFIRM, "placeholder": plain(150)}
ANY = Shape(ASKED)
STATIC = Shape(
    ASKED | {"options": Many(CHOICE, 100), "option_groups": Many(GROUP, 100)},
    one_of=("options", "option_groups"),
)
LISTED = Shape(ASKED | {"options": Many(TICKED, 10)}, needs=("options",))
WRITTEN = Shape(ASKED | {"initial_value": String(3000, least=0)})
IMAGE = Shape(
    {"image_url": String(3000), "alt_text": String(2000), "title": plain(2000)},
    needs=("alt_text",), one_of=("image_url", "slack_file"),
)  # fmt: skip

SELECTS = {
    f"{several}{source}_select": STATIC if source == "static" else ANY
    for several in ("", "multi_")
    for source in ("static", "external", "users", "conversations", "channels")
}
PICKED = SELECTS | {
    "checkboxes": LISTED, "radio_buttons": LISTED,
    "datepicker": ANY, "timepicker": ANY, "datetimepicker": ANY, "rich_text_input": ANY,
}  # fmt: skip
PRESSED = {
    "button": Shape(
        ASKED | {"text": plain(75), "value": String(2000), "url": String(3000),
                 "accessibility_label": String(75)},
        needs=("text",),
    ),
    "overflow": Shape(ASKED | {"options": Many(CHOICE, 5)}, needs=("options",)),
}  # fmt: skip
INPUTS = PICKED | {
    "plain_text_input": WRITTEN, "email_text_input": WRITTEN, "url_text_input": WRITTEN,
    "number_input": Shape(ASKED, needs=("is_decimal_allowed",)), "file_input": ANY,
}  # fmt: skip
WORDS = dict.fromkeys(("plain_text", "mrkdwn"), Shape({"text": String(3000)}, ("text",)))

# What rich text, tables and charts are made of.

SPANS = Kinds(
    {"text": Shape({"text": String()}, ("text",))}
    | dict.fromkeys(("link", "emoji", "user", "usergroup", "channel", "broadcast", "date"), Shape())
)
SPANNED = Shape({"elements": Many(SPANS, least=0)}, ("elements",))
ITEMS = Many(Kinds({"rich_text_section": SPANNED}))
PARAGRAPHS = {
    "rich_text_section": SPANNED, "rich_text_preformatted": SPANNED, "rich_text_quote": SPANNED,
    "rich_text_list": Shape({"elements": ITEMS}, ("elements", "style")),
}  # fmt: skip
RICH_TEXT = Shape({"elements": Many(Kinds(PARAGRAPHS))}, ("elements",))
PLAIN_CELLS = {
    "raw_text": Shape({"text": String()}, ("text",)), "raw_number": Shape({}, ("value",)),
}  # fmt: skip
CELLS = PLAIN_CELLS | {"rich_text": RICH_TEXT}

POINT = Shape({"label": String(20)}, needs=("label", "value"))
SERIES = Shape({"name": String(20), "data": Many(POINT, 20)}, needs=("name", "data"))
AXES = Shape(
    {"categories": Many(String(20), 20), "x_label": String(50), "y_label": String(50)},
    needs=("categories",),
)
PLOT = Shape({"series": Many(SERIES, 6), "axis_config": AXES}, needs=("series", "axis_config"))
PIE = Shape({"segments": Many(POINT, 6)}, needs=("segments",))
CHARTS = Kinds({"pie": PIE, "bar": PLOT, "area": PLOT, "line": PLOT})

# Blocks and views.

BLOCKS = {
    "section": Shape(
        {"text": Text(3000), "fields": Many(Text(2000), 10),
         "accessory": Kinds(PRESSED | PICKED | {"image": IMAGE})},
        one_of=("text", "fields"),
    ),
    "header": Shape({"text": plain(150)}, needs=("text",)),
    "divider": Shape(),
    "context": Shape(
        {"elements": Many(Kinds(WORDS | {"image": IMAGE}), 10)}, needs=("elements",)
    ),
    "actions": Shape({"elements": Many(Kinds(PRESSED | PICKED), 25)}, needs=("elements",)),
    "image": IMAGE,
    "input": Shape(
        {"label": plain(2000), "hint": plain(2000), "element": Kinds(INPUTS)},
        needs=("label", "element"),
    ),
    "rich_text": RICH_TEXT,
    "markdown": Shape({"text": String(MOST_MARKDOWN)}, needs=("text",)),
    "table": Shape({"rows": Many(Many(Kinds(CELLS), 20), 100)}, needs=("rows",)),
    "data_table": Shape(
        {"rows": Many(Many(Kinds(CELLS), 20), 201, least=2), "caption": String()},
        needs=("rows", "caption"),
    ),
    "data_visualization": Shape(
        {"title": String(50), "chart": CHARTS}, needs=("title", "chart")
    ),
    "alert": Shape({"text": Text(200)}, needs=("text",)),
}  # fmt: skip
VIEW: dict[str, Rule] = {
    "callback_id": ID, "external_id": ID, "private_metadata": String(3000, least=0),
}  # fmt: skip
VIEWS = Kinds({
    "modal": Shape(
        VIEW | {"title": plain(24), "submit": plain(24), "close": plain(24)},
        needs=("title", "blocks"),
    ),
    "home": Shape(VIEW, needs=("blocks",)),
})  # fmt: skip


def check(blocks: Sequence[Mapping[str, Any]], surface: str = "message") -> None:
    """Raises BlockError for the first thing that Slack would refuse on this surface.

    `surface` is "message", "modal" or "home".
    """
    # Only the first is asked for, so each rule may lean on those before it.
    for fault in _blocks(blocks, surface):
        raise BlockError(fault)


def check_view(view: Mapping[str, Any]) -> None:
    """Raises BlockError for the first thing that Slack would refuse in a modal or Home tab."""
    for fault in _against(VIEWS, view, "view"):
        raise BlockError(fault)
    check(view["blocks"], view["type"])
    if view["type"] == "modal" and not view.get("submit"):
        for place, block in enumerate(view["blocks"]):
            if block["type"] == "input":
                raise BlockError(f"view.submit: needed, for blocks[{place}] is an input")
    size = len(json.dumps(view).encode())
    if size > MOST_VIEW_BYTES:
        raise BlockError(f"view: {size:,} bytes, {MOST_VIEW_BYTES:,} is Slack's limit")


def check_options(options: Sequence[Mapping[str, Any]]) -> None:
    """Raises BlockError for the first thing that Slack would refuse in what a search gives."""
    for fault in _against(Many(CHOICE, 100, least=0), options, "options"):
        raise BlockError(fault)


def _blocks(blocks: Sequence[Mapping[str, Any]], surface: str) -> Iterator[str]:
    most = MOST_BLOCKS[surface]
    if len(blocks) > most:
        yield f"blocks: {len(blocks)}, {most} is Slack's limit in a {surface}"
    for place, block in enumerate(blocks):
        where = f"blocks[{place}]"
        yield from _against(Kinds(BLOCKS), block, where)
        yield from _against(Shape({"block_id": ID}), block, where)
        kind = block["type"]
        if surface not in ONLY_IN.get(kind, MOST_BLOCKS):
            yield f"{where}: {kind} may not stand in a {surface}"
        yield from _twice(f"{where}: action_id", _action_ids(block))
        if kind in MOST_CELLS_TEXT:
            yield from _table(where, block)
        if kind == "data_visualization":
            yield from _chart(f"{where}.chart", block["chart"])
    yield from _twice("blocks: block_id", [block.get("block_id") for block in blocks])
    charts = sum(block["type"] == "data_visualization" for block in blocks)
    if charts > MOST_CHARTS:
        yield f"blocks: {charts} charts, {MOST_CHARTS} is Slack's limit in a message"
    written = sum(len(block["text"]) for block in blocks if block["type"] == "markdown")
    yield from _length("blocks: all markdown", written, MOST_MARKDOWN)


def _action_ids(block: Mapping[str, Any]) -> list[str | None]:
    inside = {key: block.get(key) for key in BLOCKS[block["type"]].keys}
    parts = [*(inside.get("elements") or ()), inside.get("accessory"), inside.get("element")]
    return [part.get("action_id") for part in parts if part]


def _table(where: str, block: Mapping[str, Any]) -> Iterator[str]:
    rows, kind = block["rows"], block["type"]
    yield from _length(f"{where}.rows", _characters(rows), MOST_CELLS_TEXT[kind])
    if kind == "data_table":
        for place, row in enumerate(rows):
            if len(row) != len(rows[0]):
                yield f"{where}.rows[{place}]: {len(row)} cells, the header has {len(rows[0])}"
        yield from _against(Many(Kinds(PLAIN_CELLS)), rows[0], f"{where}.rows[0]")


def _characters(part: Any) -> int:
    if isinstance(part, Mapping):
        text = part.get("text")
        return (len(text) if isinstance(text, str) else 0) + _characters(part.get("elements"))
    return sum(_characters(inner) for inner in part) if isinstance(part, list | tuple) else 0


def _chart(where: str, chart: Mapping[str, Any]) -> Iterator[str]:
    series = chart["series"] if CHARTS.shapes[chart["type"]] is PLOT else ()
    yield from _twice(f"{where}.series: name", [one["name"] for one in series])
    for place, one in enumerate(series):
        labels = sorted(point["label"] for point in one["data"])
        if labels != sorted(chart["axis_config"]["categories"]):
            yield f"{where}.series[{place}].data: its labels are not the axis's categories"


def _twice(what: str, ids: Sequence[str | None]) -> Iterator[str]:
    for place, one in enumerate(ids):
        if one and one in ids[:place]:
            yield f"{what} {one!r} stands twice"


def _length(where: str, found: int, most: int | None, least: int = 0) -> Iterator[str]:
    if most is not None and found > most:
        yield f"{where}: {found:,} characters, {most:,} is Slack's limit"
    if found < least:
        yield f"{where}: empty"


def _against(rule: Rule, value: Any, where: str) -> Iterator[str]:
    """What Slack would refuse in `value`, by `rule`; the path to it is `where`."""
    match rule:
        case String(most, least):
            if isinstance(value, str):
                yield from _length(where, len(value), most, least)
            else:
                yield f"{where}: not a string"
        case Text(most, kinds):
            yield from _against(Kinds(dict.fromkeys(kinds, Shape())), value, where)
            yield from _against(String(most), value.get("text"), where)
        case Many(of, most, least):
            if not isinstance(value, list | tuple):
                yield f"{where}: not a list"
            elif not least <= len(value) <= (len(value) if most is None else most):
                yield f"{where}: {len(value)}, Slack takes {least} to {most or 'any number'}"
            for place, item in enumerate(value):
                yield from _against(of, item, f"{where}[{place}]")
        case Shape(keys, needs, one_of):
            if not isinstance(value, Mapping):
                yield f"{where}: not an object"
            for key in needs:
                if value.get(key) is None:
                    yield f"{where}.{key}: missing"
            if one_of and all(value.get(key) is None for key in one_of):
                yield f"{where}: {' or '.join(one_of)} is missing"
            for key, inner in keys.items():
                if value.get(key) is not None:
                    yield from _against(inner, value[key], f"{where}.{key}")
        case Kinds(shapes):
            kind = value.get("type") if isinstance(value, Mapping) else value
            shape = shapes.get(kind) if isinstance(kind, str) else None
            if shape is None:
                yield f"{where}.type: {kind!r}, Slack takes {', '.join(shapes)}"
            else:
                yield from _against(shape, value, where)
