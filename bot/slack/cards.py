"""What people see in Slack, as plain dicts: pure functions from rows to blocks.

Each returns `{"text": …, "blocks": […]}`; `text` alone carries the whole meaning, because it is
what a screen reader and a notification read.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from bot import contacts, drafts
from bot.contacts import Recipient
from bot.conversations import opted_out
from bot.drafts import Offer, Sent
from bot.models import Conversation, Message
from bot.slack.markup import escape
from bot.words import count
from ledger.rates import Quote

Blocks = list[dict[str, Any]]
Card = dict[str, Any]

SECTION = 3000  # characters a section holds
LONGEST_INPUT = 3000  # characters an input of a modal holds
STATES = {
    "waiting": "Queued", "accepted": "Queued", "scheduled": "Queued", "queued": "Queued",
    "sending": "Sending", "sent": "Sent", "delivered": "Delivered", "read": "Read",
    "undelivered": "Not delivered", "failed": "Not sent", "canceled": "Cancelled",
}  # fmt: skip


# A text before it is sent


def offer(draft: Offer) -> Card:
    """The card of a quoted draft, with Send, Edit and Cancel."""
    to, price = _to(draft.recipient, draft.number), price_line(draft.quote)
    left = f"{draft.left_after:,} left after"
    notes = []
    if draft.changed:
        notes.append("The price has changed since it was shown. Please look again before you send.")
    if not draft.covered:
        left = f"{draft.funds.balance:,} left"
        notes.append(drafts.shortage(draft.quote.credits, draft.funds))
    buttons = [_button("Edit", "draft_edit", draft), _button("Cancel", "draft_cancel", draft)]
    if draft.covered:
        buttons.insert(0, {**_button("Send", "draft_send", draft), "style": "primary"})
    return {
        "text": "\n".join([f"To {to}: {escape(draft.body)}", f"{price} · {left}", *notes]),
        "blocks": [
            _mrkdwn(f"*To {to}*"),
            *_body(draft.body),
            _context(f"{price} · {left}"),
            *(_mrkdwn(f":warning: {note}") for note in notes),
            {"type": "actions", "block_id": "draft", "elements": buttons},
        ],
    }


def price_line(quote: Quote) -> str:
    """ "SMS · 2 × 160 · 2 credits": kind, messages by what one holds, price."""
    why = " · emoji or special characters" if quote.encoding == "UCS-2" else ""
    size = f"{quote.messages} × {quote.size:,}"
    return f"{quote.kind.upper()} · {size}{why} · {count(quote.credits, 'credit')}"


def price(recipient: Recipient | None, body: str, quote: Quote) -> Card:
    """The answer to /quote, to somebody or to any number of the line's own country."""
    to = f" to {_to(recipient.name, recipient.number)}" if recipient else ""
    line = f"{price_line(quote)}{to}"
    return {
        "text": f"{line}: {escape(body)}",
        "blocks": [*_body(body), _context(f"{line}. Nothing was sent.")],
    }


def sent(outcome: Sent) -> Card:
    """What replaces the card when Send was pressed."""
    return note(
        f"On its way to {escape(outcome.recipient)}: {count(outcome.credits, 'credit')}, "
        f"{outcome.balance:,} left. Follow it in the thread."
    )


def note(text: str) -> Card:
    """A sentence of Partyline's own; `text` is Slack's mark-up."""
    return {"text": text, "blocks": [_mrkdwn(text)]}


def edit_view(draft_id: str, body: str, card_url: str) -> dict[str, Any]:
    """The modal in which a draft's text is edited."""
    return {
        "type": "modal",
        "callback_id": "draft_edited",
        "private_metadata": json.dumps({"draft": draft_id, "card_url": card_url}),
        "title": {"type": "plain_text", "text": "Edit the text"},
        "submit": {"type": "plain_text", "text": "Show the price"},
        "close": {"type": "plain_text", "text": "Back"},
        "blocks": [
            {
                "type": "input",
                "block_id": "body",
                "label": {"type": "plain_text", "text": "What they will read"},
                "element": {
                    "type": "plain_text_input",
                    "action_id": "body",
                    "multiline": True,
                    "max_length": LONGEST_INPUT,
                    "initial_value": body,
                },
            }
        ],
    }


# A conversation in its channel


def root(conversation: Conversation) -> Card:
    """The first post of a conversation's thread: who it is, and who waits since when."""
    contact = conversation.contact
    name = contacts.name_of(contact)
    about = [part for part in (contact.place, _number_beside(name, contact.number)) if part]
    state = "Answered" if conversation.heard_at else "No answer yet"
    if conversation.waiting_since:
        state = f"Waiting for an answer since {_when(conversation.waiting_since)}"
    notes = [state]
    if opted_out(conversation):
        notes.append("Opted out with STOP: nothing can be sent")
    if not contacts.textable(contact.number):
        notes.append("This sender takes no answers")
    line = " · ".join(escape(part) for part in about)
    text = " · ".join([f"{escape(name)}", *([line] if line else []), *notes])
    return {
        "text": text,
        "blocks": [
            _mrkdwn(f"*{escape(name)}*" + (f"\n{line}" if line else "")),
            _context(" · ".join(notes)),
        ],
    }


def text_in(message: Message) -> Card:
    """A text in, as a reply in its thread."""
    name = contacts.name_of(message.conversation.contact)
    notes = [f"{message.kind.upper()} · {count(message.credits, 'credit')}"]
    if message.media:
        notes.insert(0, f":paperclip: {count(len(message.media), 'attachment')}")
    if message.recovered_at:
        notes.append(f"recovered {_when(message.recovered_at)}")
    said = escape(message.body) or count(len(message.media), "attachment")
    return {
        "text": f"{escape(name)}: {said} ({notes[-1]})",
        "blocks": [*_body(message.body), _context(" · ".join([escape(name), *notes]))],
    }


def text_out(message: Message) -> Card:
    """A text out, as a reply in its thread, with how far it is."""
    name = contacts.name_of(message.conversation.contact)
    state = state_of(message)
    return {
        "text": f"<@{message.author}> to {escape(name)}: {escape(message.body)} ({state})",
        "blocks": [*_body(message.body), _context(f"<@{message.author}> · {state}")],
    }


def state_of(message: Message) -> str:
    """ "Delivered · 2 credits", "Not sent: the number does not exist. 2 credits given back"."""
    state = STATES.get(message.status, message.status)
    price = count(message.credits, "credit")
    if message.failure:
        state += f": {escape(message.failure)}"
        price = f"{price} charged"
    if message.refunded:
        price = f"{count(message.refunded, 'credit')} given back"
    return f"{state} · {price}"


# Parts of cards


def _to(name: str, number: str) -> str:
    beside = _number_beside(name, number)
    return escape(name) + (f" ({escape(beside)})" if beside else "")


def _number_beside(name: str, number: str) -> str:
    spoken = contacts.spoken(number)
    return "" if spoken == name else spoken


def _when(moment: datetime) -> str:
    """The reader's own time, by Slack; UTC where Slack does not put it in."""
    fallback = moment.strftime("%d %b %H:%M UTC")
    return f"<!date^{int(moment.timestamp())}^{{date_short_pretty}} {{time}}|{fallback}>"


def _body(body: str) -> Blocks:
    """Somebody's words, exactly: plain text, in which nothing pings, links or formats."""
    return [
        {
            "type": "section",
            "text": {"type": "plain_text", "text": body[at : at + SECTION], "emoji": False},
        }
        for at in range(0, len(body), SECTION)
    ]


def _button(label: str, action_id: str, draft: Offer) -> dict[str, Any]:
    return {
        "type": "button",
        "action_id": action_id,
        "text": {"type": "plain_text", "text": label},
        "value": f"{draft.draft_id}:{draft.version}",
    }


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _context(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}
