"""The page: what stands on it, part by part, and word of what changed. What is done: acts.py."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask, Response, abort, render_template, request
from werkzeug.serving import BaseWSGIServer, make_server

from bot import clock
from bot.sandbox import drawing
from bot.sandbox.page import drawn, sights, tour
from bot.sandbox.page.acts import Acts
from bot.sandbox.page.sights import APP, HOME, Place
from bot.sandbox.server import Quiet, stop
from bot.sandbox.stage import FAULTS, LINE, Stage
from bot.slack.credits.credit_cards import KINDS

LOOK_S, BEAT_S = 0.1, 10


class Page:
    """The sandbox's page on a port of its own, on loopback."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.slack, self.twilio = stage.sandbox.slack, stage.sandbox.twilio
        self.web = Flask("page", root_path=str(drawn.HERE))
        self.web.jinja_env.globals |= {
            "LINE": LINE, "HOME": HOME, "KINDS": KINDS,
            "manifest": sights.manifest, "scenes": tour.SCENES,
        }  # fmt: skip
        drawn.dress(self.web.jinja_env, self.slack)
        self.parts: dict[str, Callable[[], dict[str, Any]]] = {
            "rooms": self._rooms, "messages": self._messages, "thread": self._thread,
            "modal": self._modal, "people": self._people, "phones": self._phones,
            "below": self._below, "refused": self._refused,
        }  # fmt: skip
        self.closing = threading.Event()
        self._server: BaseWSGIServer | None = None
        seen: dict[str, Callable[..., Any]] = {
            "/": self._whole, "/part/<name>": self._part, "/changes": self._changes,
            "/file/<key>": self._file, "/garden.png": self._garden,
        }  # fmt: skip
        for path, sight in seen.items():
            self.web.add_url_rule(path, sight.__name__.strip("_"), sight)
        for name, view in Acts(stage, lambda: self.here).views().items():
            self.web.add_url_rule(f"/{name}", name, view, methods=["POST"])

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
            stop(self._server)

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
            self._room(user, given.get("in", "")), given.get("thread", ""),
            given.get("phone") or next(iter(sights.PHONES)),
            given.get("until", ""), given.get("step", 1, int),
        )  # fmt: skip

    def _room(self, user: str, asked: str) -> str:
        """The room that is asked for, if this person is in it."""
        if asked == APP:
            return f"D{user}" if f"D{user}" in self.slack.channels else HOME
        room = self.slack.channels.get(asked)
        inside = asked == HOME or (room and user in room.members)
        return asked if inside else self.stage.channel

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
        here = self.here
        direct = f"D{here.user}"
        return {
            "here": here, "slack": slack, "files": slack.files,
            "names": drawing.names(slack.people, slack.channels),
            "room": slack.channels.get(here.room), "is_channel": here.room[0] == "C",
            "roles": self.stage.roles, "direct": direct if direct in slack.channels else "",
            "scene": tour.SCENES[here.step - 1] if 0 < here.step <= len(tour.SCENES) else None,
        }  # fmt: skip

    def _rooms(self) -> dict[str, Any]:
        here, direct = self.here, f"D{self.here.user}"
        rooms = sorted(
            (room.id, f"# {room.name}", len(room.posts), room.id == here.room)
            for room in self.slack.channels.values()
            if room.id[0] == "C" and here.user in room.members
        )
        told = self.slack.channels.get(direct)
        app = (APP, "Partyline", len(told.posts) if told else 0,
               here.room in (HOME, direct))  # fmt: skip
        return {"groups": [("Channels", rooms), ("Apps", [app])]}

    def _messages(self) -> dict[str, Any]:
        here = self.here
        posts, earlier = sights.messages(self.slack, here)
        return {
            "posts": posts, "earlier": earlier,
            "replies": sights.replies(self.slack, here),
            "home": self.slack.homes.get(here.user) if here.room == HOME else None,
        }  # fmt: skip

    def _thread(self) -> dict[str, Any]:
        return {"open_thread": sights.thread(self.slack, self.here)}

    def _modal(self) -> dict[str, Any]:
        return {"view": sights.modal(self.slack, self.here.user)}

    def _people(self) -> dict[str, Any]:
        return {"phones": sights.phones(self.twilio), "got": sights.got(self.twilio)}

    def _phones(self) -> dict[str, Any]:
        phone = self.here.phone
        return {
            "phones": sights.phones(self.twilio), "bubbles": sights.bubbles(self.twilio, phone),
            "stopped": sights.stopped(self.twilio, phone),
        }  # fmt: skip

    def _refused(self) -> dict[str, Any]:
        return {"refusals": self.slack.refusals}

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

    def _garden(self) -> Response:
        return Response(tour.garden(), mimetype="image/png")

    def _file(self, key: str) -> Response:
        file = self.slack.files.get(key)
        if file is None or file.content is None:
            return Response("That file is gone.", 404)
        return Response(file.content, mimetype=file.content_type)
