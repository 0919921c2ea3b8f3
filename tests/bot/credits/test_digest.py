"""The daily digest: once a day of the account's own, with what was and who waits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot import clock
from bot.credits import digest
from bot.credits.models import Digest
from bot.talks.models import Message, Part
from bot.team import opening
from bot.texts import receipts
from ledger import credits, database, subscriptions
from ledger.models import Account
from tests.bot.office import at_hour, digests, texts
from tests.house import ANN, BEN, LINE, House


def test_the_digest_comes_once_at_eight_with_what_was_and_who_waits(office: House) -> None:
    texts(office)
    office.twilio.text(BEN, LINE, "Hello?")
    office.work()
    with clock.travelled(at_hour(7)):
        office.tick()
        assert digests(office) == []
    with clock.travelled(at_hour(8)):
        office.tick()
        office.tick()
        [post] = digests(office)
    said = post.plain()
    assert "4 in, 2 out" in said
    assert "7 credits (9 charged, 2 given back)" in said
    assert "493 credits" in said
    assert "Waiting for an answer, longest first" in said
    assert "(415) 555-0124 since" in said
    assert "Did not arrive" in said
    root = office.thread(BEN)[0]
    link = f"https://sandbox.slack.com/archives/{office.channel}/p{root.ts.replace('.', '')}"
    assert link in str(post.blocks)
    for part in ("4 in, 2 out", "Waiting for an answer", "Did not arrive", "493 credits"):
        assert part in post.text, "a screen reader reads the text alone"


def test_each_failure_is_told_in_the_next_digest_and_in_no_other(office: House) -> None:
    """Also one of a text of the day before yesterday, and one of this morning."""
    with clock.travelled(at_hour(23)):
        office.send(ANN, "Late at night")
        office.settle()
        office.send(BEN, "And one more")
        office.settle()
    with database.session():
        night, more = Message.select().order_by(Message.id)
    with clock.travelled(at_hour(7, days=2)):
        fail(more, "Switched off since.")
    with clock.travelled(at_hour(8, days=2)):
        office.tick()
        assert "Switched off since." in digests(office)[-1].plain()
    with clock.travelled(at_hour(9, days=2)):
        fail(night, "Nobody took it.")
    with clock.travelled(at_hour(8, days=3)):
        office.tick()
        said = digests(office)[-1].plain()
        assert len(digests(office)) == 2
        assert "Nobody took it." in said
        assert "Switched off since." not in said
    with clock.travelled(at_hour(8, days=4)):
        office.tick()
        assert len(digests(office)) == 2


def fail(message: Message, why: str) -> None:
    """Twilio says of a text, hours later, that it did not arrive."""
    with database.session():
        Part.update(status="sent").where(Part.message == message).execute()
        part = Part.get(Part.message == message)
    fate = receipts.Fate("undelivered", 30003, why)
    receipts.report(part.ref, part.message_sid, fate, clock.now())


def test_several_workers_send_a_digest_once(office: House) -> None:
    office.twilio.text(ANN, LINE, "Hello?")
    office.work()
    with clock.travelled(at_hour(8)):
        with ThreadPoolExecutor(4) as workers:
            sent = list(workers.map(lambda _: digest.send_due(), range(8)))
        office.work()
        assert sum(sent) == 1
        assert len(digests(office)) == 1


def test_the_books_of_one_account_do_not_keep_others_from_their_digest(office: House) -> None:
    opening.setup(account="Elm", timezone="UTC", owner="U7ELM")
    with database.session():
        Account.update(timezone="Nowhere/At_All").where(Account.name == "Harbor Homes").execute()
        before = Digest.select().order_by(Digest.next_at.desc()).first()
    with clock.travelled(before.next_at - clock.now() + timedelta(minutes=1)):
        digest.send_due()
    with database.session():
        elm = Digest.get(Digest.account == Account.get(Account.name == "Elm"))
    assert elm.next_at > before.next_at


def test_it_follows_the_account_to_another_time_zone(office: House) -> None:
    account = office.account().id
    subscriptions.set_timezone(account, "Asia/Tokyo", clock.now())
    digest.moved(account, clock.now())
    with database.session():
        next_at = Digest.get().next_at.astimezone(ZoneInfo("Asia/Tokyo"))
    assert (next_at.hour, next_at > clock.now()) == (8, True)
    assert next_at - clock.now() < timedelta(days=2)


def test_nothing_happened_and_nobody_waits_so_nothing_is_said(office: House) -> None:
    with clock.travelled(at_hour(8)):
        office.tick()
        assert digests(office) == []


def test_a_worker_that_was_away_for_days_sends_one_digest(office: House) -> None:
    office.twilio.text(ANN, LINE, "Hello?")
    office.work()
    with clock.travelled(at_hour(15, days=4)):
        office.tick()
        office.tick()
        assert len(digests(office)) == 1
    with clock.travelled(at_hour(8, days=5)):
        office.tick()
        assert len(digests(office)) == 2  # somebody still waits


def test_its_hour_is_set_from_the_message_and_it_is_muted(office: House) -> None:
    office.twilio.text(ANN, LINE, "Hello?")
    office.work()
    with clock.travelled(at_hour(8)):
        office.tick()
        [post] = digests(office)
        slack = office.slack
        said = office.hears(
            lambda: slack.choose(office.agent, post, "digest_hour", "6:00 PM")
        ).plain()
        assert "comes at 6:00 PM" in said
        said = office.hears(lambda: slack.press(office.clerk, post, "Mute"), office.clerk).plain()
        assert "Only the owner and managers" in said
    with clock.travelled(at_hour(19)):
        office.tick()
        assert len(digests(office)) == 1, "once a day, whatever the hour"
    with clock.travelled(at_hour(9, days=2)):
        office.tick()
        assert len(digests(office)) == 1
    with clock.travelled(at_hour(18, days=2)):
        office.tick()
        assert len(digests(office)) == 2
        office.hears(lambda: slack.press(office.manager, post, "Mute"), office.manager)
    with clock.travelled(at_hour(18, days=3)):
        office.tick()
        assert len(digests(office)) == 2
        office.ask("digest on", "/credits")
    with clock.travelled(at_hour(8, days=4)):
        office.tick()
        assert len(digests(office)) == 3
    assert "Say at which hour" in office.ask("digest noonish", "/credits").plain()


@pytest.mark.parametrize(
    ("zone", "first", "hour", "expected"),
    [
        # New York puts its clocks forward over 2:30 on 8 March 2026: the digest comes at 3:00.
        ("America/New_York", datetime(2026, 3, 6, 12, tzinfo=UTC), 2, 3),
        # It puts them back on 1 November: 1:00 comes twice, the digest once.
        ("America/New_York", datetime(2026, 10, 30, 12, tzinfo=UTC), 1, 3),
        ("Africa/Cairo", datetime(2026, 4, 22, 12, tzinfo=UTC), 0, 3),
    ],
)
def test_once_a_day_whatever_the_clocks_do(
    books: str, zone: str, first: datetime, hour: int, expected: int
) -> None:
    account = credits.open_account("Harbor Homes", zone, first)
    digest.start(account.id, zone, first)
    digest.set_hour(account.id, hour, first)
    came = set()
    moment = first
    while moment < first + timedelta(days=expected):
        with database.session():
            row = Digest.get()
        if row.next_at is not None and row.next_at <= moment:
            with clock.travelled(moment - clock.now()):
                digest.send_due()
            with database.session():
                after = Digest.get()
            assert after.day == moment.astimezone(ZoneInfo(zone)).date()
            assert after.next_at > moment
            came.add(after.day)
        moment += timedelta(minutes=10)
    assert len(came) == expected
