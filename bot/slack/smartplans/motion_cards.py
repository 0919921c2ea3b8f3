"""SmartPlans on App Home: what a member is to do, what waits for a yes, and what runs."""

from __future__ import annotations

from bot.contacts import contacts
from bot.slack import cards
from bot.slack.cards import Blocks, button, context, mrkdwn
from bot.slack.smartplans import plan_cards
from bot.smartplans.in_motion import Asking, InMotion, Running
from bot.smartplans.models import Reminder
from bot.words import escape, short

EXCERPT = 300  # characters of a text


def blocks(motion: InMotion) -> Blocks:
    """All of it; nothing where there is none."""
    return [*_reminders(motion), *_asks(motion), *_plans(motion)]


def _reminders(motion: InMotion) -> Blocks:
    if not motion.reminders:
        return []
    total = len(motion.reminders) + motion.reminders_more
    made: Blocks = [mrkdwn(f"*Your reminders ({total:,})*")]
    for one in motion.reminders:
        made += [mrkdwn(_reminder(one)), plan_cards.reminder_buttons(one)]
    if motion.reminders_more:
        made.append(context(f"and {motion.reminders_more:,} more, once these are done"))
    return made


def _reminder(one: Reminder) -> str:
    said = f":bell: {escape(short(one.words, EXCERPT))}"
    if one.contact is not None:
        said += f"\n{cards.to_whom(contacts.name_of(one.contact), one.contact.number)}"
    return said + (f"\n```{escape(short(one.body, EXCERPT))}```" if one.body else "")


def _asks(motion: InMotion) -> Blocks:
    if not motion.asks:
        return []
    total = len(motion.asks) + motion.asks_more
    made: Blocks = [mrkdwn(f"*Texts that cost more than was agreed ({total:,})*")]
    for one in motion.asks:
        made += [mrkdwn(_ask(one)), plan_cards.ask_buttons(
            one.enrollment, (one.round, one.position), one.credits)]  # fmt: skip
    if motion.asks_more:
        made.append(context(f"and {motion.asks_more:,} more, once these are settled"))
    return made


def _ask(one: Asking) -> str:
    quoted = "\n".join(f">{line}" for line in escape(short(one.body, EXCERPT)).splitlines())
    return f":question: “{escape(one.plan)}” to {escape(one.contact)}\n{quoted}"


def _plans(motion: InMotion) -> Blocks:
    if not motion.plans:
        return []
    today = f"Today: {motion.today}" if motion.today else "Nothing comes today"
    made: Blocks = [mrkdwn(f"*SmartPlans*\n{today}")]
    for plan in motion.plans:
        beside = button("Open", "smart_open", str(plan.id))
        made.append({**mrkdwn(_plan(plan)), "accessory": beside})
    if motion.plans_more:
        made.append(context(f"and {motion.plans_more:,} more: `/smartplans`"))
    return made


def _plan(plan: Running) -> str:
    said = f"{escape(plan.name)}: {plan.contacts} on it"
    if plan.state == "paused":
        return f"{said}, paused"
    return said + (", waits for credits" if plan.short_of_credits else "")
