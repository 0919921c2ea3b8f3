"""Pictures that are texted in: brought from Twilio into the thread, and never in the text's way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Response, request

from bot import clock
from bot.models import Delivery
from bot.sandbox.server import StandIn, wait
from bot.sandbox.slack.records import Post
from bot.sandbox.twilio.media import Media
from bot.slack.outcomes import opaque
from bot.talks.models import Message
from bot.worker import Worker
from ledger import database
from tests import pictures
from tests.house import ANN, BEN, LINE, House
from tests.logged import logged

HOURS = (0, 0.01, 0.02, 0.05, 0.1, 0.3, 1, 2, 3, 5, 8, 12, 20)


@pytest.fixture
def evil() -> Iterator[StandIn]:
    """Somebody else's server, which keeps what it is asked."""
    server = StandIn("evil")

    def keep(path: str) -> Response:
        server.calls.append((path, dict(request.headers)))
        return Response(pictures.jpeg(), mimetype="image/jpeg")

    server.web.add_url_rule("/<path:path>", "keep", keep)
    server.serve()
    yield server
    server.close()


def shown(house: House, number: str = ANN) -> list[tuple[str, str, bytes]]:
    """The pictures in the thread: post's ts, alternative text, content."""
    return [
        (post.ts, block["alt_text"], house.slack.files[block["slack_file"]["id"]].content or b"")
        for post in house.thread(number)
        for block in post.blocks
        if block["type"] == "image"
    ]


def posts_of_pictures(house: House) -> list[Post]:
    with database.session():
        rows = Delivery.select().where(Delivery.key.startswith("pictures:"))
        keys = {opaque(row.key) for row in rows}
    return [p for p in house.thread(ANN)
            if (p.metadata or {}).get("event_payload", {}).get("key") in keys]  # fmt: skip


def work_for_hours(house: House) -> None:
    for hours in HOURS:
        with clock.travelled(timedelta(hours=hours)):
            house.work()


def kept(house: House) -> Media:
    (media,) = house.twilio.media.values()
    return media


def test_a_picture_stands_in_the_thread_with_words_for_who_cannot_see_it(house: House) -> None:
    house.twilio.text(ANN, LINE, "Look", media=[pictures.jpeg()])
    house.work()
    ((_, words, content),) = shown(house)
    assert content == pictures.jpeg()
    assert words == "Picture from (415) 555-0123"
    (file,) = house.slack.files.values()
    assert (file.name, file.alt_text) == ("picture.jpg", words)
    post = house.thread(ANN)[-1]
    assert post.text == "(415) 555-0123: Picture from (415) 555-0123"
    assert post.metadata == {
        "event_type": "partyline",
        "event_payload": {"key": opaque(f"pictures:{_message().id}")},
    }  # fmt: skip


def _message() -> Message:
    with database.session():
        return Message.get()


def test_ten_pictures_stand_in_one_post_in_their_order(house: House) -> None:
    sent = [kind(2_000 + n) for n, kind in enumerate([pictures.jpeg, pictures.png, pictures.gif])]
    sent += [pictures.png(3_000 + n) for n in range(7)]
    house.twilio.text(ANN, LINE, "", media=sent)
    house.work()
    assert [content for _, _, content in shown(house)] == sent
    assert len(posts_of_pictures(house)) == 1
    assert shown(house)[2][1] == "Picture 3 of 10 from (415) 555-0123"
    assert house.balance() == 97


def test_other_files_are_tied_to_the_post_and_pictures_shown_in_it(house: House) -> None:
    house.twilio.text(ANN, LINE, "", media=[pictures.CARD, pictures.png(), pictures.pdf()])
    house.work()
    (post,) = posts_of_pictures(house)
    assert [file.name for file in post.files] == ["attachment-1.vcf", "attachment-3.pdf"]
    assert [content for _, _, content in shown(house)] == [pictures.png()]


def test_what_a_file_is_is_told_by_its_content(house: House) -> None:
    house.twilio.text(ANN, LINE, "", media=[pictures.EXE, pictures.HTML])  # "image/jpeg", both
    house.work()
    (post,) = posts_of_pictures(house)
    assert [file.name for file in post.files] == ["attachment-1.bin", "attachment-2.txt"]
    assert shown(house) == []


def test_the_text_is_not_held_up_by_its_picture(house: House) -> None:
    house.twilio.faults.add("error", "GET content", times=3)
    house.twilio.text(ANN, LINE, "First", media=[pictures.jpeg()])
    house.twilio.text(ANN, LINE, "Second")
    house.work()
    assert [p.plain().splitlines()[0] for p in house.thread(ANN)[1:]] == ["First", "Second"]
    work_for_hours(house)
    assert [content for _, _, content in shown(house)] == [pictures.jpeg()]


def test_a_picture_that_is_not_there_yet_is_fetched_when_it_is(house: House) -> None:
    house.twilio.text(ANN, LINE, "", media=[pictures.jpeg()])
    kept(house).served = "gone"
    house.work()
    kept(house).served = "whole"
    with clock.travelled(timedelta(seconds=30)):
        house.work()
    assert len(shown(house)) == 1


@pytest.mark.parametrize(
    ("served", "size", "said"),
    [
        ("gone", 2_000, "It is no longer at Twilio. Ask them to send it again."),
        ("cut off", 2_000, "Twilio did not hand it over for hours. Ask them to send it again."),
        ("whole", 20_000_000, "It has more than 10 MB. Ask them for a smaller one, or for a link."),
        ("no length", 20_000_000, "It has more than 10 MB."),
        ("whole", 0, "It is no longer at Twilio."),
        ("https://evil.example/x.jpg", 2_000, "Its address is not Twilio's, so it was not opened."),
    ],
)
def test_a_picture_that_cannot_be_brought_is_said_so_beside_those_that_can(
    house: House, served: str, size: int, said: str
) -> None:
    house.twilio.text(ANN, LINE, "Two", media=[b"", pictures.png()])
    first = next(iter(house.twilio.media.values()))
    first.content, first.served = pictures.jpeg(size)[:size], served
    work_for_hours(house)
    (post,) = posts_of_pictures(house)
    assert f"Attachment 1 of 2 could not be brought here. {said}" in post.plain()
    assert said in post.text
    assert [content for _, _, content in shown(house)] == [pictures.png()]
    assert "Two" in house.thread(ANN)[1].plain()


def test_a_file_without_a_length_comes_whole(house: House) -> None:
    house.twilio.text(ANN, LINE, "", media=[pictures.jpeg(300_000)])
    kept(house).served = "no length"
    house.work()
    assert shown(house)[0][2] == pictures.jpeg(300_000)


def test_our_credentials_go_to_twilio_and_nobody_else(house: House, evil: StandIn) -> None:
    house.twilio.text(ANN, LINE, "", media=[pictures.jpeg(), f"{evil.origin}/2010-04-01/Accounts/"
                      f"{house.twilio.account_sid}/Messages/MM1/Media/ME1"])  # fmt: skip
    kept(house).served = f"{evil.origin}/picture.jpg"
    work_for_hours(house)
    assert evil.calls == []
    assert posts_of_pictures(house)[0].plain().count("Its address is not Twilio's") == 2


@pytest.mark.parametrize("url", [
    "https://api.twilio.com/2010-04-01/Accounts/ACother/Messages/MM1/Media/ME1",
    "https://api.twilio.com/2010-04-01/Accounts/{sid}/Messages/MM1/Media/../../Keys.json",
    "https://api.twilio.com.evil.example/2010-04-01/Accounts/{sid}/Messages/MM1/Media/ME1",
    "https://api.twilio.com@evil.example/2010-04-01/Accounts/{sid}/Messages/MM1/Media/ME1",
    "http://api.twilio.com/2010-04-01/Accounts/{sid}/Messages/MM1/Media/ME1",
    "https://api.twilio.com:99999/", "file:///etc/passwd", "", "[",
])  # fmt: skip
def test_an_address_that_is_no_attachment_of_our_account_is_not_opened(
    house: House, url: str
) -> None:
    house.twilio.text(ANN, LINE, "", media=[url.format(sid=house.twilio.account_sid)])
    house.work()
    assert "Its address is not Twilio's" in posts_of_pictures(house)[0].plain()


@pytest.mark.parametrize("step", [
    "files.getUploadURLExternal", "upload", "files.completeUploadExternal", "chat.postMessage",
    "chat.update",
])  # fmt: skip
@pytest.mark.parametrize("fault", ["drop_after", "drop_before", "error"])
def test_whatever_breaks_and_when_the_pictures_stand_there_once(
    house: House, step: str, fault: str
) -> None:
    house.twilio.faults.add("error", "GET content")
    house.twilio.text(ANN, LINE, "", media=[pictures.jpeg(), pictures.pdf()])
    house.work()  # the text stands there, its pictures do not yet
    house.slack.faults.add(fault, step)
    work_for_hours(house)
    assert house.slack.faults.happened
    (post,) = posts_of_pictures(house)
    assert [content for _, _, content in shown(house)] == [pictures.jpeg()]
    assert [file.content for file in post.files] == [pictures.pdf()]


def test_a_webhook_that_comes_ten_times_brings_its_pictures_once(house: House) -> None:
    sid = house.twilio.text(ANN, LINE, "", media=[pictures.jpeg()])
    for sent in house.twilio.redeliver(sid, times=10):
        sent.result()
    house.work()
    assert len(shown(house)) == 1
    assert len(house.slack.files) == 1


def test_slack_is_waited_for_while_it_is_at_work_on_a_picture(house: House) -> None:
    house.slack.slow_pictures = 2
    house.twilio.text(ANN, LINE, "", media=[pictures.jpeg()])
    house.work()
    assert shown(house) == []
    work_for_hours(house)
    assert len(shown(house)) == 1
    assert len(posts_of_pictures(house)) == 1


def test_a_picture_that_slack_never_shows_is_tied_to_the_post(house: House) -> None:
    house.slack.slow_pictures = 99
    house.twilio.text(ANN, LINE, "", media=[pictures.jpeg()])
    work_for_hours(house)
    (post,) = posts_of_pictures(house)
    assert [file.content for file in post.files] == [pictures.jpeg()]


def test_where_slack_takes_no_files_the_thread_says_who_can_mend_that(house: House) -> None:
    house.slack.takes_files = False
    house.twilio.text(ANN, LINE, "Look", media=[pictures.jpeg()])
    house.work()
    assert "Ask an admin of your workspace" in posts_of_pictures(house)[0].plain()


def test_pictures_of_a_text_that_no_webhook_brought_come_and_are_charged(house: House) -> None:
    house.twilio.point(LINE, "http://127.0.0.1:9/down")
    house.twilio.text(BEN, LINE, "Missed", media=[pictures.png(), pictures.jpeg()])
    assert house.missed() == 1
    house.work()
    assert [content for _, _, content in shown(house, BEN)] == [pictures.png(), pictures.jpeg()]
    assert house.balance() == 97
    assert house.audit() == []


def test_no_name_number_or_body_is_in_a_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("ERROR", "werkzeug")  # the development server's
    url = "https://evil.example/x"
    with logged() as logs:
        house.twilio.text(ANN, LINE, "A secret body", media=[pictures.jpeg(), url])
        work_for_hours(house)
    said = str(logs) + caplog.text
    assert "media.misled" in said
    for secret in (ANN, "555-0123", "A secret body", "Media/ME", url, house.twilio.auth_token):
        assert secret not in said


def test_no_text_waits_for_pictures_however_many_come_and_however_slowly(house: House) -> None:
    house.twilio.faults.add("slow", "GET content", times=None, seconds=4)
    people = [f"+1415555{n:04d}" for n in range(1000, 1012)]
    for person in people:
        house.twilio.text(person, LINE, "", media=[pictures.jpeg()])
    worker = Worker(
        house.handlers, house.carriers, house.timing, jobs=[], hands=2, listen_url=None
    )  # fmt: skip
    running = threading.Thread(target=worker.run)
    running.start()
    try:
        wait(lambda: ("GET content", "slow") in house.twilio.faults.happened)
        house.send(BEN, "Hello")
        wait(lambda: [text.body for text in house.twilio.sent_to(BEN)] == ["Hello"])
        assert not any(file.complete for file in house.slack.files.values())
        house.twilio.faults.clear()
        wait(lambda: sum(file.complete for file in house.slack.files.values()) == 12, timeout_s=30)
    finally:
        worker.stop()
        running.join(30)
    assert not running.is_alive()
