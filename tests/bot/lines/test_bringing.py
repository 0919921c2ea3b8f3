"""/line bring: a number that is somewhere at Twilio comes here; /line release lets one go."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot import clock
from bot.lines import setups, tokens
from bot.lines.models import Line, Setup, TwilioAccount
from bot.lines.sealing import Seal
from bot.models import Inbox
from bot.sandbox import Sandbox
from bot.sandbox.slack.records import View
from bot.slack.lines import setups as listeners
from bot.smartplans.models import SmartPlan
from bot.talks.models import Message, Part
from bot.team import opening
from bot.team.models import Member
from bot.texts.models import Draft
from bot.twilio import accounts
from bot.twilio.accounts import Accounts
from ledger import database
from tests.bot.office import at_hour
from tests.house import ANN, BEN, LINE, House

OLD, TYPED = "+14155550177", "(415) 555-0177"
ELSEWHERE = "https://crm.example.com/in"
HERE = "https://texts.example.com/twilio/sms#rc=3&rp=ct,rt,5xx"


def brought(house: House, number: str = TYPED) -> View:
    """What /line bring says of a number."""
    form = house.opens(lambda: house.slack.command(house.agent, house.channel, "/line", "bring"))
    assert house.slack.submit(house.agent, form, {"number": number}).status == 200
    return form


def goes_on(house: House, view: View, **given: str) -> View:
    """Submits a modal, and follows until nothing is left to do."""
    room = house.slack.add_channel("brought")
    answer = house.slack.submit(house.agent, view, {"channel": room} | given)
    assert answer.status == 200 and view.errors == {}, view.errors
    house.work()
    return view


def released(house: House, typed: str, number: str = OLD) -> View:
    """Releases a line from its own channel."""
    room = line(number).channel
    form = house.opens(lambda: house.slack.command(house.agent, room, "/line", "release"))
    assert house.slack.submit(house.agent, form, {"typed": typed}).status == 200
    house.work()
    return form


def line(number: str = OLD) -> Line:
    with database.session():
        return Line.select().where(Line.number == number).get()


def parked() -> int:
    with database.session():
        return Inbox.select().where(Inbox.state == "parked").count()


# In our own account


def test_a_number_in_our_account_is_used_and_goes_back_where_it_was(house: House) -> None:
    was = {"sms_url": ELSEWHERE, "sms_method": "GET", "voice_url": "https://crm.example.com/call"}
    number = house.twilio.add_number(OLD, **was)
    view = brought(house)
    assert "crm.example.com now" in view.plain() and "A2P" not in view.plain()
    goes_on(house, view, name="Old faithful")
    assert "It works." in view.plain()
    assert number.set["sms_url"] == HERE and number.set["sms_method"] == "POST"
    house.twilio.text(ANN, OLD, "Still you?")
    house.work()
    form = released(house, TYPED)
    assert "The number is released" in form.plain()
    assert {key: number.set[key] for key in was} == was
    assert line().released_at


def test_an_application_that_took_its_texts_gives_way_and_comes_back(house: House) -> None:
    number = house.twilio.add_number(OLD, ELSEWHERE, sms_application_sid="AP" + "1" * 32)
    view = brought(house)
    assert "an application at Twilio" in view.plain()
    goes_on(house, view)
    assert number.set["sms_application_sid"] == ""
    released(house, TYPED)
    assert number.set["sms_application_sid"] == "AP" + "1" * 32


def test_where_several_teams_share_our_account_only_the_operator_gives_a_number(
    house: House,
) -> None:
    opening.setup(account="Elm", owner="U0ELM")
    house.twilio.add_number(OLD, ELSEWHERE)
    view = brought(house)
    assert "flask setup --line" in view.plain()
    assert house.twilio.numbers[OLD].set["sms_url"] == ELSEWHERE


def test_a_line_is_brought_by_nobody_else(house: House) -> None:
    opening.setup(account="Elm", owner="U0ELM", line=OLD)
    assert "(415) 555-0177 is a line here already." in brought(house).plain()


# Below our account


def test_a_number_below_our_account_is_moved_with_a_warning(house: House) -> None:
    below, _ = house.twilio.add_account(parent=house.twilio.account_sid)
    number = house.twilio.add_number(OLD, ELSEWHERE, below)
    view = brought(house)
    assert "registration with US carriers (A2P 10DLC) ends" in view.plain()
    goes_on(house, view)
    assert (number.account, number.set["sms_url"]) == (house.twilio.account_sid, HERE)
    assert "It is in Partyline's Twilio account" in view.plain()
    house.twilio.text(ANN, OLD, "Hello")
    house.work()
    assert parked() == 0


def test_a_number_beside_our_account_is_moved_by_the_token_of_the_one_above(
    house: House,
) -> None:
    above, token = house.twilio.add_account()
    beside, _ = house.twilio.add_account(parent=above)
    house.twilio.parents[house.twilio.account_sid] = above
    seal = Seal(*house.settings.keys())
    accounts.keep(seal, above, token, None)
    number = house.twilio.add_number(OLD, ELSEWHERE, beside)
    view = goes_on(house, brought(house))
    assert "It works." in view.plain(), view.plain()
    assert (number.account, number.set["sms_url"]) == (house.twilio.account_sid, HERE)


def test_a_number_in_an_account_whose_token_is_kept_stays_in_it(house: House) -> None:
    sid, token = house.twilio.add_account()
    accounts.keep(Seal(*house.settings.keys()), sid, token, "Harbor Homes")
    opening.setup(account="Elm", owner="U0ELM")
    number = house.twilio.add_number(OLD, ELSEWHERE, sid)
    view = brought(house)
    assert "A2P" not in view.plain()
    goes_on(house, view)
    assert (number.account, number.set["sms_url"]) == (sid, HERE)
    assert line().twilio_id == sid


@pytest.mark.parametrize("code", [21473, 21474])
def test_a_move_that_twilio_refuses_is_explained(house: House, code: int) -> None:
    below, _ = house.twilio.add_account(parent=house.twilio.account_sid)
    house.twilio.add_number(OLD, ELSEWHERE, below)
    view = brought(house)
    house.slack.submit(house.agent, view, {"channel": house.slack.add_channel("b")})
    if code == 21473:
        house.twilio.parents[below] = house.twilio.account_sid
        house.twilio.may_act_on = lambda user, account: account == below  # type: ignore
    else:
        house.twilio.parents[house.twilio.account_sid] = house.twilio.account_sid
    house.work()
    words = {21473: "are not related", 21474: "Only the account above both"}[code]
    assert words in view.plain()
    assert house.twilio.numbers[OLD].set["sms_url"] == ELSEWHERE
    with database.session():
        assert Setup.get().step == "failed" and Line.select().count() == 1


# In the agent's own account


def own(house: House) -> tuple[str, str, View]:
    sid, token = house.twilio.add_account()
    house.twilio.add_number(OLD, ELSEWHERE, sid)
    return sid, token, brought(house)


def test_a_number_in_an_own_account_stays_there_and_works(house: House) -> None:
    sid, token, view = own(house)
    assert "in no Twilio account that Partyline reaches" in view.plain()
    goes_on(house, view, sid=sid, token=token)
    assert "It works." in view.plain()
    with database.session():
        row = TwilioAccount.get()
    assert (row.sid, row.account_id) == (sid, house.account().id)
    assert token not in row.token
    house.twilio.text(ANN, OLD, "Hello")
    house.work()
    assert parked() == 0 and line().twilio_id == sid
    card = house.slack.command(house.agent, line().channel, "/text", f"{BEN} Hi Ben").shown
    house.hears(lambda: house.slack.press(house.agent, card, "Send"))
    house.settle()
    assert [text.account for text in house.twilio.sent_to(BEN)] == [sid]
    released(house, TYPED)
    assert house.twilio.numbers[OLD].set["sms_url"] == ELSEWHERE
    with database.session():
        assert Setup.select().where(Setup.kind == "release", Setup.step == "done").exists()
    house.twilio.numbers[OLD].set["sms_url"] = None
    tokens.forget()
    with database.session():
        assert TwilioAccount.get().former_token is None
    house.app.config["TWILIO"] = Accounts(house.settings)  # as if ten seconds had gone by
    house.twilio.text(ANN, OLD, "Anybody?")
    assert house.twilio.webhooks[-1].status == 403, "its token is forgotten"


def test_a_token_that_changed_at_twilio_is_given_anew(house: House) -> None:
    sid, token, view = own(house)
    goes_on(house, view, sid=sid, token=token)
    house.twilio.more_accounts[sid] = "the next token"
    form = brought(house)
    assert "a line of yours already" in form.plain()
    house.slack.submit(house.agent, form, {"token": "wrong"})
    assert "does not take this SID and token" in form.plain()
    house.slack.submit(house.agent, form, {"token": "the next token"})
    assert "it is kept" in form.plain()
    assert Accounts(house.settings).tokens(sid) == ["the next token", token]


def test_a_wrong_token_or_account_is_said_at_once(house: House) -> None:
    sid, token, view = own(house)
    other, theirs = house.twilio.add_account()
    for given, words in (
        ({"sid": sid, "token": "wrong"}, "does not take this SID and token"),
        ({"sid": "AC12", "token": token}, "AC and 32 digits"),
        ({"sid": other, "token": theirs}, "is not in this Twilio account"),
        ({"sid": house.twilio.account_sid, "token": token}, "the account Partyline itself uses"),
    ):
        house.slack.submit(house.agent, view, {"channel": house.slack.add_channel("b")} | given)
        assert words in view.plain(), view.plain()
    with database.session():
        assert TwilioAccount.select().count() == Setup.select().count() == 0


def test_an_account_that_is_kept_for_others_is_not_given_away(house: House) -> None:
    opening.setup(account="Elm", owner="U0ELM")
    sid, token, view = own(house)
    accounts.keep(Seal(*house.settings.keys()), sid, token, "Elm")
    house.slack.submit(
        house.agent, view, {"channel": house.slack.add_channel("b"), "sid": sid, "token": token}
    )  # fmt: skip
    assert "kept for others" in view.plain()


# A line whose number moves to another Twilio account


def moved(house: House, number: str = LINE) -> tuple[str, str]:
    """Twilio's support has moved a number to an account of the agent's own."""
    sid, token = house.twilio.add_account()
    house.twilio.numbers[number].account = sid
    return sid, token


def goes_on_there(house: House, sid: str, token: str) -> View:
    """The line is brought once more, and goes on in an own account."""
    view = brought(house, "(415) 555-0100")
    assert "It is a line of yours already, and goes on there" in view.plain()
    assert "make a new public channel" not in view.plain(), "it has its channel"
    house.slack.submit(house.agent, view, {"sid": sid, "token": token})
    house.work()
    return view


def test_a_line_is_told_what_to_do_to_move(house: House) -> None:
    said = brought(house, "(415) 555-0100").plain()
    assert "is a line of yours already, in Partyline's own Twilio account" in said
    assert "let Twilio's support move it there" in said and "`/line bring` once more" in said


def test_a_line_goes_on_in_an_own_account_and_misses_nothing(house: House) -> None:
    with database.session():
        Line.update(name="Front desk", price_cents=300, plan_texts_a_day=77).execute()
    house.twilio.text(ANN, LINE, "Before")
    house.work()
    sid, token = moved(house)
    house.twilio.text(ANN, LINE, "Between")
    assert house.twilio.webhooks[-1].status == 403, "nobody here knows that account"
    view = goes_on_there(house, sid, token)
    assert "It goes on as before" in view.plain()
    line_ = house.line()
    assert (line_.twilio_id, line_.channel, line_.name) == (sid, house.channel, "Front desk")
    assert (line_.price_cents, line_.plan_texts_a_day) == (None, 77)
    said = [post.plain() for post in house.slack.channel(house.channel)]
    assert any("Front desk, (415) 555-0100 is in another Twilio account now." in s for s in said)
    house.twilio.text(ANN, LINE, "After")
    assert house.missed() == 1
    house.work()
    heard = [post.plain() for post in house.thread(ANN)[1:]]
    assert all(any(word in one for one in heard) for word in ("Before", "Between", "After"))
    house.send(BEN, "Hi Ben")
    house.settle()
    assert [text.account for text in house.twilio.sent_to(BEN)] == [sid]
    assert parked() == 0 and house.audit() == []
    released(house, LINE, LINE)
    assert house.twilio.numbers[LINE].account == sid, "it is not given back: it is theirs"


def test_a_line_comes_back_to_our_account_and_the_token_is_forgotten(house: House) -> None:
    sid, token = moved(house)
    goes_on_there(house, sid, token)
    house.twilio.numbers[LINE].account = house.twilio.account_sid
    view = brought(house, "(415) 555-0100")
    assert "is in Partyline's own Twilio account now." in view.plain()
    house.slack.submit(house.agent, view, {})
    house.work()
    assert "It goes on as before" in view.plain() and house.line().twilio_id is None
    assert tokens.forget() == 1
    assert Accounts(house.settings).tokens(sid) == []
    house.twilio.text(ANN, LINE, "Hello")
    house.work()
    assert "Hello" in house.thread(ANN)[-1].plain()


def test_a_text_that_came_by_the_account_before_is_shown(house: House) -> None:
    """It was saved before the line moved, and is applied after."""
    house.twilio.text(ANN, LINE, "Just in time")
    sid, token = moved(house)
    with database.session():
        Inbox.update(due_at=clock.now() + timedelta(minutes=1)).execute()
    goes_on_there(house, sid, token)
    with clock.travelled(timedelta(minutes=2)):
        house.work()
    assert "Just in time" in house.thread(ANN)[-1].plain() and parked() == 0


def test_a_text_that_came_by_the_account_to_come_waits_for_the_line(house: House) -> None:
    sid, token = moved(house)
    accounts.keep(Seal(*house.settings.keys()), sid, token, "Harbor Homes")
    house.twilio.text(ANN, LINE, "Too early")
    house.work()
    assert parked() == 1
    view = brought(house, "(415) 555-0100")
    house.slack.submit(house.agent, view, {})
    house.work()
    assert parked() == 0 and "Too early" in house.thread(ANN)[-1].plain()


def test_a_text_that_waits_while_its_line_moves_leaves_by_the_account_it_moves_to(
    house: House,
) -> None:
    house.twilio.faults.add("rate_limit", "POST Messages", seconds=60)
    house.send(BEN, "Hi Ben")
    house.work()
    sid, token = moved(house)
    goes_on_there(house, sid, token)
    with clock.travelled(timedelta(minutes=5)):
        house.settle()
    assert [text.account for text in house.twilio.sent_to(BEN)] == [sid]
    with database.session():
        assert (Part.get().twilio_id, Part.get().status) == (sid, "delivered")
        assert house.line().suspended_at is None
    assert house.balance() == 99 and house.audit() == []


def test_a_call_that_came_before_the_line_is_shown_with_its_end(house: House) -> None:
    house.twilio.add_number(OLD, HERE, voice_url=HERE.replace("sms", "voice"))
    house.twilio.call(ANN, OLD)
    for minutes in range(0, 12, 2):
        with clock.travelled(timedelta(minutes=minutes)):
            house.work()
    assert parked() == 2, "the call, and its end"
    goes_on(house, brought(house))
    assert parked() == 0
    said = [post.plain() for post in house.slack.channels[line().channel].posts]
    assert any("Missed call" in one for one in said), said


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "error", "rate_limit"])
def test_a_line_whose_move_is_broken_off_goes_on(house: House, fault: str) -> None:
    sid, token = moved(house)
    house.twilio.faults.add(fault, "POST IncomingPhoneNumbers/sid", 2)
    view = goes_on_there(house, sid, token)
    assert house.line().twilio_id is None
    for minutes in (3, 6, 9):
        with clock.travelled(timedelta(minutes=minutes)):
            house.work()
    assert "It goes on as before" in view.plain() and house.line().twilio_id == sid


def test_calls_that_came_here_go_where_they_went_before_once_it_is_released(house: House) -> None:
    was = {"sms_url": ELSEWHERE, "voice_url": "https://crm.example.com/call"}
    number = house.twilio.add_number(OLD, **was)
    goes_on(house, brought(house))
    sid, token = moved(house, OLD)
    view = brought(house)
    house.slack.submit(house.agent, view, {"sid": sid, "token": token})
    house.work()
    assert "It goes on as before" in view.plain()
    released(house, TYPED)
    assert {key: number.set[key] for key in was} == was


# With Twilio's support


def test_twilios_support_is_asked_and_the_asker_is_reminded(house: House) -> None:
    view = brought(house)
    house.turns(view, "I have no such account")
    assert house.twilio.account_sid in view.plain() and "transfer the phone number" in view.plain()
    house.slack.submit(house.agent, view, {})
    assert "every five days" in view.plain()
    with clock.travelled(timedelta(days=4)):
        assert setups.remind(clock.now()) == 0
    with clock.travelled(timedelta(days=5, minutes=1)):
        assert setups.remind(clock.now()) == 1
        assert setups.remind(clock.now()) == 0
        house.work()
        (card,) = house.told(house.agent)
        not_yet = house.opens(lambda: house.slack.press(house.agent, card, "Look again"))
        house.slack.until_done()
        assert "It is not here yet" in not_yet.plain()
        house.twilio.add_number(OLD, ELSEWHERE)
        house.slack.close_modals(house.agent)
        come = house.opens(lambda: house.slack.press(house.agent, card, "Look again"))
        house.slack.until_done()
        goes_on(house, come)
        assert "It works." in come.plain()
    with clock.travelled(timedelta(days=20)):
        assert setups.remind(clock.now()) == 0


def test_who_does_not_want_it_any_more_is_not_asked(house: House) -> None:
    view = house.turns(brought(house), "I have no such account")
    house.slack.submit(house.agent, view, {})
    with clock.travelled(timedelta(days=6)):
        setups.remind(clock.now())
        house.work()
        house.slack.press(house.agent, house.told(house.agent)[-1], "I do not want it any more")
        house.slack.until_done()
    with clock.travelled(timedelta(days=20)):
        assert setups.remind(clock.now()) == 0


# Each step goes on where it stopped


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "error", "rate_limit"])
@pytest.mark.parametrize(
    "step", ["GET IncomingPhoneNumbers", "POST IncomingPhoneNumbers/sid"]
)  # fmt: skip
def test_a_move_that_is_broken_off_goes_on(house: House, fault: str, step: str) -> None:
    below, _ = house.twilio.add_account(parent=house.twilio.account_sid)
    number = house.twilio.add_number(OLD, ELSEWHERE, below)
    view = brought(house)
    house.slack.submit(house.agent, view, {"channel": house.slack.add_channel("b")})
    house.twilio.faults.add(fault, step, 2)
    house.work()
    for minutes in (3, 6, 9, 12):
        with clock.travelled(timedelta(minutes=minutes)):
            house.work()
    assert "It works." in view.plain()
    assert (number.account, number.set["sms_url"]) == (house.twilio.account_sid, HERE)
    assert line().former_webhooks["sms_url"] == ELSEWHERE


FAULTS = ["drop_before", "drop_after", "error"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    "step",
    ["GET Services/{}", "POST Services/{}/PhoneNumbers", "conversations.create",
     "conversations.invite", "views.update", "chat.postMessage"],
)  # fmt: skip
def test_a_purchase_that_is_broken_off_goes_on(
    books: str, sandbox: Sandbox, fault: str, step: str
) -> None:
    service = sandbox.twilio.add_service()
    with House(books, sandbox, TWILIO_MESSAGING_SERVICE_SID=service.sid).serving() as house:
        form = house.opens(lambda: house.slack.command(house.agent, house.channel, "/line", "new"))
        house.slack.submit(house.agent, form, {"wish": "415"})
        house.slack.submit(house.agent, form, {"make": "front-desk"})
        peer = house.slack if step[0].islower() else house.twilio
        peer.faults.add(fault, step, 2)
        for minutes in (0, 3, 6, 9, 12):
            with clock.travelled(timedelta(minutes=minutes)):
                house.work()
        (number,) = house.twilio.bought
        assert "It works." in form.plain()
        assert service.numbers == [house.twilio.numbers[number].sid]
        (room,) = [r for r in house.slack.channels.values() if r.name == "front-desk"]
        assert line(number).channel == room.id and house.agent in room.members
        assert len([p for p in room.posts if "is a line of your team" in p.plain()]) == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_a_release_that_is_broken_off_goes_on(house: House, fault: str) -> None:
    form = house.opens(lambda: house.slack.command(house.agent, house.channel, "/line", "new"))
    house.slack.submit(house.agent, form, {"wish": "415"})
    goes_on(house, form)
    (number,) = house.twilio.bought
    house.twilio.faults.add(fault, "DELETE IncomingPhoneNumbers/sid", 2)
    view = released(house, number, number)
    for minutes in (3, 6, 9):
        with clock.travelled(timedelta(minutes=minutes)):
            house.work()
    assert "The number is released" in view.plain() and number not in house.twilio.numbers


def test_a_twilio_that_is_slow_is_waited_for(house: House, monkeypatch) -> None:
    monkeypatch.setattr(listeners, "PATIENCE_S", 0.05)
    house.twilio.faults.add("slow", "GET AvailablePhoneNumbers", 1, seconds=0.5)
    form = house.opens(lambda: house.slack.command(house.agent, house.channel, "/line", "new"))
    answer = house.slack.submit(house.agent, form, {"wish": "415"})
    assert "Looking" in answer.body and answer.took_s < 0.5
    assert "More numbers" in form.plain()


# Letting go


def test_a_bought_number_goes_back_to_twilio_once_its_digits_were_typed(house: House) -> None:
    form = house.opens(lambda: house.slack.command(house.agent, house.channel, "/line", "new"))
    house.slack.submit(house.agent, form, {"wish": "415"})
    goes_on(house, form)
    (number,) = house.twilio.bought
    house.twilio.text(ANN, number, "Hello")
    house.work()
    wrong = released(house, "(415) 555-9999", number)
    assert "Type the line's number" in str(wrong.errors)
    assert number in house.twilio.numbers
    room = line(number).channel
    asked = house.opens(lambda: house.slack.command(house.agent, room, "/line", "release"))
    assert "cannot be got back" in asked.plain()
    house.slack.submit(house.agent, asked, {"typed": number})
    house.work()
    assert number not in house.twilio.numbers and line(number).released_at
    with database.session():
        assert Message.select().count() == 1
    root = next(p for p in house.slack.channel(room) if "Reply" in p.plain())
    reply = house.slack.reply(house.agent, room, root.ts, "Are you there?")
    assert reply
    house.work()
    assert house.twilio.sent_to(ANN) == []
    assert "was released" in house.slack.seen_by(house.agent)[-1].plain()


def test_what_somebody_pointed_elsewhere_meanwhile_stays_so(house: House) -> None:
    number = house.twilio.add_number(OLD, ELSEWHERE, voice_url="https://crm.example.com/call")
    goes_on(house, brought(house))
    number.set["sms_url"] = "https://third.example.com"
    released(house, TYPED)
    assert number.set["sms_url"] == "https://third.example.com"
    assert number.set["voice_url"] == "https://crm.example.com/call"


def test_a_line_the_operator_added_keeps_its_number_at_twilio(house: House) -> None:
    form = house.opens(lambda: house.slack.command(house.agent, house.channel, "/line", "release"))
    assert "The number stays in its Twilio account" in form.plain()
    house.slack.submit(house.agent, form, {"typed": "4155550100"})
    house.work()
    assert house.twilio.numbers[LINE].set["sms_url"] == ""
    assert "no number yet" in house.ask("", "/line").plain()


def test_a_released_line_pauses_its_plans_and_sends_nothing_later(house: House) -> None:
    at = clock.now() + at_hour(15)
    card = house.ask(f"{ANN} See you")
    form = house.modal(house.agent, card, "Later…")
    house.slack.submit(house.agent, form, {"at": int(at.timestamp())})
    with database.session():
        plan = SmartPlan.create(
            account=house.account(), name="Welcome", state="on", line=house.line(),
            made_by=house.agent, made_at=clock.now(),
        )  # fmt: skip
    form = house.opens(lambda: house.slack.command(house.agent, house.channel, "/line", "release"))
    assert "1 of your SmartPlans text from it" in form.plain()
    house.slack.submit(house.agent, form, {"typed": LINE})
    house.work()
    with clock.travelled(at_hour(16)):
        house.tick()
    assert house.twilio.sent_to(ANN) == []
    with database.session():
        assert SmartPlan.get_by_id(plan.id).state == "paused"
        assert Draft.get().state == "cancelled"


def test_the_same_team_may_have_its_number_again_with_its_conversations(house: House) -> None:
    house.twilio.text(ANN, LINE, "Hello")
    house.work()
    released(house, LINE, LINE)
    house.twilio.point(LINE, ELSEWHERE)
    view = brought(house, "(415) 555-0100")
    goes_on(house, view)
    house.twilio.text(ANN, LINE, "Hello again")
    house.work()
    assert len([p for p in house.thread(ANN)[1:] if "Hello" in p.plain()]) == 2


def test_agents_and_strangers_bring_and_release_nothing(house: House, sandbox: Sandbox) -> None:
    clerk = house.slack.add_user("Clerk")
    with database.session():
        Member.create(account=house.account(), slack_user=clerk, role="agent")
    for what in ("bring", "release"):
        assert "Only the owner and managers" in house.ask(what, "/line", clerk).plain()
        assert "You are not on" in house.ask(what, "/line", house.stranger).plain()
    view = brought(house)
    view.user = clerk
    sid, token = sandbox.twilio.add_account()
    house.slack.submit(
        clerk, view, {"channel": house.slack.add_channel("b"), "sid": sid, "token": token}
    )
    assert "Only the owner and managers" in str(view.errors)
