"""Dates and times as people in the US write them."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from bot.credits import usage
from bot.credits.usage import Asked, Report
from bot.words import day_and_year, day_words, moment_words, when
from ledger.reports import Row, Span, total

EVENING = datetime(2026, 11, 26, 21, 5, tzinfo=ZoneInfo("America/New_York"))


def test_the_month_comes_first_and_a_day_has_twelve_hours_twice() -> None:
    assert day_words(EVENING.date()) == "November 26"
    assert day_and_year(EVENING.date()) == "November 26, 2026"
    assert moment_words(EVENING) == "Nov 26, 9:05 PM"


def test_where_slack_puts_in_no_time_of_its_own_it_is_that_of_utc() -> None:
    assert when(EVENING).endswith("|Nov 27, 2:05 AM UTC>")


def test_days_from_and_to_name_a_month_once() -> None:
    october = usage.ask(1, "America/New_York", "2026-10", EVENING)
    assert usage.title(october) == "Credits by day, October 1–31"
    over = Asked(1, Span(date(2026, 9, 28), date(2026, 10, 5), "America/New_York"), "day")
    assert usage.title(over) == "Credits by day, September 28 – October 4"
    weeks = [Row(day.isoformat()) for day in october.span.days()]
    labels = [bar.label for bar in usage.bars(Report("", "day", weeks, total([])), 20)]
    assert labels == ["Oct 1–7", "Oct 8–14", "Oct 15–21", "Oct 22–28", "Oct 29–31"]
