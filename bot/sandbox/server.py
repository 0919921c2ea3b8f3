"""What both stand-ins are: a real HTTP server on loopback that can be told to misbehave."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar

from flask import Flask, Response, request
from werkzeug.routing import Map, Rule
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

KINDS = ("slow", "slow_after", "rate_limit", "error", "drop_before", "drop_after")


@dataclass
class Fault:
    """One way to misbehave: `match` is an operation's name, None is any; `times` None is always."""

    kind: str
    match: str | None = None
    times: int | None = 1
    seconds: float = 1.0  # of slowness, or of Retry-After
    up_to: float | None = None  # seconds of slowness lie between those and these, at random


class Faults:
    """The faults that are switched on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[Fault] = []
        self._rate, self._dice = 0.0, random.Random(0)  # noqa: S311
        self._kinds: tuple[str, ...] = ()
        self.happened: list[tuple[str, str]] = []

    def add(
        self, kind: str, match: str | None = None, times: int | None = 1, seconds: float = 1.0,
        up_to: float | None = None,
    ) -> None:  # fmt: skip
        """Misbehaves the next `times` times that `match` is called."""
        assert kind in KINDS, kind
        with self._lock:
            self._planned.append(Fault(kind, match, times, seconds, up_to))

    def at_random(self, rate: float, kinds: tuple[str, ...], seed: int) -> None:
        """Misbehaves in one of `kinds` in this share of all calls."""
        with self._lock:
            self._rate, self._kinds, self._dice = rate, kinds, random.Random(seed)  # noqa: S311

    def clear(self) -> None:
        """Behaves again."""
        with self._lock:
            self._planned.clear()
            self._rate = 0.0

    def take(self, operation: str) -> Fault | None:
        """The fault that this call meets, if any."""
        with self._lock:
            for fault in self._planned:
                if fault.match in (None, operation) and fault.times != 0:
                    fault.times = None if fault.times is None else fault.times - 1
                    self.happened.append((operation, fault.kind))
                    if fault.up_to is not None:
                        seconds = self._dice.uniform(fault.seconds, fault.up_to)
                        return Fault(fault.kind, seconds=seconds)
                    return fault
            if self._rate and self._dice.random() < self._rate:
                kind: str = self._dice.choice(self._kinds)
                self.happened.append((operation, kind))
                return Fault(kind, seconds=0.2)
        return None


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections open, as the platforms do

    def log(self, *_: Any) -> None:
        pass


Route = tuple[str, str, tuple[str, ...]]


@dataclass
class StandIn:
    """A platform on loopback. `web` is its WSGI app; `serve()` puts it on a port of its own."""

    #: Of a class: an address, the method that answers it, and how it may be called.
    ROUTES: ClassVar[tuple[Route, ...]] = ()

    name: str
    faults: Faults = field(default_factory=Faults)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self.web = Flask(f"sandbox-{self.name}", static_folder=None)
        routes = [r for each in type(self).__mro__ for r in vars(each).get("ROUTES", ())]
        if routes:
            self.web.url_map = _addresses(tuple(routes))
            self.web.view_functions |= {name: getattr(self, name) for _, name, _ in routes}
        self._server: Any = None

    def serve(self, port: int = 0) -> None:
        """Listens on 127.0.0.1 in a thread of its own."""
        self._server = make_server(
            "127.0.0.1", port, self.web, threaded=True, request_handler=Quiet
        )
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stops listening."""
        if self._server:
            stop(self._server)
            self._server = None

    @property
    def origin(self) -> str:
        """Where it listens: `http://127.0.0.1:port`."""
        return f"http://127.0.0.1:{self._server.port}"

    def answer(
        self, operation: str, work: Callable[[], Response], broken: Callable[[int, float], Response]
    ) -> Response:
        """Does the work, or misbehaves as told. `broken` makes the platform's 429 and 500."""
        fault = self.faults.take(operation)
        kind = fault.kind if fault else ""
        if fault and kind == "slow":
            time.sleep(fault.seconds)
        if fault and kind in ("rate_limit", "error"):
            return broken(429 if kind == "rate_limit" else 500, fault.seconds)
        if kind == "drop_before":
            return _drop()
        done = work()
        if kind == "drop_after":
            return _drop()
        if fault and kind == "slow_after":
            time.sleep(fault.seconds)
        return done


@cache
def _addresses(routes: tuple[Route, ...]) -> Map:
    """Read once for all stand-ins of a kind: that takes longer than all else in making one."""
    return Map([Rule(path, endpoint=method, methods=how) for path, method, how in routes])


def _drop() -> Response:
    """Closes the connection in the middle of nothing."""
    connection = request.environ.get("werkzeug.socket")
    if connection is not None:
        connection.shutdown(socket.SHUT_RDWR)
    return Response(status=500)


def stop(server: BaseWSGIServer) -> None:
    """Stops a server that serves in a thread. It looks whether it should only now and then, so it
    is woken by a connection."""
    ending = threading.Thread(target=server.shutdown)
    ending.start()
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
    ending.join()
    server.server_close()


def wait(until: Callable[[], Any], timeout_s: float = 10) -> Any:
    """What `until` gives as soon as that is true; raises AssertionError when time is up."""
    ends = time.monotonic() + timeout_s
    while time.monotonic() < ends:
        if found := until():
            return found
        time.sleep(0.002)
    raise AssertionError(f"did not happen within {timeout_s} s")
