"""The door out: order, pace, leases, and unknown outcomes that are looked up, never repeated."""

from __future__ import annotations

import secrets
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from bot import attempts, carriers, clock, lanes, outbox
from bot.carriers import Again, Done, Failed, NotThere, Outcome, Rate, Timing, Unknown
from bot.models import MIGRATIONS, Delivery, Lane, Pace
from ledger import database
from tests import databases
from tests.house import ANN, BEN, House

TIMING = Timing(rates={"number": Rate(1, 3), "channel": Rate(1, 1000), "updates": Rate(1, 1000)})


class Peer:
    """A carrier that answers as it is told."""

    lists_late = True

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes, self.settled = list(outcomes), []

    def attempt(self, delivery: carriers.Delivery) -> Outcome:
        return self.outcomes.pop(0) if self.outcomes else Done({})

    look = attempt

    def settle(self, delivery: carriers.Delivery, outcome: Outcome, now: object) -> None:
        self.settled.append((delivery.key, type(outcome).__name__))


def put(key: str, lane: str = "a", pace: str = "channel:c", replaces: str | None = None) -> None:
    outbox.enqueue(key, "thing", {"key": key}, lane=lane, pace=pace, replaces=replaces)


def turn(peer: Peer, room: int = 10) -> list[str]:
    """Claims and attempts once. Returns the keys that were claimed."""
    claimed = attempts.claim({"thing": room}, {"thing": peer}, TIMING)
    for delivery in claimed:
        result = peer.look(delivery) if delivery.unknown else peer.attempt(delivery)
        attempts.finish(delivery, result, {"thing": peer}, TIMING)
    return [delivery.key for delivery in claimed]


def state(key: str) -> str:
    with database.session():
        return str(Delivery.get(Delivery.key == key).state)


@pytest.fixture(autouse=True)
def _books(books: str) -> None:
    pass


def test_a_lane_keeps_its_order_and_lanes_do_not_wait_for_each_other() -> None:
    for key in ("a1", "a2", "a3"):
        put(key)
    put("b1", lane="b")
    peer = Peer()
    assert turn(peer) == ["a1", "b1"]
    assert turn(peer) == ["a2"]
    assert turn(peer) == ["a3"]
    assert turn(peer) == []


def test_one_attempt_a_lane_however_many_workers_claim() -> None:
    for n in range(30):
        put(f"{n}", lane=f"lane {n % 5}")
    claimed: list[str] = []
    lock = threading.Lock()

    def work() -> None:
        for delivery in attempts.claim({"thing": 10}, {"thing": Peer()}, TIMING):
            with lock:
                claimed.append(delivery.lane)

    workers = [threading.Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(claimed) == [f"lane {n}" for n in range(5)]


def test_the_same_key_is_queued_once() -> None:
    put("a1")
    put("a1")
    peer = Peer()
    assert turn(peer) == ["a1"] and turn(peer) == []


def test_a_newer_update_takes_the_place_of_one_that_has_not_left() -> None:
    put("first")
    put("old", replaces="post 1")
    put("new", replaces="post 1")
    put("last")
    peer = Peer()
    assert [turn(peer) for _ in range(4)] == [["first"], ["old"], ["last"], []]
    with database.session():
        assert '"key":"new"' in Delivery.get(Delivery.key == "old").payload.__str__().replace(
            "'", '"'
        ).replace(" ", "")


def test_an_update_that_comes_back_gives_way_to_a_newer_one() -> None:
    put("old", replaces="post 1")
    peer = Peer(Again(0, "busy"))
    claimed = attempts.claim({"thing": 1}, {"thing": peer}, TIMING)
    put("new", replaces="post 1")
    attempts.finish(claimed[0], Again(0, "busy"), {"thing": peer}, TIMING)
    assert state("old") == "done"
    assert turn(peer) == ["new"]


def test_a_pace_lets_a_burst_through_and_then_one_a_second() -> None:
    for n in range(6):
        put(f"{n}", lane=f"lane {n}", pace="number:+1")
    peer = Peer()
    assert len(turn(peer)) == 3
    assert turn(peer) == []
    with clock.travelled(timedelta(seconds=1.1)):
        assert len(turn(peer)) == 1
    with clock.travelled(timedelta(seconds=60)):
        assert len(turn(peer)) == 2


def test_429_shuts_the_pace_for_all_until_the_peer_said() -> None:
    for n in range(3):
        put(f"{n}", lane=f"lane {n}", pace="number:+1")
    assert len(turn(Peer(Again(30, "429", shuts_pace=True)), room=1)) == 1
    peer = Peer()
    with clock.travelled(timedelta(seconds=20)):
        assert turn(peer) == []
    with clock.travelled(timedelta(seconds=120)):
        assert len(turn(peer)) == 3


def test_a_refusal_is_settled_once_and_the_lane_goes_on() -> None:
    put("a1")
    put("a2")
    peer = Peer(Failed("no such number", 21211))
    turn(peer)
    assert state("a1") == "failed"
    assert turn(peer) == ["a2"]
    assert peer.settled == [("a1", "Failed"), ("a2", "Done")]


def test_an_unknown_is_sent_again_only_after_two_empty_looks_far_enough_apart() -> None:
    put("a1")
    put("a2")
    peer = Peer(Unknown("time-out"))
    assert turn(peer) == ["a1"]
    assert state("a1") == "unknown"
    with clock.travelled(timedelta(seconds=85)):
        assert turn(peer) == []  # lease 60 s and 30 s more
    with clock.travelled(timedelta(seconds=95)):
        peer.outcomes = [NotThere(2)]
        assert turn(peer) == ["a1"]
        assert state("a1") == "unknown"
    with clock.travelled(timedelta(seconds=200)):
        assert turn(peer) == []
    with clock.travelled(timedelta(seconds=220)):
        peer.outcomes = [NotThere(2)]
        assert turn(peer) == ["a1"]
        assert state("a1") == "queued"
        assert turn(peer) == ["a1"]  # the second attempt
        assert state("a1") == "done"
        assert turn(peer) == ["a2"]


def test_an_unknown_that_is_found_is_done_and_never_sent_again() -> None:
    put("a1")
    peer = Peer(Unknown("time-out"), Done({}))
    turn(peer)
    with clock.travelled(timedelta(seconds=95)):
        assert turn(peer) == ["a1"]
        assert state("a1") == "done"
        assert turn(peer) == []
    assert peer.settled == [("a1", "Done")]


def test_a_killed_workers_delivery_is_looked_up_when_its_lease_has_ended() -> None:
    put("a1")
    assert (
        len(attempts.claim({"thing": 1}, {"thing": Peer()}, TIMING)) == 1
    )  # and then nothing: kill -9
    peer = Peer(Done({}))
    with clock.travelled(timedelta(seconds=59)):
        assert turn(peer) == []
    with clock.travelled(timedelta(seconds=61)):
        assert turn(peer) == []  # unknown now; looked up 30 s later
        assert state("a1") == "unknown"
    with clock.travelled(timedelta(seconds=95)):
        claimed = attempts.claim({"thing": 1}, {"thing": peer}, TIMING)
        assert [d.unknown for d in claimed] == [True]


def test_a_witness_settles_an_unknown_at_once() -> None:
    put("a1")
    put("a2")
    peer = Peer(Unknown("time-out"))
    turn(peer)
    outbox.resolve("a1", clock.now())
    assert state("a1") == "done"
    assert turn(peer) == ["a2"]


def test_what_the_peer_said_counts_even_when_the_lease_was_lost() -> None:
    put("a1")
    peer = Peer()
    (slow,) = attempts.claim({"thing": 1}, {"thing": peer}, TIMING)
    with clock.travelled(timedelta(seconds=61)):
        attempts.claim({"thing": 1}, {"thing": peer}, TIMING)
        assert state("a1") == "unknown"
        attempts.finish(slow, Done({}), {"thing": peer}, TIMING)
    assert state("a1") == "done"
    assert peer.settled == [("a1", "Done")]


def test_no_attempt_starts_with_too_little_of_its_lease_left() -> None:
    put("a1")
    (delivery,) = attempts.claim({"thing": 1}, {"thing": Peer()}, TIMING)
    assert attempts.may_start(delivery, TIMING)
    with clock.travelled(timedelta(seconds=41)):
        assert not attempts.may_start(delivery, TIMING)


def test_what_was_refused_for_a_day_is_parked_and_comes_back() -> None:
    put("a1")
    put("a2")
    peer = Peer()
    ahead = timedelta(0)
    for _ in range(attempts.GIVE_UP_AFTER):
        peer.outcomes = [Again(0, "channel_not_found")]
        with clock.travelled(ahead):
            assert turn(peer, room=1) == ["a1"]
        ahead += timedelta(seconds=1801)
    assert state("a1") == "parked"
    with clock.travelled(ahead):
        assert turn(peer) == ["a2"]
        assert outbox.retry_parked() == 1
        assert turn(peer) == ["a1"]


def test_what_comes_back_waits_for_the_attempt_that_its_lane_is_at() -> None:
    put("a1")
    put("a2")
    with database.session():
        Delivery.update(state="parked").where(Delivery.key == "a1").execute()
    assert turn(Peer(Unknown("time-out"))) == ["a2"]
    put("b1", lane="b")
    assert outbox.retry_parked() == 1
    with clock.travelled(timedelta(seconds=100)):
        assert sorted(turn(Peer())) == ["a2", "b1"]
        assert turn(Peer()) == ["a1"]


def test_looking_for_due_work_reads_an_index_and_not_the_table() -> None:
    """Cost grows with the work due, not with what is kept."""
    now = clock.now()
    for sql, values, by in (
        (attempts.DUE, ("slack", "slack", now), "crew"),
        (attempts.DUE_LANES, ("slack", now, 5), "crew"),
        (lanes.HEAD, ("a", "a"), "lane"),
    ):
        if database.is_sqlite():
            with database.session():
                plan = str(database.query(f"EXPLAIN QUERY PLAN {sql}", *values).fetchall())
            assert f"SEARCH {'lane' if by == 'crew' else 'delivery'} USING" in plan, plan
            assert f"({by}=?" in plan, plan
        else:
            with database.session():
                database.query("SET enable_seqscan = off")
                plan = str(database.query(f"EXPLAIN {sql}", *values).fetchall())
            assert "Seq Scan" not in plan, plan
            assert f"({by} = " in plan.partition("Index Cond: ")[2], plan


def test_a_lane_is_claimed_by_the_crew_of_its_head() -> None:
    """Pictures of a text are moved first, then shown; both wait in one lane."""
    fast = {"channel": Rate(0.001)}
    peers, timing = {"slack.media": Peer(), "slack.card": Peer()}, Timing(rates=fast)
    for kind in ("slack.media", "slack.card", "slack.media"):
        outbox.enqueue(secrets.token_hex(4), kind, {}, lane="a", pace="channel:c")
    for crew, other in (("files", "slack"), ("slack", "files"), ("files", "slack")):
        assert attempts.due([crew, other]) == [crew]
        assert attempts.claim({other: 5}, peers, timing) == []
        (delivery,) = attempts.claim({crew: 5, other: 5}, peers, timing)
        attempts.finish(delivery, Done({}), peers, timing)
    assert attempts.due(["slack", "files"]) == []


def test_each_crew_claims_what_it_has_hands_for() -> None:
    for kind in ("slack.card", "twilio.message", "mail.notice"):
        for n in range(3):
            lane = f"{kind} {n}"
            outbox.enqueue(lane, kind, {}, lane=lane, pace=f"channel:{lane}")
    room = {"slack": 1, "twilio": 2}
    assert [each.kind for each in attempts.claim(room, {}, TIMING)] == [
        "slack.card", "twilio.message", "twilio.message",
    ]  # fmt: skip
    assert sorted(attempts.due(["slack", "twilio", "mail", "files"])) == ["mail", "slack", "twilio"]
    assert attempts.due([]) == []


def test_lanes_of_before_are_claimed_after_the_migration(engine: str, tmp_path: Path) -> None:
    for file in sorted(MIGRATIONS.glob("000[1-5]*.py")):
        (tmp_path / file.name).write_text(file.read_text())
    bound = database.bind(databases.fresh(engine, migrated=False))
    database.migrate(tmp_path)
    kinds = {
        "slack.card": "slack", "slack.media": "files", "twilio.message": "twilio",
        "mail.letter": "mail",
    }  # fmt: skip
    with database.session():
        for kind in kinds:
            database.query(
                "INSERT INTO lane (name, due_at, has_slot) VALUES (%s, %s, false)",
                kind, clock.now(),
            )  # fmt: skip
            Delivery.create(
                key=kind, kind=kind, lane=kind, pace="channel:c", payload={},
                due_at=clock.now(), made_at=clock.now(),
            )  # fmt: skip
    database.migrate(MIGRATIONS)
    for kind, crew in kinds.items():
        assert [each.kind for each in attempts.claim({crew: 5}, {}, TIMING)] == [kind]
    bound.close_all()


def test_enqueue_and_claim_leave_idle_lanes_alone() -> None:
    put("a1")
    turn(Peer())
    with database.session():
        assert Lane.get().due_at is None
        assert Pace.select().count() == 1


# Through the real carriers


def texts(house: House) -> int:
    return len(house.twilio.sent_to(ANN))


@pytest.mark.parametrize("fault", ["drop_after", "slow_after", "drop_before", "error"])
def test_a_text_whose_outcome_is_unknown_is_at_twilio_once(
    books: str, sandbox: object, fault: str
) -> None:
    with House(books, sandbox, ATTEMPT_TIMEOUT_S="1").serving() as house:  # type: ignore[arg-type]
        house.twilio.callbacks.withhold = True
        house.twilio.faults.add(fault, "POST Messages", seconds=2)
        house.send(ANN, "Hello")
        house.work()
        house.twilio.faults.clear()
        for seconds in (100, 250, 260):
            with clock.travelled(timedelta(seconds=seconds)):
                house.work()
        assert texts(house) == 1
        assert house.balance() == 99
        assert house.audit() == []


def test_a_callback_that_comes_before_twilios_answer_settles_the_text(
    books: str, sandbox: object
) -> None:
    with House(books, sandbox, ATTEMPT_TIMEOUT_S="1").serving() as house:  # type: ignore[arg-type]
        house.twilio.faults.add("drop_after", "POST Messages")
        house.send(ANN, "Hello")
        house.settle()
        assert "Delivered" in house.thread(ANN)[1].plain()
        assert texts(house) == 1


def test_two_texts_alike_to_one_person_are_told_apart(books: str, sandbox: object) -> None:
    with House(books, sandbox).serving() as house:  # type: ignore[arg-type]
        house.twilio.callbacks.withhold = True
        house.send(ANN, "Hello")
        house.work()
        house.twilio.faults.add("drop_before", "POST Messages")
        house.send(ANN, "Hello")
        house.work()
        for seconds in (100, 250, 260):
            with clock.travelled(timedelta(seconds=seconds)):
                house.work()
        assert texts(house) == 2
        assert house.audit() == []


@pytest.mark.parametrize("fault", ["drop_after", "drop_before", "error", "rate_limit"])
def test_a_post_whose_outcome_is_unknown_stands_in_slack_once(
    books: str, sandbox: object, fault: str
) -> None:
    with House(books, sandbox).serving() as house:  # type: ignore[arg-type]
        house.slack.faults.add(fault, "chat.postMessage", times=2)
        house.twilio.text(ANN, house.line().number, "Hello")
        house.twilio.text(BEN, house.line().number, "Hello")
        for seconds in range(0, 200, 10):
            with clock.travelled(timedelta(seconds=seconds)):
                house.work()
        assert [len(house.thread(number)) for number in (ANN, BEN)] == [2, 2]
        assert len(house.slack.channel(house.channel)) == 2


def test_a_look_that_slack_did_not_answer_proves_nothing(books: str, sandbox: object) -> None:
    with House(books, sandbox).serving() as house:  # type: ignore[arg-type]
        house.twilio.text(ANN, house.line().number, "Hello")
        house.work()
        house.slack.faults.add("drop_after", "chat.postMessage")
        for kind in ("error", "drop_before", "rate_limit"):
            house.slack.faults.add(kind, "conversations.replies")
        house.twilio.text(ANN, house.line().number, "Still there?")
        for seconds in range(0, 120, 4):
            with clock.travelled(timedelta(seconds=seconds)):
                house.work()
        assert len(house.thread(ANN)) == 3
        assert [name for name, _ in house.slack.faults.happened].count("conversations.replies") == 3


def test_where_slack_lets_nobody_read_a_post_is_made_again(books: str, sandbox: object) -> None:
    with House(books, sandbox).serving() as house:  # type: ignore[arg-type]
        house.twilio.text(ANN, house.line().number, "Hello")
        house.work()
        house.slack.faults.add("drop_before", "chat.postMessage")
        house.twilio.text(ANN, house.line().number, "Still there?")
        house.work()
        house.slack.unreadable = True
        for seconds in range(0, 60, 4):
            with clock.travelled(timedelta(seconds=seconds)):
                house.work()
        assert len(house.thread(ANN)) == 3


def test_a_card_that_slack_refuses_is_posted_as_its_text(books: str, sandbox: object) -> None:
    with House(books, sandbox).serving() as house:  # type: ignore[arg-type]
        house.twilio.text(ANN, house.line().number, "")
        house.twilio.text(ANN, house.line().number, "a" * 200_000)
        house.work()
        assert len(house.thread(ANN)) == 3


def test_a_thread_that_is_gone_is_started_anew_and_loses_no_text(
    books: str, sandbox: object
) -> None:
    with House(books, sandbox).serving() as house:  # type: ignore[arg-type]
        house.twilio.text(ANN, house.line().number, "Hello")
        house.work()
        house.slack.channels[house.channel].posts.clear()
        house.twilio.text(ANN, house.line().number, "Are you there?")
        house.twilio.text(ANN, house.line().number, "Anybody?")
        house.work()
        with clock.travelled(timedelta(minutes=2)):
            house.work()
        said = [post.plain().splitlines()[0] for post in house.thread(ANN)]
        assert said == ["(415) 555-0123", "Are you there?", "Anybody?"]
        assert len(house.slack.channel(house.channel)) == 1


def test_a_bot_that_is_not_in_the_channel_loses_nothing(books: str, sandbox: object) -> None:
    with House(books, sandbox).serving() as house:  # type: ignore[arg-type]
        room = house.slack.channels[house.channel]
        room.members.discard(house.slack.bot)
        house.twilio.text(ANN, house.line().number, "Hello")
        house.work()
        room.members.add(house.slack.bot)
        with clock.travelled(timedelta(minutes=2)):
            house.work()
        assert len(house.thread(ANN)) == 2
