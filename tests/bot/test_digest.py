"""The daily digest: once a day of the account's own, with what was and who waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot import clock, digest
from bot.models import Digest
from ledger import credits, database
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
            lambda: slack.choose(office.agent, post, "digest_hour", "18:00")
        ).plain()
        assert "comes at 18:00" in said
        said = office.hears(lambda: slack.press(office.clerk, post, "Mute"), office.clerk).plain()
        assert "Only owner and managers" in said
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
