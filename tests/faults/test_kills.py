"""Web and workers are killed with -9 while texts flow and the peers misbehave. Nothing is lost,
nothing is doubled, and the books hold."""

from __future__ import annotations

import collections
import json
import os
import random
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from bot import doctor, marketplace
from bot.models import Inbox
from bot.sandbox import Sandbox, wait
from bot.talks.models import Part
from ledger import database
from ledger.models import Account, Alert, Period, Subscription
from tests import databases, pictures
from tests.faults import processes
from tests.faults.repliers import Repliers

KILLS = int(os.environ.get("KILLS", "3"))
SEED = int(os.environ.get("SEED", "0")) or random.randrange(1, 10**6)
LINE, SECOND = "+14155550100", "+14155550101"
#: So small that each change of plan is soon followed by alerts.
PLANS = "".join(
    f'[[plan]]\ncode = "{code}"\nname = "{code}"\ncredits = {credits}\nprice = "1.00"\n'
    for code, credits in (("small", 30), ("middle", 80), ("large", 200))
)
SHOP_SECRET, BOSS = "a secret of the shop", "boss@elm.example"
PEOPLE = [f"+1415555{n:04d}" for n in range(1000, 1012)]
AGENTS = 3
LIVE = """
    SELECT kind, state, count(*) FROM inbox WHERE state = 'new' GROUP BY kind, state UNION ALL
    SELECT kind, state, count(*) FROM delivery WHERE state IN ('queued', 'sending', 'unknown')
    GROUP BY kind, state"""
MISBEHAVIOUR = ("slow", "slow_after", "error", "rate_limit", "drop_before", "drop_after")


class Traffic:
    """People who text in, and agents who answer and reply, until told to stop."""

    def __init__(
        self, sandbox: Sandbox, channels: list[str], agent: str, dice: random.Random,
        apps: list[str],
    ) -> None:  # fmt: skip
        self.sandbox, self.channels, self.agent, self.dice = sandbox, channels, agent, dice
        self.channel = channels[0]
        self.plan = ""  # what the shop was last told that the second account has
        self.texted: dict[str, str] = {}  # SID → body, of people
        self.pictures = 0  # texts of theirs that carried one
        self.confirmed: list[str] = []  # bodies whose Send was answered
        self.stopping = threading.Event()
        self.repliers = Repliers(sandbox.slack, self.channel, agent, dice, self.stopping, apps)
        self.threads = [
            threading.Thread(target=self._people),
            threading.Thread(target=self._shop),
            *(threading.Thread(target=self._answer, args=(hand,)) for hand in range(AGENTS)),
            *(threading.Thread(target=self.repliers.work, args=(n,)) for n in range(2 * AGENTS)),
        ]

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def _people(self) -> None:
        while not self.stopping.wait(self.dice.uniform(0.05, 0.3)):
            body = f"from a person, number {len(self.texted)}"
            line = self.dice.choice([LINE, SECOND])
            media = [pictures.jpeg(20_000)] if self.dice.random() < 0.2 else []
            self.pictures += len(media)
            sender = self.dice.choice(PEOPLE)
            sid = self.sandbox.twilio.text(sender, line, body, media, wait_for_it=False)
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

    def _shop(self) -> None:
        """An outside shop moves the second account from plan to plan, and repeats itself."""
        count, kind = 0, "start"
        while not self.stopping.wait(self.dice.uniform(0.3, 2)):
            count += 1
            plan = self.dice.choice(["small", "middle", "large"])
            event = {
                "id": f"evt_{count}", "type": kind, "account": "Elm", "plan": plan,
                "created_at": datetime.now(UTC).isoformat(),
            }  # fmt: skip
            body = json.dumps(event).encode()
            for _ in range(self.dice.choice([1, 1, 3])):
                self._tell(body)
            self.plan, kind = plan, "change"

    def _tell(self, body: bytes) -> None:
        url = f"{self.sandbox.app_url}/marketplace/subscriptions"
        while True:
            stamp = marketplace.signature(SHOP_SECRET, body, int(time.time()))
            try:
                headers = {"Partyline-Signature": stamp}
                if requests.post(url, data=body, headers=headers, timeout=10).status_code == 200:
                    return
            except requests.RequestException:
                time.sleep(0.1)

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


@pytest.mark.slow
@pytest.mark.parametrize("engine", databases.ENGINES)
def test_kills_lose_nothing_and_double_nothing(engine: str, tmp_path: Path) -> None:
    dice = random.Random(SEED)
    print(f"SEED={SEED}")
    url = databases.fresh(engine)
    database.bind(url)
    with Sandbox() as sandbox:
        slack, twilio = sandbox.slack, sandbox.twilio
        agent, boss = slack.add_user("Agent"), slack.add_user("Boss")
        channels = [slack.add_channel("leads"), slack.add_channel("elm")]
        for line in (LINE, SECOND):
            twilio.add_number(line)
        port = processes.free_port()
        sandbox.app_url = f"http://127.0.0.1:{port}"
        environ = {
            **sandbox.settings(), "DATABASE_URL": url, "SECRET_KEY": "a secret for tests",
            "PUBLIC_URL": sandbox.app_url, "ATTEMPT_TIMEOUT_S": "1", "LEASE_S": "3",
            "LOOK_AFTER_S": "1", "LOOK_APART_S": "1", "NUMBER_PACE_S": "0.01",
            "CHANNEL_PACE_S": "0.01", "MARKETPLACE_SECRET": SHOP_SECRET,
            "PLANS_FILE": str(tmp_path / "plans.toml"), "DEMO_CLOCK": str(tmp_path / "clock"),
        }  # fmt: skip
        (tmp_path / "clock").write_text("0")
        (tmp_path / "plans.toml").write_text(PLANS)
        processes.flask(
            environ, "setup", "--account", "Harbor Homes", "--owner", agent, "--line", LINE,
            "--channel", channels[0], "--credits", "100000",
        )  # fmt: skip
        processes.flask(
            environ, "setup", "--account", "Elm", "--owner", boss, "--line", SECOND,
            "--channel", channels[1], "--email", BOSS,
        )  # fmt: skip
        ports = [port, processes.free_port()]
        webs = [processes.web(environ, tmp_path / f"web{n}.log", ports[n]) for n in range(2)]
        workers = [processes.worker(environ, tmp_path / f"worker{n}.log") for n in range(2)]
        house = [*webs, *workers]
        for process in house:
            process.start()
        apps = [f"http://127.0.0.1:{port}" for port in ports]
        for app in apps:
            processes.wait_for(f"{app}/readyz")

        for peer in (slack, twilio, sandbox.mail):
            peer.faults.at_random(0.15, MISBEHAVIOUR, dice.randrange(10**6))
        twilio.callbacks.repeat, twilio.callbacks.shuffle = 2, True
        slack.echoes = True
        traffic = Traffic(sandbox, channels, agent, dice, apps)
        traffic.start()
        began = time.monotonic()
        for _ in range(KILLS):
            victim = dice.choice(house)
            if dice.random() < 0.8:  # else it may be killed before it is up
                wait(victim.at_work, timeout_s=60)
            time.sleep(dice.uniform(0.05, 0.6))
            victim.kill()
            time.sleep(dice.uniform(0, 0.3))
            victim.start()
        processes.wait_for(f"{sandbox.app_url}/healthz")
        # Of everything, some: on a slow machine few texts pass between so many kills.
        wait(lambda: _crossed() and traffic.confirmed and traffic.repliers.sent, timeout_s=120)
        traffic.stop()
        print(f"traffic: {time.monotonic() - began:.1f} s")
        for peer in (slack, twilio, sandbox.mail):
            peer.faults.clear()
        for process in workers:
            process.kill()
        processes.jump(tmp_path / "clock", 3600)  # what failed often waits for half an hour
        for process in workers:  # on start a worker reads what no webhook brought
            process.start()
        try:
            _drained(traffic)
            _check(sandbox, traffic, environ)
            told = _check_alerts(sandbox, traffic, boss)
        finally:
            for process in house:
                process.kill()
        print(
            f"{engine}: {time.monotonic() - began:.1f} s, {KILLS} kills, "
            f"{len(traffic.texted)} texts in, {traffic.pictures} with a picture, "
            f"{len(traffic.confirmed)} out, "
            f"{len(traffic.repliers.sent)} replies, {len(traffic.repliers.withdrawn)} withdrawn, "
            f"{len(twilio.faults.happened)} faults at Twilio, "
            f"{len(slack.faults.happened)} at Slack, {told} alerts"
        )


def _drained(traffic: Traffic) -> None:
    """Waits until both doors are empty and Twilio has said the last of every text."""

    def left() -> dict[str, int]:
        time.sleep(0.2)  # to look costs the database what draining needs
        with database.session():
            found = {f"{kind} {state}": count for kind, state, count in database.query(LIVE)}
            found["alerts"] = Period.select().where(Period.alert_due, ~Period.closed).count()
            found["parts"] = Part.select().where(Part.status == "waiting").count()
            arrived = Inbox.select().where(Inbox.kind == "twilio.sms").count()
        found["texts in"] = len(traffic.texted) - arrived
        return {what: count for what, count in found.items() if count}

    try:
        wait(lambda: not left(), timeout_s=180)
    except AssertionError:
        raise AssertionError(f"still there after three minutes: {left()}") from None


def _check(sandbox: Sandbox, traffic: Traffic, environ: dict[str, str]) -> None:
    shown = collections.Counter(
        post.blocks[0]["text"]["text"]
        for channel in traffic.channels
        for post in sandbox.slack.channels[channel].posts
        if post.thread_ts and post.bot_id and post.blocks[0]["type"] == "section"
    )
    assert {body: shown[body] for body in traffic.texted.values()} == dict.fromkeys(
        traffic.texted.values(), 1
    ), "each text in stands in Slack once"
    keys = collections.Counter(
        post.metadata["event_payload"]["key"]
        for channel in traffic.channels
        for post in sandbox.slack.channels[channel].posts
        if post.metadata and any(block["type"] == "image" for block in post.blocks)
    )
    assert len(keys) == keys.total() == traffic.pictures, "and each picture once"
    sent = collections.Counter(
        text.body.partition("\n")[0]  # below stand the opt-out words of a first text
        for text in sandbox.twilio.texts.values()
        if text.direction == "outbound-api"
    )
    confirmed = traffic.confirmed + traffic.repliers.sent
    once = dict.fromkeys(confirmed, 1)
    assert {body: sent[body] for body in confirmed} == once, "each confirmed text is at Twilio once"
    assert {body: shown[body] for body in confirmed} == once, "and stands in its thread once"
    assert not [body for body in traffic.repliers.withdrawn if sent[body] or shown[body]], (
        "what was changed or taken back is not"
    )
    assert max(sent.values()) == 1, "and no other is there twice"
    roots = [p for p in sandbox.slack.channels[traffic.channel].posts if p.thread_ts is None]
    assert len(roots) == len({root.text.split(" · ")[0] for root in roots}), "one thread a person"
    assert "The books hold." in processes.flask(environ, "audit")
    assert "arked" not in "\n".join(doctor.findings())
    assert traffic.texted and traffic.confirmed and traffic.repliers.sent


def _crossed() -> bool:
    with database.session():
        return bool(Alert.select().exists())


def _check_alerts(sandbox: Sandbox, traffic: Traffic, boss: str) -> int:
    """Every alert was told once, in each place; the shop's last word holds. Returns how many."""
    with database.session():
        alerts = Alert.select().count()
        account = Account.get(Account.name == "Elm")
        if traffic.plan:
            assert Subscription.get(Subscription.account == account).plan == traffic.plan
    room = sandbox.slack.channels.get(f"D{boss}")
    for where, posts in (
        ("direct messages", room.posts if room else []),
        ("channel", [p for p in sandbox.slack.channel(traffic.channels[1]) if "Elm" in p.text]),
    ):
        assert len(posts) == alerts, f"each alert stands once in the {where}"
    assert len(sandbox.mail.box(BOSS)) == alerts, "and in the mailbox"
    return alerts
