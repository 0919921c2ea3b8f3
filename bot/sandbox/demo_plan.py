"""The demo's month: a SmartPlan that takes new leads by itself, and what they and Dana get."""

from __future__ import annotations

import functools
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot import clock
from bot.contacts import contacts
from bot.sandbox import Sandbox, wait
from bot.sandbox.slack.records import Post, View
from bot.sandbox.slack.watching import opened, turned
from bot.sandbox.stage import Calendar, is_quiet
from bot.slack.smartplans.step_views import BASES
from bot.smartplans.models import Enrollment, StepRun
from bot.words import moment_words
from ledger import database

EVE, FAY = "+14155550131", "+14155550132"
HOME = ZoneInfo("America/Los_Angeles")


class Month:
    """A plan from its making to its end, a month later."""

    def __init__(
        self, sandbox: Sandbox, agent: str, channel: str, line: str, calendar: Calendar
    ) -> None:  # fmt: skip
        self.sandbox, self.agent, self.channel = sandbox, agent, channel
        self.line, self.calendar = line, calendar
        self.seen = 0  # steps

    def play(self) -> None:
        """All of it."""
        print("\nA month with a SmartPlan\n" + "=" * 60)
        self._make()
        self._leads()
        answered = False
        while due := self._next_due():
            self.calendar.to(due + timedelta(seconds=1))
            self._tell()
            if not answered and (card := self._reminder()):
                self._between(card)
                answered = True
        self._end()

    # Made

    def _make(self) -> None:
        slack, agent = self.sandbox.slack, self.agent
        card = self._ask("/smartplans", "")
        form = opened(slack, agent, lambda: slack.press(agent, card, "New plan"))
        slack.submit(agent, form, {"start": "New lead"})
        plan = slack.open_view(agent)
        form = opened(slack, agent, lambda: slack.press(agent, plan, "Add a reminder"))
        self._kept(plan, form, {
            "body": "A month is over: call {name} once more, or let them go.", "amount": "30",
            "unit": "days", "basis": BASES["enrolled"], "at": "10:00",
        })  # fmt: skip
        form = opened(slack, agent, lambda: slack.press(agent, plan, "Settings"))
        takes = next(b for b in form.view["blocks"] if b.get("block_id") == "new_sender")
        self._kept(plan, form, {"new_sender": takes["element"]["options"]})
        preview = opened(slack, agent, lambda: slack.press(agent, plan, "smart_preview"))
        print("\nDana types /smartplans, starts with “New lead”, adds a last reminder, has it\n"
              "take whoever texts in for the first time, and looks at what it will do")  # fmt: skip
        print(_indented(preview.plain()))
        slack.submit(agent, preview, {})
        print(f"\n… and presses Switch on\n{_indented(slack.open_view(agent).plain())}")
        slack.close_modals(agent)

    def _kept(self, plan: View, form: View, given: dict[str, Any]) -> None:
        slack, agent = self.sandbox.slack, self.agent
        turned(plan, lambda: slack.submit(agent, form, given))

    # Lived

    def _leads(self) -> None:
        print("\nTwo people text for the first time")
        for number, name, said in (
            (EVE, "Eve Moss", "Saw your sign on Oak Street. What does it cost?"),
            (FAY, "Fay Holt", "Do you have something with a garden?"),
        ):
            self.sandbox.twilio.text(number, self.line, said, FromCity="OAKLAND")
            print(f"    {name}: {said}")
            card: Post = wait(functools.partial(self._card_of, number), timeout_s=30)
            self._named(card, name, f"{name.partition(' ')[0].lower()}@example.com")
        wait(lambda: _number(Enrollment) == 2, timeout_s=30)
        print("Both came on the plan by themselves. Dana adds their names and e-mail addresses.")

    def _card_of(self, number: str) -> Post | None:
        card = self._ask("/contacts", number[-4:])
        return card if "[Edit]" in card.plain() else None

    def _named(self, card: Post, name: str, email: str) -> None:
        slack, agent = self.sandbox.slack, self.agent
        form = opened(slack, agent, lambda: slack.press(agent, card, "Edit"))
        edited = card.edited
        slack.submit(agent, form, {"name": name, "email": email})
        wait(lambda: card.edited != edited)

    def _next_due(self) -> datetime | None:
        with database.session():
            alive = Enrollment.select().where(Enrollment.due_at.is_null(False))
            first = alive.order_by(Enrollment.due_at).first()
        return first.due_at if first else None

    def _tell(self) -> None:
        """Waits until what was due then has been done, or moved, and says what came of it."""
        wait(self._is_over, timeout_s=60)
        wait(is_quiet, timeout_s=60)
        with database.session():
            runs = list(StepRun.select().order_by(StepRun.id).offset(self.seen))
            moved = {one.why for one in Enrollment.select() if one.why and one.state == "active"}
            self.seen += len(runs)
            at = clock.now().astimezone(HOME)
            said = [_said(run) for run in runs]
        print(f"\n{at:%a}, {moment_words(at)} in Oakland")
        for line in said or [f"Nothing goes out now: {', '.join(sorted(moved))}."]:
            print(_indented(line))

    def _is_over(self) -> bool:
        following = self._next_due()
        return following is None or following > clock.now()

    def _reminder(self) -> Post | None:
        told = self.sandbox.slack.channels[f"D{self.agent}"].posts
        return next((post for post in list(told) if "Call Fay Holt" in post.plain()), None)

    def _between(self, card: Post) -> None:
        """After a day one of them answers, and Dana does what she is reminded of."""
        slack, agent = self.sandbox.slack, self.agent
        edited = card.edited
        slack.press(agent, card, "Done")
        wait(lambda: card.edited != edited)
        print(f"\nDana calls Fay, and presses Done\n{_indented(card.plain())}")
        self.sandbox.twilio.text(EVE, self.line, "Yes please, Thursday at five?")
        wait(lambda: _exists(Enrollment.select().where(Enrollment.state == "stopped")), 30)
        view = opened(slack, agent, lambda: slack.command(
            agent, self.channel, "/smartplans", "of Eve Moss"))  # fmt: skip
        print("\nEve answers, in her thread")
        for post in wait(self._thread_of_eve, 30):
            print(_indented(post.plain()))
        print(f"\nFor her the plan has stopped\n{_indented(view.plain())}")
        slack.close_modals(agent)

    def _thread_of_eve(self) -> list[Post] | None:
        slack = self.sandbox.slack
        roots = [post for post in slack.channel(self.channel) if "Eve Moss" in post.plain()]
        thread = slack.thread(self.channel, roots[0].ts) if roots else []
        return thread if "Thursday" in "".join(post.plain() for post in thread) else None

    def _end(self) -> None:
        print("\nWhat Fay got in that month")
        for line in self.sandbox.twilio.phone(FAY):
            print(_indented(line))
        for mail in self.sandbox.mail.box("fay@example.com"):
            plain = mail.get_body(("plain",))
            assert plain is not None
            text = plain.get_content()
            print(_indented(f"← e-mail: {mail['Subject']}\n{_indented(text.strip())}"))
        print(f"\nDana types /smartplans\n{_indented(self._ask('/smartplans', '').plain())}")

    def _ask(self, command: str, text: str) -> Post:
        shown = self.sandbox.slack.command(self.agent, self.channel, command, text).shown
        assert shown is not None
        return shown


def _said(run: StepRun) -> str:
    """What came of a step, in a line."""
    who = contacts.name_of(run.contact)
    match run.outcome:
        case "sent":
            assert run.message is not None
            return f"Text to {who}: {run.message.body}"
        case "mailed":
            assert run.letter is not None
            return f"E-mail to {who} at {run.letter.to}: {run.letter.subject}"
        case "reminded":
            assert run.reminder is not None
            return f"Reminder to Dana: {run.reminder.words}"
    return f"Left out for {who}: {run.reason}"


def _exists(rows: Any) -> bool:
    with database.session():
        return bool(rows.exists())


def _number(table: Any) -> int:
    with database.session():
        return int(table.select().count())


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
