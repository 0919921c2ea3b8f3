"""Charging: R13 to R16 and R20's order, on both engines."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger import audit, credits, database
from ledger.models import Account, Entry, Grant, Period

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def account(books: str) -> Account:
    return credits.open_account("Harbor Homes", "America/New_York", NOW)


def give(account: Account, amount: int, key: str = "grant:1") -> credits.Booked:
    return credits.grant(account.id, key, amount, reason="opening", actor="operator", now=NOW)


def out(account: Account, amount: int, message: int = 1) -> credits.Booked:
    return credits.charge_out(
        account.id, f"out:{message}", amount, message=message, actor="U1", now=NOW
    )


def back(account: Account, amount: int, message: int = 1, part: int = 0) -> credits.Booked:
    return credits.refund(
        account.id, f"refund:{message}.{part}", amount, charge_key=f"out:{message}",
        reason="failed", now=NOW,
    )  # fmt: skip


def balance(account: Account) -> int:
    with database.session():
        return credits.balance(account.id)


def test_r14_a_text_out_is_charged_only_if_the_balance_covers_it(account: Account) -> None:
    give(account, 3)
    with pytest.raises(credits.NotEnoughCredits) as short:
        out(account, 4)
    assert (short.value.needed, short.value.left) == (4, 3)
    assert out(account, 3).balance == 0
    assert audit.prove() == []


def test_r14_two_sends_that_exceed_the_balance_cannot_both_pass(account: Account) -> None:
    give(account, 10)
    passed: list[int] = []

    def one(message: int) -> None:
        try:
            out(account, 3, message)
            passed.append(message)
        except credits.NotEnoughCredits:
            pass

    threads = [threading.Thread(target=one, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == 3
    assert balance(account) == 1
    assert audit.prove() == []


def test_r14_a_refund_comes_once_and_never_above_the_charge(account: Account) -> None:
    give(account, 10)
    out(account, 5)
    assert back(account, 2).balance == 7
    assert back(account, 2).replayed
    with pytest.raises(credits.RefundTooLarge):
        back(account, 4, part=1)
    assert back(account, 3, part=2).balance == 10
    assert audit.prove() == []


def test_r15_a_text_in_is_charged_below_zero_and_the_next_grant_fills_the_hole(
    account: Account,
) -> None:
    give(account, 1)
    credits.charge_in(account.id, "in:SM1", 3, message=1, now=NOW)
    assert balance(account) == -2
    give(account, 5, "grant:2")
    assert balance(account) == 3
    with database.session():
        assert [g.remaining for g in Grant.select().order_by(Grant.id)] == [0, 3]
    assert audit.prove() == []


def test_r13_r15_the_minutes_of_a_call_are_charged_below_zero_and_while_all_is_frozen(
    account: Account,
) -> None:
    """They are used, as texts are, and once: a call is over when it is charged."""
    give(account, 2)
    for _ in range(2):
        credits.charge_call(account.id, "call:CA1", 3, call=7, now=NOW)
    assert balance(account) == -1
    with database.session():
        period = Period.get(Period.account == account.id)
        assert (period.limit, period.used) == (2, 3)
        entry = Entry.get(Entry.kind == "charge_call")
        assert (entry.amount, entry.message, entry.balance) == (-3, 7, -1)
        Period.update(kind="frozen").execute()
    credits.charge_call(account.id, "call:CA2", 1, call=8, now=NOW)
    assert balance(account) == -2
    with database.session():
        Period.update(kind="open").execute()
    assert audit.prove() == []


def test_the_audit_lets_nothing_else_go_below_zero(account: Account) -> None:
    give(account, 1)
    credits.charge_call(account.id, "call:CA1", 3, call=7, now=NOW)
    with database.session():
        Entry.update(kind="charge_out").where(Entry.kind == "charge_call").execute()
    assert [fault.found for fault in audit.prove()] == ["call:CA1"]


def test_r16_a_replay_changes_nothing_and_another_amount_is_an_error(account: Account) -> None:
    give(account, 5)
    first = out(account, 5)
    again = out(account, 5)
    assert again.replayed and again.entry_id == first.entry_id and again.balance == 0
    with pytest.raises(credits.KeyReused):
        out(account, 4)


def test_r16_a_key_decides_before_the_balance_does(account: Account) -> None:
    """A charge that is replayed on an empty account was made: it is not refused."""
    give(account, 5)
    out(account, 5)
    assert out(account, 5).replayed
    # Nor when texts that came in have taken the balance below zero meanwhile.
    credits.charge_in(account.id, "in:1", 3, message=2, now=NOW)
    assert out(account, 5).replayed


def test_r20_the_oldest_credits_go_first(account: Account) -> None:
    give(account, 5)
    give(account, 5, "grant:2")
    out(account, 7)
    with database.session():
        assert [g.remaining for g in Grant.select().order_by(Grant.id)] == [0, 3]
    back(account, 4)
    with database.session():
        assert [g.remaining for g in Grant.select().order_by(Grant.id)] == [4, 3]
    assert audit.prove() == []


def test_an_adjustment_needs_a_reason_and_may_go_below_zero(account: Account) -> None:
    credits.adjust(account.id, "adjust:1", -4, reason="charged twice", actor="operator", now=NOW)
    credits.adjust(account.id, "adjust:2", 6, reason="a gift", actor="operator", now=NOW)
    assert balance(account) == 2
    assert audit.prove() == []


@pytest.mark.parametrize(
    "tamper",
    [
        "UPDATE account SET balance = balance + 1",
        "UPDATE account SET entries = entries + 1",
        "UPDATE entry SET amount = amount - 1 WHERE number = 2",
        "UPDATE entry SET balance = balance + 1 WHERE number = 2",
        "UPDATE entry SET number = 7 WHERE number = 3",
        "UPDATE entry SET kind = 'adjust' WHERE number = 1",
        "UPDATE entry SET actor = '' WHERE number = 1",
        "UPDATE entry SET message = NULL WHERE number = 2",
        "UPDATE entry SET charge_id = NULL WHERE kind = 'refund'",
        "DELETE FROM entry WHERE number = 3",
        "UPDATE period SET used = used + 1",
        "UPDATE period SET granted = granted - 1",
        "UPDATE period SET carried_in = 1",
        "UPDATE credit_grant SET remaining = remaining - 1",
    ],
)
def test_the_audit_finds_what_was_tampered_with(account: Account, tamper: str) -> None:
    give(account, 10)
    out(account, 4)
    back(account, 1)
    assert audit.prove() == []
    with database.session():
        database.query(tamper)
    assert audit.prove() != []


steps = st.lists(
    st.tuples(
        st.sampled_from(["grant", "out", "in", "refund", "adjust"]),
        st.integers(1, 9),
        st.integers(0, 30),
    ),
    max_size=25,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps)
def test_whatever_happens_the_books_hold(books: str, steps: list[tuple[str, int, int]]) -> None:
    with database.session():
        number = Account.select().count()
    account = credits.open_account(f"account {number}", "UTC", NOW)
    expected, done = 0, {}
    for kind, amount, which in steps:
        key = f"{account.id}:{kind}:{which}"
        try:
            if kind == "grant":
                booked = credits.grant(account.id, key, amount, reason="r", actor="op", now=NOW)
            elif kind == "out":
                booked = credits.charge_out(
                    account.id, key, amount, message=which, actor="U1", now=NOW
                )
            elif kind == "in":
                booked = credits.charge_in(account.id, key, amount, message=which, now=NOW)
            elif kind == "adjust":
                booked = credits.adjust(account.id, key, -amount, reason="r", actor="op", now=NOW)
            else:
                booked = credits.refund(
                    account.id, key, amount, charge_key=f"{account.id}:out:{which}", reason="r",
                    now=NOW,
                )  # fmt: skip
        except (credits.KeyReused, credits.NotEnoughCredits, credits.RefundTooLarge):
            continue
        except Entry.DoesNotExist:
            continue
        if not booked.replayed:
            expected += amount if kind in ("grant", "refund") else -amount
            done[key] = amount
        assert balance(account) == expected
    assert audit.prove(account.id) == []
    with database.session():
        period = Period.get(Period.account == account, ~Period.closed)
        assert period.limit - period.used == expected
        left = sum(g.remaining for g in Grant.select().where(Grant.account == account))
    assert left == max(0, expected)
