"""`flask migrate, setup, audit, doctor, worker`, and the pages for machines."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot import clock
from bot.lines.models import Line
from bot.models import Heartbeat
from bot.sandbox import Sandbox
from bot.team.models import Member
from bot.worker import Worker
from ledger import database
from ledger.models import Account, Entry
from tests import databases
from tests.commands import GOOD, flask
from tests.faults import processes
from tests.house import ANN, House

# Settings are in test_config.py


def test_a_command_without_settings_says_which_and_exits_2() -> None:
    done = flask({"PUBLIC_URL": ""}, "migrate")
    assert done.returncode == 2
    assert "SECRET_KEY is missing" in done.stderr
    assert "Traceback" not in done.stderr


# Schema and setup


def test_a_schema_that_is_behind_is_refused_by_all_but_migrate(engine: str) -> None:
    environ = {**GOOD, "DATABASE_URL": databases.fresh(engine, migrated=False)}
    for command in (["audit"], ["worker"], ["run", "--port", "1"], ["migrate", "--check"]):
        done = flask(environ, *command)
        assert done.returncode == 2, command
        assert "Run `flask migrate`" in done.stderr
    assert flask(environ, "migrate").returncode == 0
    assert flask(environ, "migrate", "--check").returncode == 0
    assert "The books hold." in flask(environ, "audit").stdout


def test_a_wsgi_server_refuses_a_schema_that_is_behind(tmp_path: Path) -> None:
    environ = {**GOOD, "DATABASE_URL": databases.fresh("sqlite", migrated=False)}
    web = processes.web(environ, tmp_path / "web", processes.free_port())
    web.start()
    assert web.running is not None
    assert web.running.wait(30) != 0
    assert "Run `flask migrate`" in (tmp_path / "web").read_text()


def test_setup_makes_everything_once(engine: str) -> None:
    url = databases.fresh(engine)
    environ = {**GOOD, "DATABASE_URL": url}
    wanted = [
        "setup", "--account", "Harbor Homes", "--timezone", "America/New_York", "--owner", "U1",
        "--agent", "U2", "--line", "+14155550100", "--channel", "C1", "--credits", "250",
    ]  # fmt: skip
    assert "made: 250 opening credits" in flask(environ, *wanted).stdout
    assert "Nothing to do" in flask(environ, *wanted).stdout
    bound = database.bind(url)
    with database.session():
        assert (Account.get().balance, Line.get().number) == (250, "+14155550100")
        assert sorted(m.role for m in Member.select()) == ["agent", "owner"]
        assert Entry.select().count() == 1
    bound.close_all()
    moved = [*wanted[:-3], "C2"]
    assert "moved to channel C2" in flask(environ, *moved).stdout
    assert "The books hold." in flask(environ, "audit").stdout


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"--timezone": "Mars/Base"}, "no IANA time zone"),
        ({"--line": "4155550100"}, "E.164"),
        ({"--credits": "-5"}, "--credits"),
        ({"--channel": ""}, "--channel"),
    ],
)
def test_setup_says_what_is_wrong_and_changes_nothing(changed: dict[str, str], said: str) -> None:
    url = databases.fresh("sqlite")
    wanted = {"--account": "A", "--timezone": "UTC", "--owner": "U1", "--line": "+14155550100",
              "--channel": "C1", "--credits": "1", **changed}  # fmt: skip
    done = flask({**GOOD, "DATABASE_URL": url}, "setup", *[p for kv in wanted.items() for p in kv])
    assert done.returncode == 2
    assert said in done.stderr
    bound = database.bind(url)
    with database.session():
        assert Account.select().count() == 0
    bound.close_all()


# Pages for machines


def test_readyz_names_what_is_not_there(house: House) -> None:
    browser = house.app.test_client()
    assert browser.get("/healthz").status_code == 200
    answer = browser.get("/readyz")
    assert answer.status_code == 503
    assert "flask worker" in answer.json["missing"][0]
    with database.session():
        Heartbeat.create(worker="w", beat_at=clock.now())
    assert browser.get("/readyz").status_code == 200
    with clock.travelled(timedelta(seconds=31)):
        assert browser.get("/readyz").status_code == 503
    with database.session():
        database.query("DELETE FROM schema_migration")
    assert "flask migrate" in browser.get("/readyz").json["missing"][0]


def test_metrics_are_for_the_bearer_of_the_token_alone(books: str, sandbox: Sandbox) -> None:
    with House(books, sandbox, METRICS_TOKEN="a metrics token").serving() as house:
        house.twilio.refuse("+14155550199", 21211)
        house.twilio.text(ANN, house.line().number, "Hello")
        house.send(ANN, "Hi")
        house.send("+14155550199", "Hi")
        house.settle()
        house.twilio.text(ANN, house.line().number, "Bye")
        browser = house.app.test_client()
        assert browser.get("/metrics").status_code == 404
        wrong = browser.get("/metrics", headers={"Authorization": "Bearer nothing"})
        assert wrong.status_code == 404
        page = browser.get("/metrics", headers={"Authorization": "Bearer a metrics token"}).text
        for line in (
            'partyline_texts_total{direction="in",kind="sms"} 1.0',
            'partyline_texts_total{direction="out",kind="sms"} 2.0',
            'partyline_credits_total{direction="out"} 2.0',
            "partyline_credits_refunded_total 1.0",
            'partyline_texts_failed_total{code="21211"} 1.0',
            'partyline_inbox_rows{state="new"} 1.0',
            'partyline_outbox_rows{state="queued"} 0.0',
        ):
            assert line in page, page


def test_metrics_do_not_exist_without_a_token(house: House) -> None:
    page = house.app.test_client().get("/metrics", headers={"Authorization": "Bearer "})
    assert page.status_code == 404


# The worker as a whole


def test_a_worker_works_beats_and_stops_with_nothing_in_its_hands(house: House) -> None:
    import threading

    from bot.sandbox import wait

    worker = Worker(house.handlers, house.carriers, house.timing, jobs=[], listen_url=None)
    thread = threading.Thread(target=worker.run)
    thread.start()
    for n in range(20):
        house.twilio.text(f"+1415555{n:04d}", house.line().number, f"text {n}")
    wait(lambda: len([p for p in house.slack.channels[house.channel].posts if p.thread_ts]) == 20)
    assert house.app.test_client().get("/readyz").status_code == 200
    worker.stop()
    thread.join(20)
    assert not thread.is_alive()
    with database.session():
        assert Heartbeat.select().count() == 0
    assert house.audit() == []


def test_the_web_and_worker_processes_stop_when_they_are_asked_to(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        port = processes.free_port()
        environ = {
            **sandbox.settings(),
            "DATABASE_URL": databases.fresh("sqlite"),
            "PUBLIC_URL": f"http://127.0.0.1:{port}",
            "SECRET_KEY": "a long secret",
        }
        web = processes.web(environ, tmp_path / "web", port)
        worker = processes.worker(environ, tmp_path / "worker")
        web.start()
        worker.start()
        processes.wait_for(f"http://127.0.0.1:{port}/readyz")
        assert worker.stop() == 0
        assert web.stop() == 0


def test_doctor_finds_what_does_not_answer(sandbox: Sandbox) -> None:
    url = databases.fresh("sqlite")
    environ = {**GOOD, **sandbox.settings(), "DATABASE_URL": url}
    said = flask(environ, "doctor")
    assert said.returncode == 1
    assert "No worker is alive" in said.stdout
    assert "Slack does not" not in said.stdout and "Twilio does not" not in said.stdout
    said = flask({**environ, "SLACK_BOT_TOKEN": "xoxb-wrong", "TWILIO_AUTH_TOKEN": "w"}, "doctor")
    assert "Slack does not take our credentials or cannot be reached: " in said.stdout
    assert "(invalid_auth)." in said.stdout
    assert "Twilio does not take our credentials" in said.stdout
