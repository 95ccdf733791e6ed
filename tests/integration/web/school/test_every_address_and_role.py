"""Every address about transfers with everybody: who passes, who is refused, and no word of a note to anyone else."""

import pytest

from tests.factories import NOTE_TEXT, dispatch_in
from tests.integration.transfers.stage import Stage
from tests.integration.web.school.browsing import reference_of
from tests.shell import client_of
from transfer_service.domain.permissions import Permission, can
from transfer_service.domain.transfer import Status
from transfer_service.web.access import Kind
from transfer_service.web.guard import access_registry

pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)
SECRETS = (NOTE_TEXT, "genogram", "Zoë", "Łącki", "H801200001001")
BLUEPRINTS = tuple(
    f"school_{name}."
    for name in [
        "home",
        "search",
        "beginning",
        "choosing",
        "lists",
        "transfers",
        "drafting",
        "notes",
        "attaching",
        "sending",
        "inbox",
        "receiving",
        "acknowledging",
        "receipts",
        "archiving",
        "returning",
        "forwarding",
        "keys_renewal",
        "breaches",
        "calendar",
    ]
)
FOR_THE_OFFICE_TOO = {
    Permission.PUPIL_RECORD,
    Permission.TRANSFER_LIST,
    Permission.SCHOOL_CALENDAR_EDIT,
}
FOR_THE_HEAD_TOO = FOR_THE_OFFICE_TOO | {Permission.BREACH_READ, Permission.ENTRIES_EXPORT}


@pytest.fixture
def addresses(app, stage: Stage) -> list[tuple[str, str, str]]:
    """Each endpoint with its method and its address, about a file that was acknowledged."""
    made = dispatch_in(stage, Status.ACKNOWLEDGED, sender=stage.alma, receiver=stage.cora, attachments=["genogram.pdf"])
    values = {
        "reference": reference_of(stage, made),
        "item_id": "01990000-0000-7000-8000-000000000001",
        "entry_id": "01990000-0000-7000-8000-000000000002",
        "ending": "csv",
    }
    found = []
    with app.test_request_context():
        adapter = app.url_map.bind("localhost")
        for rule in app.url_map.iter_rules():
            if rule.endpoint.startswith(BLUEPRINTS):
                method = "POST" if "POST" in rule.methods else "GET"
                address = adapter.build(rule.endpoint, {name: values[name] for name in rule.arguments}, method=method)
                found.append((rule.endpoint, method, address))
    return found


def test_every_page_but_the_start_asks_for_a_permission_of_schools(app, stage: Stage):
    declared = {name: one for name, one in access_registry(app).items() if name.startswith(BLUEPRINTS)}
    assert len(declared) > 50
    for endpoint, access in declared.items():
        assert access.kind is Kind.SIGNED_IN
        if endpoint != "school_home.home":
            assert access.permission is not None, endpoint
            for overseer in (stage.cast.olive, stage.cast.oscar, stage.cast.ada):
                assert not can(overseer.actor, access.permission), endpoint


@pytest.mark.parametrize("name", ["olive", "oscar", "ada"])
def test_authority_and_administrator_are_refused_everywhere(stage: Stage, browser, addresses, name):
    client = browser(getattr(stage.cast, name))
    for endpoint, method, address in addresses:
        response = client.get(address) if method == "GET" else client.post_form(address, {}, page="/accessibility")
        if endpoint == "school_home.home":
            assert response.status_code in (200, 303)
        elif endpoint == "school_attaching.attached":
            assert response.status_code in (400, 403)  # its token comes by the address alone
        else:
            assert response.status_code == 403, endpoint
        assert not any(word in response.text for word in SECRETS), endpoint


def test_office_and_head_reach_only_what_is_theirs(app, stage: Stage, browser, addresses):
    declared = access_registry(app)
    for member, theirs in ((stage.edie, FOR_THE_OFFICE_TOO), (stage.cast.hugh, FOR_THE_HEAD_TOO)):
        client = browser(member)
        for endpoint, method, address in addresses:
            permission = declared[endpoint].permission
            response = client.get(address) if method == "GET" else client.post_form(address, {}, page="/accessibility")
            assert NOTE_TEXT.encode() not in response.data
            assert b"genogram" not in response.data
            if permission is not None and permission not in theirs:
                assert response.status_code in (400, 403), endpoint


def test_a_lead_of_another_school_finds_nothing(stage: Stage, browser, addresses):
    client = browser(stage.stella)
    for endpoint, method, address in addresses:
        response = client.get(address) if method == "GET" else client.post_form(address, {}, page="/accessibility")
        if "/transfers/PT-" in address:
            assert response.status_code in (400, 404, 422), (endpoint, response.status_code)
        assert not any(word in response.text for word in SECRETS), endpoint


def test_nobody_passes_without_signing_in(app, addresses):
    client = client_of(app)
    for _, method, address in addresses:
        response = client.open(address, method=method)
        assert response.status_code in (303, 400, 401), address
        assert not any(word in response.text for word in SECRETS), address


def test_no_address_names_a_pupil_or_carries_more_than_a_reference(app):
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith(BLUEPRINTS):
            assert rule.arguments <= {"reference", "item_id", "entry_id", "ending"}
