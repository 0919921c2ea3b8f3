"""The sandbox by hand, in the terminal of `flask demo`: type as the agent and as people outside."""

from __future__ import annotations

import threading
import time
from typing import TextIO

from bot.sandbox import Sandbox, wait
from bot.sandbox.slack.records import Post

HELP = """
Now you. Type as Dana, the agent:
    /text +14155550123 See you at 3      then: send, or cancel
    /quote See you at 3
or as somebody outside, with any number:
    +14155550177 Hi, is the garden large?
What happens in #leads and on the phones is shown as it happens. Ctrl-C stops everything.
"""
FORM = "(In Slack this is a form. Here, type it all in one line: /text +14155550123 Hello)"


class Terminal:
    """Reads lines as what people do, and shows what they would see."""

    def __init__(self, sandbox: Sandbox, agent: str, channel: str, line: str) -> None:
        self.sandbox, self.agent, self.channel, self.line = sandbox, agent, channel, line
        self.card: Post | None = None
        self.shown: dict[str, str] = {post.ts: post.plain() for post in self._posts()}

    def read(self, lines: TextIO) -> None:
        """Does what each line says until there are no more; then only shows what happens."""
        threading.Thread(target=self._watch, daemon=True).start()
        print(HELP)
        for line in lines:
            try:
                self.do(line.strip())
            except (LookupError, AssertionError) as error:
                print(f"  {error}")
        while True:
            time.sleep(1)

    def do(self, line: str) -> None:
        """Does what one line says, and shows what came of it."""
        slack = self.sandbox.slack
        if line.startswith("/"):
            command, _, text = line.partition(" ")
            before = set(slack.views)
            answer = slack.command(self.agent, self.channel, command, text)
            self.card = answer.shown
            if self.card:
                print(f"  {self.card.plain()}")
            elif answer.status == 200:
                wait(lambda: set(slack.views) - before)
                print(f"  {slack.open_view(self.agent).plain()}\n  {FORM}")
            else:
                print("  Slack: that command is not known")
        elif line.lower() in ("send", "cancel") and self.card:
            card, seen = self.card, self.card.edited
            slack.press(self.agent, card, line.capitalize())
            wait(lambda: card.edited > seen)
            print(f"  {card.plain()}")
        elif line.startswith("+"):
            number, _, body = line.partition(" ")
            self.sandbox.twilio.text(number, self.line, body)
        elif line:
            print(HELP)

    def _posts(self) -> list[Post]:
        with self.sandbox.slack.lock:
            return list(self.sandbox.slack.channels[self.channel].posts)

    def _watch(self) -> None:
        while True:
            for post in self._posts():
                now = post.plain()
                if self.shown.get(post.ts) != now:
                    self.shown[post.ts] = now
                    where = "  #leads, in the thread: " if post.thread_ts else "  #leads: "
                    print(where + now.replace("\n", " | "), flush=True)
            time.sleep(0.2)
