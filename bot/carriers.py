"""What a carrier is: how one kind of delivery leaves, what it is given, and what can come of it.

The carriers are in slack/, twilio/ and mail/, most in files named deliver; the outbox drives them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Rate:
    """How fast a peer takes things: one every `every_s`, after a burst of `burst`."""

    every_s: float
    burst: int = 100


#: By the first word of a pace key. Twilio sends one segment a second from a US number and queues
#: the rest. Slack takes one post a second in a channel, and in a workspace 50 updates and 100 Homes
#: a minute. Both bear short bursts, and say 429 when it is too much; mail servers say 4xx. No
#: import's card changes more often than every two seconds.
RATES = {
    "number": Rate(1), "channel": Rate(1), "updates": Rate(1.2), "mail": Rate(0.1),
    "files": Rate(0.1), "twilio": Rate(0.1), "home": Rate(0.7, 50), "sheets": Rate(2, 1),
    "setups": Rate(0.2, 20),
}  # fmt: skip


#: Deliveries that move whole files.
FILES = {"slack.media", "slack.peek", "slack.files"}


def crew(kind: str) -> str:
    """Whose hands make deliveries of this kind: their peer's, or those that move files. However
    slow one peer is, and however many files there are, nothing else waits for them."""
    return "files" if kind in FILES else kind.partition(".")[0]


@dataclass(frozen=True)
class Timing:
    """When an attempt may start, when it is given up on, and how an unknown one is resolved."""

    lease_s: float = 60
    attempt_timeout_s: float = 10
    look_after_s: float = 30  # after the lease ended
    look_apart_s: float = 120  # between two empty looks
    rates: Mapping[str, Rate] = field(default_factory=lambda: RATES)

    @property
    def start_margin_s(self) -> float:
        """What must be left of a lease for an attempt to start: time to connect, and to read."""
        return 2 * self.attempt_timeout_s


@dataclass(frozen=True)
class Delivery:
    """A claimed delivery, as its carrier gets it."""

    id: int
    key: str
    kind: str
    lane: str
    pace: str
    payload: Mapping[str, Any]
    claim: str
    tries: int
    attempted_at: datetime
    lease_until: datetime
    unknown: bool  # to be looked up, not sent


# What can come of an attempt, or of a look


@dataclass(frozen=True)
class Done:
    """The peer has it. `result` is what settle needs: a sid, a ts."""

    result: Mapping[str, Any]


@dataclass(frozen=True)
class Again:
    """The peer did nothing with it, for sure: it may be sent again after `after_s`."""

    after_s: float
    why: str
    shuts_pace: bool = False  # nothing else may use this pace before then either
    patient: bool = False  # somebody has to mend something first: it is never given up


@dataclass(frozen=True)
class Failed:
    """The peer refused it for good, and why."""

    why: str
    code: int | None = None


@dataclass(frozen=True)
class Unknown:
    """Nobody knows whether the peer has it."""

    why: str


@dataclass(frozen=True)
class Broken:
    """A fault of ours, in an attempt, in a look or in what follows from it: nothing is known."""

    why: str


@dataclass(frozen=True)
class NotThere:
    """A look found nothing. The delivery is sent again after `enough` such looks."""

    enough: int


Outcome = Done | Again | Failed | Unknown | Broken | NotThere


class Carrier(ABC):
    """How one kind of delivery leaves."""

    #: Whether the peer may list a thing long after it took it, so that early looks prove nothing.
    lists_late = False

    @abstractmethod
    def attempt(self, delivery: Delivery) -> Outcome:
        """Makes the call once. No transaction is open."""

    @abstractmethod
    def look(self, delivery: Delivery) -> Outcome:
        """Asks the peer whether an unknown delivery arrived. No transaction is open."""

    def settle(self, delivery: Delivery, outcome: Done | Failed, now: datetime) -> None:  # noqa: B027
        """Writes what follows from the outcome, in the transaction that records it, if anything
        does."""


class Repeatable(Carrier):
    """One that is done again when nobody knows whether it was: it says what is, not what changed,
    or what it leaves twice is better than nothing."""

    def look(self, delivery: Delivery) -> Outcome:
        """Nothing is asked."""
        return NotThere(1)


Carriers = Mapping[str, Carrier]
