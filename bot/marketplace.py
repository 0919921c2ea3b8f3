"""POST /marketplace/subscriptions: an outside shop starts, changes and ends subscriptions.

Signed like `Partyline-Signature: t=1700000000,v1=<hex>`, where v1 is HMAC-SHA256 with
MARKETPLACE_SECRET over `<t>.<raw body>`. An event comes any number of times and counts once, by
its id; one that is older than the newest that was heeded is answered, and changes nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import peewee
import structlog
from flask import Blueprint, Response, current_app, jsonify, request

from bot import bodies, clock
from bot.config import Settings
from bot.team import opening, viewers
from bot.words import is_email
from ledger import standing, subscriptions
from ledger.books import KeyReused
from ledger.database import transaction
from ledger.models import Account, Change, Subscription
from ledger.plans import Catalogue, UnknownPlan

log = structlog.get_logger()
marketplace = Blueprint("marketplace", __name__)

MAX_BYTES = 64 * 1024
SIGNED_WITHIN_S = 300
AHEAD = timedelta(seconds=SIGNED_WITHIN_S)  # that a shop's clock may be
SIGNATURE = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")
SLACK_USER = re.compile(r"[UW][A-Z0-9]{1,20}")
TYPES = ("start", "change", "hold", "cancel", "resume")


class Wrong(Exception):
    """An event that cannot be heeded: the status to answer, what is wrong and what to do."""

    def __init__(self, status: int, says: str, **more: Any) -> None:
        self.status, self.answer = status, {"error": says, **more}
        super().__init__(says)


@dataclass(frozen=True)
class Event:
    """What the shop says."""

    id: str
    type: str
    made_at: datetime
    account: str
    plan: str | None
    timezone: str | None
    owner: str | None
    emails: tuple[str, ...]
    anchor: int | None


@marketplace.post("/marketplace/subscriptions")
def subscriptions_of_the_shop() -> Response:
    """200 with how the account stands; 403 unsigned, 404 unknown account, 409 out of place, 413 too
    long, 422 with what is wrong."""
    settings: Settings = current_app.config["SETTINGS"]
    if settings.marketplace_secret is None:
        return Response(status=404)
    body, given = bodies.whole(MAX_BYTES), request.headers.get("Partyline-Signature", "")
    if not signed(settings.marketplace_secret.get_secret_value(), body, given):
        log.warning("marketplace.bad_signature")
        return _answer(403, {"error": "The signature is missing, wrong or older than 5 minutes."})
    try:
        now = clock.now()
        return _answer(200, heed(read(body, now), current_app.config["CATALOGUE"], now))
    except Wrong as wrong:
        return _answer(wrong.status, wrong.answer)
    except peewee.PeeweeException:
        log.exception("marketplace.not_heeded")
        return Response(status=503)  # so that the shop tries again


def signature(secret: str, body: bytes, at: int) -> str:
    """The header that goes with this body."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


def signed(secret: str, body: bytes, given: str) -> bool:
    """Whether the body was signed with the secret in the last five minutes."""
    parts = SIGNATURE.fullmatch(given)
    if parts is None or abs(datetime.now(UTC).timestamp() - int(parts[1])) > SIGNED_WITHIN_S:
        return False
    return hmac.compare_digest(signature(secret, body, int(parts[1])), given)


def read(body: bytes, now: datetime) -> Event:
    """The event in a body. Raises Wrong, naming the field."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):  # the latter for brackets within brackets within …
        raise Wrong(422, "The body is no JSON.") from None
    if not isinstance(given, dict):
        raise Wrong(422, "The body is no JSON object.")
    kind = given.get("type")
    if kind not in TYPES:
        raise Wrong(422, f"type must be one of {', '.join(TYPES)}.")
    anchor = given.get("anchor")
    if anchor is not None and not (type(anchor) is int and 1 <= anchor <= 31):
        raise Wrong(422, "anchor must be a day of the month, 1 to 31.")
    emails = given.get("emails", [])
    if not isinstance(emails, list) or not all(isinstance(e, str) and is_email(e) for e in emails):
        raise Wrong(422, "emails must be a list of e-mail addresses.")
    owner = _words(given, "owner", needed=False)
    if owner is not None and not SLACK_USER.fullmatch(owner):
        raise Wrong(422, "owner must be a Slack user id, like U012AB3CD.")
    needs_plan = kind in ("start", "change")
    return Event(
        _words(given, "id"), kind, _moment(given.get("created_at"), now), _words(given, "account"),
        _words(given, "plan") if needs_plan else None,
        _words(given, "timezone", needed=False), owner, tuple(emails), anchor,
    )  # fmt: skip


def _moment(written: Any, now: datetime) -> datetime:
    """When the shop made an event. One from the future would make all that follow it late."""
    try:
        made_at = datetime.fromisoformat(str(written))
        known = made_at.tzinfo is not None  # a bare time would be read as this machine's own
        made_at = made_at.astimezone(UTC)
    except (ValueError, OverflowError):
        known = False
    if not known:
        raise Wrong(422, "created_at must be a time like 2026-11-23T10:00:00Z.")
    if made_at > now + AHEAD:
        raise Wrong(422, f"created_at is in the future: it is {now:%Y-%m-%dT%H:%M:%SZ} here.")
    return made_at


@transaction
def heed(event: Event, catalogue: Catalogue, now: datetime) -> dict[str, Any]:
    """Does what the event says, once. Returns how the account stands. Raises Wrong."""
    account = Account.get_or_none(Account.name == event.account)
    if account is None:
        account = _open(event)
    standing.of(account.id, now)  # its lock, before anything is decided
    key = f"shop:{event.id}"
    heeded = Change.select().where(Change.key == key).exists()
    newest = Subscription.get_or_none(Subscription.account == account)
    late = newest is not None and newest.told_at is not None and event.made_at < newest.told_at
    if heeded or not late:
        _do(event, key, account.id, catalogue, now)
        Subscription.update(told_at=event.made_at).where(
            Subscription.account == account,
            Subscription.told_at.is_null() | (Subscription.told_at < event.made_at),
        ).execute()
        viewers.changed(account.id)
    log.info("marketplace.event", event_id=event.id, type=event.type, heeded_before=heeded)
    stands = standing.of(account.id, now)
    return {
        "account": account.name,
        "plan": stands.terms.plan if stands.terms else None,
        "state": stands.kind,
        "at_period_end": stands.terms.then if stands.terms and stands.subscribed else None,
        "period_ends_at": stands.ends_at.isoformat() if stands.ends_at else None,
        "balance": stands.balance,
        "heeded": heeded or not late,
    }


def _do(event: Event, key: str, account_id: int, catalogue: Catalogue, now: datetime) -> None:
    actor = "marketplace"
    try:
        match event.type:
            case "start":
                subscriptions.subscribe(
                    account_id, key, catalogue.plan(str(event.plan)), catalogue, actor=actor,
                    now=now, anchor=event.anchor,
                )  # fmt: skip
            case "change":
                plan = catalogue.plan(str(event.plan))
                subscriptions.change(account_id, key, plan, actor=actor, now=now)
            case "hold":
                subscriptions.hold(account_id, key, actor=actor, now=now)
            case "cancel":
                subscriptions.cancel(account_id, key, actor=actor, now=now)
            case "resume":
                subscriptions.resume(account_id, key, actor=actor, now=now)
    except UnknownPlan:
        listed = [
            {"code": p.code, "credits": p.credits, "price_cents": p.price_cents}
            for p in catalogue.plans.values()
        ]
        raise Wrong(422, f"No plan is called {event.plan!r}.", plans=listed) from None
    except subscriptions.AlreadySubscribed:
        raise Wrong(409, "The account has a plan. Send a change instead.") from None
    except subscriptions.NotSubscribed:
        raise Wrong(409, "The account has no plan. Send a start instead.") from None
    except KeyReused:
        raise Wrong(409, f"The id {event.id!r} was used for another event.") from None


def _open(event: Event) -> Account:
    """A start may open the account; all else needs one."""
    if event.type != "start":
        raise Wrong(404, f"No account is called {event.account!r}.")
    if not (event.timezone and event.owner):
        raise Wrong(422, "A start of a new account needs timezone and owner, a Slack user id.")
    try:
        opening.setup(
            account=event.account, timezone=event.timezone, owner=event.owner, emails=event.emails
        )
    except ValueError:
        raise Wrong(422, "timezone must be an IANA name, like America/New_York.") from None
    opened: Account = Account.get(Account.name == event.account)
    return opened


def _words(given: dict[str, Any], key: str, needed: bool = True) -> Any:
    value = given.get(key)
    if value is None and not needed:
        return None
    if not (isinstance(value, str) and 0 < len(value) <= 200 and value.isprintable()):
        raise Wrong(422, f"{key} must be a text of 1 to 200 characters.")
    return value


def _answer(status: int, said: dict[str, Any]) -> Response:
    answer = jsonify(said)
    answer.status_code = status
    return answer
