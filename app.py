"""Partyline on one page: every route, every command, and what is wired to what."""

from __future__ import annotations

import functools
import signal
import sys
from collections.abc import Callable, Iterator

import click
import sentry_sdk
from flask import Flask
from slack_bolt.adapter.flask import SlackRequestHandler

import bot.slack.client
import bot.slack.files
import bot.twilio.media
from bot import clock, doctor, inbox, logs, operator, request_log, retention, scheduler
from bot.carriers import RATES, Carriers, Rate, Timing
from bot.config import Settings
from bot.contact_files import contacts_by_file
from bot.contacts import sheet_rows
from bot.credits import digest, notices, renewals
from bot.health import health as health_pages
from bot.lines import calls as line_calls
from bot.lines import health, setups, tokens, vitals
from bot.lines.health import Look
from bot.lines.models import Line
from bot.mail import pages as mail_pages
from bot.mail.deliver import LetterCarrier, MailCarrier
from bot.marketplace import marketplace
from bot.operator import plans_or_exit, require_schema_or_exit, settings_or_exit
from bot.slack import bolt, events, roll_call
from bot.slack import routes as slack_routes
from bot.slack.contacts.deliver_sheets import (
    ExportCarrier,
    ExportFileCarrier,
    SheetCardCarrier,
    SheetCarrier,
    SheetFileCarrier,
)
from bot.slack.credits.deliver_reports import ReportFilesCarrier
from bot.slack.deliver_cards import CardCarrier, WhisperCarrier
from bot.slack.lines import checks as slack_checks
from bot.slack.lines.deliver_setup import SetupPostCarrier
from bot.slack.smartplans.deliver_plans import PlanCardCarrier, PlanUpdateCarrier
from bot.slack.talks.deliver import PostCarrier, UpdateCarrier
from bot.slack.team.deliver_home import HomeCarrier
from bot.slack.texts import media_routes
from bot.slack.texts.deliver_media import AttachCarrier, MediaCarrier, PeekCarrier, PicturesCarrier
from bot.slack.texts.live import LiveQuotes
from bot.smartplans import bulks, plan_upkeep, reminders, room, steps
from bot.talks import desk, outages, threads
from bot.team import viewers
from bot.texts import scheduled
from bot.twilio import backfill, calls, checks, inbound, poll, voice
from bot.twilio.accounts import Accounts
from bot.twilio.calls import CallCarrier
from bot.twilio.deliver import TextCarrier
from bot.twilio.deliver_setup import SetupCarrier
from bot.twilio.numbers import TwilioNumbers
from bot.twilio.upkeep import WebhookCarrier
from bot.words import count
from bot.worker import Worker, spare_the_collector
from ledger import database, rates

DEMO_FASTER = 60  # in the demo, whose clock jumps, a job runs so many times as often


def create_app(settings: Settings | None = None) -> Flask:
    """The web app. Routes: POST /slack/events, /twilio/sms, /twilio/status, /twilio/voice,
    /twilio/voice/status, /marketplace/subscriptions; GET and HEAD /media/<token>/<name>; GET and
    POST /mail/stop/<token>; GET /healthz, /readyz, /metrics.
    Stops with a line for each wrong setting, and on a schema that is behind."""
    settings = settings or settings_or_exit()
    logs.configure(settings.log_format)
    if settings.sentry_dsn:
        sentry_sdk.init(
            settings.sentry_dsn.get_secret_value(), send_default_pii=False,
            include_local_variables=False, max_request_body_size="never",
            before_send=logs.for_sentry, before_breadcrumb=lambda *_: None,
        )  # fmt: skip
    database.bind(settings.database_url)
    clock.follow(settings.demo_clock)
    if serving():
        require_schema_or_exit()

    app = Flask("partyline", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = slack_routes.MAX_BYTES  # nothing sends more
    app.config["SETTINGS"] = settings
    app.config["INTAKE"] = inbox.Intake()
    app.config["TWILIO"] = twilio = Accounts(settings)
    app.config["CATALOGUE"] = catalogue = plans_or_exit(settings)
    rates.use(catalogue.card)
    slack = bot.slack.client.connect(settings)
    app.config["LIVE"] = live = LiveQuotes(slack)
    app.config["BOLT"] = SlackRequestHandler(
        bolt.build(slack, catalogue, live, TwilioNumbers(twilio))
    )
    request_log.log_each(app)
    app.register_blueprint(slack_routes.routes)
    app.register_blueprint(voice.webhooks)
    app.register_blueprint(media_routes.routes)
    app.register_blueprint(mail_pages.pages)
    app.register_blueprint(marketplace)
    app.register_blueprint(health_pages)
    for command in (worker, diagnose, demo, contacts_by_file, *operator.COMMANDS):
        app.cli.add_command(command)
    return app


def handlers(settings: Settings) -> inbox.Handlers:
    """What applies each kind of inbox row."""
    known = {"accounts": Accounts(settings)}
    refunds = {"refund_undelivered": settings.refund_undelivered}
    return {
        "twilio.sms": functools.partial(inbound.sms, **known),
        "twilio.status": functools.partial(inbound.status, **known, **refunds),
        "twilio.call": functools.partial(calls.call, **known),
        "twilio.call_over": functools.partial(calls.over, **known),
        "twilio.unexplained": backfill.nobody_sent,
        "slack.event": events.event,
    }


def carriers(settings: Settings) -> Carriers:
    """What delivers each kind of delivery."""
    slack = bot.slack.client.connect(settings)
    twilio = Accounts(settings)
    mail: Carriers = {}
    if settings.smtp_url and settings.mail_from:
        mail = {
            "mail.notice": MailCarrier(
                settings.smtp_url, settings.mail_from, settings.attempt_timeout_s
            ),
            "mail.letter": LetterCarrier(settings),
        }
    return {
        **mail,
        "twilio.message": TextCarrier(twilio, settings),
        "twilio.setup": SetupCarrier(twilio),
        "twilio.call": CallCarrier(twilio),
        "twilio.webhooks": WebhookCarrier(twilio),
        "slack.post": PostCarrier(slack, by_mail=bool(mail)),
        "slack.update": UpdateCarrier(slack, by_mail=bool(mail)),
        "slack.card": CardCarrier(slack),
        "slack.files": ReportFilesCarrier(slack),
        "slack.whisper": WhisperCarrier(slack),
        "slack.plan": PlanCardCarrier(slack),
        "slack.plan_update": PlanUpdateCarrier(slack),
        "slack.setup": SetupPostCarrier(slack),
        "slack.home": HomeCarrier(slack, plans_or_exit(settings)),
        "slack.media": MediaCarrier(slack, functools.partial(bot.twilio.media.source, twilio)),
        "slack.pictures": PicturesCarrier(slack, by_mail=bool(mail)),
        "slack.attach": AttachCarrier(slack),
        "slack.sheet": SheetCarrier(slack, bot.slack.files.source(settings)),
        "slack.sheet_card": SheetCardCarrier(slack),
        "slack.sheet_file": SheetFileCarrier(slack),
        "slack.export": ExportCarrier(slack),
        "slack.export_file": ExportFileCarrier(slack),
        "slack.peek": PeekCarrier(slack, bot.slack.files.source(settings)),
    }


def jobs(settings: Settings) -> list[scheduler.Job]:
    """What runs on the clock: name, seconds between runs, what. Each also runs at the start."""
    twilio = Accounts(settings)
    slack = bot.slack.client.connect(settings)
    by_mail, looked = settings.smtp_url is not None, looks(settings)
    made: list[scheduler.Job] = [
        ("alerts", 5, functools.partial(notices.tell_crossings, by_mail)),
        ("digests", 10, digest.send_due),
        ("homes", 3, viewers.publish_stale),
        ("old homes", 60, viewers.refresh),
        ("roll call", 60, functools.partial(roll_call.members, slack)),
        ("channels", 60, functools.partial(roll_call.channels, slack)),
        ("scheduled", 5, scheduled.send_due),
        ("snoozed", 30, desk.wake_due),
        ("roots", 10, threads.show_due),
        ("left stale", 600, outages.make_up),
        ("smartplans", 3, functools.partial(steps.run_due, pace(settings), by_mail)),
        ("smartplans that wait", 5, plan_upkeep.wake_fed),
        ("smartplans in bulk", 2, functools.partial(bulks.work, pace(settings))),
        ("reminders", 30, reminders.wake_due),
        ("imports", 2, sheet_rows.work),
        ("renewals", 10, renewals.book_due),
        ("retention", 3600, retention.forget),
        ("expiries", 600, functools.partial(notices.tell_expiries, by_mail)),
        ("numbers asked for", 600, lambda: setups.remind(clock.now())),
        ("missed", 300, functools.partial(backfill.missed, twilio)),
        ("calls that should be over", 30, lambda: line_calls.ask_overdue(clock.now())),
        ("lines' health", 60, lambda: health.look_at_due(looked, clock.now())),
        ("prices", 3600, functools.partial(poll.prices, twilio)),
        ("tokens of accounts left", 600, tokens.forget),
        (
            "overdue statuses",
            60,
            functools.partial(poll.overdue_statuses, twilio, settings.refund_undelivered),
        ),
    ]
    if settings.demo_clock is not None:
        return [(name, max(1, every_s // DEMO_FASTER), job) for name, every_s, job in made]
    return made


def looks(settings: Settings) -> list[Callable[[Line], Look]]:
    """All that a line's health is known by: our tables, Twilio and Slack."""
    return [
        lambda line: vitals.look(line, clock.now()),
        functools.partial(checks.look, Accounts(settings)),
        functools.partial(slack_checks.channel, bot.slack.client.connect(settings)),
    ]


def twilios(accounts: Accounts) -> Iterator[str]:
    """What keeps us from a Twilio account that lines are in."""
    for sid in accounts.sids():
        beside = accounts.beside(sid)
        yield from doctor.reach(
            f"Twilio ({sid})" if beside else "Twilio",
            lambda sid=sid: accounts.client(sid).api.account.fetch(),
            f"Keep its new token: `flask twilio --sid {sid}`, or `/line bring` by whose it is."
            if beside else "Mend TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, then restart.",
        )  # fmt: skip


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
    spare_the_collector()
    hands.run()


@click.command("doctor")
def diagnose() -> None:
    """Say what is wrong and what to do; exit 1 if anything is."""
    require_schema_or_exit()
    settings = settings_or_exit()
    findings = [
        *doctor.findings(),
        *doctor.reach("Slack", bot.slack.client.connect(settings).auth_test),
        *twilios(Accounts(settings)),
        *health.findings(looks(settings)),
    ]
    for finding in findings:
        click.echo(f"- {doctor.plain(finding)}")
    click.echo(f"{count(len(findings), 'finding')}." if findings else "All is well.")
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
        RATES
        | {
            "number": Rate(settings.number_pace_s),
            "channel": Rate(settings.channel_pace_s),
            "updates": Rate(1.2 * settings.channel_pace_s),
        },
    )


def pace(settings: Settings) -> room.Pace:
    """How fast the texts of SmartPlans are let go."""
    return room.Pace(settings.number_pace_s, settings.channel_pace_s)


def serving() -> bool:
    """Whether the app is made to serve: by a WSGI server or `flask run`, not by another command."""
    return not operator.typed() or click.get_current_context().info_name == "run"
