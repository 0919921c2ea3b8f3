"""When Slack takes nothing: what cannot be shown is kept, told in another way, and posted later.

A channel that is archived, or that Partyline was removed from: its texts go to the owner in direct
messages. A token that is revoked: they go to the account's addresses by e-mail. Each text is told
once. Its post waits in its lane all the while, is tried every half minute, and leaves in its turn
when somebody has mended what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import peewee

from bot import clock, outbox, paces
from bot.contacts import contacts, numbers
from bot.credits.models import Address
from bot.lines.models import Line
from bot.models import Delivery
from bot.talks import threads
from bot.talks.models import Conversation, Message
from bot.team import roles
from bot.words import count, escape
from ledger.database import query, transaction
from ledger.models import Account

#: Why a channel takes nothing from us, by Slack's word for it, and what to do.
CHANNEL = {
    "no_channel": "its line has no channel yet. Choose one in the line's settings on Partyline's "
    "Home",
    "is_archived": "the channel is archived. Bring it back, or give the line another one",
    "channel_not_found": "the channel is gone, or private and without @Partyline. Type "
    "`/invite @Partyline` in it, or give the line another one",
    "not_in_channel": "@Partyline is not in the channel. Type `/invite @Partyline` in it",
    "restricted_action": "only some people may post in the channel. Let @Partyline, too",
    "restricted_action_read_only_channel": "nobody may post in the channel. Change that in its "
    "settings, or give the line another one",
    "restricted_action_thread_only_channel": "the channel takes posts in threads alone. Change "
    "that in its settings, or give the line another one",
    "restricted_action_non_threadable_channel": "the channel takes no threads. Change that in its "
    "settings, or give the line another one",
    "ekm_access_denied": "an admin has stopped posts in the channel. Ask them",
    "posting_to_channel_denied": "an admin has stopped posts in the channel. Ask them",
    "is_inactive": "the channel is frozen. Ask an admin, or give the line another one",
}
_INSTALL = "Install the app again in Slack, put its new token into SLACK_BOT_TOKEN, and restart"
#: Why Slack takes nothing from us at all, and what to do.
SLACK = {
    "token_revoked": f"Partyline's token was revoked. {_INSTALL}",
    "token_expired": f"Partyline's token has expired. {_INSTALL}",
    "invalid_auth": f"Slack does not take Partyline's token. {_INSTALL}",
    "not_authed": f"Slack was given no token. {_INSTALL}",
    "not_allowed_token_type": f"SLACK_BOT_TOKEN is not the app's bot token. {_INSTALL}",
    "account_inactive": f"Partyline was removed from the workspace. {_INSTALL}",
    "team_access_not_granted": f"Partyline was removed from the workspace. {_INSTALL}",
    "access_denied": "an admin has stopped the app. Ask them to approve it",
    "app_access_restricted": "an admin has stopped the app. Ask them to approve it",
    "org_login_required": "the workspace is being moved. Wait, or ask an admin",
    "missing_scope": "Partyline lacks a permission. Compare the app with manifest.json in Slack's "
    "settings, and install it again",
    "no_permission": "Partyline lacks a permission. Compare the app with manifest.json in Slack's "
    "settings, and install it again",
    "message_limit_exceeded": "the workspace has used up what its Slack plan takes. Ask an admin",
}
MAIL_EVERY = timedelta(minutes=15)  # at most, however many texts wait
LISTED = 500  # texts of one look
WRITTEN = 50  # texts of one e-mail
MADE_UP = 200  # conversations that are brought up to date at once
MOVED = 500  # posts whose conversations move on at once

#: Posts of texts that wait and were not told yet.
UNTOLD = """
    SELECT id, key FROM delivery
    WHERE state IN ('queued', 'sending', 'unknown') AND kind = 'slack.post' AND (pace = %s OR %s)
      AND told_at IS NULL AND key LIKE 'post:%%' ORDER BY id LIMIT %s"""
WAITING = """
    SELECT payload FROM delivery
    WHERE state IN ('queued', 'sending', 'unknown') AND kind = 'slack.post' AND pace = %s
    ORDER BY id LIMIT %s"""
KNOWN = "SELECT 1 FROM delivery WHERE key = %s"


@dataclass(frozen=True)
class Untold:
    """A text that could not be shown, and what carries it."""

    delivery: int
    message: Message

    @property
    def who(self) -> str:
        """Name and number of who wrote it."""
        contact = self.message.conversation.contact
        return contacts.with_number(contacts.name_of(contact), contact.number)

    @property
    def said(self) -> str:
        """What they wrote."""
        return self.message.body or count(len(self.message.media), "attachment")


def explain(error: str | None) -> str | None:
    """What is wrong and what to do, for a delivery's error; None if it is of another kind."""
    name = (error or "").removeprefix("Slack: ")
    return CHANNEL.get(name) or SLACK.get(name)


def in_channel(error: str) -> bool:
    """Whether only a channel is shut, not all of Slack."""
    return error.removeprefix("Slack: ") in CHANNEL


@transaction
def channel_shut(channel: str, error: str, now: datetime) -> None:
    """A channel takes nothing: its lines' owners are told what waits. Conversations of a line that
    has another channel by now go on there."""
    _move_on(channel)
    texts = _untold(channel, now)
    for text in texts:
        for member in roles.in_charge(text.message.conversation.line.account_id):
            boss = member.slack_user
            outbox.post_card(
                boss, f"dm:{text.message.id}:{boss}", "slack.card",
                {"what": "note", "text": _note(text, channel, CHANNEL[error])},
            )  # fmt: skip
    _told(texts, now)


@transaction
def slack_shut(error: str, now: datetime) -> None:
    """Slack takes nothing at all: accounts are written to, at once and then every quarter of an
    hour, with the texts that came meanwhile."""
    texts = _untold(None, now)
    slot = int(now.timestamp() // MAIL_EVERY.total_seconds())
    for account in {text.message.conversation.line.account for text in texts}:
        mine = [text for text in texts if text.message.conversation.line.account_id == account.id]
        mine = mine[:WRITTEN]
        addresses = list(Address.select().where(Address.account == account).order_by(Address.id))
        keys = [f"slack-shut:{account.id}:{slot}:{address.email}" for address in addresses]
        if keys and query(KNOWN, keys[0]).fetchone():
            continue  # they were written to just now
        for key, address in zip(keys, addresses, strict=True):
            outbox.enqueue(
                key, "mail.notice",
                {"what": "notice", "notice": _letter(account, mine, SLACK[error]),
                 "to": address.email},
                lane=f"mail:{address.email}", pace="mail:server",
            )  # fmt: skip
        _told(mine, now)


@transaction
def mended(channel: str, now: datetime) -> None:
    """The channel takes posts again: what waits leaves at once."""
    outbox.hurry(paces.of_channel(channel))
    here = Conversation.stale & (Conversation.channel == channel)
    for conversation in list(Conversation.select().where(here).limit(MADE_UP)):
        threads.make_up(conversation, now)


@transaction
def make_up(most: int = MADE_UP) -> int:
    """Tries again what could not be changed, wherever nobody told us that it is mended. Returns in
    how many conversations."""
    now = clock.now()
    behind = list(Conversation.select().where(Conversation.stale).limit(most))
    for conversation in behind:
        threads.make_up(conversation, now)
    return len(behind)


def _note(text: Untold, channel: str, why: str) -> str:
    number = text.message.conversation.contact.number
    where = f"in <#{channel}>" if channel else "in Slack"
    quoted = "\n".join(f">{line}" for line in escape(text.said).splitlines())
    answer = f"To answer now, type `/text {number} …`. " if numbers.textable(number) else ""
    return (
        f":warning: A text cannot be shown {where}: {why}.\n*{escape(text.who)}* wrote:\n{quoted}\n"
        f"{answer}It will be shown in its thread, too, as soon as that is mended."
    )


def _letter(account: Account, texts: list[Untold], why: str) -> dict[str, object]:
    """A notice (notices.py) for an e-mail."""
    reason, _, advice = why.partition(". ")
    return {
        "account": account.id, "name": account.name, "channel": None, "of_credits": False,
        "title": f"Slack takes nothing: {count(len(texts), 'text')} could not be shown",
        "facts": [(text.who, text.said) for text in texts],
        "advice": f"{reason[0].upper()}{reason[1:]}. {advice}. Texts in are kept; they will be "
        "shown in their threads as soon as that is mended. Until then they come by e-mail.",
    }  # fmt: skip


def _untold(channel: str | None, now: datetime) -> list[Untold]:
    """Texts in that wait to be shown, in this channel or in any, and were not told otherwise."""
    rows = query(UNTOLD, paces.of_channel(channel or ""), channel is None, LISTED).fetchall()
    carried = {int(key.partition(":")[2]): delivery for delivery, key in rows}
    found = list(Message.select().where(Message.id.in_(list(carried))).order_by(Message.id))
    texts = [Untold(carried[message.id], message) for message in found]
    sent = [text for text in texts if text.message.direction == "out"]
    _told(sent, now)  # whoever sent it knows it
    return [text for text in texts if text not in sent]


def _told(texts: Iterable[Untold], now: datetime) -> None:
    ids = [text.delivery for text in texts]
    Delivery.update(told_at=now).where(Delivery.id.in_(ids)).execute()


def _move_on(channel: str) -> None:
    """Has conversations with something to show go on where their line is now."""
    waiting = query(WAITING, paces.of_channel(channel), MOVED).fetchall()
    ids = {json.loads(payload)["conversation"] for (payload,) in waiting}
    before = Conversation.alias()  # their contacts were merged since
    current = before.select(peewee.fn.COALESCE(before.goes_on, before.id)).where(before.id.in_(ids))
    left = (
        Conversation.select(Conversation, Line)
        .join(Line)
        .where(Conversation.id.in_(current), Conversation.channel == channel)
        .where(Line.channel.not_in(["", channel]))
    )
    for conversation in list(left):
        threads.move_on(conversation, conversation.line.channel)
