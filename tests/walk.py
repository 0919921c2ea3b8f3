"""Whatever a member does in a scene is first tried by everybody who may not do it.

The walk stands between the sandbox's Slack and the app. It sends each request of a scene as others
would have to forge it: the same button, value, `private_metadata`, typed words and thread, another
user. After each, nothing of the account may have changed, and nothing of it may be shown to them.
Then the member's own request goes on; so the scene itself proves that what was refused to others is
something that works.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from threading import Barrier
from typing import Any
from urllib.parse import parse_qs, urlencode

import peewee

from bot.sandbox import wait
from bot.sandbox.slack.records import View
from bot.sandbox.slack.signing import FORM, JSON, Answer, Signed
from bot.slack.bolt import OOPS, THREADS
from bot.tables import TABLES
from ledger import database
from ledger.models import Account
from tests.house import House

REFUSALS = ("You are not on", "Only the owner and managers", "Only the owner", "Step 1 of")


@dataclass(frozen=True)
class Act:
    """A request that Slack sends because of what somebody did."""

    kind: str  # command, action, view, shortcut, option, event
    name: str
    user: str
    body: dict[str, Any]  # the fields of a command, else the payload
    channel: str | None = None

    @classmethod
    def of(cls, signed: Signed) -> Act | None:
        """What a signed request is; None for one that no person made."""
        if signed.headers["Content-Type"] == JSON:
            body = json.loads(signed.body)
            event = body["event"]
            user = event.get("user")  # of a message that was edited, Slack itself says whose it is
            found = isinstance(user, str)
            return cls("event", event["type"], user, body, event.get("channel")) if found else None
        fields = {key: values[0] for key, values in parse_qs(signed.body.decode(), True).items()}
        if "command" in fields:
            return cls("command", fields["command"], fields["user_id"], fields,
                       fields["channel_id"])  # fmt: skip
        body = json.loads(fields["payload"])
        kinds = {"block_actions": "action", "view_submission": "view", "shortcut": "shortcut",
                 "message_action": "shortcut", "block_suggestion": "option"}  # fmt: skip
        name = (
            body["actions"][0]["action_id"] if body["type"] == "block_actions"
            else body["view"]["callback_id"] if body["type"] == "view_submission"
            else body.get("callback_id") or body["action_id"]
        )  # fmt: skip
        channel = (body.get("channel") or {}).get("id")
        return cls(kinds[body["type"]], name, body["user"]["id"], body, channel)


class Walk:
    """Tries each act of the house's members as `others`, and as `agent` what agents may not."""

    def __init__(
        self, house: House, others: Iterable[str], agent: str, agents_may: set[str]
    ) -> None:  # fmt: skip
        self.house, self.others, self.agent = house, list(others), agent
        self.agents_may = agents_may
        self.account = house.account().id
        self.secrets: set[str] = set()
        self.seen: dict[str, set[str]] = defaultdict(set)
        self.tried = 0
        self._sign = house.slack.sign
        house.slack.sign = self._watched  # type: ignore[method-assign]

    def _watched(self, body: str | bytes, content_type: str = FORM, age_s: int = 0) -> Signed:
        signed = self._sign(body, content_type, age_s)
        return Watched(signed.url, signed.body, signed.headers, signed.until_done, self)

    def before(self, signed: Signed) -> Signed:
        """Has everybody else try it. Returns the request again, with a trigger that is new."""
        if signed.headers["Content-Type"] == JSON:
            self.seen["event"].add(json.loads(signed.body)["event"]["type"])
        act = Act.of(signed)
        plain = Signed(signed.url, signed.body, signed.headers, signed.until_done)
        if act is None or act.user in self.others:
            return plain
        self.seen[act.kind].add(act.name)
        self.quiet()
        self.house.settle()
        stood = self.standing()
        for other in self.others:
            self._try(act, other, stood)
        if act.kind != "event" and act.name not in self.agents_may and act.user != self.agent:
            shown = self._try(act, self.agent, stood, secret=False)
            assert any(words in shown for words in REFUSALS), f"{act.kind} {act.name}: {shown}"
        return plain if act.kind == "event" else self._as(act, act.user)

    def _try(
        self, act: Act, user: str, stood: list[Any], *, secret: bool = True
    ) -> str:  # fmt: skip
        """Sends the act as this user. What they are shown."""
        request = self._as(act, user)
        marks = self._seen_by(user)
        answer = request.send()
        self.quiet()
        self.house.work()
        self.tried += 1
        where = f"{act.kind} {act.name} as {user}"
        assert answer.status == 200, f"{where}: {answer.status}"
        shown = self._shown_to(user, answer, marks)
        assert OOPS not in shown, where
        changed = difference(stood, self.standing())
        assert not changed, f"{where} changed {changed}"
        if secret:
            told = [one for one in self._kept_from(act) if one in shown]
            assert not told, f"{where} was shown {told}: {shown}"
        return shown

    def _kept_from(self, act: Act) -> set[str]:
        """What may not be shown: all secrets but those that whoever asks wrote themselves."""
        typed = act.body.get("text", "") if act.kind == "command" else act.body.get("value", "")
        with database.session():
            balance = Account.get_by_id(self.account).balance
        return {one for one in self.secrets | {f"{balance:,}", str(balance)} if one not in typed}

    def _as(self, act: Act, user: str) -> Signed:
        slack, person = self.house.slack, self.house.slack.people[user]
        if act.kind == "event":
            event = json.dumps(act.body["event"]).replace(f'"{act.user}"', f'"{user}"')
            body = {**act.body, "event": json.loads(event),
                    "event_id": f"Ev{slack.next_ts().replace('.', '')}"}  # fmt: skip
            return self._sign(json.dumps(body), JSON)
        reply = slack.new_response_url(user, act.channel) if act.channel else None
        if user == act.user:  # their own request goes on, on the card that it was made on
            reply = act.body.get("response_url")
        new = {"trigger_id": slack.new_trigger(user), **({"response_url": reply} if reply else {})}
        if act.kind == "command":
            return self._sign(urlencode(
                {**act.body, **new, "user_id": user, "user_name": person["name"]}
            ))  # fmt: skip
        who = {"id": user, "username": person["name"], "team_id": person["team_id"]}
        payload = {**act.body, **new, "user": who}
        if user != act.user and act.body.get("view", {}).get("type") == "modal":
            payload |= self._own_copy(act.body, user)
        return self._sign(urlencode({"payload": json.dumps(payload)}))

    def _own_copy(self, body: dict[str, Any], user: str) -> dict[str, Any]:
        """The same modal, as if the app had opened it for this user."""
        slack, of = self.house.slack, self.house.slack.views[body["view"]["id"]]
        for view in slack.views.values():
            view.open = view.open and view.user != user
        copy = View(f"V{slack.next_ts()}", user, deepcopy(of.view), "h1", held=deepcopy(of.held))
        slack.views[copy.id] = copy
        changed = {"id": copy.id, "hash": copy.hash, "root_view_id": copy.id,
                   "previous_view_id": None}  # fmt: skip
        return {"view": {**body["view"], **changed},
                "container": {"type": "view", "view_id": copy.id}}  # fmt: skip

    # What somebody is shown

    def _seen_by(self, user: str) -> dict[str, Any]:
        slack = self.house.slack
        return {
            "whispers": {(p.ts, p.edited) for p in slack.whispers.get(user, ())},
            "views": {(v.id, v.hash) for v in slack.views.values()},
            "told": len(self.house.told(user)),
            "home": slack.homes[user].hash if user in slack.homes else None,
        }

    def _shown_to(self, user: str, answer: Answer, marks: Mapping[str, Any]) -> str:
        slack = self.house.slack
        home = slack.homes.get(user)
        shown: list[Any] = [
            answer.body,
            *([p.text, p.blocks] for p in slack.whispers.get(user, ())
              if (p.ts, p.edited) not in marks["whispers"]),
            *(v.view for v in slack.views.values()
              if v.user == user and (v.id, v.hash) not in marks["views"]),
            *([p.text, p.blocks] for p in self.house.told(user)[marks["told"] :]),
            *([home.view] if home and home.hash != marks["home"] else []),
        ]  # fmt: skip
        return json.dumps(shown, ensure_ascii=False)

    # What stands

    def standing(self) -> list[Any]:
        """The account's rows, and what its members and their channel see in Slack and on phones."""
        slack, members = self.house.slack, {self.house.agent, self.house.manager, self.agent}
        rooms = {self.house.channel, *(f"D{one}" for one in members - {self.agent})}
        return [
            *belongings(self.account),
            *(("post", p.ts, p.text, p.edited, p.blocks) for room in rooms
              if room in slack.channels for p in slack.channels[room].posts),
            *(("view", v.id, v.view) for v in slack.views.values()
              if v.user in members - {self.agent}),
            *(("text", text.to, text.body) for text in self.house.twilio.texts.values()),
        ]  # fmt: skip

    def quiet(self) -> None:
        """Waits until the app's listeners have done all they were at."""
        app = self.house.app
        executor = app.config["BOLT"].app.listener_runner.listener_executor
        together = Barrier(THREADS + 1)
        for _ in range(THREADS):
            executor.submit(together.wait, 30)
        together.wait(30)
        wait(app.config["LIVE"].is_idle, 30)


@dataclass(frozen=True)
class Watched(Signed):
    """A request that is tried by others first."""

    walk: Walk | None = None

    def send(self, retry: int = 0) -> Answer:
        """Posts it to the app, after everybody else tried it."""
        assert self.walk is not None
        return self.walk.before(self).send(retry)


def difference(before: list[Any], after: list[Any]) -> list[Any]:
    """What is no longer as it was, and what is new."""
    return [one for one in before if one not in after] + [one for one in after if one not in before]


def belongings(account: int) -> list[Any]:
    """Every row of every table that belongs to this account, whatever it hangs on."""
    rows = dict(_read())
    by_key = {
        table: {row[table._meta.primary_key.column_name]: row for row in found}
        for table, found in rows.items()
        if not isinstance(table._meta.primary_key, peewee.CompositeKey)
    }
    found = []
    for table, all_of_it in rows.items():
        path = _path(table)
        if path is not None:
            found += [(table.__name__, row) for row in all_of_it
                      if _follow(row, path, by_key) == account]  # fmt: skip
    return found


def _read() -> Iterable[tuple[Any, list[dict[str, Any]]]]:
    """Tables with their rows by column, as the database has them."""
    with database.session():
        for table in TABLES:
            found = database.db.execute_sql(f'SELECT * FROM "{table._meta.table_name}"')
            names = [column[0] for column in found.description]
            yield table, [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _follow(row: dict[str, Any], path: list[tuple[str, Any]], by_key: Any) -> Any:
    for place, (field, table) in enumerate(path):
        key = row[field]
        if key is None or place == len(path) - 1:
            return key
        row = by_key[table][key]
    return row["id"]


def _path(table: Any, met: frozenset[Any] = frozenset()) -> list[tuple[str, Any]] | None:
    """The foreign keys that lead from a table to its account, the shortest way over those that are
    always there."""
    if table is Account:
        return []
    ways = []
    for field, to in table._meta.refs.items():
        if not field.null and to not in met and to is not table:
            on = _path(to, met | {table})
            if on is not None:
                ways.append([(field.column_name, to), *on])
    return min(ways, key=len, default=None)
