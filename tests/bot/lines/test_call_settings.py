"""`/line calls`: who hears what, whose phone rings, and a text back whose price is seen first."""

from __future__ import annotations

import pytest

from bot import clock
from bot.lines.models import Line
from bot.sandbox.slack.records import Post, View
from bot.slack.credits import credit_cards
from bot.slack.limits import check
from bot.talks.models import Call
from bot.team import opening
from bot.team.models import Member
from ledger import credits, database
from ledger.rates import RateCard
from tests.bot.credits.test_usage import report, rows
from tests.house import ANN, BEN, LINE, House

PHONE = "(415) 555-0188"
BACK = "Sorry we missed you. What can we do for you?"
FORWARD = "A phone rings; if nobody takes it, they hear the message"


def calls(house: House, user: str | None = None) -> View:
    who = user or house.agent
    return house.opens(lambda: house.slack.command(who, house.channel, "/line", "calls"), who)


def saved(house: House, **values: object) -> View:
    view = calls(house)
    assert house.slack.submit(house.agent, view, values).status == 200
    return view


def agreed(house: House) -> None:
    view = house.slack.open_view(house.agent)
    assert house.slack.submit(house.agent, view, {}).status == 200


def shown(house: House) -> Line:
    with database.session():
        found: Line = Line.get()
    return found


def test_the_modal_says_how_it_is_and_what_it_costs(house: House) -> None:
    said = str(calls(house).view)
    assert "(415) 555-0100" in said
    assert "Its calls do not come to Partyline yet. They will when you save." in said
    assert "costs 1 credit for each minute begun" in said
    assert "Its price is shown before it is switched on." in said


def test_saving_has_twilio_bring_the_calls_here(house: House) -> None:
    assert saved(house, words="Please text us.").errors == {}
    house.work()
    held = house.twilio.numbers[LINE].set
    public = house.settings.public_url
    assert held["voice_url"] == f"{public}/twilio/voice#rc=3&rp=ct,rt,5xx"
    assert held["status_callback"] == f"{public}/twilio/voice/status#rc=3&rp=ct,rt,5xx"
    told = [post.plain() for post in house.slack.whispers[house.agent]]
    assert told == ["Calls to (415) 555-0100 come to Partyline now. Call it to try."]
    assert house.twilio.call(ANN, LINE) == ["Please text us."]
    assert "Its calls are taken by Partyline." in calls(house).plain()
    house.twilio.calls.clear()
    saved(house, words="Do text us.")
    house.work()
    assert [name for name, _ in house.twilio.calls if "POST" in name] == [], "they come already"


def test_our_own_words_are_kept_as_none(house: House) -> None:
    saved(house)
    assert shown(house).voice_words is None


def test_a_phone_of_a_member_rings(house: House) -> None:
    view = saved(house, mode=FORWARD, user=house.agent, number=PHONE)
    assert view.errors == {}
    line = shown(house)
    assert (line.voice_mode, line.forward_user, line.forward_number) == (
        "forward", house.agent, "+14155550188",
    )  # fmt: skip
    house.work()
    assert house.twilio.call(ANN, LINE)[0] == "(rings +14155550188)"


@pytest.mark.parametrize(
    ("values", "at", "why"),
    [
        ({"number": PHONE}, "user", "Choose whose phone rings."),
        ({"user": "agent"}, "number", "Give the number of their phone."),
        ({"user": "stranger", "number": PHONE}, "user", "not on this line's team"),
        ({"user": "agent", "number": "12"}, "number", "is a short code"),
        ({"user": "agent", "number": LINE}, "number", "would go round in circles"),
        ({"user": "agent", "number": "+447911123456"}, "number", "own country alone"),
        ({"user": "agent", "number": "+19005551234"}, "number", "premium-rate"),
        ({"user": "agent", "number": "+18765550123"}, "number", "own country alone"),
    ],
)
def test_what_cannot_be_is_said_where_it_was_given(
    house: House, values: dict[str, str], at: str, why: str
) -> None:
    people = {"agent": house.agent, "stranger": house.stranger}
    given = {name: people.get(value, value) for name, value in values.items()}
    view = saved(house, mode=FORWARD, **given)
    assert list(view.errors) == [at] and why in view.errors[at]
    assert shown(house).voice_mode == "message"


class TestATextBack:
    def test_is_switched_on_after_its_price_was_seen(self, house: House) -> None:
        saved(house, text=BACK)
        assert shown(house).text_back is None, "not before"
        view = house.slack.open_view(house.agent)
        assert BACK in view.plain()
        assert "It costs 1 credit to a US or Canadian number and 2 credits to any other" in (
            view.plain().replace("*", "")
        )
        agreed(house)
        line = shown(house)
        assert (line.text_back, line.text_back_by, line.text_back_up_to) == (BACK, house.agent, 2)
        house.work()
        house.twilio.call(ANN, LINE)
        house.settle()
        assert house.twilio.phone(ANN) == [f"← {BACK}"]

    def test_the_same_is_not_asked_about_again(self, house: House) -> None:
        saved(house, text=BACK)
        agreed(house)
        assert saved(house, text=BACK, words="Other words.").errors == {}
        assert shown(house).voice_words == "Other words."

    def test_a_dearer_one_is(self, house: House) -> None:
        saved(house, text=BACK)
        agreed(house)
        saved(house, text=BACK + " 😀" + "x" * 70)
        assert shown(house).text_back == BACK
        agreed(house)
        assert shown(house).text_back_up_to == 4

    def test_is_switched_off_by_leaving_it_empty(self, house: House) -> None:
        saved(house, text=BACK)
        agreed(house)
        saved(house, text="")
        assert shown(house).text_back is None

    def test_a_price_that_changed_meanwhile_is_not_agreed_to(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from bot.lines import text_back

        saved(house, text=BACK)
        monkeypatch.setattr(text_back, "prices", lambda _: (5, 9))
        agreed(house)
        assert "costs up to 9 credits now" in house.slack.open_view(house.agent).plain()
        assert shown(house).text_back is None


def test_agents_and_strangers_settle_nothing(house: House) -> None:
    clerk = house.slack.add_user("Carl")
    opening.setup(account="Harbor Homes", agents=(clerk,))
    for who, why in ((clerk, "Only the owner and managers"), (house.stranger, "not on this line")):
        assert why in house.ask("calls", "/line", who).plain()
    view = calls(house)
    view.user = clerk
    house.slack.submit(clerk, view, {"words": "Mine now"})
    assert "Only the owner and managers" in str(view.errors)
    view = calls(house)
    saved(house, text=BACK)
    asked = house.slack.open_view(house.agent)
    with database.session():
        Member.update(role="agent").where(Member.slack_user == house.agent).execute()
    house.slack.submit(house.agent, asked, {})
    assert shown(house).text_back is None


def taken(house: House, number: str, seconds: int) -> None:
    with database.session():
        Line.update(voice_mode="forward", forward_user=house.agent, forward_number="+14155550188",
                    calls_until=clock.now()).execute()  # fmt: skip
    house.twilio.picks_up["+14155550188"] = seconds
    house.twilio.call(number, LINE)
    house.settle()


class TestInTheBooks:
    """Minutes have a line of their own wherever credits are told of."""

    @pytest.fixture
    def after(self, office: House) -> House:
        office.twilio.text(ANN, LINE, "Hello")
        office.work()
        taken(office, ANN, 61)
        taken(office, BEN, 10)
        taken(office, "anonymous", 10)
        return office

    def test_a_report_has_their_columns(self, after: House) -> None:
        post = report(after, "month by day")
        assert rows(post)[0][1:] == [
            "Texts in", "Texts out", "Calls", "Credits in", "Credits out", "Credits, calls",
            "Given back", "Credits",
        ]  # fmt: skip
        assert rows(post)[-1] == ["Total", "1", "0", "3", "1", "0", "4", "0", "5"]
        assert "1 texts in and 0 out, 3 calls forwarded: 5 credits charged" in post.text
        assert after.balance() == 500 - 5

    @pytest.mark.parametrize(
        ("by", "expected"),
        [("kind", {"Calls forwarded": "4", "Texts in, SMS": "1"}),
         ("member", {"Calls": "4", "Texts in": "1"}),
         ("plan", {"Calls": "4", "Texts in": "1"}),
         ("contact", {"(415) 555-0123": "3", "(415) 555-0124": "1", "Withheld number": "1"})],
    )  # fmt: skip
    def test_by_whatever_it_is(self, after: House, by: str, expected: dict[str, str]) -> None:
        made = rows(report(after, f"30d by {by}"))
        at = made[0].index("Credits")
        assert {row[0]: row[at] for row in made[1:-1]} == expected

    def test_the_chart_stacks_them(self, after: House) -> None:
        post = report(after, "by contact")
        [chart] = [b["chart"] for b in post.blocks if b["type"] == "data_visualization"]
        assert [series["name"] for series in chart["series"]] == ["Texts in", "Texts out", "Calls"]
        after.slack.draws_charts = False
        picture = report(after, "by contact").files[-1]
        assert "(415) 555-0123: 3" in str(picture.alt_text)

    def test_the_history_says_whose_they_were(self, after: House) -> None:
        said = after.ask("history", "/credits").plain()
        assert "Call | -2 | 497" in said
        assert "call forwarded, from (415) 555-0123" in said
        assert "call forwarded, from Withheld number" in said

    def test_without_any_nothing_is_said_of_them(self, office: House) -> None:
        office.twilio.text(ANN, LINE, "Hello")
        office.work()
        assert "Calls" not in str(rows(report(office, "month")))


def test_an_operator_may_charge_another_rate(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from ledger import rates

    monkeypatch.setattr(rates, "CARD", RateCard(call_minute=3))
    assert "costs 3 credits for each minute begun" in str(calls(house).view)
    taken(house, ANN, 61)
    with database.session():
        assert Call.get().credits == 6
        assert credits.balance(house.account().id) == 94


def test_a_card_of_calls_is_one_slack_takes(house: House) -> None:
    taken(house, ANN, 61)
    made = credit_cards.KINDS["charge_call"]
    assert made == "Call"
    posts: list[Post] = house.thread(ANN)
    for post in posts:
        check(post.blocks)
