"""When Slack takes nothing: texts are kept, told once in another way, posted when it is open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from bot import clock, doctor, outbox
from bot.models import Delivery, Lane
from bot.sandbox import Sandbox
from bot.sandbox.slack.records import Post
from bot.talks import outages
from bot.talks.models import Conversation, Message
from bot.team import opening
from bot.team.models import Member
from ledger import database
from tests.bot.talks.test_conversations import press, root, says, settled, team
from tests.bot.talks.threads import begun, replied, texts
from tests.house import ANN, BEN, LINE, House

__all__ = ["team"]  # the fixture
HALF_A_MINUTE = timedelta(seconds=31)


def a_while(house: House, minutes: float = 2, steps: int = 4) -> None:
    """Time goes by, and workers do what is due."""
    for step in range(1, steps + 1):
        with clock.travelled(timedelta(minutes=minutes * step / steps)):
            house.work()


def posts(house: House, number: str = ANN) -> list[str]:
    """What each post in the thread says first."""
    return [post.plain().splitlines()[0] for post in house.thread(number)[1:]]


def told(house: House, user: str | None = None) -> list[str]:
    return [post.plain() for post in house.told(user or house.agent)]


def break_(house: House, how: str) -> None:
    room = house.slack.channels[house.channel]
    match how:
        case "archived":
            house.slack.archive(house.channel, house.agent)
        case "removed":
            house.slack.remove_app(house.channel)
        case _:
            house.slack.refuse_all(how, ("chat.postMessage",))
            assert room


def mend(house: House, how: str) -> None:
    match how:
        case "archived":
            house.slack.unarchive(house.channel, house.agent)
        case "removed":
            house.slack.invite_app(house.channel, house.agent)
        case _:
            house.slack.refuse_all(None)


CHANNELS = {
    "archived": "the channel is archived. Bring it back, or give the line another one",
    "removed": "@Partyline is not in the channel. Type /invite @Partyline in it",
}


@pytest.mark.parametrize("how", sorted(CHANNELS))
def test_a_text_for_a_shut_channel_goes_to_the_owner_once_and_is_posted_when_it_is_open(
    team: House, how: str
) -> None:
    begun(team)
    break_(team, how)
    team.work()
    for body in ("One", "Two"):
        team.twilio.text(ANN, LINE, body)
    team.twilio.text(BEN, LINE, "I am new\nand polite")
    team.work()
    a_while(team, 5, 10)
    said = told(team)
    assert len(said) == 3
    for words in (
        "A text cannot be shown in #", CHANNELS[how], "(415) 555-0123 wrote:\n>One",
        f"To answer now, type `/text {ANN} …`.", "It will be shown in its thread, too",
    ):  # fmt: skip
        assert words.replace("`", "") in said[0].replace("`", "")
    assert ">I am new\n>and polite" in "".join(said)
    assert told(team, team.clerk) == told(team, team.manager) == []
    mend(team, how)
    team.work()
    settled(team)
    assert posts(team) == ["Is it still free?", "One", "Two"]
    assert posts(team, BEN) == ["I am new"]
    assert len(told(team)) == 3
    assert team.balance() == 96
    assert team.audit() == []


def test_without_an_event_it_is_noticed_within_a_minute(team: House) -> None:
    begun(team)
    with team.slack.held():
        break_(team, "archived")
        says(team, body="One")
        mend(team, "archived")
    assert posts(team) == ["Is it still free?"]
    with clock.travelled(timedelta(minutes=1)):
        team.work()
    assert posts(team) == ["Is it still free?", "One"]


def test_it_is_never_given_up_and_asked_only_every_half_minute(team: House) -> None:
    begun(team)
    break_(team, "archived")
    says(team, body="One")
    before = len(team.slack.calls)
    for minutes in range(0, 3 * 24 * 60, 30):
        with clock.travelled(timedelta(minutes=minutes)):
            team.work()
    asked = [m for m, _ in team.slack.calls[before:] if m == "chat.postMessage"]
    assert 100 < len(asked) < 160
    with database.session():
        waiting = Delivery.get(Delivery.key.startswith("post:"), Delivery.state != "done")
        assert waiting.state == "queued"
    with clock.travelled(timedelta(days=3)):
        mend(team, "archived")
        team.work()
    assert posts(team) == ["Is it still free?", "One"]


def test_a_hundred_threads_of_a_shut_channel_cost_one_try_at_a_time(team: House) -> None:
    break_(team, "archived")
    for n in range(100):
        team.twilio.text(f"+1415555{n:04d}", LINE, f"text {n}")
    team.work()  # the first finds out for all that are claimed with it
    assert len(told(team)) == 100, "each text is told, whose ever turn it is"
    before = len(team.slack.calls)
    for seconds in range(120):
        with clock.travelled(timedelta(seconds=seconds)):
            team.work()
    tried = [a for m, a in team.slack.calls[before:]
             if m == "chat.postMessage" and a["channel"] == team.channel]  # fmt: skip
    assert len(tried) < 20, "one finds out every half minute"
    mend(team, "archived")
    for minutes in range(4):
        with clock.travelled(timedelta(minutes=2 + minutes)):
            team.work()
    assert len(team.slack.channel(team.channel)) == 100


def test_a_channel_that_is_shut_holds_up_no_other(team: House) -> None:
    team.twilio.add_number("+14155550111")
    other = team.slack.add_channel("other")
    opening.setup(account="Harbor Homes", line="+14155550111", channel=other)
    begun(team)
    break_(team, "archived")
    says(team, body="One")
    team.twilio.text(BEN, "+14155550111", "Hello")
    team.work()
    assert len(team.slack.channel(other)) == 1


def test_the_line_gets_another_channel_and_its_conversations_go_on_there(team: House) -> None:
    begun(team)
    old = root(team)
    break_(team, "archived")
    says(team, body="One")
    other = team.slack.add_channel("new-leads")
    opening.setup(account="Harbor Homes", line=LINE, channel=other)
    a_while(team)
    (new,) = team.slack.channel(other)
    shown = [p.plain().splitlines()[0] for p in team.slack.thread(other, new.ts)]
    assert shown == ["(415) 555-0123", "One"]
    link = f"archives/{team.channel}/p{old.ts.replace('.', '')}"
    assert link in new.text
    team.twilio.text(ANN, LINE, "Two")
    team.work()
    assert len(team.slack.thread(other, new.ts)) == 3


def test_what_waits_of_a_merged_contact_goes_on_with_the_other(team: House) -> None:
    begun(team)
    break_(team, "archived")
    team.twilio.text(BEN, LINE, "One")
    team.work()
    with database.session():
        ann, ben = Conversation.select().order_by(Conversation.id)
        Conversation.update(goes_on=ann).where(Conversation.id == ben.id).execute()
    other = team.slack.add_channel("new-leads")
    opening.setup(account="Harbor Homes", line=LINE, channel=other)
    a_while(team)
    with database.session():
        assert Conversation.get_by_id(ann.id).channel == other
        assert Conversation.get_by_id(ben.id).channel == team.channel
    (new,) = team.slack.channel(other)
    assert any("One" in post.plain() for post in team.slack.thread(other, new.ts)[1:])


def test_what_changed_meanwhile_is_made_up(team: House) -> None:
    begun(team)
    team.send(ANN, "Hello")
    team.work()
    break_(team, "archived")
    team.settle()
    press_in_archive(team)
    assert "Closed" not in root(team).plain()
    mend(team, "archived")
    team.work()
    settled(team)
    assert "Closed" in root(team).plain()
    assert "Delivered" in team.thread(ANN)[-1].plain()
    with database.session():
        assert not Conversation.get().stale


def press_in_archive(house: House) -> None:
    """An archived channel can still be looked at."""
    assert house.slack.press(house.agent, root(house), "Close").status == 200
    house.work()


def test_what_changed_is_made_up_where_no_event_says_it_is_mended(team: House) -> None:
    begun(team)
    with team.slack.held():
        break_(team, "archived")
        press_in_archive(team)
        mend(team, "archived")
    assert outages.make_up() == 1
    team.work()
    assert "Closed" in root(team).plain()


def test_a_text_behind_a_change_that_cannot_be_made_is_told_all_the_same(team: House) -> None:
    begun(team)
    break_(team, "archived")
    press_in_archive(team)
    says(team, body="One")
    a_while(team)
    assert len(told(team)) == 1
    mend(team, "archived")
    team.work()
    settled(team)
    assert posts(team)[-1] == "One"


def test_an_account_without_an_owner_has_its_managers_told(team: House) -> None:
    begun(team)
    with database.session():
        Member.update(left_at=clock.now()).where(Member.role == "owner").execute()
    break_(team, "archived")
    says(team, body="One")
    a_while(team)
    assert told(team) == []
    assert len(told(team, team.manager)) == 1


def test_what_a_blocked_sender_wrote_is_told_to_nobody(team: House) -> None:
    begun(team)
    team.slack.choose(team.agent, root(team), "talk_more", "Block this sender")
    team.work()
    break_(team, "archived")
    says(team, body="Buy now")
    team.twilio.text(BEN, LINE, "Hello")
    team.work()
    a_while(team)
    assert len(told(team)) == 1
    assert "Buy now" not in told(team)[0]


def test_a_text_with_nothing_but_a_picture_is_told_as_such(team: House) -> None:
    begun(team)
    break_(team, "archived")
    team.twilio.text(ANN, LINE, "", media=["https://api.twilio.com/m/1"])
    team.work()
    a_while(team)
    assert ">1 attachment" in told(team)[0]


def test_an_agents_own_text_goes_out_and_is_not_told(team: House) -> None:
    begun(team)
    break_(team, "archived")
    team.send(ANN, "Hello")
    team.settle()
    a_while(team)
    assert texts(team) == ["Hello"]
    assert told(team) == []
    mend(team, "archived")
    team.work()
    settled(team)
    assert posts(team)[-1] == "Hello"


# Slack as a whole


@pytest.fixture
def office(team: House) -> Iterator[House]:
    """The same, with an address for alerts."""
    team.add_email("boss@harbor.example")
    return team


def mails(house: House) -> list[str]:
    return [str(m.get_body(("plain",)).get_content())  # type: ignore[union-attr]
            for m in house.sandbox.mail.box("boss@harbor.example")]  # fmt: skip


def subjects(house: House) -> list[str]:
    return [str(m["Subject"]) for m in house.sandbox.mail.box("boss@harbor.example")]


@pytest.mark.parametrize(
    ("error", "why", "do"),
    [
        ("token_revoked", "Partyline's token was revoked.", "Install the app again in Slack"),
        ("account_inactive", "Partyline was removed from the workspace.", "Install the app again"),
        ("invalid_auth", "Slack does not take Partyline's token.", "SLACK_BOT_TOKEN"),
        ("missing_scope", "Partyline lacks a permission.", "Compare the app with manifest.json"),
    ],
)
def test_where_slack_takes_nothing_texts_come_by_email_and_are_posted_later(
    office: House, error: str, why: str, do: str
) -> None:
    begun(office)
    office.slack.refuse_all(error)
    for body in ("One", "Two"):
        office.twilio.text(ANN, LINE, body)
    office.work()
    a_while(office, 5, 10)
    assert subjects(office) == [
        "Harbor Homes: Slack takes nothing: 2 texts could not be shown"
    ] or subjects(office)[0].startswith("Harbor Homes: Slack takes nothing")
    letter = "\n".join(mails(office))
    for words in ("(415) 555-0123: One", "(415) 555-0123: Two", why, do, "they come by e-mail"):
        assert words in letter
    assert "/credits plan" not in letter
    assert letter.count("(415) 555-0123: One") == 1
    office.slack.refuse_all(None)
    a_while(office, 8, 16)
    assert posts(office) == ["Is it still free?", "One", "Two"]
    assert told(office) == []
    assert office.audit() == []


def test_emails_come_at_once_and_then_every_quarter_of_an_hour(office: House) -> None:
    begun(office)
    office.slack.revoke()
    for n in range(40):
        with clock.travelled(timedelta(minutes=n)):
            office.twilio.text(ANN, LINE, f"text {n}")
            office.work()
    with clock.travelled(timedelta(minutes=60)):
        office.work()
    assert 3 <= len(mails(office)) <= 5
    letters = "\n".join(mails(office)).replace("\r", "")
    for n in range(40):
        assert letters.count(f"(415) 555-0123: text {n}\n") == 1
    assert any("slack.disconnected" not in said for said in subjects(office))


def test_without_an_address_nothing_is_lost_either(team: House) -> None:
    begun(team)
    team.slack.refuse_all("token_revoked")
    says(team, body="One")
    a_while(team)
    team.slack.refuse_all(None)
    a_while(team, 6, 12)
    assert posts(team) == ["Is it still free?", "One"]


def test_without_a_mail_server_nothing_is_lost_either(books: str, sandbox: Sandbox) -> None:
    with House(books, sandbox, SMTP_URL="", MAIL_FROM="").serving() as house:
        house.add_email("boss@harbor.example")
        begun(house)
        house.slack.refuse_all("token_revoked")
        says(house, body="One")
        a_while(house)
        house.slack.refuse_all(None)
        a_while(house, 6, 12)
        assert posts(house) == ["Is it still free?", "One"]
        assert house.sandbox.mail.mails == []


def test_a_token_that_is_revoked_is_tried_every_half_minute_not_more(office: House) -> None:
    begun(office)
    press(office, "Close")
    office.slack.refuse_all("token_revoked")
    for number in (ANN, BEN):
        office.twilio.text(number, LINE, "Hello")
    office.work()
    before = len(office.slack.calls)
    refused_before = refusals(office)
    for seconds in range(0, 600, 5):
        with clock.travelled(timedelta(seconds=seconds)):
            office.work()
    assert len(office.slack.calls) == before, "none was taken"
    assert refusals(office) - refused_before < 150


def refusals(house: House) -> int:
    return len(house.slack.spans)


def test_a_look_that_may_not_read_proves_nothing_and_the_post_is_made_again(team: House) -> None:
    begun(team)
    team.slack.faults.add("drop_before", "chat.postMessage")
    says(team, body="One")
    team.slack.unreadable = True
    settled(team)
    assert posts(team) == ["Is it still free?", "One"]


# What an operator sees


def test_the_doctor_names_what_is_wrong_once_and_what_to_do(team: House) -> None:
    begun(team)
    break_(team, "archived")
    for number in (ANN, BEN):
        team.twilio.text(number, LINE, "Hello")
    team.work()
    a_while(team, 15, 15)
    with clock.travelled(timedelta(minutes=16)):
        found = [line for line in doctor.findings() if "Slack" in line]
    assert len(found) == 1, found
    assert f"wait for Slack's channel {team.channel} since" in found[0]
    assert "the channel is archived. Bring it back" in found[0]


def test_the_doctor_says_what_to_do_about_a_token(team: House) -> None:
    from slack_sdk import WebClient

    begun(team)
    team.slack.refuse_all("token_revoked")
    client = WebClient(team.slack.token, base_url=team.slack.api_url)
    (line,) = doctor.reach("Slack", client.auth_test)
    assert "Partyline's token was revoked. Install the app again in Slack" in line
    says(team, body="One")
    assert any("1 post(s) wait for Slack since" in one for one in doctor.findings())


def test_every_reason_says_what_to_do() -> None:
    for why in (*outages.CHANNEL.values(), *outages.SLACK.values()):
        assert ". " in why
        assert not why.endswith(".")


# The door out


def test_patience_is_for_what_somebody_has_to_mend(team: House) -> None:
    """Another error is given up after a day of tries, and parked."""
    begun(team)
    team.slack.refuse_all("some_new_error", ("chat.postMessage",))
    says(team, body="One")
    for hours in range(0, 40):
        with clock.travelled(timedelta(hours=hours / 2)):
            team.work()
    with clock.travelled(timedelta(days=2)):
        team.work()
        with database.session():
            states = {row.state for row in Delivery.select().where(Delivery.state != "done")}
            assert states <= {"parked", "queued"}
    assert outbox.hurry(f"channel:{team.channel}") <= 1


def test_the_lane_of_a_shut_channel_has_one_head(team: House) -> None:
    begun(team)
    break_(team, "archived")
    for n in range(5):
        says(team, body=f"text {n}")
    a_while(team)
    with database.session():
        lane = Lane.get(Lane.name == f"thread:{Conversation.get().id}")
        assert lane.due_at is not None
        assert Message.select().where(Message.slack_ts.is_null()).count() == 5


def test_an_edit_of_a_reply_waits_and_is_made_up(team: House) -> None:
    thread = begun(team)
    reply = replied(team, thread, "Yes")
    card: Post = team.thread(ANN)[-1]
    break_(team, "archived")
    team.slack.edit(reply, "Yes, until Friday")
    team.work()
    assert "until Friday" not in card.plain()
    mend(team, "archived")
    team.work()
    settled(team)
    assert "Yes, until Friday" in card.plain()
