"""What a file is, by its content and never by its name; what of it a phone takes, and how much.

Twilio takes pictures of 5 MB and makes them fit the phone. Other kinds travel as they are, and
carriers take 500 KB of them (twilio.com/docs/messaging/guides/accepted-mime-types).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from typing import NamedTuple

from ledger.rates import PACK_BYTES

HEAD_BYTES = 512  # enough to know any kind by
OTHER_BYTES = 500_000  # of a file that is no picture


class Kind(NamedTuple):
    """One kind of file."""

    content_type: str
    extension: str
    texted: bool = True  # Twilio takes it

    @property
    def is_picture(self) -> bool:
        """Whether Slack and every phone show it as a picture."""
        return self.content_type in ("image/jpeg", "image/png", "image/gif")

    @property
    def most_bytes(self) -> int:
        """How large one may be that is texted."""
        return PACK_BYTES if self.is_picture else OTHER_BYTES


def _begins(*beginnings: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(beginnings)


def _riff(form: bytes) -> Callable[[bytes], bool]:
    return lambda head: head[:4] == b"RIFF" and head[8:12] == form


def _brand(*brands: bytes) -> Callable[[bytes], bool]:
    """MP4 and its relatives: which one it is, is written after "ftyp"."""
    return lambda head: head[4:8] == b"ftyp" and head[8:12].startswith(brands)


def _lines(first: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.removeprefix(b"\xef\xbb\xbf").lstrip().upper().startswith(first)


def _is_text(head: bytes) -> bool:
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # may end within a character
    except UnicodeDecodeError:
        return False
    return bool(text) and all(c.isprintable() or c in "\t\r\n\ufeff" for c in text)


#: In this order: the first that fits.
KINDS: list[tuple[Callable[[bytes], bool], Kind]] = [
    (_begins(b"\xff\xd8\xff"), Kind("image/jpeg", "jpg")),
    (_begins(b"\x89PNG\r\n\x1a\n"), Kind("image/png", "png")),
    (_begins(b"GIF87a", b"GIF89a"), Kind("image/gif", "gif")),
    (_brand(b"hei", b"hev", b"mif1", b"msf1"), Kind("image/heic", "heic")),
    (_begins(b"II*\0", b"MM\0*"), Kind("image/tiff", "tiff")),
    (lambda head: head[:2] == b"BM" and head[6:10] == bytes(4), Kind("image/bmp", "bmp")),
    (_riff(b"WEBP"), Kind("image/webp", "webp", texted=False)),
    (_brand(b"avif", b"avis"), Kind("image/avif", "avif", texted=False)),
    (_brand(b"qt"), Kind("video/quicktime", "mov")),
    (_brand(b"3gp"), Kind("video/3gpp", "3gp")),
    (_brand(b"3g2"), Kind("video/3gpp2", "3g2")),
    (_brand(b"M4A", b"M4B"), Kind("audio/mp4", "m4a")),
    (_brand(b""), Kind("video/mp4", "mp4")),
    (lambda head: head[:4] == b"\x1aE\xdf\xa3" and b"webm" in head, Kind("video/webm", "webm")),
    (_begins(b"\0\0\x01\xba", b"\0\0\x01\xb3"), Kind("video/mpeg", "mpg")),
    (_begins(b"#!AMR"), Kind("audio/amr", "amr")),
    (_begins(b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2"), Kind("audio/mpeg", "mp3")),
    (_begins(b"OggS"), Kind("audio/ogg", "ogg")),
    (_riff(b"WAVE"), Kind("audio/vnd.wave", "wav")),
    (_begins(b"%PDF-"), Kind("application/pdf", "pdf")),
    (_lines(b"BEGIN:VCARD"), Kind("text/vcard", "vcf")),
    (_lines(b"BEGIN:VCALENDAR"), Kind("text/calendar", "ics")),
    (_is_text, Kind("text/plain", "txt", texted=False)),
]


def recognise(head: bytes) -> Kind | None:
    """The kind of a file that begins so; None if it is none that we know."""
    return next((kind for fits, kind in KINDS if fits(head)), None)


def why_not(name: str, kind: Kind | None, size_bytes: int) -> str | None:
    """Why this file cannot be texted, and what to do; None if it can."""
    if size_bytes == 0:
        return f"{name} is empty. Send another one."
    if size_bytes > PACK_BYTES:
        return too_large(name, size_bytes)
    if kind is None or not kind.texted:
        what = f" ({kind.extension.upper()})" if kind else ", whatever its name says"
        return (
            f"{name} is of a kind that phones do not take{what}. Send a JPEG, PNG or GIF picture."
        )
    if size_bytes > kind.most_bytes:
        return too_large(name, size_bytes, kind.most_bytes)
    return None


def too_large(name: str, size_bytes: int | None, most_bytes: int = PACK_BYTES) -> str:
    """By how much a file is too large, where that is known, and what to do."""
    most = size_words(most_bytes)
    by = f"more than {most}, which is too much"
    if size_bytes is not None:
        over = size_words(size_bytes - most_bytes)
        by = f"{size_words(size_bytes)}, which is {over} too much"
    carries = f"a picture message carries {most}"
    if most_bytes < PACK_BYTES:
        carries = f"of a file that is no JPEG, PNG or GIF, a message carries {most}"
    return f"{name} has {by}: {carries}. Make it smaller, and send it again."


def size_words(size_bytes: int) -> str:
    """ "7.2 MB", "5 MB", "500 KB"; never less than 1 KB."""
    if size_bytes < 950_000:
        return f"{max(1, round(size_bytes / 1e3))} KB"
    return f"{size_bytes / 1e6:.1f}".removesuffix(".0") + " MB"


def safe_name(name: str, kind: Kind) -> str:
    """A name of at most 20 plain characters, which says what the file is: Twilio asks for that."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", name.rpartition(".")[0] or name).strip("-")
    return f"{stem[: 19 - len(kind.extension)].strip('-') or 'file'}.{kind.extension}"
