"""Workers are killed with -9 while numbers are bought, brought and released, and the peers
misbehave. No number is bought twice, none is left without its webhooks or lost from view."""

from __future__ import annotations

import collections
import os
import random
import time
from pathlib import Path

import pytest

from bot import clock
from bot.lines import setups
from bot.lines.models import Line, Setup
from bot.lines.offers import Held, Own
from bot.lines.sealing import Seal
from bot.lines.setups import Plan
from bot.models import Delivery
from bot.sandbox import Sandbox, wait
from ledger import database
from ledger.models import Account
from tests import databases
from tests.faults import processes

KILLS = int(os.environ.get("KILLS", "3"))
SEED = int(os.environ.get("SEED", "0")) or random.randrange(1, 10**6)
MISBEHAVIOUR = ("slow", "slow_after", "error", "rate_limit", "drop_before", "drop_after")
ELSEWHERE = "https://crm.example.com/in"
SECRET = "a secret for tests"
EACH = 4  # numbers of each kind


class Numbers:
    """Numbers that are bought, adopted, moved and brought, all at once."""

    def __init__(self, sandbox: Sandbox, agent: str, account: int) -> None:
        self.sandbox, self.agent, self.account = sandbox, agent, account
        self.twilio = sandbox.twilio
        self.bought = [offer.number for offer in self.twilio.shelf[:EACH]]
        self.adopted = [f"+1415555400{n}" for n in range(EACH)]
        self.moved = [f"+1415555410{n}" for n in range(EACH)]
        self.own = [f"+1415555420{n}" for n in range(EACH)]
        self.homes: dict[str, str] = {}

    @property
    def all(self) -> list[str]:
        return [*self.bought, *self.adopted, *self.moved, *self.own]

    def begin(self) -> None:
        """Begins with all of them, as the modals do."""
        for number in self.bought:
            setups.buy(self.account, self.agent, self._plan(number), None, f"V{number}", NOW())
        for number in self.adopted:
            self._adopt(number, self.twilio.account_sid)
        for number in self.moved:
            below, _ = self.twilio.add_account(parent=self.twilio.account_sid)
            self._adopt(number, below)
        for number in self.own:
            sid, token = self.twilio.add_account()
            held = self._held(number, sid)
            self.homes[number] = sid
            own = Own(held, Seal(SECRET).seal(token), None)
            setups.bring(self.account, self.agent, self._plan(number), own, f"V{number}", NOW())

    def release(self) -> None:
        """Releases them again."""
        with database.session():
            known = {line.number: line.id for line in Line.live()}
        for number in self.all:
            setups.release(known[number], self.agent, number, f"W{number}", NOW())

    def _adopt(self, number: str, account: str) -> None:
        held = self._held(number, account)
        setups.adopt(self.account, self.agent, self._plan(number), held, f"V{number}", NOW())

    def _held(self, number: str, account: str) -> Held:
        made = self.twilio.add_number(number, ELSEWHERE, account)
        return Held(made.sid, number, account, "", account == self.twilio.account_sid, None)

    def _plan(self, number: str) -> Plan:
        return Plan(number, f"Line {number[-4:]}", make=f"line-{number[-4:]}")


NOW = clock.now


@pytest.mark.slow
@pytest.mark.parametrize("engine", databases.ENGINES)
def test_kills_buy_nothing_twice_and_leave_nothing_half(engine: str, tmp_path: Path) -> None:
    dice = random.Random(SEED)
    print(f"SEED={SEED}")
    url = databases.fresh(engine)
    database.bind(url)
    with Sandbox() as sandbox:
        slack, twilio = sandbox.slack, sandbox.twilio
        agent, service = slack.add_user("Agent"), twilio.add_service()
        environ = {
            **sandbox.settings(), "DATABASE_URL": url, "SECRET_KEY": SECRET,
            "PUBLIC_URL": "https://texts.example.com", "ATTEMPT_TIMEOUT_S": "1", "LEASE_S": "3",
            "LOOK_AFTER_S": "1", "LOOK_APART_S": "1", "CHANNEL_PACE_S": "0.01",
            "TWILIO_MESSAGING_SERVICE_SID": service.sid,
        }  # fmt: skip
        processes.flask(
            environ, "setup", "--account", "Harbor Homes", "--owner", agent, "--credits", "100"
        )
        with database.session():
            account = Account.get().id
        workers = [processes.worker(environ, tmp_path / f"worker{n}.log") for n in range(2)]
        for process in workers:
            process.start()
        for peer in (slack, twilio):
            peer.faults.at_random(0.2, MISBEHAVIOUR, dice.randrange(10**6))
        numbers = Numbers(sandbox, agent, account)
        try:
            numbers.begin()
            _kill(workers, dice)
            _until_done(sandbox)
            _check_lines(sandbox, numbers, service.numbers)
            for peer in (slack, twilio):
                peer.faults.at_random(0.2, MISBEHAVIOUR, dice.randrange(10**6))
            numbers.release()
            _kill(workers, dice)
            _until_done(sandbox)
            _check_released(sandbox, numbers)
        finally:
            for process in workers:
                process.kill()
        assert "The books hold." in processes.flask(environ, "audit")
        print(f"{engine}: {KILLS * 2} kills, {len(twilio.faults.happened)} faults at Twilio, "
              f"{len(slack.faults.happened)} at Slack")  # fmt: skip


def _kill(workers: list[processes.Process], dice: random.Random) -> None:
    for _ in range(KILLS):
        victim = dice.choice(workers)
        if dice.random() < 0.8:  # else it may be killed before it is up
            wait(victim.at_work, timeout_s=60)
        time.sleep(dice.uniform(0.05, 0.8))
        victim.kill()
        time.sleep(dice.uniform(0, 0.3))
        victim.start()


def _until_done(sandbox: Sandbox) -> None:
    """Lets the peers behave, and waits until nothing is under way."""
    for peer in (sandbox.slack, sandbox.twilio):
        peer.faults.clear()

    def over() -> bool:
        with database.session():
            going = Setup.select().where(Setup.done_at.is_null()).count()
            alive = Delivery.state.in_(["queued", "sending", "unknown"])
            return not going and not Delivery.select().where(alive).count()

    wait(over, timeout_s=180)
    with database.session():
        ended = collections.Counter((one.kind, one.step, one.error) for one in Setup.select())
        assert all(step == "done" for _, step, _ in ended), ended
        assert Delivery.select().where(Delivery.state == "parked").count() == 0


def _check_lines(sandbox: Sandbox, numbers: Numbers, in_service: list[str]) -> None:
    twilio, slack = sandbox.twilio, sandbox.slack
    assert sorted(twilio.bought) == sorted(numbers.bought), "each is bought once, and no other"
    with database.session():
        found = {line.number: line for line in Line.live()}
    assert sorted(found) == sorted(numbers.all), "each is a line once"
    for number, line in found.items():
        held = twilio.numbers[number]
        assert held.account == numbers.homes.get(number, twilio.account_sid)
        assert held.set["sms_url"].startswith("https://texts.example.com/twilio/sms#")
        assert (held.sid in in_service) == (number not in numbers.own)
        assert line.sid == held.sid and line.joined_at is not None
        former = (line.former_webhooks or {}).get("sms_url")
        assert former == (None if number in numbers.bought else ELSEWHERE)
        rooms = [one for one in slack.channels.values() if one.name == f"line-{number[-4:]}"]
        assert [one.id for one in rooms] == [line.channel], "its channel is made once"
        welcomes = [p for p in slack.channel(line.channel) if "is a line of your team" in p.text]
        assert len(welcomes) == 1, "and welcomed once"


def _check_released(sandbox: Sandbox, numbers: Numbers) -> None:
    twilio = sandbox.twilio
    with database.session():
        assert Line.live().count() == 0
        assert Line.select().count() == len(numbers.all), "their rows are kept"
    assert not set(numbers.bought) & twilio.numbers.keys(), "what was bought is given back"
    for number in (*numbers.adopted, *numbers.moved, *numbers.own):
        assert twilio.numbers[number].set["sms_url"] == ELSEWHERE, "the rest is as it was"
