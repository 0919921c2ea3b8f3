"""Files for tests: what they are is in their first bytes, the rest is noise of a chosen length."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from bot.sandbox.slack.files import File
from bot.sandbox.slack.records import Post
from tests.house import House

MB = 1_000_000


def _padded(head: bytes, size: int) -> bytes:
    return head + random.Random(size).randbytes(max(0, size - len(head)))


def jpeg(size: int = 2_000) -> bytes:
    return _padded(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", size)


def png(size: int = 2_000) -> bytes:
    return _padded(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", size)


def gif(size: int = 2_000) -> bytes:
    return _padded(b"GIF89a", size)


def heic(size: int = 2_000) -> bytes:
    return _padded(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", size)


def pdf(size: int = 2_000) -> bytes:
    return _padded(b"%PDF-1.7\n", size)


EXE = _padded(b"MZ\x90\x00\x03\x00\x00\x00", 4_000)
HTML = b"<!DOCTYPE html><html><body>Hello</body></html>"
CARD = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann Lee\r\nEND:VCARD\r\n"


def attach(house: House, user: str, *files: tuple[str, bytes]) -> list[File]:
    """Files that somebody is about to share."""
    return [house.slack.add_file(user, name, content) for name, content in files]


def share(
    house: House, thread_ts: str, files: Sequence[File | dict[str, Any]], text: str = "",
    user: str | None = None,
) -> Post:  # fmt: skip
    """Shares files in a thread, and works until it is quoted or refused."""
    described = [f if isinstance(f, dict) else house.slack.described(f) for f in files]
    post = house.slack.reply(user or house.agent, house.channel, thread_ts, text, files=described)
    house.work()
    return post
