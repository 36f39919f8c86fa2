"""Chromium over its debugging pipe, as far as looking at a page takes: no driver, no port, no network."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from base64 import b64decode
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_FLAGS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-pipe"),
)
_MOST_TABS: Final = 60
_MOST_LOOKS, _PAUSE_MS = 300, 50
_READ, _WRITE = 3, 4  # of the browser's side, as it expects them


class Page:
    """
    One tab.

    Attributes:
        events: What the browser told meanwhile, such as refusals of the content security policy.
    """

    def __init__(self, reading: int, writing: int) -> None:
        """Open a tab in the browser behind the two ends of its pipe."""
        self._reading, self._writing = os.fdopen(reading, "rb"), os.fdopen(writing, "wb")
        self._ids, self._rest = count(1), b""
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Audits"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command and give its result."""
        number = next(self._ids)
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._writing.write(json.dumps(message).encode() + b"\0")
        self._writing.flush()
        while (answer := self._receive()).get("id") != number:
            self.events.append(answer)
        if "error" in answer:
            raise RuntimeError(method, answer["error"])
        result: dict[str, Any] = answer["result"]
        return result

    def open(self, address: str) -> None:
        """Open an address and wait until it is loaded."""
        self.events.clear()
        self.send("Page.navigate", url=address)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._receive())

    def look(self, width: int, height: int, scheme: str, *, is_phone: bool = False) -> None:
        """Choose the size of the window and the color scheme."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if is_phone else 1,
            mobile=is_phone,
        )
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression; a promise is waited for."""
        given = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in given:
            raise RuntimeError(given["exceptionDetails"])
        return given["result"].get("value")

    def press(self, key: str, text: str = "") -> None:
        """Press and release one key."""
        code = {"Tab": 9, "Enter": 13, " ": 32}.get(key, ord(key[0].upper()))
        common = {"key": key, "windowsVirtualKeyCode": code}
        self.send("Input.dispatchKeyEvent", type="keyDown", **common, **({"text": text} if text else {}))
        self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    def tab_to(self, condition: str) -> bool:
        """Press the key for the next element until an expression is true; return False if it never is."""
        for _ in range(_MOST_TABS):
            if self.evaluate(condition):
                return True
            self.press("Tab")
        return False

    def shows(self, selector: str, text: str) -> bool:
        """Wait until one of the elements has a text, and return whether it came."""
        found = f"[...document.querySelectorAll({json.dumps(selector)})]"
        expression = f"{found}.some((each) => (each.value ?? each.textContent).includes({json.dumps(text)}))"
        return self.waits(lambda: bool(self.evaluate(expression)))

    def waits(self, condition: Callable[[], bool]) -> bool:
        """Wait until something is so, and return whether it came to be."""
        for _ in range(_MOST_LOOKS):
            if condition():
                return True
            self.evaluate(f"new Promise((done) => setTimeout(done, {_PAUSE_MS}))")
        return False

    def shot(self, path: Path, *, whole: bool = False) -> None:
        """Write what is seen, or the whole page, as PNG."""
        data = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        path.write_bytes(b64decode(data))

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = os.read(self._reading.fileno(), 1 << 20)
            if not more:
                message = "the browser has gone"
                raise RuntimeError(message)
            self._rest += more
        first, _, self._rest = self._rest.partition(b"\0")
        loaded: dict[str, Any] = json.loads(first)
        return loaded


@contextmanager
def browser(program: str) -> Iterator[Page]:
    """Yield a tab of a browser that is started for it and ended after it."""
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()

    wired = f'exec "$@" {_READ}<&{theirs_in} {_WRITE}>&{theirs_out}'
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:  # helpers of the browser may still write
        process = subprocess.Popen(
            ["/bin/bash", "-c", wired, "browser", program, *_FLAGS, f"--user-data-dir={profile}"],
            pass_fds=(theirs_in, theirs_out),
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        try:
            yield Page(ours_in, ours_out)
        finally:
            process.terminate()
            process.wait()
