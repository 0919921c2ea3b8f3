"""The modals of templates: the list, and one of them to be written, changed or deleted."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from slack_bolt import Ack
from slack_sdk import WebClient

from bot.errors import Refused
from bot.slack import cards, inputs
from bot.slack.answers import error_at, refusal_view, show_in, whisper
from bot.slack.cards import button, context, mrkdwn, plain
from bot.slack.team.front import opens, values
from bot.team import channels, roles
from bot.texts import templates
from bot.texts.models import Template
from bot.words import clean, escape, short
from ledger.database import session

View = dict[str, Any]
LISTED = 300  # characters of a template that the list shows
LONGEST_NAME, LONGEST_BODY = 40, 1_600  # characters


def command(ack: Ack, command: dict[str, Any], client: WebClient) -> None:
    """/text templates."""
    user = command["user_id"]
    try:
        with session():
            view = _list(user, channels.account_for(user, command["channel_id"]))
    except Refused as refusal:
        return whisper(ack, cards.note(refusal))
    ack()
    client.views_open(trigger_id=command["trigger_id"], view=view)
    return None


def _show(user: str, account: str) -> View:
    """Templates: the list."""
    return _list(user, int(account))


def _new(user: str, account: str) -> View:
    """New template."""
    with session():
        roles.require_manager(user, int(account))
    return edit_view(int(account), None)


def _edit(user: str, key: str) -> View:
    """Edit, beside a template of the list."""
    found = templates.get(int(key), user)
    return edit_view(found.account_id, found)


def saved(ack: Ack, body: dict[str, Any], view: dict[str, Any], client: WebClient) -> None:
    """A template written or changed."""
    about, given, user = json.loads(view["private_metadata"]), values(view), body["user"]["id"]
    name, text = clean(given["name"] or ""), clean(given["body"] or "")
    try:
        templates.save(about["account"], user, name, text, about["template"])
    except Refused as refusal:
        ack(response_action="errors", errors=error_at(refusal, "name"))
    else:
        ack()
        show_in(client, view["root_view_id"], _list(user, about["account"]))


def removed(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
    """Delete this template."""
    user, shown = body["user"]["id"], body["view"]
    ack()
    try:
        account = templates.remove(int(body["actions"][0]["value"]), user)
    except Refused as refusal:
        show_in(client, shown["id"], refusal_view(refusal))
        return
    show_in(client, shown["id"], _gone())
    show_in(client, shown["root_view_id"], _list(user, account))


def _list(user: str, account: int) -> View:
    with session():
        roles.require_manager(user, account)
        return list_view(account, templates.listed(account))


def list_view(account: int, found: list[Template]) -> View:
    """The modal of an account's templates."""
    blocks: cards.Blocks = [mrkdwn(INTRODUCTION)]
    for one in found:
        said = mrkdwn(f"*{escape(one.name)}*\n{escape(short(one.body, LISTED))}")
        blocks.append({**said, "accessory": button("Edit", "template_edit", str(one.id))})
    blocks.append({"type": "actions", "block_id": "templates", "elements": [
        button("New template", "template_new", str(account)),
    ]})  # fmt: skip
    return cards.modal("templates", "Templates", blocks)


def edit_view(account: int, template: Template | None) -> View:
    """The modal in which a template is written."""
    about = {"account": account, "template": template.id if template else None}
    name, body = (template.name, template.body) if template else ("", "")
    return cards.modal("template_saved", "Template", [
        inputs.box("name", "Name", name, most=LONGEST_NAME),
        inputs.box(
            "body", "Text", body, most=LONGEST_BODY, multiline=True,
            hint="Behind a bar stands what is said where a field is not known: {first_name|there}",
        ),
        context("\n".join(f"`{{{name}}}` {what}" for name, what in templates.FIELDS.items())),
        *([_removal(template)] if template else []),
    ], about, submit="Save", close="Back")  # fmt: skip


def _removal(template: Template) -> dict[str, Any]:
    ask = {
        "title": plain("Delete it?"), "text": plain("Texts that were sent stay as they are."),
        "confirm": plain("Delete it"), "deny": plain("Back"),
    }  # fmt: skip
    press = button("Delete this template", "template_remove", str(template.id))
    return {
        "type": "actions", "block_id": "removal",
        "elements": [{**press, "style": "danger", "confirm": ask}],
    }  # fmt: skip


def _gone() -> View:
    return cards.modal(
        "template_gone", "Template", [mrkdwn("The template is deleted.")], close="Back"
    )


INTRODUCTION = (
    "Words that your team uses again, with fields that are filled in for each person. "
    "Whoever writes a text chooses one, sees it filled in with its price, and may still change it."
)

ACTIONS: dict[str, Callable[..., None]] = {
    "template_open": opens(_show),
    "template_new": opens(_new),
    "template_edit": opens(_edit),
    "template_remove": removed,
}
VIEWS: dict[str, Callable[..., None]] = {"template_saved": saved}
