"""Automatic accessibility checks of a page in the browser."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from playwright.sync_api import Page

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass(frozen=True)
class Violation:
    """One rule that a page breaks: its name in axe, what to do, and where (CSS selectors)."""

    rule: str
    help: str
    where: tuple[str, ...]


@cache
def _axe_source() -> str:
    return AXE.read_text(encoding="utf-8")


def axe(page: Page) -> list[Violation]:
    """What axe finds wrong with the page as it stands: WCAG 2.2 AA and its best practices. Needs JavaScript.

    The checker is evaluated through the browser's own protocol, so a strict content security policy lets it run.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(_axe_source())
    found = page.evaluate("rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", STANDARDS)
    return [
        Violation(
            rule=violation["id"],
            help=violation["help"],
            where=tuple(" ".join(map(str, node["target"])) for node in violation["nodes"]),
        )
        for violation in found["violations"]
    ]
