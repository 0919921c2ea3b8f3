"""Slack's blocks as HTML: nothing is hidden, nothing that people wrote is mark-up."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot import clock
from bot.sandbox import drawing, drawn_words
from bot.sandbox.slack.records import Post

NAMES = {"U1": "Dana", "C1": "leads"}


def post(*blocks: dict[str, object], text: str = "") -> Post:
    return Post("C1", "1764000000.000100", "U0BOT", text, list(blocks))


def mrkdwn(text: str) -> str:
    return str(drawn_words.mrkdwn(text, NAMES))


@pytest.mark.parametrize(
    "block",
    [{"type": "carousel"}, {"type": "actions", "elements": [{"type": "wheel"}]},
     {"type": "section", "text": {"type": "html", "text": "Hi"}},
     {"type": "section", "text": {"type": "plain_text", "text": "Hi"},
      "accessory": {"type": "wheel"}},
     {"type": "rich_text", "elements": [{"type": "rich_text_scroll", "elements": []}]},
     {"type": "image", "alt_text": "a house"}],
)  # fmt: skip
def test_what_is_not_known_is_drawn_as_such(block: dict[str, object]) -> None:
    assert '<span class="unknown">' in drawing.page("x", [post(block)])


def test_what_people_wrote_is_no_mark_up() -> None:
    said = mrkdwn("&lt;b&gt; &amp;amp; &lt;@U1&gt; <@U1> in <#C1>")
    assert said == (
        '&lt;b&gt; &amp;amp; &lt;@U1&gt; <a class="at">@Dana</a> in <a class="at">#leads</a>'
    )
    plain = {"type": "section", "text": {"type": "plain_text", "text": "<script> *a* <@U1>"}}
    assert "&lt;script&gt; *a* &lt;@U1&gt;" in drawing.page("x", [post(plain)], people=NAMES)


@pytest.mark.parametrize(
    ("written", "drawn"),
    [("*a _b_* ~c~ `d*e*`", "<b>a <i>b</i></b> <s>c</s> <code>d*e*</code>"),
     ("2*3*4 and snake_case_name", "2*3*4 and snake_case_name"),
     ("said:\n>one\n>two\nend", "said:<blockquote>one\ntwo</blockquote>end"),
     ("```a <b>```", "<pre>a &lt;b&gt;</pre>"),
     ("<https://x.example/a?b&amp;c|*here*>",
      '<a href="https://x.example/a?b&amp;c">*here*</a>'),
     (":white_check_mark: 9:00:30 :no_such:", "✅ 9:00:30 :no_such:")],
)  # fmt: skip
def test_mark_up_is_drawn_as_slack_does(written: str, drawn: str) -> None:
    assert mrkdwn(written) == drawn


@pytest.mark.parametrize(
    ("hours", "shown"),
    [(0, "today at 12:00 PM"), (24, "tomorrow at 12:00 PM"), (-13, "yesterday at 11:00 PM"),
     (72, "Mar 13, 2026 at 12:00 PM")],
)  # fmt: skip
def test_a_date_is_the_readers_own(
    hours: float, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    noon = datetime(2026, 3, 10, 16, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: noon)
    at = int(noon.timestamp() + hours * 3600)
    assert mrkdwn(f"<!date^{at}^{{date_short_pretty}} at {{time}}|then>") == shown
    assert mrkdwn(f"<!date^{at}^{{ago}}|then>") == "then"


def test_one_persons_message_says_so() -> None:
    alone = post(text="Only you")
    alone.alone = True
    assert "Only visible to you" in drawing.page("x", [alone])
    assert "Only visible to you" not in drawing.page("x", [post(text="All of you")])


def test_a_table_is_drawn_with_its_emphasis_its_people_and_its_sides() -> None:
    parts = [
        {"type": "text", "text": "by ", "style": {"bold": True}}, {"type": "user", "user_id": "U1"},
        {"type": "link", "url": "https://x.example", "text": "<here>"},
    ]  # fmt: skip
    rich = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": parts}]}
    table = {
        "type": "table", "rows": [[rich, {"type": "raw_text", "text": "5"}]],
        "column_settings": [{}, {"align": "right"}],
    }  # fmt: skip
    drawn = drawing.page("x", [post(table)], people=NAMES)
    assert '<b>by </b><a class="at">@Dana</a><a href="https://x.example">&lt;here&gt;</a>' in drawn
    assert '<th scope="col" class="right">5</th>' in drawn


def test_an_emoji_of_two_people_is_drawn_once() -> None:
    marked = post(text="Done")
    marked.reacted = [("U1", "+1"), ("U2", "+1")]
    assert "👍 2</span>" in drawing.page("x", [marked])
