"""How far a number is on its way to be a line, and what came of it, as plain dicts."""

from __future__ import annotations

from typing import Any

from bot.contacts import numbers
from bot.lines import health, steps
from bot.lines.models import Line, Setup
from bot.lines.offers import NORTH_AMERICA
from bot.slack import cards
from bot.slack.cards import Blocks, button, context, mrkdwn
from bot.words import OPERATOR, escape

#: What each step does, while it is under way and once it is done.
WORDS = {
    "buy": ("Getting the number", "The number is yours"),
    "remember": ("Noting where its texts go now", "Where its texts went before is kept"),
    "move": ("Moving it into Partyline's Twilio account", "It is in Partyline's Twilio account"),
    "point": ("Having its texts come here", "Its texts come here"),
    "service": ("Registering it with the carriers' service", "It is in the carriers' service"),
    "channel": ("Getting its channel ready", "Its channel is ready"),
    "leave": ("Letting the number go", "The number is released"),
}
REGISTER = (
    "To text people in the US, a number must be registered with the carriers first (A2P 10DLC; "
    f"toll-free: a verification). If your first texts fail, ask {OPERATOR}."
)
MOVED = "It goes on as before, with its channel, its settings and its conversations."
SUPPORT = (
    "*Twilio's support can move a number between two accounts that are not related.* Its owner "
    "asks for it, at https://help.twilio.com, “Talk to support”, with these words:"
)
LETTER = (
    "Please transfer the phone number {number} from my account (its SID: AC…) to the account "
    "{gaining}. I own the number and agree to the transfer. Please tell both accounts when it is "
    "done."
)
AFTER = (
    "It takes some days. A number of another carrier is *ported* to Twilio instead: the same page, "
    "“Port a number”. If texts go to the US, its registration (A2P 10DLC) ends with the "
    "transfer and has to be made anew."
)
TITLES = {"release": "Releasing a number", "move": "Another Twilio account"}


def progress(one: Setup) -> dict[str, Any]:
    """The modal that follows a set-up; it is drawn anew with each step."""
    spoken = numbers.spoken(one.number)
    return cards.modal(
        "line_progress",
        TITLES.get("move" if steps.moves(one) else one.kind, "A new line"),
        [mrkdwn(f"*{spoken}*"), *cards.listed(_rows(one)), *_last(one)],
    )


def _rows(one: Setup) -> list[str]:
    way = steps.way(one)
    done = one.step == "done"
    failed_at = one.details.get("at")
    here = way.index(one.step) if one.step in way else len(way)
    if one.step == "failed":
        here = way.index(failed_at) if failed_at in way else 0
    rows = []
    for place, step in enumerate(way):
        under_way, over = WORDS[step]
        if done or place < here:
            rows.append(f":white_check_mark: {over}")
        elif place == here and one.step == "failed":
            rows.append(f":x: {under_way}")
        elif place == here:
            rows.append(f":hourglass_flowing_sand: {under_way} …")
        else:
            rows.append(f"{place + 1}. {under_way}")
    return rows


def _last(one: Setup) -> Blocks:
    if one.step == "failed":
        again = button("Look for another number", "line_new", str(one.account_id))
        made: Blocks = [mrkdwn(escape(str(one.error)))]
        return [*made, {"type": "actions", "block_id": "again", "elements": [again]}] if (
            one.kind == "new"
        ) else made  # fmt: skip
    if one.step == "done":
        remark = one.details.get("remark")
        return [mrkdwn(f":warning: {remark}" if remark else _ready(one))]
    if one.error:
        return [mrkdwn(f":warning: {one.error}")]
    return [context("You can close this: it goes on by itself, and you are told when it is done.")]


def _ready(one: Setup) -> str:
    if one.kind == "release":
        return "It is no line of yours any more. Its conversations are kept."
    if steps.moves(one):
        return MOVED
    where = f"<#{one.line.channel}>" if one.line and one.line.channel else "its channel"
    return f"It works. See {where} for how to test it."


def on_its_way(one: Setup) -> str:
    """A number that is being set up, in a line of `/line`."""
    spoken = numbers.spoken(one.number)
    if one.kind == "support":
        return f":hourglass_flowing_sand: *{spoken}* waits for Twilio's support."
    what = "is being released" if one.kind == "release" else "is being set up"
    why = f" {one.error}" if one.error else ""
    return f":hourglass_flowing_sand: *{spoken}* {what}: {WORDS[one.step][0].lower()} …{why}"


def told(one: Setup) -> cards.Card:
    """What came of it, for a channel or for whoever began it."""
    spoken = numbers.spoken(one.number)
    if one.step == "failed":
        what = "could not be released" if one.kind == "release" else "could not be set up"
        return cards.note(f":x: {spoken} {what}. {escape(str(one.error))}")
    remark = one.details.get("remark")
    if one.kind == "release":
        kept = "Its conversations stay in their threads; nothing can be sent from it any more."
        return cards.note(f"{spoken} is released. {remark or ''} {kept}".replace("  ", " "))
    line = one.line
    assert line is not None
    if steps.moves(one):
        return cards.note(_moved(line, remark))
    return cards.note(f"{welcome(line, one)}\n:warning: {remark}" if remark else welcome(line, one))


def _moved(line: Line, remark: str | None) -> str:
    """What the channel is told of a line that goes on in another Twilio account."""
    words = f":white_check_mark: *{health.name_of(line)}* is in another Twilio account now. {MOVED}"
    american = (numbers.region(line.number) or "") in NORTH_AMERICA
    said = [
        escape(words),
        *([REGISTER] if american else []),
        *([f":warning: {remark}"] if remark else []),
    ]
    return "\n".join(said)


def welcome(line: Line, one: Setup) -> str:
    """The first post in a line's channel: what it is, and how to test it."""
    spoken = numbers.spoken(line.number)
    named = f"*{escape(line.name)}*, {spoken}," if line.name else f"*{spoken}*"
    words = (
        f":tada: {named} is a line of your team now, set up by <@{one.by}>.\n"
        f"*Test it:* text {spoken} from your phone. A thread appears here; reply in it, and you "
        f"see the price before anything is sent. `/text +1… Hello` writes to somebody first."
    )
    american = (numbers.region(line.number) or "") in NORTH_AMERICA
    return f"{words}\n{REGISTER}" if american else words


def reminder(one: Setup) -> cards.Card:
    """Whether Twilio's support has moved the number."""
    spoken = numbers.spoken(one.number)
    words = f"Has Twilio moved {spoken} by now? Press *Look again* when it has."
    return {
        "text": words,
        "blocks": [mrkdwn(words), {"type": "actions", "block_id": "support", "elements": [
            {**button("Look again", "line_again", one.id), "style": "primary"},
            button("I do not want it any more", "line_forget", one.id),
        ]}],
    }  # fmt: skip
