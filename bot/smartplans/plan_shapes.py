"""What a SmartPlan is made of, as values: what a form, a file or another plan gives, and whether it
makes sense."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from bot.errors import Refused
from bot.smartplans.models import UNITS
from bot.smartplans.schedule import When

READY = Path(__file__).with_name("ready_plans.toml")

KINDS = ("text", "email", "reminder")
REPEATS = ("days", "weeks", "months", "years")
DATES = {"birthday": "the birthday", "closing": "the closing day"}  # more may be kept by any name
ENROLL_EVENTS = ("tag_added", "tag_removed", "new_sender")
REMOVE_EVENTS = ("tag_added", "tag_removed", "replied", "closed")
MOST_STEPS, MOST_BODIES, MOST_TAGS = 50, 20, 10
LONGEST_NAME, LONGEST_SUBJECT, LONGEST_BODY = 80, 150, 10_000  # characters
LONGEST_WAIT = {"minutes": 10_000, "hours": 2_000, "days": 3_660, "weeks": 520, "months": 120,
                "years": 10}  # fmt: skip
DAYS = {"minutes": 1 / 1440, "hours": 1 / 24, "days": 1, "weeks": 7, "months": 30.4, "years": 365}
#: Names of the week's days, as the bits of When.weekdays.
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class StepShape:
    """One step as it is written."""

    kind: str  # text, email or reminder
    when: When
    bodies: tuple[str, ...]  # several take turns in a plan that repeats
    subject: str | None = None
    media: tuple[Mapping[str, Any], ...] = ()  # as in Draft.media
    assigned_to: str | None = None  # Slack user
    key: str | None = None  # of the step that this was before; none for a new one


@dataclass(frozen=True)
class RuleShape:
    """What puts contacts on a plan, or takes them off, by itself."""

    what: str  # enroll or remove
    event: str  # tag_added, tag_removed, new_sender, replied or closed
    tag: str = ""


@dataclass(frozen=True)
class Shape:
    """A plan as it is written."""

    name: str
    steps: tuple[StepShape, ...]
    line: int | None = None  # id; none: its texts become reminders
    repeat_every: int | None = None
    repeat_unit: str | None = None
    stop_on_reply: bool = True
    stop_on_close: bool = True
    allow_again: bool = False
    cap: int | None = None  # credits it may spend in all
    flows_into: int | None = None  # id of a plan
    rules: tuple[RuleShape, ...] = ()

    def bare(self) -> Shape:
        """Without all that belongs to one account: what a library or a file holds."""
        steps = tuple(replace(step, assigned_to=None, key=None) for step in self.steps)
        return replace(self, steps=steps, line=None, flows_into=None, rules=(), cap=None)


def check(shape: Shape) -> None:
    """Raises Refused, in plain words, for a plan that could not run."""
    if not shape.name.strip():
        raise Refused("Give the plan a name.")
    if len(shape.name) > LONGEST_NAME:
        raise Refused(f"The name has {len(shape.name)} characters; {LONGEST_NAME} are the most.")
    if not 1 <= len(shape.steps) <= MOST_STEPS:
        raise Refused(f"A plan has between 1 and {MOST_STEPS} steps. This one has "
                      f"{len(shape.steps)}.")  # fmt: skip
    for number, step in enumerate(shape.steps, 1):
        _check_step(f"Step {number}", step, repeats=shape.repeat_every is not None)
    _check_repeat(shape)
    _check_rules(shape.rules)
    if shape.cap is not None and shape.cap < 1:
        raise Refused("A cap is at least 1 credit. Leave it empty for none.")


def _check_step(which: str, step: StepShape, *, repeats: bool) -> None:
    if step.kind not in KINDS:
        raise Refused(f"{which} is “{step.kind}”. A step is a text, an email or a reminder.")
    if not step.bodies or not all(body.strip() or step.media for body in step.bodies):
        raise Refused(f"{which} is empty. Write what it says.")
    if len(step.bodies) > (MOST_BODIES if repeats else 1):
        raise Refused(
            f"{which} has {len(step.bodies)} texts that take turns; {MOST_BODIES} are the most."
            if repeats
            else f"{which} has {len(step.bodies)} texts that take turns. Only a plan that repeats "
            "has turns: have it repeat, or keep one text."
        )
    if (longest := max(len(body) for body in step.bodies)) > LONGEST_BODY:
        raise Refused(f"{which} has {longest:,} characters; {LONGEST_BODY:,} are the most.")
    if step.kind == "email" and not (step.subject or "").strip():
        raise Refused(f"{which} is an e-mail without a subject. Give it one.")
    if len(step.subject or "") > LONGEST_SUBJECT:
        raise Refused(f"{which} has a subject over {LONGEST_SUBJECT} characters. Shorten it.")
    if step.media and step.kind != "text":
        raise Refused(f"{which} has a picture. Only texts carry pictures.")
    _check_when(which, step.when)


def _check_when(which: str, when: When) -> None:
    if when.unit not in UNITS:
        raise Refused(f"{which} waits in “{when.unit}”. Say {', '.join(UNITS)}.")
    if when.basis not in ("enrolled", "previous", "date"):
        raise Refused(f"{which} counts from “{when.basis}”. Say enrolled, previous or date.")
    if abs(when.amount) > LONGEST_WAIT[when.unit]:
        raise Refused(f"{which} waits {when.amount:,} {when.unit}. "
                      f"{LONGEST_WAIT[when.unit]:,} are the most.")  # fmt: skip
    if when.basis == "date":
        if not when.field:
            raise Refused(f"{which} is on a date. Say which: birthday, closing …")
        if when.unit in ("minutes", "hours"):
            raise Refused(f"{which} is on a date, and counts in days, weeks or months from it.")
    elif when.amount < 0:
        raise Refused(f"{which} is before its beginning. Only a date can be counted back from.")
    if when.at is not None and not 0 <= when.at < 1440:
        raise Refused(f"{which} has no time of day. Write it like 10:00.")
    if not 0 <= when.weekdays < 128:
        raise Refused(f"{which} names a day that is none of the week's seven.")


def _check_repeat(shape: Shape) -> None:
    if shape.repeat_every is None:
        return
    if shape.repeat_unit not in REPEATS or shape.repeat_every < 1:
        raise Refused("A plan repeats every so many days, weeks, months or years.")
    if shape.repeat_every > LONGEST_WAIT[shape.repeat_unit]:
        raise Refused(f"A plan repeats every {LONGEST_WAIT[shape.repeat_unit]} "
                      f"{shape.repeat_unit} at the least often.")  # fmt: skip
    if shape.flows_into is not None:
        raise Refused("A plan that repeats has no end, so it flows into none. Choose one of both.")
    round_days, after = shape.repeat_every * DAYS[shape.repeat_unit], 0.0
    for step in shape.steps:
        if step.when.basis != "date":
            days = step.when.amount * DAYS[step.when.unit]
            after = days if step.when.basis == "enrolled" else after + days
    if after >= round_days:
        raise Refused(
            f"The last step comes {after:.0f} days after the first day, when the next round has "
            f"begun: it repeats every {shape.repeat_every} {shape.repeat_unit}."
        )


def _check_rules(rules: tuple[RuleShape, ...]) -> None:
    for rule in rules:
        events = {"enroll": ENROLL_EVENTS, "remove": REMOVE_EVENTS}.get(rule.what)
        if events is None or rule.event not in events:
            raise Refused(f"No rule {rule.what}s contacts on “{rule.event}”.")
        if rule.event.startswith("tag_") != bool(rule.tag.strip()):
            raise Refused("A rule of a tag names the tag, and no other rule does.")
    for what in ("enroll", "remove"):
        tags = [rule for rule in rules if rule.what == what and rule.tag]
        if len(tags) > MOST_TAGS:
            raise Refused(f"{len(tags)} tags are in one rule; {MOST_TAGS} are the most.")
    both = {r.tag for r in rules if r.what == "enroll" and r.event == "tag_added"} & {
        r.tag for r in rules if r.what == "remove" and r.event == "tag_added"
    }
    if both:
        raise Refused(f"The tag “{min(both)}” would put contacts on the plan and take them off.")


def landing(old: Sequence[str], position: int, new_keys: Sequence[str]) -> int | None:
    """Where somebody who is at this step of the old version goes on in the new one: at that step,
    else at the next that is still there, else after the one they had last; None: at the end."""
    for key in old[position:]:
        if key in new_keys:
            return new_keys.index(key)
    for key in reversed(old[:position]):
        if key in new_keys:
            after = new_keys.index(key) + 1
            return after if after < len(new_keys) else None
    return position if position < len(new_keys) else None


@cache
def ready() -> dict[str, Shape]:
    """The plans that ship, by code, in the order they are offered."""
    table = tomllib.loads(READY.read_text())
    return {code: _read(row) for code, row in table.items()}


def ready_one(code: str) -> Shape:
    """One of them. Raises Refused if there is none of that code."""
    found = ready().get(code)
    if found is None:
        close = difflib.get_close_matches(code, ready(), 1)
        raise Refused(
            f"No plan ships as “{code}”." + (f" Did you mean {close[0]}?" if close else "")
        )
    return found


def _read(row: Mapping[str, Any]) -> Shape:
    steps = tuple(
        StepShape(
            step["kind"],
            When(
                step.get("basis", "enrolled"), step.get("amount", 0), step.get("unit", "days"),
                minute_of(step["at"]) if "at" in step else None, mask_of(step.get("weekdays", [])),
                step.get("date"),
            ),
            tuple(step["bodies"]),
            step.get("subject"),
        )
        for step in row["steps"]
    )  # fmt: skip
    return Shape(
        row["name"], steps, repeat_every=row.get("repeat_every"),
        repeat_unit=row.get("repeat_unit"), stop_on_reply=row.get("stop_on_reply", True),
        stop_on_close=row.get("stop_on_close", True), allow_again=row.get("allow_again", False),
    )  # fmt: skip


def minute_of(clock: str) -> int:
    """The minute of the day of "9:30" or "14:05". Raises ValueError."""
    hour, _, minute = clock.partition(":")
    found = int(hour) * 60 + int(minute or 0)
    if not (0 <= int(minute or 0) < 60 and 0 <= found < 1440):
        raise ValueError(f"{clock!r} is no time of day")
    return found


def mask_of(days: list[str]) -> int:
    """The bits of days like "Mon"; 0 for none or all. Raises ValueError."""
    mask = sum(1 << WEEKDAYS.index(day.title()[:3]) for day in set(days))
    return 0 if mask == 127 else mask
