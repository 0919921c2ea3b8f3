"""What SmartPlans tell members, on its way to Slack: reminders, questions, and that one waits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from slack_sdk import WebClient

from bot.carriers import Carrier, Delivery, Done, Failed, Outcome, Repeatable
from bot.slack import cards
from bot.slack.outcomes import change, first_taken, keyed, read_back
from bot.slack.smartplans import bulk_cards, plan_cards
from bot.smartplans import bulks, reminders
from bot.smartplans.models import Bulk, Enrollment, Reminder, SmartPlan
from ledger.database import session


class PlanCardCarrier(Carrier):
    """Posts a card to a member as a direct message."""

    def __init__(self, client: WebClient) -> None:
        self.client = client

    def attempt(self, delivery: Delivery) -> Outcome:
        """One chat.postMessage."""

        def post(form: cards.Card, _: int) -> Done:
            posted = self.client.chat_postMessage(
                channel=delivery.payload["to"], **keyed(delivery), **form
            )
            return Done({"ts": posted["ts"], "channel": posted["channel"]})

        with session():
            card = _card(delivery)
        return first_taken([lambda: card], post, delivery.key)

    def look(self, delivery: Delivery) -> Outcome:
        """Reads the post back by its key."""
        return read_back(self.client, delivery, delivery.payload["to"])

    def settle(self, delivery: Delivery, outcome: Done | Failed, now: datetime) -> None:
        """Keeps where a card stands that will change."""
        told = delivery.payload
        if isinstance(outcome, Done) and told["what"] in STANDS_AT:
            result = outcome.result
            STANDS_AT[told["what"]](told[told["what"]], result["channel"], result["ts"])


class PlanUpdateCarrier(Repeatable):
    """Brings a card up to date with its row, a reminder's or that of many put on a plan."""

    def __init__(self, client: WebClient) -> None:
        self.client = client

    def attempt(self, delivery: Delivery) -> Outcome:
        """One chat.update."""
        with session():
            row = _row(delivery)
            card = _card(delivery)
        if row.card_ts is None:  # it never came, or another is on its way, which shows how it is
            return Done({})

        def update(form: cards.Card, _: int) -> Done:
            change(self.client, str(row.channel), str(row.card_ts), form)
            return Done({})

        return first_taken([lambda: card], update, delivery.key)


STANDS_AT: dict[str, Callable[[int, str, str], None]] = {
    "reminder": reminders.stands_at,
    "bulk": bulks.stands_at,
}


def _row(delivery: Delivery) -> Reminder | Bulk:
    told = delivery.payload
    found: Reminder | Bulk = (
        Bulk.get_by_id(told["bulk"]) if "bulk" in told else Reminder.get_by_id(told["reminder"])
    )
    return found


def _card(delivery: Delivery) -> cards.Card:
    told = delivery.payload
    match told["what"]:
        case "bulk":
            return bulk_cards.card(Bulk.get_by_id(told["bulk"]))
        case "reminder":
            return plan_cards.reminder(Reminder.get_by_id(told["reminder"]))
        case "ask":
            enrollment = Enrollment.get_by_id(told["enrollment"])
            return plan_cards.ask(enrollment, told["body"], told["credits"])
    return plan_cards.short(SmartPlan.get_by_id(told["plan"]), told["why"])
