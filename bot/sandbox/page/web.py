"""The page: what it shows, and what is done on it, each as Slack or a phone would do it."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from flask import Flask, Response, abort, render_template, request
from werkzeug.serving import BaseWSGIServer, make_server

from bot import audit, clock
from bot.sandbox import drawing
from bot.sandbox.page import drawn, sights, tour
from bot.sandbox.page.sights import HOME, Place
from bot.sandbox.server import Quiet
from bot.sandbox.slack import View
from bot.sandbox.slack_signing import ACK_S, Answer
from bot.sandbox.stage import FAULTS, LINE, Stage

LOOK_S, BEAT_S = 0.1, 10
JUMPS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
LATE = "Partyline did not answer in 3 seconds. Slack says: dispatch_failed. Try again."


class Page:
    """The sandbox's page on a port of its own, on loopback."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.slack, self.twilio = stage.sandbox.slack, stage.sandbox.twilio
        self.web = Flask("page", root_path=str(drawn.HERE))
        self.web.jinja_env.globals |= {"LINE": LINE, "HOME": HOME, "manifest": sights.manifest,
                                       "scenes": tour.SCENES}  # fmt: skip
        drawn.dress(self.web.jinja_env, self.slack)
        self.parts: dict[str, Callable[[], dict[str, Any]]] = {
            "rooms": self._rooms, "messages": self._messages, "thread": self._thread,
            "modal": self._modal, "phones": self._phones, "below": self._below,
        }  # fmt: skip
        self.closing = threading.Event()
        self._server: BaseWSGIServer | None = None
        seen: dict[str, Callable[..., Any]] = {
            "/": self._whole, "/part/<name>": self._part, "/changes": self._changes,
            "/file/<key>": self._file,
        }  # fmt: skip
        for path, sight in seen.items():
            self.web.add_url_rule(path, sight.__name__.strip("_"), sight)
        for name, act in {
            "say": self._say, "press": self._press, "put": self._put, "look_up": self._look_up,
            "submit": self._submit, "close": self._close, "shortcut": self._shortcut,
            "react": self._react, "edit": self._edit, "delete": self._delete,
            "attach": self._attach, "text": self._text, "jump": self._jump, "fault": self._fault,
            "kill": self._kill, "show": self._show, "books": self._books,
        }.items():  # fmt: skip
            done = _told(act)
            self.web.add_url_rule(f"/{name}", name, done, methods=["POST"])

    def serve(self, port: int = 0) -> None:
        """Listens on 127.0.0.1 in a thread of its own."""
        self._server = make_server(
            "127.0.0.1", port, self.web, threaded=True, request_handler=Quiet
        )
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stops listening."""
        self.closing.set()
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    @property
    def url(self) -> str:
        """Where it is."""
        assert self._server is not None, "it is not served yet"
        return f"http://127.0.0.1:{self._server.port}/"

    @property
    def here(self) -> Place:
        """Where whoever asks is; the owner in the line's channel, unless the address says more."""
        given = request.values
        user = given.get("as", self.stage.agent)
        return Place(
            user if user in self.slack.people else self.stage.agent,
            given.get("in") or self.stage.channel, given.get("thread", ""),
            given.get("phone") or next(iter(sights.PHONES)),
            given.get("window", sights.WINDOW, int), given.get("step", 1, int),
        )  # fmt: skip

    # What stands there

    def _whole(self) -> str:
        here = self.here
        if here.room == HOME:
            self.slack.open_home(here.user)
        seen = {name: value for part in self.parts.values() for name, value in part().items()}
        return render_template("page.html", **self._always(), **seen)

    def _part(self, name: str) -> str:
        """One part of the page anew."""
        if name not in self.parts:
            abort(404)
        seen = self.parts[name]()
        return render_template(f"{name}.html", **self._always(), **seen)

    def _always(self) -> dict[str, Any]:
        """What every part needs: where whoever looks is, and what Slack has."""
        slack = self.slack
        return {"here": self.here, "slack": slack, "files": slack.files,
                "names": drawing.names(slack.people, slack.channels)}  # fmt: skip

    def _rooms(self) -> dict[str, Any]:
        found = [
            (room.id, f"# {room.name}" if room.id[0] == "C" else "Partyline")
            for room in self.slack.channels.values() if self.here.user in room.members
        ]  # fmt: skip
        return {"rooms": [(HOME, "Partyline · Home"), *sorted(found)]}

    def _messages(self) -> dict[str, Any]:
        here = self.here
        posts, earlier = sights.messages(self.slack, here)
        return {
            "room": self.slack.channels.get(here.room), "posts": posts, "earlier": earlier,
            "replies": sights.replies(self.slack, here),
            "home": self.slack.homes.get(here.user) if here.room == HOME else None,
        }  # fmt: skip

    def _thread(self) -> dict[str, Any]:
        return {"open_thread": sights.thread(self.slack, self.here)}

    def _modal(self) -> dict[str, Any]:
        return {"view": sights.modal(self.slack, self.here.user)}

    def _phones(self) -> dict[str, Any]:
        phone = self.here.phone
        return {
            "phones": sights.phones(self.twilio), "bubbles": sights.bubbles(self.twilio, phone),
            "stopped": sights.stopped(self.twilio, phone),
        }  # fmt: skip

    def _below(self) -> dict[str, Any]:
        balance, entries = sights.entries()
        return {
            "mails": sights.mails(self.stage.sandbox.mail), "balance": balance, "entries": entries,
            "now": clock.now(), "faults": FAULTS, "on": self.stage.faults,
            "kills": self.stage.kills,
        }  # fmt: skip

    def _changes(self) -> Response:
        return Response(self._tell(), mimetype="text/event-stream")

    def _tell(self) -> Iterator[str]:
        """Names what changed, as it changes, until the page is closed: at first, all of it, since
        something may have happened after the page was drawn."""
        before: dict[str, str] = {}
        for turn in itertools.count():
            if self.closing.wait(LOOK_S):
                return
            now = sights.marks(self.stage)
            for name in now:
                if now[name] != before.get(name):
                    yield f"event: {name}\ndata: {turn}\n\n"
            if turn % int(BEAT_S / LOOK_S) == 0:
                yield ": still here\n\n"
            before = now

    def _file(self, key: str) -> Response:
        file = self.slack.files.get(key)
        if file is None or file.content is None:
            return Response("That file is gone.", 404)
        return Response(file.content, mimetype=file.content_type)

    # What is done: each says what whoever did it should know, if anything

    def _say(self) -> str | None:
        here, typed = self.here, request.form.get("said", "").strip()
        if not typed:
            return None
        if typed.startswith("/"):
            if here.thread:
                return f"{typed.split()[0]} is not supported in threads. Type it in the channel."
            return self._command(here, typed)
        if here.room not in self.slack.channels:
            return "Nothing can be written here."
        if here.thread:
            self.slack.reply(here.user, here.room, here.thread, typed)
        else:
            self.slack.write(here.user, here.room, typed)
        return None

    def _command(self, here: Place, typed: str) -> str | None:
        command, _, words = typed.partition(" ")
        known = [one["command"] for one in sights.manifest()["slash_commands"]]
        if command not in known:
            return f"{command} is not a valid command. There are {', '.join(known)}."
        if here.room not in self.slack.channels:
            return "Choose a channel first."
        self.slack.close_modals(here.user)
        return _failed(self.slack.command(here.user, here.room, command, words))

    def _press(self) -> str | None:
        here, given = self.here, request.form
        on = sights.found(self.slack, here.user, given["on"])
        if given["kind"] == "button":
            done = self.slack.click(here.user, on, given["action"], given.get("value", ""))
        else:
            done = self.slack.choose(here.user, on, given["action"], given["value"])
        return _failed(done)

    def _put(self) -> str | None:
        here, given = self.here, request.form
        on = sights.found(self.slack, here.user, given["on"])
        assert isinstance(on, View)
        value = drawn.put(given["kind"], request.form.getlist("value"))
        if given["kind"] == "checkboxes":
            value = drawn.ticked(on, given["block"], given["action"], value)
        done = self.slack.put(here.user, on, given["block"], given["action"], value,
                              enter="enter" in given)  # fmt: skip
        return _failed(done) if done else None

    def _look_up(self) -> str:
        here, given = self.here, request.form
        on = sights.found(self.slack, here.user, given["on"])
        assert isinstance(on, View)
        typed = given.get("typed", "")
        labels = self.slack.look_up(here.user, on, given["action"], typed) if typed else []
        offered = on.offered.get(given["action"], []) if labels else []
        return render_template("offered.html", here=here, offered=offered, given=given, typed=typed)

    def _submit(self) -> str | None:
        here = self.here
        on = sights.found(self.slack, here.user, request.form["on"])
        assert isinstance(on, View)
        return _failed(self.slack.submit(here.user, on, {}))

    def _close(self) -> None:
        view = sights.modal(self.slack, self.here.user)
        if view:
            view.open = False
            self.slack.next_ts()

    def _shortcut(self) -> str | None:
        here, given = self.here, request.form
        post = None
        if "on" in given:
            found = sights.found(self.slack, here.user, given["on"])
            assert not isinstance(found, View)
            post = found
        return _failed(self.slack.shortcut(here.user, given["shortcut"], post))

    def _react(self) -> None:
        here = self.here
        post = sights.found(self.slack, here.user, request.form["on"])
        assert not isinstance(post, View)
        if (here.user, request.form["emoji"]) in post.reacted:
            self.slack.unreact(here.user, post, request.form["emoji"])
        else:
            self.slack.react(here.user, post, request.form["emoji"])

    def _edit(self) -> str | None:
        here, post = self.here, sights.found(self.slack, self.here.user, request.form["on"])
        if isinstance(post, View) or post.user != here.user:
            return "Only who wrote a message can change it."
        self.slack.edit(post, request.form["said"])
        return None

    def _delete(self) -> str | None:
        here, post = self.here, sights.found(self.slack, self.here.user, request.form["on"])
        if isinstance(post, View) or post.user != here.user:
            return "Only who wrote a message can take it away."
        self.slack.delete(post)
        return None

    def _attach(self) -> str | None:
        """Files: shared in a thread, or put into a form."""
        here, given = self.here, request.form
        files = [
            self.slack.add_file(here.user, one.filename or "file", one.read())
            for one in request.files.getlist("files") if one.filename
        ]  # fmt: skip
        described = [self.slack.described(file) for file in files]
        if "on" in given:
            on = sights.found(self.slack, here.user, given["on"])
            assert isinstance(on, View)
            done = self.slack.put(here.user, on, given["block"], given["action"], described)
            return _failed(done) if done else None
        if not here.thread:
            return "Open a thread first: a picture goes to the person it is about."
        if described or given.get("said"):
            self.slack.reply(here.user, here.room, here.thread, given.get("said", ""),
                             files=described)  # fmt: skip
        return None

    def _text(self) -> None:
        here, given = self.here, request.form
        pictures = [one.read() for one in request.files.getlist("files") if one.filename]
        body = given.get("said", "").strip()
        if body or pictures:
            self.twilio.text(here.phone, LINE, body, pictures)

    def _jump(self) -> str | None:
        by = request.form["by"]
        if by == "next":
            due = self.stage.next_step()
            if due is None:
                return "Nothing is due by itself. Put somebody on a SmartPlan first."
            self.stage.jump(due + timedelta(seconds=1))
        else:
            self.stage.jump(clock.now() + JUMPS[by])
        return None

    def _fault(self) -> None:
        self.stage.switch(request.form["name"])

    def _kill(self) -> str:
        self.stage.kill_worker()
        return "The worker was killed, and another has started. Look at the books."

    def _books(self) -> str:
        wrong = list(audit.prove())
        held = "The books hold: every text has its charge, every credit its entry."
        return "; ".join(map(str, wrong)) or held

    def _show(self) -> None:
        tour.SCENES[self.here.step - 1].show(self.stage)


def _failed(answer: Answer) -> str | None:
    """What Slack says where the app did not answer well."""
    if answer.took_s > ACK_S:
        return LATE
    return None if answer.status == 200 else f"Slack: the app answered {answer.status}."


def _told(act: Callable[[], str | None]) -> Callable[[], Any]:
    """The act as a view: what is to be known comes as an event of htmx; HTML comes as it is."""

    def done() -> Any:
        try:
            said = act()
        except (LookupError, AssertionError) as error:
            said = str(error).strip("'\"").partition("\n")[0]
        if said and said.lstrip().startswith("<"):
            return said
        told = {"HX-Trigger": json.dumps({"told": said})} if said else {}
        return Response(status=204, headers=told)

    return done
