"""Plans, periods that end, grants that expire, alerts, digests, Twilio's own prices."""

from datetime import UTC, datetime

import peewee

from ledger.boundaries import day_of
from ledger.database import InstantField

KINDS = "kind IN ('grant', 'adjust', 'charge_in', 'charge_out', 'refund')"
MORE_KINDS = (
    "kind IN ('grant', 'plan', 'withdraw', 'expire', 'adjust', 'charge_in', 'charge_out', 'refund')"
)
COLUMNS = """
    account grants_last_months SMALLINT NOT NULL DEFAULT 12
    account due_at TIMESTAMPTZ
    account booked_at TIMESTAMPTZ
    period kind TEXT NOT NULL DEFAULT 'open' CHECK (kind IN ('open', 'plan', 'hold', 'frozen'))
    period anchor SMALLINT
    period timezone TEXT
    period plan_granted INTEGER NOT NULL DEFAULT 0
    period plan TEXT
    period plan_name TEXT
    period plan_credits INTEGER
    period price_cents INTEGER
    period alerted SMALLINT NOT NULL DEFAULT 0
    period alert_due BOOLEAN NOT NULL DEFAULT false
    credit_grant announce_at TIMESTAMPTZ
    line priced_until TIMESTAMPTZ
    message price_micros INTEGER
    part price_micros INTEGER
"""
INDEXES = """
    account_due ON account (due_at) WHERE (due_at IS NOT NULL)
    period_starts_at ON period (starts_at)
    period_alert_due ON period (account_id) WHERE (alert_due AND NOT closed)
    credit_grant_announce ON credit_grant (announce_at)
      WHERE ((remaining > 0) AND (announce_at IS NOT NULL))
    entry_account_id_made_at ON entry (account_id, made_at)
    conversation_waiting ON conversation (line_id, waiting_since) WHERE (waiting_since IS NOT NULL)
"""


def lines(table):
    return table.replace("\n      ", " ").strip().splitlines()


def up(migrator, db):
    sqlite = isinstance(db, peewee.SqliteDatabase)
    for line in lines(COLUMNS):
        table, column, kind, rest = (*line.split(maxsplit=3), "")[:4]
        kind = {"SMALLINT": "INTEGER", "BOOLEAN": "INTEGER"}.get(kind, kind) if sqlite else kind
        db.execute_sql(f'ALTER TABLE "{table}" ADD COLUMN "{column}" {kind} {rest}')
    for line in lines(INDEXES):
        db.execute_sql(f"CREATE INDEX {line}")
    if sqlite:
        # A CHECK of a table that others name cannot be changed otherwise without a copy of it:
        # sqlite.org/lang_altertable.html, "changes that do not affect the on-disk content".
        version = db.execute_sql("PRAGMA schema_version").fetchone()[0]
        db.execute_sql("PRAGMA writable_schema = ON")
        db.execute_sql(
            "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE name = 'entry'",
            (KINDS, MORE_KINDS),
        )
        db.execute_sql(f"PRAGMA schema_version = {version + 1}")
        db.execute_sql("PRAGMA writable_schema = OFF")
    else:
        db.execute_sql("ALTER TABLE entry DROP CONSTRAINT entry_kind_check")
        db.execute_sql(f"ALTER TABLE entry ADD CONSTRAINT entry_kind_check CHECK ({MORE_KINDS})")

    class Table(peewee.Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Account(Table):
        timezone = peewee.TextField()

    class Period(Table):
        pass

    class Subscription(Table):
        account = peewee.ForeignKeyField(Account, primary_key=True, on_delete="RESTRICT")
        plan = peewee.TextField()
        name = peewee.TextField()
        credits = peewee.IntegerField()
        price_cents = peewee.IntegerField()
        hold_price_cents = peewee.IntegerField()
        anchor = peewee.SmallIntegerField(constraints=[peewee.Check("anchor BETWEEN 1 AND 31")])
        then = peewee.TextField(
            constraints=[peewee.Check("\"then\" IN ('renew', 'hold', 'cancel')")]
        )
        told_at = InstantField(null=True)

    class Change(Table):
        account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
        period = peewee.ForeignKeyField(Period, on_delete="RESTRICT", index=False)
        key = peewee.TextField(unique=True)
        what = peewee.TextField(
            constraints=[
                peewee.Check("what IN ('subscribe', 'change', 'hold', 'cancel', 'resume')")
            ]
        )
        plan = peewee.TextField()
        credits = peewee.IntegerField()
        price_cents = peewee.IntegerField()
        actor = peewee.TextField()
        made_at = InstantField()

        class Meta:
            table_name = "subscription_change"
            indexes = ((("account", "made_at"), False),)

    class Alert(Table):
        period = peewee.ForeignKeyField(Period, on_delete="RESTRICT", index=False)
        threshold = peewee.SmallIntegerField()
        limit = peewee.IntegerField()
        used = peewee.IntegerField()
        made_at = InstantField()

        class Meta:
            indexes = ((("period", "threshold", "limit"), True),)

    class Address(Table):
        account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
        email = peewee.TextField()

        class Meta:
            indexes = ((("account", "email"), True),)

    class Digest(Table):
        account = peewee.ForeignKeyField(Account, primary_key=True, on_delete="RESTRICT")
        hour = peewee.SmallIntegerField(
            default=8, constraints=[peewee.Check("hour BETWEEN 0 AND 23")]
        )
        next_at = InstantField(null=True)
        day = peewee.DateField(null=True)

    Digest.add_index(Digest.next_at, where=Digest.next_at.is_null(False), name="digest_next")
    db.create_tables([Subscription, Change, Alert, Address, Digest])
    now = datetime.now(UTC)
    for account, zone in db.execute_sql("SELECT id, timezone FROM account").fetchall():
        # Due now, and done for today: the first one comes tomorrow at the account's own hour.
        Digest.insert(account=account, next_at=now, day=day_of(now, zone)).execute()
