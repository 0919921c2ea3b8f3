"""Accepted inbound webhooks a second, by server and database, beside a bare Flask route."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

import requests

from ledger import database
from tests import databases
from tests.bench import load
from tests.faults.processes import ROOT, free_port

BIN = Path(sys.executable).parent
COUNT, ROUNDS, CONNECTIONS = 4000, 3, 64
TOKEN, PUBLIC = "token-of-the-bench", "https://texts.example.com"
THREADS = 32
SERVERS = {
    "granian": lambda port: [
        BIN / "granian", "--interface", "wsgi", "--factory", "--host", "127.0.0.1", "--port",
        str(port), "--workers", "1", "--blocking-threads", str(THREADS), "--no-ws",
    ],
    "gunicorn": lambda port: [
        BIN / "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "1", "--worker-class",
        "gthread", "--threads", str(THREADS), "--keep-alive", "30",
    ],
    "waitress": lambda port: [
        BIN / "waitress-serve", "--listen", f"127.0.0.1:{port}", "--threads", str(THREADS),
        "--call",
    ],
}  # fmt: skip


def environ(url: str) -> dict[str, str]:
    """The settings of the app that is measured."""
    return os.environ | {
        "DATABASE_URL": url, "PUBLIC_URL": PUBLIC, "SECRET_KEY": "a secret of the bench",
        "SLACK_BOT_TOKEN": "xoxb-bench", "SLACK_SIGNING_SECRET": "bench",
        "TWILIO_ACCOUNT_SID": "ACbench", "TWILIO_AUTH_TOKEN": TOKEN, "LOG_FORMAT": "json",
    }  # fmt: skip


def webhook(path: str = "/twilio/sms") -> bytes:
    """One signed inbound text, as long and as full of fields as Twilio's."""
    sid = "SM" + secrets.token_hex(16)
    form = {
        "ToCountry": "US", "ToState": "CA", "SmsMessageSid": sid, "NumMedia": "0", "ToCity": "",
        "FromZip": "94105", "SmsSid": sid, "FromState": "CA", "SmsStatus": "received",
        "FromCity": "SAN FRANCISCO", "Body": "Is the house on Elm Street still for sale?",
        "FromCountry": "US", "To": "+14155550100", "ToZip": "", "NumSegments": "1",
        "MessageSid": sid, "AccountSid": "ACbench", "From": f"+1415{secrets.randbelow(10**7):07d}",
        "ApiVersion": "2010-04-01",
    }  # fmt: skip
    signed = PUBLIC + path + "".join(k + form[k] for k in sorted(form))
    digest = hmac.new(TOKEN.encode(), signed.encode(), hashlib.sha1).digest()
    return load.post(
        path,
        urlencode(form).encode(),
        {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Twilio-Signature": base64.b64encode(digest).decode(),
        },
    )


def measure(server: str, target: str, url: str, path: str) -> float:
    """The best of some rounds, in requests a second."""
    port = free_port()
    command = SERVERS[server](port)
    spelled = f"{target}()" if server == "gunicorn" else target
    process = subprocess.Popen(
        [*command, spelled], cwd=ROOT, env=environ(url), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(200):
            try:
                requests.get(f"http://127.0.0.1:{port}/healthz", timeout=1)
                break
            except requests.RequestException:
                time.sleep(0.05)
        load.fire(port, [webhook(path) for _ in range(400)], CONNECTIONS)  # warm
        best = 0.0
        for _ in range(ROUNDS):
            rate, failed = load.fire(port, [webhook(path) for _ in range(COUNT)], CONNECTIONS)
            assert not failed, f"{failed} of {COUNT} were not accepted"
            best = max(best, rate)
        return best
    finally:
        process.terminate()
        process.wait(20)


def run() -> str:
    """The table, as Markdown."""
    rows = []
    for server in SERVERS:
        bare = measure(server, "tests.bench.bare:create_app", "sqlite:///unused.db", "/twilio/sms")
        cells = [server, f"{bare:,.0f}"]
        for engine in databases.ENGINES:
            url = databases.fresh(engine, durable=True)
            rate = measure(server, "app:create_app", url, "/twilio/sms")
            cells.append(f"{rate:,.0f} ({rate / bare:.2f})")
        rows.append(cells)
    database.db.close_all()
    lines = ["| server | bare Flask route | SQLite | PostgreSQL |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(
        [
            "## Webhooks accepted a second",
            "",
            f"A signed `POST /twilio/sms` of 19 fields: signature, insert, durable commit, answer; "
            f"best of {ROUNDS} rounds of {COUNT:,}, 64 connections, one server process with "
            f"{THREADS} threads, client on the same cores. In brackets: the share of a bare Flask "
            "route that reads the same form and answers the same, on the same server.",
            "",
            *lines,
        ]
    )
