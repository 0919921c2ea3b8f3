"""Who is on an account, what it has settled, and who has its Home open."""

from __future__ import annotations

import peewee

from bot.models import one_of
from ledger.database import InstantField
from ledger.models import Account, Table


class Member(Table):
    """A Slack user's role on an account."""

    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
    slack_user = peewee.TextField(index=True)
    role = peewee.TextField(constraints=one_of("role", "owner", "manager", "agent"))
    name = peewee.TextField(null=True)  # as Slack has it
    left_at = InstantField(null=True)  # taken off the account, or gone from the workspace
    checked_at = InstantField(null=True)  # when Slack was last asked whether they are still there

    class Meta:
        indexes = ((("account", "slack_user"), True),)


Member.add_index(
    Member.account,
    unique=True,
    where=Member.left_at.is_null() & (Member.role == "owner"),
    name="member_owner",
)


class Policy(Table):
    """What an account has settled about its texts."""

    account = peewee.ForeignKeyField(Account, primary_key=True, on_delete="RESTRICT")
    opt_out_words = peewee.TextField(default="Reply STOP to opt out.")  # of a first text (R21)
    quiet_from = peewee.SmallIntegerField(  # hours of the contact's own day
        default=20, constraints=[peewee.Check("quiet_from BETWEEN 1 AND 24")]
    )
    quiet_until = peewee.SmallIntegerField(
        default=9, constraints=[peewee.Check("quiet_until BETWEEN 0 AND 23")]
    )
    plan_texts_a_day = peewee.SmallIntegerField(  # to one contact in 24 hours, by SmartPlans
        default=3, constraints=[peewee.SQL("DEFAULT 3")]
    )
    plan_gap_minutes = peewee.SmallIntegerField(  # between two of them
        default=60, constraints=[peewee.SQL("DEFAULT 60")]
    )


class Viewer(Table):
    """Who has Partyline's Home open, or had it today."""

    slack_user = peewee.TextField(primary_key=True)
    opened_at = InstantField()
    account = peewee.ForeignKeyField(  # the one shown, of several
        Account, null=True, on_delete="RESTRICT", index=False
    )
    listed = peewee.SmallIntegerField(default=10)  # rows of a list, before "Show more"
    stale = peewee.BooleanField(default=False)  # something it shows has changed
    published_at = InstantField(null=True)


Viewer.add_index(Viewer.slack_user, where=Viewer.stale, name="viewer_stale")
