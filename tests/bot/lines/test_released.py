"""A number that is let go takes nothing with it, and brings nothing that is not one's own."""

from __future__ import annotations

from datetime import timedelta

import app as wiring
from bot import clock
from bot.lines.models import Line
from bot.models import Delivery, Inbox
from bot.talks.models import Message, Part
from bot.team import opening
from bot.twilio.accounts import Accounts
from bot.twilio.client import connect
from ledger import database
from tests.bot.lines.test_bringing import OLD, TYPED, brought, goes_on, line, own, released
from tests.bot.lines.test_new_number import NUMBER, got, looked
from tests.house import ANN, BEN, House


def test_a_text_of_which_nobody_knows_outlives_its_line(house: House) -> None:
    """It is looked up with the token of the team's own account, which is kept until then."""
    sid, token, view = own(house)
    goes_on(house, view, sid=sid, token=token)
    house.twilio.callbacks.withhold = True
    house.twilio.faults.add("drop_after", "POST Messages")
    room = line().channel
    card = house.slack.command(house.agent, room, "/text", f"{BEN} On my way").shown
    house.hears(lambda: house.slack.press(house.agent, card, "Send"))
    house.work()
    released(house, TYPED)
    assert line().released_at is not None
    with clock.travelled(timedelta(minutes=3)):
        house.work()
    with database.session():
        assert Delivery.get(Delivery.kind == "twilio.message").state == "done"
        assert Part.get().message_sid is not None
    assert Accounts(house.settings).tokens(sid) == [token]
    assert len(house.twilio.sent_to(BEN)) == 1


def test_a_number_that_others_had_brings_none_of_their_texts(house: House) -> None:
    """One of theirs was parked, for it was applied when their line was gone."""
    opening.setup(account="Elm", owner="U0ELM", line=NUMBER)
    house.twilio.add_number(NUMBER)
    house.twilio.text(ANN, NUMBER, "For Elm alone")
    with database.session():
        Line.update(released_at=clock.now()).where(Line.number == NUMBER).execute()
    house.work()
    with database.session():
        assert Inbox.get().state == "parked"
    del house.twilio.numbers[NUMBER]
    house.subscribe("solo")
    with clock.travelled(timedelta(days=40)):
        house.twilio.shelf[0].number = NUMBER
        got(house, looked(house, wish="415"))
        house.work()
    with database.session():
        assert Line.live().where(Line.number == NUMBER).count() == 1
        assert Message.select().count() == 0
        assert Inbox.get().state == "parked"


def test_a_team_that_let_its_own_number_go_may_bring_others(house: House) -> None:
    """The token of its Twilio account is forgotten: nobody is stopped by that, nor alarmed."""
    sid, token, view = own(house)
    goes_on(house, view, sid=sid, token=token)
    released(house, TYPED)
    known = Accounts(house.settings)
    assert known.tokens(sid) == []
    assert list(wiring.twilios(known)) == []
    goes_on(house, brought(house), sid=sid, token=token)
    assert line().released_at is None
    house.twilio.add_number("+14155550178")
    goes_on(house, brought(house, "(415) 555-0178"))
    assert line("+14155550178").twilio_id is None


def test_a_token_that_changed_at_twilio_stops_no_other_number(house: House) -> None:
    sid, token, view = own(house)
    goes_on(house, view, sid=sid, token=token)
    house.twilio.more_accounts[sid] = "changed"
    house.twilio.add_number("+14155550178")
    goes_on(house, brought(house, "(415) 555-0178"))
    assert line("+14155550178").twilio_id is None
    assert any(sid in one for one in wiring.twilios(Accounts(house.settings)))


def test_what_another_program_sent_meanwhile_is_nobodys_alarm(house: House) -> None:
    """While the number was let go it was theirs to use as they liked."""
    sid, token, view = own(house)
    goes_on(house, view, sid=sid, token=token)
    released(house, TYPED)
    with clock.travelled(timedelta(days=1)):
        connect(house.settings, sid, token).messages.create(to=BEN, from_=OLD, body="By our CRM")
        house.twilio.settled()
    with clock.travelled(timedelta(days=2)):
        view = brought(house)
        goes_on(house, view, sid=sid, token=token)
    with clock.travelled(timedelta(days=2, hours=1)):
        assert house.missed() == 0
