"""A real Chromium for the tests of pages: one a worker, a new context for each test."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from tests.demonstration import Demonstration, copy_of, prepared_demonstration, running

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

    def __call__(self, *, javascript: bool = True, **options: Any) -> BrowserContext: ...


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(__file__.rpartition("/")[0]):
            item.add_marker(pytest.mark.browser)


def launched_browser(playwright: Playwright) -> Browser:
    """The Chromium of this machine, started; fails with what to do where there is none."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.fail("Chromium is not installed here. Run `make test`, or install the Debian package chromium.")
    return playwright.chromium.launch(executable_path=program, args=ARGUMENTS)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = launched_browser(playwright)
        yield launched
        launched.close()


@pytest.fixture
def context_factory(browser: Browser) -> Iterator[ContextFactory]:
    """`context_factory(javascript=False)`: every context made is closed when the test ends."""
    made: list[BrowserContext] = []

    def make(*, javascript: bool = True, **options: Any) -> BrowserContext:
        context = browser.new_context(
            java_script_enabled=javascript, locale="en-GB", timezone_id="Europe/London", **options
        )
        context.set_default_timeout(10_000)
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()


@pytest.fixture
def demonstration(run_folder: Path, tmp_path: Path) -> Demonstration:
    """A copy of the run's demonstration for one test: a one-time code works once."""
    return copy_of(prepared_demonstration(run_folder), tmp_path / "demonstration")


@pytest.fixture
def service(demonstration: Demonstration) -> Iterator[str]:
    """The address at which the copy is served, with its worker running."""
    with running(demonstration) as address:
        yield address


@pytest.fixture(scope="module")
def shared_demonstration(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Demonstration:
    """One copy for the tests of a module in which each person signs in once."""
    return copy_of(prepared_demonstration(run_folder), tmp_path_factory.mktemp("demonstration"))


@pytest.fixture(scope="module")
def shared_service(shared_demonstration: Demonstration) -> Iterator[str]:
    """The address at which the shared copy is served, with its worker running."""
    with running(shared_demonstration) as address:
        yield address
