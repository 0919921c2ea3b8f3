"""Web and workers as real processes, to be killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import requests

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def flask(environ: Mapping[str, str], *arguments: str) -> str:
    """Runs a `flask` command to its end. Returns what it printed; raises if it failed."""
    done = subprocess.run(
        [BIN / "flask", *arguments], check=False, cwd=ROOT, env={**os.environ, **environ},
        text=True,
        capture_output=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, (
        f"flask {arguments} → {done.returncode}\n{done.stdout}{done.stderr}"
    )
    return done.stdout


class Process:
    """One process of ours with its children, in a group that is killed as one."""

    def __init__(
        self, environ: Mapping[str, str], log: Path, *command: str | Path, says: str = ""
    ) -> None:
        self.environ, self.log, self.command, self.says = environ, log, command, says
        self.running: subprocess.Popen[bytes] | None = None
        self._began = 0  # where in its log this life of it begins

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._began = log.tell()
            self.running = subprocess.Popen(
                self.command, cwd=ROOT, env={**os.environ, **self.environ}, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def at_work(self) -> bool:
        """Whether it has said that it began to work, since it was started last."""
        with self.log.open("rb") as log:
            log.seek(self._began)
            return self.says.encode() in log.read()

    def kill(self) -> None:
        """kill -9, at once and without a word."""
        self._signal(signal.SIGKILL)

    def stop(self) -> int:
        """Asks it to stop, as a platform does on a deploy. Returns its exit code."""
        self._signal(signal.SIGTERM)
        assert self.running is not None
        return self.running.returncode

    def _signal(self, number: int) -> None:
        assert self.running is not None
        os.killpg(self.running.pid, number)
        self.running.wait(30)


def web(environ: Mapping[str, str], log: Path, port: int) -> Process:
    """The web process, as the Procfile starts it."""
    return Process(
        environ, log, BIN / "granian", "--interface", "wsgi", "--factory", "--host", "127.0.0.1",
        "--port", str(port), "--workers", "1", "--blocking-threads", "32", "app:create_app",
        says="Started worker-1",
    )  # fmt: skip


def worker(environ: Mapping[str, str], log: Path) -> Process:
    """A worker process."""
    return Process(environ, log, BIN / "flask", "worker", says="worker.started")


def wait_for(url: str, status: int = 200, timeout_s: float = 30) -> None:
    """Waits until the address answers with this status."""
    ends = time.monotonic() + timeout_s
    last: object = None
    while time.monotonic() < ends:
        try:
            last = requests.get(url, timeout=2).status_code
        except requests.RequestException as error:
            last = error
        if last == status:
            return
        time.sleep(0.05)
    raise AssertionError(f"{url} did not answer {status}: {last}")


def jump(clock: Path, seconds: float) -> None:
    """Has all who follow this clock's file be so much later."""
    new = clock.with_name("new")
    new.write_text(str(float(clock.read_text()) + seconds))
    new.replace(clock)  # at once: they read it all the time
