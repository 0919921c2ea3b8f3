"""Twilio's stand-in in a process of its own, without callbacks: what deliveries are measured by."""

from __future__ import annotations

import sys
import threading

from bot.sandbox.twilio.api import TwilioStandIn


def main() -> None:
    """Serves on the port given until it is killed."""
    peer = TwilioStandIn()
    peer.account_sid, peer.auth_token = "ACbench", "token-of-the-bench"
    peer.add_number("+14155550100")
    peer.callbacks.withhold = True
    peer.callbacks.delay_s = 3600
    peer.serve(int(sys.argv[1]))
    print("ready", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
