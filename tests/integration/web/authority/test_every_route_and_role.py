"""Every address of the authority's pages with everybody: who passes, who is refused, and no note on any page."""

import io
import zipfile
from uuid import uuid4

import pytest

from tests import factories
from tests.html import text_of
from tests.integration.web.authority.looks import log_size, make, reference_of
from transfer_service.domain.permissions import Permission, can
from transfer_service.domain.transfer import Status
from transfer_service.web.access import Kind
from transfer_service.web.guard import access_registry

# One kind of database is enough: what these pages ask differs in none of its SQL.
pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)

OVERSEEING = ("olive", "oscar")
SCHOOLS_PEOPLE = ("alma", "ben", "cora", "dev", "edie", "hugh", "stella")
SECRET_WORDS = (
    "Mum's partner", "partner was arrested", "collected by her aunt", "genogram", "must know who may collect",
)  # fmt: skip
PUPIL_WORDS = ("Zoë", "Brien-Łącki", "H801200001001")


@pytest.fixture
def addresses(app, stage):
    """Every address of the blueprint with its method, its places filled with what is there for Warwickshire."""
    reference = reference_of(stage, make(stage, Status.ACKNOWLEDGED, attachments=["genogram.pdf"]))
    make(stage, Status.OPENED)
    filled = {
        "urn": "125580",
        "reference": reference,
        "ending": "csv",
        "name": "in_year",
        "membership_id": stage.cast.olive.membership_id,
        "alert_id": uuid4(),
        "custodian_id": uuid4(),
        "request_id": uuid4(),
    }
    found = []
    with app.test_request_context():
        adapter = app.create_url_adapter(None) or app.url_map.bind("localhost")
        for rule in app.url_map.iter_rules():
            if rule.endpoint.startswith("authority."):
                values = {name: filled[name] for name in rule.arguments}
                method = "POST" if "POST" in rule.methods else "GET"
                found.append((rule.endpoint, method, adapter.build(rule.endpoint, values)))
    assert len(found) > 30
    return found


def test_every_view_names_a_permission_that_no_school_holds(app, stage):
    declared = {name: access for name, access in access_registry(app).items() if name.startswith("authority.")}
    for endpoint, access in declared.items():
        assert access.kind is Kind.SIGNED_IN
        assert access.permission is not None, endpoint
        for name in SCHOOLS_PEOPLE:
            assert not can(getattr(stage.cast, name).actor, access.permission), (endpoint, name)


def test_nobody_passes_without_signing_in(app, stage, addresses):
    from tests.shell import client_of

    client = client_of(app)
    for _, method, address in addresses:
        status = client.open(address, method=method).status_code
        assert status == (303 if method == "GET" else 401) or (method == "POST" and status == 400), address


@pytest.mark.parametrize("name", SCHOOLS_PEOPLE)
def test_the_people_of_schools_are_refused_everywhere(stage, client_for, addresses, name):
    client = client_for(getattr(stage.cast, name))
    for endpoint, method, address in addresses:
        response = client.get(address) if method == "GET" else client.post_form(address, {}, page="/accessibility")
        assert response.status_code == 403, endpoint


def test_the_administrator_reaches_nothing_of_an_authority(stage, client_for, addresses):
    client = client_for(stage.cast.ada)
    for endpoint, method, address in addresses:
        response = client.get(address) if method == "GET" else client.post_form(address, {}, page="/accessibility")
        assert response.status_code in (403, 404), endpoint


def test_another_authority_finds_nothing_of_these_schools(stage, client_for, addresses):
    client = client_for(stage.cast.oscar)
    for endpoint, method, address in addresses:
        if "/125580" in address or "/PT-" in address or str(stage.cast.olive.membership_id) in address:
            response = client.get(address) if method == "GET" else client.post_form(address, {}, page="/authority")
            assert response.status_code in (404, 422), endpoint
            assert "Alderford" not in response.text, endpoint


def test_no_page_of_the_authority_holds_a_note_or_a_name(stage, client_for, addresses):
    client = client_for(stage.cast.olive)
    seen = 0
    for endpoint, method, address in addresses:
        if method != "GET":
            continue
        for variant in (address, address.replace(".csv", ".xlsx"), f"{address}?box=received&show=all"):
            response = client.get(variant)
            shown = response.data
            if variant.endswith(".xlsx") and response.status_code == 200:
                with zipfile.ZipFile(io.BytesIO(shown)) as book:
                    shown = b"".join(book.read(part) for part in book.namelist())
            text = shown.decode(errors="replace")
            seen += response.status_code == 200
            for word in (*SECRET_WORDS, *PUPIL_WORDS, factories.NOTE_TEXT):
                assert word not in text, (endpoint, word)
    assert seen > 15


def test_a_session_of_the_head_of_service_reaches_no_page_of_a_note(app, stage, client_for):
    """Whatever address there is in the whole application: no permission of hers is one that opens."""
    opening = {Permission.NOTES_OPEN, Permission.NOTES_DOWNLOAD, Permission.COVER_READ, Permission.NOTES_SEAL}
    assert not any(can(stage.cast.olive.actor, permission) for permission in opening)
    for endpoint, access in access_registry(app).items():
        if access.permission in opening:
            assert not can(stage.cast.olive.actor, access.permission), endpoint


def test_pages_without_pupils_leave_no_leaf(stage, client_for):
    client, before = client_for(stage.cast.olive), log_size(stage)
    for address in ("approvals", "people", "alerts", "calendar", "settings", "audit/search"):
        client.page(f"/authority/{address}")
    assert log_size(stage) == before


def test_the_parts_are_linked_from_each_other_and_the_part_one_is_in_is_marked(stage, client_for):
    page = client_for(stage.cast.olive).page("/authority/settings")
    nav = next(one for one in page.iter("nav") if one.get("aria-label") == "Menu")
    links = {text_of(link): link for link in nav.iter("a")}
    assert list(links) == [
        "Compliance",
        "Approvals",
        "People",
        "Recovery key",
        "Audit",
        "Alerts",
        "Calendar",
        "Settings",
        "Account",
    ]
    assert [name for name, link in links.items() if link.get("aria-current")] == ["Settings"]
