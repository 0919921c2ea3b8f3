"""Slack's blocks drawn as HTML: to be looked at, and photographed for the documents."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup, escape

from bot.sandbox.slack import Post, View
from bot.sandbox.slack_files import File
from bot.sandbox.slack_reading import cell_words, rich_text

#: Slack's mark-up and what it becomes; the text is escaped before, as Slack keeps it.
MARKUP = (
    (r"&lt;!date\^[^|&]*\|((?:(?!&gt;).)*)&gt;", r"\1"),
    (r"&lt;(https?:[^|&]*)\|((?:(?!&gt;).)*)&gt;", r'<a href="\1">\2</a>'),
    (r"&lt;([@#])([^|&]*)(?:\|[^&]*)?&gt;", r"<a>\1\2</a>"),
    (r"`([^`\n]+)`", r"<code>\1</code>"),
    (r"(?<![\w*])\*([^*\n]+)\*(?![\w*])", r"<b>\1</b>"),
    (r":warning:", "⚠️"),
    (r":white_check_mark:", "✅"),
    (r":paperclip:", "📎"),
    (r":clock3:", "🕒"),
)


NEW_YORK = ZoneInfo("America/New_York")  # where the sandbox's people live


def page(
    title: str,
    posts: Sequence[Post] = (),
    view: Mapping[str, Any] | View | None = None,
    files: Mapping[str, File] | None = None,
    people: Mapping[str, str] | None = None,
) -> str:
    """A page with these messages and this modal, as a person sees them; `files` are Slack's, of
    which blocks show pictures, `people` what Slack's users are called."""
    open_view = view if isinstance(view, View) else None
    drawn = PAGES.get_template("blocks.html").render(
        title=title, posts=posts, view=open_view.view if open_view else view, files=files or {},
        held=open_view.held if open_view else {}, errors=open_view.errors if open_view else {},
        people=people or {},
    )  # fmt: skip
    for user, name in (people or {}).items():
        drawn = drawn.replace(f"@{user}", str(escape(f"@{name}")))
    return drawn


def _mrkdwn(text: str) -> Markup:
    made = str(escape(re.sub(r"&(amp|lt|gt);", _kept, text)))
    for pattern, becomes in MARKUP:
        made = re.sub(pattern, becomes, made)
    for kept, shown in KEPT.items():
        made = made.replace(kept, shown)
    return Markup(made)  # noqa: S704  # escaped above


#: Characters that people wrote, which Slack has escaped: not to be read as mark-up.
KEPT = {"\ue000": "&amp;", "\ue001": "&lt;", "\ue002": "&gt;"}


def _kept(match: re.Match[str]) -> str:
    return {"amp": "\ue000", "lt": "\ue001", "gt": "\ue002"}[match[1]]


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, NEW_YORK).strftime("%B %-d, %Y at %-I:%M %p")


def _value(series: Mapping[str, Any], category: str) -> float:
    return next(float(p["value"]) for p in series["data"] if p["label"] == category)


def _peak(chart: Mapping[str, Any]) -> float:
    return max(float(point["value"]) for series in chart["series"] for point in series["data"])


PAGES = Environment(loader=PackageLoader("bot.sandbox"), autoescape=select_autoescape(["html"]))
PAGES.filters |= {
    "rich": rich_text, "cell": cell_words, "moment": _moment, "mrkdwn": _mrkdwn, "value": _value,
    "peak": _peak,
    "base64": lambda content: base64.b64encode(content).decode(),
}  # fmt: skip
