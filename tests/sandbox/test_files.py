"""The stand-ins are as strict with files as Slack and Twilio are, through their own SDKs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from flask import Response, request
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from twilio.rest import Client

from bot.sandbox import Sandbox
from bot.sandbox.server import StandIn
from bot.sandbox.twilio.texts import Text
from bot.twilio.client import OneTryHttpClient
from tests import pictures
from tests.pictures import MB

OURS, ANN = "+14155550100", "+14155550123"


@pytest.fixture
def slack(sandbox: Sandbox) -> WebClient:
    return WebClient(token=sandbox.slack.token, base_url=sandbox.slack.api_url, retry_handlers=[])


@pytest.fixture
def twilio(sandbox: Sandbox) -> Client:
    stand_in = sandbox.twilio
    stand_in.add_number(OURS)
    return Client(
        stand_in.account_sid, stand_in.auth_token, http_client=OneTryHttpClient(5, stand_in.origin)
    )


@pytest.fixture
def shelf() -> Iterator[StandIn]:
    """A server of ours, whose addresses say what is wrong with them."""
    server = StandIn("shelf")

    def serve(what: str) -> Response:
        content, kind = pictures.png(), "image/png"
        if what == "large":
            content = pictures.png(3 * MB)
        if what == "lying":
            kind = "image/jpeg"
        if what == "exe":
            content, kind = pictures.EXE, "application/octet-stream"
        if what == "changing" and request.method == "HEAD":
            kind = "image/gif"
        if what == "short" and request.method == "HEAD":
            content = content[:-1]
        return Response(content, 404 if what == "gone" else 200, mimetype=kind)

    server.web.add_url_rule("/<what>", "serve", serve)
    server.serve()
    yield server
    server.close()


class TestSlack:
    def test_a_file_is_handed_to_who_shows_the_token_and_a_page_to_all_others(
        self, sandbox: Sandbox
    ) -> None:
        file = sandbox.slack.add_file("U1", "a.png", pictures.png())
        url = sandbox.slack.described(file)["url_private"]
        for headers in ({}, {"Authorization": "Bearer xoxb-other"}):
            answer = requests.get(url, headers=headers, timeout=5)
            assert (answer.status_code, answer.headers["Content-Type"]) == (
                200, "text/html; charset=utf-8",
            )  # fmt: skip
            assert answer.text.startswith("<!DOCTYPE html>")
        mine = requests.get(
            url, headers={"Authorization": f"Bearer {sandbox.slack.token}"}, timeout=5
        )
        assert mine.content == pictures.png()
        assert mine.headers["Content-Type"] == "image/png"

    def test_files_info_tells_of_what_is_there(self, sandbox: Sandbox, slack: WebClient) -> None:
        file = sandbox.slack.add_file("U1", "a.png", pictures.png())
        told = slack.files_info(file=file.id)["file"]
        assert (told["name"], told["mimetype"], told["size"]) == ("a.png", "image/png", 2_000)
        for change, error in (("deleted", "file_deleted"),):
            setattr(file, change, True)
            assert self._refused(lambda: slack.files_info(file=file.id)) == error
        assert self._refused(lambda: slack.files_info(file="F0NONE")) == "file_not_found"
        sandbox.slack.hands_out_files = False
        assert self._refused(lambda: slack.files_info(file=file.id)) == "missing_scope"

    def test_a_block_shows_pictures_that_are_uploaded_and_nothing_else(
        self, sandbox: Sandbox, slack: WebClient
    ) -> None:
        sandbox.slack.add_user("Agent")
        channel = sandbox.slack.add_channel("leads")

        def show(file: str) -> None:
            image = {"type": "image", "alt_text": "a picture", "slack_file": {"id": file}}
            slack.chat_postMessage(channel=channel, text="A picture", blocks=[image])

        uploaded = slack.files_upload_v2(filename="a.png", content=pictures.png())["file"]["id"]
        show(uploaded)
        assert "[a picture]" in sandbox.slack.channel(channel)[-1].plain()
        for content in (pictures.pdf(), pictures.heic()):
            other = slack.files_upload_v2(filename="a.png", content=content)["file"]["id"]
            assert self._refused(lambda other=other: show(other)) == "invalid_blocks"
        assert self._refused(lambda: show("F0NONE")) == "invalid_blocks"
        sandbox.slack.slow_pictures = 1
        fresh = slack.files_upload_v2(filename="a.png", content=pictures.png())["file"]["id"]
        assert self._refused(lambda: show(fresh)) == "invalid_blocks"
        show(fresh)

    def _refused(self, call: object) -> str:
        with pytest.raises(SlackApiError) as refused:
            call()
        return str(refused.value.response["error"])


class TestTwilio:
    def send(self, sandbox: Sandbox, twilio: Client, *urls: str) -> Text:
        made = twilio.messages.create(to=ANN, from_=OURS, media_url=list(urls))
        assert made.sid.startswith("MM")
        sandbox.twilio.settled()
        return sandbox.twilio.texts[made.sid]

    def test_a_picture_is_fetched_before_it_is_sent(
        self, sandbox: Sandbox, twilio: Client, shelf: StandIn
    ) -> None:
        text = self.send(sandbox, twilio, f"{shelf.origin}/a", f"{shelf.origin}/large")
        assert text.status == "delivered"
        assert [len(got.content) for got in text.got] == [2_000, 3 * MB]

    @pytest.mark.parametrize(
        ("paths", "code"),
        [
            (["lying"], 12300), (["exe"], 12300), (["changing"], 12300),
            (["large", "large"], 11751), (["gone"], 11200), (["a", "gone"], 11200),
            (["short"], 11200),
        ],
    )  # fmt: skip
    def test_what_twilio_does_not_send_fails_with_its_code(
        self, sandbox: Sandbox, twilio: Client, shelf: StandIn, paths: list[str], code: int
    ) -> None:
        text = self.send(sandbox, twilio, *(f"{shelf.origin}/{path}" for path in paths))
        assert (text.status, text.error_code, text.got) == ("failed", code, [])

    def test_attachments_of_texts_in_are_behind_the_accounts_credentials(
        self, sandbox: Sandbox
    ) -> None:
        stand_in = sandbox.twilio
        stand_in.add_number(OURS)
        sid = stand_in.text(ANN, OURS, "", media=[pictures.jpeg()], wait_for_it=False)
        (url,) = stand_in.texts[sid].media
        assert url.startswith(f"https://api.twilio.com/2010-04-01/Accounts/{stand_in.account_sid}/")
        here = url.replace("https://api.twilio.com", stand_in.origin)
        login = (stand_in.account_sid, stand_in.auth_token)
        assert requests.get(here, timeout=5).status_code == 401
        assert requests.get(here + "0", auth=login, timeout=5).status_code == 404
        led = requests.get(here, auth=login, timeout=5, allow_redirects=False)
        assert led.status_code == 307
        there = led.headers["Location"].replace("https://media.twiliocdn.com", stand_in.origin)
        assert requests.get(there, auth=login, timeout=5).status_code == 400
        assert requests.get(there, timeout=5).content == pictures.jpeg()

    def test_attachments_are_listed(self, sandbox: Sandbox, twilio: Client) -> None:
        stand_in = sandbox.twilio
        sid = stand_in.text(ANN, OURS, "", media=[pictures.jpeg()] * 2, wait_for_it=False)
        listed = twilio.messages(sid).media.list()
        host = "https://api.twilio.com"
        assert [f"{host}{one.uri}" for one in listed] == [
            f"{url}.json" for url in stand_in.texts[sid].media
        ]
