"""Numbers at Twilio, as the rooms speak of them; what asks Twilio is in bot/twilio/numbers.py."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, Protocol

from bot.errors import Refused

#: Countries in which numbers are looked for, with their names and the kind that carries texts.
COUNTRIES = {
    "US": ("United States", "Local"), "CA": ("Canada", "Local"), "PR": ("Puerto Rico", "Local"),
    "GB": ("United Kingdom", "Mobile"), "IE": ("Ireland", "Mobile"),
    "AU": ("Australia", "Mobile"), "DE": ("Germany", "Mobile"), "NL": ("Netherlands", "Mobile"),
    "SE": ("Sweden", "Mobile"), "PL": ("Poland", "Mobile"), "CH": ("Switzerland", "Mobile"),
    "IL": ("Israel", "Mobile"),
}  # fmt: skip
NORTH_AMERICA = {"US", "CA", "PR"}
MOST_DIGITS = 16  # of a pattern, at Twilio
PAGE = 10  # numbers shown at once: as many as Slack lets one choose from


class Unreached(Exception):
    """Twilio could not be asked, or would not say; the message says why, and what to do."""


@dataclass(frozen=True)
class Wanted:
    """What number somebody would like to have."""

    country: str
    toll_free: bool = False
    area: str = ""  # three digits
    city: str = ""
    digits: str = ""  # with * for any digit

    @property
    def kind(self) -> str:
        """Twilio's word for the kind of number."""
        return "TollFree" if self.toll_free else COUNTRIES[self.country][1]


@dataclass(frozen=True)
class ForSale:
    """A number that can be bought."""

    number: str  # E.164
    place: str  # "San Francisco, CA"
    sms: bool
    mms: bool
    voice: bool

    @property
    def carries(self) -> str:
        """ "texts, pictures, calls"."""
        can = (("texts", self.sms), ("pictures", self.mms), ("calls", self.voice))
        return ", ".join(name for name, has in can if has)


@dataclass(frozen=True)
class Held:
    """A number that is in an account at Twilio."""

    sid: str  # PN…
    number: str
    account: str  # AC…
    account_name: str
    ours: bool  # the account of the settings
    points_to: str | None  # the host its texts go to now; none: nowhere
    kept: bool = False  # this account's token is kept here: the number can stay in it
    private: bool = False  # and it is the team's own, which nobody shares
    via: str | None = None  # the account by whose token it is reached; none: that of the settings


@dataclass(frozen=True)
class Own:
    """An agent's own account at Twilio, whose token Twilio took, with the number that is in it."""

    held: Held
    sealed: str  # its token
    parent: str | None


class Numbers(Protocol):
    """What can be asked of Twilio while somebody waits: nothing here changes anything there."""

    @property
    def account(self) -> str:
        """The SID of Partyline's own account."""

    def search(self, wanted: Wanted, most: int) -> list[ForSale]:
        """Numbers that can be bought. Raises Unreached."""

    def find(self, number: str, account_id: int) -> Held | None:
        """Where a number is that our credentials, or those kept for this account, reach. Raises
        Unreached."""

    def own(self, sid: str, token: str, number: str) -> Own:
        """A number in somebody's own account. Raises Unreached."""


def wanted(country: str, toll_free: bool, typed: str) -> Wanted:
    """What somebody typed: an area code, a city, or digits and letters the number should have.

    "415" is an area code, "Oakland" a city, "555*01" and "*HOME" a pattern. Raises Refused.
    """
    if country not in COUNTRIES:
        raise Refused("Numbers of that country are not sold here.")
    if toll_free and country not in NORTH_AMERICA:
        raise Refused("Toll-free numbers are sold in the United States and Canada alone.")
    typed = " ".join(typed.split())
    bare = re.sub(r"[ ()+.-]", "", typed)
    if not typed:
        return Wanted(country, toll_free)
    if re.fullmatch(r"\d{3}", bare) and country in NORTH_AMERICA:
        return Wanted(country, toll_free, area=bare)
    if re.fullmatch(r"[0-9A-Za-z*]+", bare) and re.search(r"[0-9*]", bare):
        if not 2 <= len(bare) <= MOST_DIGITS:
            raise Refused(f"Give 2 to {MOST_DIGITS} digits; * stands for any one.")
        return Wanted(country, toll_free, digits=bare)
    if re.fullmatch(r"[^\W\d_][^\d_*]*", typed):
        return Wanted(country, toll_free, city=typed)
    raise Refused("Give an area code, a city, or digits: 415, Oakland, 555*01.")


Kind = Literal["new", "adopt", "transfer", "own", "support", "release"]
