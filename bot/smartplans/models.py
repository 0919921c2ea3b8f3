"""The tables of SmartPlans, in the order of the story they tell."""

from __future__ import annotations

from typing import Any

import peewee

from bot.contacts.models import Contact
from bot.lines.models import Line
from bot.models import JSONText, one_of
from bot.talks.models import Message
from ledger.database import InstantField
from ledger.models import Account, Table

UNITS = ("minutes", "hours", "days", "weeks", "months", "years")
ALIVE = ("active", "paused", "waiting", "asking")


class SmartPlan(Table):
    """A schedule of texts, e-mails and reminders."""

    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
    name = peewee.TextField()
    state = peewee.TextField(
        default="draft", constraints=one_of("state", "draft", "on", "paused", "archived")
    )
    version = peewee.IntegerField(default=1)  # the number of the newest: new enrollments are on it
    moving = peewee.BooleanField(default=False)  # those on older versions are on their way to it
    line = peewee.ForeignKeyField(Line, null=True, on_delete="RESTRICT", index=False)
    stop_on_reply = peewee.BooleanField(default=True)
    stop_on_close = peewee.BooleanField(default=True)
    allow_again = peewee.BooleanField(default=False)  # a contact that was on it before
    cap = peewee.IntegerField(null=True)  # credits it may spend in all
    spent = peewee.IntegerField(default=0)  # credits
    short_since = InstantField(null=True)  # steps wait for credits since then, and it was said
    short_of = peewee.IntegerField(null=True)  # the least that one of them needs
    due_at = InstantField(null=True)  # when its enrollments are to be looked at
    published_at = InstantField(null=True)  # for the other accounts of the workspace to take
    flows_into = peewee.ForeignKeyField("self", null=True, on_delete="SET NULL", index=False)
    made_by = peewee.TextField()  # Slack user
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
    """A plan's steps as they were written at one time; they never change once somebody is on it."""

    plan = peewee.ForeignKeyField(SmartPlan, on_delete="CASCADE", index=False)
    number = peewee.IntegerField()
    repeat_every = peewee.SmallIntegerField(null=True)  # none: it runs once
    repeat_unit = peewee.TextField(
        null=True, constraints=one_of("repeat_unit", "days", "weeks", "months", "years")
    )
    made_by = peewee.TextField()  # Slack user
    made_at = InstantField()

    class Meta:
        indexes = ((("plan", "number"), True),)


class Step(Table):
    """One action of a version, and when it is due."""

    version = peewee.ForeignKeyField(SmartPlanVersion, on_delete="CASCADE", index=False)
    position = peewee.SmallIntegerField()  # 0, 1, 2 …
    key = peewee.TextField()  # what it is from version to version
    kind = peewee.TextField(constraints=one_of("kind", "text", "email", "reminder"))
    basis = peewee.TextField(constraints=one_of("basis", "enrolled", "previous", "date"))
    amount = peewee.IntegerField(default=0)  # below zero before a date
    unit = peewee.TextField(default="days", constraints=one_of("unit", *UNITS))
    at = peewee.SmallIntegerField(  # minute of the contact's own day
        null=True, constraints=[peewee.Check('"at" BETWEEN 0 AND 1439')]
    )
    weekdays = peewee.SmallIntegerField(  # 1 Monday, 2 Tuesday, 4 …, 64 Sunday; 0 any
        default=0, constraints=[peewee.Check("weekdays BETWEEN 0 AND 127")]
    )
    date_field = peewee.TextField(null=True)  # "birthday", "closing" …
    subject = peewee.TextField(null=True)  # of an e-mail
    bodies = JSONText(default=list)  # several take turns in a plan that repeats
    media = JSONText(default=list)  # as in Draft.media; `kept` is the id of a Picture
    assigned_to = peewee.TextField(null=True)  # Slack user
    ceiling = peewee.IntegerField(null=True)  # credits; a text that would cost more asks first

    class Meta:
        indexes = ((("version", "position"), True), (("version", "key"), True))


class Picture(Table):
    """A file of a step, kept whole: a plan texts it for years, whatever becomes of it in Slack."""

    id = peewee.TextField(primary_key=True)
    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
    content = peewee.BlobField()
    by = peewee.TextField()  # Slack user
    made_at = InstantField()


class PlanRule(Table):
    """What puts contacts on a plan, or takes them off, by itself."""

    plan = peewee.ForeignKeyField(SmartPlan, on_delete="CASCADE", index=False)
    what = peewee.TextField(constraints=one_of("what", "enroll", "remove"))
    event = peewee.TextField(
        constraints=one_of("event", "tag_added", "tag_removed", "new_sender", "replied", "closed")
    )
    tag = peewee.TextField(default="")  # of the events of tags

    class Meta:
        indexes = ((("plan", "what", "event", "tag"), True),)


class Bulk(Table):
    """Many contacts put on a plan at once, and how far that is; one card in Slack shows it."""

    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
    plan = peewee.ForeignKeyField(SmartPlan, on_delete="RESTRICT", index=False)
    by = peewee.TextField()  # Slack user, who is shown the card
    tag = peewee.TextField(null=True)  # all with this tag, or
    people = JSONText(default=list)  # these contacts, by ids that rise
    total = peewee.IntegerField()  # contacts that were meant when it began
    state = peewee.TextField(
        default="running",
        constraints=one_of("state", "running", "paused", "stopping", "stopped", "done"),
    )
    busy = peewee.BooleanField(default=True)  # contacts are to be put on, woken or taken off
    upto = peewee.IntegerField(default=0)  # the contact that was looked at last
    entered = peewee.BooleanField(default=False)  # all of them were looked at
    looked_at = peewee.IntegerField(default=0)  # contacts
    put_on = peewee.IntegerField(default=0)  # of them
    left_out = JSONText(default=dict)  # reason → contacts
    done = JSONText(default=dict)  # sent, mailed, reminded → steps
    skipped = JSONText(default=dict)  # reason → steps
    out_at = InstantField(null=True)  # when the texts that are due now are out, at its line's pace
    ends_at = InstantField(null=True)  # when its last step comes, about
    stale = peewee.BooleanField(default=True)  # its card shows what was
    shown_at = InstantField(null=True)
    channel = peewee.TextField(null=True)  # of its card in Slack
    card_ts = peewee.TextField(null=True)
    made_at = InstantField()


Bulk.add_index(Bulk.id, where=Bulk.busy, name="bulk_busy")
Bulk.add_index(Bulk.shown_at, where=Bulk.stale, name="bulk_stale")


class Enrollment(Table):
    """One contact on one plan."""

    id = peewee.BigAutoField()
    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
    plan = peewee.ForeignKeyField(SmartPlan, on_delete="RESTRICT", index=False)
    version = peewee.ForeignKeyField(SmartPlanVersion, on_delete="RESTRICT", index=False)
    contact = peewee.ForeignKeyField(Contact, on_delete="RESTRICT", index=False)
    state = peewee.TextField(
        default="active", constraints=one_of("state", *ALIVE, "done", "stopped")
    )
    why = peewee.TextField(null=True)  # it is in that state, or why its step was moved
    round = peewee.IntegerField(default=0)  # of a plan that repeats
    position = peewee.SmallIntegerField(default=0)  # of the next step, and
    kind = peewee.TextField(constraints=one_of("kind", "text", "email", "reminder"))  # its kind
    enrolled_at = InstantField()
    basis_at = InstantField()  # when the step before was planned, or its round began
    planned_at = InstantField()  # when the next step was planned for, before it was moved
    due_at = InstantField(null=True)  # none unless it is active
    previous_planned_at = InstantField(null=True)  # of the step that ran last
    previous_at = InstantField(null=True)  # when that was
    agreed = peewee.IntegerField(null=True)  # credits that somebody said yes to, above the ceiling
    by = peewee.TextField()  # Slack user, or "rule"
    bulk = peewee.ForeignKeyField(Bulk, null=True, on_delete="RESTRICT", index=False)
    ended_at = InstantField(null=True)


_alive: Any = Enrollment.state.in_(list(ALIVE))
Enrollment.add_index(
    Enrollment.plan, Enrollment.contact, unique=True, where=_alive, name="enrollment_once"
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
    where=Enrollment.bulk.is_null(False) & _alive,
    name="enrollment_bulk",
)
Enrollment.add_index(Enrollment.version, Enrollment.id, where=_alive, name="enrollment_version")


class Reminder(Table):
    """Something a member is to do, told to them in a direct message."""

    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
    to = peewee.TextField()  # Slack user
    contact = peewee.ForeignKeyField(Contact, null=True, on_delete="SET NULL")
    enrollment = peewee.ForeignKeyField(Enrollment, null=True, on_delete="RESTRICT", index=False)
    words = peewee.TextField()
    body = peewee.TextField(null=True)  # a text ready to be copied
    state = peewee.TextField(default="open", constraints=one_of("state", "open", "done", "skipped"))
    snoozed_until = InstantField(null=True)
    channel = peewee.TextField(null=True)  # of its card in Slack
    card_ts = peewee.TextField(null=True)
    made_at = InstantField()
    closed_at = InstantField(null=True)
    closed_by = peewee.TextField(null=True)  # Slack user


Reminder.add_index(
    Reminder.account,
    Reminder.to,
    Reminder.id,
    where=Reminder.state == "open",
    name="reminder_open",
)
Reminder.add_index(Reminder.account, Reminder.made_at, name="reminder_made")
Reminder.add_index(
    Reminder.snoozed_until,
    where=(Reminder.state == "open") & Reminder.snoozed_until.is_null(False),
    name="reminder_snoozed",
)


class Letter(Table):
    """An e-mail of a plan, as it was written for its contact."""

    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
    contact = peewee.ForeignKeyField(Contact, on_delete="RESTRICT")
    enrollment = peewee.ForeignKeyField(Enrollment, null=True, on_delete="RESTRICT", index=False)
    to = peewee.TextField()  # the address at that time
    sender = peewee.TextField(null=True)  # Slack user
    subject = peewee.TextField()
    body = peewee.TextField()
    state = peewee.TextField(
        default="queued", constraints=one_of("state", "queued", "sent", "failed")
    )
    error = peewee.TextField(null=True)
    made_at = InstantField()
    done_at = InstantField(null=True)


Letter.add_index(Letter.account, Letter.made_at, name="letter_made")


class StepRun(Table):
    """What came of one step of one enrollment: each step of each round has one, and no more."""

    id = peewee.BigAutoField()
    enrollment = peewee.ForeignKeyField(Enrollment, on_delete="RESTRICT", index=False)
    contact = peewee.ForeignKeyField(Contact, on_delete="RESTRICT", index=False)
    round = peewee.IntegerField()
    step = peewee.ForeignKeyField(Step, on_delete="RESTRICT", index=False)
    key = peewee.TextField()  # the step's, from version to version
    outcome = peewee.TextField(
        constraints=one_of("outcome", "sent", "mailed", "reminded", "skipped")
    )
    reason = peewee.TextField(null=True)  # why it was skipped, or is a reminder
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
StepRun.add_index(StepRun.message, where=StepRun.message.is_null(False), name="step_run_message")


class ContactDate(Table):
    """A day of the year that means something to a contact: a birthday, a closing."""

    contact = peewee.ForeignKeyField(Contact, on_delete="CASCADE", index=False)
    field = peewee.TextField()
    month = peewee.SmallIntegerField(constraints=[peewee.Check("month BETWEEN 1 AND 12")])
    day = peewee.SmallIntegerField(constraints=[peewee.Check("day BETWEEN 1 AND 31")])
    year = peewee.SmallIntegerField(null=True)

    class Meta:
        primary_key = peewee.CompositeKey("contact", "field")
