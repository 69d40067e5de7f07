"""Services with their HTTP and WebSocket doors open, and the browser that opens the page."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from telephony.engines.base import Engine
from telephony.service import Service
from tests.browser import ARGUMENTS, CHROMIUM, Open, Visit
from tests.clients import TIMEOUT_S
from tests.conftest import StartService


@pytest.fixture
def open_door(service: StartService) -> StartService:
    """As `service`, with the HTTP and WebSocket doors open, and nobody told busy for the sake of others."""

    def start(engine: Engine | None = None, second: Engine | None = None, **settings: Any) -> Service:
        return service(engine, second, **{"http_port": 0, "max_first_audio_s": 0.0, **settings})

    return start


# For the whole module: its pipes and sockets are there before each test, and what is there before is no leak.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (on Debian: apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="package playwright is not installed")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(service: StartService, browser: Any) -> Iterator[Open]:
    """Pages are closed before their service is."""
    with contextlib.ExitStack() as stack:
        strict: list[Visit] = []
        visits: list[Visit] = []

        def go(
            door: Service, *, errors_expected: bool = False, url: str | None = None, fragment: str = "", **options: Any
        ) -> Visit:
            context = stack.enter_context(contextlib.closing(browser.new_context(**options)))
            context.set_default_timeout(1000 * TIMEOUT_S)
            new = Visit(context.new_page())
            visits.append(new)
            if not errors_expected:
                strict.append(new)
            address = url or f"http://127.0.0.1:{door.http_port}/"
            own = urlsplit(address).netloc

            def let_through(route: Any) -> None:
                url = urlsplit(route.request.url)
                if url.netloc == own:
                    route.continue_()
                else:
                    new.outside.append(route.request.url)
                    route.abort()

            def note_socket(socket: Any) -> None:
                if urlsplit(socket.url).netloc != own:
                    new.outside.append(socket.url)

            def note_console(message: Any) -> None:
                if message.type in ("error", "warning"):
                    new.errors.append(message.text)

            context.route("**/*", let_through)
            new.page.on("websocket", note_socket)
            new.page.on("console", note_console)
            new.page.on("pageerror", lambda error: new.errors.append(str(error)))
            new.page.goto(address + fragment)
            return new

        yield go
        assert [each.errors for each in strict if each.errors] == []
        assert [each.outside for each in visits if each.outside] == []
