"""What an account's SmartPlans did on a day, and what they will do today: for its digest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from bot.words import count, escape
from ledger.database import query
from ledger.reports import Span

TEXTS = """
    SELECT COUNT(*) FROM entry JOIN message ON message.id = entry.message
    WHERE entry.account_id = %s AND entry.made_at >= %s AND entry.made_at < %s
      AND entry.kind = 'charge_out' AND message.automated
      AND NOT EXISTS (SELECT 1 FROM call WHERE call.text_back_id = message.id)"""
LETTERS = """
    SELECT COUNT(*) FROM letter
    WHERE account_id = %s AND made_at >= %s AND made_at < %s AND enrollment_id IS NOT NULL"""
REMINDERS = LETTERS.replace("letter", "reminder")
OPEN = "SELECT COUNT(*) FROM reminder WHERE account_id = %s AND state = 'open'"
# The first condition is that of the index by account.
PLANS = """
    SELECT id, name, short_since FROM smart_plan
    WHERE account_id = %s AND state <> 'archived' AND state = 'on' ORDER BY id"""
DUE = """
    SELECT COUNT(*) FROM enrollment
    WHERE plan_id = %s AND state = 'active' AND kind = %s AND due_at < %s"""
KINDS = (("text", "text"), ("email", "e-mail"), ("reminder", "reminder"))


def facts(account_id: int, yesterday: Span, midnight: datetime) -> Iterator[tuple[str, str]]:
    """What they did yesterday and will do before midnight, as pairs of a label and what it says."""
    day = (account_id, yesterday.starts_at, yesterday.ends_at)
    done = [query(each, *day).fetchone()[0] for each in (TEXTS, LETTERS, REMINDERS)]
    if said := _amounts(done):
        yield "SmartPlans sent", said
    plans = query(PLANS, account_id).fetchall()
    due = [
        sum(query(DUE, plan, kind, midnight).fetchone()[0] for plan, *_ in plans)
        for kind, _ in KINDS
    ]
    short = [f"“{escape(name)}” waits for credits" for _, name, since in plans if since is not None]
    if said := "; ".join(part for part in (_amounts(due), *short) if part):
        yield "SmartPlans today", said
    if waiting := query(OPEN, account_id).fetchone()[0]:
        yield "Reminders", f"{waiting:,} open"


def _amounts(numbers: Iterable[int]) -> str:
    """ "12 texts, 1 reminder"; "" for nothing."""
    named = zip(numbers, KINDS, strict=True)
    return ", ".join(count(number, thing) for number, (_, thing) in named if number)
