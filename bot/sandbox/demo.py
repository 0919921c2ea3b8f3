"""`flask demo`: web, worker and the sandbox in one process tree, and a short scene to look at."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import requests

from bot.sandbox import Sandbox, wait
from bot.sandbox.slack import Post
from bot.sandbox.terminal import Terminal
from ledger import database
from ledger.models import Entry

LINE = "+14155550100"
ANN, BEN, LONDON, GONE = "+14155550123", "+14155550124", "+442079460000", "+14155550199"
BIN = Path(sys.executable).parent


def play(*, once: bool, port: int) -> int:
    """Plays the scene; with `once` it ends by itself. Returns 0 if the books hold."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            print(f"Port {port} is in use. Choose another: flask demo --port {port + 1}")
            return 2
    stage = Path(tempfile.mkdtemp(prefix="partyline-demo-"))
    with Sandbox(f"http://127.0.0.1:{port}") as sandbox:
        environ = os.environ | {
            **sandbox.settings(),
            "DATABASE_URL": f"sqlite:///{stage / 'demo.db'}",
            "PUBLIC_URL": sandbox.app_url,
            "SECRET_KEY": "a secret for the demo",
        }
        agent = sandbox.slack.add_user("Dana")
        channel = sandbox.slack.add_channel("leads")
        sandbox.twilio.add_number(LINE)
        _flask(environ, "migrate")
        _flask(
            environ, "setup", "--account", "Harbor Homes", "--timezone", "America/New_York",
            "--owner", agent, "--line", LINE, "--channel", channel, "--credits", "250",
        )  # fmt: skip
        log = (stage / "log.txt").open("w")
        commands: list[list[str | Path]] = [_web(port), [BIN / "flask", "worker"]]
        house = [
            subprocess.Popen(command, env=environ, stdout=log, stderr=log, start_new_session=True)
            for command in commands
        ]
        try:
            wait(lambda: _ready(sandbox.app_url, house), timeout_s=30)
            _scene(sandbox, agent, channel)
            print(_books(environ["DATABASE_URL"]))
            if not once:
                _stay(sandbox, stage, agent, channel)
            return subprocess.run([BIN / "flask", "audit"], env=environ, check=False).returncode
        except KeyboardInterrupt:
            return 0
        finally:
            for process in house:
                os.killpg(process.pid, signal.SIGTERM)
            for process in house:
                process.wait(20)


def _scene(sandbox: Sandbox, agent: str, channel: str) -> None:
    slack, twilio = sandbox.slack, sandbox.twilio
    twilio.outcome(GONE, "undelivered", 30005)
    print("Three people text (415) 555-0100 …")
    for sender, body, city in (
        (ANN, "Hi! Is the house on Elm Street still for sale?", "OAKLAND"),
        (BEN, "Can we see it on Saturday? 🏡", "SAN JOSE"),
        (LONDON, "Moving over from London in May, may I call?", "LONDON"),
    ):
        twilio.text(sender, LINE, body, FromCity=city)
    wait(lambda: len(_replies(sandbox, channel)) == 3, timeout_s=30)

    for typed in (
        f"{ANN} Hi Ann, it is. Would 3 pm tomorrow suit you?",
        f"{BEN} Saturday at 11 works, see you there 😀",
        f"{LONDON} Of course: call any time after 9 am your time.",
        f"{GONE} Your keys are ready.",
    ):
        print(f"\nDana types: /text {typed}")
        card = slack.command(agent, channel, "/text", typed).shown
        assert card is not None
        print(_indented(card.plain()))
        slack.press(agent, card, "Send")
        _wait_for_the_answer(card)
    wait(lambda: _told(sandbox, channel) == 4, timeout_s=60)

    print(f"\n#leads, as Slack shows it\n{'=' * 60}")
    for root in slack.channel(channel):
        print(root.plain())
        for reply in slack.thread(channel, root.ts)[1:]:
            print(_indented(reply.plain()))
        print("-" * 60)
    print("\nThe phones")
    for number in (ANN, BEN, LONDON, GONE):
        print(f"  {number}")
        for line in twilio.phone(number):
            print(f"    {line}")


def _wait_for_the_answer(card: Post) -> None:
    wait(lambda: card.edited)


def _replies(sandbox: Sandbox, channel: str) -> list[Post]:
    with sandbox.slack.lock:
        return [post for post in sandbox.slack.channels[channel].posts if post.thread_ts]


def _told(sandbox: Sandbox, channel: str) -> int:
    """How many texts out Slack shows with the last of their states."""
    ends = ("Delivered", "Not delivered")
    return sum(any(f" · {end}" in p.plain() for end in ends) for p in _replies(sandbox, channel))


def _books(url: str) -> str:
    """The ledger as readable text."""
    database.bind(url)
    with database.session():
        entries = Entry.select().order_by(Entry.number)
        lines = [
            f"  {e.number:>3}  {e.kind:<10} {e.amount:>+5}  balance {e.balance:>4}  {e.actor}"
            for e in entries
        ]
    return "\n".join(["\nThe ledger", *lines])


def _stay(sandbox: Sandbox, stage: Path, agent: str, channel: str) -> None:
    account = sandbox.twilio.account_sid
    print(
        f"\nThe house stays up. Its log: {stage / 'log.txt'}\n"
        f"  the app        {sandbox.app_url}/readyz\n"
        f"  Twilio's list  {sandbox.twilio.origin}/2010-04-01/Accounts/{account}/Messages.json\n"
        f"                 (user {account}, password {sandbox.twilio.auth_token})\n"
        f"  Slack's list   {sandbox.slack.api_url}conversations.history?channel={channel}"
        f"&token={sandbox.slack.token}"
    )
    Terminal(sandbox, agent, channel, LINE).read(sys.stdin)


def _web(port: int) -> list[str | Path]:
    return [
        BIN / "granian", "--interface", "wsgi", "--factory", "--host", "127.0.0.1",
        "--port", str(port), "--workers", "1", "--blocking-threads", "32", "app:create_app",
    ]  # fmt: skip


def _ready(url: str, house: list[subprocess.Popen[bytes]]) -> bool:
    assert all(process.poll() is None for process in house), "a process of the house has ended"
    try:
        return requests.get(f"{url}/readyz", timeout=2).status_code == 200
    except requests.RequestException:
        return False


def _flask(environ: dict[str, str], *arguments: str) -> str:
    return subprocess.run(
        [BIN / "flask", *arguments], env=environ, check=True, text=True, capture_output=True
    ).stdout


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
