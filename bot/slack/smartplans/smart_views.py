"""SmartPlans as they are seen in Slack: the list, a plan with its steps, and its settings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from bot.contacts import numbers
from bot.lines.models import Line
from bot.slack import cards
from bot.slack.cards import Blocks, Card, button, context, modal, mrkdwn, option, plain
from bot.slack.inputs import box, choice, field, initial
from bot.slack.smartplans.step_views import moving
from bot.smartplans import plan_counts, plan_shapes, plan_spending, plan_words
from bot.smartplans.models import SmartPlan
from bot.smartplans.plan_shapes import REPEATS, Shape, StepShape
from bot.smartplans.schedule import When
from bot.words import count, escape, short

HELP = (
    "*`/smartplans`* lists your plans: texts, e-mails and reminders on a schedule.\n"
    "Open one to see and change its steps, to see what it will send and cost, to switch it on, and "
    "to put contacts on it. Nothing is sent before you switch it on, and no text at a price you "
    "have not seen.\n"
    "`/smartplans new` makes one; `/smartplans birthday` opens the plan whose name begins so; "
    "`/smartplans of Ann Lee` shows the plans that a contact is on."
)
MADE = (
    "This is your plan. Change its steps as you like, then press *Preview and switch on*: nothing "
    "is sent before."
)
FIRST_STEP = StepShape(
    "text", When("enrolled", 0, "minutes"), ("Hi {first_name|there}, this is {agent_name|us}.",)
)
EXCERPT = 150  # characters of a step that the plan shows
BLANK, READY, SHARED = "blank", "ready", "shared"


def listed(plans: Sequence[tuple[SmartPlan, Counter[str]]], account: int, may_write: bool) -> Card:
    """The account's plans, each with a button that opens it."""
    begin = "Start with a ready one." if may_write else "The owner or a manager makes them."
    title = f"*Your SmartPlans* ({len(plans)})" if plans else (
        "*No SmartPlans yet.* A SmartPlan sends texts, e-mails and reminders on a schedule. "
        + begin
    )  # fmt: skip
    blocks: Blocks = [mrkdwn(title)]
    said = []
    for plan, counts in plans:
        line = f"*{escape(plan.name)}* · {standing(plan, counts)}"
        said.append(line.replace("*", ""))
        beside = button("Open", "smart_open", str(plan.id))
        blocks.append({**mrkdwn(line), "accessory": beside})
    if may_write:
        new = {**button("New plan", "smart_new", str(account)), "style": "primary"}
        blocks.append({"type": "actions", "block_id": "smart", "elements": [new]})
    return {"text": "\n".join([title.replace("*", ""), *said]), "blocks": blocks[-50:]}


def standing(plan: SmartPlan, counts: Counter[str]) -> str:
    """ "on · 12 contacts on it, 3 done · 40 credits spent"."""
    alive = plan_counts.alive(counts)
    facts = [plan_words.STATES[plan.state]]
    if alive or counts.get("done"):
        done = f", {plan_counts.figure(counts['done'])} done" if counts.get("done") else ""
        facts.append(f"{plan_counts.about(alive, 'contact')} on it{done}")
    for state, words in (("waiting", "waiting for credits"), ("asking", "asking about a price"),
                         ("paused", "paused")):  # fmt: skip
        if counts.get(state):
            facts.append(f"{plan_counts.figure(counts[state])} {words}")
    if spent := plan_spending.spent_words(plan):
        facts.append(spent)
    if plan.published_at:
        facts.append("shared")
    return " · ".join(facts)


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def plan_view(
    plan: SmartPlan, shape: Shape, counts: Counter[str], *, may_write: bool,
    line: Line | None, flows_into: str | None, said: str = "",
) -> dict[str, Any]:  # fmt: skip
    """The modal of one plan."""
    key = str(plan.id)
    where = f"Texts go out from {numbers.spoken(line.number)}." if line else (
        "No number is set: each text becomes a reminder, with the text ready to be copied."
    )  # fmt: skip
    blocks: Blocks = [
        *([mrkdwn(said)] if said else []),
        mrkdwn(f"*{escape(plan.name)}*\n{_sentence(standing(plan, counts))}"),
        context(" ".join(escape(one) for one in [where, *plan_words.habits(shape, flows_into)])),
        _actions(plan, may_write),
        {"type": "divider"},
        *_steps(plan, shape, may_write),
    ]
    if may_write:
        adders = [button(f"Add {name}", f"smart_add_{kind}", key) for kind, name in (
            ("text", "a text"), ("email", "an e-mail"), ("reminder", "a reminder"))]  # fmt: skip
        blocks.append({"type": "actions", "block_id": "add", "elements": adders})
    return modal("smart_plan", "SmartPlan", blocks, {"plan": plan.id})


def _actions(plan: SmartPlan, may_write: bool) -> dict[str, Any]:
    key = str(plan.id)
    made = []
    if plan.state in ("on", "paused"):
        made.append({**button("Put contacts on it", "smart_enroll", key), "style": "primary"})
    preview = button("Preview and switch on", "smart_preview", key)
    if plan.state == "on":
        preview = button("Preview", "smart_preview", key)
    elif may_write and plan.state == "draft":
        preview["style"] = "primary"
    made.append(preview)
    if may_write:
        if plan.state == "on":
            made.append(button("Pause", "smart_pause", key))
        made.append(button("Settings", "smart_settings", key))
        share = "Stop sharing" if plan.published_at else "Share with other teams"
        made.append({"type": "overflow", "action_id": "smart_more", "options": [
            option("Duplicate", f"duplicate:{key}"), option(share, f"share:{key}"),
            option("Show as YAML", f"yaml:{key}"),
            option("Archive…", f"archive:{key}"),
        ]})  # fmt: skip
    return {"type": "actions", "block_id": "plan", "elements": made}


def _steps(plan: SmartPlan, shape: Shape, may_write: bool) -> Blocks:
    made = []
    for place, step in enumerate(shape.steps):
        head = plan_words.step_words(step, first=place == 0)
        block = mrkdwn(f"*{place + 1}.* {head}\n{_excerpt(step)}")
        if may_write:
            block["accessory"] = button("Edit", "smart_step", f"{plan.id}:{step.key}")
        made.append({**block, "block_id": f"step:{step.key}"})
    return made


def _excerpt(step: StepShape) -> str:
    words = " ".join([*([f"{step.subject}:"] if step.subject else []), step.bodies[0]]).split()
    said = short(" ".join(words), EXCERPT)
    return f">{escape(said)}" if said else "_A picture alone_"


# New, and its settings


def new_view(
    account: int, lines: Sequence[Line], shared: Sequence[SmartPlan], name: str = ""
) -> dict[str, Any]:
    """The modal of a new plan."""
    groups: list[dict[str, Any]] = [
        {"label": plain("Ready plans"), "options": [
            option(shape.name, f"{READY}:{code}") for code, shape in plan_shapes.ready().items()]},
        {"label": plain("Your own"), "options": [option("An empty plan", BLANK)]},
    ]  # fmt: skip
    if shared:
        groups.append({"label": plain("Shared by other teams"), "options": [
            option(plan.name, f"{SHARED}:{plan.id}") for plan in shared[:90]]})  # fmt: skip
    start = {"type": "static_select", "option_groups": groups,
             "initial_option": groups[0]["options"][0]}  # fmt: skip
    return modal("smart_made", "New SmartPlan", [
        field("start", "Start with", start),
        box("name", "Name", name[: plan_shapes.LONGEST_NAME], most=plan_shapes.LONGEST_NAME,
            optional=True,
            hint="Empty: the name of what it starts with"),
        *_line(lines, None),
        box("yaml", "Or paste a plan written as YAML", "", optional=True, multiline=True,
            hint="As “Show as YAML” writes it; it then counts instead of what is chosen above"),
    ], {"account": account}, submit="Make it")  # fmt: skip


def settings_view(
    plan: SmartPlan, shape: Shape, lines: Sequence[Line], others: Sequence[SmartPlan], on_it: int
) -> dict[str, Any]:  # fmt: skip
    """The modal of what a plan does beside its steps."""
    ends = [option("They answer", "reply"), option("Their conversation is closed", "close")]
    chosen = [one for one, on in zip(ends, (shape.stop_on_reply, shape.stop_on_close), strict=True)
              if on]  # fmt: skip
    again = [option("The same contact may be put on it again", "again")]
    new_senders = [option("Whoever texts in for the first time joins it", "new_sender")]
    events = {(rule.what, rule.event) for rule in shape.rules}
    by_itself = ("enroll", "new_sender") in events
    following = {"none": "nowhere: it ends"} | {str(one.id): one.name for one in others[:99]}
    return modal("smart_settled", "Plan settings", [
        box("name", "Name", plan.name, most=plan_shapes.LONGEST_NAME),
        *_line(lines, shape.line),
        {"type": "divider"},
        field("ends", "It stops for a contact when", {
            "type": "checkboxes", "options": ends, **initial("initial_options", chosen),
        }, optional=True, hint="And always when they opt out"),
        box("enroll", "Tags that put a contact on it, when added",
            _tags(shape, "enroll", "tag_added"), optional=True,
            hint="Commas between them, ten at most. Tags they have already put nobody on it"),
        field("new_sender", "New senders", {
            "type": "checkboxes", "options": new_senders,
            **initial("initial_options", new_senders if by_itself else []),
        }, optional=True),
        box("off_added", "Tags that take a contact off, when added",
            _tags(shape, "remove", "tag_added"), optional=True),
        box("off_removed", "Tags that take a contact off, when removed",
            _tags(shape, "remove", "tag_removed"), optional=True),
        {"type": "divider"},
        _number("every", "Repeats every", shape.repeat_every),
        choice("unit", "Counted in", {unit: unit for unit in REPEATS},
               shape.repeat_unit or "months"),
        *moving(on_it),
        choice("then", "At its end it goes on to", following,
               then if (then := str(shape.flows_into)) in following else "none"),
        _number("cap", "Credits it may spend in all", shape.cap),
        field("again", "Again", {
            "type": "checkboxes", "options": again,
            **initial("initial_options", again if shape.allow_again else []),
        }, optional=True),
    ], {"plan": plan.id}, submit="Save", close="Back")  # fmt: skip


def _number(block: str, label: str, value: int | None) -> dict[str, Any]:
    element = {"type": "number_input", "is_decimal_allowed": False, "min_value": "1",
               **initial("initial_value", str(value) if value else None)}  # fmt: skip
    hint = "Empty: it does not repeat" if block == "every" else "Empty: no cap"
    return field(block, label, element, optional=True, hint=hint)


def _tags(shape: Shape, what: str, event: str) -> str:
    return ", ".join(r.tag for r in shape.rules if (r.what, r.event) == (what, event))


def _line(lines: Sequence[Line], here: int | None) -> Blocks:
    if not lines:
        return []
    none = {"none": "no number: texts become reminders"}
    choices = {str(line.id): numbers.spoken(line.number) for line in lines} | none
    first = str(here) if here else ("none" if here is None and len(lines) > 1 else str(lines[0].id))
    return [choice("line", "Texts go out from", choices, first if first in choices else "none")]


def archive_view(plan: SmartPlan, alive: int) -> dict[str, Any]:
    """The question before a plan is put away."""
    off = f"{count(alive, 'contact')} on it {'is' if alive == 1 else 'are'} taken off at once. "
    return modal("smart_archived", "Archive the plan?", [
        mrkdwn(f"*{escape(plan.name)}* is put away. {off if alive else ''}"
               "What it sent stays in threads and reports. You can duplicate it later."),
    ], {"plan": plan.id}, submit="Archive", close="Back")  # fmt: skip


def yaml_view(plan: SmartPlan, text: str) -> dict[str, Any]:
    """A plan as YAML, to be copied."""
    blocks: Blocks = [mrkdwn(f"*{escape(plan.name)}*, to be copied and pasted under *New plan*:")]
    at, room = 0, cards.SECTION - 100  # of the fence
    while at < len(text):
        cut = len(text) if len(text) - at <= room else text.rfind("\n", at, at + room) + 1
        piece = text[at : cut if cut > at else at + room]
        blocks.append(
            {
                "type": "rich_text",
                "elements": [
                    {
                        "type": "rich_text_preformatted",
                        "elements": [{"type": "text", "text": piece}],
                    }
                ],
            }
        )
        at += len(piece)
    return modal("smart_told", "SmartPlan", blocks[:100])


def told(words: str) -> dict[str, Any]:
    """A modal that says what was done."""
    return modal("smart_told", "SmartPlan", [mrkdwn(words)])
