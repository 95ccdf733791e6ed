from types import SimpleNamespace

import pytest
from sqlalchemy import select, update

from tests import factories
from tests.cast import (
    STARTS_AT,
    WARWICKSHIRE_RECOVERY,
    Cast,
    Service,
    join_service,
    make_first_holder,
    refreshed,
)
from tests.observing import alerts, leaves
from transfer_service.crypto import formats
from transfer_service.db.models import KeyGrant, Membership, RecoveryKey, SchoolEpoch
from transfer_service.domain.errors import CannotOpen, KeyMissing, NotFound, PermissionRefused, RuleForbids
from transfer_service.domain.keys import GranteeKind, KeyState
from transfer_service.domain.roles import Role
from transfer_service.storage.blobs import Storage
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.epochs import make_first_epoch
from transfer_service.use_cases.keys.exposure import report_exposure
from transfer_service.use_cases.keys.holding import key_grant_info
from transfer_service.use_cases.oversight.approvals import approve_first_dsl


@pytest.fixture
def fay(cast: Cast, service: Service):
    """A DSL of the school without keys, who has signed up and is not yet approved."""
    return join_service(
        service,
        name="Fay Lund",
        role=Role.DESIGNATED_SAFEGUARDING_LEAD,
        school_id=cast.keyless,
        inviter=cast.olive.actor,
    )


def test_the_approved_first_dsl_makes_the_key_and_everybody_is_told(cast: Cast, service: Service, fay):
    head = join_service(service, name="Hal Dunn", role=Role.HEAD_TEACHER, school_id=cast.keyless)
    before = len(leaves(service))
    fay = make_first_holder(service, cast.olive, fay)
    said = leaves(service)[before:]
    assert [leaf.event for leaf in said] == [
        "membership.approved", "epoch.created", "key.granted", "escrow.granted",
    ]  # fmt: skip
    number, key = fay.school_keys(service).active
    assert number == 1
    assert {leaf.key for leaf in said[1:]} == {key.fingerprint.hex}
    assert [leaf.epoch for leaf in said[1:]] == [1, 1, 1]
    assert {leaf.org for leaf in said} == {cast.keyless}
    assert fay.actor.holds_keys
    told = {address for kind, address in alerts(service) if kind == "epoch.created"}
    assert told == {fay.email, head.email}


def test_the_key_is_escrowed_to_the_custodians_and_opens_with_their_key(cast: Cast, service: Service, fay):
    fay = make_first_holder(service, cast.olive, fay)
    with service.database.reading() as session:
        epoch = session.scalars(select(SchoolEpoch).where(SchoolEpoch.school_id == cast.keyless)).one()
        grant = session.scalars(
            select(KeyGrant).where(KeyGrant.school_epoch_id == epoch.id, KeyGrant.grantee_kind == GranteeKind.RECOVERY)
        ).one()
    key = fay.school_keys(service).active[1]
    info = key_grant_info(
        service.at,
        suite=2,
        school_id=cast.keyless,
        epoch=1,
        epoch_fingerprint=key.fingerprint,
        grantee_kind=GranteeKind.RECOVERY,
        grantee_id=grant.grantee_id,
        grantee_version=1,
        grantee_fingerprint=WARWICKSHIRE_RECOVERY.fingerprint,
    )
    assert WARWICKSHIRE_RECOVERY.open_seed(grant.sealed, info=info) == fay.school_keys(service).seeds[1]


def test_who_approved_the_key_is_kept_beside_it(cast: Cast, service: Service, fay):
    make_first_holder(service, cast.olive, fay)
    with service.database.reading() as session:
        epoch = session.scalars(select(SchoolEpoch).where(SchoolEpoch.school_id == cast.keyless)).one()
    assert (epoch.approved_by, epoch.created_by, epoch.previous_signature) == (
        cast.olive.person_id,
        fay.person_id,
        None,
    )
    assert epoch.created_at == STARTS_AT


def test_nobody_who_waits_for_approval_makes_a_key(cast: Cast, service: Service, fay):
    with pytest.raises((PermissionRefused, NotFound)), service.database.writing() as session:
        make_first_epoch(session, service.at, fay.actor, person_key=fay.person_key)


def test_an_approval_from_before_the_present_key_was_made_does_not_count(cast: Cast, service: Service, fay):
    with service.database.writing() as session:
        approve_first_dsl(session, service.at, cast.olive.actor, membership_id=fay.membership_id)
        session.execute(
            update(Membership)
            .where(Membership.id == fay.membership_id)
            .values(approved_at=STARTS_AT.replace(year=2025))
        )
    fay = refreshed(service, fay)
    with pytest.raises(RuleForbids) as refused, service.database.writing() as session:
        make_first_epoch(session, service.at, fay.actor, person_key=fay.person_key)
    assert refused.value.rule == "not_approved"


def test_an_approval_that_stands_in_the_row_alone_makes_nobody_a_key_holder(cast: Cast, service: Service, fay):
    """Whoever writes the database makes an officer approve: the log, which names the officer, knows nothing of it."""
    with service.database.writing() as session:
        session.execute(
            update(Membership)
            .where(Membership.id == fay.membership_id)
            .values(state="active", approved_at=service.clock(), approved_by=cast.olive.person_id)
        )
    fay = refreshed(service, fay)
    with pytest.raises(RuleForbids) as refused, service.database.writing() as session:
        make_first_epoch(session, service.at, fay.actor, person_key=fay.person_key)
    assert refused.value.rule == "not_approved"


def test_an_approval_that_was_ended_is_not_revived_in_the_row(cast: Cast, service: Service):
    with service.database.writing() as session:
        report_exposure(session, service.at, cast.alma.actor)
        session.execute(
            update(Membership)
            .where(Membership.id == cast.alma.membership_id)
            .values(state="active", approved_at=service.clock(), approved_by=cast.olive.person_id)
        )
    alma = refreshed(service, cast.alma)
    with pytest.raises(RuleForbids) as refused, service.database.writing() as session:
        make_first_epoch(session, service.at, alma.actor, person_key=alma.person_key)
    assert refused.value.rule == "not_approved"


def test_a_school_that_has_a_key_gets_no_second_first_one(cast: Cast, service: Service):
    with pytest.raises(RuleForbids) as refused, service.database.writing() as session:
        make_first_epoch(session, service.at, cast.alma.actor, person_key=cast.alma.person_key)
    assert refused.value.rule == "colleague_grants"


def test_another_persons_key_and_an_officer_make_none(cast: Cast, service: Service):
    with pytest.raises(KeyMissing), service.database.writing() as session:
        make_first_epoch(session, service.at, cast.alma.actor, person_key=cast.ben.person_key)
    with pytest.raises(NotFound), service.database.writing() as session:
        make_first_epoch(session, service.at, cast.olive.actor, person_key=cast.olive.person_key)


def test_no_key_is_made_where_the_database_holds_another_recovery_key_than_the_settings(
    cast: Cast, service: Service, fay
):
    with service.database.writing() as session:
        approve_first_dsl(session, service.at, cast.olive.actor, membership_id=fay.membership_id)
    fay = refreshed(service, fay)
    for settings in ({}, {"937": "00" * 32}):
        other = _with_recovery_keys(service, settings)
        with pytest.raises(RuleForbids) as refused, service.database.writing() as session:
            make_first_epoch(session, other, fay.actor, person_key=fay.person_key)
        assert refused.value.rule == "recovery_key_differs"


def test_a_recovery_key_that_somebody_put_into_the_database_is_not_authentic(cast: Cast, service: Service, fay):
    with service.database.writing() as session:
        approve_first_dsl(session, service.at, cast.olive.actor, membership_id=fay.membership_id)
        theirs = cast.stella.person_key.public
        session.execute(
            update(RecoveryKey)
            .where(RecoveryKey.authority_id == cast.warwickshire)
            .values(kem_public=theirs.kem_public, fingerprint=theirs.fingerprint.digest)
        )
    fay = refreshed(service, fay)
    with pytest.raises(CannotOpen), service.database.writing() as session:
        make_first_epoch(session, service.at, fay.actor, person_key=fay.person_key)


def test_an_authority_whose_recovery_key_is_gone_gets_no_school_keys(cast: Cast, service: Service, fay):
    with service.database.writing() as session:
        approve_first_dsl(session, service.at, cast.olive.actor, membership_id=fay.membership_id)
        recovery = session.scalars(select(RecoveryKey).where(RecoveryKey.authority_id == cast.warwickshire)).one()
        recovery.state = KeyState.RETIRED
        recovery.mac = service.at.field_keys.authenticate_public_key(
            WARWICKSHIRE_RECOVERY.public,
            kind=formats.KeyKind.RECOVERY,
            owner=cast.warwickshire,
            epoch=1,
            state="retired",
        )
    fay = refreshed(service, fay)
    with pytest.raises(RuleForbids) as refused, service.database.writing() as session:
        make_first_epoch(session, service.at, fay.actor, person_key=fay.person_key)
    assert refused.value.rule == "authority_not_enrolled"


def _with_recovery_keys(service: Service, settings: dict[str, str]) -> Installation:
    at = service.at
    return Installation(
        deployment=at.deployment, field_keys=at.field_keys, now=at.now, new_id=at.new_id, recovery_keys=settings
    )


def test_the_schools_whose_files_wait_are_asked_to_sign_in(cast: Cast, service: Service, fay, tmp_path):
    setting = SimpleNamespace(
        database=service.database, at=service.at, storage=Storage.from_url(f"file://{tmp_path}/blobs")
    )
    dispatch_id = factories.draft(setting, cast.alma, cast.keyless)
    factories.send(setting, cast.alma, dispatch_id)
    make_first_holder(service, cast.olive, fay)
    wanted = [address for kind, address in alerts(service) if kind == "delivery.wanted"]
    assert wanted == [cast.alma.email, cast.ben.email]
