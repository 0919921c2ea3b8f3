"""Where Twilio is to bring a number's texts and calls, and how it is told so."""

from __future__ import annotations

from bot.twilio.webhooks import RETRY_FRAGMENT


def texts_here(public_url: str) -> dict[str, str]:
    """A number's own webhooks of texts, as they are to be: the second address is the first, for
    what Twilio could not bring at once. An application would be asked instead of them."""
    url = f"{public_url}/twilio/sms{RETRY_FRAGMENT}"
    return {
        "sms_application_sid": "", "sms_url": url, "sms_method": "POST", "sms_fallback_url": url,
        "sms_fallback_method": "POST",
    }  # fmt: skip


def calls_here(public_url: str) -> dict[str, str]:
    """The same of calls, and where their end is told."""
    url = f"{public_url}/twilio/voice{RETRY_FRAGMENT}"
    return {
        "voice_application_sid": "", "voice_url": url, "voice_method": "POST",
        "voice_fallback_url": url, "voice_fallback_method": "POST",
        "status_callback": f"{public_url}/twilio/voice/status{RETRY_FRAGMENT}",
        "status_callback_method": "POST",
    }  # fmt: skip
