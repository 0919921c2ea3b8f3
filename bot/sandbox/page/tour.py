"""The guided tour: eight scenes, each to be done by hand or shown."""

from __future__ import annotations

import functools
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from bot.contacts import numbers
from bot.sandbox import wait
from bot.sandbox.page import sights
from bot.sandbox.slack.records import Post
from bot.sandbox.slack.watching import heard, opened
from bot.sandbox.stage import LINE, Stage

FEW = 50  # credits: a fifth of the plan's
ANN, CLARA = "+14155550123", "+442079460000"
CURLY = (
    "The “open house” is on Friday at three, rain or shine. Bring whoever you like: I’ll be there "
    "from two o’clock on and show you the garden."
)
ASKED, MET = "Is there a garden, too?", "See you at 3 😀"
ANSWER = "Yes, 400 square feet. Would 3 pm tomorrow suit you?"
KEY = "One more thing: the key is with the neighbor."
MADE = (
    "New lead is there already. Type /smartplans new lead to see who is on it, and press To the "
    "next step, below."
)
LEASE = "The tenant keeps the garden as it was found, and the landlord keeps the roof. " * 130


@dataclass(frozen=True)
class Scene:
    """A step of the tour: what to do, and what does it for whoever would rather watch."""

    title: str
    words: str
    show: Callable[[Stage], None]
    place: Callable[[Stage], dict[str, str]]  # where what is shown can be seen
    typed: str = ""  # what the tour types for whoever would rather not,
    into: str = "said"  # and where
    picture: bool = False


def text_in(stage: Stage) -> None:
    """Ann texts the line."""
    stage.sandbox.twilio.text(ANN, LINE, ASKED)


def quote(stage: Stage) -> None:
    """Dana asks for a price."""
    stage.sandbox.slack.command(stage.agent, stage.channel, "/quote", MET)


def send(stage: Stage, body: str = ANSWER) -> None:
    """Dana texts Ann, and presses Send."""
    card = _card(stage, ANN, body)
    slack = stage.sandbox.slack
    heard(slack, stage.agent, lambda: slack.press(stage.agent, card, "Send"))


def picture(stage: Stage) -> None:
    """Dana shares a picture in Ann's thread, and presses Send on its quote."""
    slack, root = stage.sandbox.slack, thread_of(stage, ANN)
    file = slack.add_file(stage.agent, "garden.png", garden())
    reply = slack.reply(
        stage.agent, stage.channel, root.ts, "The garden in May", files=[slack.described(file)]
    )
    card = wait(lambda: next(
        (post for post in slack.thread(stage.channel, root.ts)
         if post.ts > reply.ts and "[Send]" in post.plain()), None), timeout_s=30)  # fmt: skip
    slack.press(stage.agent, card, "Send")


def saving(stage: Stage) -> None:
    """Dana writes with curly quotes: the card says what one press would save."""
    _card(stage, ANN, CURLY)


def plan(stage: Stage) -> None:
    """Dana makes the plan for new leads, switches it on at its price, and puts Ann on it."""
    slack, dana = stage.sandbox.slack, stage.agent
    slack.close_modals(dana)
    listed = slack.command(dana, stage.channel, "/smartplans").shown
    assert listed is not None
    if "New lead" in listed.plain():
        raise LookupError(MADE)
    form = opened(slack, dana, lambda: slack.press(dana, listed, "New plan"))
    slack.submit(dana, form, {"start": "New lead"})
    made = slack.open_view(dana)
    price = opened(slack, dana, lambda: slack.press(dana, made, "Preview and switch on"))
    slack.submit(dana, price, {})
    slack.close_modals(dana)
    form = opened(
        slack, dana, lambda: slack.command(dana, stage.channel, "/smartplans", "new lead")
    )
    who = opened(slack, dana, lambda: slack.press(dana, form, "Put contacts on it"))
    [found] = slack.look_up(dana, who, "smart_contact", numbers.spoken(ANN)[-8:])
    slack.submit(dana, who, {"contact": found})
    slack.submit(dana, slack.open_view(dana), {})
    slack.close_modals(dana)
    slack.command(dana, stage.channel, "/smartplans")


def alert(stage: Stage) -> None:
    """Dana sends long texts, until 80% are used and Partyline says so."""
    slack, dana = stage.sandbox.slack, stage.agent
    for to, characters in ((CLARA, 9900), *[(ANN, 4500)] * 9):
        if sights.entries()[0] < FEW:
            break
        card = _card(stage, to, LEASE[:characters])
        heard(slack, dana, functools.partial(slack.press, dana, card, "Send"))
        wait(lambda: not stage.busy(), timeout_s=30)
    wait(lambda: stage.told(dana, "credits are used"), timeout_s=30)


def kill(stage: Stage) -> None:
    """Dana sends a text, and the worker is killed at once."""
    send(stage, KEY)
    stage.kill_worker()


def channel(stage: Stage) -> dict[str, str]:
    """Dana's place in the line's channel."""
    return {"as": stage.agent, "in": stage.channel, "thread": "", "phone": ANN}


def thread(stage: Stage) -> dict[str, str]:
    """Dana's place with Ann's thread open."""
    return channel(stage) | {"thread": wait(lambda: _begun(stage, ANN), timeout_s=10).ts}


def direct(stage: Stage) -> dict[str, str]:
    """Dana's messages from Partyline."""
    return channel(stage) | {"in": f"D{stage.agent}"}


def thread_of(stage: Stage, number: str) -> Post:
    """The root of this person's thread; raises LookupError if there is none."""
    if root := _begun(stage, number):
        return root
    raise LookupError(f"{numbers.spoken(number)} has not texted yet: begin with the first step")


def _begun(stage: Stage, number: str) -> Post | None:
    said = numbers.spoken(number)
    posts = stage.sandbox.slack.channel(stage.channel)
    return next((post for post in posts if post.bot_id and said in post.plain()), None)


def _card(stage: Stage, number: str, body: str) -> Post:
    shown = stage.sandbox.slack.command(
        stage.agent, stage.channel, "/text", f"{number} {body}"
    ).shown
    assert shown is not None, "the app did not answer"
    return shown


def garden() -> bytes:
    """A picture of a garden, more or less: sky, a hedge, a lawn."""
    width, height = 240, 160
    rows = b"".join(
        b"\0" + bytes((135, 190 + y // 4, 235) if y < 60 else (40, 110, 60) if y < 90
                      else (110, 170 - y // 4, 80)) * width
        for y in range(height)
    )  # fmt: skip
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


SCENES = (
    Scene("A text comes in",
          "Write something on Ann's phone, at the right, and press Text. Her thread in #leads "
          "shows it, and what it cost.",
          text_in, thread, ASKED, "texted"),
    Scene("What would it cost?",
          "Type /quote and a text in #leads. Only you see the answer; nothing is sent.",
          quote, channel, f"/quote {MET}"),
    Scene("Send a text",
          "Type /text, Ann's number and an answer. Look at the price, press Send on the card, "
          "and watch her phone.",
          send, channel, f"/text {ANN} {ANSWER}"),
    Scene("A picture",
          "Open Ann's thread by its replies, attach a picture, and press Send. The price appears "
          "below; Send on the card sends it.",
          picture, thread, picture=True),
    Scene("A price that doubles, and a saving",
          "Curly quotes double the price of this text; one press on its card halves it again.",
          saving, channel, f"/text {ANN} {CURLY}"),
    Scene("A month of texts",
          "Type /smartplans, make the plan New lead, switch it on at its price, and put Ann on it. "
          "Then press To the next step, below, and again.",
          plan, channel, "/smartplans"),
    Scene("80% are used",
          "Send this lease six times: at 80% Partyline writes to you, at the left, and by mail, "
          "below. Press Upgrade there.",
          alert, direct, f"/text {ANN} {LEASE[:4500]}"),
    Scene("The worker is killed",
          "Send a text and press Kill the worker, below, at once. Then press Prove the books: the "
          "text arrived once, and was paid once.",
          kill, thread, f"/text {ANN} {KEY}"),
)  # fmt: skip
