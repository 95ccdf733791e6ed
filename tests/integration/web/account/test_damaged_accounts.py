"""What somebody changed in the database of an account signs nobody in, and leaves an entry in the log, once a day."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tests.cast import Cast, Service
from tests.observing import leaves
from transfer_service.db.models import Person, PersonKey, SignInSession, Unlock
from transfer_service.domain.keys import UnlockKind

Change = Callable[[Session, Cast], object]


def weakened_parameters(session: Session, cast: Cast) -> None:
    weak = "$argon2id$v=19$m=8,t=1,p=1,keyid=1$AAAAAAAAAAAAAAAAAAAAAA"
    session.get_one(Person, cast.alma.person_id).password_parameters = weak


def swapped_unlock(session: Session, cast: Cast) -> None:
    of = select(Unlock.wrapped_seed).where(Unlock.kind == UnlockKind.PASSWORD)
    his = session.scalars(of.where(Unlock.person_id == cast.ben.person_id)).one()
    session.execute(
        update(Unlock)
        .where(Unlock.person_id == cast.alma.person_id, Unlock.kind == UnlockKind.PASSWORD)
        .values(wrapped_seed=his)
    )


def substituted_key(session: Session, cast: Cast) -> None:
    theirs = cast.stella.person_key.public
    session.execute(
        update(PersonKey)
        .where(PersonKey.person_id == cast.alma.person_id)
        .values(kem_public=theirs.kem_public, fingerprint=theirs.fingerprint.digest)
    )


def damages(service: Service) -> list[object]:
    return [leaf.subject for leaf in leaves(service) if leaf.event == "account.damaged"]


@pytest.mark.parametrize("change", [weakened_parameters, swapped_unlock, substituted_key])
def test_who_gives_the_right_password_is_refused_with_an_entry(
    browser: Any, cast: Cast, service: Service, change: Change
) -> None:
    with service.database.writing() as session:
        change(session, cast)
    for _ in range(2):
        assert browser.give_password(cast.alma).status_code in (409, 503)
    assert damages(service) == [cast.alma.person_id]
    service.clock.move(days=1)
    browser.give_password(cast.alma)
    assert damages(service) == [cast.alma.person_id] * 2


def test_a_second_factor_of_somebody_else_is_refused_with_an_entry(browser: Any, cast: Cast, service: Service) -> None:
    with service.database.writing() as session:
        session.get_one(Person, cast.alma.person_id).totp_seed = session.get_one(Person, cast.ben.person_id).totp_seed
    service.clock.move(seconds=30)
    code_page = browser.give_password(cast.alma).headers["Location"]
    assert browser.post(code_page, {"code": cast.ben.code(service)}).status_code == 409
    assert damages(service) == [cast.alma.person_id]


def test_a_swapped_session_unlocks_nothing_and_leaves_an_entry(browser: Any, cast: Cast, service: Service) -> None:
    browser.resume(cast.alma)
    address = f"/people/{cast.ben.membership_id}/grant"
    with service.database.writing() as session:
        his = session.get_one(SignInSession, cast.ben.actor.session_id).wrapped_seed
        session.get_one(SignInSession, cast.alma.actor.session_id).wrapped_seed = his
    words = " ".join(cast.ben.person_key.fingerprint.words())
    given = {"basis": "telephone_check", "words_agree": "yes", "words": words}
    assert browser.post(address, given, page="/account").status_code == 401
    assert damages(service) == [cast.alma.person_id]


def test_a_wrong_password_damages_nothing(browser: Any, cast: Cast, service: Service) -> None:
    assert browser.give_password(cast.alma, password="not her password at all").status_code == 422
    assert damages(service) == []
