"""Addresses under which Twilio fetches a text's attachments: signed, short-lived, one file each.

Slack's files are private, so each leaves through our own page /media/<token>/<name>. A token says
which attachment of which part it is for, and is good for nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

from itsdangerous import BadData, SignatureExpired, TimestampSigner, URLSafeTimedSerializer

from bot import clock
from bot.talks.models import Part
from bot.texts.kinds import KINDS, Kind, safe_name
from ledger.database import session

LIVES = timedelta(hours=5)  # longer than a text may wait at Twilio before it is dropped
TYPES = {kind.content_type: kind for _, kind in KINDS}


class Unknown(Exception):
    """No such address was ever given out, or the file is none of the text's any more."""


class Expired(Exception):
    """The address was given out, and its time is over."""


class Shared(NamedTuple):
    """A file that may be handed to who has its address."""

    url: str  # at Slack
    name: str
    kind: Kind
    size_bytes: int
    kept: str | None = None  # by us, and no longer at Slack


def link(
    secret_key: str, public_url: str, part_id: int, place: int, file: Mapping[str, Any]
) -> str:
    """The address of a part's attachment, from now on, for a while."""
    token = _serializer(secret_key).dumps([part_id, place, file["file"]])
    return f"{public_url}/media/{token}/{quote(_shared(file).name)}"


def opened(secret_key: str, token: str, name: str) -> Shared:
    """The file of an address. Raises Unknown or Expired."""
    try:
        part_id, place, file_id = _serializer(secret_key).loads(
            token, max_age=int(LIVES.total_seconds())
        )
    except SignatureExpired:
        raise Expired from None
    except (BadData, ValueError, TypeError):
        raise Unknown from None
    with session():
        part = Part.get_or_none(Part.id == part_id)
    if part is None or not 0 <= place < len(part.media) or part.media[place]["file"] != file_id:
        raise Unknown
    shared = _shared(part.media[place])
    if shared.name != name:
        raise Unknown
    return shared


def _shared(file: Mapping[str, Any]) -> Shared:
    kind = TYPES[file["type"]]
    return Shared(file["url"], safe_name(file["name"], kind), kind, int(file["size"]),
                  file.get("kept"))  # fmt: skip


def _serializer(secret_key: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret_key, salt="media", signer=_OurClock)


class _OurClock(TimestampSigner):
    """Signs with the time as we have it."""

    def get_timestamp(self) -> int:
        return int(clock.now().timestamp())
