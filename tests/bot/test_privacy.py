"""Nobody sees or changes another account's things, and nothing private is logged or left in Slack's
metadata."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot import clock, lines
from bot.models import Member
from bot.sandbox import Sandbox
from bot.slack import commands, events
from ledger import database
from tests.house import House
from tests.scene import SECRETS, Day
from tests.walk import Walk

RIVAL_LINE = "+14155550155"
#: What agents may do: the rest is for owner and managers. What is added is refused to agents until
#: it stands here.
AGENTS_MAY = {
    "/text", "/quote", "/contacts", "/credits", "/smartplans",
    *(name for name in commands.ACTIONS if name.startswith(
        ("draft_", "later_", "compose_", "talk_", "contact_", "home_", "credits_",
         "reminder_", "ask_"))),
    "smart_open", "smart_enroll", "smart_preview", "smart_preview_as", "smart_contact",
    "smart_chosen", "smart_enrolled", "smart_of_contact",
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
    lines.setup(account="Harbor Homes", managers=(house.manager,),
                agents=(house.clerk, house.departed))  # fmt: skip
    house.add_email("boss@harbor.example")
    house.rivals = slack.add_channel("rivals")
    sandbox.twilio.add_number(RIVAL_LINE)
    lines.setup(account="Rival Realty", owner=house.rival, line=RIVAL_LINE, channel=house.rivals,
                opening_credits=77)  # fmt: skip
    with database.session():
        Member.update(left_at=clock.now()).where(Member.slack_user == house.departed).execute()
    with house.serving():
        yield house


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
