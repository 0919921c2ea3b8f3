"""Texts before Send: templates, drafts, and what stands in an open composer."""

from __future__ import annotations

import peewee

from bot.lines.models import Line
from bot.models import JSONText, one_of
from bot.talks.models import Conversation
from ledger.database import InstantField
from ledger.models import Account, Table


class Template(Table):
    """Words that an account uses again, with fields like {first_name}."""

    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
    name = peewee.TextField()
    body = peewee.TextField()

    class Meta:
        indexes = ((("account", "name"), True),)


class Draft(Table):
    """A text that was quoted and waits for Send."""

    id = peewee.TextField(primary_key=True)
    line = peewee.ForeignKeyField(Line, on_delete="RESTRICT", index=False)
    number = peewee.TextField()  # the recipient's
    body = peewee.TextField()
    words = peewee.TextField(default="", constraints=[peewee.SQL("DEFAULT ''")])  # to opt out (R21)
    media = JSONText(default=list, constraints=[peewee.SQL("DEFAULT '[]'")])
    as_mms = peewee.BooleanField(default=False, constraints=[peewee.SQL("DEFAULT false")])
    credits = peewee.IntegerField()  # as shown
    author = peewee.TextField()  # Slack user
    version = peewee.IntegerField(default=1)
    state = peewee.TextField(
        default="quoted",
        constraints=one_of("state", "quoted", "queued", "cancelled", "scheduled"),
    )
    conversation = peewee.ForeignKeyField(  # in whose thread its card is
        Conversation, null=True, on_delete="RESTRICT", index=False
    )
    source_ts = peewee.TextField(null=True)  # the reply it was written as
    changed_ts = peewee.TextField(null=True)  # Slack's, of the newest that happened to it
    card_ts = peewee.TextField(null=True)  # the card under it
    seen = peewee.IntegerField(null=True)  # the newest text in that thread when it was shown
    asked = peewee.TextField(null=True)  # why Send was not enough, in Slack's mark-up
    send_at = InstantField(null=True)
    returned = peewee.BooleanField(  # was not sent at its time: its author is asked in the thread
        default=False, constraints=[peewee.SQL("DEFAULT false")]
    )
    made_at = InstantField()

    @property
    def in_thread(self) -> bool:
        """Whether its card lies open in the thread."""
        return self.source_ts is not None or self.returned

    @property
    def talk(self) -> Conversation:
        """The conversation of a draft that has one: every reply's, and every scheduled text's."""
        assert self.conversation is not None
        return self.conversation


Draft.add_index(Draft.send_at, where=Draft.state == "scheduled", name="draft_scheduled")
Draft.add_index(Draft.line, where=Draft.returned & (Draft.state == "quoted"), name="draft_returned")
Draft.add_index(
    Draft.conversation,
    Draft.source_ts,
    unique=True,
    where=Draft.source_ts.is_null(False),
    name="draft_source",
)


class Typing(Table):
    """What stands in an open composer: the newest key that came, and what is shown for it. The row
    is the lock by which any number of web processes follow the same typing."""

    view = peewee.TextField(primary_key=True)  # Slack's id
    user = peewee.TextField()
    line = peewee.ForeignKeyField(Line, on_delete="CASCADE", index=False)
    conversation = peewee.ForeignKeyField(  # that it replies to
        Conversation, null=True, on_delete="CASCADE", index=False
    )
    number = peewee.TextField(null=True)  # the recipient's, once chosen
    body = peewee.TextField()
    media = JSONText(default=list)  # as Slack describes the files
    as_mms = peewee.BooleanField(default=False)  # where that is cheaper
    send_at = InstantField(null=True)
    box = peewee.SmallIntegerField(default=0)  # how often we wrote the text: each in a new box
    filled = peewee.TextField(default="")  # what we wrote
    template = peewee.IntegerField(null=True)  # from this one
    asked = peewee.IntegerField(null=True)  # credits that were shown when Send found another price
    note = peewee.TextField(default="")  # why what was pressed changed nothing
    at = peewee.TextField()  # Slack's action_ts of the newest key
    shown = JSONText(null=True)  # what stands in the view, and what may stand there
    hash = peewee.TextField(null=True)  # the view's, as Slack last told it
    claim = peewee.TextField(null=True)  # of the update that is in flight
    busy_until = InstantField(null=True)  # no other update before
    made_at = InstantField()
