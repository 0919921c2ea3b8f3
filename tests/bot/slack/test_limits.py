"""What Slack would refuse is refused here first, with the path to it and the rule it breaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models import blocks as sdk
from slack_sdk.models import views as sdk_views

from bot.slack.limits import BLOCKS, INPUTS, MOST_BLOCKS, BlockError, check, check_view

Part = dict[str, Any]


def plain(text: str) -> Part:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Part:
    return {"type": "mrkdwn", "text": text}


def button(**more: Any) -> Part:
    return {"type": "button", "action_id": "go", "text": plain("Go"), **more}


def option(n: int = 1, **more: Any) -> Part:
    return {"text": plain(f"Choice {n}"), "value": str(n), **more}


def actions(*elements: Part) -> Part:
    return {"type": "actions", "elements": list(elements)}


def sure(**more: Any) -> Part:
    words = {"title": plain("Sure?"), "text": plain("It costs."), "confirm": plain("Yes")}
    return actions(button(confirm=words | {"deny": plain("No")} | more))


def asking(element: Part, **more: Any) -> Part:
    return {"type": "input", "label": plain("What"), "element": element, **more}


def written(**more: Any) -> Part:
    return {"type": "plain_text_input", "action_id": "body", **more}


def cell(text: str) -> Part:
    return {"type": "raw_text", "text": text}


def table(rows: int, columns: int = 1, text: str = "x") -> Part:
    return {"type": "table", "rows": [[cell(text)] * columns] * rows}


def data_table(rows: int, columns: int = 1, text: str = "x") -> Part:
    return {**table(rows, columns, text), "type": "data_table", "caption": "Texts by day"}


def rich_text(*spans: Part) -> Part:
    section = {"type": "rich_text_section", "elements": list(spans)}
    return {"type": "rich_text", "elements": [section]}


def bars(series: int = 1, points: int = 2, label: str = "", name: str = "", **more: Any) -> Part:
    labels = [f"{n}{label}" for n in range(points)]
    plotted = [
        {"name": f"{n}{name}", "data": [{"label": label, "value": 1} for label in labels]}
        for n in range(series)
    ]
    chart = {"type": "bar", "series": plotted, "axis_config": {"categories": labels}}
    return {"type": "data_visualization", "title": "Texts", "chart": chart, **more}


def menu(options: int, kind: str = "static_select") -> Part:
    return actions({"type": kind, "options": [option(n) for n in range(options)]})


#: where the fault is, a block that is so long or has so many, and how many Slack takes
LIMITS: list[tuple[str, Callable[[int], Part], int]] = [
    ("text", lambda n: {"type": "section", "text": mrkdwn("x" * n)}, 3000),
    ("fields", lambda n: {"type": "section", "fields": [mrkdwn("x")] * n}, 10),
    ("fields[0]", lambda n: {"type": "section", "fields": [mrkdwn("x" * n)]}, 2000),
    ("text", lambda n: {"type": "header", "text": plain("x" * n)}, 150),
    ("elements", lambda n: {"type": "context", "elements": [mrkdwn("x")] * n}, 10),
    ("elements", lambda n: actions(*[button(action_id=f"go{i}") for i in range(n)]), 25),
    ("block_id", lambda n: {"type": "divider", "block_id": "x" * n}, 255),
    ("elements[0].action_id", lambda n: actions(button(action_id="x" * n)), 255),
    ("elements[0].text", lambda n: actions(button(text=plain("x" * n))), 75),
    ("elements[0].value", lambda n: actions(button(value="x" * n)), 2000),
    ("elements[0].url", lambda n: actions(button(url="x" * n)), 3000),
    ("elements[0].accessibility_label", lambda n: actions(button(accessibility_label="x" * n)), 75),
    ("elements[0].confirm.title", lambda n: sure(title=plain("x" * n)), 100),
    ("elements[0].confirm.text", lambda n: sure(text=plain("x" * n)), 300),
    ("elements[0].confirm.deny", lambda n: sure(deny=plain("x" * n)), 30),
    ("elements[0].options", menu, 100),
    ("elements[0].options", lambda n: menu(n, "overflow"), 5),
    ("elements[0].options", lambda n: menu(n, "checkboxes"), 10),
    ("elements[0].options[0].text", lambda n: actions(
        {"type": "static_select", "options": [option(text=plain("x" * n))]}), 75),
    ("elements[0].options[0].value", lambda n: actions(
        {"type": "static_select", "options": [option(value="x" * n)]}), 150),
    ("label", lambda n: asking(written(), label=plain("x" * n)), 2000),
    ("hint", lambda n: asking(written(), hint=plain("x" * n)), 2000),
    ("element.placeholder", lambda n: asking(written(placeholder=plain("x" * n))), 150),
    ("element.initial_value", lambda n: asking(written(initial_value="x" * n)), 3000),
    ("alt_text", lambda n: {"type": "image", "image_url": "u", "alt_text": "x" * n}, 2000),
    ("text", lambda n: {"type": "markdown", "text": "x" * n}, 12_000),
    ("rows", table, 100),
    ("rows[0]", lambda n: table(1, n), 20),
    ("rows", lambda n: {"type": "table", "rows": [[cell("x" * n)]]}, 10_000),
    ("rows", data_table, 201),
    ("rows[0]", lambda n: data_table(2, n), 20),
    ("rows", lambda n: {**data_table(2), "rows": [[cell("x")], [cell("x" * (n - 1))]]}, 20_000),
    ("title", lambda n: bars(title="x" * n), 50),
    ("chart.series", lambda n: bars(series=n), 6),
    ("chart.series[0].data", lambda n: bars(points=n), 20),
    ("chart.series[0].data[0].label", lambda n: bars(label="x" * (n - 1)), 20),
    ("chart.series[0].name", lambda n: bars(name="x" * (n - 1)), 20),
]  # fmt: skip


@pytest.mark.parametrize(("path", "of_size", "most"), LIMITS)
def test_what_fits_slacks_limit_passes_and_one_more_does_not(
    path: str, of_size: Callable[[int], Part], most: int
) -> None:
    check([of_size(most)])
    with pytest.raises(BlockError) as refused:
        check([{"type": "divider"}, of_size(most + 1)])
    where, _, rule = str(refused.value).partition(": ")
    assert where == f"blocks[1].{path}"
    assert f"{most + 1:,}" in rule
    assert f"{most:,}" in rule


def test_the_figures_are_those_of_slacks_own_library() -> None:
    ours = {(path, of_size(1)["type"]): most for path, of_size, most in LIMITS}
    assert ours["text", "section"] == sdk.SectionBlock.text_max_length
    assert ours["fields", "section"] == sdk.SectionBlock.fields_max_length
    assert ours["text", "header"] == sdk.HeaderBlock.text_max_length
    assert ours["text", "markdown"] == sdk.MarkdownBlock.text_max_length
    assert ours["elements", "context"] == sdk.ContextBlock.elements_max_length
    assert ours["elements", "actions"] == sdk.ActionsBlock.elements_max_length
    assert ours["label", "input"] == sdk.InputBlock.label_max_length
    assert ours["hint", "input"] == sdk.InputBlock.hint_max_length
    assert ours["alt_text", "image"] == sdk.ImageBlock.alt_text_max_length
    assert ours["elements[0].text", "actions"] == sdk.ButtonElement.text_max_length
    assert ours["elements[0].value", "actions"] == sdk.ButtonElement.value_max_length
    assert ours["elements[0].url", "actions"] == sdk.ButtonElement.url_max_length
    assert ours["elements[0].confirm.title", "actions"] == sdk.ConfirmObject.title_max_length
    assert ours["elements[0].confirm.text", "actions"] == sdk.ConfirmObject.text_max_length
    assert ours["elements[0].confirm.deny", "actions"] == sdk.ConfirmObject.deny_max_length
    assert ours["elements[0].options[0].text", "actions"] == sdk.Option.label_max_length
    assert ours["elements[0].options[0].value", "actions"] == sdk.Option.value_max_length
    assert MOST_BLOCKS["modal"] == sdk_views.View.blocks_max_length


def test_the_error_reads_as_one_line_with_path_and_rule() -> None:
    blocks = [
        {"type": "divider"},
        {"type": "divider"},
        {"type": "section", "text": mrkdwn("x" * 3120)},
    ]
    with pytest.raises(BlockError) as refused:
        check(blocks)
    assert str(refused.value) == "blocks[2].text: 3,120 characters, 3,000 is Slack's limit"


@pytest.mark.parametrize(("surface", "most"), [("message", 50), ("modal", 100), ("home", 100)])
def test_a_surface_holds_so_many_blocks(surface: str, most: int) -> None:
    check([{"type": "divider"}] * most, surface)
    with pytest.raises(BlockError, match=f"{most + 1}, {most} is Slack's limit in a {surface}"):
        check([{"type": "divider"}] * (most + 1), surface)


ALERT = {"type": "alert", "text": mrkdwn("Over budget")}
MARKDOWN = {"type": "markdown", "text": "# Hello"}


@pytest.mark.parametrize(
    ("block", "surfaces"),
    [
        (ALERT, {"modal"}),
        (MARKDOWN, {"message"}),
        (bars(), {"message"}),
        (table(2), {"message", "home"}),
        (data_table(2), {"message", "home"}),
        (asking(written()), {"message", "modal", "home"}),
        (actions(button()), {"message", "modal", "home"}),
    ],
)
def test_some_blocks_stand_only_on_some_surfaces(block: Part, surfaces: set[str]) -> None:
    for surface in MOST_BLOCKS:
        if surface in surfaces:
            check([block], surface)
        else:
            with pytest.raises(BlockError, match=f"may not stand in a {surface}"):
                check([block], surface)


@pytest.mark.parametrize("kind", INPUTS)
def test_every_kind_of_input_can_be_asked_with(kind: str) -> None:
    element = {"type": kind, "action_id": "x", "is_decimal_allowed": False, "options": [option()]}
    check([asking(element)], "modal")


@pytest.mark.parametrize(
    ("block", "fault"),
    [
        ({"type": "carousel"}, "blocks[0].type: 'carousel'"),
        ({}, "blocks[0].type: None"),
        ({"type": "section"}, "blocks[0]: text or fields is missing"),
        ({"type": "section", "text": mrkdwn("")}, "blocks[0].text: empty"),
        ({"type": "section", "text": "bare"}, "blocks[0].text.type: 'bare'"),
        ({"type": "header", "text": mrkdwn("x")}, "blocks[0].text.type: 'mrkdwn'"),
        ({"type": "section", "text": plain("x"), "accessory": written()},
         "blocks[0].accessory.type: 'plain_text_input'"),
        ({"type": "context", "elements": [button()]}, "blocks[0].elements[0].type: 'button'"),
        ({"type": "context", "elements": []}, "blocks[0].elements: 0"),
        (actions(written()), "blocks[0].elements[0].type: 'plain_text_input'"),
        (actions({"type": "button"}), "blocks[0].elements[0].text: missing"),
        (actions(button(text=mrkdwn("x"))), "blocks[0].elements[0].text.type: 'mrkdwn'"),
        (sure(text=None), "blocks[0].elements[0].confirm.text: missing"),
        (actions({"type": "static_select"}),
         "blocks[0].elements[0]: options or option_groups is missing"),
        (asking(button()), "blocks[0].element.type: 'button'"),
        ({"type": "input", "label": plain("x")}, "blocks[0].element: missing"),
        (asking({"type": "number_input"}), "blocks[0].element.is_decimal_allowed: missing"),
        ({"type": "image", "image_url": "u"}, "blocks[0].alt_text: missing"),
        ({"type": "image", "alt_text": "x"}, "blocks[0]: image_url or slack_file is missing"),
        (rich_text({"type": "blink"}), "blocks[0].elements[0].elements[0].type: 'blink'"),
        (rich_text({"type": "text", "text": ""}), "blocks[0].elements[0].elements[0].text: empty"),
        (data_table(1), "blocks[0].rows: 1"),
        ({**data_table(2), "rows": [[cell("a")] * 2, [cell("b")]]}, "blocks[0].rows[1]: 1 cells"),
        ({**data_table(2), "rows": [[rich_text()], [cell("b")]]},
         "blocks[0].rows[0][0].type: 'rich_text'"),
        ({**table(2), "type": "data_table"}, "blocks[0].caption: missing"),
        (bars(chart={"type": "radar"}), "blocks[0].chart.type: 'radar'"),
    ],
)  # fmt: skip
def test_a_block_of_the_wrong_make_is_named(block: Part, fault: str) -> None:
    with pytest.raises(BlockError) as refused:
        check([block])
    assert str(refused.value).startswith(fault)


def test_all_markdown_of_a_message_counts_together() -> None:
    half = {"type": "markdown", "text": "x" * 6000}
    check([half, half])
    with pytest.raises(BlockError, match="all markdown: 12,007 characters"):
        check([half, half, MARKDOWN])


def test_a_message_holds_two_charts() -> None:
    check([bars(), bars()])
    with pytest.raises(BlockError, match="3 charts, 2 is Slack's limit"):
        check([bars(), bars(), bars()])


def test_every_series_of_a_chart_has_every_category() -> None:
    chart = bars(series=2, points=3)
    check([chart])
    chart["chart"]["series"][1]["data"].pop()
    with pytest.raises(BlockError, match=r"chart.series\[1\].data: its labels"):
        check([chart])


def test_the_text_of_rich_cells_counts_as_well() -> None:
    rich = rich_text({"type": "text", "text": "x" * 9_999})
    check([{"type": "table", "rows": [[rich, cell("y")]]}])
    with pytest.raises(BlockError, match="10,001 characters"):
        check([{"type": "table", "rows": [[rich, cell("yy")]]}])


def test_a_block_id_stands_once_a_message() -> None:
    with pytest.raises(BlockError, match="block_id 'quote' stands twice"):
        check([{"type": "divider", "block_id": "quote"}] * 2)


def test_an_action_id_stands_once_a_block_and_again_in_the_next() -> None:
    check([actions(button()), actions(button())])
    with pytest.raises(BlockError, match=r"blocks\[0\]: action_id 'go' stands twice"):
        check([actions(button(), button())])


def modal(**more: Any) -> Part:
    asked = {"blocks": [asking(written())], "submit": plain("Send"), "close": plain("Back")}
    return {"type": "modal", "title": plain("Write a text"), **asked, **more}


def test_a_modal_and_a_home_tab_that_slack_takes_pass() -> None:
    check_view(modal(private_metadata="", callback_id="composer"))
    check_view({"type": "home", "blocks": [{"type": "divider"}] * 100})


@pytest.mark.parametrize(
    ("view", "fault"),
    [
        (modal(type="sheet"), "view.type: 'sheet'"),
        (modal(title=None), "view.title: missing"),
        (modal(title=mrkdwn("x")), "view.title.type: 'mrkdwn'"),
        (modal(title=plain("x" * 25)), "view.title: 25 characters, 24 is Slack's limit"),
        (modal(submit=plain("x" * 25)), "view.submit: 25 characters"),
        (modal(close=plain("x" * 25)), "view.close: 25 characters"),
        (modal(private_metadata="x" * 3001), "view.private_metadata: 3,001 characters"),
        (modal(callback_id="x" * 256), "view.callback_id: 256 characters"),
        (modal(external_id="x" * 256), "view.external_id: 256 characters"),
        (modal(submit=None), "view.submit: needed, for blocks[0] is an input"),
        (modal(blocks=None), "view.blocks: missing"),
        (modal(blocks=[MARKDOWN]), "blocks[0]: markdown may not stand in a modal"),
        (modal(blocks=[table(1)]), "blocks[0]: table may not stand in a modal"),
        ({"type": "home", "blocks": [ALERT]}, "blocks[0]: alert may not stand in a home"),
        (modal(blocks=[{"type": "section", "text": mrkdwn("x" * 3000)}] * 90),
         "view: 27"),
    ],
)  # fmt: skip
def test_a_view_that_slack_would_refuse_is_named(view: Part, fault: str) -> None:
    with pytest.raises(BlockError) as refused:
        check_view(view)
    assert str(refused.value).startswith(fault)


def test_keys_that_no_rule_names_are_slacks_to_judge() -> None:
    pie = {"type": "pie", "segments": [{"label": "In", "value": 1}], "series": 5}
    number = {"type": "raw_number", "value": 1, "text": 2, "elements": 3}
    check([
        {"type": "divider", "elements": [1]},
        bars(chart=pie),
        {"type": "table", "rows": [[number]]},
    ])  # fmt: skip


KINDS = st.sampled_from(["pie", "bar", "raw_text", "raw_number", "mrkdwn", "button", *BLOCKS])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("xy", max_size=3) | KINDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "text", "elements", "series", "value"]), inner)
    ),
    max_leaves=8,
)


@given(st.sampled_from([*BLOCKS]), st.dictionaries(st.sampled_from(
    ["text", "elements", "fields", "accessory", "element", "rows", "chart", "title", "block_id",
     "caption", "label", "alt_text", "image_url"]), JSON))  # fmt: skip
def test_blocks_of_any_make_pass_or_are_refused_in_words(kind: str, keys: Part) -> None:
    try:
        check([{"type": kind, **keys}])
    except BlockError as refused:
        assert str(refused).startswith("blocks")
