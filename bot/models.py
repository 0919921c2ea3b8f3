"""The tables of the bridge, in the order of the story they tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import peewee

from ledger.database import InstantField
from ledger.models import TABLES as LEDGER_TABLES
from ledger.models import Account, Table

MIGRATIONS = Path(__file__).parent / "migrations"


class JSONText(peewee.TextField):
    """JSON kept as ASCII text: what a phone sent may hold characters no database takes raw."""

    def db_value(self, value: Any) -> str | None:
        return None if value is None else json.dumps(value, separators=(",", ":"))

    def python_value(self, value: str | None) -> Any:
        return None if value is None else json.loads(value)


def one_of(column: str, *values: str) -> list[Any]:
    """A CHECK that `column` holds one of `values`."""
    return [peewee.Check(f"{column} IN ({', '.join(repr(v) for v in values)})")]


# Who is on the line


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


class Template(Table):
    """Words that an account uses again, with fields like {first_name}."""

    account = peewee.ForeignKeyField(Account, on_delete="RESTRICT", index=False)
    name = peewee.TextField()
    body = peewee.TextField()

    class Meta:
        indexes = ((("account", "name"), True),)


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


class TwilioAccount(Table):
    """A Twilio account beside the one of the settings: an agent's own, or a sub-account."""

    sid = peewee.TextField(primary_key=True)  # AC…
    account = peewee.ForeignKeyField(  # whose own it is; none: the operator's
        Account, null=True, on_delete="RESTRICT", index=False
    )
    parent_sid = peewee.TextField(null=True)  # AC… of the account above it, as Twilio says
    name = peewee.TextField(null=True)  # as Twilio says
    token = peewee.TextField()  # sealed, as sealing.py does
    former_token = peewee.TextField(null=True)  # sealed; still signs while Twilio changes over
    made_at = InstantField()


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
    released_at = InstantField(null=True)  # it is no line any more; its conversations stay
    made_at = InstantField()

    @classmethod
    def live(cls, *fields: Any) -> Any:
        """A query of the lines that were not released."""
        return cls.select(*fields).where(cls.released_at.is_null())

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


class Conversation(Table):
    """One contact on one line, in one Slack thread for good."""

    line = peewee.ForeignKeyField(Line, on_delete="RESTRICT", index=False)
    contact = peewee.ForeignKeyField(Contact, on_delete="RESTRICT")
    state = peewee.TextField(default="open", constraints=one_of("state", "open", "closed"))
    channel = peewee.TextField()  # Slack's id; the thread stays there if the line moves
    has_thread = peewee.BooleanField(  # or will have one, as soon as Slack has its first post
        default=True, constraints=[peewee.SQL("DEFAULT true")]
    )
    thread_ts = peewee.TextField(null=True)  # none until Slack has the root
    stale = peewee.BooleanField(  # something in it shows what was, for Slack let nothing be changed
        default=False, constraints=[peewee.SQL("DEFAULT false")]
    )
    former_channel = peewee.TextField(null=True)  # of the thread before this one, which is gone
    former_ts = peewee.TextField(null=True)
    goes_on = peewee.ForeignKeyField(  # in that one, since their contacts were merged
        "self", null=True, on_delete="RESTRICT", index=False
    )
    assigned_to = peewee.TextField(null=True)  # Slack user
    snoozed_until = InstantField(null=True)
    braked_at = InstantField(null=True)  # too many texts in too little time: answered by hand only
    burst = peewee.SmallIntegerField(  # texts since a person answered, with no long pause between
        default=0, constraints=[peewee.SQL("DEFAULT 0")]
    )
    waiting_since = InstantField(null=True)  # the oldest text in that nobody answered
    opted_in_at = InstantField(null=True)  # START, for this line alone
    heard_at = InstantField(null=True)  # the last text in
    last_text_at = InstantField(null=True)
    made_at = InstantField()

    class Meta:
        indexes = ((("line", "contact"), True),)


Conversation.add_index(
    Conversation.line,
    Conversation.waiting_since,
    where=Conversation.waiting_since.is_null(False),
    name="conversation_waiting",
)
Conversation.add_index(
    Conversation.snoozed_until,
    where=Conversation.snoozed_until.is_null(False),
    name="conversation_snoozed",
)
Conversation.add_index(
    Conversation.goes_on, where=Conversation.goes_on.is_null(False), name="conversation_goes_on"
)
Conversation.add_index(Conversation.id, where=Conversation.stale, name="conversation_stale")
Conversation.add_index(
    Conversation.former_ts,
    where=Conversation.former_ts.is_null(False),
    name="conversation_former",
)
Conversation.add_index(
    Conversation.channel,
    Conversation.thread_ts,
    where=Conversation.thread_ts.is_null(False),
    name="conversation_thread",
)


# What was said


class Message(Table):
    """One text as people see it, in or out."""

    conversation = peewee.ForeignKeyField(Conversation, on_delete="RESTRICT", index=False)
    direction = peewee.TextField(constraints=one_of("direction", "in", "out"))
    body = peewee.TextField()
    words = peewee.TextField(default="", constraints=[peewee.SQL("DEFAULT ''")])  # to opt out (R21)
    media = JSONText(default=list)  # in: [{"url", "content_type"}, …]; out: [{"file", "name", …}]
    kind = peewee.TextField(constraints=one_of("kind", "sms", "mms"))
    credits = peewee.IntegerField()
    refunded = peewee.IntegerField(default=0)  # credits
    carrier_segments = peewee.IntegerField()
    status = peewee.TextField()  # Twilio's word; "received" for a text in
    failure = peewee.TextField(null=True)  # why it did not arrive, in plain words
    failed_at = InstantField(null=True)
    author = peewee.TextField(null=True)  # Slack user, for a text out
    other_number = peewee.TextField(null=True)  # of the contact's, where it is not the usual one
    automated = peewee.BooleanField(  # a step of a SmartPlan
        default=False, constraints=[peewee.SQL("DEFAULT false")]
    )
    message_sid = peewee.TextField(null=True, unique=True)  # of a text in
    in_channel = peewee.BooleanField(default=False)  # shown in the channel too
    slack_ts = peewee.TextField(null=True)  # of its copy in the thread
    shown = peewee.TextField(null=True)  # the state that copy shows
    recovered_at = InstantField(null=True)  # when no webhook brought it
    arrived_at = InstantField(null=True)  # and when Twilio had it, as its list says
    draft = peewee.TextField(null=True, unique=True)  # what a text out was before Send
    price_micros = peewee.IntegerField(null=True)  # of a text in, Twilio's, in millionths
    made_at = InstantField()

    class Meta:
        indexes = ((("conversation", "made_at"), False),)


class Part(Table):
    """One Twilio message of a text out: a long text leaves as several (R5)."""

    message = peewee.ForeignKeyField(Message, on_delete="RESTRICT", index=False)
    number = peewee.IntegerField()  # 0, 1, 2 …
    body = peewee.TextField()
    media = JSONText(default=list, constraints=[peewee.SQL("DEFAULT '[]'")])  # of the message's
    as_mms = peewee.BooleanField(default=False, constraints=[peewee.SQL("DEFAULT false")])
    credits = peewee.IntegerField()  # its share of the message's
    ref = peewee.TextField(unique=True)  # what its status callbacks carry
    twilio = peewee.ForeignKeyField(  # by which it is sent, whatever its line moves to
        TwilioAccount, null=True, on_delete="RESTRICT", index=False
    )
    message_sid = peewee.TextField(null=True, unique=True)
    status = peewee.TextField(default="waiting")  # then Twilio's word
    error_code = peewee.IntegerField(null=True)
    price_micros = peewee.IntegerField(null=True)  # Twilio's, in millionths of its currency
    ask_at = InstantField(null=True)  # when to ask Twilio what became of it

    class Meta:
        indexes = ((("message", "number"), True),)


Part.add_index(Part.ask_at, where=Part.ask_at.is_null(False), name="part_to_ask")


class Call(Table):
    """Somebody called a line, and what came of it."""

    line = peewee.ForeignKeyField(Line, on_delete="RESTRICT", index=False)
    contact = peewee.ForeignKeyField(  # none: a caller who is no phone number
        Contact, null=True, on_delete="RESTRICT", index=False
    )
    number = peewee.TextField()  # the caller's, as Twilio says it
    call_sid = peewee.TextField(unique=True)
    outcome = peewee.TextField(
        default="ringing",
        constraints=[
            peewee.SQL("DEFAULT 'ringing'"),
            *one_of("outcome", "ringing", "answered", "missed", "message"),
        ],
    )
    forwarded_to = peewee.TextField(null=True)  # E.164
    seconds = peewee.IntegerField(default=0)  # that two people spoke
    minutes = peewee.IntegerField(default=0)  # begun, of those
    credits = peewee.IntegerField(default=0)
    price_micros = peewee.IntegerField(null=True)  # Twilio's, in millionths of its currency
    text_back = peewee.ForeignKeyField(Message, null=True, on_delete="RESTRICT", index=False)
    text_back_at = InstantField(null=True)
    ask_at = InstantField(null=True)  # when to ask Twilio what came of it
    began_at = InstantField()
    ended_at = InstantField(null=True)

    class Meta:
        indexes = ((("line", "began_at"), False),)


Call.add_index(Call.text_back, where=Call.text_back.is_null(False), name="call_text_back")
Call.add_index(Call.ask_at, where=Call.ask_at.is_null(False), name="call_to_ask")

Call.add_index(Call.contact, Call.began_at, where=Call.contact.is_null(False), name="call_contact")


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


# The two doors


class Inbox(Table):
    """What Twilio and Slack told us, saved before it is acted on."""

    id = peewee.BigAutoField()
    key = peewee.TextField(unique=True)  # the sender's own name for it
    kind = peewee.TextField()
    lane = peewee.TextField()  # rows of one lane are applied in order
    payload = JSONText()
    state = peewee.TextField(default="new", constraints=one_of("state", "new", "done", "parked"))
    tries = peewee.SmallIntegerField(default=0)
    error = peewee.TextField(null=True)
    due_at = InstantField()
    received_at = InstantField()
    done_at = InstantField(null=True)


Inbox.add_index(Inbox.id, where=Inbox.state == "new", name="inbox_new")
Inbox.add_index(Inbox.lane, Inbox.id, where=Inbox.state == "new", name="inbox_lane_new")
Inbox.add_index(Inbox.id, where=Inbox.state == "parked", name="inbox_parked")


class Lane(Table):
    """A queue of deliveries that leave in order, one attempt at a time. Its row is its lock."""

    name = peewee.TextField(primary_key=True)
    due_at = InstantField(null=True)  # when its head may be looked at; none when it is empty
    has_slot = peewee.BooleanField(default=False)  # its head waited for its turn on the pace
    crew = peewee.TextField(
        constraints=[peewee.SQL("DEFAULT 'slack'")]
    )  # whose hands take its head


Lane.add_index(Lane.crew, Lane.due_at, where=Lane.due_at.is_null(False), name="lane_due")


class Pace(Table):
    """How fast one number, channel or mail server may be used."""

    key = peewee.TextField(primary_key=True)
    next_at = InstantField()  # the next free slot
    shut_until = InstantField(null=True)  # the peer said: not before
    every_s = peewee.FloatField(null=True)  # between two; none: as the settings have it


class Delivery(Table):
    """One unit of outbound work: a Twilio message, a Slack post or update, an e-mail."""

    id = peewee.BigAutoField()
    key = peewee.TextField(unique=True)
    kind = peewee.TextField()
    lane = peewee.TextField()
    pace = peewee.TextField()
    payload = JSONText()
    replaces = peewee.TextField(null=True)  # an update that a newer one of this name overtakes
    state = peewee.TextField(
        default="queued",
        constraints=one_of("state", "queued", "sending", "unknown", "done", "failed", "parked"),
    )
    tries = peewee.SmallIntegerField(default=0)
    looks = peewee.SmallIntegerField(default=0)  # empty ones, since it became unknown
    claim = peewee.TextField(null=True)  # of the attempt that runs or ran
    due_at = InstantField()
    attempted_at = InstantField(null=True)
    lease_until = InstantField(null=True)
    error = peewee.TextField(null=True)
    told_at = InstantField(null=True)  # when it was told in another way what cannot be shown
    made_at = InstantField()
    done_at = InstantField(null=True)


_live = Delivery.state.in_(["queued", "sending", "unknown"])
Delivery.add_index(Delivery.lane, Delivery.id, where=_live, name="delivery_live")
Delivery.add_index(
    Delivery.lane,
    unique=True,
    where=Delivery.state.in_(["sending", "unknown"]),
    name="delivery_one_attempt",
)
Delivery.add_index(
    Delivery.replaces,
    where=(Delivery.state == "queued") & Delivery.replaces.is_null(False),
    name="delivery_replaces",
)
Delivery.add_index(Delivery.id, where=Delivery.state == "parked", name="delivery_parked")


# What the house knows of itself


class Heartbeat(Table):
    """A worker process, and when it last said it was alive."""

    worker = peewee.TextField(primary_key=True)
    beat_at = InstantField()


class Tally(Table):
    """A counter of /metrics, in shards, counted in the transaction of what it counts."""

    name = peewee.TextField()
    label = peewee.TextField()
    shard = peewee.SmallIntegerField()
    value = peewee.BigIntegerField()

    class Meta:
        primary_key = peewee.CompositeKey("name", "label", "shard")


TABLES = [
    *LEDGER_TABLES, Member, Policy, Template, Address, Digest, TwilioAccount, Line, Setup, Trouble,
    Contact, Tag, Word, Consent, Sheet, SheetRow, Conversation, Message, Part, Call, Draft, Typing,
    Viewer, Inbox, Lane, Pace, Delivery, Heartbeat, Tally,
]  # fmt: skip
