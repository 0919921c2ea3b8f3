"""App Home, as a plain dict: what needs attention first, who waits, and the way to a first text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot import contacts
from bot.home import Home, Step
from bot.lines import MANAGERS
from bot.slack import cards, credit_cards
from bot.slack.cards import Blocks, button, context, mrkdwn, when
from bot.words import count, escape
from ledger.plans import Catalogue

Link = Callable[[str, str], str]
MOST_BLOCKS = 100
MODES = {
    "confirm": "replies are quoted, then sent", "send": "small replies are sent at once",
    "notes": "threads are for notes",
}  # fmt: skip
ROLES = {"owner": "owner", "manager": "manager", "agent": "agent"}
HELP = (
    "*How it works*\n"
    "A text to your number becomes a thread in its channel. Reply in the thread, or type `/text`: "
    "you see the price in credits first, and nothing is sent before you press *Send*. "
    "A reply that begins with `//` is a note for your team.\n"
    "`/text help` · `/contacts help` · `/credits help`"
)


def view(homes: list[Home], first: list[Step], catalogue: Catalogue, link: Link) -> dict[str, Any]:
    """Home of somebody on these accounts; `first` is for somebody on none."""
    blocks = [] if homes else [*_steps(first, 0), {"type": "divider"}, mrkdwn(HELP)]
    for place, home in enumerate(homes):
        blocks += [*([{"type": "divider"}] if place else []), *_account(home, catalogue, link)]
    if homes:
        blocks += [{"type": "divider"}, mrkdwn(HELP)]
    return {"type": "home", "callback_id": "home", "blocks": blocks[:MOST_BLOCKS]}


def _account(home: Home, catalogue: Catalogue, link: Link) -> Blocks:
    stands = home.account.standing
    key = str(stands.account)
    made: Blocks = [
        {"type": "header", "text": cards.plain(f"{stands.name}: {stands.balance:,} credits left")},
        *_steps(home.steps, stands.account),
        *[mrkdwn(f":warning: {line}") for line in _attention(home)],
        mrkdwn(
            f"Used {stands.used:,} of {count(stands.limit, 'credit')} ({stands.percent} %) · "
            f"{credit_cards.plan_line(stands, catalogue)}"
        ),
    ]
    buttons = []
    if home.lines:
        buttons.append({**button("Write a text", "compose_open", key), "style": "primary"})
    if home.scheduled:
        buttons.append(button(f"Scheduled texts ({home.scheduled:,})", "home_scheduled", key))
    buttons.append(button("Report", "credits_report", key))
    if home.account.may_change:
        label = "Change plan" if stands.subscribed else "Choose a plan"
        buttons.append(button(label, "plan_open", key))
    made.append({"type": "actions", "block_id": f"home:{key}", "elements": buttons})
    return [*made, *_waiting(home, link), *_lines(home), *_team(home)]


def _attention(home: Home) -> list[str]:
    stands, said = home.account.standing, []
    if stands.kind == "frozen":
        said.append("Your plan has ended: nothing can be sent. Your credits are kept.")
    elif stands.balance <= 0 and stands.limit:
        said.append("All credits are used: nothing can be sent before more come.")
    elif stands.limit and stands.percent >= 80:
        said.append(f"{stands.percent} % of your credits are used.")
    if home.failed:
        said.append(f"{count(home.failed, 'text')} of the last day did not arrive.")
    return said


def _waiting(home: Home, link: Link) -> Blocks:
    if not home.lines:
        return []
    if not home.waiting:
        return [mrkdwn(":white_check_mark: *Nobody waits for an answer.*")]
    made = [mrkdwn(f"*Waiting for an answer* ({len(home.waiting) + home.waiting_more:,})")]
    for talk in home.waiting:
        name = escape(talk.who)
        if talk.thread_ts:
            name = f"<{link(talk.channel, talk.thread_ts)}|{name}>"
        whose = f" · <@{talk.assigned_to}>" if talk.assigned_to else ""
        made.append(mrkdwn(f"{name} since {when(talk.since)}{whose}"))
    if home.waiting_more:
        more = button(f"Show more ({home.waiting_more:,})", "home_more", str(len(home.waiting)))
        made.append({"type": "actions", "block_id": "home_more", "elements": [more]})
    return made


def _lines(home: Home) -> Blocks:
    made: Blocks = [mrkdwn("*Lines*")] if home.lines else []
    for line in home.lines:
        said = f"{contacts.spoken(line.number)} in <#{line.channel}>: {MODES[line.mode]}"
        block = mrkdwn(said)
        if home.role in MANAGERS:
            block["accessory"] = button("Settings", "line_settings", str(line.id))
        made.append(block)
    return made


def _team(home: Home) -> Blocks:
    if home.role not in MANAGERS:
        return []
    names = ", ".join(f"<@{one.slack_user}> ({ROLES[one.role]})" for one in home.team)
    key = str(home.account.standing.account)
    return [
        mrkdwn(f"*Team*\n{names}"),
        {"type": "actions", "block_id": f"team:{key}", "elements": [
            button("Add or remove people", "team_open", key),
            button("Opt-out words and quiet hours", "policy_open", key),
            button("Templates", "template_open", key),
        ]},
    ]  # fmt: skip


def _steps(steps: list[Step], account: int) -> Blocks:
    if not steps:
        return []
    made: Blocks = [mrkdwn("*Your way to the first text*")]
    reached = next((place for place, step in enumerate(steps) if not step.done), len(steps))
    for place, step in enumerate(steps):
        mark = ":white_check_mark:" if step.done else f"*{place + 1}.*"
        now = place == reached
        block = mrkdwn(f"{mark} {step.title}" + (f"\n{step.how}" if now and step.how else ""))
        if now and step.action:
            block["accessory"] = _action(step, account)
        made.append(block)
    return made


def _action(step: Step, account: int) -> dict[str, Any]:
    match step.action:
        case "open_account":
            return button("Open an account", "account_open", "")
        case "plan":
            return button("See the plans", "plan_open", str(account))
    return button("I have invited it", "home_check", str(account))


def steps_card(steps: list[Step], account: int) -> cards.Card:
    """The same way, as the answer to a command that cannot work yet."""
    reached = next((step for step in steps if not step.done), steps[-1])
    done = sum(step.done for step in steps)
    text = f"{reached.title}: {reached.how}" if reached.how else reached.title
    return {
        "text": f"Not ready yet. Step {done + 1} of {len(steps)}: {text}",
        "blocks": [*_steps(steps, account), context("The same list is on Partyline's Home.")],
    }


def account_view(zones: list[str]) -> dict[str, Any]:
    """The modal that opens an account."""
    return {
        "type": "modal",
        "callback_id": "account_opened",
        "title": cards.plain("Open an account"),
        "submit": cards.plain("Open it"),
        "close": cards.plain("Back"),
        "blocks": [
            {"type": "input", "block_id": "name", "label": cards.plain("Name of your team"),
             "element": {"type": "plain_text_input", "action_id": "name", "max_length": 60}},
            {"type": "input", "block_id": "zone", "label": cards.plain("Time zone"),
             "hint": cards.plain("Periods, reports and the digest go by it; it stays."),
             "element": {"type": "static_select", "action_id": "zone",
                         "options": [cards.option(zone, zone) for zone in zones],
                         "initial_option": cards.option(zones[0], zones[0])}},
        ],
    }  # fmt: skip


def team_view(account: int, team: list[Any]) -> dict[str, Any]:
    """The modal in which people are added to an account, or taken off it."""
    roles = [cards.option("Agent", "agent"), cards.option("Manager", "manager"),
             cards.option("Not on the team", "none")]  # fmt: skip
    names = "\n".join(f"<@{one.slack_user}> is {ROLES[one.role]}" for one in team)
    return {
        "type": "modal",
        "callback_id": "team_changed",
        "private_metadata": str(account),
        "title": cards.plain("Your team"),
        "submit": cards.plain("Save"),
        "close": cards.plain("Close"),
        "blocks": [
            mrkdwn(names),
            {"type": "input", "block_id": "who", "label": cards.plain("Who"),
             "element": {"type": "users_select", "action_id": "who"}},
            {"type": "input", "block_id": "role", "label": cards.plain("is from now on"),
             "element": {"type": "static_select", "action_id": "role", "options": roles,
                         "initial_option": roles[0]}},
            context(
                "Agents text and see the credits. Managers also change the plan, the lines and "
                "the agents. Only the owner makes managers."
            ),
        ],
    }  # fmt: skip


def policy_view(account: int, words: str, quiet_from: int, quiet_until: int) -> dict[str, Any]:
    """The modal of what goes for every text of an account."""
    hours = [cards.option(f"{hour}:00", str(hour)) for hour in range(25)]
    return {
        "type": "modal",
        "callback_id": "policy_changed",
        "private_metadata": str(account),
        "title": cards.plain("Opt-out and quiet"),
        "submit": cards.plain("Save"),
        "close": cards.plain("Close"),
        "blocks": [
            {"type": "input", "block_id": "words", "optional": True,
             "label": cards.plain("Added to the first text to a contact, free of charge"),
             "hint": cards.plain(
                 "US carriers ask for such words. Leave it empty only if your texts carry their own"
             ),
             "element": {"type": "plain_text_input", "action_id": "words", "max_length": 150,
                         "initial_value": words}},
            {"type": "input", "block_id": "from", "label": cards.plain("Quiet from"),
             "element": {"type": "static_select", "action_id": "from", "options": hours[1:],
                         "initial_option": hours[quiet_from]}},
            {"type": "input", "block_id": "until", "label": cards.plain("until"),
             "hint": cards.plain("By the contact's own clock. Nothing automatic goes out then, and "
                                 "you are warned before you send by hand."),
             "element": {"type": "static_select", "action_id": "until", "options": hours[:24],
                         "initial_option": hours[quiet_until]}},
        ],
    }  # fmt: skip


def line_view(line: Any) -> dict[str, Any]:
    """The modal of one line's settings."""
    modes = [
        cards.option("Ask before sending (the price is shown)", "confirm"),
        cards.option("Send at once, up to a price", "send"),
        cards.option("Notes only: replies are never texted", "notes"),
    ]
    limits = [cards.option(count(credits, "credit"), str(credits)) for credits in range(1, 11)]
    here = next(mode for mode in modes if mode["value"] == line.mode)
    return {
        "type": "modal",
        "callback_id": "line_changed",
        "private_metadata": str(line.id),
        "title": cards.plain("Line settings"),
        "submit": cards.plain("Save"),
        "close": cards.plain("Close"),
        "blocks": [
            mrkdwn(f"*{contacts.spoken(line.number)}* in <#{line.channel}>"),
            {"type": "input", "block_id": "mode", "label": cards.plain("A reply in a thread"),
             "element": {"type": "radio_buttons", "action_id": "mode", "options": modes,
                         "initial_option": here}},
            {"type": "input", "block_id": "up_to",
             "label": cards.plain("At once up to; above it, you are asked"),
             "element": {"type": "static_select", "action_id": "up_to", "options": limits,
                         "initial_option": limits[min(line.send_up_to, 10) - 1]}},
        ],
    }  # fmt: skip
