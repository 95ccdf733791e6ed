"""What makes a page sound: axe finds nothing, nothing stands out to the side, its title says what its heading says."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from tests.browser.accessibility import axe
from tests.browser.visiting import Visitor

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 320, "height": 640}
"""WCAG 2.2, 1.4.10: nothing scrolls both ways at 320 pixels, which is 1,280 at a zoom of 400%."""

SERVICE = " – Pupil file transfer"
NAMES_A_PUPIL = re.compile(
    r"^/transfers/PT-[0-9A-Z-]+(/cover|/contents|/open)?(\?|$)|^/authority/transfers/PT-[0-9A-Z-]+/name"
)
"""Pages whose heading is a pupil's name, which no title says: titles stay in a browser's history."""

# A page is built like another where their trees are the same but for texts, addresses and how often a row comes.
SHAPE = """
() => {
  const shape = (element) => {
    const inside = [];
    for (const child of element.children) {
      const found = shape(child);
      const last = inside.at(-1);
      if (last === "+" && inside.at(-2) === found) { continue; }
      inside.push(last === found ? "+" : found);
    }
    const said = ["class", "role", "type", "scope", "hidden", "disabled"].map((name) => element.getAttribute(name));
    return `${element.tagName}[${[...element.getAttributeNames()].sort()}|${said}](${inside})`;
  };
  return shape(document.documentElement);
}
"""


@dataclass
class Looker:
    """Looks at pages with one person's browser and gathers what is wrong, and the endpoints whose pages were seen."""

    at: Visitor
    endpoint_of: Callable[[str], str]
    built: set[int]
    """The shapes of pages that axe has seen, whoever saw them."""
    faults: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    """The endpoints whose pages were looked at."""
    paths: list[str] = field(default_factory=list)

    def go(self, path: str, *, status: int = 200) -> None:
        """Go to a page and look at it."""
        answered = self.at.go(path)
        if answered != status:
            self.faults.append(f"{path}: answers {answered}, not {status}")
        self.look()

    def look(self) -> None:
        """Note what is wrong with the page as it stands, on a desk and on a phone."""
        path = self.at.path
        self.paths.append(path)
        self.seen.add(self.endpoint_of(urlsplit(path).path))
        self.faults += [f"{path}: {fault}" for fault in self._title_and_heading()]
        shape = hash(self.at.page.evaluate(SHAPE))
        for size in (DESKTOP, PHONE):
            self.at.page.set_viewport_size(size)
            wide = self.at.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if wide > 0:
                self.faults.append(f"{path} at {size['width']}: {wide} pixels stand out to the side")
            if shape not in self.built:
                found = axe(self.at.page)
                self.faults += [f"{path} at {size['width']}: {one.rule} at {', '.join(one.where)}" for one in found]
        self.built.add(shape)

    def links(self) -> list[str]:
        """Where the page's links lead within the service."""
        found = self.at.page.eval_on_selector_all("a[href]", "links => links.map(link => link.getAttribute('href'))")
        addresses = (urljoin(self.at.page.url, href).partition("#")[0] for href in found)
        return [one.removeprefix(self.at.address) or "/" for one in addresses if one.startswith(self.at.address)]

    def _title_and_heading(self) -> list[str]:
        headings = self.at.page.locator("h1").all_inner_texts()
        if len(headings) != 1:
            return [f"{len(headings)} headings of the first level"]
        title = self.at.page.title()
        has_problem = self.at.page.locator(".govuk-error-summary").count() > 0
        if title.startswith("Error: ") is not has_problem:
            return ["the title begins with “Error: ” where there is none, or does not where there is"]
        said = title.removeprefix("Error: ").removesuffix(SERVICE)
        if said == title.removeprefix("Error: "):
            return ["the title does not end with the service's name"]
        heading = " ".join(headings[0].split())
        if NAMES_A_PUPIL.search(self.at.path) or said == heading or said.startswith(f"{heading} – "):
            return []
        return [f"the title says “{said}” and the heading “{heading}”"]
