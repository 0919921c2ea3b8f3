"""Contacts as they are seen in Slack: cards, lists, and the modal in which one is changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from bot.contacts import contacts, directory, hours, numbers
from bot.contacts.directory import Kept
from bot.contacts.models import Consent, Contact
from bot.slack import cards
from bot.slack.cards import Card, button, context, mrkdwn, option, plain, when
from bot.words import day_and_year, escape

HISTORY_SHOWN, HOW_SHOWN = 5, 80  # entries of what a contact agreed to; characters of each
TALKS_SHOWN = 10
TAGS_TYPED = directory.MOST_TAGS * (directory.LONGEST_TAG + 2)  # characters
DAYS_TYPED = 800
HELP = (
    "*`/contacts`* lists the newest contacts; `/contacts ann` finds them by the beginning of a "
    "name, e-mail address, tag or number, or by a number's last digits.\n"
    "`/contacts add (415) 555-0123 Ann Lee` makes one; `/contacts add` opens a form.\n"
    "`/contacts tag Ann Lee buyer, hot lead` puts tags on; `/contacts untag Ann Lee buyer` takes "
    "them off.\n"
    "`/contacts import` reads a CSV file; `/contacts export` sends you one.\n"
    "A contact's card has *Edit*, and *Merge…* for one person with two numbers."
)
BY_NUMBER = "number"  # the time zone that the number tells
#: The areas of the world's time zones that people live in; America has too many for one menu.
AREAS = ("Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
USUAL = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Phoenix",
    "America/Los_Angeles", "America/Anchorage", "Pacific/Honolulu",
)  # fmt: skip
MOST_OPTIONS = 100


def card(kept: Kept, now: datetime, said: str = "") -> Card:
    """A contact; `said` is what was just done with it."""
    contact = kept.contact
    title = f"*{escape(contacts.name_of(contact))}*"
    facts = [
        cards.number_beside(contacts.name_of(contact), contact.number),
        *(f"also {numbers.spoken(one)}" for one in kept.other_numbers),
        contact.place or "", contact.email or "", f"{hours.said(now, kept.zones)} there",
        ", ".join(kept.details.tags), (kept.details.days or "").replace(": ", " "),
    ]  # fmt: skip
    about = " · ".join(escape(one) for one in facts if one)
    notes = [_standing(kept), *([f":warning: {kept.trouble}"] if kept.trouble else [])]
    talks = [f"<#{one.channel}>: {_last(one)}" for one in kept.talks[:TALKS_SHOWN]]
    key = str(contact.id)
    lines = [*([said] if said else []), " · ".join(one for one in (title, about) if one), *notes]
    return {
        "text": "\n".join([*lines, *talks]).replace("*", ""),
        "blocks": [
            *([mrkdwn(said)] if said else []),
            mrkdwn(title + (f"\n{about}" if about else "")),
            *cards.words(kept.details.notes or ""),
            *(context(line) for line in (*notes, *talks)),
            {"type": "actions", "block_id": f"contact:{key}", "elements": [
                *_text(kept),
                button("Edit", "contact_edit", f"{key}:"),
                button("Merge…", "contact_merge", key),
            ]},
        ],
    }  # fmt: skip


def listed(title: str, found: Sequence[tuple[Contact, Sequence[str]]]) -> Card:
    """Contacts with their tags, each with a button that opens it. `title` is in mark-up."""
    blocks, said = [mrkdwn(title)], []
    for contact, tags in found:
        name = contacts.name_of(contact)
        facts = [cards.number_beside(name, contact.number), ", ".join(tags)]
        if contact.opted_out_at:
            facts.append("opted out")
        about = " · ".join(escape(one) for one in facts if one)
        blocks.append(mrkdwn(f"*{escape(name)}*" + (f" · {about}" if about else "")))
        blocks[-1]["accessory"] = button("Open", "contact_open", str(contact.id))
        said.append(escape(name) + (f" ({about})" if about else ""))
    return {"text": "; ".join([title, *said]).replace("*", ""), "blocks": blocks}


def _text(kept: Kept) -> cards.Blocks:
    """The button that opens the composer, in the conversation with the newest text."""
    if not kept.talks or not numbers.textable(kept.contact.number) or kept.contact.opted_out_at:
        return []
    return [{**button("Text", "talk_reply", str(kept.talks[0].id)), "style": "primary"}]


def _standing(kept: Kept, short: bool = False) -> str:
    """Whether the contact may be texted, in a sentence; short where the history stands below."""
    contact = kept.contact
    if contact.blocked_at:
        return "Blocked: their texts are not shown."
    if contact.opted_out_at is None:
        agreed = next((one for one in kept.history if one.given), None)
        if agreed is None:
            return "Nothing is recorded. Text only people who agreed to it."
        return "Yes." if short else f"May be texted: {history_line(agreed)}"
    why = next((one.how for one in kept.history if not one.given), "texted STOP")
    said = f":no_entry: Opted out ({escape(why)}): nothing can be sent"
    opened = ", ".join(numbers.spoken(line.number) for line in kept.reopened)
    return f"{said}, but on {opened}: they texted START." if opened else f"{said}."


def _last(talk: Any) -> str:
    if talk.last_text_at is None:
        return "no text yet"
    waits = " · waiting for an answer" if talk.waiting_since else ""
    return f"last text {when(talk.last_text_at)}{waits}"


def _history(kept: Kept) -> str:
    lines = [history_line(one) for one in kept.history[:HISTORY_SHOWN]]
    earlier = len(kept.history) - len(lines)
    return "\n".join([*lines, *([f"… and {earlier:,} before"] if earlier else [])])


def history_line(one: Consent) -> str:
    """ "agreed (signed form) on November 3, 2026, recorded by @Ann"."""
    said = "agreed" if one.given else "wanted no more texts"
    day = day_and_year(one.on_day) if one.on_day else ""
    by = f", recorded by <@{one.by}>" if (one.by or "")[:1] in ("U", "W") else ""
    return f"{said} ({escape(one.how[:HOW_SHOWN])}) {f'on {day}' if day else when(one.made_at)}{by}"


# The modal


def edit_view(
    kept: Kept | None, about: dict[str, Any], number: str = "", name: str = ""
) -> dict[str, Any]:  # fmt: skip
    """The modal of a contact; without one, of a new one, whose number and name may be typed."""
    details = kept.details if kept else directory.Details(name=name or None)
    return cards.modal("contact_saved", "Contact" if kept else "New contact", [
        *([mrkdwn(_numbers(kept))] if kept else [_written("number", "Number", number, hint=(
            "Where its country code is missing, your line's is meant."
        ))]),
        _written("name", "Name", details.name, directory.LONGEST_NAME, optional=True),
        {**_written("email", "E-mail", details.email, optional=True),
         "element": {"type": "email_text_input", "action_id": "email",
                     **({"initial_value": details.email} if details.email else {})}},
        _written("tags", "Tags", ", ".join(details.tags), TAGS_TYPED, optional=True,
                 hint="Commas between them, like: buyer, hot lead"),
        _written("days", "Dates", (details.days or "").replace("; ", "\n"), DAYS_TYPED,
                 optional=True, multiline=True,
                 hint="One a line, like: birthday: May 14, 1985. SmartPlans may go by them"),
        _zone(details.timezone),
        _written("notes", "Notes", details.notes, directory.LONGEST_NOTES, optional=True,
                 multiline=True),
        {"type": "divider"},
        mrkdwn("*May they be texted?*" + (f"\n{_standing(kept, short=True)}" if kept else "")),
        *([context(_history(kept))] if kept and kept.history else []),
        *_consent(),
    ], about, submit="Save")  # fmt: skip


def _numbers(kept: Kept) -> str:
    contact = kept.contact
    facts = [numbers.spoken(contact.number), contact.place or "",
             *(f"also {numbers.spoken(one)}" for one in kept.other_numbers)]  # fmt: skip
    said = f"*{' · '.join(escape(one) for one in facts if one)}*"
    return f"{said}\n:warning: {kept.trouble}" if kept.trouble else said


def _consent() -> Iterable[dict[str, Any]]:
    """The inputs that record what a contact said."""
    choices = [option("They agreed to get texts", "yes"), option("They want no more texts", "no")]
    return (
        {"type": "input", "block_id": "said", "optional": True,
         "label": plain("Record what they told you"),
         "element": {"type": "static_select", "action_id": "said", "options": choices,
                     "placeholder": plain("Nothing new")}},
        _written("how", "How they told you", "", directory.LONGEST_HOW, optional=True,
                 hint="Like: on the phone, signed form, at the open house"),
        {"type": "input", "block_id": "on_day", "optional": True, "label": plain("When"),
         "element": {"type": "datepicker", "action_id": "on_day",
                     "placeholder": plain("Just now")}},
    )  # fmt: skip


def _written(
    block: str, label: str, value: str | None, most: int = 500, *, optional: bool = False,
    hint: str = "", multiline: bool = False,
) -> dict[str, Any]:  # fmt: skip
    element = {"type": "plain_text_input", "action_id": block, "max_length": most}
    return {
        "type": "input", "block_id": block, "label": plain(label), "optional": optional,
        **({"hint": plain(hint)} if hint else {}),
        "element": element | ({"initial_value": value} if value else {})
        | ({"multiline": True} if multiline else {}),
    }  # fmt: skip


def _zone(chosen: str | None) -> dict[str, Any]:
    told = option("As the number tells", BY_NUMBER)
    here = option(_spelt(chosen), chosen) if chosen else told
    groups = [("Usual", [told, *(option(_spelt(zone), zone) for zone in USUAL)])]
    if chosen and chosen not in USUAL:
        groups[0][1].append(here)
    for area in AREAS:
        known = sorted(hours.every_zone() - {*USUAL, chosen})
        zones = [zone for zone in known if zone.startswith(f"{area}/")]
        for at in range(0, len(zones), MOST_OPTIONS):
            some = zones[at : at + MOST_OPTIONS]
            label = area if len(zones) <= MOST_OPTIONS else f"{area} {_span(some)}"
            groups.append((label, [option(_spelt(zone), zone) for zone in some]))
    return {
        "type": "input", "block_id": "timezone", "label": plain("Time zone"),
        "element": {
            "type": "static_select", "action_id": "timezone", "initial_option": here,
            "option_groups": [{"label": plain(label), "options": some} for label, some in groups],
        },
    }  # fmt: skip


def _span(zones: Sequence[str]) -> str:
    first, last = (zone.partition("/")[2][:1] for zone in (zones[0], zones[-1]))
    return f"{first}–{last}"


def _spelt(zone: str) -> str:
    return zone.replace("_", " ")
