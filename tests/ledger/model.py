"""What CREDITS.md promises, as plain Python without a database: what histories are held against."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

THRESHOLDS = (80, 85, 90, 95, 100)


def midnight(day: date, zone: str) -> datetime:
    """The first instant of a date, found by walking: no cleverness shared with the ledger."""
    moment = datetime.combine(day, time(), UTC) - timedelta(hours=30)
    while moment.astimezone(ZoneInfo(zone)).date() < day:
        moment += timedelta(minutes=15)
    return moment


def anchored(month: date, anchor: int, zone: str) -> datetime:
    return midnight(month.replace(day=min(anchor, monthrange(month.year, month.month)[1])), zone)


def next_month(month: date) -> date:
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def boundary_after(moment: datetime, anchor: int, zone: str, least_days: int = 0) -> datetime:
    month = (moment - timedelta(days=40)).date().replace(day=1)
    while True:
        found = anchored(month, anchor, zone)
        if found > moment and found - moment >= timedelta(days=least_days):
            return found
        month = next_month(month)


def a_year_later(moment: datetime, zone: str) -> datetime:
    there = moment.astimezone(ZoneInfo(zone))
    day = min(there.day, monthrange(there.year + 1, there.month)[1])
    start = midnight(date(there.year + 1, there.month, day), zone)
    found = there.replace(year=there.year + 1, day=day, fold=0).astimezone(UTC)
    if found.astimezone(ZoneInfo(zone)).time() != there.time():  # that hour does not exist
        found = start
        while found.astimezone(ZoneInfo(zone)).time() < there.time():
            found += timedelta(minutes=15)
    return found


def percent_level(used: int, limit: int) -> int:
    if limit <= 0:
        return 100 if used > 0 else 0
    return max([t for t in THRESHOLDS if used / limit * 100 >= t - 1e-9], default=0)


@dataclass
class Given:
    at: datetime
    number: int
    left: int
    expires: datetime | None


@dataclass
class Model:
    """One account."""

    zone: str
    opened: datetime
    latest: datetime = field(init=False)
    balance: int = 0
    kind: str = "open"
    starts: datetime = field(init=False)
    ends: datetime | None = None
    made_from: tuple[int, str] | None = None
    period: int = 0
    limit: int = 0
    used: int = 0
    plan_granted: int = 0
    plan: int = 0
    price: int = 0
    billed: int = 0
    anchor: int = 1
    then: str = "renew"
    alerted: int = 0
    sent: list[int] = field(default_factory=list)
    told: set[tuple[int, int, int]] = field(default_factory=set)
    grants: list[Given] = field(default_factory=list)
    charges: dict[str, list[int]] = field(default_factory=dict)  # amount, period, refunded

    HOLD_PRICE = 500

    def __post_init__(self) -> None:
        self.latest = self.starts = self.opened

    # Time

    def advance(self, now: datetime) -> None:
        now = max(now, self.latest)
        while True:
            expiring = [g for g in self.grants if g.left and g.expires and self.kind != "frozen"]
            first = min(expiring, key=lambda g: (g.expires, g.at, g.number), default=None)
            times = [t for t in (self.ends, first and first.expires) if t]
            if not times or min(times) > now:
                break
            at = min(times)
            self.latest = max(self.latest, at)
            if at == self.ends:
                self._turn(at)
            else:
                self._expire(first)
        self.now = max(now, self.latest)

    def _turn(self, at: datetime) -> None:
        kind = {"renew": "plan", "hold": "hold", "cancel": "frozen"}[self.then]
        self._open(kind, at)
        for g in sorted(self.grants, key=lambda g: (g.expires or at, g.at, g.number)):
            if g.left and g.expires and g.expires <= at:
                self._expire(g)
        if kind == "plan":
            self._give_plan(self.plan)

    def _open(self, kind: str, at: datetime) -> None:
        moved = self.made_from is not None and self.made_from != (self.anchor, self.zone)
        self.kind, self.starts = kind, at
        self.period += 1
        self.limit, self.used, self.plan_granted, self.alerted = self.balance, 0, 0, 0
        self.ends = self.made_from = None
        self.billed = 0
        if kind in ("plan", "hold"):
            self.ends = boundary_after(at, self.anchor, self.zone, 28 if moved else 0)
            self.made_from = (self.anchor, self.zone)
            self.billed = self.price if kind == "plan" else self.HOLD_PRICE

    def _expire(self, given: Given) -> None:
        self._move(-given.left)
        given.left = 0

    # Credits

    def _move(self, amount: int, used: int = 0) -> None:
        self.balance += amount
        self.used += used
        self.limit += amount + used

    def _rearm(self) -> None:
        self.alerted = min(self.alerted, percent_level(self.used, self.limit))

    def _add(self, amount: int) -> None:
        left = max(0, min(amount, self.balance + amount))
        self.grants.append(
            Given(self.latest, len(self.grants), left, a_year_later(self.latest, self.zone))
        )

    def _take(self, amount: int, newest: bool = False) -> None:
        for g in sorted(self.grants, key=lambda g: (g.at, g.number), reverse=newest):
            taken = min(g.left, amount)
            g.left -= taken
            amount -= taken

    def _give_plan(self, amount: int) -> None:
        self._add(amount)
        self._move(amount)
        self.plan_granted += amount
        self._rearm()

    def grant(self, amount: int) -> None:
        self.latest = self.now
        self._add(amount)
        self._move(amount)
        self._rearm()

    def adjust_down(self, amount: int) -> None:
        self.latest = self.now
        self._take(amount, newest=True)
        self._move(-amount)

    def text(self, key: str, amount: int, inbound: bool) -> bool:
        if not inbound and (self.balance < amount or self.kind == "frozen"):
            return False
        self.latest = self.now
        self._take(amount)
        self._move(-amount, used=amount)
        self.charges[key] = [amount, self.period, 0]
        return True

    def refund(self, key: str, amount: int) -> bool:
        charged, period, back = self.charges[key]
        if back + amount > charged:
            return False
        self.latest = self.now
        self.charges[key][2] += amount
        aged_until = self.starts if self.kind == "frozen" else self.now
        alive = [g for g in self.grants if g.expires is None or g.expires > aged_until]
        if alive:
            oldest = min(alive, key=lambda g: (g.at, g.number))
            oldest.left += amount - min(amount, max(0, -self.balance))
        else:
            self._add(amount)
        self._move(amount, used=-amount if period == self.period else 0)
        return True

    # The subscription

    @property
    def subscribed(self) -> bool:
        return self.kind in ("plan", "hold")

    def subscribe(self, credits: int, price: int, anchor: int) -> None:
        self.now = max(self.now, self.starts + timedelta(microseconds=1))
        if self.kind == "frozen":
            for g in self.grants:
                if g.expires and g.expires > self.starts:
                    g.expires += self.now - max(self.starts, g.at)
        self.plan, self.price, self.anchor, self.then = credits, price, anchor, "renew"
        self.latest = self.now
        self._open("plan", self.now)
        self._give_plan(credits)

    def change(self, credits: int, price: int) -> None:
        up = credits >= self.plan or self.kind == "hold"
        if up and credits > self.plan_granted:
            self.latest = self.now
            self._give_plan(credits - self.plan_granted)
        elif not up:
            back = max(0, min(self.plan_granted - credits, self.balance))
            if back:
                self.latest = self.now
                self._take(back, newest=True)
                self._move(-back)
                self.plan_granted -= back
                self._rearm()
        if self.kind == "hold":
            self.kind = "plan"
            self.then = "renew" if self.then == "hold" else self.then
        self.plan, self.price = credits, price
        self.billed = max(self.billed, price)

    def resume(self) -> None:
        self.then = "hold" if self.kind == "hold" and self.then == "cancel" else "renew"

    # Alerts

    def scan(self) -> int | None:
        reached = percent_level(self.used, self.limit)
        if reached <= self.alerted:
            return None
        self.alerted = reached
        once = (self.period, reached, self.limit)
        if once in self.told:
            return None
        self.told.add(once)
        return reached
