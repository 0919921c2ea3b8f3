"""An account on a plan, with people of every role, and what tests of its credits do with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bot import clock
from bot.sandbox import Sandbox
from bot.sandbox.slack.records import Post, View
from bot.team.models import Member
from ledger import credits, database, plans
from tests.house import ANN, BEN, LINE, House

CATALOGUE = plans.load()
NEW_YORK = ZoneInfo("America/New_York")


def build(url: str, sandbox: Sandbox, **more: str) -> House:
    """On the plan Solo, 500 credits, with an owner, a manager, an agent, an address."""
    house = House(url, sandbox, opening_credits=0, **more)
    house.manager = house.slack.add_user("Manager")
    house.clerk = house.slack.add_user("Clerk")
    with database.session():
        account = house.account()
        Member.create(account=account, slack_user=house.manager, role="manager")
        Member.create(account=account, slack_user=house.clerk, role="agent")
    house.subscribe("solo")
    house.add_email("boss@harbor.example")
    return house


def spend(house: House, amount: int, days_ago: float = 0) -> None:
    """Texts out that are charged, as if they had been sent."""
    now = clock.now() - timedelta(days=days_ago)
    key = f"out:spent-{amount}-{days_ago}-{now.timestamp()}"
    credits.charge_out(house.account().id, key, amount, message=0, actor=house.agent, now=now)


def open_plans(house: House, user: str | None = None) -> View:
    """The list of plans, opened by its command."""
    who = user or house.agent
    return house.opens(lambda: house.slack.command(who, house.channel, "/credits", "plan"), who)


def confirm(house: House, code: str) -> View:
    """Opens the plans, chooses one, and submits what is then shown. The view after it."""
    view = house.turns(open_plans(house), f"plan_{code}:Choose")
    assert house.slack.submit(house.agent, view, {}).status == 200
    return view


def texts(house: House) -> None:
    """Ann writes twice, Ben once with a picture; two texts go out, one of which fails."""
    house.twilio.outcome(BEN, "failed", 30005)
    house.twilio.text(ANN, LINE, "Hello")
    house.twilio.text(ANN, LINE, "Are you there?")
    house.twilio.text(BEN, LINE, "Look", media=["image/jpeg"])
    house.work()
    house.send(ANN, "Yes, I am")
    house.send(BEN, "A fine picture " * 12)
    house.settle()


def at_hour(hour: int, days: int = 1) -> timedelta:
    """From now to that hour in New York, so many days on."""
    now = clock.now().astimezone(NEW_YORK)
    then = datetime.combine(now.date() + timedelta(days=days), datetime.min.time(), NEW_YORK)
    return then.replace(hour=hour, minute=1).astimezone(UTC) - clock.now()


def digests(house: House) -> list[Post]:
    """The digests in the line's channel."""
    return [p for p in house.slack.channel(house.channel) if "Mute" in p.plain()]
