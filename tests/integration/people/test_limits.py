"""The counters themselves, without the work of passwords."""

import threading

import pytest
from sqlalchemy import select

from tests.cast import HOME, Cast, Service
from transfer_service.crypto.unlock import KdfParameters, PasswordKeys
from transfer_service.db.models import SignInAttempt
from transfer_service.domain.errors import TooManyAttempts
from transfer_service.use_cases.people import attempts
from transfer_service.use_cases.people.passwords import PasswordWork
from transfer_service.use_cases.people.signing_in import begin_sign_in


def fail(service: Service, *, email: str = "a@example.org", address: str = "192.0.2.1", times: int = 1) -> int:
    locked = 0
    for _ in range(times):
        with service.database.writing() as session:
            locked += len(attempts.count_failure(session, service.at, email=email, address=address, person_id=None))
    return locked


def check(service: Service, *, email: str = "a@example.org", address: str = "192.0.2.1") -> None:
    with service.database.reading() as session:
        attempts.check_not_locked(session, service.at, email=email, address=address)


def test_an_account_locks_wherever_the_failures_come_from(cast: Cast, service: Service):
    for number in range(10):
        check(service)
        fail(service, address=f"192.0.2.{number}", email="A@example.org " if number % 2 else "a@example.org")
    with pytest.raises(TooManyAttempts):
        check(service, address="203.0.113.5")
    check(service, email="b@example.org", address="203.0.113.5")


def test_an_address_locks_whichever_accounts_are_tried(cast: Cast, service: Service):
    assert sum(fail(service, email=f"{number}@example.org") for number in range(99)) == 0
    check(service, email="b@example.org")
    assert fail(service, email="last@example.org") == 1
    with pytest.raises(TooManyAttempts):
        check(service, email="b@example.org")
    check(service, email="b@example.org", address="192.0.2.2")


def test_one_lockout_one_leaf_and_failures_during_it_do_not_prolong_it(cast: Cast, service: Service):
    assert fail(service, times=10) == 1
    service.clock.move(minutes=14)
    assert fail(service, times=5) == 0
    service.clock.move(minutes=1)
    check(service)
    assert fail(service, times=9) == 0
    assert fail(service) == 1


def test_failures_a_quarter_of_an_hour_apart_do_not_add_up(cast: Cast, service: Service):
    for _ in range(3):
        fail(service, times=9)
        service.clock.move(minutes=15)
    check(service)


def test_addresses_of_one_household_count_together_and_none_is_stored(cast: Cast, service: Service):
    at = service.at
    subject = attempts.address_subject
    assert subject(at, "2001:db8:1:2::1") == subject(at, "2001:db8:1:2:ffff::9")
    assert subject(at, "2001:db8:1:2::1") != subject(at, "2001:db8:1:3::1")
    assert subject(at, "::ffff:192.0.2.1") == subject(at, "192.0.2.1")
    assert subject(at, "not an address") == subject(at, "")
    fail(service)
    with service.database.reading() as session:
        for row in session.scalars(select(SignInAttempt)):
            assert len(row.subject) == 32
            assert b"example" not in row.subject


def test_two_first_failures_at_the_same_moment_are_two(cast: Cast, service: Service):
    threads = [threading.Thread(target=fail, args=(service,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with service.database.reading() as session:
        counts = session.scalars(select(SignInAttempt.failures)).all()
    assert counts == [4, 4]


def test_a_guess_that_was_derived_while_the_account_was_locked_lets_nobody_in(cast: Cast, service: Service):
    class LockedMeanwhile(PasswordWork):
        def derive(self, password: str, parameters: KdfParameters | None) -> PasswordKeys:
            with service.database.writing() as session:
                for _ in range(10):
                    attempts.count_failure(
                        session, service.at, email=cast.alma.email, address="192.0.2.99", person_id=None
                    )
            return super().derive(password, parameters)

    with pytest.raises(TooManyAttempts):
        begin_sign_in(
            service.database,
            service.at,
            LockedMeanwhile(service.work.peppers),
            email=cast.alma.email,
            password=cast.alma.password,
            device=HOME,
        )
