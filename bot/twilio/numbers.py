"""What Twilio is asked about numbers while somebody waits: nothing here changes anything there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import structlog
from twilio.base.exceptions import TwilioException
from twilio.rest import Client
from twilio.rest.api.v2010.account.incoming_phone_number import IncomingPhoneNumberInstance

from bot.contacts import numbers
from bot.lines.models import Line, TwilioAccount
from bot.lines.offers import ForSale, Held, Own, Unreached, Wanted
from bot.lines.sealing import CannotOpen
from bot.twilio.accounts import SID, Accounts, NoAccount
from bot.twilio.client import RateLimited, connect, status_of
from bot.words import OPERATOR
from ledger.database import session

log = structlog.get_logger()

BELOW = 50  # accounts below ours that are looked through
NOT_NOW = "Twilio does not answer just now. Try again in a minute."


class TwilioNumbers:
    """Numbers at Twilio, by the credentials of the settings and of the accounts that are kept."""

    def __init__(self, accounts: Accounts) -> None:
        self.accounts = accounts
        self.settings = accounts.settings

    @property
    def account(self) -> str:
        """The SID of Partyline's own account."""
        return self.settings.twilio_account_sid

    def search(self, wanted: Wanted, most: int) -> list[ForSale]:
        """Numbers that can be bought, the first `most`. Raises Unreached."""
        asked: dict[str, Any] = {
            "sms_enabled": True, "exclude_all_address_required": True, "beta": False,
            "limit": most, "page_size": most,
        }  # fmt: skip
        if wanted.area:
            asked["area_code"] = int(wanted.area)
        if wanted.city:
            asked["in_locality"] = wanted.city
        if wanted.digits:
            asked["contains"] = wanted.digits
        try:
            country = self.accounts.client().available_phone_numbers(wanted.country)
            kinds = {"Local": country.local, "Mobile": country.mobile,
                     "TollFree": country.toll_free}  # fmt: skip
            found = kinds[wanted.kind].list(**asked)
        except Exception as error:
            if status_of(error) == 404:
                return []  # none of this kind in that country
            raise unreached(error) from None
        return [_offer(one) for one in found]

    def find(self, number: str, account_id: int) -> Held | None:
        """The account that a number is in, of those that our credentials reach, or those kept for
        this account: first each of them, then those below. One whose token is not taken any more,
        or was forgotten, reaches nothing. Raises Unreached, also where a line of theirs with this
        number is in such a one and the number is nowhere else."""
        with session():
            mine = TwilioAccount.account.is_null() | (TwilioAccount.account == account_id)
            kept = {row.sid: row for row in TwilioAccount.select().where(mine)}
            here = (Line.number == number) & (Line.account == account_id)
            line = Line.live().where(here).get_or_none()
        try:
            return self._find(number, kept, line.twilio_id if line else None)
        except Exception as error:
            raise unreached(error) from None

    def _find(
        self, number: str, kept: Mapping[str, TwilioAccount], home: str | None
    ) -> Held | None:
        reached: list[str] = []
        home_shut: Exception | None = None
        for sid in (self.account, *kept):
            try:
                held = _held_in(self.accounts.client(sid), sid, number)
            except Exception as error:
                if sid == self.account or not _shut_out(error):
                    raise
                home_shut = error if sid == home else home_shut
                continue
            reached.append(sid)
            if held:
                row = kept.get(sid)
                found = _held(held, sid, (row and row.name) or "", sid == self.account)
                private = row is not None and row.account_id is not None
                return replace(found, kept=row is not None, private=private)
        for sid in reached:
            if below := self._find_below(sid, number, kept):
                return below
        if home_shut:
            raise home_shut
        return None

    def _find_below(self, sid: str, number: str, kept: Mapping[str, TwilioAccount]) -> Held | None:
        client = self.accounts.client(sid)
        for below in client.api.v2010.accounts.list(limit=BELOW):
            if below.sid in (self.account, *kept) or str(below.status) == "closed":
                continue
            if held := _held_in(client, str(below.sid), number):
                found = _held(held, str(below.sid), below.friendly_name or "", False)
                return replace(found, via=self.accounts.beside(sid))
        return None

    def own(self, sid: str, token: str, number: str) -> Own:
        """A number in somebody's own account, and that account's token, sealed. Raises
        Unreached, with what is wrong of what they gave."""
        sid, token = sid.strip(), token.strip()
        if not SID.fullmatch(sid):
            raise Unreached("An account SID is AC and 32 digits and letters, a to f.")
        if sid == self.settings.twilio_account_sid:
            raise Unreached("That is the account Partyline itself uses. Leave it and bring anew.")
        client = connect(self.settings, sid, token)
        try:
            account = client.api.v2010.accounts(sid).fetch()
            held = _held_in(client, sid, number)
        except Exception as error:
            if status_of(error) == 401:
                raise Unreached(
                    "Twilio does not take this SID and token. Copy both from the front page of "
                    "Twilio's console: the token of the account itself, not an API key."
                ) from None
            raise unreached(error) from None
        if held is None:
            raise Unreached(f"{numbers.spoken(number)} is not in this Twilio account.")
        above = account.owner_account_sid if account.owner_account_sid != sid else None
        name = account.friendly_name or ""
        return Own(_held(held, sid, name, False), self.accounts.seal.seal(token), above)


def _shut_out(error: Exception) -> bool:
    return isinstance(error, CannotOpen) or status_of(error) in (401, 403)


def _held_in(client: Client, account: str, number: str) -> IncomingPhoneNumberInstance | None:
    held = client.api.v2010.accounts(account).incoming_phone_numbers
    return next(iter(held.list(phone_number=number, limit=1, page_size=1)), None)


def _held(one: IncomingPhoneNumberInstance, account: str, name: str, ours: bool) -> Held:
    host = urlsplit(one.sms_url or "").netloc or None
    if one.sms_application_sid:
        host = "an application at Twilio"
    return Held(str(one.sid), str(one.phone_number), account, name, ours, host)


def _offer(one: Any) -> ForSale:
    can = {str(name).lower(): bool(has) for name, has in (one.capabilities or {}).items()}
    place = ", ".join(part for part in (one.locality, one.region) if part)
    return ForSale(
        str(one.phone_number), place, can.get("sms", False), can.get("mms", False),
        can.get("voice", False),
    )  # fmt: skip


def unreached(error: Exception) -> Unreached:
    """What to say when Twilio could not be asked. Raises what is ours to mend."""
    if isinstance(error, NoAccount | CannotOpen):
        return Unreached(str(error))
    if status_of(error) in (401, 403):
        return Unreached(f"Twilio does not take our credentials. Ask {OPERATOR}.")
    if isinstance(error, TwilioException | RateLimited | OSError | ValueError):
        log.warning("twilio.not_asked", error=type(error).__name__)
        return Unreached(NOT_NOW)
    raise error
