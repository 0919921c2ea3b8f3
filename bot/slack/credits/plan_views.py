"""The modals of an account's plan: the list, and a confirmation of each change at its numbers."""

from __future__ import annotations

from typing import Any

from bot.credits import billing, notices
from bot.credits.billing import Account, Turn
from bot.slack.cards import Blocks, button, modal, mrkdwn, option
from bot.slack.credits.credit_cards import day_of, fields, plan_line
from bot.words import count, escape, ordinal
from ledger.plans import Catalogue
from ledger.standing import Standing
from ledger.subscriptions import Effect, Move

CHANGED = ":warning: This has changed since it was shown. Please look again."
DAYS = [option(ordinal(day), str(day)) for day in range(1, 32)]


#: What takes back what was chosen for the period's end: on its button, and in the modal.
BACK = {
    "cancel": ("Withdraw the cancellation", "Withdraw it"),
    "hold": ("Resume the plan", "Resume"),
}


def plan_list(
    account: Account, effects: list[Effect], catalogue: Catalogue, anchor: int | None
) -> dict[str, Any]:
    """The modal that lists the plans, and what each would do now and at the renewal."""
    stands = account.standing
    blocks: Blocks = [
        mrkdwn(f"*{escape(stands.name)}*: {plan_line(stands, catalogue)}"),
        fields(list(notices.facts(stands, account.forecast, account.now))[:2]),
        {"type": "divider"},
        *[_plan(effect, stands, catalogue) for effect in effects],
        {"type": "divider"},
        _day(stands, anchor),
    ]
    if stands.subscribed and stands.terms:
        blocks.append({"type": "actions", "block_id": "then", "elements": _turns(stands)})
    about = {"account": stands.account, "anchor": anchor}
    return modal("plan", "Your plan", blocks, about)


def _plan(effect: Effect, stands: Standing, catalogue: Catalogue) -> dict[str, Any]:
    plan = effect.plan
    head = f"*{escape(plan.name)}* · {count(plan.credits, 'credit')} a month"
    head += f" · {catalogue.money(plan.price_cents)}"
    if held(effect, stands):
        section = mrkdwn(f"{head} · *your plan*")
    else:
        section = mrkdwn(f"{head}\n{does(effect, stands, catalogue)}")
        section["accessory"] = button("Choose", "plan_choose", plan.code)
    return section | {"block_id": f"plan_{plan.code}"}


def _day(stands: Standing, anchor: int | None) -> dict[str, Any]:
    day = anchor or (stands.terms.anchor if stands.terms else 1)
    menu = {"type": "static_select", "action_id": "plan_day", "options": DAYS,
            "initial_option": DAYS[day - 1]}  # fmt: skip
    says = "Day of the month on which it renews (in a shorter month, the last day)"
    return mrkdwn(says) | {"block_id": "day", "accessory": menu}


def _turns(stands: Standing) -> Blocks:
    assert stands.terms is not None
    then = stands.terms.then
    offered = [] if then == "cancel" else [button("Cancel the plan", "plan_cancel", "cancel")]
    if stands.kind == "plan" and then != "hold":
        offered.insert(0, button("Put on hold", "plan_hold", "hold"))
    if then == "cancel" or then == "hold":
        offered.insert(0, button(BACK[then][0], "plan_resume", "resume"))
    return offered


def held(effect: Effect, stands: Standing) -> bool:
    """Whether this is the plan that is held, as it is held."""
    terms = stands.terms
    return stands.kind == "plan" and terms is not None and (
        (terms.plan, terms.credits, terms.price_cents)
        == (effect.plan.code, effect.plan.credits, effect.plan.price_cents)
    )  # fmt: skip


def does(effect: Effect, stands: Standing, catalogue: Catalogue) -> str:
    """What choosing the plan does now and at the renewal, in exact numbers."""
    left = f"{count(effect.balance, 'credit')} left of {effect.limit:,}"
    now = f"Now: nothing changes, {left}."
    if effect.granted:
        now = f"Now: {count(effect.granted, 'credit')} added, {left}."
    elif effect.withdrawn:
        now = f"Now: {count(effect.withdrawn, 'credit')} withdrawn, {left}."
    on = day_of(effect.renews_at, stands)
    then = f"On {on}: {count(effect.at_renewal, 'credit')} added, what is left rolls over."
    if not effect.at_renewal:
        ends = stands.terms is not None and stands.terms.then == "cancel"
        then = f"On {on}: {'the plan ends' if ends else 'the hold begins'}, as you chose."
    bill = f"Until {on} you are invoiced {catalogue.money(effect.bill_cents)}"
    if effect.bill_cents > effect.plan.price_cents:
        bill += ", for the most expensive plan of the period"
    return f"{now}\n{then}\n{bill}."


def confirm(
    effect: Effect, stands: Standing, catalogue: Catalogue, key: str, anchor: int | None = None,
    changed: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """The modal in which a plan is confirmed, at the numbers that it shows."""
    plan = effect.plan
    verb = "Choose"
    if stands.subscribed and stands.terms:
        verb = "Upgrade to" if plan.credits > stands.terms.credits else "Change to"
        verb = "Downgrade to" if plan.credits < stands.terms.credits else verb
    price = f"{count(plan.credits, 'credit')} a month for {catalogue.money(plan.price_cents)}"
    says = f"*{verb} {escape(plan.name)}*: {price}\n{does(effect, stands, catalogue)}"
    about = {"account": stands.account, "key": key, "anchor": anchor,
             "shown": billing.as_json(effect)}  # fmt: skip
    return _confirm("plan_chosen", says, about, submit=verb.split()[0], changed=changed)


def confirm_turn(
    turn: Turn, stands: Standing, catalogue: Catalogue, key: str, changed: bool = False
) -> dict[str, Any]:
    """The modal in which a hold, a cancellation or a withdrawal is confirmed."""
    on = day_of(turn.at, stands)
    back, go_back = BACK.get(turn.then, BACK["hold"])
    title, says, submit = {
        "hold": (
            "Put the plan on hold",
            f"Until {on} nothing changes. From then on: no new credits, "
            f"{catalogue.money(turn.hold_price_cents)} a month; your balance stays usable and your "
            "number stays.",
            "Hold",
        ),
        "cancel": (
            "Cancel the plan",
            f"Until {on} everything works. Then your balance is frozen, not lost: it comes back "
            "with your next plan. Texts in go on being shown and charged. You can withdraw this "
            f"until {on}.",
            "Cancel the plan",
        ),
        "resume": (
            back,
            f"The plan stays on hold after {on}."
            if turn.kind == "hold" and turn.then == "cancel"
            else f"On {on} the plan renews: {count(turn.credits, 'credit')} added, what is left "
            "rolls over.",
            go_back,
        ),
    }[turn.what]
    instead = {"hold": "hold", "cancel": "cancellation"}.get(turn.then)
    if instead and turn.what not in ("resume", turn.then):
        says += f" This takes the place of the {instead} that was chosen."
    about = {"account": stands.account, "key": key, "shown": billing.as_json(turn)}
    return _confirm("plan_then", f"*{title}*\n{says}", about, submit=submit, changed=changed)


def confirm_move(move: Move, stands: Standing, changed: bool = False) -> dict[str, Any]:
    """The modal in which another day of renewal is confirmed."""
    starts, ends = day_of(move.starts, stands), day_of(move.ends, stands)
    says = (
        f"*Renew on the {ordinal(move.day)} of the month*\n"
        f"Until {starts} nothing changes. The period that begins then runs until {ends}, for one "
        "month's credits and price."
    )
    about = {"account": stands.account, "shown": billing.as_json(move)}
    return _confirm("plan_moved", says, about, submit="Change the day", changed=changed)


def done(account: Account, catalogue: Catalogue) -> dict[str, Any]:
    """What a confirmed change left behind."""
    stands = account.standing
    blocks = [
        mrkdwn(f":white_check_mark: *Done.* {plan_line(stands, catalogue)}"),
        fields(list(notices.facts(stands, account.forecast, account.now))[:2]),
    ]
    return modal("plan_done", "Your plan", blocks, {"account": stands.account})


def refused(why: str) -> dict[str, Any]:
    """Why not, and what to do."""
    return modal("plan_refused", "Your plan", [mrkdwn(why)], {})


def _confirm(
    callback_id: str, says: str, about: dict[str, Any], *, submit: str, changed: bool
) -> dict[str, Any]:
    back = button("All plans", "plan_list", str(about["account"]))
    blocks = [mrkdwn(says), {"type": "actions", "block_id": "back", "elements": [back]}]
    if changed:
        blocks.insert(0, mrkdwn(CHANGED))
    return modal(callback_id, "Confirm", blocks, about, submit=submit, close="Not now")
