"""The rate card: R1 to R5."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import rates
from ledger.rates import MediaTooLarge, RateCard, cut, pack, parts, quote, quote_inbound
from ledger.savings import to_plain
from ledger.segments import count

HOME, ABROAD, JAMAICA = "+14155550123", "+442079460000", "+18765550123"
MB = 1_000_000


@pytest.mark.parametrize(
    ("to", "body", "media", "kind", "credits"),
    [
        (HOME, "a" * 160, (), "sms", 1),
        (JAMAICA, "a", (), "sms", 1),
        (HOME, "ç" * 70, (), "sms", 1),
        (HOME, "ç" * 71, (), "sms", 2),
        (ABROAD, "a" * 160, (), "sms", 2),
        (ABROAD, "a" * 161, (), "sms", 4),
        (HOME, "a", (MB,), "mms", 3),
        (ABROAD, "a" * 1600, (MB,), "mms", 3),
        (HOME, "a" * 1601, (MB,), "mms", 6),
        (HOME, "😀" * 350, (MB,), "mms", 3),
        (HOME, "😀" * 351, (MB,), "mms", 6),
    ],
)
def test_r1_the_rate_card(to: str, body: str, media: tuple[int], kind: str, credits: int) -> None:
    price = quote(to, body, media)
    assert (price.kind, price.credits) == (kind, credits)


def test_r2_three_hundred_plain_characters_cost_two() -> None:
    price = quote(HOME, "a" * 300)
    assert (price.messages, price.credits) == (2, 2)


@given(st.text(max_size=2000), st.sampled_from([HOME, ABROAD]))
def test_r2_credits_are_rate_times_messages_for_every_text(body: str, to: str) -> None:
    price, counted = quote(to, body), count(body)
    size = 160 if counted.encoding == "GSM-7" else 70
    assert price.messages == max(1, math.ceil(counted.characters / size))
    assert price.credits == (1 if to == HOME else 2) * price.messages
    assert (price.encoding, price.characters) == (counted.encoding, counted.characters)
    assert price.carrier_segments == counted.segments


def test_r2_the_card_is_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "CARD", RateCard(sms_home=2, mms=5, call_minute=5))
    assert quote(HOME, "a" * 161).credits == 4
    assert quote(HOME, "", (MB,)).credits == 5
    assert rates.quote_call(61) == 10


@given(st.text(max_size=2000), st.booleans())
def test_r2_a_carrier_exact_card_costs_what_the_carrier_counts(body: str, plain: bool) -> None:
    body = "€" * 77 + to_plain(body) if plain else body
    try:
        rates.use(RateCard(by_segment=True))
        price, shares = quote(HOME, body), [part.credits for part in parts(HOME, body)]
        picture = quote(HOME, body, (MB,))
    finally:
        rates.use(rates.SHIPPED)
    assert price.credits == price.messages == price.carrier_segments
    assert (
        price.size
        == {True: (153, 67), False: (160, 70)}[price.messages > 1][price.encoding == "UCS-2"]
    )
    assert sum(shares) == price.credits and min(shares) >= 0
    assert picture == quote(HOME, body, (MB,)), "a picture message has no segments"


def test_r4_a_picture_without_a_text_costs_three() -> None:
    assert quote(HOME, "", (MB,)).credits == 3


def test_r4_attachments_are_packed_first_fit_in_order() -> None:
    assert pack([3 * MB, 3 * MB, 2 * MB, 2 * MB]) == [(0, 2), (1, 3)]
    assert pack([1] * 21) == [tuple(range(10)), tuple(range(10, 20)), (20,)]
    assert quote(HOME, "hi", [3 * MB, 3 * MB]).credits == 6
    assert quote(HOME, "a" * 1601, [3 * MB, 3 * MB]).credits == 6  # the larger of the two


def test_r4_a_file_over_five_megabytes_is_refused_with_its_size() -> None:
    assert quote(HOME, "", [5 * MB]).credits == 3
    with pytest.raises(MediaTooLarge, match=r"5\.2 MB"):
        quote(HOME, "", [5_200_000])


def test_r5_a_picture_in_costs_three_a_message() -> None:
    assert quote_inbound(HOME, "", has_media=True).credits == 3
    assert quote_inbound(HOME, "a" * 1601, has_media=True).credits == 6
    assert quote_inbound(ABROAD, "a", has_media=False).credits == 2


def test_r5_long_bodies_are_cut_behind_white_space() -> None:
    body = "word " * 400
    first, second = cut(body)
    assert len(first) == 1600 and first.endswith(" ") and first + second == body
    assert cut("x" * 3201) == ["x" * 1600, "x" * 1600, "x"]
    assert [len(piece) for piece in cut("😀" * 801)] == [800, 1]


bodies = st.one_of(
    st.text(max_size=4000),
    st.text(st.sampled_from("ab €\n😀"), min_size=1500, max_size=6000),
)


@given(bodies, st.lists(st.integers(0, 5 * MB), max_size=25), st.sampled_from([HOME, ABROAD]))
def test_r5_parts_lose_nothing_and_share_the_price(body: str, media: list[int], to: str) -> None:
    price, made = quote(to, body, media), parts(to, body, media)
    assert "".join(part.body for part in made) == body
    assert [p for part in made for p in part.media] == sorted(
        range(len(media)), key=lambda p: next(n for n, part in enumerate(made) if p in part.media)
    )
    assert sum(part.credits for part in made) == price.credits
    for part in made:
        assert part.credits >= 0
        assert len(part.body.encode("utf-16-le", "surrogatepass")) <= 3200
        assert len(part.media) <= 10 and sum(media[p] for p in part.media) <= 5 * MB


@pytest.mark.parametrize("to", ["", "4155550123", "+", "32665", "BANK", "+1415555012x", "+0123456"])
def test_a_number_that_is_not_e164_is_refused(to: str) -> None:
    with pytest.raises(ValueError, match=r"E\.164"):
        quote(to, "hi")


@pytest.mark.parametrize(
    ("seconds", "credits"), [(-1, 0), (0, 0), (1, 1), (60, 1), (61, 2), (3600, 60), (3601, 61)]
)  # fmt: skip
def test_minutes_of_a_call_cost_by_each_one_started(seconds: int, credits: int) -> None:
    assert rates.quote_call(seconds) == credits


def test_a_body_of_100_000_characters_is_priced() -> None:
    assert quote(HOME, "a" * 100_000).credits == 625
    assert sum(part.credits for part in parts(HOME, "a" * 100_000)) == 625
