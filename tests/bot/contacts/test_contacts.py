"""Contacts, from a first text to a name, tags and consent: what members type, press and see."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from bot import clock
from bot.contacts import address_book, numbers
from bot.contacts.models import Consent, Contact, Word
from bot.errors import Refused
from bot.sandbox import wait
from bot.sandbox.slack.records import Post, View
from bot.slack.limits import check, check_view
from bot.talks.models import Conversation
from bot.team import opening
from ledger import database
from tests.house import ANN, BEN, LINE, LONDON, House


def contact(house: House, number: str = ANN) -> Contact:
    """The contact, as the database has it."""
    with database.session():
        found = address_book.by_number(house.account().id, number)
        assert found is not None
        return found


def opened(house: House, on: Post, label: str = "Edit", user: str | None = None) -> View:
    """The modal that a button opens."""
    user = user or house.agent
    before = len(house.slack.views)
    assert house.slack.press(user, on, label).status == 200
    return modal(house, user, before)


def modal(house: House, user: str, before: int = 0) -> View:
    """The modal that opens after `before` others did."""
    wait(lambda: len(house.slack.views) > before)
    view = house.slack.open_view(user)
    check_view(view.view)
    return view


def save(house: House, view: View, **values: object) -> dict[str, str]:
    """Saves a modal; what it says is wrong, by block."""
    assert house.slack.submit(house.agent, view, values).status == 200
    return view.errors


def one(house: House, typed: str, user: str | None = None) -> str:
    """What /contacts answers."""
    card = house.ask(typed, "/contacts", user)
    check(card.blocks)
    return card.plain()


def test_a_first_text_makes_a_contact_at_once_and_naming_it_shows_everywhere(house: House) -> None:
    house.slack.event({"type": "app_home_opened", "user": house.agent, "tab": "home"}).send()
    house.twilio.text(ANN, LINE, "Is it still for sale?", FromCity="OAKLAND", FromState="CA")
    house.work()
    root = house.thread(ANN)[0]
    assert "New contact" in root.plain()
    assert "(415) 555-0123" in root.plain()
    assert contact(house).name is None

    view = opened(house, root, "Name this contact")
    assert "(415) 555-0123" in view.plain()
    assert save(house, view, name="  Ann\nLee ", tags="Buyer, hot lead,, buyer") == {}
    with clock.travelled(timedelta(seconds=10)):
        house.work()
    root = house.thread(ANN)[0]
    assert "Ann Lee" in root.plain()
    assert "New contact" not in root.plain()
    assert "Name this contact" not in root.plain()
    assert "Ann Lee" in house.home(house.agent).plain()
    assert "buyer, hot lead" in one(house, "ann")
    assert "To Ann Lee · (415) 555-0123" in house.ask("ann lee Hello").plain()


def test_two_first_texts_of_one_stranger_make_one_contact(house: House) -> None:
    for body in ("One", "Two"):
        house.twilio.text(ANN, LINE, body)
    house.work()
    with database.session():
        assert (Contact.select().count(), Conversation.select().count()) == (1, 1)
        assert Word.select().count() == len(address_book.words([ANN]))
    assert "Only some" not in one(house, "0123")


def test_edit_in_the_menu_of_a_thread_opens_the_same_modal(house: House) -> None:
    house.twilio.text(ANN, LINE, "Hi")
    house.work()
    house.name(ANN, "Ann Lee")
    house.work()
    root = house.thread(ANN)[0]
    house.slack.choose(house.agent, root, "talk_more", "Edit contact…")
    view = modal(house, house.agent)
    assert "Ann Lee" in view.plain()
    assert save(house, view, name="Ann Li", email="ann@example.com") == {}
    house.work()
    assert "Ann Li" in house.thread(ANN)[0].plain()
    assert "ann@example.com" in one(house, "ann li")


def test_a_sent_text_makes_a_contact_that_is_found(house: House) -> None:
    house.send(BEN, "Hello")
    assert "(415) 555-0124" in one(house, "0124")


def test_add_makes_a_contact_or_completes_one(house: House) -> None:
    assert "Ann Lee is a contact now." in one(house, "add (415) 555-0123 Ann Lee")
    assert "Ann Lee was a contact already" in one(house, "add +1 415-555-0123 Ann Lee")
    said = one(house, "add 415.555.0123 Bea")
    assert "The name stays “Ann Lee”, not “Bea”" in said
    assert contact(house).name == "Ann Lee"
    assert "Ben Ito is a contact now" in one(house, "add Ben Ito 4155550124")
    assert "London" in one(house, f"add {LONDON} Office London")
    assert "looks like a landline" in one(house, "020 7946 0000")
    assert "Found for “415”" in one(house, "415")
    assert "The newest 3" in one(house, "")


def test_add_without_a_number_opens_the_form(house: House) -> None:
    house.slack.command(house.agent, house.channel, "/contacts", "add Ann Lee")
    view = modal(house, house.agent)
    assert "Ann Lee" in view.plain()
    errors = save(house, view, number="415 555 0123 x5")
    assert "has an extension, which no text can reach" in errors["number"]
    assert save(house, view, number="(415) 555-0123", said="yes", how="open house") == {}
    card = wait(lambda: house.slack.seen_by(house.agent))[-1].plain()
    assert "is a contact now" in card
    assert "agreed (open house)" in card


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("415 555 0123 x5 Ann", "has an extension"),
        ("32665 Bank", "is a short code"),
        ("555-0123 Ann", "lacks its area code"),
        ("+14155550123456789 Ann", "too many digits"),
        ("whatsapp:+14155550123 Ann", "is not a phone number"),
        ("+999123456789 Ann", "country code that does not exist"),
    ],
)
def test_a_number_that_is_none_is_said_plainly(house: House, typed: str, said: str) -> None:
    assert said in one(house, f"add {typed}")
    with database.session():
        assert Contact.select().count() == 0


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("(415) 555-0123", ANN), ("415.555.0123", ANN), ("1-415-555-0123", ANN), ("'" + ANN, ANN),
        ("14155550123.0", ANN), ("tel:+1-415-555-0123", ANN), ("４１５５５５０１２３", ANN),
        ("011 44 20 7946 0000", LONDON), ("0044 20 7946 0000", LONDON),
    ],
)  # fmt: skip
def test_a_number_is_read_in_any_formatting(typed: str, number: str) -> None:
    assert numbers.read(typed, "US") == number


def test_a_number_without_a_country_code_is_of_the_lines_own(house: House) -> None:
    assert numbers.read("020 7946 0000", "GB") == LONDON
    with database.session():
        database.query("UPDATE line SET number = %s", "+442079460999")
    one(house, "add 020 7946 0000 Office")
    assert contact(house, LONDON).name == "Office"


@pytest.mark.parametrize("typed", ["BANK", "1-800-FLOWERS", "", "1.41556E+10", "911", "a" * 500])
def test_what_is_no_number_is_refused(typed: str) -> None:
    with pytest.raises(Refused):
        numbers.read(typed, "US")


def test_tags_go_on_and_off(house: House) -> None:
    one(house, "add (415) 555-0123 Ann Lee")
    assert "buyer, hot lead" in one(house, "tag Ann Lee buyer, Hot  Lead")
    assert "buyer, hot lead, vip" in one(house, 'tag "Ann Lee" VIP')
    assert "hot lead" not in one(house, "untag 415-555-0123 hot lead")
    assert "Ann Lee" in one(house, "vip")
    assert "No contact has “hot" in one(house, "hot lead")
    assert "Which tags?" in one(house, "tag Ann Lee")
    assert "Whom?" in one(house, "tag")
    assert "is no contact" in one(house, "tag Nobody buyer")
    assert "is too long" in one(house, "tag Ann Lee " + "x" * 41)
    assert "20 is the most" in one(house, "tag Ann Lee " + ",".join(f"t{n}" for n in range(21)))


def test_consent_is_kept_with_how_when_and_by_whom(house: House) -> None:
    card = house.ask("add (415) 555-0123 Ann Lee", "/contacts")
    view = opened(house, card)
    assert "Say how" in save(house, view, said="no")["how"]
    assert (
        "has not come yet" in save(house, view, said="no", how="x", on_day="2199-01-01")["on_day"]
    )
    assert save(house, view, said="no", how="on the phone", on_day="2026-11-02") == {}
    assert "Opted out (on the phone): nothing can be sent" in one(house, "ann")
    assert "opted out (on the phone)" in house.ask(f"{ANN} Hello").plain()
    view = opened(house, house.ask("ann", "/contacts"))
    shown = view.plain()
    assert (
        f"wanted no more texts (on the phone) on November 2, 2026, recorded by @{house.agent}"
        in (shown)
    )
    assert save(house, view, said="yes", how="changed her mind") == {}
    assert "May be texted: agreed (changed her mind)" in one(house, "ann")
    assert "1 credit" in house.ask(f"{ANN} Hello").plain()
    with database.session():
        assert [row.given for row in Consent.select().order_by(Consent.id)] == [False, True]


def test_who_texted_stop_can_be_opened_by_nobody_else(house: House) -> None:
    house.twilio.text(ANN, LINE, "STOP")
    house.work()
    view = opened(house, house.ask("0123", "/contacts"))
    assert "texted STOP" in view.plain()
    assert "Only their own START" in save(house, view, said="yes", how="said so")["said"]
    house.twilio.text(ANN, LINE, "START")
    house.work()
    assert "but on (415) 555-0100: they texted START" in one(house, "0123")


def test_hostile_words_are_kept_and_shown_harmlessly(house: House) -> None:
    house.twilio.text(ANN, LINE, "Hi")
    house.work()
    view = opened(house, house.thread(ANN)[0], "Name this contact")
    name = "<!channel> & 🏠 \u202eAnn\n<https://evil|bank>"
    assert save(house, view, name=name, notes="<!here>\n=1+1\x00", tags="<@U1>") == {}
    house.work()
    card = house.ask("0123", "/contacts")
    root = house.thread(ANN)[0]
    for post in (card, root):
        told = post.text + json.dumps(post.blocks, ensure_ascii=False)
        assert "<!channel>" not in told.replace("&lt;!channel&gt;", "")
        assert "<https://evil" not in told
        assert "\u202e" not in told
    assert "<!channel> & 🏠 Ann <https://evil|bank>" in root.plain()


def test_a_name_of_200_characters_is_kept_and_one_more_is_refused(house: House) -> None:
    name = ("Ann" + "é" * 60 + "🏠" * 137)[:200]
    card = house.ask(f"add (415) 555-0123 {name}", "/contacts")
    check(card.blocks)
    assert contact(house).name == name
    check(house.ask("", "/contacts").blocks)
    assert "200 is the most" in one(house, f"add (415) 555-0124 {name}x")
    house.twilio.text(ANN, LINE, "Hi")
    house.work()
    assert name[:50] in house.thread(ANN)[0].plain()


def test_two_who_edit_at_once_do_not_overwrite_each_other(house: House) -> None:
    card = house.ask("add (415) 555-0123 Ann Lee", "/contacts")
    first, second = opened(house, card), opened(house, card)
    assert save(house, first, name="Ann Li") == {}
    assert "changed this contact meanwhile" in save(house, second, name="Anna")["name"]
    assert contact(house).name == "Ann Li"


def test_what_several_change_at_once_is_all_kept(house: House) -> None:
    one(house, "add (415) 555-0123 Ann Lee")

    def put(tag: int) -> int:
        typed = f"tag (415) 555-0123 tag {tag}"
        return house.slack.command(house.agent, house.channel, "/contacts", typed).status

    with ThreadPoolExecutor(8) as hands:
        assert set(hands.map(put, range(8))) == {200}
    with database.session():
        assert address_book.tags_of(contact(house)) == [f"tag {n}" for n in range(8)]
    assert "tag 0, tag 1" in one(house, "find tag 7")


def test_a_stranger_who_texts_while_added_by_hand_is_one_contact(house: House) -> None:
    for place in range(4):
        number = f"+1415555012{place}"
        house.twilio.text(number, LINE, "Hi")
        with ThreadPoolExecutor(2) as hands:
            first = hands.submit(house.work)
            second = hands.submit(one, house, f"add {number} Ann {place}")
            first.result()
            assert f"Ann {place}" in second.result()
        assert contact(house, number).name == f"Ann {place}"
        assert f"Ann {place}" in one(house, number[2:])


def test_nobody_sees_or_touches_another_accounts_contacts(house: House) -> None:
    card = house.ask("add (415) 555-0123 Ann Lee", "/contacts")
    other = house.slack.add_user("Other")
    elsewhere = house.slack.add_channel("bay")
    house.twilio.add_number("+12125550100")
    opening.setup(
        account="Bay Homes", timezone="America/New_York", owner=other, line="+12125550100",
        channel=elsewhere,
    )  # fmt: skip
    for typed in ("", "ann", "0123", "tag (415) 555-0123 x", "add (415) 555-0123 Mine", "ann"):
        answer = house.slack.command(other, elsewhere, "/contacts", typed)
        assert "Ann" not in answer.plain(), typed
    assert "You are not on" in one(house, "ann", house.stranger)
    house.slack.press(other, card, "Edit")
    refused = modal(house, other)
    assert "You are not on this line's team" in refused.plain()
    view = opened(house, card)
    house.slack.people[house.agent], mine = (
        house.slack.people[other],
        house.slack.people[house.agent],
    )
    del mine
    view.user = other
    assert house.slack.submit(other, view, {"name": "Stolen"}).status == 200
    assert "You are not on" in view.errors["name"]
    assert contact(house).name == "Ann Lee"


def test_help_and_what_is_not_there(house: House) -> None:
    assert "lists the newest contacts" in one(house, "help")
    assert "No contacts yet" in one(house, "")
    assert "No contact has “zzz”" in one(house, "find zzz")
