"""Every page for everybody: axe finds nothing, a phone scrolls one way, titles say what headings say, the policy holds.

Each person follows every link, then goes where no link leads: steps of forms, refusals, what mails lead to. A page that
is added must be said to be seen by somebody in pages.py, and then is, or the test fails.
"""

import re
from collections import Counter
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Error
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

from tests.browser.conftest import ContextFactory
from tests.browser.looking import Looker
from tests.browser.pages import NO_PAGES, PAGES
from tests.browser.visiting import Visitor, visitor
from tests.browser.walks import WALKS
from tests.demonstration import Demonstration
from transfer_service.app import create_app
from transfer_service.web.current import EXTENSION

REFERENCE = re.compile(r"PT-[0-9A-Z]{4}-[0-9A-Z]{4}")
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
NOT_LOOKED_AT = re.compile(
    r"\.(pdf|tlog-proof|csv|xlsx|zip|json|py|txt)(\?|$)|/attachments/\{|^/static/|^/log/(checkpoint|policy)"
)
SAMPLES = 3
"""Of pages that differ only in which transfer they are about, so many are looked at: they are in several states."""
COMMON = re.compile(r"^/(account|demo|accessibility|privacy|cookies|verify|log)\b")
"""Pages that are the same for everybody: looked at twice, before signing in and after."""
LOOK_AT_ALL = {"nobody", "a lead who sends"}

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Stage:
    """The one running copy of the demonstration, its addresses, and the shapes of the pages that axe has seen."""

    service: str
    demonstration: Demonstration
    addresses: MapAdapter
    built: set[int] = field(default_factory=set)

    def endpoint_of(self, path: str) -> str:
        """The name of the page at a path; empty where there is none."""
        try:
            return str(self.addresses.match(path, method="GET")[0])
        except HTTPException:
            return ""


@pytest.fixture(scope="module")
def stage(shared_service: str, shared_demonstration: Demonstration) -> Stage:
    app = create_app(shared_demonstration.settings())
    app.extensions[EXTENSION].database.dispose()
    return Stage(shared_service, shared_demonstration, app.url_map.bind("localhost"))


def pattern_of(path: str) -> str:
    """The address with what names one thing taken out."""
    bare, _, query = path.partition("?")
    keys = sorted({pair.partition("=")[0] for pair in query.split("&") if pair})
    bare = re.sub(r"/\d+\b", "/{number}", ID.sub("{id}", REFERENCE.sub("{reference}", bare)))
    bare = re.sub(r"/(demo/alerts)/\w+", r"/\1/{name}", bare)
    return bare + ("?" + "&".join(keys) if keys else "")


def follow_every_link(looker: Looker, *, common: bool) -> None:
    """Look at every page that links lead to from the first one on."""
    seen: Counter[str] = Counter()
    known, to_do = {"/"}, ["/"]
    while to_do:
        path = to_do.pop(0)
        pattern = pattern_of(path)
        if (not common and COMMON.search(pattern)) or NOT_LOOKED_AT.search(pattern):
            continue
        if seen[pattern] >= (SAMPLES if pattern == "/transfers/{reference}" else 1):
            continue
        try:
            looker.go(path)
        except Error as error:
            if "Download is starting" in error.message:
                continue
            raise
        seen[pattern] += 1
        fresh = [link for link in dict.fromkeys(looker.links()) if link not in known]
        known.update(fresh)
        to_do += fresh


@pytest.mark.parametrize("who", WALKS)
def test_every_page_is_sound(who: str, stage: Stage, context_factory: ContextFactory) -> None:
    def at_a_browser(begins: str | None) -> Visitor:
        found = visitor(context_factory(), stage.service, stage.demonstration)
        if begins is not None:
            found.sign_in(begins)
        return found

    walk = WALKS[who]
    looker = Looker(at_a_browser(walk.begins), stage.endpoint_of, stage.built)

    follow_every_link(looker, common=who in LOOK_AT_ALL)
    walk.beyond(looker, at_a_browser)

    assert looker.faults == []
    assert looker.at.complaints == []
    assert sorted(set(PAGES[who].split()) - looker.seen) == [], "nobody has looked at these pages"
    assert [path for path in looker.paths if "Merriman" in path or "%20" in path] == []


def test_every_page_is_seen_by_somebody(stage: Stage) -> None:
    answers = {rule.endpoint for rule in stage.addresses.map.iter_rules() if "GET" in (rule.methods or ())}
    named = [*(page for pages in PAGES.values() for page in pages.split()), *NO_PAGES.split()]
    assert sorted(answers - set(named)) == [], "say in pages.py who looks at these"
    assert sorted(set(named) - answers) == [], "there is no such page any more"
    assert [page for page, count in Counter(named).items() if count > 1] == []
    assert list(PAGES) == list(WALKS)
