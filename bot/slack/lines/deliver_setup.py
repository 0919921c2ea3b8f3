"""What setting up a number needs of Slack: its channel, the modal that follows it, the news."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.carriers import Again, Carrier, Delivery, Done, Failed, NotThere, Outcome, Unknown
from bot.lines import steps
from bot.lines.models import Line, Setup
from bot.slack.lines import setup_cards
from bot.slack.outcomes import CLOCKS_APART_S, first_taken, keyed, outcome, read_back
from ledger.database import session

#: Why the app cannot let itself in; somebody who is in the channel has to invite it.
CLOSED = {
    "channel_not_found", "method_not_supported_for_channel_type", "missing_scope",
    "channel_is_limited_access", "restricted_action", "no_permission", "too_many_members",
}  # fmt: skip
#: Why no channel can be made.
UNMADE = {
    "name_taken": "There is a channel of that name already. Choose it in the line's settings.",
    "restricted_action": "This workspace lets apps make no channels. Make one, then choose it in "
                         "the line's settings: `/line settings`.",
}  # fmt: skip
NO_CHANNEL = "Slack could not make that channel ({error}). Choose one: `/line settings`."
PAGE = 1000  # channels


class SetupPostCarrier(Carrier):
    """Takes the steps of a set-up that are Slack's to do, and shows how far it is."""

    def __init__(self, client: WebClient) -> None:
        self.client = client

    def attempt(self, delivery: Delivery) -> Outcome:
        """The channel is made or entered; a modal is drawn anew; something is posted."""
        told = delivery.payload
        with session():
            one = Setup.get_by_id(told["setup"])
            where = one.details.get("channel") or (one.line and one.line.channel)
        match told["what"]:
            case "view":
                return self._show(one)
            case "told" | "reminder":
                card = setup_cards.told if told["what"] == "told" else setup_cards.reminder
                return first_taken([lambda: card(one)], self._poster(delivery), delivery.key)
        try:
            took = self._make(one) if one.details.get("make") else self._enter(str(where))
        except Exception as error:
            took = self._refused(one, error)
        if isinstance(took, Again | Unknown):
            steps.delayed(one.id, "channel", "Slack does not answer as it should.")
        return took

    def look(self, delivery: Delivery) -> Outcome:
        """A post is read back; all else is done again, and finds what was done."""
        if delivery.payload["what"] in ("told", "reminder"):
            return read_back(self.client, delivery, delivery.payload["to"])
        return NotThere(1)

    def settle(self, delivery: Delivery, outcome: Done | Failed, now: datetime) -> None:
        """Moves the set-up on."""
        told = delivery.payload
        if told["what"] != "channel":
            return
        if isinstance(outcome, Done):
            steps.stepped(told["setup"], "channel", outcome.result, now)
        else:
            steps.failed(told["setup"], "channel", outcome.why, now)

    def _poster(self, delivery: Delivery) -> Any:
        def post(form: dict[str, Any], _: int) -> Done:
            self.client.chat_postMessage(channel=delivery.payload["to"], **keyed(delivery), **form)
            return Done({})

        return post

    def _show(self, one: Setup) -> Outcome:
        with session():
            view = setup_cards.progress(one)
        try:
            self.client.views_update(view_id=str(one.view), view=view)
        except SlackApiError as error:
            if error.response.get("error") == "not_found":  # closed meanwhile
                return Done({})
            return outcome(error)
        except Exception as error:
            return outcome(error)
        return Done({})

    def _make(self, one: Setup) -> Outcome:
        """A public channel, with whoever wanted it in it."""
        channel = self.client.conversations_create(name=one.details["make"])["channel"]["id"]
        return self._invited(channel, one.by)

    def _invited(self, channel: str, user: str) -> Done:
        try:
            self.client.conversations_invite(channel=channel, users=user)
        except SlackApiError as error:
            if error.response.status_code == 429 or error.response.status_code >= 500:
                raise  # it is done again; else they find the channel by themselves
        return Done({"channel": channel, "joined": True})

    def _enter(self, channel: str) -> Outcome:
        told = self.client.conversations_info(channel=channel)["channel"]
        if told.get("is_archived"):
            return Failed("That channel is archived. Choose another one: `/line settings`.")
        if not told.get("is_member"):
            self.client.conversations_join(channel=channel)
        return Done({"channel": channel, "joined": True})

    def _refused(self, one: Setup, error: Exception) -> Outcome:
        """What a refusal means; a channel of that name may be ours already."""
        try:
            return self._meant(one, error)
        except Exception as another:
            return outcome(another)

    def _meant(self, one: Setup, error: Exception) -> Outcome:
        if not isinstance(error, SlackApiError):
            return outcome(error)
        name = str(error.response.get("error"))
        wanted, channel = one.details.get("make"), one.details.get("channel")
        if wanted is None:
            if name in CLOSED:
                return Done({"channel": channel, "joined": False})
            return outcome(error)
        if name == "name_taken" and (made := self._made(wanted, one)):
            return self._invited(made, one.by)
        if name in UNMADE or name.startswith("invalid_name") or name in CLOSED:
            return Failed(UNMADE.get(name, NO_CHANNEL.format(error=name)))
        return outcome(error)

    def _made(self, name: str, one: Setup) -> str | None:
        """A channel of this name that we made for this line, by a call whose answer was lost."""
        me, cursor = self.client.auth_test()["user_id"], ""
        while True:
            page = self.client.conversations_list(
                types="public_channel", exclude_archived=True, limit=PAGE, cursor=cursor
            )
            for room in page["channels"]:
                ours = room.get("creator") == me and room.get("created", 0) >= (
                    one.made_at.timestamp() - CLOCKS_APART_S
                )
                if room["name"] == name and ours and not _is_anothers(room["id"], one):
                    return str(room["id"])
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return None


def _is_anothers(channel: str, one: Setup) -> bool:
    """Whether another line has the channel."""
    with session():
        others = (Line.channel == channel) & (Line.id != one.line_id)
        return bool(Line.live().where(others).exists())
