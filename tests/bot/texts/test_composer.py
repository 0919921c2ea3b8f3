"""The composer: its openings, a quote that follows the typing, and Send at the price shown."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from werkzeug.serving import make_server

import app as wiring
from bot import clock
from bot.contacts.models import Contact
from bot.lines.models import Line
from bot.sandbox import wait
from bot.sandbox.slack.records import View
from bot.slack.texts import compose_cards
from bot.talks.models import Conversation, Message
from bot.team.models import Member
from bot.texts import composer, keystrokes
from bot.texts.models import Draft, Template, Typing
from ledger import credits, database
from tests.house import ANN, BEN, LONDON, House

PLAIN_2 = "It is raining, so bring a coat. " * 6  # 192 characters: two messages


def form(house: House, user: str = "") -> View:
    """Opens the composer by /text without a word."""
    user = user or house.agent
    return opened(house, user, lambda: house.slack.command(user, house.channel, "/text"))


def opened(house: House, user: str, press: Callable[[], Any]) -> View:
    """What press opens."""
    before = set(house.slack.views)
    answer = press()
    assert answer.status == 200, answer.body
    wait(lambda: set(house.slack.views) - before)
    return house.slack.open_view(user)


def to(house: House, view: View, typed: str, user: str = "") -> str:
    """Searches for a recipient and chooses the first that is offered. What it says."""
    user = user or house.agent
    label = house.slack.look_up(user, view, "compose_to", typed)[0]
    house.slack.choose(user, view, "compose_to", label)
    return label


def shows(house: House, view: View, words: str) -> None:
    """Waits until the composer shows this."""
    wait(lambda: words in view.plain())


def type_in(house: House, view: View, text: str) -> None:
    """Types a text, and waits until its quote stands there."""
    house.slack.write_in(house.agent, view, "compose_body", text)
    still(house)


def still(house: House, user: str = "") -> None:
    """Waits until all that was typed is shown."""
    wait(lambda: newest_key(house, user or house.agent) >= house.slack.acted_ts)
    wait(house.app.config["LIVE"].is_idle)


def newest_key(house: House, user: str) -> str:
    """The newest key that was heard of in the composer on top."""
    with database.session():
        row = Typing.get_or_none(Typing.view == house.slack.open_view(user).id)
    return row.at if row else ""


def talk(house: House, number: str = ANN, name: str | None = "Ann Lee") -> None:
    """Somebody has texted, and is named."""
    house.twilio.text(number, house.line().number, "Hi")
    house.work()
    with database.session():
        Contact.update(name=name).where(Contact.number == number).execute()
        from bot.contacts import address_book

        address_book.index(Contact.get(Contact.number == number))


def written(house: House, number: str = ANN) -> list[str]:
    """What arrived at a number."""
    house.settle()
    return [text.body for text in house.twilio.sent_to(number)]


# Openings


def test_text_without_a_word_opens_it_and_text_help_still_helps(house: House) -> None:
    view = form(house)
    assert view.view["title"]["text"] == "Write a text"
    assert "What it costs is shown here as you type" in view.plain()
    assert "shows what a text costs" in house.ask("help").plain()


def test_home_and_the_shortcut_open_it(house: House) -> None:
    house.slack.event({"type": "app_home_opened", "user": house.agent, "tab": "home"}).send()
    house.work()
    home = house.slack.homes[house.agent]
    with database.session():
        Line.update(joined_at=clock.now()).execute()
    for press in (
        lambda: house.slack.press(house.agent, home, "Write a text"),
        lambda: house.slack.shortcut(house.agent, "compose"),
    ):
        assert opened(house, house.agent, press).view["callback_id"] == "composed"


def test_reply_opens_it_for_the_contact_of_the_thread(house: House) -> None:
    talk(house)
    root, text = house.thread(ANN)
    for press in (
        lambda: house.slack.press(house.agent, root, "Reply"),
        lambda: house.slack.shortcut(house.agent, "compose_reply", text),
        lambda: house.slack.shortcut(house.agent, "compose_reply", root),
    ):
        view = opened(house, house.agent, press)
        assert "To Ann Lee · (415) 555-0123" in view.plain()
        assert not [b for b in view.view["blocks"] if b["block_id"].startswith("to")]


def test_a_message_of_no_conversation_is_not_replied_to(house: House) -> None:
    house.ask(f"{ANN} Hello")
    from slack_sdk import WebClient

    client = WebClient(house.slack.token, base_url=house.slack.api_url)
    client.chat_postMessage(channel=house.channel, text="Lunch?")
    post = house.slack.channel(house.channel)[-1]
    view = opened(
        house, house.agent, lambda: house.slack.shortcut(house.agent, "compose_reply", post)
    )
    assert "belongs to no conversation by text" in view.plain()


def test_a_stranger_opens_nothing(house: House) -> None:
    talk(house)
    answer = house.slack.command(house.stranger, house.channel, "/text")
    assert "not on this line's team" in answer.plain()
    for press in (
        lambda: house.slack.shortcut(house.stranger, "compose"),
        lambda: house.slack.press(house.stranger, house.thread(ANN)[0], "Reply"),
        lambda: house.slack.shortcut(house.stranger, "compose_reply", house.thread(ANN)[1]),
    ):
        view = opened(house, house.stranger, press)
        assert "You are not on" in view.plain()
        assert view.view["callback_id"] == "refused"


def test_nobody_who_opted_out_is_replied_to(house: House) -> None:
    talk(house)
    root = house.thread(ANN)[0]
    press = house.slack.signed_press(house.agent, root, "Reply")
    house.twilio.text(ANN, house.line().number, "STOP")
    house.work()
    view = opened(house, house.agent, press.send)
    assert "Ann Lee opted out (texted STOP)" in view.plain()


# Who it is for


def test_contacts_are_found_by_name_and_number_and_a_new_number_is_offered(house: House) -> None:
    talk(house)
    view = form(house)
    look_up = lambda typed: house.slack.look_up(house.agent, view, "compose_to", typed)  # noqa: E731
    assert look_up("lee") == ["Ann Lee · (415) 555-0123"]
    assert look_up("415 555 0123") == ["Ann Lee · (415) 555-0123"]
    assert look_up("4155550124") == ["Text (415) 555-0124"]
    assert look_up(LONDON) == ["Text +44 20 7946 0000"]
    assert look_up("555-0124") == []  # no whole number
    assert look_up("nobody") == []


def test_contacts_of_another_account_are_not_found(house: House) -> None:
    talk(house)
    from bot.contacts import address_book

    with database.session():
        other = credits.open_account("Elsewhere", "America/New_York", clock.now(), 12)
        theirs = address_book.meet(other.id, BEN, clock.now())
        Contact.update(name="Ben Elsewhere").where(Contact.id == theirs.id).execute()
        address_book.index(Contact.get_by_id(theirs.id))
    view = form(house)
    assert house.slack.look_up(house.agent, view, "compose_to", "ben") == []
    for block in view.view["blocks"]:  # as a forger would ask
        if block["block_id"].startswith("to:"):
            view.held[f"to:{other.id}"] = view.held.pop(block["block_id"])
            block["block_id"] = f"to:{other.id}"
    assert house.slack.look_up(house.agent, view, "compose_to", "ben") == []
    forged = {"text": {"type": "plain_text", "text": "x"}, "value": f"c:{theirs.id}"}
    house.slack.offered = {}
    view.offered["compose_to"] = [forged]
    house.slack.choose(house.agent, view, "compose_to", "x")
    type_in(house, view, "Hello")
    assert "left after" not in view.plain()


def test_several_lines_are_chosen_from(house: House) -> None:
    with database.session():
        Line.create(
            account=house.account(), number=BEN, channel=house.channel, read_until=clock.now(),
            made_at=clock.now(),
        )  # fmt: skip
    house.twilio.add_number(BEN)
    view = opened(house, house.agent, lambda: house.slack.shortcut(house.agent, "compose"))
    to(house, view, ANN)
    house.slack.choose(house.agent, view, "compose_line", "(415) 555-0124")
    type_in(house, view, "Hello")
    house.slack.submit(house.agent, view, {})
    assert written(house) == ["Hello"]
    assert house.twilio.sent_to(ANN)[0].from_ == BEN


def test_a_member_of_another_account_writes_nowhere_else(house: House) -> None:
    talk(house)
    with database.session():
        other = credits.open_account("Elsewhere", "America/New_York", clock.now(), 12)
        Member.create(account=other, slack_user=house.stranger, role="owner")
        line = Line.create(
            account=other, number=BEN, channel="C9", read_until=clock.now(), made_at=clock.now()
        )
        ours, conversation = Line.get(Line.id != line.id).id, Conversation.get().id
    credits.grant(other.id, "test", 50, reason="test", actor="operator", now=clock.now())
    forged = [
        {"line": ours, "conversation": None, "shown": None},
        {"line": line.id, "conversation": conversation, "shown": None},
        {"line": ours, "conversation": None, "shown": [1, "sms", 0, False, False]},
    ]
    for about in forged:
        view = opened(
            house, house.stranger, lambda: house.slack.shortcut(house.stranger, "compose")
        )
        to(house, view, ANN, house.stranger)
        still(house, house.stranger)
        view.view["private_metadata"] = json.dumps(about)
        if about["line"] == ours:  # else it is the form's own line that counts
            house.slack.write_in(house.stranger, view, "compose_body", "Hello")
            house.slack.press(house.stranger, view, "compose_later")
        assert house.slack.look_up(house.stranger, view, "compose_to", "Ann Lee") == []
        house.slack.submit(house.stranger, view, {"body:0": "Hello"})
        assert "You are not on this line's team" in view.errors["body:0"]
        wait(house.app.config["LIVE"].is_idle)
        assert "Ann Lee" not in view.plain()
        view.open = False
    assert written(house) == []
    assert house.balance() == 99


def test_a_view_carries_no_name_number_or_word_in_its_metadata(house: House) -> None:
    talk(house)
    view = form(house)
    to(house, view, "Ann")
    type_in(house, view, "Hello")
    about = json.loads(view.view["private_metadata"])
    assert about.keys() == {"line", "conversation", "shown"}
    for private in ("Ann", "555", "Hello"):
        assert private not in view.view["private_metadata"]


# The quote that follows the typing


def test_the_quote_follows_what_is_typed(house: House) -> None:
    view = form(house)
    type_in(house, view, "Hello")
    assert "SMS · 1 × 160 characters · 1 credit to a number like (415) 555-0100" in view.plain()
    to(house, view, ANN)
    shows(house, view, "SMS · 1 × 160 characters · 1 credit · 99 left after")
    type_in(house, view, "é" * 10 + "a" * 151)
    assert "2 × 160 characters · 2 credits · 98 left after" in view.plain()
    type_in(house, view, "Hi 🎉")
    assert "1 × 70 characters · emoji or special characters · 1 credit" in view.plain()
    type_in(house, view, "")
    assert "What it costs is shown here" in view.plain()


def test_a_number_abroad_costs_what_it_costs(house: House) -> None:
    view = form(house)
    to(house, view, LONDON)
    type_in(house, view, "Hello")
    assert "2 credits · 98 left after" in view.plain()


def test_r21_opt_out_words_of_a_first_text_are_shown_and_free(house: House) -> None:
    house.settle_words("Reply STOP to opt out.")
    view = form(house)
    to(house, view, ANN)
    type_in(house, view, "a" * 160)
    assert "Reply STOP to opt out. (added to a first text, free)" in view.plain()
    assert "1 credit · 99 left after" in view.plain()


def test_what_credits_do_not_cover_is_said_and_not_sent(house: House) -> None:
    with database.session():
        credits.adjust(
            house.account().id, "taken", -99, reason="test", actor="operator", now=clock.now()
        )
    view = form(house)
    to(house, view, ANN)
    type_in(house, view, PLAIN_2)
    assert "That text needs 2 credits and 1 is left" in view.plain()
    house.slack.submit(house.agent, view, {})
    assert "needs 2 credits" in view.errors["body:0"]
    assert view.open


def test_an_opted_out_recipient_is_said_at_once(house: House) -> None:
    talk(house)
    house.twilio.text(ANN, house.line().number, "STOP")
    house.work()
    view = form(house)
    to(house, view, "Ann")
    type_in(house, view, "Hello")
    assert "Ann Lee opted out (texted STOP)" in view.plain()
    house.slack.submit(house.agent, view, {})
    assert "opted out" in view.errors["body:0"]


def test_a_key_that_changes_nothing_shown_makes_no_call(house: House) -> None:
    view = form(house)
    to(house, view, ANN)
    type_in(house, view, "Hello")
    still(house)
    before = len(updates(house))
    for end in range(6, 60):
        house.slack.write_in(house.agent, view, "compose_body", "x" * end)
    still(house)
    assert len(updates(house)) == before


def updates(house: House) -> list[tuple[float, float]]:
    """When the views.update calls began and ended."""
    return [
        (began, ended) for method, began, ended in house.slack.spans if method == "views.update"
    ]


def in_turn(spans: list[tuple[float, float]]) -> bool:
    """Whether no call began before the last had ended."""
    spans = sorted(spans)
    return all(ended <= began for (_, ended), (began, _) in itertools.pairwise(spans))


#: Its 40 keys cross two prices and one alphabet.
KEYS = "a" * 8 + "é" + "b" * 11 + "“" + "c" * 19


def slow(house: House) -> None:
    """Slack takes 50 to 250 ms for each update."""
    house.slack.faults.add("slow", "views.update", times=None, seconds=0.05, up_to=0.25)


def right(house: House, view: View) -> bool:
    """Whether the quote that is shown is that of what stands in the box."""
    held = next(h for b, h in view.held.items() if b.startswith("body:"))["compose_body"]["value"]
    from ledger import rates

    quote = rates.quote(ANN, held)
    words = f"{quote.messages} × {quote.size}"
    return words in view.plain() and f"{quote.credits} credit" in view.plain()


def test_40_keys_with_a_slow_slack_end_at_the_right_quote_one_update_at_a_time(
    house: House,
) -> None:
    view = form(house)
    to(house, view, ANN)
    type_in(house, view, "x" * 145)
    slow(house)
    before = len(updates(house))
    answers = house.slack.type_keys(house.agent, view, "compose_body", KEYS, pause_s=0.02)
    assert all(answer.status == 200 for answer in answers)
    still(house)
    assert right(house, view)
    calls = updates(house)[before:]
    assert in_turn(calls)
    assert 1 <= len(calls) <= 6


@pytest.fixture
def second(house: House) -> Any:
    """Another web app on the same database; its address."""
    app = wiring.create_app(house.settings)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.port}"
    wait(app.config["LIVE"].is_idle, 30)
    server.shutdown()
    server.server_close()


def test_two_web_apps_that_share_the_keys_end_at_the_right_quote_one_update_at_a_time(
    house: House, second: str
) -> None:
    view = form(house)
    to(house, view, ANN)
    type_in(house, view, "x" * 145)
    slow(house)
    before = len(updates(house))
    house.slack.type_keys(
        house.agent, view, "compose_body", KEYS, pause_s=0.02, apps=[house.slack.app_url, second]
    )
    wait(lambda: right(house, view))
    still(house)
    assert right(house, view)
    calls = updates(house)[before:]
    assert in_turn(calls)
    assert len(calls) <= 8


def test_keys_that_come_out_of_order_count_by_when_they_were_typed(house: House) -> None:
    view = form(house)
    to(house, view, ANN)
    first, second = keyed(house, view, "a" * 161), keyed(house, view, "a")
    second.send()
    still(house)
    first.send()
    still(house)
    assert "1 × 160 characters · 1 credit" in view.plain()


def keyed(house: House, view: View, text: str) -> Any:
    """A key that is told later than it was typed."""
    block = next(b for b in view.view["blocks"] if b["block_id"].startswith("body:"))
    held = {"type": "plain_text_input", "value": text}
    view.held[block["block_id"]]["compose_body"] = held
    return house.slack._acted(house.agent, view, block, block["element"], held)


def test_a_process_that_was_killed_in_the_middle_of_an_update_blocks_nothing(house: House) -> None:
    view = form(house)
    to(house, view, ANN)
    type_in(house, view, "Hello")
    dead = keystrokes.claim(
        view.id, as_typed(house, view, "a" * 161), compose_cards.view, 15, clock.now()
    )
    assert isinstance(dead, keystrokes.Update)
    house.slack.write_in(house.agent, view, "compose_body", "a" * 321)
    assert "1 credit" in view.plain()
    with clock.travelled(timedelta(seconds=15)):
        shows(house, view, "3 × 160 characters · 3 credits")
        still(house)
    keystrokes.finish(view.id, dead.claim, dead.digest, "h", clock.now())  # it was not dead at all
    still(house)
    assert "3 × 160 characters · 3 credits" in view.plain()


def as_typed(house: House, view: View, body: str) -> composer.Typed:
    """A key as the listener reads it."""
    with database.session():
        row = Typing.get_by_id(view.id)
        contact = Contact.get_or_none(Contact.number == ANN)
        number = f"c:{contact.id}" if contact else f"n:{ANN}"
        return composer.Typed(
            view.id, house.agent, house.slack.next_ts(), view.hash, row.line_id, None, number,
            row.line.account_id, body, row.box,
        )  # fmt: skip


@pytest.mark.parametrize("fault", ["rate_limit", "error", "drop_before", "drop_after"])
def test_an_update_that_fails_is_made_again(house: House, fault: str) -> None:
    view = form(house)
    to(house, view, ANN)
    house.slack.faults.add(fault, "views.update", times=2, seconds=1)
    type_in(house, view, PLAIN_2)
    assert "2 × 160 characters · 2 credits" in view.plain()


def test_a_view_that_is_closed_is_forgotten(house: House) -> None:
    view = form(house)
    to(house, view, ANN)
    still(house)
    press = keyed(house, view, "Hello")
    view.open = False
    press.send()
    with database.session():
        wait(lambda: Typing.select().count() == 0)


def test_what_stood_in_a_composer_is_forgotten_after_a_day(house: House) -> None:
    view = form(house)
    type_in(house, view, "Hello")
    house.tick()
    with database.session():
        assert Typing.select().count() == 1
    with clock.travelled(timedelta(days=1, minutes=1)):
        house.tick()
    with database.session():
        assert Typing.select().count() == 0


# Send


def test_send_sends_once_and_says_where_it_went(house: House) -> None:
    view = form(house)
    to(house, view, ANN)
    type_in(house, view, "Hello")
    house.slack.submit(house.agent, view, {})
    assert "On its way to (415) 555-0123: 1 credit, 99 left." in view.plain()
    assert f"its thread in #{house.channel}" in view.plain()
    assert written(house) == ["Hello"]
    assert house.balance() == 99
    assert "Hello" in house.thread(ANN)[1].plain()
    with database.session():
        assert Typing.select().count() == 0
    assert house.audit() == []


def test_a_key_that_comes_after_send_brings_nothing_back(house: House) -> None:
    view = form(house)
    to(house, view, ANN)
    type_in(house, view, "Hello")
    late = keyed(house, view, "Hello again")
    view.held["body:0"]["compose_body"]["value"] = "Hello"
    house.slack.submit(house.agent, view, {})
    assert "On its way" in view.plain()
    before = len(updates(house))
    late.send()
    house.settle()
    wait(house.app.config["LIVE"].is_idle)
    assert "On its way" in view.plain()
    assert len(updates(house)) == before
    with database.session():
        assert Typing.select().count() == 0


def test_a_later_that_was_not_shown_yet_is_asked_about(house: House) -> None:
    view = form(house)
    to(house, view, ANN)
    type_in(house, view, "Hello")
    keystrokes.pressed(as_typed(house, view, "Hello"), "later", clock.now())
    house.slack.submit(house.agent, view, {})
    assert "Something has changed since it was shown. Press Schedule once more" in view.plain()
    assert written(house) == []


def test_a_reply_closes_the_composer_and_stands_in_the_thread(house: House) -> None:
    talk(house)
    root = house.thread(ANN)[0]
    view = opened(house, house.agent, lambda: house.slack.press(house.agent, root, "Reply"))
    type_in(house, view, "See you at 3")
    house.slack.submit(house.agent, view, {})
    assert not view.open
    assert written(house) == ["See you at 3"]
    assert "See you at 3" in house.thread(ANN)[2].plain()


def test_a_modal_that_is_submitted_twice_sends_once(house: House) -> None:
    view = form(house)
    to(house, view, ANN)
    type_in(house, view, "Hello")
    press = house.slack.signed_submit(house.agent, view, {})
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(press.send())) for _ in range(6)
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.json["response_action"] for answer in answers} == {"update"}
    assert written(house) == ["Hello"]
    assert house.balance() == 99
    assert house.audit() == []


def test_r6_what_is_sent_before_its_price_was_shown_is_asked_about(house: House) -> None:
    view = form(house)
    to(house, view, ANN)
    still(house)
    house.slack.submit(house.agent, view, {"body:0": "Hello"})
    shows(house, view, "The price was not shown yet: 1 credit")
    assert written(house) == []
    house.slack.submit(house.agent, view, {})
    assert written(house) == ["Hello"]


def test_r6_a_text_that_grew_dearer_since_it_was_shown_is_asked_about(house: House) -> None:
    view = form(house)
    to(house, view, ANN)
    type_in(house, view, "Hello")
    house.slack.submit(house.agent, view, {"body:0": PLAIN_2})
    shows(house, view, "While you typed, this came to 2 credits instead of 1")
    assert "2 credits · 98 left after" in view.plain()
    assert written(house) == []
    type_in(house, view, PLAIN_2 + "!")  # it may still be changed, and the quote follows
    assert "While you typed" not in view.plain()
    house.slack.submit(house.agent, view, {})
    assert written(house) == [PLAIN_2 + "!"]
    assert house.balance() == 98


def test_r6_a_price_that_is_on_its_way_to_the_view_counts_as_shown(house: House) -> None:
    view = form(house)
    to(house, view, ANN)
    type_in(house, view, "Hello")
    claimed = keystrokes.claim(
        view.id, as_typed(house, view, "a" * 161), compose_cards.view, 15, clock.now()
    )
    assert isinstance(claimed, keystrokes.Update)
    house.slack.submit(house.agent, view, {"body:0": "Hello"})
    shows(house, view, "Something has changed since it was shown")
    assert written(house) == []


def test_an_answer_by_a_colleague_meanwhile_is_asked_about(house: House) -> None:
    talk(house)
    with database.session():
        Member.create(account=house.account(), slack_user=house.stranger, role="agent")
    view = form(house)
    to(house, view, "Ann")
    type_in(house, view, "Hello")
    card = house.ask(f"{ANN} I have it", user=house.stranger)
    house.slack.press(house.stranger, card, "Send")
    wait(lambda: "On its way" in card.plain())
    house.slack.submit(house.agent, view, {})
    assert f"@{house.stranger} answered 1 minute ago" in view.plain()
    assert "Something has changed" in view.plain()
    house.settle()
    assert [text.body for text in house.twilio.sent_to(ANN)] == ["I have it"]
    house.slack.submit(house.agent, view, {})
    assert written(house) == ["I have it", "Hello"]


def test_nothing_and_nobody_cannot_be_sent(house: House) -> None:
    view = form(house)
    with pytest.raises(LookupError, match="nothing stands in to"):
        house.slack.submit(house.agent, view, {"body:0": "Hello"})
    to(house, view, ANN)
    house.slack.submit(house.agent, view, {"body:0": "  "})
    assert view.errors == {"body:0": "Write what they should read."}


def test_who_left_the_team_sends_nothing(house: House) -> None:
    view = form(house)
    to(house, view, ANN)
    type_in(house, view, "Hello")
    with database.session():
        Member.update(left_at=clock.now()).execute()
    house.slack.submit(house.agent, view, {})
    assert "not on this line's team" in view.errors["body:0"]
    assert written(house) == []


def test_names_of_emoji_are_texted_as_emoji_and_all_else_as_typed(house: House) -> None:
    view = form(house)
    to(house, view, ANN)
    type_in(house, view, "Done :tada: &amp; <b> at 3:30")
    assert "emoji or special characters" in view.plain()
    house.slack.submit(house.agent, view, {})
    assert written(house) == ["Done 🎉 &amp; <b> at 3:30"]


# Later


def test_later_asks_for_a_time_and_keeps_the_text_until_then(house: House) -> None:
    view = form(house)
    to(house, view, ANN)
    type_in(house, view, "Hello")
    house.slack.press(house.agent, view, "compose_later")
    shows(house, view, "When, by your own clock")
    assert view.view["submit"]["text"] == "Schedule"
    at = clock.now() + timedelta(days=2)
    house.slack.submit(house.agent, view, {"at": int(at.timestamp())})
    assert "checked again just before" in view.plain()
    assert written(house) == []
    with clock.travelled(timedelta(days=2, minutes=1)):
        house.tick()
        assert written(house) == ["Hello"]


def test_a_time_that_is_over_is_refused_where_it_stands(house: House) -> None:
    view = form(house)
    to(house, view, ANN)
    type_in(house, view, "Hello")
    house.slack.press(house.agent, view, "compose_later")
    shows(house, view, "When, by your own clock")
    past = int((clock.now() - timedelta(hours=1)).timestamp())
    house.slack.submit(house.agent, view, {"at": past})
    assert "That time is over" in view.errors["at"]
    house.slack.press(house.agent, view, "Send now instead")
    wait(lambda: view.view["submit"]["text"] == "Send")
    house.slack.submit(house.agent, view, {})
    assert written(house) == ["Hello"]


# Savings


def test_curly_quotes_are_replaced_by_one_press(house: House) -> None:
    view = form(house)
    to(house, view, ANN)
    body = "“" + "a" * 100 + "”"
    type_in(house, view, body)
    assert "[Replace 2 curly quotes: 1 credit instead of 2]" in view.plain()
    house.slack.press(house.agent, view, "Replace 2 curly quotes: 1 credit instead of 2")
    shows(house, view, "1 × 160 characters · 1 credit · 99 left after")
    house.slack.submit(house.agent, view, {})
    assert written(house) == [body.replace("“", '"').replace("”", '"')]
    assert house.balance() == 99


def test_one_picture_message_is_chosen_and_taken_back(house: House) -> None:
    view = form(house)
    to(house, view, ANN)
    type_in(house, view, "a" * 700)
    house.slack.press(house.agent, view, "One picture message: 3 credits instead of 5")
    shows(house, view, "MMS · 1 × 1,600 characters · 3 credits")
    house.slack.press(house.agent, view, "As plain texts: 5 credits instead of 3")
    shows(house, view, "SMS · 5 × 160 characters · 5 credits")
    house.slack.press(house.agent, view, "One picture message: 3 credits instead of 5")
    shows(house, view, "MMS · 1 × 1,600 characters · 3 credits")
    house.slack.submit(house.agent, view, {})
    assert written(house) == ["a" * 700]
    assert house.balance() == 97
    with database.session():
        assert Message.get(Message.direction == "out").kind == "mms"


def test_a_picture_message_is_none_any_more_where_that_costs_more(house: House) -> None:
    view = form(house)
    to(house, view, ANN)
    type_in(house, view, "a" * 700)
    house.slack.press(house.agent, view, "One picture message: 3 credits instead of 5")
    shows(house, view, "MMS")
    type_in(house, view, "Hello")
    assert "SMS · 1 × 160 characters · 1 credit" in view.plain()


def test_abroad_no_picture_message_is_offered(house: House) -> None:
    view = form(house)
    to(house, view, LONDON)
    type_in(house, view, "a" * 700)
    assert "10 credits" in view.plain()
    assert "picture message" not in view.plain()


# Templates


def template(house: House, name: str, body: str) -> None:
    with database.session():
        Template.create(account=house.account(), name=name, body=body)


def test_a_template_is_inserted_with_its_fields_filled(house: House) -> None:
    talk(house)
    template(house, "Hello", "Hi {first_name|there}, {agent_name} from {team} here.")
    view = form(house)
    to(house, view, "Ann")
    house.slack.choose(house.agent, view, "compose_template", "Hello")
    shows(house, view, "Hi Ann, Agent from Harbor Homes here.")
    assert "1 credit · 98 left after" in view.plain()
    house.slack.submit(house.agent, view, {})
    assert written(house) == ["Hi Ann, Agent from Harbor Homes here."]


def test_a_template_follows_the_recipient_until_it_is_changed(house: House) -> None:
    talk(house)
    template(house, "Hello", "Hi {first_name|there}!")
    view = form(house)
    house.slack.choose(house.agent, view, "compose_template", "Hello")
    shows(house, view, "Hi there!")
    to(house, view, "Ann")
    shows(house, view, "Hi Ann!")
    house.slack.write_in(house.agent, view, "compose_body", "Hi Ann! How are you?")
    to(house, view, BEN)
    still(house)
    house.slack.submit(house.agent, view, {})
    assert written(house, BEN) == ["Hi Ann! How are you?"]


def test_a_template_comes_below_what_stands_there_already(house: House) -> None:
    template(house, "Sign", "{agent_first_name}, {team}, {line}")
    view = form(house)
    to(house, view, ANN)
    type_in(house, view, "See you at 3")
    house.slack.choose(house.agent, view, "compose_template", "Sign")
    shows(house, view, "Agent, Harbor Homes, (415) 555-0100")
    house.slack.submit(house.agent, view, {})
    assert written(house) == ["See you at 3\nAgent, Harbor Homes, (415) 555-0100"]


def test_what_is_not_known_is_asked_for_and_never_texted_as_a_field(house: House) -> None:
    template(house, "Hello", "Hi {first_name}!")
    view = form(house)
    to(house, view, ANN)
    house.slack.choose(house.agent, view, "compose_template", "Hello")
    shows(house, view, "We do not know {first_name} here")
    house.slack.submit(house.agent, view, {})
    assert "We do not know {first_name}" in next(iter(view.errors.values()))
    type_in(house, view, "Hi Ann!")
    house.slack.submit(house.agent, view, {})
    assert written(house) == ["Hi Ann!"]


def test_a_text_of_ours_that_was_not_shown_yet_is_not_sent(house: House) -> None:
    template(house, "Hello", "Hi there!")
    view = form(house)
    to(house, view, ANN)
    type_in(house, view, "Mine")
    house.slack.faults.add("slow", "views.update", times=1, seconds=1)
    block = next(b for b in view.view["blocks"] if b["block_id"].startswith("template:"))
    held = {"type": "static_select", "selected_option": block["element"]["options"][0]}
    view.held[block["block_id"]]["compose_template"] = held
    house.slack.submit(house.agent, view, {})
    assert written(house) == ["Mine"]


def in_flight(view: View) -> bool:
    """Whether an update of this view is on its way."""
    with database.session():
        return Typing.get(Typing.view == view.id).claim is not None


def test_an_update_that_comes_after_send_does_not_stand_over_its_answer(house: House) -> None:
    view = form(house)
    to(house, view, ANN)
    house.slack.submit(house.agent, view, {"body:0": "Hello"})  # its price was not shown yet
    shows(house, view, "1 credit")
    house.slack.faults.add("slow", "views.update", times=1, seconds=1)
    house.slack.write_in(house.agent, view, "compose_body", "Hello!")
    wait(lambda: in_flight(view))
    house.slack.submit(house.agent, view, {})
    shows(house, view, "On its way")
    wait(house.app.config["LIVE"].is_idle)
    assert "On its way" in view.plain()
    assert written(house) == ["Hello!"]


def test_every_composer_keeps_slacks_limits(house: House) -> None:
    from bot.slack.limits import check_view

    for place in range(50):
        template(house, f"{place} " + "n" * 38, "{first_name|" + "é" * 1_580 + "}")
    talk(house, ANN, "N" * 200)
    view = form(house)
    to(house, view, "nnn")
    type_in(house, view, "“" * 3_000)
    check_view(view.view)
    with database.session():
        assert Draft.select().count() == 0


def test_at_night_the_morning_is_offered(house: House) -> None:
    with clock.travelled(to_hour(23)):
        view = form(house)
        to(house, view, ANN)
        type_in(house, view, "Hello")
        assert "It is 11:00 PM where (415) 555-0123 lives." in view.plain()
        house.slack.press(house.agent, view, "Send at 9:00 AM instead…")
        shows(house, view, "When, by your own clock")
        at = view.held["at"]["compose_at"]["selected_date_time"]
        morning = datetime.fromtimestamp(at, ZoneInfo("America/Los_Angeles"))
        assert (morning.hour, morning.minute) == (9, 0)
        assert "where (415) 555-0123 lives" not in view.plain()
        night = int((morning + timedelta(hours=14)).timestamp())
        block = next(b for b in view.view["blocks"] if b["block_id"] == "at")
        held = {"type": "datetimepicker", "selected_date_time": night}
        view.held["at"]["compose_at"] = held
        house.slack._acted(house.agent, view, block, block["element"], held).send()
        shows(house, view, "It will be 11:00 PM where (415) 555-0123 lives.")


def to_hour(hour: int) -> timedelta:
    """From now to this hour of tomorrow in San Francisco."""
    here = ZoneInfo("America/Los_Angeles")
    now = clock.now().astimezone(here)
    then = datetime.combine(now.date() + timedelta(days=1), time(hour), here)
    return then - now
