"""App Home: what it shows to whom, when it is published, and how much it bears."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

import app as wiring
from bot import clock
from bot.contacts.models import Contact
from bot.lines.models import Line
from bot.models import Delivery
from bot.sandbox import wait
from bot.slack.limits import check_view
from bot.slack.team import home_cards
from bot.talks.models import Conversation, Message
from bot.team import home, opening, roles, viewers
from bot.team.models import Member, Policy, Viewer
from bot.worker import Worker
from ledger import credits, database, plans, subscriptions
from ledger.rows import insert
from tests.house import ANN, BEN, LINE, House

CATALOGUE = plans.load()
SECOND = "+14155550177"


def publishes(house: House) -> int:
    return sum(name == "views.publish" for name, _ in house.slack.calls)


def shown(house: House, user: str | None = None) -> str:
    return house.home(user or house.agent).plain()


def many_wait(house: House, number: int) -> None:
    """So many people wait for an answer, each a minute longer than the next."""
    now = clock.now()
    with database.session(), database.db.atomic():
        line = Line.get()
        people = [(line.account_id, f"+1415{n:07d}", f"Person {n}", now) for n in range(number)]
        ids = sorted(
            row[0]
            for row in insert(
                Contact, ("account_id", "number", "name", "made_at"), people, "RETURNING id"
            )
        )
        columns = ("line_id", "contact_id", "state", "channel", "thread_ts", "waiting_since",
                   "made_at")  # fmt: skip
        talks = [
            (line.id, contact, "open", line.channel, f"17{place:08d}.000100",
             now - timedelta(minutes=number - place), now)
            for place, contact in enumerate(ids)
        ]  # fmt: skip
        talking = insert(Conversation, columns, talks, "RETURNING id")
        said = ("conversation_id", "direction", "body", "words", "media", "kind", "credits",
                "refunded", "carrier_segments", "status", "in_channel", "made_at")  # fmt: skip
        insert(Message, said, [
            (row[0], "in", "Hello", "", "[]", "sms", 1, 0, 1, "received", False, now)
            for row in talking
        ])  # fmt: skip


# What it shows


def test_what_needs_attention_comes_first_then_who_waits_then_the_rest(house: House) -> None:
    house.twilio.outcome(BEN, "failed", 30005)
    house.twilio.text(ANN, LINE, "Hello")
    house.work()
    house.send(BEN, "Hello")
    house.settle()
    with database.session():
        account = house.account().id
    credits.charge_out(account, "out:x", 82, message=0, actor=house.agent, now=clock.now())
    plain = shown(house)
    order = [
        "Harbor Homes: 17 credits left", "83% of your credits are used",
        "1 text of the last day did not arrive: to (415) 555-0124.",
        "83 of 100 credits used", "[Write a text]",
        "Waiting for an answer (1)", "(415) 555-0123 since", "Lines",
        f"(415) 555-0100 in #{house.channel}", "Team", "How it works",
    ]  # fmt: skip
    places = [plain.index(words) for words in order]
    assert places == sorted(places)


def test_who_waits_is_a_link_into_the_thread_and_says_who_looks_after_it(house: House) -> None:
    house.twilio.text(ANN, LINE, "Hello")
    house.work()
    root = house.thread(ANN)[0]
    with database.session():
        Conversation.update(assigned_to=house.agent).execute()
        viewers.changed(house.account().id)
    view = house.home(house.agent).view
    text = next(b["text"]["text"] for b in view["blocks"] if "(415) 555-0123" in str(b))
    link = f"https://sandbox.slack.com/archives/{house.channel}/p{root.ts.replace('.', '')}"
    assert text.startswith(f"• <{link}|(415) 555-0123> since <!date^")
    assert text.endswith(f"· <@{house.agent}>")


def test_the_newest_of_those_that_did_not_arrive_are_named_with_their_threads(
    house: House,
) -> None:
    for place in range(5):
        number = f"+1415555020{place}"
        house.twilio.outcome(number, "failed", 30005)
        house.send(number, "Hello")
        house.settle()
    said = shown(house)
    newest = ", ".join(f"(415) 555-020{place}" for place in (4, 3, 2))
    assert f"5 texts of the last day did not arrive: to {newest}, 2 more." in said
    view = house.home(house.agent).view
    root = house.thread("+14155550204")[0]
    link = f"https://sandbox.slack.com/archives/{house.channel}/p{root.ts.replace('.', '')}"
    assert f"<{link}|(415) 555-0204>" in str(view)


def test_when_nobody_waits_it_says_so(house: House) -> None:
    house.send(ANN, "Hello")
    house.settle()
    assert "Nobody waits for an answer." in shown(house)


def test_what_is_snoozed_does_not_wait(house: House) -> None:
    house.twilio.text(ANN, LINE, "Hello")
    house.work()
    assert "Waiting for an answer (1)" in shown(house)
    with database.session():
        Conversation.update(snoozed_until=clock.now() + timedelta(hours=1)).execute()
        viewers.changed(house.account().id)
    assert "Nobody waits" in shown(house)


def test_a_name_that_is_markup_is_shown_as_it_is(house: House) -> None:
    house.twilio.text(ANN, LINE, "Hello")
    house.work()
    with database.session():
        Contact.update(name="<!channel> *Ann* & Co").execute()
        viewers.changed(house.account().id)
    view = house.home(house.agent)
    assert "|&lt;!channel&gt; *Ann* &amp; Co>" in str(view.view)


def test_scheduled_texts_are_counted(house: House) -> None:
    card = house.ask(f"{ANN} Good morning")
    view = house.modal(house.agent, card, "Later…")
    tomorrow = clock.now() + timedelta(days=1)
    at = int(tomorrow.replace(hour=19, minute=0).timestamp())  # by day for them, whenever this runs
    assert house.slack.submit(house.agent, view, {"at": at}).status == 200
    assert "[Scheduled texts (1)]" in shown(house)
    assert "Good morning" in house.modal(house.agent, house.home(house.agent),
                                         "Scheduled texts (1)").plain()  # fmt: skip


def test_an_account_whose_plan_has_ended_says_so(office: House) -> None:
    subscriptions.cancel(office.account().id, "c", actor="U1", now=clock.now())
    with clock.travelled(timedelta(days=40)):
        office.tick()
        assert "Your plan has ended: nothing can be sent" in shown(office)


def test_all_credits_used_is_said(house: House) -> None:
    house.send(ANN, "Hello")
    credits.charge_out(
        house.account().id, "out:x", 99, message=0, actor=house.agent, now=clock.now()
    )
    house.settle()
    assert "All credits are used: nothing can be sent" in shown(house)


def test_every_button_of_home_does_something(house: House) -> None:
    house.twilio.text(ANN, LINE, "Hello")
    house.work()
    view = house.home(house.agent)
    opens = [
        ("Write a text", "Write a text"), ("Choose a plan", "Your plan"),
        ("Settings", "Line settings"), ("Add or remove people", "Your team"),
        ("Opt-out words and quiet hours", "Words and quiet hours"), ("Templates", "Templates"),
    ]  # fmt: skip
    for label, title in opens:
        opened = house.modal(house.agent, view, label)
        assert opened.view["title"]["text"] == title, label
    told = house.modal(house.agent, view, "Report")
    assert "comes as a direct message" in told.plain()
    house.work()
    assert house.told(house.agent)[-1].files or house.told(house.agent)[-1].blocks


# Settings


def test_the_line_is_set_from_home(house: House) -> None:
    other = house.slack.add_channel("offers")
    view = house.modal(house.agent, house.home(house.agent), "Settings")
    house.slack.submit(house.agent, view, {"mode": "send", "up_to": "2", "channel": other})
    with database.session():
        wait(lambda: Line.get().joined_at)  # Partyline is in it already
        line = Line.get()
    assert (line.mode, line.send_up_to, line.channel) == ("send", 2, other)
    assert f"(415) 555-0100 in #{other}: small replies are sent at once" in shown(house)


def test_words_and_hours_are_set_from_home(house: House) -> None:
    view = house.modal(house.agent, house.home(house.agent), "Opt-out words and quiet hours")
    for words, why in (("Reply NO", "STOP is the word"), ("STOP 😀", "Use plain letters")):
        house.slack.submit(house.agent, view, {"words": words})
        assert why in view.errors["words"]
    for at, wrong in (
        ("until", {"from": "7", "until": "9"}), ("plan_texts", {"plan_texts": "21"}),
        ("plan_gap", {"plan_gap": "1441"}),
    ):  # fmt: skip
        refused = house.modal(house.agent, house.home(house.agent), "Opt-out words and quiet hours")
        house.slack.submit(house.agent, refused, wrong)
        assert list(refused.errors) == [at]
    house.slack.submit(house.agent, view, {
        "words": "Text STOP to end", "from": "21", "until": "8", "plan_texts": "2",
        "plan_gap": "90",
    })  # fmt: skip
    with database.session():
        policy = Policy.get()
    assert (policy.opt_out_words, policy.quiet_from, policy.quiet_until) == (
        "Text STOP to end", 21, 8,
    )  # fmt: skip
    assert (policy.plan_texts_a_day, policy.plan_gap_minutes) == (2, 90)


# Several accounts


def second_account(house: House) -> str:
    """Another account of the same person, with a line and three credits."""
    channel = house.slack.add_channel("rentals")
    house.twilio.add_number(SECOND)
    opening.setup(
        account="Bay Rentals", timezone="America/New_York", owner=house.agent, line=SECOND,
        channel=channel, opening_credits=3,
    )  # fmt: skip
    return channel


def test_somebody_on_two_accounts_sees_one_and_how_the_other_stands(house: House) -> None:
    second_account(house)
    house.twilio.text(ANN, LINE, "Hello")
    house.twilio.text(BEN, SECOND, "Hello")
    house.work()
    plain = shown(house)
    assert "Harbor Homes: 99 credits left" in plain
    assert "Bay Rentals: 2 credits left, 1 waits" in plain
    assert "(415) 555-0124" not in plain
    house.slack.choose(house.agent, house.home(house.agent), "home_account", "Bay Rentals")
    plain = shown(house)
    assert "(415) 555-0124 since" in plain
    assert "Harbor Homes: 99 credits left, 1 waits" in plain
    assert "(415) 555-0123" not in plain


def test_an_account_one_is_no_longer_on_is_not_shown(house: House) -> None:
    second_account(house)
    shown(house)
    house.slack.choose(house.agent, house.home(house.agent), "home_account", "Bay Rentals")
    assert "Bay Rentals: 3 credits left" in shown(house)
    with database.session():
        gone = Member.account == roles.accounts_of(house.agent)[1]
        Member.update(left_at=clock.now()).where(gone).execute()
        viewers.publish(house.agent)
    plain = shown(house)
    assert "Bay Rentals" not in plain
    assert "Harbor Homes" in plain


# When it is published


def test_it_follows_every_text_and_is_published_every_few_seconds_at_most(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewers, "EVERY", timedelta(minutes=3))  # however busy the machine is
    house.slack.open_home(house.agent)
    house.work()
    for place in range(20):
        house.twilio.text(ANN, LINE, f"Hello {place}")
        house.work()
        viewers.publish_stale()
        house.work()
    assert publishes(house) == 1
    with clock.travelled(timedelta(minutes=4)):
        viewers.publish_stale()
        house.work()
        assert publishes(house) == 2
        assert "80 credits left" in house.slack.home(house.agent).plain()
        viewers.publish_stale()
        house.work()
    assert publishes(house) == 2  # nothing has changed


def test_only_those_who_looked_within_a_day_are_published_to(house: House) -> None:
    house.slack.open_home(house.agent)
    house.work()
    with clock.travelled(timedelta(hours=25)):
        house.twilio.text(ANN, LINE, "Hello")
        house.work()
        house.tick()
        assert publishes(house) == 1
        house.slack.open_home(house.agent)
        house.work()
    assert publishes(house) == 2


def test_what_time_alone_changes_is_seen_within_minutes(house: House) -> None:
    house.slack.open_home(house.agent)
    house.work()
    with clock.travelled(timedelta(minutes=11)):
        house.tick()
    assert publishes(house) == 2


def test_the_messages_tab_publishes_nothing(house: House) -> None:
    event = {"type": "app_home_opened", "user": house.agent, "channel": "D1", "tab": "messages"}
    house.slack.event(event).send()
    house.work()
    assert publishes(house) == 0


def test_one_publish_a_viewer_is_in_flight_with_two_workers(house: House) -> None:
    """Whatever happens meanwhile, the last one published shows what is."""
    seen = Overlaps(house)
    house.slack.faults.add("slow_after", "views.publish", times=None, seconds=0.3)
    workers = [
        Worker(house.handlers, house.carriers, house.timing, jobs=[], hands=4) for _ in range(2)
    ]
    threads = [threading.Thread(target=worker.run) for worker in workers]
    for thread in threads:
        thread.start()
    try:
        for place in range(12):
            house.slack.open_home(house.agent)
            with database.session():
                Viewer.update(published_at=None).execute()
            house.twilio.text(ANN, LINE, f"Hello {place}")
            time.sleep(0.1)
        house.twilio.quiet()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with database.session():
                Viewer.update(published_at=None).execute()
            viewers.publish_stale()
            if "88 credits left" in house.slack.home(house.agent).plain():
                break
            time.sleep(0.1)
    finally:
        for worker in workers:
            worker.stop()
        for thread in threads:
            thread.join(30)
    assert seen.most == 1
    assert "88 credits left" in house.slack.home(house.agent).plain()


class Overlaps:
    """How many publishes were under way at once, at most."""

    def __init__(self, house: House) -> None:
        self.now = self.most = 0
        self.lock = threading.Lock()
        api = house.slack.web.view_functions["_api"]

        def counted(method: str) -> Any:
            if method != "views.publish":
                return api(method)
            with self.lock:
                self.now += 1
                self.most = max(self.most, self.now)
            try:
                return api(method)
            finally:
                with self.lock:
                    self.now -= 1

        house.slack.web.view_functions["_api"] = counted


def test_a_publish_that_slack_refused_for_now_is_made_again(house: House) -> None:
    house.slack.faults.add("rate_limit", "views.publish", seconds=1)
    house.slack.open_home(house.agent)
    house.work()
    assert house.agent not in house.slack.homes
    with clock.travelled(timedelta(seconds=5)):
        house.work()
    assert "Harbor Homes" in house.slack.home(house.agent).plain()


def test_a_publish_whose_answer_was_lost_is_made_again_and_shows_what_is(house: House) -> None:
    house.slack.faults.add("drop_after", "views.publish")
    house.slack.open_home(house.agent)
    house.work()
    house.twilio.text(ANN, LINE, "Hello")
    house.work()
    with clock.travelled(timedelta(minutes=5)):
        house.tick()
        house.tick()
    assert "99 credits left" in house.slack.home(house.agent).plain()


def test_somebody_without_a_home_is_not_tried_for_ever(house: House) -> None:
    house.slack.open_home(house.agent)
    house.slack.people[house.agent]["deleted"] = True
    house.work()
    with database.session():
        [delivery] = Delivery.select().where(Delivery.kind == "slack.home")
    assert delivery.state == "failed"


# How much it bears


def test_five_thousand_wait_and_the_list_is_shown_by_parts(house: House) -> None:
    many_wait(house, 5000)
    view = house.home(house.agent)
    plain = view.plain()
    assert "Waiting for an answer (5,000), longest first" in plain
    assert listed(plain) == [f"Person {n}" for n in range(10)]
    for rows in (30, 50):
        house.slack.press(house.agent, house.home(house.agent), "home_more")
        plain = shown(house)
        assert len(listed(plain)) == rows
    assert "[Show more" not in plain
    assert "4,950 more wait, not so long." in plain
    house.slack.open_home(house.agent)  # looked at anew, it starts from the top
    assert len(listed(shown(house))) == 10


def listed(plain: str) -> list[str]:
    return re.findall(r"• (Person \d+) since", plain)


def test_five_thousand_waiting_cost_no_more_than_a_moment(house: House) -> None:
    many_wait(house, 5000)
    took = []
    for _ in range(5):
        began = time.perf_counter()
        of_agent = home.of(house.agent, clock.now())
        view = home_cards.view(of_agent, [], CATALOGUE, lambda channel, ts: f"https://x/{ts}")
        took.append(time.perf_counter() - began)
    check_view(view)
    assert min(took) < 0.25, f"{min(took) * 1000:.0f} ms"


def test_the_largest_home_is_one_that_slack_takes(house: House) -> None:
    """Sixty lines, long names, twenty other accounts, five thousand waiting: under 100 blocks."""
    many_wait(house, 5000)
    now = clock.now()
    with database.session():
        account = house.account().id
        Contact.update(name="&" * 400).execute()
        for n in range(60):
            Line.create(account=account, number=f"+1415777{n:04d}", channel=f"C{n}",
                        read_until=now, made_at=now, joined_at=now)  # fmt: skip
    for n in range(20):
        opening.setup(account=f"Account {n} " + "x" * 100, owner=house.agent)
    shown(house)
    for _ in range(3):
        viewers.more(house.agent)
    view = house.home(house.agent).view
    assert len(view["blocks"]) <= 100
    assert "How it works" in str(view["blocks"][-1])
    check_view(view)


def test_a_text_marks_each_home_with_one_statement_however_many_look(house: House) -> None:
    many = tuple(house.slack.add_user(f"A{n}") for n in range(30))
    opening.setup(account="Harbor Homes", agents=many)
    for user in many:
        viewers.opened(user, clock.now())
    house.work()
    account = house.account().id
    ran = statements(lambda: viewers.changed(account))
    assert len([s for s in ran if s.lstrip().upper().startswith("UPDATE")]) == 1


def statements(act: Callable[[], None]) -> list[str]:
    """What SQL an act runs."""
    ran: list[str] = []
    real = database.db.obj.execute_sql

    def noted(sql: str, *args: Any, **more: Any) -> Any:
        ran.append(sql)
        return real(sql, *args, **more)

    database.db.obj.execute_sql = noted
    try:
        act()
    finally:
        del database.db.obj.execute_sql
    return ran


def test_home_is_one_of_the_jobs(house: House) -> None:
    names = {name for name, _, _ in wiring.jobs(house.settings)}
    assert {"homes", "old homes", "roll call", "channels"} <= names
