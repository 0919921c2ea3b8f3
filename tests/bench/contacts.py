"""Contacts: what a key pressed in a search costs at 500 and at 50,000; a file of 50,000 rows."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from slack_sdk.signature import SignatureVerifier

import app as wiring
from bot import config, logs
from bot.contacts import address_book, imports, sheet_rows
from bot.contacts.models import Contact, Tag, Word
from bot.team.models import Member
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
    """The tables and the query plans, as Markdown."""
    rows, plans = [], []
    for engine in databases.ENGINES:
        few, _ = _costs(engine, FEW)
        many, shown = _costs(engine, MANY)
        for kind, small, large in zip(TYPED, few, many, strict=True):
            rows.append(
                f"| {engine} | {kind} | {small[0]:.1f} / {large[0]:.1f} ms | "
                f"{large[0] / small[0]:.2f} | {small[1]:.2f} / {large[1]:.2f} ms |"
            )
        plans.append(shown)
    return "\n".join(
        [
            "## Contact search",
            "",
            f"A key pressed in a searched menu of a modal: Slack's signed request, the {SHOWN} "
            "contacts that are shown, the answer; beside it the search alone. By what is typed; "
            f"the median of {ASKED} contacts taken at random, at {FEW:,} / {MANY:,} contacts.",
            "",
            "| engine | typed | whole request | ratio | search alone |",
            "|---|---|---|---|---|",
            *rows,
            "",
            "## Contacts from a file",
            "",
            f"A CSV file of {MANY:,} new contacts, six columns wide, read, checked and imported by "
            "one process. Memory is what the process grew by, all in all.",
            "",
            "| engine | read | checked | imported | longest transaction | memory |",
            "|---|---|---|---|---|---|",
            *(_imported(engine) for engine in databases.ENGINES),
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


def _costs(engine: str, contacts: int) -> tuple[list[tuple[float, float]], str]:
    """Milliseconds of a request and of its search, by what is typed, and the query plans, with so
    many contacts."""
    url = databases.fresh(engine, durable=True)
    bound = database.bind(url)
    account = int(credits.open_account("Bench", "America/New_York", datetime.now(UTC)).id)
    with session():
        Member.create(account=account, slack_user="U1", role="owner")
    dice = random.Random(7)
    people = [Who(dice, place) for place in range(contacts)]
    for at in range(0, contacts, 1000):
        fill(account, people[at : at + 1000])
    if not is_sqlite():
        with session():
            query("ANALYZE")
    asked = [dice.choice(people) for _ in range(ASKED)]
    key = _keyboard(url)
    costs = [
        (
            _median(key, [typed(who) for who in asked]),
            _median(
                lambda one: address_book.find(account, one, SHOWN), [typed(who) for who in asked]
            ),
        )
        for typed in TYPED.values()
    ]  # fmt: skip
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


def _keyboard(url: str) -> Callable[[str], Any]:
    """What presses a key in a searched menu, as Slack tells the app of it."""
    settings = config.load(
        {
            "DATABASE_URL": url, "PUBLIC_URL": "https://texts.example.com",
            "SECRET_KEY": "a secret of the bench",
            "SLACK_BOT_TOKEN": "xoxb-bench", "SLACK_SIGNING_SECRET": "bench",
            "TWILIO_ACCOUNT_SID": "ACbench", "TWILIO_AUTH_TOKEN": "bench",
        }
    )  # fmt: skip
    browser = wiring.create_app(settings).test_client()
    logs.configure("json", Path(os.devnull).open("w"))  # noqa: SIM115
    with session():
        about = json.dumps({"contact": Contact.select().order_by(Contact.id.desc()).get().id})

    def press(typed: str) -> None:
        told = {
            "type": "block_suggestion", "team": {"id": "T1"}, "user": {"id": "U1"},
            "action_id": "merge_other", "block_id": "other", "value": typed,
            "view": {"type": "modal", "private_metadata": about},
        }  # fmt: skip
        body = urlencode({"payload": json.dumps(told)})
        headers = SignatureVerifier("bench")
        stamp = str(int(time.time()))
        answer = browser.post(
            "/slack/events", data=body,
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "X-Slack-Request-Timestamp": stamp,
                "X-Slack-Signature": str(headers.generate_signature(timestamp=stamp, body=body)),
            },
        )  # fmt: skip
        assert answer.status_code == 200 and "options" in answer.json, answer.text

    return press


def _median(work: Callable[[str], Any], typed: list[str]) -> float:
    times = []
    for one in typed:
        began = time.perf_counter()
        work(one)
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


# A file


def _imported(engine: str) -> str:
    """A row of the table of files; in a process of its own, whose memory is measured."""
    url = databases.fresh(engine, durable=True)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as other:
        read, checked, imported, longest, grown = other.submit(_import, url).result()
    return (
        f"| {engine} | {read:.1f} s | {checked:.1f} s | {imported:.1f} s | {longest * 1000:.0f} ms "
        f"| {grown:.0f} MB |"
    )


def _import(url: str) -> tuple[float, ...]:
    """Seconds to read, check and import; of the longest transaction; MB."""
    logs.configure("json", Path(os.devnull).open("w"))  # noqa: SIM115
    bound = database.bind(url)
    credits.open_account("Bench", "America/New_York", datetime.now(UTC))
    dice = random.Random(7)
    with tempfile.TemporaryFile("w+", newline="") as text:
        text.write("First Name,Last Name,Mobile,E-mail,Tags,Notes\n")
        for place in range(MANY):
            who = Who(dice, place)
            text.write(f'{who.first},{who.last},{who.number},{who.email},"{who.tag}, new",Met\n')
        text.flush()
        before, began = _memory(), time.perf_counter()
        sheet = imports.of_operator("Bench", "bench.csv", datetime.now(UTC))
        sheet_rows.was_read(sheet.id, *sheet_rows.read_in(sheet.id, text.buffer))
    times, longest = [time.perf_counter() - began], 0.0
    for state in ("checking", "importing"):
        if state == "importing":
            imports.take_over(sheet)
        began = time.perf_counter()
        while imports.now_at(sheet).state == state:
            slab = time.perf_counter()
            sheet_rows.work(0.0001, sheet.id)
            longest = max(longest, time.perf_counter() - slab)
        times.append(time.perf_counter() - began)
    assert imports.now_at(sheet).counts == {"new": MANY}
    bound.close_all()
    return *times, longest, _memory() - before


def _memory() -> float:
    """The most that this process held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _plans(engine: str, account: int, contacts: int) -> str:
    """How the engine goes about a search of one word, and of two."""
    also = address_book.ALSO.format("other.word >= %s AND other.word < %s")
    asked = {
        "one word": (address_book.RANGE, (account, b"le", b"le\xff", b"le", 0, 50)),
        "two words": (
            f"{address_book.SEVERAL}{also} LIMIT 60",
            (account, b"le", b"le\xff", address_book.SCANNED, b"an", b"an\xff"),
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
