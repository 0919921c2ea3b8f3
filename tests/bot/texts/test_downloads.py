"""Files from elsewhere: a hostile or a tired server gets neither our secrets nor our time."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Response, redirect, request

from bot.downloads import Away, Bearer, Gone, Misled, Shut, Source, TooLarge, Trouble, fetch
from bot.sandbox.server import StandIn
from tests import pictures

PICTURE = pictures.jpeg(200_000)


class Server(StandIn):
    """A server that does what its address says."""

    def __init__(self) -> None:
        super().__init__("server")
        self.seen: list[str | None] = []
        self.web.add_url_rule("/<what>", "any", self._any)

    def _any(self, what: str) -> Response:
        self.seen.append(request.headers.get("Authorization"))
        match what:
            case "drip":
                return Response(self._drip(), mimetype="image/jpeg")
            case "silent":
                time.sleep(3)
            case "packed":
                packed = Response(gzip.compress(PICTURE), mimetype="image/jpeg")
                packed.headers["Content-Encoding"] = "gzip"
                return packed
            case "round":
                return redirect("/round")  # type: ignore[return-value]
            case "away":
                return Response(status=307, headers={"Location": request.args["to"]})
            case number if number.isdecimal():
                return Response(status=int(number), headers={"Retry-After": "7"})
        return Response(PICTURE, mimetype="image/jpeg; charset=binary")

    def _drip(self) -> Iterator[bytes]:
        for byte in PICTURE:
            yield bytes([byte])
            time.sleep(0.02)


@pytest.fixture
def server() -> Iterator[Server]:
    listening = Server()
    listening.serve()
    yield listening
    listening.close()


@pytest.fixture
def source(server: Server) -> Source:
    """The server by its number is home; by its name, near."""
    return Source(
        lambda parts: parts.hostname == "127.0.0.1", lambda parts: parts.hostname == "localhost",
        Bearer("secret"), 1,
    )  # fmt: skip


def whole(source: Source, url: str, most_bytes: int = 10**6) -> bytes:
    with fetch(source, url, most_bytes) as coming:
        return b"".join(coming.chunks())


def test_a_file_comes_with_what_it_is(source: Source, server: Server) -> None:
    with fetch(source, f"{server.origin}/picture", 10**6) as coming:
        assert (coming.content_type, coming.size_bytes) == ("image/jpeg", len(PICTURE))
        assert coming.kind is not None and coming.kind.content_type == "image/jpeg"
        assert max(map(len, coming.chunks())) <= 64 * 1024
    assert whole(source, f"{server.origin}/picture") == PICTURE
    assert server.seen == ["Bearer secret"] * 2


@pytest.mark.parametrize(
    ("path", "trouble"),
    [
        ("404", Gone), ("410", Gone), ("401", Shut), ("403", Shut), ("429", Away), ("500", Away),
        ("503", Away), ("204", Away), ("206", Away), ("packed", Away), ("silent", Away),
        ("drip", Away), ("round", Misled), ("away?to=http://evil.example/", Misled),
        ("away?to=file:///etc/passwd", Misled), ("away?to=//evil.example/x", Misled),
        ("away?to=http://127.0.0.1@evil.example/", Misled),
    ],
)  # fmt: skip
def test_each_trouble_says_what_to_do_about_it(
    source: Source, server: Server, path: str, trouble: type[Trouble]
) -> None:
    began = time.monotonic()
    with pytest.raises(trouble):
        whole(source, f"{server.origin}/{path}")
    assert time.monotonic() - began < 10


def test_a_server_that_is_busy_says_when_to_come_again(source: Source, server: Server) -> None:
    with pytest.raises(Away) as away:
        whole(source, f"{server.origin}/429")
    assert away.value.after_s == 7


def test_nobody_listens(source: Source) -> None:
    with pytest.raises(Away):
        whole(source, "http://127.0.0.1:9/x")


def test_more_than_was_asked_for_is_not_read(source: Source, server: Server) -> None:
    with pytest.raises(TooLarge) as large:
        whole(source, f"{server.origin}/picture", len(PICTURE) - 1)
    assert large.value.size_bytes == len(PICTURE)


def test_who_is_only_near_is_shown_no_secret_of_ours_and_none_of_the_machines(
    source: Source, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login me password hidden\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    near = server.origin.replace("127.0.0.1", "localhost")
    assert whole(source, f"{server.origin}/away?to={near}/picture") == PICTURE
    assert server.seen == ["Bearer secret", None]


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/x",
        "http://user@127.0.0.1/x",
        "http://127.0.0.1:99999/",
        "x",
        "",
        "http://",
    ],
)
def test_only_home_is_gone_to_first(source: Source, url: str) -> None:
    with pytest.raises(Misled):
        whole(source, url)


@pytest.mark.parametrize("to", ["http://[", "http://127.0.0.1:99999/", "\x7f", ""])
def test_a_redirect_to_no_address_leads_nowhere(source: Source, to: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        answer = f"HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()

        def once() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(answer)

        threading.Thread(target=once, daemon=True).start()
        with pytest.raises(Trouble):
            whole(source, f"http://127.0.0.1:{listening.getsockname()[1]}/x")
