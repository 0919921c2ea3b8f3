"""A status never goes back, however callbacks arrive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.texts.receipts import FINAL, RANK, advances

STATUSES = st.sampled_from([*RANK])


@pytest.mark.parametrize(
    ("old", "new", "moves"),
    [
        ("queued", "sent", True),
        ("sent", "delivered", True),
        ("accepted", "delivered", True),
        ("delivered", "read", True),
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
