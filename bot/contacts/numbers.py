"""Phone numbers as people type and read them, and as they are kept: E.164, or why not, in plain
words; and what a number says of itself."""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType, ValidationResult

from bot.errors import Refused

E164 = re.compile(r"\+[1-9]\d{6,14}")
PICTURES = {"US", "CA", "PR", "VI", "GU"}  # twilio.com/docs/messaging/guides/accepted-mime-types
LONGEST = 60  # characters that a number is written with
SHORT, MOST_DIGITS = 6, 19  # digits: of a short code, and of anything with an extension
NO_NUMBER = "is not a phone number. Write one like +1 415 555 0100."
#: A spreadsheet's own way to write a long number: its last digits are gone for good.
ROUNDED = re.compile(r"\d(?:[.,]\d+)?E\+\d+", re.IGNORECASE)
KINDS = {
    PhoneNumberType.FIXED_LINE: "a landline",
    PhoneNumberType.PREMIUM_RATE: "a premium-rate number",
    PhoneNumberType.SHARED_COST: "a shared-cost number",
    PhoneNumberType.PAGER: "a pager",
    PhoneNumberType.UAN: "a company's service number",
    PhoneNumberType.VOICEMAIL: "a voicemail box",
}
IMPOSSIBLE = {
    ValidationResult.TOO_SHORT: "has too few digits",
    ValidationResult.TOO_LONG: "has too many digits. Give one number",
    ValidationResult.INVALID_LENGTH: "has too many digits or too few",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "lacks its area code. Write it with one",
    ValidationResult.INVALID_COUNTRY_CODE: "begins with a country code that does not exist",
}


def read(typed: str, region: str) -> str:
    """The number as E.164; without a country code it is one of `region`, like "US".

    Raises Refused with what is wrong with it: no number at all, a short code, an extension.
    """
    text = typed.strip().removeprefix("'").removeprefix("tel:").strip()
    text = re.sub(r"(?<=\d)\.0$", "", text)  # a number that a program took for a quantity
    text = re.sub(r"^00(?=[1-9])", "+", text)  # what many countries dial for the plus
    parsed, fault = _parsed(text, region)
    if parsed is None:
        raise Refused(f"“{text[:LONGEST]}” {fault}")
    verdict = phonenumbers.is_possible_number_with_reason(parsed)
    number = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    if verdict != ValidationResult.IS_POSSIBLE or not E164.fullmatch(number):
        raise Refused(f"“{text}” {IMPOSSIBLE.get(verdict, 'is no number that exists')}.")
    return str(number)


def _parsed(text: str, region: str) -> tuple[PhoneNumber | None, str]:
    """The number, or what keeps the text from being one."""
    digits = sum(letter.isdecimal() for letter in text)
    if ROUNDED.fullmatch(text):
        return None, (
            "was rounded by a spreadsheet. Have its column hold text, and save it once more."
        )
    if digits > MOST_DIGITS:
        return None, "has too many digits. Give one number."
    # What is no number may hold one all the same ("whatsapp:+1415…"), and would be read as that.
    if not digits or len(text) > LONGEST or re.search(r"[:@<>]", text):
        return None, NO_NUMBER
    spelt = any(letter.isalpha() for letter in text)
    if digits <= SHORT and not (spelt or text.startswith("+")):
        return None, "is a short code: it sends texts, but takes none."
    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        abroad = error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE
        return None, "begins with a country code that does not exist." if abroad else NO_NUMBER
    if parsed.extension:
        return None, (
            "has an extension, which no text can reach. "
            "Leave it out if the number itself takes texts."
        )
    if spelt:
        return None, "holds letters. Write its digits alone."
    return parsed, ""


def textable(number: str) -> bool:
    """Whether this is a number one can text back to: E.164, not a short code or a name."""
    return E164.fullmatch(number) is not None


def region(number: str) -> str | None:
    """The country or territory of a number, like "US"; None where it cannot be told."""
    try:
        found: str | None = phonenumbers.region_code_for_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return None
    return found


def takes_pictures(ours: str, theirs: str) -> bool:
    """Whether a picture message can go between these numbers: within the US and Canada alone."""
    return region(ours) in PICTURES and region(theirs) in PICTURES


def spoken(number: str) -> str:
    """The number as people write it: "(415) 555-0100", "+44 20 7946 0000"; others as they are."""
    if not textable(number):
        return number
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    national = parsed.country_code == 1
    style = phonenumbers.PhoneNumberFormat
    return str(
        phonenumbers.format_number(parsed, style.NATIONAL if national else style.INTERNATIONAL)
    )


def alike(number: str) -> str:
    """A number of the same exchange, where a country's exchanges say all there is to say of place
    and time zone: what was worked out for one number of it holds for all."""
    return f"{number[:8]}0100" if len(number) == 12 and number.startswith("+1") else number


def trouble(number: str) -> str | None:
    """What may keep a text to this number from arriving, in words; None if nothing is seen."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return "This is not a phone number."
    if not phonenumbers.is_valid_number(parsed):
        # Numbers kept for films and tests, and those just opened, are in no numbering plan.
        return None if phonenumbers.is_possible_number(parsed) else "No such number is known."
    kind = KINDS.get(phonenumbers.number_type(parsed))
    return f"This looks like {kind}; most take no texts." if kind else None
