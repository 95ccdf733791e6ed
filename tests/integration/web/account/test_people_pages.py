"""Who is here, inviting, granting the key, leaving, being away: who may do it from the pages, and what it changes."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update

from tests.cast import Cast, Member, Service, join_service, make_first_holder, refreshed
from transfer_service.db.models import KeyGrant
from transfer_service.domain.roles import Role
from transfer_service.use_cases.oversight.approvals import approve_first_dsl
from transfer_service.use_cases.people.listing import list_people


def states(service: Service, member: Member) -> dict[str, str]:
    """The state of everybody at a member's place, by address."""
    with service.database.reading() as session:
        return {one.email: one.state.value for one in list_people(session, member.actor).colleagues}


def holders(service: Service, member: Member) -> set[str]:
    with service.database.reading() as session:
        return {one.email for one in list_people(session, member.actor).colleagues if one.holds_key}


@pytest.fixture
def deputy(service: Service, cast: Cast) -> Member:
    """Somebody at the sending school who waits for the key."""
    return join_service(service, name="Nia New", role=Role.DEPUTY_DSL, school_id=cast.sending, inviter=cast.alma.actor)


def test_everybody_here_is_listed_with_who_holds_the_key(browser: Any, cast: Cast) -> None:
    page = browser.resume(cast.alma).page("/people")

    for name in ("Alma Reyes", "Ben Okafor", "Edie Nakamura", "Hugh Prescott"):
        assert name in page
    assert "Cora Whitlock" not in page
    assert page.count("Since <time") == 2
    assert "Only one person here" not in page


def test_one_holder_is_amber_and_the_page_says_what_to_do(browser: Any, cast: Cast) -> None:
    assert "Only one person here can read files." in browser.resume(cast.stella).page("/people")


def test_no_holder_is_red(browser: Any, cast: Cast, service: Service) -> None:
    head = join_service(service, name="Noor Head", role=Role.HEAD_TEACHER, school_id=cast.keyless)

    assert "Nobody here can read files." in browser.resume(head).page("/people")


@pytest.mark.parametrize("rest", ["", "/invite"])
def test_an_authoritys_people_stand_on_its_own_page(browser: Any, cast: Cast, rest: str) -> None:
    assert browser.resume(cast.olive).client.get(f"/people{rest}").headers["Location"] == f"/authority/people{rest}"
    posted = browser.post("/people/invite", {"email": "a@example.org", "role": "authority_officer"}, page="/account")
    assert posted.headers["Location"] == "/authority/people/invite"
    page = browser.page("/authority/people")
    assert f'href="/people/{cast.olive.membership_id}"' in page


def test_an_officer_is_kept_out_for_a_time_and_comes_back(browser: Any, cast: Cast, service: Service) -> None:
    nora = join_service(service, name="Nora Quist", role=Role.AUTHORITY_OFFICER, authority_id=cast.warwickshire)
    browser.resume(cast.olive)
    own = f"/people/{nora.membership_id}"
    assert "School’s key" not in browser.page(own)
    away = browser.follow(browser.post(f"{own}/suspend"))
    assert "Their access has stopped" in away.text
    assert away.request.path == "/authority/people"
    assert "They can sign in again." in browser.follow(browser.post(f"{own}/return", page=own)).text


def test_office_staff_do_not_reach_people(browser: Any, cast: Cast) -> None:
    browser.resume(cast.edie)

    for address in ("/people", "/people/invite", f"/people/{cast.ben.membership_id}/end", "/school-key"):
        browser.page(address, 403)
    assert browser.post(f"/people/{cast.ben.membership_id}/end", page="/account").status_code == 403


def test_an_address_that_would_become_another_is_refused_beside_its_field(browser: Any, cast: Cast) -> None:
    answer = browser.resume(cast.alma).post("/people/invite", {"email": "wei\u00df@example.org", "role": "deputy_dsl"})

    assert answer.status_code == 422
    assert "Email address must not have accents or letters that are not English" in answer.text


def test_inviting_sends_a_link(browser: Any, cast: Cast, service: Service) -> None:
    browser.resume(cast.alma)

    done = browser.post("/people/invite", {"email": "New.Person@Example.org", "role": "deputy_dsl"})

    assert done.headers["Location"] == "/people"
    assert "The invitation is on its way" in browser.follow(done).text
    assert states(service, cast.alma)["new.person@example.org"] == "invited"


@pytest.mark.parametrize(
    "fields, wrong",
    [
        ({"email": "", "role": "deputy_dsl"}, "email"),
        ({"email": "no address", "role": "deputy_dsl"}, "email"),
        ({"email": "a@example.org"}, "role"),
        ({"email": "a@example.org", "role": "head_of_service"}, "role"),
        ({"email": "ben.okafor@example.org", "role": "deputy_dsl"}, "email"),
    ],
)
def test_a_wrong_invitation_is_marked_at_its_field(
    browser: Any, cast: Cast, fields: dict[str, str], wrong: str
) -> None:
    answer = browser.resume(cast.alma).post("/people/invite", fields)

    assert answer.status_code == 422
    assert f'href="#{wrong}"' in answer.text
    assert f'id="{wrong}"' in answer.text


def test_an_invitation_is_sent_again_and_withdrawn(browser: Any, cast: Cast, service: Service) -> None:
    browser.resume(cast.alma).post("/people/invite", {"email": "nia@example.org", "role": "school_office"})
    with service.database.reading() as session:
        people = list_people(session, cast.alma.actor).colleagues
    where = f"/people/{next(one.membership_id for one in people if one.email == 'nia@example.org')}"

    again = browser.post(f"{where}/resend", page=where)
    gone = browser.post(f"{where}/withdraw", page=where)

    assert again.headers["Location"] == gone.headers["Location"] == "/people"
    assert "nia@example.org" not in states(service, cast.alma)
    browser.page(where, 404)


def test_the_key_is_granted_after_the_words_were_compared(
    browser: Any, cast: Cast, service: Service, deputy: Member
) -> None:
    browser.resume(cast.alma)
    where = f"/people/{deputy.membership_id}/grant"
    assert where in browser.page("/people")
    page = browser.page(where)
    words = re.search(r'id="colleague-words">([a-z ]+)<', page)
    assert words is not None
    assert words[1].split() == list(deputy.person_key.public.fingerprint.words())

    done = browser.post(where, {"words": words[1], "basis": "telephone_check", "words_agree": "yes"})

    assert done.headers["Location"] == "/people"
    assert deputy.email in holders(service, cast.alma)


def test_the_key_is_not_granted_without_saying_how_the_words_were_compared(
    browser: Any, cast: Cast, service: Service, deputy: Member
) -> None:
    browser.resume(cast.alma)
    where = f"/people/{deputy.membership_id}/grant"
    words = " ".join(deputy.person_key.public.fingerprint.words())

    answer = browser.post(where, {"words": words})

    assert answer.status_code == 422
    assert 'href="#basis"' in answer.text
    assert 'href="#words_agree"' in answer.text
    assert deputy.email not in holders(service, cast.alma)


def test_other_words_than_those_on_the_screen_grant_nothing(
    browser: Any, cast: Cast, service: Service, deputy: Member
) -> None:
    browser.resume(cast.alma)
    where = f"/people/{deputy.membership_id}/grant"

    answer = browser.post(where, {"words": "academic acid", "basis": "in_person_check", "words_agree": "yes"})

    assert answer.status_code == 422
    assert "Compare the words that are shown now." in answer.text
    assert deputy.email not in holders(service, cast.alma)


def test_granting_after_ten_minutes_asks_for_the_password_and_leads_back(
    browser: Any, cast: Cast, service: Service, deputy: Member
) -> None:
    browser.resume(cast.alma)
    service.clock.move(minutes=11)
    where = f"/people/{deputy.membership_id}/grant"

    asked = browser.client.get(where)
    assert asked.headers["Location"] == f"/confirm-password?next={where}"
    wrong = browser.post(asked.headers["Location"], {"password": "not this one at all"})
    right = browser.post(asked.headers["Location"], {"password": cast.alma.password})

    assert wrong.status_code == 422
    assert 'href="#password"' in wrong.text
    assert right.headers["Location"] == where
    assert "Give the key" in browser.page(where)


def test_a_password_that_went_stale_on_the_page_loses_nothing_that_was_entered(
    browser: Any, cast: Cast, service: Service, deputy: Member
) -> None:
    browser.resume(cast.alma)
    where = f"/people/{deputy.membership_id}/grant"
    words = " ".join(deputy.person_key.public.fingerprint.words())
    browser.page(where)
    service.clock.move(minutes=11)

    asked = browser.post(where, {"words": words, "basis": "telephone_check", "words_agree": "yes"}, page="/account")
    assert asked.headers["Location"] == "/confirm-password?next=%2Fheld-form"
    kept = browser.follow(browser.post(asked.headers["Location"], {"password": cast.alma.password}))
    assert words in kept.text
    assert f'action="{where}"' in kept.text
    assert deputy.email not in holders(service, cast.alma)
    browser.post(where, {"words": words, "basis": "telephone_check", "words_agree": "yes"})

    assert deputy.email in holders(service, cast.alma)


def test_a_key_is_not_granted_at_another_school(browser: Any, cast: Cast, deputy: Member) -> None:
    browser.resume(cast.cora)

    browser.page(f"/people/{deputy.membership_id}/grant", 404)
    browser.page(f"/people/{deputy.membership_id}", 404)
    browser.page(f"/people/{uuid4()}", 404)


def test_a_leaver_loses_the_key_and_the_school_gets_a_new_one(browser: Any, cast: Cast, service: Service) -> None:
    browser.resume(cast.alma)
    where = f"/people/{cast.ben.membership_id}/end"
    assert "the school gets a new key in the same moment" in browser.page(where)

    done = browser.post(where)

    assert "your school has a new key that they do not hold" in browser.follow(done).text
    assert cast.ben.email not in states(service, cast.alma)
    assert holders(service, cast.alma) == {cast.alma.email}


def test_a_leaver_goes_also_where_the_new_key_cannot_be_made(browser: Any, cast: Cast, service: Service) -> None:
    with service.database.writing() as session:
        session.execute(
            update(KeyGrant).where(KeyGrant.grantee_id == cast.alma.person_id).values(sealed=b"\x00" * 1168)
        )
    browser.resume(cast.alma)

    done = browser.post(f"/people/{cast.ben.membership_id}/end")

    assert "Their access has ended." in browser.follow(done).text
    assert cast.ben.email not in states(service, cast.alma)


def test_the_head_ends_a_role_and_the_new_key_is_asked_for(
    browser: Any, new_browser: Any, cast: Cast, service: Service
) -> None:
    browser.resume(cast.hugh)
    where = f"/people/{cast.ben.membership_id}/end"
    assert "the next colleague who holds the school’s key and signs in makes a new one" in browser.page(where)

    browser.post(where)
    hers = new_browser()
    arrived = hers.follow(hers.sign_in(cast.alma))

    assert "Your school has a new key, because a colleague who held the old one has left." in arrived.text
    assert holders(service, cast.alma) == {cast.alma.email}


def test_a_colleague_who_lost_everything_is_let_begin_again_after_a_word(
    browser: Any, cast: Cast, service: Service
) -> None:
    browser.resume(cast.alma)
    address = f"/people/{cast.ben.membership_id}/again"
    assert address in browser.page(f"/people/{cast.ben.membership_id}")
    page = browser.page(address)
    assert "Whoever reads their email gets the link." in page
    assert "the school gets a new key in the same moment" in page

    silent = browser.post(address, {"has_spoken": "yes"})
    assert silent.status_code == 422
    assert "Choose how you spoke with the person" in silent.text

    done = browser.post(address, {"basis": "telephone_check", "has_spoken": "yes"})
    assert done.headers["Location"] == "/people"
    assert "a link to begin again is on its way to them" in browser.page("/people")
    assert states(service, cast.alma)[cast.ben.email] == "invited"
    assert holders(service, cast.alma) == {cast.alma.email}
    assert cast.alma.school_keys(service).active[0] == 2


def test_the_head_lets_a_lead_begin_again_and_the_new_key_is_asked_for(
    browser: Any, cast: Cast, service: Service
) -> None:
    browser.resume(cast.hugh)
    address = f"/people/{cast.ben.membership_id}/again"
    assert "signs in makes a new one" in browser.page(address)
    assert browser.post(address, {"basis": "in_person_check", "has_spoken": "yes"}).status_code == 303
    assert cast.alma.school_keys(service).active[0] == 1


def test_where_the_schools_key_cannot_be_renewed_the_access_of_who_lost_it_ends_all_the_same(
    browser: Any, cast: Cast, service: Service
) -> None:
    browser.resume(cast.alma)
    address = f"/people/{cast.ben.membership_id}/again"
    browser.page(address)
    with service.database.writing() as session:
        session.execute(
            update(KeyGrant).where(KeyGrant.grantee_id == cast.alma.person_id).values(sealed=b"\x00" * 1168)
        )

    done = browser.post(address, {"basis": "telephone_check", "has_spoken": "yes"}, page="/account")

    assert done.status_code == 303
    assert states(service, cast.alma)[cast.ben.email] == "invited"


def test_the_page_offers_nobody_to_begin_again_who_may_not(browser: Any, cast: Cast) -> None:
    browser.resume(cast.alma)
    assert "/again" not in browser.page(f"/people/{cast.alma.membership_id}")
    refused = browser.post(
        f"/people/{cast.alma.membership_id}/again", {"basis": "telephone_check", "has_spoken": "yes"}, page="/account"
    )
    assert refused.status_code == 409


def test_nobody_ends_their_own_role(browser: Any, cast: Cast, service: Service) -> None:
    browser.resume(cast.alma)

    assert browser.post(f"/people/{cast.alma.membership_id}/end", page="/account").status_code == 409
    assert states(service, cast.alma)[cast.alma.email] == "active"


def test_somebody_away_for_a_time_comes_back_and_waits_for_the_key(
    browser: Any, new_browser: Any, cast: Cast, service: Service
) -> None:
    browser.resume(cast.alma)
    other = new_browser().resume(cast.ben)
    other.page("/people")
    where = f"/people/{cast.ben.membership_id}"

    browser.page(f"{where}/suspend")
    browser.post(f"{where}/suspend")
    assert states(service, cast.alma)[cast.ben.email] == "suspended"
    assert other.client.get("/people").headers["Location"] == "/sign-in?next=/people"
    back = browser.post(f"{where}/return", page=where)

    assert "To read files they must be given" in browser.follow(back).text
    assert states(service, cast.alma)[cast.ben.email] == "awaiting_approval"
    assert f"{where}/grant" in browser.page("/people")


def test_the_approved_lead_makes_the_schools_key_at_the_next_sign_in(
    browser: Any, cast: Cast, service: Service
) -> None:
    lead = join_service(service, name="Nell Lead", role=Role.DESIGNATED_SAFEGUARDING_LEAD, school_id=cast.keyless)
    with service.database.writing() as session:
        approve_first_dsl(session, service.at, cast.olive.actor, membership_id=lead.membership_id)

    arrived = browser.client.get(browser.sign_in(lead).headers["Location"])
    assert arrived.headers["Location"] == "/school-key"
    assert "Make the key" in browser.page("/school-key")
    made = browser.follow(browser.post("/school-key"))

    assert re.search(r'id="school-words">(?:[a-z]+ ){7}[a-z]+<', made.text)
    assert re.search(r'id="own-words">(?:[a-z]+ ){7}[a-z]+<', made.text)
    assert "Only one person here can read files." in made.text
    assert browser.post("/school-key").status_code == 303
    assert holders(service, refreshed(service, lead)) == {lead.email}


def test_a_lead_who_is_not_approved_makes_no_key(browser: Any, cast: Cast, service: Service) -> None:
    lead = join_service(service, name="Nell Lead", role=Role.DESIGNATED_SAFEGUARDING_LEAD, school_id=cast.keyless)

    assert browser.resume(lead).client.get("/school-key").status_code in {303, 403}
    assert browser.post("/school-key", page="/account").status_code == 403


def test_the_key_of_a_new_school_serves_its_holder_at_once(browser: Any, cast: Cast, service: Service) -> None:
    lead = join_service(service, name="Nell Lead", role=Role.DESIGNATED_SAFEGUARDING_LEAD, school_id=cast.keyless)
    holder = make_first_holder(service, cast.olive, lead)

    assert "Words of the school’s key" in browser.resume(holder).page("/school-key")
