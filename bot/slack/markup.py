"""Slack's mark-up on its way to a phone, and a phone's words on their way to Slack.

docs.slack.dev/messaging/formatting-message-text
"""

from __future__ import annotations

import re
from collections.abc import Callable

import emoji

_TOKEN = re.compile(r"<([^<>]*)>")
_SHORT_NAME = re.compile(r":[a-z0-9_+'\-]+:(?::skin-tone-[2-6]:)?")
_TONES = {str(n): chr(0x1F3FB + n - 2) for n in range(2, 7)}
_LONE = re.compile("[\ud800-\udfff]")

Names = Callable[[str], str | None]


def to_phone(text: str, names: Names | None = None) -> str:
    """Slack's mark-up as a phone shows it: tokens, entities and emoji names become characters.

    `names` gives a Slack user's name for an id, or None.
    """
    # Tokens first: an entity may decode to an angle bracket, which then is only a bracket.
    decoded = _TOKEN.sub(lambda token: _token(token[1], names), text)
    decoded = decoded.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return _SHORT_NAME.sub(lambda name: _emoji(name[0]), decoded)


def escape(text: str) -> str:
    """Somebody's words in Slack's mark-up: nothing in them pings, links or hides."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def clean(text: str) -> str:
    """Text that any database takes: no NUL, and no half of a surrogate pair."""
    return _LONE.sub("\ufffd", text.replace("\x00", ""))


def _token(inside: str, names: Names | None) -> str:
    target, _, label = inside.partition("|")
    match target[:1]:
        case "@":
            return "@" + (label or (names and names(target[1:])) or "a colleague").lstrip("@")
        case "#":
            return "#" + (label or "channel")
        case "!":
            if target.startswith(("!date", "!subteam")):
                return label or ("" if target.startswith("!date") else "@a team")
            return "@" + (label or target[1:]).lstrip("@")
    scheme, _, rest = target.partition(":")
    if scheme in ("tel", "mailto"):
        return label or rest
    # Slack makes `example.com` a link labelled with what was typed.
    if not label or label == target:
        return target
    if target.partition("://")[2].rstrip("/") == label.rstrip("/"):
        return label
    return f"{label} ({target})"


def _emoji(name: str) -> str:
    base, _, tone = name.partition("::skin-tone-")
    if not tone:
        found = emoji.emojize(name, language="alias")
        return found if found != name else name
    found = emoji.emojize(f"{base}:", language="alias")
    return found + _TONES[tone[0]] if found != f"{base}:" else name
