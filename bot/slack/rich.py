"""What a person wrote in Slack's composer, as a phone shows it: without its emphasis.

A message's `text` has `*bold*` and its like written into it, and nobody can tell these marks from
typed ones; its rich text has them beside the words.
docs.slack.dev/reference/block-kit/blocks/rich-text-block
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from bot.slack.markup import Names, to_phone
from bot.words import escape

_ENTITY = re.compile("&(lt|gt|amp);")
_ROOM = re.compile(r"<#(\w+)\|([^>]+)>")


def said(message: Mapping[str, Any], names: Names | None = None) -> str:
    """The words of a message, from its rich text where it has any, else from its `text`."""
    text = str(message.get("text") or "")
    match message.get("blocks"):
        case [{"type": "rich_text", "elements": [*parts]}]:
            rooms = dict(_ROOM.findall(text))
            reader = _Reader(names.get if isinstance(names, Mapping) else names, rooms)
            try:
                read = reader.parts(parts)
            except (ValueError, TypeError, AttributeError):  # not the shape that Slack describes
                read = None
            # Only of `text` is it sure that entities are escaped.
            if read is not None and not _ENTITY.search(read):
                return read
    return to_phone(text, names)


class _Reader:
    """Reads rich text; None is its answer to anything it does not know."""

    def __init__(
        self, name: Callable[[str], str | None] | None, rooms: Mapping[str, str]
    ) -> None:  # fmt: skip
        self.name, self.rooms = name or (lambda _: None), rooms

    def parts(self, parts: list[Any]) -> str | None:
        """Sections, lists, quotations and code, each from a line of its own."""
        made = ""
        counters: dict[int, int] = {}  # of numbered lists, by how far they are indented
        for part in parts:
            read = self._part(part, counters)
            if read is None:
                return None
            made += ("\n" if made and read and not made.endswith("\n") else "") + read
        return made

    def _part(self, part: Mapping[str, Any], counters: dict[int, int]) -> str | None:
        if part.get("type") == "rich_text_list":
            return self._list(part, counters)
        counters.clear()
        words = self._elements(part.get("elements") or ())
        if part.get("type") == "rich_text_quote" and words is not None:
            return "\n".join(f"> {line}" for line in words.split("\n"))
        known = part.get("type") in ("rich_text_section", "rich_text_preformatted")
        return words if known else None

    def _list(self, part: Mapping[str, Any], counters: dict[int, int]) -> str | None:
        indent, lines = int(part.get("indent") or 0), []
        for deeper in [depth for depth in counters if depth > indent]:
            del counters[deeper]
        for item in part.get("elements") or ():
            words = self._elements(item.get("elements") or ())
            if words is None:
                return None
            mark = "-"  # a bullet would take the text out of the plain alphabet
            if part.get("style") == "ordered":
                counters[indent] = counters.get(indent, int(part.get("offset") or 0)) + 1
                mark = f"{counters[indent]}."
            lines.append(f"{'  ' * indent}{mark} {words}")
        return "\n".join(lines)

    def _elements(self, elements: Any) -> str | None:
        read = [self._element(element) for element in elements]
        return None if None in read else "".join(word for word in read if word is not None)

    def _element(self, element: Mapping[str, Any]) -> str | None:
        match element:
            case {"type": "text", "text": str(text)}:
                return text
            case {"type": "emoji", "name": str(name)}:
                return _emoji(name, element)
            case {"type": "link", "url": str(url)}:
                label = element.get("text")
                return to_phone(f"<{escape(url)}|{escape(label)}>" if label else escape(url))
            case {"type": "user", "user_id": str(user)}:
                return "@" + (self.name(user) or "someone").lstrip("@")
            case {"type": "usergroup"}:
                return "@team"
            case {"type": "channel", "channel_id": str(room)}:
                return "#" + self.rooms.get(room, "channel")
            case {"type": "broadcast", "range": str(whom)}:
                return f"@{whom}"
            case {"type": "date", "fallback": str(words)}:
                return words
            case {"type": "color", "value": str(value)}:
                return value
        return None


def _emoji(name: str, element: Mapping[str, Any]) -> str:
    tone, codes = element.get("skin_tone"), str(element.get("unicode") or "")
    toned = any(0x1F3FB <= int(code, 16) <= 0x1F3FF for code in codes.split("-") if code)
    if codes and (toned or not tone):
        return "".join(chr(int(code, 16)) for code in codes.split("-"))
    return to_phone(f":{name}:" + (f":skin-tone-{tone}:" if tone else ""))
