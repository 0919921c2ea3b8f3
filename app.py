"""Partyline on one page: every route, every command, and what is wired to what."""

from __future__ import annotations

import functools
import signal
import sys
from typing import Any

import click
import sentry_sdk
import structlog
from flask import Flask
from flask.cli import FlaskGroup
from slack_bolt.adapter.flask import SlackRequestHandler

import bot.slack.client
import bot.twilio.client
from bot import config, doctor, inbox, lines, logs, outbox, requests, scheduler
from bot.audit import prove
from bot.carriers import Carriers, Rate, Timing
from bot.config import Settings
from bot.health import health
from bot.models import MIGRATIONS
from bot.slack import bolt, events
from bot.slack import routes as slack_routes
from bot.slack.deliver import PostCarrier, UpdateCarrier
from bot.twilio import inbound, poll
from bot.twilio import webhooks as twilio_webhooks
from bot.twilio.deliver import TextCarrier
from bot.worker import Worker
from ledger import database

log = structlog.get_logger()


def create_app(settings: Settings | None = None) -> Flask:
    """The web app. Routes: POST /slack/events, /twilio/sms, /twilio/status; GET /healthz, /readyz,
    /metrics. Stops with a line for each wrong setting, and on a schema that is behind."""
    settings = settings or settings_or_exit()
    logs.configure(settings.log_format)
    if settings.sentry_dsn:
        sentry_sdk.init(settings.sentry_dsn.get_secret_value(), send_default_pii=False)
    database.bind(settings.database_url)
    if serving():
        require_schema_or_exit()

    app = Flask("partyline")
    app.config["SETTINGS"] = settings
    app.config["INTAKE"] = inbox.Intake()
    app.config["BOLT"] = SlackRequestHandler(bolt.build(bot.slack.client.connect(settings)))
    requests.log_each(app)
    app.register_blueprint(slack_routes.routes)
    app.register_blueprint(twilio_webhooks.webhooks)
    app.register_blueprint(health)
    for command in (worker, migrate, setup, audit, retry, diagnose, demo):
        app.cli.add_command(command)
    return app


def handlers(settings: Settings) -> inbox.Handlers:
    """What applies each kind of inbox row."""
    status = functools.partial(inbound.status, refund_undelivered=settings.refund_undelivered)
    return {
        "twilio.sms": inbound.sms,
        "twilio.status": status,
        "slack.event": events.event,
    }


def carriers(settings: Settings) -> Carriers:
    """What delivers each kind of delivery."""
    slack = bot.slack.client.connect(settings)
    return {
        "twilio.message": TextCarrier(bot.twilio.client.connect(settings), settings),
        "slack.post": PostCarrier(slack),
        "slack.update": UpdateCarrier(slack),
    }


def jobs(settings: Settings) -> list[scheduler.Job]:
    """What runs on the clock: name, seconds between runs, what. Each also runs at the start."""
    twilio = bot.twilio.client.connect(settings)
    return [
        ("missed texts", 300, functools.partial(poll.missed_texts, twilio)),
        (
            "overdue statuses",
            60,
            functools.partial(poll.overdue_statuses, twilio, settings.refund_undelivered),
        ),
    ]


# Commands, beside Flask's own: `flask run` serves the app.


@click.command()
@click.pass_context
def worker(context: click.Context) -> None:
    """Apply what came in and deliver what goes out, until stopped."""
    require_schema_or_exit()
    settings = settings_or_exit()
    hands = Worker(
        handlers(settings),
        carriers(settings),
        timing(settings),
        jobs=jobs(settings),
        hands=settings.worker_threads,
        inbox_tries=settings.inbox_tries,
        listen_url=settings.database_url,
    )
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: hands.stop())
    hands.run()


@click.command()
@click.option("--check", is_flag=True, help="Only say whether the schema is up to date.")
def migrate(check: bool) -> None:
    """Bring the database's schema up to date."""
    if check:
        require_schema_or_exit()
    for name in [] if check else database.migrate(MIGRATIONS):
        click.echo(f"migrated: {name}")
    click.echo("The schema is up to date.")


@click.command()
@click.option("--account", required=True, help="Name of the account.")
@click.option("--timezone", default="America/New_York", show_default=True, help="IANA name.")
@click.option("--owner", required=True, help="Slack user id, like U012AB3CD.")
@click.option("--agent", "agents", multiple=True, help="Another Slack user id; may be repeated.")
@click.option("--line", help="Phone number in E.164, like +14155550100.")
@click.option("--channel", help="Slack channel id of the line, like C012AB3CD.")
@click.option("--credits", "opening_credits", type=click.IntRange(0), default=0)
def setup(**wanted: Any) -> None:
    """Make an account, its owner, line and opening credits, or complete what is missing."""
    require_schema_or_exit()
    try:
        ready = lines.setup(**wanted)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    for done in ready.done:
        click.echo(f"made: {done}")
    click.echo("Ready." if ready.done else "Nothing to do: all of it stood already.")


@click.command()
def audit() -> None:
    """Prove the books; exit 1 and name each fault if they do not hold."""
    require_schema_or_exit()
    faults = prove()
    for fault in faults:
        click.echo(str(fault))
    click.echo(f"{len(faults)} fault(s)." if faults else "The books hold.")
    sys.exit(1 if faults else 0)


@click.command()
def retry() -> None:
    """Put back what was parked."""
    require_schema_or_exit()
    click.echo(f"Put back: {inbox.retry_parked()} that came in, {outbox.retry_parked()} to go out.")


@click.command("doctor")
def diagnose() -> None:
    """Say what is wrong and what to do; exit 1 if anything is."""
    require_schema_or_exit()
    settings = settings_or_exit()
    findings = [
        *doctor.findings(),
        *doctor.reach("Slack", bot.slack.client.connect(settings).auth_test),
        *doctor.reach("Twilio", bot.twilio.client.connect(settings).api.account.fetch),
    ]
    for finding in findings:
        click.echo(f"- {finding}")
    click.echo(f"{len(findings)} finding(s)." if findings else "All is well.")
    sys.exit(1 if findings else 0)


@click.command()
@click.option("--once", is_flag=True, help="Play the scene, check the books and stop.")
@click.option("--port", default=8000, show_default=True, help="Where the web app listens.")
def demo(once: bool, port: int) -> None:
    """Web, worker and stand-ins for Slack and Twilio on this machine; no account anywhere."""
    from bot.sandbox import demo as scene  # noqa: PLC0415  # never part of what serves

    sys.exit(scene.play(once=once, port=port))


def timing(settings: Settings) -> Timing:
    """How long attempts may take, how fast they follow, when unknown ones are looked up."""
    return Timing(
        settings.lease_s,
        settings.attempt_timeout_s,
        settings.look_after_s,
        settings.look_apart_s,
        {
            "number": Rate(settings.number_pace_s),
            "channel": Rate(settings.channel_pace_s),
            "updates": Rate(1.2 * settings.channel_pace_s),
        },
    )


def settings_or_exit() -> Settings:
    """The settings from the environment; each wrong one is named in a line, and we stop."""
    try:
        return config.load(config.DEMO if sys.argv[1:2] == ["demo"] else None)
    except config.ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(2)


def serving() -> bool:
    """Whether the app is made to serve: by a WSGI server or `flask run`, not by another command."""
    context = click.get_current_context(silent=True)
    by_flask = context is not None and isinstance(context.find_root().command, FlaskGroup)
    return not by_flask or context.info_name == "run"


def require_schema_or_exit() -> None:
    """Stops with what to run if the database is behind."""
    try:
        database.require_schema(MIGRATIONS)
    except database.SchemaBehind as error:
        click.echo(str(error), err=True)
        sys.exit(2)
