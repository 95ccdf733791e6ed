from dataclasses import replace

import pyotp
import pytest
from sqlalchemy import select

from tests.cast import HOME, Cast, Service, actor_of, grant_keys, make_first_holder
from tests.integration.people.steps import begin, finish
from tests.observing import alerts, leaves
from transfer_service.db.models import Alert, KeyGrant, Membership, PersonKey, SchoolEpoch, Unlock
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.errors import Invalid, KeyMissing, RuleForbids, SignInRefused, TooManyAttempts
from transfer_service.domain.keys import GranteeKind, KeyState, UnlockKind
from transfer_service.domain.roles import MembershipState
from transfer_service.use_cases.keys.public_keys import find_active_epoch
from transfer_service.use_cases.oversight.approvals import list_approvals
from transfer_service.use_cases.people.reset_links import request_password_reset
from transfer_service.use_cases.people.resetting import reset_password, reset_password_with_code
from transfer_service.use_cases.people.second_factor import confirm_second_factor, prepare_second_factor
from transfer_service.use_cases.people.unlocking import open_person_key

NEW = "nine copper lanterns drift"


def ask(service: Service, email: str) -> str:
    """Ask for a link and read it from the outbox."""
    with service.database.writing() as session:
        request_password_reset(session, service.at, email=email, address=HOME.address)
    with service.database.reading() as session:
        alert = session.scalars(
            select(Alert).where(Alert.kind == AlertKind.PASSWORD_RESET).order_by(Alert.id.desc()).limit(1)
        ).one()
    assert alert.secret is not None
    path = service.at.field_keys.open_text(alert.secret, table="alert", column="secret", row=alert.id)
    return path.removeprefix("/password/reset/")


def reset(service: Service, token: str, *, password: str = NEW) -> None:
    reset_password(service.database, service.at, service.work, token=token, password=password, device=HOME)


def reset_with_code(service: Service, token: str, code: str, *, lost_device: bool = False, password: str = NEW):
    return reset_password_with_code(
        service.database,
        service.at,
        service.work,
        token=token,
        password=password,
        recovery_code=code,
        device=HOME,
        lost_device=lost_device,
    )


def sign_in(service: Service, member):
    service.clock.move(seconds=30)
    renewed = replace(member, password=NEW)
    cookie = finish(service, renewed, begin(service, renewed).cookie).cookie
    with service.database.reading() as session:
        key = open_person_key(session, service.at, cookie=cookie)
    return replace(renewed, cookie=cookie, actor=actor_of(service, cookie), person_key=key)


def test_a_mailed_link_restores_signing_in_and_never_reading(cast: Cast, service: Service):
    before = len(leaves(service))
    reset(service, ask(service, cast.ben.email))
    assert [leaf.event for leaf in leaves(service)[before:]] == [
        "session.ended",
        "key.revoked",
        "person_key.replaced",
        "password.reset",
    ]
    ben = sign_in(service, cast.ben)
    assert ben.person_key.public != cast.ben.person_key.public
    assert ben.actor.roles == frozenset()
    with pytest.raises(KeyMissing):
        cast.ben.school_keys(service)
    assert ("grant.wanted", cast.alma.email) in alerts(service)
    assert ("password.changed", cast.ben.email) in alerts(service)
    with service.database.reading() as session:
        kinds = session.scalars(select(Unlock.kind).where(Unlock.person_id == cast.ben.person_id)).all()
        keys = session.scalars(
            select(PersonKey).where(PersonKey.person_id == cast.ben.person_id).order_by(PersonKey.version)
        ).all()
    assert kinds == [UnlockKind.PASSWORD]
    assert [(key.version, key.state) for key in keys] == [(1, KeyState.RETIRED), (2, KeyState.ACTIVE)]


def test_a_colleague_grants_again_and_everything_opens_as_before(cast: Cast, service: Service):
    before = cast.ben.school_keys(service).active[1].public
    reset(service, ask(service, cast.ben.email))
    ben = grant_keys(service, cast.alma, sign_in(service, cast.ben))
    assert ben.actor.holds_keys
    assert ben.school_keys(service).active[1].public == before


def test_with_the_recovery_code_reading_is_restored_too(cast: Cast, service: Service):
    before = len(leaves(service))
    assert reset_with_code(service, ask(service, cast.alma.email), cast.alma.recovery_code) is None
    assert [leaf.event for leaf in leaves(service)[before:]] == [
        "recovery_code.used",
        "session.ended",
        "password.reset",
    ]
    assert ("recovery_code.used", cast.ben.email) in alerts(service)
    alma = sign_in(service, cast.alma)
    assert alma.person_key.public == cast.alma.person_key.public
    assert alma.actor.holds_keys
    assert alma.school_keys(service).active[0] == 1
    with pytest.raises(SignInRefused):
        reset_with_code(service, ask(service, cast.alma.email), cast.alma.recovery_code)


def test_password_and_device_lost_together_come_back_with_link_and_code(cast: Cast, service: Service):
    started = reset_with_code(service, ask(service, cast.alma.email), cast.alma.recovery_code, lost_device=True)
    assert started is not None
    with service.database.writing() as session:
        secret = prepare_second_factor(session, service.at, cookie=started.cookie).secret
    whole = confirm_second_factor(
        service.database, service.at, cookie=started.cookie, code=pyotp.TOTP(secret).at(service.clock()), device=HOME
    )
    assert actor_of(service, whole.cookie).holds_keys
    assert [leaf.event for leaf in leaves(service)].count("recovery_code.used") == 1
    assert leaves(service)[-2].event == "second_factor.replaced"


def test_the_only_key_holder_who_forgets_all_is_approved_anew_and_the_school_gets_a_new_key(
    cast: Cast, service: Service
):
    reset(service, ask(service, cast.stella.email))
    assert ("approval.wanted", cast.olive.email) in alerts(service)
    with service.database.reading() as session:
        assert find_active_epoch(session, service.at, cast.stranger) is None, "nobody could open what is sealed to it"
        (waiting,) = list_approvals(session, service.at, cast.olive.actor)
    assert waiting.membership_id == cast.stella.membership_id
    stella = sign_in(service, cast.stella)
    assert waiting.words == stella.person_key.fingerprint.words()
    stella = make_first_holder(service, cast.olive, stella)
    assert set(stella.school_keys(service).epochs) == {2}
    with service.database.reading() as session:
        epochs = session.scalars(
            select(SchoolEpoch).where(SchoolEpoch.school_id == cast.stranger).order_by(SchoolEpoch.number)
        ).all()
        escrowed = session.scalars(
            select(KeyGrant.school_epoch_id).where(KeyGrant.grantee_kind == GranteeKind.RECOVERY)
        ).all()
    assert [epoch.state for epoch in epochs] == [KeyState.RETIRED, KeyState.ACTIVE]
    assert epochs[1].previous_signature is None
    assert {epoch.id for epoch in epochs} <= set(escrowed), "the custodians can still open the first"


def test_somebody_without_keys_just_chooses_a_new_password(cast: Cast, service: Service):
    reset(service, ask(service, cast.edie.email))
    edie = sign_in(service, cast.edie)
    assert edie.actor.roles == cast.edie.actor.roles
    with service.database.reading() as session:
        assert session.get_one(Membership, cast.edie.membership_id).state is MembershipState.ACTIVE


def test_a_link_works_once_and_for_an_hour(cast: Cast, service: Service):
    token = ask(service, cast.edie.email)
    service.clock.move(minutes=59, seconds=59)
    reset(service, token)
    with pytest.raises(RuleForbids) as refused:
        reset(service, token)
    assert refused.value.rule == "reset_link_over"
    token = ask(service, cast.edie.email)
    service.clock.move(hours=1)
    with pytest.raises(RuleForbids):
        reset(service, token)


@pytest.mark.parametrize("change", ["", "nonsense", "é"])
def test_a_link_that_was_tampered_with_resets_nothing(cast: Cast, service: Service, change: str):
    import base64

    with pytest.raises(RuleForbids):
        reset(service, change)
    token = ask(service, cast.edie.email)
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    raw[:16] = cast.alma.person_id.bytes
    with pytest.raises(RuleForbids):
        reset(service, base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("="))
    raw[16] = 255
    with pytest.raises(RuleForbids):
        reset(service, base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("="))


def test_asking_for_an_account_that_does_not_exist_looks_the_same_and_mails_nothing(cast: Cast, service: Service):
    with service.database.writing() as session:
        request_password_reset(session, service.at, email="nobody@example.org", address=HOME.address)
    assert alerts(service) == []
    with pytest.raises(Invalid), service.database.writing() as session:
        request_password_reset(session, service.at, email="nobody", address=HOME.address)


def test_a_mailbox_is_not_flooded_with_links(cast: Cast, service: Service):
    for _ in range(6):
        with service.database.writing() as session:
            request_password_reset(session, service.at, email=cast.edie.email, address=HOME.address)
    assert alerts(service) == [("password.reset", cast.edie.email)] * 3
    service.clock.move(hours=1)
    ask(service, cast.edie.email)
    assert len(alerts(service)) == 4


@pytest.mark.parametrize("is_known", [True, False])
def test_one_network_address_asks_for_thirty_links_an_hour_whoever_they_are_for(
    cast: Cast, service: Service, is_known: bool
):
    last = cast.edie.email if is_known else "nobody@example.org"

    def ask_from(address: str, email: str) -> None:
        with service.database.writing() as session:
            request_password_reset(session, service.at, email=email, address=address)

    for number in range(30):
        ask_from("2001:db8::7", f"{number}@example.org")
    with pytest.raises(TooManyAttempts) as refused:
        ask_from("2001:db8::8", last)
    assert refused.value.retry_after == 3600
    assert alerts(service) == []
    ask_from("192.0.2.77", last)
    service.clock.move(hours=1)
    ask_from("2001:db8::8", last)
    assert begin(service, cast.alma, device=replace(HOME, address="2001:db8::8")), "signing in is counted by itself"


def test_a_wrong_recovery_code_is_counted_and_locks(cast: Cast, service: Service, monkeypatch):
    token = ask(service, cast.alma.email)
    keys = service.work.derive(NEW, None)
    monkeypatch.setattr(service.work, "derive", lambda *_: keys)
    for _ in range(10):
        with pytest.raises(SignInRefused):
            reset_with_code(service, token, cast.ben.recovery_code)
    with pytest.raises(TooManyAttempts):
        reset_with_code(service, token, cast.alma.recovery_code)


def test_a_poor_new_password_is_refused_and_the_link_works_on(cast: Cast, service: Service):
    token = ask(service, cast.edie.email)
    with pytest.raises(Invalid):
        reset(service, token, password="edie.nakamura")
    reset(service, token)
