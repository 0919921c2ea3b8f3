"""Slack's mark-up on its way to a phone, and a person's words on their way to Slack.

docs.slack.dev/messaging/formatting-message-text
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import emoji

Names = Callable[[str], str | None] | Mapping[str, str]

#: `<@U…>`, `<#C…|name>`, `<!here>`, `<https://…|label>`. A bracket round anything else was typed.
_TOKEN = re.compile(r"<([@#!][^<>]*|[A-Za-z][\w+.\-]*:[^<>|\s]+(?:\|[^<>]*)?)>")
_WORD = re.compile(r"&(lt|gt|amp);|:([a-z0-9_+\-]+):(?::(skin-tone-[2-6])(?:-[2-6])?:)?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_ENTITIES = {"lt": "<", "gt": ">", "amp": "&"}


def to_phone(text: str, names: Names | None = None) -> str:
    """`text`, as Slack sends it, as a phone shows it; never raises of itself.

    Mentions and links become words, entities are decoded once, emoji names become emoji; names
    that are no emoji stay as typed. `names` gives a Slack user's name for an id, or None.
    """
    look_up = names.get if isinstance(names, Mapping) else names or (lambda _: None)
    parts = _TOKEN.split(text)  # between tokens, inside a token, between, …
    parts[::2] = [_words(part) for part in parts[::2]]
    parts[1::2] = [_token(part, look_up) for part in parts[1::2]]
    return "".join(parts)


def escape(text: str) -> str:
    """Somebody's words for mrkdwn or a post's `text`: nothing in them pings, links or hides."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def clean(text: str) -> str:
    """`text` as any database and phone takes it: no NUL, and U+FFFD for half a surrogate pair."""
    return _SURROGATE.sub("\ufffd", text.replace("\x00", ""))


def _token(inside: str, look_up: Callable[[str], str | None]) -> str:
    target, _, label = inside.partition("|")
    match target[0]:
        case "@":
            return "@" + (look_up(target[1:]) or _words(label) or "someone").lstrip("@")
        case "#":
            return "#" + (_words(label) or "channel").lstrip("#")
        case "!":
            return _special(target[1:].partition("^")[0], _words(label))
    address, typed = _entities(target), _entities(label)
    if address.startswith(("mailto:", "tel:")):
        return _words(label) or address.partition(":")[2]
    # Slack links what looks like an address, and labels it with what was typed.
    if not typed or _bare(typed) == _bare(address):
        return typed or address
    return f"{_words(label)} ({address})"


def _special(kind: str, label: str) -> str:
    if kind == "date":
        return label
    return "@" + (label or {"subteam": "team"}.get(kind, kind)).lstrip("@")


def _bare(address: str) -> str:
    return address.casefold().rpartition("://")[2].rstrip("/")


def _entities(text: str) -> str:
    return re.sub("&(lt|gt|amp);", lambda found: _ENTITIES[found[1]], text)


def _words(text: str) -> str:
    """Entities and emoji names decoded, left to right: what was decoded is not read again."""
    done, at = [], 0
    while found := _WORD.search(text, at):
        entity, name, tone = found.groups()
        decoded = _ENTITIES[entity] if entity else _emoji(name, tone)
        # After a name that is none, its closing colon may open the next: "at 3:30:tada:".
        end = found.end() if decoded else found.end(2)
        done += text[at : found.start()], decoded or text[found.start() : end]
        at = end
    return "".join(done) + text[at:]


def _emoji(name: str, tone: str | None) -> str | None:
    plain = _plain_emoji(name)
    if not (plain and tone):
        return plain
    # A tone follows the person, before what the person does or has, and stands for U+FE0F.
    toned = plain[0] + OURS[tone] + plain[1:].removeprefix("\ufe0f")
    return toned if emoji.is_emoji(toned) else plain + OURS[tone]


def _plain_emoji(name: str) -> str | None:
    if name in OURS:
        return OURS[name]
    underscored = name.replace("-", "_")
    person = underscored.replace("female_", "woman_").replace("male_", "man_")
    for spelling in (name, underscored, person, name.removeprefix("large_")):
        found = emoji.emojize(f":{spelling}:", language="alias")
        if not found.startswith(":"):
            return found
    parts = name.split("-")
    if parts[0] == "flag" and len(name) == len("flag-us") and name[5:].isalpha():
        return "".join(chr(ord(letter) - ord("a") + ord("🇦")) for letter in name[5:])
    if len(parts) > 1 and all(part in FAMILY for part in parts):
        return "\u200d".join(FAMILY[part] for part in parts)
    return None


#: Of a family or couple: `:man-woman-girl:`, `:woman-heart-man:`.
FAMILY = {
    "man": "👨", "woman": "👩", "boy": "👦", "girl": "👧", "heart": "❤️", "kiss": "❤️\u200d💋",
}  # fmt: skip

#: Slack's names (github.com/iamcal/emoji-data) that the library lacks or takes for another emoji.
OURS = {
    "skin-tone-2": "🏻", "skin-tone-3": "🏼", "skin-tone-4": "🏽", "skin-tone-5": "🏾",
    "skin-tone-6": "🏿",
}  # fmt: skip
