"""SmartPlans as YAML files: what one says, and a plan from what somebody wrote.

A file holds what a plan says and when. What belongs to one account (its line, members, rules, cap)
is left out, so that a file can be given on.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bot.errors import Refused
from bot.smartplans import plan_shapes
from bot.smartplans.plan_shapes import WEEKDAYS, Shape, StepShape, mask_of, minute_of
from bot.smartplans.schedule import When

LARGEST = 100_000  # characters


def _clock(value: Any) -> Any:
    # YAML reads 9:30 as minutes already, by its rule of base sixty, and 09:30 as words.
    return f"{value // 60}:{value % 60:02}" if isinstance(value, int) else value


class StepFile(BaseModel):
    """One step of a file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    kind: Literal["text", "email", "reminder"]
    after: Literal["enrolled", "previous", "date"] = "enrolled"
    amount: int = 0
    unit: Literal["minutes", "hours", "days", "weeks", "months", "years"] = "days"
    at: Annotated[str | None, BeforeValidator(_clock)] = None
    days: list[str] = []
    date: str | None = None
    subject: str | None = None
    says: str | list[str]


class PlanFile(BaseModel):
    """A file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    repeat_every: int | None = None
    repeat_unit: Literal["days", "weeks", "months", "years"] | None = None
    stop_on_reply: bool = True
    stop_on_close: bool = True
    allow_again: bool = False
    steps: list[StepFile] = Field(min_length=1)


def write(shape: Shape) -> str:
    """The plan as YAML."""
    plan = PlanFile(
        name=shape.name, repeat_every=shape.repeat_every, repeat_unit=shape.repeat_unit,  # type: ignore[arg-type]
        stop_on_reply=shape.stop_on_reply, stop_on_close=shape.stop_on_close,
        allow_again=shape.allow_again, steps=[_step(step) for step in shape.steps],
    )  # fmt: skip
    told = plan.model_dump(exclude_defaults=True)
    written = yaml.dump(told, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=88)
    return _about_pictures(shape) + str(written)


def _about_pictures(shape: Shape) -> str:
    """Comments that say which pictures the file leaves out."""
    left_out = [
        f"# Step {number} has {', '.join(_plain(file['name']) for file in step.media)}.\n"
        for number, step in enumerate(shape.steps, 1)
        if step.media
    ]
    if not left_out:
        return ""
    return "".join(["# Pictures are not in this file. Add them to the plan made from it:\n",
                    *left_out])  # fmt: skip


def _plain(name: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())


def _step(step: StepShape) -> StepFile:
    when, bodies = step.when, list(step.bodies)
    at = f"{when.at // 60}:{when.at % 60:02}" if when.at is not None else None
    return StepFile(
        kind=step.kind, after=when.basis, amount=when.amount, unit=when.unit, at=at,  # type: ignore[arg-type]
        days=[day for place, day in enumerate(WEEKDAYS) if when.weekdays & 1 << place],
        date=when.field, subject=step.subject, says=bodies[0] if len(bodies) == 1 else bodies,
    )  # fmt: skip


def read(text: str) -> Shape:
    """The plan that a file describes. Raises Refused, naming what is wrong and where."""
    if len(text) > LARGEST:
        raise Refused(f"The file has {len(text):,} characters; {LARGEST:,} are the most.")
    try:
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            raise Refused("A plan's file has no aliases (*name): write each step out.")
        plan = PlanFile.model_validate(yaml.safe_load(text))
        shape = _shape(plan)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it cannot be read"
        raise Refused(f"This is no YAML{where}: {problem}.") from None
    except ValidationError as error:
        raise Refused(_problem(error)) from None
    plan_shapes.check(shape)
    return shape


def _shape(plan: PlanFile) -> Shape:
    steps = []
    for number, step in enumerate(plan.steps, 1):
        try:
            at = minute_of(step.at) if step.at is not None else None
            days = mask_of(step.days)
        except ValueError:
            raise Refused(
                f"Step {number}: write times like 9:30, and days like Mon, Tue, Wed."
            ) from None
        when = When(step.after, step.amount, step.unit, at, days, step.date)
        bodies = (step.says,) if isinstance(step.says, str) else tuple(step.says)
        bodies = tuple(body.strip() for body in bodies)
        steps.append(StepShape(step.kind, when, bodies, step.subject))
    return Shape(
        plan.name, tuple(steps), repeat_every=plan.repeat_every, repeat_unit=plan.repeat_unit,
        stop_on_reply=plan.stop_on_reply, stop_on_close=plan.stop_on_close,
        allow_again=plan.allow_again,
    )  # fmt: skip


def _problem(error: ValidationError) -> str:
    first = error.errors()[0]
    where = [str(part) for part in first["loc"] if not (isinstance(part, str) and "[" in part)]
    if where[:1] == ["steps"] and len(where) > 1:
        where = [f"Step {int(where[1]) + 1}", *where[2:3]]
    said = {
        "missing": "is missing",
        "extra_forbidden": "is no word of a plan's file",
    }.get(first["type"], first["msg"].removeprefix("Input ").removeprefix("Value error, "))
    return f"{': '.join(where) or 'The file'} {said}."


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as they are read."""


def _text(dumper: yaml.SafeDumper, words: str) -> yaml.ScalarNode:
    style = "|" if "\n" in words else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", words, style=style)


_Dumper.add_representer(str, _text)
