"""/credits plan: what a change would do is seen, confirmed, and done once (R7 to R12)."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from bot import clock
from bot.sandbox import Sandbox, wait
from bot.sandbox.slack.people import Signed
from bot.sandbox.slack.reading import plain
from bot.sandbox.slack.records import View
from bot.sandbox.slack.watching import turned
from bot.team.models import Member
from ledger import audit, database, standing, subscriptions
from ledger.models import Change
from tests.bot.office import CATALOGUE, NEW_YORK, confirm, open_plans, spend
from tests.house import ANN, LINE, House


def test_r10_an_upgrade_is_shown_confirmed_and_done(office: House) -> None:
    spend(office, 450)
    view = open_plans(office)
    said = view.plain()
    assert "Solo · 500 credits a month · $22.00 · your plan" in said
    assert "Now: 500 credits added, 550 credits left of 1,000." in said
    office.turns(view, "plan_pro:Choose")
    assert "Upgrade to Pro" in view.plain()
    assert "500 credits added, 550 credits left of 1,000" in view.plain()
    assert "1,000 credits added, what is left rolls over" in view.plain()
    assert "you are invoiced $40.00" in view.plain()
    assert office.balance() == 50, "nothing happens before it is confirmed"
    office.slack.submit(office.agent, view, {})
    assert "Done. Pro: 1,000 credits a month" in view.plain().replace("*", "")
    assert office.balance() == 550
    assert audit.prove() == []


def test_r11_a_downgrade_says_what_it_withdraws_and_what_is_invoiced(office: House) -> None:
    view = confirm(office, "starter")
    assert office.balance() == 250
    view = open_plans(office)
    assert "Starter · 250 credits a month · $12.00 · your plan" in view.plain()
    office.turns(view, "plan_solo:Choose")
    assert "Now: 250 credits added, 500 credits left of 500" in view.plain()
    office.turns(view, "All plans")
    office.turns(view, "plan_pro:Choose")
    office.slack.submit(office.agent, view, {})
    view = open_plans(office)
    assert "for the most expensive plan of the period" in view.plain()


def at_once(house: House, *submitted: tuple[str, View]) -> list[str]:
    """Submits all of these modals at once. What each then shows."""
    presses = [house.slack.signed_submit(user, view, {}) for user, view in submitted]
    ready = threading.Barrier(len(presses))

    def send(press: Signed) -> str:
        ready.wait(10)
        answer = press.send()
        assert answer.status == 200
        return plain("", answer.json["view"]["blocks"])

    with ThreadPoolExecutor(len(presses)) as hands:
        return list(hands.map(send, presses))


def test_r16_a_confirmation_pressed_several_times_changes_once(office: House) -> None:
    view = office.turns(open_plans(office), "plan_team:Choose")
    said = at_once(office, *[(office.agent, view)] * 4)
    assert all("Done. Team" in one for one in said)
    assert office.balance() == 2500


def test_r16_a_first_plan_confirmed_several_times_is_subscribed_to_once(
    books: str, sandbox: Sandbox
) -> None:
    with House(books, sandbox, opening_credits=0).serving() as house:
        view = house.turns(open_plans(house), "plan_team:Choose")
        said = at_once(house, *[(house.agent, view)] * 4)
        assert all("Done. Team" in one for one in said)
        assert house.balance() == 2500


def test_two_who_confirm_different_plans_at_once_do_not_both_get_them(office: House) -> None:
    """One goes through; the other is shown the new numbers, and nothing is done (R10, R11)."""
    pro = office.turns(open_plans(office), "plan_pro:Choose")
    starter = open_plans(office, office.manager)
    office.turns(starter, "plan_starter:Choose", office.manager)
    said = at_once(office, (office.agent, pro), (office.manager, starter))
    [done] = [one for one in said if "Done." in one]
    [asked] = [one for one in said if "This has changed since it was shown" in one]
    assert office.balance() == (1000 if "Pro" in done else 250)
    assert "Now: 750 credits withdrawn" in asked or "Now: 750 credits added" in asked
    with database.session():
        assert Change.select().where(Change.what == "change").count() == 1
    assert audit.prove() == []


def test_two_who_choose_a_first_plan_at_once_subscribe_once(books: str, sandbox: Sandbox) -> None:
    with House(books, sandbox, opening_credits=0).serving() as house:
        boss = house.slack.add_user("Boss")
        with database.session():
            Member.create(account=house.account(), slack_user=boss, role="manager")
        first = house.turns(open_plans(house), "plan_solo:Choose")
        second = house.turns(open_plans(house, boss), "plan_pro:Choose", boss)
        said = at_once(house, (house.agent, first), (boss, second))
        assert sum("Done." in one for one in said) == 1
        assert sum("This has changed since it was shown" in one for one in said) == 1
        assert house.balance() in (500, 1000)
        assert audit.prove() == []


def test_texts_that_go_on_meanwhile_do_not_keep_one_from_an_upgrade(office: House) -> None:
    """What a change does is confirmed; what is left of it moves with every text."""
    view = office.turns(open_plans(office), "plan_pro:Choose")
    spend(office, 7)
    office.slack.submit(office.agent, view, {})
    assert "Done. Pro" in view.plain()
    assert office.balance() == 993


def test_a_plan_that_ended_while_its_modal_was_open_is_not_changed(office: House) -> None:
    view = office.turns(open_plans(office), "plan_pro:Choose")
    subscriptions.cancel(office.account().id, "c", actor="U1", now=clock.now())
    with clock.travelled(timedelta(days=40)):
        office.slack.submit(office.agent, view, {})
        assert "This has changed since it was shown" in view.plain()
        assert "Choose Pro" in view.plain()
        assert "Now: 1,000 credits added, 1,500 credits left" in view.plain()
        assert office.balance() == 500
        office.slack.submit(office.agent, view, {})
        assert office.balance() == 1500


def test_a_price_that_changed_while_the_modal_was_open_is_shown_again(office: House) -> None:
    view = office.turns(open_plans(office), "plan_pro:Choose")
    shown = json.loads(view.view["private_metadata"])
    shown["shown"]["plan"]["price_cents"] = 3000  # as the catalogue had it then
    view.view["private_metadata"] = json.dumps(shown)
    office.slack.submit(office.agent, view, {})
    assert "This has changed since it was shown" in view.plain()
    assert "$40.00" in view.plain()
    assert office.balance() == 500


def test_a_manager_who_was_removed_while_the_modal_was_open_is_refused(office: House) -> None:
    view = office.turns(open_plans(office, office.manager), "plan_pro:Choose", office.manager)
    with database.session():
        Member.update(left_at=clock.now()).where(Member.slack_user == office.manager).execute()
    office.slack.submit(office.manager, view, {})
    assert "You are not on this line's team" in view.plain()
    assert office.balance() == 500


def test_a_button_of_a_list_that_shows_something_else_by_now_does_nothing(office: House) -> None:
    view = open_plans(office)
    late = office.slack.signed_press(office.agent, view, "plan_team:Choose")
    office.turns(view, "plan_pro:Choose")
    late.send()
    wait(lambda: [method for method, _ in office.slack.calls].count("views.update") == 2)
    assert "Upgrade to Pro" in view.plain()


def test_r12_a_hold_that_was_overtaken_by_a_cancellation_is_asked_again(office: House) -> None:
    view = office.turns(open_plans(office), "Put on hold")
    other = office.turns(open_plans(office, office.manager), "Cancel the plan", office.manager)
    office.slack.submit(office.manager, other, {})
    office.slack.submit(office.agent, view, {})
    assert "This has changed since it was shown" in view.plain()
    assert "This takes the place of the cancellation that was chosen" in view.plain()
    assert "ends on " in office.ask("", "/credits").plain()
    office.slack.submit(office.agent, view, {})
    assert "on hold from " in view.plain()


def test_r12_going_on_is_confirmed_at_the_credits_that_then_come(office: House) -> None:
    subscriptions.hold(office.account().id, "h", actor="U1", now=clock.now())
    view = office.turns(open_plans(office), "Resume the plan")
    assert "the plan renews: 500 credits added" in view.plain()
    subscriptions.change(
        office.account().id, "u", CATALOGUE.plan("pro"), actor="U2", now=clock.now()
    )  # fmt: skip
    office.slack.submit(office.agent, view, {})
    assert "the plan renews: 1,000 credits added" in view.plain()
    office.slack.submit(office.agent, view, {})
    assert "renews on " in view.plain()


def test_r12_hold_cancel_and_withdraw_in_any_order(office: House) -> None:
    for label, then in (
        ("Put on hold", "on hold from "),
        ("Cancel the plan", "ends on "),
        ("Withdraw the cancellation", "renews on "),
        ("Cancel the plan", "ends on "),
        ("Put on hold", "on hold from "),
        ("Resume the plan", "renews on "),
    ):
        view = office.turns(open_plans(office), label)
        office.slack.submit(office.agent, view, {})
        assert then in view.plain(), label


def test_r8_the_account_chooses_the_day_it_renews(office: House) -> None:
    view = open_plans(office)
    today = clock.now().astimezone(NEW_YORK).day
    day = 15 if today != 15 else 16
    slack = office.slack
    turned(view, lambda: slack.choose(office.agent, view, "plan_day", f"{day}th"))
    stands = standing.of(office.account().id, clock.now())
    assert stands.ends_at is not None
    starts = stands.ends_at.astimezone(NEW_YORK)
    assert f"Renew on the {day}th of the month" in view.plain()
    assert f"Until {starts:%B} {starts.day} nothing changes" in view.plain()
    slack.submit(office.agent, view, {})
    assert "Done." in view.plain()
    after = standing.of(office.account().id, stands.ends_at)
    assert after.ends_at is not None
    assert after.ends_at.astimezone(NEW_YORK).day == day
    assert after.ends_at - stands.ends_at >= timedelta(days=28)
    assert audit.prove() == []


def test_r8_a_first_plan_is_chosen_with_its_day(books: str, sandbox: Sandbox) -> None:
    with House(books, sandbox, opening_credits=0).serving() as house:
        view = open_plans(house)
        turned(view, lambda: house.slack.choose(house.agent, view, "plan_day", "31st"))
        house.turns(view, "plan_starter:Choose")
        house.turns(view, "All plans")
        house.turns(view, "plan_starter:Choose")
        house.slack.submit(house.agent, view, {})
        assert "Done." in view.plain()
        stands = standing.of(house.account().id, clock.now())
        assert stands.terms is not None and stands.terms.anchor == 31
        assert stands.ends_at is not None
        last = stands.ends_at.astimezone(NEW_YORK)
        assert last.day == 31 or (last + timedelta(days=1)).day == 1, "or the month's last day"


def test_numbers_that_moved_since_they_were_shown_are_shown_again(office: House) -> None:
    view = open_plans(office)
    office.turns(view, "plan_starter:Choose")
    spend(office, 300)
    office.slack.submit(office.agent, view, {})
    assert "This has changed since it was shown" in view.plain()
    assert "Now: 200 credits withdrawn, 0 credits left of 300" in view.plain()
    assert office.balance() == 200
    office.slack.submit(office.agent, view, {})
    assert office.balance() == 0


def test_r12_a_plan_is_cancelled_and_the_cancellation_withdrawn(office: House) -> None:
    view = open_plans(office)
    office.turns(view, "Cancel the plan")
    assert "your balance is frozen, not lost" in view.plain()
    office.slack.submit(office.agent, view, {})
    assert "ends on " in view.plain()
    view = open_plans(office)
    assert "the plan ends, as you chose" in view.plain()
    office.turns(view, "Withdraw the cancellation")
    office.slack.submit(office.agent, view, {})
    assert "renews on " in view.plain()


def test_r12_a_plan_is_put_on_hold(office: House) -> None:
    view = open_plans(office)
    office.turns(view, "Put on hold")
    assert "no new credits, $5.00 a month" in view.plain()
    office.slack.submit(office.agent, view, {})
    assert "on hold from " in view.plain()
    with clock.travelled(timedelta(days=40)):
        office.tick()
        assert "on hold until you resume" in office.ask("", "/credits").plain()
        assert office.balance() == 500


def test_r7_without_credits_one_is_told_how_to_subscribe(books: str, sandbox: Sandbox) -> None:
    with House(books, sandbox, opening_credits=0).serving() as house:
        said = house.ask(f"{ANN} Hello").plain()
        assert "No text can be sent yet" in said
        assert "`/credits plan` shows what there is" in said
        assert "[See the plans]" in said
        assert "[Send]" not in said
        view = open_plans(house)
        assert "no plan yet" in view.plain()
        house.turns(view, "plan_starter:Choose")
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
