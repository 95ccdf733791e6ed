"""Approving a school's first safeguarding lead on the pages."""

import pytest
from sqlalchemy import select

from tests.cast import HOME, join_service
from tests.html import parse_page, text_of
from tests.integration.web.authority.looks import events_after, log_size
from transfer_service.db.models import Alert, Membership
from transfer_service.domain.roles import MembershipState, Role
from transfer_service.use_cases.people.signing_in import confirm_password

# One kind of database is enough: what these pages ask differs in none of its SQL.
pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)

TOLD = {"spoke_with": "Mr Fenn, office", "telephoned": "yes"}


@pytest.fixture
def greta(stage):
    """The DSL of the school without keys, who has signed up and waits."""
    return join_service(
        stage.service,
        name="Greta Lindholm",
        role=Role.DESIGNATED_SAFEGUARDING_LEAD,
        school_id=stage.cast.keyless,
    )


def state_of(stage, member) -> MembershipState:
    with stage.database.reading() as session:
        return session.get_one(Membership, member.membership_id).state


def test_who_waits_is_listed_with_the_number_of_the_register(stage, greta, client_for):
    page = client_for(stage.cast.olive).page("/authority/approvals")
    assert "Greta Lindholm" in text_of(page)
    assert "01926 555583" in text_of(page)
    assert "Nobody waits" in text_of(client_for(stage.cast.oscar).page("/authority/approvals"))


def test_the_officer_approves_after_telephoning(stage, greta, client_for):
    client, before = client_for(stage.cast.olive), log_size(stage)
    address = f"/authority/approvals/{greta.membership_id}"
    assert " ".join(greta.person_key.public.fingerprint.words()) in text_of(client.page(address))
    response = client.post_form(address, TOLD)
    assert (response.status_code, response.headers["Location"]) == (303, "/authority/approvals")
    assert state_of(stage, greta) is MembershipState.ACTIVE
    assert events_after(stage, before) == ["membership.approved"]
    assert "Approved" in text_of(client.page("/authority/approvals"))


def test_an_officer_who_was_away_gives_the_password_before_approving(stage, greta, client_for):
    client, address = client_for(stage.cast.olive), f"/authority/approvals/{greta.membership_id}"
    stage.service.clock.move(minutes=10)
    asked = client.post_form(address, TOLD)
    assert asked.headers["Location"].startswith("/confirm-password?")
    assert state_of(stage, greta) is MembershipState.AWAITING_APPROVAL
    olive, service = stage.cast.olive, stage.service
    confirm_password(service.database, service.at, service.work, olive.actor, password=olive.password, device=HOME)
    client.post_form(address, TOLD)
    assert state_of(stage, greta) is MembershipState.ACTIVE


@pytest.mark.parametrize("missing", ["spoke_with", "telephoned"])
def test_nobody_is_approved_without_the_call(stage, greta, client_for, missing):
    told = {name: value for name, value in TOLD.items() if name != missing}
    response = client_for(stage.cast.olive).post_form(f"/authority/approvals/{greta.membership_id}", told)
    assert response.status_code == 422
    assert f'href="#{missing}"' in response.text
    assert state_of(stage, greta) is MembershipState.AWAITING_APPROVAL


def test_the_officer_refuses_with_a_reason_and_the_person_is_told(stage, greta, client_for):
    client = client_for(stage.cast.olive)
    address = f"/authority/approvals/{greta.membership_id}/refuse"
    refused = client.post_form(address, {})
    assert refused.status_code == 422
    assert 'href="#reason"' in refused.text
    assert client.post_form(address, {"reason": "not_known"}).status_code == 303
    assert state_of(stage, greta) is MembershipState.ENDED
    with stage.database.reading() as session:
        assert "membership.refused" in list(session.scalars(select(Alert.kind)))
    assert client.get(address).status_code == 404


def test_another_authority_cannot_decide(stage, greta, client_for):
    response = client_for(stage.cast.oscar).post_form(
        f"/authority/approvals/{greta.membership_id}", TOLD, page="/authority/approvals"
    )
    assert response.status_code == 404
    assert state_of(stage, greta) is MembershipState.AWAITING_APPROVAL
    assert "Go to your start page" in text_of(parse_page(response.data))
