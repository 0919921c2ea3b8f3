"""A line's health: each thing that can be wrong is told once, and once when it is well again."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

import app as wiring
from bot import clock
from bot.lines import health
from bot.lines.models import Line, Trouble
from bot.sandbox import Sandbox
from bot.sandbox.slack.records import Post
from bot.team import opening
from bot.team.models import Member
from ledger import database
from tests.commands import flask
from tests.house import ANN, LINE, LONDON, House

TOLL_FREE = "+18005550199"


@pytest.fixture
def served(books: str, sandbox: Sandbox) -> Iterator[House]:
    """A house whose number is in a Messaging Service."""
    service = sandbox.twilio.add_service()
    house = House(books, sandbox, TWILIO_MESSAGING_SERVICE_SID=service.sid)
    service.numbers.append(sandbox.twilio.numbers[LINE].sid)
    with house.serving():
        yield house


def told(house: House) -> list[Post]:
    """What the channel was told of the line's health."""
    with clock.travelled(timedelta(hours=26)):  # whenever it was that it was looked at
        house.work()
    marks = (":warning: (415) 555-0100", ":white_check_mark: (415) 555-0100")
    return [p for p in house.slack.channel(house.channel) if p.plain().startswith(marks)]


def words(house: House) -> list[str]:
    return [post.plain() for post in told(house)]


def look(house: House, after: timedelta = timedelta(0)) -> None:
    """Has the line looked at, as the clock does."""
    with clock.travelled(after):
        health.look_at_due(wiring.looks(house.settings), clock.now())


def doctor(house: House) -> list[str]:
    return health.findings(wiring.looks(house.settings))


def troubles(house: House) -> list[str]:
    with database.session():
        return [one.what for one in Trouble.select().where(Trouble.mended_at.is_null())]


Act = Callable[[House], None]


def _point(url: str | None) -> Act:
    return lambda house: house.twilio.point(LINE, url)


def _set(**fields: object) -> Act:
    return lambda house: house.twilio.numbers[LINE].set.update(fields)


def _service(**fields: object) -> Act:
    def act(house: House) -> None:
        for name, value in fields.items():
            setattr(next(iter(house.twilio.services.values())), name, value)

    return act


def _move(house: House) -> None:
    house.moved = house.twilio.numbers.pop(LINE)  # type: ignore[attr-defined]


def _back(house: House) -> None:
    house.twilio.numbers[LINE] = house.moved  # type: ignore[attr-defined]


#: What is done, what is said of it, what ends it.
AT_TWILIO = [
    ("gone", _move, "Twilio no longer has this number", _back),
    ("webhooks", _point("https://elsewhere.example/sms"), "go somewhere else", _point(None)),
    ("webhooks", _point("https://old.example/twilio/sms"), "than PUBLIC_URL", _point(None)),
    ("webhooks", _set(sms_application_sid="AP1"), "An application at Twilio takes its texts",
     _set(sms_application_sid="")),
    ("webhooks", _set(sms_method="GET"), "not bring all of its texts", _set(sms_method="POST")),
]  # fmt: skip


@pytest.mark.parametrize(("what", "breaks", "says", "mends"), AT_TWILIO)
def test_a_number_that_is_not_as_it_should_be_is_told_once_and_once_when_it_is(
    house: House, what: str, breaks: Act, says: str, mends: Act
) -> None:
    look(house)
    assert words(house) == [] and doctor(house) == []
    breaks(house)
    minutes = itertools.count(11, 11)
    for _ in range(3):
        look(house, timedelta(minutes=next(minutes)))
    [said] = words(house)
    assert says in said
    assert troubles(house) == [what]
    [found] = doctor(house)
    assert found.startswith("(415) 555-0100: ") and says in found
    assert says in house.ask("", "/line").plain()
    mends(house)
    for _ in range(3):
        look(house, timedelta(minutes=next(minutes)))
    first, second = words(house)
    assert says in first and "is well again" in second
    assert troubles(house) == [] and doctor(house) == []


IN_SERVICE = [
    (_service(on_number=False), "swallows texts that come in", "service"),
    (_service(on_number=False, inbound_request_url="https://x.example/"), "elsewhere", "service"),
    (_service(numbers=[]), "is not in the Messaging Service", "service"),
    (_service(campaigns=[]), "not registered with US carriers (A2P 10DLC)", "registration"),
    (_service(campaigns=["IN_PROGRESS"]), "is under way", "registration"),
    (_service(campaigns=["FAILED"]), "The website does not work", "registration"),
]  # fmt: skip


@pytest.mark.parametrize(("breaks", "says", "what"), IN_SERVICE)
def test_a_messaging_service_and_its_registration_are_looked_at(
    served: House, breaks: Act, says: str, what: str
) -> None:
    look(served)
    assert words(served) == []
    breaks(served)
    look(served, timedelta(minutes=11))
    [said] = words(served)
    assert says in said and troubles(served) == [what]
    _service(on_number=True, inbound_request_url=None, campaigns=["FAILED", "VERIFIED"])(served)
    _service(numbers=[served.twilio.numbers[LINE].sid])(served)
    look(served, timedelta(minutes=22))
    assert "is well again" in words(served)[-1]


def test_a_service_that_sends_texts_to_our_own_address_is_as_good(served: House) -> None:
    url = f"{served.settings.public_url}/twilio/sms"
    _service(on_number=False, inbound_request_url=url)(served)
    assert doctor(served) == []


@pytest.mark.parametrize(
    ("status", "says"),
    [(None, "is not verified"), ("PENDING_REVIEW", "is being verified"),
     ("IN_REVIEW", "is being verified"), ("TWILIO_REJECTED", "was refused: Opt-in was not shown"),
     ("TWILIO_APPROVED", None)],
)  # fmt: skip
def test_a_toll_free_number_has_to_be_verified(
    house: House, status: str | None, says: str | None
) -> None:
    house.twilio.add_number(TOLL_FREE)
    with database.session():
        Line.update(number=TOLL_FREE).execute()
    if status:
        house.twilio.verified[TOLL_FREE] = status
    found = doctor(house)
    assert (says is None and found == []) or (says is not None and says in found[0])


def test_a_number_elsewhere_needs_no_us_registration(served: House) -> None:
    served.twilio.add_number(LONDON)
    _service(campaigns=[], numbers=[served.twilio.numbers[LONDON].sid])(served)
    with database.session():
        Line.update(number=LONDON).execute()
    assert doctor(served) == []


def test_credentials_that_twilio_does_not_take_are_told(house: House) -> None:
    token = house.twilio.auth_token
    house.twilio.auth_token = "another"
    look(house)
    [said] = words(house)
    assert "Twilio does not take our credentials" in said
    house.twilio.auth_token = token
    look(house, timedelta(minutes=11))
    assert "is well again" in words(house)[-1]


@pytest.mark.parametrize("kind", ["error", "rate_limit", "drop_before", "drop_after"])
def test_a_twilio_that_does_not_answer_says_nothing_of_a_line(house: House, kind: str) -> None:
    """Neither that it is ill, nor that it is well."""
    house.twilio.point(LINE, "https://elsewhere.example/sms")
    look(house)
    house.twilio.point(LINE, None)
    house.twilio.faults.add(kind, times=20)
    look(house, timedelta(minutes=11))
    house.twilio.faults.clear()
    assert troubles(house) == ["webhooks"]
    look(house, timedelta(minutes=22))
    assert troubles(house) == []
    house.twilio.faults.add(kind, times=20)
    look(house, timedelta(minutes=33))
    assert troubles(house) == []


def test_a_fault_of_ours_is_not_taken_for_twilios(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bot.twilio import checks

    monkeypatch.setattr(checks, "texts_here", lambda _: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        doctor(house)


def test_a_fault_of_ours_at_one_line_keeps_nobody_from_looking_at_the_next(house: House) -> None:
    opening.setup(account="Harbor Homes", line="+14155550101", channel="C2")
    seen = []

    def looked(line: Line) -> health.Look:
        seen.append(line.number)
        assert line.number != LINE, "a fault of ours"
        return health.Look({"stuck"})

    with database.session():
        Line.update(checked_at=None).execute()
    assert health.look_at_due([looked], clock.now()) == 2
    assert seen == [LINE, "+14155550101"]


class TestRepair:
    def card(self, house: House) -> Post:
        house.twilio.point(LINE, "https://elsewhere.example/sms")
        look(house)
        [card] = told(house)
        return card

    def test_sets_the_webhooks_again_and_says_so(self, house: House) -> None:
        card = self.card(house)
        said = house.hears(lambda: house.slack.press(house.agent, card, "Repair"))
        assert "are being set" in said.plain()
        assert "is well again" in words(house)[-1]
        held = house.twilio.numbers[LINE]
        url = f"{house.settings.public_url}/twilio/sms#rc=3&rp=ct,rt,5xx"
        assert held.set["sms_url"] == held.set["sms_fallback_url"] == url
        assert "voice_url" not in held.set, "its calls never came here"
        assert house.line().sid == held.sid
        look(house, timedelta(minutes=11))
        assert len(words(house)) == 2
        again = house.hears(lambda: house.slack.press(house.agent, card, "Repair"))
        assert again.plain() == "That is well again already."

    def test_puts_the_number_into_the_service_and_opens_it(self, served: House) -> None:
        _service(on_number=False, numbers=[])(served)
        look(served)
        [card] = told(served)
        served.hears(lambda: served.slack.press(served.agent, card, "Repair"))
        assert "is well again" in words(served)[-1]
        [service] = served.twilio.services.values()
        assert service.on_number and service.numbers == [served.twilio.numbers[LINE].sid]
        look(served, timedelta(minutes=11))
        assert troubles(served) == []

    def test_of_a_number_that_is_gone_says_why_not(self, house: House) -> None:
        card = self.card(house)
        del house.twilio.numbers[LINE]
        house.hears(lambda: house.slack.press(house.agent, card, "Repair"))
        told(house)
        heard = [post.plain() for post in house.slack.whispers[house.agent]]
        assert any("Twilio has no number +14155550100 in this account" in one for one in heard)
        assert troubles(house) == ["webhooks"]

    @pytest.mark.parametrize("kind", ["error", "drop_before", "drop_after", "rate_limit"])
    def test_goes_on_when_twilio_fails_in_the_middle(self, house: House, kind: str) -> None:
        card = self.card(house)
        house.twilio.faults.add(kind, "POST IncomingPhoneNumbers")
        house.hears(lambda: house.slack.press(house.agent, card, "Repair"))
        house.work()
        with clock.travelled(timedelta(minutes=5)):
            house.work()
        assert house.twilio.numbers[LINE].set["sms_url"].startswith(house.settings.public_url)
        assert "is well again" in words(house)[-1]

    def test_is_for_owner_and_managers(self, house: House) -> None:
        card = self.card(house)
        clerk = house.slack.add_user("Carl")
        with database.session():
            Member.create(account=house.account(), slack_user=clerk, role="agent")
        for who, why in (
            (clerk, "Only the owner and managers"),
            (house.stranger, "not on this line"),
        ):
            said = house.hears(lambda who=who: house.slack.press(who, card, "Repair"), who)
            assert why in said.plain()
        house.work()
        assert troubles(house) == ["webhooks"]


class TestTheChannel:
    @pytest.mark.parametrize(
        ("state", "says"),
        [("is_archived", "the channel is archived"), ("left", "is not in the channel")],
    )  # fmt: skip
    def test_one_that_takes_nothing_is_told_to_the_owner(
        self, house: House, state: str, says: str
    ) -> None:
        room = house.slack.channels[house.channel]
        if state == "is_archived":
            room.archived = True
        else:
            room.members.discard(house.slack.bot)
        look(house, timedelta(hours=2))
        told(house)
        [said] = [p.plain() for p in house.told(house.agent)]
        assert says in said and "(415) 555-0100" in said
        room.archived = False
        room.members.add(house.slack.bot)
        look(house, timedelta(hours=3))
        told(house)
        assert "is well again" in house.told(house.agent)[-1].plain()

    def test_one_that_is_being_set_up_is_not(self, house: House) -> None:
        with database.session():
            Line.update(joined_at=None, made_at=clock.now()).execute()
        house.slack.channels[house.channel].members.discard(house.slack.bot)
        assert doctor(house) == []
        with clock.travelled(timedelta(hours=2)):
            assert doctor(house) != []

    @pytest.mark.parametrize("kind", ["error", "rate_limit", "drop_before"])
    def test_a_slack_that_does_not_answer_says_nothing(self, house: House, kind: str) -> None:
        house.slack.faults.add(kind, "conversations.info", times=10)
        assert doctor(house) == []


class TestTexts:
    def test_that_cannot_leave_for_ten_minutes_are_told(self, house: House) -> None:
        house.twilio.faults.add("error", "POST Messages", times=50)
        house.twilio.faults.add("error", "GET Messages", times=500)
        house.send(ANN, "Hello")
        house.work()
        assert doctor(house) == []
        with clock.travelled(timedelta(minutes=11)):
            [said] = doctor(house)
        assert "1 text could not leave for ten minutes" in said

    def test_of_a_day_that_fail_by_the_dozen_are_told_by_code(self, house: House) -> None:
        for n in range(24):
            number = f"+1415555{2000 + n}"
            if n < 5:
                house.twilio.outcome(number, "undelivered", 30007)
            elif n < 7:
                house.twilio.outcome(number, "undelivered", 30003)
            house.send(number, "Win a prize")
            house.settle()
        look(house)
        [said] = words(house)
        assert "7 of 24 texts" in said
        assert "It was filtered out as spam (30007): 5" in said
        assert "out of reach (30003): 2" in said
        look(house, timedelta(hours=25))
        assert "is well again" in words(house)[-1]

    def test_that_fail_now_and_then_are_not(self, house: House) -> None:
        house.twilio.outcome(ANN, "undelivered", 30003)
        house.send(ANN, "Hello")
        house.settle()
        assert doctor(house) == []


class TestSetUp:
    def fail(self, house: House, code: int, number: str = ANN) -> None:
        house.twilio.outcome(number, "undelivered", code)
        house.send(number, "Hello")
        house.settle()

    @pytest.mark.parametrize("code", [30034, 30032, 30002])
    def test_a_text_refused_for_it_stops_smartplans_and_is_told_once(
        self, house: House, code: int
    ) -> None:
        for _ in range(2):
            self.fail(house, code)
        [said] = words(house)
        assert f"(Twilio's error {code}.)" in said
        assert "Its SmartPlans text nobody until that is mended" in said
        assert house.line().suspended_at is not None
        look(house, timedelta(minutes=11))
        assert len(words(house)) == 1, "a look says nothing of it"

    @pytest.mark.parametrize("code", [21606, 21408, 21212])
    def test_one_refused_at_once_does_too(self, house: House, code: int) -> None:
        house.twilio.refuse(ANN, code)
        house.send(ANN, "Hello")
        house.settle()
        assert house.line().suspended_at is not None
        assert f"error {code}" in words(house)[0]
        assert house.balance() == 100

    def test_a_text_that_arrives_lets_them_go_on(self, house: House) -> None:
        self.fail(house, 30034)
        house.twilio.outcome(ANN, "delivered")
        house.send(ANN, "Again")
        house.settle()
        assert house.line().suspended_at is None
        assert "is well again" in words(house)[-1]

    def test_one_to_another_country_says_nothing(self, house: House) -> None:
        house.twilio.refuse(LONDON, 21408)
        house.send(LONDON, "Hello")
        house.send(ANN, "Hello")
        house.settle()
        assert house.line().suspended_at is not None
        house.twilio.refusals.clear()
        house.send(LONDON, "Hello again")
        house.settle()
        assert house.line().suspended_at is None

    def test_a_text_written_before_it_says_nothing(self, house: House) -> None:
        house.twilio.outcome(ANN, "sent")
        house.send(ANN, "Early")
        house.settle()
        self.fail(house, 30034, "+14155550177")
        early = house.twilio.sent_to(ANN)[0]
        house.twilio.outcome(ANN, "delivered")
        house.twilio._go(early)
        house.work()
        assert house.line().suspended_at is not None

    def test_two_codes_have_to_be_mended_both(self, house: House) -> None:
        self.fail(house, 30034)
        self.fail(house, 30002, "+14155550177")
        first, second = told(house)
        house.hears(lambda: house.slack.press(house.agent, first, "It is mended"))
        assert house.line().suspended_at is not None
        said = house.hears(lambda: house.slack.press(house.agent, second, "It is mended"))
        assert "text people again" in said.plain()
        assert house.line().suspended_at is None

    def test_agents_do_not_say_that_it_is_mended(self, house: House) -> None:
        self.fail(house, 30034)
        [card] = told(house)
        said = house.hears(
            lambda: house.slack.press(house.stranger, card, "It is mended"), house.stranger
        )
        assert "not on this line" in said.plain()
        assert house.line().suspended_at is not None


def test_the_doctor_says_what_is_wrong_with_every_line(house: House) -> None:
    house.twilio.point(LINE, "https://elsewhere.example/sms")
    with database.session():
        Line.update(name="Front desk").execute()
    said = flask(house.environ, "doctor")
    assert said.returncode == 1
    assert "- Front desk, (415) 555-0100: Its texts go somewhere else than here." in said.stdout
    assert troubles(house) == [], "it looks, and settles nothing"


def test_two_workers_look_at_a_line_once_in_ten_minutes(house: House) -> None:
    now = clock.now()
    assert [health.take_due(now), health.take_due(now)] == [[house.line().id], []]
    assert health.take_due(now + timedelta(minutes=10)) == [house.line().id]
