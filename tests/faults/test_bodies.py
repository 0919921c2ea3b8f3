"""What strangers send without end is read no further than any body of ours goes."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from bot.sandbox import Sandbox
from tests import databases
from tests.faults import processes

MB = 1024 * 1024
ADDRESSES = {
    "/slack/events": "application/json",
    "/twilio/sms": "application/x-www-form-urlencoded",
    "/marketplace/subscriptions": "application/json",
}


def poured(port: int, path: str, kind: str) -> bytes:
    """The answer to a body of 20 MB in chunks, which has no length, and that never ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n"
        line.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        try:
            for _ in range(20):
                line.sendall(b"%x\r\n%b\r\n" % (MB, b"a" * MB))
            return line.recv(100)
        except (BrokenPipeError, ConnectionResetError):
            return b"HTTP/1.1 4xx: it hung up"


def test_a_body_without_length_or_end_is_answered_before_it_ends(tmp_path: Path) -> None:
    url = databases.fresh("sqlite")
    with Sandbox() as sandbox:
        environ = {
            "DATABASE_URL": url, "SECRET_KEY": "a secret for tests",
            "PUBLIC_URL": "https://texts.example.com",
            "MARKETPLACE_SECRET": "a secret of the shop", **sandbox.settings(),
        }  # fmt: skip
        processes.flask(environ, "migrate")
        port = processes.free_port()
        web = processes.web(environ, tmp_path / "web.log", port)
        web.start()
        try:
            processes.wait_for(f"http://127.0.0.1:{port}/healthz")
            for path, kind in ADDRESSES.items():
                assert poured(port, path, kind).startswith(b"HTTP/1.1 4"), path
            sandbox.app_url = f"http://127.0.0.1:{port}"
            long = {"type": "url_verification", "challenge": "c" * 900_000, "token": "t"}
            answer = sandbox.slack.sign(json.dumps(long), "application/json").send()
            assert (answer.status, answer.json) == (200, {"challenge": long["challenge"]})
        finally:
            web.kill()
