"""What stands in a conversation's thread, as plain dicts: root, texts, reply cards, remarks."""

from __future__ import annotations

from typing import Any

from bot.contacts import consent, contacts, numbers
from bot.slack import cards
from bot.slack.cards import Card, button, context, mrkdwn, option, when, words
from bot.talks import threads
from bot.talks.desk import Wake
from bot.talks.models import Conversation, Message
from bot.team import people
from bot.texts import drafts, offers, scheduled
from bot.texts.models import Draft
from bot.words import count, escape, short

STATES = {
    "waiting": "Queued", "accepted": "Queued", "scheduled": "Queued", "queued": "Queued",
    "sending": "Sending", "sent": "Sent", "partially_delivered": "Sent", "delivered": "Delivered",
    "read": "Read",
    "undelivered": "Not delivered", "failed": "Not sent", "canceled": "Cancelled",
}  # fmt: skip


PREVIEW = 80  # characters of the newest text that a root shows
TOMORROW = 2  # of the times that a conversation can be put off until: the usual one


def root(conversation: Conversation, former: str | None = None) -> Card:
    """The first post of a conversation's thread: who it is, the newest words, who waits since when.

    `former` is the address of the thread before this one.
    """
    contact = conversation.contact
    name = contacts.name_of(contact)
    about = [part for part in (cards.number_beside(name, contact.number), contact.place) if part]
    if contact.name is None:
        about.insert(0, "New contact")
    line = " · ".join(escape(part) for part in about)
    said, notes = newest(conversation), _state(conversation)
    if former:
        notes.append(f"<{former}|the thread before this one>")
    return {
        "text": " · ".join([part for part in (escape(name), line, escape(said), *notes) if part]),
        "blocks": [
            mrkdwn(f"*{escape(name)}*" + (f"\n{line}" if line else "")),
            *words(said),
            context(" · ".join(notes)),
            {"type": "actions", "block_id": f"talk:{conversation.id}",
             "elements": _handles(conversation)},
        ],
    }  # fmt: skip


def moved(name: str, new: str) -> Card:
    """The root of a thread that took no more replies, with the address of the next."""
    return cards.note(f"*{escape(name)}*: this conversation goes on <{new}|in a new thread>.")


def newest(conversation: Conversation) -> str:
    """Who wrote the newest text and how it begins, on one line; "" where none is to be shown."""
    message = threads.newest_said(conversation)
    if message is None:
        return ""
    who = "They"
    if message.direction == "out":
        who = people.called(str(message.author)) or "One of you"
    said = " ".join(message.body.split()) or count(len(message.media), "attachment")
    failed = f" ({STATES[message.status].lower()})" if message.failure else ""
    return f"{who}: {short(said, PREVIEW)}{failed}"


def _state(conversation: Conversation) -> list[str]:
    contact = conversation.contact
    opted_out = consent.opted_out(conversation)
    notes = ["Answered" if conversation.heard_at else "No answer yet"]
    if conversation.waiting_since:
        notes = [f"Waiting for an answer since {when(conversation.waiting_since)}"]
    if conversation.state == "closed":
        notes = ["Closed: the next text opens it again"]
    elif opted_out or contact.blocked_at:
        notes = []  # nobody owes an answer
    if conversation.assigned_to:
        notes.append(f"<@{conversation.assigned_to}> looks after it")
    if conversation.snoozed_until:
        notes.append(f"Put off until {when(conversation.snoozed_until)}")
    if next_at := scheduled.next_in(conversation):
        notes.append(f"A text goes out {when(next_at)}")
    if opted_out:
        notes.append(f"Opted out ({escape(consent.how(contact))}): nothing can be sent")
    if contact.blocked_at:
        notes.append("Blocked: their texts are not shown")
    if conversation.braked_at:
        notes.append("Nothing is answered automatically before one of you answers")
    if not numbers.textable(contact.number):
        notes.append("This sender takes no answers")
    return notes


def _handles(conversation: Conversation) -> cards.Blocks:
    key, contact = str(conversation.id), conversation.contact
    made = []
    if _may_be_answered(conversation):
        made.append({**button("Reply", "talk_reply", key), "style": "primary"})
    if contact.name is None:
        made.append(button("Name this contact", "contact_edit", f"{contact.id}:{key}"))
    made.append({
        "type": "users_select", "action_id": "talk_assign",
        "placeholder": cards.plain("Assign to…"),
        **({"initial_user": conversation.assigned_to} if conversation.assigned_to else {}),
    })  # fmt: skip
    if conversation.state == "closed":
        made.append(button("Reopen", "talk_reopen", key))
    else:
        made.append(button("Close", "talk_close", key))
    more = [option("Put off…", f"snooze:{key}")]
    if conversation.assigned_to:
        more.append(option("Nobody looks after it", f"release:{key}"))
    if contact.name is not None:
        more.append(option("Edit contact…", f"contact:{key}"))
    if not consent.opted_out(conversation):
        more.append(option("They asked for no more texts", f"opt_out:{key}"))
    if contact.blocked_at:
        more.append(option("Unblock", f"unblock:{key}"))
    else:
        more.append(option("Block this sender", f"block:{key}"))
    made.append({"type": "overflow", "action_id": "talk_more", "options": more})
    return made


def text_in(message: Message, call: str | None = None) -> Card:
    """A text in, as a reply in its thread; it calls a Slack user if one is given."""
    name = contacts.name_of(message.conversation.contact)
    notes = [f"{message.kind.upper()} · {count(message.credits, 'credit')}"]
    if message.other_number:
        notes.insert(0, f"from {escape(numbers.spoken(message.other_number))}")
    if message.media:
        notes.insert(0, f":paperclip: {count(len(message.media), 'attachment')}")
    if message.recovered_at:
        arrived = f"arrived {when(message.arrived_at)}, " if message.arrived_at else ""
        notes.append(f"{arrived}recovered {when(message.recovered_at)}")
    said = escape(message.body) or count(len(message.media), "attachment")
    called = f"<@{call}> " if call else ""
    blocks = [*words(message.body), context(called + " · ".join([escape(name), *notes]))]
    if _may_be_answered(message.conversation):
        reply = button("Reply", "talk_reply", str(message.conversation_id))
        if message.body:
            blocks[0]["accessory"] = reply
        else:
            blocks.append({"type": "actions", "elements": [reply]})
    return {"text": f"{called}{escape(name)}: {said} ({notes[-1]})", "blocks": blocks}


def _may_be_answered(conversation: Conversation) -> bool:
    return numbers.textable(conversation.contact.number) and not consent.opted_out(conversation)


def text_out(message: Message) -> Card:
    """A text out, as a reply in its thread, with how far it is."""
    name = contacts.name_of(message.conversation.contact)
    state = state_of(message)
    files = [f":paperclip: {escape(file['name'])}" for file in message.media]
    said = " · ".join([*([escape(message.body)] if message.body else []), *files])
    added = [escape(message.words)] if message.words else []
    if message.other_number:
        added.insert(0, f"to {escape(numbers.spoken(message.other_number))}")
    return {
        "text": f"<@{message.author}> to {escape(name)}: {said} ({state})",
        "blocks": [
            *words(message.body),
            context(" · ".join([f"<@{message.author}>", *files, *added, state])),
        ],
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


def reply(draft: Draft, now: Any) -> Card:
    """The card under a reply: its quote, or what became of it."""
    match draft.state:
        case "quoted":
            return cards.offer(offers.offer(draft, now))
        case "scheduled":
            return cards.scheduled(draft, contacts.name_of(draft.talk.contact))
        case "cancelled":
            return cards.note("Cancelled. Nothing was sent.")
    return cards.note("Sent. Follow it below.")


# The same, plainer: for a row that the cards above cannot show, or a Slack that refuses them.


def bare_root(conversation: Conversation) -> Card:
    """The first post of a thread: the number alone."""
    return cards.note(escape(conversation.contact.number))


def bare_text(message: Message) -> Card:
    """A text, in or out: its words alone."""
    who = f"<@{message.author}> texted" if message.direction == "out" else "They texted"
    said = escape(message.body) or count(len(message.media), "attachment")
    return {"text": f"{who}: {said}", "blocks": [context(f"{who}:"), *words(message.body)]}


def bare_reply(draft: Draft) -> Card:
    """The card under a reply: its words, its price, and what is to become of it."""
    line = f"{count(draft.credits, 'credit')}. Nothing is sent before you press Send."
    if draft.state not in drafts.WAITING:
        return cards.note("Cancelled. Nothing was sent." if draft.state == "cancelled" else "Sent.")
    key = f"{draft.id}:{draft.version}"
    buttons = [button("Send", "draft_send", key), button("Cancel", "draft_cancel", key)]
    return {
        "text": f"{escape(draft.body)} ({line})",
        "blocks": [
            *words(draft.body), context(line), {"type": "actions", "elements": buttons},
        ],
    }  # fmt: skip


def stop_wish(message: Message) -> Card:
    """A suggestion, for a text that reads like a wish to get no more; a person decides."""
    name = escape(contacts.name_of(message.conversation.contact))
    key = str(message.conversation.id)
    line = (
        f":raised_hand: This reads as if {name} wants no more texts. If so, opt them out: then "
        "nothing can be sent to them any more, on any line."
    )
    return {
        "text": line,
        "blocks": [
            mrkdwn(line),
            {"type": "actions", "elements": [
                {**button("Opt them out", "talk_opt_out", key), "style": "danger"},
                button("They did not mean that", "talk_not_meant", key),
            ]},
        ],
    }  # fmt: skip


def snooze_view(conversation_id: int, times: list[Wake]) -> dict[str, Any]:
    """The modal that asks until when a conversation is put off."""
    options = [option(time.label, str(int(time.at.timestamp()))) for time in times]
    return cards.modal("talk_snoozed", "Put off", [
        {
            "type": "input", "block_id": "until", "label": cards.plain("Until when"),
            "element": {
                "type": "radio_buttons", "action_id": "until", "options": options,
                "initial_option": options[TOMORROW],
            },
        },
        {
            "type": "input", "block_id": "other", "optional": True,
            "label": cards.plain("Or at another time, by your own clock"),
            "hint": cards.plain("If they write before, it comes back at once."),
            "element": {"type": "datetimepicker", "action_id": "other"},
        },
    ], str(conversation_id), submit="Put off")  # fmt: skip
