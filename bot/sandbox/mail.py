"""A mail server on loopback: keeps what it is sent, checks it, and misbehaves as told."""

from __future__ import annotations

import email
import email.policy
import errno
import socket
import threading
import time
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from bot.sandbox.server import Faults

TRIES = 5
NEEDED = ("From", "To", "Subject", "Date", "Message-ID")


class MailStandIn:
    """A mail server. `mails` are those it took, oldest first, duplicates too."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.mails: list[EmailMessage] = []
        self.refused: set[str] = set()  # addresses that do not exist
        self.shut = False  # takes nothing from anybody: the name and password are wrong
        self.lock = threading.Lock()
        self._controller: Controller | None = None
        self._port = 0

    def serve(self) -> None:
        """Listens on 127.0.0.1 in a thread of its own."""
        for _ in range(TRIES):
            with socket.socket() as free:  # the controller greets its own port, so it must know it
                free.bind(("127.0.0.1", 0))
                self._port = free.getsockname()[1]
            self._controller = Controller(self, hostname="127.0.0.1", port=self._port)
            try:
                return self._controller.start()
            except OSError as error:  # somebody was quicker
                if error.errno != errno.EADDRINUSE:
                    raise
        raise OSError(errno.EADDRINUSE, f"no port was free in {TRIES} tries")

    def close(self) -> None:
        """Stops listening."""
        if self._controller:
            self._controller.stop()
            self._controller = None

    @property
    def url(self) -> str:
        """What SMTP_URL has to be."""
        return f"smtp://127.0.0.1:{self._port}"

    def box(self, address: str) -> list[EmailMessage]:
        """What a mailbox shows: e-mails by Message-ID, each once."""
        with self.lock:
            kept = {m["Message-ID"]: m for m in self.mails if address in m["To"]}
        return list(kept.values())

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, _: list[str]
    ) -> str:
        """Takes a recipient, unless there is nobody of that name."""
        if address in self.refused:
            return "550 5.1.1 No such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Parts, or fails to."""
        fault = self.faults.take("QUIT")
        return "421 4.4.2 You took too long" if fault else "221 Bye"

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Takes a sender, once it is let in."""
        if self.shut:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Takes an e-mail, if it is one."""
        fault = self.faults.take("DATA")
        kind = fault.kind if fault else ""
        if kind == "rate_limit":
            return "421 4.7.0 Too many, come back later"
        if kind == "error":
            return "451 4.3.0 Something is wrong here"
        if kind != "drop_before":
            content: Any = envelope.content
            mail = email.message_from_bytes(content, policy=email.policy.default)
            missing = [name for name in NEEDED if not mail[name]]
            if missing:
                return f"554 5.6.0 No {', '.join(missing)}"
            assert isinstance(mail, EmailMessage)
            with self.lock:
                self.mails.append(mail)
        if kind.startswith("drop"):
            server.transport.abort()  # type: ignore[union-attr]
        if fault and kind == "slow_after":
            time.sleep(fault.seconds)
        return "250 OK"
