"""A status never goes back, however callbacks arrive; of two at once, both count."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import clock
from bot.talks.models import Message, Part
from bot.texts import receipts
from bot.texts.receipts import FINAL, RANK, Fate, advances
from ledger import database
from tests.house import ANN, House

STATUSES = st.sampled_from([*RANK])


@pytest.mark.parametrize(
    ("old", "new", "moves"),
    [
        ("queued", "sent", True),
        ("sent", "delivered", True),
        ("accepted", "delivered", True),
        ("delivered", "read", True),
        ("sent", "partially_delivered", True),
        ("partially_delivered", "delivered", True),
        ("waiting", "accepted", True),  # a word of ours, before Twilio's first
        ("waiting", "failed", True),
        ("sent", "queued", False),
        ("sent", "sent", False),
        ("delivered", "sent", False),
        ("delivered", "undelivered", False),
        ("failed", "delivered", False),
        ("failed", "read", False),
        ("read", "delivered", False),
        ("queued", "receiving", False),  # not a word for a text out
        ("queued", "", False),
    ],
)
def test_a_status_only_moves_forward(old: str, new: str, moves: bool) -> None:
    assert advances(old, new) is moves


@given(st.lists(STATUSES))
def test_however_callbacks_arrive_a_final_status_stays_and_none_goes_back(told: list[str]) -> None:
    status = "accepted"
    for new in told:
        before = status
        if advances(status, new):
            status = new
        assert RANK[status] >= RANK[before]
        assert status == before or before not in FINAL or (before, status) == ("delivered", "read")


@given(st.permutations(["accepted", "queued", "sending", "sent", "delivered"]))
def test_the_order_of_callbacks_does_not_matter(told: list[str]) -> None:
    status = "waiting"
    for new in told + told:
        if advances(status, new):
            status = new
    assert status == "delivered"


def test_two_parts_that_fail_at_once_are_both_noted_as_given_back(house: House) -> None:
    """Twilio tells of the one while it refuses the other."""
    house.send(ANN, "word " * 330)
    house.work()
    house.twilio.settled()
    with database.session():
        sent, waiting = Part.select().order_by(Part.number)
        Part.update(status="sent").where(Part.id == sent.id).execute()
        Part.update(status="waiting", message_sid=None).where(Part.id == waiting.id).execute()
    broke = Fate("failed", 30500, "Twilio broke. Try again.", refund=True)
    told, over = threading.Event(), threading.Event()

    @database.transaction
    def tell() -> None:
        receipts.report(None, sent.message_sid, broke, clock.now())
        told.set()
        over.wait(5)

    def refuse() -> None:
        receipts.refused(waiting.id, broke, clock.now())

    teller, refuser = (threading.Thread(target=work) for work in (tell, refuse))
    teller.start()
    assert told.wait(5)
    refuser.start()
    refuser.join(0.3)  # far enough to have read, if nothing held it up
    over.set()
    for thread in (teller, refuser):
        thread.join()
    with database.session():
        message = Message.get()
    assert message.refunded == message.credits > 1
    assert house.balance() == 100
    assert house.audit() == []
