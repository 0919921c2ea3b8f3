"""Files fetched from the platforms: from hosts we know alone, within a size and a time, and our
credentials shown to nobody else, wherever an answer leads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
import urllib3
from requests.auth import AuthBase

from bot.texts.kinds import HEAD_BYTES, Kind, recognise

CHUNK = 64 * 1024  # bytes held of a file at a time
HOPS = 4  # redirects


class Trouble(Exception):
    """Why a file did not come."""


class Gone(Trouble):
    """It is not there, or not any more."""


class Shut(Trouble):
    """We are not let in."""


class Misled(Trouble):
    """Its address, or a redirect, leads to somewhere we do not fetch from."""


class TooLarge(Trouble):
    """It has more bytes than were asked for; `size_bytes` where the peer says how many."""

    def __init__(self, size_bytes: int | None) -> None:
        self.size_bytes = size_bytes
        super().__init__(f"{size_bytes or 'too many'} bytes")


class Away(Trouble):
    """The peer could not give it now; it may be asked again, after `after_s` at the soonest."""

    def __init__(self, why: str, after_s: float = 1) -> None:
        self.after_s = after_s
        super().__init__(why)


@dataclass(frozen=True)
class Source:
    """A platform that files come from, and how we are known there."""

    is_home: Callable[[SplitResult], bool]  # where our credentials are shown
    is_near: Callable[[SplitResult], bool]  # where it may lead us, and we show nothing
    credentials: AuthBase
    timeout_s: float  # of one silence; all of it may take two
    reach: Callable[[str], str] = str  # an address as it is called: a stand-in's


class Incoming:
    """A file that has begun to come. Close it, or use it in a `with`."""

    def __init__(
        self, web: requests.Session, answer: requests.Response, most_bytes: int, ends: float
    ) -> None:
        self._web, self._answer, self._ends = web, answer, ends
        self._most_bytes = most_bytes
        claimed = answer.headers.get("Content-Type", "")
        self.content_type = claimed.partition(";")[0].strip().lower()  # as claimed
        length = answer.headers.get("Content-Length", "")
        self.size_bytes = int(length) if length.isdecimal() else None
        if (self.size_bytes or 0) > most_bytes:
            raise TooLarge(self.size_bytes)
        self.head = b""
        while len(self.head) < HEAD_BYTES and (more := self._read()):
            self.head += more

    @property
    def kind(self) -> Kind | None:
        """What it is, by its content."""
        return recognise(self.head)

    def chunks(self) -> Iterator[bytes]:
        """All of it, once. Raises TooLarge, or Away if it ends before or behind its length."""
        got, chunk = 0, self.head
        while chunk:
            got += len(chunk)
            if got > self._most_bytes:
                raise TooLarge(None)
            yield chunk
            chunk = self._read()
        if self.size_bytes not in (None, got):
            raise Away("it was cut off")

    def _read(self) -> bytes:
        if time.monotonic() > self._ends:
            raise Away("it took too long")
        try:
            # What there is, at once: a peer that drips is noticed.
            return bytes(self._answer.raw.read1(CHUNK, decode_content=False))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Away(type(error).__name__) from None

    def close(self) -> None:
        """Hangs up."""
        self._answer.close()
        self._web.close()

    def __enter__(self) -> Incoming:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()


def fetch(source: Source, url: str, most_bytes: int) -> Incoming:
    """Opens a file. Raises Trouble, in the form that says what to do about it."""
    ends = time.monotonic() + 2 * source.timeout_s
    web = _Web()
    try:
        if not source.is_home(_parts(url)):
            raise Misled("an address that is none of the platform's")
        for _ in range(HOPS):
            answer = _get(web, source, url)
            if not answer.is_redirect:
                _require_whole(answer)
                return Incoming(web, answer, most_bytes, ends)
            answer.close()
            url = _joined(url, answer.headers["Location"])
            parts = _parts(url)
            if not (source.is_home(parts) or source.is_near(parts)):
                raise Misled("a redirect that leads off the platform")
        raise Misled("too many redirects")
    except BaseException:
        web.close()
        raise


def _get(web: requests.Session, source: Source, url: str) -> requests.Response:
    # An auth of ours in either case: requests would look into a .netrc without one.
    credentials = source.credentials if source.is_home(_parts(url)) else _Nothing()
    try:
        return web.get(
            source.reach(url), auth=credentials, headers={"Accept-Encoding": "identity"},
            timeout=source.timeout_s, allow_redirects=False, stream=True,
        )  # fmt: skip
    except requests.RequestException as error:
        raise Away(type(error).__name__) from None


def _require_whole(answer: requests.Response) -> None:
    status = answer.status_code
    if status in (404, 410):
        raise Gone(f"{status}")
    if status in (401, 403):
        raise Shut(f"{status}")
    if status != 200:
        wait = answer.headers.get("Retry-After", "")
        raise Away(f"{status}", float(wait) if wait.isdecimal() else 1)
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise Away("it came packed")


def _joined(url: str, to: str) -> str:
    try:
        return urljoin(url, to)
    except ValueError:
        raise Misled("no address") from None


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise Misled("no address") from None
    if parts.username is not None or parts.hostname is None:
        raise Misled("no address")
    return parts


class _Web(requests.Session):
    """Looks at no redirect: by itself it would read its body, however long, to find the next."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None


class _Nothing(AuthBase):
    """Shows nothing."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class Bearer(AuthBase):
    """Shows a token."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """The request, with the token on it."""
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request
