"""/credits report: a table, a chart and a CSV file that agree."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import clock
from bot.credits.usage import Report, to_csv
from bot.sandbox.slack.reading import cell_words
from bot.sandbox.slack.records import Post
from bot.slack.credits import credit_cards
from bot.slack.limits import check
from ledger import credits
from ledger.reports import Row, total
from tests.bot.office import NEW_YORK, texts
from tests.house import House


def report(office: House, typed: str) -> Post:
    said = office.ask(f"report {typed}", "/credits")
    assert "direct message" in said.plain()
    office.work()
    return office.told(office.agent)[-1]


def rows(post: Post) -> list[list[str]]:
    [table] = [b for b in post.blocks if b["type"] == "table"]
    return [[cell_words(cell) for cell in row] for row in table["rows"]]


def test_a_report_by_day_has_a_table_a_chart_and_a_csv_that_agree(office: House) -> None:
    texts(office)
    post = report(office, "month by day")
    today = datetime.now(UTC).astimezone(NEW_YORK)
    [row] = [r for r in rows(post) if r[0] == f"{today:%a}, {today:%b} {today.day}"]
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
    post = report(office, f"30d by {by}")
    assert sorted(rows(post)[1:-1]) == sorted(expected)
    [sheet] = post.files
    read = list(csv.reader(io.StringIO((sheet.content or b"").decode("utf-8-sig"))))
    assert sorted(read[1:-1]) == sorted(expected), "the file says what the table says"


def test_r20_a_report_says_what_will_expire_in_this_period(office: House) -> None:
    now = clock.now()
    credits.grant(
        office.account().id, "old", 40, reason="trial", actor="operator", now=now,
        expires_at=now + timedelta(days=9),
    )  # fmt: skip
    post = report(office, "month")
    assert "40 credits will expire by the end of this period" in post.plain()
    assert "40 credits will expire by the end of this period" in post.text


def test_names_of_any_length_fit_into_slacks_table(office: House) -> None:
    rows_ = [Row(f"{n} {'long name ' * 40}") for n in range(60)]
    card = credit_cards.report(
        Report("t", "contact", rows_, total([])), chart=True, people={}
    )  # fmt: skip
    check(card["blocks"])
    assert "and 20 more: the CSV file has them all" in str(card["blocks"])


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
    for begin in ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"):
        name = f"{begin}HYPERLINK(1)"
        made = Report("t", "contact", [Row(name)], total([]))
        [_, row, _] = csv.reader(io.StringIO(to_csv(made, {}).decode("utf-8-sig"), newline=""))
        assert row[0] == f"'{name}"


def test_a_members_name_is_no_formula_either(office: House) -> None:
    made = Report("t", "member", [Row("U1"), Row("U2")], total([]))
    sheet = to_csv(made, {"U1": "=1+1", "U2": "Ann"}).decode("utf-8-sig")
    assert [line.partition(",")[0] for line in sheet.splitlines()[1:3]] == ["'=1+1", "Ann"]
