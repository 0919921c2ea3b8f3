"""The form of one step of a SmartPlan, and what it holds as a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.errors import Wrong
from bot.slack.cards import Blocks, button, context, modal, mrkdwn, option, plain
from bot.slack.inputs import box, choice, field, initial
from bot.smartplans.plan_shapes import UNITS, WEEKDAYS, Shape, StepShape, minute_of
from bot.smartplans.schedule import When
from bot.smartplans.smartplans import Effect
from bot.texts import templates
from bot.words import count

MOST_FILES = 10  # of one step: what a picture message holds
TURN = "\n---\n"  # between texts that take turns
BASES = {
    "enrolled": "the moment they join", "previous": "the step before",
    "birthday": "the birthday", "closing": "the closing day", "date": "another date",
}  # fmt: skip
TITLES = {"text": "Text step", "email": "E-mail step", "reminder": "Reminder step"}


def view(
    plan: int, kind: str, shape: Shape, place: int | None, on_it: int, removal: Effect | None,
    wrong: str = "",
) -> dict[str, Any]:  # fmt: skip
    """The modal of the step at this place, or of a new one; `on_it` contacts are on the plan,
    `removal` is what taking the step out would do to them, and `wrong` why it was not saved."""
    step = shape.steps[place] if place is not None else _fresh(kind, shape)
    about = {"plan": plan, "kind": kind, "key": step.key}
    return modal("smart_step_saved", TITLES[kind], [
        *([mrkdwn(f":warning: {wrong}")] if wrong else []),
        *_what(kind, step, shape),
        *_when(step.when),
        _place(shape, place),
        field("who", "Team member", {
            "type": "users_select", "placeholder": plain("Whoever enrolls"),
            **initial("initial_user", step.assigned_to),
        }, optional=True, hint="The member who is named in it, and gets its reminder"),
        *moving(on_it),
        *([_removal(plan, step, removal)] if removal else []),
    ], about, submit="Save", close="Back")  # fmt: skip


def _fresh(kind: str, shape: Shape) -> StepShape:
    when = When("enrolled", 0, "minutes") if not shape.steps else When("previous", 2, "days", 600)
    return StepShape(kind, when, ("",))


def _what(kind: str, step: StepShape, shape: Shape) -> Blocks:
    made: Blocks = []
    if kind == "email":
        made.append(box("subject", "Subject", step.subject or "", most=150))
    label = {"text": "Text", "email": "E-mail", "reminder": "What is to be done"}[kind]
    hint = None
    if shape.repeat_every:
        hint = "Several that take turns: put a line of three hyphens (---) between them"
    made.append(box("body", label, TURN.join(step.bodies), hint=hint, multiline=True,
                    optional=kind == "text"))  # fmt: skip
    fields = " ".join(f"`{{{name}}}`" for name in templates.FIELDS)
    if kind == "text":
        made += _pictures(step)
    made.append(context(f"Fields: {fields}. Behind a bar stands what is said where one is not "
                        "known: `{first_name|there}`"))  # fmt: skip
    return made


def _pictures(step: StepShape) -> Blocks:
    has = [option(_named(file), str(file["file"])) for file in step.media[:10]]
    made: Blocks = []
    if has:
        made.append(field("keep", "Pictures it has", {
            "type": "checkboxes", "options": has, "initial_options": has,
        }, optional=True, hint="Take the tick off one that is to go"))  # fmt: skip
    adds = {"type": "file_input", "max_files": MOST_FILES}
    hint = "5 MB each at most. Partyline keeps a copy: they may go from Slack"
    label = "Add pictures" if has else "Pictures"
    made.append(field("files", label, adds, optional=True, hint=hint))
    return made


def _named(file: Mapping[str, Any]) -> str:
    return str(file["name"])[:60] or "picture"


def _when(when: When) -> Blocks:
    basis = when.basis
    if basis == "date":
        basis = when.field if when.field in BASES else "date"
    days = [option(day, str(place)) for place, day in enumerate(WEEKDAYS)]
    chosen = [days[place] for place in range(7) if when.weekdays & 1 << place]
    at = f"{when.at // 60:02}:{when.at % 60:02}" if when.at is not None else None
    another = when.field if basis == "date" else None
    return [
        {"type": "divider"},
        {**box("amount", "Wait", str(when.amount)),
         "hint": plain("0 is at once. Counted from a date, -3 is three before it"),
         "element": {"type": "number_input", "action_id": "amount", "is_decimal_allowed": False,
                     "initial_value": str(when.amount)}},
        choice("unit", "Counted in", {unit: unit for unit in UNITS}, when.unit),
        choice("basis", "Counted from", BASES, str(basis)),
        {**box("field", "The other date's name", another or "", optional=True),
         "hint": plain("As it is kept with the contact, like: anniversary")},
        field("at", "Time of day, where the contact lives", {
            "type": "timepicker", **initial("initial_time", at),
        }, optional=True,
              hint="Not for minutes and hours. Texts keep to quiet hours by themselves"),
        field("days", "Only on", {
            "type": "checkboxes", "options": days, **initial("initial_options", chosen),
        }, optional=True),
    ]  # fmt: skip


def _place(shape: Shape, place: int | None) -> dict[str, Any]:
    others = [step for at, step in enumerate(shape.steps) if at != place]
    here = len(others) if place is None else place
    places = {str(at): f"{at + 1}." for at in range(len(others) + 1)}
    return choice("place", "Place in the plan", places, str(here))


def moving(on_it: int) -> Blocks:
    """Who gets a change while contacts are on the plan; nothing to choose while none is."""
    if not on_it:
        return []
    people = count(on_it, "contact")
    move = f"{people} on it: go on with the plan as changed, where they are"
    stay = f"{people} on it: finish on the steps as they were"
    options = [option(move, "move"), option(stay, "stay")]
    return [field("move", "Whoever joins from now on gets the change. And those on it?", {
        "type": "radio_buttons", "options": options, "initial_option": options[0],
    }, hint="Nobody gets a step twice")]  # fmt: skip


def _removal(plan: int, step: StepShape, effect: Effect) -> dict[str, Any]:
    does = "Nobody gets this step any more."
    if effect.on_it:
        does += f" Of {count(effect.on_it, 'contact')} on the plan {effect.go_on:,} go on"
        does += f" and {effect.end:,} are at its end." if effect.end else "."
    ask = {
        "title": plain("Remove this step?"), "text": plain(does),
        "confirm": plain("Remove it"), "deny": plain("Back"),
    }  # fmt: skip
    press = button("Remove this step", "smart_step_remove", f"{plan}:{step.key}")
    return {"type": "actions", "block_id": "removal", "elements": [
        {**press, "style": "danger", "confirm": ask},
    ]}  # fmt: skip


def read(
    about: Mapping[str, Any], given: Mapping[str, Any], shape: Shape,
    added: Sequence[Mapping[str, Any]] = (),
) -> tuple[StepShape, int]:  # fmt: skip
    """The step that the form holds, with the files that are added to it, and its place. Raises
    Wrong."""
    basis, field = given["basis"], None
    if basis not in ("enrolled", "previous"):
        field = (given["field"] or "").strip().lower() if basis == "date" else basis
        if not field:
            raise Wrong("field", "Which date? Write its name, like: anniversary.")
        basis = "date"
    try:
        amount = int(given["amount"] or 0)
    except ValueError:
        raise Wrong("amount", "Write a whole number.") from None
    days = sum(1 << int(day) for day in given["days"] or ())
    at = given["at"] if given["unit"] not in ("minutes", "hours") else None
    when = When(
        basis, amount, given["unit"], minute_of(at) if at else None,
        0 if days == 127 else days, field,
    )  # fmt: skip
    bodies = tuple(part.strip() for part in (given["body"] or "").split(TURN.strip("\n")))
    media = (*_media(shape, about["key"], given.get("keep")), *added)
    step = StepShape(
        about["kind"], when, tuple(body for body in bodies if body) or ("",),
        (given.get("subject") or "").strip() or None, media, given["who"], about["key"],
    )  # fmt: skip
    return step, int(given["place"])


def settled(
    about: Mapping[str, Any], given: Mapping[str, Any], shape: Shape,
    added: Sequence[Mapping[str, Any]] = (),
) -> tuple[Shape, int]:  # fmt: skip
    """The plan with the step as the form has it, and where that stands in it. Raises Wrong."""
    written, place = read(about, given, shape, added)
    others = [one for one in shape.steps if not about["key"] or one.key != about["key"]]
    steps = (*others[:place], written, *others[place:])
    return replace(shape, steps=steps), min(place, len(others))


def _media(
    shape: Shape, key: str | None, keep: Sequence[str] | None
) -> tuple[Mapping[str, Any], ...]:  # fmt: skip
    """The pictures of the step's that stay: those whose tick was left on, or all where the form
    showed none."""
    has = next((step.media for step in shape.steps if step.key == key and key), ())
    return tuple(file for file in has if keep is None or file["file"] in keep)
