"""GET and HEAD /media/<token>/<name>: one file for one address, streamed, and nothing else."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from werkzeug import serving

from bot import clock
from bot.sandbox.server import StandIn, wait
from bot.sandbox.slack.files import File
from bot.talks.models import Part
from bot.texts import media_links
from ledger import database
from tests import pictures
from tests.bot.texts.test_pictures_out import card, thread
from tests.house import ANN, House
from tests.logged import logged
from tests.pictures import MB, attach, share


class Sent:
    """A text with two pictures that went out, and the addresses Twilio was given."""

    def __init__(self, house: House) -> None:
        self.house = house
        files = [("one.jpg", pictures.jpeg(5 * MB - 3_000)), ("two.png", pictures.png())]
        self.files: list[File] = attach(house, house.agent, *files)
        share(house, thread(house), self.files)
        house.slack.press(house.agent, card(house), "Send")
        house.settle()
        (text,) = house.twilio.sent_to(ANN)
        there, here = house.settings.public_url, house.sandbox.app_url
        self.one, self.two = (url.replace(there, here) for url in text.media)

    def get(self, url: str, **how: object) -> requests.Response:
        return requests.get(url, timeout=10, **how)  # type: ignore[arg-type]


@pytest.fixture
def sent(house: House) -> Sent:
    return Sent(house)


def test_get_gives_the_file_and_head_the_same_without_it(sent: Sent) -> None:
    got, head = sent.get(sent.one), requests.head(sent.one, timeout=10)
    assert got.content == sent.files[0].content
    for answer in (got, head):
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert answer.headers["Content-Length"] == str(5 * MB - 3_000)
        assert answer.headers["Content-Disposition"] == 'inline; filename="one.jpg"'
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "private, no-store"
    assert head.content == b""
    changing = ("Date",)
    assert {k: v for k, v in got.headers.items() if k not in changing} == {
        k: v for k, v in head.headers.items() if k not in changing
    }


def test_other_methods_are_not_there(sent: Sent) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert requests.request(method, sent.one, timeout=10).status_code == 405


def test_an_address_opens_one_file_and_no_other(sent: Sent) -> None:
    base, token_one, _ = sent.one.rsplit("/", 2)
    token_two = sent.two.rsplit("/", 2)[1]
    for path in (
        f"{token_one}/two.png", f"{token_two}/one.jpg", f"{token_one}/", token_one, "",
        f"{token_one}/one.jpg/", f"{token_one}/../{token_one}/two.png", f"{token_one}/%2e%2e",
        f"{token_one}x/one.jpg", f"{token_one[:-1]}/one.jpg", "x/one.jpg", "./one.jpg",
        f"{token_one.swapcase()}/one.jpg", f"{token_one}/one.jpg%00", "é/one.jpg",
    ):  # fmt: skip
        answer = sent.get(f"{base}/{path}")
        assert answer.status_code == 404, path
        assert b"JFIF" not in answer.content and b"PNG" not in answer.content


def test_a_token_that_somebody_else_signed_opens_nothing(sent: Sent) -> None:
    with database.session():
        part = Part.get()
    address = sent.house.sandbox.app_url
    forged = media_links.link("another secret", address, part.id, 0, part.media[0])
    assert sent.get(forged).status_code == 404
    key = sent.house.settings.secret_key.get_secret_value()
    mine = media_links.link(key, address, part.id, 0, part.media[0])
    assert sent.get(mine).status_code == 200
    for part_id, place, file in (
        (part.id + 1, 0, part.media[0]),
        (part.id, 5, part.media[0]),
        (part.id, 1, part.media[0]),  # the other one's place
        (part.id, -1, part.media[1]),
        (part.id, 0, {**part.media[0], "file": "F0SOMEOTHERS"}),
    ):
        other = media_links.link(key, address, part_id, place, file)
        assert sent.get(other).status_code == 404


def test_an_address_dies_after_five_hours(sent: Sent) -> None:
    with clock.travelled(timedelta(hours=4, minutes=59)):
        assert sent.get(sent.one).status_code == 200
    with clock.travelled(timedelta(hours=5, minutes=1)):
        for answer in (sent.get(sent.one), requests.head(sent.one, timeout=10)):
            assert (answer.status_code, answer.content) == (410, b"")


def test_slacks_token_is_shown_to_slack_alone(sent: Sent) -> None:
    seen: list[dict[str, str]] = []
    evil = StandIn("evil")
    evil.web.add_url_rule("/<path:_>", "any", lambda _: seen.append({}) or "gotcha")
    evil.serve()
    try:
        sent.files[0].served = f"{evil.origin}/x.jpg"
        answer = sent.get(sent.one, allow_redirects=False)
        assert answer.status_code == 502
        assert seen == []
        assert sent.house.slack.token not in answer.text + str(answer.headers)
        assert "gotcha" not in answer.text
    finally:
        evil.close()


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"served": "login"}, 502),
        ({"deleted": True}, 410),
        ({"content": pictures.EXE}, 410),
        ({"content": pictures.jpeg(900)}, 410),
        ({"content": pictures.jpeg(6 * MB)}, 502),
        ({"content": pictures.HTML}, 502),
    ],
)
def test_what_is_not_the_file_that_was_quoted_is_not_handed_over(
    sent: Sent, change: dict[str, object], status: int
) -> None:
    for name, value in change.items():
        setattr(sent.files[0], name, value)
    answer = sent.get(sent.one)
    assert (answer.status_code, answer.content) == (status, b"")
    assert requests.head(sent.one, timeout=10).status_code == status


@pytest.mark.parametrize("fault", ["error", "rate_limit", "drop_before"])
def test_while_slack_is_away_twilio_is_told_to_come_again(sent: Sent, fault: str) -> None:
    sent.house.slack.faults.add(fault, "file")
    assert sent.get(sent.one).status_code == 503
    assert sent.get(sent.one).status_code == 200


def test_a_file_that_ends_early_is_cut_off_and_never_passed_for_whole(sent: Sent) -> None:
    sent.files[0].served = "cut off"
    with pytest.raises(requests.RequestException):
        sent.get(sent.one)
    sent.files[0].served = "whole"
    assert sent.get(sent.one).content == sent.files[0].content


def held() -> int:
    """Bytes that are allocated now, but for what the test's own server clears its lines with."""
    ours = tracemalloc.Filter(inclusive=False, filename_pattern=serving.__file__)
    traces = tracemalloc.take_snapshot().filter_traces([ours]).traces
    return sum(trace.size for trace in traces)


def test_a_file_is_never_held_whole(sent: Sent) -> None:
    """5 MB pass through; what is allocated meanwhile, ours and the stand-in's, stays small."""
    sent.files[0].served = "no length"  # so that nothing can reckon with it
    sent.get(sent.one)  # what is made once is made
    tracemalloc.start()
    try:
        got, most = 0, 0
        with sent.get(sent.one, stream=True) as answer:
            before = held()
            while chunk := answer.raw.read(32 * 1024):
                got += len(chunk)
                most = max(most, held())
    finally:
        tracemalloc.stop()
    assert got == 5 * MB - 3_000
    assert most - before < MB


CONNECTIONS = Path("/proc/net/tcp")


def open_to(origin: str) -> int:
    """Connections to a peer that are open on this machine."""
    port = f"{urlsplit(origin).port:04X}"
    rows = [line.split() for line in CONNECTIONS.read_text().splitlines()[1:]]
    return sum(row[2].endswith(f":{port}") and row[3] == "01" for row in rows)


@pytest.mark.skipif(not CONNECTIONS.exists(), reason="needs Linux's list of connections")
def test_who_hangs_up_leaves_no_download_open(sent: Sent) -> None:
    file, slack = sent.files[0], sent.house.slack.origin
    wait(lambda: open_to(slack) == 0)  # what was opened before is closed by both
    file.served, file.handed_over = "drips", 0  # so that it is not over while we look
    with sent.get(sent.one, stream=True) as answer:
        answer.raw.read(1_000)
        assert open_to(slack) == 1
    wait(lambda: open_to(slack) == 0)
    assert 1_000 <= file.handed_over < len(file.content or b"")


def test_no_address_of_a_file_is_in_a_log(sent: Sent, caplog: pytest.LogCaptureFixture) -> None:
    sent.files[0].served = "login"
    token = sent.one.rsplit("/", 2)[1]
    with logged() as logs:
        sent.get(sent.one)
    said = str(logs) + caplog.text
    assert "media.not_handed_over" in said and "/media/…" in said
    assert token not in said and sent.files[0].id not in said and ANN not in said


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The development server logs every address; ours in production does not."""
    caplog.set_level("ERROR", "werkzeug")
    yield
