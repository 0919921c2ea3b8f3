"""Slack's refusals in words, for whoever sees that nothing happens. Slack tells the app alone."""

from __future__ import annotations

from bot.sandbox.slack.files import Refusal

WORDS = {
    "expired_trigger_id": "a form opens only within 3 seconds of the press. Press again",
    "exchanged_trigger_id": "one press opens one form. Press again",
    "push_limit_reached": "three forms lie on one another, and there may be no more. Close one",
    "msg_too_long": "that message is too long",
    "no_text": "a message needs words or blocks",
    "invalid_blocks": "those blocks break a rule of Slack's",
    "invalid_arguments": "that breaks a rule of Slack's",
    "restricted_action_thread_locked": "this thread is locked",
    "not_in_channel": "Partyline is not in that channel. Type /invite @Partyline there",
    "is_archived": "that channel is archived",
}


def words(what: str, refusal: Refusal) -> str | None:
    """What a person may be told of a refusal; None of one that the app deals with by itself."""
    said = WORDS.get(refusal.error)
    if said is None:
        return None
    rules = "; ".join(one.removeprefix("[ERROR] ") for one in refusal.messages)
    return f"Slack refused {what} ({refusal.error}): {said}{f': {rules}' if rules else ''}."
