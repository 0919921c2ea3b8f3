"""The composer: whether the last quote is right, in how many calls, and what a key waits for."""

from __future__ import annotations

import itertools
import os
import random
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from werkzeug.serving import make_server

import app as wiring
from bot import logs
from bot.sandbox import Sandbox, wait
from bot.sandbox.slack.records import View
from ledger import rates
from tests import databases
from tests.bench.contacts import FEW, MANY, Who, fill
from tests.house import ANN, House

UNSEEN = Path(os.devnull).open("w")  # noqa: SIM115
RUNS, PAUSE_S = 20, 0.03
SLOW_S = (0.05, 0.25)  # what Slack takes for an update
LETTERS = "abcdefgh ijklmnop qrstuvwxyz ,.é“’"
SEARCHES = 200


def run() -> str:
    """The tables, as Markdown."""
    typed, searched = [], []
    for engine in databases.ENGINES:
        for apps in (1, 2):
            typed.append(_typed(engine, apps))
        few, many = (_searched(engine, contacts) for contacts in (FEW, MANY))
        searched.append(f"| {engine} | {few:.1f} ms | {many:.1f} ms | {many / few:.2f} |")
    return "\n".join([
        "## The composer's quote",
        "",
        f"{RUNS} times 40 keys, one each {PAUSE_S * 1000:.0f} ms, across two prices, with a "
        f"Slack that takes {SLOW_S[0] * 1000:.0f} to {SLOW_S[1] * 1000:.0f} ms for each update; "
        "the keys told to one web app, or in turn to two. A call a key would be 40 calls.",
        "",
        "| engine | web apps | last quote right | calls, median and most | most in flight "
        "| a key's answer, median and slowest |",
        "|---|---|---|---|---|---|",
        *typed,
        "",
        "The search for a recipient in the form, from the signed request to the options; the "
        f"median of {SEARCHES}.",
        "",
        f"| engine | {FEW:,} contacts | {MANY:,} contacts | ratio |",
        "|---|---|---|---|",
        *searched,
    ])  # fmt: skip


@contextmanager
def _house(engine: str) -> Iterator[House]:
    with Sandbox() as sandbox:
        house = House(databases.fresh(engine, durable=True), sandbox)
        logs.configure("json", UNSEEN)  # the app has just set them to be seen
        with house.serving():
            yield house


@contextmanager
def _another(house: House) -> Iterator[str]:
    """One more web app on the same database; its address."""
    app = wiring.create_app(house.settings)
    logs.configure("json", UNSEEN)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.port}"
    wait(app.config["LIVE"].is_idle, 30)
    server.shutdown()
    server.server_close()


def _opened(house: House) -> View:
    before = set(house.slack.views)
    assert house.slack.command(house.agent, house.channel, "/text").status == 200
    wait(lambda: set(house.slack.views) - before)
    return house.slack.open_view(house.agent)


def _typed(engine: str, apps: int) -> str:
    dice = random.Random(1)
    calls, answers, right, in_flight = [], [], 0, 0
    with ExitStack() as stack:
        house = stack.enter_context(_house(engine))
        told = [house.slack.app_url, *([stack.enter_context(_another(house))] if apps > 1 else [])]
        low, high = SLOW_S
        house.slack.faults.add("slow", "views.update", times=None, seconds=low, up_to=high)
        for _ in range(RUNS):
            view = _opened(house)
            label = house.slack.look_up(house.agent, view, "compose_to", ANN)[0]
            house.slack.choose(house.agent, view, "compose_to", label)
            house.slack.write_in(house.agent, view, "compose_body", "x" * 140)
            wait(lambda view=view: _is_right(view))
            before = len(house.slack.spans)
            keys = "".join(dice.choice(LETTERS) for _ in range(40))
            made = house.slack.type_keys(
                house.agent, view, "compose_body", keys, pause_s=PAUSE_S, apps=told
            )
            answers += [answer.took_s * 1000 for answer in made]
            wait(house.app.config["LIVE"].is_idle)
            time.sleep(1)  # whatever comes late may still spoil it
            right += _is_right(view)
            spans = [(b, e) for method, b, e in house.slack.spans[before:] if "update" in method]
            calls.append(len(spans))
            in_flight = max(in_flight, _most_at_once(spans))
            view.open = False
    return (
        f"| {engine} | {apps} | {right} of {RUNS} | {statistics.median(calls):.0f}, {max(calls)} "
        f"| {in_flight} | {statistics.median(answers):.0f} ms, {max(answers):.0f} ms |"
    )


def _is_right(view: View) -> bool:
    held = next(h for b, h in view.held.items() if b.startswith("body:"))["compose_body"]["value"]
    quote = rates.quote(ANN, held.strip())
    return f"{quote.messages} × {quote.size}" in view.plain()


def _most_at_once(spans: list[tuple[float, float]]) -> int:
    steps = sorted([(b, 1) for b, _ in spans] + [(e, -1) for _, e in spans])
    return max(itertools.accumulate(step for _, step in steps), default=0)


def _searched(engine: str, contacts: int) -> float:
    with _house(engine) as house:
        dice = random.Random(7)
        people = [Who(dice, place) for place in range(contacts)]
        for at in range(0, contacts, 1000):
            fill(house.account().id, people[at : at + 1000])
        view = _opened(house)
        times = []
        for _ in range(SEARCHES):
            who = dice.choice(people)
            typed = dice.choice([who.first[:2], who.last[:3], who.name, who.number[-4:]])
            began = time.perf_counter()
            assert house.slack.look_up(house.agent, view, "compose_to", typed)
            times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)
