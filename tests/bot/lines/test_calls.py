"""Calls to a line: what the caller hears and the thread says, the price, who is texted back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import ClassVar

import pytest
import requests

from bot import clock, doctor
from bot.contacts.models import Contact
from bot.lines import calls
from bot.lines.calls import WORDS
from bot.lines.models import Line
from bot.models import Inbox
from bot.sandbox.twilio.calls import TwimlError, parsed
from bot.talks.models import Call, Message
from bot.twilio import backfill
from bot.twilio.accounts import Accounts
from ledger import credits, database
from ledger.models import Entry
from tests.house import ANN, BEN, LINE, House

PHONE, ABROAD = "+14155550188", "+447911123456"
BACK = "Sorry we missed you. What can we do for you?"
HIDDEN = "+266696687"


def settled(house: House, **fields: object) -> None:
    with database.session():
        Line.update(calls_until=clock.now(), **fields).execute()


def forwarded(house: House, **fields: object) -> None:
    settled(
        house, voice_mode="forward", forward_user=house.agent, forward_number=PHONE, **fields
    )  # fmt: skip


def texts_back(house: House, **fields: object) -> None:
    settled(house, text_back=BACK, text_back_by=house.agent, text_back_up_to=2, **fields)


def said(house: House, number: str = ANN) -> list[str]:
    """What the thread says, its root left out."""
    house.settle()
    return [post.plain() for post in house.thread(number)[1:]]


def row() -> Call:
    with database.session():
        found: Call = Call.get()
    return found


@pytest.fixture
def house(house: House) -> Iterator[House]:
    """The house, whose books hold whatever happened in it."""
    yield house
    assert house.audit() == []


class TestAMessage:
    def test_is_spoken_and_the_missed_call_is_shown(self, house: House) -> None:
        assert house.twilio.call(ANN, LINE) == [WORDS]
        [shown] = said(house)
        assert shown == ":telephone_receiver: Missed call. They heard what the line tells callers."
        assert (row().outcome, row().credits, row().number) == ("message", 0, ANN)
        assert house.balance() == 100, "it costs nothing"

    def test_may_be_worded_by_the_team(self, house: House) -> None:
        words = "Harbor Homes <3 & more: “please” text us"
        settled(house, voice_words=words)
        assert house.twilio.call(ANN, LINE) == [words]

    def test_has_the_caller_wait_for_an_answer(self, house: House) -> None:
        house.twilio.call(ANN, LINE)
        house.work()
        assert "(415) 555-0123" in house.ask("waiting").plain()

    def test_a_caller_who_opted_out_waits_for_none(self, house: House) -> None:
        house.twilio.text(ANN, LINE, "STOP")
        house.work()
        house.twilio.call(ANN, LINE)
        assert "Missed call" in said(house)[-1]
        assert "(415) 555-0123" not in house.ask("waiting").plain()

    def test_somebody_blocked_is_turned_away_and_shown_nowhere(self, house: House) -> None:
        house.twilio.text(ANN, LINE, "Hello")
        house.work()
        with database.session():
            Contact.update(blocked_at=clock.now()).execute()
        assert house.twilio.call(ANN, LINE) == ["(busy)"]
        house.settle()
        assert len(house.thread(ANN)) == 2
        with database.session():
            assert Call.select().count() == 1

    @pytest.mark.parametrize("caller", [HIDDEN, "anonymous", "client:bob", "sip:a@b.example"])
    def test_a_caller_without_a_number_is_told_of_in_the_channel(
        self, house: House, caller: str
    ) -> None:
        texts_back(house)
        assert house.twilio.call(caller, LINE) == [WORDS]
        house.work()
        [post] = house.slack.channel(house.channel)
        assert post.plain() == (
            ":telephone_receiver: Missed call. The caller withheld their number."
        )
        with database.session():
            assert Contact.select().count() == 0
        assert house.balance() == 100

    def test_a_call_to_no_line_of_ours_is_refused_and_parked(self, house: House) -> None:
        house.twilio.add_number("+14155550111")
        assert house.twilio.call(ANN, "+14155550111") == ["(busy)"]
        house.work()
        with clock.travelled(timedelta(hours=1)):
            house.work()
        assert any("no line has the number +14155550111" in one for one in doctor.findings())
        with database.session():
            Inbox.delete().execute()

    def test_it_is_one_call_however_often_twilio_tells_of_it(self, house: House) -> None:
        house.twilio.call(ANN, LINE)
        first = next(hook for hook in house.twilio.webhooks if hook.url.endswith(VOICE))
        for _ in range(3):
            house.twilio._answered(first.url, first.params)
        assert len(said(house)) == 1
        assert [hook.status for hook in house.twilio.webhooks] == [200] * 5


VOICE = "/twilio/voice#rc=3&rp=ct,rt,5xx"


class TestForwarding:
    def test_a_call_that_is_taken_costs_a_credit_a_minute_begun(self, house: House) -> None:
        forwarded(house)
        house.twilio.picks_up[PHONE] = 121
        heard = house.twilio.call(ANN, LINE)
        assert heard == [f"(rings {PHONE})", "(speaks for 121 s)"]
        [shown] = said(house)
        assert shown == (
            f":telephone_receiver: Call taken on @{house.agent}'s phone: 3 minutes, 3 credits."
        )
        assert (row().seconds, row().minutes, row().credits) == (121, 3, 3)
        assert house.balance() == 97
        with database.session():
            entry = Entry.get(Entry.kind == "charge_call")
        assert (entry.amount, entry.message, entry.actor) == (-3, row().id, "twilio")

    def test_the_phone_rings_for_less_than_a_mailbox_takes(self, house: House) -> None:
        forwarded(house)
        house.twilio.call(ANN, LINE)
        [hook] = [h for h in house.twilio.webhooks if h.url.endswith(VOICE)]
        answer = house.twilio._answered(hook.url, hook.params)
        assert answer is not None
        [dial] = parsed(answer.content)
        assert (dial.get("timeout"), dial.get("answerOnBridge")) == ("20", "true")
        assert dial.get("callerId") is None, "they see who calls"

    @pytest.mark.parametrize("engaged", [True, False])
    def test_nobody_takes_it(self, house: House, engaged: bool) -> None:
        forwarded(house)
        if engaged:
            house.twilio.engaged.add(PHONE)
        assert house.twilio.call(ANN, LINE) == [f"(rings {PHONE})", WORDS]
        [shown] = said(house)
        assert shown == (
            f":telephone_receiver: Missed call. @{house.agent}'s phone rang, and nobody took it."
        )
        assert (row().outcome, house.balance()) == ("missed", 100)

    def test_the_caller_gives_up_while_it_rings(self, house: House) -> None:
        """Nobody says so but the end of the call: Twilio is asked what became of the phone."""
        forwarded(house)
        house.twilio.call(ANN, LINE, gives_up=True)
        assert "Missed call" in said(house)[0]
        assert [name for name, _ in house.twilio.calls if name == "GET Calls"] == ["GET Calls"]

    @pytest.mark.parametrize("kept_back", [{"dial"}, {"dial", "call"}])
    @pytest.mark.parametrize("taken", [True, False])
    def test_an_end_that_nobody_tells_is_found_out(
        self, house: House, kept_back: set[str], taken: bool
    ) -> None:
        forwarded(house)
        house.twilio.kept_back = kept_back
        if taken:
            house.twilio.picks_up[PHONE] = 30
        house.twilio.call(ANN, LINE)
        house.work()
        with clock.travelled(timedelta(minutes=6)):
            calls.ask_overdue(clock.now())
            house.work()
            assert ("Call taken" if taken else "Missed call") in said(house)[0]
        assert house.balance() == (99 if taken else 100)

    def test_of_a_call_that_goes_on_it_is_asked_again(self, house: House) -> None:
        forwarded(house)
        house.twilio.kept_back = {"dial", "call"}
        house.twilio.picks_up[PHONE] = 3600
        house.twilio.call(ANN, LINE)
        house.work()
        leg = list(house.twilio.legs.values())[-1]
        leg.status = "in-progress"
        with clock.travelled(timedelta(minutes=6)):
            assert calls.ask_overdue(clock.now()) == 1
            assert calls.ask_overdue(clock.now()) == 0
            house.work()
            assert row().outcome == "ringing"
        leg.status = "completed"
        with clock.travelled(timedelta(minutes=70)):
            assert calls.ask_overdue(clock.now()) == 1
            house.work()
        assert (row().outcome, row().credits) == ("answered", 60)
        assert house.balance() == 40

    def test_one_that_breaks_holds_up_no_other(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        forwarded(house)
        house.twilio.kept_back = {"dial", "call"}
        for caller in (ANN, BEN):
            house.twilio.call(caller, LINE)
            house.work()
        ask = calls._ask

        def breaks(row: Call, *rest: object) -> None:
            assert row.number != ANN, "a fault of ours"
            ask(row, *rest)  # type: ignore[arg-type]

        monkeypatch.setattr(calls, "_ask", breaks)
        with clock.travelled(timedelta(minutes=6)):
            assert calls.ask_overdue(clock.now()) == 2
            assert "Missed call" in said(house, BEN)[0]

    def test_one_that_twilio_never_explains_is_missed_after_a_day(self, house: House) -> None:
        forwarded(house)
        house.twilio.kept_back = {"dial", "call"}
        house.twilio.call(ANN, LINE)
        house.work()
        with clock.travelled(timedelta(hours=25)):
            calls.ask_overdue(clock.now())
            house.work()
            assert "Twilio never said how it ended" in said(house)[0]

    @pytest.mark.parametrize("kind", ["error", "rate_limit", "drop_before", "drop_after"])
    def test_a_twilio_that_does_not_answer_is_asked_again(self, house: House, kind: str) -> None:
        forwarded(house)
        house.twilio.picks_up[PHONE] = 61
        house.twilio.kept_back = {"dial"}
        house.twilio.faults.add(kind, "GET Calls", times=2)
        house.twilio.call(ANN, LINE)
        house.work()
        for minutes in (1, 2, 3):
            with clock.travelled(timedelta(minutes=minutes)):
                house.work()
        assert (row().outcome, house.balance()) == ("answered", 98)

    def test_minutes_are_charged_below_zero_and_once(self, house: House) -> None:
        """R15 goes for them as for a text in; R13 and the audit hold."""
        forwarded(house)
        house.twilio.picks_up[PHONE] = 120 * 60
        house.twilio.call(ANN, LINE)
        house.work()
        for hook in [h for h in house.twilio.webhooks if "DialCallStatus" in h.params]:
            for _ in range(2):
                house.twilio._answered(hook.url, hook.params)
        house.work()
        assert house.balance() == -20

    def test_a_call_that_was_taken_answers_whoever_waited(self, house: House) -> None:
        forwarded(house)
        house.twilio.text(ANN, LINE, "Are you there?")
        house.work()
        house.twilio.picks_up[PHONE] = 10
        house.twilio.call(ANN, LINE)
        house.work()
        assert "(415) 555-0123" not in house.ask("waiting").plain()

    def test_someone_blocked_rings_no_phone(self, house: House) -> None:
        forwarded(house)
        house.twilio.text(ANN, LINE, "Hello")
        house.work()
        with database.session():
            Contact.update(blocked_at=clock.now()).execute()
        assert house.twilio.call(ANN, LINE) == ["(busy)"]
        assert [leg.direction for leg in house.twilio.legs.values()] == ["inbound"]


class TestTextBack:
    def test_goes_to_a_caller_who_was_not_heard_and_is_charged(self, house: House) -> None:
        texts_back(house)
        house.twilio.call(ANN, LINE)
        missed, text = said(house)
        assert missed.endswith("They are texted back.")
        assert BACK in text and "Delivered" in text
        assert house.twilio.phone(ANN) == [f"← {BACK}"]
        assert house.balance() == 99
        with database.session():
            message = Message.get()
        assert (message.automated, message.author, row().text_back_id) == (
            True, house.agent, message.id,
        )  # fmt: skip

    def test_the_first_to_somebody_says_how_to_opt_out(self, house: House) -> None:
        texts_back(house)
        house.settle_words("Reply STOP to opt out.")
        house.twilio.call(ANN, LINE)
        house.settle()
        assert house.twilio.phone(ANN) == [f"← {BACK}\nReply STOP to opt out."]
        assert house.balance() == 99

    def test_once_an_hour_however_often_they_call(self, house: House) -> None:
        texts_back(house)
        for _ in range(5):
            house.twilio.call(ANN, LINE)
        house.settle()
        assert len(house.twilio.sent_to(ANN)) == 1
        assert "They are not texted back: they were, less than an hour ago." in said(house)[-1]
        house.twilio.call(BEN, LINE)
        house.settle()
        assert len(house.twilio.sent_to(BEN)) == 1, "another caller is another's hour"
        with clock.travelled(timedelta(minutes=61)):
            house.twilio.call(ANN, LINE)
            house.settle()
        assert len(house.twilio.sent_to(ANN)) == 2
        assert house.balance() == 97

    @pytest.mark.parametrize(
        ("fields", "why"),
        [({"opted_out_at": None}, "they opted out of texts"),
         ({"unreachable": "The number is a landline"}, "no text gets there")],
    )  # fmt: skip
    def test_never_to_who_is_not_to_be_texted(
        self, house: House, fields: dict[str, object], why: str
    ) -> None:
        texts_back(house)
        house.twilio.text(ANN, LINE, "STOP" if "opted_out_at" in fields else "Hello")
        house.work()
        if "unreachable" in fields:
            with database.session():
                Contact.update(**fields).execute()
        house.twilio.call(ANN, LINE)
        assert why in said(house)[-1]
        assert house.twilio.sent_to(ANN) == []
        assert house.balance() == 99

    def test_never_where_a_machine_may_be_at_the_other_end(self, house: House) -> None:
        texts_back(house)
        for n in range(20):
            house.twilio.text(ANN, LINE, f"beep {n}")
        house.work()
        house.twilio.call(ANN, LINE)
        assert "a machine may be at the other end" in said(house)[-1]
        assert house.twilio.sent_to(ANN) == []

    def test_never_above_its_ceiling(self, house: House) -> None:
        texts_back(house)
        with database.session():
            Line.update(text_back_up_to=1).execute()
        house.twilio.call(ABROAD, LINE)
        assert "it would cost 2 credits, and 1 is the most" in said(house, ABROAD)[-1]
        house.twilio.call(ANN, LINE)
        assert said(house)[0].endswith("They are texted back.")

    def test_not_without_credits_and_says_so(self, house: House) -> None:
        texts_back(house)
        credits.adjust(
            house.account().id, "a", -100, reason="empty", actor="operator", now=clock.now()
        )
        house.twilio.call(ANN, LINE)
        assert "it costs 1 credit, and 0 are left" in said(house)[-1]
        assert house.twilio.sent_to(ANN) == []

    def test_not_while_twilio_lets_no_texts_of_the_line_through(self, house: House) -> None:
        texts_back(house, suspended_at=clock.now())
        house.twilio.call(ANN, LINE)
        assert "Twilio lets no texts of this line through now" in said(house)[-1]

    def test_not_to_a_line_of_partylines(self, house: House) -> None:
        """Two lines that text each other back would never stop."""
        texts_back(house)
        with database.session():
            Line.create(account=house.account(), number=ANN, channel="C9", read_until=clock.now(),
                        made_at=clock.now())  # fmt: skip
        house.twilio.call(ANN, LINE)
        assert "came from a line of Partyline's" in said(house)[-1]

    def test_one_that_fails_is_not_said_to_be_a_smartplans(self, house: House) -> None:
        texts_back(house)
        house.twilio.outcome(ANN, "undelivered", 30003)
        house.twilio.call(ANN, LINE)
        assert any(
            "The automatic text to" in one and "did not arrive" in one for one in said(house)
        )

    def test_not_to_who_was_heard(self, house: House) -> None:
        forwarded(house, text_back=BACK, text_back_by=house.agent)
        house.twilio.picks_up[PHONE] = 10
        house.twilio.call(ANN, LINE)
        house.settle()
        assert house.twilio.sent_to(ANN) == []

    def test_two_calls_at_once_are_texted_back_once(self, house: House) -> None:
        import threading

        texts_back(house)
        house.twilio.call(BEN, LINE)
        house.work()
        threads = [threading.Thread(target=house.twilio.call, args=(ANN, LINE)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        house.settle()
        assert len(house.twilio.sent_to(ANN)) == 1


class TestWhileAway:
    def test_calls_that_no_webhook_brought_are_found_once(self, house: House) -> None:
        settled(house, text_back=BACK, text_back_by=house.agent)
        house.twilio.numbers[LINE].set["voice_url"] = "http://127.0.0.1:9/down"
        house.twilio.numbers[LINE].set["status_callback"] = "http://127.0.0.1:9/down"
        assert house.twilio.call(ANN, LINE) == ["(error)"]
        with clock.travelled(timedelta(hours=1)):
            known = Accounts(house.settings)
            assert backfill.missed(known) == 1
            assert backfill.missed(known) == 0
            [shown] = said(house)
        assert "Missed call. It was " in shown and "did not hear of it then" in shown
        assert "They are not texted back: it was too long ago." in shown

    def test_those_of_a_number_whose_calls_go_elsewhere_are_not(self, house: House) -> None:
        house.twilio.numbers[LINE].set["voice_url"] = "http://127.0.0.1:9/theirs"
        house.twilio.numbers[LINE].set["status_callback"] = ""
        house.twilio.kept_back = {"call"}
        house.twilio.call(ANN, LINE)
        assert backfill.missed(Accounts(house.settings)) == 0

    def test_those_that_were_told_are_not(self, house: House) -> None:
        forwarded(house)
        house.twilio.call(ANN, LINE)
        house.work()
        assert backfill.missed(Accounts(house.settings)) == 0


class TestTheWebhook:
    FORM: ClassVar = {"CallSid": "CA1", "From": ANN, "To": LINE, "CallStatus": "ringing"}

    def post(self, house: House, path: str, form: dict[str, str], **more: str) -> requests.Response:
        form = {"AccountSid": house.twilio.account_sid, **form}
        good = house.twilio.sign(house.settings.public_url + path, form)
        return requests.post(
            house.sandbox.app_url + path, data=form,
            headers={"X-Twilio-Signature": more.get("signature", good)},
        )  # fmt: skip

    @pytest.mark.parametrize("path", ["/twilio/voice", "/twilio/voice/status"])
    def test_is_signed_like_the_rest(self, house: House, path: str) -> None:
        assert self.post(house, path, self.FORM, signature="wrong").status_code == 403
        assert self.post(house, path, self.FORM).status_code == 200

    @pytest.mark.parametrize("path", ["/twilio/voice", "/twilio/voice/status"])
    @pytest.mark.parametrize("lacks", ["CallSid", "From", "To"])
    def test_refuses_what_is_no_call(self, house: House, path: str, lacks: str) -> None:
        form = {name: value for name, value in self.FORM.items() if name != lacks}
        assert self.post(house, path, form).status_code == 400

    def test_an_end_of_a_call_that_is_not_known_is_parked(self, house: House) -> None:
        form = {**self.FORM, "CallStatus": "completed"}
        assert self.post(house, "/twilio/voice/status", form).status_code == 200
        for minutes in range(0, 12, 2):
            with clock.travelled(timedelta(minutes=minutes)):
                house.work()
        assert any(
            "the call CA1 to +14155550100 itself is not known yet" in one
            for one in doctor.findings()
        )

    def test_answers_503_where_nothing_can_be_kept(self, house: House) -> None:
        with database.session():
            database.query("ALTER TABLE inbox RENAME TO away")
        assert house.twilio.call(ANN, LINE) == ["(error)"]
        [first, *_] = house.twilio.webhooks
        assert (first.status, first.tries) == (503, 4)
        with database.session():
            database.query("ALTER TABLE away RENAME TO inbox")

    def test_a_call_of_another_account_is_not_taken_for_ours(self, house: House) -> None:
        sid, token = house.twilio.add_account()
        form = {**self.FORM, "AccountSid": sid}
        signature = house.twilio.sign(house.settings.public_url + "/twilio/voice", form, token)
        answer = requests.post(
            house.sandbox.app_url + "/twilio/voice", data=form,
            headers={"X-Twilio-Signature": signature},
        )  # fmt: skip
        assert answer.status_code == 403


@pytest.mark.parametrize(
    "document",
    [
        "", "text", "<Reply/>", "<Response><Play>x</Play></Response>",
        "<Response><Say/></Response>", "<Response><Say loud='1'>x</Say></Response>",
        "<Response><Say>x</Say><Reject/></Response>", "<Response><Hangup/><Say>x</Say></Response>",
        "<Response><Dial/></Response>",
        "<Response><Dial action='https://x.example'><Number>12</Number></Dial></Response>",
        "<Response><Dial action='/x'><Number>+14155550100</Number></Dial></Response>",
        "<Response><Dial action='https://x.example' timeout='4'><Number>+14155550100</Number>"
        "</Dial></Response>",
        f"<Response><Say>{'x' * 4097}</Say></Response>",
    ],
)  # fmt: skip
def test_the_stand_in_carries_out_no_document_that_twilio_would_not(document: str) -> None:
    with pytest.raises(TwimlError):
        parsed(document.encode())
