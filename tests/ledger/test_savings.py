"""What would make a text cheaper: never dearer, never another text."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger import rates, savings
from ledger.segments import BASIC, EXTENSION, count

HOME, ABROAD = "+14155550123", "+442079460000"
PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "twilio" / "smart_encoding.json"

# Texts as people and word processors write them: plain, typographic, and what has no look-alike.
BODIES = st.text(
    st.one_of(
        st.sampled_from([*"abc XYZ 0123456789.,!?'\"\n", "€", "[", "é", "ç", "🎉", "1", "½"]),
        st.sampled_from(sorted(savings.lookalikes())),
    ),
    max_size=400,
)


@given(to=st.sampled_from([HOME, ABROAD]), body=BODIES, may_mms=st.booleans())
@example(HOME, "“" + "a" * 100 + "”", True)
@example(ABROAD, "1½ hours — “yes”" * 20, False)
def test_r6_a_saving_costs_what_it_says_and_less_than_before(
    to: str, body: str, may_mms: bool
) -> None:
    now = rates.quote(to, body).credits
    found = savings.cheaper(to, body, may_mms=may_mms)
    for saving in found:
        price = rates.quote(to, saving.body, as_mms=saving.kind == "mms").credits
        assert saving.credits == price < saving.instead_of == now
    assert [saving.credits for saving in found] == sorted(saving.credits for saving in found)
    assert may_mms or all(saving.kind == "plain" for saving in found)


@given(BODIES)
def test_what_has_no_look_alike_is_left_as_it_is(body: str) -> None:
    table = savings.lookalikes()
    plain = savings.to_plain(body)
    # Character by character, with nothing but a space between a number and its fraction.
    pattern = ""
    for before, character in zip(" " + body, body, strict=False):
        apart = " " if before in "0123456789" and character in "¼½¾" else ""
        pattern += re.escape(apart + table.get(character, character))
    assert re.fullmatch(pattern, plain)
    assert savings.to_plain(plain) == plain


def test_nothing_is_replaced_that_is_plain_already() -> None:
    alphabet = set(BASIC + EXTENSION)
    for character, becomes in savings.lookalikes().items():
        assert character not in alphabet
        assert set(becomes) <= alphabet, character


@pytest.mark.parametrize(
    ("body", "becomes"),
    [
        ("“Don’t”", '"Don\'t"'),
        ("3\u00a0pm — or 4…", "3  pm - or 4..."),
        ("1½ cups, ½ spoon", "1 1/2 cups, 1/2 spoon"),
        ("https://example.com/a?b=c`d", "https://example.com/a?b=c'd"),
        ("Ça va", "Ça va"),
        ("ça va 🎉", "ça va 🎉"),
    ],
)
def test_a_text_reads_the_same(body: str, becomes: str) -> None:
    assert savings.to_plain(body) == becomes


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("“" + "a" * 100 + "”", (2, True)),
        ("“" + "a" * 100 + "—", (2, False)),
        ("’" + "a" * 100, (1, True)),
    ],
)
def test_what_is_replaced_is_counted(body: str, words: tuple[int, bool]) -> None:
    (saving,) = savings.cheaper(HOME, body)
    assert (saving.replaced, saving.only_quotes) == words


def test_an_emoji_is_not_given_up_for_a_saving() -> None:
    assert savings.cheaper(HOME, "“Done” 🎉 " + "a" * 70) == []


def test_files_make_it_a_picture_message_already() -> None:
    assert savings.cheaper(HOME, "a" * 700, [1_000], may_mms=True) == []


def test_what_is_longer_in_plain_letters_is_not_offered_where_that_costs_as_much() -> None:
    body = "…" * 60  # 60 special characters are one message, and so are 180 plain ones two
    assert rates.quote(HOME, body).credits == 1
    assert count(savings.to_plain(body)).characters == 180
    assert savings.cheaper(HOME, body) == []


@pytest.mark.skipif(
    not PUBLISHED.is_file(), reason="Twilio's table of smart encoding is not beside the project"
)
def test_the_look_alikes_are_those_of_twilios_smart_encoding() -> None:
    published = json.loads(PUBLISHED.read_text())
    theirs = {chr(int(code.removeprefix("U+"), 16)): plain for code, plain in published.items()}
    assert savings.lookalikes() == theirs
