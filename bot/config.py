"""Every setting, from the environment or a .env file, checked before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

#: What `flask demo` starts with; the sandbox it starts gives the real ones.
DEMO = {
    "DATABASE_URL": "sqlite:///:memory:", "PUBLIC_URL": "http://127.0.0.1",
    "SECRET_KEY": "not a secret", "SLACK_BOT_TOKEN": "xoxb-sandbox",
    "SLACK_SIGNING_SECRET": "sandbox", "TWILIO_ACCOUNT_SID": "ACsandbox",
    "TWILIO_AUTH_TOKEN": "sandbox",
}  # fmt: skip


class ConfigError(Exception):
    """One line for each setting that is wrong or missing, saying what it should be."""


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("must be an address like https://texts.example.com")
    return value.rstrip("/")


def _database(value: str) -> str:
    if not value.startswith(("sqlite:///", "postgresql://", "postgres://")):
        raise ValueError("must be sqlite:///file.db or postgresql://user:password@host/name")
    return value


def _mail_server(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError("must be like smtps://user:password@mail.example.com:465")
    return value


def _opening(*starts: str) -> AfterValidator:
    """The value opens with one of these, as the platform's own do."""

    def check(value: Any) -> Any:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if not text.startswith(starts):
            raise ValueError(f"must start with {' or '.join(starts)}")
        return value

    return AfterValidator(check)


Address = Annotated[str, AfterValidator(_web_address)]
Secret = Annotated[SecretStr, Field(min_length=8)]


class Settings(BaseSettings):
    """The settings, in the order of .env.example."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore")

    database_url: Annotated[str, AfterValidator(_database)] = "sqlite:///partyline.db"
    public_url: Address = Field(
        description="the https:// address under which Twilio and Slack reach this app"
    )
    secret_key: Secret = Field(description="a long random string that signs links")

    slack_bot_token: Annotated[SecretStr, _opening("xoxb-")] = Field(
        description="the bot token of your Slack app (OAuth & Permissions)"
    )
    slack_signing_secret: SecretStr = Field(
        min_length=1, description="the signing secret of your Slack app (Basic Information)"
    )
    slack_api_url: Address = "https://slack.com/api"

    twilio_account_sid: Annotated[str, _opening("AC")] = Field(
        description="the account SID on Twilio's console"
    )
    twilio_auth_token: SecretStr = Field(
        min_length=1, description="the auth token on Twilio's console"
    )
    twilio_api_url: Address | None = None
    twilio_messaging_service_sid: Annotated[str, _opening("MG")] | None = None

    smtp_url: Annotated[str, AfterValidator(_mail_server)] | None = None
    mail_from: str | None = None

    log_format: Literal["text", "json"] = "text"
    metrics_token: Secret | None = None
    sentry_dsn: SecretStr | None = None

    worker_threads: int = Field(default=8, ge=1, le=32)
    inbox_tries: int = Field(default=5, ge=1, le=20)
    refund_undelivered: bool = False
    number_pace_s: float = Field(default=1, ge=0.001, le=60)
    channel_pace_s: float = Field(default=1, ge=0.001, le=60)
    attempt_timeout_s: float = Field(default=10, ge=1, le=30)
    lease_s: float = Field(default=60, ge=3)
    look_after_s: float = Field(default=30, ge=0)
    look_apart_s: float = Field(default=120, ge=0)

    @model_validator(mode="after")
    def _fit(self) -> Settings:
        if self.smtp_url and not self.mail_from:
            raise ValueError("MAIL_FROM is missing: SMTP_URL needs the address mail comes from")
        if self.lease_s < 3 * self.attempt_timeout_s:
            raise ValueError("LEASE_S is too short: it must be three times ATTEMPT_TIMEOUT_S")
        return self


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of this environment (or of `environ` alone). Raises ConfigError."""
    try:
        if environ is None:
            return Settings()  # type: ignore[call-arg]  # the environment gives the arguments
        given = {name.lower(): value for name, value in environ.items() if value}
        return Settings.model_validate(given)
    except ValidationError as error:
        raise ConfigError("\n".join(_line(problem) for problem in error.errors())) from None


def _line(problem: Any) -> str:
    """One problem in one line; the value itself is never shown, it may be a secret."""
    message = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return str(message)
    name = str(problem["loc"][0])
    if problem["type"] == "missing":
        return f"{name.upper()} is missing: {Settings.model_fields[name].description}."
    return f"{name.upper()} is wrong: {message}."
