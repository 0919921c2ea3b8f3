"""Partyline on one page: every route, every command, and what is wired to what."""

from __future__ import annotations

import csv
import functools
import json
import secrets
import signal
import sys
from datetime import datetime
from typing import Any

import click
import sentry_sdk
import structlog
from flask import Flask
from flask.cli import FlaskGroup
from slack_bolt.adapter.flask import SlackRequestHandler

import bot.slack.client
import bot.twilio.client
from bot import (
    clock,
    config,
    digest,
    doctor,
    inbox,
    lines,
    logs,
    notices,
    outbox,
    requests,
    scheduler,
)
from bot.audit import prove
from bot.carriers import RATES, Carriers, Rate, Timing
from bot.config import Settings
from bot.health import health
from bot.mail.deliver import MailCarrier
from bot.margin import invoices as invoices_of
from bot.margin import margins
from bot.marketplace import marketplace
from bot.models import MIGRATIONS
from bot.slack import bolt, events
from bot.slack import routes as slack_routes
from bot.slack.deliver import PostCarrier, UpdateCarrier
from bot.slack.deliver_cards import CardCarrier, FilesCarrier
from bot.twilio import inbound, poll
from bot.twilio import webhooks as twilio_webhooks
from bot.twilio.deliver import TextCarrier
from bot.worker import Worker
from ledger import database, periods, plans
from ledger.plans import Catalogue, UnknownPlan

log = structlog.get_logger()


def create_app(settings: Settings | None = None) -> Flask:
    """The web app. Routes: POST /slack/events, /twilio/sms, /twilio/status,
    /marketplace/subscriptions; GET /healthz, /readyz, /metrics. Stops with a line for each wrong
    setting, and on a schema that is behind."""
    settings = settings or settings_or_exit()
    logs.configure(settings.log_format)
    if settings.sentry_dsn:
        sentry_sdk.init(settings.sentry_dsn.get_secret_value(), send_default_pii=False)
    database.bind(settings.database_url)
    clock.follow(settings.demo_clock)
    if serving():
        require_schema_or_exit()

    app = Flask("partyline")
    app.config["SETTINGS"] = settings
    app.config["INTAKE"] = inbox.Intake()
    app.config["CATALOGUE"] = catalogue = plans_or_exit(settings)
    slack = bot.slack.client.connect(settings)
    app.config["BOLT"] = SlackRequestHandler(bolt.build(slack, catalogue))
    requests.log_each(app)
    app.register_blueprint(slack_routes.routes)
    app.register_blueprint(twilio_webhooks.webhooks)
    app.register_blueprint(marketplace)
    app.register_blueprint(health)
    for command in (
        worker, migrate, setup, plans_on_sale, grant, report, invoices, audit, retry, diagnose,
        demo,
    ):  # fmt: skip
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
    mail: Carriers = {}
    if settings.smtp_url and settings.mail_from:
        mail = {
            "mail.notice": MailCarrier(
                settings.smtp_url, settings.mail_from, settings.attempt_timeout_s
            )
        }
    return {
        **mail,
        "twilio.message": TextCarrier(bot.twilio.client.connect(settings), settings),
        "slack.post": PostCarrier(slack),
        "slack.update": UpdateCarrier(slack),
        "slack.card": CardCarrier(slack),
        "slack.files": FilesCarrier(slack),
    }


def jobs(settings: Settings) -> list[scheduler.Job]:
    """What runs on the clock: name, seconds between runs, what. Each also runs at the start."""
    twilio = bot.twilio.client.connect(settings)
    by_mail = settings.smtp_url is not None
    return [
        ("alerts", 5, functools.partial(notices.tell_crossings, by_mail)),
        ("digests", 10, digest.send_due),
        ("renewals", 10, renewals),
        ("expiries", 600, functools.partial(notices.tell_expiries, by_mail)),
        ("missed texts", 300, functools.partial(poll.missed_texts, twilio)),
        ("prices", 3600, functools.partial(poll.prices, twilio)),
        (
            "overdue statuses",
            60,
            functools.partial(poll.overdue_statuses, twilio, settings.refund_undelivered),
        ),
    ]


def renewals() -> None:
    """Books every boundary and expiry that is due, some accounts at a time (R9, R20)."""
    while periods.turn_due(clock.now()) == periods.BATCH:
        pass


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
@click.option("--manager", "managers", multiple=True, help="Slack user id; may be repeated.")
@click.option("--agent", "agents", multiple=True, help="Slack user id; may be repeated.")
@click.option("--email", "emails", multiple=True, help="Where alerts go; may be repeated.")
@click.option("--line", help="Phone number in E.164, like +14155550100.")
@click.option("--channel", help="Slack channel id of the line, like C012AB3CD.")
@click.option(
    "--credits",
    "opening_credits",
    type=click.IntRange(0),
    default=0,
    help="Credits given once, by you.",
)
@click.option("--plan", "code", help="Code of a plan; `flask plans` lists them.")
@click.option(
    "--anchor", type=click.IntRange(1, 31), help="Day of the month it renews; else the 1st."
)
@click.option(
    "--grants-last-months",
    type=click.IntRange(0, 120),
    default=12,
    show_default=True,
    help="Months after which credits expire; 0 is never.",
)
def setup(code: str | None, **wanted: Any) -> None:  # fmt: skip
    """Make an account, its people, line, plan and opening credits, or complete what is missing."""
    require_schema_or_exit()
    catalogue = plans_or_exit(settings_or_exit())
    try:
        plan = catalogue.plan(code) if code else None
        ready = lines.setup(**wanted, plan=plan, catalogue=catalogue)
    except (ValueError, UnknownPlan) as error:
        raise click.UsageError(str(error)) from None
    for done in ready.done:
        click.echo(f"made: {done}")
    click.echo("Ready." if ready.done else "Nothing to do: all of it stood already.")


@click.command("plans")
def plans_on_sale() -> None:
    """List the plans on sale."""
    catalogue = plans_or_exit(settings_or_exit())
    for plan in catalogue.plans.values():
        click.echo(
            f"{plan.code:<12} {plan.name:<16} {plan.credits:>9,} credits a month   "
            f"{catalogue.money(plan.price_cents):>12}"
        )
    click.echo(f"On hold: {catalogue.money(catalogue.hold_price_cents)} a month.")


@click.command()
@click.option("--account", required=True, help="Name of the account.")
@click.option("--credits", "amount", type=int, required=True, help="How many; below zero takes.")
@click.option("--reason", required=True, help="Why; the account reads it in its history.")
@click.option("--key", help="A name of your own for this grant: used again, it changes nothing.")
def grant(account: str, amount: int, reason: str, key: str | None) -> None:
    """Give an account credits, or take some, with a reason."""
    require_schema_or_exit()
    try:
        given = lines.give(account, amount, reason, key or secrets.token_hex(8))
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    click.echo(f"{'Stood already' if given.replayed else 'Done'}: {given.balance:,} credits left.")


MONTH = click.DateTime(["%Y-%m"])
FORMAT = click.Choice(["csv", "json"])


@click.command()
@click.option("--margin", is_flag=True, required=True, help="Credits beside what carriers bill.")
@click.option("--month", type=MONTH, help="Like 2026-11; else this month.")
@click.option("--format", "style", type=FORMAT, default="csv", show_default=True)
def report(margin: bool, month: datetime | None, style: str) -> None:
    """Show by account what credits bring beside carrier segments and Twilio's prices."""
    require_schema_or_exit()
    of = (month or clock.now()).date()
    rows = [vars(m) | {"credits_a_segment": round(m.credits_a_segment, 3)} for m in margins(of)]
    print_rows(rows, style)


@click.command()
@click.option("--month", type=MONTH, required=True, help="Like 2026-11.")
@click.option("--format", "style", type=FORMAT, default="csv", show_default=True)
def invoices(month: datetime, style: str) -> None:
    """List what each account owes for the periods that began in a month."""
    require_schema_or_exit()
    currency = plans_or_exit(settings_or_exit()).currency
    print_rows([vars(i) | {"currency": currency} for i in invoices_of(month.date())], style)


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


def print_rows(rows: list[dict[str, Any]], style: str) -> None:
    """Writes rows as CSV, or as JSON."""
    if style == "json":
        click.echo(json.dumps(rows, default=str, indent=1))
    elif rows:
        sheet = csv.DictWriter(sys.stdout, rows[0])
        sheet.writeheader()
        sheet.writerows(rows)
    else:
        click.echo("Nothing in that month.", err=True)


def plans_or_exit(settings: Settings) -> Catalogue:
    """The catalogue of plans; what is wrong in it is named, and we stop."""
    try:
        return plans.load(settings.plans_file)
    except plans.CatalogueError as error:
        click.echo(str(error), err=True)
        sys.exit(2)


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
            "mail": RATES["mail"],
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
