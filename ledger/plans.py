"""What is on sale, from the catalogue file that the operator edits: plans (R7), and what texts and
calls cost in credits (R2)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from ledger import rates
from ledger.rates import RateCard

SHIPPED = Path(__file__).with_name("plans.toml")
MOST_CREDITS = 10_000_000
MOST_A_MESSAGE = 1_000  # credits
COUNTED = {"flat": False, "carrier": True}  # by segment?


class CatalogueError(Exception):
    """The catalogue file cannot be used; the message names the place and says what it should be."""


class UnknownPlan(LookupError):
    """No plan on sale has this code; the message lists those that are."""


@dataclass(frozen=True)
class Plan:
    """A plan: so many credits a month for this price."""

    code: str
    name: str
    credits: int
    price_cents: int


@dataclass(frozen=True)
class Catalogue:
    """The plans by code, smallest first, with what a month on hold costs."""

    plans: Mapping[str, Plan]
    currency: str
    hold_price_cents: int
    number_price_cents: int | None = None  # a month, of a number that is got in Slack
    card: RateCard = rates.SHIPPED

    def plan(self, code: str) -> Plan:
        """The plan with this code. Raises UnknownPlan."""
        if code not in self.plans:
            raise UnknownPlan(f"no plan is called {code!r}; on sale are: {', '.join(self.plans)}")
        return self.plans[code]

    def money(self, cents: int) -> str:
        """ "$40.00", or "40.00 EUR" for another currency than US dollars."""
        amount = f"{cents // 100:,}.{cents % 100:02d}"
        return f"${amount}" if self.currency == "USD" else f"{amount} {self.currency}"


def load(path: Path | None = None) -> Catalogue:
    """The catalogue in this file, or the one we ship. Raises CatalogueError."""
    path = path or SHIPPED
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CatalogueError(f"{path}: cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{path}: is no TOML: {error}.") from None
    try:
        return _catalogue(given)
    except CatalogueError as error:
        raise CatalogueError(f"{path}: {error}") from None


def _catalogue(given: Mapping[str, Any]) -> Catalogue:
    listed = given.get("plan")
    _must(isinstance(listed, list) and listed, "needs one [[plan]] or more.")
    currency = given.get("currency", "USD")
    _must(
        isinstance(currency, str) and len(currency) == 3 and currency.isupper(),
        'currency must be three capitals, like "USD".',
    )
    plans: dict[str, Plan] = {}
    for number, entry in enumerate(listed or (), start=1):
        plan = _plan(f"plan {number}", entry)
        _must(plan.code not in plans, f"plan {number}: the code {plan.code!r} is taken already.")
        plans[plan.code] = plan
    smallest_first = sorted(plans.values(), key=lambda plan: (plan.credits, plan.price_cents))
    return Catalogue(
        {plan.code: plan for plan in smallest_first},
        str(currency),
        _cents("hold_price", given.get("hold_price", "0.00")),
        _cents("number_price", given["number_price"]) if "number_price" in given else None,
        _card(given.get("rates", {})),
    )


def _card(entry: Any) -> RateCard:
    _must(isinstance(entry, Mapping), "rates: must be a table, [rates].")
    known = {"sms_home", "sms_abroad", "mms", "call_minute"}
    if unknown := set(entry) - known - {"count"}:
        raise CatalogueError(f"rates: {', '.join(sorted(unknown))} is not known here.")
    counted, credits = entry.get("count", "flat"), {n: entry[n] for n in known & set(entry)}
    _must(isinstance(counted, str) and counted in COUNTED, 'rates: count is "flat" or "carrier".')
    for name, amount in sorted(credits.items()):
        _must(
            type(amount) is int and 0 < amount <= MOST_A_MESSAGE,
            f"rates: {name} must be a whole number of credits from 1 to {MOST_A_MESSAGE:,}.",
        )
    return RateCard(**credits, by_segment=COUNTED[counted])


def _plan(where: str, entry: Any) -> Plan:
    _must(isinstance(entry, Mapping), f"{where}: must be a table.")
    if unknown := set(entry) - {"code", "name", "credits", "price"}:
        raise CatalogueError(f"{where}: {', '.join(sorted(unknown))} is not known here.")
    code, name, credits = entry.get("code"), entry.get("name"), entry.get("credits")
    _must(
        isinstance(code, str) and code.isascii() and code.replace("-", "").isalnum(),
        f'{where}: code must be letters, digits and hyphens, like "pro".',
    )
    _must(
        isinstance(name, str) and 0 < len(name) <= 40, f"{where}: name must have 1–40 characters."
    )
    _must(
        type(credits) is int and 0 < credits <= MOST_CREDITS,
        f"{where}: credits must be a whole number from 1 to {MOST_CREDITS:,}.",
    )
    return Plan(
        str(code), str(name), int(credits or 0), _cents(f"{where}: price", entry.get("price"))
    )


def _cents(where: str, price: Any) -> int:
    try:
        amount = Decimal(price) if isinstance(price, str) else None
    except InvalidOperation:
        amount = None
    _must(
        amount is not None and amount.is_finite() and amount >= 0 and amount * 100 % 1 == 0,
        f'{where} must be written like "40.00".',
    )
    return int((amount or Decimal(0)) * 100)


def _must(hold: object, say: str) -> None:
    if not hold:
        raise CatalogueError(say)
