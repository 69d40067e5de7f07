"""Chromium without a window, and the service's page in it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from telephony.service import Service
from tests.clients import TIMEOUT_S

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --autoplay-policy=no-user-gesture-required"
).split()


@dataclass
class Visit:
    """The page in a browser of its own, and what went wrong in it."""

    page: Any
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def measured(self, name: str) -> float:
        """A figure that the page keeps for tests."""
        return float(self.page.evaluate("name => document.body.dataset[name] ?? 'NaN'", name))

    def wait(self, reached: Callable[[], bool]) -> None:
        """Waits for what no selector tells."""
        deadline = time.monotonic() + TIMEOUT_S
        while not reached():
            assert time.monotonic() < deadline, self.page.evaluate("({...document.body.dataset})")
            self.page.wait_for_timeout(20)

    def wait_state(self, name: str) -> None:
        """Waits until a speech is so far."""
        self.page.locator(f'body[data-state="{name}"]').wait_for()

    def speak(self, text: str) -> None:
        self.page.get_by_label("Text", exact=True).fill(text)
        self.page.get_by_role("button", name="Speak").click()

    def text(self, selector: str) -> str:
        return str(self.page.text_content(selector))


class Open(Protocol):
    """Opens the page of a service; at the end it must not have complained, nor asked for anything from outside."""

    def __call__(
        self,
        door: Service,
        *,
        errors_expected: bool = False,
        url: str | None = None,
        fragment: str = "",
        **options: Any,
    ) -> Visit:
        """By way of `url`, where it is not the service's own; `options` are those of the browser's context."""
        ...


def ready(new: Visit) -> Visit:
    """A page that knows the voices."""
    new.page.locator("#voice option").first.wait_for(state="attached")
    return new
