from dataclasses import replace

import pytest
from sqlalchemy import select

from tests.cast import HOME, Cast, Service, actor_of
from tests.integration.people.steps import begin, finish
from tests.observing import alerts, leaves
from transfer_service.db.models import Unlock
from transfer_service.domain.errors import Invalid, SessionEnded, SignInRefused
from transfer_service.domain.keys import UnlockKind
from transfer_service.use_cases.people.changing_password import change_password
from transfer_service.use_cases.people.sessions import load_session

NEW = "nine copper lanterns drift"


def change(service: Service, member, *, old=None, new=NEW):
    change_password(
        service.database,
        service.at,
        service.work,
        member.actor,
        old_password=member.password if old is None else old,
        new_password=new,
        device=HOME,
    )


def test_a_changed_password_opens_the_same_key_and_the_old_one_nothing(cast: Cast, service: Service):
    service.clock.move(seconds=30)
    other = finish(service, cast.alma, begin(service, cast.alma).cookie).cookie
    before = len(leaves(service))
    change(service, cast.alma)
    assert [leaf.event for leaf in leaves(service)[before:]] == ["session.ended", "password.changed"]
    assert ("password.changed", cast.alma.email) in alerts(service)
    with service.database.reading() as session:
        assert load_session(session, service.at, cookie=other) is None
        assert load_session(session, service.at, cookie=cast.alma.cookie) is not None
        unlocks = session.scalars(
            select(Unlock).where(Unlock.person_id == cast.alma.person_id, Unlock.kind == UnlockKind.PASSWORD)
        ).all()
    assert len(unlocks) == 1
    service.clock.move(seconds=30)
    with pytest.raises(SignInRefused):
        begin(service, cast.alma)
    renewed = replace(cast.alma, password=NEW)
    cookie = finish(service, renewed, begin(service, renewed).cookie).cookie
    assert actor_of(service, cookie).holds_keys
    assert cast.alma.school_keys(service).active[0] == 1


def test_the_old_password_must_be_right(cast: Cast, service: Service):
    with pytest.raises(SignInRefused):
        change(service, cast.alma, old=cast.ben.password)
    assert begin(service, cast.alma)


@pytest.mark.parametrize("new", ["short", "alma.reyes@example.org", "Alderford Primary School 1", "Warwickshire1"])
def test_the_new_password_must_be_good(cast: Cast, service: Service, new: str):
    with pytest.raises(Invalid) as refused:
        change(service, cast.alma, new=new)
    assert set(refused.value.fields) == {"password"}


def test_without_a_session_nothing_is_changed(cast: Cast, service: Service):
    with pytest.raises(SessionEnded):
        change(service, replace(cast.alma, actor=replace(cast.alma.actor, session_id=None)))
    assert begin(service, cast.alma)
