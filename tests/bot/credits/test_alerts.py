"""Alerts in Slack and by e-mail (R18, R19), and word of what will expire (R20)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from bot import clock
from bot.credits import notices
from bot.sandbox import Sandbox
from bot.team import opening
from bot.team.models import Member
from bot.words import is_email
from ledger import credits, database, subscriptions
from ledger.models import Account, Alert, Entry, Period
from tests.bot.office import at_hour, digests, spend
from tests.house import ANN, LINE, House


def test_r18_a_crossing_is_told_to_owner_manager_channel_and_address(office: House) -> None:
    spend(office, 420)
    office.tick()
    for boss in (office.agent, office.manager):
        [post] = office.told(boss)
        assert "84% of your credits are used" in post.plain()
        assert "420 of 500 credits (84%)" in post.plain()
        assert "[Upgrade]" in post.plain()
        assert "84% of your credits are used" in post.text
        assert "420 of 500" in post.text
    assert office.told(office.clerk) == []
    assert [p.plain() for p in office.slack.channel(office.channel)] == [
        office.told(office.agent)[0].plain()
    ]
    [mail] = office.sandbox.mail.box("boss@harbor.example")
    assert mail["Subject"] == "Harbor Homes: 84% of your credits are used"
    text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    for body in (text, html):
        assert "420 of 500 credits (84%)" in body
        assert "/credits plan" in body
        assert "until " in body
        assert f"https://slack.com/app_redirect?channel={office.channel}" in body
        assert "Upgrade in Slack" in body


def test_r19_each_threshold_is_told_once_and_a_jump_tells_only_the_highest(office: House) -> None:
    titles = []
    for amount in (405, 5, 20, 65, 5):
        spend(office, amount)
        office.tick()
        office.tick()
        titles.append([p.plain().splitlines()[0] for p in office.told(office.agent)][-1])
    assert len(office.told(office.agent)) == 4
    assert [t.partition("Homes: ")[2].partition(" ")[0] for t in titles] == [
        "81%", "81%", "86%", "99%", "All",
    ]  # fmt: skip


def test_r19_an_upgrade_arms_the_alerts_again(office: House) -> None:
    spend(office, 450)
    office.tick()
    [alert] = office.told(office.agent)
    view = office.opens(lambda: office.slack.press(office.agent, alert, "Upgrade"))
    office.turns(view, "plan_pro:Choose")
    office.slack.submit(office.agent, view, {})
    spend(office, 370)
    office.tick()
    assert len(office.told(office.agent)) == 2
    assert "820 of 1,000 credits (82%)" in office.told(office.agent)[1].plain()


def test_a_clerk_who_presses_upgrade_in_the_channel_is_refused_nicely(office: House) -> None:
    spend(office, 450)
    office.tick()
    [post] = office.slack.channel(office.channel)
    said = office.hears(lambda: office.slack.press(office.clerk, post, "Upgrade"), office.clerk)
    assert "Only the owner and managers" in said.plain()


def test_r19_several_workers_tell_a_crossing_once(office: House) -> None:
    spend(office, 450)
    with ThreadPoolExecutor(4) as workers:
        told = list(workers.map(notices.tell_crossings, [True] * 8))
    office.work()
    assert sum(told) == 1
    assert len(office.told(office.agent)) == 1
    with database.session():
        assert Alert.select().count() == 1


def test_r18_the_books_of_one_account_do_not_keep_others_from_being_told(office: House) -> None:
    opening.setup(
        account="Elm", timezone="UTC", owner=office.slack.add_user("Elm"), opening_credits=10,
        plan=None,
    )  # fmt: skip
    with database.session():
        broken, elm = Account.select().order_by(Account.id)
    spend(office, 450)
    credits.charge_out(elm.id, "out:elm", 9, message=0, actor="U1", now=clock.now())
    with database.session():
        Account.update(timezone="Nowhere/At_All").where(Account.id == broken.id).execute()
    assert notices.tell_crossings(True) == 1
    with database.session():
        period = Period.get(Period.account == elm.id)
        assert Alert.get().period_id == period.id


def test_r18_who_has_left_is_told_nothing(office: House) -> None:
    with database.session():
        Member.update(left_at=clock.now()).where(Member.slack_user == office.manager).execute()
    spend(office, 450)
    office.tick()
    assert office.told(office.manager) == []
    assert len(office.told(office.agent)) == 1


def test_r18_without_a_plan_the_alert_offers_one(books: str, sandbox: Sandbox) -> None:
    with House(books, sandbox, opening_credits=100).serving() as house:
        spend(house, 90)
        house.tick()
        [alert] = house.told(house.agent)
        assert "Choose a plan, and its credits are added at once" in alert.plain()
        view = house.opens(lambda: house.slack.press(house.agent, alert, "Choose a plan"))
        assert "no plan yet" in view.plain()


def test_what_is_left_at_the_end_of_a_cancelled_plan_does_not_roll_over(office: House) -> None:
    with clock.travelled(timedelta(days=6)):
        spend(office, 5, days_ago=1)
        assert "roll over" in office.ask("", "/credits").plain()
        subscriptions.cancel(office.account().id, "c", actor="U1", now=clock.now())
        said = office.ask("", "/credits").plain()
    assert "are kept for your next plan" in said
    assert "roll over" not in said


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


def test_an_e_mail_that_was_taken_is_not_sent_again_because_of_the_parting(office: House) -> None:
    mail = office.sandbox.mail
    mail.faults.add("error", "QUIT")
    spend(office, 450)
    office.tick()
    with clock.travelled(timedelta(hours=2)):
        assert office.deliver() == 0
    assert len(mail.mails) == 1


def test_what_a_mail_server_does_not_let_in_waits_until_somebody_mends_it(office: House) -> None:
    mail = office.sandbox.mail
    mail.shut = True
    spend(office, 450)
    office.tick()
    for days in (1, 2, 3):
        with clock.travelled(timedelta(days=days)):
            office.deliver()
    mail.shut = False
    with clock.travelled(timedelta(days=4)):
        office.deliver()
    assert len(mail.box("boss@harbor.example")) == 1


def test_an_address_no_e_mail_can_have_is_none() -> None:
    for address in ("a@[x.com", "(@x.com", '"@x.com', "a@x.c\\om", "a@x.com."):
        assert not is_email(address)


def test_a_mail_server_that_is_away_gets_it_later(office: House) -> None:
    office.sandbox.mail.close()
    spend(office, 450)
    office.tick()
    assert len(office.told(office.agent)) == 1, "Slack does not wait for the mail server"
    with database.session():
        assert Alert.select().count() == 1


def test_r20_what_expires_in_this_period_is_in_credits_and_in_the_digest(office: House) -> None:
    now = clock.now()
    credits.grant(
        office.account().id, "old", 40, reason="trial", actor="operator", now=now,
        expires_at=now + timedelta(days=20),
    )  # fmt: skip
    office.twilio.text(ANN, LINE, "Hello?")
    office.work()
    assert "Will expire: 40 credits by the end" in office.ask("", "/credits").plain()
    with clock.travelled(at_hour(8)):
        office.tick()
        assert "Will expire: 40 credits by the end" in digests(office)[0].plain()


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
        assert "[Change plan]" in said
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
