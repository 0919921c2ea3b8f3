"""What stands on the page: read from the stand-ins and the database as it is at this moment."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from typing import Any

from bot.contacts import numbers
from bot.sandbox.mail import MailStandIn
from bot.sandbox.slack.company import Company
from bot.sandbox.slack.records import Post, View
from bot.sandbox.stage import LINE, Stage
from bot.sandbox.twilio.api import TwilioStandIn
from bot.sandbox.twilio.texts import Text
from ledger import database
from ledger.models import Account, Entry

MANIFEST = Path(__file__).parents[3] / "manifest.json"
HOME = "home"
APP = "app"  # Partyline's messages, if it has written; else its Home
WINDOW = 50  # messages that are drawn at a time
ENTRIES = 12
ARRIVED = ("sent", "delivered")
PHONES = {
    "+14155550123": "Ann Lee", "+14155550124": "Ben Ortiz", "+442079460000": "Clara Hughes, London",
    "+14155550199": "Gone: nobody's number",
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where somebody is: who looks, at which channel, which thread lies open, whose phone."""

    user: str
    room: str
    thread: str = ""
    phone: str = next(iter(PHONES))
    until: str = ""  # the ts before which the messages are that are drawn; else the newest
    step: int = 1  # of the tour

    def query(self, **changed: Any) -> dict[str, Any]:
        """This place, or one that differs in something, as the address has it."""
        here = {"as": self.user, "in": self.room, "thread": self.thread, "phone": self.phone,
                "until": self.until, "step": self.step}  # fmt: skip
        return {key: value for key, value in (here | changed).items() if value != ""}


@cache
def manifest() -> dict[str, Any]:
    """What the app brings to Slack: its commands and shortcuts."""
    features: dict[str, Any] = json.loads(MANIFEST.read_text())["features"]
    return features


# Slack


def messages(slack: Company, place: Place) -> tuple[list[Post], int]:
    """A page of a channel's messages as this person sees them, and how many are earlier ones."""
    room = slack.channels.get(place.room)
    posts = slack.channel(place.room) if room else []
    own = [p for p in slack.seen_by(place.user) if p.channel == place.room and not p.thread_ts]
    seen = sorted([*posts, *own], key=lambda post: post.ts)
    if place.until:
        seen = [post for post in seen if post.ts < place.until]
    return seen[-WINDOW:], max(0, len(seen) - WINDOW)


def thread(slack: Company, place: Place) -> list[Post]:
    """The messages of the thread that lies open."""
    if not (place.thread and place.room in slack.channels):
        return []
    own = [
        post for post in slack.seen_by(place.user)
        if (post.channel, post.thread_ts) == (place.room, place.thread)
    ]  # fmt: skip
    return sorted([*slack.thread(place.room, place.thread), *own], key=lambda post: post.ts)


@dataclass
class Replies:
    """What stands under a thread's root: how many, and the ts of the last."""

    count: int = 0
    last: str = ""


def replies(slack: Company, place: Place) -> dict[str, Replies]:
    """What stands in each thread of the channel, by the ts of its root."""
    found: dict[str, Replies] = {}
    with slack.lock:
        room = slack.channels.get(place.room)
        for post in room.posts if room else ():
            if post.thread_ts and post.thread_ts != post.ts:
                under = found.setdefault(post.thread_ts, Replies())
                under.count, under.last = under.count + 1, post.ts
    return found


def modal(slack: Company, user: str) -> View | None:
    """The modal on top, if one is open."""
    try:
        return slack.open_view(user)
    except LookupError:
        return None


def found(slack: Company, user: str, on: str) -> Post | View:
    """The message, modal or Home that was meant; raises LookupError if it is gone."""
    kind, _, key = on.partition(":")
    with slack.lock:
        if kind == "view":
            home = slack.homes.get(user)
            view = home if home and home.id == key else slack.views.get(key)
            if view and view.user == user and view.open:
                return view
        else:
            mine = (post for post in slack.seen_by(user) if post.ts == key)
            posts = (post for room in slack.channels.values() for post in room.posts
                     if post.ts == key and user in room.members)  # fmt: skip
            post = next(mine, None) or next(posts, None)
            if post:
                return post
    raise LookupError("that is not there any more")


# The phones


@dataclass(frozen=True)
class Bubble:
    """A text on a phone."""

    text: Text
    mine: bool
    pictures: list[tuple[str, bytes]]  # content type and content


def phones(twilio: TwilioStandIn) -> dict[str, str]:
    """Numbers with the names of those they belong to, those that texted anybody too."""
    with twilio.lock:
        texts = list(twilio.texts.values())
    others = {text.from_ if text.direction == "inbound" else text.to for text in texts}
    more = {n: numbers.spoken(n) for n in sorted(others) if n not in PHONES}
    return PHONES | more


def got(twilio: TwilioStandIn) -> dict[str, int]:
    """How many texts have come to each phone."""
    with twilio.lock:
        texts = list(twilio.texts.values())
    return Counter(text.to for text in texts if text.status in ARRIVED)


def bubbles(twilio: TwilioStandIn, number: str) -> list[Bubble]:
    """What this person wrote and got, oldest first."""
    with twilio.lock:
        texts = [t for t in twilio.texts.values() if number in (t.from_, t.to)]
    shown = []
    for text in texts:
        if text.from_ == number:
            kept = [twilio.media.get(one.rpartition("/")[2]) for one in text.media]
            shown.append(Bubble(text, True, [(k.content_type, k.content) for k in kept if k]))
        elif text.status in ARRIVED:
            got = [(one.content_type, one.content) for one in text.got]
            shown.append(Bubble(text, False, got))
    return shown


def stopped(twilio: TwilioStandIn, number: str) -> bool:
    """Whether Twilio itself takes no more texts to this number."""
    return (LINE, number) in twilio.opted_out


# Below


def mails(mail: MailStandIn) -> list[EmailMessage]:
    """E-mails, newest first, each once however often it came."""
    with mail.lock:
        kept = {m["Message-ID"]: m for m in mail.mails}
    return list(reversed(kept.values()))


def entries() -> tuple[int, list[Entry]]:
    """The balance, and the newest entries of the ledger."""
    with database.session():
        newest = list(Entry.select().order_by(Entry.id.desc()).limit(ENTRIES))
        account = Account.select(Account.balance).first()
    return (account.balance if account else 0), newest


def marks(stage: Stage) -> dict[str, str]:
    """Of Slack, the phones and what is below: something that changes whenever they do."""
    slack, twilio, mail = stage.sandbox.slack, stage.sandbox.twilio, stage.sandbox.mail
    with slack.lock:
        views = [(v.id, v.hash, v.errors) for v in slack.views.values() if v.open]
        whispers = [[(p.ts, p.edited) for p in posts] for posts in slack.whispers.values()]
        rooms = [len(room.posts) for room in slack.channels.values()]
        in_slack = (slack.last_ts, len(slack.calls), views, whispers, rooms)
    with twilio.lock:
        on_phones = [(text.status, len(text.got)) for text in twilio.texts.values()]
    with database.session():
        newest = Entry.select(Entry.id).order_by(Entry.id.desc()).first()
    below = (len(mail.mails), newest and newest.id, stage.kills, stage.calendar.file.read_text(),
             sorted(stage.faults))  # fmt: skip
    return {"slack": str(in_slack), "phones": str(on_phones), "below": str(below),
            "refused": str(len(slack.refusals))}  # fmt: skip
