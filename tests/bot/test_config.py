"""Settings: what they may be, and what is said of those that are wrong or missing."""

from __future__ import annotations

import re
import shutil
import traceback
from pathlib import Path

import pytest

from bot.config import DEMO, ConfigError, Settings, load

EXAMPLE = Path(__file__).parents[2] / ".env.example"
HEADING = (
    "# Partyline's settings: copy to .env and fill in. One that is commented out has its default.\n"
)
REQUIRED = {
    "PUBLIC_URL": "https://texts.example.com",
    "SECRET_KEY": "correct horse",
    "SLACK_BOT_TOKEN": "xoxb-1-2",
    "SLACK_SIGNING_SECRET": "8f742231b10e",
    "TWILIO_ACCOUNT_SID": "ACsandbox",
    "TWILIO_AUTH_TOKEN": "t0ken",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and an environment without settings."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    return tmp_path


def complaints(**more: str) -> list[str]:
    """What is said of the required settings with these changed or added."""
    with pytest.raises(ConfigError) as refused:
        load(REQUIRED | more)
    return str(refused.value).split("\n")


def test_six_settings_are_enough_and_the_rest_have_defaults() -> None:
    settings = load(REQUIRED)
    assert settings.database_url == "sqlite:///partyline.db"
    assert settings.slack_api_url == "https://slack.com/api/"
    assert settings.twilio_api_url is None
    assert settings.smtp_url is None
    assert settings.log_format == "text"
    assert settings.refund_undelivered is False
    assert (settings.lease_s, settings.attempt_timeout_s) == (60, 10)
    assert (settings.look_after_s, settings.look_apart_s) == (30, 120)
    assert (settings.worker_threads, settings.inbox_tries) == (8, 5)


def test_the_demo_starts_with_what_it_brings() -> None:
    load(DEMO)


def test_each_missing_setting_is_named_with_what_it_is() -> None:
    with pytest.raises(ConfigError) as refused:
        load({})
    lines = str(refused.value).split("\n")
    assert [line.partition(" is missing: ")[0] for line in lines] == [*REQUIRED]
    assert lines[0] == (
        "PUBLIC_URL is missing: the https:// address under which Twilio and Slack reach this app, "
        "e.g. https://texts.example.com."
    )


def test_all_that_is_wrong_is_said_at_once() -> None:
    lines = complaints(
        PUBLIC_URL="", SLACK_BOT_TOKEN="xoxp-1", SMTP_URL="smtp://mail.example.com",
        WORKER_THREADS="0", LEASE_S="29",
    )  # fmt: skip
    assert [line.split(maxsplit=1)[0] for line in lines] == [
        "PUBLIC_URL", "SLACK_BOT_TOKEN", "MAIL_FROM", "WORKER_THREADS", "LEASE_S",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("PUBLIC_URL", "https://texts.example.com/", "https://texts.example.com"),
        ("PUBLIC_URL", "http://localhost:8000", "http://localhost:8000"),
        ("PUBLIC_URL", " https://example.com/texts/\n", "https://example.com/texts"),
        ("SLACK_API_URL", "https://slack.com/api", "https://slack.com/api/"),
        ("SLACK_API_URL", "http://127.0.0.1:9000/api/", "http://127.0.0.1:9000/api/"),
        ("TWILIO_API_URL", "http://127.0.0.1:9001/", "http://127.0.0.1:9001"),
        ("TWILIO_API_URL", "", None),
        ("TWILIO_ACCOUNT_SID", "ACnot-hex", "ACnot-hex"),
        ("TWILIO_MESSAGING_SERVICE_SID", "MG1", "MG1"),
        ("DATABASE_URL", "postgresql://u:p@db/texts", "postgresql://u:p@db/texts"),
        ("DATABASE_URL", "postgres://u:p@db/texts", "postgres://u:p@db/texts"),
        ("DATABASE_URL", "sqlite:////var/lib/texts.db", "sqlite:////var/lib/texts.db"),
        ("MAIL_FROM", "Partyline <texts@example.com>", "Partyline <texts@example.com>"),
        ("LOG_FORMAT", "json", "json"),
        ("REFUND_UNDELIVERED", "true", True),
        ("INBOX_TRIES", "7", 7),
        ("LOOK_AFTER_S", "0.5", 0.5),
    ],
)
def test_a_setting_is_kept_as_it_is_used(name: str, given: str, kept: object) -> None:
    assert getattr(load(REQUIRED | {name: given}), name.lower()) == kept


@pytest.mark.parametrize(
    "url",
    [
        "smtp://mail.example.com",
        "smtp://localhost:1025",
        "smtps://user:password@mail.example.com:465",
        "smtps://user%40example.com:p%2Fw@mail.example.com:465/",
    ],
)
def test_a_mail_server_is_an_address_with_or_without_a_user(url: str) -> None:
    settings = load(REQUIRED | {"SMTP_URL": url, "MAIL_FROM": "texts@example.com"})
    assert settings.smtp_url == url


@pytest.mark.parametrize(
    ("name", "given", "rule"),
    [
        ("PUBLIC_URL", "texts.example.com", "must be an address like https://texts.example.com"),
        ("PUBLIC_URL", "ftp://example.com", "must be an address"),
        ("PUBLIC_URL", "https://", "must be an address"),
        ("PUBLIC_URL", "https://example.com/?a=1", "with no ? # or @"),
        ("PUBLIC_URL", "https://example.com/#top", "with no ? # or @"),
        ("PUBLIC_URL", "https://user:pw@example.com", "with no ? # or @"),
        ("PUBLIC_URL", "https://[example.com", "must be an address"),
        ("PUBLIC_URL", "https://example.com:port", "must be an address"),
        ("SECRET_KEY", "1234567", "must have 8 characters or more"),
        ("SLACK_BOT_TOKEN", "xoxp-1-2", "must begin with xoxb-"),
        ("SLACK_BOT_TOKEN", "xoxb-", "must begin with xoxb-"),
        ("SLACK_SIGNING_SECRET", " ", "must not be empty"),
        ("SLACK_API_URL", "slack.com", "must be an address"),
        ("TWILIO_ACCOUNT_SID", "SK0123", "must begin with AC"),
        ("TWILIO_API_URL", "127.0.0.1:9001", "must be an address"),
        ("TWILIO_MESSAGING_SERVICE_SID", "AC1", "must begin with MG"),
        ("DATABASE_URL", "mysql://db/texts", "must be sqlite:///file.db or postgresql://"),
        ("DATABASE_URL", "sqlite:///", "must be sqlite:///file.db or postgresql://"),
        ("SMTP_URL", "mail.example.com:25", "must be like smtps://"),
        ("SMTP_URL", "https://mail.example.com", "must be like smtps://"),
        ("SMTP_URL", "smtps://u:p/w@mail.example.com", "must be like smtps://"),
        ("SMTP_URL", "smtps://u:12/w@mail.example.com", "must be like smtps://"),
        ("SMTP_URL", "smtps://u:1#w@mail.example.com", "must be like smtps://"),
        ("MAIL_FROM", "Partyline", "must be like texts@example.com"),
        ("LOG_FORMAT", "xml", "must be 'text' or 'json'"),
        ("SENTRY_DSN", "https://sentry.example.com/1", "must be like https://key@"),
        ("WORKER_THREADS", "many", "must be a valid integer"),
        ("WORKER_THREADS", "33", "must be less than or equal to 32"),
        ("REFUND_UNDELIVERED", "perhaps", "must be a valid boolean"),
        ("ATTEMPT_TIMEOUT_S", "0", "must be greater than or equal to 1"),
        ("LEASE_S", "29", "must be three times ATTEMPT_TIMEOUT_S or more"),
        ("LOOK_AFTER_S", "nan", "must be"),
        ("LOOK_APART_S", "inf", "must be"),
    ],
)
def test_a_wrong_setting_is_named_with_its_rule(name: str, given: str, rule: str) -> None:
    [line] = complaints(**{"MAIL_FROM": "texts@example.com", name: given})
    assert line.startswith(f"{name} is wrong: it must ")
    assert rule in line


def test_mail_needs_an_address_to_come_from() -> None:
    [line] = complaints(SMTP_URL="smtp://mail.example.com")
    assert line.startswith("MAIL_FROM is missing: ")
    assert "needed with SMTP_URL" in line


SECRETS = {
    "DATABASE_URL": "postgresql://u:hush-0@db/texts",
    "SECRET_KEY": "hush-1-hush",
    "SLACK_BOT_TOKEN": "xoxb-hush-2",
    "SLACK_SIGNING_SECRET": "hush-3",
    "TWILIO_AUTH_TOKEN": "hush-4",
    "SMTP_URL": "smtp://u:hush-5@mail.example.com",
    "METRICS_TOKEN": "hush-6",
    "SENTRY_DSN": "https://hush-7@sentry.example.com/1",
}


def test_no_secret_is_ever_printed() -> None:
    settings = load(REQUIRED | SECRETS | {"MAIL_FROM": "texts@example.com"})
    assert "hush" not in repr(settings)
    assert "hush" not in str(settings)
    assert settings.secret_key.get_secret_value() == "hush-1-hush"


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("DATABASE_URL", "mysql://u:hush@db/texts"),
        ("PUBLIC_URL", "https://u:hush@example.com"),
        ("SECRET_KEY", "hush"),
        ("SLACK_BOT_TOKEN", "xoxp-hush"),
        ("SMTP_URL", "smtp://u:hush/hush@mail.example.com"),  # a parser's own error would quote it
        ("SENTRY_DSN", "https://k@sentry.example.com:hush/1"),
    ],
)
def test_no_complaint_shows_a_secret(name: str, wrong: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(REQUIRED | {name: wrong})
    assert name in str(refused.value)
    assert "hush" not in "".join(traceback.format_exception(refused.value))
    assert "hush" not in str(refused.value.__context__)  # which an error tracker may read


def test_the_environment_and_the_env_file_are_read_and_the_environment_wins(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"{name}={value}" for name, value in REQUIRED.items()]
    (folder / ".env").write_text(
        "\n".join([*lines, "LOG_FORMAT=json", "INBOX_TRIES=7", "NOT_OURS=1"])
    )
    monkeypatch.setenv("INBOX_TRIES", "9")
    monkeypatch.setenv("LOG_FORMAT", "")  # counts as not set
    settings = load()
    assert settings.public_url == "https://texts.example.com"
    assert settings.inbox_tries == 9
    assert settings.log_format == "json"


def test_an_env_file_that_is_no_text_is_named(folder: Path) -> None:
    (folder / ".env").write_bytes(b"SECRET_KEY=\xff\xfe")
    with pytest.raises(ConfigError, match=r"^\.env is wrong: must be UTF-8 text\.$"):
        load()


def test_settings_that_are_given_are_the_only_ones(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".env").write_text("LOG_FORMAT=json")
    monkeypatch.setenv("INBOX_TRIES", "9")
    settings = load(REQUIRED)
    assert (settings.log_format, settings.inbox_tries) == ("text", 5)


def example() -> str:
    """.env.example as the class has it."""
    entries = [HEADING]
    for name, setting in Settings.model_fields.items():
        assert setting.description
        value = "" if setting.default is None or setting.is_required() else setting.default
        value = str(value).lower() if isinstance(value, bool) else value
        entries.append(
            f"# {setting.description[0].upper()}{setting.description[1:]}.\n"
            f"{'' if setting.is_required() else '# '}{name.upper()}={value}\n"
        )
    return "\n".join(entries)


def test_the_example_names_every_setting_in_the_words_of_the_class() -> None:
    assert EXAMPLE.read_text() == example()


def test_the_example_filled_in_is_the_defaults(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(EXAMPLE, folder / ".env")
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)
    assert load() == load(REQUIRED)


def test_what_the_example_shows_commented_out_is_the_default(folder: Path) -> None:
    shown = re.findall(r"^(?:# )?([A-Z_]+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE)
    assert [name.lower() for name, _ in shown] == [*Settings.model_fields]
    assert load(dict(shown) | REQUIRED) == load(REQUIRED)
