"""The recovery key on the pages: custodians, drills, and a request that two officers approve."""

import io
import json

import pytest

from tests.cast import join_service
from tests.html import text_of
from tests.integration.recovery.conftest import ask
from tests.integration.web.authority.looks import events_after, log_size
from transfer_service.domain.roles import Role
from transfer_service.use_cases.people.memberships import end_membership

pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)
PAGE = "/authority/recovery"
KEEPER = {"share": "1", "name": "Ines Quill", "employer": "Birchwater High School", "works_as": "neither"}


@pytest.fixture
def fern(stage):
    """Both leads of the sending school left; Fern, the new one, has signed up and waits."""
    for leaver in (stage.alma, stage.ben):
        with stage.database.writing() as session:
            end_membership(session, stage.at, stage.cast.hugh.actor, membership_id=leaver.membership_id)
    return join_service(
        stage.service, name="Fern Castellan", role=Role.DESIGNATED_SAFEGUARDING_LEAD, school_id=stage.cast.sending
    )


def bring(client, text: str):
    address = f"{PAGE}/import?csrf_token={client.token(PAGE)}"
    data = {"file": (io.BytesIO(text.encode()), "recovery.json")}
    headers = {"Sec-Fetch-Site": "same-origin"}
    return client.post(address, data=data, headers=headers, content_type="multipart/form-data")


def test_custodians_are_recorded_and_removed_and_what_is_wrong_is_said(stage, client_for):
    client, before = client_for(stage.cast.olive), log_size(stage)
    assert "Not all five custodians are recorded" in text_of(client.page(PAGE))
    assert client.post_form(f"{PAGE}/custodians/new", {**KEEPER, "works_as": "operator"}).status_code == 303
    page = client.page(PAGE)
    assert "operates this service keeps a share" in text_of(page)
    again = client.post_form(f"{PAGE}/custodians/new", KEEPER)
    assert (again.status_code, 'href="#share"' in again.text) == (422, True)
    remove = next(form.get("action") for form in page.iter("form") if str(form.get("action")).endswith("/end"))
    assert client.post_form(remove, page=PAGE).status_code == 303
    assert "Ines Quill" not in text_of(client.page(PAGE))
    assert events_after(stage, before) == ["custodian.recorded", "custodian.ended"]


@pytest.mark.parametrize("field", ["share", "name", "employer", "works_as"])
def test_each_answer_about_a_custodian_is_needed(stage, client_for, field):
    told = {name: value for name, value in KEEPER.items() if name != field}
    response = client_for(stage.cast.olive).post_form(f"{PAGE}/custodians/new", told)
    assert (response.status_code, f'href="#{field}"' in response.text) == (422, True)


def test_a_bundle_is_saved_with_its_leaf_and_a_file_of_nobody_is_refused(stage, client_for):
    client, before = client_for(stage.cast.olive), log_size(stage)
    saved = client.post_form(f"{PAGE}/drill-bundle", page=PAGE)
    assert (saved.status_code, saved.headers["Content-Disposition"]) == (
        200,
        'attachment; filename="recovery-drill.json"',
    )
    assert len(json.loads(saved.text)["grants"]) == 3
    assert events_after(stage, before) == ["recovery.exported"]
    for text in ("", "{}", '{"results": []}'):
        assert bring(client, text).status_code == 422


def test_two_officers_approve_and_the_bundle_and_its_receipt_are_saved(stage, client_for, fern):
    client = client_for(stage.cast.olive)
    form = client.page(f"{PAGE}/schools/125580")
    assert " ".join(fern.person_key.public.fingerprint.words()) in text_of(form)
    refused = client.post_form(f"{PAGE}/schools/125580", {"membership": str(fern.membership_id)})
    assert (refused.status_code, 'href="#understood"' in refused.text) == (422, True)
    request_id = ask(stage.service, stage.cast.hugh, fern)
    address = f"{PAGE}/requests/{request_id}"
    assert client.post_form(f"{address}/approve", {}, page=address).status_code == 422
    assert client.post_form(f"{address}/bundle", page=address).status_code == 409
    assert client.post_form(f"{address}/approve", {"telephoned": "yes"}, page=address).status_code == 303
    twice = client.post_form(f"{address}/approve", {"telephoned": "yes"}, page=address)
    assert twice.status_code == 422
    assert client.get(f"{address}/receipt.tlog-proof").status_code == 404
    assert "You are not one who can do it now" in text_of(client.page(address))


def test_an_officer_asks_for_a_school_and_may_refuse_what_was_asked(stage, client_for, fern):
    client = client_for(stage.cast.olive)
    told = {"membership": str(fern.membership_id), "understood": "yes"}
    answer = client.post_form(f"{PAGE}/schools/125580", told)
    assert answer.status_code == 303
    address = answer.headers["Location"]
    assert client.post_form(f"{PAGE}/schools/125580", told, page=PAGE).status_code == 422
    assert client_for(stage.cast.oscar).get(address).status_code == 404
    assert client.post_form(f"{address}/refuse", page=address).status_code == 303
    assert "Refused" in text_of(client.page(address))


def test_a_school_that_can_open_everything_offers_nobody(stage, client_for):
    page = client_for(stage.cast.olive).page(f"{PAGE}/schools/125580")
    assert "Nothing can be asked for this school now" in text_of(page)


def test_the_compliance_page_says_how_the_recovery_key_stands(stage, client_for):
    said = text_of(client_for(stage.cast.olive).page("/authority"))
    assert "Last drill Never" in said
    assert "3 of 3 school keys" in said
