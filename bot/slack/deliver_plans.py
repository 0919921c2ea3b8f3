"""What SmartPlans tell members, on its way to Slack: reminders, questions, and that one waits."""

from __future__ import annotations

from datetime import datetime

from slack_sdk import WebClient

from bot.carriers import Again, Delivery, Done, Failed, NotThere, Outcome
from bot.slack import cards, plan_cards
from bot.slack.outcomes import first_taken, keyed, read_back
from bot.smartplans import reminders
from bot.smartplans.models import Enrollment, Reminder, SmartPlan
from ledger.database import session


class PlanCardCarrier:
    """Posts a card to a member as a direct message."""

    lists_late = False

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
        """Keeps where a reminder's card stands."""
        if isinstance(outcome, Done) and delivery.payload["what"] == "reminder":
            result = outcome.result
            reminders.stands_at(delivery.payload["reminder"], result["channel"], result["ts"])


class PlanUpdateCarrier:
    """Brings a reminder's card up to date with its row."""

    lists_late = False

    def __init__(self, client: WebClient) -> None:
        self.client = client

    def attempt(self, delivery: Delivery) -> Outcome:
        """One chat.update."""
        with session():
            reminder = Reminder.get_by_id(delivery.payload["reminder"])
            card = plan_cards.reminder(reminder)
        if reminder.card_ts is None:
            return Again(5, "the card to update is not there yet")

        def update(form: cards.Card, _: int) -> Done:
            self.client.chat_update(channel=str(reminder.channel), ts=str(reminder.card_ts), **form)
            return Done({})

        return first_taken([lambda: card], update, delivery.key)

    def look(self, delivery: Delivery) -> Outcome:
        """An update may be repeated: it says what is, not what changed."""
        return NotThere(1)

    def settle(self, delivery: Delivery, outcome: Done | Failed, now: datetime) -> None:
        """Nothing follows."""


def _card(delivery: Delivery) -> cards.Card:
    told = delivery.payload
    match told["what"]:
        case "reminder":
            return plan_cards.reminder(Reminder.get_by_id(told["reminder"]))
        case "ask":
            enrollment = Enrollment.get_by_id(told["enrollment"])
            return plan_cards.ask(enrollment, told["body"], told["credits"])
    return plan_cards.short(SmartPlan.get_by_id(told["plan"]), told["why"])
