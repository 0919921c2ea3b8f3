"""The sandbox's page with the demo's own stage behind it, for all tests of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from bot.sandbox import Sandbox, wait
from bot.sandbox.page import tour
from bot.sandbox.page import web as sandbox_page
from bot.sandbox.stage import Stage
from tests.faults.processes import free_port


@pytest.fixture(scope="package")
def stage(browser: Browser) -> Iterator[Stage]:
    """The demo's own stage: web and worker as processes."""
    port = free_port()
    with Sandbox(f"http://127.0.0.1:{port}") as sandbox:
        built = Stage(sandbox, port)
        try:
            built.start()
            yield built
        finally:
            built.stop()


@pytest.fixture(scope="package")
def url(stage: Stage) -> Iterator[str]:
    page = sandbox_page.Page(stage)
    page.serve()
    tour.text_in(stage)
    wait(lambda: not stage.busy(), 30)
    yield page.url
    page.close()


@pytest.fixture
def tab(browser: Browser, url: str) -> Iterator[Page]:
    """The page as a newcomer opens it. Nothing on it may fail unseen."""
    opened = browser.new_page(viewport={"width": 1400, "height": 900})
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("response", lambda r: wrong.append(f"{r.status} {r.url}") if r.status >= 400 else 0)
    opened.set_default_timeout(30_000)
    opened.goto(url)
    yield opened
    opened.close()
    assert wrong == []
