"""Opting out: heard in any form, kept with who and how, and obeyed on every way to a phone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot import clock, inbox
from bot.contacts import consent
from bot.contacts.models import Consent, Contact
from bot.lines.models import Line
from bot.sandbox import wait
from bot.sandbox.slack.records import Post
from bot.sandbox.slack.watching import heard
from bot.talks.models import Conversation, Message, Part
from bot.team import opening
from bot.texts import receipts, scheduled
from bot.texts.models import Draft
from bot.texts.receipts import Fate
from ledger import database
from tests.bot.talks.test_conversations import choose, press, root, says, team, waiting
from tests.bot.talks.threads import begun, replied, texts
from tests.house import ANN, BEN, LINE, House

__all__ = ["team"]  # the fixture
OTHER = "+14155550111"


def history(number: str = ANN) -> list[tuple[bool, str, str | None]]:
    """What the contact agreed to and no longer did, oldest first: given, how, by whom."""
    with database.session():
        contact = Contact.get(Contact.number == number)
        rows = consent.history(contact)[::-1]
        return [(row.given, row.how, row.by) for row in rows]


def second_line(house: House) -> None:
    house.twilio.add_number(OTHER)
    opening.setup(account="Harbor Homes", line=OTHER, channel=house.channel)


def may_text(house: House, line: str = LINE) -> bool:
    """Whether a text to Ann can be written on this line."""
    from bot.errors import Refused
    from bot.texts import drafts

    try:
        with database.session():
            drafts.write(Line.get(Line.number == line), ANN, "Hi", house.agent, clock.now())
    except Refused as refusal:
        assert "opted out" in str(refusal)
        return False
    return True


# What is heard


@pytest.mark.parametrize(
    "said",
    ["STOP", "stop", " Stop. ", "STOP!!", "“Stop”", "StopAll", "stop all", "Unsubscribe", "CANCEL",
     "end", "Quit", "revoke", "OPTOUT", "opt-out", "Opt out"],
)  # fmt: skip
def test_each_stop_word_opts_out_whatever_stands_around_it(said: str) -> None:
    assert consent.word(said) == "STOP"


@pytest.mark.parametrize("said", ["START", "Yes", "unstop", "Un-stop", "Start!"])
def test_each_start_word_opts_in(said: str) -> None:
    assert consent.word(said) == "START"


@pytest.mark.parametrize(
    "said", ["Cancel?", "stop by at 3", "the end of May", "yes please", "HELP", "", "stopp"]
)
def test_other_texts_say_neither(said: str) -> None:
    assert consent.word(said) is None


def test_twilios_word_counts_where_it_says_one() -> None:
    assert consent.word("Arrêt", "STOP") == "STOP"
    assert consent.word("Stop", "START") == "START"
    assert consent.word("Aide", "HELP") is None


WISHES = """
    take me off your list | Please remove me | remove my number please | stop texting me
    Stop please | please stop | Please stop it. | STOP the texts | stop these messages now
    don't text me again | Don’t text me | Dont contact me | do not message me anymore
    never text this number again | no more texts | No more messages please | leave me alone
    opt me out | I want to opt out | unsubscribe me | please unsubscribe | wrong number
    You have the wrong person | lose my number | I revoke my consent | stop sending me these
    Quit bothering me | no more contact | Stop it now please | no más mensajes | Deja de escribirme
    dejen de mandar mensajes | No me escriba más | quiero darme de baja | arrêtez de m'écrire
    Alto | basta | Get me off this list
"""
NO_WISHES = """
    Please stop by the house at 3 | Does the bus stop here? | The stop sign is gone
    take me to the house | Can you get me from the station? | Don't text me before 9, call
    don't write it off yet | I can't stop by | Never mind | Is it the wrong door number?
    No more than 500k | Cancel our showing tomorrow | Please cancel the appointment
    end of the month works | No mas tarde que las 3 | Don't call it off | when does it end
    Delete my last message | Quit my job today! | Opt for the bigger one | get me the keys
    Do not stop the car | STOP | Yes
"""


def listed(several: str) -> list[str]:
    return [one.strip() for line in several.strip().splitlines() for one in line.split("|")]


@pytest.mark.parametrize("said", listed(WISHES))
def test_a_wish_in_plain_words_is_recognised(said: str) -> None:
    assert consent.wishes_to_stop(said)


@pytest.mark.parametrize("said", listed(NO_WISHES))
def test_what_is_no_wish_is_not_taken_for_one(said: str) -> None:
    assert not consent.wishes_to_stop(said)


def test_a_wish_is_looked_for_in_no_time_however_long_the_text() -> None:
    import time

    began = time.perf_counter()
    for text in ("please do not " * 120, "stop " + "me please now " * 120 + "x", "no más " * 230):
        consent.wishes_to_stop(text)
    assert time.perf_counter() - began < 0.5


# What follows


def test_stop_closes_every_line_and_start_opens_the_one_it_came_to(team: House) -> None:
    second_line(team)
    begun(team)
    team.twilio.text(ANN, OTHER, "Hello here")
    team.work()
    texted(team, "Stop.")
    assert "Opted out (texted STOP): nothing can be sent" in root_of(team, LINE).plain()
    assert "Opted out (texted STOP): nothing can be sent" in root_of(team, OTHER).plain()
    assert "[Reply]" not in root_of(team, LINE).plain()
    assert (may_text(team), may_text(team, OTHER)) == (False, False)
    assert "Nobody waits" in waiting(team)
    texted(team, "START")
    assert (may_text(team), may_text(team, OTHER)) == (True, False)
    assert history() == [(False, "texted STOP", None), (True, "texted START", None)]


def texted(house: House, body: str, line: str = LINE) -> None:
    house.twilio.text(ANN, line, body)
    house.work()


def root_of(house: House, line: str) -> Post:
    with database.session():
        talk = Conversation.select().join(Line).where(Line.number == line).get()
        ts = talk.thread_ts
    found = house.slack.find(house.channel, ts)
    assert found is not None
    return found


def test_stop_to_one_line_closes_the_other_that_start_had_opened(team: House) -> None:
    second_line(team)
    begun(team)
    team.twilio.text(ANN, OTHER, "Hello here")
    for number, body in ((LINE, "STOP"), (LINE, "START"), (OTHER, "STOP")):
        team.twilio.text(ANN, number, body)
        team.work()
    assert (may_text(team), may_text(team, OTHER)) == (False, False)
    team.twilio.text(ANN, OTHER, "UNSTOP")
    team.work()
    assert (may_text(team), may_text(team, OTHER)) == (False, True)


def test_a_stop_is_charged_and_shown_and_waits_for_no_answer(team: House) -> None:
    begun(team)
    assert says(team, body="STOP").plain().startswith("STOP")
    assert team.balance() == 98
    assert "Waiting" not in root(team).plain()
    assert team.audit() == []


def test_yes_to_a_question_is_no_consent_and_waits_for_an_answer(team: House) -> None:
    begun(team)
    says(team, body="Yes")
    assert history() == []
    assert "Waiting for an answer" in root(team).plain()


def test_twilios_own_words_for_opting_out_are_heeded(team: House) -> None:
    begun(team)
    team.twilio.text(ANN, LINE, "Arret", OptOutType="STOP")
    team.work()
    assert not may_text(team)
    team.twilio.text(ANN, LINE, "Commencer", OptOutType="START")
    team.work()
    assert may_text(team)


@pytest.mark.parametrize("when", ["in the answer", "later"])
def test_a_refusal_of_twilios_opts_out_gives_back_and_says_so(team: House, when: str) -> None:
    begun(team)
    if when == "later":
        team.twilio.outcome(ANN, "failed", 21610)
    else:
        team.twilio.refuse(ANN, 21610)
    team.send(ANN, "Hello")
    team.settle()
    assert "Opted out (Twilio refused a text)" in root(team).plain()
    assert history() == [(False, "Twilio refused a text", None)]
    assert team.balance() == 99
    assert any("The person opted out with STOP." in post.plain() for post in team.thread(ANN))
    assert not may_text(team)
    assert team.audit() == []


def test_a_refusal_that_is_told_late_undoes_no_start(team: House) -> None:
    """The text was refused before they texted START; its callback came after."""
    begun(team)
    team.twilio.outcome(ANN, "failed", 21610)
    team.send(ANN, "Hello")
    team.work()
    says(team, body="START")
    team.settle()
    assert may_text(team)


def test_a_refusal_that_is_applied_before_an_earlier_start_closes_nothing(team: House) -> None:
    begun(team)
    team.send(ANN, "Hello")
    team.settle()
    with database.session():
        part = Part.get()
        Part.update(status="sent").execute()
    with clock.travelled(timedelta(seconds=10)):
        team.twilio.text(ANN, LINE, "START")
    with clock.travelled(timedelta(seconds=20)):
        refusal = Fate("failed", 21610, "They opted out.", refund=True, opts_out=True)
        receipts.report(None, part.message_sid, refusal, clock.now())
        team.work()
        assert may_text(team)


def test_a_stop_that_no_webhook_brought_undoes_no_later_start(team: House) -> None:
    begun(team)
    address = team.twilio.numbers[LINE].set.get("sms_url")
    team.twilio.point(LINE, "http://127.0.0.1:9/down")
    team.twilio.text(ANN, LINE, "STOP")
    team.twilio.point(LINE, address)
    wait(lambda: clock.now().microsecond > 0)
    with clock.travelled(timedelta(minutes=5)):
        says(team, body="START")
        assert team.missed() == 1
        team.work()
        assert may_text(team)
        assert not any(given for given, *_ in history()[:1])


def test_a_start_that_no_line_took_at_first_undoes_no_later_stop(team: House) -> None:
    begun(team)
    texted(team, "START", OTHER)  # parked
    with clock.travelled(timedelta(hours=1)):
        texted(team, "STOP")
    with clock.travelled(timedelta(hours=2)):
        second_line(team)
        assert inbox.retry_parked() == 1
        team.work()
        assert (may_text(team), may_text(team, OTHER)) == (False, False)
        with database.session():
            assert Message.get(Message.body == "START").recovered_at is None


# A person decides


def test_a_wish_in_plain_words_is_a_suggestion_and_one_press(team: House) -> None:
    begun(team)
    card = says(team, body="Please take me off your list")
    assert "This reads as if (415) 555-0123 wants no more texts" in card.plain()
    assert may_text(team), "nothing happens before a person decides"
    assert team.slack.press(team.clerk, card, "Opt them out").status == 200
    team.work()
    assert "Opted out (said so)" in root(team).plain()
    assert "Answered" not in root(team).plain(), "nobody has answered, and nobody owes it"
    assert history() == [(False, "said so", team.clerk)]
    assert "Carl noted that (415) 555-0123 wants no more texts" in card.plain()
    assert team.thread(ANN)[-1].ts == card.ts, "it is said once"
    assert not may_text(team)


def test_a_suggestion_that_is_wrong_is_put_away_with_one_press(team: House) -> None:
    begun(team)
    card = says(team, body="Wrong number")
    assert team.slack.press(team.clerk, card, "They did not mean that").status == 200
    team.work()
    assert card.plain() == "Carl saw this: they did not mean to opt out."
    assert may_text(team)
    assert history() == []


def test_strangers_decide_nothing(team: House) -> None:
    begun(team)
    card = says(team, body="No more texts")
    for label in ("Opt them out", "They did not mean that"):
        said = heard(
            team.slack, team.stranger, lambda at=label: team.slack.press(team.stranger, card, at)
        )
        assert "You are not on this line's team" in said.plain()
    team.work()
    assert "[Opt them out]" in card.plain()
    assert may_text(team)


def test_a_verbal_opt_out_is_noted_from_the_menu_with_who_and_how(team: House) -> None:
    begun(team)
    choose(team, "They asked for no more texts", team.clerk)
    assert "Opted out (said so)" in root(team).plain()
    assert history() == [(False, "said so", team.clerk)]
    with pytest.raises(LookupError):
        choose(team, "They asked for no more texts")


def test_what_they_text_themselves_weighs_more_than_what_was_noted(team: House) -> None:
    """A member may take back what a member noted, but not a STOP."""
    from bot.errors import Refused

    begun(team)
    choose(team, "They asked for no more texts")
    says(team, body="STOP")
    assert history()[-1] == (False, "texted STOP", None)
    with database.session(), pytest.raises(Refused, match="texted STOP themselves"):
        consent.agree(Contact.get(), "said so", clock.now(), team.agent)


# No way leads around it


def test_no_text_goes_to_whoever_opted_out_by_any_way(team: House) -> None:
    thread = begun(team)
    slash = team.ask(f"{ANN} An old card")
    replied(team, thread, "A reply")
    card = team.thread(ANN)[-1]
    later = team.ask(f"{ANN} Later")
    with database.session():
        draft = Draft.get(Draft.body == "Later")
    at = clock.now() + timedelta(hours=1)
    scheduled.later(draft.id, draft.version, team.agent, at, clock.now())
    view_of(team)
    says(team, body="STOP")

    said = heard(team.slack, team.agent, lambda: team.slack.press(team.agent, slash, "Send"))
    assert "opted out (texted STOP), so nothing can be sent" in said.plain()
    said = heard(team.slack, team.agent, lambda: team.slack.press(team.agent, card, "Send"))
    assert "opted out (texted STOP)" in said.plain()
    assert "opted out (texted STOP)" in team.ask(f"{ANN} A new one").plain()
    replied(team, thread, "Another reply")
    assert "opted out (texted STOP)" in team.slack.seen_by(team.agent)[-1].plain()
    team.slack.submit(team.agent, team.slack.open_view(team.agent), {"body_0": "Composed"})
    with clock.travelled(timedelta(hours=1, minutes=1)):
        team.tick()
        team.settle()
    asked = "\n".join(post.plain() for post in team.thread(ANN))
    assert "Your text was not sent at its time. (415) 555-0123 opted out" in asked
    assert "It is cancelled:\n>Later" in asked
    assert later
    assert texts(team) == []
    assert team.balance() == 98
    assert team.audit() == []


def view_of(house: House) -> None:
    """The composer, with a text to Ann in it."""
    from tests.bot.texts.test_composer import form, to, type_in

    view = form(house)
    to(house, view, ANN)
    type_in(house, view, "Composed")


def test_stop_between_send_and_the_call_stops_the_text_and_gives_back(team: House) -> None:
    begun(team)
    team.send(ANN, "Hello")
    team.twilio.text(ANN, LINE, "STOP")
    team.apply()
    team.settle()
    assert texts(team) == []
    assert team.balance() == 98
    assert team.audit() == []


def test_a_text_to_somebody_else_is_not_stopped(team: House) -> None:
    begun(team)
    says(team, body="STOP")
    team.send(BEN, "Hello")
    team.settle()
    assert texts(team, BEN) == ["Hello"]


def test_a_conversation_with_whoever_opted_out_can_still_be_closed(team: House) -> None:
    begun(team)
    says(team, body="STOP")
    says(team, body="why?")
    assert "1 waits for an answer" in waiting(team), "one may call them"
    press(team, "Close")
    assert "Nobody waits" in waiting(team)


def test_the_history_names_the_line_it_came_to(team: House) -> None:
    begun(team)
    says(team, body="STOP")
    with database.session():
        row = Consent.get()
        assert (row.line.number, row.given) == (LINE, False)
