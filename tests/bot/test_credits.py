"""Credits as their owners meet them: /credits, plans, alerts, e-mails, reports, the digest."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot import clock, digest, notices
from bot.models import Digest, Member
from bot.sandbox import Sandbox, wait
from bot.sandbox.slack import Post, View
from ledger import credits, database, plans, subscriptions
from ledger.models import Alert, Entry
from tests.house import ANN, BEN, LINE, House

CATALOGUE = plans.load()
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def office(books: str, sandbox: Sandbox) -> Iterator[House]:
    """An account on the plan Solo, 500 credits, with an owner, a manager, an agent, an address."""
    house = House(books, sandbox, opening_credits=0)
    house.manager = house.slack.add_user("Manager")
    house.clerk = house.slack.add_user("Clerk")
    with database.session():
        account = house.account()
        Member.create(account=account, slack_user=house.manager, role="manager")
        Member.create(account=account, slack_user=house.clerk, role="agent")
    house.subscribe("solo")
    house.add_email("boss@harbor.example")
    with house.serving():
        yield house


def spend(house: House, amount: int, days_ago: float = 0) -> None:
    """Texts out that are charged, as if they had been sent."""
    now = clock.now() - timedelta(days=days_ago)
    key = f"out:spent-{amount}-{days_ago}-{now.timestamp()}"
    credits.charge_out(house.account().id, key, amount, message=0, actor=house.agent, now=now)


def open_plans(house: House) -> View:
    before = opened(house)
    answer = house.slack.command(house.agent, house.channel, "/credits", "plan")
    assert answer.status == 200, answer.body
    return wait(lambda: view if (view := opened(house)) is not before else None)


def opened(house: House) -> View | None:
    """The modal on top."""
    with contextlib.suppress(LookupError):
        return house.slack.open_view(house.agent)
    return None


def turn(house: House, view: View, label: str) -> None:
    """Presses a button of the modal, which then shows something else."""
    before = view.hash
    assert house.slack.press(house.agent, view, label).status == 200
    wait(lambda: view.hash != before)


def answer(house: House, user: str, press: Callable[[], Any]) -> str:
    """What the user is shown alone, because something was pressed."""
    before = len(house.slack.seen_by(user))
    press()
    wait(lambda: len(house.slack.seen_by(user)) > before)
    return house.slack.seen_by(user)[-1].plain()


def confirm(house: House, code: str) -> View:
    """Opens the plans, chooses one, and submits what is then shown. The view after it."""
    view = open_plans(house)
    turn(house, view, f"plan_{code}:Choose")
    assert house.slack.submit(house.agent, view, {}).status == 200
    return view


# /credits


def test_credits_says_what_is_left_used_and_when_it_renews(office: House) -> None:
    spend(office, 120)
    said = office.ask("", "/credits").plain()
    assert "Harbor Homes: 380 credits left" in said
    assert "120 of 500 credits (24 %)" in said
    assert "Solo: 500 credits a month for $22.00, renews on " in said
    assert "Too early to say" in said
    assert "[Change plan]" in said


def test_the_plain_text_of_a_card_carries_all_of_it(office: House) -> None:
    card = office.ask("", "/credits")
    for part in ("500 credits left", "Used: 0 of 500", "Plan: Solo"):
        assert part in card.text


def test_an_agent_sees_the_credits_but_may_not_change_the_plan(office: House) -> None:
    card = office.ask("", "/credits", user=office.clerk)
    assert "[Change plan]" not in card.plain()
    refused = office.ask("plan", "/credits", user=office.clerk)
    assert "Only owner and managers" in refused.plain()
    with pytest.raises(LookupError):
        office.slack.open_view(office.clerk)
    stranger = office.ask("", "/credits", user=office.stranger)
    assert "not on any account" in stranger.plain()


def test_help_is_answered_for_help_and_for_what_is_not_understood(office: House) -> None:
    for typed in ("help", "nonsense"):
        assert "/credits report" in office.ask(typed, "/credits").plain()


# Plans


def test_r10_an_upgrade_is_shown_confirmed_and_done(office: House) -> None:
    spend(office, 450)
    view = open_plans(office)
    said = view.plain()
    assert "Solo · 500 credits a month · $22.00 · your plan" in said
    assert "Now: 500 credits added, 550 credits left of 1,000." in said
    turn(office, view, "plan_pro:Choose")
    assert "Upgrade to Pro" in view.plain()
    assert "500 credits added, 550 credits left of 1,000" in view.plain()
    assert "1,000 credits added, what is left rolls over" in view.plain()
    assert "you are invoiced $40.00" in view.plain()
    assert office.balance() == 50, "nothing happens before it is confirmed"
    office.slack.submit(office.agent, view, {})
    assert "Done. Pro: 1,000 credits a month" in view.plain().replace("*", "")
    assert office.balance() == 550
    assert office.audit() == [] or all("text" in f.rule for f in office.audit())


def test_r11_a_downgrade_says_what_it_withdraws_and_what_is_invoiced(office: House) -> None:
    view = confirm(office, "starter")
    assert office.balance() == 250
    view = open_plans(office)
    assert "Starter · 250 credits a month · $12.00 · your plan" in view.plain()
    turn(office, view, "plan_solo:Choose")
    assert "Now: 250 credits added, 500 credits left of 500" in view.plain()
    turn(office, view, "All plans")
    turn(office, view, "plan_pro:Choose")
    office.slack.submit(office.agent, view, {})
    view = open_plans(office)
    assert "for the dearest plan of the period" in view.plain()


def test_a_confirmation_pressed_twice_changes_once(office: House) -> None:
    view = open_plans(office)
    turn(office, view, "plan_team:Choose")
    shown = View(view.id, view.user, view.view, view.hash)
    office.slack.submit(office.agent, view, {})
    office.slack.submit(office.agent, shown, {})
    assert office.balance() == 2500


def test_numbers_that_moved_since_they_were_shown_are_shown_again(office: House) -> None:
    view = open_plans(office)
    turn(office, view, "plan_starter:Choose")
    spend(office, 300)
    office.slack.submit(office.agent, view, {})
    assert "The numbers have changed" in view.plain()
    assert "Now: 200 credits withdrawn, 0 credits left of 300" in view.plain()
    assert office.balance() == 200
    office.slack.submit(office.agent, view, {})
    assert office.balance() == 0


def test_r12_a_plan_is_cancelled_and_the_cancellation_withdrawn(office: House) -> None:
    view = open_plans(office)
    turn(office, view, "Cancel the plan")
    assert "your balance is frozen, not lost" in view.plain()
    office.slack.submit(office.agent, view, {})
    assert "ends on " in view.plain()
    view = open_plans(office)
    assert "the plan ends, as you chose" in view.plain()
    turn(office, view, "Withdraw the cancellation")
    office.slack.submit(office.agent, view, {})
    assert "renews on " in view.plain()


def test_r12_a_plan_is_put_on_hold(office: House) -> None:
    view = open_plans(office)
    turn(office, view, "Put on hold")
    assert "no new credits, $5.00 a month" in view.plain()
    office.slack.submit(office.agent, view, {})
    assert "on hold from " in view.plain()
    with clock.travelled(timedelta(days=40)):
        office.tick()
        assert "on hold until you resume" in office.ask("", "/credits").plain()
        assert office.balance() == 500


def test_r7_without_credits_one_is_told_how_to_subscribe(books: str, sandbox: Sandbox) -> None:
    with House(books, sandbox, opening_credits=0).serving() as house:
        assert "`/credits plan`" in house.ask(f"{ANN} Hello").plain()
        view = open_plans(house)
        assert "none yet" in view.plain()
        turn(house, view, "plan_starter:Choose")
        assert "Choose Starter" in view.plain()
        house.slack.submit(house.agent, view, {})
        assert house.balance() == 250


def test_r12_after_the_plan_has_ended_nothing_is_sent_and_it_says_why(office: House) -> None:
    subscriptions.cancel(office.account().id, "c", actor="U1", now=clock.now())
    with clock.travelled(timedelta(days=40)):
        card = office.ask(f"{ANN} Hello")
        assert "Your plan has ended. Your 500 credits are kept" in card.plain()
        assert "`/credits plan`" in card.plain()
        assert "[Send]" not in card.plain()
        assert office.balance() == 500
        office.twilio.text(ANN, LINE, "Are you there?")
        office.work()
        assert office.balance() == 499  # R15: shown and charged


# Alerts


def test_r18_a_crossing_is_told_to_owner_manager_channel_and_address(office: House) -> None:
    spend(office, 420)
    office.tick()
    for boss in (office.agent, office.manager):
        [post] = office.told(boss)
        assert "84 % of your credits are used" in post.plain()
        assert "420 of 500 credits (84 %)" in post.plain()
        assert "[Change plan]" in post.plain()
        assert "84 % of your credits are used" in post.text
        assert "420 of 500" in post.text
    assert office.told(office.clerk) == []
    assert [p.plain() for p in office.slack.channel(office.channel)] == [
        office.told(office.agent)[0].plain()
    ]
    [mail] = office.sandbox.mail.box("boss@harbor.example")
    assert mail["Subject"] == "Harbor Homes: 84 % of your credits are used"
    text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    for body in (text, html):
        assert "420 of 500 credits (84 %)" in body
        assert "/credits plan" in body
        assert "until " in body


def test_r19_each_threshold_is_told_once_and_a_jump_tells_only_the_highest(office: House) -> None:
    titles = []
    for amount in (405, 5, 20, 65, 5):
        spend(office, amount)
        office.tick()
        office.tick()
        titles.append([p.plain().splitlines()[0] for p in office.told(office.agent)][-1])
    assert len(office.told(office.agent)) == 4
    assert [t.partition("Homes: ")[2].partition(" ")[0] for t in titles] == [
        "81", "81", "86", "99", "All",
    ]  # fmt: skip


def test_r19_an_upgrade_arms_the_alerts_again(office: House) -> None:
    spend(office, 450)
    office.tick()
    office.slack.press(office.agent, office.told(office.agent)[0], "Change plan")
    view = wait(lambda: opened(office))
    turn(office, view, "plan_pro:Choose")
    office.slack.submit(office.agent, view, {})
    spend(office, 370)
    office.tick()
    assert len(office.told(office.agent)) == 2
    assert "820 of 1,000 credits (82 %)" in office.told(office.agent)[1].plain()


def test_a_clerk_who_presses_change_plan_in_the_channel_is_refused_nicely(office: House) -> None:
    spend(office, 450)
    office.tick()
    [post] = office.slack.channel(office.channel)
    said = answer(
        office, office.clerk, lambda: office.slack.press(office.clerk, post, "Change plan")
    )
    assert "Only owner and managers" in said


def test_two_workers_tell_a_crossing_once(office: House) -> None:
    spend(office, 450)
    account = office.account().id
    for _ in range(3):
        notices.tell_crossings(True)
    office.work()
    assert len(office.told(office.agent)) == 1
    with database.session():
        assert Alert.select().count() == 1
    assert account


def test_an_alert_says_how_the_forecast_was_worked_out(office: House) -> None:
    with clock.travelled(timedelta(days=1)):
        spend(office, 30)
    with clock.travelled(timedelta(days=6)):
        spend(office, 390)
        office.tick()
        said = office.told(office.agent)[-1].plain()
    assert "6 credits a day, from 30 in the last 5 days" in said


def test_an_e_mail_that_may_have_gone_is_sent_again_under_the_same_id(office: House) -> None:
    mail = office.sandbox.mail
    mail.faults.add("drop_after", "DATA")
    mail.faults.add("error", "DATA")
    spend(office, 450)
    office.tick()
    with clock.travelled(timedelta(minutes=5)):
        office.work()
    with clock.travelled(timedelta(minutes=20)):
        office.work()
    assert len(mail.mails) == 2
    assert len(mail.box("boss@harbor.example")) == 1


def test_an_address_that_does_not_exist_is_not_tried_for_ever(office: House) -> None:
    office.sandbox.mail.refused.add("boss@harbor.example")
    spend(office, 450)
    office.tick()
    with clock.travelled(timedelta(hours=2)):
        assert office.deliver() == 0


def test_a_mail_server_that_is_away_gets_it_later(office: House) -> None:
    office.sandbox.mail.close()
    spend(office, 450)
    office.tick()
    assert len(office.told(office.agent)) == 1, "Slack does not wait for the mail server"
    with database.session():
        assert Alert.select().count() == 1


def test_r20_what_will_expire_is_shown_and_announced(office: House) -> None:
    account = office.account().id
    now = clock.now()
    credits.grant(
        account, "old", 40, reason="trial", actor="operator", now=now,
        expires_at=now + timedelta(days=35),
    )  # fmt: skip
    with clock.travelled(timedelta(days=6)):
        office.tick()
        said = office.told(office.agent)[-1].plain()
        assert "40 credits will expire on" in said
        assert "40 credits, unless they are used before" in said
        office.tick()
        assert len(office.told(office.agent)) == 1
    with clock.travelled(timedelta(days=29)):
        office.tick()
        assert len(office.told(office.agent)) == 2
    with clock.travelled(timedelta(days=36)):
        office.tick()
        with database.session():
            assert Entry.select().where(Entry.kind == "expire").get().amount == -40


# Reports


def texts(office: House) -> None:
    """Ann writes twice, Ben once with a picture; two texts go out, one of which fails."""
    office.twilio.outcome(BEN, "failed", 30005)
    office.twilio.text(ANN, LINE, "Hello")
    office.twilio.text(ANN, LINE, "Are you there?")
    office.twilio.text(BEN, LINE, "Look", media=["image/jpeg"])
    office.work()
    office.send(ANN, "Yes, I am")
    office.send(BEN, "A fine picture " * 12)
    office.settle()


def report(office: House, typed: str) -> Post:
    said = office.ask(f"report {typed}", "/credits")
    assert "direct message" in said.plain()
    office.work()
    return office.told(office.agent)[-1]


def rows(post: Post) -> list[list[str]]:
    [table] = [b for b in post.blocks if b["type"] == "table"]
    return [[cell["text"] for cell in row] for row in table["rows"]]


def test_a_report_by_day_has_a_table_a_chart_and_a_csv_that_agree(office: House) -> None:
    texts(office)
    post = report(office, "month by day")
    today = datetime.now(UTC).astimezone(NEW_YORK)
    [row] = [r for r in rows(post) if r[0] == f"{today:%a} {today.day} {today:%b}"]
    assert row[1:] == ["3", "2", "5", "3", "2", "6"]
    assert rows(post)[-1] == ["Total", "3", "2", "5", "3", "2", "6"]
    assert any(b["type"] == "data_visualization" for b in post.blocks)
    [file] = post.files
    assert file.name.endswith(".csv")
    read = list(csv.reader(io.StringIO((file.content or b"").decode("utf-8-sig"))))
    assert read[0] == ["Day", "Texts in", "Texts out", "Credits in", "Credits out", "Given back",
                       "Credits"]  # fmt: skip
    assert read[-1] == rows(post)[-1]
    assert office.balance() == 500 - 6, "the report agrees with the bill"
    assert "3 texts in and 2 out: 8 credits charged, 2 given back, 6 in all." in post.text


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("contact", [["(415) 555-0124", "1", "1", "3", "2", "2", "3"],
                     ["(415) 555-0123", "2", "1", "2", "1", "0", "3"]]),
        ("kind", [["Texts in, MMS", "1", "0", "3", "0", "0", "3"],
                  ["Texts in, SMS", "2", "0", "2", "0", "0", "2"],
                  ["Texts out, SMS", "0", "2", "0", "3", "2", "1"]]),
        ("member", [["Texts in", "3", "0", "5", "0", "0", "5"],
                    ["Agent", "0", "2", "0", "3", "2", "1"]]),
    ],
)  # fmt: skip
def test_a_report_by_contact_kind_or_member(
    office: House, by: str, expected: list[list[str]]
) -> None:
    texts(office)
    assert sorted(rows(report(office, f"30d by {by}"))[1:-1]) == sorted(expected)


def test_where_slack_draws_no_chart_a_picture_is_attached(office: House, tmp_path: Path) -> None:
    office.slack.draws_charts = False
    texts(office)
    post = report(office, "by contact")
    assert [b["type"] for b in post.blocks if b["type"] == "data_visualization"] == []
    sheet, picture = post.files
    assert sheet.name.endswith(".csv")
    assert (picture.content or b"").startswith(b"\x89PNG")
    assert picture.alt_text is not None
    assert "(415) 555-0124: 5" in picture.alt_text


def test_where_slack_takes_no_files_the_table_stands_alone(office: House) -> None:
    office.slack.takes_files = False
    texts(office)
    post = report(office, "by contact")
    assert post.files == []
    assert len(rows(post)) == 4
    with clock.travelled(timedelta(hours=1)):
        assert office.deliver() == 0


def test_files_that_may_have_gone_are_attached_once(office: House) -> None:
    office.slack.faults.add("drop_after", "chat.update")
    post = report(office, "month")
    with clock.travelled(timedelta(minutes=2)):
        office.work()
    assert len(post.files) == 1
    assert len(office.told(office.agent)) == 1


def test_a_report_of_nothing_and_one_that_is_not_understood(office: House) -> None:
    post = report(office, "2020-01")
    assert rows(post)[-1] == ["Total", "0", "0", "0", "0", "0", "0"]
    assert "'loud' is not understood" in office.ask("report loud", "/credits").plain()
    assert "is not understood" in office.ask("report by", "/credits").plain()


def test_a_contacts_name_is_no_formula_in_a_spreadsheet(office: House) -> None:
    from bot.usage import Report, to_csv
    from ledger.reports import Row, total

    sheet = to_csv(Report("t", "contact", [Row("=HYPERLINK(1)")], total([])))
    assert b"'=HYPERLINK(1)" in sheet


def test_history_lists_entries_with_their_cause_and_goes_back(office: House) -> None:
    for n in range(20):
        credits.adjust(
            office.account().id, f"a{n}", 1, reason=f"gift {n}", actor="operator", now=clock.now()
        )
    card = office.ask("history", "/credits")
    assert "gift 19 by operator" in card.plain()
    assert "gift 4 " not in card.plain()
    older = answer(office, office.agent, lambda: office.slack.press(office.agent, card, "Older"))
    assert "gift 4 by operator" in older
    assert "Plan credits" in older


# The digest


def at_hour(hour: int, days: int = 1) -> timedelta:
    """From now to that hour in New York, so many days on."""
    now = clock.now().astimezone(NEW_YORK)
    then = datetime.combine(now.date() + timedelta(days=days), datetime.min.time(), NEW_YORK)
    return then.replace(hour=hour, minute=1).astimezone(UTC) - clock.now()


def digests(office: House) -> list[Post]:
    return [p for p in office.slack.channel(office.channel) if "Mute" in p.plain()]


def test_the_digest_comes_once_at_eight_with_what_was_and_who_waits(office: House) -> None:
    texts(office)
    office.twilio.text(BEN, LINE, "Hello?")
    office.work()
    with clock.travelled(at_hour(7)):
        office.tick()
        assert digests(office) == []
    with clock.travelled(at_hour(8)):
        office.tick()
        office.tick()
        [post] = digests(office)
    said = post.plain()
    assert "4 in, 2 out" in said
    assert "7 credits (9 charged, 2 given back)" in said
    assert "493 credits" in said
    assert "Waiting for an answer, longest first" in said
    assert "(415) 555-0124 since" in said
    assert "Did not arrive" in said
    root = office.thread(BEN)[0]
    link = f"https://sandbox.slack.com/archives/{office.channel}/p{root.ts.replace('.', '')}"
    assert link in str(post.blocks)
    for part in ("4 in, 2 out", "Waiting for an answer", "Did not arrive", "493 credits"):
        assert part in post.text, "a screen reader reads the text alone"


def test_nothing_happened_and_nobody_waits_so_nothing_is_said(office: House) -> None:
    with clock.travelled(at_hour(8)):
        office.tick()
        assert digests(office) == []


def test_a_worker_that_was_away_for_days_sends_one_digest(office: House) -> None:
    office.twilio.text(ANN, LINE, "Hello?")
    office.work()
    with clock.travelled(at_hour(15, days=4)):
        office.tick()
        office.tick()
        assert len(digests(office)) == 1
    with clock.travelled(at_hour(8, days=5)):
        office.tick()
        assert len(digests(office)) == 2  # somebody still waits


def test_its_hour_is_set_from_the_message_and_it_is_muted(office: House) -> None:
    office.twilio.text(ANN, LINE, "Hello?")
    office.work()
    with clock.travelled(at_hour(8)):
        office.tick()
        [post] = digests(office)
        slack = office.slack
        said = answer(
            office, office.agent,
            lambda: slack.choose(office.agent, post, "digest_hour", "18:00"),
        )  # fmt: skip
        assert "comes at 18:00" in said
        said = answer(office, office.clerk, lambda: slack.press(office.clerk, post, "Mute"))
        assert "Only owner and managers" in said
    with clock.travelled(at_hour(19)):
        office.tick()
        assert len(digests(office)) == 1, "once a day, whatever the hour"
    with clock.travelled(at_hour(9, days=2)):
        office.tick()
        assert len(digests(office)) == 1
    with clock.travelled(at_hour(18, days=2)):
        office.tick()
        assert len(digests(office)) == 2
        answer(office, office.manager, lambda: slack.press(office.manager, post, "Mute"))
    with clock.travelled(at_hour(18, days=3)):
        office.tick()
        assert len(digests(office)) == 2
        office.ask("digest on", "/credits")
    with clock.travelled(at_hour(8, days=4)):
        office.tick()
        assert len(digests(office)) == 3
    assert "Say at which hour" in office.ask("digest noonish", "/credits").plain()


@pytest.mark.parametrize(
    ("zone", "first", "hour", "expected"),
    [
        # New York puts its clocks forward over 2:30 on 8 March 2026: the digest comes at 3:00.
        ("America/New_York", datetime(2026, 3, 6, 12, tzinfo=UTC), 2, 3),
        # It puts them back on 1 November: 1:00 comes twice, the digest once.
        ("America/New_York", datetime(2026, 10, 30, 12, tzinfo=UTC), 1, 3),
        ("Africa/Cairo", datetime(2026, 4, 22, 12, tzinfo=UTC), 0, 3),
    ],
)
def test_once_a_day_whatever_the_clocks_do(
    books: str, zone: str, first: datetime, hour: int, expected: int
) -> None:
    account = credits.open_account("Harbor Homes", zone, first)
    digest.start(account.id, zone, first)
    digest.set_hour(account.id, hour, first)
    came = set()
    moment = first
    while moment < first + timedelta(days=expected):
        with database.session():
            row = Digest.get()
        if row.next_at is not None and row.next_at <= moment:
            with clock.travelled(moment - clock.now()):
                digest.send_due()
            with database.session():
                after = Digest.get()
            assert after.day == moment.astimezone(ZoneInfo(zone)).date()
            assert after.next_at > moment
            came.add(after.day)
        moment += timedelta(minutes=10)
    assert len(came) == expected
