"""Deliveries a second, beside a bare requests.Session that posts the same to the same stand-in."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import requests

import app as wiring
from bot import clock, config
from bot.carriers import RATES, Rate, Timing
from bot.team import opening
from bot.texts import drafts, sending
from bot.worker import Worker
from ledger import database
from tests import databases
from tests.bench.webhooks import environ
from tests.faults.processes import ROOT, free_port

COUNT, HANDS = 600, 8
LINE = "+14155550100"


def run() -> str:
    """The table, as Markdown."""
    port = free_port()
    peer = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.peer", str(port)], cwd=ROOT, stdout=subprocess.PIPE
    )
    try:
        assert peer.stdout is not None
        peer.stdout.readline()
        bare = max(_bare(port) for _ in range(3))
        rows = [f"| a bare `requests.Session` | {bare:,.0f} | 1 |"]
        for engine in databases.ENGINES:
            rate = _ours(engine, port)
            rows.append(f"| partyline, {engine} | {rate:,.0f} | {rate / bare:.2f} |")
    finally:
        peer.terminate()
        peer.wait()
    return "\n".join(
        [
            "## Deliveries a second",
            "",
            f"{COUNT} texts to as many people, {HANDS} threads, to one stand-in for Twilio in a "
            "process of its own on the same two cores. Partyline claims each with a lease, checks "
            "the opt-out again, calls through Twilio's SDK, and records the outcome durably.",
            "",
            "| who | a second | share |",
            "|---|---|---|",
            *rows,
        ]
    )


def _bare(port: int) -> float:
    url = f"http://127.0.0.1:{port}/2010-04-01/Accounts/ACbench/Messages.json"
    local = threading.local()

    def post(n: int) -> None:
        session = getattr(local, "session", None)
        if session is None:
            session = local.session = requests.Session()
        form = {"To": f"+1415555{n:04d}", "From": LINE, "Body": "Hello", "ValidityPeriod": "14400",
                "StatusCallback": "https://texts.example.com/twilio/status?ref=abc"}  # fmt: skip
        answer = session.post(url, data=form, auth=("ACbench", "token-of-the-bench"), timeout=10)
        assert answer.status_code == 201

    began = time.perf_counter()
    with ThreadPoolExecutor(HANDS) as pool:
        list(pool.map(post, range(COUNT)))
    return COUNT / (time.perf_counter() - began)


def _ours(engine: str, port: int) -> float:
    url = databases.fresh(engine, durable=True)
    settings = config.load({**environ(url), "TWILIO_API_URL": f"http://127.0.0.1:{port}"})
    bound = database.bind(url)
    opening.setup(
        account="Bench", timezone="UTC", owner="U1", line=LINE, channel="C1",
        opening_credits=1_000_000,
    )  # fmt: skip
    for n in range(COUNT):
        offer = drafts.quote("U1", "C1", f"+1415555{n:04d} Hello", clock.now())
        sending.send(offer.draft_id, offer.version, "U1", clock.now())
    with database.session():  # Slack's half is left out of this measurement
        tomorrow = clock.now() + timedelta(days=1)
        database.query("UPDATE lane SET due_at = %s WHERE name LIKE %s", tomorrow, "thread:%")
    rates = {name: Rate(0.001, 10_000) for name in RATES}
    worker = Worker(
        {}, wiring.carriers(settings),
        Timing(rates=rates), jobs=[], hands=HANDS,
    )  # fmt: skip
    began = time.perf_counter()
    thread = threading.Thread(target=worker.run)
    thread.start()
    while _left():
        time.sleep(0.02)
    took = time.perf_counter() - began
    worker.stop()
    thread.join()
    bound.close_all()
    return COUNT / took


def _left() -> int:
    with database.session():
        left = "SELECT COUNT(*) FROM delivery WHERE kind = 'twilio.message' AND state <> 'done'"
        return int(database.query(left).fetchone()[0])
