"""What the tables of every room are made of, and the tables that belong to none: the two doors, and
what the house knows of itself. A room's own are in its models.py; all are listed in tables.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import peewee

from ledger.database import InstantField
from ledger.models import Table

MIGRATIONS = Path(__file__).parent / "migrations"


class JSONText(peewee.TextField):
    """JSON kept as ASCII text: what a phone sent may hold characters no database takes raw."""

    def db_value(self, value: Any) -> str | None:
        return None if value is None else json.dumps(value, separators=(",", ":"))

    def python_value(self, value: str | None) -> Any:
        return None if value is None else json.loads(value)


def one_of(column: str, *values: str) -> list[Any]:
    """A CHECK that `column` holds one of `values`."""
    return [peewee.Check(f"{column} IN ({', '.join(repr(v) for v in values)})")]


# The two doors


class Inbox(Table):
    """What Twilio and Slack told us, saved before it is acted on."""

    id = peewee.BigAutoField()
    key = peewee.TextField(unique=True)  # the sender's own name for it
    kind = peewee.TextField()
    lane = peewee.TextField()  # rows of one lane are applied in order
    payload = JSONText()
    state = peewee.TextField(default="new", constraints=one_of("state", "new", "done", "parked"))
    tries = peewee.SmallIntegerField(default=0)
    error = peewee.TextField(null=True)
    due_at = InstantField()
    received_at = InstantField()
    done_at = InstantField(null=True)


Inbox.add_index(Inbox.id, where=Inbox.state == "new", name="inbox_new")
Inbox.add_index(Inbox.lane, Inbox.id, where=Inbox.state == "new", name="inbox_lane_new")
Inbox.add_index(Inbox.id, where=Inbox.state == "parked", name="inbox_parked")


class Lane(Table):
    """A queue of deliveries that leave in order, one attempt at a time. Its row is its lock."""

    name = peewee.TextField(primary_key=True)
    due_at = InstantField(null=True)  # when its head may be looked at; none when it is empty
    has_slot = peewee.BooleanField(default=False)  # its head waited for its turn on the pace
    crew = peewee.TextField(
        constraints=[peewee.SQL("DEFAULT 'slack'")]
    )  # whose hands take its head


Lane.add_index(Lane.crew, Lane.due_at, where=Lane.due_at.is_null(False), name="lane_due")


class Pace(Table):
    """How fast one number, channel or mail server may be used."""

    key = peewee.TextField(primary_key=True)
    next_at = InstantField()  # the next free slot
    shut_until = InstantField(null=True)  # the peer said: not before
    every_s = peewee.FloatField(null=True)  # between two; none: as the settings have it


class Delivery(Table):
    """One unit of outbound work: a Twilio message, a Slack post or update, an e-mail."""

    id = peewee.BigAutoField()
    key = peewee.TextField(unique=True)
    kind = peewee.TextField()
    lane = peewee.TextField()
    pace = peewee.TextField()
    payload = JSONText()
    replaces = peewee.TextField(null=True)  # an update that a newer one of this name overtakes
    state = peewee.TextField(
        default="queued",
        constraints=one_of("state", "queued", "sending", "unknown", "done", "failed", "parked"),
    )
    tries = peewee.SmallIntegerField(default=0)
    looks = peewee.SmallIntegerField(default=0)  # empty ones, since it became unknown
    claim = peewee.TextField(null=True)  # of the attempt that runs or ran
    due_at = InstantField()
    attempted_at = InstantField(null=True)
    lease_until = InstantField(null=True)
    error = peewee.TextField(null=True)
    told_at = InstantField(null=True)  # when it was told in another way what cannot be shown
    made_at = InstantField()
    done_at = InstantField(null=True)


_live = Delivery.state.in_(["queued", "sending", "unknown"])
Delivery.add_index(Delivery.lane, Delivery.id, where=_live, name="delivery_live")
Delivery.add_index(
    Delivery.lane,
    unique=True,
    where=Delivery.state.in_(["sending", "unknown"]),
    name="delivery_one_attempt",
)
Delivery.add_index(
    Delivery.replaces,
    where=(Delivery.state == "queued") & Delivery.replaces.is_null(False),
    name="delivery_replaces",
)
Delivery.add_index(Delivery.id, where=Delivery.state == "parked", name="delivery_parked")


# What the house knows of itself


class Heartbeat(Table):
    """A worker process, and when it last said it was alive."""

    worker = peewee.TextField(primary_key=True)
    beat_at = InstantField()


class Tally(Table):
    """A counter of /metrics, in shards, counted in the transaction of what it counts."""

    name = peewee.TextField()
    label = peewee.TextField()
    shard = peewee.SmallIntegerField()
    value = peewee.BigIntegerField()

    class Meta:
        primary_key = peewee.CompositeKey("name", "label", "shard")
