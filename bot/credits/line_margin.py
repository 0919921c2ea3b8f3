"""What each line brings in credits, beside what Twilio bills for its texts and calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from ledger.database import query, session
from ledger.reports import Span

LINES = """
    SELECT line.id, account.name, account.timezone, line.number, line.twilio_id, line.price_cents
    FROM line JOIN account ON account.id = line.account_id
    WHERE line.released_at IS NULL OR line.released_at >= %s
    ORDER BY account.name, line.number"""
# Parts carry Twilio's price of a text out, the message itself that of a text in.
TEXTS = """
    SELECT direction, COUNT(*), SUM(credits), SUM(segments), SUM(price), COUNT(price)
    FROM (
        SELECT message.direction, message.credits - message.refunded AS credits,
               message.carrier_segments AS segments,
               CASE WHEN message.direction = 'in' THEN message.price_micros ELSE (
                   SELECT CASE WHEN COUNT(*) = COUNT(price_micros) THEN SUM(price_micros) END
                   FROM part WHERE part.message_id = message.id
               ) END AS price
        FROM conversation JOIN message ON message.conversation_id = conversation.id
        WHERE conversation.line_id = %s AND message.made_at >= %s AND message.made_at < %s
    ) AS texts GROUP BY direction"""
CALLS = """
    SELECT COUNT(*), SUM(minutes), SUM(credits), SUM(price_micros), COUNT(price_micros)
    FROM call WHERE line_id = %s AND began_at >= %s AND began_at < %s"""


@dataclass
class LineMargin:
    """A line in a month: credits charged, less those given back, and Twilio's prices in millionths
    of its currency, as far as they are known."""

    account: str
    line: str  # its number
    twilio: str | None  # the Twilio account it is in; none: that of the settings
    texts_in: int = 0
    texts_out: int = 0
    calls: int = 0
    minutes: int = 0  # of calls that were forwarded
    credits: int = 0
    segments: int = 0  # the carrier's own count
    texts_micros: int = 0
    calls_micros: int = 0
    unpriced: int = 0  # texts and calls of which Twilio has not told a price yet
    number_charged_cents: int | None = None  # a month, as the operator set it
    number_micros: int | None = None  # what Twilio bills for it
    fees_micros: int | None = None  # the line's part of carriers' fees, by its segments

    @property
    def cost_micros(self) -> int | None:
        """All of it; None while Twilio's bill is not known."""
        if self.number_micros is None or self.fees_micros is None:
            return None
        return self.texts_micros + self.calls_micros + self.number_micros + self.fees_micros


def by_line(month: date) -> Iterator[LineMargin]:
    """Each line of this month, in its account's own time zone; what only Twilio knows is left
    out."""
    with session():
        since = Span.of_month(month, "UTC").starts_at
        for line, name, zone, number, twilio, cents in query(LINES, since).fetchall():
            row = LineMargin(name, number, twilio, number_charged_cents=cents)
            yield _margin(row, line, Span.of_month(month, zone))


def _margin(row: LineMargin, line: int, span: Span) -> LineMargin:
    starts, ends = span.starts_at, span.ends_at
    for direction, texts, credits, segments, price, priced in query(TEXTS, line, starts, ends):
        if direction == "in":
            row.texts_in = int(texts)
        else:
            row.texts_out = int(texts)
        row.credits += int(credits)
        row.segments += int(segments)
        row.texts_micros += int(price or 0)
        row.unpriced += int(texts) - int(priced)
    calls, minutes, credits, price, priced = query(CALLS, line, starts, ends).fetchone()
    row.calls, row.minutes = int(calls), int(minutes or 0)
    row.credits += int(credits or 0)
    row.calls_micros = int(price or 0)
    row.unpriced += int(calls) - int(priced)
    return row
