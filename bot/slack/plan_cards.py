"""What SmartPlans show."""

from __future__ import annotations

from bot import contacts
from bot.slack import cards
from bot.slack.cards import Card
from bot.smartplan_models import Enrollment, Reminder, SmartPlan
from bot.words import count, escape

CLOSED = {"done": "Done", "skipped": "Skipped"}


def reminder(what: Reminder) -> Card:
    """What a member is to do, with the text to copy if there is one."""
    said = f":bell: {escape(what.words)}"
    if what.body:
        said += f"\n```{escape(what.body)}```"
    if what.state in CLOSED:
        said = f"~{escape(what.words)}~ {CLOSED[what.state]} by <@{what.closed_by}>."
    return cards.note(said)


def ask(enrollment: Enrollment, body: str, price: int) -> Card:
    """A text that would cost more than the plan's ceiling."""
    name = escape(contacts.name_of(enrollment.contact))
    return cards.note(
        f":grey_question: The next text of “{escape(enrollment.plan.name)}” to {name} costs "
        f"{count(price, 'credit')}, which is more than was agreed. Nothing was sent.\n"
        f">{escape(body)}"
    )


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
