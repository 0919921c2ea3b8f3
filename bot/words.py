"""Somebody's words, made safe to keep."""

from __future__ import annotations

import re

_LONE = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """`text` as any database and phone takes it: no NUL, and U+FFFD for half a surrogate pair."""
    return _LONE.sub("\ufffd", text.replace("\x00", ""))
