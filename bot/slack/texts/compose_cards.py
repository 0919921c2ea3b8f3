"""The composer, as a plain dict: a form, and what it costs as it stands there.

An input keeps what somebody puts into it as long as its block_id stays the same. So a text of ours
comes in a box of a new name, and another account's recipients and templates in a menu of a new one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bot.slack import cards
from bot.slack.cards import Blocks, button, context, mrkdwn, option, plain
from bot.texts import composer
from bot.texts.composed import Gone
from bot.texts.composer import LONGEST, Look
from bot.texts.offers import Quoted, shortage
from bot.words import as_told, clock_words, count, escape
from ledger.rates import PACK_FILES

Card = dict[str, Any]


def view(look: Look) -> Card:
    """The modal."""
    about = {"line": look.line, "conversation": look.conversation, "shown": look.terms}
    return cards.modal(
        "composed",
        "Reply by text" if look.conversation else "Write a text",
        [*_whom(look), *_text(look), *_price(look), *_buttons(look), *_time(look)],
        about,
        submit=_send(look),
    )


def _whom(look: Look) -> Blocks:
    if look.conversation and look.recipient:
        to = cards.to_whom(look.recipient.name, look.recipient.number)
        return [mrkdwn(f"*To {to}*"), context(f"from {look.sender}")]
    made: Blocks = []
    if look.lines:
        options = [option(label, str(line)) for line, label in look.lines]
        here = next(one for one in options if one["value"] == str(look.line))
        made.append(_input("line", "From", {
            "type": "static_select", "action_id": "compose_line", "options": options,
            "initial_option": here,
        }))  # fmt: skip
    value, label = composer.chosen(look.recipient) if look.recipient else ("", "")
    made.append(_input(f"to:{look.account}", "To", {
        "type": "external_select", "action_id": "compose_to", "min_query_length": 1,
        "placeholder": plain("A name, or a number"),
        **({"initial_option": option(label, value)} if value else {}),
    }))  # fmt: skip
    return made


def _text(look: Look) -> Blocks:
    made: Blocks = []
    if look.templates:
        options = [option(name, str(key)) for key, name in look.templates]
        made.append(_input(f"template:{look.account}:{look.box}", "Template", {
            "type": "static_select", "action_id": "compose_template", "options": options,
            "placeholder": plain("Insert a template"),
        }, optional=True))  # fmt: skip
    made.append(_input(f"body:{look.box}", "What they will read", {
        "type": "plain_text_input", "action_id": "compose_body", "multiline": True,
        "max_length": LONGEST,
        "dispatch_action_config": {"trigger_actions_on": ["on_character_entered"]},
        **({"initial_value": look.filled} if look.filled else {}),
    }, optional=True))  # fmt: skip
    made.append({
        "type": "input", "block_id": "files", "label": plain("Pictures"), "optional": True,
        "element": {"type": "file_input", "action_id": "files", "max_files": PACK_FILES},
    })  # fmt: skip
    return made


def _input(
    block_id: str, label: str, element: dict[str, Any], optional: bool = False
) -> dict[str, Any]:  # fmt: skip
    """An input that tells us at once."""
    return {
        "type": "input", "block_id": block_id, "label": plain(label), "optional": optional,
        "dispatch_action": True, "element": element,
    }  # fmt: skip


def _price(look: Look) -> Blocks:
    made = [mrkdwn(f":warning: {note}") for note in _notes(look)]
    if look.offer is None:
        said = "What it costs is shown here as you type."
        if look.price:
            said = f"*{cards.price_line(look.price)}* to a number like {look.sender}"
        return [mrkdwn(said), *made]
    offer = look.offer
    left = f"{offer.left_after:,} left after" if offer.covered else f"{offer.funds.balance:,} left"
    small = [f"{escape(offer.words)} (added to a first text, free)"] if offer.words else []
    return [
        mrkdwn(f"*{cards.price_line(offer.quote)}* · {left}"),
        *([context(" · ".join(small))] if small else []),
        *made,
    ]


def _notes(look: Look) -> Iterable[str]:
    if look.asked is not None and look.offer:
        again = f"Press {_send(look)} once more if that is right."
        yield f"{_changed(look.asked, look.offer)} {again}"
    if look.note:
        yield escape(look.note)
    if look.trouble:
        yield as_told(look.trouble)
    if look.offer:
        yield from look.offer.warnings
        if not look.offer.covered:
            yield shortage(look.offer.quote.credits, look.offer.funds)


def _changed(asked: int, offer: Quoted) -> str:
    now = count(offer.quote.credits, "credit")
    if asked == 0:
        return f"The price was not shown yet: {now}."
    if asked != offer.quote.credits:
        return f"While you typed, this came to {now} instead of {asked}."
    return "Something has changed since it was shown."


def _send(look: Look) -> str:
    return "Schedule" if look.send_at else "Send"


def _buttons(look: Look) -> Blocks:
    made = []
    for saving in look.offer.savings if look.offer else ():
        made.append(button(cards.saving_words(saving), f"compose_save_{saving.kind}", saving.kind))
    if look.is_mms and look.offer:
        price = f"{count(look.plain_credits, 'credit')} instead of {look.offer.quote.credits}"
        made.append(button(f"As plain texts: {price}", "compose_save_sms", "sms"))
    if look.send_at:
        made.append(button("Send now instead", "compose_now", "now"))
    else:
        awake = look.offer.send_at if look.offer else None
        label = f"Send at {clock_words(awake)} instead…" if awake else "Later…"
        made.append(button(label, "compose_later", "later"))
    return [{"type": "actions", "block_id": "buttons", "elements": made}]


def _time(look: Look) -> Blocks:
    if look.send_at is None:
        return []
    return [{
        "type": "input", "block_id": "at", "label": plain("When, by your own clock"),
        "hint": plain(cards.CHECKED_AGAIN), "dispatch_action": True,
        "element": {
            "type": "datetimepicker", "action_id": "compose_at",
            "initial_date_time": int(look.send_at.timestamp()),
        },
    }]  # fmt: skip


def gone(done: Gone, link: str | None) -> Card:
    """What the modal shows when the text is on its way; `link` is its thread's address."""
    price = count(done.credits, "credit")
    thread = f"<{link}|its thread>" if link else f"its thread in <#{done.channel}>"
    to = escape(done.recipient)
    if done.checking:
        said = f":hourglass_flowing_sand: To *{to}*: your pictures are looked at, then it goes out."
        said += f" It costs {price}. Follow it in {thread}."
    elif done.at:
        said = f":clock3: To *{to}* {cards.when(done.at)}: {price}, checked again just before."
        said += f" You find it in {thread}; `/text later` changes and cancels it."
    else:
        said = f":white_check_mark: On its way to *{to}*: {price}, {done.balance:,} left."
        said += f" Follow it in {thread}."
    return cards.modal("composed_gone", "Write a text", [mrkdwn(said)])
