"""What a Twilio account bills by the month, beside each text and call: numbers and fees."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import phonenumbers
from phonenumbers import PhoneNumberType
from twilio.rest import Client

#: Twilio's categories of usage (twilio.com/docs/usage/api/usage-record).
NUMBERS = {
    "phonenumbers-local": "local", "phonenumbers-tollfree": "tollfree",
    "phonenumbers-mobile": "mobile",
}  # fmt: skip
KINDS = {PhoneNumberType.TOLL_FREE: "tollfree", PhoneNumberType.MOBILE: "mobile"}
FEES = {
    "sms-messages-carrierfees", "mms-messages-carrierfees", "failed-message-processing-fee",
}  # fmt: skip


@dataclass(frozen=True)
class Bill:
    """A month of a Twilio account, in millionths of its currency."""

    number_micros: dict[str, int] = field(default_factory=dict)  # of one number, by its kind
    fees_micros: int = 0  # carriers', and Twilio's for texts that failed; for all texts

    def of_number(self, number: str) -> int | None:
        """What this number costs; None where the bill does not say."""
        return self.number_micros.get(kind_of(number))


def bill(client: Client, first: date, last: date) -> Bill:
    """What was billed on these days, without the accounts below this one: their lines have bills
    of their own. Raises what Twilio's client raises."""
    numbers, fees = {}, 0
    asked = {"start_date": first, "end_date": last, "include_subaccounts": False}
    for record in client.usage.records.list(**asked):
        micros = round(Decimal(str(record.price or 0)) * 1_000_000)
        if record.category in FEES:
            fees += micros
        elif record.category in NUMBERS and (count := int(record.count or 0)):
            numbers[NUMBERS[record.category]] = micros // count
    return Bill(numbers, fees)


def share(whole: int, of: int, among: Iterable[int]) -> int:
    """A line's part of what was billed for all: by its segments among theirs."""
    every = sum(among)
    return whole * of // every if every else 0


def kind_of(number: str) -> str:
    """Under which kind Twilio bills a number. In the US and Canada mobiles are local."""
    kind = phonenumbers.number_type(phonenumbers.parse(number))
    return KINDS.get(kind, "local")


def is_toll_free(number: str) -> bool:
    """Whether a number is toll-free: it is verified where others are registered."""
    return number.startswith("+1") and kind_of(number) == "tollfree"
