"""Debian's Chromium without a window, through Selenium."""

from __future__ import annotations

import shutil
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

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


def missing() -> str:
    """Why there is no browser to test with; empty when there is one."""
    lacking = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    lacking += [] if find_spec("selenium") else ["Python's selenium"]
    return f"{' and '.join(lacking)} not installed (Debian: chromium-driver)" if lacking else ""


class Browser:
    """One browser with an empty profile; use it in a `with` block."""

    def __init__(self) -> None:
        self.width, self.media = 0, {}

    def __enter__(self) -> Browser:
        from selenium import webdriver

        self.profile = tempfile.mkdtemp(prefix="chromium-")
        options = webdriver.ChromeOptions()
        for flag in (*FLAGS, f"--user-data-dir={self.profile}"):
            options.add_argument(flag)
        options.binary_location = shutil.which("chromium") or ""
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        self.driver = webdriver.Chrome(options, service)
        return self

    def __exit__(self, *error: object) -> None:
        self.driver.quit()
        shutil.rmtree(self.profile, ignore_errors=True)

    def open(self, page: Path) -> None:
        """Load a page from the disk and wait until it is there, as it was asked for.

        A page that gets a new process is there a moment before its size is.
        """
        self.driver.get(page.resolve().as_uri())
        media = " && ".join(f"matchMedia('({k}: {v})').matches" for k, v in self.media.items())
        sized = f"screen.width === {self.width}" if self.width else "true"
        until = time.monotonic() + 20
        while not self.run(f"return {sized} && {media or 'true'}"):
            if time.monotonic() > until:
                raise RuntimeError(f"{page} has not become {self.width} wide with {self.media}")
            time.sleep(0.02)

    def run(self, script: str) -> Any:
        """The value of a script in the page."""
        return self.driver.execute_script(script)

    def devtools(self, command: str, **given: Any) -> Any:
        """One command of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(command, given)

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
        self.driver.find_element("css selector", selector).click()

    def keys(self, selector: str, text: str) -> None:
        """Type into an element."""
        self.driver.find_element("css selector", selector).send_keys(text)

    def console(self) -> list[str]:
        """What the console has said since it was last asked, except of the network."""
        return [line["message"] for line in self.driver.get_log("browser")]
