from dataclasses import replace

from sqlalchemy import delete, select

from tests.cast import Cast, Service, join_service, refreshed
from tests.observing import leaves
from transfer_service.crypto import formats
from transfer_service.crypto.suites import RecoveryKey
from transfer_service.crypto.values import Seed
from transfer_service.db.models import KeyGrant
from transfer_service.db.models import RecoveryKey as RecoveryKeyRow
from transfer_service.domain.keys import GranteeKind, KeyState
from transfer_service.domain.roles import Role
from transfer_service.use_cases.keys.waiting import WaitingAct, complete_waiting_acts, list_waiting_acts
from transfer_service.use_cases.oversight.approvals import approve_first_dsl
from transfer_service.use_cases.people.memberships import end_membership


def waiting(service: Service, member, at=None):
    with service.database.reading() as session:
        return list_waiting_acts(session, at or service.at, member.actor)


def complete(service: Service, member, at=None):
    with service.database.writing() as session:
        return complete_waiting_acts(session, at or service.at, member.actor, person_key=member.person_key)


def test_nothing_waits_for_anybody_in_a_school_that_is_in_order(cast: Cast, service: Service):
    before = len(leaves(service))
    for member in (cast.alma, cast.ben, cast.edie, cast.hugh, cast.olive, cast.ada):
        assert waiting(service, member) == ()
        assert complete(service, member) == ()
    assert len(leaves(service)) == before


def test_an_approved_first_dsl_finds_her_schools_key_made_at_her_next_sign_in(cast: Cast, service: Service):
    fay = join_service(service, name="Fay Lund", role=Role.DESIGNATED_SAFEGUARDING_LEAD, school_id=cast.keyless)
    assert waiting(service, fay) == ()
    with service.database.writing() as session:
        approve_first_dsl(session, service.at, cast.olive.actor, membership_id=fay.membership_id)
    fay = refreshed(service, fay)
    assert waiting(service, fay) == (WaitingAct.FIRST_EPOCH,)
    assert complete(service, fay) == (WaitingAct.FIRST_EPOCH,)
    assert refreshed(service, fay).actor.holds_keys
    assert waiting(service, refreshed(service, fay)) == ()
    assert complete(service, refreshed(service, fay)) == ()


def test_a_deputy_of_a_school_without_keys_who_was_not_approved_finds_nothing(cast: Cast, service: Service):
    fay = join_service(service, name="Fay Lund", role=Role.DEPUTY_DSL, school_id=cast.keyless)
    pretending = replace(fay, actor=replace(fay.actor, roles=frozenset({Role.DEPUTY_DSL})))
    assert waiting(service, pretending) == ()


def test_after_a_leaver_the_next_colleague_makes_the_new_epoch(cast: Cast, service: Service):
    service.clock.move(minutes=1)
    with service.database.writing() as session:
        renewed = end_membership(session, service.at, cast.hugh.actor, membership_id=cast.ben.membership_id)
    assert renewed is False
    service.clock.move(minutes=1)
    assert waiting(service, cast.alma) == (WaitingAct.NEXT_EPOCH,)
    assert complete(service, cast.alma) == (WaitingAct.NEXT_EPOCH,)
    assert cast.alma.school_keys(service).active[0] == 2
    assert waiting(service, cast.alma) == ()


def test_somebody_who_does_not_hold_the_key_is_not_asked(cast: Cast, service: Service):
    service.clock.move(minutes=1)
    with service.database.writing() as session:
        end_membership(session, service.at, cast.hugh.actor, membership_id=cast.ben.membership_id)
    without = replace(cast.alma, actor=replace(cast.alma.actor, holds_keys=False))
    assert waiting(service, without) == ()


def test_after_a_new_ceremony_each_school_escrows_again(cast: Cast, service: Service):
    fresh = RecoveryKey.from_seed(Seed(b"\x99" * 32))
    at = replace(service.at, recovery_keys={"937": fresh.fingerprint.hex})
    _replace_recovery_key(cast, service, fresh)
    assert waiting(service, cast.alma) == ()
    assert waiting(service, cast.alma, at) == (WaitingAct.ESCROW,)
    before = len(leaves(service))
    assert complete(service, cast.alma, at) == (WaitingAct.ESCROW,)
    assert [leaf.event for leaf in leaves(service)[before:]] == ["escrow.granted"]
    assert waiting(service, cast.alma, at) == ()
    assert waiting(service, cast.stella, at) == (WaitingAct.ESCROW,)


def test_an_escrow_grant_that_was_deleted_is_made_again(cast: Cast, service: Service):
    with service.database.writing() as session:
        session.execute(delete(KeyGrant).where(KeyGrant.grantee_kind == GranteeKind.RECOVERY))
    assert complete(service, cast.ben) == (WaitingAct.ESCROW,)


def _replace_recovery_key(cast: Cast, service: Service, fresh: RecoveryKey) -> None:
    keys = service.at.field_keys
    with service.database.writing() as session:
        old = session.scalars(select(RecoveryKeyRow).where(RecoveryKeyRow.authority_id == cast.warwickshire)).one()
        old.state = KeyState.RETIRED
        session.flush()
        session.add(
            RecoveryKeyRow(
                id=service.at.new_id(),
                authority_id=cast.warwickshire,
                number=2,
                suite=2,
                kem_public=fresh.public.kem_public,
                fingerprint=fresh.fingerprint.digest,
                state=KeyState.ACTIVE,
                mac=keys.authenticate_public_key(
                    fresh.public, kind=formats.KeyKind.RECOVERY, owner=cast.warwickshire, epoch=2, state="active"
                ),
                created_at=service.clock(),
            )
        )
