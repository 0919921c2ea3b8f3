"""Accounts at the sandbox's Twilio, those below them, and who may act on which."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any

from flask import Response, jsonify, request

from bot import clock
from bot.sandbox.server import StandIn


@dataclass
class TwilioAccounts(StandIn):
    """What Twilio does with accounts."""

    account_sid: str = ""
    auth_token: str = ""
    more_accounts: dict[str, str] = field(default_factory=dict)  # SID → token
    parents: dict[str, str] = field(default_factory=dict)  # sub-account → the account above it

    def add_account(self, parent: str | None = None) -> tuple[str, str]:
        """Another account, maybe below one: its SID and token."""
        sid, token = "AC" + secrets.token_hex(16), secrets.token_hex(16)
        self.more_accounts[sid] = token
        if parent:
            self.parents[sid] = parent
        return sid, token

    def token_of(self, account: str | None) -> str | None:
        """An account's token."""
        return (
            self.auth_token
            if account == self.account_sid
            else self.more_accounts.get(account or "")
        )

    def authenticated(self) -> str | None:
        """The account whose SID and token the request shows."""
        given = request.authorization
        sid = given.username if given else None
        return sid if given and sid and given.password == self.token_of(sid) else None

    def may_act_on(self, user: str, account: str) -> bool:
        """Whether who shows this account's token may do something in that one."""
        return user == account or self.parents.get(account) == user

    def accounts(self, user: str) -> Response:
        """GET /Accounts: the own one, and those below it."""
        below = [sid for sid, parent in self.parents.items() if parent == user]
        found = [self.account(sid) for sid in (user, *below)]
        return jsonify(
            accounts=found, page=0, page_size=50, start=0, end=len(found) - 1, uri=request.path,
            first_page_uri=request.path, next_page_uri=None, previous_page_uri=None,
        )  # fmt: skip

    def account(self, sid: str) -> dict[str, Any]:
        """An account resource."""
        at = format_datetime(clock.now())
        return {
            "sid": sid, "friendly_name": "Sandbox", "status": "active", "type": "Full",
            "auth_token": self.token_of(sid), "owner_account_sid": self.parents.get(sid, sid),
            "date_created": at, "date_updated": at, "uri": f"/2010-04-01/Accounts/{sid}.json",
            "subresource_uris": {},
        }  # fmt: skip
