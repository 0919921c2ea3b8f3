"""Somebody's words, made safe to keep."""

from __future__ import annotations

import re

_LONE = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """Text that any database takes: no NUL, and no half of a surrogate pair; all else stays."""
    return _LONE.sub("\ufffd", text.replace("\x00", ""))
