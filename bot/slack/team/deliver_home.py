"""Partyline's Home, on its way to one person."""

from __future__ import annotations

import functools

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot import clock
from bot.carriers import Delivery, Done, Failed, Outcome, Repeatable
from bot.slack.client import permalink, person
from bot.slack.limits import BlockError, check_view
from bot.slack.outcomes import outcome
from bot.slack.team import home_cards
from bot.team import first_run, home
from ledger.plans import Catalogue

log = structlog.get_logger()

#: Somebody who has no Home, and never will.
HOMELESS = {"user_not_found", "user_not_visible", "not_enabled"}


class HomeCarrier(Repeatable):
    """Publishes Partyline's Home to one person, as it is when it leaves."""

    def __init__(self, client: WebClient, catalogue: Catalogue) -> None:
        self.client, self.catalogue = client, catalogue

    def attempt(self, delivery: Delivery) -> Outcome:
        """One views.publish. It needs no hash: a viewer's lane lets out one at a time, and each
        shows what is when it leaves."""
        user = delivery.payload["user"]
        try:
            shown = home.of(user, clock.now())
            first = [] if shown else first_run.first(person(self.client, user))
            link = functools.partial(permalink, self.client)
            view = home_cards.view(shown, first, self.catalogue, link)
            check_view(view)
            self.client.views_publish(user_id=user, view=view)
        except BlockError as error:
            log.error("slack.bad_card", rule=str(error))
            return Failed("Home could not be drawn")
        except SlackApiError as error:
            gone = error.response.get("error") in HOMELESS
            return Failed(str(error.response.get("error"))) if gone else outcome(error)
        except Exception as error:
            return outcome(error)
        return Done({})
