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


def emoji_names(text: str) -> str:
    """What was put into a form, where nothing but the names of emoji stands for something else."""
    return "&".join(_words(part) for part in text.split("&"))


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
    done: list[str] = []
    at = 0
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
    swatch = SLACK_NAMES[tone]
    toned = plain[0] + swatch + plain[1:].removeprefix("\ufe0f")
    return toned if emoji.is_emoji(toned) else plain + swatch


def _plain_emoji(name: str) -> str | None:
    """The emoji of one of Slack's short names, None where it is none."""
    if name in SLACK_NAMES:
        return SLACK_NAMES[name]
    underscored = name.replace("-", "_")
    person = underscored.replace("female_", "woman_").replace("male_", "man_")
    for spelling in (name, underscored, person, name.removeprefix("large_")):
        found = emoji.emojize(f":{spelling}:", language="alias")
        if not found.startswith(":"):
            return found
    composed = _flag(name) if name.startswith("flag-") else _family(name)
    return composed if emoji.is_emoji(composed) else None


def _flag(name: str) -> str:
    """`flag-us`: its letters as regional indicators."""
    return "".join(chr(ord("🇦") + ord(letter) - ord("a")) for letter in name[5:])


def _family(name: str) -> str:
    """`man-woman-girl`, `woman-heart-man`: its people, joined."""
    return "\u200d".join(FAMILY.get(part, part) for part in name.split("-"))


FAMILY = {
    "man": "👨", "woman": "👩", "boy": "👦", "girl": "👧", "heart": "❤️", "kiss": "❤️\u200d💋",
}  # fmt: skip

#: Slack's names (github.com/iamcal/emoji-data, 16.0) that the library does not have, or has for
#: another emoji, and that follow no rule above.
SLACK_NAMES = {
    "bald_person": "🧑\u200d🦲", "barely_sunny": "🌥️", "beetle": "🪲", "bride_with_veil": "👰",
    "curly_haired_person": "🧑\u200d🦱", "drum_with_drumsticks": "🥁", "egg": "🥚", "eject": "⏏️",
    "email": "✉️", "face_palm": "🤦", "face_with_cowboy_hat": "🤠",
    "face_with_finger_covering_closed_lips": "🤫", "face_with_one_eyebrow_raised": "🤨",
    "face_with_open_mouth_vomiting": "🤮", "female-doctor": "👩\u200d⚕️", "fencer": "🤺",
    "first_place_medal": "🥇",
    "flag-england": "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "flag-sark": "🇨🇶",
    "flag-scotland": "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "flag-wales": "🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f",
    "giraffe_face": "🦒", "grinning_face_with_one_large_and_one_small_eye": "🤪",
    "grinning_face_with_star_eyes": "🤩", "guardsman": "💂",
    "hand_with_index_and_middle_fingers_crossed": "🤞", "handball": "🤾",
    "i_love_you_hand_sign": "🤟", "juggling": "🤹", "keycap_star": "*️⃣", "kiwifruit": "🥝",
    "knife_fork_plate": "🍽️", "ladybug": "🐞", "lightning": "🌩️", "lightning_cloud": "🌩️",
    "male-doctor": "👨\u200d⚕️", "man-with-bunny-ears-partying": "👯\u200d♂️",
    "man-wrestling": "🤼\u200d♂️", "man_and_woman_holding_hands": "👫",
    "man_with_beard": "🧔\u200d♂️", "man_with_turban": "👳", "mate_drink": "🧉", "medal": "🎖️",
    "men-with-bunny-ears-partying": "👯\u200d♂️", "mostly_sunny": "🌤️", "mother_christmas": "🤶",
    "octagonal_sign": "🛑", "ok_woman": "🙆", "partly_sunny_rain": "🌦️",
    "person_doing_cartwheel": "🤸", "person_with_headscarf": "🧕", "rain_cloud": "🌧️",
    "red_haired_person": "🧑\u200d🦰", "satellite": "🛰️", "scooter": "🛴",
    "second_place_medal": "🥈", "serious_face_with_symbols_covering_mouth": "🤬",
    "shocked_face_with_exploding_head": "🤯", "shopping_trolley": "🛒",
    "smiling_face_with_3_hearts": "🥰",
    "smiling_face_with_smiling_eyes_and_hand_covering_mouth": "🤭", "snow_cloud": "🌨️",
    "snowman": "☃️", "spock-hand": "🖖", "staff_of_aesculapius": "⚕️", "sun_behind_cloud": "🌥️",
    "sun_small_cloud": "🌤️", "the_horns": "🤘", "third_place_medal": "🥉", "tornado_cloud": "🌪️",
    "umbrella": "☂️", "white_haired_person": "🧑\u200d🦳",
    "woman-with-bunny-ears-partying": "👯\u200d♀️", "woman-wrestling": "🤼\u200d♀️",
    "woman_with_beard": "🧔\u200d♀️", "womans_flat_shoe": "🥿",
    "women-with-bunny-ears-partying": "👯\u200d♀️", "wrestlers": "🤼", "zebra_face": "🦓",
    "skin-tone-2": "🏻", "skin-tone-3": "🏼", "skin-tone-4": "🏽", "skin-tone-5": "🏾",
    "skin-tone-6": "🏿",
}  # fmt: skip
