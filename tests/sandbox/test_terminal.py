"""The demo's terminal: what is typed is done, and what cannot be is said."""

from __future__ import annotations

import pytest

from bot.sandbox.terminal import Terminal
from tests.house import ANN, LINE, House


def test_lines_are_done_as_people_would(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(house.sandbox, house.agent, house.channel, LINE)
    for line in (f"/text {ANN} Hello", "send", f"{ANN} Hi yourself", "/text", "/nothing", "what"):
        terminal.do(line)
    house.settle()
    assert sorted(house.twilio.phone(ANN)) == ["← Hello", "→ Hi yourself"]
    said = capsys.readouterr().out
    for part in ("99 left after", "On its way", "What they will read", "In Slack this is a form",
                 "that command is not known", "Ctrl-C stops"):  # fmt: skip
        assert part in said
