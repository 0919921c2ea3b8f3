"""Every setting, from the environment or a .env file, checked before anything starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, InitSettingsSource, SettingsConfigDict

#: What `flask demo` starts with; the sandbox it starts gives the real ones.
DEMO = {
    "DATABASE_URL": "sqlite:///:memory:", "PUBLIC_URL": "http://127.0.0.1",
    "SECRET_KEY": "not a secret", "SLACK_BOT_TOKEN": "xoxb-sandbox",
    "SLACK_SIGNING_SECRET": "sandbox", "TWILIO_ACCOUNT_SID": "ACsandbox",
    "TWILIO_AUTH_TOKEN": "sandbox",
}  # fmt: skip


class ConfigError(Exception):
    """One line for each setting that is wrong or missing, saying what it should be."""


def _must(hold: Callable[[str], object], say: str) -> AfterValidator:
    """Refuses a value, secret or not, for which `hold` is false."""

    def check(value: Any) -> Any:
        if not hold(value.get_secret_value() if isinstance(value, SecretStr) else value):
            raise ValueError(f"must {say}")
        return value

    return AfterValidator(check)


def _begin(prefix: str) -> AfterValidator:
    return _must(lambda value: value.startswith(prefix) and value != prefix, f"begin with {prefix}")


def _split(url: str, *schemes: str) -> SplitResult | None:
    """The parts of an address of one of these schemes; None if it is none."""
    try:
        parts = urlsplit(url)
        whole = parts.port != 0 and parts.hostname and not (parts.query or parts.fragment)
    except ValueError:  # a port that is no number; the error would show a piece of the value
        return None
    return parts if whole and parts.scheme in schemes else None


def _is_web(url: str) -> bool:
    parts = _split(url, "http", "https")
    return parts is not None and "@" not in parts.netloc


def _is_mail_server(url: str) -> bool:
    parts = _split(url, "smtp", "smtps")
    return parts is not None and parts.path in ("", "/")


def _is_dsn(url: str) -> bool:
    parts = _split(url, "http", "https")
    return parts is not None and bool(parts.username)


DATABASES = ("sqlite:///", "postgresql://", "postgres://")
WEB = _must(_is_web, "be an address like https://texts.example.com, with no ? # or @")

Address = Annotated[str, WEB, AfterValidator(lambda url: url.rstrip("/"))]
Folder = Annotated[str, WEB, AfterValidator(lambda url: url.rstrip("/") + "/")]
Secret = Annotated[SecretStr, _must(bool, "not be empty")]
SigningKey = Annotated[SecretStr, _must(lambda key: len(key) >= 8, "have 8 characters or more")]
Dsn = Annotated[SecretStr, _must(_is_dsn, "be like https://key@sentry.example.com/1")]
Database = Annotated[
    str,
    _must(
        lambda url: url.startswith(DATABASES) and url not in DATABASES,
        "be sqlite:///file.db or postgresql://user:password@host/name",
    ),
]
MailServer = Annotated[
    str,
    _must(
        _is_mail_server,
        "be like smtps://user:password@mail.example.com:465, with / ? # @ in a password written "
        "as %2F %3F %23 %40",
    ),
]
Sender = Annotated[
    str,
    _must(
        lambda sender: "@" in parseaddr(sender)[1].strip("@"),
        "be like texts@example.com or Partyline <texts@example.com>",
    ),
]


class Settings(BaseSettings):
    """The settings, in the order of .env.example, whose words these descriptions are."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore",
        str_strip_whitespace=True, hide_input_in_errors=True,
    )  # fmt: skip

    database_url: Database = Field(
        "sqlite:///partyline.db", repr=False,
        description="where everything is kept: a SQLite file, or "
        "postgresql://user:password@host/name",
    )  # fmt: skip
    public_url: Address = Field(
        description="the https:// address under which Twilio and Slack reach this app, "
        "e.g. https://texts.example.com"
    )
    secret_key: SigningKey = Field(
        description="a long random string that signs links and seals the tokens of other Twilio "
        "accounts; make one with: "
        'python3 -c "import secrets; print(secrets.token_urlsafe(48))"'
    )
    secret_key_former: SigningKey | None = Field(
        None,
        description="the SECRET_KEY before this one, while tokens of Twilio accounts are sealed "
        "with it; run `flask reseal`, then take it away",
    )

    slack_bot_token: Annotated[SecretStr, _begin("xoxb-")] = Field(
        description="the bot token (xoxb-…) of your Slack app, on its page OAuth & Permissions"
    )
    slack_signing_secret: Secret = Field(
        description="the signing secret of your Slack app, on its page Basic Information"
    )
    slack_api_url: Folder = Field(
        "https://slack.com/api/", description="where Slack's Web API is; another for a stand-in"
    )

    twilio_account_sid: Annotated[str, _begin("AC")] = Field(
        description="the account SID (AC…) on the front page of Twilio's console"
    )
    twilio_auth_token: Secret = Field(
        description="the auth token on the front page of Twilio's console"
    )
    twilio_auth_token_former: Secret | None = Field(
        None,
        description="the auth token before this one, while Twilio changes over and may still sign "
        "with it",
    )
    twilio_api_url: Address | None = Field(
        None, description="what replaces every one of Twilio's hosts, for a stand-in"
    )
    twilio_messaging_service_sid: Annotated[str, _begin("MG")] | None = Field(
        None, description="the Messaging Service (MG…) your numbers are in; US A2P 10DLC needs one"
    )

    smtp_url: MailServer | None = Field(
        None, repr=False,
        description="the mail server, e.g. smtps://user:password@mail.example.com:465; "
        "without one, no e-mail is sent",
    )  # fmt: skip
    mail_from: Sender | None = Field(
        None, validate_default=True,
        description="the address our e-mail comes from, e.g. texts@example.com; needed with "
        "SMTP_URL",
    )  # fmt: skip

    plans_file: Path | None = Field(
        None,
        description="your own prices of plans, texts and calls, in a copy of ledger/plans.toml",
    )
    marketplace_secret: SigningKey | None = Field(
        None,
        description="what an outside shop signs its calls of /marketplace/subscriptions with; "
        "without it that page does not exist",
    )
    demo_clock: Path | None = Field(
        None,
        description="for the demo alone: a file that says by how many seconds its clock is ahead; "
        "needs stand-ins on this machine",
    )

    log_format: Literal["text", "json"] = Field(
        "text", description="how log lines look: text for people, json for machines"
    )
    metrics_token: Secret | None = Field(
        None, description="the bearer token of /metrics; without one that page does not exist"
    )
    sentry_dsn: Dsn | None = Field(None, description="where errors are reported: a Sentry DSN")

    worker_threads: int = Field(
        8,
        ge=1,
        le=32,
        description="deliveries that one worker makes at once to each of Slack, Twilio and mail",
    )
    inbox_tries: int = Field(
        5, ge=1, le=20, description="tries to apply what came in, before it is parked"
    )
    refund_undelivered: bool = Field(
        False, description="whether a text that a carrier took and did not deliver is refunded"
    )
    number_pace_s: float = Field(
        1, ge=0.001, le=60,
        description="seconds between two texts from one number, after a burst of 100 "
        "(US long codes 1, toll-free 0.33, short codes 0.01)",
    )  # fmt: skip
    channel_pace_s: float = Field(
        1, ge=0.001, le=60,
        description="seconds between two posts in one Slack channel, after a burst of 100",
    )  # fmt: skip
    attempt_timeout_s: float = Field(
        10, ge=1, le=30, description="seconds before an attempt to deliver is given up"
    )
    lease_s: float = Field(
        60, ge=3, le=600,
        description="seconds after which a delivery whose worker died is looked into; at least "
        "three ATTEMPT_TIMEOUT_S",
    )  # fmt: skip
    look_after_s: float = Field(
        30, ge=0, le=3600,
        description="seconds from there to the first look whether Twilio has the text",
    )  # fmt: skip
    look_apart_s: float = Field(120, ge=0, le=3600, description="seconds between two such looks")

    def keys(self) -> list[str]:
        """The keys that secrets may be sealed with, the newest first."""
        both = (self.secret_key, self.secret_key_former)
        return [key.get_secret_value() for key in both if key]

    @field_validator("mail_from")
    @classmethod
    def _mail_has_a_sender(cls, sender: str | None, others: ValidationInfo) -> str | None:
        if sender is None and others.data.get("smtp_url"):
            raise PydanticCustomError("missing", "needed with SMTP_URL")
        return sender

    @field_validator("demo_clock")
    @classmethod
    def _only_stand_ins_live_in_another_time(
        cls, clock: Path | None, others: ValidationInfo
    ) -> Path | None:
        peers = (others.data.get("slack_api_url"), others.data.get("twilio_api_url"))
        if clock is not None and not all(
            peer and urlsplit(peer).hostname == "127.0.0.1" for peer in peers
        ):
            raise ValueError("must not be set where Slack and Twilio are no stand-ins on 127.0.0.1")
        return clock

    @field_validator("lease_s")
    @classmethod
    def _a_lease_outlives_an_attempt(cls, lease_s: float, others: ValidationInfo) -> float:
        if lease_s < 3 * others.data.get("attempt_timeout_s", 0):
            raise ValueError("must be three times ATTEMPT_TIMEOUT_S or more")
        return lease_s


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of this environment and its .env file, or of `environ` alone.

    One that is empty counts as not set. Raises ConfigError.
    """
    sources = None
    if environ is not None:
        given = {name.lower(): value for name, value in environ.items() if value}
        sources = (InitSettingsSource(Settings, init_kwargs=given),), given
    try:
        return Settings(_build_sources=sources)  # type: ignore[call-arg]  # they give the rest
    except ValidationError as error:
        raise ConfigError("\n".join(_line(problem) for problem in error.errors())) from None
    except UnicodeDecodeError:
        raise ConfigError(".env is wrong: must be UTF-8 text.") from None


def _line(problem: Any) -> str:
    """One problem in one line; the value itself is never shown, it may be a secret."""
    name = str(problem["loc"][0])
    if problem["type"] == "missing":
        return f"{name.upper()} is missing: {Settings.model_fields[name].description}."
    rule = problem["msg"].removeprefix("Value error, ")
    if rule.startswith("Input should"):
        rule = "must" + rule.removeprefix("Input should").partition(",")[0]
    return f"{name.upper()} is wrong: it {rule}."
