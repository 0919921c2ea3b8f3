"""The modals by which a number is found, brought and released, as plain dicts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from bot.contacts import numbers
from bot.lines.models import Line
from bot.lines.offers import COUNTRIES, PAGE, ForSale, Held
from bot.lines.settings import LONGEST_NAME
from bot.lines.setups import TO_MOVE
from bot.slack import cards, inputs
from bot.slack.cards import Blocks, button, context, mrkdwn, option
from bot.slack.lines.setup_cards import AFTER, LETTER, SUPPORT
from bot.words import escape

View = dict[str, Any]
LONGEST_WISH = 40
A2P = (
    ":warning: *Its registration with US carriers (A2P 10DLC) ends when it is moved.* Until it is "
    "registered anew in Partyline's account, carriers refuse its texts to the US: that takes "
    "days or weeks. Texts that come in are not touched."
)
GOES_ON = (
    "*It is a line of yours already, and goes on there:* with its channel, its settings and its "
    "conversations. Its registration with US carriers (A2P 10DLC) has to be made anew there."
)
RELEASED = {
    "give_back": "The number goes back to Twilio. *It cannot be got back*, and somebody else may "
                 "have it soon.",
    "restore": "Its texts and calls go again where they went before it came here.",
    "unpoint": "Its texts and calls come here no longer. The number stays in its Twilio account.",
}  # fmt: skip
#: Where the token of a team's own Twilio account is given.
TOKEN = inputs.box("token", "Auth token", "", most=64)


def waiting(title: str, words: str) -> View:
    """What is shown while Twilio is asked."""
    return cards.modal("line_waiting", title, [mrkdwn(f":hourglass_flowing_sand: {words}")])


def said(title: str, words: str) -> View:
    """What Twilio said, where there is nothing to choose."""
    return cards.modal("line_said", title, [mrkdwn(words)])


def search(account: int, error: str = "", country: str = "US", typed: str = "") -> View:
    """What number is wanted."""
    countries = {code: name for code, (name, _) in COUNTRIES.items()}
    kinds = [option("A usual number", "usual"), option("Toll-free (US and Canada)", "toll_free")]
    return cards.modal(
        "line_search", "A new number", [
            *([mrkdwn(f":warning: {error}")] if error else []),
            inputs.choice("country", "Country", countries, country),
            inputs.field("kind", "Kind", {
                "type": "radio_buttons", "options": kinds, "initial_option": kinds[0],
            }),
            inputs.box("wish", "Area code, city, or digits", typed, most=LONGEST_WISH,
                       optional=True, hint="415, Oakland, or 555*01, where * is any digit.",
                       placeholder="415"),
        ], str(account), submit="Search",
    )  # fmt: skip


def offers(meta: dict[str, Any], found: Sequence[ForSale], price: str | None) -> View:
    """Numbers to choose from: the last ten of those that were found."""
    start = max(0, (len(found) - 1) // PAGE * PAGE)
    shown = found[start : start + PAGE]
    alike = len({one.carries for one in shown}) == 1
    options = [_choice(one, described=not alike) for one in shown]
    number = inputs.field("number", "Number", {
        "type": "radio_buttons", "options": options, "initial_option": options[0],
    }, hint=f"All carry {shown[0].carries}." if alike else None)  # fmt: skip
    actions = [button("Search again", "line_research", "again")]
    if len(found) >= meta["most"]:
        actions.insert(0, button("More numbers", "line_more", "more"))
    cost = f"It costs {price} a month." if price else "Its texts cost credits, as on every line."
    return cards.modal(
        "line_buy", "Choose a number", [
            {**number, "block_id": f"number{start}"},
            {"type": "actions", "block_id": "more", "elements": actions},
            *wishes(),
            context(cost),
        ], meta, submit="Get this number",
    )  # fmt: skip


def _choice(one: ForSale, *, described: bool) -> dict[str, Any]:
    place = f" · {one.place}" if one.place else ""
    carries = {"description": cards.plain(f"Carries {one.carries}")} if described else {}
    return {**option(f"{numbers.spoken(one.number)}{place}", one.number), **carries}


def wishes() -> Blocks:
    """What a new line is called, and where its texts are shown."""
    return [
        inputs.box("name", "What your team calls it", "", most=LONGEST_NAME, optional=True),
        inputs.field("channel", "The channel in which its texts are shown", {
            "type": "conversations_select", "placeholder": cards.plain("Choose a channel"),
            "filter": {"include": ["public", "private"], "exclude_external_shared_channels": True},
        }, optional=True,
                     hint="Everybody in it sees them. Partyline joins it if it is public."),
        inputs.box("make", "Or make a new public channel, called", "", most=80, optional=True),
    ]  # fmt: skip


def bring(account: int) -> View:
    """Which number is brought."""
    return cards.modal(
        "line_bring", "Bring a number", [
            inputs.box("number", "Your number", "", most=30,
                       hint="Partyline looks whether it is in a Twilio account it can reach. "
                       "Nothing is changed yet."),
        ], str(account), submit="Look for it",
    )  # fmt: skip


def found(account: int, held: Held, line: Line | None = None) -> View:
    """A number that is in a Twilio account we reach: what happens to it, and its wishes; a line of
    theirs goes on there as it is."""
    now = f"Its texts go to {escape(held.points_to)} now." if held.points_to else (
        "Its texts go nowhere now."
    )  # fmt: skip
    where = "Partyline's own Twilio account" if held.ours else (
        f"the Twilio account {escape(held.account_name) or held.account}"
    )  # fmt: skip
    here = (
        "Its texts and calls will come here instead. Where they went before is kept, and put back "
        "if you release the line."
    )
    stays = held.ours or held.kept
    warn = [] if stays else [
        mrkdwn("It is moved into Partyline's own account.\n" + A2P)
    ]  # fmt: skip
    label = "Use it here" if stays else "Move it here"
    meta = {"account": account, "number": held.number}
    return cards.modal(
        "line_adopt", "Bring a number", [
            mrkdwn(f"*{numbers.spoken(held.number)}* is in {where}"
                   + (" now." if line else f".\n{now} {here}")),
            *warn, *([mrkdwn(GOES_ON)] if line else wishes()),
        ], meta, submit=label,
    )  # fmt: skip


def elsewhere(
    account: int, number: str, error: str = "", sid: str = "", line: Line | None = None
) -> View:  # fmt: skip
    """A number that our credentials do not reach: the agent's own account, or Twilio's support. A
    line of theirs goes on there as it is."""
    meta = {"account": account, "number": number}
    return cards.modal(
        "line_own", "Bring a number", [
            *([mrkdwn(f":warning: {error}")] if error else []),
            mrkdwn(f"*{numbers.spoken(number)}* is in no Twilio account that Partyline reaches.\n"
                   "*Is it in a Twilio account of your own?* It can stay there: Twilio goes on "
                   "billing you for it. Give the account's SID and token, from the front page of "
                   "Twilio's console. The token is kept sealed, and used for your lines there "
                   "alone."),
            inputs.box("sid", "Account SID", sid, most=40, placeholder="AC…"),
            TOKEN,
            *([mrkdwn(GOES_ON)] if line else wishes()),
            {"type": "actions", "block_id": "else", "elements": [
                button("I have no such account", "line_support", json.dumps(meta)),
            ]},
        ], meta, submit="Use it here",
    )  # fmt: skip


def token(account: int, number: str, sid: str, error: str = "") -> View:
    """A line in the team's own Twilio account, whose token has changed."""
    meta = {"account": account, "number": number, "sid": sid}
    return cards.modal(
        "line_token", "A new token", [
            *([mrkdwn(f":warning: {error}")] if error else []),
            mrkdwn(f"*{numbers.spoken(number)}* is a line of yours already, in your own Twilio "
                   f"account {sid}. If its token has changed at Twilio, give the new one."),
            TOKEN,
            context(TO_MOVE),
        ], meta, submit="Keep it",
    )  # fmt: skip


def support(account: int, number: str, gaining: str) -> View:
    """What to ask Twilio's support for, and a reminder to come back."""
    meta = {"account": account, "number": number}
    letter = LETTER.format(number=number, gaining=gaining)
    return cards.modal(
        "line_remind", "Ask Twilio's support", [
            mrkdwn(SUPPORT), mrkdwn(f"```{letter}```"), mrkdwn(AFTER),
            context("*Remind me* asks you every five days whether it has come."),
        ], meta, submit="Remind me",
    )  # fmt: skip


def release(line: Line, how: str, plans: int) -> View:
    """What happens when a line is released, and the number to type."""
    spoken = numbers.spoken(line.number)
    rows = [
        RELEASED[how],
        "Its conversations stay in their threads; nothing can be sent from it any more.",
        "Texts that wait to be sent later are not sent; you are asked about each.",
        *([f"{plans} of your SmartPlans text from it: they are paused."] if plans else []),
    ]
    return cards.modal(
        "line_release", "Release a line", [
            mrkdwn(f"*Releasing {spoken}*\n" + "\n".join(f"• {row}" for row in rows)),
            inputs.box("typed", f"Type {spoken} to release it", "", most=30),
        ], str(line.id), submit="Release it", close="Keep it",
    )  # fmt: skip
