"""A SmartPlan's step that is saved with new pictures: they are read from Slack and kept, then the
step is changed; until then nothing is.

Most are read in a moment. Where it takes longer than Slack waits for an answer, the form says that
it is at work, and then what came of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, NamedTuple

from slack_bolt import Ack
from slack_sdk import WebClient

from bot import clock
from bot.downloads import Away
from bot.errors import Refused
from bot.slack import files
from bot.slack.answers import error_at, show_in
from bot.slack.cards import told
from bot.slack.roll_call import learn_name
from bot.slack.smartplans import plan_modal, smart_views, step_views
from bot.slack.team.front import values
from bot.smartplans import plan_versions, smartplans, step_pictures
from bot.texts import kinds
from bot.words import clean, count
from ledger.database import transaction
from ledger.rates import PACK_BYTES

View = dict[str, Any]
READING = ":hourglass_flowing_sand: The pictures are read and kept. This takes a moment."
AWAY = "Slack did not hand the pictures over. Try again in some minutes."
ANSWERS_WITHIN_S = 1.5  # of the three that Slack waits
READERS = ThreadPoolExecutor(4, "pictures")


class Read(NamedTuple):
    """What became of files that were read."""

    files: Sequence[tuple[dict[str, Any], bytes]] = ()
    why_not: Sequence[str] = ()


def save(ack: Ack, body: dict[str, Any], view: View, client: WebClient) -> None:
    """Save: the plan as it is now, or the form with what is wrong."""
    about, given, user = json.loads(view["private_metadata"]), values(view), body["user"]["id"]
    try:
        _may(about, given, user)
        reading = READERS.submit(_read, client, given["files"])
        read = reading.result(ANSWERS_WITHIN_S)
        shown = _saved(about, given, user, read)
    except Refused as refusal:
        ack(response_action="errors", errors=error_at(refusal, "files"))
        return
    except TimeoutError:
        ack(response_action="update", view=smart_views.told(READING))
        _late(reading.result(), about, given, user, view, client)
        return
    ack()
    show_in(client, view["root_view_id"], shown)
    if given["who"]:
        learn_name(client, given["who"])


def _late(
    read: Read, about: dict[str, Any], given: dict[str, Any], user: str, view: View,
    client: WebClient,
) -> None:  # fmt: skip
    """The pictures took their time: the form's place shows what came of it."""
    try:
        shown = _saved(about, given, user, read)
    except Refused as refusal:
        show_in(client, view["id"], _again(about, given, user, told(refusal)))
    else:
        show_in(client, view["root_view_id"], shown)
        show_in(client, view["id"], smart_views.told(":white_check_mark: Saved."))


@transaction
def _may(about: dict[str, Any], given: dict[str, Any], user: str) -> None:
    """Raises Refused where this user may not change the plan, or the form makes no sense."""
    plan = smartplans.own(about["plan"], user)
    claimed = [{"file": "new", "name": "", "type": "image/jpeg", "size": 0} for _ in given["files"]]
    shape, place = step_views.settled(about, given, plan_versions.shape_of(plan), claimed)
    if (has := len(shape.steps[place].media)) > step_views.MOST_FILES:
        most = step_views.MOST_FILES
        raise Refused(f"The step would have {has} pictures; {most} are the most. Take some off.")
    for file in given["files"]:
        if int(file.get("size") or 0) > PACK_BYTES:
            raise Refused(kinds.too_large(clean(file.get("name") or "The file"), file["size"]))


def _read(client: WebClient, given: Sequence[dict[str, Any]]) -> Read:
    source, read, why_not = files.source_of(client), [], []
    for file in given:
        whole: list[bytes] = []
        try:
            seen = files.look_at(client, source, file, whole)
        except Away:
            return Read((), [AWAY])
        if isinstance(seen, str):
            why_not.append(seen)
        else:
            read.append((seen, b"".join(whole)))
    return Read(read, why_not)


@transaction
def _saved(about: dict[str, Any], given: dict[str, Any], user: str, read: Read) -> View:
    """Keeps the pictures and the step. Raises Refused, and changes nothing, if one cannot be."""
    if read.why_not:
        raise Refused(" ".join(read.why_not))
    plan, now = smartplans.own(about["plan"], user), clock.now()
    kept = [step_pictures.keep(plan.account_id, user, *file, now) for file in read.files]
    shape, _ = step_views.settled(about, given, plan_versions.shape_of(plan), kept)
    smartplans.edit(plan.id, user, shape, now, move=given.get("move") != "stay")
    return plan_modal.plan_view(plan.id, user, f"Saved, with {count(len(kept), 'picture')} added.")


@transaction
def _again(about: dict[str, Any], given: dict[str, Any], user: str, wrong: str) -> View:
    """The form as it was filled in, but for the files, and what is wrong with them, in mark-up."""
    shape = plan_versions.shape_of(smartplans.own(about["plan"], user))
    on_it = smartplans.effect(about["plan"], user, shape).on_it
    has = [step.media for step in shape.steps if step.key == about["key"] and step.key]
    shape, place = step_views.settled(about, given, shape)
    steps = list(shape.steps)
    steps[place] = replace(steps[place], media=has[0] if has else ())
    return step_views.view(
        about["plan"], about["kind"], replace(shape, steps=tuple(steps)), place, on_it, None,
        f"{wrong} Nothing was changed.",
    )  # fmt: skip
