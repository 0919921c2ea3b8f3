"""manifest.json against Slack's own schema, the listeners that exist, and the methods we call."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import jsonschema
import pytest
from slack_sdk import WebClient

from bot.sandbox.slack.methods import METHODS
from bot.slack import commands, events

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT.parent / "shared" / "data" / "slack"
MANIFEST = json.loads((ROOT / "manifest.json").read_text())
#: Arguments that Slack takes though its description lacks them.
UNPUBLISHED = {"client_msg_id", "as_user", "markdown_text"}
needs_published = pytest.mark.skipif(
    not PUBLISHED.is_dir(), reason="Slack's published descriptions are not beside the project"
)


def called_methods() -> set[str]:
    """The Web API methods that bot/ calls, outside the sandbox, as `chat.postMessage`."""
    names = {name for name in dir(WebClient) if "_" in name and not name.startswith("_")}
    called = set()
    for file in (ROOT / "bot").rglob("*.py"):
        if "sandbox" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in names:
                called.add(node.attr.replace("_", ".", 1))
    return called & set(METHODS)


@needs_published
def test_the_manifest_is_one_that_slack_takes() -> None:
    schema = json.loads((PUBLISHED / "manifest.schema.json").read_text())
    jsonschema.validate(MANIFEST, schema)


def test_every_command_and_event_has_its_listener_and_the_other_way_round() -> None:
    declared = {command["command"] for command in MANIFEST["features"]["slash_commands"]}
    assert declared == set(commands.COMMANDS)
    subscribed = MANIFEST["settings"]["event_subscriptions"]["bot_events"]
    assert {name.partition(".")[0] for name in subscribed} == set(events.EVENTS)


def test_every_shortcut_and_searched_menu_has_its_listener_and_the_other_way_round() -> None:
    declared = {one["callback_id"] for one in MANIFEST["features"]["shortcuts"]}
    assert declared == set(commands.SHORTCUTS)
    assert MANIFEST["settings"]["interactivity"]["message_menu_options_url"]
    searched = set()
    for file in (ROOT / "bot" / "slack").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Dict):
                here = {k.value: v.value for k, v in zip(node.keys, node.values, strict=True)
                        if isinstance(k, ast.Constant) and isinstance(v, ast.Constant)}  # fmt: skip
                if here.get("type") == "external_select":
                    searched.add(here["action_id"])
    assert searched == set(commands.OPTIONS)


def pressable() -> tuple[set[str], set[str]]:
    """The action_ids and callback_ids that our cards and modals have, as patterns where they are
    put together. An input of a modal tells nobody before Submit, unless it says so."""
    pressed, submitted = set(), set()
    for file in (ROOT / "bot" / "slack").rglob("*.py"):
        quiet = set()  # elements of inputs that are read at Submit
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and called(node).endswith("button") and node.args[1:]:
                pressed.add(pattern(node.args[1]))
            if isinstance(node, ast.Call) and any(k.arg == "submit" for k in node.keywords):
                submitted |= {pattern(name) for name in node.args[:1]}
            if not isinstance(node, ast.Dict):
                continue
            here = {k.value: v for k, v in zip(node.keys, node.values, strict=True)
                    if isinstance(k, ast.Constant)}  # fmt: skip
            if "element" in here and "dispatch_action" not in here:
                quiet.add(here["element"])
            if "action_id" in here and node not in quiet:
                pressed.add(pattern(here["action_id"]))
            if "callback_id" in here and "submit" in here:
                submitted.add(pattern(here["callback_id"]))
    return pressed - {""}, submitted - {""}


def called(node: ast.Call) -> str:
    """The bare name of what is called."""
    return str(getattr(node.func, "id", getattr(node.func, "attr", "")))


def pattern(name: ast.expr) -> str:
    """A regular expression of the names that an expression makes; none for a bare variable."""
    if isinstance(name, ast.Constant):
        return re.escape(str(name.value))
    if isinstance(name, ast.JoinedStr):
        return "".join(pattern(v) if isinstance(v, ast.Constant) else r"\w+" for v in name.values)
    return ""


def test_every_button_menu_and_modal_has_its_listener_and_the_other_way_round() -> None:
    pressed, submitted = pressable()
    for patterns, listeners in ((pressed, commands.ACTIONS), (submitted, commands.VIEWS)):
        for one in patterns:
            listened = any(re.fullmatch(one, name) for name in listeners)
            assert listened, f"nobody listens to {one}"
        for name in listeners:
            assert any(re.fullmatch(one, name) for one in patterns), f"nothing is called {name}"


@needs_published
def test_the_scopes_are_those_that_the_called_methods_need_and_no_more() -> None:
    asked = set(MANIFEST["oauth_config"]["scopes"]["bot"])
    needed = {"commands"}
    for method in called_methods():
        scopes = json.loads((PUBLISHED / "methods" / f"{method}.json").read_text()).get("scope")
        choice = set((scopes or {}).get("bot", ()))
        # A line's channel is public or private, a notice a direct message; no group messages.
        if method == "conversations.open":
            choice = {"im:write"}
        if method in ("conversations.info", "conversations.list"):  # of a line's channel
            choice = {"channels:read", "groups:read"}
        if method in ("conversations.create", "conversations.invite"):  # one that Partyline made
            choice = {"channels:manage"}
        needed |= {s for s in choice if not s.startswith("mpim:")}
    needed.add("files:write")  # of files_upload_v2, which calls three methods for us
    needed.add("reactions:read")  # of the events reaction_added and reaction_removed
    assert asked == needed


@needs_published
@pytest.mark.parametrize("method", sorted(METHODS))
def test_the_sandbox_takes_the_arguments_that_slack_takes(method: str) -> None:
    published = json.loads((PUBLISHED / "methods" / f"{method}.json").read_text())["args"]
    needed, allowed = METHODS[method]
    known = set(published["properties"] or {}) - {"token"}
    assert needed == set(published["required"]) - {"token"}
    assert known - needed <= allowed, "the sandbox refuses what Slack takes"
    assert (needed | allowed) - known <= UNPUBLISHED, "the sandbox takes what Slack refuses"
