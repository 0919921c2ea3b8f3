"""How many characters a text has, and how many segments a carrier makes of it.

Sources: rule R3; 3GPP TS 23.038 §6.2.1 (the alphabet and its extension table) and TS 23.040
§9.2.3.24 (a joined segment gives six octets to its header).
"""

from __future__ import annotations

import codecs
import re
from typing import Literal, NamedTuple

Encoding = Literal["GSM-7", "UCS-2"]

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = "^{}\\[~]|€\f"  # an escape and a basic character: two septets

GSM_ALONE, GSM_JOINED = 160, 153  # septets
UCS2_ALONE, UCS2_JOINED = 70, 67  # UTF-16 code units

_basic = re.compile(f"[{re.escape(BASIC)}]*+").fullmatch
_sendable = re.compile(f"[{re.escape(BASIC + EXTENSION)}]*+").fullmatch

# Extension characters get the bytes from 0x80 up. Read as Latin-1, those are what UTF-8 writes in
# two bytes, the first of them 0xC2; so the UTF-8 has a byte a septet, at the speed of C.
# The NUL keeps the table in the form that codecs are quick with; no sendable text has one.
_SEPTETS = codecs.charmap_build("\0" + BASIC + EXTENSION)
_ESCAPES = b"\xc2"
_HIGH_SURROGATES = b"\xd8\xd9\xda\xdb"  # by the upper byte of the code unit


class Count(NamedTuple):
    """What there is to send."""

    encoding: Encoding
    characters: int  # septets, or UTF-16 code units (R3)
    segments: int  # what a carrier counts, at least 1


def count(body: str) -> Count:
    """Counts any string, in time linear in its length; the empty one is GSM-7 and one segment.

    A lone surrogate, which no carrier can bear, counts as the one code unit it is.
    """
    if _basic(body):
        return _plain("GSM-7", len(body), GSM_ALONE, GSM_JOINED)
    if _sendable(body):
        septets = codecs.charmap_encode(body, "strict", _SEPTETS)[0].decode("latin-1").encode()
        if len(septets) <= GSM_ALONE:
            return Count("GSM-7", len(septets), 1)
        return Count("GSM-7", len(septets), _joined(septets, GSM_JOINED, _ESCAPES))
    units = codecs.utf_16_be_encode(body, "replace")[0]
    characters = len(units) // 2
    if characters == len(body) or characters <= UCS2_ALONE:
        return _plain("UCS-2", characters, UCS2_ALONE, UCS2_JOINED)
    return Count("UCS-2", characters, _joined(units[::2], UCS2_JOINED, _HIGH_SURROGATES))


def _plain(encoding: Encoding, characters: int, alone: int, joined: int) -> Count:
    """The count of a text that may be split anywhere."""
    return Count(encoding, characters, 1 if characters <= alone else -(-characters // joined))


def _joined(units: bytes, size: int, firsts: bytes) -> int:
    """Segments of `size` units where one of `firsts` is never parted from the unit behind it."""
    segments, end = 0, 0
    while end < len(units):
        segments, end = segments + 1, end + size
        if end < len(units) and units[end - 1] in firsts:
            end -= 1
    return segments
