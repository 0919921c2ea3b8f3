"""App Home, as a plain dict: what needs attention first, who waits, and the way to a first text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bot.lines.health import name_of
from bot.lines.settings import trouble
from bot.slack import cards
from bot.slack.cards import Blocks, button, context, mrkdwn, when
from bot.slack.credits import credit_cards
from bot.slack.lines.line_cards import MODES
from bot.slack.smartplans import motion_cards
from bot.slack.team import first_cards, settings_cards
from bot.talks.unanswered import Waiting
from bot.team.first_run import Step
from bot.team.home import Home
from bot.team.roles import MANAGERS
from bot.words import count, escape, short
from ledger.plans import Catalogue

Link = Callable[[str, str], str]
MOST_BLOCKS = 100
MOST_TROUBLES = 5
LONGEST_NAME = 60  # characters
HELP = (
    "*How it works*\n"
    "A text to your number becomes a thread in its channel. Reply in the thread, or type `/text`: "
    "you see the price in credits first, and nothing is sent before you press *Send*. "
    "A reply that begins with `//` is a note for your team.\n"
    "`/text help` · `/contacts help` · `/smartplans help` · `/line help` · `/credits help`"
)


def view(
    home: Home | None, first: Sequence[Step], catalogue: Catalogue, link: Link
) -> dict[str, Any]:  # fmt: skip
    """Home of somebody on this account; `first` is for somebody on none."""
    shown = _of_account(home, catalogue, link) if home else first_cards.steps(first)
    blocks = [*shown[: MOST_BLOCKS - 2], {"type": "divider"}, mrkdwn(HELP)]
    return {"type": "home", "callback_id": "home", "blocks": blocks}


def _of_account(home: Home, catalogue: Catalogue, link: Link) -> Blocks:
    """What Home shows, from top to bottom; what needs attention comes first."""
    return [
        *_others(home),
        *_head(home),
        *first_cards.steps(home.steps),
        *_attention(home, link),
        *_buttons(home, catalogue),
        *_waiting(home, link),
        *motion_cards.blocks(home.motion),
        *_lines(home),
        *_team(home),
    ]


def _others(home: Home) -> Blocks:
    """Who is on several accounts sees one, and of the others how they stand."""
    if not home.others:
        return []
    here = option_of(home.account.standing.account, home.account.standing.name)
    options = [here, *(option_of(one.account, one.name) for one in home.others[:99])]
    said = [
        f"{escape(one.name)}: {count(one.balance, 'credit')} left, {waits(one.waiting)}"
        for one in home.others
    ]
    chooser = {
        "type": "static_select", "action_id": "home_account",
        "options": options, "initial_option": here,
    }  # fmt: skip
    return [
        {**mrkdwn("*Your account*"), "accessory": chooser},
        *cards.listed([f"_{line}_" for line in said[:10]]),
        {"type": "divider"},
    ]


def option_of(account: int, name: str) -> dict[str, Any]:
    """One account in the menu of several."""
    return cards.option(name, str(account))


def waits(number: int) -> str:
    """ "nobody waits", "1 waits", "3 wait"."""
    return f"{number:,} {'waits' if number == 1 else 'wait'}" if number else "nobody waits"


def _head(home: Home) -> Blocks:
    stands = home.account.standing
    title = f"{stands.name}: {count(stands.balance, 'credit')} left"
    return [{"type": "header", "text": cards.plain(title[:150])}]


def _attention(home: Home, link: Link) -> Blocks:
    stands, said = home.account.standing, []
    if stands.kind == "frozen":
        said.append("Your plan has ended: nothing can be sent. Your credits are kept.")
    elif stands.balance <= 0 and stands.limit > 0:
        said.append("All credits are used: nothing can be sent before more come.")
    elif stands.limit > 0 and stands.percent >= 80:
        said.append(f"{stands.percent}% of your credits are used.")
    if home.failed:
        said.append(_failed(home, link))
    if not home.steps:  # else they say it
        said += [f"{escape(name_of(line))} {wrong}" for line in home.lines
                 if (wrong := trouble(line))]  # fmt: skip
    return [mrkdwn(f":warning: {line}") for line in said[:MOST_TROUBLES]]


def _failed(home: Home, link: Link) -> str:
    """Whose texts did not arrive: the thread says why."""
    named = [_linked(one.who, one.channel, one.thread_ts, link) for one in home.failed]
    more = [f"{home.failed_more:,} more"] if home.failed_more else []
    texts = count(len(home.failed) + home.failed_more, "text")
    return f"{texts} of the last day did not arrive: to {', '.join([*named, *more])}."


def _buttons(home: Home, catalogue: Catalogue) -> Blocks:
    stands = home.account.standing
    key = str(stands.account)
    made = []
    if home.lines and all(step.done for step in home.steps[:-1]):
        made.append({**button("Write a text", "compose_open", key), "style": "primary"})
    if home.scheduled:
        made.append(button(f"Scheduled texts ({home.scheduled:,})", "home_scheduled", key))
    made.append(button("Report", "credits_report", key))
    if home.account.may_change:
        label = "Change plan" if stands.subscribed else "Choose a plan"
        made.append(button(label, "plan_open", key))
    used = f"{stands.used:,} of {count(stands.limit, 'credit')} used ({stands.percent}%)"
    plan = credit_cards.plan_line(stands, catalogue)
    return [
        context(f"{used} · {plan}"),
        {"type": "actions", "block_id": f"home:{key}", "elements": made},
    ]


def _waiting(home: Home, link: Link) -> Blocks:
    if not home.lines or home.steps:
        return []
    if not home.waiting:
        return [mrkdwn(":white_check_mark: *Nobody waits for an answer.*")]
    total = len(home.waiting) + home.waiting_more
    rows = [_waits(talk, link) for talk in home.waiting]
    made: Blocks = [mrkdwn(f"*Waiting for an answer ({total:,}), longest first*"),
                    *cards.listed(rows)]  # fmt: skip
    if home.waiting_more and home.may_see_more:
        more = button(f"Show more ({home.waiting_more:,})", "home_more", "waiting")
        made.append({"type": "actions", "block_id": "home_more", "elements": [more]})
    elif home.waiting_more:
        made.append(context(f"{home.waiting_more:,} more wait, not so long."))
    return made


def _waits(talk: Waiting, link: Link) -> str:
    name = _linked(talk.who, talk.channel, talk.thread_ts, link)
    whose = f" · <@{talk.assigned_to}>" if talk.assigned_to else ""
    return f"• {name} since {when(talk.since)}{whose}"


def _linked(who: str, channel: str, thread_ts: str | None, link: Link) -> str:
    name = escape(short(who, LONGEST_NAME))
    return f"<{link(channel, thread_ts)}|{name}>" if thread_ts else name


def _lines(home: Home) -> Blocks:
    made: Blocks = [mrkdwn("*Lines*")] if home.lines else []
    for line in home.lines:
        where = f"in <#{line.channel}>" if line.channel else "in no channel yet"
        block = mrkdwn(f"{escape(name_of(line))} {where}: {MODES[line.mode]}")
        if home.role in MANAGERS:
            block["accessory"] = button("Settings", "line_settings", str(line.id))
        made.append(block)
    if home.lines_more and home.may_see_more:
        more = button(f"More lines ({home.lines_more:,})", "home_more", "lines")
        made.append({"type": "actions", "block_id": "home_more_lines", "elements": [more]})
    return made


def _team(home: Home) -> Blocks:
    if home.role not in MANAGERS:
        return []
    key = str(home.account.standing.account)
    return [
        mrkdwn(f"*Team*\n{settings_cards.names(home.team)}"),
        {"type": "actions", "block_id": f"team:{key}", "elements": [
            button("Add or remove people", "team_open", key),
            button("Opt-out words and quiet hours", "policy_open", key),
            button("Templates", "template_open", key),
        ]},
    ]  # fmt: skip
