"""What people see of their credits in Slack: how they stand, history, reports, notices, the digest.

As in cards.py: pure functions to `{"text": …, "blocks": […]}`, whose `text` carries all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.credits import notices, usage
from bot.credits.billing import Account
from bot.credits.usage import Report
from bot.slack.cards import Blocks, Card, button, context, mrkdwn, option, plain, when
from bot.words import count, day_words, escape, hour_words, moment_words, short_day_words
from ledger.plans import Catalogue
from ledger.reports import Past
from ledger.standing import Standing

Link = Callable[[str, str], str]  # from a channel and a ts to the address of that message

MOST_ROWS = 40  # of a table in a message; the CSV has all
LONGEST_LABEL, LONGEST_CAUSE = 60, 200  # characters in a cell: Slack counts a table's all together
LISTED = 5  # rows in one section
MOST_BARS = 20  # Slack's limit
HOURS = [hour_words(hour) for hour in range(24)]
KINDS = {
    "grant": "Credits given", "plan": "Plan credits", "withdraw": "Withdrawn", "expire": "Expired",
    "adjust": "Corrected", "charge_in": "Text in", "charge_out": "Text out",
    "charge_call": "Call", "refund": "Given back",
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
        button("Report", "credits_report", str(stands.account)),
        button("History", "credits_history", f"{stands.account}:"),
    ]
    if account.may_change:
        plan = button("Change plan" if stands.subscribed else "Choose a plan", "plan_open", "")
        buttons.insert(0, {**plan, "value": str(stands.account), "style": "primary"})
    return _card(
        f"{escape(stands.name)}: {notices.left(stands.balance)}{' left' * (stands.balance >= 0)}",
        [fields(facts), {"type": "actions", "block_id": "credits", "elements": buttons}],
        _sentences(facts),
    )


def plan_line(stands: Standing, catalogue: Catalogue) -> str:
    """ "Pro: 1,000 credits a month for $40.00, renews on December 1"."""
    terms = stands.terms
    if terms is None or stands.kind == "open":
        return "no plan yet"
    if stands.kind == "frozen" or stands.ends_at is None:
        return (
            f"{escape(terms.name)}, ended on {day_of(stands.starts_at, stands)}; credits are kept"
        )
    price = catalogue.money(terms.price_cents)
    on = day_of(stands.ends_at, stands)
    then = {"renew": f"renews on {on}", "hold": f"on hold from {on}", "cancel": f"ends on {on}"}
    what = f"{escape(terms.name)}: {count(terms.credits, 'credit')} a month for {price}"
    if stands.kind == "hold":
        held = {"renew": f"until {on}", "hold": "until you resume", "cancel": f"ends on {on}"}
        return f"{what}, on hold {held[terms.then]}"
    return f"{what}, {then[terms.then]}"


def history(account_id: int, zone: str, entries: list[Past], names: Mapping[int, str]) -> Card:
    """The answer to /credits history: each entry with its cause, newest first. `names` are those
    of the contacts whose texts and calls they are for, by the entries' numbers."""
    if not entries:
        return _card("Nothing has happened to your credits yet.", [], "")
    header = ["When", "What", "Credits", "Balance", "Cause"]
    rows = [
        [
            moment_words(entry.made_at.astimezone(ZoneInfo(zone))), KINDS[entry.kind],
            f"{entry.amount:+,}", f"{entry.balance:,}",
        ]
        for entry in entries
    ]  # fmt: skip
    causes = [_cause(entry, names) for entry in entries]
    table = _table([header, *rows], figures=range(2, 4))
    table["column_settings"].append({"is_wrapped": True})
    for cells, cause, entry in zip(table["rows"][1:], causes, entries, strict=True):
        cells.append(_signed(cause, entry.actor))
    blocks: Blocks = [table]
    if entries[-1].number > 1:
        older = button("Older", "credits_history", f"{account_id}:{entries[-1].number}")
        blocks.append({"type": "actions", "block_id": "history", "elements": [older]})
    said = "; ".join(
        f"{row[0]}: {row[1]} {row[2]}, {row[3]} left, {escape(cause)}{_by(entry.actor)}"
        for row, cause, entry in zip(rows, causes, entries, strict=True)
    )
    return _card("What happened to your credits, newest first", blocks, said)


def _cause(entry: Past, names: Mapping[int, str]) -> str:
    who = names.get(entry.number, "")[:LONGEST_LABEL]
    if entry.kind == "charge_call":
        return f"{entry.reason}{f', from {who}' if who else ''}"
    if entry.kind == "charge_in" and who:
        return f"from {who}"
    if entry.kind == "charge_out" and who:
        return f"to {who}"
    return f"{f'text to {who}: ' if who else ''}{entry.reason[:LONGEST_CAUSE]}"


def _signed(cause: str, actor: str) -> dict[str, Any]:
    """A cell with a cause, and whoever is behind it as Slack calls them."""
    if not _is_person(actor):
        return {"type": "raw_text", "text": f"{cause}{_by(actor)}"}
    parts = [{"type": "text", "text": f"{cause} by "}, {"type": "user", "user_id": actor}]
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": parts}]}


def _by(actor: str) -> str:
    if _is_person(actor):
        return f" by <@{actor}>"
    return "" if actor in ("twilio", "partyline") else f" by {escape(actor)}"


def _is_person(actor: str) -> bool:
    return actor[:1] in ("U", "W") and actor.isupper()


# Reports


def report(made: Report, *, chart: bool, people: Mapping[str, str]) -> Card:
    """A usage report: a table, and a chart where Slack draws one."""
    named = [
        [_label(made, row.label, people), *map(_figure, made.cells(row)), *made.beside_of(row)]
        for row in made.rows
    ]
    shown, more = named[:MOST_ROWS], len(named) - MOST_ROWS
    total = ["Total", *map(_figure, made.cells(made.total)), *made.beside_of(made.total)]
    table = _table([[made.heading, *made.columns], *shown], figures=range(1, len(total)))
    table["rows"].append([_bold(cell or "–") for cell in total])
    blocks: Blocks = [table]
    if chart and (drawn := _chart(made, people)):
        blocks.insert(0, drawn)
    if more > 0:
        blocks.append(context(f"and {more:,} more: the CSV file has them all"))
    sums = made.total
    calls = f", {count(sums.calls, 'call')} forwarded" if sums.calls else ""
    said = (
        f"{sums.texts_in:,} texts in and {sums.texts_out:,} out{calls}: "
        f"{count(sums.charged, 'credit')} charged, {sums.refunded:,} given back, "
        f"{sums.credits:,} in all."
    )
    if made.expiring:
        said += f" {count(made.expiring, 'credit')} will expire by the end of this period."
    last = len(made.figures)
    most = [f"{escape(row[0])}: {row[last]}" for row in named[:5]] if made.by != "day" else []
    return _card(made.title, [mrkdwn(said), *blocks], " ".join([said, ", ".join(most)]))


def _label(made: Report, label: str, people: Mapping[str, str]) -> str:
    if made.by == "day":
        day = datetime.fromisoformat(label)
        return f"{day:%a}, {short_day_words(day)}"
    return people.get(label, label)[:LONGEST_LABEL]


def _chart(made: Report, people: Mapping[str, str]) -> dict[str, Any] | None:
    """Slack's own bar chart. Its labels are short, and each stands once."""
    bars = usage.bars(made, MOST_BARS)
    if not any(any(bar[1:]) for bar in bars):
        return None
    labels: list[str] = []
    for bar in bars:
        short = people.get(bar.label, bar.label)[:20]
        while short in labels:
            short = f"{short[:17]} {len(labels) + 1}"[:20]
        labels.append(short)
    series = [
        {"name": name, "data": [
            {"label": label, "value": bar[place]} for label, bar in zip(labels, bars, strict=True)
        ]}
        for name, place in usage.stacks(made).items()
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
    plan = {**button(told["button"], "plan_open", str(told["account"])), "style": "primary"}
    facts = [(label, says) for label, says in told["facts"]]
    return _card(
        f":warning: {escape(told['name'])}: {told['title']}",
        [
            fields(facts),
            mrkdwn(told["advice"]),
            {"type": "actions", "block_id": "notice", "elements": [plan]},
        ],
        f"{_sentences(facts)} {told['advice']}",
    )


def digest(told: Mapping[str, Any], link: Link) -> Card:
    """The daily digest: what was, who waits, what failed; its hour can be set from it."""
    facts = [(label, says) for label, says in told["facts"]]
    blocks: Blocks = [fields(facts)]
    said = [_sentences(facts)]
    for title, rows, more in (
        (
            "Waiting for an answer, longest first",
            [
                f"{_linked(w, link)} since {when(datetime.fromtimestamp(w['since'], UTC))}"
                for w in told["waiting"]
            ],
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
            bullets = [f"*{title}*", *(f"• {row}" for row in listed)]
            blocks += [
                mrkdwn("\n".join(bullets[at : at + LISTED]))
                for at in range(0, len(bullets), LISTED)
            ]
            said.append(f"{title}: {'; '.join(listed)}.")
    account = str(told["account"])
    hours = [option(hour, f"{account}:{at}") for at, hour in enumerate(HOURS)]
    blocks.append({"type": "actions", "block_id": "digest", "elements": [
        {"type": "static_select", "action_id": "digest_hour", "options": hours,
         "initial_option": hours[told["hour"]], "placeholder": plain("Hour")},
        button("Mute", "digest_mute", account),
    ]})  # fmt: skip
    return _card(f"{escape(told['name'])}: {told['day']}", blocks, " ".join(said))


# Parts


def _card(title: str, blocks: Blocks, said: str) -> Card:
    return {"text": f"{title}. {said}".strip(), "blocks": [mrkdwn(f"*{title}*"), *blocks]}


def fields(facts: list[tuple[str, str]]) -> dict[str, Any]:
    """Pairs of a label and what it says, in two columns."""
    return {
        "type": "section",
        "fields": [{"type": "mrkdwn", "text": f"*{label}*\n{says}"} for label, says in facts],
    }


def _sentences(facts: list[tuple[str, str]]) -> str:
    return " ".join(f"{label}: {says}." for label, says in facts)


def _table(rows: list[list[str]], figures: range) -> dict[str, Any]:
    """A table in which the columns of figures stand at the right."""
    return {
        "type": "table",
        "rows": [[{"type": "raw_text", "text": cell or "–"} for cell in row] for row in rows],
        "column_settings": [
            {"align": "right" if place in figures else "left"} for place in range(figures.stop)
        ],
    }


def _bold(text: str) -> dict[str, Any]:
    """A cell in bold."""
    part = {"type": "text", "text": text, "style": {"bold": True}}
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [part]}],
    }


def _linked(row: Mapping[str, Any], link: Link) -> str:
    who = escape(row["who"][:LONGEST_LABEL])
    return f"<{link(row['channel'], row['thread_ts'])}|{who}>" if row["thread_ts"] else who


def day_of(moment: datetime, stands: Standing) -> str:
    """The account's own date of a moment, in words."""
    return day_words(moment.astimezone(ZoneInfo(stands.timezone)).date())


def _figure(value: int) -> str:
    return f"{value:,}"
