"""Slack, Twilio and a mail server on loopback, for the demo and the tests; no account anywhere."""

from __future__ import annotations

from types import TracebackType

from bot.sandbox.mail import MailStandIn
from bot.sandbox.server import wait
from bot.sandbox.slack.company import Company
from bot.sandbox.twilio.api import TwilioStandIn

__all__ = ["Sandbox", "wait"]


class Sandbox:
    """All stand-ins. `app_url` is where our own app listens; it may be set later."""

    def __init__(self, app_url: str = "") -> None:
        self.slack, self.twilio, self.mail = Company(), TwilioStandIn(), MailStandIn()
        self.app_url = app_url

    @property
    def app_url(self) -> str:
        """Where Slack and Twilio send their webhooks."""
        return self.slack.app_url

    @app_url.setter
    def app_url(self, url: str) -> None:
        self.slack.app_url = self.twilio.app_url = url

    def __enter__(self) -> Sandbox:
        self.slack.serve()
        self.twilio.serve()
        self.mail.serve()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.slack.close()
        self.twilio.close()
        self.mail.close()

    def settings(self) -> dict[str, str]:
        """The settings that point the app here."""
        return {
            "SLACK_API_URL": self.slack.api_url,
            "SLACK_BOT_TOKEN": self.slack.token,
            "SLACK_SIGNING_SECRET": self.slack.signing_secret,
            "TWILIO_API_URL": self.twilio.origin,
            "TWILIO_ACCOUNT_SID": self.twilio.account_sid,
            "TWILIO_AUTH_TOKEN": self.twilio.auth_token,
            "SMTP_URL": self.mail.url,
            "MAIL_FROM": "Partyline <texts@partyline.example>",
        }
