"""A conversation's thread in a test: who writes in it, and the card under a reply."""

from __future__ import annotations

from bot.sandbox import wait
from bot.sandbox.slack.records import Post, View
from tests.house import ANN, LINE, House


def begun(house: House, number: str = ANN, body: str = "Is it still free?") -> str:
    """A person has texted, who is awake at any hour. Returns the ts of the thread."""
    house.settle_quiet(24, 0)
    house.twilio.text(number, LINE, body)
    house.work()
    return house.thread(number)[0].ts


def replied(house: House, thread: str, body: str, user: str | None = None) -> Post:
    """A member replies in the thread; all is done that follows. Returns what they wrote."""
    post = house.slack.reply(user or house.agent, house.channel, thread, body)
    house.work()
    return post


def posts(house: House, thread: str) -> list[Post]:
    """Partyline's posts in the thread, without the root."""
    return [p for p in house.slack.thread(house.channel, thread)[1:] if p.user == house.slack.bot]


def card(house: House, thread: str) -> Post:
    """The newest post of Partyline's in the thread."""
    return posts(house, thread)[-1]


def press(house: House, thread: str, label: str, user: str | None = None) -> None:
    """Presses a button of the newest card, and all that follows is done."""
    answer = house.slack.press(user or house.agent, card(house, thread), label)
    assert answer.status == 200, answer.body
    house.settle()


def whispered(house: House, user: str | None = None) -> list[str]:
    """What a person was told that nobody else sees."""
    return [post.plain() for post in house.slack.seen_by(user or house.agent)]


def is_told(house: House, words: str, user: str | None = None) -> bool:
    """Whether a person is told this, alone; an answer to a press may take a moment."""
    wait(lambda: any(words in said for said in whispered(house, user)))
    return True


def modal(house: House, user: str | None = None) -> View:
    """The modal that is open; it may take a moment."""

    def opened() -> View | None:
        try:
            return house.slack.open_view(user or house.agent)
        except LookupError:
            return None

    shown: View = wait(opened)
    return shown


def texts(house: House, number: str = ANN) -> list[str]:
    """Bodies that Twilio was given for this number."""
    return [text.body for text in house.twilio.sent_to(number)]
