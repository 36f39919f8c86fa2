"""A page in Chromium, by Playwright: what looking at it takes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from playwright.sync_api import TimeoutError, sync_playwright  # noqa: A004 (its name)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

_MOST_TABS: Final = 60
_LIMIT_MS, _PAUSE_MS = 15_000, 50


class Page:
    """
    One tab.

    Attributes:
        complaints: Errors of its script and of the browser since it was opened, as refusals of the content security
            policy are.
        asked: The URLs that it has requested since.
    """

    def __init__(self, browser: Browser) -> None:
        """Open a tab."""
        self._browser = browser
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.look(1200, 900, "light")

    def look(self, width: int, height: int, scheme: Any, *, is_phone: bool = False) -> None:
        """Choose the size of the window and the color scheme, in a new tab."""
        for context in self._browser.contexts:
            context.close()
        self._page = self._browser.new_page(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            is_mobile=is_phone,
            has_touch=is_phone,
            device_scale_factor=2 if is_phone else 1,
        )
        self._page.on("request", lambda request: self.asked.append(request.url))
        self._page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self._page.on("console", self._heard)

    def _heard(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def open(self, address: str) -> None:
        """Open an address and wait until it is loaded."""
        self.complaints.clear()
        self.asked.clear()
        self._page.goto(address)

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression; a promise is waited for."""
        return self._page.evaluate(expression)

    def press(self, key: str) -> None:
        """Press and release one key."""
        self._page.keyboard.press(key)

    def insert(self, text: str) -> None:
        """Insert a text where the focus is."""
        self._page.keyboard.insert_text(text)

    def tab_to(self, condition: str) -> bool:
        """Press the key for the next element until an expression is true; return False if it never is."""
        for _ in range(_MOST_TABS):
            if self.evaluate(condition):
                return True
            self.press("Tab")
        return False

    def shows(self, selector: str, text: str = "") -> bool:
        """Wait until one of the elements is there with a text, and return whether it came."""
        try:
            self._page.locator(selector).filter(has_text=text).first.wait_for(state="attached", timeout=_LIMIT_MS)
        except TimeoutError:
            return False
        return True

    def waits(self, condition: Callable[[], bool]) -> bool:
        """Wait until something outside of the page is so, and return whether it came to be."""
        for _ in range(_LIMIT_MS // _PAUSE_MS):
            if condition():
                return True
            self._page.wait_for_timeout(_PAUSE_MS)
        return False

    def shot(self, path: Path, *, whole: bool = False) -> None:
        """Write what is seen, or the whole page, as PNG."""
        self._page.screenshot(path=path, full_page=whole)


@contextmanager
def browser(program: str) -> Iterator[Page]:
    """Yield a tab of a browser that is started for it and ended after it."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, chromium_sandbox=False)
        try:
            yield Page(started)
        finally:
            started.close()
