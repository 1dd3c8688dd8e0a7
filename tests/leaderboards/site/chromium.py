"""Headless Chromium through ChromeDriver: JSON over HTTP, nothing to install for Python."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)
DIRECT = build_opener(ProxyHandler({}))  # a proxy of the environment has no business here


def missing() -> str:
    """Why there is no browser to test with; empty when there is one."""
    lacking = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"{' and '.join(lacking)} not installed (Debian: chromium-driver)" if lacking else ""


class Browser:
    """One browser with an empty profile; use it in a `with` block."""

    def __init__(self) -> None:
        self.base, self.width, self.media = "", 0, {}

    def __enter__(self) -> Browser:
        self.profile = tempfile.mkdtemp(prefix="chromium-")
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            self.base = f"http://127.0.0.1:{self._port()}/session"
            options = {"args": [*FLAGS, f"--user-data-dir={self.profile}"]}
            wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
            session = self.call("", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
            self.base += f"/{session}"
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        try:
            if self.base.count("/") > 3:
                self.call("", method="DELETE")
        finally:
            self.driver.terminate()
            self.driver.wait(20)
            self.driver.stdout.close()
            shutil.rmtree(self.profile, ignore_errors=True)

    def _port(self) -> int:
        for line in self.driver.stdout:
            found = re.search(r"on port (\d+)", line)
            if found and "successfully" in line:
                return int(found[1])
        raise RuntimeError("ChromeDriver did not start")

    def call(self, path: str, data: Any = None, method: str = "POST") -> Any:
        """One WebDriver command."""
        body = None if data is None else json.dumps(data).encode()
        kind = {"Content-Type": "application/json"}
        request = Request(self.base + path, body, kind)  # noqa: S310  our own driver
        request.method = method
        try:
            with DIRECT.open(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except HTTPError as error:
            raise RuntimeError(error.read().decode()) from None

    def open(self, page: Path) -> None:
        """Load a page from the disk and wait until it is there, as it was asked for.

        A page that gets a new process is there a moment before its size is.
        """
        self.call("/url", {"url": page.resolve().as_uri()})
        media = " && ".join(f"matchMedia('({k}: {v})').matches" for k, v in self.media.items())
        sized = f"screen.width === {self.width}" if self.width else "true"
        until = time.monotonic() + 20
        while not self.run(f"return {sized} && {media or 'true'}"):
            if time.monotonic() > until:
                raise RuntimeError(f"{page} has not become {self.width} wide with {self.media}")
            time.sleep(0.02)

    def run(self, script: str) -> Any:
        """The value of a script in the page."""
        return self.call("/execute/sync", {"script": script, "args": []})

    def devtools(self, command: str, **given: Any) -> Any:
        """One command of the DevTools protocol."""
        return self.call("/goog/cdp/execute", {"cmd": command, "params": given})

    def size(self, width: int, height: int = 900) -> None:
        """Size of the page's window in CSS pixels, as on a phone or a desk."""
        self.width = width
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            screenWidth=width,
            screenHeight=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def prefer(self, **features: str) -> None:
        """Media features, such as prefers_color_scheme="dark"."""
        self.media |= {name.replace("_", "-"): value for name, value in features.items()}
        each = [{"name": name, "value": value} for name, value in self.media.items()]
        self.devtools("Emulation.setEmulatedMedia", features=each)

    def click(self, selector: str) -> None:
        """Click the first element of a CSS selector."""
        found = self.call("/element", {"using": "css selector", "value": selector})
        self.call(f"/element/{next(iter(found.values()))}/click", {})

    def keys(self, selector: str, text: str) -> None:
        """Type into an element."""
        found = self.call("/element", {"using": "css selector", "value": selector})
        self.call(f"/element/{next(iter(found.values()))}/value", {"text": text})

    def console(self) -> list[str]:
        """What the console has said since it was last asked, except of the network."""
        return [line["message"] for line in self.call("/se/log", {"type": "browser"})]

    def picture(self, path: Path) -> None:
        """The visible part of the page as PNG."""
        path.write_bytes(base64.b64decode(self.call("/screenshot", method="GET")))
