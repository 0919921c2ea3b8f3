"""A number that is let go takes nothing with it, and brings nothing that is not one's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import app as wiring
from bot import clock, doctor, inbox
from bot.lines import repairs, tokens
from bot.lines.models import Line, Setup, Trouble, TwilioAccount
from bot.models import MIGRATIONS, Delivery, Inbox
from bot.sandbox.slack.records import View
from bot.talks.models import Call, Conversation, Message, Part
from bot.team import accounts as teams
from bot.team import opening
from bot.twilio import poll
from bot.twilio.accounts import Accounts
from bot.twilio.client import connect
from ledger import credits, database
from ledger.models import Account
from tests import databases, pictures
from tests.bot.lines.test_bringing import (
    ELSEWHERE,
    OLD,
    TYPED,
    brought,
    goes_on,
    line,
    own,
    released,
)
from tests.bot.lines.test_new_number import NUMBER, got, looked
from tests.house import ANN, BEN, House
from tests.logged import logged

NEXT = "+14155550178"


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
    known = Accounts(house.settings)
    assert tokens.forget() == 0 and known.tokens(sid) == [token]
    with clock.travelled(timedelta(minutes=3)):
        house.work()
    with database.session():
        assert Delivery.get(Delivery.kind == "twilio.message").state == "done"
        assert Part.get().message_sid is not None
    assert len(house.twilio.sent_to(BEN)) == 1
    assert (tokens.forget(), tokens.forget()) == (1, 0)
    assert Accounts(house.settings).tokens(sid) == []


def released_before_the_last_word(house: House, status: str, code: int) -> None:
    """A line of an own Twilio account sends a text and is released; how the text ends, Twilio
    tells only who asks."""
    sid, token, view = own(house)
    goes_on(house, view, sid=sid, token=token)
    house.twilio.callbacks.withhold = True
    house.twilio.outcome(BEN, status, code)
    card = house.slack.command(house.agent, line().channel, "/text", f"{BEN} On my way").shown
    house.hears(lambda: house.slack.press(house.agent, card, "Send"))
    house.settle()
    released(house, TYPED)


def test_what_is_told_late_of_a_text_of_a_line_that_was_released_is_heard(house: House) -> None:
    released_before_the_last_word(house, "failed", 30001)
    known = Accounts(house.settings)
    assert (tokens.forget(), house.balance()) == (0, 99)
    with clock.travelled(timedelta(hours=2)):
        assert poll.overdue_statuses(known, False) == 1
    assert (tokens.forget(), house.balance()) == (1, 100)


def test_a_token_stays_for_a_number_that_is_on_its_way(house: House) -> None:
    sid, token, view = own(house)
    goes_on(house, view, sid=sid, token=token)
    house.twilio.add_number(NEXT, account=sid)
    view = brought(house, NEXT)
    house.twilio.faults.add("error", "POST IncomingPhoneNumbers/sid", times=1)
    house.slack.submit(house.agent, view, {"channel": house.slack.add_channel("next")})
    released(house, TYPED)
    assert tokens.forget() == 0
    with clock.travelled(timedelta(minutes=3)):
        house.work()
    assert line(NEXT).twilio_id == sid
    assert tokens.forget() == 0
    assert Accounts(house.settings).tokens(sid) == [token]


def test_a_token_stays_for_an_attachment_that_is_not_fetched_yet(house: House) -> None:
    sid, token, view = own(house)
    goes_on(house, view, sid=sid, token=token)
    house.twilio.faults.add("error", "GET attachment", times=1)
    house.twilio.text(ANN, OLD, "Look", media=[pictures.png()])
    released(house, TYPED)
    assert tokens.forget() == 0
    with clock.travelled(timedelta(minutes=3)):
        house.work()
    assert len(house.slack.files) == 1
    assert tokens.forget() == 1


def test_a_token_is_forgotten_where_its_number_could_not_be_brought(house: House) -> None:
    sid, token, view = own(house)
    given = {"channel": house.slack.add_channel("brought"), "sid": sid, "token": token}
    house.slack.submit(house.agent, view, given)
    del house.twilio.numbers[OLD]
    house.work()
    with database.session():
        assert Setup.get().step == "failed"
    assert tokens.forget() == 1
    assert Accounts(house.settings).tokens(sid) == []


def elms(house: House) -> str:
    """Another team's line, to which somebody has written and called as it is released. The channel
    that it was in."""
    room = house.slack.add_channel("elm")
    opening.setup(account="Elm", owner="U0ELM", line=NUMBER, channel=room, opening_credits=10)
    teams.entered(room, clock.now())
    house.twilio.add_number(NUMBER)
    house.twilio.text(ANN, NUMBER, "For Elm alone")
    house.twilio.call(ANN, NUMBER)
    with database.session():
        Line.update(released_at=clock.now()).where(Line.number == NUMBER).execute()
    return room


def bought(house: House) -> None:
    """The house buys the number that was Elm's."""
    house.twilio.numbers.pop(NUMBER, None)
    house.twilio.shelf[0].number = NUMBER
    got(house, looked(house, wish="415"))
    house.work()
    with database.session():
        assert Line.live().where(Line.number == NUMBER).get().account_id == house.account().id


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_came_before_a_line_was_released_is_its_teams_whoever_has_the_number_now(
    house: House, when: str
) -> None:
    room = elms(house)
    house.subscribe("solo")
    if when == "before":
        house.work()
    balance = house.balance()
    with clock.travelled(timedelta(days=40)):
        if when == "after":
            with database.session():
                Inbox.update(state="parked", error=f"{NUMBER}: a fault of ours").execute()
        bought(house)
        inbox.retry_parked()
        house.work()
    said = [post.plain() for post in house.slack.channels[room].posts]
    assert any("For Elm alone" in one for one in said), said
    assert any("Missed call" in one for one in said), said
    with database.session():
        talk = Conversation.get()
        assert talk.line.account.name == "Elm"
        assert Message.select().count() == Call.select().count() == 1
        assert Inbox.select().where(Inbox.state != "done").count() == 0
        assert credits.balance(talk.line.account_id) == 9
    assert house.balance() >= balance and house.audit() == []


def test_what_came_while_a_number_was_nobodys_is_not_shown_to_who_buys_it(house: House) -> None:
    elms(house)
    house.work()
    with clock.travelled(timedelta(minutes=1)):
        house.twilio.text(BEN, NUMBER, "For nobody")
        house.work()
    house.subscribe("solo")
    with clock.travelled(timedelta(days=40)):
        bought(house)
        inbox.retry_parked()
        house.work()
        said = " ".join(doctor.findings())
    assert "whoever has the number since is not shown it" in said
    with database.session():
        assert [row.body for row in Message.select()] == ["For Elm alone"]


def test_a_number_that_others_had_brings_none_of_their_texts(house: House) -> None:
    opening.setup(account="Elm", owner="U0ELM", line=NUMBER)
    house.twilio.add_number(NUMBER)
    with database.session():
        Line.update(released_at=clock.now()).where(Line.number == NUMBER).execute()
    house.twilio.text(ANN, NUMBER, "For Elm alone")
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
    assert tokens.forget() == 1
    assert known.tokens(sid) == []
    assert list(wiring.twilios(known)) == []
    with clock.travelled(timedelta(days=2)), logged() as entries:
        poll.prices(known)
    assert [entry for entry in entries if entry["log_level"] != "info"] == []
    goes_on(house, brought(house), sid=sid, token=token)
    assert line().released_at is None
    house.twilio.add_number(NEXT)
    goes_on(house, brought(house, "(415) 555-0178"))
    assert line(NEXT).twilio_id is None


def test_a_team_may_bring_what_another_let_go_in_an_account_of_its_own(house: House) -> None:
    """Whoever has the token of the Twilio account decides, once the others' is forgotten."""
    sid, token, view = own(house)
    goes_on(house, view, sid=sid, token=token)
    oak, room = house.slack.add_user("Oak"), house.slack.add_channel("oak")
    opening.setup(account="Oak", owner=oak)

    def brings() -> View:
        form = house.opens(lambda: house.slack.command(oak, room, "/line", "bring"), oak)
        house.slack.submit(oak, form, {"number": OLD})
        house.slack.submit(oak, form, {"sid": sid, "token": token, "channel": room})
        house.work()
        return form

    released(house, TYPED)
    assert "kept for others" in brings().plain()
    house.slack.close_modals(oak)
    assert tokens.forget() == 1
    assert "It works." in brings().plain()
    house.twilio.text(ANN, OLD, "Hello, Oak")
    house.work()
    with database.session():
        assert Message.get().conversation.line.account.name == "Oak"
        assert TwilioAccount.get().account.name == "Oak"
        assert TwilioAccount.get().former_token is None


def test_a_token_that_changed_at_twilio_stops_no_other_number(house: House) -> None:
    sid, token, view = own(house)
    goes_on(house, view, sid=sid, token=token)
    house.twilio.more_accounts[sid] = "changed"
    house.twilio.add_number(NEXT)
    goes_on(house, brought(house, "(415) 555-0178"))
    assert line(NEXT).twilio_id is None
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


def test_a_repair_that_is_late_takes_back_no_number_that_was_let_go(house: House) -> None:
    number = house.twilio.add_number(OLD, ELSEWHERE)
    goes_on(house, brought(house))
    house.twilio.faults.add("rate_limit", "POST IncomingPhoneNumbers/sid")
    with database.session():
        repairs.point_here(line(), house.agent, clock.now(), calls=True)
    house.work()
    released(house, TYPED)
    assert number.set["sms_url"] == ELSEWHERE
    with clock.travelled(timedelta(minutes=5)):
        house.work()
    assert number.set["sms_url"] == ELSEWHERE


def waits(house: House) -> str:
    """A text waits for a number that was bought, and the number is given back meanwhile. The
    channel of its line."""
    house.subscribe("solo")
    house.twilio.shelf[0].number = NUMBER
    got(house, looked(house, wish="415"))
    house.work()
    house.twilio.faults.add("rate_limit", "POST Messages", seconds=60)
    room = str(line(NUMBER).channel)
    card = house.slack.command(house.agent, room, "/text", f"{BEN} Hi").shown
    house.hears(lambda: house.slack.press(house.agent, card, "Send"))
    house.work()
    released(house, NUMBER, NUMBER)
    return room


def test_a_text_that_waits_leaves_by_no_number_that_others_have_now(house: House) -> None:
    room = waits(house)
    opening.setup(account="Elm", owner="U0ELM", line=NUMBER)
    house.twilio.add_number(NUMBER)
    with clock.travelled(timedelta(minutes=5)):
        house.settle()
    assert house.twilio.sent_to(BEN) == []
    said = [post.plain() for post in house.slack.channels[room].posts]
    assert any("was released before it could leave" in one for one in said)
    with database.session():
        assert (Message.get().status, Message.get().refunded) == ("failed", 1)
    assert house.audit() == []


def test_what_fails_of_a_line_that_was_released_ails_no_line(house: House) -> None:
    released_before_the_last_word(house, "undelivered", 30034)
    with clock.travelled(timedelta(hours=2)):
        assert poll.overdue_statuses(Accounts(house.settings), False) == 1
    with database.session():
        assert Part.get().status == "undelivered"
        assert Trouble.select().count() == 0 and line().suspended_at is None


def test_lines_of_before_know_after_the_migration_what_is_theirs(
    engine: str, tmp_path: Path
) -> None:
    for file in sorted(MIGRATIONS.glob("000[1-7]*.py")):
        (tmp_path / file.name).write_text(file.read_text())
    bound = database.bind(databases.fresh(engine, migrated=False))
    database.migrate(tmp_path)
    then, sid = datetime(2026, 5, 1, tzinfo=UTC), "AC" + "1" * 32
    with database.session():
        for name in ("Elm", "Oak"):
            Account.create(name=name, timezone="UTC", created_at=then)
        database.query(
            "INSERT INTO twilio_account (sid, account_id, token, made_at)"
            " VALUES (%s, 1, 'sealed', %s)", sid, then,
        )  # fmt: skip
        for id_, account, twilio, gone in ((1, 1, sid, then), (2, 2, None, None)):
            database.query(
                "INSERT INTO line (id, account_id, number, channel, read_until, made_at,"
                " released_at, twilio_id) VALUES (%s, %s, %s, 'C', %s, %s, %s, %s)",
                id_, account, NUMBER, then, then, gone, twilio,
            )  # fmt: skip
        database.query(
            "INSERT INTO call (line_id, number, call_sid, seconds, minutes, credits, began_at)"
            " VALUES (1, %s, 'CA1', 0, 0, 0, %s)", ANN, then,
        )  # fmt: skip
    database.migrate(MIGRATIONS)
    with database.session():
        assert [line.had_since for line in Line.select().order_by(Line.id)] == [None, then]
        assert (Call.get().twilio_id, TwilioAccount.get().left_at) == (sid, then)
    bound.close_all()
