"""Whose account was locked by wrong passwords or codes is told, once a lock, and not without end."""

import pytest

from tests.cast import HOME, Cast, Service
from tests.integration.people.steps import begin, finish
from tests.observing import alerts, leaves
from transfer_service.domain.errors import SignInRefused, TooManyAttempts
from transfer_service.use_cases.people import attempts


@pytest.fixture(autouse=True)
def quick(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten wrong passwords are counted, not derived ten times: what is derived is none that anybody has."""
    wrong = service.work.derive("not the password of anybody", None)
    monkeypatch.setattr(service.work, "derive", lambda *_: wrong)


def fail(service: Service, cast: Cast, times: int, *, email: str | None = None) -> None:
    for _ in range(times):
        with pytest.raises(SignInRefused):
            begin(service, cast.alma, email=email)


def test_the_tenth_wrong_password_is_told_by_mail_once(cast: Cast, service: Service):
    fail(service, cast, 9)
    assert alerts(service) == []
    fail(service, cast, 1)
    assert alerts(service) == [("sign_in.locked", cast.alma.email)]
    assert leaves(service)[-1].event == "sign_in.locked"
    for _ in range(3):
        with pytest.raises(TooManyAttempts):
            begin(service, cast.alma)
    assert len(alerts(service)) == 1


def test_every_lock_is_told_but_no_more_than_four_in_a_day(cast: Cast, service: Service):
    for lock in range(1, 7):
        fail(service, cast, 10)
        assert len(alerts(service)) == min(lock, 4)
        service.clock.move(minutes=15)
    service.clock.move(days=1)
    fail(service, cast, 10)
    assert len(alerts(service)) == 5


@pytest.mark.parametrize("email", ["nobody@example.org", "invited@example.org"])
def test_an_address_without_an_account_gets_no_mail(cast: Cast, service: Service, email: str):
    from transfer_service.domain.roles import Role
    from transfer_service.use_cases.people.inviting import invite_person

    with service.database.writing() as session:
        invite_person(
            session, service.at, None, email="invited@example.org", role=Role.SCHOOL_OFFICE, school_id=cast.sending
        )
    fail(service, cast, 10, email=email)
    assert alerts(service) == [("invitation", "invited@example.org")]


def test_a_lock_of_a_network_address_is_no_lock_of_an_account(cast: Cast, service: Service, monkeypatch):
    monkeypatch.setattr(attempts, "ADDRESS_LIMIT", attempts.Limit(1, *(attempts.ADDRESS_LIMIT.window,) * 2))
    fail(service, cast, 1)
    assert leaves(service)[-1].subject is None
    assert alerts(service) == []


def test_wrong_codes_are_told_too(cast: Cast, service: Service, monkeypatch):
    monkeypatch.undo()
    cookie = begin(service, cast.alma).cookie
    for _ in range(10):
        with pytest.raises(SignInRefused):
            finish(service, cast.alma, cookie, code="000000", device=HOME)
    assert alerts(service) == [("sign_in.locked", cast.alma.email)]
