"""SmartPlans as YAML: what is written is read back, and what is wrong is said with its place."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import Refused
from bot.smartplans import plan_files, plan_shapes
from bot.smartplans.plan_shapes import Shape, StepShape
from bot.smartplans.schedule import When

WORDS = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), whitelist_characters="\n"), min_size=1
).filter(lambda words: words.strip() == words and words)


@pytest.mark.parametrize("code", plan_shapes.ready())
def test_every_plan_that_ships_is_written_and_read_back(code: str) -> None:
    shape = plan_shapes.ready_one(code)
    again = plan_files.read(plan_files.write(shape))
    stripped = tuple(
        replace(step, bodies=tuple(body.strip() for body in step.bodies)) for step in shape.steps
    )
    assert again == replace(shape, steps=stripped)


@settings(deadline=None)
@given(
    name=WORDS.filter(lambda name: len(name) <= 80), body=WORDS, subject=WORDS,
    at=st.integers(0, 1439), days=st.integers(0, 126), amount=st.integers(0, 300),
)  # fmt: skip
def test_any_words_times_and_days_are_read_back(
    name: str, body: str, subject: str, at: int, days: int, amount: int
) -> None:
    when = When("previous", amount, "days", at, days)
    step = StepShape("email", when, (body[:9000].strip() or "x",), subject[:150].strip() or "x")
    shape = Shape(name, (step,))
    assert plan_files.read(plan_files.write(shape)) == shape


def test_what_belongs_to_an_account_is_not_in_a_file() -> None:
    step = StepShape("text", When("enrolled"), ("Hi",), assigned_to="U1", key="abc")
    shape = Shape("A", (step,), line=7, cap=5, flows_into=3)
    assert plan_files.read(plan_files.write(shape)) == shape.bare()


@pytest.mark.parametrize("at", ["9:30", "09:30", '"9:30"', "'09:30'"])
def test_a_time_is_read_however_yaml_takes_it(at: str) -> None:
    shape = plan_files.read(f"name: A\nsteps:\n- kind: text\n  at: {at}\n  says: Hi\n")
    assert shape.steps[0].when.at == 570


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "The file should be"),
        ("name: [", "This is no YAML in line 1"),
        ("name: A\nsteps: []", "steps"),
        ("name: A", "steps is missing."),
        ("name: A\nsteps:\n- says: Hi", "Step 1: kind is missing."),
        ("name: A\nsteps:\n- {kind: fax, says: Hi}", "Step 1: kind should be 'text'"),
        ("name: A\nsteps:\n- {kind: text, says: Hi, colour: 1}", "Step 1: colour is no word"),
        ("name: A\nsteps:\n- {kind: text, says: Hi, amount: two}", "Step 1: amount should be"),
        ("name: A\nsteps:\n- {kind: text, says: Hi, at: noon}", "Step 1: write times like 9:30"),
        ("name: A\nsteps:\n- {kind: text, says: Hi, days: [Someday]}", "days like Mon"),
        ("name: A\nsteps:\n- {kind: email, says: Hi}", "e-mail without a subject"),
        ("a: &a [x]\nb: *a", "no aliases"),
        ("name: !!python/object/apply:os.system [ls]", "This is no YAML"),
        ("x" * 100_001, "100,000 are the most"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, said: str) -> None:
    with pytest.raises(Refused) as refused:
        plan_files.read(text)
    assert said in str(refused.value)
