"""What is done on the page, each as Slack or a phone would do it.

An act returns what whoever did it should know, if anything: Slack's own refusals first of all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Response, render_template, request, url_for

from bot import audit, clock
from bot.sandbox.page import drawn, sights, tour
from bot.sandbox.page.sights import Place
from bot.sandbox.slack import refusals
from bot.sandbox.slack.files import Refusal
from bot.sandbox.slack.records import View
from bot.sandbox.slack.signing import ACK_S, Answer
from bot.sandbox.stage import LINE, Stage

JUMPS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
COMMAND = re.compile(r"/[a-zA-Z]")  # what begins with // is a message
LATE = "Partyline did not answer in 3 seconds. Slack says: dispatch_failed. Try again."


class Acts:
    """All that can be done, by the name it is posted to; `here` says where whoever does it is."""

    def __init__(self, stage: Stage, here: Callable[[], Place]) -> None:
        self.stage, self.here = stage, here
        self.slack, self.twilio = stage.sandbox.slack, stage.sandbox.twilio

    def views(self) -> dict[str, Callable[[], Any]]:
        """Each as a view."""
        acts: list[Callable[[], Any]] = [
            self.say, self.press, self.put, self.look_up, self.submit, self.close, self.shortcut,
            self.react, self.edit, self.delete, self.attach, self.text, self.jump, self.fault,
            self.kill, self.show, self.books, self.doctor, self.forget,
        ]  # fmt: skip
        return {act.__name__: _told(act) for act in acts}

    def say(self) -> str | None:
        """Writes in the channel or the thread, with files or without, or types a slash command."""
        here, typed = self.here(), request.form.get("said", "").strip()
        if COMMAND.match(typed):
            if here.thread:
                return f"{typed.split()[0]} is not supported in threads. Type it in the channel."
            if any(one.filename for one in request.files.getlist("files")):
                return "A command takes no files. Send them in a message, or in the form of /text."
            return self._command(here, typed)
        if here.room not in self.slack.channels:
            return "Nothing can be written here."
        files = self._uploaded(here.user)
        if not (typed or files):
            return None
        if here.thread:
            also = "broadcast" in request.form
            self.slack.reply(here.user, here.room, here.thread, typed, broadcast=also, files=files)
        else:
            self.slack.write(here.user, here.room, typed, files=files)
        return None

    def _uploaded(self, user: str) -> list[dict[str, Any]]:
        """The files that came with the request, as Slack describes them."""
        files = [
            self.slack.add_file(user, one.filename or "file", one.read())
            for one in request.files.getlist("files") if one.filename
        ]  # fmt: skip
        return [self.slack.described(file) for file in files]

    def _command(self, here: Place, typed: str) -> str | None:
        command = typed.split(maxsplit=1)[0]
        words = typed.removeprefix(command).lstrip()
        known = [one["command"] for one in sights.manifest()["slash_commands"]]
        if command not in known:
            return f"{command} is not a valid command. There are {', '.join(known)}."
        if here.room not in self.slack.channels:
            return "Choose a channel first."
        self.slack.close_modals(here.user)
        return _failed(self.slack.command(here.user, here.room, command, words))

    def press(self) -> str | None:
        """Presses a button, or chooses from a menu, of a message or a modal."""
        here, given = self.here(), request.form
        on = sights.found(self.slack, here.user, given["on"])
        if given["kind"] == "button":
            done = self.slack.click(here.user, on, given["action"], given.get("value", ""))
        else:
            done = self.slack.choose(here.user, on, given["action"], given["value"])
        return _failed(done)

    def put(self) -> str | None:
        """Puts something into a modal's box."""
        here, given = self.here(), request.form
        on = sights.found(self.slack, here.user, given["on"])
        assert isinstance(on, View)
        value = drawn.put(given["kind"], request.form.getlist("value"))
        if given["kind"] == "checkboxes":
            value = drawn.ticked(on, given["block"], given["action"], value)
        done = self.slack.put(here.user, on, given["block"], given["action"], value,
                              enter="enter" in given)  # fmt: skip
        return _failed(done) if done else None

    def look_up(self) -> str:
        """Types into a menu whose options the app searches for. What it offers."""
        here, given = self.here(), request.form
        on = sights.found(self.slack, here.user, given["on"])
        assert isinstance(on, View)
        typed = given.get("typed", "")
        labels = self.slack.look_up(here.user, on, given["action"], typed) if typed else []
        offered = on.offered.get(given["action"], []) if labels else []
        return render_template("offered.html", here=here, offered=offered, given=given, typed=typed)

    def submit(self) -> str | None:
        """Submits a modal."""
        here = self.here()
        on = sights.found(self.slack, here.user, request.form["on"])
        assert isinstance(on, View)
        return _failed(self.slack.submit(here.user, on, {}))

    def close(self) -> None:
        """Closes the modal on top."""
        view = sights.modal(self.slack, self.here().user)
        if view:
            view.open = False
            self.slack.next_ts()

    def shortcut(self) -> str | None:
        """Uses a shortcut, of a message or a global one."""
        here, given = self.here(), request.form
        post = None
        if "on" in given:
            found = sights.found(self.slack, here.user, given["on"])
            assert not isinstance(found, View)
            post = found
        return _failed(self.slack.shortcut(here.user, given["shortcut"], post))

    def react(self) -> None:
        """Puts an emoji on a message, or takes it off."""
        here = self.here()
        post = sights.found(self.slack, here.user, request.form["on"])
        assert not isinstance(post, View)
        if (here.user, request.form["emoji"]) in post.reacted:
            self.slack.unreact(here.user, post, request.form["emoji"])
        else:
            self.slack.react(here.user, post, request.form["emoji"])

    def edit(self) -> str | None:
        """Changes a message of one's own."""
        here, post = self.here(), sights.found(self.slack, self.here().user, request.form["on"])
        if isinstance(post, View) or post.user != here.user:
            return "Only who wrote a message can change it."
        self.slack.edit(post, request.form["said"])
        return None

    def delete(self) -> str | None:
        """Takes a message of one's own away."""
        here, post = self.here(), sights.found(self.slack, self.here().user, request.form["on"])
        if isinstance(post, View) or post.user != here.user:
            return "Only who wrote a message can take it away."
        self.slack.delete(post)
        return None

    def attach(self) -> str | None:
        """Puts files into a form."""
        here, given = self.here(), request.form
        on = sights.found(self.slack, here.user, given["on"])
        assert isinstance(on, View)
        files = self._uploaded(here.user)
        done = self.slack.put(here.user, on, given["block"], given["action"], files)
        return _failed(done) if done else None

    def forget(self) -> None:
        """Loads Slack anew: what only this person saw is gone."""
        self.slack.reload(self.here().user)

    def text(self) -> None:
        """Texts the line from the phone that is shown."""
        here, given = self.here(), request.form
        pictures = [one.read() for one in request.files.getlist("files") if one.filename]
        body = given.get("said", "").strip()
        if body or pictures:
            self.twilio.text(here.phone, LINE, body, pictures)

    def jump(self) -> str | None:
        """Has the demo's clock jump."""
        by = request.form["by"]
        if by == "next":
            due = self.stage.next_step()
            if due is None:
                return "Nothing is due by itself. Put somebody on a SmartPlan first."
            self.stage.jump(due + timedelta(seconds=1))
        else:
            self.stage.jump(clock.now() + JUMPS[by])
        return None

    def fault(self) -> None:
        """Switches a fault on or off."""
        self.stage.switch(request.form["name"])

    def kill(self) -> str:
        """Kills the worker."""
        self.stage.kill_worker()
        return "The worker was killed, and another has started. Look at the books."

    def doctor(self) -> str:
        """Asks the doctor."""
        return self.stage.doctor().strip()

    def books(self) -> str:
        """Proves the books."""
        wrong = list(audit.prove())
        held = "The books hold: every text has its charge, every credit its entry."
        return "; ".join(map(str, wrong)) or held

    def show(self) -> Response:
        """Plays the scene of the tour that is open, and leads to where it can be seen."""
        here = self.here()
        scene = tour.SCENES[here.step - 1]
        try:
            scene.show(self.stage)
        except (LookupError, AssertionError):
            self.slack.close_modals(self.stage.agent)
            raise
        there = here.query(**scene.place(self.stage))
        return Response(status=204, headers={"HX-Redirect": url_for("whole", **there)})


def _failed(answer: Answer) -> str | None:
    """What Slack says where the app did not answer well."""
    if answer.took_s > ACK_S:
        return LATE
    return None if answer.status == 200 else f"Slack: the app answered {answer.status}."


def _told(act: Callable[[], Any]) -> Callable[[], Any]:
    """The act as a view: what is to be known comes as an event of htmx; HTML comes as it is."""

    def done() -> Any:
        try:
            said = act()
        except Refusal as refusal:
            said = refusals.words("the answer", refusal)
        except (LookupError, AssertionError) as error:
            said = str(error).strip("'\"").partition("\n")[0]
        if isinstance(said, Response) or (said and said.lstrip().startswith("<")):
            return said
        told = {"HX-Trigger": json.dumps({"told": said})} if said else {}
        return Response(status=204, headers=told)

    return done
