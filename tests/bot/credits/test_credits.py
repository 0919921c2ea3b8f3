"""/credits: what is left, and what happened to it."""

from __future__ import annotations

import pytest

from bot import clock
from ledger import credits
from tests.bot.office import spend, texts
from tests.house import ANN, LINE, House


def test_credits_says_what_is_left_used_and_when_it_renews(office: House) -> None:
    spend(office, 120)
    said = office.ask("", "/credits").plain()
    assert "Harbor Homes: 380 credits left" in said
    assert "120 of 500 credits (24%)" in said
    assert "Solo: 500 credits a month for $22.00, renews on " in said
    assert "Too early to say" in said
    assert "[Change plan]" in said


def test_r15_a_balance_below_zero_is_said_in_words(office: House) -> None:
    spend(office, 500)
    for _ in range(3):
        office.twilio.text(ANN, LINE, "Hello?")
    office.work()
    said = office.ask("", "/credits").plain()
    assert "Harbor Homes: 3 credits below zero" in said
    assert "Left: 3 credits below zero" in said
    assert "Used: 503 of 500 credits (100%)" in said
    card = office.ask(f"{ANN} Hello").plain()
    assert "That text needs 1 credit and 3 are missing already. Upgrade with" in card
    office.tick()
    assert "All credits are used" in office.told(office.agent)[-1].plain()


def test_the_plain_text_of_a_card_carries_all_of_it(office: House) -> None:
    card = office.ask("", "/credits")
    for part in ("500 credits left", "Used: 0 of 500", "Plan: Solo"):
        assert part in card.text


def test_an_agent_sees_the_credits_but_may_not_change_the_plan(office: House) -> None:
    card = office.ask("", "/credits", user=office.clerk)
    assert "[Change plan]" not in card.plain()
    refused = office.ask("plan", "/credits", user=office.clerk)
    assert "Only the owner and managers" in refused.plain()
    with pytest.raises(LookupError):
        office.slack.open_view(office.clerk)
    stranger = office.ask("", "/credits", user=office.stranger)
    assert "not on a team" in stranger.plain()


def test_help_is_answered_for_help_and_for_what_is_not_understood(office: House) -> None:
    for typed in ("help", "nonsense"):
        assert "/credits report" in office.ask(typed, "/credits").plain()


def test_history_lists_entries_with_their_cause_and_goes_back(office: House) -> None:
    for n in range(20):
        credits.adjust(
            office.account().id, f"a{n}", 1, reason=f"gift {n}", actor="operator", now=clock.now()
        )
    card = office.ask("history", "/credits")
    assert "gift 19 by operator" in card.plain()
    assert "gift 4 " not in card.plain()
    older = office.hears(lambda: office.slack.press(office.agent, card, "Older")).plain()
    assert "gift 4 by operator" in older
    assert "Plan credits" in older


def test_history_names_who_texted_and_who_was_texted(office: House) -> None:
    texts(office)
    card = office.ask("history", "/credits")
    said = card.plain()
    for cause in (
        "Text in | -1 | 499 | from (415) 555-0123",
        f"Text out | -2 | 492 | to (415) 555-0124 by @{office.agent}",
        "Given back | +2 | 494 | text to (415) 555-0124: The number does not exist. ",
    ):
        assert cause in said
    assert f"to (415) 555-0124 by <@{office.agent}>" in card.text, "a screen reader has it, too"


def test_a_reason_of_any_length_fits_into_slacks_table(office: House) -> None:
    for n in range(15):
        credits.adjust(
            office.account().id, f"a{n}", 1, reason="very long " * 200, actor="operator",
            now=clock.now(),
        )  # fmt: skip
    assert office.ask("history", "/credits").plain().count("very long") == 15 * 20
