"""The whole product in a test: the app on a real port, peers on loopback, a worker by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent import futures
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

import app as wiring
from bot import attempts, audit, clock, config, inbox
from bot.carriers import crew
from bot.contacts import directory
from bot.credits.models import Address
from bot.lines.models import Line
from bot.sandbox import Sandbox, wait
from bot.sandbox.server import stop
from bot.sandbox.slack import watching
from bot.sandbox.slack.records import Post, View
from bot.sandbox.slack.watching import Act
from bot.talks.models import Conversation
from bot.team import accounts, opening, viewers
from bot.team.models import Policy, Viewer
from bot.twilio import backfill
from bot.twilio.accounts import Accounts
from ledger import boundaries, credits, database, plans, subscriptions
from ledger.models import Account

LINE, ANN, BEN, LONDON = "+14155550100", "+14155550123", "+14155550124", "+442079460000"


class UnderWay:
    """Counts the requests that an app is at."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self.app, self.requests, self.lock = app, 0, threading.Lock()

    def __call__(self, *request: Any) -> Iterable[bytes]:
        """Serves a request."""
        with self.lock:
            self.requests += 1
        try:
            return self.app(*request)
        finally:
            with self.lock:
                self.requests -= 1


class Listeners:
    """What the app is still at after it has answered Slack: Bolt runs a listener in a thread, and
    it may call Slack after its ack."""

    def __init__(self, app: Flask) -> None:
        executor = app.config["BOLT"].app.listener_runner.listener_executor
        self.under_way: set[Future[Any]] = set()
        self.submit, executor.submit = executor.submit, self._submit

    def _submit(self, work: Callable[..., Any], *given: Any) -> Future[Any]:
        future: Future[Any] = self.submit(work, *given)
        self.under_way.add(future)
        future.add_done_callback(self.under_way.discard)
        return future

    def until_done(self) -> None:
        """Waits until all that is under way now is done."""
        _, late = futures.wait(set(self.under_way), timeout=30)
        assert not late, "a listener takes longer than anybody would wait"


class House:
    """One account with a line, an owner, and an app that serves it."""

    def __init__(
        self, url: str, sandbox: Sandbox, opening_credits: int = 100, *, empty: bool = False,
        **more: str,
    ) -> None:  # fmt: skip
        self.sandbox, self.slack, self.twilio = sandbox, sandbox.slack, sandbox.twilio
        environ = {
            "DATABASE_URL": url, "SECRET_KEY": "a secret for tests",
            "PUBLIC_URL": "https://texts.example.com", **sandbox.settings(), **more,
        }  # fmt: skip
        self.environ = environ
        self.settings = config.load(environ)
        self.app = wiring.create_app(self.settings)
        self.agent = self.slack.add_user("Agent")
        self.stranger = self.slack.add_user("Stranger")
        self.channel = self.slack.add_channel("leads")
        self.twilio.add_number(LINE)
        if not empty:
            opening.setup(
                account="Harbor Homes", timezone="America/New_York", owner=self.agent, line=LINE,
                channel=self.channel, opening_credits=opening_credits,
            )  # fmt: skip
            self.settle_words("")
            accounts.entered(self.channel, clock.now())
        self.manager = self.clerk = ""
        self.carriers = wiring.carriers(self.settings)
        self.handlers = wiring.handlers(self.settings)
        self.timing = wiring.timing(self.settings)

    @contextmanager
    def serving(self) -> Iterator[House]:
        """Serves the app; webhooks reach it here, signed for its public address."""
        under_way, listeners = UnderWay(self.app), Listeners(self.app)
        self.slack.until_done = listeners.until_done
        server = make_server("127.0.0.1", 0, under_way, threaded=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self.sandbox.app_url = f"http://127.0.0.1:{server.port}"
        self.twilio.public = (self.sandbox.app_url, self.settings.public_url)
        try:
            yield self
        finally:
            stop(server)
            wait(lambda: not under_way.requests)  # a connection closed under SQLite's feet crashes
            listeners.until_done()
            wait(self.app.config["LIVE"].is_idle, 30)
            database.db.close_all()

    # The worker, one step at a time

    def apply(self) -> None:
        """Applies all that is due in the inbox."""
        while inbox.anything_due() and inbox.work_one(self.handlers, self.settings.inbox_tries):
            pass

    def deliver(self) -> int:
        """Delivers all that is due in the outbox. Returns how many attempts and looks it took."""
        tries = 0
        crews = set(map(crew, self.carriers))
        while claimed := attempts.claim(dict.fromkeys(crews, 50), self.carriers, self.timing):
            for delivery in claimed:
                carrier = self.carriers[delivery.kind]
                outcome = (carrier.look if delivery.unknown else carrier.attempt)(delivery)
                attempts.finish(delivery, outcome, self.carriers, self.timing)
                tries += 1
        return tries

    def work(self) -> None:
        """Does what a worker does until nothing is due."""
        self.apply()
        while self.deliver():
            self.apply()

    def settle(self) -> None:
        """Works until Twilio has told the fate of every text, and all of it is shown."""
        self.work()
        self.twilio.settled()
        self.twilio.quiet()
        self.work()

    def missed(self) -> int:
        """Reads Twilio's lists as if no webhook were on its way any more. Returns how much had been
        missed."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(backfill, "WEBHOOK_TAKES", timedelta(0))
            return backfill.missed(Accounts(self.settings))

    # What people see, and the books

    def ask(self, text: str, command: str = "/text", user: str | None = None) -> Post:
        """Types a command in the line's channel; the card that comes back."""
        answer = self.slack.command(user or self.agent, self.channel, command, text)
        assert answer.status == 200, answer.body
        assert answer.shown is not None
        return answer.shown

    def send(self, number: str, body: str) -> None:
        """An agent texts: the card, then Send."""
        card = self.ask(f"{number} {body}")
        self.hears(lambda: self.slack.press(self.agent, card, "Send"))

    def opens(self, act: Act, user: str | None = None) -> View:
        """The modal that something which is done opens."""
        return watching.opened(self.slack, user or self.agent, act)

    def turns(self, view: View, label: str, user: str | None = None) -> View:
        """Presses a button of a modal, which then shows something else."""
        who = user or self.agent
        return watching.turned(view, lambda: self.slack.press(who, view, label))

    def hears(self, act: Act, user: str | None = None) -> Post:
        """What a person alone is shown because of something that is done."""
        return watching.heard(self.slack, user or self.agent, act)

    def modal(self, user: str, on: Post | View, label: str) -> View:
        """The modal that a button opens."""
        return self.opens(lambda: self.slack.press(user, on, label), user)

    def home(self, user: str) -> View:
        """What somebody sees on Home, when the few seconds between two of them are over."""
        if user not in self.slack.homes:
            self.slack.open_home(user)
        self.work()
        with database.session():
            Viewer.update(published_at=None).execute()
        viewers.publish_stale()
        self.work()
        return self.slack.home(user)

    def thread(self, number: str) -> list[Post]:
        """The posts of the thread with this number."""
        with database.session():
            found = [c for c in Conversation.select() if c.contact.number == number]
        assert len(found) == 1, found
        return self.slack.thread(self.channel, found[0].thread_ts)

    def name(self, number: str, name: str) -> None:
        """Has a contact of this number be called so."""
        add = {"said": None, "now": clock.now()}
        directory.add(self.account().id, self.agent, number, directory.Details(name=name), **add)

    def balance(self) -> int:
        """Credits left."""
        with database.session():
            return credits.balance(self.account().id)

    def tick(self) -> None:
        """Does once all that runs on the clock, then what follows from it."""
        for _, _, job in wiring.jobs(self.settings):
            job()
        self.work()

    def account(self) -> Account:
        """The account."""
        with database.session():
            return Account.select().order_by(Account.id).get()  # the first, where there are several

    def subscribe(self, code: str) -> None:
        """Puts the account on a plan, which renews a month from today and not before."""
        catalogue = plans.load()
        today = boundaries.day_of(clock.now(), "America/New_York")
        subscriptions.subscribe(
            self.account().id, f"test:{code}", catalogue.plan(code), catalogue,
            actor="operator", now=clock.now(), anchor=today.day,
        )  # fmt: skip

    def add_email(self, address: str) -> None:
        """Has alerts go to this address, too."""
        with database.session():
            Address.create(account=self.account(), email=address)

    def told(self, to: str) -> list[Post]:
        """What a person was told in direct messages, oldest first."""
        room = self.slack.channels.get(f"D{to}")
        return list(room.posts) if room else []

    def line(self) -> Line:
        """The line."""
        with database.session():
            return Line.select().order_by(Line.id).get()

    def settle_words(self, words: str) -> None:
        """What a first text carries (R21); nothing, in tests of other things."""
        with database.session():
            Policy.delete().execute()
            Policy.create(account=self.account(), opt_out_words=words)

    def settle_quiet(self, from_: int, until: int) -> None:
        """Between which hours of their own day people are asleep; 24 and 0: never."""
        with database.session():
            Policy.update(quiet_from=from_, quiet_until=until).execute()

    def audit(self) -> list[Any]:
        """What does not hold in the books."""
        return audit.prove()
