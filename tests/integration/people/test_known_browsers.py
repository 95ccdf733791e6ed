"""A browser with which somebody has signed in before is counted by itself, so that strangers keep nobody out."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.cast import HOME, Cast, Member, Service
from tests.integration.people.steps import begin, finish
from tests.integration.people.test_resetting import ask
from tests.observing import leaves
from transfer_service.domain.errors import SignInRefused, TooManyAttempts
from transfer_service.use_cases.people.changing_password import change_password
from transfer_service.use_cases.people.devices import Device
from transfer_service.use_cases.people.resetting import reset_password_with_code
from transfer_service.use_cases.people.signing_in import confirm_password

NEW_PASSWORD = "nine copper lanterns drift"
STRANGER = Device(address="203.0.113.7")


def known_to(service: Service, member: Member) -> Device:
    """A browser in which the person has signed in."""
    started = finish(service, member, begin(service, member).cookie)
    service.clock.move(minutes=1)
    return replace(HOME, marks=(started.device_mark or "",))


def guess(service: Service, member: Member, device: Device, *, times: int) -> None:
    for _ in range(times):
        with pytest.raises(SignInRefused):
            begin(service, member, password="not the password", device=device)


def is_locked(service: Service, member: Member, device: Device) -> bool:
    try:
        begin(service, member, device=device)
    except TooManyAttempts:
        return True
    return False


def test_a_stranger_who_types_wrong_passwords_keeps_nobody_out_of_their_own_browser(cast: Cast, service: Service):
    home = known_to(service, cast.alma)
    guess(service, cast.alma, STRANGER, times=10)
    assert is_locked(service, cast.alma, STRANGER)
    assert is_locked(service, cast.alma, HOME), "a browser that was never seen waits with the stranger"
    assert finish(service, cast.alma, begin(service, cast.alma, device=home).cookie, device=home).is_full


def test_somebody_on_the_schools_network_who_guesses_keeps_no_known_browser_out(cast: Cast, service: Service):
    home = known_to(service, cast.alma)
    for number in range(100):
        with pytest.raises(SignInRefused):
            begin(service, cast.alma, email=f"{number}@example.org", password="guess", device=HOME)
    assert is_locked(service, cast.alma, HOME)
    assert not is_locked(service, cast.alma, home)


def test_ten_wrong_passwords_in_a_known_browser_lock_it_alone_with_one_leaf(cast: Cast, service: Service):
    home = known_to(service, cast.alma)
    before = len(leaves(service))
    guess(service, cast.alma, home, times=10)
    assert is_locked(service, cast.alma, home)
    assert not is_locked(service, cast.alma, HOME), "who has the person's laptop locks nobody out elsewhere"
    locked = [(leaf.event, leaf.subject) for leaf in leaves(service)[before:]]
    assert locked == [("sign_in.locked", cast.alma.person_id)]
    service.clock.move(minutes=15)
    assert not is_locked(service, cast.alma, home)


def test_a_mark_of_somebody_else_or_from_before_a_new_password_is_a_strangers(cast: Cast, service: Service):
    home = known_to(service, cast.alma)
    guess(service, cast.ben, STRANGER, times=10)
    assert is_locked(service, cast.ben, home), "it is Alma's browser"
    change(service, cast.alma, home)
    guess(service, cast.alma, STRANGER, times=10)
    with pytest.raises(TooManyAttempts):
        begin(service, cast.alma, password=NEW_PASSWORD, device=home)


def test_a_sign_in_forgets_the_failures_of_its_own_browser_and_not_those_of_strangers(cast: Cast, service: Service):
    home = known_to(service, cast.alma)
    guess(service, cast.alma, STRANGER, times=9)
    guess(service, cast.alma, home, times=9)
    finish(service, cast.alma, begin(service, cast.alma, device=home).cookie, device=home)
    guess(service, cast.alma, home, times=9)
    assert not is_locked(service, cast.alma, home)
    guess(service, cast.alma, STRANGER, times=1)
    assert is_locked(service, cast.alma, STRANGER)


@pytest.mark.parametrize("act", ["confirm", "change", "reset with code"])
def test_a_known_browser_does_all_that_asks_for_a_secret_while_strangers_lock_the_account(
    cast: Cast, service: Service, act: str
):
    alma, home = cast.alma, known_to(service, cast.alma)
    token = ask(service, alma.email)
    guess(service, alma, STRANGER, times=10)
    acts: dict[str, Callable[[Device], object]] = {
        "confirm": lambda device: confirm_password(
            service.database, service.at, service.work, alma.actor, password=alma.password, device=device
        ),
        "change": lambda device: change(service, alma, device),
        "reset with code": lambda device: reset_password_with_code(
            service.database,
            service.at,
            service.work,
            token=token,
            password=NEW_PASSWORD,
            recovery_code=alma.recovery_code,
            device=device,
        ),
    }
    with pytest.raises(TooManyAttempts):
        acts[act](HOME)
    acts[act](home)


def change(service: Service, member: Member, device: Device) -> None:
    change_password(
        service.database,
        service.at,
        service.work,
        member.actor,
        old_password=member.password,
        new_password=NEW_PASSWORD,
        device=device,
    )
