"""Cold start: from nothing to a web process that answers and a worker that works."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import requests

from bot.models import Heartbeat
from ledger import database
from tests import databases
from tests.bench.webhooks import SERVERS, environ
from tests.faults.processes import ROOT, free_port

ROUNDS = 5
BIN = Path(sys.executable).parent


def run() -> str:
    """The table, as Markdown."""
    web, worker = (
        statistics.median(_web() for _ in range(ROUNDS)),
        statistics.median(_worker() for _ in range(ROUNDS)),
    )
    return "\n".join(
        [
            "## Cold start",
            "",
            f"Median of {ROUNDS}, on SQLite: until the web process answers /healthz, until the "
            "worker has said that it is alive.",
            "",
            "| process | seconds |",
            "|---|---|",
            f"| web | {web:.2f} |",
            f"| worker | {worker:.2f} |",
        ]
    )


def _web() -> float:
    url, port = databases.fresh("sqlite"), free_port()
    began = time.perf_counter()
    process = subprocess.Popen(
        [*SERVERS["granian"](port), "app:create_app"], cwd=ROOT, env=environ(url),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while True:
            try:
                requests.get(f"http://127.0.0.1:{port}/healthz", timeout=1)
                return time.perf_counter() - began
            except requests.RequestException:
                time.sleep(0.01)
    finally:
        process.terminate()
        process.wait()


def _worker() -> float:
    url = databases.fresh("sqlite")
    bound = database.bind(url)
    began = time.perf_counter()
    process = subprocess.Popen(
        [BIN / "flask", "worker"], cwd=ROOT, env={**os.environ, **environ(url)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while True:
            with database.session():
                if Heartbeat.select().exists():
                    return time.perf_counter() - began
            time.sleep(0.01)
    finally:
        process.terminate()
        process.wait()
        bound.close_all()
