import pytest
from sqlalchemy import select

from tests.cast import HOME, Cast, Service, grant_keys, refreshed
from tests.observing import alerts, leaves
from transfer_service.db.models import KeyGrant, Membership
from transfer_service.db.queries.keys import list_grants_to_person
from transfer_service.domain.errors import AlreadyDone, NeedsPassword, NotFound, PermissionRefused, RuleForbids
from transfer_service.domain.roles import MembershipState
from transfer_service.use_cases.keys.epochs import make_first_epoch
from transfer_service.use_cases.keys.exposure import report_exposure
from transfer_service.use_cases.keys.public_keys import find_active_epoch
from transfer_service.use_cases.oversight.approvals import approve_first_dsl, refuse_first_dsl
from transfer_service.use_cases.people.memberships import end_membership
from transfer_service.use_cases.people.signing_in import confirm_password


def report(service: Service, member) -> int:
    with service.database.writing() as session:
        return report_exposure(session, service.at, member.actor)


def test_the_key_goes_out_of_use_at_once_and_everybody_has_to_be_approved_again(cast: Cast, service: Service):
    before = len(leaves(service))
    assert report(service, cast.ben) == 2
    said = leaves(service)[before:]
    assert [leaf.event for leaf in said] == ["epoch.retired", "membership.changed", "membership.changed"]
    assert {leaf.basis for leaf in said} == {"suspected_exposure"}
    with service.database.reading() as session:
        assert find_active_epoch(session, service.at, cast.sending) is None
        for member in (cast.alma, cast.ben):
            row = session.get_one(Membership, member.membership_id)
            assert (row.state, row.approved_at) == (MembershipState.AWAITING_APPROVAL, None)
    assert ("approval.wanted", cast.olive.email) in alerts(service)
    assert {address for kind, address in alerts(service) if kind == "epoch.wanted"} == {
        cast.alma.email,
        cast.ben.email,
    }


def test_officer_and_second_lead_enrol_the_next_key_which_the_old_one_does_not_sign(cast: Cast, service: Service):
    old = cast.alma.school_keys(service)
    report(service, cast.alma)
    with pytest.raises((RuleForbids, NotFound, PermissionRefused)), service.database.writing() as session:
        make_first_epoch(session, service.at, cast.alma.actor, person_key=cast.alma.person_key)
    with service.database.writing() as session:
        approve_first_dsl(session, service.at, cast.olive.actor, membership_id=cast.alma.membership_id)
    alma = refreshed(service, cast.alma)
    with service.database.writing() as session:
        epoch = make_first_epoch(session, service.at, alma.actor, person_key=alma.person_key)
    assert epoch.number == 2
    alma = refreshed(service, alma)
    keys = alma.school_keys(service)
    assert keys.get_epoch(1).public == old.active[1].public
    ben = grant_keys(service, alma, cast.ben)
    assert set(ben.school_keys(service).epochs) == {1, 2}


def test_a_second_report_finds_it_done(cast: Cast, service: Service):
    report(service, cast.alma)
    with pytest.raises(AlreadyDone):
        report(service, cast.alma)


def test_the_password_must_have_been_given_just_now(cast: Cast, service: Service):
    service.clock.move(minutes=11)
    with pytest.raises(NeedsPassword):
        report(service, cast.alma)
    confirm_password(
        service.database, service.at, service.work, cast.alma.actor, password=cast.alma.password, device=HOME
    )
    assert report(service, cast.alma) == 2


def test_nobody_else_reports_it(cast: Cast, service: Service):
    for member in (cast.hugh, cast.edie):
        with pytest.raises(PermissionRefused):
            report(service, member)
    with pytest.raises(NotFound):
        report(service, cast.olive)


def test_who_leaves_after_the_report_keeps_nothing_of_the_old_key(cast: Cast, service: Service):
    report(service, cast.alma)
    with service.database.writing() as session:
        end_membership(session, service.at, cast.hugh.actor, membership_id=cast.ben.membership_id)
    with service.database.reading() as session:
        assert list_grants_to_person(session, cast.ben.person_id, cast.sending) == []
        assert len(list_grants_to_person(session, cast.alma.person_id, cast.sending)) == 1


def test_whoever_is_refused_afterwards_or_leaves_keeps_no_grant_of_the_exposed_key(cast: Cast, service: Service):
    report(service, cast.alma)
    with service.database.writing() as session:
        refuse_first_dsl(session, service.at, cast.olive.actor, membership_id=cast.ben.membership_id)
    assert [(leaf.event, leaf.epoch) for leaf in leaves(service)[-2:]] == [
        ("membership.refused", None),
        ("key.revoked", 1),
    ]
    with service.database.writing() as session:
        end_membership(session, service.at, cast.olive.actor, membership_id=cast.alma.membership_id)
    with service.database.reading() as session:
        held = select(KeyGrant).where(KeyGrant.grantee_id.in_([cast.alma.person_id, cast.ben.person_id]))
        assert session.scalars(held).all() == []


def test_who_leaves_before_being_approved_again_knows_nothing_of_the_new_key_which_stays(cast: Cast, service: Service):
    report(service, cast.alma)
    with service.database.writing() as session:
        approve_first_dsl(session, service.at, cast.olive.actor, membership_id=cast.alma.membership_id)
    alma = refreshed(service, cast.alma)
    with service.database.writing() as session:
        made = make_first_epoch(session, service.at, alma.actor, person_key=alma.person_key)
    alma = refreshed(service, alma)
    ben, keys = cast.ben.membership_id, alma.school_keys(service)
    with service.database.writing() as session:
        assert not end_membership(session, service.at, alma.actor, membership_id=ben, school_keys=keys)
    with service.database.reading() as session:
        assert list_grants_to_person(session, cast.ben.person_id, cast.sending) == []
        assert find_active_epoch(session, service.at, cast.sending) == made
    assert "epoch.requested" not in {leaf.event for leaf in leaves(service)}
