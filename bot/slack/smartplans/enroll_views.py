"""The modals of a plan's preview, of putting contacts on it, and of one contact's plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.contacts import contacts
from bot.contacts.models import Contact
from bot.slack.cards import LONGEST_OPTION, Blocks, context, modal, mrkdwn, option, plain, when
from bot.slack.inputs import box, choice, field
from bot.smartplans import plan_words
from bot.smartplans.enrollments import Enrolled
from bot.smartplans.models import ALIVE, Bulk, Enrollment, SmartPlan
from bot.smartplans.plan_preview import Cost, Foreseen
from bot.words import count, escape, short

SHOWN = 40  # steps of a preview
WORDS = 600  # characters of a step that a preview shows
SAID = {
    "pause": "Paused: nothing comes until you let it go on.",
    "resume": "It goes on.",
    "skip": "The next step is left out.",
    "stop": "Stopped for good.",
    "move": "Moved: it begins there with the first step.",
}
LATE = "That was not possible any more. This is how it stands:"
STATES = {
    "active": "runs", "paused": "paused", "waiting": "waits for credits",
    "asking": "asks about a price", "done": "done", "stopped": "stopped",
}  # fmt: skip


def preview(
    plan: SmartPlan, seen: Sequence[Foreseen], ceilings: Mapping[str, int], who: str | None,
    may_switch: bool,
) -> dict[str, Any]:  # fmt: skip
    """What one contact will get, step by step, with its price."""
    total = sum(step.credits for step in seen)
    person = f"*{escape(who)}*" if who else "a contact with a long name"
    menu_of = {
        "type": "external_select",
        "action_id": "smart_preview_as",
        "min_query_length": 1,
        "placeholder": plain("As a contact of yours…"),
    }
    blocks: Blocks = [
        {**mrkdwn(f"*{escape(plan.name)}*, for {person}, if it began now: "
                  f"{count(total, 'credit')} a contact."),
         "block_id": "as", "accessory": menu_of},
        *_foreseen(seen),
    ]  # fmt: skip
    if may_switch:
        blocks.append(context(
            "A text that would cost more than it does now for any of your newest hundred contacts "
            "waits, and asks you first."
        ))  # fmt: skip
    about = {"plan": plan.id, "ceilings": dict(ceilings)}
    submit = "Switch on" if may_switch else ""
    return modal("smart_switched_on", "Preview", blocks, about, submit=submit, close="Back")


def _foreseen(seen: Sequence[Foreseen]) -> Blocks:
    made = []
    for place, step in enumerate(seen[:SHOWN]):
        price = f" · {count(step.credits, 'credit')}" if step.kind == "text" else ""
        if step.pictures:
            price = f" · {count(step.pictures, 'picture')}{price}"
        number = f"*{place + 1}. {plan_words.KINDS[step.kind]}*"
        if step.at is None:
            made.append(
                mrkdwn(f"{number} · does not come{f': {escape(step.note)}' if step.note else ''}")
            )
            continue
        note = f"\n_{escape(step.note[:1].upper() + step.note[1:])}_" if step.note else ""
        subject = f"{step.subject}: " if step.subject else ""
        said = short(f"{subject}{step.body}", WORDS)
        quoted = "\n".join(f">{line}" for line in escape(said).splitlines())
        made.append(mrkdwn(f"{number} · {when(step.at)}{price}\n{quoted}{note}"))
    if len(seen) > SHOWN:
        made.append(context(f"and {len(seen) - SHOWN} more steps"))
    return made


def on(plan: SmartPlan) -> dict[str, Any]:
    """What is said once a plan is switched on."""
    return modal("smart_told", "SmartPlan", [mrkdwn(
        f":white_check_mark: *{escape(plan.name)}* is on. Open it again to put contacts on it."
    )], {})  # fmt: skip


def choose(plan: SmartPlan, tags: Sequence[str]) -> dict[str, Any]:
    """Who is to be put on the plan: one contact, a tag, or a list."""
    blocks: Blocks = [
        mrkdwn(f"Who joins *{escape(plan.name)}*? Choose one of these ways."),
        {"type": "input", "block_id": "contact", "label": plain("One contact"), "optional": True,
         "element": {"type": "external_select", "action_id": "smart_contact",
                     "min_query_length": 1, "placeholder": plain("Name or number")}},
    ]  # fmt: skip
    if tags:
        blocks.append(field("tag", "All with a tag", {
            "type": "static_select", "placeholder": plain("Tag"),
            "options": [option(tag, tag) for tag in tags[:100]],
        }, optional=True))  # fmt: skip
    blocks.append(box(
        "people", "A list", "", optional=True, multiline=True,
        hint="One name or number a line, as they stand in /contacts. For a CSV file: "
        "/contacts import gives its rows a tag, which you then choose above",
    ))  # fmt: skip
    return modal("smart_chosen", "Put contacts on a plan", blocks, {"plan": plan.id},
                 submit="Show the price", close="Back")  # fmt: skip


def confirm(
    plan: SmartPlan, cost: Cost, seen: Sequence[Foreseen], first: str, who: list[int] | None,
    tag: str | None,
) -> dict[str, Any]:  # fmt: skip
    """What putting them on the plan costs, before it is done."""
    about = "" if cost.is_exact else "about "
    lines = [
        f"*{count(cost.contacts, 'contact')}*" + (f" with the tag “{escape(tag)}”" if tag else ""),
        f"{about}{count(cost.texts, 'text')}, {about}*{count(cost.credits, 'credit')}* in all",
        f"{count(cost.balance, 'credit')} left now, "
        + (f"{cost.left_after:,} after the last text" if cost.left_after >= 0
           else f"{-cost.left_after:,} too few for all of it"),
    ]  # fmt: skip
    if cost.runs_out_at:
        lines.append(f":warning: The balance runs out {when(cost.runs_out_at)}. Texts then wait, "
                     "you are told once, and they go on when credits come.")  # fmt: skip
    blocks: Blocks = [
        mrkdwn("\n".join(lines)),
        context("Whoever opted out, is blocked, or is on it already is left out; you see how many. "
                "Renewals and other texts are not counted."),
        {"type": "divider"},
        mrkdwn(f"*What {escape(first)} will get*"),
        *_foreseen(seen),
    ]  # fmt: skip
    kept = {"plan": plan.id, "who": who, "tag": tag}
    return modal("smart_enrolled", "Put contacts on a plan", blocks, kept,
                 submit="Put them on it", close="Back")  # fmt: skip


def done(plan: SmartPlan, made: Enrolled | Bulk) -> dict[str, Any]:
    """How many came on the plan, and why others did not; of many, where that can be seen."""
    if isinstance(made, Bulk):
        return modal("smart_told", "SmartPlan", [mrkdwn(
            f":arrow_forward: {count(made.total, 'contact')} come on *{escape(plan.name)}* now. "
            "A message from Partyline to you says how far it is; there you can pause or stop it."
        )], {})  # fmt: skip
    lines = [f":white_check_mark: {count(made.count, 'contact')} "
             f"{'is' if made.count == 1 else 'are'} on *{escape(plan.name)}* now."]  # fmt: skip
    for why, number in made.left_out.items():
        lines.append(f"{count(number, 'contact')} left out: {escape(why)}.")
    if plan.state == "paused":
        lines.append("The SmartPlan is paused: nothing goes out before you switch it on.")
    return modal("smart_told", "SmartPlan", [mrkdwn("\n".join(lines))], {})


def plans_of(contact: Contact, found: Sequence[Enrollment], said: str) -> dict[str, Any]:
    """The plans that a contact is on or was, newest first."""
    name = escape(contacts.name_of(contact))
    title = f"*{name}* is on no plan, and was on none." if not found else f"*{name}*'s plans"
    blocks: Blocks = [*([mrkdwn(said)] if said else []), mrkdwn(title)]
    for one in found:
        line = f"*{escape(one.plan.name)}* · {STATES[one.state]}"
        if one.why:
            line += f": {escape(one.why)}"
        if one.state == "active" and one.due_at:
            line += f" · step {one.position + 1} {when(one.due_at)}"
        block = {**mrkdwn(line), "block_id": f"enrollment:{one.id}"}
        if one.state in ALIVE:
            block["accessory"] = _menu(one)
        blocks.append(block)
    return modal("smart_contact_plans", "SmartPlans", blocks[:100], {"contact": contact.id})


def _menu(one: Enrollment) -> dict[str, Any]:
    first = option("Go on", f"resume:{one.id}")
    if one.state != "paused":
        first = option("Pause", f"pause:{one.id}")
    return {"type": "overflow", "action_id": "smart_of_contact", "options": [
        first, option("Leave the next step out", f"skip:{one.id}"),
        option("Move to another plan…", f"move:{one.id}"),
        option("Stop for good", f"stop:{one.id}"),
    ]}  # fmt: skip


def move_to(one: Enrollment, plans: Sequence[SmartPlan]) -> dict[str, Any]:
    """The modal that asks to which plan a contact goes from this one."""
    name, plan = escape(contacts.name_of(one.contact)), escape(one.plan.name)
    choices = {str(other.id): other.name for other in plans[:100]}
    return modal("smart_moved", "Move to another plan", [
        mrkdwn(f"*{name}* comes off *{plan}*, and begins at the first step of the other plan."),
        choice("to", "To", choices, next(iter(choices))),
    ], {"enrollment": one.id}, submit="Move", close="Back")  # fmt: skip


def label(contact: Contact) -> str:
    """ "Ann Lee · (415) 555-0123", as an option may be long."""
    return contacts.with_number(contacts.name_of(contact), contact.number, LONGEST_OPTION)
