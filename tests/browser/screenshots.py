"""Make the pictures of docs/screenshots anew: `.venv/bin/python -m tests.browser.screenshots`."""

import re
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.conftest import launched_browser
from tests.browser.visiting import Visitor, visitor
from tests.demonstration import copy_of, prepared_demonstration, running

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
SIZE = {"width": 1000, "height": 760}


def take(at: Visitor, name: str) -> None:
    """Keep what the page shows without scrolling."""
    at.page.wait_for_load_state("networkidle")
    at.page.screenshot(path=FOLDER / f"{name}.png")


def main() -> None:
    """Sign in as a lead who receives and as a Head of Service, and take the pages that the README shows."""
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        demonstration = copy_of(prepared_demonstration(Path(made)), Path(made) / "copy")
        browser = launched_browser(playwright)
        with running(demonstration) as address:

            def somebody(begins: str) -> Visitor:
                context = browser.new_context(viewport=SIZE, locale="en-GB", timezone_id="Europe/London")
                at = visitor(context, address, demonstration)
                at.sign_in(begins)
                return at

            naomi = somebody("naomi.fletcher@")
            naomi.go("/")
            take(naomi, "home")
            naomi.follow(re.compile("^PT-"))
            take(naomi, "cover")
            philippa = somebody("philippa.garnett@")
            philippa.go("/authority")
            take(philippa, "compliance")
            browser.close()


if __name__ == "__main__":
    main()
