"""Slack's blocks as something that can be pressed and typed into, with the drawing of sandbox/."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import url_for
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, pass_context
from jinja2.runtime import Context

from bot.contacts import numbers
from bot.sandbox import drawing
from bot.sandbox.drawn_words import NEW_YORK, clock_face
from bot.sandbox.page.sights import PHONES
from bot.sandbox.slack.company import Company
from bot.sandbox.slack.files import File
from bot.sandbox.slack.forms import HELD, elements, options
from bot.sandbox.slack.records import Post, View

HERE = Path(__file__).parent
ARCHIVES = "https://sandbox.slack.com/archives/"  # where Slack's links to messages lead


def dress(env: Environment, slack: Company) -> None:
    """Gives templates what the drawing has, and what is behind a control."""
    shared = FileSystemLoader(HERE.parent / "templates")
    env.loader = ChoiceLoader([FileSystemLoader(HERE / "templates"), shared])
    env.filters |= drawing.PAGES.filters | {
        "picked": picked, "options": options, "led": _led, "source": _source,
        "spoken": numbers.spoken, "whose": _whose,
        "at": lambda at: clock_face(at.astimezone(NEW_YORK)),
        "day": lambda at: f"{at.astimezone(NEW_YORK):%a, %b %-d}",
        "weekday": lambda ts: f"{datetime.fromtimestamp(float(ts), NEW_YORK):%A, %B %-d}",
        "date": lambda at: f"{at.astimezone(NEW_YORK):%b %-d}",
    }  # fmt: skip
    env.globals |= {"go": _go, "CONTROLS": "live.html", "people": lambda: _people(slack)}


@pass_context
def _go(context: Context, to: str, **changed: Any) -> str:
    """The address of something that is seen or done, from where whoever looks is."""
    return url_for(to, **context["here"].query(**changed))


def _people(slack: Company) -> dict[str, str]:
    return {user: person["real_name"] for user, person in slack.people.items()
            if not (person["deleted"] or person["is_bot"])}  # fmt: skip


def _whose(post: Post) -> str | None:
    """The number of the phone whose thread this begins, if it is one of the sandbox's."""
    named = "".join(post.plain().splitlines()[:2])
    return next((number for number in PHONES if numbers.spoken(number) in named), None)


def picked(element: Mapping[str, Any], held: Mapping[str, Any] | None) -> Any:
    """What a control holds, as the page's own controls have it."""
    key, initial = HELD.get(element["type"], ("", ""))
    value = held[key] if held and key in held else element.get(initial)
    match element["type"]:
        case "static_select" | "external_select" | "radio_buttons":
            return value["value"] if value else ""
        case "checkboxes":
            return [one["value"] for one in value or ()]
        case "datetimepicker":
            return f"{datetime.fromtimestamp(value, NEW_YORK):%Y-%m-%dT%H:%M}" if value else ""
    return value or ""


def put(kind: str, values: list[str]) -> Any:
    """What Slack keeps of what a control was given."""
    if kind == "checkboxes":
        return values
    value = values[-1] if values else ""
    if kind == "datetimepicker":
        return int(datetime.fromisoformat(value).replace(tzinfo=NEW_YORK).timestamp())
    return value or None


def ticked(on: View, block_id: str, action_id: str, values: list[str]) -> list[dict[str, Any]]:
    """The options of these values; raises LookupError if the boxes are gone."""
    for block, element in elements(on.view):
        if (block["block_id"], element.get("action_id")) == (block_id, action_id):
            return [one for one in element["options"] if one["value"] in values]
    raise LookupError("those boxes are not there any more")


def _led(url: str) -> str:
    """Where a link leads: one to a message of this workspace leads there on this page."""
    if not url.startswith(ARCHIVES):
        return url
    room, _, stamp = url.removeprefix(ARCHIVES).partition("?")[0].partition("/p")
    there = {"in": room, "thread": f"{stamp[:-6]}.{stamp[-6:]}"}
    return f"{url_for('whole')}?{urlencode(there)}"


def _source(file: File) -> str:
    """Where the browser gets a picture."""
    return url_for("file", key=file.id)
