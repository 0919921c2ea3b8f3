"""What people see in Slack, as plain dicts: pure functions from rows to blocks.

Each returns `{"text": …, "blocks": […]}`; `text` alone carries the whole meaning, because it is
what a screen reader and a notification read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from bot.contacts import contacts, numbers
from bot.contacts.contacts import Recipient
from bot.texts import offers
from bot.texts.kinds import size_words
from bot.texts.models import Draft
from bot.texts.offers import Quoted
from bot.texts.sending import Sent
from bot.words import as_told, clock_words, count, day_words, escape, short, when
from ledger.rates import PACK_BYTES, PACK_FILES, Quote
from ledger.savings import Saving

Blocks = list[dict[str, Any]]
Card = dict[str, Any]

SECTION = 3000  # characters a section holds
LONGEST_INPUT = 3000  # characters an input of a modal holds
LONGEST_OPTION = 75  # characters of one choice of a menu
TOO_LONG_TO_EDIT = (
    f"Slack's form holds {LONGEST_INPUT:,} characters and this text has more. "
    "Cancel it, and start again with `/text`."
)
CHECKED_AGAIN = (
    "Just before it goes out, price, balance and opt-out are checked again. If the price has "
    "changed, or they have written meanwhile, you are asked first."
)


# A text before it is sent


def offer(draft: Quoted) -> Card:
    """The card of a quoted draft: what arrives, what it costs, what would cost less."""
    to = to_whom(draft.recipient, draft.number)
    costs = price_line(draft.quote)
    left = f"{draft.left_after:,} left after" if draft.covered else f"{draft.funds.balance:,} left"
    notes = [f":warning: {note}" for note in _notes(draft)]
    files = [f":paperclip: {escape(file['name'])}" for file in draft.media]
    added = _added(draft.words)
    said = " · ".join(part for part in (escape(draft.body), *files, *added) if part)
    reply = f"{draft.by}'s reply, not sent yet" if draft.in_thread else ""
    return {
        "text": "\n".join(
            [f"{reply}. To {to}: {said}".removeprefix(". "), f"{costs} · {left}", *notes]
        ),
        "blocks": [
            mrkdwn(f"*To {to}*" + (f"\n{reply}" if reply else "")),
            *words(draft.body),
            *([context(" · ".join([*files, *added]))] if files or added else []),
            context(f"{costs} · {left}"),
            *(mrkdwn(note) for note in notes),
            {"type": "actions", "elements": _buttons(draft)},
        ],
    }


def _added(words: str) -> list[str]:
    """What a first text carries, in words (R21)."""
    return [f"{escape(words)} (added to a first text, free)"] if words else []


def _notes(draft: Quoted) -> Iterable[str]:
    if draft.asked:
        yield draft.asked
    yield from draft.warnings
    if not draft.covered:
        yield offers.shortage(draft.quote.credits, draft.funds)


def _buttons(draft: Quoted) -> Blocks:
    key = f"{draft.draft_id}:{draft.version}"
    made = []
    if draft.covered:
        made.append({**button("Send", "draft_send", key), "style": "primary"})
    else:
        made.append(button("Check again", "draft_again", key))
    if draft.send_at:
        at = f"{key}:{int(draft.send_at.timestamp())}"
        moment = draft.send_at
        label = f"Send at {clock_words(moment)}"
        if draft.was_scheduled:
            label = f"Send on {day_words(moment.date())}, {clock_words(moment)}"
        made.append(button(label, "draft_at", at))
    for saving in draft.savings:
        made.append(button(saving_words(saving), f"draft_save_{saving.kind}", key))
    if not draft.in_thread:  # there it is edited as it was written
        made.append(button("Edit", "draft_edit", key))
    made.append(button("Later…", "draft_later", key))
    made.append(button("Cancel", "draft_cancel", key))
    return made


def scheduled(draft: Draft, recipient: str) -> Card:
    """A text that waits for its time."""
    key = f"{draft.id}:{draft.version}"
    line = f"To *{escape(recipient)}* {when(draft.send_at)} · {count(draft.credits, 'credit')}"
    added = _added(draft.words)
    said = " · ".join([escape(draft.body) or count(len(draft.media), "attachment"), *added])
    buttons = [button("Send now", "draft_send", key)]
    if not draft.source_ts:
        buttons.append(button("Edit", "later_edit", key))
    buttons += [
        button("Other time…", "draft_later", key), button("Cancel", "draft_cancel", key),
    ]  # fmt: skip
    return {
        "text": f"{line.replace('*', '')}: {said}",
        "blocks": [
            mrkdwn(f":clock3: {line}"), *words(draft.body),
            *map(context, added),
            {"type": "actions", "elements": buttons},
        ],
    }  # fmt: skip


def saving_words(saving: Saving) -> str:
    """ "Replace 2 curly quotes: 1 credit instead of 2"."""
    price = f"{count(saving.credits, 'credit')} instead of {saving.instead_of:,}"
    if saving.kind == "mms":
        return f"One picture message: {price}"
    thing = "curly quote" if saving.only_quotes else "special character"
    return f"Replace {count(saving.replaced, thing)}: {price}"


def price_line(quote: Quote) -> str:
    """ "SMS · 2 × 160 characters · 2 credits": kind, messages by what one holds, price."""
    why = " · emoji or special characters" if quote.encoding == "UCS-2" else ""
    size = f"{quote.messages} × {quote.size:,} characters"
    needed = max(1, -(-quote.characters // quote.size))
    if quote.kind == "mms" and quote.messages > needed:  # it is the files that fill them
        size = f"{quote.messages} × {size_words(PACK_BYTES)} or {PACK_FILES} files"
    return f"{quote.kind.upper()} · {size}{why} · {count(quote.credits, 'credit')}"


def price(recipient: Recipient | None, body: str, quote: Quote) -> Card:
    """The answer to /quote, to somebody or to any number of the line's own country."""
    to = f" to {to_whom(recipient.name, recipient.number)}" if recipient else ""
    line = f"{price_line(quote)}{to}"
    return {
        "text": f"{line}: {escape(body)}",
        "blocks": [*words(body), context(f"{line}. Nothing was sent: `/text` sends.")],
    }


def sent(outcome: Sent) -> Card:
    """What replaces the card when Send was pressed."""
    return note(
        f"On its way to {escape(outcome.recipient)}: {count(outcome.credits, 'credit')}, "
        f"{outcome.balance:,} left. Follow it in the thread."
    )


def timed(at: datetime) -> Card:
    """What replaces the card when the text was scheduled."""
    return note(
        f":clock3: It goes out {when(at)}, checked again just before. "
        "`/text later` lists, changes and cancels what is scheduled."
    )


def note(said: Exception | str) -> Card:
    """A sentence of Partyline's own, in Slack's mark-up, or a refusal."""
    text = told(said)
    return {"text": text, "blocks": [mrkdwn(text)]}


def asks_help(typed: str) -> bool:
    """Whether what was typed behind a command asks what may stand there."""
    return typed.lower() in ("help", "?", "-h", "--help")


def help_for(command: str, word: str, lines: str) -> Card:
    """What may stand behind a command, and that a word which was typed there may not."""
    if asks_help(word):
        return note(lines)
    return note(
        f"“{escape(short(word, 40))}” is nothing that `{command}` knows. It knows:\n{lines}"
    )


def told(said: Exception | str) -> str:
    """Slack's mark-up of what is said: a refusal may hold somebody's words, shown as they are."""
    return as_told(str(said)) if isinstance(said, Exception) else said


def edit_view(draft_id: str, body: str, card_url: str | None) -> dict[str, Any]:
    """The modal in which a draft's text is edited."""
    return modal(
        "draft_edited",
        "Edit the text",
        [
            {
                "type": "input",
                "block_id": "body",
                "label": plain("What they will read"),
                "element": {
                    "type": "plain_text_input",
                    "action_id": "body",
                    "multiline": True,
                    "max_length": LONGEST_INPUT,
                    "initial_value": body,
                },
            }
        ],
        {"draft": draft_id, "card_url": card_url},
        submit="Show the price",
    )


# Parts of cards


def to_whom(name: str, number: str) -> str:
    """ "Ann Lee · (415) 555-0123", in Slack's mark-up."""
    return escape(contacts.with_number(name, number))


def number_beside(name: str, number: str) -> str:
    """The number, unless the name says it already."""
    spoken = numbers.spoken(number)
    return "" if spoken == name else spoken


def words(body: str) -> Blocks:
    """Somebody's words, exactly: plain text, in which nothing pings, links or formats."""
    return [
        {
            "type": "section",
            "text": {"type": "plain_text", "text": body[at : at + SECTION], "emoji": False},
        }
        for at in range(0, len(body), SECTION)
    ]


def modal(
    callback_id: str, title: str, blocks: Blocks, about: Any = "", *, submit: str = "",
    close: str = "",
) -> dict[str, Any]:  # fmt: skip
    """A modal of these blocks, which keeps what it is `about`; without `submit` it only shows. It
    is left by `close`: "Back" where one below it shows again."""
    kept = about if isinstance(about, str) else _kept(about)
    close = close or ("Cancel" if submit else "Close")
    sends = {"submit": plain(submit)} if submit else {}
    return {
        "type": "modal", "callback_id": callback_id, "title": plain(title), **sends,
        "close": plain(close), "private_metadata": kept, "blocks": blocks,
    }  # fmt: skip


def _kept(about: Any) -> str:
    """As short as it can be: Slack keeps 3,000 characters."""
    return json.dumps(about, separators=(",", ":"), ensure_ascii=False)


def button(label: str, action_id: str, value: str) -> dict[str, Any]:
    """A button."""
    return {"type": "button", "action_id": action_id, "text": plain(label), "value": value}


def option(label: str, value: str) -> dict[str, Any]:
    """One choice of a menu; a label that is too long for Slack is cut."""
    return {"text": plain(short(label, LONGEST_OPTION)), "value": value}


def plain(text: str) -> dict[str, Any]:
    """Words in which nothing pings, links or formats."""
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> dict[str, Any]:
    """A section in Slack's mark-up."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def listed(rows: Iterable[str]) -> Blocks:
    """Rows in Slack's mark-up, one under another, in as few sections as hold them."""
    held = [""]
    for row in rows:
        if held[-1] and len(held[-1]) + 1 + len(row) > SECTION:
            held.append("")
        held[-1] += ("\n" if held[-1] else "") + row
    return [mrkdwn(text) for text in held if text]


def context(text: str) -> dict[str, Any]:
    """Small print in Slack's mark-up."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}
