"""What each SmartPlan spent: in reports, beside its cap, and where it is listed."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

from bot import clock
from bot.contacts import address_book
from bot.smartplans import plan_people, plan_spending, smartplans, steps
from bot.smartplans.models import SmartPlan
from bot.smartplans.plan_shapes import Shape
from ledger import database
from tests.bot.credits.test_usage import report, rows
from tests.bot.smartplans.test_steps import FAST, text
from tests.house import ANN, BEN, LINE, House


def spend(house: House, name: str, body: str, number: str, cap: int | None = None) -> SmartPlan:
    """A plan whose one text goes out."""
    account, now = house.account().id, clock.now()
    shape = Shape(name, (text(body),), house.line().id, cap=cap, stop_on_reply=False)
    plan = smartplans.new(account, house.agent, shape, now)
    smartplans.switch_on(plan.id, house.agent, now)
    contact = address_book.meet(account, number, now)
    plan_people.enroll(plan.id, house.agent, [contact.id], now)
    steps.run_due(FAST, by_mail=False)
    return plan


def month(house: House) -> timedelta:
    """A way ahead to an hour in which nobody sleeps, from coast to coast."""
    house.settle_quiet(24, 0)
    now = clock.now()
    return now.replace(hour=19, minute=30) + timedelta(days=1) - now


def test_a_report_by_plan_agrees_with_the_bill_and_names_the_cap(house: House) -> None:
    with clock.travelled(month(house)):
        house.twilio.text(ANN, LINE, "Hello")
        house.work()
        house.send(ANN, "By hand")
        house.twilio.outcome(BEN, "failed", 30005)
        spend(house, "=Leads", "x" * 170, ANN, cap=50)
        spend(house, "Birthday", "Hello", "+14155550155")
        plan = spend(house, "Returned", "Hello", BEN)
        house.settle()
        post = report(house, "by plan")
        assert rows(post)[0] == [
            "SmartPlan", "Texts in", "Texts out", "Credits in", "Credits out", "Given back",
            "Credits", "Spent in all", "Cap",
        ]  # fmt: skip
        assert sorted(rows(post)[1:-1]) == sorted([
            ["=Leads", "0", "1", "0", "2", "0", "2", "2", "50"],
            ["Birthday", "0", "1", "0", "1", "0", "1", "1", "none"],
            ["Returned", "0", "1", "0", "1", "1", "0", "0", "none"],
            ["Texts in", "1", "0", "1", "0", "0", "1", "–", "–"],
            ["Texts out, by people", "0", "1", "0", "1", "0", "1", "–", "–"],
        ])  # fmt: skip
        assert rows(post)[-1] == ["Total", "1", "4", "1", "5", "1", "5", "–", "–"]
        assert house.balance() == 100 - 5
        assert "Credits by SmartPlan" in post.text and "=Leads: 2" in post.text
        [sheet] = post.files
        read = list(csv.reader(io.StringIO((sheet.content or b"").decode("utf-8-sig"))))
        assert read[0][-2:] == ["Spent in all", "Cap"]
        assert ["'=Leads", "0", "1", "0", "2", "0", "2", "2", "50"] in read
        [chart] = [b for b in post.blocks if b["type"] == "data_visualization"]
        assert "Birthday" in chart["chart"]["axis_config"]["categories"]
        # Put away, and made anew: each has a row of its own.
        smartplans.archive(plan.id, house.agent, clock.now())
        spend(house, "Returned", "Hello", "+14155550156")
        names = [row[0] for row in rows(report(house, "by plan"))]
        assert "Returned" in names and "Returned (archived)" in names


def test_two_that_were_archived_under_one_name_are_two_rows(house: House) -> None:
    with clock.travelled(month(house)):
        first = spend(house, "Leads", "Hello", ANN)
        smartplans.archive(first.id, house.agent, clock.now())
        second = spend(house, "Leads", "Hello", BEN)
        smartplans.archive(second.id, house.agent, clock.now())
    with database.session():
        assert plan_spending.labels([second.id, first.id]) == {
            first.id: "Leads (archived)", second.id: f"Leads (archived) {second.id}",
        }  # fmt: skip


def test_what_a_plan_spent_stands_beside_its_cap_where_it_is_listed(house: House) -> None:
    with clock.travelled(month(house)):
        spend(house, "Leads", "Hello", ANN, cap=50)
        spend(house, "Birthday", "Hello", BEN)
        said = house.ask("", "/smartplans").plain()
    assert "1 of 50 credits spent" in said and "1 credit spent" in said
