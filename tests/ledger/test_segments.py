"""R3, and what carriers make of a text (3GPP TS 23.038, 23.040)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.segments import BASIC, EXTENSION, count


@pytest.mark.parametrize("character", BASIC)
def test_every_character_of_the_alphabet_counts_one(character: str) -> None:
    """R3"""
    assert (count(character).encoding, count(character).characters) == ("GSM-7", 1)


@pytest.mark.parametrize("character", EXTENSION)
def test_every_character_of_the_extension_counts_two(character: str) -> None:
    """R3"""
    assert (count(character).encoding, count(character).characters) == ("GSM-7", 2)


def test_the_alphabet_has_the_127_characters_that_can_be_sent() -> None:
    assert len(BASIC) == len(set(BASIC)) == 127
    assert len(EXTENSION) == len(set(EXTENSION)) == 10


@pytest.mark.parametrize("character", [*"`\tçêµω", "\x1b", "\x00", "“", "’", "—", "…", "\u00a0"])
def test_what_is_outside_the_alphabet_is_special(character: str) -> None:
    """R3: backtick, tab and ç are special."""
    assert (count(character).encoding, count(character).characters) == ("UCS-2", 1)


@pytest.mark.parametrize(
    ("body", "encoding", "characters", "segments"),
    [
        ("", "GSM-7", 0, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("€" * 80, "GSM-7", 160, 1),
        ("a" * 152 + "€" + "a" * 10, "GSM-7", 164, 2),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 306, 3),  # the € moves over whole
        ("é" * 160, "GSM-7", 160, 1),
        ("ç" * 70, "UCS-2", 70, 1),
        ("ç" * 71, "UCS-2", 71, 2),
        ("😀" * 35, "UCS-2", 70, 1),
        ("😀" * 36, "UCS-2", 72, 2),
        ("a" * 66 + "😀" + "a" * 66, "UCS-2", 134, 3),  # no half of a surrogate pair
        ("👨‍👩‍👧", "UCS-2", 8, 1),
        ("\r\n" * 80, "GSM-7", 160, 1),
        ("\ud800", "UCS-2", 1, 1),
        ("a" * 100_000, "GSM-7", 100_000, 654),
    ],
)
def test_known_counts(body: str, encoding: str, characters: int, segments: int) -> None:
    found = count(body)
    assert (found.encoding, found.characters, found.segments) == (encoding, characters, segments)


WIDTH = dict.fromkeys(BASIC, 1) | dict.fromkeys(EXTENSION, 2)


def slowly(body: str) -> tuple[str, int, int]:
    """The same, character by character, as the standards say it."""
    plain = all(character in WIDTH for character in body)
    widths = [WIDTH[c] if plain else 1 + (ord(c) > 0xFFFF) for c in body]
    alone, joined = (160, 153) if plain else (70, 67)
    segments, left = 1, joined
    for width in widths:
        if width > left:
            segments, left = segments + 1, joined
        left -= width
    total = sum(widths)
    return ("GSM-7" if plain else "UCS-2"), total, 1 if total <= alone else segments


texts = st.text(
    st.one_of(st.sampled_from(BASIC + EXTENSION), st.sampled_from("😀👍🏽🇺🇸‍’ç`")), max_size=700
)


@given(st.one_of(texts, st.text(st.sampled_from(BASIC + EXTENSION), max_size=700)))
def test_the_fast_count_is_the_slow_one(body: str) -> None:
    found = count(body)
    assert (found.encoding, found.characters, found.segments) == slowly(body)
