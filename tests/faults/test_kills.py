"""Web and workers are killed with -9 while texts flow and the peers misbehave. Nothing is lost,
nothing is doubled, and the books hold."""

from __future__ import annotations

import collections
import os
import random
import threading
import time
from pathlib import Path

import pytest
import requests

from bot.models import Inbox, Part
from bot.sandbox import Sandbox, wait
from ledger import database
from tests import databases
from tests.faults import processes

KILLS = int(os.environ.get("KILLS", "10"))
SEED = int(os.environ.get("SEED", "0")) or random.randrange(1, 10**6)
LINE = "+14155550100"
PEOPLE = [f"+1415555{n:04d}" for n in range(1000, 1012)]
AGENTS = 3
MISBEHAVIOUR = ("slow", "slow_after", "error", "rate_limit", "drop_before", "drop_after")


class Traffic:
    """People who text in, and an agent who answers, until told to stop."""

    def __init__(self, sandbox: Sandbox, channel: str, agent: str, dice: random.Random) -> None:
        self.sandbox, self.channel, self.agent, self.dice = sandbox, channel, agent, dice
        self.texted: dict[str, str] = {}  # SID → body, of people
        self.confirmed: list[str] = []  # bodies whose Send was answered
        self.stopping = threading.Event()
        self.threads = [
            threading.Thread(target=self._people),
            *(threading.Thread(target=self._answer, args=(hand,)) for hand in range(AGENTS)),
        ]

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def _people(self) -> None:
        while not self.stopping.wait(self.dice.uniform(0.02, 0.15)):
            body = f"from a person, number {len(self.texted)}"
            sid = self.sandbox.twilio.text(self.dice.choice(PEOPLE), LINE, body, wait_for_it=False)
            self.texted[sid] = body
            if self.dice.random() < 0.2:
                self.sandbox.twilio.redeliver(sid, times=3)

    def _answer(self, hand: int) -> None:
        count = 0
        while not self.stopping.wait(self.dice.uniform(0.02, 0.15)):
            count += 1
            body = f"from hand {hand} of the agent, number {count}"
            typed = f"{self.dice.choice(PEOPLE)} {body}"
            try:
                card = self.sandbox.slack.command(self.agent, self.channel, "/text", typed).shown
            except requests.RequestException:
                continue  # the web is down: the agent sees an error, and no card
            if card is None:
                continue
            press = self.sandbox.slack.signed_press(self.agent, card, "Send")
            if self._until_answered(press):
                self.confirmed.append(body)

    def _until_answered(self, press: object) -> bool:
        """Presses Send again while Slack shows an error, as a person would; sometimes twice."""
        while True:
            try:
                if press.send().status == 200:
                    if self.dice.random() < 0.3:
                        press.send()
                    return True
            except requests.RequestException:
                time.sleep(0.1)


@pytest.mark.parametrize("engine", databases.ENGINES)
def test_kills_lose_nothing_and_double_nothing(engine: str, tmp_path: Path) -> None:
    dice = random.Random(SEED)
    print(f"SEED={SEED}")
    url = databases.fresh(engine)
    with Sandbox() as sandbox:
        slack, twilio = sandbox.slack, sandbox.twilio
        agent, channel = slack.add_user("Agent"), slack.add_channel("leads")
        twilio.add_number(LINE)
        port = processes.free_port()
        sandbox.app_url = f"http://127.0.0.1:{port}"
        environ = {
            **sandbox.settings(), "DATABASE_URL": url, "SECRET_KEY": "a secret for tests",
            "PUBLIC_URL": sandbox.app_url, "ATTEMPT_TIMEOUT_S": "1", "LEASE_S": "3",
            "LOOK_AFTER_S": "1", "LOOK_APART_S": "1", "NUMBER_PACE_S": "0.01",
            "CHANNEL_PACE_S": "0.01",
        }  # fmt: skip
        processes.flask(
            environ, "setup", "--account", "Harbor Homes", "--owner", agent, "--line", LINE,
            "--channel", channel, "--credits", "100000",
        )  # fmt: skip
        web = processes.web(environ, tmp_path / "web.log", port)
        workers = [processes.worker(environ, tmp_path / f"worker{n}.log") for n in range(2)]
        house = [web, *workers]
        for process in house:
            process.start()
        processes.wait_for(f"{sandbox.app_url}/readyz")

        for peer in (slack, twilio):
            peer.faults.at_random(0.15, MISBEHAVIOUR, dice.randrange(10**6))
        twilio.callbacks.repeat, twilio.callbacks.shuffle = 2, True
        traffic = Traffic(sandbox, channel, agent, dice)
        traffic.start()
        began = time.monotonic()
        for _ in range(KILLS):
            time.sleep(dice.uniform(0.1, 1.0))
            victim = dice.choice(house)
            victim.kill()
            time.sleep(dice.uniform(0, 0.3))
            victim.start()
        processes.wait_for(f"{sandbox.app_url}/healthz")
        traffic.stop()
        print(f"traffic: {time.monotonic() - began:.1f} s")
        for peer in (slack, twilio):
            peer.faults.clear()
        for process in workers:  # on start a worker reads what no webhook brought
            process.kill()
            process.start()
        try:
            _drained(url, traffic)
            _check(sandbox, traffic, environ)
        finally:
            for process in house:
                process.kill()
        print(
            f"{engine}: {time.monotonic() - began:.1f} s, {KILLS} kills, "
            f"{len(traffic.texted)} texts in, {len(traffic.confirmed)} out, "
            f"{len(twilio.faults.happened)} faults at Twilio, "
            f"{len(slack.faults.happened)} at Slack"
        )


def _drained(url: str, traffic: Traffic) -> None:
    """Waits until both doors are empty and Twilio has said the last of every text."""
    database.bind(url)

    def empty() -> bool:
        with database.session():
            live = database.query(
                "SELECT (SELECT COUNT(*) FROM inbox WHERE state = 'new')"
                " + (SELECT COUNT(*) FROM delivery WHERE state IN ('queued','sending','unknown'))"
            ).fetchone()[0]
            arrived = Inbox.select().where(Inbox.kind == "twilio.sms").count()
            waiting = Part.select().where(Part.status.in_(["waiting"])).count()
        return live == 0 and waiting == 0 and arrived == len(traffic.texted)

    wait(empty, timeout_s=180)


def _check(sandbox: Sandbox, traffic: Traffic, environ: dict[str, str]) -> None:
    shown = collections.Counter(
        post.blocks[0]["text"]["text"]
        for post in sandbox.slack.channels[traffic.channel].posts
        if post.thread_ts
    )
    assert {body: shown[body] for body in traffic.texted.values()} == dict.fromkeys(
        traffic.texted.values(), 1
    ), "each text in stands in Slack once"
    sent = collections.Counter(
        text.body for text in sandbox.twilio.texts.values() if text.direction == "outbound-api"
    )
    assert {body: sent[body] for body in traffic.confirmed} == dict.fromkeys(
        traffic.confirmed, 1
    ), "each confirmed text is at Twilio once"
    assert max(sent.values()) == 1, "and no other is there twice"
    roots = [p for p in sandbox.slack.channels[traffic.channel].posts if p.thread_ts is None]
    assert len(roots) == len({root.text.split(" · ")[0] for root in roots}), "one thread a person"
    assert "The books hold." in processes.flask(environ, "audit")
    assert traffic.texted and traffic.confirmed
