"""Web and workers are killed with -9 while people call, webhooks are lost and the peers misbehave.
No call is lost, none is shown or charged twice, and nobody is texted back twice in an hour."""

from __future__ import annotations

import collections
import os
import random
import threading
import time
from pathlib import Path

import pytest

from bot import clock
from bot.lines.models import Line
from bot.models import Delivery, Inbox
from bot.sandbox import Sandbox, wait
from bot.talks.models import Call, Message
from ledger import credits, database
from ledger.models import Account
from tests import databases
from tests.faults import processes

LINE, PHONE = "+14155550100", "+14155550188"
KILLS = int(os.environ.get("KILLS", "3"))
SEED = int(os.environ.get("SEED", "0")) or random.randrange(1, 10**6)
MISBEHAVIOUR = ("slow", "slow_after", "error", "rate_limit", "drop_before", "drop_after")
CALLERS = [f"+1415555{number}" for number in range(6000, 6012)]
BACK = "Sorry we missed you."


class Callers(threading.Thread):
    """People who call, one after the other; some give up, some webhooks never come."""

    def __init__(self, sandbox: Sandbox, dice: random.Random) -> None:
        super().__init__(daemon=True)
        self.twilio, self.dice = sandbox.twilio, dice
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.is_set():
            lost = [set(), set(), {"dial"}, {"call"}, {"dial", "call"}]
            self.twilio.kept_back = self.dice.choice(lost)
            self.twilio.picks_up = {PHONE: self.dice.choice((5, 61, 125))}
            if self.dice.random() < 0.4:
                self.twilio.picks_up.clear()
            self.twilio.call(
                self.dice.choice(CALLERS), LINE, gives_up=self.dice.random() < 0.2
            )  # fmt: skip
            time.sleep(self.dice.uniform(0.05, 0.3))


@pytest.mark.parametrize("engine", databases.ENGINES)
def test_kills_lose_no_call_and_charge_none_twice(engine: str, tmp_path: Path) -> None:
    dice = random.Random(SEED)
    print(f"SEED={SEED}")
    url = databases.fresh(engine)
    database.bind(url)
    ahead = tmp_path / "ahead"
    ahead.write_text("0")
    clock.follow(ahead)
    with Sandbox() as sandbox:
        slack, twilio = sandbox.slack, sandbox.twilio
        agent = slack.add_user("Agent")
        channel = slack.add_channel("leads")
        twilio.add_number(LINE)
        port = processes.free_port()
        sandbox.app_url = f"http://127.0.0.1:{port}"
        environ = {
            **sandbox.settings(), "DATABASE_URL": url, "SECRET_KEY": "a secret for tests",
            "PUBLIC_URL": sandbox.app_url, "ATTEMPT_TIMEOUT_S": "1", "LEASE_S": "3",
            "LOOK_AFTER_S": "1", "LOOK_APART_S": "1", "NUMBER_PACE_S": "0.01",
            "CHANNEL_PACE_S": "0.01", "DEMO_CLOCK": str(ahead),
        }  # fmt: skip
        processes.flask(
            environ, "setup", "--account", "Harbor Homes", "--owner", agent, "--line", LINE,
            "--channel", channel, "--credits", "1000",
        )  # fmt: skip
        with database.session():
            Line.update(
                voice_mode="forward", forward_user=agent, forward_number=PHONE, text_back=BACK,
                text_back_by=agent, calls_until=clock.now(),
            ).execute()  # fmt: skip
        house = [
            processes.web(environ, tmp_path / "web.log", port),
            *(processes.worker(environ, tmp_path / f"worker{n}.log") for n in range(2)),
        ]
        for process in house:
            process.start()
        processes.wait_for(f"{sandbox.app_url}/readyz")
        for peer in (slack, twilio):
            peer.faults.at_random(0.15, MISBEHAVIOUR, dice.randrange(10**6))
        callers = Callers(sandbox, dice)
        callers.start()
        try:
            for _ in range(KILLS):
                victim = dice.choice(house)
                if dice.random() < 0.8:
                    wait(victim.at_work, timeout_s=60)
                time.sleep(dice.uniform(0.05, 0.8))
                victim.kill()
                time.sleep(dice.uniform(0, 0.3))
                victim.start()
            wait(lambda: len(twilio.legs) > 40, timeout_s=60)
            callers.over.set()
            callers.join(30)
            for peer in (slack, twilio):
                peer.faults.clear()
            for process in house[1:]:  # on start a worker reads what no webhook brought
                process.kill()
                process.start()
            _settled(sandbox, ahead)
            _check(sandbox, channel)
        finally:
            callers.over.set()
            for process in house:
                process.kill()
            clock.follow(None)
        assert "The books hold." in processes.flask({**environ, "DEMO_CLOCK": ""}, "audit")
        print(f"{engine}: {KILLS} kills, {len(twilio.legs)} calls and legs, "
              f"{len(twilio.faults.happened)} faults at Twilio")  # fmt: skip


def _settled(sandbox: Sandbox, ahead: Path) -> None:
    """Time goes on until Twilio was asked what nobody told, and all of it is shown."""

    def over() -> bool:
        with database.session():
            calls = Call.select().where(Call.outcome != "ringing").count()
            alive = Delivery.state.in_(["queued", "sending", "unknown"])
            waiting = Delivery.select().where(alive).count()
            new = Inbox.select().where(Inbox.state == "new").count()
        return calls == len(_inbound(sandbox)) and not waiting and not new

    for minutes in (6, 22):  # a question that Twilio did not answer is asked again later
        ahead.write_text(str(60 * minutes))
        try:
            return wait(over, timeout_s=120)
        except AssertionError:
            continue
    with database.session():
        known = {call.call_sid for call in Call.select()}
        alive = Delivery.state.in_(["queued", "sending", "unknown"])
        left = [(one.kind, one.key, one.state, one.error, one.due_at, clock.now())
                for one in Delivery.select().where(alive).limit(5)]  # fmt: skip
        new = [(one.kind, one.key, one.state, one.error) for one in Inbox.select().where(
            Inbox.state != "done").limit(5)]  # fmt: skip
    lost = [(leg.sid, leg.status) for leg in sandbox.twilio.legs.values()
            if leg.parent is None and leg.sid not in known]  # fmt: skip
    raise AssertionError(f"not settled: lost {lost}, to leave {left}, came in {new}")


def _inbound(sandbox: Sandbox) -> list[str]:
    return [leg.sid for leg in list(sandbox.twilio.legs.values()) if leg.parent is None]


def _check(sandbox: Sandbox, channel: str) -> None:
    twilio, slack = sandbox.twilio, sandbox.slack
    taken = {leg.parent: leg.seconds for leg in twilio.legs.values()
             if leg.parent and leg.status == "completed"}  # fmt: skip
    with database.session():
        rows = {call.call_sid: call for call in Call.select()}
        texts = Message.select().where(Message.direction == "out").count()
        left = credits.balance(Account.get().id)
    assert sorted(rows) == sorted(_inbound(sandbox)), "each call is there once"
    for sid, call in rows.items():
        seconds = taken.get(sid, 0)
        assert (call.outcome == "answered") == (sid in taken), call.outcome
        assert call.credits == -(-seconds // 60), "its minutes are charged, and once"
    assert left == 1000 - texts - sum(call.credits for call in rows.values())
    said = [post for post in slack.channels[channel].posts if "Call taken" in post.text
            or "Missed call" in post.text]  # fmt: skip
    assert len(said) == len(rows), "each is shown once"
    back = collections.Counter(text.to for text in twilio.texts.values())
    assert back and max(back.values()) == 1, "and nobody is texted back twice"
