"""The hands of a worker: threads, in crews. A crew works for one peer, or moves files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Hands:
    """So many threads for each crew; what one of them waits for keeps none of another."""

    def __init__(self, crews: Mapping[str, int], freed: Callable[[], None]) -> None:
        self._pools = {crew: ThreadPoolExecutor(most, crew) for crew, most in crews.items()}
        self._free = dict(crews)
        self._lock = threading.Lock()
        self._freed = freed  # called whenever one is

    def free(self) -> dict[str, int]:
        """How many are free of each crew, where any are."""
        with self._lock:
            return {crew: hands for crew, hands in self._free.items() if hands > 0}

    def take(self, crew: str, work: Callable[[T], None], of: T) -> None:
        """Has a hand of this crew do it; the next that is free, if none is."""
        self._lend(crew, -1)
        self._pools[crew].submit(self._work, crew, work, of)

    def finish(self) -> None:
        """Returns when all that was taken is done."""
        for pool in self._pools.values():
            pool.shutdown()

    def _work(self, crew: str, work: Callable[[T], None], of: T) -> None:
        try:
            work(of)
        finally:
            self._lend(crew, 1)
            self._freed()

    def _lend(self, crew: str, change: int) -> None:
        with self._lock:
            self._free[crew] += change
