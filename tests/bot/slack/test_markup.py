"""What Slack sends is decoded to what a phone shows, and a person's words stay only words."""

from __future__ import annotations

import time

import emoji
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.markup import SLACK_NAMES, to_phone
from bot.words import clean, escape

NAMES = {"U012AB3CD": "Dana Reed"}

#: Pieces of mark-up, whole and broken, to be thrown together.
SHARDS = st.lists(
    st.sampled_from(
        [
            "<",
            ">",
            "|",
            "&amp;",
            "&",
            ":",
            "::",
            "<@",
            "<!date^",
            "<https://a.b",
            "skin-tone-3",
            "-",
        ]
    )
    | st.text(max_size=5)
).map("".join)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("<@U012AB3CD> has the keys", "@Dana Reed has the keys"),
        ("<@U012AB3CD|dana>", "@Dana Reed"),
        ("<@U0NOBODY|ben.cole>", "@ben.cole"),
        ("<@U0NOBODY>", "@someone"),
        ("<#C012AB3CD|leads>", "#leads"),
        ("<#C012AB3CD>", "#channel"),
        ("<#C012AB3CD|>", "#channel"),
        ("<!channel> <!here> <!everyone>", "@channel @here @everyone"),
        ("<!here|here>", "@here"),
        ("<!subteam^S012|@buyers>", "@buyers"),
        ("<!subteam^S012>", "@team"),
        ("<!date^1392734382^{date} at {time}|18 Feb, 6:39 AM PST>", "18 Feb, 6:39 AM PST"),
        ("<!date^1392734382^{date}^https://example.com|18 Feb>", "18 Feb"),
    ],
)
def test_a_mention_becomes_the_words_it_stands_for(sent: str, shown: str) -> None:
    assert to_phone(sent, NAMES) == shown
    assert to_phone(sent, NAMES.get) == shown


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("<https://example.com/elm-12>", "https://example.com/elm-12"),
        ("<http://example.com|example.com>", "example.com"),
        ("<https://example.com/|example.com>", "example.com"),
        ("<http://Example.com|example.COM>", "example.COM"),
        ("<https://example.com|https://example.com>", "https://example.com"),
        ("<https://example.com/elm|the house>", "the house (https://example.com/elm)"),
        ("<https://example.com/elm|:house: Elm>", "🏠 Elm (https://example.com/elm)"),
        ("<https://a.com/?q=1&amp;r=2>", "https://a.com/?q=1&r=2"),
        ("<https://a.com/?q=1&amp;r=2|a.com/?q=1&amp;r=2>", "a.com/?q=1&r=2"),
        ("<https://a.com/:house:/x>", "https://a.com/:house:/x"),
        ("<mailto:ann@example.com|ann@example.com>", "ann@example.com"),
        ("<mailto:ann@example.com|Write to Ann>", "Write to Ann"),
        ("<mailto:ann@example.com>", "ann@example.com"),
        ("<tel:+14155550123|(415) 555-0123>", "(415) 555-0123"),
        ("see <https://a.com|a.com>, <https://b.com|b.com>!", "see a.com, b.com!"),
    ],
)
def test_a_link_shows_what_was_typed_and_where_it_leads(sent: str, shown: str) -> None:
    assert to_phone(sent) == shown


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("Tom &amp; Ann", "Tom & Ann"),
        ("Tom &amp;amp; Ann", "Tom &amp; Ann"),
        ("&amp;lt;b&amp;gt;", "&lt;b&gt;"),
        ("3 &lt; 4 &gt; 2", "3 < 4 > 2"),
        ("&lt;!channel&gt; &lt;https://a.com|b&gt;", "<!channel> <https://a.com|b>"),
        ("AT&T and &nbsp;", "AT&T and &nbsp;"),
        ("2 &lt;3:heart:", "2 <3❤️"),
    ],
)
def test_entities_are_decoded_exactly_once(sent: str, shown: str) -> None:
    assert to_phone(sent) == shown


@pytest.mark.parametrize("typed", ["price <500k>", "<>", "a < b > c", "<note: call>", "<3", "x >"])
def test_brackets_that_hold_no_token_stay(typed: str) -> None:
    assert to_phone(typed) == typed


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("tada", "🎉"), ("+1", "👍"), ("-1", "👎"), ("thumbsup", "👍"), ("100", "💯"),
        ("slightly_smiling_face", "🙂"), ("simple_smile", ":simple_smile:"), ("heart", "❤️"),
        ("house_with_garden", "🏡"), ("key", "🔑"), ("white_check_mark", "✅"), ("pray", "🙏"),
        ("wave", "👋"), ("blush", "😊"), ("moneybag", "💰"), ("fire", "🔥"), ("eyes", "👀"),
        ("man-shrugging", "🤷\u200d♂️"), ("woman-facepalming", "🤦\u200d♀️"), ("face_palm", "🤦"),
        ("male-doctor", "👨\u200d⚕️"), ("female-construction-worker", "👷\u200d♀️"),
        ("large_green_circle", "🟢"), ("first_place_medal", "🥇"), ("egg", "🥚"),
        ("email", "✉️"), ("umbrella", "☂️"), ("flag-us", "🇺🇸"), ("us", "🇺🇸"),
        ("flag-scotland", "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"),
        ("man-woman-girl-boy", "👨\u200d👩\u200d👧\u200d👦"),
        ("woman-kiss-man", "👩\u200d❤️\u200d💋\u200d👨"), ("fingerprint", "🫆"),
        ("skin-tone-2", "🏻"),
    ],
)  # fmt: skip
def test_slacks_names_become_the_emoji_that_slack_shows(name: str, shown: str) -> None:
    assert to_phone(f"Sold! :{name}: Call me") == f"Sold! {shown} Call me"


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (":+1::skin-tone-3:", "👍🏼"),
        (":writing_hand::skin-tone-2:", "✍🏻"),  # U+FE0F makes way
        (":male-doctor::skin-tone-6:", "👨🏿\u200d⚕️"),  # behind the person, not the whole
        (":female-detective::skin-tone-4:", "🕵🏽\u200d♀️"),
        (":tada::skin-tone-3:", "🎉🏼"),  # takes none: both are shown
        (":tada::+1::skin-tone-5:", "🎉👍🏾"),
    ],
)
def test_a_skin_tone_colours_the_emoji_before_it(sent: str, shown: str) -> None:
    assert to_phone(sent) == shown


@pytest.mark.parametrize(
    "typed",
    [
        "open 10:30:45",
        ":our-logo:",
        ":flag-zz:",
        ":flag-:",
        ":man-man:",
        "::",
        ": tada :",
        ":Tada:",
    ],
)
def test_names_that_are_no_emoji_stay_as_typed(typed: str) -> None:
    assert to_phone(typed) == typed


def test_a_colon_may_close_a_time_and_open_an_emoji() -> None:
    assert to_phone("at 3:30:tada:") == "at 3:30🎉"


def test_every_emoji_of_our_table_is_one_and_none_is_in_it_for_nothing() -> None:
    for name, shown in SLACK_NAMES.items():
        assert emoji.is_emoji(shown) or shown in "⚕️⏏️", name
        assert emoji.emojize(f":{name}:", language="alias") != shown, f"{name}: the library has it"


@given(st.text().filter(lambda text: ":" not in text))
def test_escaped_words_come_back_as_they_were(words: str) -> None:
    assert to_phone(escape(words)) == words


@given(SHARDS)
def test_nobodys_words_ping_link_or_hide(words: str) -> None:
    escaped = escape(words)
    assert not set("<>") & set(escaped)
    assert to_phone(escaped.replace(":", "")) == words.replace(":", "")


@given(SHARDS)
def test_no_text_is_too_odd_to_decode(sent: str) -> None:
    to_phone(sent)
    to_phone(clean(sent)).encode()


@pytest.mark.parametrize("shard", ["<", "<a:", "<https://x|", ":", ":a", ":zz:", "&amp;", "::skin"])
def test_a_text_of_any_make_is_decoded_in_linear_time(shard: str) -> None:
    def cost_s(times: int) -> float:
        started = time.process_time()
        to_phone(shard * times)
        return time.process_time() - started

    cost_s(10)
    # A quadratic one would take 256 times as long.
    assert cost_s(32_000) < 64 * max(cost_s(2_000), 0.001)


@pytest.mark.parametrize(
    ("given_text", "kept"),
    [
        ("See you\x00 at 3", "See you at 3"),
        ("half \ud83d a pair", "half \ufffd a pair"),
        ("\udc00\ud800", "\ufffd\ufffd"),
        (
            "tab\tline\nright\u200fmark\u2066 🏡 é \x07",
            "tab\tline\nright\u200fmark\u2066 🏡 é \x07",
        ),
    ],
)
def test_a_database_takes_any_text_that_was_cleaned(given_text: str, kept: str) -> None:
    assert clean(given_text) == kept
    kept.encode()


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_cleaning_changes_only_what_no_database_takes(text: str) -> None:
    cleaned = clean(text)
    assert "\x00" not in cleaned
    assert cleaned.encode().decode() == cleaned
    kept = [character for character in text if character != "\x00"]
    for now, before in zip(cleaned, kept, strict=True):
        assert now == ("\ufffd" if "\ud800" <= before <= "\udfff" else before)
