"""The desk in Slack: thread replies, contacts, consent, the composer, Home."""

import peewee

from bot.contacts import address_book
from ledger.database import InstantField, query

STATES = "state IN ('quoted', 'queued', 'cancelled')"
MORE_STATES = "state IN ('quoted', 'queued', 'cancelled', 'scheduled')"
SHEET_STATES = "state IN ('reading', 'checking', 'ready', 'importing', 'done', 'failed', 'stopped')"
COLUMNS = """
    member name TEXT
    member left_at TIMESTAMPTZ
    member checked_at TIMESTAMPTZ
    line mode TEXT NOT NULL DEFAULT 'confirm' CHECK (mode IN ('confirm', 'send', 'notes'))
    line send_up_to SMALLINT NOT NULL DEFAULT 3
    line joined_at TIMESTAMPTZ
    contact email TEXT
    contact timezone TEXT
    contact notes TEXT
    contact blocked_at TIMESTAMPTZ
    contact told_at TIMESTAMPTZ
    contact same_as_id INTEGER REFERENCES "contact" ("id") ON DELETE RESTRICT
    conversation has_thread BOOLEAN NOT NULL DEFAULT true
    conversation stale BOOLEAN NOT NULL DEFAULT false
    conversation former_channel TEXT
    conversation former_ts TEXT
    conversation goes_on_id INTEGER REFERENCES "conversation" ("id") ON DELETE RESTRICT
    conversation assigned_to TEXT
    conversation snoozed_until TIMESTAMPTZ
    conversation braked_at TIMESTAMPTZ
    conversation burst SMALLINT NOT NULL DEFAULT 0
    message words TEXT NOT NULL DEFAULT ''
    message failed_at TIMESTAMPTZ
    digest told_until TIMESTAMPTZ
    message other_number TEXT
    part media TEXT NOT NULL DEFAULT '[]'
    part as_mms BOOLEAN NOT NULL DEFAULT false
    draft words TEXT NOT NULL DEFAULT ''
    draft media TEXT NOT NULL DEFAULT '[]'
    draft as_mms BOOLEAN NOT NULL DEFAULT false
    draft conversation_id INTEGER REFERENCES "conversation" ("id") ON DELETE RESTRICT
    draft source_ts TEXT
    draft changed_ts TEXT
    draft card_ts TEXT
    draft seen INTEGER
    draft asked TEXT
    draft send_at TIMESTAMPTZ
    draft returned BOOLEAN NOT NULL DEFAULT false
    delivery told_at TIMESTAMPTZ
"""
INDEXES = """
    contact_newest ON contact (account_id, id)
    contact_same_as ON contact (same_as_id) WHERE (same_as_id IS NOT NULL)
    conversation_goes_on ON conversation (goes_on_id) WHERE (goes_on_id IS NOT NULL)
    conversation_stale ON conversation (id) WHERE stale
    conversation_former ON conversation (former_ts) WHERE (former_ts IS NOT NULL)
    conversation_snoozed ON conversation (snoozed_until) WHERE (snoozed_until IS NOT NULL)
    conversation_thread ON conversation (channel, thread_ts) WHERE (thread_ts IS NOT NULL)
    draft_scheduled ON draft (send_at) WHERE (state = 'scheduled')
    UNIQUE member_owner ON member (account_id) WHERE ((left_at IS NULL) AND (role = 'owner'))
    draft_returned ON draft (line_id) WHERE (returned AND (state = 'quoted'))
    UNIQUE draft_source ON draft (conversation_id, source_ts) WHERE (source_ts IS NOT NULL)
"""
#: An account has one owner: whoever was it first.
ONE_OWNER = """
    UPDATE member SET role = 'manager' WHERE role = 'owner'
      AND id NOT IN (SELECT MIN(id) FROM member WHERE role = 'owner' GROUP BY account_id)"""
BEFORE = "SELECT id, account_id, number, name FROM contact WHERE id > %s ORDER BY id LIMIT 500"
ADD_WORD = "INSERT INTO word (account_id, word, contact_id) VALUES (%s, %s, %s)"


def up(migrator, db):
    sqlite = isinstance(db, peewee.SqliteDatabase)
    for line in COLUMNS.strip().splitlines():
        table, column, kind, rest = (*line.split(maxsplit=3), "")[:4]
        kind = {"SMALLINT": "INTEGER", "BOOLEAN": "INTEGER"}.get(kind, kind) if sqlite else kind
        db.execute_sql(f'ALTER TABLE "{table}" ADD COLUMN "{column}" {kind} {rest}')
    if sqlite:  # as in 0002
        version = db.execute_sql("PRAGMA schema_version").fetchone()[0]
        db.execute_sql("PRAGMA writable_schema = ON")
        db.execute_sql(
            "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE name = 'draft'",
            (STATES, MORE_STATES),
        )
        db.execute_sql(f"PRAGMA schema_version = {version + 1}")
        db.execute_sql("PRAGMA writable_schema = OFF")
    else:
        db.execute_sql("ALTER TABLE draft DROP CONSTRAINT draft_state_check")
        db.execute_sql(f"ALTER TABLE draft ADD CONSTRAINT draft_state_check CHECK ({MORE_STATES})")
    db.execute_sql("DROP INDEX contact_name")  # names are found in Word
    db.execute_sql(ONE_OWNER)
    for line in INDEXES.strip().splitlines():
        kind = "UNIQUE INDEX" if "UNIQUE" in line else "INDEX"
        db.execute_sql(f"CREATE {kind} {line.strip().removeprefix('UNIQUE ')}")

    class Table(peewee.Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Account(Table):
        pass

    class Line(Table):
        pass

    class Contact(Table):
        pass

    class Conversation(Table):
        pass

    class Policy(Table):
        account = peewee.ForeignKeyField(Account, primary_key=True, on_delete="RESTRICT")
        opt_out_words = peewee.TextField(default="Reply STOP to opt out.")
        quiet_from = peewee.SmallIntegerField(
            default=20, constraints=[peewee.Check("quiet_from BETWEEN 1 AND 24")]
        )
        quiet_until = peewee.SmallIntegerField(
            default=9, constraints=[peewee.Check("quiet_until BETWEEN 0 AND 23")]
        )

    class Template(Table):
        account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
        name = peewee.TextField()
        body = peewee.TextField()

        class Meta:
            indexes = ((("account", "name"), True),)

    class Tag(Table):
        account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
        tag = peewee.TextField()
        contact = peewee.ForeignKeyField(Contact, on_delete="CASCADE")

        class Meta:
            primary_key = peewee.CompositeKey("account", "tag", "contact")

    class Word(Table):
        account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
        word = peewee.BlobField()
        contact = peewee.ForeignKeyField(Contact, on_delete="CASCADE", index=False)

        class Meta:
            primary_key = peewee.CompositeKey("account", "word", "contact")
            indexes = ((("contact", "word"), False),)

    class Consent(Table):
        contact = peewee.ForeignKeyField(Contact, on_delete="RESTRICT")
        line = peewee.ForeignKeyField(Line, null=True, on_delete="RESTRICT", index=False)
        given = peewee.BooleanField()
        how = peewee.TextField()
        by = peewee.TextField(null=True)
        on_day = peewee.DateField(null=True)
        made_at = InstantField()

    class Sheet(Table):
        id = peewee.TextField(primary_key=True)
        account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
        user = peewee.TextField()
        name = peewee.TextField()
        file = peewee.TextField(null=True)
        state = peewee.TextField(constraints=[peewee.Check(SHEET_STATES)])
        version = peewee.IntegerField(default=1)
        header = peewee.TextField()
        places = peewee.TextField()
        length = peewee.IntegerField(default=0)
        upto = peewee.IntegerField(default=0)
        counts = peewee.TextField()
        tries = peewee.SmallIntegerField(default=0)
        why = peewee.TextField(null=True)
        channel = peewee.TextField(null=True)
        ts = peewee.TextField(null=True)
        made_at = InstantField()

    Sheet.add_index(
        Sheet.upto, where=Sheet.state.in_(["checking", "importing"]), name="sheet_to_work_on"
    )

    class SheetRow(Table):
        sheet = peewee.ForeignKeyField(Sheet, on_delete="CASCADE", index=False)
        line = peewee.IntegerField()
        cells = peewee.TextField()
        number = peewee.TextField(null=True)
        outcome = peewee.TextField(null=True)
        why = peewee.TextField(null=True)

        class Meta:
            primary_key = peewee.CompositeKey("sheet", "line")

    SheetRow.add_index(
        SheetRow.sheet,
        SheetRow.number,
        where=SheetRow.number.is_null(False),
        name="sheet_row_number",
    )
    SheetRow.add_index(
        SheetRow.sheet, SheetRow.line, where=SheetRow.why.is_null(False), name="sheet_row_why"
    )

    class Typing(Table):
        view = peewee.TextField(primary_key=True)
        user = peewee.TextField()
        line = peewee.ForeignKeyField(Line, on_delete="CASCADE", index=False)
        conversation = peewee.ForeignKeyField(
            Conversation, null=True, on_delete="CASCADE", index=False
        )
        number = peewee.TextField(null=True)
        body = peewee.TextField()
        media = peewee.TextField()
        as_mms = peewee.BooleanField()
        send_at = InstantField(null=True)
        box = peewee.SmallIntegerField()
        filled = peewee.TextField()
        template = peewee.IntegerField(null=True)
        asked = peewee.IntegerField(null=True)
        note = peewee.TextField()
        at = peewee.TextField()
        shown = peewee.TextField(null=True)
        hash = peewee.TextField(null=True)
        claim = peewee.TextField(null=True)
        busy_until = InstantField(null=True)
        made_at = InstantField()

    class Viewer(Table):
        slack_user = peewee.TextField(primary_key=True)
        opened_at = InstantField()
        account = peewee.ForeignKeyField(Account, null=True, on_delete="RESTRICT", index=False)
        listed = peewee.SmallIntegerField(default=10)
        stale = peewee.BooleanField(default=False)
        published_at = InstantField(null=True)

    Viewer.add_index(Viewer.slack_user, where=Viewer.stale, name="viewer_stale")

    db.create_tables([Policy, Template, Tag, Word, Consent, Sheet, SheetRow, Typing, Viewer])
    _index()


def _index():
    """Has the contacts found that were there before."""
    last = 0
    while rows := query(BEFORE, last).fetchall():
        for last, account, number, name in rows:
            for word in address_book.words([number], name):
                query(ADD_WORD, account, word, last)
