"""The hands of a worker: a peer that hardly answers takes its own and nobody else's."""

from __future__ import annotations

import threading
from dataclasses import asdict

import pytest

from bot import clock, outbox
from bot.credits.notices import Notice
from bot.models import Delivery
from bot.sandbox import wait
from bot.texts import drafts, sending
from bot.worker import Worker
from ledger import database
from tests.house import House

MANY, HANDS, SLOW_S = 16, 2, 1.0


def number(n: int) -> str:
    return f"+1415555{n:04d}"


def post(house: House, n: int) -> None:
    """A post for a channel of its own."""
    channel = house.slack.add_channel(f"note-{n}")
    note = {"what": "note", "to": channel, "text": "Hello"}
    outbox.enqueue(channel, "slack.card", note, lane=f"card:{channel}", pace=f"channel:{channel}")


def text(house: House, n: int) -> None:
    """A text to somebody of their own."""
    offer = drafts.quote(house.agent, house.channel, f"{number(n)} Hello", clock.now())
    sending.send(offer.draft_id, offer.version, house.agent, clock.now())


def mail(house: House, n: int) -> None:
    """An e-mail to somebody of their own."""
    notice = Notice(
        house.account().id, "Harbor Homes", "Hello", [], "Nothing to do.", "Plans", None
    )
    told = {"what": "notice", "notice": asdict(notice), "to": f"{n}@example.com"}
    outbox.enqueue(told["to"], "mail.notice", told, lane=f"mail:{told['to']}", pace="mail:server")


LEAVES = {"slack": post, "twilio": text, "mail": mail}


def tried(peer: str) -> int:
    """How many deliveries to this peer were begun."""
    with database.session():
        begun = Delivery.kind.startswith(f"{peer}."), Delivery.tries > 0
        return Delivery.select().where(*begun).count()


def left(*peers: str) -> int:
    """How many deliveries to these peers are not done."""
    with database.session():
        kinds = [Delivery.kind.startswith(f"{peer}.") for peer in peers]
        return sum(
            Delivery.select().where(kind, Delivery.state != "done").count() for kind in kinds
        )


@pytest.mark.parametrize("slow", LEAVES)
def test_what_leaves_for_others_does_not_wait_for_a_peer_that_hardly_answers(
    house: House, slow: str
) -> None:
    others = [peer for peer in LEAVES if peer != slow]
    for peer in (slow, *others):
        for n in range(MANY):
            LEAVES[peer](house, n)
    faults = {"slack": house.slack, "twilio": house.twilio, "mail": house.sandbox.mail}[slow].faults
    faults.add("slow_after", times=None, seconds=SLOW_S)
    worker = Worker(house.handlers, house.carriers, house.timing, jobs=[], hands=HANDS)
    running = threading.Thread(target=worker.run)
    running.start()
    try:
        wait(lambda: not left(*others))
        assert HANDS <= tried(slow) < MANY
        faults.clear()
        wait(lambda: not left(slow))
    finally:
        worker.stop()
        running.join(30)
    assert not running.is_alive()
    notes = [room for room in house.slack.channels.values() if room.name.startswith("note-")]
    assert [len(room.posts) for room in notes] == [1] * MANY
    assert [len(house.twilio.sent_to(number(n))) for n in range(MANY)] == [1] * MANY
    assert sorted(str(mail["To"]) for mail in house.sandbox.mail.mails) == sorted(
        f"{n}@example.com" for n in range(MANY)
    )
