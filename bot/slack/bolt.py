"""The Bolt app: what answers Slack's commands, buttons and modals."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from slack_bolt import App, BoltContext, BoltResponse
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient

from bot.lines.offers import Numbers
from bot.slack import commands
from bot.slack.texts.live import LiveQuotes
from ledger.plans import Catalogue

THREADS = 16  # listeners at once; each is one short transaction, then at most one call of Slack's
OOPS = "Something went wrong on our side, and nothing was sent. Please try once more."

log = logging.getLogger(__name__)


def build(
    client: WebClient, catalogue: Catalogue, live: LiveQuotes, numbers: Numbers
) -> App:  # fmt: skip
    """Every listener on one app. It calls Slack for nothing until a listener does."""

    def authorize(team_id: str | None, enterprise_id: str | None) -> AuthorizeResult:
        # One workspace, one token. Bolt's own way asks auth.test first, and a text would wait.
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=client.token)

    quiet = logging.getLogger("slack_bolt")
    quiet.setLevel(logging.ERROR)  # its warnings and debug lines hold people's words
    bolt = App(
        name="partyline",  # without one, Bolt reads the source of all that is on the stack
        client=client,
        authorize=authorize,
        request_verification_enabled=False,  # routes.guard has checked the signature
        listener_executor=ThreadPoolExecutor(THREADS, "slack"),
        logger=quiet,
    )

    @bolt.middleware
    def one_client(context: BoltContext, next: Callable[[], BoltResponse]) -> BoltResponse:
        # Bolt makes a client for each request, which adds a team_id that most methods do not know.
        context["client"] = client
        context["catalogue"], context["live"], context["numbers"] = catalogue, live, numbers
        return next()

    commands.register(bolt)
    bolt.error(_oops)
    return bolt


def _oops(error: Exception) -> BoltResponse:
    log.error("slack.listener_failed", exc_info=error)
    return BoltResponse(
        status=200,
        body={"response_type": "ephemeral", "text": OOPS},
    )
