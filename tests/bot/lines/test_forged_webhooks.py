"""What is forged with the token of a Twilio account that a customer brought gives no credit."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from bot import clock
from bot.lines import calls
from bot.lines.models import Line, Setup, TwilioAccount
from bot.talks.models import Call, Part
from bot.twilio import poll
from bot.twilio.accounts import Accounts
from ledger import database
from tests.bot.lines.test_twilio_accounts import OWN, Two
from tests.house import ANN, BEN, House


@pytest.fixture
def two(house: House) -> Two:
    return Two(house)


FAILED = {"MessageStatus": "failed", "ErrorCode": "30001"}


def tell(two: Two, **status: str) -> None:
    """The team's own account tells of the one text, signed with the token that they hold."""
    with database.session():
        part = Part.get()
    form = {"AccountSid": two.sid, "MessageSid": part.message_sid, **status}
    assert two.post(f"/twilio/status?ref={part.ref}", two.token, **form) == 200
    two.house.work()


def text_by_own(two: Two) -> None:
    """A text leaves by the team's own account; no callback comes."""
    two.twilio.callbacks.withhold = True
    card = two.house.slack.command(two.house.agent, two.channel, "/text", f"{BEN} Hi Ben").shown
    two.house.hears(lambda: two.house.slack.press(two.house.agent, card, "Send"))
    two.house.settle()


def status_of_the_one() -> str:
    with database.session():
        return str(Part.get().status)


def test_a_forged_failure_gives_no_credit_back(two: Two) -> None:
    """Who brings a Twilio account can sign what they like with its token."""
    text_by_own(two)
    tell(two, **FAILED)
    assert two.house.balance() == 99
    assert poll.overdue_statuses(Accounts(two.house.settings), False) == 1
    two.house.work()
    assert (status_of_the_one(), two.house.balance()) == ("delivered", 99)
    for more in ({"MessageStatus": "canceled"}, {"MessageStatus": "undelivered"}):
        tell(two, **more)
    assert poll.overdue_statuses(Accounts(two.house.settings), False) == 0
    assert two.house.balance() == 99
    assert two.house.audit() == []


def test_a_failure_that_twilio_itself_tells_is_given_back_once(two: Two) -> None:
    two.twilio.outcome(BEN, "failed", 30001)
    text_by_own(two)
    known = Accounts(two.house.settings)
    tell(two, **FAILED)
    two.twilio.faults.add("error", "GET Messages")  # the first question is not answered
    assert poll.overdue_statuses(known, False) == 1
    assert two.house.balance() == 99
    with clock.travelled(timedelta(hours=1, minutes=1)):
        for asked in (1, 0):
            assert poll.overdue_statuses(known, False) == asked
        tell(two, MessageStatus="canceled")
        two.house.work()
    assert (status_of_the_one(), two.house.balance()) == ("failed", 100)
    assert two.house.audit() == []


def test_a_question_that_is_never_answered_is_asked_less_often_and_not_for_ever(two: Two) -> None:
    text_by_own(two)
    tell(two, **FAILED)
    two.twilio.faults.add("error", "GET Messages", times=None)
    known = Accounts(two.house.settings)
    asked = []
    for hour in range(24 * 20):
        with clock.travelled(timedelta(hours=hour)):
            if poll.overdue_statuses(known, False):
                asked.append(hour)
    waits = [later - sooner for sooner, later in itertools.pairwise(asked)]
    assert waits == sorted(waits) and waits[0] == 1 and waits[-1] > 100
    assert 7 <= len(asked) <= 12
    assert two.house.balance() == 99


def test_a_failure_in_the_operators_own_account_is_given_back_at_once(two: Two) -> None:
    """Also one of several: nobody but the operator holds its token."""
    with database.session():
        TwilioAccount.update(account=None).execute()
    text_by_own(two)
    tell(two, **FAILED)
    assert (status_of_the_one(), two.house.balance()) == ("failed", 100)


PHONE = "+14155550188"


def rings(two: Two, seconds: int) -> str:
    """Ann calls the own line, somebody's phone rings and is taken for so long, and no webhook says
    so but what they forge themselves. Returns the call's SID."""
    with database.session():
        Line.update(
            voice_mode="forward", forward_user=two.house.agent, forward_number=PHONE,
            calls_until=clock.now(),
        ).execute()  # fmt: skip
    two.twilio.kept_back, two.twilio.picks_up[PHONE] = {"dial", "call"}, seconds
    two.twilio.call(ANN, OWN)
    two.house.work()
    with database.session():
        return str(Call.get().call_sid)


def ended(two: Two, token: str, account: str, call_sid: str, status: str, seconds: int) -> None:
    form = {"AccountSid": account, "CallSid": call_sid, "From": ANN, "To": OWN,
            "DialCallStatus": status, "DialCallDuration": str(seconds)}  # fmt: skip
    assert two.post("/twilio/voice/status", token, **form) == 200
    two.house.work()


@pytest.mark.parametrize(("status", "seconds"), [("completed", 1), ("no-answer", 0)])
def test_a_forged_end_of_a_call_saves_no_minute(two: Two, status: str, seconds: int) -> None:
    ended(two, two.token, two.sid, rings(two, 600), status, seconds)
    assert two.house.balance() == 90, "as Twilio says, which was asked"
    with database.session():
        assert (Call.get().outcome, Call.get().minutes) == ("answered", 10)
    assert two.house.audit() == []


def test_the_end_of_a_call_is_told_by_its_own_account_alone(two: Two) -> None:
    call = rings(two, 600)
    ended(two, two.twilio.auth_token, two.twilio.account_sid, call, "completed", 60_000)
    assert two.house.balance() == 100
    assert any("another Twilio account" in why for why in two.parked())


@pytest.mark.parametrize("is_told", [True, False])
def test_a_call_is_asked_about_where_it_came_though_its_line_moved_on(
    two: Two, is_told: bool
) -> None:
    call = rings(two, 600)
    with database.session():
        line = Line.get(Line.number == OWN)
        Setup.create(
            id="moved", account=line.account_id, line=line, kind="transfer", number=OWN,
            step="done", details={"left": two.sid}, by=two.house.agent, made_at=clock.now(),
            done_at=clock.now(),
        )  # fmt: skip
        Line.update(twilio=None).where(Line.number == OWN).execute()
    if is_told:
        ended(two, two.token, two.sid, call, "completed", 600)
    with clock.travelled(timedelta(minutes=6)):
        assert calls.ask_overdue(clock.now()) == (not is_told)
        two.house.work()
    assert two.house.balance() == 90
    assert two.house.audit() == []
