"""The stage of the demo: the stand-ins, web and worker as processes of their own, and a clock."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import requests

from bot import clock
from bot.credits.models import Digest
from bot.models import Delivery, Inbox
from bot.sandbox import Sandbox, wait
from bot.sandbox.server import Faults
from bot.sandbox.slack.records import Channel, Post
from bot.smartplans.models import Enrollment
from bot.talks.models import Message
from bot.texts.models import Draft
from ledger import database

LINE, ADDRESS = "+14155550100", "office@harbor.example"
KNOWN = ("name,number,tags", "Ann Lee,+14155550123,buyer", "Ben Ortiz,+14155550124,seller")
SETTLED_S = 30
NEW_YORK, SATURDAY = ZoneInfo("America/New_York"), 5
BIN = Path(sys.executable).parent
REAL = ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "TWILIO_AUTH_TOKEN", "SMTP_URL", "SENTRY_DSN")


class RealTokens(Exception):
    """The environment names real accounts; the message says what to do."""


def refuse_real_tokens(environ: Mapping[str, str]) -> None:
    """Raises RealTokens where something real could be reached."""
    if found := [name for name in REAL if environ.get(name)]:
        raise RealTokens(
            f"Set here or in .env: {', '.join(found)}. The demo starts only where nothing real can "
            "be reached. Unset that, or move .env away, and try again."
        )


@dataclass(frozen=True)
class Mischief:
    """A way in which a peer misbehaves while it is switched on."""

    words: str
    what: str  # then happens
    of: Callable[[Sandbox], Faults]
    kind: str
    match: str | None = None
    seconds: float = 2.0


@dataclass(frozen=True)
class Neglect:
    """Something that somebody has set at a peer, and that a line cannot work with; `flask doctor`
    knows of it."""

    words: str
    what: str  # comes of it
    stands: Callable[[Sandbox], bool]
    put: Callable[[Sandbox, bool], None]


def _texts_go_nowhere(sandbox: Sandbox) -> bool:
    held = sandbox.twilio.numbers.get(LINE)
    return held is not None and held.set.get("sms_url") == ""


def _leads(sandbox: Sandbox) -> Channel:
    return next(room for room in sandbox.slack.channels.values() if room.name == "leads")


def _archive(sandbox: Sandbox, on: bool) -> None:
    _leads(sandbox).archived = on


FAULTS: dict[str, Mischief | Neglect] = {
    "slack_slow": Mischief(
        "Slack is slow", "Slack takes 2 seconds for each call: cards change later, none is lost.",
        lambda s: s.slack.faults, "slow",
    ),
    "slack_busy": Mischief(
        "Slack says 429", "Slack takes no calls: threads stand still, and catch up afterwards.",
        lambda s: s.slack.faults, "rate_limit",
    ),
    "twilio_down": Mischief(
        "Twilio says 500", "Twilio takes no texts: they wait, and leave once it does again.",
        lambda s: s.twilio.faults, "error",
    ),
    "twilio_drops": Mischief(
        "Twilio sends, says nothing",
        "Twilio sends a text and hangs up: Partyline looks it up, and never sends it twice.",
        lambda s: s.twilio.faults, "drop_after", "POST Messages",
    ),
    "texts_nowhere": Neglect(
        "Texts go nowhere",
        "At Twilio the number's webhook is gone: in ten minutes #leads is told, and can repair it.",
        _texts_go_nowhere, lambda s, on: s.twilio.point(LINE, "" if on else None),
    ),
    "archived": Neglect(
        "#leads is archived",
        "Nothing can be shown in #leads: Dana is told of texts, and they are posted afterwards.",
        lambda s: _leads(s).archived, _archive,
    ),
}  # fmt: skip


@dataclass
class Calendar:
    """The demo's clock, which every process follows."""

    file: Path

    def to(self, moment: datetime) -> None:
        """Goes ahead to this moment, once nothing is under way; never back."""
        wait(is_quiet, timeout_s=60)
        self.set(moment)

    def set(self, moment: datetime) -> None:
        """Goes ahead to this moment, whatever is under way; never back."""
        before = float(self.file.read_text())
        new = self.file.with_suffix(".new")
        new.write_text(str(max(before, before + (moment - clock.now()).total_seconds())))
        new.replace(self.file)  # whole: another process may read it just now


def is_quiet() -> bool:
    """Whether everything that is due has left, so that no attempt stands still for days."""
    with database.session():
        live = Delivery.state.in_(["queued", "sending", "unknown"])
        going = Message.status.in_(["waiting", "queued", "accepted", "sending", "sent"])
        return not (
            Inbox.select().where(Inbox.state == "new").exists()
            or Delivery.select().where(live).exists()
            or Message.select().where(Message.direction == "out", going).exists()
        )


@dataclass
class Process:
    """A process of the house, which may be killed and started again."""

    name: str
    command: list[str | Path]
    running: subprocess.Popen[bytes] | None = None


class Stage:
    """One account with a line, its people, and an app that serves it."""

    def __init__(self, sandbox: Sandbox, port: int) -> None:
        self.sandbox, self.port = sandbox, port
        self.folder = Path(tempfile.mkdtemp(prefix="partyline-demo-"))
        self.calendar = Calendar(self.folder / "clock")
        self.calendar.file.write_text("0")
        self.log = self.folder / "log.txt"
        self.environ = os.environ | {
            **sandbox.settings(),
            "DATABASE_URL": f"sqlite:///{self.folder / 'demo.db'}",
            "PUBLIC_URL": sandbox.app_url,
            "SECRET_KEY": "a secret for the demo",
            "DEMO_CLOCK": str(self.calendar.file),
            # Nobody who watches likes to wait: for a lease of eleven texts to leave, or for what a
            # killed worker had begun to be looked up.
            "NUMBER_PACE_S": "0.1",
            "ATTEMPT_TIMEOUT_S": "3",
            "LEASE_S": "10",
            "LOOK_AFTER_S": "3",
            "LOOK_APART_S": "3",
        }
        slack = sandbox.slack
        self.agent, self.helper = slack.add_user("Dana"), slack.add_user("Sam")
        self.outsider = slack.add_user("Olga")
        self.roles = {self.agent: "owner", self.helper: "agent", self.outsider: "outsider"}
        self.channel = slack.add_channel("leads")
        sandbox.twilio.add_number(LINE)
        self.web = Process("web", _web(port))
        self.worker = Process("worker", [BIN / "flask", "worker"])
        self.kills = 0
        self._mischief: set[str] = set()  # that is on
        self._lock = threading.Lock()

    def start(self) -> None:
        """Makes the account with a few contacts, and has web and worker up."""
        clock.follow(self.calendar.file)
        self.calendar.set(_noon())  # by day, at which one may text anybody
        self.flask("migrate")
        self.flask(
            "setup", "--account", "Harbor Homes", "--timezone", "America/New_York",
            "--owner", self.agent, "--agent", self.helper, "--line", LINE,
            "--channel", self.channel, "--plan", "starter", "--email", ADDRESS,
        )  # fmt: skip
        known = self.folder / "contacts.csv"
        known.write_text("".join(f"{row}\n" for row in KNOWN))
        self.flask("contacts", "import", str(known), "--account", "Harbor Homes")
        database.bind(self.environ["DATABASE_URL"])
        for process in (self.web, self.worker):
            self._run(process)
        wait(self._ready, timeout_s=30)

    def stop(self) -> None:
        """Stops web and worker, and waits until they are gone."""
        clock.follow(None)
        running = [p.running for p in (self.web, self.worker) if p.running]
        for process in running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in running:
            process.wait(20)

    def kill_worker(self) -> None:
        """Kills the worker as a power cut would, and starts another."""
        with self._lock:
            assert self.worker.running is not None
            os.killpg(self.worker.running.pid, signal.SIGKILL)
            self.worker.running.wait()
            self.kills += 1
            self._run(self.worker)

    def jump(self, moment: datetime) -> None:
        """Has the demo's clock go ahead, once all is done that is under way; then waits until what
        came due is done. Where a fault is switched on, that may never be: it does not wait long."""
        for goes in (None, moment):
            if goes:
                self.calendar.set(goes)
            with contextlib.suppress(AssertionError):
                wait(lambda: not self.busy(), SETTLED_S)

    @property
    def faults(self) -> set[str]:
        """Those that are on; one that somebody has mended is not."""
        stand = {name for name, one in FAULTS.items()
                 if isinstance(one, Neglect) and one.stands(self.sandbox)}  # fmt: skip
        return self._mischief | stand

    def switch(self, name: str) -> None:
        """Switches a fault on, or off again."""
        chosen = FAULTS[name]
        with self._lock:
            if isinstance(chosen, Neglect):
                return chosen.put(self.sandbox, not chosen.stands(self.sandbox))
            self._mischief ^= {name}
            for faults in (self.sandbox.slack.faults, self.sandbox.twilio.faults):
                faults.clear()
            for one in (FAULTS[name] for name in self._mischief):
                if isinstance(one, Mischief):
                    one.of(self.sandbox).add(one.kind, one.match, None, one.seconds)
        return None

    def doctor(self) -> str:
        """What `flask doctor` says."""
        return subprocess.run(
            [BIN / "flask", "doctor"], env=self.environ, check=False, text=True,
            capture_output=True,
        ).stdout  # fmt: skip

    def told(self, user: str, words: str) -> list[Post]:
        """What Partyline has written to this person that says this."""
        room = self.sandbox.slack.channels.get(f"D{user}")
        return [post for post in room.posts if words in post.plain()] if room else []

    def busy(self) -> bool:
        """Whether anything is on its way, in or out, or a step of a plan is due."""
        with database.session():
            due = Enrollment.select().where(Enrollment.due_at <= clock.now()).exists()
        return due or not is_quiet()

    def next_step(self) -> datetime | None:
        """When something happens by itself next: a step of a plan, a scheduled text, a digest."""
        now = clock.now()
        with database.session():
            found = [
                Enrollment.select(Enrollment.due_at).where(Enrollment.due_at > now)
                .order_by(Enrollment.due_at).first(),
                Draft.select(Draft.send_at.alias("due_at")).where(
                    Draft.state == "scheduled", Draft.send_at > now
                ).order_by(Draft.send_at).first(),
                Digest.select(Digest.next_at.alias("due_at")).where(Digest.next_at > now)
                .order_by(Digest.next_at).first(),
            ]  # fmt: skip
        return min((one.due_at for one in found if one), default=None)

    def flask(self, *arguments: str) -> str:
        """Runs a `flask` command on the demo's database. Returns what it printed."""
        return subprocess.run(
            [BIN / "flask", *arguments], env=self.environ, check=True, text=True,
            capture_output=True,
        ).stdout  # fmt: skip

    def audit(self) -> int:
        """Proves the books aloud. Returns 0 if they hold."""
        return subprocess.run([BIN / "flask", "audit"], env=self.environ, check=False).returncode

    def _run(self, process: Process) -> None:
        with self.log.open("a") as log:
            process.running = subprocess.Popen(
                process.command, env=self.environ, stdout=log, stderr=log, start_new_session=True
            )

    def _ready(self) -> bool:
        for process in (self.web, self.worker):
            running = process.running
            assert running and running.poll() is None, f"{process.name} has ended: see {self.log}"
        try:
            return requests.get(f"{self.sandbox.app_url}/readyz", timeout=2).status_code == 200
        except requests.RequestException:
            return False


def _noon() -> datetime:
    """Half past twelve of a weekday in New York: one may text California and London then."""
    now = datetime.now(NEW_YORK)
    day = now.replace(hour=12, minute=30, second=0, microsecond=0)
    while day < now or day.weekday() >= SATURDAY:
        day += timedelta(days=1)
    return day


def _web(port: int) -> list[str | Path]:
    return [
        BIN / "granian", "--interface", "wsgi", "--factory", "--host", "127.0.0.1",
        "--port", str(port), "--workers", "1", "--blocking-threads", "32", "app:create_app",
    ]  # fmt: skip
