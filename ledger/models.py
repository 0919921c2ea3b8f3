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
    created_at = InstantField()


class Period(Table):
    """A stretch of an account's time. `limit` is carried_in + granted; balance is limit − used."""

    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
    starts_at = InstantField()
    ends_at = InstantField(null=True)  # none while the account has no subscription
    closed = peewee.BooleanField(default=False)
    carried_in = peewee.IntegerField(default=0)
    granted = peewee.IntegerField(default=0)  # all that moved the limit (R13)
    used = peewee.IntegerField(default=0)  # charges less refunds of this period's charges

    class Meta:
        indexes = ((("account", "starts_at"), True),)

    @property
    def limit(self) -> int:
        """Credits this period could spend in all (R13)."""
        return int(self.carried_in + self.granted)


Period.add_index(Period.account, unique=True, where=~Period.closed, name="period_open")


class Grant(Table):
    """Credits given at one time, and what remains of them: credits are used oldest first (R20)."""

    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
    amount = peewee.IntegerField(constraints=[peewee.Check("amount > 0")])
    remaining = peewee.IntegerField(constraints=[peewee.Check("remaining >= 0")])
    granted_at = InstantField()
    expires_at = InstantField(null=True)

    class Meta:
        table_name = "credit_grant"  # GRANT is a word of SQL
        indexes = ((("account", "granted_at"), False),)


Grant.add_index(
    Grant.account, Grant.granted_at, where=Grant.remaining > 0, name="credit_grant_left"
)


class Entry(Table):
    """One change of a balance. Never edited, never deleted: a correction is a new entry (R16)."""

    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
    number = peewee.IntegerField()  # 1, 2, 3 … within the account
    period = peewee.ForeignKeyField(Period, on_delete="RESTRICT")
    key = peewee.TextField(unique=True)  # `in:<MessageSid>`, `out:<message>`, `grant:…`
    kind = peewee.TextField(
        constraints=[
            peewee.Check("kind IN ('grant', 'adjust', 'charge_in', 'charge_out', 'refund')")
        ]
    )
    amount = peewee.IntegerField()  # what it did to the balance: charges are negative
    balance = peewee.IntegerField()  # after it
    message = peewee.BigIntegerField(null=True)  # which text, by the number its owner gave it
    charge = peewee.ForeignKeyField("self", null=True, on_delete="RESTRICT")  # what a refund undoes
    grant = peewee.ForeignKeyField(Grant, null=True, on_delete="RESTRICT", index=False)
    reason = peewee.TextField()
    actor = peewee.TextField()
    made_at = InstantField()

    class Meta:
        indexes = ((("account", "number"), True),)


TABLES = [Account, Period, Grant, Entry]
