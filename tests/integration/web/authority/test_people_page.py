"""The authority's people, and the first people of its schools."""

import pytest
from sqlalchemy import select

from tests.cast import add_school, join_service
from tests.html import text_of
from tests.integration.web.authority.looks import events_after, log_size, row_of
from transfer_service.db.models import Membership, Person
from transfer_service.domain.roles import MembershipState, Role

# One kind of database is enough: what these pages ask differs in none of its SQL.
pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)

PEOPLE = "/authority/people"


def membership_of(stage, email: str) -> Membership:
    with stage.database.reading() as session:
        return session.scalars(select(Membership).join(Person).where(Person.email == email)).one()


def test_an_officer_is_invited(stage, client_for):
    client, before = client_for(stage.cast.olive), log_size(stage)
    response = client.post_form(f"{PEOPLE}/invite", {"email": "New@Example.org", "role": "authority_officer"})
    assert response.status_code == 303
    assert events_after(stage, before) == ["person.invited"]
    invited = membership_of(stage, "new@example.org")
    assert (invited.role, invited.authority_id) == (Role.AUTHORITY_OFFICER, stage.cast.warwickshire)
    assert row_of(client.page(PEOPLE), "new@example.org")[2] == "Invited"


@pytest.mark.parametrize(
    "typed, field",
    [
        ({"email": "nobody", "role": "authority_officer"}, "email"),
        ({"email": "new@example.org", "role": "designated_safeguarding_lead"}, "role"),
        ({"email": "new@example.org", "role": "administrator"}, "role"),
        ({"email": "olive.hartley@example.org", "role": "head_of_service"}, "email"),
    ],
)
def test_an_invitation_that_cannot_be_sent_is_said_beside_its_field(stage, client_for, typed, field):
    response = client_for(stage.cast.olive).post_form(f"{PEOPLE}/invite", typed)
    assert response.status_code == 422
    assert f'href="#{field}"' in response.text


def test_a_school_is_found_by_search_and_its_lead_invited(stage, client_for):
    client = client_for(stage.cast.olive)
    found = client.page(f"{PEOPLE}?q=dovec")
    assert [link.get("href") for link in found.iter("a") if "/schools/" in (link.get("href") or "")] == [
        f"{PEOPLE}/schools/125583"
    ]
    response = client.post_form(
        f"{PEOPLE}/schools/125583", {"email": "lead@example.org", "role": "designated_safeguarding_lead"}
    )
    assert response.status_code == 303
    assert membership_of(stage, "lead@example.org").school_id == stage.cast.keyless


def test_a_search_that_finds_nothing_says_what_to_try(stage, client_for):
    client = client_for(stage.cast.olive)
    assert "No school of your authority matches" in text_of(client.page(f"{PEOPLE}?q=zzz"))
    assert client.get(f"{PEOPLE}?q=").status_code == 422


def test_office_and_closed_schools_are_not_for_the_authority_to_invite(stage, client_for):
    client = client_for(stage.cast.olive)
    office = client.post_form(f"{PEOPLE}/schools/125583", {"email": "a@example.org", "role": "school_office"})
    assert office.status_code == 422
    add_school(
        stage.service, stage.cast.warwickshire, urn="125599", name="Elmside School", town="Rugby", status="Closed"
    )
    closed = client.post_form(
        f"{PEOPLE}/schools/125599", {"email": "a@example.org", "role": "designated_safeguarding_lead"}
    )
    assert closed.status_code == 409


def test_who_waits_at_a_school_is_linked_to_the_approval(stage, client_for):
    greta = join_service(stage.service, name="Greta Lindholm", role=Role.DEPUTY_DSL, school_id=stage.cast.keyless)
    page = client_for(stage.cast.olive).page(f"{PEOPLE}/schools/125583")
    assert f"/authority/approvals/{greta.membership_id}" in {link.get("href") for link in page.iter("a")}


def test_an_invitation_is_sent_again_or_taken_back(stage, client_for):
    client = client_for(stage.cast.olive)
    client.post_form(f"{PEOPLE}/invite", {"email": "new@example.org", "role": "authority_officer"})
    invited = membership_of(stage, "new@example.org")
    before = log_size(stage)
    assert client.post_form(f"{PEOPLE}/{invited.id}/resend", page=PEOPLE).status_code == 303
    assert client.post_form(f"{PEOPLE}/{invited.id}/withdraw", page=PEOPLE).status_code == 303
    assert events_after(stage, before) == [
        "alert.withdrawn",
        "person.invited",
        "alert.withdrawn",
        "invitation.withdrawn",
    ]
    assert membership_of(stage, "new@example.org").state is MembershipState.ENDED
    assert client.post_form(f"{PEOPLE}/{invited.id}/resend", page=PEOPLE).status_code == 404


def test_an_officers_role_is_ended_after_a_page_that_says_what_it_means(stage, client_for):
    nora = join_service(
        stage.service, name="Nora Quist", role=Role.AUTHORITY_OFFICER, authority_id=stage.cast.warwickshire
    )
    client = client_for(stage.cast.olive)
    address = f"{PEOPLE}/{nora.membership_id}/end"
    assert "signed out at once" in text_of(client.page(address))
    assert client.post_form(address).status_code == 303
    assert membership_of(stage, nora.email).state is MembershipState.ENDED


def test_nobody_ends_their_own_role_or_that_of_another_authority_here(stage, client_for):
    stella = stage.cast.stella
    own = client_for(stage.cast.olive).post_form(f"{PEOPLE}/{stage.cast.olive.membership_id}/end", page=PEOPLE)
    foreign = client_for(stage.cast.oscar).post_form(f"{PEOPLE}/{stella.membership_id}/end", page=PEOPLE)
    assert (own.status_code, foreign.status_code) == (409, 404)
    assert client_for(stage.cast.oscar).get(f"{PEOPLE}/{stella.membership_id}/again").status_code == 404
    assert membership_of(stage, stella.email).state is MembershipState.ACTIVE


def test_the_only_lead_of_a_school_who_left_is_ended_from_the_page_of_the_school(stage, client_for):
    client, stella = client_for(stage.cast.olive), stage.cast.stella
    school = f"{PEOPLE}/schools/125582"
    address = f"{PEOPLE}/{stella.membership_id}/end"
    assert address in {link.get("href") for link in client.page(school).iter("a")}
    page = text_of(client.page(address))
    assert "at Cloverhill School, Warwick" in page
    assert "another officer than you has approved" in page
    ended = client.post_form(address)
    assert (ended.status_code, ended.headers["Location"]) == (303, school)
    assert membership_of(stage, stella.email).state is MembershipState.ENDED


def test_a_lead_who_lost_everything_is_let_begin_again_after_a_word(stage, client_for):
    client, stella = client_for(stage.cast.olive), stage.cast.stella
    address = f"{PEOPLE}/{stella.membership_id}/again"
    assert address in {link.get("href") for link in client.page(f"{PEOPLE}/schools/125582").iter("a")}
    assert "Whoever reads their email gets the link" in text_of(client.page(address))
    silent = client.post_form(address, {"basis": "telephone_check"})
    assert silent.status_code == 422
    assert 'href="#has_spoken"' in silent.text
    before = log_size(stage)
    done = client.post_form(address, {"basis": "telephone_check", "has_spoken": "yes"})
    assert (done.status_code, done.headers["Location"]) == (303, f"{PEOPLE}/schools/125582")
    assert events_after(stage, before)[-1] == "person.invited"
    assert "a link to begin again is on its way" in text_of(client.page(f"{PEOPLE}/schools/125582"))
    assert row_of(client.page(f"{PEOPLE}/schools/125582"), stella.email)[2] == "Invited"


def test_an_officer_who_lost_everything_is_let_begin_again_by_another(stage, client_for):
    nora = join_service(
        stage.service, name="Nora Quist", role=Role.AUTHORITY_OFFICER, authority_id=stage.cast.warwickshire
    )
    client = client_for(stage.cast.olive)
    address = f"{PEOPLE}/{nora.membership_id}/again"
    assert address in {link.get("href") for link in client.page(PEOPLE).iter("a")}
    done = client.post_form(address, {"basis": "in_person_check", "has_spoken": "yes"})
    assert (done.status_code, done.headers["Location"]) == (303, PEOPLE)
