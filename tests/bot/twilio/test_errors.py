"""What Twilio's codes and answers mean for a text, its credits and the agent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.twilio.errors import ERRORS, TextError, classify, explain
from bot.words import OPERATOR

REFUSED_AT_ONCE = {
    20003, 20429, 21211, 21212, 21408, 21602, 21604, 21606, 21608, 21610, 21611, 21612, 21614,
    21617, 21619, 21620, 21623, 21635, 35111, 35114, 35118,
}  # fmt: skip
STOPPED_AT_TWILIO = {
    11200, 11751, 12300, 30001, 30002, 30023, 30024, 30027, 30032, 30033, 30034, 30035, 30036,
    30037, 30410, 30450, 30453, 30454, 30500, 60728, 63038,
}  # fmt: skip
LOST_AT_THE_CARRIER = {30003, 30004, 30005, 30006, 30007, 30008, 30017, 30019, 30022}
SETUP = {
    20003, 21212, 21408, 21606, 21608, 30002, 30024, 30032, 30033, 30034, 30035, 30037,
}  # fmt: skip


def codes(flag: str) -> set[int | None]:
    return {code for code, error in ERRORS.items() if getattr(error, flag)}


def test_r14_credits_come_back_unless_a_carrier_took_the_text() -> None:
    assert codes("refund") == REFUSED_AT_ONCE | STOPPED_AT_TWILIO
    assert set(ERRORS) - codes("refund") == LOST_AT_THE_CARRIER


def test_what_is_the_operators_to_mend_says_so() -> None:
    assert codes("setup") == SETUP
    for code in SETUP - {30035}:  # that one mends itself
        assert OPERATOR in ERRORS[code].advice


def test_a_stop_is_an_opt_out() -> None:
    assert codes("opts_out") == {21610}
    assert "STOP" in explain(21610).reason
    assert "START" in explain(21610).advice


@pytest.mark.parametrize("error", ERRORS.values(), ids=lambda error: error.code)
def test_an_agent_reads_what_happened_and_what_to_do(error: TextError) -> None:
    for sentence in (error.reason, error.advice):
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert len(sentence) <= 70
        assert str(error.code) not in sentence
    assert str(error) == f"{error.reason} {error.advice}"


def test_a_phone_that_is_off_reads_like_one() -> None:
    assert str(explain(30003)) == "The phone is switched off or out of reach. Try again later."


def test_a_code_nobody_knows_is_final_charged_and_named() -> None:
    error = explain(39999)
    assert error.code == 39999
    assert not (error.refund or error.opts_out or error.setup)
    assert "39999" in error.reason
    assert "https://www.twilio.com/docs/api/errors/39999" in error.reason


@pytest.mark.parametrize("code", [None, 0])
def test_no_code_is_final_and_charged_too(code: int | None) -> None:
    error = explain(code)
    assert not error.refund
    assert str(error) == "Twilio gave no reason. Call, or try once more later."


@pytest.mark.parametrize(
    ("status", "code", "meaning"),
    [
        (429, None, "again"),
        (429, 20429, "again"),
        (503, 20429, "again"),  # Twilio says it never processed it
        (429, 21611, "again"),
        (401, 20003, "again"),  # the operator mends it, and no text is lost meanwhile
        (401, None, "again"),
        (403, 20003, "again"),
        (403, 20403, "again"),
        (403, None, "again"),
        (403, 21610, "failed"),  # about this text, whatever the status
        (400, 21610, "failed"),
        (400, 21211, "failed"),
        (400, 21408, "failed"),
        (400, 39999, "failed"),
        (400, None, "failed"),
        (404, 20404, "failed"),
        (413, None, "failed"),
        (408, None, "unknown"),
        (500, 20500, "unknown"),
        (502, None, "unknown"),
        (503, None, "unknown"),
        (504, None, "unknown"),
        (599, 21610, "unknown"),
        (200, None, "unknown"),
        (302, None, "unknown"),
    ],
)
def test_an_http_error_says_again_failed_or_nothing(
    status: int, code: int | None, meaning: str
) -> None:
    assert classify(status, code) == meaning


@given(st.integers(500, 599) | st.just(408), st.none() | st.integers(10000, 99999))
def test_what_a_gateway_may_hide_is_neither_refunded_nor_blindly_repeated(
    status: int, code: int | None
) -> None:
    assert classify(status, code) == "unknown" or code in (20003, 20429)
