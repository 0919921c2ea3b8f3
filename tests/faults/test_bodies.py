"""What strangers send without end is read no further than any body of ours goes."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests

from bot.sandbox import Sandbox
from tests import databases
from tests.faults import processes
from tests.house import ANN, LINE, House

MB = 1024 * 1024
SHOP = "a secret of the shop"
FORM = "application/x-www-form-urlencoded"
#: What is sent there, and how much of it at most.
ADDRESSES = {
    "/slack/events": ("application/json", MB),
    "/twilio/sms": (FORM, 256 * 1024),
    "/twilio/status": (FORM, 256 * 1024),
    "/twilio/voice": (FORM, 256 * 1024),
    "/marketplace/subscriptions": ("application/json", 64 * 1024),
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
            return b"HTTP/1.1 413, or so: it hung up"


@pytest.fixture
def shop(books: str, sandbox: Sandbox) -> Iterator[House]:
    with House(books, sandbox, MARKETPLACE_SECRET=SHOP).serving() as house:
        yield house


def too_long(most: int) -> bytes:
    """A form that is one byte longer than that."""
    return b"AccountSid=AC1&Body=".ljust(most + 1, b"a")


def in_pieces(body: bytes) -> Iterator[bytes]:
    """The body as one that gives no length."""
    yield from (body[at : at + 8_000] for at in range(0, len(body), 8_000))


@pytest.mark.parametrize("path", ADDRESSES)
def test_what_is_too_long_is_called_so_whether_it_gives_its_length_or_not(
    shop: House, path: str
) -> None:
    kind, most = ADDRESSES[path]
    body, headers = too_long(most), {"Content-Type": kind}
    for sent in (body, in_pieces(body)):
        answer = requests.post(shop.sandbox.app_url + path, data=sent, headers=headers, timeout=10)
        assert answer.status_code == 413
        if "twilio" in path:
            assert (answer.headers["Content-Type"], answer.text) == ("text/xml; charset=utf-8", "")


@pytest.mark.parametrize("path", ADDRESSES)
def test_what_is_just_not_too_long_is_read(shop: House, path: str) -> None:
    kind, most = ADDRESSES[path]
    for sent in (too_long(most)[1:], in_pieces(too_long(most)[1:])):
        answer = requests.post(
            shop.sandbox.app_url + path, data=sent, headers={"Content-Type": kind}, timeout=10
        )
        assert answer.status_code in (401, 403), "it bears no signature"


def test_a_signed_text_that_gives_no_length_is_taken(shop: House) -> None:
    form = {"AccountSid": shop.twilio.account_sid, "MessageSid": "SM1", "From": ANN, "To": LINE,
            "Body": "a" * 200_000}  # fmt: skip
    answer = requests.post(
        shop.sandbox.app_url + "/twilio/sms", data=in_pieces(urlencode(form).encode()), timeout=10,
        headers={
            "X-Twilio-Signature": shop.twilio.sign(shop.settings.public_url + "/twilio/sms", form),
            "Content-Type": "application/x-www-form-urlencoded",
        },
    )  # fmt: skip
    assert answer.status_code == 200


def test_a_body_without_length_or_end_is_answered_before_it_ends(tmp_path: Path) -> None:
    url = databases.fresh("sqlite")
    with Sandbox() as sandbox:
        environ = {
            "DATABASE_URL": url, "SECRET_KEY": "a secret for tests",
            "PUBLIC_URL": "https://texts.example.com",
            "MARKETPLACE_SECRET": SHOP, **sandbox.settings(),
        }  # fmt: skip
        processes.flask(environ, "migrate")
        port = processes.free_port()
        web = processes.web(environ, tmp_path / "web.log", port)
        web.start()
        try:
            processes.wait_for(f"http://127.0.0.1:{port}/healthz")
            for path, (kind, _) in ADDRESSES.items():
                assert poured(port, path, kind).startswith(b"HTTP/1.1 413"), path
            sandbox.app_url = f"http://127.0.0.1:{port}"
            long = {"type": "url_verification", "challenge": "c" * 900_000, "token": "t"}
            answer = sandbox.slack.sign(json.dumps(long), "application/json").send()
            assert (answer.status, answer.json) == (200, {"challenge": long["challenge"]})
        finally:
            web.kill()
