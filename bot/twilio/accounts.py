"""Which Twilio account is meant: ours, a sub-account, or an agent's own; its client, its tokens."""

from __future__ import annotations

import re
import threading
import time
from typing import NamedTuple

from twilio.rest import Client

from bot import clock
from bot.config import Settings
from bot.lines.models import TwilioAccount
from bot.lines.sealing import CannotOpen, Seal
from bot.twilio.client import connect
from ledger.database import session, transaction
from ledger.models import Account

KNOWN_FOR_S = 10  # before a row is read again: another process may have changed it
SID = re.compile(r"AC[0-9a-f]{32}")


class NoAccount(Exception):
    """A Twilio account that is not known here."""


class Keys(NamedTuple):
    """The tokens that an account's webhooks may be signed with, the one we call with first."""

    token: str
    former: str | None


class Accounts:
    """The account of the settings, and those in the table. Safe to share between threads.

    A line names its account by the SID, or by nothing where it is that of the settings.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.seal = Seal(*settings.keys())
        former = settings.twilio_auth_token_former
        self._main = Keys(
            settings.twilio_auth_token.get_secret_value(),
            former.get_secret_value() if former else None,
        )
        self._known: dict[str, tuple[float, Keys]] = {}
        self._clients: dict[str, tuple[str, Client]] = {}
        self._lock = threading.Lock()

    @property
    def main(self) -> str:
        """The SID of the account of the settings."""
        return self.settings.twilio_account_sid

    def beside(self, sid: str | None) -> str | None:
        """An account as a line names it: none where it is that of the settings."""
        return None if sid == self.settings.twilio_account_sid else sid

    def key(self, account_sid: str, name: str) -> str:
        """What the inbox knows something by that this account told: no account can take the name of
        another's."""
        beside = self.beside(account_sid)
        return f"{beside}:{name}" if beside else name

    def sids(self) -> list[str]:
        """Every account that is known, that of the settings first; none whose token is forgotten,
        for no line of a team's is in it any more."""
        with session():
            rows = list(TwilioAccount.select().order_by(TwilioAccount.sid))
        return [self.settings.twilio_account_sid, *(row.sid for row in rows if self._may_use(row))]

    def _may_use(self, row: TwilioAccount) -> bool:
        try:
            return bool(row.token and self.seal.open(row.token))
        except CannotOpen:  # there is one, which doctor says
            return True

    def tokens(self, sid: str) -> list[str]:
        """The tokens that a webhook of this account may be signed with; none if it is not known.
        Raises CannotOpen."""
        try:
            return [token for token in self.keys(sid) if token]
        except NoAccount:
            return []

    def client(self, sid: str | None = None) -> Client:
        """A client of this account, or of the settings'. Raises NoAccount or CannotOpen."""
        sid = sid or self.settings.twilio_account_sid
        token = self.keys(sid).token
        with self._lock:
            known = self._clients.get(sid)
            if known is None or known[0] != token:
                known = self._clients[sid] = token, connect(self.settings, sid, token)
        return known[1]

    def keys(self, sid: str) -> Keys:
        """Its tokens. Raises NoAccount or CannotOpen."""
        if self.beside(sid) is None:
            return self._main
        known = self._known.get(sid)
        if known and time.monotonic() - known[0] < KNOWN_FOR_S:
            return known[1]
        keys = self._read(sid)
        self._known[sid] = time.monotonic(), keys
        return keys

    def _read(self, sid: str) -> Keys:
        if not SID.fullmatch(sid):
            raise NoAccount(sid)
        with session():
            row = TwilioAccount.get_or_none(TwilioAccount.sid == sid)
        if row is None:
            raise NoAccount(f"the Twilio account {sid} is not known here; run `flask twilio`")
        former = self.seal.open(row.former_token) if row.former_token else None
        return Keys(self.seal.open(row.token) if row.token else "", former)


@transaction
def keep(seal: Seal, sid: str, token: str, account: str | None) -> bool:
    """Keeps a Twilio account's token, sealed; the one before it still signs. Returns whether the
    account is new here. Raises ValueError naming what is wrong, or CannotOpen."""
    if not SID.fullmatch(sid):
        raise ValueError("--sid: an account's SID is AC and 32 of 0-9 and a-f")
    owner = Account.get_or_none(Account.name == account) if account else None
    if account and owner is None:
        raise ValueError(f"--account: none is called {account!r}")
    row = TwilioAccount.get_or_none(TwilioAccount.sid == sid)
    if row is None:
        TwilioAccount.create(sid=sid, account=owner, token=seal.seal(token), made_at=clock.now())
        return True
    if row.account_id != (owner and owner.id) and row.token:
        raise ValueError("--account: this Twilio account is kept for another")
    if not row.token or seal.open(row.token) != token:
        row.give(owner.id if owner else None, seal.seal(token))
    return False


@transaction
def reseal(seal: Seal) -> int:
    """Seals every token under the newest key. Returns how many accounts have one. Raises
    CannotOpen, and then nothing is changed."""
    rows = list(TwilioAccount.select().where(TwilioAccount.token != ""))
    for row in rows:
        row.token = seal.renew(row.token)
        row.former_token = seal.renew(row.former_token) if row.former_token else None
        row.save(only=[TwilioAccount.token, TwilioAccount.former_token])
    return len(rows)
