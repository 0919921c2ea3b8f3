"""Proves that texts, calls and credits agree, beside the ledger's own proof."""

from __future__ import annotations

from collections.abc import Iterator

from ledger import audit as ledger_audit
from ledger.audit import Fault
from ledger.database import query, session

# Each asks for rows that must not be: (account's name, what was found).
CHARGED_ONCE = """
    SELECT account.name, message.direction, message.id, message.credits, COUNT(entry.id),
           COALESCE(SUM(entry.amount), 0)
    FROM message
    JOIN conversation ON conversation.id = message.conversation_id
    JOIN line ON line.id = conversation.line_id
    JOIN account ON account.id = line.account_id
    LEFT JOIN entry ON entry.message = message.id AND entry.account_id = account.id
                   AND entry.kind IN ('charge_in', 'charge_out')
    GROUP BY account.name, message.direction, message.id, message.credits
    HAVING COUNT(entry.id) <> 1 OR COALESCE(SUM(entry.amount), 0) <> -message.credits"""
CHARGED_FOR_NOTHING = """
    SELECT account.name, entry.key FROM entry
    JOIN account ON account.id = entry.account_id
    LEFT JOIN message ON message.id = entry.message
    WHERE entry.kind IN ('charge_in', 'charge_out') AND message.id IS NULL"""
REFUNDED_AS_SAID = """
    SELECT account.name, message.id, message.refunded, COALESCE(SUM(entry.amount), 0)
    FROM message
    JOIN conversation ON conversation.id = message.conversation_id
    JOIN line ON line.id = conversation.line_id
    JOIN account ON account.id = line.account_id
    LEFT JOIN entry ON entry.message = message.id AND entry.kind = 'refund'
    GROUP BY account.name, message.id, message.refunded
    HAVING COALESCE(SUM(entry.amount), 0) <> message.refunded"""
SHARES = """
    SELECT account.name, message.id, message.credits, SUM(part.credits)
    FROM message
    JOIN part ON part.message_id = message.id
    JOIN conversation ON conversation.id = message.conversation_id
    JOIN line ON line.id = conversation.line_id
    JOIN account ON account.id = line.account_id
    GROUP BY account.name, message.id, message.credits
    HAVING SUM(part.credits) <> message.credits"""
CALLS = """
    SELECT account.name, call.call_sid, call.credits, COUNT(entry.id),
           COALESCE(SUM(entry.amount), 0)
    FROM call
    JOIN line ON line.id = call.line_id
    JOIN account ON account.id = line.account_id
    LEFT JOIN entry ON entry.message = call.id AND entry.account_id = account.id
                   AND entry.kind = 'charge_call'
    GROUP BY account.name, call.call_sid, call.credits
    HAVING COALESCE(SUM(entry.amount), 0) <> -call.credits OR COUNT(entry.id) > 1"""
CALLS_UNKNOWN = """
    SELECT account.name, entry.key FROM entry
    JOIN account ON account.id = entry.account_id
    LEFT JOIN call ON call.id = entry.message AND entry.key = 'call:' || call.call_sid
    WHERE entry.kind = 'charge_call' AND call.id IS NULL"""
LEFT_BEHIND = """
    SELECT account.name, part.ref FROM part
    JOIN message ON message.id = part.message_id
    JOIN conversation ON conversation.id = message.conversation_id
    JOIN line ON line.id = conversation.line_id
    JOIN account ON account.id = line.account_id
    LEFT JOIN delivery ON delivery.key = 'text:' || part.ref
    WHERE part.status = 'waiting'
      AND (delivery.id IS NULL OR delivery.state IN ('done', 'failed'))"""


def prove() -> list[Fault]:
    """Every fault in the books and in what they were kept for; an empty list is the proof."""
    return [*ledger_audit.prove(), *_prove_texts()]


def _prove_texts() -> Iterator[Fault]:
    with session():
        for name, direction, message, price, charges, sum_ in query(CHARGED_ONCE).fetchall():
            found = f"{direction} {message}: {price} credits, {charges} charge(s) of {-sum_}"
            yield Fault(name, "every text has exactly one charge, of its price", found)
        for name, key in query(CHARGED_FOR_NOTHING).fetchall():
            yield Fault(name, "no charge without a text", key)
        for name, message, said, booked in query(REFUNDED_AS_SAID).fetchall():
            yield Fault(name, "refunds are as the text says", f"{message}: {said}, {booked} booked")
        for name, sid, price, charges, sum_ in query(CALLS).fetchall():
            found = f"{sid}: {price} credits, {charges} charge(s) of {-sum_}"
            yield Fault(name, "every call is charged once, for its minutes", found)
        for name, key in query(CALLS_UNKNOWN).fetchall():
            yield Fault(name, "no charge without a call", key)
        for name, message, price, shares in query(SHARES).fetchall():
            yield Fault(name, "parts share the price (R5)", f"{message}: {price}, parts {shares}")
        for name, ref in query(LEFT_BEHIND).fetchall():
            yield Fault(name, "a text that waits has a delivery that will go", ref)
