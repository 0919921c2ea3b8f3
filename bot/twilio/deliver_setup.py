"""The steps of setting up a number that are Twilio's to do: one call each, then looked up.

Nothing is bought twice: a number is bought by its digits alone, and a purchase whose outcome nobody
knows is looked for in the account before anything else is done.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urldefrag

from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client
from twilio.rest.api.v2010.account.incoming_phone_number import IncomingPhoneNumberInstance

from bot.carriers import Again, Carrier, Delivery, Done, Failed, NotThere, Outcome, Unknown
from bot.lines import steps
from bot.lines.models import Setup
from bot.twilio.accounts import Accounts
from bot.twilio.client import status_of
from bot.twilio.deliver import outcome
from bot.twilio.upkeep import calls_here, texts_here
from bot.words import OPERATOR
from ledger.database import session

IN_THIS_SERVICE, IN_ANOTHER_SERVICE = 21710, 21712
#: What Twilio says of a number it will not sell, move or change, and what to do.
REFUSED = {
    21404: "Twilio does not take that name. Choose another one.",
    21421: "Twilio does not know such a number.",
    21422: "Somebody else took this number just now. Choose another one.",
    21452: "Twilio has no such number left. Choose another one.",
    21473: "The two Twilio accounts are not related, so Twilio moves no number between them.",
    21474: "Only the account above both can move a number, and Partyline has another one's token. "
           f"Ask {OPERATOR} to keep that account: `flask twilio`.",
    21631: f"Numbers of that place need an address at Twilio. Ask {OPERATOR}.",
    21649: f"Numbers of that country need papers at Twilio (a bundle). Ask {OPERATOR}.",
    21650: f"Numbers of that country need papers at Twilio (a bundle). Ask {OPERATOR}.",
    20404: "Twilio no longer has this number there.",
}  # fmt: skip
#: Where a number's texts and calls go: what is kept, to be put back.
WEBHOOKS = (
    "sms_application_sid", "sms_url", "sms_method", "sms_fallback_url", "sms_fallback_method",
    "voice_application_sid", "voice_url", "voice_method", "voice_fallback_url",
    "voice_fallback_method", "status_callback", "status_callback_method", "trunk_sid",
)  # fmt: skip
#: Those that we set of texts, and of calls, by the address that tells whether they come here.
HERE = {"sms_url": tuple(texts_here("")), "voice_url": tuple(calls_here(""))}
USUAL = dict.fromkeys(
    ("sms_method", "sms_fallback_method", "voice_method", "voice_fallback_method",
     "status_callback_method"), "POST",
)  # fmt: skip
SWALLOWS = (
    "The number works, but is not in Twilio's Messaging Service: that would swallow texts that "
    f"come in. Ask {OPERATOR} to have it use the number's own webhook."
)
ELSEWHERE = (
    "The number works, but is in another Messaging Service than Partyline's. "
    f"Ask {OPERATOR} whether texts still come in there."
)
NOT_TAKEN = (
    "Twilio did not take the token of your account any more, so its texts may still be sent here. "
    "Point the number elsewhere in Twilio's console."
)


class SetupCarrier(Carrier):
    """Takes one step of one set-up."""

    def __init__(self, accounts: Accounts) -> None:
        self.accounts = accounts
        self.settings = accounts.settings
        public = self.settings.public_url
        self.here = texts_here(public) | calls_here(public)

    def attempt(self, delivery: Delivery) -> Outcome:
        """The step's one call; before it, some read how things are."""
        one, step = self._setup(delivery)
        try:
            took: Outcome = getattr(self, f"_{step}")(one)
        except Exception as error:
            took = self._refused(one, step, error)
        if isinstance(took, Again | Unknown):
            steps.delayed(one.id, step, "Twilio does not answer as it should. It is tried again.")
        return took

    def look(self, delivery: Delivery) -> Outcome:
        """Whether the step was taken. What only says how things are to be is done again."""
        one, step = self._setup(delivery)
        if step not in ("buy", "move", "leave"):
            return NotThere(1)
        try:
            held = self._held(one)
        except Exception as error:
            found = outcome(error)
            return found if isinstance(found, Again) else Again(15, "Twilio did not answer")
        if step == "leave":
            gone = held is None and one.details["how"] == "give_back"
            return Done({}) if gone else NotThere(1)
        is_ours = held is not None and (step == "move" or self._is_bought(held))
        return Done({"sid": held.sid}) if held is not None and is_ours else NotThere(1)

    def settle(self, delivery: Delivery, outcome: Done | Failed, now: datetime) -> None:
        """Moves the set-up on."""
        told = delivery.payload
        if isinstance(outcome, Done):
            steps.stepped(told["setup"], told["what"], outcome.result, now)
        else:
            steps.failed(told["setup"], told["what"], outcome.why, now)

    def _setup(self, delivery: Delivery) -> tuple[Setup, str]:
        with session():
            return Setup.get_by_id(delivery.payload["setup"]), str(delivery.payload["what"])

    def _client(self, one: Setup) -> Client:
        return self.accounts.client(one.twilio_id)

    def _held(self, one: Setup, account: str | None = None) -> IncomingPhoneNumberInstance | None:
        """The number in the account that it is or comes to; or in another one, by the token that
        reaches it."""
        client = self.accounts.client(one.details.get("via")) if account else self._client(one)
        of = client.api.v2010.accounts(account) if account else client.api.v2010.account
        listed = of.incoming_phone_numbers.list(phone_number=one.number, limit=1, page_size=1)
        return listed[0] if listed else None

    def _is_bought(self, held: IncomingPhoneNumberInstance) -> bool:
        """Whether a number in our account is there because we bought it: its texts come here."""
        return self._comes_here(held, "sms_url")

    def _comes_here(self, held: IncomingPhoneNumberInstance, url: str) -> bool:
        return bool(urldefrag(getattr(held, url) or "").url == urldefrag(self.here[url]).url)

    # The steps

    def _buy(self, one: Setup) -> Outcome:
        bought = self._client(one).incoming_phone_numbers.create(
            phone_number=one.number,
            friendly_name=(one.details["name"] or f"Partyline {one.number}")[:64],
            **{name: value for name, value in self.here.items() if value},
        )
        return Done({"sid": bought.sid})

    def _remember(self, one: Setup) -> Outcome:
        held = self._held(one, one.details.get("from_"))
        if held is None:
            return Failed(REFUSED[20404])
        former = {name: getattr(held, name) or "" for name in WEBHOOKS}
        known = (one.line and one.line.former_webhooks) or {}
        for url, names in HERE.items():
            if self._comes_here(held, url):  # already: from where it went before, if that is known
                former |= {name: known.get(name, "") for name in names}
        return Done({"sid": held.sid, "former": former})

    def _move(self, one: Setup) -> Outcome:
        ours = self.settings.twilio_account_sid
        above = self.accounts.client(one.details.get("via"))
        losing = above.api.v2010.accounts(one.details["from_"])
        moved = losing.incoming_phone_numbers(str(one.sid)).update(account_sid=ours)
        return Done({"sid": moved.sid})

    def _point(self, one: Setup) -> Outcome:
        held = self._client(one).incoming_phone_numbers(str(one.sid)).update(**self.here)
        return Done({"sid": held.sid})

    def _service(self, one: Setup) -> Outcome:
        sid = self.settings.twilio_messaging_service_sid
        if sid is None or one.twilio_id is not None:
            return Done({})
        service = self._client(one).messaging.v1.services(sid)
        how = service.fetch()
        ours = urldefrag(self.here["sms_url"]).url
        if not how.use_inbound_webhook_on_number and (
            urldefrag(how.inbound_request_url or "").url != ours
        ):
            return Done({"remark": SWALLOWS})
        service.phone_numbers.create(phone_number_sid=str(one.sid))
        return Done({})

    def _leave(self, one: Setup) -> Outcome:
        held, line = self._held(one), one.line
        if held is None or line is None:
            return Done({})
        number = self._client(one).incoming_phone_numbers(str(held.sid))
        if one.details["how"] == "give_back":
            number.delete()
        elif put_back := self._put_back(held, line.former_webhooks or {}):
            number.update(**put_back)
        return Done({})

    def _put_back(
        self, held: IncomingPhoneNumberInstance, former: dict[str, str]
    ) -> dict[str, str]:  # fmt: skip
        """Where its texts and calls went before, of those that come here now: what somebody has
        pointed elsewhere meanwhile stays so."""
        changes: dict[str, str] = {}
        for url, names in HERE.items():
            if self._comes_here(held, url):
                changes |= {name: former.get(name) or USUAL.get(name, "") for name in names}
        if former.get("trunk_sid") and "voice_url" in changes:
            del changes["voice_application_sid"]  # Twilio takes one or the other
            changes["trunk_sid"] = former["trunk_sid"]
        return changes

    # What Twilio refuses

    def _refused(self, one: Setup, step: str, error: Exception) -> Outcome:
        code = error.code if isinstance(error, TwilioRestException) else None
        if step == "service":
            if code == IN_THIS_SERVICE:
                return Done({})
            if code == IN_ANOTHER_SERVICE:
                return Done({"remark": ELSEWHERE})
        denied = status_of(error) == 401
        if step == "leave" and denied and one.details["how"] == "restore":
            return Done({"remark": NOT_TAKEN})
        found = outcome(error)
        if not isinstance(found, Failed):
            return found
        if step == "buy" and code == 21422:
            try:
                held = self._held(one)
            except Exception:
                return Unknown("Twilio: 21422, and its list does not answer")
            if held is not None and self._is_bought(held):  # by an attempt nobody heard of
                return Done({"sid": held.sid})
        if step == "service":
            return Done({"remark": f"{SWALLOWS.partition(':')[0]} (Twilio: {code})."})
        usual = f"Twilio refused (error {code}). Ask {OPERATOR}."
        return Failed(REFUSED.get(code or 0, usual), code)
