"""Usage reports: which days, grouped by what, as rows for a table, a chart and a CSV file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import NamedTuple, TypeVar

from bot.contacts import contacts
from bot.contacts.models import Contact
from bot.errors import Refused
from bot.smartplans import plan_spending
from bot.talks.models import Call, Conversation, Message
from bot.words import day_words, no_formula, short_day_words
from ledger import boundaries, reports, standing
from ledger.database import session
from ledger.reports import Past, Row, Span, Use

BY = ("day", "member", "contact", "kind", "plan")
#: The columns, and what of a row each shows.
COLUMNS = {
    "Texts in": "texts_in", "Texts out": "texts_out", "Calls": "calls",
    "Credits in": "credits_in", "Credits out": "credits_out", "Credits, calls": "credits_calls",
    "Given back": "refunded", "Credits": "credits",
}  # fmt: skip
OF_CALLS = ("Calls", "Credits, calls")  # shown only where calls were forwarded
BESIDE = ("Spent in all", "Cap")  # of SmartPlans, in a report by plan
RECEIVED, CALLED = "Texts in", "Calls"  # whose cost no member caused
WITHHELD = "Withheld number"  # what a caller is called who showed none
BY_HAND = "Texts out, by people"
CHUNK = 500  # messages looked up at once
T = TypeVar("T")
HELP = "`/credits report [month | 30d | 2026-10] [by day | member | contact | kind | plan]`"


@dataclass(frozen=True)
class Asked:
    """Which report is meant."""

    account: int
    span: Span
    by: str

    def payload(self) -> dict[str, object]:
        """It as JSON takes it; `of` reads it back."""
        return {
            "account": self.account, "first": self.span.first.isoformat(),
            "end": self.span.end.isoformat(), "zone": self.span.zone, "by": self.by,
        }  # fmt: skip

    @classmethod
    def of(cls, payload: dict[str, object]) -> Asked:
        """The report that a payload names."""
        first, end = (date.fromisoformat(str(payload[key])) for key in ("first", "end"))
        span = Span(first, end, str(payload["zone"]))
        return cls(int(str(payload["account"])), span, str(payload["by"]))


@dataclass(frozen=True)
class Report:
    """A report: its rows, their sum, and what it is called."""

    title: str
    by: str
    rows: list[Row]
    total: Row
    expiring: int = 0  # credits that expire by the end of the period now (R20)
    beside: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # label → what BESIDE says

    @property
    def columns(self) -> tuple[str, ...]:
        """What stands above the numbers of a row."""
        return (*self.figures, *(BESIDE if self.beside else ()))

    @property
    def figures(self) -> list[str]:
        """The columns of a row's own numbers."""
        return [name for name in COLUMNS if self.total.calls or name not in OF_CALLS]

    def cells(self, row: Row) -> list[int]:
        """A row's own numbers."""
        return [getattr(row, COLUMNS[name]) for name in self.figures]

    @property
    def heading(self) -> str:
        """What stands above the labels."""
        return "SmartPlan" if self.by == "plan" else self.by.capitalize()

    def beside_of(self, row: Row) -> tuple[str, ...]:
        """What stands behind the numbers of a row."""
        return self.beside.get(row.label, ("",) * len(BESIDE)) if self.beside else ()


def ask(account_id: int, timezone: str, typed: str, now: datetime) -> Asked:
    """Reads `[month|30d|2026-10] [by day|member|contact|kind|plan]`. Raises Refused."""
    today = boundaries.day_of(now, timezone)
    tomorrow = today + timedelta(days=1)
    span, by = Span(today.replace(day=1), tomorrow, timezone), "day"
    words = typed.lower().split()
    while words:
        word = words.pop(0)
        if word == "by" and words and words[0] in BY:
            by = words.pop(0)
        elif word == "month":
            continue
        elif days := re.fullmatch(r"(\d{1,3})d", word):
            span = Span(tomorrow - timedelta(days=max(1, int(days[1]))), tomorrow, timezone)
        elif month := re.fullmatch(r"(20\d\d)-(0[1-9]|1[0-2])", word):
            span = Span.of_month(date(int(month[1]), int(month[2]), 1), timezone)
            if span.first < tomorrow < span.end:
                span = replace(span, end=tomorrow)
        else:
            raise Refused(f"{word!r} is not understood here. Type {HELP}")
    return Asked(account_id, span, by)


def make(asked: Asked, now: datetime) -> Report:
    """The report: days in their order, all else by credits, most first."""
    expiring = standing.of(asked.account, now).expiring
    with session():  # reads alone: a month of a large account must hold up no text
        return _made(asked, expiring)


def _made(asked: Asked, expiring: int) -> Report:
    uses = reports.used(asked.account, asked.span)
    beside: Beside = {}
    if asked.by == "day":
        by_day = {row.label: row for row in reports.group(uses, lambda use: use.day.isoformat())}
        days = [day.isoformat() for day in asked.span.days()]
        rows = [by_day.get(day) or Row(day) for day in days]
    else:
        label, beside = _labels(asked.by, uses)
        rows = reports.group(uses, label)
        rows.sort(key=lambda row: (-row.credits, row.label))
    return Report(title(asked), asked.by, rows, reports.total(rows), expiring, beside)


def to_csv(report: Report, people: Mapping[str, str]) -> bytes:
    """The report as CSV that spreadsheets open: UTF-8 with a byte order mark. `people` are members'
    names by their ids."""
    written = io.StringIO()
    sheet = csv.writer(written)
    sheet.writerow([report.heading, *report.columns])
    for row in [*report.rows, report.total]:
        label = no_formula(people.get(row.label, row.label))
        sheet.writerow([label, *report.cells(row), *report.beside_of(row)])
    return written.getvalue().encode("utf-8-sig")


class Bar(NamedTuple):
    """What a chart shows of a row: credits, by what they went for."""

    label: str
    texts_in: int
    texts_out: int
    calls: int


def stacks(report: Report) -> dict[str, int]:
    """What each bar of a chart is made of, and its place in a Bar."""
    every = {"Texts in": 1, "Texts out": 2, "Calls": 3}
    return {name: place for name, place in every.items() if report.total.calls or place < 3}


def bars(report: Report, most: int) -> list[Bar]:
    """What a chart shows; at most so many bars.

    Too many days are taken together in weeks; of all else the rest is summed up as "Others".
    """
    rows = [
        Bar(row.label, row.credits_in, row.credits_out, row.credits_calls) for row in report.rows
    ]
    if report.by == "day":
        step = 1 if len(rows) <= most else max(7, -(-len(rows) // most))
        weeks = [rows[at : at + step] for at in range(0, len(rows), step)]
        return [_sum_up(_week(week[0].label, week[-1].label), week) for week in weeks]
    if len(rows) <= most:
        return rows
    return [*rows[: most - 1], _sum_up("Others", rows[most - 1 :])]


def _sum_up(label: str, rows: list[Bar]) -> Bar:
    in_, out, calls = zip(*(row[1:] for row in rows), strict=True)
    return Bar(label, sum(in_), sum(out), sum(calls))


def _week(first: str, last: str) -> str:
    return _from_to(date.fromisoformat(first), date.fromisoformat(last))


Beside = dict[str, tuple[str, ...]]


def _labels(by: str, uses: list[Use]) -> tuple[Callable[[Use], str], Beside]:
    """What to call each use, and what stands beside those rows."""
    if by == "plan":
        return _plan_labels(uses)
    if by == "kind":
        kinds = _look_up(_texts(uses), _kinds)
        way = {True: RECEIVED, False: "Texts out"}
        return (
            lambda use: (
                "Calls forwarded"
                if use.call
                else f"{way[use.inbound]}, {kinds.get(use.message, 'sms').upper()}"
            ),
            {},
        )
    if by == "contact":
        names = _look_up(_texts(uses), names_of)
        callers = _look_up([use for use in uses if use.call], callers_of)
        return lambda use: (callers if use.call else names).get(use.message, "Unknown"), {}
    return lambda use: use.member or (CALLED if use.call else RECEIVED), {}


def _texts(uses: list[Use]) -> list[Use]:
    return [use for use in uses if not use.call]


def _plan_labels(uses: list[Use]) -> tuple[Callable[[Use], str], Beside]:
    """By SmartPlan; beside each what it has spent in all, and what it may."""
    plans = _look_up(_texts(uses), plan_spending.plans_of)
    called = plan_spending.labels(plans.values())
    budgets = plan_spending.budgets(called)
    beside: Beside = {
        called[plan]: (str(spent), str(cap) if cap is not None else "none")
        for plan, (spent, cap) in budgets.items()
    }

    def label(use: Use) -> str:
        if use.inbound or use.call:
            return CALLED if use.call else RECEIVED
        return called.get(plans.get(use.message, 0), BY_HAND)

    return label, beside


def _look_up(uses: list[Use], read: Callable[[list[int]], dict[int, T]]) -> dict[int, T]:
    """What `read` says of each message or call that was used, some at a time."""
    ids = sorted({use.message for use in uses})
    found: dict[int, T] = {}
    for at in range(0, len(ids), CHUNK):
        found |= read(ids[at : at + CHUNK])
    return found


def _kinds(ids: list[int]) -> dict[int, str]:
    rows = Message.select(Message.id, Message.kind).where(Message.id.in_(ids))
    return {message.id: message.kind for message in rows}


def names_of(ids: list[int]) -> dict[int, str]:
    """What the contacts of these messages are called."""
    rows = (
        Message.select(Message, Conversation, Contact)
        .join(Conversation)
        .join(Contact)
        .where(Message.id.in_(ids))
    )
    return {message.id: contacts.name_of(message.conversation.contact) for message in rows}


def whose(entries: list[Past]) -> dict[int, str]:
    """Who wrote, got or called what these entries are for, by the entries' numbers."""
    calls = {e.number: e.message for e in entries if e.message and e.kind == "charge_call"}
    texts = {e.number: e.message for e in entries if e.message and e.number not in calls}
    called, texted = callers_of(list(calls.values())), names_of(list(texts.values()))
    found = {number: called.get(call) for number, call in calls.items()}
    found |= {number: texted.get(text) for number, text in texts.items()}
    return {number: name for number, name in found.items() if name}


def callers_of(ids: list[int]) -> dict[int, str]:
    """What those who made these calls are called."""
    known = Call.select(Call, Contact).join(Contact).where(Call.id.in_(ids))
    names = {row.id: contacts.name_of(row.contact) for row in known if row.contact}
    return dict.fromkeys(ids, WITHHELD) | names


def title(asked: Asked) -> str:
    """What the report is called: "Credits by day, October 1–31"."""
    last = asked.span.end - timedelta(days=1)
    if asked.span.first > last:
        return "Credits"
    by = "SmartPlan" if asked.by == "plan" else asked.by
    return f"Credits by {by}, {_from_to(asked.span.first, last, day_words)}"


def _from_to(first: date, last: date, say: Callable[[date], str] = short_day_words) -> str:
    if first == last:
        return say(first)
    if first.month == last.month and first.year == last.year:
        return f"{say(first)}–{last.day}"
    return f"{say(first)} – {say(last)}"
