"""Lines, the Twilio accounts their numbers are in, how a number gets here, and what ails it."""

from __future__ import annotations

from typing import Any

import peewee

from bot.models import JSONText, one_of
from ledger.database import InstantField
from ledger.models import Account, Table


class TwilioAccount(Table):
    """A Twilio account beside the one of the settings: an agent's own, or a sub-account."""

    sid = peewee.TextField(primary_key=True)  # AC…
    account = peewee.ForeignKeyField(  # whose own it is; none: the operator's
        Account, null=True, on_delete="RESTRICT", index=False
    )
    parent_sid = peewee.TextField(null=True)  # AC… of the account above it, as Twilio says
    name = peewee.TextField(null=True)  # as Twilio says
    token = peewee.TextField()  # sealed, as sealing.py does; empty once it is forgotten
    former_token = peewee.TextField(null=True)  # sealed; still signs while Twilio changes over
    left_at = InstantField(null=True)  # a line left it: both go once nothing needs them
    made_at = InstantField()

    def give(self, account_id: int | None, sealed: str) -> None:
        """Keeps this token for this account; the one before it still signs."""
        cls = type(self)
        self.account_id, self.left_at = account_id, None
        self.token, self.former_token = sealed, self.token or None
        self.save(only=[cls.account, cls.token, cls.former_token, cls.left_at])

    @classmethod
    def is_customers(cls, sid: str | None) -> bool:
        """Whether a customer brought this account: they hold the token that signs its webhooks."""
        theirs = (cls.sid == sid) & cls.account.is_null(False)
        return sid is not None and bool(cls.select().where(theirs).exists())


class Line(Table):
    """One phone number of an account, tied to one Slack channel."""

    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT")
    number = peewee.TextField()  # E.164
    channel = peewee.TextField(index=True)  # Slack's id; empty until somebody has chosen one
    name = peewee.TextField(null=True)  # what the team calls it
    twilio = peewee.ForeignKeyField(  # where its number is; none: the account of the settings
        TwilioAccount, null=True, on_delete="RESTRICT", index=False
    )
    sid = peewee.TextField(null=True)  # PN…; none until Twilio was asked
    former_webhooks = JSONText(null=True)  # where its texts and calls went before: put back
    price_cents = peewee.IntegerField(null=True)  # of the number a month, as the operator set it
    read_until = InstantField()  # Twilio's list has been read up to here
    priced_until = InstantField(null=True)  # and Twilio's own prices up to here
    mode = peewee.TextField(  # what a reply in a thread is: asked about, sent at once, or a note
        default="confirm",
        constraints=[
            peewee.SQL("DEFAULT 'confirm'"),
            *one_of("mode", "confirm", "send", "notes"),
        ],
    )
    send_up_to = peewee.SmallIntegerField(  # credits that are sent at once in the mode `send`
        default=3, constraints=[peewee.SQL("DEFAULT 3")]
    )
    quiet_from = peewee.SmallIntegerField(null=True)  # none: as the account has settled
    quiet_until = peewee.SmallIntegerField(null=True)
    voice_mode = peewee.TextField(  # what a call to it gets: words, or somebody's phone
        default="message",
        constraints=[peewee.SQL("DEFAULT 'message'"), *one_of("voice_mode", "message", "forward")],
    )
    voice_words = peewee.TextField(null=True)  # none: ours
    forward_user = peewee.TextField(null=True)  # Slack user whose phone rings
    forward_number = peewee.TextField(null=True)  # E.164
    text_back = peewee.TextField(null=True)  # to who called and was not heard; none: nothing
    text_back_by = peewee.TextField(null=True)  # Slack user whose name it bears
    text_back_up_to = peewee.SmallIntegerField(  # credits, the most such a text may cost
        default=3, constraints=[peewee.SQL("DEFAULT 3")]
    )
    joined_at = InstantField(null=True)  # when Partyline was seen to be in the channel
    sent_until = InstantField(null=True)  # looked for texts out that nobody here sent
    calls_until = InstantField(null=True)  # its calls have been read up to here; none: not ours
    checked_at = InstantField(null=True)  # when it was last looked at whether all is well with it
    suspended_at = InstantField(null=True)  # no text of a SmartPlan leaves from it since then
    plans_until = InstantField(null=True)  # the texts of SmartPlans let go fill its pace until then
    plans_day = peewee.DateField(null=True)  # the account's date on which
    plans_sent = peewee.IntegerField(  # so many texts of SmartPlans left from it
        default=0, constraints=[peewee.SQL("DEFAULT 0")]
    )
    plan_texts_a_day = peewee.IntegerField(  # of which there are no more than this
        default=2000, constraints=[peewee.SQL("DEFAULT 2000")]
    )
    had_since = InstantField(null=True)  # what came to its number before is others'; none: nothing
    released_at = InstantField(null=True)  # it is no line any more; its conversations stay
    made_at = InstantField()

    @classmethod
    def live(cls, *fields: Any) -> Any:
        """A query of the lines that were not released."""
        return cls.select(*fields).where(cls.released_at.is_null())

    @classmethod
    def is_ours(cls, number: str) -> bool:
        """Whether some account's line has this number."""
        return bool(cls.live().where(cls.number == number).exists())

    def has_been_in(self, twilio: str | None) -> bool:
        """Whether its number is in this Twilio account, or was before it moved to another."""
        if self.twilio_id == twilio:
            return True
        moves = [one.details for one in Setup.select().where(Setup.line == self)]
        return any(details["left"] == twilio for details in moves if "left" in details)


Line.add_index(Line.number, unique=True, where=Line.released_at.is_null(), name="line_number")


class Setup(Table):
    """A number on its way to be a line, or away from it: which step comes next."""

    id = peewee.TextField(primary_key=True)
    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT")
    line = peewee.ForeignKeyField(Line, null=True, on_delete="RESTRICT", index=False)
    kind = peewee.TextField(
        constraints=one_of("kind", "new", "adopt", "transfer", "own", "support", "release")
    )
    number = peewee.TextField()  # E.164
    twilio = peewee.ForeignKeyField(  # where the number is or will be
        TwilioAccount, null=True, on_delete="RESTRICT", index=False
    )
    sid = peewee.TextField(null=True)  # PN…, once known
    step = peewee.TextField()  # the one that comes next, or `done` or `failed`
    details = JSONText(default=dict)  # what its steps need: name, channel, former webhooks …
    error = peewee.TextField(null=True)  # why it failed or waits, in plain words
    by = peewee.TextField()  # Slack user
    view = peewee.TextField(null=True)  # the modal that shows how far it is
    remind_at = InstantField(null=True)
    made_at = InstantField()
    done_at = InstantField(null=True)


Setup.add_index(Setup.number, unique=True, where=Setup.done_at.is_null(), name="setup_number")
Setup.add_index(Setup.remind_at, where=Setup.remind_at.is_null(False), name="setup_to_remind")


class Trouble(Table):
    """Something that is wrong with a line or an account, from when to when, and whom we told."""

    account = peewee.ForeignKeyField(  # none: the operator's
        Account, null=True, on_delete="RESTRICT", index=False
    )
    line = peewee.ForeignKeyField(Line, null=True, on_delete="RESTRICT")
    what = peewee.TextField()  # one word: `webhooks`, `gone`, `channel` …
    key = peewee.TextField()  # `<line>:<what>`: open once at a time
    detail = peewee.TextField(default="")  # in whole sentences, with what to do
    since = InstantField()
    told_at = InstantField(null=True)
    mended_at = InstantField(null=True)
    mended_told_at = InstantField(null=True)


Trouble.add_index(Trouble.key, unique=True, where=Trouble.mended_at.is_null(), name="trouble_open")
