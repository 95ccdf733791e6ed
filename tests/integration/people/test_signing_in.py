import threading
from dataclasses import replace

import pytest
from sqlalchemy import func, select, update

from tests.cast import HOME, Cast, Service
from tests.integration.people.steps import begin, finish
from tests.observing import alerts, leaves
from transfer_service.crypto.peppers import PepperSet
from transfer_service.db.models import Person, SignInAttempt, SignInSession, TrustedDevice, Unlock
from transfer_service.domain.errors import (
    CannotOpen,
    RuleForbids,
    SessionEnded,
    SignInRefused,
    TooManyAttempts,
    Unavailable,
)
from transfer_service.domain.sign_in import SessionStage
from transfer_service.use_cases.people import attempts
from transfer_service.use_cases.people.devices import Device
from transfer_service.use_cases.people.passwords import PasswordWork
from transfer_service.use_cases.people.signing_in import begin_sign_in, confirm_password
from transfer_service.use_cases.people.unlocking import open_person_key


def test_password_and_code_start_a_session_that_opens_the_persons_key(cast: Cast, service: Service):
    begun = begin(service, cast.alma, email="  ALMA.reyes@example.org ")
    assert begun.stage is SessionStage.PASSWORD_GIVEN
    assert not begun.needs_enrolment
    assert (begun.expires_at - service.clock()).total_seconds() == 300
    started = finish(service, cast.alma, begun.cookie)
    assert started.is_full
    assert (started.expires_at - service.clock()).total_seconds() == 8 * 3600
    assert started.cookie != begun.cookie
    assert "cookie" not in repr(started)
    with service.database.reading() as session:
        key = open_person_key(session, service.at, cookie=started.cookie)
        assert session.get(SignInSession, begun.session_id) is None
    assert key.public == cast.alma.person_key.public
    last = leaves(service)[-1]
    assert (last.event, last.subject, last.actor) == ("session.started", started.session_id, cast.alma.person_id)


def test_accounts_that_do_not_exist_get_the_same_answer_after_the_same_work(cast: Cast, service: Service, monkeypatch):
    derived = []
    derive = service.work.derive
    monkeypatch.setattr(service.work, "derive", lambda *args: derived.append(args[1] is None) or derive(*args))
    said = set()
    for email in (cast.alma.email, "nobody@example.org"):
        with pytest.raises(SignInRefused) as refused:
            begin(service, cast.alma, email=email, password="not the right words")
        said.add(refused.value.sentence)
    assert len(said) == 1
    assert derived == [False, True]
    with service.database.reading() as session:
        counted = [
            session.get_one(SignInAttempt, attempts.account_subject(service.at, email)).failures
            for email in (cast.alma.email, "nobody@example.org")
        ]
    assert counted == [1, 1]


def test_an_invited_person_without_a_password_cannot_sign_in(cast: Cast, service: Service):
    from transfer_service.domain.roles import Role
    from transfer_service.use_cases.people.inviting import invite_person

    with service.database.writing() as session:
        invite_person(
            session, service.at, None, email="new@example.org", role=Role.SCHOOL_OFFICE, school_id=cast.sending
        )
    with pytest.raises(SignInRefused):
        begin(service, cast.alma, email="new@example.org")


@pytest.mark.parametrize("code", ["000000", "", "abcdef", "12345", "1234567", "１２３４５６"])
def test_a_wrong_code_is_refused_and_the_sign_in_may_go_on(cast: Cast, service: Service, code: str):
    begun = begin(service, cast.alma)
    with pytest.raises(SignInRefused, match="code is not right"):
        finish(service, cast.alma, begun.cookie, code=code)
    finish(service, cast.alma, begun.cookie)


def test_a_code_serves_once(cast: Cast, service: Service):
    code = cast.alma.code(service)
    finish(service, cast.alma, begin(service, cast.alma).cookie, code=code)
    again = begin(service, cast.alma)
    with pytest.raises(SignInRefused):
        finish(service, cast.alma, again.cookie, code=code)
    service.clock.move(seconds=30)
    finish(service, cast.alma, again.cookie)


@pytest.mark.parametrize(("late", "good"), [(-60, False), (-30, True), (30, True), (60, False)])
def test_a_telephones_clock_may_be_half_a_minute_out(cast: Cast, service: Service, late: int, good: bool):
    begun = begin(service, cast.alma)
    service.clock.move(seconds=late)
    code = cast.alma.code(service)
    service.clock.move(seconds=-late)
    if good:
        assert finish(service, cast.alma, begun.cookie, code=code).is_full
    else:
        with pytest.raises(SignInRefused):
            finish(service, cast.alma, begun.cookie, code=code)


def test_another_persons_code_is_a_wrong_code(cast: Cast, service: Service):
    with pytest.raises(SignInRefused):
        finish(service, cast.alma, begin(service, cast.alma).cookie, code=cast.ben.code(service))


def test_a_seed_of_another_person_swapped_in_does_not_serve(cast: Cast, service: Service):
    with service.database.writing() as session:
        his = session.get_one(Person, cast.ben.person_id).totp_seed
        session.execute(update(Person).where(Person.id == cast.alma.person_id).values(totp_seed=his))
    begun = begin(service, cast.alma)
    with pytest.raises(CannotOpen):
        finish(service, cast.alma, begun.cookie, code=cast.ben.code(service))


def test_after_five_minutes_the_password_is_asked_for_again(cast: Cast, service: Service):
    begun = begin(service, cast.alma)
    service.clock.move(minutes=5)
    with pytest.raises(SessionEnded):
        finish(service, cast.alma, begun.cookie)


@pytest.mark.parametrize("cookie", [b"", b"\x00" * 32, b"short"])
def test_a_cookie_that_leads_nowhere_is_no_sign_in(cast: Cast, service: Service, cookie: bytes):
    with pytest.raises(SessionEnded):
        finish(service, cast.alma, cookie)


def test_a_whole_session_is_no_half_one(cast: Cast, service: Service):
    with pytest.raises(SessionEnded):
        finish(service, cast.alma, cast.alma.cookie)


def test_ten_failures_lock_the_account_for_a_quarter_of_an_hour_with_one_leaf(cast: Cast, service: Service):
    before = len(leaves(service))
    for _ in range(10):
        with pytest.raises(SignInRefused):
            begin(service, cast.alma, password="not the right words")
    with pytest.raises(TooManyAttempts) as refused:
        begin(service, cast.alma)
    assert refused.value.retry_after == 900
    said = leaves(service)[before:]
    assert [(leaf.event, leaf.subject, leaf.actor) for leaf in said] == [("sign_in.locked", cast.alma.person_id, None)]
    assert begin(service, cast.ben)
    service.clock.move(minutes=15)
    assert begin(service, cast.alma)


def test_wrong_codes_count_too_and_a_whole_sign_in_forgets_them(cast: Cast, service: Service):
    begun = begin(service, cast.alma)
    for _ in range(9):
        with pytest.raises(SignInRefused):
            finish(service, cast.alma, begun.cookie, code="000000")
    finish(service, cast.alma, begun.cookie)
    service.clock.move(seconds=30)
    begun = begin(service, cast.alma)
    for _ in range(10):
        with pytest.raises(SignInRefused):
            finish(service, cast.alma, begun.cookie, code="000000")
    with pytest.raises(TooManyAttempts):
        finish(service, cast.alma, begun.cookie)


def test_a_right_password_alone_does_not_forget_failures(cast: Cast, service: Service):
    for _ in range(9):
        with pytest.raises(SignInRefused):
            begin(service, cast.alma, password="not the right words")
    begun = begin(service, cast.alma)
    with pytest.raises(SignInRefused):
        finish(service, cast.alma, begun.cookie, code="000000")
    with pytest.raises(TooManyAttempts):
        finish(service, cast.alma, begun.cookie)


def test_a_flood_past_the_queue_is_told_when_to_come_back(cast: Cast, service: Service):
    narrow = PasswordWork(PepperSet({1: b"\x02" * 32}), at_once=1, queue=1, wait_seconds=0.01)
    inside, go = threading.Event(), threading.Event()

    def hold() -> None:
        with narrow._turn():
            inside.set()
            go.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    inside.wait(10)
    try:
        with pytest.raises(Unavailable) as refused:
            begin_sign_in(
                service.database, service.at, narrow, email=cast.alma.email, password=cast.alma.password, device=HOME
            )
        assert refused.value.retry_after == 5
        narrow._admitted.acquire()
        with pytest.raises(Unavailable):
            narrow.derive("any words at all", None)
        narrow._admitted.release()
    finally:
        go.set()
        holder.join()
    assert begin_sign_in(
        service.database, service.at, narrow, email=cast.alma.email, password=cast.alma.password, device=HOME
    )


def test_a_weakened_or_damaged_password_row_signs_nobody_in(cast: Cast, service: Service):
    for parameters in ("$argon2id$v=19$m=8,t=1,p=1,keyid=1$AAAAAAAAAAAAAAAAAAAAAA", "nonsense"):
        with service.database.writing() as session:
            session.get_one(Person, cast.alma.person_id).password_parameters = parameters
        with pytest.raises(Unavailable, match="Tell the administrator"):
            begin(service, cast.alma)


def test_an_unlock_row_of_another_person_or_none_opens_nothing(cast: Cast, service: Service):
    with service.database.writing() as session:
        his = session.scalars(select(Unlock.wrapped_seed).where(Unlock.person_id == cast.ben.person_id)).first()
        session.execute(update(Unlock).where(Unlock.person_id == cast.alma.person_id).values(wrapped_seed=his))
    with pytest.raises(CannotOpen):
        begin(service, cast.alma)
    with service.database.writing() as session:
        for row in session.scalars(select(Unlock).where(Unlock.person_id == cast.alma.person_id)):
            session.delete(row)
    with pytest.raises(CannotOpen):
        begin(service, cast.alma)


def test_a_person_key_row_that_was_substituted_signs_nobody_in(cast: Cast, service: Service):
    from transfer_service.db.models import PersonKey

    with service.database.writing() as session:
        theirs = cast.stella.person_key.public
        session.execute(
            update(PersonKey)
            .where(PersonKey.person_id == cast.alma.person_id)
            .values(kem_public=theirs.kem_public, fingerprint=theirs.fingerprint.digest)
        )
    with pytest.raises(CannotOpen):
        begin(service, cast.alma)


def test_a_sign_in_from_a_new_device_is_told_by_mail_and_a_known_one_is_not(cast: Cast, service: Service):
    started = finish(service, cast.alma, begin(service, cast.alma).cookie)
    assert alerts(service) == [("session.new_device", cast.alma.email)]
    assert started.device_mark is not None
    service.clock.move(minutes=1)
    known = Device(address="192.0.2.10", marks=("0" * 32, started.device_mark))
    finish(service, cast.alma, begin(service, cast.alma, device=known).cookie, device=known)
    assert len(alerts(service)) == 1
    service.clock.move(minutes=1)
    finish(service, cast.ben, begin(service, cast.ben, device=known).cookie, device=known)
    assert len(alerts(service)) == 2


def test_a_head_may_trust_a_device_for_thirty_days(cast: Cast, service: Service):
    started = finish(service, cast.hugh, begin(service, cast.hugh).cookie, trust_device=True)
    assert started.trusted_device is not None
    trusting = replace(HOME, trusted=started.trusted_device)
    assert begin(service, cast.hugh, device=trusting).is_full
    assert not begin(service, cast.edie, device=trusting).is_full, "it is another person's"
    assert not begin(service, cast.hugh, device=replace(HOME, trusted="nonsense")).is_full
    service.clock.move(days=30)
    assert not begin(service, cast.hugh, device=trusting).is_full


@pytest.mark.parametrize("who", ["alma", "ben", "olive", "ada"])
def test_nobody_who_holds_keys_oversees_or_administers_trusts_a_device(cast: Cast, service: Service, who: str):
    member = getattr(cast, who)
    begun = begin(service, member)
    with pytest.raises(RuleForbids) as refused:
        finish(service, member, begun.cookie, trust_device=True)
    assert refused.value.rule == "device_not_trusted"
    with service.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(TrustedDevice)) == 0
    assert finish(service, member, begun.cookie).is_full


def test_a_device_is_trusted_no_more_once_its_owner_is_offered_keys(cast: Cast, service: Service):
    from transfer_service.domain.roles import Role
    from transfer_service.use_cases.people.inviting import invite_person

    started = finish(service, cast.hugh, begin(service, cast.hugh).cookie, trust_device=True)
    with service.database.writing() as session:
        invite_person(session, service.at, None, email=cast.hugh.email, role=Role.DEPUTY_DSL, school_id=cast.sending)
    assert not begin(service, cast.hugh, device=replace(HOME, trusted=started.trusted_device)).is_full


def test_the_password_again_is_good_for_ten_minutes(cast: Cast, service: Service):
    from transfer_service.domain.errors import NeedsPassword
    from transfer_service.use_cases.people.password_again import check_password_is_recent

    service.clock.move(minutes=20)
    with service.database.reading() as session, pytest.raises(NeedsPassword):
        check_password_is_recent(session, service.at, cast.alma.actor)
    again(service, cast.alma, cast.alma.password)
    service.clock.move(minutes=9, seconds=59)
    with service.database.reading() as session:
        check_password_is_recent(session, service.at, cast.alma.actor)
    service.clock.move(seconds=1)
    with service.database.reading() as session, pytest.raises(NeedsPassword):
        check_password_is_recent(session, service.at, cast.alma.actor)


def test_a_wrong_password_again_is_refused_and_counted(cast: Cast, service: Service):
    with pytest.raises(SignInRefused, match="The password is not right"):
        again(service, cast.alma, cast.ben.password)
    with service.database.reading() as session:
        counted = session.get_one(SignInAttempt, attempts.account_subject(service.at, cast.alma.email)).failures
    assert counted == 1
    with pytest.raises(SessionEnded):
        again(service, replace(cast.alma, actor=replace(cast.alma.actor, session_id=None)), cast.alma.password)


def again(service: Service, member, password: str) -> None:
    confirm_password(service.database, service.at, service.work, member.actor, password=password, device=HOME)


def assert_no_session(service: Service, cookie: bytes) -> None:
    from transfer_service.use_cases.people.sessions import load_session

    with service.database.reading() as session:
        assert load_session(session, service.at, cookie=cookie) is None


def test_a_person_whose_key_row_is_gone_is_not_signed_in(cast: Cast, service: Service):
    from sqlalchemy import delete

    from transfer_service.db.models import PersonKey

    with service.database.writing() as session:
        session.execute(delete(PersonKey).where(PersonKey.person_id == cast.alma.person_id))
    with pytest.raises(CannotOpen):
        begin(service, cast.alma)
