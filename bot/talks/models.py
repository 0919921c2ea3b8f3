"""Conversations, and what was said in them: texts and calls."""

from __future__ import annotations

import peewee

from bot.contacts.models import Contact
from bot.lines.models import Line, TwilioAccount
from bot.models import JSONText, one_of
from ledger.database import InstantField
from ledger.models import Table


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
    show_at = InstantField(null=True)  # when its root is to show what they said in one go
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
    Conversation.show_at,
    where=Conversation.show_at.is_null(False),
    name="conversation_to_show",
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
    message_sid = peewee.TextField(null=True)  # of a text in
    in_channel = peewee.BooleanField(default=False)  # shown in the channel too
    slack_ts = peewee.TextField(null=True)  # of its copy in the thread
    shown = peewee.TextField(null=True)  # the state that copy shows
    recovered_at = InstantField(null=True)  # when no webhook brought it
    arrived_at = InstantField(null=True)  # and when Twilio had it, as its list says
    draft = peewee.TextField(null=True)  # what a text out was before Send
    price_micros = peewee.IntegerField(null=True)  # of a text in, Twilio's, in millionths
    made_at = InstantField()

    class Meta:
        indexes = ((("conversation", "made_at"), False),)


Message.add_index(
    Message.message_sid, unique=True, where=Message.message_sid.is_null(False),
    name="message_message_sid",
)  # fmt: skip
Message.add_index(
    Message.draft, unique=True, where=Message.draft.is_null(False), name="message_draft"
)


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
    message_sid = peewee.TextField(null=True)
    status = peewee.TextField(default="waiting")  # then Twilio's word
    error_code = peewee.IntegerField(null=True)
    price_micros = peewee.IntegerField(null=True)  # Twilio's, in millionths of its currency
    ask_at = InstantField(null=True)  # when to ask Twilio what became of it

    class Meta:
        indexes = ((("message", "number"), True),)


Part.add_index(
    Part.message_sid, unique=True, where=Part.message_sid.is_null(False), name="part_message_sid"
)
Part.add_index(Part.ask_at, where=Part.ask_at.is_null(False), name="part_to_ask")


class Call(Table):
    """Somebody called a line, and what came of it."""

    line = peewee.ForeignKeyField(Line, on_delete="RESTRICT", index=False)
    contact = peewee.ForeignKeyField(  # none: a caller who is no phone number
        Contact, null=True, on_delete="RESTRICT", index=False
    )
    number = peewee.TextField()  # the caller's, as Twilio says it
    call_sid = peewee.TextField(unique=True)
    twilio = peewee.ForeignKeyField(  # by which it came, whatever its line moves to
        TwilioAccount, null=True, on_delete="RESTRICT", index=False
    )
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
