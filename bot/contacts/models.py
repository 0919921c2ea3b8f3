"""The address book: people, what they are found by, what they agreed to, and sheets of them."""

from __future__ import annotations

from datetime import datetime

import peewee

from bot.lines.models import Line
from bot.models import JSONText, one_of
from ledger.database import InstantField
from ledger.models import Account, Table


class Contact(Table):
    """A person with a phone number."""

    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
    number = peewee.TextField()  # as Twilio sent it: E.164, a short code, or a name
    name = peewee.TextField(null=True)
    place = peewee.TextField(null=True)  # where Twilio says the number is from
    email = peewee.TextField(null=True)
    timezone = peewee.TextField(null=True)  # where somebody said; else the number tells
    notes = peewee.TextField(null=True)
    opted_out_at = InstantField(null=True)  # STOP, for every line of the account
    blocked_at = InstantField(null=True)  # their texts come in and are shown nowhere
    told_at = InstantField(null=True)  # when a text told them how to opt out (R21)
    same_as = peewee.ForeignKeyField(  # whom this number was found to belong to as well
        "self", null=True, on_delete="RESTRICT", index=False
    )
    mail_stopped_at = InstantField(null=True)  # they want no more e-mails of SmartPlans
    mail_bounced_at = InstantField(null=True)  # their mail server knows no such address
    unreachable = peewee.TextField(null=True)  # why no text gets there, as their carrier said
    made_at = InstantField()

    class Meta:
        indexes = ((("account", "number"), True),)


Contact.add_index(Contact.account, Contact.id, name="contact_newest")
Contact.add_index(Contact.same_as, where=Contact.same_as.is_null(False), name="contact_same_as")


class Tag(Table):
    """A word on a contact."""

    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
    tag = peewee.TextField()
    contact = peewee.ForeignKeyField(Contact, on_delete="CASCADE")

    class Meta:
        primary_key = peewee.CompositeKey("account", "tag", "contact")


class Word(Table):
    """What a contact is found by: beginnings of names and numbers, compared byte by byte."""

    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
    word = peewee.BlobField()
    contact = peewee.ForeignKeyField(Contact, on_delete="CASCADE", index=False)

    class Meta:
        primary_key = peewee.CompositeKey("account", "word", "contact")
        indexes = ((("contact", "word"), False),)


class Consent(Table):
    """When, how and by whom a contact agreed to be texted, or no longer did."""

    contact = peewee.ForeignKeyField(Contact, on_delete="RESTRICT")
    line = peewee.ForeignKeyField(Line, null=True, on_delete="RESTRICT", index=False)
    given = peewee.BooleanField()
    how = peewee.TextField()  # "texted STOP", "said so", "imported", "Twilio refused a text" …
    by = peewee.TextField(null=True)  # Slack user who recorded it; none where the contact did
    on_day = peewee.DateField(null=True)  # when it was said, where that was before
    made_at = InstantField()


def is_closed(opted_out_at: datetime | None, opted_in_at: datetime | None) -> bool:
    """Whether the last word was STOP."""
    return opted_out_at is not None and (opted_in_at is None or opted_in_at < opted_out_at)


class Sheet(Table):
    """A CSV file of contacts on its way in: read, checked, shown, and taken over once confirmed."""

    id = peewee.TextField(primary_key=True)
    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
    user = peewee.TextField()  # Slack's, or "operator"
    name = peewee.TextField()  # the file's
    file = JSONText(null=True)  # as Slack describes it
    state = peewee.TextField(
        constraints=one_of(
            "state", "reading", "checking", "ready", "importing", "done", "failed", "stopped"
        )
    )
    version = peewee.IntegerField(default=1)  # of what its card offers
    header = JSONText(default=list)
    places = JSONText(default=dict)  # which column is what
    length = peewee.IntegerField(default=0)  # rows
    upto = peewee.IntegerField(default=0)  # the line that was looked at last
    counts = JSONText(default=dict)  # rows by what came of them
    tries = peewee.SmallIntegerField(default=0)  # that broke, since one did not
    why = peewee.TextField(null=True)  # it failed
    channel = peewee.TextField(null=True)  # where its card stands
    ts = peewee.TextField(null=True)
    made_at = InstantField()


Sheet.add_index(
    Sheet.upto, where=Sheet.state.in_(["checking", "importing"]), name="sheet_to_work_on"
)


class SheetRow(Table):
    """A row of a sheet, and what came of it."""

    sheet = peewee.ForeignKeyField(Sheet, on_delete="CASCADE", index=False)
    line = peewee.IntegerField()
    cells = JSONText()
    number = peewee.TextField(null=True)  # E.164
    outcome = peewee.TextField(null=True)  # new, more, same, error
    why = peewee.TextField(null=True)  # of an error; else what the contact keeps against the row

    class Meta:
        primary_key = peewee.CompositeKey("sheet", "line")


SheetRow.add_index(
    SheetRow.sheet, SheetRow.number, where=SheetRow.number.is_null(False), name="sheet_row_number"
)
SheetRow.add_index(
    SheetRow.sheet, SheetRow.line, where=SheetRow.why.is_null(False), name="sheet_row_why"
)
