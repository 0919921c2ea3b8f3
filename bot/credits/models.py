"""Where an account's alerts and its daily digest go, and when."""

from __future__ import annotations

import peewee

from ledger.database import InstantField
from ledger.models import Account, Table


class Address(Table):
    """Where an account's alerts go by e-mail."""

    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
    email = peewee.TextField()

    class Meta:
        indexes = ((("account", "email"), True),)


class Digest(Table):
    """When an account gets its daily digest."""

    account = peewee.ForeignKeyField(Account, primary_key=True, on_delete="RESTRICT")
    hour = peewee.SmallIntegerField(  # of the account's own day
        default=8, constraints=[peewee.Check("hour BETWEEN 0 AND 23")]
    )
    next_at = InstantField(null=True)  # none while it is muted
    day = peewee.DateField(null=True)  # the account's date when it last came, or had nothing to say
    told_until = InstantField(null=True)  # up to when failures were told


Digest.add_index(Digest.next_at, where=Digest.next_at.is_null(False), name="digest_next")
