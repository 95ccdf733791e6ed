import pytest
from sqlalchemy import select

from tests.cast import Cast, Service
from tests.observing import alerts, leaves
from transfer_service.crypto import formats
from transfer_service.crypto.suites import verify_signature
from transfer_service.db.models import Membership, SchoolEpoch
from transfer_service.domain.errors import KeyMissing, NeedsPassword, NotFound, PermissionRefused
from transfer_service.domain.events import Basis
from transfer_service.domain.keys import KeyState
from transfer_service.domain.roles import MembershipState
from transfer_service.use_cases.keys.epoch_rows import retire_epoch
from transfer_service.use_cases.keys.epochs import make_next_epoch
from transfer_service.use_cases.keys.public_keys import find_active_epoch, get_public_epoch


def renew(service: Service, member, keys=None):
    keys = keys or member.school_keys(service)
    with service.database.writing() as session:
        return make_next_epoch(session, service.at, member.actor, school_keys=keys, basis=Basis.ROLE)


def test_the_next_epoch_goes_to_all_holders_and_the_custodians_and_retires_the_last(cast: Cast, service: Service):
    before = len(leaves(service))
    old = cast.alma.school_keys(service)
    new = renew(service, cast.alma)
    said = [(leaf.event, leaf.epoch) for leaf in leaves(service)[before:]]
    assert said == [
        ("epoch.created", 2),
        ("key.granted", 2),
        ("key.granted", 2),
        ("escrow.granted", 2),
        ("epoch.retired", 1),
    ]
    for member in (cast.alma, cast.ben):
        keys = member.school_keys(service)
        assert keys.active[0] == 2
        assert keys.active[1].public == new.public
        assert keys.get_epoch(1).public == old.active[1].public
    assert {address for _, address in alerts(service)} == {cast.alma.email, cast.ben.email}


def test_the_old_epoch_signs_for_the_new_one(cast: Cast, service: Service):
    renew(service, cast.alma)
    with service.database.reading() as session:
        row = session.scalars(
            select(SchoolEpoch).where(SchoolEpoch.school_id == cast.sending, SchoolEpoch.number == 2)
        ).one()
        old = get_public_epoch(session, service.at, cast.sending, 1)
        active = find_active_epoch(session, service.at, cast.sending)
    assert active is not None
    assert old.state is KeyState.RETIRED
    succession = formats.epoch_succession(
        deployment="tests", org=cast.sending, epoch=2, fingerprint=active.public.fingerprint, previous_epoch=1
    )
    assert row.previous_signature is not None
    assert verify_signature(old.public, row.previous_signature, succession)
    other = formats.epoch_succession(
        deployment="tests", org=cast.stranger, epoch=2, fingerprint=active.public.fingerprint, previous_epoch=1
    )
    assert not verify_signature(old.public, row.previous_signature, other)


def test_a_suspended_person_is_not_granted_the_next_epoch(cast: Cast, service: Service):
    """Also where the grant of the present epoch is still there, which suspending takes away."""
    with service.database.writing() as session:
        session.get_one(Membership, cast.ben.membership_id).state = MembershipState.SUSPENDED
    renew(service, cast.alma)
    assert set(cast.ben.school_keys(service).epochs) == {1}


def test_keys_opened_before_a_colleague_made_the_next_epoch_make_no_other(cast: Cast, service: Service):
    stale = cast.ben.school_keys(service)
    renew(service, cast.alma)
    with pytest.raises(KeyMissing):
        renew(service, cast.ben, stale)


def test_the_password_must_have_been_given_within_ten_minutes(cast: Cast, service: Service):
    service.clock.move(minutes=5)
    with pytest.raises(NeedsPassword):
        renew(service, cast.alma)


def test_nobody_without_keys_makes_an_epoch(cast: Cast, service: Service):
    keys = cast.alma.school_keys(service)
    with pytest.raises(PermissionRefused):
        renew(service, cast.hugh, keys)
    with pytest.raises(NotFound):
        renew(service, cast.olive, keys)
    with pytest.raises(KeyMissing):
        renew(service, cast.stella, keys)


def test_retiring_twice_retires_once(cast: Cast, service: Service):
    for leaves_made in (1, 0):
        with service.database.writing() as session:
            made = retire_epoch(session, service.at, cast.alma.actor, school_id=cast.sending, basis=Basis.RULE)
            assert len(made) == leaves_made
