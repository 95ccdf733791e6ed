"""The head teacher asks for the recovery custodians' help, where nobody at the school can open its files."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cast import Cast, Member, Service, join_service
from tests.observing import alerts, leaves
from transfer_service.domain.roles import Role
from transfer_service.use_cases.people.memberships import end_membership

PAGE = "/people/recovery"


@pytest.fixture
def fern(service: Service, cast: Cast) -> Member:
    """Both leads left; Fern, the new one, has signed up and waits."""
    for leaver in (cast.alma, cast.ben):
        with service.database.writing() as session:
            end_membership(session, service.at, cast.hugh.actor, membership_id=leaver.membership_id)
    return join_service(service, name="Fern Castellan", role=Role.DESIGNATED_SAFEGUARDING_LEAD, school_id=cast.sending)


def test_the_head_asks_and_everybody_is_told(browser: Any, service: Service, cast: Cast, fern: Member) -> None:
    here = browser.resume(cast.hugh)
    assert f'href="{PAGE}"' in here.page("/people")
    assert " ".join(fern.person_key.public.fingerprint.words()) in here.page(PAGE)
    missing = here.post(PAGE, {"membership": str(fern.membership_id)})
    assert (missing.status_code, 'href="#understood"' in missing.text) == (422, True)
    told = {"membership": str(fern.membership_id), "understood": "yes"}
    answer = here.post(PAGE, told)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/people")
    assert leaves(service)[-1].event == "recovery.requested"
    assert ("recovery.requested", "cora.whitlock@example.org") in alerts(service)
    assert here.post(PAGE, told, page="/accessibility").status_code == 422
    assert here.post(PAGE, {}, page="/accessibility").status_code == 422


def test_the_password_is_asked_for_first_where_it_was_given_long_ago(
    browser: Any, service: Service, cast: Cast, fern: Member
) -> None:
    here = browser.resume(cast.hugh)
    service.clock.move(minutes=11)
    answer = here.client.get(PAGE)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/confirm-password")


def test_where_colleagues_can_open_everything_there_is_nothing_to_ask(browser: Any, cast: Cast) -> None:
    here = browser.resume(cast.hugh)
    assert "Nothing can be asked for your school now" in here.page(PAGE)
    assert PAGE not in here.page("/people")


@pytest.mark.parametrize("name, status", [("edie", 403), ("alma", 403), ("olive", 404)])
def test_who_finds_no_such_page(browser: Any, cast: Cast, name: str, status: int) -> None:
    browser.resume(getattr(cast, name)).page(PAGE, status)
