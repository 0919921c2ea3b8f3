"""manifest.json against Slack's own schema, the listeners that exist, and the methods we call."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import jsonschema
import pytest
from slack_sdk import WebClient

from bot.sandbox.slack import METHODS
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
    assert set(MANIFEST["settings"]["event_subscriptions"]["bot_events"]) == set(events.EVENTS)


def test_every_button_and_menu_that_a_card_can_have_has_its_listener() -> None:
    """And what is submitted of a modal; one that only closes needs none."""
    cards = ("cards.py", "credit_cards.py")
    source = "".join((ROOT / "bot" / "slack" / name).read_text() for name in cards)
    pressed = set(re.findall(r'_button\(\s*[^()]*?, "(\w+)", ', source))
    pressed |= set(re.findall(r'"action_id": "(digest_\w+)"', source))
    assert pressed == set(commands.ACTIONS)
    submitted = set(re.findall(r'"callback_id": "(\w+)"', source))
    submitted |= set(re.findall(r'_modal\("(\w+)", [^)]*submit=', source))
    assert submitted == set(commands.VIEWS)


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
        needed |= {s for s in choice if not s.startswith("mpim:")}
    needed.add("files:write")  # of files_upload_v2, which calls three methods for us
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
