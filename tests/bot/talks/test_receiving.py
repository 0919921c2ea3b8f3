"""A text in: the webhook, the thread, the charge, and what is never lost."""

from __future__ import annotations

import threading
from datetime import timedelta

import peewee
import pytest
import requests

from bot import clock, doctor, inbox
from bot.contacts.models import Contact
from bot.models import Inbox
from bot.talks.models import Conversation, Message
from bot.team import opening
from ledger import database
from tests.house import ANN, BEN, LINE, LONDON, House


def texts() -> int:
    with database.session():
        return Message.select().count()


def test_the_same_webhook_ten_times_in_parallel_is_one_text(house: House) -> None:
    sid = house.twilio.text(ANN, LINE, "Hello")
    answers = [future.result() for future in house.twilio.redeliver(sid, times=10)]
    house.work()
    assert answers == [200] * 10
    assert texts() == 1
    assert len(house.thread(ANN)) == 2
    assert house.balance() == 99


def test_two_texts_of_a_stranger_in_one_instant_make_one_thread(house: House) -> None:
    senders = [
        threading.Thread(target=house.twilio.text, args=(ANN, LINE, f"text {n}")) for n in range(6)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    workers = [threading.Thread(target=house.apply) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    house.work()
    with database.session():
        assert (Contact.select().count(), Conversation.select().count()) == (1, 1)
    assert len(house.slack.channel(house.channel)) == 1
    assert len(house.thread(ANN)) == 7
    assert house.audit() == []


def test_texts_of_one_person_stay_in_order_with_several_workers(house: House) -> None:
    for n in range(12):
        house.twilio.text(ANN, LINE, f"text {n}")
    workers = [threading.Thread(target=house.apply) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    house.work()
    said = [post.plain().splitlines()[0] for post in house.thread(ANN)[1:]]
    assert said == [f"text {n}" for n in range(12)]


def test_nothing_in_a_text_can_ping_link_or_format_in_slack(house: House) -> None:
    evil = "<!channel> <@U0001AGENT> <https://evil.example|your bank> *bold* :tada: & co"
    house.twilio.text(ANN, LINE, evil)
    house.work()
    post = house.thread(ANN)[1]
    assert post.blocks[0]["text"] == {"type": "plain_text", "text": evil, "emoji": False}
    assert "<!channel>" not in post.text and "<@U" not in post.text
    assert "&lt;!channel&gt;" in post.text


def test_the_second_text_waits_for_nobody_and_the_root_says_who_waits(house: House) -> None:
    house.twilio.text(ANN, LINE, "Hello")
    house.work()
    assert "Waiting for an answer since" in house.thread(ANN)[0].plain()
    house.send(ANN, "Hi Ann")
    house.settle()
    assert "Answered" in house.thread(ANN)[0].plain()
    house.twilio.text(ANN, LINE, "Thanks")
    house.work()
    assert "Waiting for an answer since" in house.thread(ANN)[0].plain()


def test_a_text_after_a_long_silence_is_shown_in_the_channel_too(house: House) -> None:
    house.twilio.text(ANN, LINE, "Hello")
    house.work()
    with clock.travelled(timedelta(days=8)):
        house.twilio.text(ANN, LINE, "Still there?")
        house.work()
    assert [post.broadcast for post in house.thread(ANN)] == [False, False, True]


@pytest.mark.parametrize(
    ("sender", "credits"), [(ANN, 1), (LONDON, 2), ("32665", 1), ("BANK", 1), ("+12345", 1)]
)
def test_r15_every_sender_is_shown_and_charged(house: House, sender: str, credits: int) -> None:
    house.twilio.text(sender, LINE, "Your code is 1234")
    house.work()
    root, text = house.thread(sender)
    assert "Your code is 1234" in text.plain()
    assert ("takes no answers" in root.plain()) == (
        not sender.startswith("+") or sender == "+12345"
    )
    assert house.balance() == 100 - credits
    assert house.audit() == []


def test_r15_a_text_in_goes_below_zero(house: House) -> None:
    house.send(ANN, "a" * 160 * 60)
    house.send(ANN, "b" * 160 * 40)
    house.settle()
    assert house.balance() == 0
    house.twilio.text(ANN, LINE, "Thanks")
    house.work()
    assert house.balance() == -1
    assert "Thanks" in house.thread(ANN)[-1].plain()
    assert house.audit() == []


def test_a_picture_in_costs_three_and_is_named(house: House) -> None:
    house.twilio.text(
        ANN, LINE, "", media=["https://api.twilio.com/m/1", "https://api.twilio.com/m/2"]
    )
    house.work()
    assert "2 attachments" in house.thread(ANN)[1].plain()
    assert house.balance() == 97


def test_a_text_for_no_line_of_ours_is_parked_and_comes_back(house: House) -> None:
    house.twilio.add_number("+14155550111")
    house.twilio.text(ANN, "+14155550111", "Hello")
    house.work()
    assert texts() == 0
    assert any("no line has the number +14155550111" in line for line in doctor.findings())

    opening.setup(
        account="Harbor Homes", timezone="America/New_York", owner=house.agent,
        line="+14155550111", channel=house.channel,
    )  # fmt: skip
    assert inbox.retry_parked() == 1
    house.work()
    assert texts() == 1


@pytest.mark.parametrize("error", [ZeroDivisionError, peewee.OperationalError])
def test_a_row_that_fails_is_tried_again_then_parked_and_holds_up_nobody_else(
    house: House, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """Also one that makes the database say that it cannot go on, while it answers all others."""

    def broken(payload: inbox.Payload, now: object) -> None:
        raise error("a fault of ours")

    good = house.handlers["twilio.sms"]
    monkeypatch.setitem(house.handlers, "twilio.sms", broken)  # type: ignore[arg-type]
    house.twilio.text(ANN, LINE, "Hello")
    for minutes in (0, 2, 4, 6, 8):
        with clock.travelled(timedelta(minutes=minutes)):
            house.apply()
    with database.session():
        row = Inbox.get()
        assert (row.state, row.tries) == ("parked", 5)
        assert "a fault of ours" in row.error
    monkeypatch.setitem(house.handlers, "twilio.sms", good)  # type: ignore[arg-type]
    assert any("a fault of ours" in line for line in doctor.findings())
    house.twilio.text(ANN, LINE, "Hello again")
    house.work()
    assert texts() == 1
    inbox.retry_parked()
    house.work()
    assert texts() == 2
    assert house.audit() == []


def test_while_the_database_is_away_no_row_is_blamed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise peewee.OperationalError("the database is away")

    house.twilio.text(ANN, LINE, "Hello")
    monkeypatch.setitem(house.handlers, "twilio.sms", away)  # type: ignore[arg-type]
    monkeypatch.setattr(inbox, "PUT_OFF", inbox.PUT_OFF.replace("inbox", "nowhere", 1))
    for _ in range(7):
        with pytest.raises(peewee.DatabaseError):
            inbox.work_one(house.handlers, 5)
    with database.session():
        assert (Inbox.get().state, Inbox.get().tries) == ("new", 0)


def test_what_no_webhook_brought_is_read_from_twilios_list_once(house: House) -> None:
    house.twilio.text(ANN, LINE, "by webhook")
    house.twilio.point(LINE, "http://127.0.0.1:9/down")
    house.twilio.text(BEN, LINE, "by nobody 😀")
    house.twilio.text(BEN, LINE, "nor this")
    assert house.missed() == 2
    assert house.missed() == 0
    house.work()
    assert [p.plain().splitlines()[0] for p in house.thread(BEN)[1:]] == [
        "by nobody 😀",
        "nor this",
    ]
    assert "recovered" in house.thread(BEN)[1].plain()
    assert "recovered" not in house.thread(ANN)[1].plain()
    assert house.balance() == 97


def test_a_list_that_fails_moves_no_watermark(house: House) -> None:
    house.twilio.point(LINE, "http://127.0.0.1:9/down")
    house.twilio.text(ANN, LINE, "Hello")
    before = house.line().read_until
    house.twilio.faults.add("error", "GET Messages")
    assert house.missed() == 0
    assert house.line().read_until == before
    assert house.missed() == 1


def test_the_webhook_answers_503_when_it_could_not_save(house: House) -> None:
    with database.session():
        database.query("ALTER TABLE inbox RENAME TO away")
    sid = house.twilio.text(ANN, LINE, "Hello")
    assert house.twilio.webhooks[-1].status == 503
    assert house.twilio.webhooks[-1].tries == 4  # Twilio tried again, as our URL asks it to
    with database.session():
        database.query("ALTER TABLE away RENAME TO inbox")
    assert house.twilio.redeliver(sid)[0].result() == 200


FORM = {"MessageSid": "SM1", "From": ANN, "To": LINE, "Body": "", "FromCity": ""}


class TestTheWebhookItself:
    def post(self, house: House, path: str, form: dict[str, str], **more: str) -> requests.Response:
        form = {"AccountSid": house.twilio.account_sid, **form}
        signature = more.pop("signature", None) or house.twilio.sign(
            house.settings.public_url + path, form
        )
        return requests.post(
            house.sandbox.app_url + path, data=form,
            headers={"X-Twilio-Signature": signature, **more},
        )  # fmt: skip

    def test_answers_an_empty_document_and_never_plain_text(self, house: House) -> None:
        for form, signature in ((FORM, None), (FORM, "wrong"), ({"Body": "x"}, None)):
            answer = self.post(
                house, "/twilio/sms", form, **({"signature": signature} if signature else {})
            )
            assert answer.headers["Content-Type"].startswith("text/xml")
            assert answer.text in ("<Response/>", "")

    def test_refuses_a_bad_or_missing_signature(self, house: House) -> None:
        for signature in ("wrong", "ü", "=" * 5000):
            assert (
                self.post(house, "/twilio/sms", FORM, signature=signature.encode()).status_code
                == 403
            )
        assert requests.post(house.sandbox.app_url + "/twilio/sms", data=FORM).status_code == 403

    def test_does_not_trust_the_host_header(self, house: House) -> None:
        form = {"AccountSid": house.twilio.account_sid, **FORM}
        forged = house.twilio.sign("https://evil.example/twilio/sms", form)
        answer = self.post(house, "/twilio/sms", form, signature=forged, Host="evil.example")
        assert answer.status_code == 403

    def test_takes_repeated_keys(self, house: House) -> None:
        account = house.twilio.account_sid
        body = (
            f"AccountSid={account}&MessageSid=SM2&From=%2B14155550123&To=%2B14155550100"
            "&Body=a&Body=b&Body=a"
        )
        url = house.settings.public_url + "/twilio/sms"
        signed = url + f"AccountSid{account}BodyaBodybFrom+14155550123MessageSidSM2To+14155550100"
        signature = house.twilio.sign(signed, {})
        answer = requests.post(
            house.sandbox.app_url + "/twilio/sms", data=body,
            headers={"X-Twilio-Signature": signature,
                     "Content-Type": "application/x-www-form-urlencoded"},
        )  # fmt: skip
        assert answer.status_code == 200

    def test_takes_a_signature_over_the_fragment_we_gave(self, house: House) -> None:
        import base64
        import hashlib
        import hmac

        url = house.settings.public_url + "/twilio/status?ref=abc#rc=3&rp=ct,rt,5xx"
        form = {
            "AccountSid": house.twilio.account_sid, "MessageSid": "SM1", "MessageStatus": "sent",
        }  # fmt: skip
        text = url + "".join(k + form[k] for k in sorted(form))
        mac = hmac.new(house.twilio.auth_token.encode(), text.encode(), hashlib.sha1).digest()
        answer = self.post(
            house, "/twilio/status?ref=abc", form, signature=base64.b64encode(mac).decode()
        )
        assert answer.status_code == 200

    def test_refuses_a_huge_body(self, house: House) -> None:
        assert self.post(house, "/twilio/sms", {**FORM, "Body": "a" * 300_000}).status_code == 413

    def test_a_status_for_no_text_of_ours_is_parked(self, house: House) -> None:
        form = {"MessageSid": "SMnone", "MessageStatus": "sent"}
        assert self.post(house, "/twilio/status", form).status_code == 200
        house.work()
        assert any("no text of ours has the SID SMnone" in line for line in doctor.findings())


def test_a_thread_stays_where_it_is_when_its_line_moves(house: House) -> None:
    house.twilio.text(ANN, LINE, "Hello")
    house.work()
    elsewhere = house.slack.add_channel("elsewhere")
    opening.setup(
        account="Harbor Homes", timezone="America/New_York", owner=house.agent, line=LINE,
        channel=elsewhere,
    )  # fmt: skip
    house.twilio.text(ANN, LINE, "Still me")
    house.twilio.text(BEN, LINE, "I am new")
    house.work()
    assert len(house.thread(ANN)) == 3
    assert len(house.slack.channel(elsewhere)) == 1


def test_each_text_in_has_a_button_that_opens_the_form_for_its_sender(house: House) -> None:
    house.settle_quiet(24, 0)
    house.twilio.text(ANN, LINE, "Hello")
    house.twilio.text(ANN, LINE, "", media=["image/jpeg"])
    house.twilio.text("32665", LINE, "Your code is 1234")
    house.work()
    _, words, picture, *_ = house.thread(ANN)
    for text in (words, picture):
        assert text.plain().count("[Reply]") == 1
        view = house.modal(house.agent, text, "Reply")
        assert "To (415) 555-0123" in view.plain()
        house.slack.close_modals(house.agent)
    assert "[Reply]" not in house.thread("32665")[1].plain(), "a short code takes no answers"


def test_a_text_of_somebody_who_opted_out_has_no_such_button(house: House) -> None:
    house.twilio.text(ANN, LINE, "Hello")
    house.work()
    house.twilio.text(ANN, LINE, "STOP")
    house.work()
    first, *_, stop = house.thread(ANN)[1:]
    assert "[Reply]" not in stop.plain()
    view = house.modal(house.agent, first, "Reply")  # that stood before
    assert "opted out (texted STOP)" in view.plain()
