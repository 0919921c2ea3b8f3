"""An import and an export as they are seen in Slack: the card that follows it, and its modals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.contacts import columns, imports
from bot.contacts.models import Sheet, SheetRow
from bot.slack import cards
from bot.slack.cards import Card, button, context, mrkdwn, option, plain
from bot.words import count, escape

SHOWN, SAMPLED = 8, 3  # rows that the card itself tells of: to look at, and new ones
MOST_OPTIONS = 99
NONE = "none"
HINTS = {
    "other": "Read where the first is empty.",
    "name": "Read where first and last name are empty.",
    "consent": "Yes or no; anything else has its row refused.",
    "opted_out": "Whatever stands here but “no” means that they want no texts.",
}  # fmt: skip
#: What came of rows, in the order in which it is told, before and after they are taken over.
WILL = {
    "new": "New contacts", "more": "Adding to contacts you have", "again": "Repeating a row above",
    "same": "Nothing new", "error": "Cannot be imported",
}  # fmt: skip
DID = {
    "new": "New contacts", "more": "Added to contacts you had", "same": "Nothing new",
    "error": "Not imported",
}  # fmt: skip


def sheet(one: Sheet, few: Sequence[SheetRow], first: Sequence[Sequence[str]] = ()) -> Card:
    """How far an import is; `few` are the first of the rows that need a look, and `first` of those
    that would be new: what each becomes."""
    key = f"{one.id}:{one.version}"
    name = escape(one.name)
    looked = imports.looked(one)
    lines, buttons = [], [button("Cancel", "sheet_stop", key)]
    match one.state:
        case "reading":
            lines = [f"Reading *{name}*… Nothing is imported before you say so."]
        case "checking":
            lines = [f"Checking *{name}*: {_share(looked, one.length)}. Nothing is imported yet."]
        case "ready" if "number" not in one.places and "other" not in one.places:
            lines = [f"*{name}*: {count(one.length, 'row')}. Which column holds the number?"]
            buttons.insert(0, _columns(key, primary=True))
        case "ready":
            lines = [f"*{name}*: {count(one.length, 'row')}, checked. Nothing is imported yet."]
            lines += [_counted(one, WILL), _plans(one), _read_by(one), _sample(first)]
            buttons.insert(0, _columns(key))
            if gain := _gain(one):
                go = button(f"Import {count(gain, 'row')}", "sheet_import", key)
                buttons.insert(0, {**go, "style": "primary"})
            else:
                lines.append("There is nothing to import: your contacts know all of it already.")
        case "importing":
            lines = [f"Importing *{name}*: {_share(looked, one.length)}."]
            buttons = [button("Stop here", "sheet_stop", key)]
        case "done":
            lines, buttons = [f"*{name}* is imported.", _counted(one, DID)], []
        case "stopped":
            did = _counted(one, DID) or "Nothing was imported."
            lines, buttons = [f"The import of *{name}* was stopped.", did], []
        case "failed":
            lines, buttons = [f":warning: *{name}* was not imported. {escape(one.why or '')}"], []
    problems = _problems(few) if one.state in ("ready", "done") else []
    said = [line for line in lines if line]
    return {
        "text": "\n".join([*said, *problems]).replace("*", ""),
        "blocks": [
            *(mrkdwn(line) for line in said),
            *([context("\n".join(problems))] if problems else []),
            *([{"type": "actions", "block_id": f"sheet:{key}", "elements": buttons}]
              if buttons else []),
        ],
    }  # fmt: skip


def _share(done: int, of: int) -> str:
    return f"{done:,} of {count(of, 'row')}" + (f" ({100 * done // of}%)" if of else "")


def _gain(one: Sheet) -> int:
    return sum(one.counts.get(what, 0) for what in ("new", "more", "again"))


def _counted(one: Sheet, words: dict[str, str]) -> str:
    return " · ".join(
        f"{said}: *{one.counts[what]:,}*" for what, said in words.items() if one.counts.get(what)
    )


def _plans(one: Sheet) -> str:
    plans = one.counts.get("plans")
    if not plans:
        return ""
    return (
        f":warning: By their tags, {count(plans, 'contact')} would be put on SmartPlans, which "
        "write to them by themselves and cost credits."
    )


def _sample(first: Sequence[Sequence[str]]) -> str:
    said = [escape(" · ".join(part for part in parts if part))[:300] for parts in first]
    return "\n".join(["The first of them:", *(f"• {line}" for line in said)]) if said else ""


def _read_by(one: Sheet) -> str:
    """Which column is read as what, and which are not."""
    names = {field: f"“{escape(one.header[place])}”" for field, place in one.places.items()
             if place < len(one.header)}  # fmt: skip
    said = []
    number = [names[field] for field in ("number", "other") if field in names]
    said.append(f"Number from {', else '.join(number)}")
    parts = [names[field] for field in ("first", "last") if field in names]
    name = [
        *([" and ".join(parts)] if parts else []),
        *([names["name"]] if "name" in names else []),
    ]
    if name:
        said.append(f"name from {', else '.join(name)}")
    for field in ("email", "tags", "notes", "timezone", "consent", "opted_out"):
        if field in names:
            said.append(f"{columns.FIELDS[field].lower()} from {names[field]}")
    left = [f"“{escape(name)}”" for place, name in enumerate(one.header)
            if place not in one.places.values()]  # fmt: skip
    more = f" Not read: {', '.join(left[:12])}{' …' if len(left) > 12 else ''}." if left else ""
    agreed = (
        ""
        if {"consent", "opted_out"} & set(names)
        else (" No column says who agreed to be texted: text only those who did.")
    )
    return f"{'; '.join(said)}.{more}{agreed}"[: cards.SECTION]


def _problems(few: Sequence[SheetRow]) -> list[str]:
    said = [f"Line {row.line:,}: {escape((row.why or '')[:200])}" for row in few]
    return [*said, "… the file has them all."] if len(few) == SHOWN else said


def _columns(key: str, primary: bool = False) -> dict[str, Any]:
    made = button("Columns…", "sheet_columns", key)
    return made | ({"style": "primary"} if primary else {})


def export(length: int) -> Card:
    """The post that an export's file is tied to."""
    return cards.note(
        f"Your {count(length, 'contact')}, as a CSV file. It holds people's numbers and what they "
        "told you: keep it where only your team can read it."
    )


# Modals


def give_view(account: int) -> dict[str, Any]:
    """The modal that takes a file."""
    return cards.modal("sheet_given", "Import contacts", [
        {"type": "input", "block_id": "file", "label": plain("CSV file"),
         "hint": plain(
             "From your CRM, phone or spreadsheet. Any usual header is understood; you see "
             "what it will do before anything is imported."
         ),
         "element": {"type": "file_input", "action_id": "file", "max_files": 1,
                     "filetypes": ["csv", "tsv", "txt"]}},
        context(
            "A number that is there already is completed, never overwritten. "
            "Import a file twice, and the second time changes nothing."
        ),
    ], str(account), submit="Show a preview")  # fmt: skip


def given_view(name: str) -> dict[str, Any]:
    """What the modal turns into."""
    return cards.modal("sheet_reading", "Import contacts", [mrkdwn(
        f"Reading *{escape(name)}*. Partyline sends you a message that shows what it would do; "
        "nothing is imported before you confirm there."
    )])  # fmt: skip


def columns_view(one: Sheet, sample: Sequence[Sequence[str]]) -> dict[str, Any]:
    """The modal that says which column is what; each is shown with what stands in it first."""
    none = option("None", NONE)
    choices = [none, *(
        option(_column(name, place, sample), str(place))
        for place, name in enumerate(one.header[:MOST_OPTIONS])
    )]  # fmt: skip
    return cards.modal("sheet_columns_chosen", "Columns", [
        mrkdwn(f"Which column of *{escape(one.name)}* is what?"),
        *({"type": "input", "block_id": field, "label": plain(label),
           **({"hint": plain(HINTS[field])} if field in HINTS else {}),
           "element": {"type": "static_select", "action_id": field, "options": choices,
                       "initial_option": _chosen(choices, one.places.get(field))}}
          for field, label in columns.FIELDS.items()),
    ], {"sheet": one.id}, submit="Check again")  # fmt: skip


def _chosen(choices: list[dict[str, Any]], place: int | None) -> dict[str, Any]:
    return next((one for one in choices if one["value"] == str(place)), choices[0])


def _column(name: str, place: int, sample: Sequence[Sequence[str]]) -> str:
    first = next((row[place] for row in sample if place < len(row) and row[place]), "")
    return f"{name[:40]}: {first}" if first else name
