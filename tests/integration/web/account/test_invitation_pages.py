"""From the link in the mail to an account with codes and a recovery code, waiting for approval."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest

from tests.cast import Cast, Service
from tests.integration.web.account.conftest import code_of, secret_on
from transfer_service.domain.events import Basis
from transfer_service.domain.roles import Role
from transfer_service.use_cases.people.accepting import accept_another_invitation
from transfer_service.use_cases.people.inviting import Invited, invite_person, withdraw_invitation
from transfer_service.use_cases.people.letting_begin_again import let_begin_again
from transfer_service.use_cases.people.sessions import load_session

PASSWORD = "brisk walnut harbour lantern"


def invite(service: Service, cast: Cast, *, email: str = "nia.new@example.org", role: Role = Role.DEPUTY_DSL,
           school: UUID | None = None) -> Invited:  # fmt: skip
    with service.database.writing() as session:
        actor = cast.olive.actor if school else cast.alma.actor
        return invite_person(session, service.at, actor, email=email, role=role, school_id=school or cast.sending)


def make_account(browser: Any, service: Service, invited: Invited) -> None:
    """Everything from the link to the confirmed recovery code."""
    begun = browser.post(invited.path, {"name": "Nia New", "password": PASSWORD})
    assert begun.headers["Location"] == "/sign-in/set-up"
    secret = secret_on(browser.page("/sign-in/set-up"))
    done = browser.post("/sign-in/set-up", {"code": code_of(secret, service)})
    assert done.headers["Location"] == "/account/backup-codes?next=/arrive"
    write_down(browser)


def write_down(browser: Any) -> str:
    """Have the recovery code shown and type back what is asked for; returns the code."""
    assert "Make" in browser.page("/account/recovery-code")
    shown = browser.post("/account/recovery-code/show", page="/account/recovery-code")
    groups = re.findall(r'<code class="app-code">([0-9A-Z]{4})</code>', shown.text)
    assert len(groups) == 9
    asked = [
        int(number) - 1 for number in re.findall(r">\s*Group (\d)\s*<", browser.page("/account/recovery-code/confirm"))
    ]
    data = {"first_group_code": groups[asked[0]], "second_group_code": groups[asked[1]], "kept_safe": "yes"}
    answer = browser.post("/account/recovery-code/confirm", data)
    assert answer.status_code == 303, answer.text
    return "-".join(groups)


def test_the_page_says_who_invited_to_what(browser: Any, cast: Cast, service: Service) -> None:
    page = browser.page(invite(service, cast).path)

    assert "Alma Reyes" in page
    assert "Alderford Primary School, Rugby, URN 125580" in page
    assert "Deputy designated safeguarding lead" in page
    assert "nia.new@example.org" in page


def test_a_deputy_makes_an_account_and_is_told_that_a_colleague_grants(
    browser: Any, cast: Cast, service: Service
) -> None:
    make_account(browser, service, invite(service, cast))

    arrived = browser.client.get("/")
    page = browser.page("/waiting")

    assert arrived.headers["Location"] == "/waiting"
    assert "a colleague has to give you the school’s key" in page
    words = re.search(r'id="own-words">([a-z ]+)<', page)
    assert words is not None
    assert len(words[1].split()) == 8


def test_a_first_lead_is_told_that_an_officer_telephones(browser: Any, cast: Cast, service: Service) -> None:
    make_account(browser, service, invite(service, cast, role=Role.DESIGNATED_SAFEGUARDING_LEAD, school=cast.keyless))

    page = browser.page("/waiting")

    assert "01926 555583" in page
    assert "Warwickshire has to approve you first" in page


@pytest.mark.parametrize("password", ["short", "password1234", "nia new nia new", "alderford123", "aaaaaaaaaaaaaaaa"])
def test_a_weak_password_is_refused_with_its_reason(browser: Any, cast: Cast, service: Service, password: str) -> None:
    answer = browser.post(invite(service, cast).path, {"name": "Nia New", "password": password})

    assert answer.status_code == 422
    assert 'href="#password"' in answer.text
    assert f'value="{password}"' not in answer.text
    assert 'value="Nia New"' in answer.text


def test_a_used_link_says_what_to_do(browser: Any, cast: Cast, service: Service, new_browser: Any) -> None:
    invited = invite(service, cast)
    browser.post(invited.path, {"name": "Nia New", "password": PASSWORD})

    page = new_browser().page(invited.path, 409)

    assert "This invitation was accepted already. Sign in with your email address." in page


def test_an_expired_link_says_whom_to_ask(browser: Any, cast: Cast, service: Service) -> None:
    invited = invite(service, cast)
    service.clock.move(days=14)

    assert "Ask the person who invited you to send it again." in browser.page(invited.path, 409)


def test_a_withdrawn_or_invented_link_leads_nowhere(browser: Any, cast: Cast, service: Service) -> None:
    invited = invite(service, cast)
    with service.database.writing() as session:
        withdraw_invitation(session, service.at, cast.alma.actor, membership_id=invited.membership_id)

    browser.page(invited.path, 404)
    browser.page("/invitations/nothing", 404)


def test_a_wrong_first_code_shows_the_same_secret_again(browser: Any, cast: Cast, service: Service) -> None:
    browser.post(invite(service, cast).path, {"name": "Nia New", "password": PASSWORD})
    secret = secret_on(browser.page("/sign-in/set-up"))

    wrong = browser.post("/sign-in/set-up", {"code": "000000"})

    assert wrong.status_code == 422
    assert secret_on(wrong.text) == secret
    assert "<svg" in wrong.text


def test_retyping_a_wrong_group_keeps_the_code_unconfirmed(browser: Any, cast: Cast, service: Service) -> None:
    browser.post(invite(service, cast).path, {"name": "Nia New", "password": PASSWORD})
    secret = secret_on(browser.page("/sign-in/set-up"))
    browser.post("/sign-in/set-up", {"code": code_of(secret, service)})
    browser.post("/account/recovery-code/show", page="/account/recovery-code")

    wrong = browser.post(
        "/account/recovery-code/confirm",
        {"first_group_code": "UUUU", "second_group_code": "UUUU", "kept_safe": "yes"},
    )

    assert wrong.status_code == 422
    assert 'href="#first_group_code"' in wrong.text
    assert 'href="#second_group_code"' in wrong.text
    assert "UUUU" not in wrong.text
    assert browser.client.get("/arrive").headers["Location"] == "/account/recovery-code"


def test_the_recovery_code_can_wait_for_later(browser: Any, cast: Cast, service: Service) -> None:
    browser.post(invite(service, cast, role=Role.SCHOOL_OFFICE).path, {"name": "Nia New", "password": PASSWORD})
    secret = secret_on(browser.page("/sign-in/set-up"))
    browser.post("/sign-in/set-up", {"code": code_of(secret, service)})

    assert browser.client.get("/arrive?later=yes").headers["Location"] == "/"
    assert browser.client.get("/arrive").headers["Location"] == "/account/recovery-code"


def test_somebody_with_an_account_signs_in_and_joins_another_school(browser: Any, cast: Cast, service: Service) -> None:
    invited = invite(
        service, cast, email=cast.stella.email, role=Role.DESIGNATED_SAFEGUARDING_LEAD, school=cast.keyless
    )
    page = browser.page(invited.path)
    assert f"/sign-in?next={invited.path}" in page
    browser.resume(cast.stella)

    joined = browser.post(f"{invited.path}/join", page=invited.path)
    choosing = browser.follow(joined)

    assert "Where are you acting now?" in choosing.text
    assert "Dovecote Academy, Leamington Spa" in choosing.text


def test_another_person_cannot_take_up_the_invitation(browser: Any, cast: Cast, service: Service) -> None:
    invited = invite(
        service, cast, email=cast.stella.email, role=Role.DESIGNATED_SAFEGUARDING_LEAD, school=cast.keyless
    )
    browser.resume(cast.alma)

    assert "Somebody else is signed in on this browser" in browser.page(invited.path)
    assert browser.post(f"{invited.path}/join", page="/account").status_code == 404


def test_choosing_a_place_changes_where_one_acts(browser: Any, cast: Cast, service: Service) -> None:
    invited = invite(
        service, cast, email=cast.stella.email, role=Role.DESIGNATED_SAFEGUARDING_LEAD, school=cast.keyless
    )
    browser.resume(cast.stella)
    browser.post(f"{invited.path}/join", page=invited.path)
    assert browser.client.get("/people").headers["Location"] == "/choose-place?next=/people"

    refused = browser.post("/choose-place", {"place": str(cast.receiving)})
    chosen = browser.post("/choose-place?next=/people", {"place": str(cast.stranger)})

    assert refused.status_code == 422
    assert browser.follow(chosen).request.path == "/people"
    with service.database.reading() as session:
        live = load_session(session, service.at, cookie=cast.stella.cookie)
    assert live is not None
    assert live.actor.organisation_id == cast.stranger


@pytest.fixture
def lost(service: Service, cast: Cast) -> Invited:
    """A colleague spoke with Ben, who lost everything, and let him begin again."""
    with service.database.writing() as session:
        done = let_begin_again(
            session,
            service.at,
            cast.alma.actor,
            membership_id=cast.ben.membership_id,
            basis=Basis.TELEPHONE_CHECK,
            school_keys=cast.alma.school_keys(service),
        )
    return done.offered[0]


def test_who_lost_everything_begins_again_from_the_link(
    browser: Any, cast: Cast, service: Service, lost: Invited
) -> None:
    assert f"{lost.path}/again" in browser.page(lost.path)
    page = browser.page(f"{lost.path}/again")
    assert "For Ben Okafor, if you cannot sign in any more." in page
    assert "a colleague has compared eight words with you" in page

    poor = browser.post(f"{lost.path}/again", {"password": "password1234"})
    assert poor.status_code == 422
    assert 'href="#password"' in poor.text

    begun = browser.post(f"{lost.path}/again", {"password": PASSWORD})
    assert begun.headers["Location"] == "/sign-in/set-up"
    secret = secret_on(browser.page("/sign-in/set-up"))
    browser.post("/sign-in/set-up", {"code": code_of(secret, service)})
    write_down(browser)
    page = browser.page("/waiting")
    assert "a colleague has to give you the school’s key" in page
    assert 'id="own-words"' in page
    assert browser.client.get(lost.path).status_code == 409


def test_who_has_a_role_elsewhere_is_told_whom_to_telephone(
    browser: Any, cast: Cast, service: Service, lost: Invited
) -> None:
    with service.database.writing() as session:
        other = invite_person(
            session, service.at, cast.cora.actor, email=cast.ben.email, role=Role.HEAD_TEACHER, school_id=cast.receiving
        )
        accept_another_invitation(session, service.at, cast.ben.actor, token=other.token)

    page = browser.page(f"{lost.path}/again")
    refused = browser.post(f"{lost.path}/again", {"password": PASSWORD}, page="/sign-in")

    assert "You still have a role in this service" in page
    assert "They lost everything" in page
    assert "Birchwater" not in page, "whoever reads the mail does not learn where"
    assert refused.status_code == 409


def test_who_has_no_account_is_led_back_to_the_invitation(browser: Any, cast: Cast, service: Service) -> None:
    invited = invite(service, cast)
    assert "You have no account with this email address yet." in browser.page(f"{invited.path}/again")
    assert "/again" not in browser.page(invited.path)
