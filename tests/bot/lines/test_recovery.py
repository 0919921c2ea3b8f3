"""Nothing is missed while nobody listens: Twilio's lists are read, each thing once, in order."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from bot import clock, retention
from bot.lines.models import Line
from bot.models import Inbox
from bot.sandbox import Sandbox
from bot.talks.models import Message
from bot.twilio import backfill
from bot.twilio.accounts import Accounts
from bot.words import moment_words
from ledger import database
from tests.house import ANN, BEN, LINE, House

DOWN = "http://127.0.0.1:9/down"
PEOPLE = [f"+1415555{number:04d}" for number in range(2000, 2010)]
QUICK = {"CHANNEL_PACE_S": "0.001"}


@pytest.fixture
def quick(books: str, sandbox: Sandbox) -> Iterator[House]:
    with House(books, sandbox, opening_credits=1000, **QUICK).serving() as built:
        yield built


def test_500_texts_of_an_hour_away_are_all_shown_in_order_and_charged_once(quick: House) -> None:
    quick.twilio.text(ANN, LINE, "before it")
    quick.work()
    quick.twilio.point(LINE, DOWN)
    with clock.travelled(timedelta(hours=1)):
        for n in range(500):
            quick.twilio.text(PEOPLE[n % 10], LINE, f"text {n // 10}", wait_for_it=False)
    quick.twilio.quiet()
    quick.twilio.point(LINE, None)
    with clock.travelled(timedelta(hours=2)):
        assert quick.missed() == 500
        assert quick.missed() == 0
        quick.work()
        with clock.travelled(timedelta(minutes=1)):
            quick.work()
    for number in PEOPLE:
        said = [post.plain().splitlines()[0] for post in quick.thread(number)[1:]]
        assert said == [f"text {n}" for n in range(50)], "in the order in which they wrote"
    assert quick.balance() == 1000 - 501
    assert quick.audit() == []


def test_the_thread_says_when_a_text_arrived_and_when_it_was_found(house: House) -> None:
    house.twilio.point(LINE, DOWN)
    house.twilio.text(ANN, LINE, "Is it still for sale?")
    with clock.travelled(timedelta(hours=2, minutes=28)):
        assert house.missed() == 1
        house.work()
    with database.session():
        message = Message.get()
    apart = message.recovered_at - message.arrived_at
    assert timedelta(hours=2, minutes=27) < apart < timedelta(hours=2, minutes=29)
    said = house.thread(ANN)[1].plain()
    assert f"arrived {moment_words(message.arrived_at)} UTC" in said
    assert f"recovered {moment_words(message.recovered_at)} UTC" in said


def test_a_list_of_several_pages_is_read_to_its_end(
    quick: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "PAGE", 7)
    quick.twilio.point(LINE, DOWN)
    for n in range(25):
        quick.twilio.text(ANN, LINE, f"text {n}", wait_for_it=False)
    quick.twilio.quiet()
    assert quick.missed() == 25
    asked = [given for name, given in quick.twilio.calls if name == "GET Messages"]
    assert [given.get("Page") for given in asked if given.get("To") == LINE] == [
        None, "1", "2", "3",
    ]  # fmt: skip
    quick.work()
    assert [post.plain().splitlines()[0] for post in quick.thread(ANN)[1:]] == [
        f"text {n}" for n in range(25)
    ]


def test_a_page_that_fails_loses_none_of_the_others(
    quick: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "PAGE", 7)
    quick.twilio.point(LINE, DOWN)
    for n in range(20):
        quick.twilio.text(ANN, LINE, f"text {n}", wait_for_it=False)
    quick.twilio.quiet()
    for kind in ("error", "rate_limit", "drop_before", "drop_after"):
        before = quick.line().read_until
        faults = quick.twilio.faults
        faults.add(kind, "GET Messages", times=1)
        assert quick.missed() == 0
        faults.clear()
        assert quick.line().read_until == before
    assert quick.missed() == 20


@pytest.mark.parametrize("ahead", [-40, 40])
def test_a_clock_that_is_wrong_by_more_than_the_overlap_loses_nothing(
    house: House, ahead: int
) -> None:
    """The list is read from the newest text in it, by Twilio's clock: ours does not count."""
    house.twilio.text(ANN, LINE, "first")
    assert house.missed() == 0
    house.twilio.point(LINE, DOWN)
    for n in range(4):
        with clock.travelled(timedelta(minutes=5 * n)):
            house.twilio.text(BEN, LINE, f"later {n}")
        with clock.travelled(timedelta(minutes=5 * n + ahead)):
            assert house.missed() == 1
    with clock.travelled(timedelta(hours=2)):
        house.work()
    assert len(house.thread(BEN)) == 5


def test_a_text_that_comes_both_ways_at_once_is_one_text(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "WEBHOOK_TAKES", timedelta(0))
    sids = []
    house.twilio.point(LINE, DOWN)
    for n in range(8):
        sids.append(house.twilio.text(ANN, LINE, f"text {n}"))
    house.twilio.point(LINE, None)
    known = Accounts(house.settings)
    readers = [threading.Thread(target=backfill.missed, args=(known,)) for _ in range(2)]
    for reader in readers:
        reader.start()
    sent = [future for sid in sids for future in house.twilio.redeliver(sid, 2)]
    assert {future.result() for future in sent} == {200}
    for reader in readers:
        reader.join()
    house.work()
    with database.session():
        assert Message.select().count() == 8
        assert Inbox.select().where(Inbox.kind == "twilio.sms").count() == 8
    assert house.balance() == 92
    assert house.audit() == []


def test_what_was_read_already_is_not_read_from_the_beginning(house: House) -> None:
    """The list of a line on which nobody has written for long is not read for all that time."""
    house.twilio.text(ANN, LINE, "first")
    house.missed()
    with clock.travelled(timedelta(days=20)):
        house.twilio.text(ANN, LINE, "second")
        house.missed()
        until = house.line().read_until
        assert clock.now() - until < timedelta(minutes=1)


@pytest.mark.parametrize("ahead", [-20, 0, 20])
def test_a_text_that_its_webhook_is_about_to_bring_is_not_called_recovered(
    house: House, ahead: int
) -> None:
    """However far our clock is from Twilio's, within what clocks are."""
    known = Accounts(house.settings)
    house.twilio.point(LINE, DOWN)
    with clock.travelled(timedelta(hours=1)):
        sid = house.twilio.text(ANN, LINE, "just now")
        with clock.travelled(timedelta(seconds=ahead)):
            assert backfill.missed(known) == 0
        house.twilio.point(LINE, None)
        assert house.twilio.redeliver(sid)[0].result() == 200
        assert house.missed() == 0
        with clock.travelled(timedelta(minutes=1)):
            house.work()
    assert "recovered" not in house.thread(ANN)[1].plain()


def test_a_text_whose_webhook_is_lost_is_there_at_once_however_new_it_is(house: House) -> None:
    house.twilio.point(LINE, DOWN)
    house.twilio.text(BEN, LINE, "an hour ago")
    with clock.travelled(timedelta(hours=1)):
        house.twilio.text(ANN, LINE, "just now")
        assert backfill.missed(Accounts(house.settings)) == 1
        house.work()
    assert "recovered" in house.thread(BEN)[1].plain()
    assert house.thread(ANN)[1].plain().startswith("just now")


def test_the_last_text_of_a_quiet_line_is_not_missed_when_the_inbox_forgets_it(
    house: House,
) -> None:
    house.twilio.text(ANN, LINE, "Hello")
    house.twilio.call(ANN, LINE)
    house.work()
    assert house.missed() == 0
    with clock.travelled(timedelta(days=31)):
        assert retention.forget() > 0
        with database.session():
            assert Inbox.select().count() == 0
        assert house.missed() == 0
        with database.session():
            assert Inbox.select().count() == 0


def test_a_released_line_is_not_read(house: House) -> None:
    house.twilio.point(LINE, DOWN)
    house.twilio.text(ANN, LINE, "Hello")
    with database.session():
        Line.update(released_at=clock.now()).execute()
    assert house.missed() == 0


class TestTextsThatNobodySent:
    def leak(self, house: House, body: str = "Win a prize") -> None:
        """Somebody sends from our number with our token, past Partyline."""
        with clock.travelled(timedelta(minutes=1)):
            Accounts(house.settings).client().messages.create(to=BEN, from_=LINE, body=body)
            house.twilio.settled()

    def warnings(self, house: House) -> list[str]:
        return [post.plain() for post in house.slack.channel(house.channel)
                if "that nobody sent here" in post.plain()]  # fmt: skip

    def test_are_reported_once_and_ours_are_not(self, house: House) -> None:
        house.send(ANN, "From us")
        house.settle()
        with clock.travelled(timedelta(hours=1)):
            assert house.missed() == 0
            house.work()
        assert self.warnings(house) == []
        self.leak(house)
        with clock.travelled(timedelta(hours=2)):
            self.leak(house)
        with clock.travelled(timedelta(hours=3)):
            assert house.missed() == 2
            assert house.missed() == 0
            house.work()
            house.tick()
        [said] = self.warnings(house)
        assert "(415) 555-0100" in said
        assert house.balance() == 99, "nobody is charged for them"
        assert house.audit() == []

    def test_are_over_when_a_day_has_passed_without_another(self, house: House) -> None:
        self.leak(house)
        with clock.travelled(timedelta(hours=1)):
            house.tick()
        with clock.travelled(timedelta(hours=27)):
            house.tick()
        said = [post.plain() for post in house.slack.channel(house.channel)]
        assert any("is well again" in one for one in said)

    def test_are_not_reported_anew_when_the_inbox_forgets_them(self, house: House) -> None:
        self.leak(house)
        for days in (1, 3, 34):
            with clock.travelled(timedelta(days=days)):
                retention.forget()
                house.tick()
        assert sum(said.startswith(":warning:") for said in self.warnings(house)) == 1

    def test_one_that_is_just_on_its_way_is_not_among_them(self, house: House) -> None:
        """A send whose answer was lost is ours, as soon as a look has found it."""
        house.twilio.faults.add("drop_after", "POST Messages")
        house.twilio.callbacks.withhold = True
        house.send(ANN, "Ours all the same")
        house.work()
        with clock.travelled(timedelta(minutes=10)):
            assert house.missed() == 0
            house.work()
        with clock.travelled(timedelta(hours=1)):
            house.work()
            assert house.missed() == 0
        assert self.warnings(house) == []
