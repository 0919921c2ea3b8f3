"""Pictures in a composer: quoted by what Slack says of them, sent once they were looked at."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot import clock
from bot.sandbox import wait
from bot.sandbox.slack.records import View
from bot.texts.models import Draft
from ledger import database
from tests import pictures
from tests.bot.texts.test_composer import form, shows, still, to, type_in, written
from tests.house import ANN, House
from tests.pictures import MB


def files(house: House, *named: tuple[str, bytes]) -> list[dict[str, Any]]:
    """Files as Slack describes them in a form."""
    added = [house.slack.add_file(house.agent, name, content) for name, content in named]
    return [house.slack.described(file) for file in added]


def attached(house: House, *named: tuple[str, bytes]) -> View:
    """A composer with a text and these files, whose quote stands there."""
    view = form(house)
    to(house, view, ANN)
    view.held["files"]["files"]["files"] = files(house, *named)
    type_in(house, view, "Look at this")
    return view


def test_a_picture_is_quoted_looked_at_and_sent(house: House) -> None:
    content = pictures.jpeg(700_000)
    view = attached(house, ("the house.jpg", content))
    assert "MMS · 1 × 1,600 characters · 3 credits · 97 left after" in view.plain()
    house.slack.submit(house.agent, view, {})
    assert "your pictures are looked at, then it goes out. It costs 3 credits" in view.plain()
    assert house.balance() == 100
    assert written(house) == ["Look at this"]
    (text,) = house.twilio.sent_to(ANN)
    assert [got.content for got in text.got] == [content]
    assert house.balance() == 97
    assert "Look at this" in house.thread(ANN)[1].plain()
    assert house.audit() == []


def test_a_picture_without_words_is_a_text_too(house: House) -> None:
    view = form(house)
    to(house, view, ANN)
    given = files(house, ("a.png", pictures.png()))
    house.slack.submit(house.agent, view, {"files": given})
    shows(house, view, "The price was not shown yet: 3 credits")
    still(house)
    house.slack.submit(house.agent, view, {})
    assert written(house) == [""]
    assert house.balance() == 97


def test_a_file_that_is_too_large_is_said_in_the_form(house: House) -> None:
    view = attached(house, ("film.jpg", pictures.jpeg(7 * MB)))
    assert "film.jpg has 7" in view.plain()
    house.slack.submit(house.agent, view, {})
    assert "too much" in view.errors["body:0"]
    assert written(house) == []


def test_a_file_that_is_not_what_it_says_is_refused_by_its_content(house: House) -> None:
    view = attached(house, ("photo.jpg", b"MZ" + b"\0" * 500))
    house.slack.submit(house.agent, view, {})
    assert written(house) == []
    wait(lambda: house.slack.seen_by(house.agent))
    told = house.slack.seen_by(house.agent)[-1].plain()
    assert "photo.jpg is of a kind that phones do not take" in told
    assert "Nothing was texted" in told
    assert house.balance() == 100
    with database.session():
        assert Draft.get().state == "cancelled"


def test_a_size_that_is_another_than_slack_said_is_asked_about(house: House) -> None:
    view = form(house)
    to(house, view, ANN)
    given = files(house, ("a.jpg", pictures.jpeg(3 * MB)), ("b.jpg", pictures.jpeg(3 * MB)))
    given[1]["size"] = 1_000
    view.held["files"]["files"]["files"] = given
    type_in(house, view, "Two")
    assert "3 credits" in view.plain()
    house.slack.submit(house.agent, view, {})
    assert written(house) == []
    card = house.thread(ANN)[-1]
    assert "6 credits · 94 left after" in card.plain()
    house.slack.press(house.agent, card, "Send")
    wait(lambda: house.balance() == 94)
    assert len(written(house)) == 2


def test_a_modal_with_pictures_that_is_submitted_twice_sends_once(house: House) -> None:
    view = attached(house, ("a.jpg", pictures.jpeg(1_000)))
    press = house.slack.signed_submit(house.agent, view, {})
    for _ in range(3):
        assert press.send().json["response_action"] == "update"
    assert written(house) == ["Look at this"]
    assert press.send().json["response_action"] == "update"
    assert written(house) == ["Look at this"]
    assert house.balance() == 97


def test_pictures_go_out_later(house: House) -> None:
    view = attached(house, ("a.jpg", pictures.jpeg(1_000)))
    house.slack.press(house.agent, view, "compose_later")
    shows(house, view, "When, by your own clock")
    at = clock.now() + timedelta(days=2)
    house.slack.submit(house.agent, view, {"at": int(at.timestamp())})
    assert written(house) == []
    with clock.travelled(timedelta(days=2, minutes=1)):
        house.tick()
        assert written(house) == ["Look at this"]
    assert house.balance() == 97


def test_credits_that_are_gone_when_the_pictures_were_looked_at_are_asked_about(
    house: House,
) -> None:
    from ledger import credits

    view = attached(house, ("a.jpg", pictures.jpeg(1_000)))
    house.slack.submit(house.agent, view, {})
    credits.adjust(
        house.account().id, "taken", -99, reason="test", actor="operator", now=clock.now()
    )
    assert written(house) == []
    assert "That text needs 3 credits and 1 is left" in house.thread(ANN)[-1].plain()
    still_there = house.thread(ANN)[-1].plain()
    assert "[Send]" not in still_there
