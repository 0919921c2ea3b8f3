"""What an account is told of its credits: thresholds crossed, credits that will expire.

A notice is frozen as it is made: its numbers are those of that moment, in Slack and in an e-mail.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from bot import clock, outbox
from bot.credits.models import Address
from bot.lines.models import Line
from bot.team import roles, viewers
from bot.words import count, day_words
from ledger import alerts, reports
from ledger.alerts import Crossing, Expiry
from ledger.database import is_sqlite, transaction
from ledger.reports import Forecast
from ledger.standing import Standing

log = structlog.get_logger()

_DAY = timedelta(days=1)
AT_ONCE = 1000  # accounts that are told in one run


@dataclass(frozen=True)
class Notice:
    """A few lines about an account's credits; `facts` are pairs of a label and what it says."""

    account: int
    name: str  # of the account
    title: str
    facts: list[tuple[str, str]]
    advice: str
    button: str  # what the button says that opens the plans
    channel: str | None  # in which it stands, too: where an e-mail leads


def tell_crossings(by_mail: bool) -> int:
    """Tells every account that has crossed a threshold, once (R18, R19). Returns how many."""
    due = [(account, functools.partial(_tell_crossing, account, by_mail))
           for account in alerts.crossed(AT_ONCE)]  # fmt: skip
    return each("alert", due)


def tell_expiries(by_mail: bool) -> int:
    """Tells of credits that will expire, 30 and 7 days before (R20). Returns of how many grants."""
    due = [(account, functools.partial(_tell_expiry, account, grant, by_mail))
           for account, grant in alerts.expiring(clock.now(), AT_ONCE)]  # fmt: skip
    return each("expiry", due)


def each(what: str, due: Iterable[tuple[int, Callable[[], bool]]]) -> int:
    """Tells one account after the other. Returns how many there was something to tell.

    One whose books or zone are broken must not keep all others from hearing.
    """
    told = 0
    for account, tell in due:
        began = time.monotonic()
        try:
            told += tell()
        except Exception:
            log.exception("account.not_told", what=what, account_id=account)
        if is_sqlite():  # one writer at a time: texts that wait for their turn get it now
            time.sleep(time.monotonic() - began)
    return told


@transaction
def _tell_crossing(account_id: int, by_mail: bool) -> bool:
    now = clock.now()
    crossing = alerts.cross(account_id, now)
    if crossing is None:
        return False
    notice = of_crossing(crossing, reports.forecast(crossing.standing, now), now)
    _send(notice, f"alert:{crossing.id}", by_mail, in_channels=True)
    viewers.changed(account_id)
    return True


@transaction
def _tell_expiry(account_id: int, grant: int, by_mail: bool) -> bool:
    now = clock.now()
    expiry = alerts.announce(account_id, grant, now)
    if expiry is None:
        return False
    key = f"expiry:{grant}:{expiry.expires_at:%Y%m%d}:{_days(now, expiry.expires_at)}"
    _send(of_expiry(expiry, now), key, by_mail, in_channels=False)
    return True


def of_crossing(crossing: Crossing, forecast: Forecast | None, now: datetime) -> Notice:
    """The notice of a threshold that was crossed."""
    account, button = crossing.standing, "Upgrade"
    if crossing.threshold >= 100:
        title = "All credits are used"
        advice = (
            "Texts in still arrive and are charged. Nothing can be sent until more credits come: "
            "upgrade now, and what is missing is added at once."
        )
    else:
        title = f"{account.percent}% of your credits are used"
        advice = "Upgrade, and the difference is added at once; what you do not use rolls over."
    if not account.subscribed:
        advice = "Choose a plan, and its credits are added at once."
        button = "Choose a plan"
    return Notice(
        account.account, account.name, title, list(facts(account, forecast, now)), advice, button,
        _channel(account.account),
    )  # fmt: skip


def of_expiry(expiry: Expiry, now: datetime) -> Notice:
    """The notice of credits that will expire."""
    account, on = expiry.standing, _date(expiry.expires_at, expiry.standing)
    return Notice(
        account.account,
        account.name,
        f"{count(expiry.credits, 'credit')} will expire on {on}",
        [
            ("Will expire", f"{count(expiry.credits, 'credit')}, unless they are used before"),
            ("In", count(_days(now, expiry.expires_at), "day")),
            ("Left now", count(account.balance, "credit")),
        ],
        "Credits are used oldest first. Nothing else changes.",
        "Change plan" if account.subscribed else "Choose a plan",
        None,
    )


def facts(account: Standing, forecast: Forecast | None, now: datetime) -> Iterator[tuple[str, str]]:
    """How an account stands, as pairs of a label and what it says."""
    yield "Used", f"{account.used:,} of {count(account.limit, 'credit')} ({account.percent}%)"
    yield "Left", left(account.balance)
    if account.ends_at is not None and account.subscribed:
        days = count(_days(now, account.ends_at), "day")
        yield "Days left", f"{days}, until {_date(account.ends_at, account)}"
    yield "At this pace", pace(account, forecast)
    if account.expiring:
        yield "Will expire", f"{count(account.expiring, 'credit')} by the end of this period"


def left(balance: int) -> str:
    """ "380 credits", or "10 credits below zero" (R15)."""
    return count(balance, "credit") if balance >= 0 else f"{count(-balance, 'credit')} below zero"


def pace(account: Standing, forecast: Forecast | None) -> str:
    """When credits run out, and how that was worked out."""
    if forecast is None:
        return "Too early to say: a forecast needs three whole days"
    days = f"the last {forecast.days} days"
    how = f"{_rate(forecast.a_day)} credits a day, from {forecast.spent:,} in {days}"
    if forecast.runs_out_at is not None:
        if account.balance <= 0:
            return f"Nothing is left ({how})"
        return f"They run out on {_date(forecast.runs_out_at, account)} ({how})"
    if forecast.rolls_over is not None and account.ends_at is not None:
        last = f"They last until {_date(account.ends_at, account)}"
        ends = account.terms is not None and account.terms.then == "cancel"
        then = "are kept for your next plan" if ends else "roll over"
        return f"{last}, and about {forecast.rolls_over:,} {then} ({how})"
    return f"They last for more than a year ({how})"


def _send(notice: Notice, key: str, by_mail: bool, *, in_channels: bool) -> None:
    payload = {"what": "notice", "notice": asdict(notice)}
    to = [member.slack_user for member in roles.bosses(notice.account)]
    if in_channels:
        here = (Line.account == notice.account) & (Line.channel != "")
        lines = Line.live(Line.channel).where(here).distinct()
        to += [line.channel for line in lines]
    for one in to:
        outbox.post_card(one, f"{key}:{one}", "slack.card", payload)
    if by_mail:
        for address in Address.select().where(Address.account == notice.account):
            outbox.enqueue(
                f"{key}:{address.email}", "mail.notice", {**payload, "to": address.email},
                lane=f"mail:{address.email}", pace="mail:server",
            )  # fmt: skip


def _channel(account_id: int) -> str | None:
    line = Line.live().where(Line.account == account_id).order_by(Line.id).first()
    return str(line.channel) if line else None


def _date(moment: datetime, account: Standing) -> str:
    return day_words(moment.astimezone(ZoneInfo(account.timezone)).date())


def _days(now: datetime, until: datetime) -> int:
    """Days until then, a part of one counted whole."""
    return max(0, -((now - until) // _DAY))


def _rate(credits: float) -> str:
    return f"{credits:,.1f}".removesuffix(".0") if credits < 100 else f"{credits:,.0f}"
