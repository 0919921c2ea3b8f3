"""The tables of the ledger, in the order of the story they tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import peewee

from ledger.database import InstantField, db


class Table(peewee.Model):
    """What all tables share: the one database, and names as written here."""

    if TYPE_CHECKING:  # peewee makes them as it makes the class
        id: Any

        def __getattr__(self, name: str) -> Any: ...

    class Meta:
        database = db
        legacy_table_names = False


class Account(Table):
    """Who buys credits: one agent or one team. Its row is the lock on all of its credits."""

    name = peewee.TextField(unique=True)
    timezone = peewee.TextField()  # IANA name
    balance = peewee.IntegerField(default=0)
    entries = peewee.IntegerField(default=0)  # how many; the number of the newest
    grants_last_months = peewee.SmallIntegerField(  # R20; 0 = for ever
        default=12, constraints=[peewee.SQL("DEFAULT 12")]
    )
    due_at = InstantField(null=True)  # when its period ends or a grant expires, if it ever does
    booked_at = InstantField(null=True)  # no entry is older than this but those that stand
    created_at = InstantField()


Account.add_index(Account.due_at, where=Account.due_at.is_null(False), name="account_due")


class Subscription(Table):
    """The plan an account pays for, at the credits and the price it had when it was chosen."""

    account = peewee.ForeignKeyField(Account, primary_key=True, on_delete="RESTRICT")
    plan = peewee.TextField()  # its code in the catalogue
    name = peewee.TextField()
    credits = peewee.IntegerField()  # a month
    price_cents = peewee.IntegerField()  # a month
    hold_price_cents = peewee.IntegerField()
    anchor = peewee.SmallIntegerField(constraints=[peewee.Check("anchor BETWEEN 1 AND 31")])
    then = peewee.TextField(  # what happens at the period's end
        constraints=[peewee.Check("\"then\" IN ('renew', 'hold', 'cancel')")]
    )
    told_at = InstantField(null=True)  # the newest word of the shop outside


class Period(Table):
    """A stretch of an account's time. `limit` is carried_in + granted; balance is limit − used."""

    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
    kind = peewee.TextField(
        default="open",
        constraints=[
            peewee.SQL("DEFAULT 'open'"),
            peewee.Check("kind IN ('open', 'plan', 'hold', 'frozen')"),
        ],
    )  # before any plan, with one, on hold, after the last
    starts_at = InstantField()
    ends_at = InstantField(null=True)  # none while nothing is paid for: open, frozen
    anchor = peewee.SmallIntegerField(null=True)  # the day and
    timezone = peewee.TextField(null=True)  # the zone from which its end was worked out
    closed = peewee.BooleanField(default=False)
    carried_in = peewee.IntegerField(default=0)
    granted = peewee.IntegerField(default=0)  # all that moved the limit (R13)
    used = peewee.IntegerField(default=0)  # charges less refunds of this period's charges
    plan_granted = peewee.IntegerField(  # plan credits given, less withdrawn (R10)
        default=0, constraints=[peewee.SQL("DEFAULT 0")]
    )
    plan = peewee.TextField(null=True)  # the dearest held in it: what the invoice names
    plan_name = peewee.TextField(null=True)
    plan_credits = peewee.IntegerField(null=True)
    price_cents = peewee.IntegerField(null=True)
    alerted = peewee.SmallIntegerField(  # the highest threshold that was told (R19)
        default=0, constraints=[peewee.SQL("DEFAULT 0")]
    )
    alert_due = peewee.BooleanField(  # one above it is crossed
        default=False, constraints=[peewee.SQL("DEFAULT false")]
    )

    class Meta:
        indexes = ((("account", "starts_at"), True), (("starts_at",), False))

    @property
    def limit(self) -> int:
        """Credits this period could spend in all (R13)."""
        return int(self.carried_in + self.granted)


Period.add_index(Period.account, unique=True, where=~Period.closed, name="period_open")
Period.add_index(Period.account, where=Period.alert_due & ~Period.closed, name="period_alert_due")


class Change(Table):
    """One thing done to a subscription, and the plan held from then on."""

    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
    period = peewee.ForeignKeyField(Period, on_delete="RESTRICT", index=False)
    key = peewee.TextField(unique=True)
    what = peewee.TextField(
        constraints=[peewee.Check("what IN ('subscribe', 'change', 'hold', 'cancel', 'resume')")]
    )
    plan = peewee.TextField()
    credits = peewee.IntegerField()  # what the change did to the balance
    price_cents = peewee.IntegerField()  # of the plan, a month
    actor = peewee.TextField()
    made_at = InstantField()

    class Meta:
        table_name = "subscription_change"
        indexes = ((("account", "made_at"), False),)


class Grant(Table):
    """Credits given at one time, and what remains of them: credits are used oldest first (R20)."""

    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
    amount = peewee.IntegerField(constraints=[peewee.Check("amount > 0")])
    remaining = peewee.IntegerField(constraints=[peewee.Check("remaining >= 0")])
    granted_at = InstantField()
    expires_at = InstantField(null=True)
    announce_at = InstantField(null=True)  # when to say that it will expire

    class Meta:
        table_name = "credit_grant"  # GRANT is a word of SQL
        indexes = ((("account", "granted_at"), False),)


Grant.add_index(
    Grant.account, Grant.granted_at, where=Grant.remaining > 0, name="credit_grant_left"
)
Grant.add_index(
    Grant.announce_at,
    where=(Grant.remaining > 0) & Grant.announce_at.is_null(False),
    name="credit_grant_announce",
)


class Entry(Table):
    """One change of a balance. Never edited, never deleted: a correction is a new entry (R16)."""

    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
    number = peewee.IntegerField()  # 1, 2, 3 … within the account
    period = peewee.ForeignKeyField(Period, on_delete="RESTRICT", index=False)
    key = peewee.TextField(unique=True)  # `in:<MessageSid>`, `out:<message>`, `grant:…`
    kind = peewee.TextField(
        constraints=[
            peewee.Check(
                "kind IN ('grant', 'plan', 'withdraw', 'expire', 'adjust', 'charge_in',"
                " 'charge_out', 'charge_call', 'refund')"
            )
        ]
    )
    amount = peewee.IntegerField()  # what it did to the balance: charges are negative
    balance = peewee.IntegerField()  # after it
    message = peewee.BigIntegerField(null=True)  # which text, or call, by its owner's number for it
    charge = peewee.ForeignKeyField(  # what a refund undoes
        "self", null=True, on_delete="RESTRICT", index=False
    )
    grant = peewee.ForeignKeyField(Grant, null=True, on_delete="RESTRICT", index=False)
    reason = peewee.TextField()
    actor = peewee.TextField()
    made_at = InstantField()

    class Meta:
        indexes = ((("account", "number"), True), (("account", "made_at"), False))


Entry.add_index(Entry.charge, where=Entry.charge.is_null(False), name="entry_charge_id")


class Alert(Table):
    """A threshold of a period's limit that the account was told of (R18)."""

    period = peewee.ForeignKeyField(Period, on_delete="RESTRICT", index=False)
    threshold = peewee.SmallIntegerField()  # percent
    limit = peewee.IntegerField()
    used = peewee.IntegerField()
    made_at = InstantField()

    class Meta:
        indexes = ((("period", "threshold", "limit"), True),)


TABLES = [Account, Subscription, Period, Change, Grant, Entry, Alert]
