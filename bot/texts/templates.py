"""Templates: words that an account uses again, with fields that are filled where they are used.

`{first_name}` stands for the contact's first name; behind a bar stands what is said where we do not
know it: `{first_name|there}`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from bot.contacts import numbers
from bot.contacts.models import Contact
from bot.errors import Refused, Wrong
from bot.lines.models import Line
from bot.team import roles
from bot.team.models import Member
from bot.texts.models import Template
from ledger.database import transaction

MOST = 50  # of an account: what a menu shows without a search
#: What each field stands for.
FIELDS = {
    "first_name": "the contact's first name",
    "name": "the contact's name",
    "agent_first_name": "the first name of whoever writes",
    "agent_name": "the name of whoever writes",
    "team": "the name of your team",
    "line": "the number they are texted from",
}
FIELD = re.compile(r"\{\s*(\w+)\s*(?:\|([^{}]*))?\}")
_BRACED = re.compile(r"\{[^{}]*\}?|\}")


def fill(body: str, known: Mapping[str, str]) -> str:
    """The body with its fields filled. What is not known and has no other words stays a field."""

    def value(found: re.Match[str]) -> str:
        return known.get(found[1]) or (found[0] if found[2] is None else found[2])

    return FIELD.sub(value, body)


def unfilled(body: str) -> list[str]:
    """The fields that stand in a text, as they stand there."""
    return [found[0] for found in FIELD.finditer(body) if found[1] in FIELDS]


def known(line: Line, contact: Contact | None, user: str) -> dict[str, str]:
    """What the fields stand for in a text of this user's to this contact."""
    member = Member.get_or_none(Member.account == line.account_id, Member.slack_user == user)
    name = (contact and contact.name) or ""
    agent = (member and member.name) or ""
    return {
        "first_name": _first(name), "name": name, "agent_first_name": _first(agent),
        "agent_name": agent, "team": line.account.name, "line": numbers.spoken(line.number),
    }  # fmt: skip


def _first(name: str) -> str:
    return next(iter(name.split()), "")


def require_fields(body: str) -> None:
    """Raises Wrong for a field that there is none of, and for a brace that opens or closes
    none."""
    for found in _BRACED.finditer(body):
        field = FIELD.fullmatch(found[0])
        if field is None:
            raise Wrong("body", (
                "Braces stand for a field alone, like {first_name} or {first_name|there}. "
                f"This is none: {found[0][:30]}"
            ))  # fmt: skip
        if field[1] not in FIELDS:
            close = difflib.get_close_matches(field[1].lower(), FIELDS, 1)
            meant = f"Did you mean {{{close[0]}}}? " if close else ""
            listed = ", ".join(f"{{{name}}}" for name in FIELDS)
            raise Wrong(
                "body", f"There is no field {{{field[1]}}}. {meant}The fields are {listed}."
            )


def listed(account_id: int) -> list[Template]:
    """The account's templates, by name."""
    found = list(Template.select().where(Template.account == account_id).limit(MOST))
    return sorted(found, key=lambda one: (one.name.casefold(), one.id))


@transaction
def get(template_id: int, user: str) -> Template:
    """A template, for a manager to change. Raises Refused."""
    found: Template | None = Template.get_or_none(Template.id == template_id)
    if found is None:
        raise Refused("This template was taken away meanwhile.")
    roles.require_manager(user, found.account_id)
    return found


@transaction
def save(
    account_id: int, user: str, name: str, body: str, template_id: int | None = None
) -> None:  # fmt: skip
    """Keeps a new template, or a changed one. Raises Refused in plain words."""
    roles.require_manager(user, account_id)
    name, body = " ".join(name.split()), body.strip()
    if not name:
        raise Wrong("name", "Give it a name.")
    if not body:
        raise Wrong("body", "Write what it says.")
    require_fields(body)
    here = Template.account == account_id
    other = Template.get_or_none(here, Template.name == name)
    if other is not None and other.id != template_id:
        raise Refused("There is a template of that name. Choose another one, or change that.")
    if template_id is not None:
        changed = Template.update(name=name, body=body).where(here, Template.id == template_id)
        if not changed.execute():
            raise Refused("This template was taken away meanwhile.")
        return
    if Template.select().where(here).count() >= MOST:
        raise Refused(f"{MOST} templates are the most. Change one, or take one away.")
    Template.create(account=account_id, name=name, body=body)


@transaction
def remove(template_id: int, user: str) -> int:
    """Takes a template away. Returns its account. Raises Refused."""
    found = get(template_id, user)
    found.delete_instance()
    return int(found.account_id)
