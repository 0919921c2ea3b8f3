"""CSV files of contacts on their way: fetched from Slack, shown as they are read, and sent."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

from slack_sdk import WebClient

from bot.carriers import Again, Carrier, Delivery, Done, Failed, NotThere, Outcome, Repeatable
from bot.contacts import exports, imports, sheet_rows
from bot.contacts.models import Sheet
from bot.contacts.sheets import MOST_BYTES
from bot.downloads import Away, Misled, Shut, Source, TooLarge, Trouble
from bot.errors import Refused
from bot.slack import cards, files
from bot.slack.contacts import sheet_cards
from bot.slack.outcomes import change, first_taken, keyed, outcome, read_back
from ledger.database import session, transaction

FETCHES = 8  # tries, while somebody waits for a preview
IN_MEMORY = 1_000_000  # bytes of a file that are held so; the rest is on disk


class SheetCarrier(Repeatable):
    """Reads a file that somebody gave, and keeps its rows. Done twice, it keeps the same."""

    def __init__(self, client: WebClient, slack: Source) -> None:
        self.client, self.slack = client, slack

    def attempt(self, delivery: Delivery) -> Outcome:
        """One download."""
        sheet = _sheet(delivery)
        try:
            about = files.describe(self.client, sheet.file or {})
            with (
                tempfile.SpooledTemporaryFile(IN_MEMORY) as kept,
                files.fetch(self.slack, about["url_private"], MOST_BYTES) as coming,
            ):
                for chunk in coming.chunks():
                    kept.write(chunk)
                kept.seek(0)
                header, length = sheet_rows.read_in(sheet.id, kept)
        except Refused as refusal:
            return Failed(str(refusal))
        except Trouble as trouble:
            return _not_fetched(trouble, delivery.tries)
        return Done({"header": header, "length": length})

    def settle(self, delivery: Delivery, outcome: Done | Failed, now: datetime) -> None:
        """Has the rows checked, or says what is wrong with the file."""
        sheet = delivery.payload["sheet"]
        if isinstance(outcome, Failed):
            sheet_rows.fail(sheet, outcome.why)
        else:
            sheet_rows.was_read(sheet, outcome.result["header"], outcome.result["length"])


def _not_fetched(trouble: Trouble, tries: int) -> Outcome:
    match trouble:
        case Away(after_s=after_s) if tries < FETCHES:
            return Again(after_s, str(trouble))
        case TooLarge():
            return Failed(f"That file has more than {MOST_BYTES / 1e6:.0f} MB. Cut it in parts.")
        case Shut() | Misled():
            return Failed(
                "Slack does not let Partyline read this file. Attach it in the form of "
                "`/contacts import`."
            )
    return Failed("Slack did not give the file. Attach it once more: `/contacts import`.")


class SheetCardCarrier(Carrier):
    """Posts a sheet's card to who gave it, then brings it up to date."""

    def __init__(self, client: WebClient) -> None:
        self.client = client

    def attempt(self, delivery: Delivery) -> Outcome:
        """One chat.postMessage, or one chat.update where the card stands."""
        with session():
            sheet = Sheet.get_by_id(delivery.payload["sheet"])
            card = _card(sheet)

        def put(form: cards.Card, _: int) -> Done:
            if sheet.ts:
                change(self.client, str(sheet.channel), sheet.ts, form)
                return Done({})
            posted = self.client.chat_postMessage(channel=sheet.user, **keyed(delivery), **form)
            return Done({"ts": posted["ts"], "channel": posted["channel"]})

        return first_taken([card], put, delivery.key)

    def look(self, delivery: Delivery) -> Outcome:
        """Reads the post back by its key; an update is made again."""
        sheet = _sheet(delivery)
        return NotThere(1) if sheet.ts else read_back(self.client, delivery, sheet.user)

    def settle(self, delivery: Delivery, outcome: Done | Failed, now: datetime) -> None:
        """Keeps where the card stands."""
        if isinstance(outcome, Done) and "ts" in outcome.result:
            stands = {"ts": outcome.result["ts"], "channel": outcome.result["channel"]}
            Sheet.update(**stands).where(Sheet.id == delivery.payload["sheet"]).execute()


class SheetFileCarrier(Repeatable):
    """Ties to a sheet's card a file of the rows that need a look; without it, the card still lists
    the first of them. A file of a try before is named by no message, so nobody sees it."""

    def __init__(self, client: WebClient) -> None:
        self.client = client

    def attempt(self, delivery: Delivery) -> Outcome:
        """One upload, and one chat.update that ties it to the card; nothing where all is well."""
        with session():
            sheet = Sheet.get_by_id(delivery.payload["sheet"])
            content = imports.problems_csv(sheet) if imports.problems(sheet, 1) else b""
            card = _card(sheet)
        if not content:
            return Done({})
        if sheet.ts is None:
            return Again(5, "the card is not there yet")
        try:
            file = files.upload(
                self.client, f"{Path(sheet.name).stem[:60]} - rows to look at.csv", content,
                f"Rows of {sheet.name} to look at (CSV)", None,
            )  # fmt: skip
        except Exception as error:
            return outcome(error)

        def tie(form: cards.Card, _: int) -> Done:
            change(self.client, str(sheet.channel), str(sheet.ts), form, [file])
            return Done({})

        return first_taken([card], tie, delivery.key)


class ExportCarrier(Carrier):
    """Sends all contacts of an account, as a CSV file, to who asked."""

    def __init__(self, client: WebClient) -> None:
        self.client = client

    def attempt(self, delivery: Delivery) -> Outcome:
        """One chat.postMessage."""
        card = sheet_cards.export(exports.count(delivery.payload["account"]))

        def post(form: cards.Card, _: int) -> Done:
            to = delivery.payload["to"]
            posted = self.client.chat_postMessage(channel=to, **keyed(delivery), **form)
            return Done({"ts": posted["ts"], "channel": posted["channel"]})

        return first_taken([card], post, delivery.key)

    def look(self, delivery: Delivery) -> Outcome:
        """Reads the post back by its key."""
        return read_back(self.client, delivery, delivery.payload["to"])

    def settle(self, delivery: Delivery, outcome: Done | Failed, now: datetime) -> None:
        """The file follows."""
        if isinstance(outcome, Done):
            exports.posted(delivery.key, delivery.payload, outcome.result)


class ExportFileCarrier(Repeatable):
    """Ties the file of an export to its post. A file of a try before is named by no message, so
    nobody sees it."""

    def __init__(self, client: WebClient) -> None:
        self.client = client

    def attempt(self, delivery: Delivery) -> Outcome:
        """One upload, and one chat.update."""
        about = delivery.payload
        content, length = exports.to_csv(about["account"])
        try:
            file = files.upload(self.client, "contacts.csv", content, "All contacts (CSV)", None)
        except Exception as error:
            return outcome(error)

        def tie(form: cards.Card, _: int) -> Done:
            change(self.client, about["channel"], about["ts"], form, [file])
            return Done({})

        return first_taken([sheet_cards.export(length)], tie, delivery.key)


def _card(sheet: Sheet) -> cards.Card:
    first = imports.first(sheet, sheet_cards.SAMPLED) if sheet.state == "ready" else ()
    return sheet_cards.sheet(sheet, imports.problems(sheet, sheet_cards.SHOWN), first)


@transaction
def _sheet(delivery: Delivery) -> Sheet:
    found: Sheet = Sheet.get_by_id(delivery.payload["sheet"])
    return found
