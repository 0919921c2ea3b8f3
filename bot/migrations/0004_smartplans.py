"""SmartPlans: plans, their versions and steps, who is on them, and what came of each step."""

import peewee

from ledger.database import InstantField

COLUMNS = """
    contact mail_stopped_at TIMESTAMPTZ
    contact mail_bounced_at TIMESTAMPTZ
    contact unreachable TEXT
    line suspended_at TIMESTAMPTZ
    line plans_until TIMESTAMPTZ
    line plans_day DATE
    line plans_sent INTEGER NOT NULL DEFAULT 0
    line plan_texts_a_day INTEGER NOT NULL DEFAULT 2000
    message automated BOOLEAN NOT NULL DEFAULT false
    policy plan_texts_a_day SMALLINT NOT NULL DEFAULT 3
    policy plan_gap_minutes SMALLINT NOT NULL DEFAULT 60
"""


def up(migrator, db):
    sqlite = isinstance(db, peewee.SqliteDatabase)
    for line in COLUMNS.strip().splitlines():
        table, column, kind, rest = (*line.split(maxsplit=3), "")[:4]
        kind = {"SMALLINT": "INTEGER", "BOOLEAN": "INTEGER"}.get(kind, kind) if sqlite else kind
        db.execute_sql(f'ALTER TABLE "{table}" ADD COLUMN "{column}" {kind} {rest}')

    class Table(peewee.Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Account(Table):
        pass

    class Contact(Table):
        pass

    class Line(Table):
        pass

    class Message(Table):
        pass

    class SmartPlan(Table):
        account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
        name = peewee.TextField()
        state = peewee.TextField(
            default="draft",
            constraints=[peewee.Check("state IN ('draft', 'on', 'paused', 'archived')")],
        )
        version = peewee.IntegerField(default=1)
        moving = peewee.BooleanField(default=False)
        line = peewee.ForeignKeyField(Line, null=True, on_delete="RESTRICT", index=False)
        stop_on_reply = peewee.BooleanField(default=True)
        stop_on_close = peewee.BooleanField(default=True)
        allow_again = peewee.BooleanField(default=False)
        cap = peewee.IntegerField(null=True)
        spent = peewee.IntegerField(default=0)
        short_since = InstantField(null=True)
        short_of = peewee.IntegerField(null=True)
        due_at = InstantField(null=True)
        published_at = InstantField(null=True)
        flows_into = peewee.ForeignKeyField("self", null=True, on_delete="SET NULL", index=False)
        made_by = peewee.TextField()
        made_at = InstantField()

    SmartPlan.add_index(
        SmartPlan.account,
        peewee.fn.LOWER(SmartPlan.name),
        unique=True,
        where=SmartPlan.state != "archived",
        name="smart_plan_name",
    )
    SmartPlan.add_index(
        SmartPlan.due_at,
        where=(SmartPlan.state == "on") & SmartPlan.due_at.is_null(False),
        name="smart_plan_due",
    )
    SmartPlan.add_index(
        SmartPlan.short_since, where=SmartPlan.short_since.is_null(False), name="smart_plan_short"
    )
    SmartPlan.add_index(
        SmartPlan.published_at,
        where=SmartPlan.published_at.is_null(False),
        name="smart_plan_published",
    )

    class SmartPlanVersion(Table):
        plan = peewee.ForeignKeyField(SmartPlan, on_delete="CASCADE", index=False)
        number = peewee.IntegerField()
        repeat_every = peewee.SmallIntegerField(null=True)
        repeat_unit = peewee.TextField(
            null=True,
            constraints=[peewee.Check("repeat_unit IN ('days', 'weeks', 'months', 'years')")],
        )
        made_by = peewee.TextField()
        made_at = InstantField()

        class Meta:
            indexes = ((("plan", "number"), True),)

    class Step(Table):
        version = peewee.ForeignKeyField(SmartPlanVersion, on_delete="CASCADE", index=False)
        position = peewee.SmallIntegerField()
        key = peewee.TextField()
        kind = peewee.TextField(constraints=[peewee.Check("kind IN ('text', 'email', 'reminder')")])
        basis = peewee.TextField(
            constraints=[peewee.Check("basis IN ('enrolled', 'previous', 'date')")]
        )
        amount = peewee.IntegerField(default=0)
        unit = peewee.TextField(
            default="days",
            constraints=[
                peewee.Check("unit IN ('minutes', 'hours', 'days', 'weeks', 'months', 'years')")
            ],
        )
        at = peewee.SmallIntegerField(
            null=True, constraints=[peewee.Check('"at" BETWEEN 0 AND 1439')]
        )
        weekdays = peewee.SmallIntegerField(
            default=0, constraints=[peewee.Check("weekdays BETWEEN 0 AND 127")]
        )
        date_field = peewee.TextField(null=True)
        subject = peewee.TextField(null=True)
        bodies = peewee.TextField(default="[]")
        media = peewee.TextField(default="[]")
        assigned_to = peewee.TextField(null=True)
        ceiling = peewee.IntegerField(null=True)

        class Meta:
            indexes = ((("version", "position"), True), (("version", "key"), True))

    class Picture(Table):
        id = peewee.TextField(primary_key=True)
        account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
        content = peewee.BlobField()
        by = peewee.TextField()
        made_at = InstantField()

    class PlanRule(Table):
        plan = peewee.ForeignKeyField(SmartPlan, on_delete="CASCADE", index=False)
        what = peewee.TextField(constraints=[peewee.Check("what IN ('enroll', 'remove')")])
        event = peewee.TextField(
            constraints=[
                peewee.Check(
                    "event IN ('tag_added', 'tag_removed', 'new_sender', 'replied', 'closed')"
                )
            ]
        )
        tag = peewee.TextField(default="")

        class Meta:
            indexes = ((("plan", "what", "event", "tag"), True),)

    class Bulk(Table):
        account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
        plan = peewee.ForeignKeyField(SmartPlan, on_delete="RESTRICT", index=False)
        by = peewee.TextField()
        tag = peewee.TextField(null=True)
        people = peewee.TextField(default="[]")
        total = peewee.IntegerField()
        state = peewee.TextField(
            default="running",
            constraints=[
                peewee.Check("state IN ('running', 'paused', 'stopping', 'stopped', 'done')")
            ],
        )
        busy = peewee.BooleanField(default=True)
        upto = peewee.IntegerField(default=0)
        entered = peewee.BooleanField(default=False)
        looked_at = peewee.IntegerField(default=0)
        put_on = peewee.IntegerField(default=0)
        left_out = peewee.TextField(default="{}")
        done = peewee.TextField(default="{}")
        skipped = peewee.TextField(default="{}")
        out_at = InstantField(null=True)
        ends_at = InstantField(null=True)
        stale = peewee.BooleanField(default=True)
        shown_at = InstantField(null=True)
        channel = peewee.TextField(null=True)
        card_ts = peewee.TextField(null=True)
        made_at = InstantField()

    Bulk.add_index(Bulk.id, where=Bulk.busy, name="bulk_busy")
    Bulk.add_index(Bulk.shown_at, where=Bulk.stale, name="bulk_stale")

    class Enrollment(Table):
        id = peewee.BigAutoField()
        account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
        plan = peewee.ForeignKeyField(SmartPlan, on_delete="RESTRICT", index=False)
        version = peewee.ForeignKeyField(SmartPlanVersion, on_delete="RESTRICT", index=False)
        contact = peewee.ForeignKeyField(Contact, on_delete="RESTRICT", index=False)
        state = peewee.TextField(
            default="active",
            constraints=[
                peewee.Check(
                    "state IN ('active', 'paused', 'waiting', 'asking', 'done', 'stopped')"
                )
            ],
        )
        why = peewee.TextField(null=True)
        round = peewee.IntegerField(default=0)
        position = peewee.SmallIntegerField(default=0)
        kind = peewee.TextField(constraints=[peewee.Check("kind IN ('text', 'email', 'reminder')")])
        enrolled_at = InstantField()
        basis_at = InstantField()
        planned_at = InstantField()
        due_at = InstantField(null=True)
        previous_planned_at = InstantField(null=True)
        previous_at = InstantField(null=True)
        agreed = peewee.IntegerField(null=True)
        by = peewee.TextField()
        bulk = peewee.ForeignKeyField(Bulk, null=True, on_delete="RESTRICT", index=False)
        ended_at = InstantField(null=True)

    alive = Enrollment.state.in_(["active", "paused", "waiting", "asking"])
    Enrollment.add_index(
        Enrollment.plan, Enrollment.contact, unique=True, where=alive, name="enrollment_once"
    )
    Enrollment.add_index(Enrollment.contact, Enrollment.plan, name="enrollment_contact")
    Enrollment.add_index(
        Enrollment.plan,
        Enrollment.kind,
        Enrollment.due_at,
        Enrollment.id,
        where=Enrollment.state == "active",
        name="enrollment_due",
    )
    Enrollment.add_index(
        Enrollment.plan,
        Enrollment.planned_at,
        Enrollment.id,
        where=Enrollment.state == "waiting",
        name="enrollment_waiting",
    )
    Enrollment.add_index(
        Enrollment.account,
        Enrollment.id,
        where=Enrollment.state == "asking",
        name="enrollment_asking",
    )
    Enrollment.add_index(
        Enrollment.plan,
        Enrollment.state,
        where=Enrollment.state != "active",
        name="enrollment_at_rest",
    )
    Enrollment.add_index(
        Enrollment.bulk,
        Enrollment.state,
        Enrollment.id,
        where=Enrollment.bulk.is_null(False) & alive,
        name="enrollment_bulk",
    )
    Enrollment.add_index(Enrollment.version, Enrollment.id, where=alive, name="enrollment_version")

    class Reminder(Table):
        account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
        to = peewee.TextField()
        contact = peewee.ForeignKeyField(Contact, null=True, on_delete="SET NULL")
        enrollment = peewee.ForeignKeyField(
            Enrollment, null=True, on_delete="RESTRICT", index=False
        )
        words = peewee.TextField()
        body = peewee.TextField(null=True)
        state = peewee.TextField(
            default="open", constraints=[peewee.Check("state IN ('open', 'done', 'skipped')")]
        )
        snoozed_until = InstantField(null=True)
        channel = peewee.TextField(null=True)
        card_ts = peewee.TextField(null=True)
        made_at = InstantField()
        closed_at = InstantField(null=True)
        closed_by = peewee.TextField(null=True)

    Reminder.add_index(Reminder.account, Reminder.made_at, name="reminder_made")
    Reminder.add_index(
        Reminder.account,
        Reminder.to,
        Reminder.id,
        where=Reminder.state == "open",
        name="reminder_open",
    )
    Reminder.add_index(
        Reminder.snoozed_until,
        where=(Reminder.state == "open") & Reminder.snoozed_until.is_null(False),
        name="reminder_snoozed",
    )

    class Letter(Table):
        account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
        contact = peewee.ForeignKeyField(Contact, on_delete="RESTRICT")
        enrollment = peewee.ForeignKeyField(
            Enrollment, null=True, on_delete="RESTRICT", index=False
        )
        to = peewee.TextField()
        sender = peewee.TextField(null=True)
        subject = peewee.TextField()
        body = peewee.TextField()
        state = peewee.TextField(
            default="queued", constraints=[peewee.Check("state IN ('queued', 'sent', 'failed')")]
        )
        error = peewee.TextField(null=True)
        made_at = InstantField()
        done_at = InstantField(null=True)

    Letter.add_index(Letter.account, Letter.made_at, name="letter_made")

    class StepRun(Table):
        id = peewee.BigAutoField()
        enrollment = peewee.ForeignKeyField(Enrollment, on_delete="RESTRICT", index=False)
        contact = peewee.ForeignKeyField(Contact, on_delete="RESTRICT", index=False)
        round = peewee.IntegerField()
        step = peewee.ForeignKeyField(Step, on_delete="RESTRICT", index=False)
        key = peewee.TextField()
        outcome = peewee.TextField(
            constraints=[peewee.Check("outcome IN ('sent', 'mailed', 'reminded', 'skipped')")]
        )
        reason = peewee.TextField(null=True)
        message = peewee.ForeignKeyField(Message, null=True, on_delete="SET NULL", index=False)
        reminder = peewee.ForeignKeyField(Reminder, null=True, on_delete="SET NULL", index=False)
        letter = peewee.ForeignKeyField(Letter, null=True, on_delete="SET NULL", index=False)
        credits = peewee.IntegerField(default=0)
        planned_at = InstantField()
        ran_at = InstantField()

        class Meta:
            indexes = ((("enrollment", "round", "key"), True),)

    StepRun.add_index(
        StepRun.contact, StepRun.ran_at, where=StepRun.outcome == "sent", name="step_run_texts"
    )
    StepRun.add_index(
        StepRun.message, where=StepRun.message.is_null(False), name="step_run_message"
    )

    class ContactDate(Table):
        contact = peewee.ForeignKeyField(Contact, on_delete="CASCADE", index=False)
        field = peewee.TextField()
        month = peewee.SmallIntegerField(constraints=[peewee.Check("month BETWEEN 1 AND 12")])
        day = peewee.SmallIntegerField(constraints=[peewee.Check("day BETWEEN 1 AND 31")])
        year = peewee.SmallIntegerField(null=True)

        class Meta:
            primary_key = peewee.CompositeKey("contact", "field")

    db.create_tables(
        [SmartPlan, SmartPlanVersion, Step, Picture, PlanRule, Bulk, Enrollment, Reminder, Letter,
         StepRun, ContactDate]
    )  # fmt: skip
