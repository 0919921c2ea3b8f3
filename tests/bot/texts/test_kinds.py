"""What a file is, told by its content; what of it goes by text, and under which name."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.texts.kinds import KINDS, Kind, recognise, safe_name, size_words, too_large, why_not
from tests import pictures

PICTURE = Kind("image/jpeg", "jpg")


@pytest.mark.parametrize(
    ("head", "content_type"),
    [
        (pictures.jpeg(), "image/jpeg"),
        (pictures.png(), "image/png"),
        (pictures.gif(), "image/gif"),
        (pictures.heic(), "image/heic"),
        (pictures.pdf(), "application/pdf"),
        (pictures.CARD, "text/vcard"),
        (b"\xef\xbb\xbfbegin:vcalendar\r\n", "text/calendar"),
        (b"\0\0\0\x20ftypisom\0\0\2\0", "video/mp4"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0", "video/quicktime"),
        (b"\0\0\0\x1cftyp3gp4\0\0\0\0", "video/3gpp"),
        (b"\0\0\0\x1cftypM4A \0\0\0\0", "audio/mp4"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\1B\xf7\x81\1B\x82\x84webm", "video/webm"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "audio/vnd.wave"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
        (b"OggS\0\2", "audio/ogg"),
        (b"ID3\4\0\0", "audio/mpeg"),
        (b"#!AMR\n", "audio/amr"),
        (b"BM\x36\0\0\0\0\0\0\0", "image/bmp"),
        (b"II*\0\x08\0\0\0", "image/tiff"),
        ("Grüße\n".encode() * 200, "text/plain"),
        (pictures.HTML, "text/plain"),
        (pictures.EXE, None),
        (b"PK\3\4\x14\0\0\0", None),
        (b"\x7fELF\2\1\1\0", None),
        (b"BMW is a car, not a bitmap\0", None),
        (b"RIFF\0", None),
        (b"", None),
    ],
)  # fmt: skip
def test_a_file_is_known_by_its_beginning(head: bytes, content_type: str | None) -> None:
    kind = recognise(head[:512])
    assert (kind.content_type if kind else None) == content_type


@given(st.binary(max_size=600))
def test_no_beginning_is_too_strange(head: bytes) -> None:
    kind = recognise(head)
    assert kind is None or kind in [known for _, known in KINDS]


@given(st.text(max_size=80), st.sampled_from([kind for _, kind in KINDS]))
def test_a_name_is_plain_short_and_says_what_the_file_is(name: str, kind: Kind) -> None:
    safe = safe_name(name, kind)
    assert len(safe) <= 20
    assert re.fullmatch(r"[A-Za-z0-9_-]+\.[a-z0-9]+", safe)
    assert safe.endswith(f".{kind.extension}")


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("the house (2).JPG", "the-house-2.jpg"),
        ("Screenshot 2026-11-25 at 10.03.17.png", "Screenshot-2026.jpg"),
        ("дом.jpg", "file.jpg"),
        ("../../etc/passwd", "file.jpg"),
        ("", "file.jpg"),
        (".jpg", "jpg.jpg"),
        ('x"; y\r\nSet-Cookie: a=b', "x-y-Set-Cookie-a.jpg"),
    ],
)
def test_names_as_people_have_them(name: str, safe: str) -> None:
    assert safe_name(name, PICTURE) == safe


@pytest.mark.parametrize(
    ("size", "words"),
    [(1, "1 KB"), (499_999, "500 KB"), (949_999, "950 KB"), (950_000, "0.9 MB"),
     (5_000_000, "5 MB"), (7_200_000, "7.2 MB"), (123_456_789, "123.5 MB")],
)  # fmt: skip
def test_sizes_in_words(size: int, words: str) -> None:
    assert size_words(size) == words


def test_r4_a_picture_of_five_megabytes_goes_and_one_byte_more_does_not() -> None:
    assert why_not("a.jpg", PICTURE, 5_000_000) is None
    assert why_not("a.jpg", PICTURE, 5_000_001) == too_large("a.jpg", 5_000_001)
    video = Kind("video/mp4", "mp4")
    assert why_not("a.mp4", video, 500_000) is None
    assert "1 KB too much" in (why_not("a.mp4", video, 500_001) or "")
