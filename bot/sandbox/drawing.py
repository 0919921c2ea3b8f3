"""Slack's blocks drawn as HTML: to be looked at, and photographed for the documents.

What is not known here is drawn as such, in red, and never left out.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Any

from jinja2 import Environment, PackageLoader, pass_context, select_autoescape
from jinja2.runtime import Context
from markupsafe import Markup, escape

from bot.sandbox import drawn_words
from bot.sandbox.drawn_words import NEW_YORK, Names
from bot.sandbox.slack.files import File
from bot.sandbox.slack.forms import HELD
from bot.sandbox.slack.reading import cell_words
from bot.sandbox.slack.records import Channel, Post, View


def page(
    title: str,
    posts: Sequence[Post] = (),
    view: Mapping[str, Any] | View | None = None,
    files: Mapping[str, File] | None = None,
    people: Names | None = None,
    menu: str = "",
) -> str:
    """A page with these messages, and this modal or Home, as a person sees them; `files` are
    Slack's, of which blocks show pictures, `people` what Slack's users and channels are called,
    `menu` the action_id of the ⋯ that lies open."""
    open_view = view if isinstance(view, View) else None
    return PAGES.get_template("blocks.html").render(
        title=title, posts=posts, view=open_view.view if open_view else view, files=files or {},
        held=open_view.held if open_view else {}, errors=open_view.errors if open_view else {},
        names=people or {}, menu=menu,
    )  # fmt: skip


def names(people: Mapping[str, Mapping[str, Any]], channels: Mapping[str, Channel]) -> Names:
    """What a workspace's users and channels are called, by their ids."""
    called = {user: person["profile"]["display_name"] or person["name"]
              for user, person in people.items()}  # fmt: skip
    return called | {room.id: room.name for room in channels.values()}


@pass_context
def _mrkdwn(context: Context, text: str) -> Markup:
    return drawn_words.mrkdwn(text, context["names"])


@pass_context
def _held(context: Context, element: Mapping[str, Any], held: Mapping[str, Any] | None) -> Any:
    """What an input holds, as words; of ticks, the values."""
    key, initial = HELD[element["type"]]
    value = held[key] if held and key in held else element.get(initial)
    called: Names = context["names"]
    match element["type"]:
        case "users_select":
            return f"@{called.get(value, value)}" if value else None
        case "conversations_select" | "channels_select":
            return f"#{called.get(value, value)}" if value else None
        case "datetimepicker":
            at = datetime.fromtimestamp(value, NEW_YORK) if value else None
            day = f"{at:%B} {at.day}, {at.year}" if at else None
            return day, drawn_words.clock_face(at) if at else None
        case "timepicker":
            return drawn_words.clock_face(time.fromisoformat(value)) if value else None
        case "static_select" | "external_select":
            return value["text"]["text"] if value else None
        case "radio_buttons":
            return [value["value"]] if value else []
        case "checkboxes":
            return [one["value"] for one in value or ()]
    return value


@pass_context
def _rich(context: Context, part: Mapping[str, Any]) -> Markup:
    return drawn_words.rich(part, context["names"])


@pass_context
def _cell(context: Context, cell: Mapping[str, Any]) -> Markup:
    """A cell of a table, of plain or of rich text."""
    if cell["type"] != "rich_text":
        return escape(cell_words(cell))
    return Markup("\n").join(drawn_words.rich(part, context["names"]) for part in cell["elements"])


def _aligned(block: Mapping[str, Any], column: int) -> str:
    """At which side of its column a table's cell stands."""
    settings = block.get("column_settings", ())
    return str(settings[column].get("align", "left") if column < len(settings) else "left")


def _when(ts: str) -> str:
    return drawn_words.clock_face(datetime.fromtimestamp(float(ts), NEW_YORK))


def _value(series: Mapping[str, Any], category: str) -> float:
    return next(float(p["value"]) for p in series["data"] if p["label"] == category)


def _peak(chart: Mapping[str, Any]) -> float:
    return max(float(point["value"]) for series in chart["series"] for point in series["data"])


def _reactions(post: Post) -> list[tuple[str, list[str]]]:
    """Each emoji on a message, with those who put it there."""
    users: dict[str, list[str]] = {name: [post.user] for name in post.reactions}
    for user, name in post.reacted:
        users.setdefault(name, []).append(user)
    return list(users.items())


def _shared(post: Post, files: Mapping[str, File]) -> list[File]:
    """The files of a message, whoever wrote it; not those that were taken away."""
    named = (files.get(one["id"]) for one in post.said.get("files", ())
             if one.get("mode") != "tombstone")  # fmt: skip
    return [*post.files, *(file for file in named if file)]


def _source(file: File) -> str:
    return f"data:{file.content_type};base64,{base64.b64encode(file.content or b'').decode()}"


PAGES = Environment(loader=PackageLoader("bot.sandbox"), autoescape=select_autoescape(["html"]))
PAGES.filters |= {
    "rich": _rich, "cell": _cell, "aligned": _aligned, "held": _held, "mrkdwn": _mrkdwn,
    "value": _value,
    "peak": _peak, "clock": _when, "reactions": _reactions, "shared": _shared,
    "emoji": lambda name: drawn_words.spans(f":{name}:", {}),
    "base64": lambda content: base64.b64encode(content).decode(), "source": _source,
}  # fmt: skip
PAGES.globals["CONTROLS"] = "controls.html"
