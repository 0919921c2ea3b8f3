"""`flask demo`: web, worker and the sandbox in one process tree, and a day of it to look at."""

from __future__ import annotations

import os
import signal
import socket
import sys
import webbrowser
from datetime import timedelta
from zoneinfo import ZoneInfo

from bot import clock
from bot.sandbox import Sandbox, wait
from bot.sandbox.demo_plan import Month
from bot.sandbox.page.web import Page
from bot.sandbox.slack.records import Post
from bot.sandbox.slack.watching import heard, opened, turned
from bot.sandbox.stage import ADDRESS, LINE, RealTokens, Stage, refuse_real_tokens
from bot.sandbox.terminal import Terminal
from ledger import database
from ledger.models import Entry

TEXTS_OUT = 8
ANN, BEN, LONDON, GONE = "+14155550123", "+14155550124", "+442079460000", "+14155550199"
OPENING = (
    (ANN, "Hi! Is the house on Elm Street still for sale?", "OAKLAND"),
    (BEN, "Can we see it on Saturday? 🏡", "SAN JOSE"),
    (LONDON, "Moving over from London in May, may I call?", "LONDON"),
)


def play(*, once: bool, port: int) -> int:
    """Plays the scene; with `once` it ends by itself. Returns 0 if the books hold."""
    if _taken(port):
        print(f"Port {port} is in use. Choose another: flask demo --port {port + 2}")
        return 2
    try:
        refuse_real_tokens(os.environ)
    except RealTokens as error:
        print(error)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # no process is left behind
    with Sandbox(f"http://127.0.0.1:{port}") as sandbox:
        stage = Stage(sandbox, port)
        agent, channel = stage.agent, stage.channel
        page = Page(stage)
        try:
            stage.start()
            if once:
                _texts(sandbox, agent, channel)
                _credits(sandbox, agent, channel)
                _next_morning(stage)
                Month(sandbox, agent, channel, LINE, stage.calendar).play()
                print(_books())
            else:
                page.serve(0 if _taken(port + 1) else port + 1)  # the same when it starts again
                _greet(stage, page)
                Terminal(sandbox, agent, channel, LINE).read(sys.stdin)
            return stage.audit()
        except KeyboardInterrupt:
            return 0
        finally:
            page.close()
            stage.stop()


def _taken(port: int) -> bool:
    """Whether something listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _texts(sandbox: Sandbox, agent: str, channel: str) -> None:
    slack, twilio = sandbox.slack, sandbox.twilio
    twilio.outcome(GONE, "undelivered", 30005)
    print("Three people text (415) 555-0100 …")
    for sender, body, city in OPENING:
        twilio.text(sender, LINE, body, FromCity=city)
    wait(lambda: len(_replies(sandbox, channel)) == 3, timeout_s=30)

    for number, body in (
        (ANN, "Hi Ann, it is. Would 3 pm tomorrow suit you?"),
        (BEN, "Saturday at 11 works, see you there 😀"),
        (LONDON, "Of course: call any time after 9 am your time."),
        (GONE, "Your keys are ready."),
    ):
        _send(sandbox, agent, channel, number, body)
    wait(lambda: _told(sandbox, channel) == 4, timeout_s=60)

    print(f"\n#leads, as Slack shows it\n{'=' * 60}")
    for root in slack.channel(channel):
        print(root.plain())
        for reply in slack.thread(channel, root.ts)[1:]:
            print(_indented(_short(reply.plain())))
        print("-" * 60)
    print("\nThe phones")
    for number in (ANN, BEN, LONDON, GONE):
        print(f"  {number}")
        for line in twilio.phone(number):
            print(f"    {line}")


def _send(sandbox: Sandbox, agent: str, channel: str, number: str, body: str) -> None:
    """Dana texts somebody: the card, then Send."""
    print(f"\nDana types: /text {number} {_short(body, 60)}")
    card = sandbox.slack.command(agent, channel, "/text", f"{number} {body}").shown
    assert card is not None
    print(_indented(_short(card.plain())))
    heard(sandbox.slack, agent, lambda: sandbox.slack.press(agent, card, "Send"))


def _credits(sandbox: Sandbox, agent: str, channel: str) -> None:
    """Dana spends: alerts come at 80 and at 95%, and she upgrades."""
    slack, mail = sandbox.slack, sandbox.mail
    print("\nDana sends the lease around: a long day for 250 credits a month.")
    lease = "The tenant keeps the garden as it was found, and the landlord keeps the roof. "
    for to, characters in ((ANN, 9900), (LONDON, 9900), (BEN, 1500)):
        _send(sandbox, agent, channel, to, (lease * 130)[:characters])
    alert = wait(lambda: _notices(sandbox, agent, 1), timeout_s=60)
    print(f"\nPartyline writes to Dana\n{_indented(alert[0].plain())}")
    _send(sandbox, agent, channel, BEN, (lease * 130)[:5900])
    alert = wait(lambda: _notices(sandbox, agent, 2), timeout_s=60)
    print(f"\nPartyline writes to Dana\n{_indented(alert[1].plain())}")
    mails = wait(lambda: len(mail.box(ADDRESS)) == 2 and mail.box(ADDRESS), timeout_s=60)
    text = mails[1].get_body(("plain",)).get_content()
    print(f"\nand to {ADDRESS}: {mails[1]['Subject']}\n{_indented(text.strip())}")

    print("\nDana presses Upgrade, and chooses Pro")
    view = opened(slack, agent, lambda: slack.press(agent, alert[1], "Upgrade"))
    turned(view, lambda: slack.press(agent, view, "plan_pro:Choose"))
    print(_indented(view.plain()))
    slack.submit(agent, view, {})
    print(f"\n… and confirms\n{_indented(view.plain())}")


def _next_morning(stage: Stage) -> None:
    """The demo's clock jumps to one minute past eight in New York, and the digest comes."""
    sandbox, channel = stage.sandbox, stage.channel
    sandbox.twilio.text(BEN, LINE, "Is there a place to park?")
    wait(lambda: _quiet(sandbox, channel), timeout_s=90)
    now = clock.now().astimezone(ZoneInfo("America/New_York"))
    stage.calendar.to((now + timedelta(days=1)).replace(hour=8, minute=1, second=0))
    posts = wait(
        lambda: [p for p in sandbox.slack.channel(channel) if "[Mute]" in p.plain()], timeout_s=60
    )
    print(f"\nThe next morning, in #leads\n{_indented(posts[0].plain())}")


def _quiet(sandbox: Sandbox, channel: str) -> bool:
    """Whether every text has the last of its states in Slack, so that no delivery is under way."""
    return _told(sandbox, channel) == TEXTS_OUT


def _notices(sandbox: Sandbox, agent: str, count: int) -> list[Post] | None:
    room = sandbox.slack.channels.get(f"D{agent}")
    return room.posts if room and len(room.posts) >= count else None


def _short(text: str, most: int = 700) -> str:
    return text if len(text) <= most else f"{text[: most // 2]} … {text[-most // 2 :]}"


def _replies(sandbox: Sandbox, channel: str) -> list[Post]:
    with sandbox.slack.lock:
        return [post for post in sandbox.slack.channels[channel].posts if post.thread_ts]


def _told(sandbox: Sandbox, channel: str) -> int:
    """How many texts out Slack shows with the last of their states."""
    ends = ("Delivered", "Not delivered")
    return sum(any(f" · {end}" in p.plain() for end in ends) for p in _replies(sandbox, channel))


def _books() -> str:
    """The ledger as readable text."""
    with database.session():
        entries = Entry.select().order_by(Entry.number)
        lines = [
            f"  {e.number:>3}  {e.kind:<10} {e.amount:>+5}  balance {e.balance:>4}  {e.actor}"
            for e in entries
        ]
    return "\n".join(["\nThe ledger", *lines])


def _greet(stage: Stage, page: Page) -> None:
    """Three people text in, and the page opens."""
    for sender, body, city in OPENING:
        stage.sandbox.twilio.text(sender, LINE, body, FromCity=city)
    print(
        "\nPartyline with a Slack and phones of its own, no account anywhere:\n\n"
        f"    {page.url}\n\n"
        f"The app itself is at {stage.sandbox.app_url}, its log at {stage.log}.\n"
        "Ctrl-C stops everything. Without a browser, go on here."
    )
    if sys.stdout.isatty():
        webbrowser.open(page.url)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
