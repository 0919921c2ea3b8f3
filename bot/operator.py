"""What the operator types: `flask migrate`, `setup`, `handover`, `plans`, `grant`, and more."""

from __future__ import annotations

import csv
import json
import secrets
import sys
from datetime import date, datetime, timedelta
from typing import Any

import click
from flask.cli import FlaskGroup

from bot import clock, config, inbox, outbox
from bot.audit import prove
from bot.config import Settings
from bot.credits.line_margin import LineMargin, by_line
from bot.credits.margin import invoices as invoices_of
from bot.credits.margin import margins
from bot.lines.sealing import CannotOpen, Seal
from bot.models import MIGRATIONS
from bot.team import opening, people
from bot.twilio import accounts as twilio_accounts
from bot.twilio import usage
from bot.twilio.client import connect
from bot.words import count, no_formula
from ledger import database, plans
from ledger.plans import Catalogue, UnknownPlan
from ledger.reports import Span

MONTH = click.DateTime(["%Y-%m"])
FORMAT = click.Choice(["csv", "json"])


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
@click.option("--timezone", help="IANA name; a new account has America/New_York without.")
@click.option("--owner", help="Slack user id, like U012AB3CD; a new account needs one.")
@click.option("--manager", "managers", multiple=True, help="Slack user id; may be repeated.")
@click.option("--agent", "agents", multiple=True, help="Slack user id; may be repeated.")
@click.option("--email", "emails", multiple=True, help="Where alerts go; may be repeated.")
@click.option("--no-email", "no_emails", multiple=True,
              help="Where alerts go no longer; may be repeated.")  # fmt: skip
@click.option("--line", help="Phone number in E.164, like +14155550100.")
@click.option("--twilio", help="SID of the Twilio account the number is in, if not the usual one.")
@click.option("--channel", help="Slack channel id of the line; else it is chosen in Slack.")
@click.option(
    "--credits",
    "opening_credits",
    type=click.IntRange(0),
    default=0,
    help="Credits given once, by you.",
)
@click.option("--plan", "code", help="Code of a plan; `flask plans` lists them.")
@click.option(
    "--anchor",
    type=click.IntRange(1, 31),
    help="Day of the month it renews; a new plan renews on the 1st without.",
)
@click.option(
    "--grants-last-months",
    type=click.IntRange(0, 120),
    default=12,
    show_default=True,
    help="Months after which credits expire; 0 is never.",
)
def setup(code: str | None, **wanted: Any) -> None:
    """Make an account, its people, line, plan and opening credits, or complete what is missing."""
    require_schema_or_exit()
    catalogue = plans_or_exit(settings_or_exit())
    try:
        plan = catalogue.plan(code) if code else None
        ready = opening.setup(**wanted, plan=plan, catalogue=catalogue)
    except (ValueError, UnknownPlan) as error:
        raise click.UsageError(str(error)) from None
    for done in ready.done:
        click.echo(f"made: {done}")
    click.echo("Ready." if ready.done else "Nothing to do: everything is there already.")


@click.command()
@click.option("--account", required=True, help="Name of the account.")
@click.option("--owner", required=True, help="Slack user id of the new owner, like U012AB3CD.")
def handover(account: str, owner: str) -> None:
    """Give an account another owner; whoever was it before stays on as a manager."""
    require_schema_or_exit()
    try:
        former = people.hand_over(account, owner)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    click.echo(f"{account} is {owner}'s now" + (f"; {former} is a manager." if former else "."))


@click.command("plans")
def plans_on_sale() -> None:
    """List the plans on sale, and what texts and calls cost."""
    catalogue = plans_or_exit(settings_or_exit())
    for plan in catalogue.plans.values():
        click.echo(
            f"{plan.code:<12} {plan.name:<16} {plan.credits:>9,} credits a month   "
            f"{catalogue.money(plan.price_cents):>12}"
        )
    click.echo(f"On hold: {catalogue.money(catalogue.hold_price_cents)} a month.")
    card = catalogue.card
    click.echo(
        f"A text: {count(card.sms_home, 'credit')} to country code 1, {card.sms_abroad:,} to any "
        f"other, {card.mms:,} with pictures; a long one by "
        f"{'its carrier segments' if card.by_segment else '160 or 70 characters'}. "
        f"A minute of a call: {card.call_minute:,}."
    )


@click.command()
@click.option("--account", required=True, help="Name of the account.")
@click.option("--credits", "amount", type=int, required=True, help="How many; below zero takes.")
@click.option("--reason", required=True, help="Why; the account reads it in its history.")
@click.option("--key", help="A name of your own for this grant: used again, it changes nothing.")
def grant(account: str, amount: int, reason: str, key: str | None) -> None:
    """Give an account credits, or take some, with a reason."""
    require_schema_or_exit()
    try:
        given = opening.give(account, amount, reason, key or secrets.token_hex(8))
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    said = "Nothing given: this key was used before" if given.replayed else "Done"
    click.echo(f"{said}. {count(given.balance, 'credit')} left.")


@click.command()
@click.option("--margin", is_flag=True, required=True, help="Credits beside what carriers bill.")
@click.option("--month", type=MONTH, help="Like 2026-11; else this month.")
@click.option("--lines", "of_lines", is_flag=True, help="Line by line, with what Twilio bills.")
@click.option("--format", "style", type=FORMAT, default="csv", show_default=True)
def report(margin: bool, month: datetime | None, of_lines: bool, style: str) -> None:
    """Show by account, or line by line, what credits bring beside what Twilio bills."""
    require_schema_or_exit()
    of = (month or clock.now()).date()
    if of_lines:
        lined = [vars(row) | {"cost_micros": row.cost_micros} for row in _lines(of)]
        return print_rows(lined, style)
    rows = [vars(m) | {"credits_a_segment": round(m.credits_a_segment, 3)} for m in margins(of)]
    return print_rows(rows, style)


def _lines(of: date) -> list[LineMargin]:
    """Each line's margin, with what Twilio bills by the month for its number and in fees."""
    accounts, rows = twilio_accounts.Accounts(settings_or_exit()), list(by_line(of))
    month = Span.of_month(of, "UTC")
    last = min(month.end - timedelta(days=1), clock.now().date())
    for sid in sorted({row.twilio or "" for row in rows}):
        mine = [row for row in rows if (row.twilio or "") == sid]
        try:
            billed = usage.bill(accounts.client(sid or None), month.first, last)
        except Exception as error:
            click.echo(f"Twilio did not say what it bills: {type(error).__name__}.", err=True)
            continue
        segments = [row.segments for row in mine]
        for row in mine:
            row.number_micros = billed.of_number(row.line)
            row.fees_micros = usage.share(billed.fees_micros, row.segments, segments)
    return rows


@click.command()
@click.option("--month", type=MONTH, required=True, help="Like 2026-11.")
@click.option("--format", "style", type=FORMAT, default="csv", show_default=True)
def invoices(month: datetime, style: str) -> None:
    """List what each account owes for the periods that began in a month."""
    require_schema_or_exit()
    currency = plans_or_exit(settings_or_exit()).currency
    print_rows(
        [vars(i) | {"currency": currency} for i in invoices_of(month.date(), clock.now())], style
    )


@click.command()
def audit() -> None:
    """Prove the books; exit 1 and name each fault if they do not hold."""
    require_schema_or_exit()
    faults = prove()
    for fault in faults:
        click.echo(str(fault))
    click.echo(f"{count(len(faults), 'fault')}." if faults else "The books hold.")
    sys.exit(1 if faults else 0)


@click.command()
def retry() -> None:
    """Put back what was parked."""
    require_schema_or_exit()
    click.echo(f"Put back: {inbox.retry_parked()} that came in, {outbox.retry_parked()} to go out.")


@click.command("twilio")
@click.option("--sid", required=True, help="The Twilio account's SID, like AC0123….")
@click.option("--account", help="Whose own it is; else its numbers may be anybody's.")
@click.option(
    "--token", prompt=True, hide_input=True, help="Its auth token; asked for if left out."
)
def keep_twilio(sid: str, account: str | None, token: str) -> None:
    """Keep the token of another Twilio account, sealed; a new token if it is known already."""
    require_schema_or_exit()
    settings = settings_or_exit()
    if sid == settings.twilio_account_sid:
        raise click.UsageError("--sid: that is the account of TWILIO_ACCOUNT_SID")
    try:
        connect(settings, sid, token).api.account.fetch()
    except Exception as error:
        why = getattr(error, "msg", None) or type(error).__name__
        raise click.ClickException(f"Twilio does not take this SID and token: {why}") from None
    try:
        new = twilio_accounts.keep(Seal(*settings.keys()), sid, token, account)
    except (ValueError, CannotOpen) as error:
        raise click.UsageError(str(error)) from None
    click.echo(
        "Kept. Add its numbers with `flask setup --line … --twilio …`." if new
        else "Kept. The token before it is still taken in webhooks."
    )  # fmt: skip


@click.command()
def reseal() -> None:
    """Seal the tokens of Twilio accounts with SECRET_KEY, where SECRET_KEY_FORMER opens them."""
    require_schema_or_exit()
    try:
        done = twilio_accounts.reseal(Seal(*settings_or_exit().keys()))
    except CannotOpen as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Sealed: {count(done, 'Twilio account')}. SECRET_KEY_FORMER can be taken away.")


COMMANDS = (
    migrate, setup, handover, plans_on_sale, grant, report, invoices, audit, retry, keep_twilio,
    reseal,
)  # fmt: skip


def print_rows(rows: list[dict[str, Any]], style: str) -> None:
    """Writes rows as CSV, or as JSON."""
    if style == "json":
        click.echo(json.dumps(rows, default=str, indent=1))
    elif rows:
        sheet = csv.DictWriter(sys.stdout, rows[0])
        sheet.writeheader()
        sheet.writerows(
            {
                name: no_formula(cell) if isinstance(cell, str) else cell
                for name, cell in row.items()
            }
            for row in rows
        )
    else:
        click.echo("Nothing in that month.", err=True)


def plans_or_exit(settings: Settings) -> Catalogue:
    """The catalogue of plans; what is wrong in it is named, and we stop."""
    try:
        return plans.load(settings.plans_file)
    except plans.CatalogueError as error:
        click.echo(str(error), err=True)
        sys.exit(2)


def settings_or_exit() -> Settings:
    """The settings from the environment; each wrong one is named in a line, and we stop. The demo
    has its own, and who only asks what there is to type needs none."""
    try:
        return config.load(config.DEMO if sys.argv[1:2] == ["demo"] or _only_asks() else None)
    except config.ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(2)


def typed() -> bool:
    """Whether a `flask` command was typed; else a WSGI server makes the app."""
    context = click.get_current_context(silent=True)
    return context is not None and isinstance(context.find_root().command, FlaskGroup)


def _only_asks() -> bool:
    return typed() and ("--help" in sys.argv or sys.argv[1:] in ([], ["contacts"]))


def require_schema_or_exit() -> None:
    """Stops with what to run if the database is behind."""
    try:
        database.require_schema(MIGRATIONS)
    except database.SchemaBehind as error:
        click.echo(str(error), err=True)
        sys.exit(2)
