"""What is refused is said in words that ping nobody and are shown as they were written, in mark-up
and where Slack reads none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bot.contacts.models import Contact
from bot.sandbox import Sandbox
from bot.team.models import Member
from bot.words import as_told, call, clean, in_plain
from ledger import database
from tests.bot.talks.threads import begun, card, is_told, replied, whispered
from tests.bot.test_privacy import office
from tests.house import ANN, BEN, House
from tests.scene import Day

__all__ = ["office"]

NAME = "<!channel> & Co"
TYPED = "&lt;!channel&gt; &amp; Co"  # as Slack sends what somebody typed


@pytest.fixture
def house(books: str, sandbox: Sandbox) -> Iterator[House]:
    """Two contacts who bear a name that would ping a channel; one of them opted out."""
    house = House(books, sandbox)
    house.manager = house.slack.add_user("Mia")
    with database.session():
        Member.create(account=house.account(), slack_user=house.manager, role="manager", name="Mia")
        Member.update(name="Dana").where(Member.slack_user == house.agent).execute()
    with house.serving():
        begun(house)
        for number in (ANN, BEN):
            house.name(number, NAME)
        yield house


def texts_of(drawn: Any) -> Iterator[dict[str, str]]:
    """Every text object of what Slack was given."""
    if isinstance(drawn, dict):
        if drawn.get("type") in ("mrkdwn", "plain_text"):
            yield drawn
        for part in drawn.values():
            yield from texts_of(part)
    elif isinstance(drawn, list):
        for part in drawn:
            yield from texts_of(part)


def shown_as_it_is(drawn: Any) -> bool:
    """Whether the name is shown literally wherever it stands."""
    wrong = {"plain_text": "&lt;!channel", "mrkdwn": "<!channel"}
    return not any(wrong[one["type"]] in one["text"] for one in texts_of(drawn))


def errors(answer: Any) -> dict[str, str]:
    found: dict[str, str] = json.loads(answer.body)["errors"]
    return found


COMMANDS = {
    "/text": f"{TYPED} Hello",
    "/quote": f"{TYPED} Hello",
    "/contacts": f"tag {TYPED} buyer",
    "/smartplans": f"of {TYPED}",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_refuses_a_name_that_would_ping(house: House, command: str) -> None:
    said = house.ask(COMMANDS[command], command)
    assert NAME in said.plain()
    assert "<!channel" not in said.text and shown_as_it_is(said.blocks)


def test_a_contact_who_is_called_like_a_mention_mentions_nobody(house: House) -> None:
    called = f"<@{house.manager}>"
    with database.session():
        Contact.update(name=called).where(Contact.number == ANN).execute()
    house.slack.choose(
        house.agent, house.thread(ANN)[0], "talk_more", "They asked for no more texts"
    )
    house.work()
    said = house.ask(f"{ANN} Hello")
    assert f"{called} opted out" in said.plain() and called not in said.text


def test_a_plan_or_a_word_that_nobody_knows_is_named_as_it_was_typed(house: House) -> None:
    for command, typed in (("/smartplans", TYPED), ("/credits", TYPED), ("/contacts", TYPED)):
        said = house.ask(typed, command)
        assert "<!channel" not in said.text and shown_as_it_is(said.blocks), command


def test_buttons_refuse_a_name_that_would_ping(house: House) -> None:
    texted = house.ask(f"{ANN} Hello")
    thread = house.thread(ANN)[0]
    replied(house, thread.ts, "Yes")
    quoted = card(house, thread.ts)
    house.slack.choose(house.agent, thread, "talk_more", "They asked for no more texts")
    house.work()
    house.slack.press(house.agent, texted, "Send")
    assert is_told(house, f"{NAME} opted out")
    house.slack.press(house.agent, quoted, "Send")
    replied(house, thread.ts, "And again")
    for said in house.slack.seen_by(house.agent):
        assert "<!channel" not in said.text and shown_as_it_is(said.blocks)
    assert sum(f"{NAME} opted out" in said for said in whispered(house)) >= 3


def test_a_form_shows_the_name_as_it_is_and_names_who_can_help(house: House) -> None:
    """Slack reads no mark-up there."""
    form = house.opens(lambda: house.slack.command(house.agent, house.channel, "/contacts", "add"))
    refused = house.slack.submit(
        house.agent, form, {"number": "+14155550199", "name": "Ann", "email": NAME}
    )  # fmt: skip
    assert errors(refused) == {"email": f"“{NAME}” is not an e-mail address."}
    form = house.opens(
        lambda: house.slack.command(house.manager, house.channel, "/line", "settings"),
        house.manager,
    )  # fmt: skip
    with database.session():
        Member.update(role="agent").where(Member.slack_user == house.manager).execute()
    refused = house.slack.submit(house.manager, form, {})
    assert errors(refused) == {"channel": "Only the owner and managers can do that. Ask @Dana."}
    with database.session():
        Member.update(name=None).execute()
    refused = house.slack.submit(house.manager, form, {})
    assert errors(refused) == {"channel": "Only the owner and managers can do that. Ask the owner."}


def test_mark_up_of_ours_stays_and_nobody_elses() -> None:
    said = (
        f"Ask {call('U123')} in {call('C9')}. <@U123> <!here> <https://evil.example|*bank*> “a & b”"
    )
    told = as_told(said)
    assert told.startswith(
        "Ask <@U123> in <#C9>. &lt;@U123&gt; &lt;!here&gt; &lt;https://evil.example|"
    )
    assert told.endswith("“a &amp; b”")
    plain = in_plain(
        f"Ask {call('U1')}: `/text` or *Send*, a*b*c, <!x>", {"U1": "@Dana"}.__getitem__
    )
    assert plain == "Ask @Dana: /text or Send, a*b*c, <!x>"
    assert clean(call("U1")) == "\ufffd@U1\ufffd", "nobody types what calls"


def test_nothing_of_a_whole_day_pings_by_a_name(office: House) -> None:
    """Each card, modal, post and Home view there is, as tests/scene.py plays it."""
    Day(office, surname=f"Quillfeather {NAME}").play()
    slack = office.slack
    given = [args for _, args in slack.calls]
    shown = [post for posts in slack.whispers.values() for post in posts]
    shown += [post for room in slack.channels.values() for post in room.posts]
    drawn = [
        *given,
        *(post.blocks for post in shown),
        *(view.view for view in slack.views.values()),
    ]
    assert [one for one in drawn if not shown_as_it_is(one)] == []
    ours = [post.text for post in shown if post.user == slack.bot]
    assert [text for text in (*ours, *(one.get("text") or "" for one in given))
            if "<!channel" in text] == []  # fmt: skip
    assert sum(NAME in str(one) or "&lt;!channel&gt;" in str(one) for one in drawn) > 50


def test_a_word_that_a_command_does_not_know_is_said_so_above_what_it_knows(house: House) -> None:
    for command in ("/credits", "/line"):
        said = house.ask("reprot", command).plain()
        assert said.startswith(f"“reprot” is nothing that `{command}` knows. It knows:")
        assert house.ask("help", command).plain() in said
    told = house.ask("Spring", "/smartplans").plain()
    assert told == (
        "No plan is called “Spring”. You have none yet: `/smartplans new` makes one. "
        "`/smartplans help` says what else can be typed."
    )
