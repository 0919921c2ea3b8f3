"""Slack's mark-up as HTML, the way a reader in New York sees it now.

docs.slack.dev/messaging/formatting-message-text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import emoji
from markupsafe import Markup, escape

from bot import clock
from bot.sandbox.slack.reading import rich_text
from bot.words import ordinal

NEW_YORK = ZoneInfo("America/New_York")  # where the sandbox's people live
FENCE = re.compile(r"```\n?(.+?)```\n?", re.DOTALL)
SPANS = re.compile(
    r"`(?P<code>[^`\n]+)`|<(?P<token>[^<>\n]+)>|:(?P<emoji>[a-z0-9_+'-]+):"
    r"|(?<![\w*])\*(?P<b>[^*\n]+)\*(?![\w*])|(?<![\w_])_(?P<i>[^_\n]+)_(?![\w_])"
    r"|(?<![\w~])~(?P<s>[^~\n]+)~(?![\w~])"
)
STYLES = {"bold": "b", "italic": "i", "strike": "s", "code": "code"}
SLACKS_OWN = {"octagonal_sign": "🛑"}  # emoji that have another name elsewhere
Names = Mapping[str, str]  # what users and channels are called, by their ids


def mrkdwn(text: str, names: Names) -> Markup:
    """Mark-up: code, quotes, emphasis, links, mentions, dates, emoji."""
    pieces = FENCE.split(text)
    made = [
        Markup("<pre>{}</pre>").format(unescape(piece)) if place % 2 else _quotes(piece, names)
        for place, piece in enumerate(pieces)
    ]
    return Markup("").join(made)


def _quotes(text: str, names: Names) -> Markup:
    made, quoted = Markup(""), False
    for line in text.split("\n") if text else []:
        is_quote = line.startswith(">")
        if is_quote != quoted:
            made += Markup("<blockquote>") if is_quote else Markup("</blockquote>")
        elif made:
            made += "\n"
        made += spans(line.removeprefix(">"), names)
        quoted = is_quote
    return made + (Markup("</blockquote>") if quoted else "")


def spans(text: str, names: Names) -> Markup:
    """Mark-up within a line."""
    made, at = Markup(""), 0
    for match in SPANS.finditer(text):
        made += unescape(text[at : match.start()])
        made += _span(match, names)
        at = match.end()
    return made + unescape(text[at:])


def _span(match: re.Match[str], names: Names) -> Markup:
    kind = str(match.lastgroup)
    inside = match[kind]
    if kind == "emoji":
        return escape(SLACKS_OWN.get(inside) or emoji.emojize(match[0], language="alias"))
    if kind == "token":
        return _token(inside, names)
    said = escape(unescape(inside)) if kind == "code" else spans(inside, names)
    return Markup("<{0}>{1}</{0}>").format(Markup(kind), said)  # noqa: S704  # a name of ours


def rich(part: Mapping[str, Any], names: Names) -> Markup:
    """What stands in a part of rich text, with its emphasis."""
    return Markup("").join(_rich_span(span, names) for span in part["elements"])


def _rich_span(span: Mapping[str, Any], names: Names) -> Markup:
    match span["type"]:
        case "user" | "channel" as kind:
            mark, key = ("@", span["user_id"]) if kind == "user" else ("#", span["channel_id"])
            return Markup('<a class="at">{}</a>').format(mark + names.get(key, key))
        case "link":
            said = span.get("text") or span["url"]
            return Markup('<a href="{}">{}</a>').format(span["url"], said)
        case "text":
            said = escape(span["text"])
            for style, kind in STYLES.items():
                if span.get("style", {}).get(style):
                    said = Markup("<{0}>{1}</{0}>").format(Markup(kind), said)  # noqa: S704
            return said
    return escape(rich_text({"elements": [{"elements": [span]}]}))


def _token(token: str, names: Names) -> Markup:
    about, _, label = token.partition("|")
    if about.startswith("!date^"):
        return escape(moment(about, label))
    if about[0] in "@#":
        said = f"{about[0]}{names.get(about[1:], label or about[1:])}"
        return Markup('<a class="at">{}</a>').format(said)
    return Markup('<a href="{}">{}</a>').format(unescape(about), unescape(label or about))


def moment(about: str, fallback: str) -> str:
    """A date as Slack shows it to its reader; the fallback where it asks for what is not known."""
    _, seconds, form, *_ = about.split("^")
    at = datetime.fromtimestamp(int(seconds), NEW_YORK)
    short = f"{at:%b} {at.day}, {at.year}"
    full = f"{at:%B} {ordinal(at.day)}, {at.year}"
    for name, said in {
        "date_num": f"{at:%Y-%m-%d}", "date_short_pretty": _pretty(at.date()) or short,
        "date_long_pretty": _pretty(at.date()) or f"{at:%A}, {full}",
        "date_pretty": _pretty(at.date()) or full, "date_short": short,
        "date_long": f"{at:%A}, {full}", "date": full,
        "time": clock_face(at), "time_secs": f"{at.hour % 12 or 12}:{at:%M:%S %p}",
    }.items():  # fmt: skip
        form = form.replace("{" + name + "}", said)
    return fallback if "{" in form else form


def _pretty(day: date) -> str | None:
    today = clock.now().astimezone(NEW_YORK).date()
    return {-1: "yesterday", 0: "today", 1: "tomorrow"}.get((day - today) // timedelta(days=1))


def clock_face(at: datetime | time) -> str:
    """ "9:05 AM"."""
    return f"{at.hour % 12 or 12}:{at:%M %p}"
