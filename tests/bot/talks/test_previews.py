"""The newest words on a thread's root: what the channel shows of a conversation unopened."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot import clock
from bot.sandbox.slack.records import Post
from bot.talks import threads
from bot.talks.models import Conversation, Message
from ledger import database
from tests.bot.talks.test_conversations import choose, press, root, says, team
from tests.bot.talks.threads import begun, replied
from tests.bot.talks.threads import press as press_card
from tests.house import ANN, BEN, LINE, House
from tests.pictures import jpeg

__all__ = ["team"]


def line(house: House) -> str:
    """The line of the root that holds the newest words."""
    return house.thread(ANN)[0].plain().splitlines()[2]


def updates(house: House, of: Post) -> list[dict[str, Any]]:
    """Calls that changed this post."""
    return [a for m, a in house.slack.calls if m == "chat.update" and a["ts"] == of.ts]


def passed(house: House) -> None:
    """The worker's clock has come this far."""
    threads.show_due()
    house.work()


def answered(house: House, thread: str, body: str) -> None:
    replied(house, thread, body, user=house.manager)
    press_card(house, thread, "Send", user=house.manager)


def test_a_root_shows_the_newest_text_and_whose_it_is(team: House) -> None:
    thread = begun(team)
    assert line(team) == "They: Is it still free?"
    assert "They: Is it still free?" in root(team).text, "a notification has it, too"
    answered(team, thread, "It is, until Friday.")
    assert line(team) == "Mia: It is, until Friday."
    says(team, body="Thanks!")
    assert line(team) == "They: Thanks!"
    press(team, "Close")
    assert line(team) == "They: Thanks!"


def test_newest_words_are_shown_as_they_are_on_one_line_and_cut(team: House) -> None:
    begun(team, body="<!channel> *Free*\n\n<https://evil.example|your bank> " + "long " * 30)
    [said] = [b for b in root(team).blocks if "They: " in str(b)]
    assert said["text"]["type"] == "plain_text"
    shown = said["text"]["text"]
    assert shown.startswith("They: <!channel> *Free* <https://evil.example|your bank> long")
    assert shown.endswith("…") and len(shown) == len("They: ") + 80
    assert "&lt;!channel&gt;" in root(team).text and "<!channel>" not in root(team).text


def test_what_they_say_in_one_go_changes_the_root_twice_at_most(team: House) -> None:
    thread = begun(team)
    answered(team, thread, "It is.")
    before = len(updates(team, root(team)))
    for body in ("Great", "Can we come on Friday?", "At five?"):
        says(team, body=body)
    assert len(updates(team, root(team))) == before + 1
    assert line(team) == "They: Great"
    with clock.travelled(timedelta(minutes=3)):
        passed(team)
    assert len(updates(team, root(team))) == before + 2
    assert line(team) == "They: At five?"
    with clock.travelled(timedelta(minutes=7)):
        says(team, body="Hello?")
        passed(team)
    assert len(updates(team, root(team))) == before + 3
    assert line(team) == "They: Hello?"


def test_whoever_never_stops_is_shown_every_three_minutes(team: House) -> None:
    begun(team)
    before = len(updates(team, root(team)))
    for n in range(9):
        with clock.travelled(timedelta(minutes=n)):
            says(team, body=f"Text {n}")
            passed(team)
    assert len(updates(team, root(team))) == before + 2
    assert line(team) == "They: Text 7"
    with clock.travelled(timedelta(minutes=12)):
        passed(team)
    assert line(team) == "They: Text 8"


def test_a_root_shows_no_words_of_a_smartplan_and_none_of_who_is_blocked(team: House) -> None:
    begun(team)
    with database.session():
        talk = Conversation.get()
        Message.create(
            conversation=talk, direction="out", body="Still looking?", kind="sms", credits=1,
            carrier_segments=1, status="sent", automated=True, made_at=clock.now(),
        )  # fmt: skip
    choose(team, "Block this sender")
    says(team, body="You will be sorry")
    assert "They: " not in root(team).plain()
    choose(team, "Unblock")
    assert line(team) == "They: You will be sorry"


def test_a_picture_alone_is_told_of_in_the_root(team: House) -> None:
    team.twilio.text(ANN, LINE, "", media=[jpeg()])
    team.work()
    assert line(team) == "They: 1 attachment"


def test_a_text_that_did_not_arrive_says_so_in_the_root(team: House) -> None:
    thread = begun(team)
    team.twilio.refuse(ANN, 21211)
    answered(team, thread, "It is.")
    assert line(team) == "Mia: It is. (not sent)"


def test_who_waits_is_listed_with_their_words(team: House) -> None:
    begun(team, body="Is it <still> free?")
    says(team, number=BEN, body="A text that says a lot " * 9)
    listed = team.ask("waiting")
    first, second = [line for line in listed.plain().splitlines() if line.startswith(">")]
    assert first == ">They: Is it <still> free?" and "<still>" not in listed.text
    assert second.startswith(">They: A text that says a lot") and second.endswith("…")
