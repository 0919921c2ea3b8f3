"""Faults of our own in a carrier: what they hold up is put off, parked and never sent blindly."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot import attempts, carriers, clock, doctor, outbox
from bot.carriers import NotThere, Outcome, Unknown
from bot.worker import Worker
from tests.bot.test_outbox import TIMING, Peer, put, state, turn


@pytest.fixture(autouse=True)
def _books(books: str) -> None:
    pass


class Faulty(Peer):
    """A carrier with a fault of ours in it: it raises what it is told to."""

    def attempt(self, delivery: carriers.Delivery) -> Outcome:
        if not self.outcomes:
            raise ZeroDivisionError("a fault of ours")
        return super().attempt(delivery)

    look = attempt


class Unsettled(Peer):
    """One that cannot write down what came of it."""

    def settle(self, delivery: carriers.Delivery, outcome: Outcome, now: object) -> None:
        raise ZeroDivisionError("a fault of ours")


def work(peer: Peer) -> list[str]:
    """What a worker does once, with all that it does about faults. What it claimed."""
    hands = Worker({}, {"thing": peer}, TIMING, jobs=[])
    claimed = attempts.claim({"thing": 10}, hands.carriers, TIMING)
    for delivery in claimed:
        hands._deliver(delivery)
    hands.tried.put(None)
    hands._record()
    return [delivery.key for delivery in claimed]


@pytest.mark.parametrize("faulty", [Faulty(Unknown("time-out")), Unsettled()])
def test_a_look_that_breaks_is_made_less_often_then_parked_and_looked_up_when_it_is_put_back(
    faulty: Peer,
) -> None:
    put("a1")
    put("a2")
    made, ahead = [], timedelta(0)
    while state("a1") != "parked":
        assert ahead < timedelta(days=2)
        with clock.travelled(ahead):
            if work(faulty):
                made.append(ahead)
        ahead += timedelta(seconds=95) if len(made) < 10 else timedelta(minutes=10)
    assert attempts.GIVE_UP_AFTER <= len(made) <= attempts.GIVE_UP_AFTER + 2
    assert made[-1] - made[-2] >= timedelta(minutes=30)
    assert any("ZeroDivisionError: a fault of ours" in line for line in doctor.findings())
    with clock.travelled(ahead):
        assert turn(Peer()) == ["a2"]
        outbox.retry_parked()
        (again,) = attempts.claim({"thing": 1}, {"thing": Peer()}, TIMING)
        assert (again.key, again.unknown) == (
            "a1",
            True,
        )  # it may have left: it is not sent blindly


def test_an_attempt_that_breaks_is_looked_up_and_sent_again() -> None:
    put("a1")
    assert work(Faulty()) == ["a1"]
    assert state("a1") == "unknown"
    for seconds in (91, 220):
        with clock.travelled(timedelta(seconds=seconds)):
            assert work(Peer(NotThere(2))) == ["a1"]
    with clock.travelled(timedelta(seconds=221)):
        assert work(Peer()) == ["a1"]
    assert state("a1") == "done"
