"""The tables of the bridge, in the order of the story they tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import peewee

from ledger.database import InstantField
from ledger.models import TABLES as LEDGER_TABLES
from ledger.models import Account, Table

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


# Who is on the line


class Member(Table):
    """A Slack user's role on an account."""

    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
    slack_user = peewee.TextField(index=True)
    role = peewee.TextField(constraints=one_of("role", "owner", "manager", "agent"))

    class Meta:
        indexes = ((("account", "slack_user"), True),)


class Address(Table):
    """Where an account's alerts go by e-mail."""

    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
    email = peewee.TextField()

    class Meta:
        indexes = ((("account", "email"), True),)


class Digest(Table):
    """When an account gets its daily digest."""

    account = peewee.ForeignKeyField(Account, primary_key=True, on_delete="RESTRICT")
    hour = peewee.SmallIntegerField(  # of the account's own day
        default=8, constraints=[peewee.Check("hour BETWEEN 0 AND 23")]
    )
    next_at = InstantField(null=True)  # none while it is muted
    day = peewee.DateField(null=True)  # the account's date when it last came, or had nothing to say


Digest.add_index(Digest.next_at, where=Digest.next_at.is_null(False), name="digest_next")


class Line(Table):
    """One phone number of an account, tied to one Slack channel."""

    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT")
    number = peewee.TextField(unique=True)  # E.164
    channel = peewee.TextField(index=True)  # Slack's id
    read_until = InstantField()  # Twilio's list has been read up to here
    priced_until = InstantField(null=True)  # and Twilio's own prices up to here
    made_at = InstantField()


class Contact(Table):
    """A person with a phone number."""

    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
    number = peewee.TextField()  # as Twilio sent it: E.164, a short code, or a name
    name = peewee.TextField(null=True)
    place = peewee.TextField(null=True)  # where Twilio says the number is from
    opted_out_at = InstantField(null=True)  # STOP, for every line of the account
    made_at = InstantField()

    class Meta:
        indexes = ((("account", "number"), True),)


Contact.add_index(Contact.account, peewee.fn.LOWER(Contact.name), name="contact_name")


class Conversation(Table):
    """One contact on one line, in one Slack thread for good."""

    line = peewee.ForeignKeyField(Line, on_delete="RESTRICT", index=False)
    contact = peewee.ForeignKeyField(Contact, on_delete="RESTRICT")
    state = peewee.TextField(default="open", constraints=one_of("state", "open", "closed"))
    channel = peewee.TextField()  # Slack's id; the thread stays there if the line moves
    thread_ts = peewee.TextField(null=True)  # none until Slack has the root
    waiting_since = InstantField(null=True)  # the oldest text in that nobody answered
    opted_in_at = InstantField(null=True)  # START, for this line alone
    heard_at = InstantField(null=True)  # the last text in
    last_text_at = InstantField(null=True)
    made_at = InstantField()

    class Meta:
        indexes = ((("line", "contact"), True),)


Conversation.add_index(
    Conversation.line,
    Conversation.waiting_since,
    where=Conversation.waiting_since.is_null(False),
    name="conversation_waiting",
)


# What was said


class Message(Table):
    """One text as people see it, in or out."""

    conversation = peewee.ForeignKeyField(Conversation, on_delete="RESTRICT", index=False)
    direction = peewee.TextField(constraints=one_of("direction", "in", "out"))
    body = peewee.TextField()
    media = JSONText(default=list)  # [{"url", "content_type"}, …]
    kind = peewee.TextField(constraints=one_of("kind", "sms", "mms"))
    credits = peewee.IntegerField()
    refunded = peewee.IntegerField(default=0)  # credits
    carrier_segments = peewee.IntegerField()
    status = peewee.TextField()  # Twilio's word; "received" for a text in
    failure = peewee.TextField(null=True)  # why it did not arrive, in plain words
    author = peewee.TextField(null=True)  # Slack user, for a text out
    message_sid = peewee.TextField(null=True, unique=True)  # of a text in
    in_channel = peewee.BooleanField(default=False)  # shown in the channel too
    slack_ts = peewee.TextField(null=True)  # of its copy in the thread
    shown = peewee.TextField(null=True)  # the state that copy shows
    recovered_at = InstantField(null=True)  # when no webhook brought it
    draft = peewee.TextField(null=True, unique=True)  # what a text out was before Send
    price_micros = peewee.IntegerField(null=True)  # of a text in, Twilio's, in millionths
    made_at = InstantField()

    class Meta:
        indexes = ((("conversation", "made_at"), False),)


class Part(Table):
    """One Twilio message of a text out: a long text leaves as several (R5)."""

    message = peewee.ForeignKeyField(Message, on_delete="RESTRICT", index=False)
    number = peewee.IntegerField()  # 0, 1, 2 …
    body = peewee.TextField()
    credits = peewee.IntegerField()  # its share of the message's
    ref = peewee.TextField(unique=True)  # what its status callbacks carry
    message_sid = peewee.TextField(null=True, unique=True)
    status = peewee.TextField(default="waiting")  # then Twilio's word
    error_code = peewee.IntegerField(null=True)
    price_micros = peewee.IntegerField(null=True)  # Twilio's, in millionths of its currency
    ask_at = InstantField(null=True)  # when to ask Twilio what became of it

    class Meta:
        indexes = ((("message", "number"), True),)


Part.add_index(Part.ask_at, where=Part.ask_at.is_null(False), name="part_to_ask")


class Draft(Table):
    """A text that was quoted and waits for Send."""

    id = peewee.TextField(primary_key=True)
    line = peewee.ForeignKeyField(Line, on_delete="RESTRICT", index=False)
    number = peewee.TextField()  # the recipient's
    body = peewee.TextField()
    credits = peewee.IntegerField()  # as shown
    author = peewee.TextField()  # Slack user
    version = peewee.IntegerField(default=1)
    state = peewee.TextField(
        default="quoted", constraints=one_of("state", "quoted", "queued", "cancelled")
    )
    made_at = InstantField()


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


Lane.add_index(Lane.due_at, where=Lane.due_at.is_null(False), name="lane_due")


class Pace(Table):
    """How fast one number, channel or mail server may be used."""

    key = peewee.TextField(primary_key=True)
    next_at = InstantField()  # the next free slot
    shut_until = InstantField(null=True)  # the peer said: not before


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


TABLES = [
    *LEDGER_TABLES, Member, Address, Digest, Line, Contact, Conversation, Message, Part, Draft,
    Inbox, Lane, Pace, Delivery, Heartbeat, Tally,
]  # fmt: skip
