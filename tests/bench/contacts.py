"""Contact search: what a key pressed in the search costs at 500 contacts, and at 50,000."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bot import address_book
from bot.models import Contact, Tag, Word
from ledger import credits, database
from ledger.database import is_sqlite, query, session, transaction
from tests import databases

FEW, MANY = 500, 50_000
ASKED = 400  # searches of each kind, for contacts taken at random
SHOWN = 20
FIRST = (
    "Ann Anna Andrea Ben Benita Carlos Carla Chen Dana David Elena Emma Farid Fatima George Grace "
    "Hana Henry Ines Ivan James Jana José Juan Karen Kim Laura Lee Liam Maria Marie Mark Mei Nadia "
    "Noah Olga Omar Pat Paula Quinn Rosa Ruth Sam Sara Tom Uma Vera Victor Wei Xenia Yara Zoe"
)
LAST = (
    "Adams Alvarez Baker Brown Chen Clark Cruz Davis Diaz Evans Flores Garcia Gomez Green Hall "
    "Harris Hill Hughes Jackson Johnson Jones Kelly Khan Kim King Lee Lewis Lopez Martin Miller "
    "Moore Morris Nelson Nguyen Ortiz Parker Patel Perez Price Reed Reyes Rivera Roberts Rogers "
    "Ruiz Santos Scott Silva Singh Smith Taylor Thomas Torres Turner Walker Ward White Wilson "
    "Wood Wright Young Zhang"
)
TAGS = ("buyer", "seller", "hot lead", "past client", "open house", "investor")
AREAS = ("212", "305", "312", "415", "512", "602", "617", "702", "713", "917")

#: What people type when they look for a contact, by kind.
TYPED: dict[str, Callable[[Any], str]] = {
    "1 letter": lambda who: who.first[:1],
    "3 letters": lambda who: who.last[:3],
    "a word": lambda who: who.last,
    "first and last": lambda who: f"{who.first} {who.last}",
    "parts of two words": lambda who: f"{who.first[:2]} {who.last[:2]}",
    "area code": lambda who: f"({who.number[2:5]})",
    "whole number": lambda who: who.number,
    "last 4 digits": lambda who: who.number[-4:],
    "e-mail": lambda who: who.email[:9],
    "name and tag": lambda who: f"{who.last} {who.tag}",
    "two tags on nobody": lambda who: "seller buyer",
    "nobody": lambda who: "qqq",
}


def run() -> str:
    """The table and the query plans, as Markdown."""
    rows, plans = [], []
    for engine in databases.ENGINES:
        few, _ = _costs(engine, FEW)
        many, shown = _costs(engine, MANY)
        for kind, small, large in zip(TYPED, few, many, strict=True):
            rows.append(
                f"| {engine} | {kind} | {small:.2f} ms | {large:.2f} ms | {large / small:.2f} |"
            )
        plans.append(shown)
    return "\n".join(
        [
            "## Contact search",
            "",
            f"What an account's members wait for {SHOWN} results in the search of a modal, by what "
            f"is typed; the median of {ASKED} contacts taken at random.",
            "",
            f"| engine | typed | {FEW:,} contacts | {MANY:,} contacts | ratio |",
            "|---|---|---|---|---|",
            *rows,
            "",
            *plans,
        ]
    )


class Who:
    """A contact that somebody might look for."""

    def __init__(self, dice: random.Random, place: int) -> None:
        self.first, self.last = dice.choice(FIRST.split()), dice.choice(LAST.split())
        middle = f" {dice.choice(FIRST.split())}" if dice.random() < 0.15 else ""
        self.name = f"{self.first}{middle} {self.last}"
        self.number = f"+1{dice.choice(AREAS)}{2_000_000 + place * 131 % 7_999_993:07}"
        self.email = f"{self.first}.{self.last}{place}@example.com".lower()
        self.tag = dice.choice(TAGS)


def _costs(engine: str, contacts: int) -> tuple[list[float], str]:
    """Milliseconds by what is typed, and the query plans, with so many contacts."""
    bound = database.bind(databases.fresh(engine, durable=True))
    account = int(credits.open_account("Bench", "America/New_York", datetime.now(UTC)).id)
    dice = random.Random(7)
    people = [Who(dice, place) for place in range(contacts)]
    for at in range(0, contacts, 1000):
        fill(account, people[at : at + 1000])
    if not is_sqlite():
        with session():
            query("ANALYZE")
    asked = [dice.choice(people) for _ in range(ASKED)]
    costs = [_median(account, [typed(who) for who in asked]) for typed in TYPED.values()]
    shown = _plans(engine, account, contacts)
    bound.close_all()
    return costs, shown


@transaction
def fill(account: int, people: list[Who]) -> None:
    """Makes contacts of them, found by what is known of each."""
    now = datetime.now(UTC)
    Contact.insert_many(
        [(account, who.number, who.name, who.email, now) for who in people],
        [Contact.account, Contact.number, Contact.name, Contact.email, Contact.made_at],
    ).execute()
    ids = dict(
        Contact.select(Contact.number, Contact.id)
        .where(Contact.number.in_([who.number for who in people]))
        .tuples()
    )
    words = [
        (account, word, ids[who.number])
        for who in people
        for word in address_book.words([who.number], who.name, who.email, [who.tag])
    ]
    for at in range(0, len(words), 5000):
        Word.insert_many(words[at : at + 5000], [Word.account, Word.word, Word.contact]).execute()
    Tag.insert_many(
        [(account, who.tag, ids[who.number]) for who in people],
        [Tag.account, Tag.tag, Tag.contact],
    ).execute()


def _median(account: int, typed: list[str]) -> float:
    times = []
    for one in typed:
        began = time.perf_counter()
        address_book.find(account, one, SHOWN)
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def _plans(engine: str, account: int, contacts: int) -> str:
    """How the engine goes about a search of one word, and of two."""
    also = address_book.ALSO.format("other.word >= %s AND other.word < %s")
    asked = {
        "one word": (address_book.RANGE, (account, b"le", b"le\xff", b"le", 0, 50)),
        "two words": (
            f"{address_book.SEVERAL}{also} LIMIT 60",
            (account, b"le", b"le\xff", 1000, b"an", b"an\xff"),
        ),
        "how many": (address_book.HOW_MANY, (account, b"le", b"le\xff", 1000)),
    }  # fmt: skip
    lines = [f"{engine}, {contacts:,} contacts:", "", "```"]
    with session():
        for name, (sql, values) in asked.items():
            how = "EXPLAIN QUERY PLAN " if is_sqlite() else "EXPLAIN (COSTS OFF) "
            rows = query(how + sql, *values).fetchall()
            lines.append(f"{name}:")
            lines += [f"    {row[3] if is_sqlite() else row[0]}" for row in rows]
    return "\n".join([*lines, "```", ""])
