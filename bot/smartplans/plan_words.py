"""SmartPlans in words: when a step comes, what a plan does beside its steps."""

from __future__ import annotations

from datetime import date, datetime, time

from bot.smartplans.plan_shapes import DATES, WEEKDAYS, RuleShape, Shape, StepShape
from bot.smartplans.schedule import When
from bot.words import clock_words, count

KINDS = {"text": "Text", "email": "E-mail", "reminder": "Reminder"}
STATES = {"draft": "not switched on yet", "on": "on", "paused": "paused", "archived": "archived"}


def when_words(when: When, *, first: bool) -> str:
    """ "2 days after the step before, at 10:00 AM, Mon to Fri"."""
    said = _basis(when, first)
    if when.at is not None:
        at = datetime.combine(date.min, time(*divmod(when.at, 60)))
        said += f", at {clock_words(at)}"
    if when.weekdays:
        said += f", {days_words(when.weekdays)}"
    return said


def _basis(when: When, first: bool) -> str:
    length = count(abs(when.amount), when.unit.removesuffix("s"))
    if when.basis == "date":
        field = DATES.get(str(when.field), f"the date “{when.field}”")
        if not when.amount:
            return f"on {field}"
        return f"{length} {'before' if when.amount < 0 else 'after'} {field}"
    if when.basis == "enrolled" or first:
        return f"{length} after they join" if when.amount else "at once"
    return f"{length} after the step before" if when.amount else "together with the step before"


def days_words(mask: int) -> str:
    """ "Mon to Fri", "Sat, Sun"."""
    days = [day for place, day in enumerate(WEEKDAYS) if mask & 1 << place]
    places = [place for place in range(7) if mask & 1 << place]
    in_a_row = places == list(range(places[0], places[-1] + 1)) if places else False
    if in_a_row and len(days) > 2:
        return f"{days[0]} to {days[-1]}"
    return ", ".join(days)


def step_words(step: StepShape, *, first: bool) -> str:
    """ "Text, 2 days after the step before, at 10:00 AM, from <@U1>", in Slack's mark-up."""
    said = f"{KINDS[step.kind]}, {when_words(step.when, first=first)}"
    if len(step.bodies) > 1:
        said += f", {len(step.bodies)} texts in turn"
    if step.media:
        said += f", {count(len(step.media), 'picture')}"
    return said + (f", by <@{step.assigned_to}>" if step.assigned_to else "")


def habits(shape: Shape, flows_into: str | None) -> list[str]:
    """What the plan does beside its steps, a sentence each."""
    said = []
    if shape.repeat_every and shape.repeat_unit:
        said.append(f"Repeats every {count(shape.repeat_every, shape.repeat_unit[:-1])}.")
    if flows_into:
        said.append(f"Whoever comes to its end goes on to “{flows_into}”.")
    ends = ["opt out"]
    if shape.stop_on_close:
        ends.insert(0, "their conversation is closed")
    if shape.stop_on_reply:
        ends.insert(0, "they answer")
    listed = ", when ".join(ends[:-1])
    said.append(f"It stops for a contact when {f'{listed}, or when they' if listed else 'they'} "
                f"{ends[-1]}.")  # fmt: skip
    if shape.cap:
        said.append(f"It spends {count(shape.cap, 'credit')} at most.")
    said += [sentence for what in ("enroll", "remove") if (sentence := _rules(shape.rules, what))]
    if shape.allow_again:
        said.append("The same contact may be put on it again.")
    return said


def _rules(rules: tuple[RuleShape, ...], what: str) -> str:
    mine = [rule for rule in rules if rule.what == what]
    causes = []
    for event, words in (("tag_added", "gets"), ("tag_removed", "loses")):
        tags = ", ".join(f"“{rule.tag}”" for rule in mine if rule.event == event)
        if tags:
            causes.append(f"{words} the tag {tags}")
    if any(rule.event == "new_sender" for rule in mine):
        causes.append("texts in for the first time")
    if not causes:
        return ""
    does = "joins it" if what == "enroll" else "is taken off"
    return f"Whoever {' or '.join(causes)} {does}."
