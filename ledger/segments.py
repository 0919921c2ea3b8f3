"""How many characters a text has, and how many segments a carrier makes of it.

GSM 03.38 septets where every character is in that alphabet, else UTF-16 code units (R3). Linear in
the length of the body; 3GPP TS 23.038 and 23.040 are the source of the alphabet and the headers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Encoding = Literal["GSM-7", "UCS-2"]

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = "^{}\\[~]|€\f"  # two septets each, never split between segments

GSM_ALONE, GSM_JOINED = 160, 153  # septets of a segment; a joined one gives seven to its header
UCS2_ALONE, UCS2_JOINED = 70, 67  # code units; a joined one gives three

_SPECIAL = re.compile(f"[^{re.escape(BASIC + EXTENSION)}]")
_EXTENDED = re.compile(f"[{re.escape(EXTENSION)}]")
_WIDE = re.compile("[\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Count:
    """What there is to send: `characters` as R3 counts them, `segments` as carriers do."""

    encoding: Encoding
    characters: int
    segments: int


def count(body: str) -> Count:
    """Counts a body. The empty one is GSM-7, no characters, one segment."""
    if _SPECIAL.search(body) is None:
        wide = len(_EXTENDED.findall(body))
        characters = len(body) + wide
        alone, joined, encoding = GSM_ALONE, GSM_JOINED, "GSM-7"
    else:
        wide = len(_WIDE.findall(body))
        characters = len(body) + wide
        alone, joined, encoding = UCS2_ALONE, UCS2_JOINED, "UCS-2"
    if characters <= alone:
        return Count(encoding, characters, 1)  # type: ignore[arg-type]
    if not wide:
        return Count(encoding, characters, -(-characters // joined))  # type: ignore[arg-type]
    pairs = _EXTENDED if encoding == "GSM-7" else _WIDE
    return Count(encoding, characters, _joined(body, pairs, joined))  # type: ignore[arg-type]


def _joined(body: str, pairs: re.Pattern[str], size: int) -> int:
    """Segments of `size` units where a character that takes two of them is never split."""
    # Each pair becomes two marks, so that places in the string are units.
    units = pairs.sub("\x01\x02", body)
    segments, at = 0, 0
    while at < len(units):
        end = at + size
        if end < len(units) and units[end] == "\x02" and units[end - 1] == "\x01":
            end -= 1
        at = end
        segments += 1
    return segments
