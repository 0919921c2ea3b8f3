"""The operator's side: plans, grants, invoices, the margin report."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot import clock
from bot.credits import renewals
from bot.lines.models import Line
from bot.talks.models import Message, Part
from bot.team import opening
from bot.twilio import poll
from bot.twilio.accounts import Accounts
from ledger import boundaries, database, plans, standing, subscriptions
from ledger.models import Account
from tests import databases
from tests.bot.office import NEW_YORK
from tests.commands import GOOD, flask
from tests.house import ANN, LINE, LONDON, House

CATALOGUE = plans.load()


def ready(engine: str, *more: str) -> dict[str, str]:
    environ = {**GOOD, "DATABASE_URL": databases.fresh(engine)}
    done = flask(
        environ, "setup", "--account", "Harbor Homes", "--timezone", "America/New_York",
        "--owner", "U1", *more,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return environ


def test_plans_lists_what_is_on_sale_and_names_what_is_wrong(tmp_path: Path) -> None:
    listed = flask(GOOD, "plans").stdout
    assert "pro          Pro                  1,000 credits a month         $40.00" in listed
    assert "On hold: $5.00 a month." in listed
    assert "A text: 1 credit to country code 1, 2 to any other, 3 with pictures;" in listed
    own = tmp_path / "plans.toml"
    own.write_text('[[plan]]\ncode = "x"\nname = "X"\ncredits = 0\nprice = "1.00"\n')
    wrong = flask({**GOOD, "PLANS_FILE": str(own)}, "plans")
    assert wrong.returncode == 2
    assert "plan 1: credits must be a whole number" in wrong.stderr


def test_setup_puts_an_account_on_a_plan_once(engine: str) -> None:
    more = ["--plan", "pro", "--anchor", "15", "--email", "boss@example.com", "--manager", "U2"]
    environ = ready(engine, *more)
    again = flask(
        environ, "setup", "--account", "Harbor Homes", "--timezone", "America/New_York",
        "--owner", "U1", *more,
    )  # fmt: skip
    assert "Nothing to do" in again.stdout
    other = flask(environ, "setup", "--account", "Harbor Homes", "--owner", "U1", "--plan", "solo")
    assert "is on pro; setup does not change it" in other.stderr
    unknown = flask(environ, "setup", "--account", "X", "--owner", "U1", "--plan", "gold")
    assert "on sale are: starter, solo" in unknown.stderr


def test_r8_setup_moves_the_day_of_renewal_and_the_time_zone(engine: str) -> None:
    environ = ready(engine, "--plan", "pro", "--anchor", "15")
    more = ["setup", "--account", "Harbor Homes", "--anchor", "20"]
    moved = flask(environ, *more, "--timezone", "Europe/Lisbon").stdout
    assert "made: time zone Europe/Lisbon" in moved
    assert re.search(r"made: day of renewal 20, from [A-Z][a-z]+ 15, 20\d\d on: ", moved)
    assert "Nothing to do" in flask(environ, *more).stdout
    assert "no IANA time zone" in flask(environ, *more, "--timezone", "Mars/Base").stderr
    assert "The books hold." in flask(environ, "audit").stdout


def test_setup_without_a_plan_says_what_an_anchor_is_for() -> None:
    environ = ready("sqlite")
    said = flask(environ, "setup", "--account", "Harbor Homes", "--anchor", "20").stderr
    assert "--anchor: Harbor Homes has no plan; give it one with --plan" in said
    said = flask(environ, "setup", "--account", "Harbor Homes", "--email", "boss").stderr
    assert "--email: 'boss' is no e-mail address" in said


def test_setup_takes_an_address_of_alerts_away(engine: str) -> None:
    environ = ready(engine, "--email", "boss@example.com", "--email", "Old@example.com")
    less = ["setup", "--account", "Harbor Homes", "--no-email", "old@example.com"]
    assert "made: no more alerts to old@example.com" in flask(environ, *less).stdout
    assert "Nothing to do" in flask(environ, *less).stdout
    assert "Nothing to do" in flask(environ, *less[:3], "--email", "boss@example.com").stdout
    both = flask(environ, *less, "--email", "old@example.com")
    assert "--no-email: old@example.com is given with --email, too" in both.stderr


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--help"], "doctor"), (["contacts", "--help"], "Import and export contacts."),
        (["contacts"], "export"), (["contacts", "import", "--help"], "--dry-run"),
        (["setup", "--help"], "--no-email"),
    ],
)  # fmt: skip
def test_who_asks_what_there_is_to_type_needs_no_settings(asked: list[str], said: str) -> None:
    told = flask({}, *asked)
    assert said in told.stdout + told.stderr
    assert "is missing" not in told.stderr


def month_of(moment: datetime) -> str:
    """The month there, as the commands take it."""
    return f"{moment.astimezone(NEW_YORK):%Y-%m}"


def test_no_cell_of_an_operators_csv_is_a_formula(house: House) -> None:
    with database.session():
        Account.update(name="=HYPERLINK(1)").execute()
    house.subscribe("solo")
    month = month_of(standing.of(house.account().id, clock.now()).starts_at)
    listed = flask(house.environ, "invoices", "--month", month).stdout
    [row] = csv.DictReader(io.StringIO(listed))
    assert row["account"] == "'=HYPERLINK(1)"
    raw = flask(house.environ, "invoices", "--month", month, "--format", "json").stdout
    assert json.loads(raw)[0]["account"] == "=HYPERLINK(1)"


def test_grant_gives_and_takes_with_a_reason_once_a_key(engine: str) -> None:
    environ = ready(engine)
    give = ["grant", "--account", "Harbor Homes", "--credits", "100", "--reason", "trial"]
    assert "100 credits left" in flask(environ, *give, "--key", "a").stdout
    assert "this key was used before" in flask(environ, *give, "--key", "a").stdout
    take = ["grant", "--account", "Harbor Homes", "--credits", "-30", "--reason", "mistake"]
    assert "70 credits left" in flask(environ, *take).stdout
    wrong = flask(environ, "grant", "--account", "Nobody", "--credits", "1", "--reason", "x")
    assert "none is called 'Nobody'" in wrong.stderr
    reused = flask(environ, *take, "--key", "a")
    assert "--key" in reused.stderr
    assert "The books hold." in flask(environ, "audit").stdout


def test_invoices_are_for_the_dearest_plan_of_each_period(house: House) -> None:
    house.subscribe("solo")
    account, now = house.account().id, clock.now()
    subscriptions.change(account, "a", CATALOGUE.plan("team"), actor="U1", now=now)
    subscriptions.change(account, "b", CATALOGUE.plan("starter"), actor="U1", now=now)
    with clock.travelled(timedelta(days=33)):
        house.tick()
    month = month_of(standing.of(account, now).opened_at)
    listed = list(
        csv.DictReader(io.StringIO(flask(house.environ, "invoices", "--month", month).stdout))
    )
    mine = [row for row in listed if row["plan"] == "team"]
    assert [(row["account"], row["credits"], row["price_cents"], row["currency"], row["final"])
            for row in mine] == [("Harbor Homes", "2500", "9000", "USD", "True")]  # fmt: skip
    as_json = json.loads(
        flask(house.environ, "invoices", "--month", month, "--format", "json").stdout
    )
    assert as_json[0]["name"] == "Team"
    assert "Nothing in that month" in flask(
        house.environ, "invoices", "--month", "2020-01"
    ).stderr  # fmt: skip


def test_the_margin_report_sets_credits_beside_what_carriers_bill(house: House) -> None:
    house.twilio.text(ANN, LINE, "x" * 154)
    house.work()
    house.send(ANN, "y" * 160)
    house.send(LONDON, "z" * 170)  # 2 × 2 credits, 2 segments
    house.settle()
    with clock.travelled(timedelta(hours=30)):
        assert poll.prices(Accounts(house.settings)) == 3
        assert poll.prices(Accounts(house.settings)) == 0
    with database.session():
        assert [p.price_micros for p in Part.select().order_by(Part.id)] == [8300, 16600]
        assert Message.get(Message.direction == "in").price_micros is not None
    month = month_of(clock.now())
    shown = flask(house.environ, "report", "--margin", "--month", month, "--format", "json")
    rows = {(r["direction"], r["kind"]): r for r in json.loads(shown.stdout)}
    out = rows["out", "sms"]
    assert (out["texts"], out["credits"], out["segments"]) == (2, 5, 3)
    assert (out["price_micros"], out["priced"]) == (24900, 2)
    assert out["credits_a_segment"] == pytest.approx(5 / 3, abs=0.001)


@pytest.mark.parametrize("odd", ["free", "NaN", "-Infinity", "-99999999.0"])
def test_a_price_that_is_none_keeps_no_other_from_being_noted(house: House, odd: str) -> None:
    for number in (ANN, LONDON):
        house.send(number, "Hello")
    house.settle()
    house.twilio.sent_to(ANN)[0].billed = odd
    with clock.travelled(timedelta(hours=30)):
        assert poll.prices(Accounts(house.settings)) == 1
    with database.session():
        assert [p.price_micros for p in Part.select().order_by(Part.id)] == [None, 8300]


def test_the_margin_report_goes_line_by_line_with_what_twilio_bills(house: House) -> None:
    free = "+18005550199"
    house.twilio.add_number(free)
    opening.setup(account="Harbor Homes", line=free, channel=house.slack.add_channel("free"))
    house.send(ANN, "y" * 160)
    house.twilio.text(ANN, LINE, "Hello")
    house.settle()
    with database.session():
        Line.update(voice_mode="forward", forward_number="+14155550188", price_cents=300).where(
            Line.number == LINE
        ).execute()
    house.twilio.picks_up["+14155550188"] = 61
    house.twilio.call(ANN, LINE)
    house.work()
    with clock.travelled(timedelta(hours=30)):
        assert poll.prices(Accounts(house.settings)) == 3
    house.twilio.add_account(parent=house.settings.twilio_account_sid)  # has a bill of its own
    wanted = ("report", "--margin", "--lines", "--month", month_of(clock.now()))
    shown = flask(house.environ, *wanted, "--format", "json")
    rows = {row["line"]: row for row in json.loads(shown.stdout)}
    row = rows[LINE]
    assert (row["texts_in"], row["texts_out"], row["calls"], row["minutes"]) == (1, 1, 1, 2)
    assert row["credits"] == 1 + 1 + 2
    assert row["texts_micros"] == 8300 * 2
    assert row["calls_micros"] == 2 * 8500 + 2 * 14000, "as it came in, and as it went on"
    assert (row["number_micros"], row["number_charged_cents"]) == (1_150_000, 300)
    assert (row["fees_micros"], row["unpriced"]) == (30_000, 0)
    assert row["cost_micros"] == 16_600 + 45_000 + 1_150_000 + 30_000
    assert (rows[free]["number_micros"], rows[free]["fees_micros"]) == (2_150_000, 0)
    house.twilio.faults.add("error", "GET Records")
    shown = flask(house.environ, *wanted)
    assert "Twilio did not say what it bills" in shown.stderr
    assert LINE in shown.stdout and "None" not in shown.stdout


def test_the_books_of_one_account_do_not_keep_others_from_renewing(house: House) -> None:
    house.subscribe("solo")
    opening.setup(
        account="Elm", timezone="UTC", owner="U7", plan=CATALOGUE.plan("pro"), catalogue=CATALOGUE
    )
    with database.session():
        Account.update(timezone="Nowhere/At_All").where(Account.name == "Harbor Homes").execute()
    first = boundaries.next_boundary(clock.now(), 1, "UTC")
    with clock.travelled(first - clock.now() + timedelta(days=1)):
        assert renewals.book_due() >= 1
    with database.session():
        assert [a.balance for a in Account.select().order_by(Account.id)] == [600, 2000]
