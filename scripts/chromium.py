"""A real Chromium, the machine's own: none is downloaded."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",  # Containers forbid the sandbox; the pages are our own.
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A name that is not loopback's, for pages that came over plain HTTP from another machine.
    "--host-resolver-rules=MAP studio.test 127.0.0.1",
)


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Start the browser, and stop it at the end.

    Raises:
        LookupError: There is none on this machine.
    """
    program = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if program is None:
        message = "No Chromium here: install the package chromium."
        raise LookupError(message)
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
