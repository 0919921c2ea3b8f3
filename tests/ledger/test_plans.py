"""The catalogue: what the operator may write, and what is said where it is wrong (R7)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import plans
from ledger.rates import RateCard

GOOD = '[[plan]]\ncode = "one"\nname = "One"\ncredits = 100\nprice = "9.50"\n'


def test_r7_five_plans_ship() -> None:
    shipped = plans.load()
    assert [p.credits for p in shipped.plans.values()] == [250, 500, 1000, 2500, 10_000]
    assert shipped.money(123456) == "$1,234.56"


def test_an_operators_own_file_is_read(tmp_path: Path) -> None:
    own = tmp_path / "plans.toml"
    own.write_text('currency = "EUR"\n' + GOOD)
    catalogue = plans.load(own)
    assert catalogue.plan("one") == plans.Plan("one", "One", 100, 950)
    assert catalogue.money(950) == "9.50 EUR"
    with pytest.raises(plans.UnknownPlan, match="on sale are: one"):
        catalogue.plan("two")


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("", r"needs one \[\[plan\]\]"),
        ("plan = 3", r"needs one \[\[plan\]\]"),
        ("[[plan", "is no TOML"),
        (GOOD + GOOD, "plan 2: the code 'one' is taken"),
        (GOOD.replace('"one"', '"o n e"'), "plan 1: code must be"),
        (GOOD.replace("100", "0"), "credits must be a whole number"),
        (GOOD.replace("100", "true"), "credits must be a whole number"),
        (GOOD.replace('"9.50"', "9.5"), "price must be written like"),
        (GOOD.replace('"9.50"', '"9.505"'), "price must be written like"),
        (GOOD.replace('"9.50"', '"-1"'), "price must be written like"),
        (GOOD.replace('"9.50"', '"NaN"'), "price must be written like"),
        (GOOD + 'colour = "red"\n', "colour is not known"),
        ('currency = "dollars"\n' + GOOD, "three capitals"),
        ("rates = 3\n" + GOOD, r"rates: must be a table"),
        (GOOD + "[rates]\nfax = 1\n", "rates: fax is not known"),
        (GOOD + "[rates]\nmms = 0\n", "rates: mms must be a whole number of credits from 1"),
        (GOOD + "[rates]\nmms = 2.5\n", "rates: mms must be a whole number of credits"),
        (GOOD + '[rates]\ncount = "words"\n', 'count is "flat" or "carrier"'),
        (GOOD + "[rates]\ncount = []\n", 'count is "flat" or "carrier"'),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, written: str, says: str) -> None:
    own = tmp_path / "plans.toml"
    own.write_text(written)
    with pytest.raises(plans.CatalogueError, match=says):
        plans.load(own)


def test_r2_an_operator_sets_what_texts_and_calls_cost(tmp_path: Path) -> None:
    assert plans.load().card == RateCard()  # as shipped
    own = tmp_path / "plans.toml"
    own.write_text(GOOD)
    assert plans.load(own).card == RateCard()
    own.write_text(GOOD + '[rates]\nsms_abroad = 4\ncount = "carrier"\n')
    assert plans.load(own).card == RateCard(sms_abroad=4, by_segment=True)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(plans.CatalogueError, match="cannot be read"):
        plans.load(tmp_path / "none.toml")
