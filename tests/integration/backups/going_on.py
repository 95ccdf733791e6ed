"""A service that goes on after its backup, and is put back from it."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy import select

from tests.cast import HOME, Member, Service, actor_of
from tests.integration.backups.conftest import Living
from tests.integration.backups.test_restoring import log_holds
from tests.integration.people.steps import begin
from transfer_service.audit.signer import SignResult
from transfer_service.crypto.peppers import PepperSet
from transfer_service.db.models import KeyGrant, SchoolEpoch
from transfer_service.domain.keys import GranteeKind, KeyState
from transfer_service.use_cases.backups.restoring import RestoreReport
from transfer_service.use_cases.keys.epochs import make_next_epoch
from transfer_service.use_cases.keys.holding import open_school_keys
from transfer_service.use_cases.keys.rotation import destroy_empty_epochs, reseal_all
from transfer_service.use_cases.people.memberships import end_membership
from transfer_service.use_cases.people.passwords import PasswordWork
from transfer_service.use_cases.people.signing_in import finish_sign_in


def service_of(living: Living) -> Service:
    return Service(
        database=living.database, at=living.at, clock=living.clock, work=PasswordWork(PepperSet({1: b"\x02" * 32}))
    )


def renew(living: Living, member: Member) -> None:
    """Make the next epoch of the member's school and seal everything to it; the old one is not destroyed yet."""
    with living.database.reading() as session:
        keys = open_school_keys(session, living.at, member.actor, member.person_key)
    with living.database.writing() as session:
        make_next_epoch(session, living.at, member.actor, school_keys=keys)
    reseal_all(living.database, living.at, member.actor, person_key=member.person_key)


def destroy(living: Living, member: Member) -> int:
    living.clock.move(days=2)
    with living.database.writing() as session:
        return destroy_empty_epochs(session, living.at, member.actor)


def leave(living: Living, head: Member, leaver: Member) -> None:
    with living.database.writing() as session:
        end_membership(session, living.at, head.actor, membership_id=leaver.membership_id)


def restored(living: Living, elsewhere: Living) -> RestoreReport:
    living.sign()
    report = elsewhere.restore(exports=(living.export(),))
    assert report.is_open
    assert elsewhere.sign().result is SignResult.SIGNED
    assert log_holds(elsewhere)
    return report


def epoch_states(living: Living, school_id: UUID) -> list[KeyState]:
    with living.database.reading() as session:
        return list(
            session.scalars(
                select(SchoolEpoch.state).where(SchoolEpoch.school_id == school_id).order_by(SchoolEpoch.number)
            )
        )


def holders_of(living: Living, school_id: UUID) -> set[UUID]:
    with living.database.reading() as session:
        return set(
            session.scalars(
                select(KeyGrant.grantee_id)
                .join(SchoolEpoch, SchoolEpoch.id == KeyGrant.school_epoch_id)
                .where(SchoolEpoch.school_id == school_id, KeyGrant.grantee_kind == GranteeKind.PERSON)
            )
        )


def lost_of(report: RestoreReport) -> dict[str, list[str]]:
    return {of_place.name: [act.event for act in of_place.acts] for of_place in report.lost}


def signed_in_again(service: Service, member: Member) -> Member:
    """Sign in to the restored service, where no session is left."""
    service.clock.move(minutes=1)
    begun = begin(service, member)
    started = finish_sign_in(service.database, service.at, cookie=begun.cookie, code=member.code(service), device=HOME)
    return replace(member, cookie=started.cookie, actor=actor_of(service, started.cookie))
