"""Lines in several Twilio accounts: each is spoken to with its own token, and believed about its
own lines alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests

import app as wiring
from bot import clock, config, doctor
from bot.lines.models import Line, TwilioAccount
from bot.lines.sealing import CannotOpen, Seal
from bot.models import Inbox
from bot.talks.models import Message, Part
from bot.team import accounts as here
from bot.team import opening
from bot.twilio import accounts, poll
from bot.twilio.accounts import Accounts
from ledger import database
from tests import pictures
from tests.bot.test_commands_of_the_operator import flask
from tests.house import ANN, BEN, LINE, House

OWN = "+14155550101"  # a line in the agent's own account


class Two:
    """A house with a second line, in an account of its own."""

    def __init__(self, house: House) -> None:
        self.house, self.twilio = house, house.twilio
        self.sid, self.token = house.twilio.add_account()
        self.seal = Seal(*house.settings.keys())
        accounts.keep(self.seal, self.sid, self.token, "Harbor Homes")
        house.twilio.add_number(OWN, account=self.sid)
        self.channel = house.slack.add_channel("own")
        opening.setup(account="Harbor Homes", line=OWN, channel=self.channel, twilio=self.sid)
        here.entered(self.channel, clock.now())

    def post(self, path: str, token: str, **form: str) -> int:
        """Posts a webhook that is signed with this token. Returns the answer's status."""
        url = self.house.settings.public_url + path
        signed = self.twilio.sign(url, form, token)
        return requests.post(
            self.house.sandbox.app_url + path, data=form, headers={"X-Twilio-Signature": signed}
        ).status_code

    def text(self, token: str, **form: str) -> int:
        """Posts a text to the own line, as its account would but for what is given."""
        usual = {"AccountSid": self.sid, "MessageSid": "SM1", "From": ANN, "To": OWN, "Body": "Hi"}
        return self.post("/twilio/sms", token, **(usual | form))

    def parked(self) -> list[str]:
        """Why rows of the inbox are parked."""
        with database.session():
            return [row.error for row in Inbox.select().where(Inbox.state == "parked")]


@pytest.fixture
def two(house: House) -> Two:
    return Two(house)


def texts_in() -> int:
    with database.session():
        return Message.select().where(Message.direction == "in").count()


def test_texts_go_both_ways_by_the_lines_own_account(two: Two) -> None:
    two.twilio.text(ANN, OWN, "Hello", media=[pictures.png()])
    two.twilio.text(BEN, LINE, "Hello")
    two.house.work()
    slack = two.house.slack
    blocks = [block for post in slack.channels[two.channel].posts for block in post.blocks]
    images = [block["slack_file"]["id"] for block in blocks if block["type"] == "image"]
    assert [slack.files[image].content for image in images] == [pictures.png()]
    card = two.house.slack.command(two.house.agent, two.channel, "/text", f"{ANN} Hi Ann").shown
    two.house.hears(lambda: two.house.slack.press(two.house.agent, card, "Send"))
    two.house.send(BEN, "Hi Ben")
    two.house.settle()
    sent = [two.twilio.sent_to(number)[0] for number in (ANN, BEN)]
    assert [text.account for text in sent] == [two.sid, two.twilio.account_sid]
    with database.session():
        assert [part.status for part in Part.select()] == ["delivered", "delivered"]
    assert two.parked() == []
    assert two.house.audit() == []


def test_the_messaging_service_of_the_settings_carries_no_text_of_another_account(
    books: str, sandbox
) -> None:
    with House(books, sandbox, TWILIO_MESSAGING_SERVICE_SID="MG" + "1" * 32).serving() as house:
        two = Two(house)
        card = house.slack.command(house.agent, two.channel, "/text", f"{ANN} Hi Ann").shown
        house.hears(lambda: house.slack.press(house.agent, card, "Send"))
        house.send(BEN, "Hi Ben")
        house.settle()
        sent = [house.twilio.sent_to(number)[0] for number in (ANN, BEN)]
        assert [text.service for text in sent] == [None, "MG" + "1" * 32]


def test_a_webhook_is_believed_with_a_token_of_the_account_it_names_alone(two: Two) -> None:
    main, unknown = two.twilio.auth_token, "AC" + "0" * 32
    assert two.text(main) == 403
    assert two.text(two.token, AccountSid=two.twilio.account_sid) == 403
    for sid in (unknown, "", "AC", "AC\0", f"{two.sid}' OR 1=1"):
        assert two.text(two.token, AccountSid=sid) == 403
        assert two.text(main, AccountSid=sid) == 403
    assert two.text(two.token) == 200
    two.house.work()
    assert texts_in() == 1


def test_a_text_to_a_line_of_another_account_is_parked(two: Two) -> None:
    main = two.twilio.account_sid
    assert two.text(two.token, To=LINE, MessageSid="SM1") == 200
    assert two.text(two.twilio.auth_token, AccountSid=main, MessageSid="SM2") == 200
    two.house.work()
    assert texts_in() == 0
    assert len(two.parked()) == 2
    assert all("in another Twilio account" in why for why in two.parked())
    assert two.house.balance() == 100


def test_a_status_by_another_account_moves_nothing(two: Two) -> None:
    two.twilio.callbacks.withhold = True
    two.house.send(ANN, "Hello")
    two.house.settle()
    with database.session():
        part = Part.get()
    fate = {"MessageStatus": "failed", "ErrorCode": "30001"}
    for ref, sid in ((part.ref, "SMforged"), ("", part.message_sid)):
        path = f"/twilio/status?ref={ref}" if ref else "/twilio/status"
        assert two.post(path, two.token, AccountSid=two.sid, MessageSid=sid, **fate) == 200
    two.house.work()
    assert len(two.parked()) == 2
    assert two.house.balance() == 99
    main = {"AccountSid": two.twilio.account_sid, "MessageSid": part.message_sid}
    path = f"/twilio/status?ref={part.ref}"
    assert two.post(path, two.twilio.auth_token, **main, **fate) == 200
    two.house.work()
    assert two.house.balance() == 100


def test_lists_prices_and_statuses_are_asked_of_the_lines_own_account(two: Two) -> None:
    two.twilio.callbacks.withhold = True
    for number in (OWN, LINE):
        two.twilio.point(number, "http://127.0.0.1:9/down")
        two.twilio.text(ANN, number, "by nobody", media=[pictures.png()])
    known = Accounts(two.house.settings)
    assert two.house.missed() == 2
    assert two.house.missed() == 0
    two.house.work()
    assert texts_in() == 2 and two.parked() == []
    card = two.house.slack.command(two.house.agent, two.channel, "/text", f"{BEN} Hi Ben").shown
    two.house.hears(lambda: two.house.slack.press(two.house.agent, card, "Send"))
    two.house.settle()
    with clock.travelled(timedelta(hours=30)):
        assert poll.overdue_statuses(known, False) == 1
        assert poll.prices(known) == 3
        two.house.work()
    with database.session():
        assert Part.get().status == "delivered"


def test_a_text_stays_with_the_account_it_was_sent_by_whatever_its_line_moves_to(two: Two) -> None:
    two.twilio.callbacks.withhold = True
    card = two.house.slack.command(two.house.agent, two.channel, "/text", f"{BEN} Hi Ben").shown
    two.house.hears(lambda: two.house.slack.press(two.house.agent, card, "Send"))
    two.house.settle()
    with database.session():
        assert Part.get().twilio_id == two.sid
        Line.update(twilio=None).where(Line.number == OWN).execute()
    with clock.travelled(timedelta(hours=30)):
        assert poll.overdue_statuses(Accounts(two.house.settings), False) == 1
        two.house.work()
    with database.session():
        assert Part.get().status == "delivered"


def test_an_account_that_does_not_answer_keeps_no_other_from_being_read(two: Two) -> None:
    two.twilio.more_accounts[two.sid] = "changed at Twilio"
    two.twilio.point(LINE, "http://127.0.0.1:9/down")
    two.twilio.point(OWN, "http://127.0.0.1:9/down")
    two.twilio.text(ANN, LINE, "by nobody")
    assert two.house.missed() == 1
    assert any(two.sid in one for one in wiring.twilios(Accounts(two.house.settings)))


def test_a_token_that_changes_is_used_and_the_one_before_still_signs(two: Two) -> None:
    two.twilio.more_accounts[two.sid] = "the next token"
    accounts.keep(two.seal, two.sid, "the next token", "Harbor Homes")
    two.house.app.config["TWILIO"] = Accounts(two.house.settings)  # as if ten seconds had gone by
    assert two.text(two.token, MessageSid="SM1") == 200
    assert two.text("the next token", MessageSid="SM2") == 200
    assert list(wiring.twilios(Accounts(two.house.settings))) == []
    two.house.work()
    assert texts_in() == 2


def test_the_former_token_of_the_settings_still_signs(books: str, sandbox) -> None:
    former = {"TWILIO_AUTH_TOKEN_FORMER": "the former token"}
    with House(books, sandbox, **former).serving() as house:
        two = Two(house)
        main = {"AccountSid": house.twilio.account_sid, "To": LINE}
        assert two.text("the former token", MessageSid="SM1", **main) == 200
        assert two.text(house.twilio.auth_token, MessageSid="SM2", **main) == 200
        assert two.text("another token", MessageSid="SM3", **main) == 403


def test_tokens_are_sealed_and_sealed_anew_under_another_key(two: Two) -> None:
    with database.session():
        row = TwilioAccount.get()
    assert two.token not in row.token
    environ = two.house.environ | {
        "SECRET_KEY": "another secret", "SECRET_KEY_FORMER": two.house.environ["SECRET_KEY"],
    }  # fmt: skip
    without = {key: value for key, value in environ.items() if key != "SECRET_KEY_FORMER"}
    lost = Accounts(config.load(without))
    with pytest.raises(CannotOpen):
        lost.client(two.sid)
    assert "SECRET_KEY_FORMER" in flask(without, "reseal").stderr
    assert flask(environ, "reseal").returncode == 0
    assert Accounts(config.load(without)).tokens(two.sid) == [two.token]


def test_a_token_that_cannot_be_opened_loses_no_text(two: Two) -> None:
    """In: Twilio is asked to try again. Out: it waits, and `flask doctor` says for what."""
    lost = Accounts(config.load(two.house.environ | {"SECRET_KEY": "another secret"}))
    two.house.app.config["TWILIO"] = lost
    assert two.text(two.token) == 503
    two.house.carriers["twilio.message"].accounts = lost  # type: ignore[attr-defined]
    card = two.house.slack.command(two.house.agent, two.channel, "/text", f"{BEN} Hi Ben").shown
    two.house.hears(lambda: two.house.slack.press(two.house.agent, card, "Send"))
    two.house.work()
    assert two.twilio.sent_to(BEN) == []
    with clock.travelled(timedelta(minutes=11)):
        assert any("SECRET_KEY_FORMER" in line for line in doctor.findings())
        two.house.carriers["twilio.message"].accounts = Accounts(two.house.settings)  # type: ignore[attr-defined]
        two.house.work()
    assert len(two.twilio.sent_to(BEN)) == 1


def test_the_operator_keeps_an_account_once_twilio_takes_its_token(house: House) -> None:
    sid, token = house.twilio.add_account()
    wanted = ("twilio", "--sid", sid, "--account", "Harbor Homes", "--token")
    refused = flask(house.environ, *wanted, "wrong")
    assert refused.returncode == 1 and "Authenticate" in refused.stderr
    assert "Kept." in flask(house.environ, *wanted, token).stdout
    opening.setup(account="Elm", timezone="UTC", owner="U7")
    with pytest.raises(ValueError, match="flask twilio"):
        opening.setup(account="Elm", line=OWN, twilio=sid)
    with pytest.raises(ValueError, match="flask twilio"):
        opening.setup(account="Elm", line=OWN, twilio="AC" + "0" * 32)
    assert opening.setup(account="Harbor Homes", line=OWN, twilio=sid).done
    with pytest.raises(ValueError, match="does not move it"):
        opening.setup(account="Harbor Homes", line=LINE, twilio=sid)
