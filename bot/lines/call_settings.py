"""What owners and managers settle about a line's calls, and what a text back would cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.contacts import numbers
from bot.errors import Refused, Wrong
from bot.lines import repairs, text_back
from bot.lines.models import Line
from bot.team import roles, viewers
from bot.words import count
from ledger import rates
from ledger.database import transaction

LONGEST_WORDS = 500  # characters, about half a minute of speech
LONGEST_TEXT = 480  # characters, three messages


@dataclass(frozen=True)
class Wanted:
    """How a line's calls are to be taken."""

    mode: str  # message, forward
    words: str  # spoken; none: ours
    user: str | None  # Slack user whose phone rings
    number: str  # as it was typed
    text: str  # back to who was not heard; none: nothing


@dataclass(frozen=True)
class Price:
    """What a text back costs, to a caller with the country code 1 and to any other."""

    home: int
    abroad: int

    @property
    def most(self) -> int:
        """What it may cost at most: no dearer text leaves."""
        return max(self.home, self.abroad)


@transaction
def look(line_id: int, user: str, wanted: Wanted) -> Price | None:
    """Whether the line's calls can be taken so, and the price of its text back; None without one,
    or where the same text was agreed to before. Raises Wrong or Refused."""
    found = roles.line_to_change(line_id, user)
    _number(found, wanted)
    if len(wanted.words) > LONGEST_WORDS:
        raise Wrong("words", f"{len(wanted.words)} characters; {LONGEST_WORDS} is the most.")
    if len(wanted.text) > LONGEST_TEXT:
        raise Wrong("text", f"{len(wanted.text)} characters; {LONGEST_TEXT} is the most.")
    if not wanted.text:
        return None
    price = Price(*text_back.prices(wanted.text))
    agreed = wanted.text == found.text_back and price.most <= found.text_back_up_to
    return None if agreed else price


@transaction
def settle(line_id: int, user: str, wanted: Wanted, agreed: int | None, now: datetime) -> bool:
    """Keeps how a line's calls are taken, and has Twilio bring them here. `agreed` is the most a
    text back may cost, as shown. Returns whether calls come here only now. Raises Wrong or
    Refused."""
    price = look(line_id, user, wanted)
    if price is not None and (agreed is None or price.most > agreed):
        raise Wrong("text", f"A text back costs up to {count(price.most, 'credit')} now.")
    found = roles.line_to_change(line_id, user)
    found.voice_mode, found.voice_words = wanted.mode, wanted.words or None
    if wanted.mode == "forward":
        found.forward_user, found.forward_number = wanted.user, _number(found, wanted)
    if price is not None:
        found.text_back_by, found.text_back_up_to = user, price.most
    found.text_back = wanted.text or None
    found.save(only=[
        Line.voice_mode, Line.voice_words, Line.forward_user, Line.forward_number, Line.text_back,
        Line.text_back_by, Line.text_back_up_to,
    ])  # fmt: skip
    viewers.changed(found.account_id)
    if found.calls_until is None:
        repairs.point_here(found, user, now, calls=True)
    return found.calls_until is None


def _number(found: Line, wanted: Wanted) -> str | None:
    """The phone that rings. Raises Wrong."""
    if wanted.mode != "forward":
        return None
    if not wanted.user:
        raise Wrong("user", "Choose whose phone rings.")
    if roles.role_of(wanted.user, found.account_id) is None:
        raise Wrong("user", "They are not on this line's team. Add them first.")
    if not wanted.number:
        raise Wrong("number", "Give the number of their phone.")
    try:
        number = numbers.read(wanted.number, numbers.region(found.number) or "US")
    except Refused as refusal:
        raise Wrong("number", str(refusal)) from None
    if Line.is_ours(number):
        raise Wrong("number", "That is a line's own number: a call would go round in circles.")
    if _country(number) != _country(found.number):
        raise Wrong("number", "Calls are forwarded within the line's own country alone.")
    if (trouble := numbers.trouble(number)) and "premium" in trouble:
        raise Wrong("number", "That is a premium-rate number. Give their own phone's.")
    return number


def _country(number: str) -> str | None:
    """US and Canada are one to who pays for a call; the islands of +1 are not."""
    found = numbers.region(number)
    if found is None and number.startswith("+1"):
        return "US"
    return "US" if found == "CA" else found


def minute_price() -> str:
    """ "1 credit", for each minute begun of a call that is forwarded."""
    return count(rates.CARD.call_minute, "credit")
