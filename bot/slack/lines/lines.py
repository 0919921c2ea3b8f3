"""/line, and the settings of one line: parse, call, answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slack_bolt import Ack
from slack_sdk import WebClient

from bot import clock
from bot.errors import Refused
from bot.lines import settings as line_settings
from bot.lines.settings import Wanted
from bot.lines.setups import under_way
from bot.slack import cards, roll_call
from bot.slack.answers import or_refusal, typed_words, whisper
from bot.slack.lines import bringing, calls, line_cards, setups
from bot.slack.team import front
from bot.team import channels, roles
from bot.words import clean
from ledger.database import session

HELP = (
    "*`/line`* lists your numbers: channel, replies, pace, last texts, and whether all is well.\n"
    "`/line new` finds and gets a number; `/line bring` uses one that you have.\n"
    "`/line settings` in a line's channel changes its channel, name, replies, quiet hours and "
    "pace, and the hour of your digest. `/line calls` there says what somebody hears who calls it, "
    "and whether they are texted back. `/line release` gives its number up."
)


def line(ack: Ack, command: dict[str, Any], client: WebClient) -> None:
    """/line [new | bring | settings | calls | release]."""
    typed, user, channel = typed_words(command), command["user_id"], command["channel_id"]
    word = typed.lower().partition(" ")[0]
    word = ALSO.get(word, word)
    if word in OPENED:
        try:
            view = OPENED[word](user, channel)
        except Refused as refusal:
            return whisper(ack, cards.note(refusal))
        ack()
        client.views_open(trigger_id=command["trigger_id"], view=view)
        return None
    if word not in ("", "list"):
        return whisper(ack, cards.help_for("/line", typed, HELP))
    return whisper(ack, or_refusal(lambda: _list(user, channel)))


def _list(user: str, channel: str) -> cards.Card:
    with session():
        account = channels.account_for(user, channel)
        may_change = roles.role_of(user, account) in roles.MANAGERS
        found = line_settings.listed(account, user)
        going = under_way(account, user)
        if not found and not going:
            raise Refused(channels.NO_LINE_YET)
        return line_cards.listed(found, going, may_change)


def _here(user: str, channel: str, make: front.Made) -> dict[str, Any]:
    with session():
        return make(user, str(channels.line_for(user, channel).id))


#: What else people try, and what they mean.
ALSO = {
    "add": "new", "get": "new", "buy": "new", "port": "bring", "setting": "settings",
    "edit": "settings", "change": "settings", "call": "calls", "voice": "calls",
    "remove": "release", "delete": "release", "cancel": "release",
}  # fmt: skip
OPENED: dict[str, Callable[[str, str], dict[str, Any]]] = {
    "settings": lambda user, channel: _here(user, channel, _settings),
    "calls": lambda user, channel: _here(user, channel, calls.calls),
    "new": lambda user, channel: setups.new(user, setups.account_here(user, channel)),
    "bring": lambda user, channel: bringing.bring(user, setups.account_here(user, channel)),
    "release": lambda user, channel: _here(user, channel, setups.release),
}


def _settings(user: str, line_id: str) -> dict[str, Any]:
    """A line's settings."""
    return line_cards.line_view(line_settings.settings(int(line_id), user))


def line_changed(ack: Ack, body: dict[str, Any], view: dict[str, Any], client: WebClient) -> None:
    """A line's new settings; of a new channel, Slack is asked whether Partyline is in it."""
    given = front.values(view)
    wanted = Wanted(
        clean(given["name"] or ""), given["channel"], given["mode"], int(given["up_to"]),
        _own(given["from"]), _own(given["until"]),
        None if given["pace"] == "usual" else float(given["pace"]),
        None if given["digest"] == "off" else int(given["digest"]), int(given["plan_texts"]),
    )  # fmt: skip
    changed = front.settled(ack, "channel", lambda: line_settings.settle(
        int(view["private_metadata"]), body["user"]["id"], wanted, clock.now()
    ))  # fmt: skip
    if changed and wanted.channel:
        roll_call.look(client, [wanted.channel])


def _own(hour: str) -> int | None:
    return None if hour == "usual" else int(hour)


COMMANDS: dict[str, Callable[..., None]] = {"/line": line}
ACTIONS: dict[str, Callable[..., None]] = {"line_settings": front.opens(_settings)}
VIEWS: dict[str, Callable[..., None]] = {"line_changed": line_changed}
