"""What becomes of what a person types into Slack: its mark-up in `text`, its rich text in blocks.

docs.slack.dev/messaging/formatting-message-text
docs.slack.dev/reference/block-kit/blocks/rich-text-block
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

import emoji

Element = dict[str, Any]

FOUND = re.compile(
    r"""(?P<web>https?://[^\s<>]*[^\s<>.,!?;:)]) | (?P<mail>[\w.+-]+@[\w-]+\.\w+)
      | (?P<bare>\b(?:[a-z0-9-]+\.)+(?:com|org|net|io)\b) | (?P<phone>\+\d{10,14}\b)
      | @(?P<all>here|channel|everyone)\b | (?P<user>@[^\W\d]\w*) | (?P<room>\#[a-z0-9][a-z0-9-]*)
      | \*(?P<bold>[^\s*](?:[^*\n]*[^\s*])?)\*(?!\w)""",
    re.VERBOSE,
)
TONES = {chr(0x1F3FB + step): f"skin-tone-{step + 2}" for step in range(5)}


class Typed:
    """One message: what Slack's `text` of it is, and its one block."""

    def __init__(self, typed: str, people: Mapping[str, str], rooms: Mapping[str, str]) -> None:
        """`people` and `rooms`: ids by what they are called."""
        self.people, self.rooms = people, rooms
        typed = emoji.emojize(typed, language="alias")  # as the composer does while one types
        self.text, self.elements = "", list[Element]()
        at = 0
        for found in FOUND.finditer(typed):
            self._words(typed[at : found.start()])
            self._token(found)
            at = found.end()
        self._words(typed[at:])

    @property
    def blocks(self) -> list[dict[str, Any]]:
        """The block that Slack's composer makes; none for nothing."""
        section = {"type": "rich_text_section", "elements": self.elements}
        block = {"type": "rich_text", "block_id": secrets.token_hex(2), "elements": [section]}
        return [block] if self.elements else []

    def _add(self, text: str, element: Element) -> None:
        self.text += text
        last = self.elements[-1] if self.elements else {}
        if element["type"] == last.get("type") == "text" and element.keys() == last.keys():
            last["text"] += element["text"]
        else:
            self.elements.append(element)

    def _words(self, words: str) -> None:
        for token in emoji.analyze(words, non_emoji=True, join_emoji=True):
            if isinstance(token.value, str):
                self._add(_escaped(token.chars), {"type": "text", "text": token.chars})
            else:
                self._emoji(token.chars)

    def _emoji(self, shown: str) -> None:
        tone = next((TONES[c] for c in shown if c in TONES), None)
        plain = "".join(c for c in shown if c not in TONES)
        name = emoji.demojize(plain, language="alias").strip(":")
        known = emoji.emojize(f":{name}:", language="alias") == plain
        if not (known and re.fullmatch(r"[a-z0-9_+\-]+", name)):
            self._add(shown, {"type": "text", "text": shown})  # a sign that is a letter, too: ®
            return
        made: Element = {
            "type": "emoji",
            "name": name,
            "unicode": "-".join(f"{ord(c):x}" for c in shown),
        }
        if tone:
            made["skin_tone"] = int(tone[-1])
        self._add(f":{name}:" + (f":{tone}:" if tone else ""), made)

    def _token(self, found: re.Match[str]) -> None:
        typed, kind = found[0], found.lastgroup
        match kind:
            case "web":
                self._add(f"<{_escaped(typed)}>", {"type": "link", "url": typed})
            case "mail" | "bare" | "phone":
                url = {"mail": "mailto:", "bare": "http://", "phone": "tel:"}[kind] + typed
                self._add(f"<{url}|{typed}>", {"type": "link", "url": url, "text": typed})
            case "all":
                self._add(f"<!{found['all']}>", {"type": "broadcast", "range": found["all"]})
            case "user" if typed[1:] in self.people:
                user = self.people[typed[1:]]
                self._add(f"<@{user}>", {"type": "user", "user_id": user})
            case "room" if typed[1:] in self.rooms:
                room = self.rooms[typed[1:]]
                self._add(f"<#{room}|{typed[1:]}>", {"type": "channel", "channel_id": room})
            case "bold":
                bold = {"type": "text", "text": found["bold"], "style": {"bold": True}}
                self._add(f"*{_escaped(found['bold'])}*", bold)
            case _:
                self._add(_escaped(typed), {"type": "text", "text": typed})


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
