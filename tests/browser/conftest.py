"""A real Chromium for the tests of pages: one a worker, a new context for each test."""

import shutil
from collections.abc import Iterator
from typing import Protocol

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


class ContextFactory(Protocol):
    """Makes a browser context: its own cookies, with or without JavaScript."""

    def __call__(self, *, javascript: bool = True) -> BrowserContext: ...


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(__file__.rpartition("/")[0]):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.fail("Chromium is not installed here. Run `make test`, or install the Debian package chromium.")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture
def context_factory(browser: Browser) -> Iterator[ContextFactory]:
    """`context_factory(javascript=False)`: every context made is closed when the test ends."""
    made: list[BrowserContext] = []

    def make(*, javascript: bool = True) -> BrowserContext:
        context = browser.new_context(java_script_enabled=javascript, locale="en-GB", timezone_id="Europe/London")
        context.set_default_timeout(10_000)
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()
