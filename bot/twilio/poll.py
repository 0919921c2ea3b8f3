"""What Twilio is asked for, because it tells it late or not at all: prices, final statuses."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import structlog
from twilio.rest import Client

from bot import clock, inbox
from bot.lines.models import Line
from bot.talks.models import Call, Message, Part
from bot.texts import receipts
from bot.twilio.accounts import Accounts
from bot.twilio.deliver import not_read
from bot.twilio.inbound import fate
from ledger.database import session, transaction

log = structlog.get_logger()

OVERLAP = timedelta(minutes=15)  # Twilio's list may run behind
PRICED_AFTER = timedelta(hours=24)
PAGE = 1000  # messages, Twilio's most
MOST_MICROS = 2**31  # of one text or call: what the column holds


def prices(accounts: Accounts) -> int:
    """Notes Twilio's own prices, which come up to a day after the text, for the margin report.

    Reads the list of each line since the last time. Returns of how many texts it learnt one.
    """
    until = clock.now() - PRICED_AFTER
    with session():
        lines = [line for line in Line.select() if (line.priced_until or line.made_at) < until]
    known = set(accounts.sids())
    return sum(
        _read_prices(accounts, line, until)
        for line in lines if (line.twilio_id or accounts.main) in known
    )  # fmt: skip


def _read_prices(accounts: Accounts, line: Line, until: datetime) -> int:
    since = line.priced_until or line.made_at
    try:
        client = accounts.client(line.twilio_id)
        listed = [
            message
            for end in ({"to": line.number}, {"from_": line.number})
            for message in client.messages.list(
                date_sent_after=since - OVERLAP, date_sent_before=until, page_size=PAGE, **end
            )
        ]
        calls = _call_prices(client, line, since, until)
    except Exception as error:
        not_read("prices.not_told", error, line_id=line.id)
        return 0
    _note_calls(calls)
    priced = {str(message.sid): micros(message.price) for message in listed}
    known = [(sid, price) for sid, price in priced.items() if price is not None]
    for at in range(0, len(known), PAGE):
        _note_prices(known[at : at + PAGE])
    _priced_until(line, until)
    return len(known) + len(calls)


def _call_prices(client: Client, line: Line, since: datetime, until: datetime) -> dict[str, int]:
    """What calls cost, by their SIDs: as they came in, and as they went on to a phone."""
    if line.calls_until is None:
        return {}
    listed = client.calls.list(
        to=line.number, start_time_after=since - OVERLAP, start_time_before=until, page_size=PAGE
    )
    priced = {str(call.sid): micros(call.price) for call in listed}
    prices = {sid: price for sid, price in priced.items() if price is not None}
    with session():
        here = Call.call_sid.in_(list(prices)) & Call.forwarded_to.is_null(False)
        forwarded = [call.call_sid for call in Call.select(Call.call_sid).where(here)]
    for sid in forwarded:
        for leg in client.calls.list(parent_call_sid=sid):
            prices[sid] += micros(leg.price) or 0
    return prices


@transaction
def _note_calls(prices: dict[str, int]) -> None:
    for sid, price in sorted(prices.items()):
        Call.update(price_micros=price).where(Call.call_sid == sid).execute()


def micros(price: str | float | None) -> int | None:
    """Twilio's price, which is below zero where it costs, in millionths: "-0.00830" is 8300. None
    where there is none yet, or none that is one."""
    if price is None:
        return None
    try:
        paid = -int(Decimal(str(price)) * 1_000_000)
    except (ArithmeticError, ValueError):  # no number, or none that ends
        paid = MOST_MICROS
    if abs(paid) < MOST_MICROS:
        return paid
    log.warning("prices.odd", price=str(price)[:20])
    return None


@transaction
def _note_prices(known: list[tuple[str, int]]) -> None:
    for sid, price in sorted(known):
        Part.update(price_micros=price).where(Part.message_sid == sid).execute()
        Message.update(price_micros=price).where(Message.message_sid == sid).execute()


@transaction
def _priced_until(line: Line, until: datetime) -> None:
    Line.update(priced_until=until).where(Line.id == line.id).execute()


def overdue_statuses(accounts: Accounts, refund_undelivered: bool) -> int:
    """Asks what became of texts whose final status never came. Returns how many were asked for."""
    asked = receipts.to_ask(clock.now())
    for sid, twilio in asked:
        try:
            message = accounts.client(twilio).messages(sid).fetch()
        except Exception as error:
            not_read("status.not_told", error)
            continue
        try:
            code = int(message.error_code) if message.error_code else None
            told = fate(message.status, code, refund_undelivered)
            receipts.report(None, sid, told, clock.now(), twilio, asked=True)
        except inbox.Park:
            log.warning("status.not_taken", message_sid=sid)
        except Exception:  # it holds up no other, and is asked for again
            log.exception("status.not_taken", message_sid=sid)
    return len(asked)
