"""The counters themselves, without the work of passwords."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.cast import BUILT_AT, HOME, Cast, Service
from tests.integration.people.steps import begin, overlapping
from tests.integration.people.test_resetting import ask
from tests.observing import leaves
from transfer_service.crypto.unlock import KdfParameters, PasswordKeys
from transfer_service.db.models import Person, SignInAttempt
from transfer_service.domain.errors import TooManyAttempts
from transfer_service.use_cases.people import attempts
from transfer_service.use_cases.people.changing_password import change_password
from transfer_service.use_cases.people.devices import Device
from transfer_service.use_cases.people.passwords import PasswordWork
from transfer_service.use_cases.people.resetting import reset_password, reset_password_with_code
from transfer_service.use_cases.people.signing_in import begin_sign_in, confirm_password


def fail(service: Service, *, email: str = "a@example.org", address: str = "192.0.2.1", times: int = 1) -> int:
    locked = 0
    for _ in range(times):
        with service.database.writing() as session:
            counters = strangers(service, email=email, address=address)
            locked += len(attempts.count_failure(session, service.at, counters, person_id=None))
    return locked


def check(service: Service, *, email: str = "a@example.org", address: str = "192.0.2.1") -> None:
    with service.database.reading() as session:
        attempts.check_not_locked(session, service.at, strangers(service, email=email, address=address))


def strangers(service: Service, *, email: str, address: str = "192.0.2.1") -> attempts.Counters:
    """Under what the guesses of a browser are counted that was never seen before."""
    return attempts.counters_of(service.at, email=email, person=None, device=Device(address=address))


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
        assert fail(service, times=9) == 0
        check(service)
        service.clock.move(minutes=15)


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
        subjects = (
            attempts.account_subject(service.at, "a@example.org"),
            attempts.address_subject(service.at, "192.0.2.1"),
        )
        assert [session.get_one(SignInAttempt, subject).failures for subject in subjects] == [4, 4]


def test_a_sign_in_that_forgets_failures_while_another_counts_breaks_neither(cast: Cast, service: Service):
    fail(service, email=cast.alma.email)

    def forget(session: Session) -> None:
        attempts.forget_failures(session, strangers(service, email=cast.alma.email))

    overlapping(service, forget, lambda: fail(service, email=cast.alma.email))
    with service.database.reading() as session:
        row = session.get_one(SignInAttempt, attempts.account_subject(service.at, cast.alma.email))
        assert row.failures == 1


def test_the_window_begins_with_the_first_failure_not_with_a_sign_in_before_it(cast: Cast, service: Service):
    with service.database.writing() as session:
        attempts.hold_counters(session, service.at, strangers(service, email="a@example.org"))
    service.clock.move(minutes=14)
    assert fail(service, times=9) == 0
    service.clock.move(minutes=2)
    assert fail(service) == 1


def test_guesses_that_were_derived_side_by_side_are_judged_one_after_the_other(cast: Cast, service: Service):
    """The ninth failure is being written; the guess beside it was derived already, and waits to be judged."""
    fail(service, email=cast.alma.email, times=8)

    def two_more(session: Session) -> None:
        for _ in range(2):
            counters = strangers(service, email=cast.alma.email, address="192.0.2.9")
            attempts.count_failure(session, service.at, counters, person_id=None)

    refusal = overlapping(service, two_more, lambda: begin(service, cast.alma))
    assert isinstance(refusal, TooManyAttempts)


class LockedMeanwhile(PasswordWork):
    """Somebody else's guesses lock the account while this one is derived."""

    def __init__(self, service: Service, email: str) -> None:
        super().__init__(service.work.peppers)
        self._service, self._email = service, email

    def derive(self, password: str, parameters: KdfParameters | None) -> PasswordKeys:
        with self._service.database.writing() as session:
            for _ in range(10):
                counters = strangers(self._service, email=self._email, address="192.0.2.99")
                attempts.count_failure(session, self._service.at, counters, person_id=None)
        return super().derive(password, parameters)


@pytest.mark.parametrize("act", ["sign in", "confirm", "change", "reset", "reset with code"])
def test_a_password_that_was_derived_while_the_account_was_locked_does_nothing(cast: Cast, service: Service, act: str):
    """Else guesses side by side would each be judged as if they were the first."""
    alma, at, database = cast.alma, service.at, service.database
    work = LockedMeanwhile(service, alma.email)
    new = "nine copper lanterns drift"
    token = ask(service, alma.email) if act.startswith("reset") else ""
    acts: dict[str, Callable[[], object]] = {
        "sign in": lambda: begin_sign_in(database, at, work, email=alma.email, password=alma.password, device=HOME),
        "confirm": lambda: confirm_password(database, at, work, alma.actor, password=alma.password, device=HOME),
        "change": lambda: change_password(
            database, at, work, alma.actor, old_password=alma.password, new_password=new, device=HOME
        ),
        "reset": lambda: reset_password(database, at, work, token=token, password=new, device=HOME),
        "reset with code": lambda: reset_password_with_code(
            database, at, work, token=token, password=new, recovery_code=alma.recovery_code, device=HOME
        ),
    }
    before = [leaf.event for leaf in leaves(service)]
    with pytest.raises(TooManyAttempts):
        acts[act]()
    assert [leaf.event for leaf in leaves(service)] == before
    with database.reading() as session:
        assert session.get_one(Person, alma.person_id).password_changed_at == BUILT_AT


@pytest.mark.parametrize("act", ["reset", "reset with code"])
def test_a_locked_account_is_not_reset_and_costs_no_work(cast: Cast, service: Service, act: str, monkeypatch):
    token = ask(service, cast.alma.email)
    fail(service, email=cast.alma.email, times=10)
    monkeypatch.setattr(service.work, "derive", lambda *_: pytest.fail("derived"))
    given = {"token": token, "password": "nine copper lanterns drift", "device": HOME}
    with pytest.raises(TooManyAttempts):
        if act == "reset":
            reset_password(service.database, service.at, service.work, **given)
        else:
            reset_password_with_code(
                service.database, service.at, service.work, recovery_code=cast.alma.recovery_code, **given
            )
