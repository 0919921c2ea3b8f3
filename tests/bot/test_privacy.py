"""Nobody sees or changes another account's things, and nothing private is logged or left in Slack's
metadata."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator

import pytest
import structlog
from slack_sdk.errors import SlackApiError

from bot import clock, logs
from bot.sandbox import Sandbox
from bot.slack import commands, events
from bot.team import opening
from bot.team.models import Member
from ledger import database
from tests.house import House
from tests.logged import written
from tests.scene import LONDON, OTTO, SECRETS, ZEB, Day
from tests.walk import Walk

RIVAL_LINE = "+14155550155"
#: What agents may do: the rest is for owner and managers. What is added is refused to agents until
#: it stands here.
AGENTS_MAY = {
    "/text", "/quote", "/contacts", "/credits", "/smartplans", "/line",
    *(name for name in commands.ACTIONS if name.startswith(
        ("draft_", "later_", "compose_", "talk_", "contact_", "home_", "credits_",
         "reminder_", "ask_"))),
    "smart_open", "smart_enroll", "smart_preview", "smart_preview_as", "smart_contact",
    "smart_chosen", "smart_enrolled", "smart_of_contact", "smart_moved",
    "composed", "draft_edited", "draft_timed", "later_edited", "talk_snoozed", "contact_saved",
    "merge_other", "merge_chosen", "merge_confirmed", "compose", "compose_reply", "compose_to",
    "account_open", "account_opened",
}  # fmt: skip


@pytest.fixture
def office(books: str, sandbox: Sandbox) -> Iterator[House]:
    """An account on a plan, beside a rival's; somebody who left, and somebody on nothing."""
    house = House(books, sandbox, opening_credits=54_321)
    slack = house.slack
    house.manager, house.clerk = slack.add_user("Mona"), slack.add_user("Carl")
    house.departed, house.rival = slack.add_user("Dora"), slack.add_user("Rita")
    opening.setup(account="Harbor Homes", managers=(house.manager,),
                agents=(house.clerk, house.departed))  # fmt: skip
    house.add_email("boss@harbor.example")
    house.rivals = slack.add_channel("rivals")
    sandbox.twilio.add_number(RIVAL_LINE)
    opening.setup(account="Rival Realty", owner=house.rival, line=RIVAL_LINE, channel=house.rivals,
                opening_credits=77)  # fmt: skip
    with database.session():
        Member.update(left_at=clock.now()).where(Member.slack_user == house.departed).execute()
    with house.serving():
        yield house


@pytest.mark.slow
def test_nobody_else_sees_or_changes_anything(
    office: House, caplog: pytest.LogCaptureFixture
) -> None:
    walk = Walk(
        office, [office.rival, office.stranger, office.departed], office.clerk, AGENTS_MAY
    )  # fmt: skip
    walk.secrets |= SECRETS | {"(415) 555-0100"}
    Day(office).play()
    assert [record for record in caplog.records if record.exc_info] == []
    known = {
        "command": commands.COMMANDS, "action": commands.ACTIONS, "view": commands.VIEWS,
        "shortcut": commands.SHORTCUTS, "option": commands.OPTIONS, "event": events.EVENTS,
    }  # fmt: skip
    assert {
        kind: [name for name in names if not any(names[one] is names[name] for one in seen)]
        for kind, names in known.items()
        if (seen := walk.seen[kind] & names.keys()) is not None
    } == {kind: [] for kind in known}, "not played in tests/scene.py"


def test_no_words_numbers_or_tokens_of_a_day_are_logged_or_in_metadata(
    office: House, engine: str
) -> None:
    """Neither in the log, of either style, nor in Slack's metadata, which holds an opaque key."""
    with written("json" if engine == "sqlite" else "text") as page:
        Day(office).play()
        office.slack.faults.add("error", "chat.postMessage", 2)
        office.twilio.refuse(ZEB, 21211)
        card = office.ask(f"{ZEB} The saffron that is refused", user=office.agent)
        office.slack.press(office.agent, card, "Send")
        office.settle()
    logged = page.getvalue()
    assert "inbox.applied" in logged and "outbox.tried" not in logged  # the worker's own
    private = SECRETS | {office.slack.token, office.twilio.auth_token, ZEB, OTTO, LONDON}
    assert [one for one in private if one in logged] == []
    told = [post.metadata for room in office.slack.channels.values() for post in room.posts
            if post.metadata]  # fmt: skip
    assert len(told) > 20
    for one in told:
        assert one["event_type"] == "partyline" and list(one["event_payload"]) == ["key"]
        assert re.fullmatch(r"[0-9a-f]{32}", one["event_payload"]["key"])


def test_an_exception_is_logged_without_its_words() -> None:
    with written("json") as page:
        try:
            try:
                raise KeyError(f"Key (number)=({ZEB}) already exists")
            except KeyError as error:
                raise SlackApiError("The gazebo", {"error": "invalid_auth"}) from error
        except SlackApiError:
            structlog.get_logger().exception("worker.failed", delivery_id=7)
            logging.getLogger("slack_bolt").error("slack.listener_failed", exc_info=True)
    ours, theirs = (json.loads(line) for line in page.getvalue().splitlines())
    for line in (ours, theirs):
        assert line["exception"].endswith("SlackApiError invalid_auth")
        assert "KeyError\nthen:" in line["exception"] and "test_privacy.py:" in line["exception"]
        assert ZEB not in str(line) and "gazebo" not in str(line)
    assert ours["delivery_id"] == 7


def test_a_report_to_sentry_has_kinds_and_places_and_no_words() -> None:
    event = {
        "exception": {"values": [{"type": "ValueError", "value": f"no such number {ZEB}",
                                  "stacktrace": {"frames": [{"function": "receive", "lineno": 3,
                                                             "vars": {"body": "gazebo"}}]}}]},
        "request": {"data": "saffron"}, "breadcrumbs": {"values": ["marzipan"]},
        "extra": {"sys.argv": ["Zebulon"]}, "user": {"id": "Zebulon"},
        "logentry": {"message": "a.b", "params": ["Zebulon"], "formatted": "Zebulon"},
    }  # fmt: skip
    said = str(logs.for_sentry(event, {}))
    assert "ValueError" in said and "receive" in said and "a.b" in said
    assert [one for one in SECRETS | {ZEB} if one in said] == []
