"""Agents who reply in threads, change and take back what they wrote, and press Send."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import requests

from bot.sandbox.slack.people import Workspace
from bot.sandbox.slack.records import Post
from bot.sandbox.slack.signing import Signed

SEEN_WITHIN_S = 60  # of a card: an agent looks away after that


class Repliers:
    """Several agents with one name, in the threads of one channel, until told to stop."""

    def __init__(
        self, slack: Workspace, channel: str, agent: str, dice: random.Random,
        stopping: threading.Event, apps: list[str],
    ) -> None:  # fmt: skip
        """`apps` are the addresses of web processes that take their presses."""
        self.apps = apps
        self.slack, self.channel, self.agent, self.dice = slack, channel, agent, dice
        self.stopping = stopping
        self.sent: list[str] = []  # bodies whose Send was answered
        self.withdrawn: list[str] = []  # bodies that nobody pressed Send on
        slack.retries, slack.retry_s = 600, 0.1

    def work(self, hand: int) -> None:
        """One agent's day."""
        count = 0
        while not self.stopping.wait(self.dice.uniform(0.1, 0.5)):
            if roots := self._roots():
                count += 1
                self._reply(self.dice.choice(roots), f"reply {count} of hand {hand}")

    def _reply(self, root: Post, body: str) -> None:
        reply = self.slack.reply(self.agent, self.channel, root.ts, body)
        fate = self.dice.random()
        if fate < 0.2:
            self.withdrawn.append(body)
            body += ", mended"
            self.slack.edit(reply, body)
        elif fate < 0.3:
            self.withdrawn.append(body)
            self.slack.delete(reply)
            return
        card = self._card(root, body)
        if card is None:
            return
        press = self.slack.signed_press(self.agent, card, "Send")
        at_once = self.dice.sample(self.apps, self.dice.choice([1, 1, 2]))
        presses = [replace(press, url=f"{app}/slack/events") for app in at_once]
        self._at_once([partial(self._until_answered, one) for one in presses])
        self.sent.append(body)

    def _roots(self) -> list[Post]:
        with self.slack.lock:
            return [p for p in self.slack.channels[self.channel].posts if p.thread_ts is None]

    def _card(self, root: Post, body: str) -> Post | None:
        """The card that quotes these words, as soon as it stands."""
        ends, quotes = time.monotonic() + SEEN_WITHIN_S, (f": {body}\n", f": {body} · ")
        while time.monotonic() < ends and not self.stopping.is_set():
            for post in reversed(self.slack.thread(self.channel, root.ts)):
                if post.bot_id and any(q in post.text for q in quotes) and _waits(post):
                    return post
            time.sleep(0.05)
        return None

    def _until_answered(self, press: Signed) -> None:
        while True:
            try:
                if press.send().status == 200:
                    return
            except requests.RequestException:
                time.sleep(0.1)

    def _at_once(self, acts: list[Callable[[], None]]) -> None:
        hands = [threading.Thread(target=act) for act in acts]
        for hand in hands:
            hand.start()
        for hand in hands:
            hand.join()


def _waits(card: Post) -> bool:
    return "draft_send" in str(card.blocks)
