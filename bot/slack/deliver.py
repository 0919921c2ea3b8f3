"""What conversations show, on its way to Slack: posts in threads, and updates of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from slack_sdk import WebClient

from bot import clock, contacts, conversations
from bot.carriers import Again, Delivery, Done, Failed, NotThere, Outcome
from bot.models import Conversation, Draft, Message
from bot.slack import cards, thread_cards
from bot.slack.client import permalink
from bot.slack.outcomes import around, could_not_look, first_taken, found, keyed, outcome
from ledger.database import session

#: A thread that takes no more replies: the conversation goes on in a new one.
THREAD_GONE = {
    "Slack: thread_not_found",
    "Slack: cannot_reply_to_message",
    "Slack: restricted_action_thread_locked",
}
#: A channel that takes nothing from us; in words for whoever must mend it.
CHANNEL_GONE = {
    "Slack: is_archived": "the channel is archived. Bring it back, or give the line another one",
    "Slack: channel_not_found": "the channel is gone or private. Invite @Partyline to it",
    "Slack: not_in_channel": "@Partyline is not in the channel. Invite it",
    "Slack: restricted_action": "only some people may post in the channel. Let @Partyline, too",
    "Slack: restricted_action_read_only_channel": "nobody may post in the channel",
}


class Shown(NamedTuple):
    """A card, and what it says of a row that may have moved on by the time it stands in Slack."""

    card: cards.Card
    state: str | None = None
    broadcast: bool = False


class PostCarrier:
    """Posts thread roots, texts, reply cards and remarks."""

    lists_late = False

    def __init__(self, client: WebClient) -> None:
        self.client = client

    def attempt(self, delivery: Delivery) -> Outcome:
        """One chat.postMessage, with an opaque key in its metadata to find it again by."""
        conversation_id = delivery.payload["conversation"]
        with session():
            conversation = Conversation.get_by_id(conversation_id)
            channel, thread_ts = conversation.channel, conversation.thread_ts
            try:
                shown = _new(delivery, conversation, self.client)
            except Exception as error:
                return outcome(error)
        if delivery.payload["what"] != "root" and thread_ts is None:
            return Again(5, "the thread has no root yet")
        call = {"channel": channel, **keyed(delivery)}
        if thread_ts:
            call |= {"thread_ts": thread_ts, "reply_broadcast": shown.broadcast}

        def post(form: cards.Card, _: int) -> Done:
            posted = self.client.chat_postMessage(**call, **form)
            return Done({"ts": posted["ts"], "state": shown.state})

        return heed(first_taken([shown.card], post), conversation_id, thread_ts)

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
        return Done({"ts": ts, "state": None}) if ts else NotThere(1)

    def settle(self, delivery: Delivery, outcome: Done | Failed, now: datetime) -> None:
        """Keeps the post's ts where it will be needed."""
        if isinstance(outcome, Failed):
            return
        ts, state = outcome.result["ts"], outcome.result["state"]
        match delivery.payload["what"]:
            case "root":
                conversations.rooted(delivery.payload["conversation"], ts)
            case "text":
                conversations.shown(delivery.payload["message"], ts, state)
            case "draft":
                draft_id = delivery.payload["draft"]
                Draft.update(card_ts=ts).where(Draft.id == draft_id).execute()
                draft = Draft.get_by_id(draft_id)
                if _state(draft) != state:
                    conversations.show_draft(draft)


def heed(result: Outcome, conversation_id: int, thread_ts: str | None) -> Outcome:
    """The outcome of a post; where thread or channel takes none, the conversation goes on
    elsewhere."""
    if isinstance(result, Again):
        if thread_ts and result.why in THREAD_GONE:
            conversations.thread_gone(conversation_id, thread_ts)
        elif result.why in CHANNEL_GONE:
            conversations.fall_back(conversation_id, CHANNEL_GONE[result.why])
    return result


class UpdateCarrier:
    """Brings a root, a text or a reply's card in Slack up to date with the rows as they are now."""

    lists_late = False

    def __init__(self, client: WebClient) -> None:
        self.client = client

    def attempt(self, delivery: Delivery) -> Outcome:
        """One chat.update; none where Slack shows the same already."""
        try:
            with session():
                channel, ts, card, state = self._now(delivery)
        except Exception as error:
            return outcome(error)
        if card is None:
            return Done({})
        if ts is None:
            return Again(5, "the post to update is not there yet")

        def update(form: cards.Card, _: int) -> Done:
            self.client.chat_update(channel=channel, ts=ts, **form)
            return Done({"state": state})

        return first_taken([card], update)

    def _now(
        self, delivery: Delivery
    ) -> tuple[str, str | None, cards.Card | None, str | None]:  # fmt: skip
        """Channel and ts of a post, what it is to show, and in which state."""
        about = delivery.payload
        if "message" in about:
            message = Message.get_by_id(about["message"])
            state = thread_cards.state_of(message)
            card = None if message.shown == state else thread_cards.text_out(message)
            return message.conversation.channel, message.slack_ts, card, state
        if "draft" in about:
            draft = Draft.get_by_id(about["draft"])
            sent = Message.get_or_none(Message.draft == draft.id)
            if sent is not None and sent.slack_ts == draft.card_ts:
                return draft.talk.channel, draft.card_ts, None, None
            card = thread_cards.reply(draft, clock.now())
            return draft.talk.channel, draft.card_ts, card, None
        talk = Conversation.get_by_id(about["conversation"])
        if "former" in about:
            link = permalink(self.client, talk.channel, str(talk.thread_ts))
            name = contacts.name_of(talk.contact)
            return talk.channel, about["former"], thread_cards.moved(name, link), None
        return talk.channel, talk.thread_ts, _root(talk, self.client), None

    def look(self, delivery: Delivery) -> Outcome:
        """An update may be repeated: it says what is, not what changed."""
        return NotThere(1)

    def settle(self, delivery: Delivery, outcome: Done | Failed, now: datetime) -> None:
        """Remembers what the text's copy shows."""
        if isinstance(outcome, Done) and "message" in delivery.payload and outcome.result:
            shown = {"shown": outcome.result["state"]}
            Message.update(**shown).where(Message.id == delivery.payload["message"]).execute()


def _new(delivery: Delivery, conversation: Conversation, client: WebClient) -> Shown:
    about = delivery.payload
    match about["what"]:
        case "root":
            return Shown(_root(conversation, client))
        case "remark":
            return Shown(cards.note(about["text"]))
        case "draft":
            draft = Draft.get_by_id(about["draft"])
            return Shown(thread_cards.reply(draft, clock.now()), _state(draft))
    message = Message.get_by_id(about["message"])
    if about["what"] == "stop_wish":
        return Shown(thread_cards.stop_wish(message))
    if message.direction == "in":
        card = thread_cards.text_in(message, about.get("call"))
        return Shown(card, None, message.in_channel)
    return Shown(thread_cards.text_out(message), thread_cards.state_of(message))


def _root(conversation: Conversation, client: WebClient) -> cards.Card:
    former: Any = conversation.former_ts
    if former:
        former = permalink(client, conversation.channel, former)
    return thread_cards.root(conversation, former)


def _state(draft: Draft) -> str:
    return f"{draft.state} {draft.version}"
