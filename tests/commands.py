"""`flask` commands, each in a process of its own, forked from one that has read our code already:
what takes a second from a shell takes a tenth of it here."""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import NamedTuple

from flask.cli import main

ROOT = Path(__file__).parents[1]
GOOD = {
    "PUBLIC_URL": "https://texts.example.com/", "SECRET_KEY": "a long secret",
    "SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "s", "TWILIO_ACCOUNT_SID": "AC1",
    "TWILIO_AUTH_TOKEN": "t",
}  # fmt: skip


class Done(NamedTuple):
    """How a command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def clean() -> dict[str, str]:
    """The environment without settings of the machine the tests run on."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("SLACK", "TWILIO"))}


def flask(environ: Mapping[str, str], *arguments: str) -> Done:
    """Runs a `flask` command to its end."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        given = ({**clean(), **environ}, arguments, out, err)
        process = _server().Process(target=_run, args=given)
        process.start()
        process.join(60)
        assert process.exitcode is not None, f"flask {arguments} takes longer than a minute"
        return Done(process.exitcode, out.read_text(), err.read_text())


@cache
def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.commands", "app"])
    return context


def _run(environ: dict[str, str], arguments: tuple[str, ...], out: Path, err: Path) -> None:
    for descriptor, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(ROOT)
    sys.argv = ["flask", *arguments]
    main()
