"""The modals in which owners and managers settle things, as plain dicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.slack import cards, inputs
from bot.slack.cards import context, mrkdwn
from bot.team.accounts import LONGEST_PLAN_GAP, LONGEST_WORDS, MOST_PLAN_TEXTS
from bot.team.models import Member, Policy
from bot.words import hour_words

MOST_NAMED = 50  # people


def names(team: Sequence[Member]) -> str:
    """Who is on a team, in a line."""
    said = [f"<@{one.slack_user}>" + _role(one) for one in team[:MOST_NAMED]]
    more = [f"and {len(team) - MOST_NAMED:,} more"] if len(team) > MOST_NAMED else []
    return ", ".join([*said, *more])


def _role(member: Member) -> str:
    return "" if member.role == "agent" else f" ({member.role})"


def team_view(account: int, team: Sequence[Member]) -> dict[str, Any]:
    """The modal in which people are added to an account, or taken off it."""
    roles = {"agent": "Agent", "manager": "Manager", "none": "Not on the team"}
    return cards.modal("team_changed", "Your team", [
        mrkdwn(names(team)),
        inputs.field("who", "Who", {
            "type": "users_select", "placeholder": cards.plain("Choose somebody"),
        }),
        inputs.choice("role", "Role", roles, "agent"),
        context(
            "Agents text and see the credits. Managers also change the plan, the lines and "
            "the agents. Only the owner makes managers."
        ),
    ], str(account), submit="Save")  # fmt: skip


def policy_view(account: int, policy: Policy) -> dict[str, Any]:
    """The modal of what goes for every text of an account."""
    hours = [cards.option(hour_words(hour), str(hour)) for hour in range(25)]
    return cards.modal("policy_changed", "Words and quiet hours", [
        inputs.box("words", "Added to the first text to a contact, free of charge",
                   policy.opt_out_words, most=LONGEST_WORDS, optional=True,
                   hint="US carriers ask for such words. Leave it empty only if your texts carry "
                   "their own."),
        inputs.menu("from", "Quiet from", hours[1:], str(policy.quiet_from)),
        inputs.menu("until", "Quiet until", hours[:24], str(policy.quiet_until),
                    "By the contact's own clock. Nothing automatic goes out then, and you are "
                    "warned before you send by hand."),
        inputs.number("plan_texts", "Texts of SmartPlans to one contact in 24 hours, at most",
                      policy.plan_texts_a_day, 1, MOST_PLAN_TEXTS),
        inputs.number("plan_gap", "Minutes between two of them, at least",
                      policy.plan_gap_minutes, 0, LONGEST_PLAN_GAP),
    ], str(account), submit="Save")  # fmt: skip
