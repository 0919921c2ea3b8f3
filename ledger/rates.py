"""What a text costs (R1–R5). Pure functions; the rate card is data."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ledger.segments import (
    EXTENSION,
    GSM_ALONE,
    GSM_JOINED,
    UCS2_ALONE,
    UCS2_JOINED,
    Count,
    Encoding,
    count,
)

Kind = Literal["sms", "mms"]

BODY_LIMIT = 1_600  # UTF-16 code units of one Twilio message
PACK_BYTES, PACK_FILES = 5_000_000, 10  # attachments of one Twilio message (R4)
# Characters in one message: in GSM-7, and in UCS-2.
SMS_SIZE, JOINED_SIZE = (GSM_ALONE, UCS2_ALONE), (GSM_JOINED, UCS2_JOINED)
MMS_SIZE = (1_600, 700)
E164 = re.compile(r"\+[1-9]\d{1,14}")


class MediaTooLarge(ValueError):
    """One attachment is more than a message may carry (R4)."""

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        super().__init__(
            f"An attachment of {size_bytes / 1e6:.1f} MB is too large: "
            f"a message carries {PACK_BYTES / 1e6:.0f} MB at most."
        )


@dataclass(frozen=True)
class RateCard:
    """Credits a message costs, and how much one message holds (R1, R2)."""

    sms_home: int = 1  # country code 1
    sms_abroad: int = 2
    mms: int = 3
    call_minute: int = 1  # of a call that was forwarded, for each minute that was started
    by_segment: bool = False  # a long text costs the segments that its carrier makes of it

    def rate(self, kind: Kind, to: str) -> int:
        """Credits of one message to this number."""
        if kind == "mms":
            return self.mms
        return self.sms_home if to.startswith("+1") else self.sms_abroad

    def size(self, kind: Kind, counted: Count) -> int:
        """Characters that one message of such a text holds."""
        joined = self.by_segment and counted.segments > 1
        plain, special = MMS_SIZE if kind == "mms" else JOINED_SIZE if joined else SMS_SIZE
        return plain if counted.encoding == "GSM-7" else special

    def messages(self, kind: Kind, counted: Count) -> int:
        """How many of them it takes, without its attachments."""
        if kind == "sms" and self.by_segment:
            return counted.segments
        return max(1, -(-counted.characters // self.size(kind, counted)))


SHIPPED = RateCard()
CARD = SHIPPED  # by which this process prices


def use(card: RateCard) -> None:
    """Prices are by this card from now on, in this process."""
    global CARD
    CARD = card


class Quote(NamedTuple):
    """The price of a text before it is sent."""

    kind: Kind
    credits: int
    encoding: Encoding
    characters: int  # as R3 counts them
    messages: int  # as R2 counts them
    size: int  # characters that one message holds
    carrier_segments: int  # what the carrier makes of it, for the operator's margin


class Part(NamedTuple):
    """One Twilio message of a text (R5)."""

    body: str
    media: tuple[int, ...]  # which attachments, by their place
    credits: int  # its share of the price
    carrier_segments: int


def quote(to: str, body: str, media: Sequence[int] = (), *, as_mms: bool = False) -> Quote:
    """The price of a text to `to` (E.164) with attachments of these sizes in bytes.

    `as_mms` sends it as a picture message without a picture, which holds more. Raises ValueError
    for a number that is not E.164, MediaTooLarge for a file over 5 MB.
    """
    packs = _packs(media, as_mms)
    messages = len(cut(body)) if packs else 0
    return _quote(to, body, len(packs), max(messages, len(packs)))


def quote_inbound(to: str, body: str, has_media: bool) -> Quote:
    """The price of a text in (R5): attachments, whose sizes are not known, count as one pack."""
    return _quote(to, body, int(has_media), int(has_media))


def _quote(to: str, body: str, packs: int, twilio_messages: int) -> Quote:
    if not E164.fullmatch(to):
        raise ValueError(f"{to!r} is not a phone number in E.164, like +14155550100")
    kind: Kind = "mms" if packs else "sms"
    counted = count(body)
    messages = max(packs, CARD.messages(kind, counted))
    return Quote(
        kind,
        CARD.rate(kind, to) * messages,
        counted.encoding,
        counted.characters,
        messages,
        CARD.size(kind, counted),
        counted.segments if kind == "sms" else twilio_messages,
    )


def quote_call(seconds: int) -> int:
    """Credits for so many seconds of a call that was forwarded: by the minute, each one started."""
    return CARD.call_minute * -(-max(0, seconds) // 60)


def parts(
    to: str,
    body: str,
    media: Sequence[int] = (),
    *,
    as_mms: bool = False,
    price: Quote | None = None,
) -> list[Part]:
    """How the text leaves: Twilio messages in order, whose shares add up to the quote (R5), which
    is worked out here unless it is given."""
    whole = price or quote(to, body, media, as_mms=as_mms)
    packs, pieces = _packs(media, as_mms), cut(body)
    if len(pieces) == 1 and len(packs) < 2:
        segments = 1 if whole.kind == "mms" else whole.carrier_segments
        return [Part(body, packs[0] if packs else (), whole.credits, segments)]
    rate, width = CARD.rate(whole.kind, to), _width(whole.encoding)
    made, characters, paid_for = [], 0, 0
    last = max(len(pieces), len(packs)) - 1
    for place in range(last + 1):
        piece = pieces[place] if place < len(pieces) else ""
        files = packs[place] if place < len(packs) else ()
        characters += sum(map(width, piece))
        needed = max(1, -(-characters // whole.size), min(place + 1, len(packs)))
        if place == last:  # joined segments may hold a character less than their size
            needed = whole.messages
        segments = 1 if whole.kind == "mms" else count(piece).segments
        made.append(Part(piece, files, rate * (needed - paid_for), segments))
        paid_for = needed
    return made


def cut(body: str) -> list[str]:
    """The body in pieces one Twilio message holds, cut behind white space where there is any."""
    pieces = []
    while _units(body) > BODY_LIMIT:
        at = _prefix(body, BODY_LIMIT)
        space = max((m.end() for m in re.finditer(r"\s", body[:at])), default=0)
        at = space or at
        pieces.append(body[:at])
        body = body[at:]
    return [*pieces, body]


def pack(media: Sequence[int]) -> list[tuple[int, ...]]:
    """Attachments, first-fit and in order, in packs that one message carries (R4)."""
    packs: list[list[int]] = []
    for place, size in enumerate(media):
        if size > PACK_BYTES:
            raise MediaTooLarge(size)
        for files in packs:
            if len(files) < PACK_FILES and sum(media[f] for f in files) + size <= PACK_BYTES:
                files.append(place)
                break
        else:
            packs.append([place])
    return [tuple(files) for files in packs]


def _packs(media: Sequence[int], as_mms: bool) -> list[tuple[int, ...]]:
    return pack(media) if media else [()] if as_mms else []


def _units(text: str) -> int:
    """UTF-16 code units, which is how Twilio counts its limit at its strictest."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _prefix(body: str, units: int) -> int:
    """How many characters of the body fit into this many code units."""
    at = min(units, len(body))
    while _units(body[:at]) > units:
        at -= (_units(body[:at]) - units + 1) // 2
    return at


def _width(encoding: Encoding) -> Callable[[str], int]:
    if encoding == "GSM-7":
        return lambda character: 2 if character in EXTENSION else 1
    return lambda character: 2 if character > "\uffff" else 1
