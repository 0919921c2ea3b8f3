"""Bodies of requests: read no further than one of ours goes, so that strangers fill no memory."""

from __future__ import annotations

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge


def whole(most: int) -> bytes:
    """The request's body. Raises RequestEntityTooLarge (413) if it is longer than so many bytes,
    whatever length it gives, or none."""
    # One more tells a body that is too long from one that is just not: what gives no length is cut.
    request.max_content_length = most + 1
    body = request.get_data()
    if len(body) > most:
        raise RequestEntityTooLarge
    return body
