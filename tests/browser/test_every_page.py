"""Every page that a link leads to, for everybody: axe finds nothing, a phone scrolls one way, the policy holds."""

import re
from collections import Counter
from urllib.parse import urljoin, urlsplit

import pytest
from playwright.sync_api import Error

from tests.browser.accessibility import axe
from tests.browser.conftest import ContextFactory
from tests.browser.visiting import Visitor, visitor
from tests.demonstration import Demonstration

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 320, "height": 640}
"""WCAG 2.2, 1.4.10: nothing scrolls both ways at 320 pixels."""

REFERENCE = re.compile(r"PT-[0-9A-Z]{4}-[0-9A-Z]{4}")
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
NO_PAGE = re.compile(
    r"\.(pdf|tlog-proof|csv|xlsx|zip|json|py|txt)(\?|$)|/attachments/\{|^/static/|^/health|^/ready|^/metrics|^/log/"
)
SAMPLES = 3
"""Of pages that differ only in which transfer they are about, so many are looked at: they are in several states."""
COMMON = re.compile(r"^/(account|demo|accessibility|privacy|cookies|verify|log)\b")
"""Pages that are the same for everybody: looked at twice, before signing in and after."""

PEOPLE = {
    "nobody": None,
    "a lead who sends": "harriet.osborne@",
    "a lead who receives": "naomi.fletcher@",
    "an office": "beth.lowry@",
    "a head teacher": "gareth.pugh@",
    "a Head of Service": "philippa.garnett@",
    "an officer": "callum.fairbairn@",
    "an administrator": "morgan.tilley@",
    "a lead who waits": "eleanor.voss@",
}
LOOK_AT_ALL = {"nobody", "a lead who sends"}

pytestmark = pytest.mark.slow


def pattern_of(path: str) -> str:
    """The address with what names one thing taken out."""
    parts = urlsplit(path)
    keys = sorted({pair.partition("=")[0] for pair in parts.query.split("&") if pair})
    bare = re.sub(r"/\d+\b", "/{number}", ID.sub("{id}", REFERENCE.sub("{reference}", parts.path)))
    bare = re.sub(r"/(demo/alerts)/\w+", r"/\1/{name}", bare)
    return bare + ("?" + "&".join(keys) if keys else "")


def links_of(at: Visitor) -> list[str]:
    """Where the page's links lead within the service."""
    found = at.page.eval_on_selector_all("a[href]", "links => links.map(link => link.getAttribute('href'))")
    addresses = (urljoin(at.page.url, href).partition("#")[0] for href in found)
    return [address.removeprefix(at.address) or "/" for address in addresses if address.startswith(at.address)]


def faults_of(at: Visitor) -> list[str]:
    """What is wrong with the page as it stands, on a desk and on a phone."""
    faults = []
    for size in (DESKTOP, PHONE):
        at.page.set_viewport_size(size)
        wide = at.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wide > 0:
            faults.append(f"{at.path} at {size['width']}: {wide} pixels stand out to the side")
        faults += [f"{at.path} at {size['width']}: {one.rule} at {', '.join(one.where)}" for one in axe(at.page)]
    return faults


def look_at_everything(at: Visitor, *, common: bool) -> tuple[list[str], Counter[str]]:
    """Follow every link from the first page on; returns what is wrong, and how often each kind of page was seen."""
    seen: Counter[str] = Counter()
    known, to_do, faults = {"/"}, ["/"], []
    while to_do:
        path = to_do.pop(0)
        pattern = pattern_of(path)
        if not common and COMMON.search(pattern):
            continue
        if NO_PAGE.search(pattern) or seen[pattern] >= (SAMPLES if pattern == "/transfers/{reference}" else 1):
            continue
        try:
            status = at.go(path)
        except Error as error:
            if "Download is starting" in error.message:
                continue
            raise
        seen[pattern] += 1
        if status != 200:
            faults.append(f"{at.path}: a link leads to a page that answers {status}")
        faults += faults_of(at)
        fresh = [link for link in dict.fromkeys(links_of(at)) if link not in known]
        known.update(fresh)
        to_do += fresh
    return faults, seen


@pytest.mark.parametrize("who", PEOPLE)
def test_every_page_that_a_link_leads_to_is_sound(
    who: str, service: str, demonstration: Demonstration, context_factory: ContextFactory
) -> None:
    at = visitor(context_factory(), service, demonstration)
    begins = PEOPLE[who]
    if begins is not None:
        at.sign_in(begins)

    faults, seen = look_at_everything(at, common=who in LOOK_AT_ALL)

    assert faults == []
    assert at.complaints == []
    assert len(seen) >= 2
    assert [path for path in seen if "Merriman" in path or "%20" in path] == []
