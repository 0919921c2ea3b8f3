"""Two contacts become one: what is shown first, and that nothing is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot import clock
from bot.contacts import address_book, directory
from bot.contacts.models import Consent, Contact
from bot.lines import calls
from bot.lines.models import Line
from bot.sandbox import wait
from bot.sandbox.slack.records import Post, View
from bot.slack.limits import check_view
from bot.smartplans import plan_people, smartplans
from bot.smartplans.models import Enrollment
from bot.smartplans.plan_shapes import Shape, StepShape
from bot.smartplans.schedule import When
from bot.talks.models import Call, Conversation, Message
from bot.team import opening
from bot.texts.models import Draft
from ledger import database
from tests.house import ANN, BEN, LINE, House

OTHER_LINE = "+14155550101"


def text(house: House, sender: str, body: str, to: str = LINE) -> None:
    house.twilio.text(sender, to, body)
    house.work()


def opened(house: House, typed: str = "ann") -> View:
    """The modal of Merge…, from the card that /contacts shows."""
    card = house.ask(typed, "/contacts")
    before = len(house.slack.views)
    house.slack.press(house.agent, card, "Merge…")
    wait(lambda: len(house.slack.views) > before)
    return house.slack.open_view(house.agent)


def foreseen(house: House, other: str, label: str, typed: str = "ann") -> View:
    """The modal that says what a merge with the contact found for `other` does."""
    view = opened(house, typed)
    check_view(view.view)
    assert label in house.slack.look_up(house.agent, view, "merge_other", other)
    assert house.slack.submit(house.agent, view, {"other": label}).status == 200
    check_view(view.view)
    return view


def merge(house: House, keep: str = "(415) 555-0123, Ann Lee") -> None:
    view = foreseen(house, "ben", "Ben Li · (415) 555-0124")
    house.slack.submit(house.agent, view, {"keep": keep})
    assert view.errors == {}
    with clock.travelled(timedelta(seconds=30)):
        house.work()


@pytest.fixture
def two(house: House) -> House:
    """Ann and Ben, who are one person: each with a thread; Ben wrote last."""
    text(house, ANN, "From my phone")
    text(house, BEN, "From my other phone")
    house.name(ANN, "Ann Lee")
    house.name(BEN, "Ben Li")
    house.work()
    return house


def roots(house: House) -> list[Post]:
    return [post for post in house.slack.channel(house.channel) if post.thread_ts is None]


def test_what_a_merge_does_is_said_in_numbers_first(two: House) -> None:
    two.ask(f"{BEN} Hello")
    two.send(ANN, "Hello")
    two.settle()
    shown = foreseen(two, "0124", "Ben Li · (415) 555-0124").plain()
    assert "Ann Lee · (415) 555-0123 and Ben Li · (415) 555-0124 become one contact" in shown
    assert "3 texts in all (2 and 1) stand together; none is lost." in shown
    assert f"#{two.channel}: the two threads become one" in shown
    assert "This cannot be undone." in shown
    with database.session():
        assert Contact.select().where(Contact.same_as.is_null()).count() == 2


def test_both_numbers_go_on_in_one_thread_and_nothing_is_lost(two: House) -> None:
    merge(two)
    first, second = roots(two)
    assert "this conversation goes on in a new thread" in first.plain()
    assert "Ann Lee" in second.plain()
    assert "the thread before this one" in second.plain()
    thread = two.slack.thread(two.channel, second.ts)
    assert f"@{two.agent} merged Ben Li · (415) 555-0124 into Ann Lee" in thread[-1].plain()
    text(two, ANN, "One")
    text(two, BEN, "Two")
    thread = two.slack.thread(two.channel, second.ts)
    assert [post.plain().splitlines()[0] for post in thread[-2:]] == ["One", "Two"]
    assert "from (415) 555-0124" in thread[-1].plain()
    assert "from" not in thread[-2].plain()
    two.send(BEN, "Answer to the other number")
    two.send(ANN, "Answer")
    two.settle()
    assert len(two.twilio.sent_to(BEN)) == len(two.twilio.sent_to(ANN)) == 1
    thread = two.slack.thread(two.channel, second.ts)
    assert "to (415) 555-0124" in thread[-2].plain()
    with database.session():
        assert Message.select().count() == 6
        assert {row.conversation_id for row in Message.select()} == {
            Conversation.get(Conversation.goes_on.is_null()).id
        }
    assert len(roots(two)) == 2
    assert two.audit() == []


def test_the_kept_number_is_the_one_that_was_chosen(two: House) -> None:
    merge(two, keep="(415) 555-0124, Ben Li")
    card = two.ask("0123", "/contacts").plain()
    assert "Ben Li" in card
    assert "also (415) 555-0123" in card
    assert "Was also: Ann Lee" in card
    assert two.ask("lee", "/contacts").plain().startswith("No contact has")


def test_buttons_and_replies_of_the_old_thread_lead_to_the_one_that_goes_on(two: House) -> None:
    old = roots(two)[0]
    stale = Post(old.channel, old.ts, old.user, old.text, list(old.blocks))
    merge(two)
    two.slack.press(two.agent, stale, "Close")
    with clock.travelled(timedelta(minutes=1)):
        two.work()
    assert "Closed" in roots(two)[1].plain()
    two.slack.event({
        "type": "message", "channel": two.channel, "user": two.agent, "text": "A reply",
        "ts": two.slack.next_ts(), "thread_ts": old.ts, "team": two.slack.team,
        "parent_user_id": two.slack.bot,
    }).send()  # fmt: skip
    with clock.travelled(timedelta(minutes=2)):
        two.work()
    assert "goes on in a new thread" in two.slack.seen_by(two.agent)[-1].plain()


def test_what_is_under_way_while_two_are_merged_arrives(two: House) -> None:
    two.twilio.text(BEN, LINE, "Just now")
    two.apply()  # in the database, and not in Slack yet
    merge(two)
    second = roots(two)[1]
    said = [post.plain() for post in two.slack.thread(two.channel, second.ts)[1:]]
    assert sum("Just now" in one for one in said) == 1


def test_a_first_text_whose_thread_has_not_begun_is_merged_into_the_other(house: House) -> None:
    text(house, ANN, "From my phone")
    house.name(ANN, "Ann Lee")
    house.twilio.text(BEN, LINE, "From my other phone")
    house.apply()
    house.name(BEN, "Ben Li")
    merge(house)
    [root] = roots(house)
    said = "\n".join(post.plain() for post in house.slack.thread(house.channel, root.ts)[1:])
    assert "From my phone" in said
    assert "From my other phone" in said


def test_a_scheduled_text_goes_out_and_stands_in_the_joined_thread(two: House) -> None:
    card = two.ask(f"{BEN} See you at 3")
    with database.session():
        draft = Draft.get()

    from bot.texts import scheduled

    at = clock.now() + timedelta(hours=2)
    scheduled.later(draft.id, draft.version, two.agent, at, clock.now())
    assert card
    view = foreseen(two, "ben", "Ben Li · (415) 555-0124")
    assert "Waiting to be sent: 1 text" in view.plain()
    two.slack.submit(two.agent, view, {})
    with clock.travelled(timedelta(hours=2, minutes=1)):
        two.tick()
        two.settle()
    assert len(two.twilio.sent_to(BEN)) == 1
    second = roots(two)[1]
    assert "See you at 3" in "\n".join(
        post.plain() for post in two.slack.thread(two.channel, second.ts)[1:]
    )


def test_details_tags_and_history_are_joined(two: House) -> None:
    for number, mine in ((ANN, ("ann@example.com", ("buyer",), "First")),
                         (BEN, ("ben@example.com", ("seller", "buyer"), "Second"))):  # fmt: skip
        email, tags, notes = mine
        details = directory.Details(email=email, tags=tags, notes=notes)
        said = directory.Said(True, f"form of {email}")
        directory.add(two.account().id, two.agent, number, details, said, clock.now())
    merge(two)
    card = two.ask("ann", "/contacts").plain()
    for part in ("ann@example.com", "buyer, seller", "also (415) 555-0124", "First\nSecond",
                 "Was also: Ben Li, ben@example.com"):  # fmt: skip
        assert part in card, card
    with database.session():
        kept = Contact.get(Contact.same_as.is_null())
        assert Consent.select().where(Consent.contact == kept).count() == 2
    for typed in ("0123", "0124", "seller", "ann@"):
        assert "Ann Lee" in two.ask(typed, "/contacts").plain(), typed
    assert "To Ann Lee" in two.ask(f"{BEN} Hello").plain()


@pytest.mark.parametrize("who", [ANN, BEN])
def test_the_stricter_consent_wins(two: House, who: str) -> None:
    text(two, who, "STOP")
    view = foreseen(two, "ben", "Ben Li · (415) 555-0124")
    assert "opted out (texted STOP), so nothing can be sent to either" in view.plain()
    two.slack.submit(two.agent, view, {"keep": "(415) 555-0123, Ann Lee"})
    for number in (ANN, BEN):
        assert "opted out (texted STOP)" in two.ask(f"{number} Hello").plain()
    text(two, who, "START")
    assert "1 credit" in two.ask(f"{ANN} Hello").plain()


def test_smartplans_of_the_second_go_on_with_the_first(two: House) -> None:
    account = two.account().id
    plans = []
    for name in ("Leads", "Birthdays"):
        shape = Shape(name, (StepShape("text", When("enrolled", 3, "days"), ("Hi",)),))
        plan = smartplans.new(account, two.agent, shape, clock.now())
        plans.append(smartplans.switch_on(plan.id, two.agent, clock.now()))
    ann, ben = (address_book.meet(account, number, clock.now()).id for number in (ANN, BEN))
    plan_people.enroll(plans[0].id, two.agent, [ann, ben], clock.now())
    plan_people.enroll(plans[1].id, two.agent, [ben], clock.now())
    view = foreseen(two, "ben", "Ben Li · (415) 555-0124")
    assert "Ben Li · (415) 555-0124 is on 2 SmartPlans: they go on." in view.plain()
    two.slack.submit(two.agent, view, {})
    with database.session():
        alive = Enrollment.select().where(Enrollment.state == "active")
        assert sorted((row.plan_id, row.contact_id) for row in alive) == [
            (plans[0].id, ann), (plans[1].id, ann),
        ]  # fmt: skip


def test_a_line_that_start_opened_stays_open_only_if_the_other_never_closed_it(two: House) -> None:
    text(two, ANN, "STOP")
    text(two, ANN, "START")
    merge(two)
    assert "1 credit" in two.ask(f"{ANN} Hello").plain()


def test_conversations_on_several_lines_each_find_their_place(two: House) -> None:
    second = two.slack.add_channel("second")
    two.twilio.add_number(OTHER_LINE)
    opening.setup(account="Harbor Homes", timezone="America/New_York", owner=two.agent,
                line=OTHER_LINE, channel=second)  # fmt: skip
    text(two, BEN, "To the other line", OTHER_LINE)
    merge(two)
    [root] = [post for post in two.slack.channel(second) if post.thread_ts is None]
    assert "Ann Lee" in root.plain()
    text(two, ANN, "Me again", OTHER_LINE)
    thread = two.slack.thread(second, root.ts)
    assert "Me again" in thread[-1].plain()


def test_a_third_number_joins_and_all_three_lead_to_one(two: House) -> None:
    merge(two)
    third = "+14155550125"
    text(two, third, "A third phone")
    two.name(third, "Cem")
    view = foreseen(two, "ann", "Ann Lee · (415) 555-0123", typed="cem")
    two.slack.submit(two.agent, view, {"keep": "(415) 555-0125, Cem"})
    with clock.travelled(timedelta(seconds=60)):
        two.work()
    for number in (ANN, BEN, third):
        text(two, number, f"Hello from {number}")
    with database.session():
        living = list(Conversation.select().where(Conversation.goes_on.is_null()))
        assert len(living) == 1
        assert len(two.slack.thread(two.channel, living[0].thread_ts)) >= 4
        account = two.account().id
        assert {address_book.by_number(account, n).id for n in (ANN, BEN, third)} == {
            living[0].contact_id
        }
    merged = two.ask("0124", "/contacts").plain()
    assert "also (415) 555-0123" in merged
    assert "also (415) 555-0124" in merged


def test_a_short_code_is_never_the_number_that_is_kept(two: House) -> None:
    text(two, "32665", "Your code is 1")
    view = foreseen(two, "32665", "32665")
    offered = [one["text"]["text"] for block in view.view["blocks"] if block["type"] == "input"
               for one in block["element"]["options"]]  # fmt: skip
    assert offered == ["(415) 555-0123, Ann Lee"]


def test_what_changed_since_it_was_shown_is_shown_again(two: House) -> None:
    view = foreseen(two, "ben", "Ben Li · (415) 555-0124")
    text(two, BEN, "STOP")
    two.slack.submit(two.agent, view, {})
    assert "Something has changed meanwhile" in view.errors["keep"]
    with database.session():
        assert Contact.select().where(Contact.same_as.is_null(False)).count() == 0


def test_a_contact_is_not_merged_with_itself_or_another_accounts(two: House) -> None:
    other = two.slack.add_user("Other")
    elsewhere = two.slack.add_channel("bay")
    two.twilio.add_number("+12125550100")
    opening.setup(
        account="Bay Homes", timezone="America/New_York", owner=other, line="+12125550100",
        channel=elsewhere,
    )  # fmt: skip
    text(two, ANN, "Hi", "+12125550100")
    with database.session():
        theirs = Contact.get(Contact.account != two.account().id)
        ours = Contact.get(Contact.account == two.account().id, Contact.number == ANN)
    view = opened(two)
    assert two.slack.look_up(two.agent, view, "merge_other", "0123") == []
    assert two.slack.look_up(other, view, "merge_other", "0124") == []
    for wrong, said in ((theirs.id, "not on this line's team"), (ours.id, "the same contact")):
        view.offered["merge_other"] = [
            {"text": {"type": "plain_text", "text": "x"}, "value": str(wrong)}
        ]
        two.slack.submit(two.agent, view, {"other": "x"})
        assert said in view.errors["other"]


@pytest.mark.parametrize("word", ["STOP", "Hello"])
def test_a_call_that_rings_meanwhile_is_of_who_is_kept(two: House, word: str) -> None:
    """Its end is shown in their thread, and what they said of texts holds for the text back."""
    text(two, ANN, word)
    with database.session():
        Line.update(
            voice_mode="forward", forward_user=two.agent, forward_number="+14155550188",
            text_back="We missed you", text_back_by=two.agent, calls_until=clock.now(),
        ).execute()  # fmt: skip
    two.twilio.kept_back = {"dial", "call"}
    two.twilio.call(BEN, LINE)
    two.work()
    merge(two)
    with clock.travelled(timedelta(minutes=6)):
        calls.ask_overdue(clock.now())
        two.settle()
    with database.session():
        kept = Contact.get(Contact.number == ANN)
        live = list(Conversation.select().where(Conversation.state == "open"))
        assert [talk.contact for talk in live] == [kept]
        assert Call.get().contact == kept
        thread = two.slack.thread(two.channel, live[0].thread_ts)
    assert any("Missed call" in post.plain() for post in thread)
    assert len(two.twilio.sent_to(BEN)) == (word != "STOP")
    assert two.audit() == []
