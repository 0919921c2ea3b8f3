"""What is forgotten after 30 days, and what never is."""

from __future__ import annotations

from datetime import timedelta

from bot import clock, retention
from bot.models import Delivery, Inbox
from bot.talks.models import Message
from ledger import database
from ledger.models import Entry
from tests.house import ANN, LINE, House


def test_rows_of_both_doors_go_after_30_days_and_nothing_else_does(house: House) -> None:
    house.twilio.text(ANN, LINE, "Hello")
    house.twilio.text(ANN, "+14155550999", "To nobody here")  # parked
    house.work()
    house.send(ANN, "Hello yourself")
    house.settle()
    with clock.travelled(timedelta(days=29)):
        assert retention.forget() == 0
    with clock.travelled(timedelta(days=31)):
        assert retention.forget() > 5
        assert retention.forget() == 0
    with database.session():
        assert [row.state for row in Inbox.select()] == ["parked"]
        assert Delivery.select().count() == 0
        assert Message.select().count() == 2
        assert Entry.select().count() == 3
    assert house.audit() == []


def test_a_text_that_is_told_of_again_after_that_is_not_charged_again(house: House) -> None:
    sid = house.twilio.text(ANN, LINE, "Hello")
    house.work()
    balance = house.balance()
    with clock.travelled(timedelta(days=31)):
        retention.forget()
        house.twilio.redeliver(sid, times=1)
        house.work()
    assert house.balance() == balance
    assert len(house.thread(ANN)) == 2
