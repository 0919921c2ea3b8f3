"""What a person reads on a card, a modal or Home: blocks in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def plain(text: str, blocks: list[dict[str, Any]]) -> str:
    """What a person reads: the blocks in words; the text where there are none."""
    lines = [line for block in blocks for line in _lines(block)] if blocks else [_spoken(text)]
    return "\n".join(lines)


def _spoken(markup: str) -> str:
    """Mark-up as it is read: dates by their fallback, mentions by their id, entities decoded."""
    markup = re.sub(r"<!date\^[^|>]*\|([^>]*)>", r"\1", markup)
    markup = re.sub(r"<([@#])([^|>]*)(?:\|[^>]*)?>", r"\1\2", markup)
    markup = re.sub(r"<https?:[^|>]*\|([^>]*)>", r"\1", markup)
    markup = re.sub(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])", r"\1", markup)
    return markup.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _words(text: Mapping[str, Any] | str) -> str:
    if isinstance(text, str):
        return text
    return text["text"] if text["type"] == "plain_text" else _spoken(text["text"])


def _lines(block: Mapping[str, Any]) -> list[str]:
    match block["type"]:
        case "section" | "header" | "markdown":
            texts = [block["text"]] if block.get("text") else []
            fields = [_words(field).replace("\n", ": ", 1) for field in block.get("fields", ())]
            words = [*map(_words, texts), *fields]
            accessory = block.get("accessory")
            return [*words, _pressable(accessory)] if accessory else words
        case "context":
            return [" ".join(_words(e) for e in block["elements"] if e["type"] != "image")]
        case "actions":
            return ["  ".join(_pressable(e) for e in block["elements"])]
        case "table":
            return [" | ".join(cell_words(cell) for cell in row) for row in block["rows"]]
        case "data_visualization":
            return [f"(chart: {block['title']})"]
        case "input":
            return [f"{block['label']['text']}: {block['element'].get('initial_value', '')}"]
        case "rich_text":
            return [rich_text(block)]
        case "image":
            return [f"[{block['alt_text']}]"]
        case "divider":
            return ["———"]
    return [f"({block['type']})"]


def _pressable(element: Mapping[str, Any]) -> str:
    """ "[Send]", or "[8:00 ▾]" for a menu."""
    if "text" in element:
        return f"[{element['text']['text']}]"
    chosen = element.get("initial_option", {}).get("text", {}).get("text")
    return f"[{chosen or element.get('placeholder', {}).get('text', '')} ▾]"


def cell_words(cell: Mapping[str, Any]) -> str:
    """A cell of a table, of plain or of rich text."""
    if cell["type"] != "rich_text":
        return str(cell.get("text", cell.get("value", "")))
    return rich_text(cell)


def rich_text(block: Mapping[str, Any]) -> str:
    """Rich text in words, without its emphasis."""
    return "\n".join("".join(map(_span, part["elements"])) for part in block["elements"])


def _span(span: Mapping[str, Any]) -> str:
    match span["type"]:
        case "user":
            return f"@{span['user_id']}"
        case "emoji":
            return "".join(chr(int(code, 16)) for code in span["unicode"].split("-"))
        case "broadcast":
            return f"@{span['range']}"
        case "channel":
            return f"#{span['channel_id']}"
    return str(span.get("text") or span["url"])
