"""Contacts are found by the beginning of anything known of them, on both engines."""

from __future__ import annotations

import pytest

from bot import clock
from bot.contacts import address_book
from bot.contacts.models import Contact, Tag, Word
from bot.models import MIGRATIONS
from ledger import credits, database
from ledger.models import Account
from tests import databases


@pytest.fixture
def account(books: str) -> int:
    return int(credits.open_account("Harbor Homes", "America/New_York", clock.now()).id)


@database.transaction
def add(account: int, number: str, name: str | None = None, email: str = "", *tags: str) -> None:
    contact = address_book.meet(account, number, clock.now())
    contact.name, contact.email = name, email or None
    contact.save()
    for tag in tags:
        Tag.create(account=account, tag=tag, contact=contact)
    address_book.index(contact)


def found(account: int, typed: str, most: int = 20) -> list[str]:
    return [one.name or one.number for one in address_book.find(account, typed, most)]


@pytest.mark.parametrize(
    "typed",
    [
        "ann", "ANN", "an", "mar", "lee", "ann marie", "ann lee", "lee ann", "marie ann", "an le",
        "ann marie lee", "  ann   le ", "ann.lee@", "harbor.c", "lee@harbor", "hot buy", "buyer",
        "415", "(415) 555", "+1 415-555-0123", "4155550123", "14155550123", "0123", "555 0123",
        "ann 0123", "buyer lee", "lee 415",
    ],
)  # fmt: skip
def test_a_contact_is_found_by_any_beginning(account: int, typed: str) -> None:
    add(account, "+14155550123", "Ann Marie Lee", "ann.lee@harbor.com", "hot buyer")
    add(account, "+12125550177", "Zoe Young", "zoe@example.com", "seller")
    assert found(account, typed) == ["Ann Marie Lee"]


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("020 7946", "Żaneta Ólafsdóttir"), ("0044 20 7946", "Żaneta Ólafsdóttir"),
        ("zaneta olaf", "Żaneta Ólafsdóttir"), ("ŻANETA", "Żaneta Ólafsdóttir"),
        ("obri", "Pat O’Brien-Smith"), ("o'brien", "Pat O’Brien-Smith"),
        ("smith", "Pat O’Brien-Smith"), ("王", "王小明"), ("32665", "32665"), ("32 6", "32665"),
        ("bank", "BANK"), ("🏠 team", "🏠 Team <!channel>"), ("2024", "Leads 2024 12"),
        ("2024 12", "Leads 2024 12"),
    ],
)  # fmt: skip
def test_names_and_numbers_of_all_kinds_are_found(account: int, typed: str, name: str) -> None:
    add(account, "+442079460000", "Żaneta Ólafsdóttir")
    add(account, "+14155550124", "Pat O’Brien-Smith")
    add(account, "+8613800138000", "王小明")
    add(account, "32665")
    add(account, "BANK")
    add(account, "+14155550125", "🏠 Team <!channel>")
    add(account, "+14155550126", "Leads 2024 12")
    assert found(account, typed) == [name]


@pytest.mark.parametrize("typed", ["x", "nn", "ann zoe", "999", "🏠", "%", "_", "'", "a" * 3000])
def test_what_is_not_there_is_not_found(account: int, typed: str) -> None:
    add(account, "+14155550123", "Ann Lee")
    add(account, "+12125550177", "Zoe Young")
    assert found(account, typed) == []


def test_nobody_finds_another_accounts_contacts(account: int) -> None:
    other = int(credits.open_account("Bay Homes", "America/New_York", clock.now()).id)
    add(other, "+14155550123", "Ann Lee", "", "buyer")
    for typed in ("ann", "415", "0123", "buyer", "ann buyer", ""):
        assert found(account, typed) == []


def test_at_most_so_many_each_once_and_the_newest_where_nothing_is_typed(account: int) -> None:
    for place in range(120):
        add(account, f"+1415555{place:04}", f"Ann Ann {place:03}", "ann@ann.com", "ann")
    assert found(account, "ann", 5) == [f"Ann Ann {place:03}" for place in range(5)]
    assert len(set(found(account, "ann", 110))) == 110
    assert found(account, "", 3) == ["Ann Ann 119", "Ann Ann 118", "Ann Ann 117"]


def test_what_changed_is_found_as_it_is_now(account: int) -> None:
    add(account, "+14155550123", "Ann Lee", "", "buyer")
    with database.session():
        Tag.delete().execute()
    add(account, "+14155550123", "Bea Lee", "", "seller")
    assert (found(account, "ann"), found(account, "buyer")) == ([], [])
    assert found(account, "bea") == found(account, "seller") == found(account, "lee") == ["Bea Lee"]
    with database.session():
        assert Word.select().count() == len(
            address_book.words(["+14155550123"], "Bea Lee", None, ["seller"])
        )


def test_contacts_of_before_are_found_after_the_migration(engine: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    before = tmp_path / "before"
    before.mkdir()
    for file in sorted(MIGRATIONS.glob("000[12]*.py")):
        (before / file.name).write_text(file.read_text())
    bound = database.bind(databases.fresh(engine, migrated=False))
    database.migrate(before)
    with database.session():
        made = Account.insert(
            name="Harbor", timezone="UTC", balance=0, entries=0, grants_last_months=12,
            booked_at=clock.now(), created_at=clock.now(),
        ).execute()  # fmt: skip
        names = [Contact.account, Contact.number, Contact.name, Contact.made_at]
        Contact.insert(
            dict(zip(names, (made, "+14155550123", "Ann Lee", clock.now()), strict=True))
        ).execute()
    database.migrate(MIGRATIONS)
    assert found(made, "lee ann") == found(made, "0123") == ["Ann Lee"]
    bound.close_all()
