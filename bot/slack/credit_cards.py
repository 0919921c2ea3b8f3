"""What people see of their credits in Slack: the card, the plans, reports, notices, the digest.

As in cards.py: pure functions to `{"text": …, "blocks": […]}`, whose `text` carries all of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot import billing, notices, usage
from bot.billing import Account
from bot.slack.cards import Blocks, Card
from bot.usage import Report
from bot.words import count, day_words, escape
from ledger.plans import Catalogue
from ledger.reports import Past
from ledger.subscriptions import Effect, Standing

Link = Callable[[str, str], str]  # from a channel and a ts to the address of that message

MOST_ROWS = 40  # of a table in a message; the CSV has all
MOST_BARS = 20  # Slack's limit
HOURS = [f"{hour}:00" for hour in range(24)]
KINDS = {
    "grant": "Credits given", "plan": "Plan credits", "withdraw": "Withdrawn", "expire": "Expired",
    "adjust": "Corrected", "charge_in": "Text in", "charge_out": "Text out", "refund": "Given back",
}  # fmt: skip


# How it stands


def status(account: Account, catalogue: Catalogue) -> Card:
    """The answer to /credits."""
    stands = account.standing
    facts = [
        ("Plan", plan_line(stands, catalogue)),
        *notices.facts(stands, account.forecast, account.now),
    ]
    buttons = [
        _button("Report", "credits_report", str(stands.account)),
        _button("History", "credits_history", f"{stands.account}:"),
    ]
    if account.may_change:
        plan = _button("Change plan" if stands.subscribed else "Choose a plan", "plan_open", "")
        buttons.insert(0, {**plan, "value": str(stands.account), "style": "primary"})
    return _card(
        f"{escape(stands.name)}: {count(stands.balance, 'credit')} left",
        [_fields(facts), {"type": "actions", "block_id": "credits", "elements": buttons}],
        _sentences(facts),
    )


def plan_line(stands: Standing, catalogue: Catalogue) -> str:
    """ "Pro: 1,000 credits a month for $40.00, renews on 1 December"."""
    terms = stands.terms
    if terms is None or stands.kind == "open":
        return "none yet"
    if stands.kind == "frozen" or stands.ends_at is None:
        return f"{escape(terms.name)}, ended on {_day(stands.starts_at, stands)}; credits are kept"
    price = catalogue.money(terms.price_cents)
    on = _day(stands.ends_at, stands)
    then = {"renew": f"renews on {on}", "hold": f"on hold from {on}", "cancel": f"ends on {on}"}
    what = f"{escape(terms.name)}: {count(terms.credits, 'credit')} a month for {price}"
    if stands.kind == "hold":
        held = {"renew": f"until {on}", "hold": "until you resume", "cancel": f"ends on {on}"}
        return f"{what}, on hold {held[terms.then]}"
    return f"{what}, {then[terms.then]}"


def history(account_id: int, zone: str, entries: list[Past]) -> Card:
    """The answer to /credits history: each entry with its cause, newest first."""
    if not entries:
        return _card("Nothing has happened to your credits yet.", [], "")
    header = ["When", "What", "Credits", "Balance", "Cause"]
    rows = [
        [
            f"{entry.made_at.astimezone(ZoneInfo(zone)):%d %b %H:%M}", KINDS[entry.kind],
            f"{entry.amount:+,}", f"{entry.balance:,}", _cause(entry),
        ]
        for entry in entries
    ]  # fmt: skip
    blocks: Blocks = [_table([header, *rows])]
    if entries[-1].number > 1:
        older = _button("Older", "credits_history", f"{account_id}:{entries[-1].number}")
        blocks.append({"type": "actions", "block_id": "history", "elements": [older]})
    said = "; ".join(f"{row[0]}: {row[1]} {row[2]}, {row[3]} left" for row in rows)
    return _card(
        f"Your last {count(len(rows), 'entry').replace('entrys', 'entries')}", blocks, said
    )


def _cause(entry: Past) -> str:
    who = "" if entry.actor in ("twilio", "partyline") else f" by {entry.actor}"
    about = f" (text {entry.message})" if entry.message else ""
    return f"{entry.reason}{about}{who}"


# The plans


def plan_view(account: Account, effects: list[Effect], catalogue: Catalogue) -> dict[str, Any]:
    """The modal that lists the plans, and what each would do now and at the renewal."""
    stands = account.standing
    blocks: Blocks = [
        _mrkdwn(f"*{escape(stands.name)}*\n{plan_line(stands, catalogue)}"),
        _fields(list(notices.facts(stands, account.forecast, account.now))[:2]),
        {"type": "divider"},
    ]
    for effect in effects:
        plan = effect.plan
        head = f"*{escape(plan.name)}* · {count(plan.credits, 'credit')} a month"
        head += f" · {catalogue.money(plan.price_cents)}"
        section = _mrkdwn(f"{head}\n{does(effect, stands, catalogue)}")
        section["block_id"] = f"plan_{plan.code}"
        if held(effect, stands):
            section["text"]["text"] = f"{head} · *your plan*"
        else:
            section["accessory"] = _button("Choose", "plan_choose", plan.code)
        blocks.append(section)
    if stands.subscribed and stands.terms:
        then = stands.terms.then
        offered = [_button("Cancel the plan", "plan_cancel", "cancel")] if then != "cancel" else []
        if stands.kind == "plan" and then != "hold":
            offered.insert(0, _button("Put on hold", "plan_hold", "hold"))
        if then == "cancel" or then == "hold":
            back = "Withdraw the cancellation" if then == "cancel" else "Resume the plan"
            offered.insert(0, _button(back, "plan_resume", "resume"))
        blocks += [
            {"type": "divider"},
            {"type": "actions", "block_id": "then", "elements": offered},
        ]
    return _modal("plan", "Your plan", blocks, {"account": stands.account}, close="Close")


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
    on = _day(effect.renews_at, stands)
    then = f"On {on}: {count(effect.at_renewal, 'credit')} added, what is left rolls over."
    if not effect.at_renewal:
        ends = stands.terms is not None and stands.terms.then == "cancel"
        then = f"On {on}: {'the plan ends' if ends else 'the hold begins'}, as you chose."
    bill = f"Until {on} you are invoiced {catalogue.money(effect.bill_cents)}"
    if effect.bill_cents > effect.plan.price_cents:
        bill += ", for the dearest plan of the period"
    return f"{now}\n{then}\n{bill}."


def confirm_view(
    effect: Effect, stands: Standing, catalogue: Catalogue, key: str, changed: bool = False
) -> dict[str, Any]:
    """The modal in which a plan is confirmed, at the numbers that it shows."""
    plan = effect.plan
    verb = "Choose"
    if stands.subscribed and stands.terms:
        verb = "Upgrade to" if plan.credits > stands.terms.credits else "Change to"
        verb = "Downgrade to" if plan.credits < stands.terms.credits else verb
    price = f"{count(plan.credits, 'credit')} a month for {catalogue.money(plan.price_cents)}"
    blocks = [
        _mrkdwn(f"*{verb} {escape(plan.name)}*: {price}\n{does(effect, stands, catalogue)}"),
        {"type": "actions", "block_id": "back", "elements": [
            _button("All plans", "plan_list", str(stands.account))]},
    ]  # fmt: skip
    if changed:
        blocks.insert(0, _mrkdwn(
            ":warning: The numbers have changed since they were shown. Please look again."
        ))  # fmt: skip
    about = {"account": stands.account, "key": key, "shown": billing.as_json(effect)}
    submit = verb.split()[0]
    return _modal("plan_chosen", "Confirm", blocks, about, submit=submit, close="Not now")


def then_view(account: Account, what: str, catalogue: Catalogue, key: str) -> dict[str, Any]:
    """The modal in which a hold, a cancellation or a withdrawal is confirmed."""
    stands = account.standing
    on = _day(stands.ends_at, stands) if stands.ends_at and stands.terms else ""
    hold_price = catalogue.money(stands.terms.hold_price_cents if stands.terms else 0)
    credits = count(stands.terms.credits if stands.terms else 0, "credit")
    title, says, submit = {
        "hold": (
            "Put the plan on hold",
            f"Until {on} nothing changes. From then on: no new credits, {hold_price} a month; "
            "your balance stays usable and your number stays.",
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
            "Go on with the plan",
            f"On {on} the plan renews: {credits} added, what is left rolls over."
            if stands.kind == "plan" or (stands.terms and stands.terms.then == "hold")
            else f"The plan stays on hold after {on}.",
            "Go on",
        ),
    }[what]
    about = {"account": stands.account, "key": key, "what": what}
    blocks = [
        _mrkdwn(f"*{title}*\n{says}"),
        {"type": "actions", "block_id": "back", "elements": [
            _button("All plans", "plan_list", str(stands.account))]},
    ]  # fmt: skip
    return _modal("plan_then", "Confirm", blocks, about, submit=submit, close="Not now")


def done_view(account: Account, catalogue: Catalogue) -> dict[str, Any]:
    """What a confirmed change left behind."""
    stands = account.standing
    blocks = [
        _mrkdwn(f":white_check_mark: *Done.* {plan_line(stands, catalogue)}"),
        _fields(list(notices.facts(stands, account.forecast, account.now))[:2]),
    ]
    return _modal("plan_done", "Your plan", blocks, {"account": stands.account}, close="Close")


# Reports


def report(made: Report, *, chart: bool, people: Mapping[str, str]) -> Card:
    """A usage report: a table, and a chart where Slack draws one."""
    named = [
        [_label(made, row.label, people), *map(_number, usage.cells(row))] for row in made.rows
    ]
    shown, more = named[:MOST_ROWS], len(named) - MOST_ROWS
    total = ["Total", *map(_number, usage.cells(made.total))]
    blocks: Blocks = [_table([[made.by.capitalize(), *usage.COLUMNS], *shown, total])]
    if chart and (drawn := _chart(made, people)):
        blocks.insert(0, drawn)
    if more > 0:
        blocks.append(_context(f"and {more:,} more: the CSV file has them all"))
    sums = made.total
    said = (
        f"{sums.texts_in:,} texts in and {sums.texts_out:,} out: "
        f"{count(sums.credits_in + sums.credits_out, 'credit')} charged, {sums.refunded:,} given "
        f"back, {sums.credits:,} in all."
    )
    most = [f"{row[0]}: {row[-1]}" for row in named[:5]] if made.by != "day" else []
    return _card(made.title, [_mrkdwn(said), *blocks], " ".join([said, ", ".join(most)]))


def _label(made: Report, label: str, people: Mapping[str, str]) -> str:
    if made.by == "member":
        return people.get(label, label)
    if made.by == "day":
        day = datetime.fromisoformat(label)
        return f"{day:%a} {day.day} {day:%b}"
    return label


def _chart(made: Report, people: Mapping[str, str]) -> dict[str, Any] | None:
    """Slack's own bar chart. Its labels are short, and each stands once."""
    bars = usage.bars(made, MOST_BARS)
    if not any(in_ or out for _, in_, out in bars):
        return None
    labels: list[str] = []
    for label, _, _ in bars:
        short = people.get(label, label)[:20]
        while short in labels:
            short = f"{short[:17]} {len(labels) + 1}"[:20]
        labels.append(short)
    series = [
        {"name": name, "data": [
            {"label": label, "value": bar[place]} for label, bar in zip(labels, bars, strict=True)
        ]}
        for place, name in ((1, "Texts in"), (2, "Texts out"))
    ]  # fmt: skip
    axes = {"categories": labels, "y_label": "Credits"}
    return {
        "type": "data_visualization",
        "title": made.title[:50],
        "chart": {"type": "bar", "series": series, "axis_config": axes},
    }


# What comes by itself


def notice(told: Mapping[str, Any]) -> Card:
    """A threshold that was crossed, or credits that will expire."""
    plan = {**_button("Change plan", "plan_open", str(told["account"])), "style": "primary"}
    facts = [(label, says) for label, says in told["facts"]]
    return _card(
        f":warning: {escape(told['name'])}: {told['title']}",
        [
            _fields(facts),
            _mrkdwn(told["advice"]),
            {"type": "actions", "block_id": "notice", "elements": [plan]},
        ],
        f"{_sentences(facts)} {told['advice']}",
    )


def digest(told: Mapping[str, Any], link: Link) -> Card:
    """The daily digest: what was, who waits, what failed; its hour can be set from it."""
    facts = [(label, says) for label, says in told["facts"]]
    blocks: Blocks = [_fields(facts)]
    said = [_sentences(facts)]
    for title, rows, more in (
        (
            "Waiting for an answer, longest first",
            [f"{_linked(w, link)} since {_when(w['since'])}" for w in told["waiting"]],
            told["waiting_more"],
        ),
        (
            "Did not arrive",
            [f"{_linked(f, link)}: {escape(f['why'][:200])}" for f in told["failures"]],
            told["failures_more"],
        ),
    ):
        if rows:
            listed = [*rows, *([f"and {more:,} more"] if more else [])]
            blocks.append(_mrkdwn(f"*{title}*\n" + "\n".join(f"• {row}" for row in listed)))
            said.append(f"{title}: {'; '.join(listed)}.")
    account = str(told["account"])
    hours = [{"text": _plain(hour), "value": f"{account}:{at}"} for at, hour in enumerate(HOURS)]
    blocks.append({"type": "actions", "block_id": "digest", "elements": [
        {"type": "static_select", "action_id": "digest_hour", "options": hours,
         "initial_option": hours[told["hour"]], "placeholder": _plain("Hour")},
        _button("Mute", "digest_mute", account),
    ]})  # fmt: skip
    return _card(f"{escape(told['name'])}: {told['day']}", blocks, " ".join(said))


# Parts


def _card(title: str, blocks: Blocks, said: str) -> Card:
    return {"text": f"{title}. {said}".strip(), "blocks": [_mrkdwn(f"*{title}*"), *blocks]}


def _modal(
    callback_id: str, title: str, blocks: Blocks, about: dict[str, Any], *, close: str,
    submit: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    view: dict[str, Any] = {
        "type": "modal", "callback_id": callback_id, "title": _plain(title), "blocks": blocks,
        "private_metadata": json.dumps(about), "close": _plain(close),
    }  # fmt: skip
    return view | ({"submit": _plain(submit)} if submit else {})


def _fields(facts: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "type": "section",
        "fields": [{"type": "mrkdwn", "text": f"*{label}*\n{says}"} for label, says in facts],
    }


def _sentences(facts: list[tuple[str, str]]) -> str:
    return " ".join(f"{label}: {says}." for label, says in facts)


def _table(rows: list[list[str]]) -> dict[str, Any]:
    return {
        "type": "table",
        "rows": [[{"type": "raw_text", "text": cell or "–"} for cell in row] for row in rows],
    }


def _linked(row: Mapping[str, Any], link: Link) -> str:
    who = escape(row["who"])
    return f"<{link(row['channel'], row['thread_ts'])}|{who}>" if row["thread_ts"] else who


def _when(since: float) -> str:
    fallback = datetime.fromtimestamp(since, ZoneInfo("UTC")).strftime("%d %b %H:%M UTC")
    return f"<!date^{int(since)}^{{date_short_pretty}} {{time}}|{fallback}>"


def _day(moment: datetime, stands: Standing) -> str:
    return day_words(moment.astimezone(ZoneInfo(stands.timezone)).date())


def _number(value: int) -> str:
    return f"{value:,}"


def _button(label: str, action_id: str, value: str) -> dict[str, Any]:
    return {"type": "button", "action_id": action_id, "text": _plain(label), "value": value}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _context(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}
