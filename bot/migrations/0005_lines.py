"""Lines: several Twilio accounts, a line's own settings, set-ups, troubles, calls."""

import peewee

from ledger.database import InstantField

KINDS = (
    "kind IN ('grant', 'plan', 'withdraw', 'expire', 'adjust', 'charge_in', 'charge_out', 'refund')"
)
MORE_KINDS = (
    "kind IN ('grant', 'plan', 'withdraw', 'expire', 'adjust', 'charge_in', 'charge_out',"
    " 'charge_call', 'refund')"
)
TWILIO = 'TEXT REFERENCES "twilio_account" ("sid") ON DELETE RESTRICT'
COLUMNS = f"""
    line name TEXT
    line twilio_id {TWILIO}
    line sid TEXT
    line former_webhooks TEXT
    line price_cents INTEGER
    line quiet_from SMALLINT
    line quiet_until SMALLINT
    line released_at TIMESTAMPTZ
    line voice_mode TEXT NOT NULL DEFAULT 'message' CHECK (voice_mode IN ('message', 'forward'))
    line voice_words TEXT
    line forward_user TEXT
    line forward_number TEXT
    line text_back TEXT
    line text_back_by TEXT
    line sent_until TIMESTAMPTZ
    line calls_until TIMESTAMPTZ
    line checked_at TIMESTAMPTZ
    line text_back_up_to SMALLINT NOT NULL DEFAULT 3
    pace every_s REAL
    message arrived_at TIMESTAMPTZ
    part twilio_id {TWILIO}
"""


def up(migrator, db):
    sqlite = isinstance(db, peewee.SqliteDatabase)

    class Table(peewee.Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Account(Table):
        pass

    class TwilioAccount(Table):
        sid = peewee.TextField(primary_key=True)
        account = peewee.ForeignKeyField(Account, null=True, on_delete="RESTRICT", index=False)
        parent_sid = peewee.TextField(null=True)
        name = peewee.TextField(null=True)
        token = peewee.TextField()
        former_token = peewee.TextField(null=True)
        made_at = InstantField()

    db.create_tables([TwilioAccount])
    for line in COLUMNS.strip().splitlines():
        table, column, kind, rest = (*line.split(maxsplit=3), "")[:4]
        kind = {"SMALLINT": "INTEGER"}.get(kind, kind) if sqlite else kind
        db.execute_sql(f'ALTER TABLE "{table}" ADD COLUMN "{column}" {kind} {rest}')
    db.execute_sql('DROP INDEX "line_number"')
    db.execute_sql("CREATE UNIQUE INDEX line_number ON line (number) WHERE (released_at IS NULL)")
    _more_kinds(db, sqlite)
    db.create_tables(_tables(Table, Account, TwilioAccount))


def _more_kinds(db, sqlite):
    if not sqlite:
        db.execute_sql("ALTER TABLE entry DROP CONSTRAINT entry_kind_check")
        db.execute_sql(f"ALTER TABLE entry ADD CONSTRAINT entry_kind_check CHECK ({MORE_KINDS})")
        return
    # As in 0002: the CHECK of a table that others name.
    version = db.execute_sql("PRAGMA schema_version").fetchone()[0]
    db.execute_sql("PRAGMA writable_schema = ON")
    db.execute_sql(
        "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE name = 'entry'",
        (KINDS, MORE_KINDS),
    )
    db.execute_sql(f"PRAGMA schema_version = {version + 1}")
    db.execute_sql("PRAGMA writable_schema = OFF")


def _tables(Table, Account, TwilioAccount):
    class Line(Table):
        pass

    class Contact(Table):
        pass

    class Message(Table):
        pass

    class Setup(Table):
        id = peewee.TextField(primary_key=True)
        account = peewee.ForeignKeyField(Account, on_delete="RESTRICT")
        line = peewee.ForeignKeyField(Line, null=True, on_delete="RESTRICT", index=False)
        kind = peewee.TextField(
            constraints=[
                peewee.Check("kind IN ('new', 'adopt', 'transfer', 'own', 'support', 'release')")
            ]
        )
        number = peewee.TextField()
        twilio = peewee.ForeignKeyField(TwilioAccount, null=True, on_delete="RESTRICT", index=False)
        sid = peewee.TextField(null=True)
        step = peewee.TextField()
        details = peewee.TextField(default="{}")
        error = peewee.TextField(null=True)
        by = peewee.TextField()
        view = peewee.TextField(null=True)
        remind_at = InstantField(null=True)
        made_at = InstantField()
        done_at = InstantField(null=True)

    Setup.add_index(Setup.number, unique=True, where=Setup.done_at.is_null(), name="setup_number")
    Setup.add_index(Setup.remind_at, where=Setup.remind_at.is_null(False), name="setup_to_remind")

    class Trouble(Table):
        account = peewee.ForeignKeyField(Account, null=True, on_delete="RESTRICT", index=False)
        line = peewee.ForeignKeyField(Line, null=True, on_delete="RESTRICT")
        what = peewee.TextField()
        key = peewee.TextField()
        detail = peewee.TextField(default="")
        since = InstantField()
        told_at = InstantField(null=True)
        mended_at = InstantField(null=True)
        mended_told_at = InstantField(null=True)

    Trouble.add_index(
        Trouble.key, unique=True, where=Trouble.mended_at.is_null(), name="trouble_open"
    )

    class Call(Table):
        line = peewee.ForeignKeyField(Line, on_delete="RESTRICT", index=False)
        contact = peewee.ForeignKeyField(Contact, null=True, on_delete="RESTRICT", index=False)
        number = peewee.TextField()
        call_sid = peewee.TextField(unique=True)
        outcome = peewee.TextField(
            default="ringing",
            constraints=[
                peewee.SQL("DEFAULT 'ringing'"),
                peewee.Check("outcome IN ('ringing', 'answered', 'missed', 'message')"),
            ],
        )
        forwarded_to = peewee.TextField(null=True)
        seconds = peewee.IntegerField(default=0)
        minutes = peewee.IntegerField(default=0)
        credits = peewee.IntegerField(default=0)
        price_micros = peewee.IntegerField(null=True)
        text_back = peewee.ForeignKeyField(Message, null=True, on_delete="RESTRICT", index=False)
        text_back_at = InstantField(null=True)
        ask_at = InstantField(null=True)
        began_at = InstantField()
        ended_at = InstantField(null=True)

        class Meta:
            indexes = ((("line", "began_at"), False),)

    Call.add_index(Call.text_back, where=Call.text_back.is_null(False), name="call_text_back")
    Call.add_index(Call.ask_at, where=Call.ask_at.is_null(False), name="call_to_ask")
    Call.add_index(
        Call.contact, Call.began_at, where=Call.contact.is_null(False), name="call_contact"
    )
    return [Setup, Trouble, Call]
