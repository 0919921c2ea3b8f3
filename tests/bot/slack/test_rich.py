"""What a person wrote in Slack's composer, as a phone shows it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.slack.typed import Typed
from bot.slack.markup import to_phone
from bot.slack.rich import said

NAMES = {"U1": "Dana"}


def rich(*parts: dict[str, Any], text: str = "as text") -> dict[str, Any]:
    return {"text": text, "blocks": [{"type": "rich_text", "elements": list(parts)}]}


def section(*elements: dict[str, Any], kind: str = "rich_text_section") -> dict[str, Any]:
    return {"type": kind, "elements": list(elements)}


def words(text: str, **style: bool) -> dict[str, Any]:
    return {"type": "text", "text": text, **({"style": style} if style else {})}


def listed(style: str, *items: str, **more: int) -> dict[str, Any]:
    made = [section(words(item)) for item in items]
    return {"type": "rich_text_list", "style": style, "elements": made, **more}


@pytest.mark.parametrize(
    ("element", "shown"),
    [
        (words("a *b* & <c>"), "a *b* & <c>"),
        (words("now", bold=True, italic=True), "now"),
        (words("x = 1", code=True), "x = 1"),
        ({"type": "user", "user_id": "U1"}, "@Dana"),
        ({"type": "user", "user_id": "U2"}, "@someone"),
        ({"type": "usergroup", "usergroup_id": "S1"}, "@team"),
        ({"type": "broadcast", "range": "here"}, "@here"),
        ({"type": "channel", "channel_id": "C1"}, "#leads"),
        ({"type": "channel", "channel_id": "C2"}, "#channel"),
        ({"type": "link", "url": "https://a.co/x?y=1&z=2"}, "https://a.co/x?y=1&z=2"),
        ({"type": "link", "url": "https://a.co/", "text": "a.co"}, "a.co"),
        (
            {"type": "link", "url": "https://a.co/", "text": "Our <page>"},
            "Our <page> (https://a.co/)",
        ),
        ({"type": "link", "url": "mailto:a@b.co", "text": "a@b.co"}, "a@b.co"),
        ({"type": "link", "url": "tel:+14155550100", "text": "(415) 555-0100"}, "(415) 555-0100"),
        ({"type": "emoji", "name": "tada", "unicode": "1f389"}, "🎉"),
        ({"type": "emoji", "name": "tada"}, "🎉"),
        ({"type": "emoji", "name": "wave", "unicode": "1f44b", "skin_tone": 4}, "👋🏽"),
        ({"type": "emoji", "name": "wave", "unicode": "1f44b-1f3fd", "skin_tone": 4}, "👋🏽"),
        ({"type": "emoji", "name": "shipit"}, ":shipit:"),
        ({"type": "date", "timestamp": 1, "format": "{date}", "fallback": "1 May"}, "1 May"),
        ({"type": "color", "value": "#ff0000"}, "#ff0000"),
    ],
)
def test_each_element_is_put_into_words(element: dict[str, Any], shown: str) -> None:
    message = rich(section(words("see "), element), text="see <#C1|leads>")
    assert said(message, NAMES) == f"see {shown}"


def test_lists_quotations_and_code_keep_their_lines() -> None:
    message = rich(
        section(words("Bring:")),
        listed("bullet", "your licence", "a friend"),
        listed("bullet", "who can drive", indent=1),
        section(words("Then\n")),
        listed("ordered", "park", "walk"),
        listed("ordered", "on the left", indent=1),
        listed("ordered", "ring"),
        section(words("as she said\nyesterday"), kind="rich_text_quote"),
        section(words("12 34"), kind="rich_text_preformatted"),
    )
    assert said(message) == (
        "Bring:\n- your licence\n- a friend\n  - who can drive\nThen\n1. park\n2. walk\n"
        "  1. on the left\n3. ring\n> as she said\n> yesterday\n12 34"
    )


def test_a_list_that_goes_on_counts_on() -> None:
    assert said(rich(listed("ordered", "c", offset=2))) == "3. c"


@pytest.mark.parametrize(
    "message",
    [
        rich(section({"type": "hologram", "of": "x"})),
        rich({"type": "rich_text_table", "elements": []}),
        rich(section(words("a &amp; b"))),  # whether that is escaped, nobody says
        rich(section({"type": "emoji", "name": "x", "unicode": "zz"})),
        rich({"type": "rich_text_list", "elements": "broken"}),
        {"text": "as text", "blocks": [{"type": "section"}]},
        {"text": "as text", "blocks": []},
        {"text": "as text"},
    ],
)
def test_what_is_not_known_is_read_from_the_text(message: dict[str, Any]) -> None:
    assert said(message) == "as text"


@pytest.mark.parametrize("message", [{}, {"text": None}, {"text": None, "blocks": None}])
def test_nothing_is_nothing(message: dict[str, Any]) -> None:
    assert said(message) == ""


TYPED = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="*_~`:@#"), max_size=80
)


@given(TYPED)
def test_what_is_typed_without_emphasis_arrives_as_it_was_typed(typed: str) -> None:
    made = Typed(typed, {}, {})
    assert to_phone(made.text) == typed
    assert said({"text": made.text, "blocks": made.blocks}) == typed


@given(st.recursive(
    st.none() | st.text(max_size=5) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["type", "elements", "text", "name", "unicode", "url", "style", "indent"]),
        inner | st.sampled_from(["rich_text_section", "rich_text_list", "text", "emoji", "link"]),
        max_size=4,
    ),
))  # fmt: skip
def test_no_shape_of_blocks_raises(parts: Any) -> None:
    blocks = [{"type": "rich_text", "elements": parts}]
    assert isinstance(said({"text": "x", "blocks": blocks}), str)
