from dataclasses import replace

import pytest
from sqlalchemy import select

from tests.cast import Cast, Service, actor_of, grant_keys, join_service, refreshed
from tests.integration.people.steps import begin, finish
from tests.observing import alerts, leaves
from transfer_service.db.models import KeyGrant, Membership, SchoolEpoch, SignInSession
from transfer_service.domain.errors import KeyMissing, NotFound, PermissionRefused, RuleForbids
from transfer_service.domain.keys import KeyState
from transfer_service.domain.roles import MembershipState, Role
from transfer_service.use_cases.keys.public_keys import find_active_epoch
from transfer_service.use_cases.people.inviting import invite_person
from transfer_service.use_cases.people.memberships import end_membership, return_membership, suspend_membership
from transfer_service.use_cases.people.sessions import load_session


def end(service: Service, actor, membership_id, *, school_keys=None) -> bool:
    with service.database.writing() as session:
        return end_membership(session, service.at, actor, membership_id=membership_id, school_keys=school_keys)


def suspend(service: Service, actor, membership_id) -> None:
    with service.database.writing() as session:
        suspend_membership(session, service.at, actor, membership_id=membership_id)


def bring_back(service: Service, actor, membership_id) -> None:
    with service.database.writing() as session:
        return_membership(session, service.at, actor, membership_id=membership_id)


def has_session(service: Service, member) -> bool:
    with service.database.reading() as session:
        return load_session(session, service.at, cookie=member.cookie) is not None


def test_a_leavers_grants_and_sessions_go_at_once_and_the_school_gets_a_new_key(cast: Cast, service: Service):
    before = len(leaves(service))
    assert end(service, cast.alma.actor, cast.ben.membership_id, school_keys=cast.alma.school_keys(service))
    assert [(leaf.event, leaf.epoch) for leaf in leaves(service)[before:]] == [
        ("membership.ended", None),
        ("key.revoked", 1),
        ("epoch.created", 2),
        ("key.granted", 2),
        ("escrow.granted", 2),
        ("epoch.retired", 1),
        ("session.ended", None),
    ]
    with pytest.raises(KeyMissing):
        cast.ben.school_keys(service)
    assert not has_session(service, cast.ben)
    assert cast.alma.school_keys(service).active[0] == 2
    assert alerts(service) == [
        ("colleague.left", cast.alma.email),
        ("epoch.created", cast.alma.email),
        ("key_holder.single", cast.alma.email),
        ("role.ended", cast.ben.email),
    ]


def test_a_head_without_keys_ends_it_and_the_next_key_holder_is_asked_for_the_epoch(cast: Cast, service: Service):
    before = len(leaves(service))
    assert not end(service, cast.hugh.actor, cast.ben.membership_id)
    assert [leaf.event for leaf in leaves(service)[before:]] == [
        "membership.ended",
        "key.revoked",
        "epoch.requested",
        "session.ended",
    ]
    assert ("epoch.wanted", cast.alma.email) in alerts(service)
    with service.database.reading() as session:
        active = find_active_epoch(session, service.at, cast.sending)
    assert active is not None
    assert active.number == 1


def test_when_the_last_holder_leaves_nothing_more_is_sealed_to_the_key(cast: Cast, service: Service):
    assert not end(service, cast.olive.actor, cast.stella.membership_id)
    with service.database.reading() as session:
        assert find_active_epoch(session, service.at, cast.stranger) is None
        epoch = session.scalars(select(SchoolEpoch).where(SchoolEpoch.school_id == cast.stranger)).one()
        kinds = session.scalars(select(KeyGrant.grantee_kind).where(KeyGrant.school_epoch_id == epoch.id)).all()
    assert epoch.state is KeyState.RETIRED
    assert kinds == ["recovery"], "the custodians can still open what it has"
    assert ("key_holder.none", cast.olive.email) in alerts(service)
    assert "epoch.retired" in {leaf.event for leaf in leaves(service)[-4:]}


def test_a_colleague_without_keys_leaves_without_a_new_key(cast: Cast, service: Service):
    before = len(leaves(service))
    assert not end(service, cast.alma.actor, cast.edie.membership_id, school_keys=cast.alma.school_keys(service))
    assert [leaf.event for leaf in leaves(service)[before:]] == ["membership.ended", "session.ended"]
    assert cast.alma.school_keys(service).active[0] == 1
    assert alerts(service) == [("role.ended", cast.edie.email)]


def test_somebody_only_invited_is_ended_with_the_invitation(cast: Cast, service: Service):
    with service.database.writing() as session:
        invited = invite_person(
            session, service.at, cast.alma.actor, email="x@example.org", role=Role.DEPUTY_DSL, school_id=cast.sending
        )
    end(service, cast.alma.actor, invited.membership_id)
    with pytest.raises(NotFound):
        end(service, cast.alma.actor, invited.membership_id)


def test_a_person_in_two_key_roles_keeps_the_key_with_the_other(cast: Cast, service: Service):
    from transfer_service.use_cases.people.accepting import accept_another_invitation

    with service.database.writing() as session:
        invited = invite_person(
            session,
            service.at,
            cast.hugh.actor,
            email=cast.ben.email,
            role=Role.DESIGNATED_SAFEGUARDING_LEAD,
            school_id=cast.sending,
        )
        accept_another_invitation(session, service.at, cast.ben.actor, token=invited.token)
    grant_keys(service, cast.alma, replace(cast.ben, membership_id=invited.membership_id))
    suspend(service, cast.alma.actor, invited.membership_id)
    assert cast.ben.school_keys(service).active[0] == 1
    bring_back(service, cast.alma.actor, invited.membership_id)
    end(service, cast.alma.actor, cast.ben.membership_id)
    with service.database.reading() as session:
        assert session.get_one(Membership, invited.membership_id).state is MembershipState.AWAITING_APPROVAL
    with pytest.raises(KeyMissing):
        cast.ben.school_keys(service)


def test_a_suspended_person_is_out_at_once_and_waits_for_the_key_after_coming_back(cast: Cast, service: Service):
    before = len(leaves(service))
    suspend(service, cast.hugh.actor, cast.ben.membership_id)
    assert [leaf.event for leaf in leaves(service)[before:]] == [
        "membership.suspended",
        "key.revoked",
        "session.ended",
    ]
    assert ("key_holder.single", cast.alma.email) in alerts(service)
    assert cast.alma.school_keys(service).active[0] == 1
    bring_back(service, cast.hugh.actor, cast.ben.membership_id)
    assert leaves(service)[-1].event == "membership.changed"
    assert ("grant.wanted", cast.alma.email) in alerts(service)
    service.clock.move(seconds=30)
    cookie = finish(service, cast.ben, begin(service, cast.ben).cookie).cookie
    ben = replace(cast.ben, cookie=cookie, actor=actor_of(service, cookie))
    assert ben.actor.roles == frozenset()
    assert grant_keys(service, cast.alma, ben).actor.holds_keys


def test_a_suspended_person_who_leaves_costs_the_school_a_new_key_too(cast: Cast, service: Service):
    suspend(service, cast.hugh.actor, cast.ben.membership_id)
    service.clock.move(minutes=1)
    assert end(service, cast.alma.actor, cast.ben.membership_id, school_keys=cast.alma.school_keys(service))
    assert cast.alma.school_keys(service).active[0] == 2


def test_office_staff_come_back_to_work_at_once(cast: Cast, service: Service):
    suspend(service, cast.alma.actor, cast.edie.membership_id)
    assert not has_session(service, cast.edie)
    bring_back(service, cast.alma.actor, cast.edie.membership_id)
    with service.database.reading() as session:
        assert session.get_one(Membership, cast.edie.membership_id).state is MembershipState.ACTIVE
    with pytest.raises(NotFound):
        bring_back(service, cast.alma.actor, cast.edie.membership_id)


def test_only_somebody_whose_role_is_in_use_is_suspended(cast: Cast, service: Service):
    suspend(service, cast.alma.actor, cast.edie.membership_id)
    with pytest.raises(NotFound):
        suspend(service, cast.alma.actor, cast.edie.membership_id)


@pytest.mark.parametrize("act", [end, suspend, bring_back])
def test_who_may_not_do_it_to_whom(cast: Cast, service: Service, act):
    with pytest.raises(RuleForbids) as refused:
        act(service, cast.alma.actor, cast.alma.membership_id)
    assert refused.value.rule == "own_membership"
    for outsider in (cast.stella, cast.oscar, cast.ada):
        with pytest.raises(NotFound):
            act(service, outsider.actor, cast.ben.membership_id)
    with pytest.raises(PermissionRefused):
        act(service, cast.edie.actor, cast.ben.membership_id)
    with pytest.raises(NotFound):
        act(service, cast.alma.actor, service.at.new_id())


def test_an_officer_ends_a_colleague_of_the_authority(cast: Cast, service: Service):
    officer = join_service(service, name="Owen Bell", role=Role.AUTHORITY_OFFICER, authority_id=cast.warwickshire)
    assert not end(service, cast.olive.actor, officer.membership_id)
    assert not has_session(service, officer)
    with service.database.reading() as session:
        assert session.scalars(select(SignInSession).where(SignInSession.person_id == officer.person_id)).all() == []


def test_an_administrator_ends_another(cast: Cast, service: Service):
    other = join_service(service, name="Abe Stone", role=Role.ADMINISTRATOR)
    suspend(service, cast.ada.actor, other.membership_id)
    end(service, cast.ada.actor, other.membership_id)
    assert refreshed(service, cast.ada).actor.roles == {Role.ADMINISTRATOR}


def test_somebody_suspended_before_being_granted_anything_takes_nothing_away(cast: Cast, service: Service):
    gil = join_service(service, name="Gil Tran", role=Role.DEPUTY_DSL, school_id=cast.sending)
    before = len(leaves(service))
    suspend(service, cast.alma.actor, gil.membership_id)
    assert [leaf.event for leaf in leaves(service)[before:]] == ["membership.suspended", "session.ended"]


def test_with_two_holders_left_nobody_is_warned(cast: Cast, service: Service):
    grant_keys(service, cast.alma, join_service(service, name="Gil Tran", role=Role.DEPUTY_DSL, school_id=cast.sending))
    end(service, cast.alma.actor, cast.ben.membership_id, school_keys=cast.alma.school_keys(service))
    assert {kind for kind, _ in alerts(service)}.isdisjoint({"key_holder.single", "key_holder.none"})
