"""/line new: a number is looked for, chosen, got, and works, all from Slack."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from bot import clock
from bot.credits import margin
from bot.errors import Refused
from bot.lines import setups
from bot.lines.models import Line, Setup
from bot.models import Inbox
from bot.sandbox import Sandbox
from bot.sandbox.slack.records import View
from bot.sandbox.twilio.shelf import Offer
from bot.team.models import Member
from ledger import database
from tests.bot.office import NEW_YORK
from tests.house import ANN, House

NUMBER = "+14155553000"
HERE = "https://texts.example.com/twilio/sms#rc=3&rp=ct,rt,5xx"


def looked(house: House, user: str | None = None, **given: str) -> View:
    """The numbers that were found, or what was said instead."""
    who = user or house.agent
    form = house.opens(lambda: house.slack.command(who, house.channel, "/line", "new"), who)
    assert house.slack.submit(who, form, given).status == 200
    return form


def got(house: House, view: View, **given: str) -> View:
    """Gets the number that is chosen, and follows until nothing is left to do."""
    given = {"channel": house.slack.add_channel("second")} | given if "make" not in given else given
    assert house.slack.submit(house.agent, view, given).status == 200
    house.work()
    return view


def shown(view: View) -> str:
    """All that a modal has, its choices too."""
    return f"{view.plain()} {view.view}"


def said(house: House, channel: str) -> str:
    """All that was posted to a channel, in threads too."""
    return "\n".join(post.plain() for post in house.slack.channels[channel].posts)


def line(number: str = NUMBER) -> Line:
    with database.session():
        return Line.live().where(Line.number == number).get()


def test_from_nothing_to_a_number_that_works(house: House) -> None:
    house.twilio.shelf[0].number = NUMBER
    view = looked(house, wish="415")
    assert "(415) 555-3000 · San Francisco, CA" in shown(view)
    got(house, view, name="Open houses", make="Open Houses")
    assert "The number is yours" in view.plain() and "It works." in view.plain()
    assert house.twilio.bought == [NUMBER]
    made = house.twilio.numbers[NUMBER].set
    assert (made["sms_url"], made["sms_fallback_url"]) == (HERE, HERE)
    assert made["voice_url"].startswith("https://texts.example.com/twilio/voice#")
    assert made["friendly_name"] == "Open houses"
    (room,) = [r for r in house.slack.channels.values() if r.name == "open-houses"]
    assert {house.agent, house.slack.bot} <= room.members
    assert line().channel == room.id and line().joined_at is not None
    (welcome,) = house.slack.channel(room.id)
    assert "Open houses" in welcome.plain() and "text (415) 555-3000" in welcome.plain()
    assert "A2P 10DLC" in welcome.plain()
    house.twilio.text(ANN, NUMBER, "Is it open?")
    house.work()
    assert "Is it open?" in said(house, room.id)
    assert "Open houses" in house.ask("", "/line").plain()


def test_a_channel_that_is_there_is_joined(house: House) -> None:
    room = house.slack.add_channel("sales", bot=False)
    got(house, looked(house), channel=room)
    assert house.slack.bot in house.slack.channels[room].members
    with database.session():
        assert Line.get(Line.channel == room).joined_at


def test_a_private_channel_has_to_let_partyline_in(house: House) -> None:
    room = house.slack.add_channel("secret", bot=False)
    house.slack.channels[room].private = True
    view = got(house, looked(house), channel=room)
    assert "/invite @Partyline" in view.plain()
    assert "/invite @Partyline" in house.told(house.agent)[-1].plain()
    with database.session():
        assert Line.get(Line.channel == room).joined_at is None


def test_a_channel_name_that_is_taken_leaves_the_number_and_says_so(house: House) -> None:
    house.slack.add_channel("sales")
    view = got(house, looked(house), make="sales")
    assert "There is a channel of that name already" in view.plain()
    assert len(house.twilio.bought) == 1
    with database.session():
        assert Line.select().where(Line.channel == "").count() == 1
        assert Setup.get().step == "done"


def test_two_lines_that_ask_for_one_name_do_not_share_the_channel(house: House) -> None:
    got(house, looked(house), make="desk")
    view = got(house, looked(house), make="desk")
    assert "There is a channel of that name already" in view.plain()
    with database.session():
        channels = [one.channel for one in Line.select().order_by(Line.id)]
    assert len(channels) == len(set(channels)) == 3 and channels[-1] == ""


@pytest.mark.parametrize("method", ["conversations.create", "conversations.join"])
def test_without_the_scope_the_number_works_and_it_is_said_what_to_do(
    house: House, method: str
) -> None:
    house.slack.refuse_all("missing_scope", (method,))
    room = house.slack.add_channel("sales", bot=False)
    made = method == "conversations.create"
    view = got(house, looked(house), **({"make": "desk"} if made else {"channel": room}))
    assert ("/line settings" if made else "/invite @Partyline") in view.plain()
    assert line().released_at is None


@pytest.mark.parametrize(
    ("wish", "found"),
    [("415", "San Francisco"), ("Oakland", "Oakland"), ("510555*101", "(510) 555-3101"),
     ("*3104", "(510) 555-3104")],
)  # fmt: skip
def test_numbers_are_looked_for_by_area_city_or_digits(house: House, wish: str, found: str) -> None:
    assert found in shown(looked(house, wish=wish))


def test_toll_free_and_foreign_numbers(house: House) -> None:
    assert "(800) 555-3200" in shown(looked(house, kind="Toll-free (US and Canada)"))
    abroad = shown(looked(house, country="United Kingdom"))
    assert "+44 7900 010000" in abroad and "texts, calls" in abroad
    assert "no such number now" in looked(house, country="Germany").plain()


def test_more_numbers_come_ten_at_a_time(house: House) -> None:
    view = looked(house, wish="415")
    first = [o for o in house.twilio.shelf if o.number.startswith("+1415")]
    assert "555-3009" in shown(view) and "555-3010" not in shown(view)
    house.turns(view, "More numbers")
    assert "555-3010" in shown(view) and "555-3009" not in shown(view)
    house.turns(view, "More numbers")
    assert "555-3024" in shown(view) and "More numbers" not in shown(view)
    got(house, view)
    assert house.twilio.bought == [first[20].number]


def test_the_price_is_shown_and_kept_if_the_operator_set_one(
    books: str, sandbox: Sandbox, tmp_path
) -> None:
    plans = tmp_path / "plans.toml"
    plans.write_text('number_price = "3.00"\n[[plan]]\ncode="a"\nname="A"\ncredits=5\nprice="1"\n')
    with House(books, sandbox, PLANS_FILE=str(plans)).serving() as house:
        view = looked(house)
        assert "It costs $3.00 a month." in view.plain()
        got(house, view)
        with database.session():
            assert Line.select().order_by(Line.id.desc()).first().price_cents == 300
        today = clock.now().astimezone(NEW_YORK).date()
        billed = margin.invoices(today.replace(day=1), clock.now())
        (number,) = [one for one in billed if one.plan == "number"]
        assert (number.price_cents, number.name, number.final) == (300, NUMBER, False)
        before = today.replace(day=1) - timedelta(days=1)
        assert margin.invoices(before, clock.now()) == []


@pytest.fixture
def priced(books: str, sandbox: Sandbox, tmp_path) -> Iterator[House]:
    """A house in which a number costs three dollars a month, and that has bought one."""
    plans = tmp_path / "plans.toml"
    plans.write_text('number_price = "3.00"\n[[plan]]\ncode="a"\nname="A"\ncredits=5\nprice="1"\n')
    with House(books, sandbox, PLANS_FILE=str(plans)).serving() as house:
        got(house, looked(house))
        yield house


def billed(days: int) -> list[int]:
    """What numbers are invoiced at for the month that it is in so many days."""
    with clock.travelled(timedelta(days=days)):
        month = clock.now().astimezone(NEW_YORK).date().replace(day=1)
    with clock.travelled(timedelta(days=200)):
        return [one.price_cents for one in margin.invoices(month, clock.now())
                if one.plan == "number"]  # fmt: skip


def lets_go(house: House) -> None:
    with database.session():
        room = Line.live().where(Line.number == NUMBER).get().channel
    form = house.opens(lambda: house.slack.command(house.agent, room, "/line", "release"))
    house.slack.submit(house.agent, form, {"typed": NUMBER})
    house.work()


def test_a_number_is_invoiced_to_the_month_in_which_it_moves_to_an_own_account(
    priced: House,
) -> None:
    with clock.travelled(timedelta(days=40)):
        sid, token = priced.twilio.add_account()
        priced.twilio.numbers[NUMBER].account = sid
        form = priced.opens(
            lambda: priced.slack.command(priced.agent, priced.channel, "/line", "bring")
        )
        priced.slack.submit(priced.agent, form, {"number": NUMBER})
        priced.slack.submit(priced.agent, form, {"sid": sid, "token": token})
        priced.work()
        assert "It goes on as before" in form.plain()
    assert [billed(days) for days in (0, 40, 85)] == [[300], [300], []]


def test_a_number_that_is_got_again_is_not_invoiced_for_the_time_between(priced: House) -> None:
    with clock.travelled(timedelta(days=40)):
        lets_go(priced)
    for minutes in (0, 10):  # twice that day
        with clock.travelled(timedelta(days=130, minutes=minutes)):
            priced.twilio.shelf[0].number = NUMBER
            got(priced, looked(priced))
            if not minutes:
                lets_go(priced)
    assert [billed(days) for days in (0, 40, 85, 130)] == [[300], [300], [], [300]]


def test_pressed_twice_it_is_bought_once(house: House) -> None:
    view, room = looked(house), house.slack.add_channel("second")
    press = house.slack.signed_submit(house.agent, view, {"channel": room})
    assert [press.send().status for _ in range(3)] == [200, 200, 200]
    house.work()
    assert len(house.twilio.bought) == 1
    with database.session():
        assert Setup.select().count() == 1


def test_the_list_shows_a_number_on_its_way(house: House) -> None:
    view = looked(house)
    house.slack.submit(house.agent, view, {"channel": house.slack.add_channel("second")})
    assert "(415) 555-3000 is being set up: getting the number" in house.ask("", "/line").plain()
    house.work()
    assert "is being set up" not in house.ask("", "/line").plain()


def test_two_who_choose_the_same_number_get_it_once(house: House) -> None:
    views = [looked(house), looked(house)]
    rooms = [house.slack.add_channel(name) for name in ("one", "two")]
    for view, room in zip(views, rooms, strict=True):
        house.slack.submit(house.agent, view, {"channel": room})
    assert "is being set up already" in str(views[1].errors)
    house.work()
    assert house.twilio.bought == [NUMBER]


def test_a_number_that_somebody_else_took_is_said_to_be_gone(house: House) -> None:
    view = looked(house)
    house.twilio.shelf.pop(0)
    got(house, view)
    assert "Somebody else took this number just now" in view.plain()
    assert "could not be set up" in house.told(house.agent)[-1].plain()
    with database.session():
        assert Line.select().count() == 1
    house.turns(view, "Look for another number")
    assert "Area code" in view.plain()


def test_a_number_of_the_operators_cannot_be_taken_by_its_digits(house: House) -> None:
    """Somebody else in our account has a number that is no line: a forged choice gets nothing."""
    view = looked(house)
    number = house.twilio.shelf.pop(0).number
    house.twilio.add_number(number, "https://other.example.com/hook")
    got(house, view)
    assert "Somebody else took this number" in view.plain()
    assert house.twilio.numbers[number].set["sms_url"] == "https://other.example.com/hook"


def test_twilio_that_does_not_answer_is_said_and_asked_again(house: House) -> None:
    house.twilio.faults.add("error", "GET AvailablePhoneNumbers", 1)
    view = looked(house)
    assert "Twilio does not answer just now" in view.plain()
    house.slack.submit(house.agent, view, {})
    assert "Choose a number" in shown(view)


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "error", "rate_limit"])
def test_a_purchase_whose_outcome_nobody_knows_is_looked_for_first(
    house: House, fault: str
) -> None:
    house.twilio.faults.add(fault, "POST IncomingPhoneNumbers", 1)
    view = got(house, looked(house))
    if fault != "drop_before":
        assert "It is tried again" in view.plain() or "It works" in view.plain()
    with clock.travelled(timedelta(minutes=3)):
        house.work()
    assert "It works." in view.plain()
    assert len(house.twilio.bought) == 1
    with database.session():
        assert Line.select().count() == 2


def test_texts_that_came_before_the_line_stood_are_shown(house: House) -> None:
    view = looked(house)
    house.slack.submit(house.agent, view, {"channel": house.slack.add_channel("second")})
    number = "+14155553000"
    house.twilio.add_number(number, HERE)
    house.twilio.shelf.pop(0)
    house.twilio.text(ANN, number, "Am I first?")
    house.apply()
    with database.session():
        assert Inbox.select().where(Inbox.state == "parked").count() == 1
    house.work()
    assert "Am I first?" in said(house, line().channel)
    with database.session():
        assert Inbox.select().where(Inbox.state == "parked").count() == 0


def with_service(books: str, sandbox: Sandbox):
    service = sandbox.twilio.add_service()
    return service, House(books, sandbox, TWILIO_MESSAGING_SERVICE_SID=service.sid).serving()


def test_it_joins_the_messaging_service_that_lets_texts_through(
    books: str, sandbox: Sandbox
) -> None:
    service, serving = with_service(books, sandbox)
    with serving as house:
        got(house, looked(house))
        assert service.numbers == [house.twilio.numbers[NUMBER].sid]
        house.twilio.text(ANN, NUMBER, "Hello")
        house.work()
        assert "Hello" in said(house, line().channel)


def test_a_messaging_service_that_swallows_texts_is_not_joined(
    books: str, sandbox: Sandbox
) -> None:
    service, serving = with_service(books, sandbox)
    service.on_number = False
    with serving as house:
        view = got(house, looked(house))
        assert service.numbers == []
        assert "would swallow texts" in view.plain()
        assert "would swallow texts" in house.told(house.agent)[-1].plain()
        assert "Test it:" in said(house, line().channel)
        house.twilio.text(ANN, NUMBER, "Hello")
        house.work()
        assert "Hello" in said(house, line().channel)


def test_who_pays_nothing_yet_gets_no_number(books: str, sandbox: Sandbox) -> None:
    with House(books, sandbox, opening_credits=0).serving() as house:
        view = looked(house)
        house.slack.submit(house.agent, view, {"channel": house.slack.add_channel("second")})
        assert "Choose a plan first" in str(view.errors)


def test_agents_and_strangers_get_none(house: House) -> None:
    clerk = house.slack.add_user("Clerk")
    with database.session():
        Member.create(account=house.account(), slack_user=clerk, role="agent")
    assert "Only the owner and managers" in house.ask("new", "/line", clerk).plain()
    assert "You are not on" in house.ask("new", "/line", house.stranger).plain()
    view = looked(house)
    view.user = clerk
    house.slack.submit(clerk, view, {"channel": house.slack.add_channel("second")})
    assert "Only the owner and managers" in str(view.errors)
    assert house.twilio.bought == []


def test_a_channel_has_one_line(house: House) -> None:
    view = looked(house)
    house.slack.submit(house.agent, view, {"channel": house.channel})
    assert "That channel has a line already" in str(view.errors)
    assert house.twilio.bought == []


def test_a_place_for_its_texts_has_to_be_named(house: House) -> None:
    view = looked(house)
    house.slack.submit(house.agent, view, {})
    assert "Choose a channel" in str(view.errors)
    house.slack.submit(house.agent, view, {"make": "What? A name!"})
    assert "letters, digits" in str(view.errors)


def test_numbers_of_a_place_that_wants_papers_are_not_offered(house: House) -> None:
    house.twilio.shelf = [Offer("+14155553999", address="any")]
    assert "no such number now" in looked(house).plain()


def test_what_numbers_carry_is_said_of_each_only_where_they_differ(house: House) -> None:
    alike = shown(looked(house))
    assert "All carry texts, pictures, calls." in alike and "Carries" not in alike
    house.twilio.shelf[0].capabilities["MMS"] = False
    mixed = shown(looked(house))
    assert "Carries texts, calls" in mixed and "Carries texts, pictures, calls" in mixed
    assert "All carry" not in mixed


def test_numbers_on_their_way_count_among_those_an_account_may_have(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is quick buys no more than that, and pressed twice the last one is no other."""
    monkeypatch.setattr(setups, "MOST_LINES", 3)  # one is there
    house.subscribe("solo")
    account, now = house.account().id, clock.now()

    def buy(last: int, view: str) -> Setup:
        plan = setups.Plan(f"+1415555300{last}", channel=f"C{last}")
        return setups.buy(account, house.agent, plan, None, view, now)

    first, second = buy(1, "V1"), buy(2, "V2")
    with pytest.raises(Refused, match="3 numbers at most"):
        buy(3, "V3")
    assert buy(2, "V2").id == second.id != first.id


def test_two_managers_who_begin_at_once_see_one_another(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setups, "MOST_LINES", 2)
    house.subscribe("solo")
    account, now, ready, begun = house.account().id, clock.now(), threading.Barrier(6), []

    def buy(last: int) -> None:
        plan = setups.Plan(f"+1415555300{last}", channel=f"C{last}")
        ready.wait(10)
        with contextlib.suppress(Refused):
            begun.append(setups.buy(account, house.agent, plan, None, f"V{last}", now).id)

    threads = [threading.Thread(target=buy, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(begun) == 1
