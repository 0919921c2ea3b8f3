"""Numbers on sale at the sandbox's Twilio, and what a search finds of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import phonenumbers

from bot.sandbox.twilio.refusals import Refusal

ALL = {"voice": True, "SMS": True, "MMS": True, "fax": False}
LETTERS = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "22233344455566677778889999", strict=True))


@dataclass
class Offer:
    """A number that can be bought."""

    number: str
    country: str = "US"
    kind: str = "Local"
    locality: str | None = None
    region: str | None = None
    capabilities: dict[str, bool] = field(default_factory=lambda: dict(ALL))
    address: str = "none"


def usual() -> list[Offer]:
    """What is on sale before anybody says otherwise."""
    return [
            *(Offer(f"+1415555{n:04d}", locality="San Francisco", region="CA")
              for n in range(3000, 3025)),
            *(Offer(f"+1510555{n:04d}", locality="Oakland", region="CA")
              for n in range(3100, 3105)),
            *(Offer(f"+1800555{n:04d}", kind="TollFree") for n in range(3200, 3203)),
            *(Offer(f"+44790001{n:04d}", "GB", "Mobile",
                    capabilities={**ALL, "MMS": False}) for n in range(3)),
        ]  # fmt: skip


def fits(offer: Offer, asked: Any) -> bool:
    """Whether a search with these parameters finds the number."""
    has = offer.capabilities
    for name, kind in (("SmsEnabled", "SMS"), ("MmsEnabled", "MMS"), ("VoiceEnabled", "voice")):
        if asked.get(name) == "true" and not has[kind]:
            return False
    if asked.get("ExcludeAllAddressRequired") == "true" and offer.address != "none":
        return False
    digits = offer.number.lstrip("+")
    area = asked.get("AreaCode")
    city = asked.get("InLocality")
    region = asked.get("InRegion")
    return (
        (not area or digits.startswith(f"1{area}"))
        and (not city or (offer.locality or "").lower() == city.lower())
        and (not region or offer.region == region)
        and ("Contains" not in asked or _has(asked["Contains"], digits))
    )


def _has(pattern: str, digits: str) -> bool:
    """Twilio's pattern of digits, letters and `*` for any digit, anywhere in the number."""
    if not 2 <= len(pattern) <= 16:
        raise Refusal(21501, "Contains must have 2 to 16 characters")
    wanted = "".join(LETTERS.get(letter, letter) for letter in pattern.upper())
    return re.search(re.escape(wanted.lstrip("+")).replace(r"\*", r"\d"), digits) is not None


def offered(offer: Offer) -> dict[str, Any]:
    """The number as a search shows it."""
    parsed = phonenumbers.parse(offer.number)
    return {
        "friendly_name": phonenumbers.format_number(
            parsed, phonenumbers.PhoneNumberFormat.NATIONAL
        ),
        "phone_number": offer.number, "lata": "722" if offer.country == "US" else None,
        "locality": offer.locality, "rate_center": None, "latitude": None, "longitude": None,
        "region": offer.region, "postal_code": None, "iso_country": offer.country,
        "address_requirements": offer.address, "beta": False, "capabilities": offer.capabilities,
    }  # fmt: skip
