"""Pictures on steps. A step may be texted in a year, when its file is long gone from Slack: so
it is kept here, whole.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.smartplans.models import Picture
from ledger.database import session, transaction


@transaction
def keep(
    account_id: int, user: str, file: Mapping[str, Any], content: bytes, now: datetime
) -> dict[str, Any]:
    """Keeps a file that was looked at. Returns it as a step's media have it."""
    kept = secrets.token_hex(12)
    Picture.create(id=kept, account=account_id, content=content, by=user, made_at=now)
    return {**file, "file": f"kept:{kept}", "url": "", "kept": kept}


def content(kept: str) -> bytes | None:
    """A file's content; None if there is no such file."""
    with session():
        found = Picture.get_or_none(Picture.id == kept)
    return bytes(found.content) if found else None
