"""Pictures that are texted out: looked at, quoted, packed, fetched by Twilio from our own page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot import clock
from bot.lines.models import Line
from bot.sandbox.slack.records import Post
from bot.sandbox.twilio.texts import Text
from bot.talks.models import Message, Part
from bot.team.models import Policy
from bot.texts.models import Draft
from ledger import database
from tests import pictures
from tests.house import ANN, LINE, LONDON, House
from tests.pictures import MB, attach, share


def thread(house: House, number: str = ANN) -> str:
    """Somebody has written: the ts of the thread's root."""
    house.twilio.text(number, LINE, "Hello")
    house.work()
    return house.thread(number)[0].ts


def card(house: House, number: str = ANN) -> Post:
    return house.thread(number)[-1]


def send(house: House, number: str = ANN) -> list[Text]:
    """Send is pressed on the newest card; what left."""
    assert house.slack.press(house.agent, card(house, number), "Send").status == 200
    house.settle()
    return house.twilio.sent_to(number)


def told(house: House, user: str | None = None) -> str:
    """What only this person was told last."""
    return house.slack.seen_by(user or house.agent)[-1].plain()


def test_a_picture_goes_out_as_it_is_for_three_credits(house: House) -> None:
    root, content = thread(house), pictures.jpeg(700_000)
    share(house, root, attach(house, house.agent, ("the house.jpg", content)), "Look at this")
    for part in (
        "Look at this",
        "the house.jpg",
        "MMS · 1 × 1,600 characters · 3 credits · 96 left after",
    ):
        assert part in card(house).plain() and part in card(house).text
    (text,) = send(house)
    assert (text.body, text.status) == ("Look at this", "delivered")
    (got,) = text.got
    assert (got.name, got.content_type, got.content) == ("the-house.jpg", "image/jpeg", content)
    assert house.balance() == 96
    assert "Delivered · 3 credits" in house.thread(ANN)[3].plain()
    assert house.audit() == []


def test_r4_a_picture_without_words_costs_three(house: House) -> None:
    share(house, thread(house), attach(house, house.agent, ("a.png", pictures.png())))
    assert "3 credits · 96 left after" in card(house).plain()
    (text,) = send(house)
    assert text.body == "" and text.got[0].content == pictures.png()
    assert house.balance() == 96
    assert house.audit() == []


@pytest.mark.parametrize(
    ("sizes", "credits", "packs"),
    [
        ((3 * MB, 3 * MB), 6, [(3 * MB,), (3 * MB,)]),
        ((3 * MB, 3 * MB, 2 * MB), 6, [(3 * MB, 2 * MB), (3 * MB,)]),
        ((5 * MB,), 3, [(5 * MB,)]),
        ((1_000,) * 11, 6, [(1_000,) * 10, (1_000,)]),
    ],
)
def test_r4_files_are_packed_in_messages_of_five_megabytes_and_ten(
    house: House, sizes: tuple[int, ...], credits: int, packs: list[tuple[int, ...]]
) -> None:
    files = [(f"{n}.jpg", pictures.jpeg(size)) for n, size in enumerate(sizes)]
    share(house, thread(house), attach(house, house.agent, *files), "All of it")
    assert f"· {credits} credits ·" in card(house).plain()
    assert ("2 × 5 MB or 10 files" in card(house).plain()) == (len(packs) == 2)
    texts = send(house)
    assert [tuple(len(got.content) for got in text.got) for text in texts] == packs
    assert [text.body for text in texts] == ["All of it", *[""] * (len(packs) - 1)]
    assert house.balance() == 99 - credits
    assert house.audit() == []


def test_r14_a_pack_that_fails_gives_back_its_share(house: House) -> None:
    files = attach(house, house.agent, ("a.jpg", pictures.jpeg(3 * MB)), ("b.jpg", b""))
    files[1].content = pictures.jpeg(3 * MB + 1)
    share(house, thread(house), files)
    house.slack.press(house.agent, card(house), "Send")
    files[1].deleted = True  # before Twilio came for it
    house.settle()
    assert [text.status for text in house.twilio.sent_to(ANN)] == ["delivered", "failed"]
    assert "Twilio could not fetch an attachment. Send it again." in house.thread(ANN)[3].plain()
    assert house.balance() == 96
    with database.session():
        assert Message.get(Message.direction == "out").refunded == 3
    assert house.audit() == []


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (11751, "The attachments are too large. Send smaller ones."),
        (12300, "An attachment is of a kind that cannot be texted. Send it another way."),
        (30019, "The attachments are too large for the carrier. Send smaller ones."),
    ],
)
def test_what_twilio_does_not_take_is_said_plainly(house: House, code: int, said: str) -> None:
    share(house, thread(house), attach(house, house.agent, ("a.png", pictures.png())))
    house.twilio.outcome(ANN, "undelivered" if code == 30019 else "failed", code)
    send(house)
    assert said in house.thread(ANN)[3].plain()
    assert house.balance() == (96 if code == 30019 else 99)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("setup.jpg", pictures.EXE, "setup.jpg is of a kind that phones do not take, whatever "
         "its name says. Send a JPEG, PNG or GIF picture."),
        ("page.png", pictures.HTML, "page.png is of a kind that phones do not take"),
        ("house.heic", pictures.heic(7_200_000), "house.heic has 7.2 MB, which is 2.2 MB too much"),
        ("big.jpg", pictures.jpeg(5_010_000), "big.jpg has 5 MB, which is 10 KB too much: a "
         "picture message carries 5 MB. Make it smaller, and send it again."),
        ("plan.pdf", pictures.pdf(600_000), "plan.pdf has 600 KB, which is 100 KB too much: of a "
         "file that is no JPEG, PNG or GIF, a message carries 500 KB."),
        ("notes.md", b"# Notes", "notes.md is of a kind that phones do not take (TXT)."),
        ("none.jpg", b"", "none.jpg is empty"),
    ],
)  # fmt: skip
def test_what_cannot_be_texted_is_said_to_its_author_before_anything_is_charged(
    house: House, name: str, content: bytes, said: str
) -> None:
    files = attach(house, house.agent, ("good.png", pictures.png()), (name, content))
    share(house, thread(house), files, "Both")
    assert said in told(house)
    assert told(house).endswith("Nothing was texted.")
    with database.session():
        assert Draft.select().count() == 0
    assert house.twilio.sent_to(ANN) == []
    assert house.balance() == 99


def test_other_kinds_that_phones_take_go_out_up_to_half_a_megabyte(house: House) -> None:
    files = [("ann.vcf", pictures.CARD), ("plan.pdf", pictures.pdf(400_000)),
             ("phone.heic", pictures.heic(400_000))]  # fmt: skip
    share(house, thread(house), attach(house, house.agent, *files))
    (text,) = send(house)
    assert [got.content_type for got in text.got] == [
        "text/vcard", "application/pdf", "image/heic",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("served", "said"),
    [
        ("login", "a.png could not be read: Partyline may not read files here. Ask whoever runs"),
        ("http://127.0.0.1:9/x.png", "a.png is not kept in Slack itself"),
        ("cut off", ""),
    ],
)
def test_what_slack_does_not_hand_over_is_not_texted(house: House, served: str, said: str) -> None:
    root = thread(house)
    (file,) = attach(house, house.agent, ("a.png", pictures.png(400)))
    file.served = served
    share(house, root, [file])
    for minutes in (1, 3, 8, 20):
        with clock.travelled(timedelta(minutes=minutes)):
            house.work()
    if said:
        assert said in told(house)
    else:
        assert "Try again in some minutes. Nothing was texted." in told(house)
    with database.session():
        assert Draft.select().count() == 0


def test_a_file_without_a_length_is_counted(house: House) -> None:
    root = thread(house)
    small, large = attach(
        house, house.agent, ("a.jpg", pictures.jpeg(MB)), ("b.jpg", pictures.jpeg(6 * MB))
    )
    small.served = large.served = "no length"
    share(house, root, [small])
    assert "3 credits" in card(house).plain()
    share(house, root, [large])
    assert "b.jpg has more than 5 MB, which is too much" in told(house)


def test_a_file_that_was_deleted_meanwhile_is_said(house: House) -> None:
    root = thread(house)
    (file,) = attach(house, house.agent, ("a.png", pictures.png()))
    file.deleted = True
    share(house, root, [file])
    assert "a.png is no longer in Slack. Nothing was texted." in told(house)


def test_a_file_that_slack_tells_nothing_of_is_asked_for(house: House) -> None:
    root = thread(house)
    (file,) = attach(house, house.agent, ("a.png", pictures.png()))
    hidden = {"id": file.id, "mode": "file_access", "file_access": "check_file_info"}
    share(house, root, [hidden], "Here")
    assert "a.png" in card(house).plain()
    assert ("files.info", {"file": file.id}) in house.slack.calls


@pytest.mark.parametrize("fault", ["error", "rate_limit", "drop_before", "drop_after"])
def test_a_slack_that_stumbles_is_asked_again(house: House, fault: str) -> None:
    root = thread(house)
    house.slack.faults.add(fault, "file")
    share(house, root, attach(house, house.agent, ("a.png", pictures.png())))
    with clock.travelled(timedelta(seconds=30)):
        house.work()
    assert "3 credits" in card(house).plain()


def test_an_event_that_comes_twice_is_quoted_once(house: House) -> None:
    root = thread(house)
    with house.slack.held() as events:
        share(house, root, attach(house, house.agent, ("a.png", pictures.png())))
    for event in (*events, *events):
        event.send()
        house.work()
    assert len(house.thread(ANN)) == 4  # root, text, reply, card


def test_a_reply_that_is_deleted_while_its_files_are_looked_at_is_not_quoted(house: House) -> None:
    root = thread(house)
    (file,) = attach(house, house.agent, ("a.png", pictures.png()))
    house.slack.faults.add("error", "file")
    post = share(house, root, [file])
    house.slack.delete(post)
    with clock.travelled(timedelta(seconds=30)):
        house.work()
    assert file.handed_over > 0
    assert len(house.thread(ANN)) == 2
    house.slack.reply(house.agent, house.channel, root, "Another")
    house.work()
    assert "Another" in card(house).plain()


def test_a_line_that_sends_at_once_sends_a_small_picture_at_once(house: House) -> None:
    root = thread(house)
    with database.session():
        Line.update(mode="send", send_up_to=3).execute()
        Policy.update(quiet_from=24, quiet_until=0).execute()  # whatever the time
    share(house, root, attach(house, house.agent, ("a.png", pictures.png())))
    house.settle()
    assert [got.content for got in house.twilio.sent_to(ANN)[0].got] == [pictures.png()]


def test_a_strangers_picture_is_not_even_fetched(house: House) -> None:
    (file,) = attach(house, house.stranger, ("a.png", pictures.png()))
    share(house, thread(house), [file], user=house.stranger)
    assert file.handed_over == 0
    assert "Nothing was texted." in told(house, house.stranger)


def test_a_picture_to_a_number_abroad_costs_three_and_is_warned_of(house: House) -> None:
    root = thread(house, LONDON)
    share(house, root, attach(house, house.agent, ("a.png", pictures.png())))
    assert "3 credits" in card(house, LONDON).plain()
    assert "Pictures seldom arrive outside the US and Canada" in card(house, LONDON).plain()


def test_thirty_files_are_the_most_at_once(house: House) -> None:
    root = thread(house)
    share(house, root, attach(house, house.agent, *[("a.png", pictures.png())] * 31))
    assert "That is 31 files, and 30 is the most at once." in told(house)


@pytest.mark.parametrize("fault", ["drop_after", "slow_after"])
def test_a_picture_that_twilio_took_without_a_word_is_found_and_not_sent_again(
    house: House, fault: str
) -> None:
    root = thread(house)
    share(house, root, attach(house, house.agent, ("a.png", pictures.png())))
    house.twilio.callbacks.withhold = True
    if fault == "drop_after":
        house.twilio.faults.add("drop_after", "POST Messages")
    house.slack.press(house.agent, card(house), "Send")
    house.settle()
    for minutes in (2, 6, 12):
        with clock.travelled(timedelta(minutes=minutes)):
            house.work()
    assert len(house.twilio.sent_to(ANN)) == 1
    with database.session():
        assert Part.get().message_sid == house.twilio.sent_to(ANN)[0].sid
    assert house.audit() == []


def test_a_look_tells_a_picture_from_a_text_with_the_same_words(house: House) -> None:
    root = thread(house)
    house.send(ANN, "Look")
    house.settle()
    share(house, root, attach(house, house.agent, ("a.png", pictures.png())), "Look")
    house.twilio.faults.add("drop_before", "POST Messages")
    house.slack.press(house.agent, card(house), "Send")
    for minutes in (0, 2, 6, 12):
        with clock.travelled(timedelta(minutes=minutes)):
            house.work()
    assert [len(text.media) for text in house.twilio.sent_to(ANN)] == [0, 1]


def test_one_picture_message_without_a_picture_is_sent_as_one(house: House) -> None:
    card = house.ask(f"{ANN} " + "a" * 700)
    house.slack.press(house.agent, card, "One picture message: 3 credits instead of 5")
    from bot.sandbox import wait

    wait(lambda: "MMS" in card.plain())
    house.slack.press(house.agent, card, "Send")
    house.settle()
    (text,) = house.twilio.sent_to(ANN)
    assert text.sid.startswith("MM") and text.media == []
    assert house.balance() == 97
