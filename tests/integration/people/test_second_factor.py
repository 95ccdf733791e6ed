from dataclasses import replace

import pyotp
import pytest
from sqlalchemy import select, update

from tests.cast import HOME, Cast, Service
from tests.integration.people.steps import begin, finish
from tests.observing import alerts, leaves
from transfer_service.db.models import HeldForm, Person, SignInSession, Unlock
from transfer_service.domain.errors import (
    CannotOpen,
    Invalid,
    NeedsPassword,
    RuleForbids,
    SessionEnded,
    SignInRefused,
    TooManyAttempts,
)
from transfer_service.domain.keys import UnlockKind
from transfer_service.use_cases.people.devices import trust_device
from transfer_service.use_cases.people.second_factor import (
    change_second_factor,
    confirm_second_factor,
    prepare_second_factor,
    use_recovery_code,
)
from transfer_service.use_cases.people.sessions import load_session
from transfer_service.use_cases.people.unlocking import open_person_key


def prepare(service: Service, cookie: bytes):
    with service.database.writing() as session:
        return prepare_second_factor(session, service.at, cookie=cookie)


def confirm(service: Service, cookie: bytes, code: str):
    return confirm_second_factor(service.database, service.at, cookie=cookie, code=code, device=HOME)


def lose(service: Service, member, cookie: bytes, *, typed: str | None = None):
    typed = member.recovery_code if typed is None else typed
    return use_recovery_code(service.database, service.at, cookie=cookie, recovery_code=typed, device=HOME)


def now_code(service: Service, secret: str) -> str:
    return pyotp.TOTP(secret).at(service.clock())


def test_password_and_recovery_code_replace_a_lost_device_at_once_and_colleagues_are_told(cast: Cast, service: Service):
    before = len(leaves(service))
    waiting = lose(service, cast.alma, begin(service, cast.alma).cookie)
    assert waiting.needs_enrolment
    assert (waiting.expires_at - service.clock()).total_seconds() == 1800
    offer = prepare(service, waiting.cookie)
    assert offer.secret != cast.alma.totp_secret
    assert offer.secret not in repr(offer)
    assert offer.uri.startswith("otpauth://totp/Pupil%20file%20transfer:alma.reyes%40example.org?secret=")
    assert prepare(service, waiting.cookie) == offer, "a reload shows the same"
    started = confirm(service, waiting.cookie, now_code(service, offer.secret))
    assert started.is_full
    assert [leaf.event for leaf in leaves(service)[before:]] == [
        "recovery_code.used",
        "second_factor.replaced",
        "session.ended",
        "session.started",
    ]
    told = alerts(service)
    for colleague in (cast.alma.email, cast.ben.email):
        assert ("recovery_code.used", colleague) in told
        assert ("second_factor.replaced", colleague) in told
    assert ("session.new_device", cast.alma.email) in told, (
        "whoever holds her recovery code is not met for the first time"
    )
    with service.database.reading() as session:
        assert open_person_key(session, service.at, cookie=started.cookie).public == cast.alma.person_key.public
    service.clock.move(minutes=1)
    with pytest.raises(SignInRefused):
        finish(service, cast.alma, begin(service, cast.alma).cookie)
    renewed = replace(cast.alma, totp_secret=offer.secret)
    assert finish(service, renewed, begin(service, renewed).cookie).is_full


def test_what_was_lost_with_the_device_is_signed_in_and_trusted_no_more(cast: Cast, service: Service):
    with service.database.writing() as session:
        token = trust_device(session, service.at, person_id=cast.edie.person_id)
    laptop = replace(HOME, trusted=token)
    assert begin(service, cast.edie, device=laptop).is_full
    waiting = lose(service, cast.edie, begin(service, cast.edie).cookie)
    started = confirm(service, waiting.cookie, now_code(service, prepare(service, waiting.cookie).secret))
    with service.database.reading() as session:
        assert load_session(session, service.at, cookie=cast.edie.cookie) is None
        assert load_session(session, service.at, cookie=started.cookie) is not None
    assert not begin(service, cast.edie, device=laptop).is_full


def test_a_recovery_code_serves_once(cast: Cast, service: Service):
    waiting = lose(service, cast.alma, begin(service, cast.alma).cookie)
    confirm(service, waiting.cookie, now_code(service, prepare(service, waiting.cookie).secret))
    with pytest.raises(SignInRefused, match="recovery code is not right, or it was used"):
        lose(service, cast.alma, begin(service, cast.alma).cookie)


def test_a_replacement_that_is_given_up_half_way_changes_nothing(cast: Cast, service: Service):
    waiting = lose(service, cast.alma, begin(service, cast.alma).cookie)
    prepare(service, waiting.cookie)
    assert finish(service, cast.alma, begin(service, cast.alma).cookie).is_full
    with service.database.reading() as session:
        used = session.scalars(
            select(Unlock.used_at).where(
                Unlock.person_id == cast.alma.person_id, Unlock.kind == UnlockKind.RECOVERY_CODE
            )
        ).one()
    assert used is None
    assert lose(service, cast.alma, begin(service, cast.alma).cookie).needs_enrolment


def test_what_one_session_offers_is_not_taken_up_by_another_with_the_password_alone(cast: Cast, service: Service):
    lose(service, cast.alma, begin(service, cast.alma).cookie)
    thief = begin(service, cast.alma)
    with pytest.raises(RuleForbids) as refused:
        prepare(service, thief.cookie)
    assert refused.value.rule == "second_factor_exists"
    with pytest.raises(RuleForbids) as refused:
        confirm(service, thief.cookie, "000000")
    assert refused.value.rule == "no_second_factor_waits"


@pytest.mark.parametrize("typed", ["", "ABCD", "ABCD-" * 8 + "ABCD", "UUUU-" * 8 + "UUUU"])
def test_a_mistyped_recovery_code_says_what_one_looks_like(cast: Cast, service: Service, typed: str):
    with pytest.raises(Invalid) as refused:
        lose(service, cast.alma, begin(service, cast.alma).cookie, typed=typed)
    assert set(refused.value.fields) == {"recovery_code"}


def test_a_recovery_code_is_read_as_people_write(cast: Cast, service: Service):
    typed = cast.alma.recovery_code.lower().replace("-", "  ").replace("0", "o").replace("1", "l")
    assert lose(service, cast.alma, begin(service, cast.alma).cookie, typed=typed).needs_enrolment


def test_another_persons_recovery_code_is_refused_and_counted(cast: Cast, service: Service):
    begun = begin(service, cast.alma)
    for _ in range(10):
        with pytest.raises(SignInRefused):
            lose(service, cast.ben, begun.cookie)
    with pytest.raises(TooManyAttempts):
        lose(service, cast.alma, begun.cookie)


def test_an_unlock_row_that_was_swapped_opens_nothing(cast: Cast, service: Service):
    with service.database.writing() as session:
        wrapped = session.scalars(
            select(Unlock.wrapped_seed).where(
                Unlock.person_id == cast.ben.person_id, Unlock.kind == UnlockKind.RECOVERY_CODE
            )
        ).one()
        session.execute(
            update(Unlock)
            .where(Unlock.person_id == cast.alma.person_id, Unlock.kind == UnlockKind.RECOVERY_CODE)
            .values(wrapped_seed=wrapped)
        )
    begun = begin(service, cast.alma)
    with pytest.raises(CannotOpen):
        lose(service, cast.alma, begun.cookie)


def test_a_wrong_first_code_sets_nothing_up(cast: Cast, service: Service):
    waiting = lose(service, cast.alma, begin(service, cast.alma).cookie)
    offer = prepare(service, waiting.cookie)
    with pytest.raises(SignInRefused):
        confirm(service, waiting.cookie, "000000")
    assert confirm(service, waiting.cookie, now_code(service, offer.secret)).is_full


def test_somebody_signed_in_changes_the_authenticator_app(cast: Cast, service: Service):
    offer = prepare(service, cast.edie.cookie)
    with pytest.raises(SignInRefused):
        change(service, cast.edie, "000000")
    change(service, cast.edie, now_code(service, offer.secret))
    assert leaves(service)[-1].event == "second_factor.replaced"
    assert alerts(service) == [("second_factor.replaced", cast.edie.email)]
    service.clock.move(minutes=1)
    renewed = replace(cast.edie, totp_secret=offer.secret)
    assert finish(service, renewed, begin(service, renewed).cookie).is_full
    with pytest.raises(RuleForbids):
        change(service, cast.edie, "000000")


def test_changing_the_app_needs_the_password_again_and_ones_own_session(cast: Cast, service: Service):
    prepare(service, cast.alma.cookie)
    with pytest.raises(SessionEnded):
        change_second_factor(
            service.database, service.at, cast.ben.actor, cookie=cast.alma.cookie, code="000000", device=HOME
        )
    service.clock.move(minutes=6)
    with pytest.raises(NeedsPassword):
        prepare(service, cast.alma.cookie)


def test_what_is_kept_for_setting_up_is_sealed_to_the_person(cast: Cast, service: Service):
    waiting = lose(service, cast.alma, begin(service, cast.alma).cookie)
    offer = prepare(service, waiting.cookie)
    with service.database.writing() as session:
        held = session.scalars(select(HeldForm)).one()
        person = session.get_one(Person, cast.alma.person_id)
        assert offer.secret.encode() not in held.ciphertext + held.sealed_key + (person.totp_seed or b"")
        held.ciphertext = held.ciphertext[:-1] + bytes([held.ciphertext[-1] ^ 1])
    with pytest.raises(RuleForbids):
        confirm(service, waiting.cookie, now_code(service, offer.secret))


def test_a_half_session_whose_cookie_and_row_do_not_belong_together_is_none(cast: Cast, service: Service):
    mine, his = begin(service, cast.alma), begin(service, cast.ben)
    with service.database.writing() as session:
        row = session.get_one(SignInSession, mine.session_id)
        row.person_id = cast.ben.person_id
        row.wrapped_seed = session.get_one(SignInSession, his.session_id).wrapped_seed
    with pytest.raises(SessionEnded):
        finish(service, cast.ben, mine.cookie)


def change(service: Service, member, code: str) -> None:
    change_second_factor(service.database, service.at, member.actor, cookie=member.cookie, code=code, device=HOME)
