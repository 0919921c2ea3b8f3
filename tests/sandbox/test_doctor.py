"""`flask doctor` on the demo as it runs, web and worker as processes: each state that it can be in
is explained, with what to do, and is over when that was done."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any

import pytest

from bot import clock, config
from bot.lines.models import Line, TwilioAccount
from bot.models import Delivery, Heartbeat, Inbox
from bot.sandbox import Sandbox, wait
from bot.sandbox.stage import LINE, Stage
from bot.team.models import Member
from bot.twilio.accounts import Accounts
from bot.words import count
from ledger import database
from tests.commands import flask
from tests.faults.processes import free_port
from tests.house import ANN

TOLL_FREE = "+18005550199"
State = Callable[[Stage], AbstractContextManager[Any]]


@pytest.fixture(scope="module")
def demo() -> Iterator[Stage]:
    port = free_port()
    with Sandbox(f"http://127.0.0.1:{port}") as sandbox:
        stage = Stage(sandbox, port)
        try:
            stage.start()
            service = sandbox.twilio.add_service()
            service.numbers.append(sandbox.twilio.numbers[LINE].sid)
            stage.environ["TWILIO_MESSAGING_SERVICE_SID"] = service.sid
            yield stage
        finally:
            stage.stop()


def doctor(demo: Stage, **environ: str) -> list[str]:
    """What it finds; its last line says how much that is."""
    said = flask(demo.environ | environ, "doctor")
    *found, last = said.stdout.splitlines() or [said.stderr]
    assert said.returncode == (1 if found else 0), said
    assert last == (f"{count(len(found), 'finding')}." if found else "All is well.")
    return [line.removeprefix("- ") for line in found]


def finds(demo: Stage, words: str) -> str:
    """Waits until it finds this, and nothing else. When the clock jumps, the worker looks dead for
    a moment."""
    (found,) = wait(lambda: [f for f in doctor(demo) if words in f], 60)
    wait(lambda: len(doctor(demo)) == 1, 30)
    return str(found)


def is_well(demo: Stage) -> bool:
    return doctor(demo) == []


# At Twilio


@contextmanager
def gone(demo: Stage) -> Iterator[None]:
    held = demo.sandbox.twilio.numbers.pop(LINE)
    yield
    demo.sandbox.twilio.numbers[LINE] = held


def number(**set_: Any) -> State:
    @contextmanager
    def state(demo: Stage) -> Iterator[None]:
        held = demo.sandbox.twilio.numbers[LINE]
        before = dict(held.set)
        held.set |= set_
        yield
        held.set.clear()
        held.set |= before

    return state


@contextmanager
def calls_elsewhere(demo: Stage) -> Iterator[None]:
    with database.session():
        Line.update(calls_until=clock.now()).where(Line.number == LINE).execute()
    with number(voice_url="https://elsewhere.example/voice")(demo):
        yield
    with database.session():
        Line.update(calls_until=None).where(Line.number == LINE).execute()


def service(**given: Any) -> State:
    @contextmanager
    def state(demo: Stage) -> Iterator[None]:
        (held,) = demo.sandbox.twilio.services.values()
        before = {name: getattr(held, name) for name in given}
        for name, value in given.items():
            setattr(held, name, value)
        yield
        for name, value in before.items():
            setattr(held, name, value)

    return state


def toll_free(how_far: str | None) -> State:
    @contextmanager
    def state(demo: Stage) -> Iterator[None]:
        twilio = demo.sandbox.twilio
        twilio.add_number(TOLL_FREE)
        (held,) = twilio.services.values()
        held.numbers.append(twilio.numbers[TOLL_FREE].sid)
        if how_far:
            twilio.verified[TOLL_FREE] = how_far
        with database.session():
            Line.update(number=TOLL_FREE).where(Line.number == LINE).execute()
        yield
        with database.session():
            Line.update(number=LINE).where(Line.number == TOLL_FREE).execute()
        held.numbers.remove(twilio.numbers.pop(TOLL_FREE).sid)
        twilio.verified.clear()

    return state


@contextmanager
def another_account(demo: Stage) -> Iterator[None]:
    """The line is in an agent's own account, whose token was changed there."""
    sid, token = demo.sandbox.twilio.add_account()
    said = flask(
        demo.environ, "twilio", "--sid", sid, "--account", "Harbor Homes", "--token", token
    )
    assert said.returncode == 0, said
    demo.sandbox.twilio.more_accounts[sid] = "another"
    yield
    with database.session():
        TwilioAccount.delete().execute()


SEE = "docs/how-to/health.md says how."
REPAIR = "Press Repair under the message in its channel, or set it at Twilio yourself."
AGAIN = "Install the app again in Slack, put its new token into SLACK_BOT_TOKEN, and restart"
AT_TWILIO: dict[str, tuple[State, str, str]] = {
    "gone": (gone, "Twilio no longer has this number in our account", "`/line bring` takes the"),
    "elsewhere": (
        number(sms_url="https://elsewhere.example/sms"),
        "Its texts go somewhere else than here.", REPAIR,
    ),
    "nowhere": (number(sms_url=""), "Its texts go nowhere.", REPAIR),
    "an old address": (
        number(sms_url="https://old.example/twilio/sms"),
        "Its texts go to another address than PUBLIC_URL.", REPAIR,
    ),
    "an application": (
        number(sms_application_sid="AP1"), "An application at Twilio takes its texts", REPAIR,
    ),
    "by GET": (number(sms_method="GET"), "does not bring all of its texts", REPAIR),
    "calls": (calls_elsewhere, "Its calls go somewhere else than here.", REPAIR),
    "swallowed": (
        service(on_number=False), "The Messaging Service swallows texts that come in.", REPAIR,
    ),
    "taken": (
        service(on_number=False, inbound_request_url="https://x.example/"),
        "The Messaging Service takes texts that come in elsewhere.", REPAIR,
    ),
    "not in it": (service(numbers=[]), "The number is not in the Messaging Service", REPAIR),
    "unregistered": (service(campaigns=[]), "It is not registered with US carriers", SEE),
    "being registered": (service(campaigns=["PENDING"]), "is under way", "Wait."),
    "refused": (
        service(campaigns=["FAILED"]), "refused its registration (A2P 10DLC): The website",
        "Mend it and hand it in again in Twilio's console.",
    ),
    "unverified": (toll_free(None), "This toll-free number is not verified", SEE),
    "being verified": (toll_free("IN_REVIEW"), "is being verified", "Wait."),
    "verification refused": (
        toll_free("TWILIO_REJECTED"), "was refused: Opt-in was not shown.", "Hand it in again",
    ),
    "another account": (
        another_account, "does not take our credentials: no text leaves.", "flask twilio --sid AC",
    ),
}  # fmt: skip


@pytest.mark.parametrize("state", AT_TWILIO)
def test_a_state_at_twilio(demo: Stage, state: str) -> None:
    put, says, advice = AT_TWILIO[state]
    assert is_well(demo)
    with put(demo):
        (found,) = doctor(demo)
    assert says in found and advice in found, found
    assert "whoever runs Partyline" not in found, "that is who reads it"
    assert "*" not in found and "<#" not in found, "a terminal knows no mark-up of Slack's"
    assert is_well(demo)


# In Slack


@contextmanager
def archived(demo: Stage) -> Iterator[None]:
    demo.sandbox.slack.channels[demo.channel].archived = True
    yield
    demo.sandbox.slack.channels[demo.channel].archived = False


@contextmanager
def not_in_it(demo: Stage) -> Iterator[None]:
    room = demo.sandbox.slack.channels[demo.channel]
    room.members.remove(demo.sandbox.slack.bot)
    yield
    room.members.add(demo.sandbox.slack.bot)


@contextmanager
def no_channel(demo: Stage) -> Iterator[None]:
    room = demo.sandbox.slack.channels.pop(demo.channel)
    yield
    demo.sandbox.slack.channels[demo.channel] = room


IN_SLACK: dict[str, tuple[State, str, str]] = {
    "archived": (archived, "the channel is archived.", "Bring it back, or give the line another"),
    "not in it": (not_in_it, "@Partyline is not in the channel.", "Type `/invite @Partyline` in"),
    "gone": (no_channel, "the channel is gone, or private and without @Partyline.", "/invite"),
}


@pytest.mark.parametrize("state", IN_SLACK)
def test_a_state_of_the_channel(demo: Stage, state: str) -> None:
    put, says, advice = IN_SLACK[state]
    assert is_well(demo)
    with put(demo):
        (found,) = doctor(demo)
    assert f"Nothing can be shown in the channel {demo.channel}: {says}" in found
    assert advice in found
    assert is_well(demo)


def test_posts_that_wait_for_an_archived_channel(demo: Stage) -> None:
    with archived(demo):
        demo.sandbox.twilio.text(ANN, LINE, "Anybody there?")
        wait(lambda: len(doctor(demo)) > 1, 30)
        waits, channel = doctor(demo)
    assert f"post(s) wait for Slack's channel {demo.channel} since" in waits
    assert "the channel is archived" in waits and "the channel is archived" in channel
    demo.calendar.set(clock.now() + timedelta(minutes=2))
    wait(lambda: is_well(demo), 30)


# What we say of ourselves


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        ({"TWILIO_AUTH_TOKEN": "no"}, "Twilio does not take our credentials: no text leaves. "
         "Mend TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, then restart."),
        ({"SLACK_BOT_TOKEN": "xoxb-no"}, f"Slack does not take Partyline's token. {AGAIN}"),
        ({"SLACK_API_URL": "http://127.0.0.1:9/api/"}, "Slack does not take our credentials or "
         "cannot be reached: "),
        ({"TWILIO_API_URL": "http://127.0.0.1:9"}, "Twilio does not take our credentials or "
         "cannot be reached: "),
    ],
)  # fmt: skip
def test_a_setting_that_is_wrong(demo: Stage, wrong: dict[str, str], found: str) -> None:
    (said,) = doctor(demo, **wrong)
    assert found in said


def test_a_database_that_is_behind(demo: Stage, tmp_path: Any) -> None:
    said = flask(demo.environ | {"DATABASE_URL": f"sqlite:///{tmp_path / 'new.db'}"}, "doctor")
    assert said.returncode == 2 and "Run `flask migrate`, then start again." in said.stderr


def test_a_worker_that_is_dead(demo: Stage) -> None:
    assert demo.worker.running is not None
    os.killpg(demo.worker.running.pid, signal.SIGKILL)
    demo.worker.running.wait()
    with database.session():
        Heartbeat.update(beat_at=clock.now() - timedelta(minutes=1)).execute()
    (found,) = doctor(demo)
    assert found == (
        "No worker is alive: texts are saved, nothing is shown or sent. Run `flask worker`."
    )
    demo._run(demo.worker)
    wait(lambda: is_well(demo), 30)


def test_a_text_to_a_number_that_is_no_line(demo: Stage) -> None:
    demo.sandbox.twilio.add_number("+14155550111")
    demo.sandbox.twilio.text(ANN, "+14155550111", "Hello")
    parked = wait(lambda: doctor(demo), 30)
    assert "no line has the number +14155550111: add it with `flask setup --line`" in parked[0]
    assert parked[1].startswith(
        "1 row(s) arrived are parked. Mend the cause, then run `flask retry"
    )
    with database.session():
        Inbox.delete().where(Inbox.state == "parked").execute()
    assert is_well(demo)


def test_an_account_without_an_owner(demo: Stage) -> None:
    owner = Member.role == "owner"
    with database.session():
        Member.update(role="manager").where(owner).execute()
    (found,) = doctor(demo)
    assert found.startswith("Harbor Homes has no owner any more. Run `flask handover --account")
    said = flask(demo.environ, "handover", "--account", "Harbor Homes", "--owner", demo.agent)
    assert said.returncode == 0, said
    wait(lambda: is_well(demo), 30)


def test_texts_that_do_not_leave(demo: Stage) -> None:
    """A lane that is stuck: Twilio is down while a text waits, for more than ten minutes."""
    demo.switch("twilio_down")
    card = demo.sandbox.slack.command(demo.agent, demo.channel, "/text", f"{ANN} Hello").shown
    assert card is not None
    demo.sandbox.slack.press(demo.agent, card, "Send")
    wait(_was_tried, 30)
    demo.calendar.set(clock.now() + timedelta(minutes=12))
    found = wait(lambda: [f for f in doctor(demo) if "could not leave for ten minutes" in f], 30)
    assert "1 text could not leave" in found[0] and "tried again by themselves" in found[0]
    demo.switch("twilio_down")
    for _ in range(6):
        demo.calendar.set(clock.now() + timedelta(minutes=3))
        demo.sandbox.twilio.quiet()
    wait(lambda: is_well(demo), 60)


def _was_tried() -> bool:
    with database.session():
        return bool(Delivery.select().where(
            Delivery.kind == "twilio.message", Delivery.error.is_null(False)
        ).exists())  # fmt: skip


def test_a_set_up_that_twilio_refused_a_text_for(demo: Stage) -> None:
    demo.sandbox.twilio.refuse(ANN, 21408)
    card = demo.sandbox.slack.command(demo.agent, demo.channel, "/text", f"{ANN} Hi again").shown
    assert card is not None
    demo.sandbox.slack.press(demo.agent, card, "Send")
    found = finds(demo, "Texting to that country is switched off.")
    assert "press It is mended" in found
    assert found.endswith("See https://www.twilio.com/docs/errors/21408.")
    demo.sandbox.twilio.refusals.clear()
    (card,) = [
        post for post in demo.sandbox.slack.channel(demo.channel) if "It is mended" in post.plain()
    ]
    demo.sandbox.slack.press(demo.agent, card, "It is mended")
    wait(lambda: is_well(demo), 30)


def test_texts_that_mostly_do_not_arrive(demo: Stage) -> None:
    slack, twilio = demo.sandbox.slack, demo.sandbox.twilio
    for n in range(20):
        to = f"+1415555{2000 + n}"
        twilio.outcome(to, "undelivered" if n < 7 else "delivered", 30007 if n < 7 else None)
        card = slack.command(demo.agent, demo.channel, "/text", f"{to} Win a prize").shown
        assert card is not None
        slack.press(demo.agent, card, "Send")
    found = finds(demo, "since this hour of yesterday did not arrive.")
    assert "It was filtered out as spam (30007): 7" in found
    assert found.endswith("Look at what was sent to whom before more goes out.")
    demo.jump(clock.now() + timedelta(hours=25))
    wait(lambda: is_well(demo), 30)


def test_texts_that_nobody_here_sent(demo: Stage) -> None:
    settings = config.load(demo.environ)
    client = Accounts(settings).client()
    client.messages.create(to="+14155550124", from_=LINE, body="Win a prize")
    demo.jump(clock.now() + timedelta(minutes=40))
    found = finds(demo, "1 text left this number in the last day that nobody sent here.")
    assert "the Twilio account's token is known to others" in found
    demo.jump(clock.now() + timedelta(hours=25))
    wait(lambda: is_well(demo), 30)
