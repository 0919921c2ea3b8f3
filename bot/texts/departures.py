"""Texts leave: a message, its charge, its parts, and their deliveries, all in one transaction.

Every text out passes here, an agent's and a SmartPlan's; many of one account in a few statements.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from bot import outbox, paces, tally
from bot.lines.models import Line
from bot.talks import threads
from bot.talks.models import Message, Part
from bot.talks.threads import Thread
from ledger import credits, rates
from ledger.credits import Charge
from ledger.database import query, transaction
from ledger.rates import BODY_LIMIT, Quote
from ledger.rows import among, insert, numbers
from ledger.segments import count as count_characters

Media = Sequence[Mapping[str, Any]]

TOLD = "UPDATE contact SET told_at = %s WHERE told_at IS NULL AND id {}"
MESSAGE = (
    "id", "conversation_id", "direction", "body", "words", "media", "kind", "credits", "refunded",
    "carrier_segments", "status", "author", "automated", "in_channel", "other_number", "draft",
    "slack_ts", "made_at",
)  # fmt: skip
PART = (
    "id", "message_id", "number", "body", "media", "as_mms", "credits", "ref", "twilio_id",
    "status",
)  # fmt: skip


class Leaving(NamedTuple):
    """A text that is about to leave, at the price that was agreed on."""

    thread: Thread
    number: str  # one of the contact's
    body: str
    price: Quote
    actor: str  # who is charged for it in the books: a Slack user
    words: str = ""  # to opt out, below the body and free (R21)
    media: Media = ()
    as_mms: bool = False
    author: str | None = None  # Slack user whose name it bears
    automated: bool = False  # a step of a SmartPlan
    draft: str | None = None  # what it was before Send
    card_ts: str | None = None  # of the draft's card, which becomes its copy in the thread


@transaction
def depart(line: Line, texts: Sequence[Leaving], now: datetime) -> list[int]:
    """Charges and queues these texts from one line. Returns the ids of their messages, in order.

    Raises NotEnoughCredits, and queues none, if the balance does not cover them all (R14).
    """
    parts = [pieces(text) for text in texts]
    ids = numbers(Message, len(texts))
    part_ids = numbers(Part, sum(map(len, parts)))
    charges = [
        Charge(f"out:{message}", text.price.credits, message, text.actor)
        for message, text in zip(ids, texts, strict=True)
    ]
    credits.charge_texts(line.account_id, charges, now=now)
    _write_messages(ids, texts, parts, now)
    told = [text.thread.contact for text in texts if text.words]
    if told:
        here, whom = among(told)
        query(TOLD.format(here), now, whom)
    deliveries = _write_parts(part_ids, line, texts, ids, parts)
    shown = zip(ids, texts, strict=True)
    outbox.enqueue_all([*threads.copies(_new(shown)), *deliveries])
    _count(texts)
    return ids


def pieces(text: Leaving) -> list[rates.Part]:
    """How a text leaves, its opt-out words at the end; they are free even alone (R21)."""
    sizes = [int(file["size"]) for file in text.media]
    parts = rates.parts(
        text.number, text.body, sizes, as_mms=text.as_mms, price=text.price
    )  # fmt: skip
    if not text.words:
        return parts
    last = parts[-1]
    body = f"{last.body}\n{text.words}".strip()
    is_mms = bool(text.media) or text.as_mms
    if len(body.encode("utf-16-le")) // 2 <= BODY_LIMIT:
        segments = 1 if is_mms else count_characters(body).segments
        return [*parts[:-1], rates.Part(body, last.media, last.credits, segments)]
    segments = count_characters(text.words).segments
    return [*parts, rates.Part(text.words, (), 0, segments)]


def _write_messages(
    ids: Sequence[int], texts: Sequence[Leaving], parts: Sequence[Sequence[rates.Part]],
    now: datetime,
) -> None:  # fmt: skip
    rows = [
        (
            message, text.thread.id, "out", text.body, text.words, _json(text.media),
            text.price.kind, text.price.credits, 0, sum(part.carrier_segments for part in own),
            "waiting", text.author, text.automated, False, _other(text), text.draft, text.card_ts,
            now,
        )
        for message, text, own in zip(ids, texts, parts, strict=True)
    ]  # fmt: skip
    insert(Message, MESSAGE, rows)


def _write_parts(
    part_ids: Iterable[int], line: Line, texts: Sequence[Leaving], ids: Sequence[int],
    parts: Sequence[Sequence[rates.Part]],
) -> list[outbox.Item]:  # fmt: skip
    """Writes the parts of all the texts. Returns their deliveries, one lane a recipient."""
    rows, deliveries, free = [], [], iter(part_ids)
    pace = paces.of_number(line.number)
    for text, message, own in zip(texts, ids, parts, strict=True):
        for number, part in enumerate(own):
            row, ref = next(free), secrets.token_urlsafe(16)
            media = _json([text.media[place] for place in part.media])
            rows.append((
                row, message, number, part.body, media, text.as_mms, part.credits, ref,
                line.twilio_id, "waiting",
            ))  # fmt: skip
            lane = f"text:{line.number}:{text.number}"
            deliveries.append(
                outbox.Item(f"text:{ref}", "twilio.message", {"part": row}, lane, pace)
            )
    insert(Part, PART, rows)
    return deliveries


def _other(text: Leaving) -> str | None:
    """The number it goes to, where that is not the contact's usual one."""
    return None if text.number == text.thread.number else text.number


def _new(texts: Iterable[tuple[int, Leaving]]) -> list[tuple[int, Thread]]:
    """The messages that are to have a copy in their thread. What a SmartPlan writes to somebody
    who has no thread waits until there is one: see conversations.open_quietly."""
    return [
        (message, text.thread)
        for message, text in texts
        if text.card_ts is None and (text.thread.is_there or not text.automated)
    ]


def _count(texts: Sequence[Leaving]) -> None:
    kinds = Counter(text.price.kind for text in texts)
    for kind, number in sorted(kinds.items()):
        tally.count("texts_total", f'direction="out",kind="{kind}"', number)
    tally.count("credits_total", 'direction="out"', sum(text.price.credits for text in texts))


def _json(media: Any) -> str:
    return json.dumps(list(media), separators=(",", ":")) if media else "[]"
