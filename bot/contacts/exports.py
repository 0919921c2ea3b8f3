"""An account's contacts as a CSV file, which imports again to the very same."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from bot import outbox
from bot.contacts import sheets, special_days
from bot.contacts.models import Consent, Contact, Tag
from bot.smartplans import plan_events
from bot.team import roles
from ledger.database import session, transaction

HEADER = (
    "Name", "Number", "E-mail", "Tags", "Notes", "Dates", "Time zone", "Consent", "Other numbers",
    "Place", "Opted out since", "Added",
)  # fmt: skip
PAGE = 1000  # contacts read at once


@transaction
def ask(account_id: int, user: str) -> None:
    """Has the file sent to this user. Raises Refused unless they are owner or manager."""
    roles.require_manager(user, account_id)
    outbox.post_card(
        user, f"export:{secrets.token_hex(8)}", "slack.export", {"account": account_id}
    )


@transaction
def posted(key: str, asked: Mapping[str, Any], post: Mapping[str, Any]) -> None:
    """The post that announces the file stands; the file follows."""
    outbox.enqueue(
        f"file:{key}", "slack.export_file",
        {"account": asked["account"], "channel": post["channel"], "ts": post["ts"]},
        lane=outbox.card_lane(asked["to"]), pace="files:slack",
    )  # fmt: skip


def count(account_id: int) -> int:
    """How many contacts there are."""
    with session():
        return int(Contact.select().where(_living(account_id)).count())


def to_csv(account_id: int) -> tuple[bytes, int]:
    """The file, and how many contacts are in it."""
    table = list(rows(account_id))
    return sheets.written(HEADER, table), len(table)


def rows(account_id: int) -> Iterator[list[str]]:
    """The contacts in the order they were made, as the file has them."""
    last = 0
    while page := _page(account_id, last):
        yield from (cells for _, cells in page)
        last = page[-1][0]


def _page(account_id: int, after: int) -> list[tuple[int, list[str]]]:
    with session():
        here = _living(account_id) & (Contact.id > after)
        found = list(Contact.select().where(here).order_by(Contact.id).limit(PAGE))
        ids = [one.id for one in found]
        tags: dict[int, list[str]] = {}
        for row in Tag.select().where(Tag.contact.in_(ids)).order_by(Tag.tag):
            tags.setdefault(row.contact_id, []).append(row.tag)
        days = plan_events.days_of(ids)
        others: dict[int, list[str]] = {}
        for one in Contact.select().where(Contact.same_as.in_(ids)).order_by(Contact.id):
            others.setdefault(one.same_as_id, []).append(one.number)
        given = Consent.select(Consent.contact).where(Consent.contact.in_(ids), Consent.given)
        agreed = {row.contact_id for row in given}
    return [
        (
            one.id,
            _cells(
                one,
                tags.get(one.id, []),
                special_days.written(days.get(one.id, {})),
                others.get(one.id, []),
                one.id in agreed,
            ),
        )
        for one in found
    ]


def _cells(
    one: Contact, tags: list[str], days: str, others: list[str], agreed: bool
) -> list[str]:  # fmt: skip
    consent = "no" if one.opted_out_at else "yes" if agreed else ""
    out = one.opted_out_at.isoformat(timespec="seconds") if one.opted_out_at else ""
    return [
        one.name or "", one.number, one.email or "", ", ".join(tags), one.notes or "", days,
        one.timezone or "", consent, ", ".join(others), one.place or "", out,
        one.made_at.isoformat(timespec="seconds"),
    ]  # fmt: skip


def _living(account_id: int) -> Any:
    return (Contact.account == account_id) & Contact.same_as.is_null()
