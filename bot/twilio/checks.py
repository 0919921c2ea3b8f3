"""What Twilio says of a line's number: is it ours, do its texts come here, is it registered?"""

from __future__ import annotations

from typing import Any
from urllib.parse import urldefrag

from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.rest import Client
from twilio.rest.api.v2010.account.incoming_phone_number import IncomingPhoneNumberInstance

from bot.lines.health import Look, Problem
from bot.lines.models import Line
from bot.lines.sealing import CannotOpen
from bot.twilio.accounts import Accounts, NoAccount
from bot.twilio.errors import WRONG_CREDENTIALS
from bot.twilio.upkeep import NOT_FOUND, calls_here, service_of, texts_here
from bot.twilio.usage import is_toll_free
from bot.words import OPERATOR

ASK = f"Ask {OPERATOR}."
REPAIR = "Press *Repair*."
REPAIR_THERE = "Press *Repair* under the message in its channel, or set it at Twilio yourself."
HOW = "docs/how-to/health.md says how."
CAMPAIGNS = 20  # of one service; Twilio allows fewer


def look(accounts: Accounts, line: Line) -> Look:
    """What was looked at, and what is wrong. What Twilio does not answer now is not looked at."""
    try:
        client = accounts.client(line.twilio_id)
    except (NoAccount, CannotOpen):
        says = "The Twilio account of this number is not known here, or its token cannot be opened."
        return Look({"account"}, [Problem("account", says, ASK)])
    try:
        listed = client.incoming_phone_numbers.list(phone_number=line.number, limit=1)
    except Exception as error:
        _ours_to_mend(error)
        return _try(lambda: _turned_away(client))
    if not listed:
        return Look({"account", "gone"}, [Problem(
            "gone", "Twilio no longer has this number in our account: nothing comes in or goes "
            "out.", f"Was it moved to another Twilio account? Then type `/line bring`. Else ask "
            f"{OPERATOR}: a number that was given back can seldom be got again.",
            "Look for it in Twilio's console. If it moved to another account, `/line bring` takes "
            "the line along; if it is lost, `/line release` ends the line.",
        )])  # fmt: skip
    found = Look({"account", "gone"})
    found += _webhooks(accounts.settings.public_url, line, listed[0])
    if service := service_of(accounts.settings, line):
        found += _try(lambda: _service(client, service, accounts, listed[0]))
    if is_toll_free(line.number):
        found += _try(lambda: _toll_free(client, listed[0]))
    return found


def _turned_away(client: Client) -> Look:
    """Whether it is the account that Twilio does not answer. A list that fails does not say."""
    try:
        client.api.account.fetch()
    except TwilioRestException as error:
        if error.status not in (401, 403) and error.code != WRONG_CREDENTIALS:
            raise
        return Look({"account"}, [Problem(
            "account", "Twilio does not take our credentials: no text leaves, and none is found "
            "that was missed.", f"{ASK} The SID and token have to be mended.",
        )])  # fmt: skip
    return Look({"account"})


def _try(check: Any) -> Look:
    """A look, or none where Twilio does not answer."""
    try:
        found: Look = check()
    except Exception as error:
        _ours_to_mend(error)
        return Look()
    return found


def _ours_to_mend(error: Exception) -> None:
    """Raises what is no fault of the network's or of Twilio's."""
    if not isinstance(error, OSError | TwilioException | ValueError) and not hasattr(
        error, "retry_after_s"
    ):
        raise error


def _webhooks(public_url: str, line: Line, number: IncomingPhoneNumberInstance) -> Look:
    """Whether texts, and calls where they ever did, come here."""
    found = Look({"webhooks", "calls"})
    if wrong := _unlike(number, texts_here(public_url)):
        found.problems.append(Problem(
            "webhooks", _where("texts", number, wrong, "sms"), f"{REPAIR} Texts that were missed "
            "are fetched.", REPAIR_THERE,
        ))  # fmt: skip
    if line.calls_until is not None and (wrong := _unlike(number, calls_here(public_url))):
        says = _where("calls", number, wrong, "voice")
        found.problems.append(Problem("calls", says, REPAIR, REPAIR_THERE))
    return found


def _unlike(number: IncomingPhoneNumberInstance, wanted: dict[str, str]) -> list[str]:
    """Which of its settings keep texts or calls from coming here. What only asks to be tried again
    does not: what is missed is found without it, five minutes later."""
    return [
        name
        for name, value in wanted.items()
        if "fallback" not in name
        and urldefrag(getattr(number, name, "") or "").url != urldefrag(value).url
    ]


def _where(what: str, number: IncomingPhoneNumberInstance, wrong: list[str], kind: str) -> str:
    if f"{kind}_application_sid" in wrong:
        return f"An application at Twilio takes its {what}, in place of Partyline."
    url = getattr(number, f"{kind}_url", "") or ""
    if f"{kind}_url" not in wrong:
        return f"Twilio does not bring all of its {what} in the way that Partyline takes."
    ours = calls_here("") if kind == "voice" else texts_here("")
    if url and urldefrag(url).url.endswith(urldefrag(ours[f"{kind}_url"]).url):
        return f"Its {what} go to another address than PUBLIC_URL."
    return f"Its {what} go somewhere else than here." if url else f"Its {what} go nowhere."


def _service(
    client: Client, service: str, accounts: Accounts, number: IncomingPhoneNumberInstance
) -> Look:
    """Whether the Messaging Service lets texts in through, has the number, and is registered."""
    of = client.messaging.v1.services(service)
    resource = of.fetch()
    ours = urldefrag(texts_here(accounts.settings.public_url)["sms_url"]).url
    url = urldefrag(resource.inbound_request_url or "").url
    if not resource.use_inbound_webhook_on_number and url != ours:
        lost = "swallows texts that come in" if not url else "takes texts that come in elsewhere"
        says = f"The Messaging Service {lost}."
        return Look({"service"}, [Problem("service", says, REPAIR, REPAIR_THERE)])
    try:
        of.phone_numbers(str(number.sid)).fetch()
    except TwilioRestException as error:
        if error.status != NOT_FOUND:
            raise
        return Look({"service"}, [Problem(
            "service", "The number is not in the Messaging Service: carriers refuse its texts.",
            REPAIR, REPAIR_THERE,
        )])  # fmt: skip
    found = Look({"service"})
    ours = str(number.phone_number)
    if ours.startswith("+1") and not is_toll_free(ours):
        found += _registered(of.us_app_to_person.list(limit=CAMPAIGNS))
    return found


def _registered(campaigns: list[Any]) -> Look:
    """A2P 10DLC: texts to the US from a number of ten digits need a campaign that was taken."""
    states = [str(one.campaign_status or "").upper() for one in campaigns]
    if "VERIFIED" in states:
        return Look({"registration"})
    if any(state in ("IN_PROGRESS", "PENDING") for state in states):
        says = "Its registration with US carriers (A2P 10DLC) is under way: until it is done, they "
        return _unregistered(f"{says}refuse its texts.", "It takes days or weeks. Wait.")
    if "FAILED" in states:
        failed = campaigns[states.index("FAILED")]
        why = "; ".join(str(one.get("description", "")) for one in failed.errors or [] if one)
        return _unregistered(
            f"US carriers have refused its registration (A2P 10DLC){f': {why}' if why else ''}.",
            f"{ASK} It has to be mended and handed in again in Twilio's console.",
            "Mend it and hand it in again in Twilio's console.",
        )
    says = "It is not registered with US carriers (A2P 10DLC): they refuse its texts."
    return _unregistered(says, f"{ASK} {HOW}", HOW)


def _toll_free(client: Client, number: IncomingPhoneNumberInstance) -> Look:
    """A toll-free number is verified instead."""
    listed = client.messaging.v1.tollfree_verifications.list(
        tollfree_phone_number_sid=str(number.sid), limit=1
    )
    status = str(getattr(listed[0].status, "value", listed[0].status)) if listed else ""
    match status:
        case "TWILIO_APPROVED":
            return Look({"registration"})
        case "PENDING_REVIEW" | "IN_REVIEW":
            says = "This toll-free number is being verified: until then carriers refuse its texts."
            return _unregistered(says, "It takes days. Wait.")
        case "TWILIO_REJECTED":
            why = (listed[0].rejection_reason or "no reason was given").rstrip(".")
            says = f"The verification of this toll-free number was refused: {why}."
            again = "Hand it in again in Twilio's console."
            return _unregistered(says, f"{ASK} It has to be handed in again.", again)
    says = "This toll-free number is not verified: carriers refuse its texts."
    return _unregistered(says, f"{ASK} {HOW}", HOW)


def _unregistered(says: str, advice: str, operator: str = "") -> Look:
    return Look({"registration"}, [Problem("registration", says, advice, operator)])
