"""The stand-in's modals keep and tell what people put in as Slack's do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, jsonify, request
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from werkzeug.serving import make_server

from bot.sandbox import Sandbox
from bot.sandbox.slack.records import View


class Modals:
    """A user with an app that records what it is told and answers what it is given to."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.slack, self.told = sandbox.slack, list[dict[str, Any]]()
        self.answer: dict[str, Any] = {}
        self.user = sandbox.slack.add_user("Ann")
        self.client = WebClient(
            sandbox.slack.token, base_url=sandbox.slack.api_url, retry_handlers=[]
        )

    def hear(self) -> Any:
        self.told.append(json.loads(request.form["payload"]))
        return jsonify(self.answer) if self.answer else ""

    def open(self, *blocks: dict[str, Any], how: str = "open") -> View:
        getattr(self.client, f"views_{how}")(
            trigger_id=self.slack.new_trigger(self.user), view=modal(*blocks)
        )
        return self.slack.open_view(self.user)


def modal(*blocks: dict[str, Any]) -> dict[str, Any]:
    title = {"type": "plain_text", "text": "A modal"}
    return {"type": "modal", "title": title, "submit": title, "blocks": list(blocks)}


def box(block_id: str, initial: str = "", **more: Any) -> dict[str, Any]:
    element = {"type": "plain_text_input", "action_id": "say", "max_length": 5, **more}
    if initial:
        element["initial_value"] = initial
    label = {"type": "plain_text", "text": "Say"}
    return {"type": "input", "block_id": block_id, "label": label, "element": element}


def heard(block: dict[str, Any], on: str = "on_character_entered") -> dict[str, Any]:
    element = {**block["element"], "dispatch_action_config": {"trigger_actions_on": [on]}}
    return {**block, "dispatch_action": True, "element": element}


def menu(kind: str, *labels: str) -> dict[str, Any]:
    options = [{"text": {"type": "plain_text", "text": one}, "value": one} for one in labels]
    element: dict[str, Any] = {"type": kind, "action_id": "pick"}
    element |= {"options": options} if labels else {"min_query_length": 2}
    label = {"type": "plain_text", "text": "Pick"}
    return {"type": "input", "block_id": "menu", "label": label, "element": element}


@pytest.fixture
def modals(sandbox: Sandbox) -> Iterator[Modals]:
    made = Modals(sandbox)
    app = Flask("recorder")
    app.add_url_rule("/slack/events", "hear", made.hear, methods=["POST"])
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    sandbox.app_url = f"http://127.0.0.1:{server.port}"
    yield made
    server.shutdown()
    server.server_close()


def said(modals: Modals) -> list[Any]:
    return [told["actions"][0].get("value") for told in modals.told]


def test_each_key_is_told_with_all_that_the_box_holds(modals: Modals) -> None:
    view = modals.open(heard(box("a")))
    modals.slack.type_keys(modals.user, view, "say", "abc", pause_s=0.01)
    assert sorted(said(modals)) == ["a", "ab", "abc"]
    last = max(modals.told, key=lambda told: told["actions"][0]["action_ts"])
    assert last["view"]["state"]["values"]["a"]["say"]["value"] == "abc"


@pytest.mark.parametrize("quiet", [box("a"), heard(box("a"), "on_enter_pressed")])
def test_a_box_that_does_not_say_so_tells_nobody_of_its_keys(
    modals: Modals, quiet: dict[str, Any]
) -> None:
    view = modals.open(quiet)
    modals.slack.type_keys(modals.user, view, "say", "abc")
    assert modals.told == []
    modals.slack.submit(modals.user, view, {})
    assert modals.told[0]["view"]["state"]["values"]["a"]["say"]["value"] == "abc"


def test_what_was_put_in_outlives_an_update_that_keeps_the_ids(modals: Modals) -> None:
    view = modals.open(box("a", "old"))
    modals.slack.write_in(modals.user, view, "say", "mine")
    for blocks, holds in (((box("a", "new"),), "mine"), ((box("b", "new"),), "new")):
        modals.client.views_update(view_id=view.id, view=modal(*blocks))
        held = view.held[blocks[0]["block_id"]]["say"]["value"]
        assert held == holds


def test_an_update_of_what_changed_meanwhile_is_refused_by_its_hash(modals: Modals) -> None:
    view = modals.open(box("a"))
    before = view.hash
    modals.client.views_update(view_id=view.id, hash=before, view=modal(box("a")))
    with pytest.raises(SlackApiError, match="hash_conflict"):
        modals.client.views_update(view_id=view.id, hash=before, view=modal(box("a")))


def test_a_box_takes_no_more_than_it_says(modals: Modals) -> None:
    view = modals.open(box("a"))
    with pytest.raises(LookupError, match="takes 0 to 5"):
        modals.slack.write_in(modals.user, view, "say", "too long")


def test_what_is_needed_is_asked_for_before_the_app_hears_of_it(modals: Modals) -> None:
    view = modals.open(box("a"), {**box("b"), "optional": True})
    with pytest.raises(LookupError, match="nothing stands in a"):
        modals.slack.submit(modals.user, view, {})
    assert modals.told == []


def test_a_menu_takes_what_it_offers(modals: Modals) -> None:
    view = modals.open(menu("static_select", "Red", "Blue"))
    with pytest.raises(LookupError, match="does not offer"):
        modals.slack.submit(modals.user, view, {"menu": "Green"})
    modals.slack.submit(modals.user, view, {"menu": "Blue"})
    held = modals.told[0]["view"]["state"]["values"]["menu"]["pick"]
    assert held["selected_option"]["value"] == "Blue"


def test_a_searched_menu_offers_what_the_app_found(modals: Modals) -> None:
    view = modals.open(menu("external_select"))
    modals.answer = {
        "options": [{"text": {"type": "plain_text", "text": "Ann Lee"}, "value": "c:1"}]
    }
    assert modals.slack.look_up(modals.user, view, "pick", "a") == []  # too short to ask
    assert modals.slack.look_up(modals.user, view, "pick", "an") == ["Ann Lee"]
    told = modals.told[0]
    assert (told["type"], told["action_id"], told["value"]) == ("block_suggestion", "pick", "an")
    modals.answer = {}
    modals.slack.submit(modals.user, view, {"menu": "Ann Lee"})
    held = modals.told[1]["view"]["state"]["values"]["menu"]["pick"]
    assert held["selected_option"]["value"] == "c:1"


def test_modals_lie_on_one_another_three_deep(modals: Modals) -> None:
    views = [modals.open(box("a"), how=how) for how in ("open", "push", "push")]
    with pytest.raises(SlackApiError, match="push_limit_reached"):
        modals.open(box("a"), how="push")
    modals.slack.submit(modals.user, views[2], {"a": "x"})
    assert modals.told[0]["view"]["root_view_id"] == views[0].id
    assert modals.told[0]["view"]["previous_view_id"] == views[1].id
    assert modals.slack.open_view(modals.user) is views[1]
    modals.answer = {"response_action": "clear"}
    modals.slack.submit(modals.user, views[1], {"a": "x"})
    with pytest.raises(LookupError):
        modals.slack.open_view(modals.user)


def test_errors_stand_at_inputs_and_the_modal_stays(modals: Modals) -> None:
    view = modals.open(box("a"))
    modals.answer = {"response_action": "errors", "errors": {"a": "No."}}
    modals.slack.submit(modals.user, view, {"a": "x"})
    assert view.errors == {"a": "No."}
    assert view.open
    modals.answer = {"response_action": "errors", "errors": {"b": "No."}}
    with pytest.raises(AssertionError, match="no input"):
        modals.slack.submit(modals.user, view, {})


def test_shortcuts_tell_of_the_user_and_of_the_message(modals: Modals) -> None:
    channel = modals.slack.add_channel("leads")
    ts = modals.client.chat_postMessage(channel=channel, text="root")["ts"]
    modals.client.chat_postMessage(channel=channel, text="reply", thread_ts=ts)
    modals.slack.shortcut(modals.user, "write")
    modals.slack.shortcut(modals.user, "answer", modals.slack.thread(channel, ts)[1])
    anywhere, on = modals.told
    assert (anywhere["type"], anywhere["callback_id"]) == ("shortcut", "write")
    assert "channel" not in anywhere
    assert (on["type"], on["message"]["thread_ts"]) == ("message_action", ts)
