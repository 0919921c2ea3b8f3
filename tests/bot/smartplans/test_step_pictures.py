"""Pictures on a text step: kept whole, priced, texted months later, whatever Slack still has."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from bot import clock
from bot.contacts import address_book
from bot.sandbox.slack.records import View
from bot.slack.limits import check_view
from bot.slack.smartplans import smart_views
from bot.slack.smartplans import with_pictures as with_pictures_
from bot.smartplans import plan_files, plan_people, plan_versions, smartplans, steps
from bot.smartplans.models import Picture, SmartPlan, StepRun
from ledger import database
from tests import pictures
from tests.bot.smartplans.test_smartplans_in_slack import made, opened, pushed
from tests.bot.smartplans.test_smartplans_in_slack import steps as written
from tests.bot.smartplans.test_steps import FAST
from tests.house import ANN, LONDON, House
from tests.pictures import MB


def given(house: House, *named: tuple[str, bytes]) -> list[dict[str, Any]]:
    """Files as Slack describes them in a form."""
    added = [house.slack.add_file(house.agent, name, content) for name, content in named]
    return [house.slack.described(file) for file in added]


def form_of(house: House, plan: View) -> View:
    return pushed(house, plan, f"step:{written()[0].key}:Edit")


def with_pictures(house: House, *named: tuple[str, bytes], **more: Any) -> View:
    """A plan of one text step with these pictures, saved by its form; the plan's modal."""
    plan = made(house, "An empty plan", name="Pictures")
    form = form_of(house, plan)
    house.slack.submit(house.agent, form, {"files": given(house, *named), **more})
    return plan


def test_a_picture_is_kept_priced_and_texted_when_slack_has_it_no_more(house: House) -> None:
    front = pictures.jpeg(700_000)
    plan = with_pictures(house, ("front door.jpg", front), body="Look, {first_name|there}")
    assert "Saved, with 1 picture added" in plan.plain()
    assert "1. Text, at once, 1 picture" in plan.plain()
    preview = pushed(house, opened(house, "pictures"), "Preview and switch on")
    assert "3 credits a contact" in preview.plain() and "1 picture · 3 credits" in preview.plain()
    house.slack.submit(house.agent, preview, {})
    house.settle_quiet(24, 0)
    for file in list(house.slack.files.values()):
        file.deleted = True
    now = clock.now()
    with clock.travelled(now.replace(hour=19, minute=30) + timedelta(days=200) - now):
        enrolled(house, ANN, LONDON)
        house.settle()
        [text] = house.twilio.sent_to(ANN)
        assert [got.content for got in text.got] == [front] and text.body == "Look, there"
        assert [got.content_type for got in text.got] == ["image/jpeg"]
        assert house.balance() == 97
        house.twilio.text(ANN, house.line().number, "Lovely")
        house.settle()
        assert "front door.jpg" in "".join(post.plain() for post in house.thread(ANN))
    with database.session():
        assert {run.reason for run in StepRun.select()} == {
            None, "pictures go to numbers in the US and Canada alone"
        }  # fmt: skip
    assert house.audit() == []


def enrolled(house: House, *numbers: str) -> None:
    with database.session():
        plan = SmartPlan.get()
    people = [address_book.meet(plan.account_id, one, clock.now()).id for one in numbers]
    plan_people.enroll(plan.id, house.agent, people, clock.now())
    steps.run_due(FAST, by_mail=False)


def test_pictures_alone_are_a_text_and_many_are_several_messages(house: House) -> None:
    large = [(f"{n}.png", pictures.png(3 * MB)) for n in range(3)]
    with_pictures(house, *large, body="")
    preview = pushed(house, opened(house, "pictures"), "Preview and switch on")
    assert "9 credits a contact" in preview.plain()
    assert [file["name"] for file in written()[0].media] == ["0.png", "1.png", "2.png"]


def test_pictures_are_added_and_taken_off(house: House) -> None:
    plan = with_pictures(house, ("one.png", pictures.png()), ("two.png", pictures.png()), body="x")
    form = form_of(house, plan)
    check_view(form.view)
    assert "Pictures it has" in str(form.view) and "one.png" in str(form.view)
    first = written()[0].media[0]
    box = next(b for b in form.view["blocks"] if b.get("block_id") == "keep")
    keep = [one for one in box["element"]["options"] if one["value"] != first["file"]]
    house.slack.submit(house.agent, form, {
        "keep": keep, "files": given(house, ("three.gif", pictures.gif())),
    })  # fmt: skip
    assert [file["name"] for file in written()[0].media] == ["two.png", "three.gif"]
    form = form_of(house, opened(house, "pictures"))
    house.slack.submit(house.agent, form, {"keep": []})
    assert written()[0].media == []
    form = form_of(house, opened(house, "pictures"))
    house.slack.submit(house.agent, form, {"body": ""})
    assert "Step 1 is empty" in form.errors["body"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [("photo.jpg", pictures.EXE, "photo.jpg is of a kind that phones do not take"),
     ("tour.pdf", pictures.pdf(2 * MB), "tour.pdf has 2 MB, which is 1.5 MB too much")],
)  # fmt: skip
def test_a_file_that_phones_do_not_take_changes_nothing_and_the_words_stay(
    house: House, name: str, content: bytes, says: str
) -> None:
    named = [("good.png", pictures.png()), (name, content)]
    plan = made(house, "An empty plan", name="Pictures")
    form = form_of(house, plan)
    house.slack.submit(house.agent, form, {"files": given(house, *named), "body": "My new words"})
    assert says in form.errors["files"]
    assert written()[0].media == [] and "My new words" not in written()[0].bodies
    with database.session():
        assert Picture.select().count() == 0
    house.slack.submit(house.agent, form, {"files": given(house, named[0])})
    assert written()[0].bodies == ["My new words"]
    assert [file["name"] for file in written()[0].media] == ["good.png"]


def test_one_that_is_too_large_is_said_in_the_form_at_once(house: House) -> None:
    plan = made(house, "An empty plan", name="Pictures")
    form = form_of(house, plan)
    house.slack.submit(house.agent, form, {"files": given(house, ("a.jpg", pictures.jpeg(6 * MB)))})
    assert "a.jpg has 6 MB, which is 1 MB too much" in form.errors["files"]


def test_a_slack_that_does_not_hand_it_over_changes_nothing(house: House) -> None:
    plan = made(house, "An empty plan", name="Pictures")
    form = form_of(house, plan)
    files = given(house, ("a.png", pictures.png()))
    house.slack.files[files[0]["id"]].served = "cut off"
    house.slack.submit(house.agent, form, {"files": files, "body": "Hello"})
    assert "Slack did not hand the pictures over" in form.errors["files"]
    assert written()[0].media == []


@pytest.mark.parametrize("broken", [False, True])
def test_pictures_that_take_their_time_are_saved_all_the_same_or_nothing_is(
    house: House, monkeypatch: pytest.MonkeyPatch, broken: bool
) -> None:
    read, acked = with_pictures_._read, threading.Event()

    def slowly(*given: Any) -> Any:
        assert acked.wait(10)
        return read(*given)

    monkeypatch.setattr(with_pictures_, "_read", slowly)
    monkeypatch.setattr(with_pictures_, "ANSWERS_WITHIN_S", 0.01)
    monkeypatch.setattr(smart_views, "told", lambda said, told=smart_views.told: (
        acked.set() or told(said)))  # fmt: skip
    plan = made(house, "An empty plan", name="Pictures")
    form = form_of(house, plan)
    content = pictures.EXE if broken else pictures.png()
    house.slack.submit(house.agent, form, {"files": given(house, ("a.png", content))})
    assert len(written()[0].media) == (0 if broken else 1)
    assert ("1 picture" in plan.plain()) is not broken


def test_a_step_takes_ten_pictures_and_no_more(house: House) -> None:
    ten = [(f"{n}.png", pictures.png()) for n in range(10)]
    plan = with_pictures(house, *ten, body="x")
    form = form_of(house, plan)
    house.slack.submit(house.agent, form, {"files": given(house, ("more.png", pictures.png()))})
    assert "would have 11 pictures; 10 are the most" in form.errors["files"]


def test_a_file_of_the_plan_says_that_its_pictures_are_left_out(house: House) -> None:
    with_pictures(house, ("front\n# x.png", pictures.png()), body="Look")
    with database.session():
        text = plan_files.write(plan_versions.shape_of(SmartPlan.get()))
    assert text.startswith("# Pictures are not in this file.")
    assert "# Step 1 has front # x.png.\nname: Pictures" in text
    assert plan_files.read(text).steps[0].media == ()


def test_a_shared_plan_takes_its_pictures_along(house: House) -> None:
    with_pictures(house, ("one.png", pictures.png()), body="Look")
    with database.session():
        plan = SmartPlan.get()
    smartplans.publish(plan.id, house.agent, clock.now())
    taken = smartplans.take(plan.id, house.account().id, house.agent, clock.now())
    with database.session():
        media = plan_versions.shape_of(SmartPlan.get_by_id(taken.id)).steps[0].media
        assert [file["name"] for file in media] == ["one.png"]
        assert Picture.select().count() == 1
