"""E-mails on their way out: one SMTP session each, and what its outcome means."""

from __future__ import annotations

import hashlib
import re
import smtplib
import ssl
from datetime import datetime
from email.errors import HeaderParseError
from email.message import EmailMessage
from email.utils import format_datetime, formataddr, parseaddr
from urllib.parse import quote, unquote, urlsplit

from jinja2 import Environment, PackageLoader, select_autoescape

from bot.carriers import Again, Delivery, Done, Failed, Outcome, Repeatable, Unknown
from bot.config import Settings
from bot.smartplans import letters
from bot.smartplans.models import Letter

#: Opens a channel in whatever Slack the reader has: docs.slack.dev/interactivity/deep-linking
CHANNEL = "https://slack.com/app_redirect?channel="
#: What a server answers of a recipient that it will never know (RFC 5321 §4.2.3).
NO_SUCH_ADDRESS = {550, 551, 553}
#: What it answers until somebody mends the name and password in SMTP_URL (RFC 4954 §6).
NOT_LET_IN = {530, 535}
PAGES = Environment(
    loader=PackageLoader("bot.mail"), autoescape=select_autoescape(["html"]), trim_blocks=True
)


class MailCarrier(Repeatable):
    """Sends notices as text and HTML.

    One of which nobody knows whether it went is sent again under the same Message-ID, by which a
    mailbox shows it once.
    """

    def __init__(self, smtp_url: str, mail_from: str, timeout_s: float) -> None:
        self.server, self.mail_from, self.timeout_s = urlsplit(smtp_url), mail_from, timeout_s

    def attempt(self, delivery: Delivery) -> Outcome:
        """One session with the mail server: connect, greet, send. What it has taken is sent,
        however they part."""
        handed_over = taken = False
        try:
            mail = self.compose(delivery)
        except (HeaderParseError, ValueError, IndexError) as error:
            return Failed(f"no e-mail can be made of it: {type(error).__name__}")
        try:
            with self._connect() as server:
                if self.server.username:
                    server.login(unquote(self.server.username), unquote(self.server.password or ""))
                handed_over = True
                server.send_message(mail)
                taken = True
        except OSError as error:  # smtplib's own are, too
            return Done({}) if taken else _ended(error, handed_over)
        return Done({})

    def compose(self, delivery: Delivery) -> EmailMessage:
        """The e-mail."""
        return compose(delivery, self.mail_from)

    def _connect(self) -> smtplib.SMTP:
        host, context = str(self.server.hostname), ssl.create_default_context()
        if self.server.scheme == "smtps":
            port = self.server.port or smtplib.SMTP_SSL_PORT
            return smtplib.SMTP_SSL(host, port, timeout=self.timeout_s, context=context)
        server = smtplib.SMTP(host, self.server.port or 587, timeout=self.timeout_s)
        try:
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls(context=context)
        except BaseException:
            server.close()
            raise
        return server


class LetterCarrier(MailCarrier):
    """Sends the e-mails of SmartPlans."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            str(settings.smtp_url), str(settings.mail_from), settings.attempt_timeout_s
        )
        self.key, self.public_url = settings.secret_key.get_secret_value(), settings.public_url

    def attempt(self, delivery: Delivery) -> Outcome:
        """One session, unless its reader has stopped these e-mails since it was written."""
        if letters.ready(delivery.payload["letter"]).stopped:
            return Failed("They want no more e-mails.")
        return super().attempt(delivery)

    def compose(self, delivery: Delivery) -> EmailMessage:
        """The e-mail as its row has it, with a way out of further ones (RFC 8058)."""
        letter_id = delivery.payload["letter"]
        letter = letters.ready(letter_id)
        name, address = parseaddr(self.mail_from)
        mail = _addressed(
            delivery, formataddr((letter.sender or name, address)), letter.to, letter.subject
        )
        stop = letters.link(self.key, self.public_url, letter_id)
        mail["List-Unsubscribe"] = f"<{stop}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        said = {**letter._asdict(), "stop": stop}
        mail.set_content(PAGES.get_template("letter.txt").render(said))
        mail.add_alternative(PAGES.get_template("letter.html").render(said), subtype="html")
        return mail

    def settle(self, delivery: Delivery, outcome: Done | Failed, now: datetime) -> None:
        """Writes down what became of it."""
        ended: dict[str, object] = {"state": "sent", "done_at": now}
        if isinstance(outcome, Failed):
            ended = {"state": "failed", "error": outcome.why[:500], "done_at": now}
            if outcome.code in NO_SUCH_ADDRESS:
                letters.bounced(delivery.payload["letter"], now)
        Letter.update(ended).where(Letter.id == delivery.payload["letter"]).execute()


def compose(delivery: Delivery, mail_from: str) -> EmailMessage:
    """The e-mail, the same each time it is made."""
    notice = delivery.payload["notice"]
    share = re.search(r"\((\d+) %\)", dict(notice["facts"]).get("Used", ""))
    about = {"of_credits": True, **notice, "percent": min(100, int(share[1])) if share else None}
    about["link"] = f"{CHANNEL}{quote(notice['channel'])}" if notice["channel"] else None
    subject = f"{notice['name']}: {notice['title']}"
    mail = _addressed(delivery, mail_from, delivery.payload["to"], subject)
    mail.set_content(PAGES.get_template("notice.txt").render(about))
    mail.add_alternative(PAGES.get_template("notice.html").render(about), subtype="html")
    return mail


def _addressed(delivery: Delivery, mail_from: str, to: str, subject: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = mail_from
    mail["To"] = to
    mail["Subject"] = " ".join(subject.split())
    domain = parseaddr(mail_from)[1].rpartition("@")[2]
    mail["Message-ID"] = f"<{hashlib.sha256(delivery.key.encode()).hexdigest()[:32]}@{domain}>"
    mail["Date"] = format_datetime(delivery.attempted_at)
    mail["Auto-Submitted"] = "auto-generated"
    return mail


def _ended(error: OSError, handed_over: bool) -> Outcome:
    """What an error means before the server has taken the e-mail."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, why = next(iter(error.recipients.values()))
        return _refused(code, why, of_reader=True)
    if isinstance(error, smtplib.SMTPResponseException):
        return _refused(error.smtp_code, error.smtp_error)
    name = type(error).__name__
    if not handed_over:
        return Again(30, f"mail server: {name}")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return Failed(f"mail server: {name}")
    return Unknown(name)


def _refused(code: int, why: bytes | str, *, of_reader: bool = False) -> Outcome:
    said = why.decode(errors="replace") if isinstance(why, bytes) else why
    if code in NOT_LET_IN:
        return Again(60, f"mail server: {code} {said}", patient=True)
    if 500 <= code < 600:
        return Failed(f"mail server: {code} {said}", code if of_reader else None)
    return Again(60, f"mail server: {code} {said}")
