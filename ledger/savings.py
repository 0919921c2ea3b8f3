"""What would make a text cheaper: look-alikes in the plain alphabet, or one picture message.

The look-alikes are those that Twilio's smart encoding replaces, here as data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from ledger.rates import quote

LOOKALIKES = Path(__file__).with_name("lookalikes.json")
QUOTES = "“”„‟«»‘’‚‛"
MIXED = re.compile("(?<=[0-9])(?=[¼½¾])")


@dataclass(frozen=True)
class Saving:
    """A cheaper form of the same text."""

    kind: Literal["plain", "mms"]
    body: str
    credits: int  # instead of `instead_of`
    instead_of: int
    replaced: int  # characters
    only_quotes: bool  # all that is replaced are quotation marks


def cheaper(
    to: str, body: str, media: Sequence[int] = (), *, may_mms: bool = False
) -> list[Saving]:
    """Forms that cost fewer credits, the cheapest first; `may_mms` where pictures can be sent."""
    now = quote(to, body, media).credits
    replaced = [c for c in body if c in lookalikes()]
    found = []
    if replaced:
        plain = to_plain(body)
        price = quote(to, plain, media).credits
        quotes = all(c in QUOTES for c in replaced)
        found.append(Saving("plain", plain, price, now, len(replaced), quotes))
    if may_mms and not media:
        price = quote(to, body, as_mms=True).credits
        found.append(Saving("mms", body, price, now, 0, False))
    return sorted((s for s in found if s.credits < now), key=lambda saving: saving.credits)


def to_plain(body: str) -> str:
    """The body with look-alikes of the plain alphabet in place of what has one.

    A fraction keeps its distance from a number: "1½" becomes "1 1/2", not "11/2".
    """
    apart = MIXED.sub(" ", body)
    return "".join(lookalikes().get(character, character) for character in apart)


@cache
def lookalikes() -> dict[str, str]:
    """What is replaced, and by what."""
    table: dict[str, str] = json.loads(LOOKALIKES.read_text())
    return table
