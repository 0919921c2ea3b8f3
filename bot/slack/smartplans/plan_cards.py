"""What SmartPlans tell members: reminders, questions about a price, and that one waits."""

from __future__ import annotations

from typing import Any

from bot.contacts import contacts
from bot.slack import cards
from bot.slack.cards import Card, button, mrkdwn
from bot.smartplans.models import Enrollment, Reminder, SmartPlan
from bot.words import count, escape

CLOSED = {"done": "Done", "skipped": "Skipped"}


def reminder(what: Reminder) -> Card:
    """What a member is to do, with the text to copy if there is one."""
    if what.state in CLOSED:
        return cards.note(f"~{escape(what.words)}~ {CLOSED[what.state]} by <@{what.closed_by}>.")
    said = f":bell: {escape(what.words)}"
    if what.contact is not None:
        who = cards.to_whom(contacts.name_of(what.contact), what.contact.number)
        said += f"\n{who}"
    if what.snoozed_until:
        said += f"\nPut off until {cards.when(what.snoozed_until)}"
    return {
        "text": said + (f"\n{escape(what.body)}" if what.body else ""),
        "blocks": [
            mrkdwn(said + (f"\n```{escape(what.body)}```" if what.body else "")),
            reminder_buttons(what),
        ],
    }


def reminder_buttons(what: Reminder) -> dict[str, Any]:
    """What can be done with a reminder that is open."""
    key = str(what.id)
    return {"type": "actions", "block_id": f"reminder:{key}", "elements": [
        {**button("Done", "reminder_done", key), "style": "primary"},
        button("Put off until 9:00 AM tomorrow", "reminder_snooze", key),
        button("Skip", "reminder_skip", key),
    ]}  # fmt: skip


def ask(enrollment: Enrollment, body: str, price: int) -> Card:
    """A text that would cost more than the plan's ceiling."""
    name = escape(contacts.name_of(enrollment.contact))
    said = (
        f":question: The next text of “{escape(enrollment.plan.name)}” to {name} costs "
        f"{count(price, 'credit')}, which is more than was agreed. Nothing was sent."
    )
    buttons = ask_buttons(enrollment.id, (enrollment.round, enrollment.position), price)
    return {
        "text": f"{said}\n{escape(body)}",
        "blocks": [mrkdwn(said), *cards.words(body), buttons],
    }


def ask_buttons(enrollment: int, at: tuple[int, int], price: int) -> dict[str, Any]:
    """What can be done with a text that costs more; `at` is its round and position."""
    key = f"{enrollment}:{at[0]}:{at[1]}:{price}"
    return {"type": "actions", "block_id": f"ask:{enrollment}", "elements": [
        {**button(f"Send for {count(price, 'credit')}", "ask_send", key), "style": "primary"},
        button("Leave it out", "ask_skip", key),
        button("Stop the SmartPlan for them", "ask_stop", key),
    ]}  # fmt: skip


def short(plan: SmartPlan, why: str) -> Card:
    """A plan that waits for credits (R17)."""
    if why == "cap":
        return cards.note(
            f":hourglass: “{escape(plan.name)}” has spent the {count(plan.cap or 0, 'credit')} it "
            "may. Its texts wait; they go on when you raise its cap."
        )
    return cards.note(
        f":hourglass: “{escape(plan.name)}” waits: there are too few credits for its next text. "
        "It goes on by itself when credits come. Upgrade with `/credits plan`."
    )
