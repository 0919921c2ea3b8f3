"""Two workers run the same SmartPlans of two accounts and are killed with -9, while contacts are
put on them, held, let go and skipped, plans are changed, people reply and opt out, and the peers
misbehave. No step is lost, none is done twice, and the books hold."""

from __future__ import annotations

import collections
import os
import random
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import clock
from bot.contacts import address_book
from bot.contacts.models import Contact
from bot.lines.models import Line
from bot.sandbox import Sandbox, wait
from bot.smartplans import bulks, plan_people, plan_versions, smartplans
from bot.smartplans.models import Bulk, Enrollment, Letter, Reminder, SmartPlan, Step, StepRun
from bot.smartplans.plan_shapes import Shape, StepShape
from bot.smartplans.schedule import When
from bot.team.models import Policy
from ledger import credits, database
from ledger.models import Account
from tests import databases
from tests.faults import processes

KILLS = int(os.environ.get("KILLS", "3"))
SEED = int(os.environ.get("SEED", "0")) or random.randrange(1, 10**6)
LINES = {"Harbor Homes": "+14155550100", "Bay Rentals": "+14155550101"}  # by account
MISBEHAVIOUR = ("slow", "slow_after", "error", "rate_limit", "drop_before", "drop_after")
ENDED = ("done", "stopped")


def steps() -> tuple[StepShape, ...]:
    """Five steps that follow one another at once, or within seconds."""
    now = When("previous", 0, "minutes")
    return (
        StepShape("text", now, ("one for {first_name}",)),
        StepShape("email", now, ("two for {first_name}",), "two for {first_name}"),
        StepShape("reminder", now, ("three for {first_name}",)),
        StepShape("text", now, ("four for {first_name}",)),
        StepShape("text", now, ("five for {first_name}",)),
    )


class Office:
    """Members of one account who put contacts on plans and take them off, and people who answer,
    until told to stop."""

    def __init__(self, sandbox: Sandbox, boss: str, name: str, dice: random.Random) -> None:
        self.sandbox, self.boss, self.dice = sandbox, boss, dice
        with database.session():
            self.account = Account.get(Account.name == name).id
            line = Line.get(Line.account == self.account)
            Policy.create(account=self.account, opt_out_words="", plan_gap_minutes=0,
                          plan_texts_a_day=1000)  # fmt: skip
        self.line, self.number = line.id, line.number
        self.numbers: list[str] = []
        self.plans = [self._plan(name) for name in ("Alpha", "Beta")]
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._work)

    def _plan(self, name: str) -> int:
        shape = Shape(name, steps(), line=self.line, stop_on_reply=name == "Beta")
        plan = smartplans.new(self.account, self.boss, shape, clock.now())
        smartplans.switch_on(plan.id, self.boss, clock.now())
        return plan.id

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        self.stopping.set()
        self.thread.join()

    def _work(self) -> None:
        while not self.stopping.wait(self.dice.uniform(0.05, 0.3)):
            self.dice.choices(
                [
                    self._enroll,
                    self._hold,
                    self._skip,
                    self._reply,
                    self._edit,
                    self._spend,
                    self._begin_bulk,
                    self._turn_bulk,
                ],
                [10, 3, 1, 1, 1, 2, 2, 2],
            )[0]()

    def _enroll(self) -> None:
        person = self._person()
        plan_people.enroll(self.dice.choice(self.plans), self.boss, [person], clock.now())

    def _begin_bulk(self) -> None:
        """Some are put on a plan together."""
        people = [self._person() for _ in range(self.dice.randint(1, 6))]
        with database.session():
            plan = SmartPlan.get_by_id(self.dice.choice(self.plans))
        bulks.begin(plan, self.boss, clock.now(), people=people)

    def _turn_bulk(self) -> None:
        with database.session():
            here = (Bulk.account == self.account) & Bulk.state.in_(["running", "paused"])
            found = list(Bulk.select().where(here))
        if found:
            one = self.dice.choice(found)
            acts = [bulks.go_on] * 4 if one.state == "paused" else [bulks.pause] * 4
            self.dice.choice([*acts, bulks.stop])(one.id, self.boss, clock.now())

    def _person(self) -> int:
        number = f"+1212{554 + self.line}{len(self.numbers):04d}"
        contact = address_book.meet(self.account, number, clock.now())
        self.numbers.append(number)
        with database.session():
            known = {"name": f"P{number[-7:]}", "email": f"p{number[-7:]}@example.com"}
            Contact.update(**known, told_at=clock.now()).where(Contact.id == contact.id).execute()
        return int(contact.id)

    def _any(self, *states: str) -> Enrollment | None:
        with database.session():
            here = (Enrollment.account == self.account) & Enrollment.state.in_(states)
            found = list(Enrollment.select().where(here).limit(50))
        return self.dice.choice(found) if found else None

    def _hold(self) -> None:
        if one := self._any("paused"):
            plan_people.resume(one.id, self.boss, clock.now())
        elif one := self._any("active"):
            plan_people.pause(one.id, self.boss)

    def _skip(self) -> None:
        if one := self._any("active", "paused"):
            plan_people.skip(one.id, self.boss, clock.now())

    def _reply(self) -> None:
        if self.numbers:
            words = self.dice.choice(["Yes please", "STOP"])
            number = self.dice.choice(self.numbers)
            self.sandbox.twilio.text(number, self.number, words, wait_for_it=False)

    def _edit(self) -> None:
        """The same steps in another order, or in other words, under those who are on them."""
        plan = self.dice.choice(self.plans)
        with database.session():
            shape = plan_versions.shape_of(SmartPlan.get_by_id(plan))
        written = list(shape.steps)
        self.dice.shuffle(written)
        changed = Shape(**{**shape.__dict__, "steps": tuple(written)})
        smartplans.edit(plan, self.boss, changed, clock.now(), move=self.dice.random() < 0.7)

    def _spend(self) -> None:
        """Credits run out now and then, and come again: what waits goes on."""
        with database.session():
            left = credits.balance(self.account)
        amount = 15 if left < 5 else -left if self.dice.random() < 0.3 else 0
        if amount:
            credits.adjust(
                self.account, f"dice:{self.dice.random()}", amount, reason="a dice",
                actor="operator", now=clock.now(),
            )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("engine", databases.ENGINES)
def test_kills_lose_no_step_and_double_none(engine: str, tmp_path: Path) -> None:
    dice = random.Random(SEED)
    print(f"SEED={SEED}")
    url = databases.fresh(engine)
    database.bind(url)
    (tmp_path / "clock").write_text(str(_until_tuesday().total_seconds()))
    clock.follow(tmp_path / "clock")
    try:
        with Sandbox() as sandbox:
            _play(sandbox, url, tmp_path, dice, engine)
    finally:
        clock.follow(None)


def _until_tuesday() -> timedelta:
    """Until the next Tuesday at ten in the morning of New York: plans may text then."""
    now = datetime.now(UTC)
    day = (now + timedelta(days=(1 - now.weekday()) % 7 or 7)).replace(hour=15, minute=0)
    return day - now


def _play(
    sandbox: Sandbox, url: str, folder: Path, dice: random.Random, engine: str
) -> None:  # fmt: skip
    slack, twilio = sandbox.slack, sandbox.twilio
    port = processes.free_port()
    sandbox.app_url = f"http://127.0.0.1:{port}"
    environ = {
        **sandbox.settings(), "DATABASE_URL": url, "SECRET_KEY": "a secret for tests",
        "PUBLIC_URL": sandbox.app_url, "ATTEMPT_TIMEOUT_S": "1", "LEASE_S": "3",
        "LOOK_AFTER_S": "1", "LOOK_APART_S": "1", "NUMBER_PACE_S": "0.01",
        "CHANNEL_PACE_S": "0.01", "DEMO_CLOCK": str(folder / "clock"),
    }  # fmt: skip
    bosses = {name: slack.add_user(f"Boss of {name}") for name in LINES}
    for name, line in LINES.items():
        twilio.add_number(line)
        processes.flask(
            environ, "setup", "--account", name, "--owner", bosses[name], "--line", line,
            "--channel", slack.add_channel(name.split()[0].lower()), "--credits", "300",
        )  # fmt: skip
    with database.session():
        Line.update(plan_texts_a_day=100_000).execute()
    web = processes.web(environ, folder / "web.log", port)
    workers = [processes.worker(environ, folder / f"worker{n}.log") for n in range(2)]
    for process in (web, *workers):
        process.start()
    processes.wait_for(f"{sandbox.app_url}/readyz")
    for peer in (slack, twilio, sandbox.mail):
        peer.faults.at_random(0.15, MISBEHAVIOUR, dice.randrange(10**6))
    offices = [
        Office(sandbox, boss, name, random.Random(dice.random())) for name, boss in bosses.items()
    ]
    for office in offices:
        office.start()
    began = time.monotonic()
    try:
        for _ in range(KILLS):
            victim = dice.choice(workers)
            if dice.random() < 0.8:  # else it may be killed before it is up
                wait(victim.at_work, timeout_s=60)
            time.sleep(dice.uniform(0.05, 0.8))
            victim.kill()
            victim.start()
        for office in offices:
            office.stop()
        for peer in (slack, twilio, sandbox.mail):
            peer.faults.clear()
        for office in offices:
            _let_go(office)
        wait(_doors_are_empty, timeout_s=180)
        processes.jump(folder / "clock", 5 * 3600)  # a reply holds a plan for four
        wait(_is_drained, timeout_s=180)
        _check(sandbox, environ, bosses.values())
    finally:
        for office in offices:
            office.stop()
        for process in (web, *workers):
            process.kill()
    with database.session():
        runs = StepRun.select().count()
        ended = Enrollment.select().where(Enrollment.state.in_(ENDED)).count()
    contacts = sum(len(office.numbers) for office in offices)
    print(
        f"{engine}: {time.monotonic() - began:.1f} s, {KILLS} kills, {contacts} contacts, "
        f"{runs} steps, {ended} ended, {len(twilio.faults.happened)} faults at Twilio"
    )


def _let_go(office: Office) -> None:
    """Credits for all that waits, and nobody is held any more."""
    credits.grant(
        office.account,
        f"the end of {office.account}",
        5000,
        reason="the end",
        actor="operator",
        now=clock.now(),
    )
    with database.session():
        mine = (Enrollment.account == office.account) & (Enrollment.state == "paused")
        held = list(Enrollment.select().where(mine))
        here = (Bulk.account == office.account) & (Bulk.state == "paused")
        together = list(Bulk.select().where(here))
    for bulk in together:
        bulks.go_on(bulk.id, office.boss, clock.now())
    for one in held:
        plan_people.resume(one.id, office.boss, clock.now())


def _doors_are_empty() -> bool:
    with database.session():
        left = database.query(
            "SELECT (SELECT count(*) FROM inbox WHERE state = 'new')"
            " + (SELECT count(*) FROM delivery WHERE state IN ('queued', 'sending', 'unknown'))"
            " + (SELECT count(*) FROM part WHERE status = 'waiting')"
        ).fetchone()[0]
    return bool(left == 0)


def _is_drained() -> bool:
    with database.session():
        alive = Enrollment.select().where(~Enrollment.state.in_(ENDED)).count()
        alive += Bulk.select().where(Bulk.busy).count()
    return alive == 0 and _doors_are_empty()


def _check(sandbox: Sandbox, environ: dict[str, str], bosses: Iterable[str]) -> None:
    with database.session():
        runs = list(StepRun.select())
        ended = list(Enrollment.select())
        names = {contact.id: contact.name for contact in Contact.select()}
        words = {step.id: step.bodies[0].split()[0] for step in Step.select()}
        letters = list(Letter.select())
        told = list(Reminder.select())
        plans = list(SmartPlan.select())
    assert runs and ended
    said = {run.id: f"{words[run.step_id]} for {names[run.contact_id]}" for run in runs}
    done = collections.Counter((run.enrollment_id, words[run.step_id]) for run in runs)
    assert max(done.values()) == 1, "no step is done twice"
    for enrollment in ended:
        own = {word for one, word in done if one == enrollment.id}
        if enrollment.state == "done" and enrollment.version.number == 1:
            assert own == {"one", "two", "three", "four", "five"}, "and none is lost"
    sent = collections.Counter(
        text.body for text in sandbox.twilio.texts.values() if text.direction == "outbound-api"
    )
    # What Twilio was never asked for, because they said STOP in between, is refused and refunded.
    texts = collections.Counter(said[run.id] for run in runs if run.outcome == "sent")
    assert max(sent.values()) == 1, "no text is at Twilio twice"
    assert set(sent) <= set(texts), "and none that was not a step"
    for body in set(texts) - set(sent):
        assert _was_refused(body), f"{body} is lost"
    for letter in letters:
        (mail,) = sandbox.mail.box(letter.to)
        assert mail["Subject"] == letter.subject
    assert len(letters) == sum(run.outcome == "mailed" for run in runs)
    cards = collections.Counter(
        post.text.split("\n")[0].removeprefix(":bell: ")
        for boss in bosses
        if f"D{boss}" in sandbox.slack.channels  # else nothing was ever said there
        for post in sandbox.slack.channels[f"D{boss}"].posts
        if post.text.startswith(":bell:")
    )
    assert cards == collections.Counter(one.words for one in told), "each reminder stands once"
    spent = sum(run.credits for run in runs)
    with database.session():
        back = database.query("SELECT COALESCE(SUM(refunded), 0) FROM message").fetchone()[0]
    _check_bulks()
    assert sum(plan.spent for plan in plans) == spent - back
    assert "The books hold." in processes.flask(environ, "audit")


def _check_bulks() -> None:
    """Each says of those who were put on together what is so."""
    with database.session():
        for bulk in Bulk.select():
            mine = list(Enrollment.select(Enrollment.id).where(Enrollment.bulk == bulk))
            runs = StepRun.select().where(StepRun.enrollment.in_([one.id for one in mine]))
            came = collections.Counter(run.outcome for run in runs)
            skipped = came.pop("skipped", 0)
            assert bulk.put_on == len(mine)
            assert bulk.entered or bulk.state == "stopped"
            assert bulk.done == dict(came), "no step is told twice, and none is missing"
            assert sum(bulk.skipped.values()) <= skipped  # the others were skipped by hand


def _was_refused(body: str) -> bool:
    with database.session():
        row = database.query(
            "SELECT status, refunded FROM message WHERE automated AND body = %s", body
        ).fetchone()
    return row is not None and row[0] == "failed" and row[1] > 0
