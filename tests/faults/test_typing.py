"""Two web processes share the keys of one composer, and one of them is killed with -9 while its
update is in flight: the quote that stands there at last is right, and Send sends once."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from bot.sandbox import Sandbox, wait
from bot.sandbox.slack.records import View
from bot.team.models import Policy
from ledger import database, rates
from ledger.models import Account, Entry
from tests import databases
from tests.faults import processes

LINE, ANN = "+14155550100", "+14155550123"
KEYS = "a" * 8 + "é" + "b" * 11 + "“" + "c" * 19  # they cross two prices and one alphabet


@pytest.mark.slow
@pytest.mark.parametrize("engine", databases.ENGINES)
def test_two_processes_share_the_keys_and_one_is_killed(engine: str, tmp_path: Path) -> None:
    url = databases.fresh(engine)
    ports = [processes.free_port() for _ in range(2)]
    with Sandbox() as sandbox:
        slack = sandbox.slack
        slack.app_url = f"http://127.0.0.1:{ports[0]}"
        agent = slack.add_user("Agent")
        channel = slack.add_channel("leads")
        sandbox.twilio.add_number(LINE)
        environ = {
            "DATABASE_URL": url, "SECRET_KEY": "a secret for tests",
            "PUBLIC_URL": "https://texts.example.com", **sandbox.settings(),
            "ATTEMPT_TIMEOUT_S": "2", "LEASE_S": "6",
        }  # fmt: skip
        processes.flask(
            environ, "setup", "--account", "Elm", "--timezone", "America/New_York", "--owner",
            agent, "--line", LINE, "--channel", channel, "--credits", "100",
        )  # fmt: skip
        bound = database.bind(url)
        with database.session():
            Policy.create(account=Account.get(), opt_out_words="")
        log = tmp_path / "web.log"
        webs = [processes.web(environ, log, port) for port in ports]
        for web in webs:
            web.start()
        try:
            for port in ports:
                processes.wait_for(f"http://127.0.0.1:{port}/healthz")
            type_and_kill(sandbox, agent, channel, webs, ports)
            with database.session():
                charges = Entry.select().where(Entry.kind == "charge_out")
                assert [entry.amount for entry in charges] == [-4]
        finally:
            for web in webs:
                if web.running and web.running.poll() is None:
                    web.kill()
            bound.close_all()


def type_and_kill(
    sandbox: Sandbox, agent: str, channel: str, webs: list[processes.Process], ports: list[int]
) -> None:
    """Types 40 keys, told in turn to both; kills one that has an update in flight; then sends."""
    slack = sandbox.slack
    assert slack.command(agent, channel, "/text").status == 200
    wait(lambda: slack.views)
    view = slack.open_view(agent)
    label = slack.look_up(agent, view, "compose_to", ANN)[0]
    slack.choose(agent, view, "compose_to", label)
    slack.write_in(agent, view, "compose_body", "x" * 145)
    wait(lambda: right(view))

    apps = [f"http://127.0.0.1:{port}" for port in ports]
    slack.faults.add("slow", "views.update", times=None, seconds=0.05, up_to=0.25)
    before = len(slack.spans)
    slack.type_keys(agent, view, "compose_body", KEYS, pause_s=0.02, apps=apps)
    wait(lambda: right(view))
    calls = sorted((b, e) for method, b, e in slack.spans[before:] if method == "views.update")
    assert all(ended <= began for (_, ended), (began, _) in itertools.pairwise(calls))
    assert len(calls) <= 8

    # The second is at an update when it dies; the first takes over when that claim has run out.
    slack.faults.clear()
    slack.faults.happened.clear()
    slack.faults.add("slow", "views.update", seconds=1.5)
    slack.app_url = apps[1]
    slack.write_in(agent, view, "compose_body", "y" * 321)
    wait(lambda: slack.faults.happened)
    webs[1].kill()
    slack.app_url = apps[0]
    slack.write_in(agent, view, "compose_body", "z" * 500)
    wait(lambda: right(view), 20)
    press = slack.signed_submit(agent, view, {})
    answers = [press.send().json for _ in range(3)]
    assert all("On its way" in str(answer["view"]) for answer in answers), answers


def right(view: View) -> bool:
    """Whether the quote that is shown is that of what stands in the box."""
    held = next(h for b, h in view.held.items() if b.startswith("body:"))["compose_body"]["value"]
    quote = rates.quote(ANN, held)
    return f"{quote.messages} × {quote.size}" in view.plain()
