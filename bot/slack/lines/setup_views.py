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
from bot.slack import cards
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
TOKEN = {
    "type": "input", "block_id": "token", "label": cards.plain("Auth token"),
    "element": {"type": "plain_text_input", "action_id": "token", "max_length": 64},
}  # fmt: skip


def waiting(title: str, words: str) -> View:
    """What is shown while Twilio is asked."""
    return cards.modal("line_waiting", title, [mrkdwn(f":hourglass_flowing_sand: {words}")])


def said(title: str, words: str) -> View:
    """What Twilio said, where there is nothing to choose."""
    return cards.modal("line_said", title, [mrkdwn(words)])


def search(account: int, error: str = "", country: str = "US", typed: str = "") -> View:
    """What number is wanted."""
    countries = [option(name, code) for code, (name, _) in COUNTRIES.items()]
    kinds = [option("A usual number", "usual"), option("Toll-free (US and Canada)", "toll_free")]
    chosen = next(one for one in countries if one["value"] == country)
    return cards.modal(
        "line_search", "A new number", [
            *([mrkdwn(f":warning: {error}")] if error else []),
            {"type": "input", "block_id": "country", "label": cards.plain("Country"),
             "element": {"type": "static_select", "action_id": "country", "options": countries,
                         "initial_option": chosen}},
            {"type": "input", "block_id": "kind", "label": cards.plain("Kind"),
             "element": {"type": "radio_buttons", "action_id": "kind", "options": kinds,
                         "initial_option": kinds[0]}},
            {"type": "input", "block_id": "wish", "optional": True,
             "label": cards.plain("Area code, city, or digits"),
             "hint": cards.plain("415, Oakland, or 555*01, where * is any digit."),
             "element": {"type": "plain_text_input", "action_id": "wish",
                         "max_length": LONGEST_WISH, "placeholder": cards.plain("415"),
                         **({"initial_value": typed} if typed else {})}},
        ], str(account), submit="Search",
    )  # fmt: skip


def offers(meta: dict[str, Any], found: Sequence[ForSale], price: str | None) -> View:
    """Numbers to choose from: the last ten of those that were found."""
    start = max(0, (len(found) - 1) // PAGE * PAGE)
    shown = found[start : start + PAGE]
    alike = len({one.carries for one in shown}) == 1
    options = [_choice(one, described=not alike) for one in shown]
    hint = {"hint": cards.plain(f"All carry {shown[0].carries}.")} if alike else {}
    actions = [button("Search again", "line_research", "again")]
    if len(found) >= meta["most"]:
        actions.insert(0, button("More numbers", "line_more", "more"))
    cost = f"It costs {price} a month." if price else "Its texts cost credits, as on every line."
    return cards.modal(
        "line_buy", "Choose a number", [
            {"type": "input", "block_id": f"number{start}", "label": cards.plain("Number"), **hint,
             "element": {"type": "radio_buttons", "action_id": "number", "options": options,
                         "initial_option": options[0]}},
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
        {"type": "input", "block_id": "name", "optional": True,
         "label": cards.plain("What your team calls it"),
         "element": {"type": "plain_text_input", "action_id": "name",
                     "max_length": LONGEST_NAME}},
        {"type": "input", "block_id": "channel", "optional": True,
         "label": cards.plain("The channel in which its texts are shown"),
         "hint": cards.plain("Everybody in it sees them. Partyline joins it if it is public."),
         "element": {"type": "conversations_select", "action_id": "channel",
                     "placeholder": cards.plain("Choose a channel"),
                     "filter": {"include": ["public", "private"],
                                "exclude_external_shared_channels": True}}},
        {"type": "input", "block_id": "make", "optional": True,
         "label": cards.plain("Or make a new public channel, called"),
         "element": {"type": "plain_text_input", "action_id": "make", "max_length": 80}},
    ]  # fmt: skip


def bring(account: int) -> View:
    """Which number is brought."""
    return cards.modal(
        "line_bring", "Bring a number", [
            {"type": "input", "block_id": "number", "label": cards.plain("Your number"),
             "hint": cards.plain("Partyline looks whether it is in a Twilio account it can reach. "
                                 "Nothing is changed yet."),
             "element": {"type": "plain_text_input", "action_id": "number", "max_length": 30}},
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
            {"type": "input", "block_id": "sid", "label": cards.plain("Account SID"),
             "element": {"type": "plain_text_input", "action_id": "sid", "max_length": 40,
                         "placeholder": cards.plain("AC…"),
                         **({"initial_value": sid} if sid else {})}},
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
            {"type": "input", "block_id": "typed",
             "label": cards.plain(f"Type {spoken} to release it"),
             "element": {"type": "plain_text_input", "action_id": "typed", "max_length": 30}},
        ], str(line.id), submit="Release it", close="Keep it",
    )  # fmt: skip
