"""Texts through inbox → ledger → outbox with one worker, beside the same rows by hand-made SQL."""

from __future__ import annotations

import json
import time

import app as wiring
from bot import clock, config, inbox
from bot.team import opening
from ledger import database
from ledger.database import query, transaction
from tests import databases
from tests.bench.webhooks import environ

COUNT, PEOPLE = 1500, 300


def run() -> str:
    """The table, as Markdown."""
    rows = []
    for engine in databases.ENGINES:
        ours, by_hand = _ours(engine), _by_hand(engine)
        rows.append(f"| {engine} | {ours:,.0f} | {by_hand:,.0f} | {ours / by_hand:.2f} |")
    return "\n".join(
        [
            "## Texts a second through inbox, ledger and outbox",
            "",
            f"{COUNT:,} texts of {PEOPLE} people to one line, one worker, a commit a text: contact "
            "and conversation found, message, price, charge with its checks, thread, queued post, "
            "counters, inbox row done. Beside it the same rows by hand-made SQL that checks "
            "nothing, in a commit a text.",
            "",
            "| engine | partyline | hand-made SQL | share |",
            "|---|---|---|---|",
            *rows,
        ]
    )


def _sender(n: int) -> str:
    return f"+1415555{n % PEOPLE:04d}"


def _ours(engine: str) -> float:
    url = databases.fresh(engine, durable=True)
    settings = config.load(environ(url))
    bound = database.bind(url)
    opening.setup(
        account="Bench", timezone="UTC", owner="U1", line="+14155550100", channel="C1",
        opening_credits=1_000_000,
    )  # fmt: skip
    handlers = wiring.handlers(settings)
    for n in range(COUNT):
        form = [
            ("MessageSid", f"SM{n:032d}"), ("From", _sender(n)), ("To", "+14155550100"),
            ("Body", f"Is house number {n} still for sale?"), ("NumMedia", "0"),
        ]  # fmt: skip
        inbox.save(f"SM{n:032d}", "twilio.sms", f"from:{_sender(n)}", {"form": form, "query": {}})
    began = time.perf_counter()
    while inbox.work_one(handlers, 5):
        pass
    took = time.perf_counter() - began
    bound.close_all()
    return COUNT / took


def _by_hand(engine: str) -> float:
    bound = database.bind(databases.fresh(engine, durable=True))
    opening.setup(
        account="Bench", timezone="UTC", owner="U1", line="+14155550100", channel="C1",
        opening_credits=1_000_000,
    )  # fmt: skip
    people: dict[str, int] = {}

    @transaction
    def one(n: int) -> None:
        now, sender = clock.now(), _sender(n)
        if sender not in people:
            contact = query(
                "INSERT INTO contact (account_id, number, made_at) VALUES (1, %s, %s) RETURNING id",
                sender, now,
            ).fetchone()[0]  # fmt: skip
            people[sender] = query(
                "INSERT INTO conversation (line_id, contact_id, state, channel, made_at)"
                " VALUES (1, %s, 'open', 'C1', %s) RETURNING id", contact, now,
            ).fetchone()[0]  # fmt: skip
        talk = people[sender]
        message = query(
            "INSERT INTO message (conversation_id, direction, body, media, kind, credits, refunded,"
            " carrier_segments, status, message_sid, in_channel, made_at) VALUES"
            " (%s, 'in', %s, '[]', 'sms', 1, 0, 1, 'received', %s, %s, %s) RETURNING id",
            talk, f"Is house number {n} still for sale?", f"SM{n:032d}", False, now,
        ).fetchone()[0]  # fmt: skip
        query(
            "INSERT INTO entry (account_id, number, period_id, key, kind, amount, balance, message,"
            " reason, actor, made_at) VALUES (1, %s, 1, %s, 'charge_in', -1, %s, %s, 'text in',"
            " 'twilio', %s)", n + 2, f"in:SM{n:032d}", 999_999 - n, message, now,
        )  # fmt: skip
        query("UPDATE account SET balance = balance - 1, entries = entries + 1 WHERE id = 1")
        query("UPDATE period SET used = used + 1 WHERE id = 1")
        query("UPDATE credit_grant SET remaining = remaining - 1 WHERE id = 1")
        query(
            "UPDATE conversation SET waiting_since = %s, last_text_at = %s WHERE id = %s",
            now, now, talk,
        )  # fmt: skip
        lane = f"thread:{talk}"
        query(
            "INSERT INTO lane (name, due_at, has_slot) VALUES (%s, %s, %s)"
            " ON CONFLICT (name) DO NOTHING", lane, now, False,
        )  # fmt: skip
        query(
            "INSERT INTO delivery (key, kind, lane, pace, payload, state, tries, looks, due_at,"
            " made_at) VALUES (%s, 'slack.post', %s, 'channel:C1', %s, 'queued', 0, 0, %s, %s)",
            f"post:{message}", lane, json.dumps({"message": message}), now, now,
        )  # fmt: skip
        query(
            "INSERT INTO inbox (key, kind, lane, payload, state, tries, due_at, received_at,"
            " done_at) VALUES (%s, 'twilio.sms', %s, '{}', 'done', 0, %s, %s, %s)",
            f"SM{n:032d}", f"from:{sender}", now, now, now,
        )  # fmt: skip

    began = time.perf_counter()
    for n in range(COUNT):
        one(n)
    took = time.perf_counter() - began
    bound.close_all()
    return COUNT / took
