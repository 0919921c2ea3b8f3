"""What a text's attachments look like in its thread, as plain dicts."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from bot.contacts import contacts
from bot.slack.cards import Card, context, mrkdwn
from bot.talks.models import Message
from bot.words import count, escape

#: What Slack's image block shows.
SHOWN = ("image/jpeg", "image/png", "image/gif")


def is_picture(file: dict[str, Any]) -> bool:
    """Whether an attachment, as a message keeps it, is shown as a picture."""
    return file.get("type") in SHOWN


def pictures(message: Message, tied: Collection[str] = ()) -> Card:
    """The attachments of a text in, in their order; what could not be brought is said.

    Files that are `tied` to the post are shown by Slack below it.
    """
    name = escape(contacts.name_of(message.conversation.contact))
    blocks, said = [context(f":paperclip: {name} · {_counted(message.media)}")], []
    for place, file in enumerate(message.media):
        words = _words(file, place, len(message.media), name)
        said.append(words)
        if is_picture(file) and file["file"] not in tied:
            blocks.append(_image(file, words))
        elif "failed" in file:
            blocks.append(mrkdwn(f":warning: {words}"))
    return {"text": f"{name}: {'. '.join(said)}", "blocks": blocks}


def _counted(media: list[dict[str, Any]]) -> str:
    seen = [file for file in media if "failed" not in file]
    if seen and all(map(is_picture, seen)):
        return count(len(media), "picture")
    return count(len(media), "attachment")


def _words(file: dict[str, Any], place: int, of: int, name: str) -> str:
    what = "Picture" if is_picture(file) else "Attachment"
    number = f" {place + 1} of {of}" if of > 1 else ""
    if "failed" in file:
        return f"{what}{number} could not be brought here. {escape(file['failed'])}"
    return f"{what}{number} from {name}"


def _image(file: dict[str, Any], words: str) -> dict[str, Any]:
    return {"type": "image", "slack_file": {"id": file["file"]}, "alt_text": words}
