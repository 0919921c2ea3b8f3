"""Every table there is, room by room: what a migrated database holds."""

from bot.contacts.models import Consent, Contact, Sheet, SheetRow, Tag, Word
from bot.credits.models import Address, Digest
from bot.lines.models import Line, Setup, Trouble, TwilioAccount
from bot.models import Delivery, Heartbeat, Inbox, Lane, Pace, Tally
from bot.smartplans.models import (
    Bulk,
    ContactDate,
    Enrollment,
    Letter,
    Picture,
    PlanRule,
    Reminder,
    SmartPlan,
    SmartPlanVersion,
    Step,
    StepRun,
)
from bot.talks.models import Call, Conversation, Message, Part
from bot.team.models import Member, Policy, Viewer
from bot.texts.models import Draft, Template, Typing
from ledger.models import TABLES as LEDGER_TABLES

TABLES = [
    *LEDGER_TABLES,
    Member, Policy, Viewer,
    Address, Digest,
    TwilioAccount, Line, Setup, Trouble,
    Contact, Tag, Word, Consent, Sheet, SheetRow,
    Conversation, Message, Part, Call,
    Template, Draft, Typing,
    SmartPlan, SmartPlanVersion, Step, Picture, PlanRule, Bulk, Enrollment, Reminder, Letter,
    StepRun, ContactDate,
    Inbox, Lane, Pace, Delivery,
    Heartbeat, Tally,
]  # fmt: skip
