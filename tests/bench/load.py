"""A load generator that costs little: ready-made requests over kept-open sockets."""

from __future__ import annotations

import multiprocessing
import socket
import threading
import time
from collections.abc import Sequence


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """A whole POST request as bytes."""
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n{head}\r\n"
    ).encode() + body


def fire(port: int, requests: Sequence[bytes], connections: int = 16) -> tuple[float, int]:
    """Sends every request once, over so many connections, from a process of its own.

    Returns requests a second, and how many were answered other than 2xx.
    """
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    process = context.Process(target=_fire, args=(port, requests, connections, results))
    process.start()
    rate, failed = results.get()
    process.join()
    return rate, failed


def _fire(port: int, requests: Sequence[bytes], connections: int, results: object) -> None:
    failures: list[int] = []
    threads = [
        threading.Thread(target=_one, args=(port, requests[n::connections], failures))
        for n in range(connections)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put((len(requests) / (time.perf_counter() - began), len(failures)))  # type: ignore


def _one(port: int, requests: Sequence[bytes], failures: list[int]) -> None:
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for request in requests:
        connection.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            more = connection.recv(65536)
            if not more:
                connection = socket.create_connection(("127.0.0.1", port))
                break
            answer += more
        head, _, rest = answer.partition(b"\r\n\r\n")
        length = next(
            (
                int(line.split(b":")[1])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length")
            ),
            0,
        )
        while len(rest) < length:
            rest += connection.recv(65536)
        if not answer.startswith((b"HTTP/1.1 2", b"HTTP/1.0 2")):
            failures.append(1)
        if b"connection: close" in head.lower():
            connection = socket.create_connection(("127.0.0.1", port))
