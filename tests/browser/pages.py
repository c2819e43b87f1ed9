"""What the tests say of pages, whoever made them."""

from contextlib import suppress
from typing import Any

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="needs Playwright: make test-browser")

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}

TIMEOUT_MS = 45_000
"""Generous: the machine may be busy, and MLflow's pages load megabytes."""

expect = sync_api.expect
expect.set_options(timeout=TIMEOUT_MS)


class Visit:
    """A page of its own, and everything that it did besides showing itself."""

    def __init__(self, browser: Any, origin: str, **options: Any):
        """Open an empty page.

        Args:
            browser: A Playwright browser.
            origin: How the addresses start that the page may ask for; it gets no others.
            options: Of the browser's new context.
        """
        self.strays: list[str] = []
        """Requests that left the origin."""
        self.intrusions: list[str] = []
        """Signs that a text of the page was executed: dialogs, and the mark of `hostile`."""
        self.complaints: list[str] = []
        """Failed requests, errors and warnings."""
        self._origin = origin
        self._context = browser.new_context(**{"viewport": DESKTOP, **options})
        self._context.route(lambda url: not self._is_home(url), self._stop)
        self.page = self._context.new_page()
        self.page.set_default_timeout(TIMEOUT_MS)
        self._listen()

    def _is_home(self, url: str) -> bool:
        return url.startswith((self._origin, "data:", "blob:"))

    def _stop(self, route: Any) -> None:
        self.strays.append(route.request.url)
        route.abort()

    def _listen(self) -> None:
        complain = self.complaints.append
        on = self.page.on
        on("request", lambda asked: self._is_home(asked.url) or self.strays.append(asked.url))
        on("requestfailed", lambda asked: complain(f"failed: {asked.url} ({asked.failure})"))
        on("response", lambda got: got.status >= 400 and complain(f"{got.status}: {got.url}"))
        on("pageerror", lambda error: complain(f"error: {error}"))
        on("dialog", self._dismiss)
        on(
            "console",
            lambda said: (
                said.type in {"error", "warning"} and complain(f"{said.type}: {said.text}")
            ),
        )

    def _dismiss(self, dialog: Any) -> None:
        self.intrusions.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def close(self) -> None:
        """End the visit and look for the mark of a script."""
        with suppress(sync_api.Error):  # the test may have left no page behind
            if self.page.evaluate("window.__pwned") is not None:
                self.intrusions.append(f"script in {self.page.url}")
        self._context.close()


def fits_its_width(page: Any) -> bool:
    """Whether the page as a whole need not be scrolled sideways."""
    return page.evaluate(
        "document.scrollingElement.scrollWidth <= document.scrollingElement.clientWidth"
    )


def check_that_no_script_gets_in(browser: Any, url: str) -> None:
    """Put a script into the page at `url`: its policy must keep the browser from running it."""
    visit = Visit(browser, url)
    visit.page.goto(url)
    visit.page.evaluate(
        "const script = document.createElement('script');"
        "script.textContent = 'window.__pwned = 1';"
        "document.body.append(script)"
    )
    visit.close()
    assert visit.intrusions == []
    assert "Content Security Policy" in "".join(visit.complaints)
