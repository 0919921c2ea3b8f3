"""Birthdays, closings and other days of a contact: written as people write them, imported,
exported, and what SmartPlans go by."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import clock
from bot.contacts import address_book, exports, imports, sheet_rows, special_days
from bot.contacts.special_days import MONTHS
from bot.errors import Refused
from bot.smartplans import plan_events, plan_people, plan_versions, smartplans
from bot.smartplans.models import ContactDate, Enrollment
from bot.smartplans.plan_shapes import RuleShape, Shape, StepShape
from bot.smartplans.schedule import When
from ledger import database
from tests.house import ANN, House


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("14 May 1985", (5, 14, 1985)), ("14 May", (5, 14, None)), ("May 14", (5, 14, None)),
        ("May 14th, 1985", (5, 14, 1985)), ("the 14th", None), ("1985-05-14", (5, 14, 1985)),
        ("1985-05-14T00:00:00", (5, 14, 1985)), ("--05-14", (5, 14, None)),
        ("5/14/1985", (5, 14, 1985)), ("5/14", (5, 14, None)), ("14.5.1985", (5, 14, 1985)),
        ("14. 5.", None), ("29 Feb", (2, 29, None)), ("29 Feb 1985", None), ("31 April", None),
        ("14/5/1985", None), ("sept 3", (9, 3, None)), ("ju 3", None), ("3 of march", (3, 3, None)),
        ("May 14 0001", None), ("", None), ("tomorrow", None),
    ],
)  # fmt: skip
def test_a_day_is_read_as_people_write_it(text: str, day: Any) -> None:
    if day is None:
        with pytest.raises(Refused):
            special_days.read_day(text)
    else:
        assert special_days.read_day(text) == day


def test_several_are_one_a_line_or_with_semicolons() -> None:
    days = special_days.read("Birthday: 14 May 1985\nclosing 1 June; wedding day: 2001-07-04")
    assert days == {
        "birthday": (5, 14, 1985), "closing": (6, 1, None), "wedding day": (7, 4, 2001)
    }  # fmt: skip
    assert special_days.written(days) == (
        "birthday: May 14, 1985; closing: June 1; wedding day: July 4, 2001"
    )
    with pytest.raises(Refused, match="names no day"):
        special_days.read("my birthday")
    with pytest.raises(Refused, match="10 are the most"):
        special_days.read("\n".join(f"day {chr(97 + n)}: 1 May" for n in range(11)))


NAMES = st.text("abcdefghijklmnop ", min_size=1, max_size=20).map(lambda s: " ".join(s.split()))
DAYS = st.tuples(
    st.integers(1, 12), st.integers(1, 28), st.one_of(st.none(), st.integers(1850, 2200))
)


@settings(deadline=None)
@given(st.dictionaries(NAMES.filter(lambda name: name not in ("", "-")), DAYS, max_size=10))
def test_what_is_written_is_read_back(days: dict[str, Any]) -> None:
    assert special_days.read(special_days.written(days)) == days


# With contacts


def person(house: House) -> int:
    with database.session():
        contact = address_book.by_number(house.account().id, ANN)
        assert contact is not None
        return int(contact.id)


def days(contact: int) -> dict[str, Any]:
    with database.session():
        return plan_events.days_of([contact]).get(contact, {})


def birthday_plan(house: House) -> int:
    step = StepShape("reminder", When("date", 0, "days", 600, 0, "birthday"), ("Wish {name} well",))
    shape = Shape("Birthday", (step,), repeat_every=1, repeat_unit="years")
    plan = smartplans.new(house.account().id, house.agent, shape, clock.now())
    return int(smartplans.switch_on(plan.id, house.agent, clock.now()).id)


def test_dates_are_written_in_the_contacts_form_and_steps_go_by_them(house: House) -> None:
    house.name(ANN, "Ann Lee")
    plan, ann = birthday_plan(house), person(house)
    plan_people.enroll(plan, house.agent, [ann], clock.now())
    in_ten_days = clock.now() + timedelta(days=10)
    day = f"{MONTHS[in_ten_days.month - 1]} {in_ten_days.day}"
    card = house.ask("Ann Lee", "/contacts")
    form = house.modal(house.agent, card, "Edit")
    house.slack.submit(house.agent, form, {"days": "birthday: soon"})
    assert "is no day" in form.errors["days"]
    edited = card.edited
    house.slack.submit(house.agent, form, {"days": f"Birthday: {day}\nclosing: 2 June 2020"})
    assert card.edited != edited
    assert f"birthday {day}; closing June 2, 2020" in card.plain()
    with database.session():
        due = Enrollment.get().due_at
    assert abs(due - in_ten_days) < timedelta(days=1)
    form = house.modal(house.agent, card, "Edit")
    assert f"birthday: {day}\nclosing: June 2, 2020" in form.held["days"]["days"]["value"]
    house.slack.submit(house.agent, form, {"days": "closing: 3 June 2020"})
    assert days(ann) == {"closing": (6, 3, 2020)}


SHEET = """Name,Phone,DOB,Closing Date,Dates,Tags
Ann Lee,(415) 555-0123,5/14/1985,2020-06-02,wedding: 4 July,buyer
Ben Ray,(415) 555-0124,someday,,,
"""


def imported(house: House, text: str) -> None:
    sheet = imports.of_operator("Harbor Homes", "people.csv", clock.now())
    header, length = sheet_rows.read_in(sheet.id, io.BytesIO(text.encode()))
    sheet_rows.was_read(sheet.id, header, length)
    while (sheet := imports.now_at(sheet)).state == "checking":
        sheet_rows.work(2, sheet.id)
    imports.take_over(sheet)
    while (sheet := imports.now_at(sheet)).state == "importing":
        sheet_rows.work(2, sheet.id)
    assert sheet.state == "done", sheet.why


def test_dates_are_imported_by_their_columns_and_exported_to_the_very_same(house: House) -> None:
    imported(house, SHEET)
    assert days(person(house)) == {
        "birthday": (5, 14, 1985), "closing": (6, 2, 2020), "wedding": (7, 4, None)
    }  # fmt: skip
    with database.session():
        assert ContactDate.select().count() == 3, "what is no day is left out, and the rest is kept"
        assert address_book.by_number(house.account().id, "+14155550124") is not None
    content, _ = exports.to_csv(house.account().id)
    [ann, _] = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert ann["Dates"] == "birthday: May 14, 1985; closing: June 2, 2020; wedding: July 4"
    with database.session():
        ContactDate.delete().execute()
    imported(house, content.decode("utf-8-sig"))
    assert days(person(house))["wedding"] == (7, 4, None)


def test_a_date_that_is_known_stays_and_others_are_added(house: House) -> None:
    imported(house, "Name,Phone,Birthday\nAnn Lee,(415) 555-0123,14 May 1985\n")
    imported(house, "Name,Phone,Birthday,Closing\nAnn,(415) 555-0123,15 May 1985,1 June\n")
    assert days(person(house)) == {"birthday": (5, 14, 1985), "closing": (6, 1, None)}


def test_a_tag_that_puts_them_on_a_plan_finds_the_date_that_came_with_it(house: House) -> None:
    plan = birthday_plan(house)
    with database.session():
        shape = plan_versions.shape_of(smartplans.get(plan, house.agent))
    rules = (RuleShape("enroll", "tag_added", "buyer"),)
    smartplans.edit(plan, house.agent, replace(shape, rules=rules), clock.now())
    imported(house, SHEET)
    with database.session():
        due = Enrollment.get().due_at
    assert (due.month, due.day) == (5, 14)
