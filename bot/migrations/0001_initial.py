"""The first tables: a frozen copy of the models as they were then."""

import peewee

from ledger.database import InstantField


def one_of(column, *values):
    return [peewee.Check(f"{column} IN ({', '.join(repr(v) for v in values)})")]


def up(migrator, db):
    class Table(peewee.Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Account(Table):
        name = peewee.TextField(unique=True)
        timezone = peewee.TextField()
        balance = peewee.IntegerField(default=0)
        entries = peewee.IntegerField(default=0)
        created_at = InstantField()

    class Period(Table):
        account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
        starts_at = InstantField()
        ends_at = InstantField(null=True)
        closed = peewee.BooleanField(default=False)
        carried_in = peewee.IntegerField(default=0)
        granted = peewee.IntegerField(default=0)
        used = peewee.IntegerField(default=0)

        class Meta:
            indexes = ((("account", "starts_at"), True),)

    Period.add_index(Period.account, unique=True, where=~Period.closed, name="period_open")

    class Grant(Table):
        account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
        amount = peewee.IntegerField(constraints=[peewee.Check("amount > 0")])
        remaining = peewee.IntegerField(constraints=[peewee.Check("remaining >= 0")])
        granted_at = InstantField()
        expires_at = InstantField(null=True)

        class Meta:
            table_name = "credit_grant"
            indexes = ((("account", "granted_at"), False),)

    Grant.add_index(
        Grant.account, Grant.granted_at, where=Grant.remaining > 0, name="credit_grant_left"
    )

    class Entry(Table):
        account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
        number = peewee.IntegerField()
        period = peewee.ForeignKeyField(Period, on_delete="RESTRICT")
        key = peewee.TextField(unique=True)
        kind = peewee.TextField(
            constraints=[
                peewee.Check("kind IN ('grant', 'adjust', 'charge_in', 'charge_out', 'refund')")
            ]
        )
        amount = peewee.IntegerField()
        balance = peewee.IntegerField()
        message = peewee.BigIntegerField(null=True)
        charge = peewee.ForeignKeyField("self", null=True, on_delete="RESTRICT")
        grant = peewee.ForeignKeyField(Grant, null=True, on_delete="RESTRICT", index=False)
        reason = peewee.TextField()
        actor = peewee.TextField()
        made_at = InstantField()

        class Meta:
            indexes = ((("account", "number"), True),)

    class Member(Table):
        account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
        slack_user = peewee.TextField(index=True)
        role = peewee.TextField(constraints=one_of("role", "owner", "manager", "agent"))

        class Meta:
            indexes = ((("account", "slack_user"), True),)

    class Line(Table):
        account = peewee.ForeignKeyField(Account, on_delete="RESTRICT")
        number = peewee.TextField(unique=True)
        channel = peewee.TextField(index=True)
        read_until = InstantField()
        made_at = InstantField()

    class Contact(Table):
        account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
        number = peewee.TextField()
        name = peewee.TextField(null=True)
        place = peewee.TextField(null=True)
        opted_out_at = InstantField(null=True)
        made_at = InstantField()

        class Meta:
            indexes = ((("account", "number"), True),)

    Contact.add_index(Contact.account, peewee.fn.LOWER(Contact.name), name="contact_name")

    class Conversation(Table):
        line = peewee.ForeignKeyField(Line, on_delete="RESTRICT", index=False)
        contact = peewee.ForeignKeyField(Contact, on_delete="RESTRICT")
        state = peewee.TextField(default="open", constraints=one_of("state", "open", "closed"))
        channel = peewee.TextField()
        thread_ts = peewee.TextField(null=True)
        waiting_since = InstantField(null=True)
        opted_in_at = InstantField(null=True)
        heard_at = InstantField(null=True)
        last_text_at = InstantField(null=True)
        made_at = InstantField()

        class Meta:
            indexes = ((("line", "contact"), True),)

    class Message(Table):
        conversation = peewee.ForeignKeyField(Conversation, on_delete="RESTRICT", index=False)
        direction = peewee.TextField(constraints=one_of("direction", "in", "out"))
        body = peewee.TextField()
        media = peewee.TextField()
        kind = peewee.TextField(constraints=one_of("kind", "sms", "mms"))
        credits = peewee.IntegerField()
        refunded = peewee.IntegerField(default=0)
        carrier_segments = peewee.IntegerField()
        status = peewee.TextField()
        failure = peewee.TextField(null=True)
        author = peewee.TextField(null=True)
        message_sid = peewee.TextField(null=True, unique=True)
        in_channel = peewee.BooleanField(default=False)
        slack_ts = peewee.TextField(null=True)
        shown = peewee.TextField(null=True)
        recovered_at = InstantField(null=True)
        draft = peewee.TextField(null=True, unique=True)
        made_at = InstantField()

        class Meta:
            indexes = ((("conversation", "made_at"), False),)

    class Part(Table):
        message = peewee.ForeignKeyField(Message, on_delete="RESTRICT", index=False)
        number = peewee.IntegerField()
        body = peewee.TextField()
        credits = peewee.IntegerField()
        ref = peewee.TextField(unique=True)
        message_sid = peewee.TextField(null=True, unique=True)
        status = peewee.TextField(default="waiting")
        error_code = peewee.IntegerField(null=True)
        ask_at = InstantField(null=True)

        class Meta:
            indexes = ((("message", "number"), True),)

    Part.add_index(Part.ask_at, where=Part.ask_at.is_null(False), name="part_to_ask")

    class Draft(Table):
        id = peewee.TextField(primary_key=True)
        line = peewee.ForeignKeyField(Line, on_delete="RESTRICT", index=False)
        number = peewee.TextField()
        body = peewee.TextField()
        credits = peewee.IntegerField()
        author = peewee.TextField()
        version = peewee.IntegerField(default=1)
        state = peewee.TextField(
            default="quoted", constraints=one_of("state", "quoted", "queued", "cancelled")
        )
        made_at = InstantField()

    class Inbox(Table):
        id = peewee.BigAutoField()
        key = peewee.TextField(unique=True)
        kind = peewee.TextField()
        lane = peewee.TextField()
        payload = peewee.TextField()
        state = peewee.TextField(
            default="new", constraints=one_of("state", "new", "done", "parked")
        )
        tries = peewee.SmallIntegerField(default=0)
        error = peewee.TextField(null=True)
        due_at = InstantField()
        received_at = InstantField()
        done_at = InstantField(null=True)

    Inbox.add_index(Inbox.id, where=Inbox.state == "new", name="inbox_new")

    Inbox.add_index(Inbox.lane, Inbox.id, where=Inbox.state == "new", name="inbox_lane_new")

    Inbox.add_index(Inbox.id, where=Inbox.state == "parked", name="inbox_parked")

    class Lane(Table):
        name = peewee.TextField(primary_key=True)
        due_at = InstantField(null=True)
        has_slot = peewee.BooleanField(default=False)

    Lane.add_index(Lane.due_at, where=Lane.due_at.is_null(False), name="lane_due")

    class Pace(Table):
        key = peewee.TextField(primary_key=True)
        next_at = InstantField()
        shut_until = InstantField(null=True)

    class Delivery(Table):
        id = peewee.BigAutoField()
        key = peewee.TextField(unique=True)
        kind = peewee.TextField()
        lane = peewee.TextField()
        pace = peewee.TextField()
        payload = peewee.TextField()
        replaces = peewee.TextField(null=True)
        state = peewee.TextField(
            default="queued",
            constraints=one_of("state", "queued", "sending", "unknown", "done", "failed", "parked"),
        )
        tries = peewee.SmallIntegerField(default=0)
        looks = peewee.SmallIntegerField(default=0)
        claim = peewee.TextField(null=True)
        due_at = InstantField()
        attempted_at = InstantField(null=True)
        lease_until = InstantField(null=True)
        error = peewee.TextField(null=True)
        made_at = InstantField()
        done_at = InstantField(null=True)

    live = Delivery.state.in_(["queued", "sending", "unknown"])

    Delivery.add_index(Delivery.lane, Delivery.id, where=live, name="delivery_live")

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

    class Heartbeat(Table):
        worker = peewee.TextField(primary_key=True)
        beat_at = InstantField()

    class Tally(Table):
        name = peewee.TextField()
        label = peewee.TextField()
        shard = peewee.SmallIntegerField()
        value = peewee.BigIntegerField()

        class Meta:
            primary_key = peewee.CompositeKey("name", "label", "shard")

    db.create_tables(
        [
            Account,
            Period,
            Grant,
            Entry,
            Member,
            Line,
            Contact,
            Conversation,
            Message,
            Part,
            Draft,
            Inbox,
            Lane,
            Pace,
            Delivery,
            Heartbeat,
            Tally,
        ]
    )
