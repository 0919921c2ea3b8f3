"""Pictures of 5 MB through /media/…: how fast they stream, and how little of them is held."""

from __future__ import annotations

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from bot import clock
from bot.contacts.models import Contact
from bot.lines.models import Line
from bot.sandbox import Sandbox
from bot.talks.models import Conversation, Message, Part
from bot.texts import media_links
from ledger import database
from ledger.database import transaction
from ledger.models import Account
from tests import databases, pictures
from tests.bench import webhooks
from tests.faults.processes import ROOT, free_port

SIZE, COUNT, AT_ONCE = 5_000_000, 64, 16


def run() -> str:
    """The table, as Markdown."""
    with Sandbox() as sandbox:
        file = sandbox.slack.add_file("U1", "house.jpg", pictures.jpeg(SIZE))
        told = sandbox.slack.described(file)
        url = databases.fresh("sqlite")
        database.bind(url)
        media = {
            "file": file.id, "name": file.name, "type": "image/jpeg", "size": SIZE,
            "url": told["url_private"],
        }  # fmt: skip
        part = _part(media)
        port = free_port()
        environ = webhooks.environ(url) | {
            "SLACK_API_URL": sandbox.slack.api_url, "SLACK_BOT_TOKEN": sandbox.slack.token,
        }  # fmt: skip
        process = subprocess.Popen(
            [*webhooks.SERVERS["granian"](port), "app:create_app"], cwd=ROOT, env=environ,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            here = f"http://127.0.0.1:{port}"
            _until(f"{here}/healthz")
            link = media_links.link(environ["SECRET_KEY"], here, part.id, 0, media)
            _fetch(link, {})
            before, _ = _memory(process.pid)
            through = _rate(link, {})
            _, peak = _memory(process.pid)
        finally:
            process.terminate()
            process.wait(20)
        direct = _rate(told["url_private"], {"Authorization": f"Bearer {sandbox.slack.token}"})
    database.db.close_all()
    return "\n".join([
        "## Pictures on their way to Twilio",
        "",
        f"{COUNT} downloads of {SIZE / 1e6:.0f} MB, {AT_ONCE} at once, from granian with "
        f"{webhooks.THREADS} threads, which streams them from a stand-in for Slack in the client's "
        "process; beside it the same downloads from the stand-in itself. Held whole, "
        f"{AT_ONCE} at once were {AT_ONCE * SIZE / 1e6:.0f} MB.",
        "",
        "| | MB a second | memory of the server, at rest and at most |",
        "|---|---|---|",
        f"| through /media | {through:,.0f} ({through / direct:.2f}) | {before:.0f} MB, "
        f"{peak:.0f} MB |",
        f"| from the stand-in | {direct:,.0f} | |",
    ])  # fmt: skip


@transaction
def _part(media: dict[str, object]) -> Part:
    now = clock.now()
    account = Account.create(name="Bench", timezone="UTC", created_at=now)
    line = Line.create(
        account=account, number="+14155550100", channel="C1", read_until=now, made_at=now
    )
    contact = Contact.create(account=account, number="+14155550123", made_at=now)
    talk = Conversation.create(line=line, contact=contact, channel="C1", made_at=now)
    message = Message.create(
        conversation=talk, direction="out", body="", media=[media], kind="mms", credits=3,
        carrier_segments=1, status="waiting", made_at=now,
    )  # fmt: skip
    return Part.create(
        message=message, number=0, body="", media=[media], credits=3, ref="bench"
    )  # fmt: skip


def _rate(url: str, headers: dict[str, str]) -> float:
    """Megabytes a second."""
    began = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        got = sum(pool.map(lambda _: _fetch(url, headers), range(COUNT)))
    assert got == COUNT * SIZE
    return got / 1e6 / (time.perf_counter() - began)


def _fetch(url: str, headers: dict[str, str]) -> int:
    with requests.get(url, headers=headers, stream=True, timeout=60) as answer:
        assert answer.status_code == 200, answer.status_code
        return sum(len(chunk) for chunk in answer.iter_content(256 * 1024))


def _memory(pid: int) -> tuple[float, float]:
    """Megabytes of a process and its children: now, and at most since they began."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    now = peak = 0.0
    for one in (str(pid), *children):
        told = dict(
            line.split(":", 1) for line in Path(f"/proc/{one}/status").read_text().splitlines()
        )
        now += int(told["VmRSS"].split()[0]) / 1e3
        peak += int(told["VmHWM"].split()[0]) / 1e3
    return now, peak


def _until(url: str) -> None:
    for _ in range(400):
        try:
            requests.get(url, timeout=1)
            return
        except requests.RequestException:
            time.sleep(0.05)
    raise AssertionError(f"{url} never answered")
