"""What conversations show, on its way to Slack: posts in threads, and updates of them."""

from __future__ import annotations

from datetime import datetime

from slack_sdk import WebClient

from bot import conversations
from bot.carriers import Again, Delivery, Done, Failed, NotThere, Outcome
from bot.models import Conversation, Message
from bot.slack import cards
from bot.slack.outcomes import around, could_not_look, first_taken, found, keyed
from ledger.database import session

#: A thread that takes no more replies: the conversation goes on in a new one.
THREAD_GONE = {
    "Slack: thread_not_found",
    "Slack: cannot_reply_to_message",
    "Slack: restricted_action_thread_locked",
}


class PostCarrier:
    """Posts thread roots, texts and remarks."""

    lists_late = False

    def __init__(self, client: WebClient) -> None:
        self.client = client

    def attempt(self, delivery: Delivery) -> Outcome:
        """One chat.postMessage, with an opaque key in its metadata to find it again by."""
        with session():
            conversation = Conversation.get_by_id(delivery.payload["conversation"])
            channel, thread_ts = conversation.channel, conversation.thread_ts
            card, shown, broadcast = _render(delivery, conversation)
        if delivery.payload["what"] != "root" and thread_ts is None:
            return Again(5, "the thread has no root yet")
        call = {"channel": channel, **keyed(delivery)}
        if thread_ts:
            call |= {"thread_ts": thread_ts, "reply_broadcast": broadcast}

        def post(form: cards.Card, _: int) -> Done:
            return Done({"ts": self.client.chat_postMessage(**call, **form)["ts"], "shown": shown})

        result = first_taken([card], post)
        if thread_ts and isinstance(result, Again) and result.why in THREAD_GONE:
            conversations.thread_gone(delivery.payload["conversation"], thread_ts)
        return result

    def look(self, delivery: Delivery) -> Outcome:
        """Reads the post back by its key. Where Slack lets us not read, it is posted again."""
        with session():
            conversation = Conversation.get_by_id(delivery.payload["conversation"])
            channel, thread_ts = conversation.channel, conversation.thread_ts
        read = {"channel": channel, **around(delivery)}
        try:
            if delivery.payload["what"] == "root":
                page = self.client.conversations_history(**read)
            else:
                page = self.client.conversations_replies(ts=str(thread_ts), **read)
        except Exception as error:
            return could_not_look(error)
        ts = found(delivery, page["messages"])
        return Done({"ts": ts, "shown": None}) if ts else NotThere(1)

    def settle(self, delivery: Delivery, outcome: Done | Failed, now: datetime) -> None:
        """Keeps the post's ts where it will be needed."""
        if isinstance(outcome, Failed):
            return
        what, ts = delivery.payload["what"], outcome.result["ts"]
        if what == "root":
            conversation = Conversation.id == delivery.payload["conversation"]
            Conversation.update(thread_ts=ts).where(conversation).execute()
        elif what == "text":
            kept = {"slack_ts": ts, "shown": outcome.result["shown"]}
            Message.update(**kept).where(Message.id == delivery.payload["message"]).execute()


class UpdateCarrier:
    """Brings a root or a text in Slack up to date with the rows as they are now."""

    lists_late = False

    def __init__(self, client: WebClient) -> None:
        self.client = client

    def attempt(self, delivery: Delivery) -> Outcome:
        """One chat.update; none where Slack shows the same already."""
        with session():
            if "message" in delivery.payload:
                message = Message.get_by_id(delivery.payload["message"])
                conversation, ts = message.conversation, message.slack_ts
                card, shown = cards.text_out(message), cards.state_of(message)
                if message.shown == shown:
                    return Done({})
            else:
                conversation = Conversation.get_by_id(delivery.payload["conversation"])
                ts, card, shown = conversation.thread_ts, cards.root(conversation), None
            channel = conversation.channel
        if ts is None:
            return Again(5, "the post to update is not there yet")

        def update(form: cards.Card, _: int) -> Done:
            self.client.chat_update(channel=channel, ts=ts, **form)
            return Done({"shown": shown})

        return first_taken([card], update)

    def look(self, delivery: Delivery) -> Outcome:
        """An update may be repeated: it says what is, not what changed."""
        return NotThere(1)

    def settle(self, delivery: Delivery, outcome: Done | Failed, now: datetime) -> None:
        """Remembers what the text's copy shows."""
        if isinstance(outcome, Done) and "message" in delivery.payload and outcome.result:
            shown = {"shown": outcome.result["shown"]}
            Message.update(**shown).where(Message.id == delivery.payload["message"]).execute()


def _render(delivery: Delivery, conversation: Conversation) -> tuple[cards.Card, str | None, bool]:
    """The card, the state it shows, and whether the channel sees it too."""
    match delivery.payload["what"]:
        case "root":
            return cards.root(conversation), None, False
        case "remark":
            return cards.note(delivery.payload["text"]), None, False
    message = Message.get_by_id(delivery.payload["message"])
    if message.direction == "in":
        return cards.text_in(message), None, message.in_channel
    return cards.text_out(message), cards.state_of(message), False
