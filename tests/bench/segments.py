"""Counting segments: ours beside smsutil and Twilio's own calculator, in one run."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from ledger.rates import quote
from ledger.segments import BASIC, EXTENSION, count

COUNT, SAMPLE, SEED = 20_000, 1_000, 7
TO = "+14155550123"
CALCULATOR = """
const { SegmentedMessage } = require('sms-segments-calculator');
const bodies = JSON.parse(require('fs').readFileSync(process.argv[2]));
const began = process.hrtime.bigint();
const counts = bodies.map(body => new SegmentedMessage(body).segmentsCount);
const took = Number(process.hrtime.bigint() - began) / 1e9;
console.log(JSON.stringify({ counts, took }));
"""
SMSUTIL = """
import json, sys, time
import smsutil
bodies = json.load(open(sys.argv[1]))
began = time.perf_counter()
for body in bodies:
    smsutil.split(body)
print(time.perf_counter() - began)
"""
EMOJI = ["😀", "🎉", "👍", "👍🏽", "👨‍👩‍👧", "🇺🇸", "❤️", "🏡"]


def corpus() -> dict[str, list[str]]:
    """Bodies by kind, a fixed mix: about 180 characters on average."""
    dice = random.Random(SEED)
    words = [
        "hello",
        "house",
        "keys",
        "tomorrow",
        "Saturday",
        "price",
        "offer",
        "street",
        "garden",
        "see",
        "you",
        "at",
        "the",
    ]

    def text(length: int, extra: list[str], share: float) -> str:
        made = ""
        while len(made) < length:
            made += (dice.choice(extra) if dice.random() < share else dice.choice(words)) + " "
        return made[:length].strip()

    def many(share: float, low: int, high: int, extra: list[str], rate: float) -> list[str]:
        return [text(dice.randint(low, high), extra, rate) for _ in range(int(COUNT * share))]

    return {
        "short ASCII": many(0.5, 10, 160, ["."], 0.05),
        "long GSM": many(0.2, 161, 700, [*"€[]{}^~|\\", "é", "ñ"], 0.15),
        "short Unicode": many(0.2, 5, 70, [*EMOJI, "’", "ç"], 0.2),
        "long Unicode": many(0.1, 71, 500, [*EMOJI, "—", "ç"], 0.15),
    }


def run() -> str:
    """The tables, as Markdown."""
    kinds = corpus()
    bodies = [body for group in kinds.values() for body in group]
    random.Random(SEED).shuffle(bodies)
    rows, rates = [], {}
    tools: dict[str, Callable[[list[str]], float | None]] = {
        "ledger.segments.count": lambda b: _rate(count, b),
        "ledger.rates.quote": lambda b: _rate(lambda body: quote(TO, body), b),
        "smsutil": _smsutil,
        "sms-segments-calculator": lambda b: _calculator(b)[0],
    }
    for name, measure in tools.items():
        slow = not name.startswith("ledger")
        cells = []
        for group in [bodies, *kinds.values()]:
            rate = measure(group[:SAMPLE] if slow else group)
            cells.append(f"{rate:,.0f}" if rate else "not installed")
            if group is bodies:
                rates[name] = rate
        rows.append(f"| {name} | {' | '.join(cells)} |")
    own = rates["ledger.segments.count"] or 0
    ratios = [
        f"{own / rate:,.0f} × {name}"
        for name, rate in rates.items()
        if rate and not name.startswith("ledger")
    ]
    return "\n".join(
        [
            "## Counting segments",
            "",
            f"Texts a second, {len(bodies):,} texts of {sum(map(len, bodies)) / len(bodies):.0f} "
            f"characters on average (the two others: the first {SAMPLE:,} of each column).",
            "",
            f"| counter | all | {' | '.join(kinds)} |",
            f"|---|{'---|' * (len(kinds) + 1)}",
            *rows,
            "",
            f"`count` does {' and '.join(ratios)}.",
            "",
            _agreement(bodies),
        ]
    )


def _rate(counted: Callable[[str], object], bodies: list[str]) -> float:
    best = 0.0
    for _ in range(3):
        began = time.perf_counter()
        for body in bodies:
            counted(body)
        best = max(best, len(bodies) / (time.perf_counter() - began))
    return best


def _agreement(bodies: list[str]) -> str:
    """Where our count and Twilio's calculator differ, by cause."""
    dice = random.Random(SEED)
    alphabet = [*BASIC, *EXTENSION, *EMOJI, "ç", "’", "—", "漢", "e\u0301"]
    fuzz = ["".join(dice.choices(alphabet, k=dice.randint(0, 400))) for _ in range(2_000)]
    plain = ["".join(dice.choices(BASIC + EXTENSION, k=dice.randint(0, 400))) for _ in range(2_000)]
    asked = [*bodies[:4_000], *fuzz, *plain]
    theirs = _calculator(asked)[1]
    if not theirs:
        return "Agreement with Twilio's calculator was not checked: npm could not install it."
    causes: Counter[str] = Counter()
    for body, segments in zip(asked, theirs, strict=True):
        if count(body).segments != segments:
            causes[_cause(body, segments)] += 1
    total = sum(causes.values())
    told = "; ".join(f"{number} by {cause}" for cause, number in causes.most_common())
    return (
        f"Against Twilio's calculator on {len(asked):,} texts, half of them fuzz: "
        f"{total} disagree{': ' + told if total else ''}."
    )


def _cause(body: str, theirs: int) -> str:
    joined = any(
        c in "\u200d\ufe0f" or unicodedata.combining(c) or "\U0001f3fb" <= c <= "\U0001f3ff"
        or "\U0001f1e6" <= c <= "\U0001f1ff" for c in body
    )  # fmt: skip
    if joined and theirs > count(body).segments:
        return "a character of several code points, which the calculator never splits"
    if "\r\n" in body:
        return "CR LF, which the calculator never splits"
    return f"NOTHING KNOWN: {body[:40]!r}"


def _smsutil(bodies: list[str]) -> float | None:
    with tempfile.TemporaryDirectory() as folder:
        home, asked = Path(folder), Path(folder, "bodies.json")
        asked.write_text(json.dumps(bodies))
        subprocess.run([sys.executable, "-m", "venv", home / "v"], check=True)
        python = home / "v" / "bin" / "python"
        install = [python, "-m", "pip", "install", "-q", "smsutil"]
        if subprocess.run(install, capture_output=True, check=False).returncode:
            return None
        done = subprocess.run(
            [python, "-c", SMSUTIL, asked], capture_output=True, text=True, check=True
        )
    return len(bodies) / float(done.stdout)


def _calculator(bodies: list[str]) -> tuple[float | None, list[int]]:
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder, "bodies.json")
        asked.write_text(json.dumps(bodies))
        Path(folder, "count.js").write_text(CALCULATOR)
        install = ["npm", "install", "--silent", "--no-audit", "sms-segments-calculator"]
        try:
            subprocess.run(install, cwd=folder, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            return None, []
        done = subprocess.run(
            ["node", "count.js", asked], cwd=folder, check=True, capture_output=True, text=True
        )
    answer = json.loads(done.stdout)
    return len(bodies) / answer["took"], answer["counts"]
