import pytest
from sqlalchemy import update

from tests.cast import HOME, Cast, Service, join_service, refreshed
from tests.observing import alerts, leaves
from transfer_service.db.models import Membership, PersonKey
from transfer_service.domain.errors import CannotOpen, NeedsPassword, NotFound, PermissionRefused, RuleForbids
from transfer_service.domain.keys import KeyState
from transfer_service.domain.roles import Actor, MembershipState, OrganisationKind, Role
from transfer_service.use_cases.oversight.approvals import (
    approve_first_dsl,
    list_approvals,
    refuse_first_dsl,
)
from transfer_service.use_cases.people.signing_in import confirm_password


@pytest.fixture
def fay(cast: Cast, service: Service):
    return join_service(service, name="Fay Lund", role=Role.DESIGNATED_SAFEGUARDING_LEAD, school_id=cast.keyless)


def approvals(service: Service, member):
    with service.database.reading() as session:
        return list_approvals(session, service.at, member.actor)


def approve(service: Service, actor, membership_id):
    with service.database.writing() as session:
        approve_first_dsl(session, service.at, actor, membership_id=membership_id)


def refuse(service: Service, actor, membership_id):
    with service.database.writing() as session:
        refuse_first_dsl(session, service.at, actor, membership_id=membership_id)


def test_an_officer_sees_who_waits_with_the_schools_number(cast: Cast, service: Service, fay):
    (waiting,) = approvals(service, cast.olive)
    assert (waiting.name, waiting.email, waiting.school_name) == ("Fay Lund", fay.email, "Dovecote Academy")
    assert (waiting.town, waiting.urn, waiting.telephone) == ("Leamington Spa", "125583", "01926 555583")
    assert waiting.words == fay.person_key.fingerprint.words()
    assert approvals(service, cast.oscar) == []


def test_somebody_whose_colleague_holds_the_key_does_not_wait_for_an_officer(cast: Cast, service: Service):
    gil = join_service(service, name="Gil Tran", role=Role.DEPUTY_DSL, school_id=cast.sending)
    assert approvals(service, cast.olive) == []
    for act in (approve, refuse):
        with pytest.raises(RuleForbids) as refused:
            act(service, cast.olive.actor, gil.membership_id)
        assert refused.value.rule == "colleague_grants"


def test_approving_says_how_it_was_checked_and_which_key(cast: Cast, service: Service, fay):
    approve(service, cast.olive.actor, fay.membership_id)
    last = leaves(service)[-1]
    assert (last.event, last.basis, last.org, last.on_behalf, last.subject, last.key) == (
        "membership.approved",
        "telephone_check",
        cast.keyless,
        cast.warwickshire,
        fay.membership_id,
        fay.person_key.fingerprint.hex,
    )
    assert ("membership.approved", fay.email) in alerts(service)
    assert refreshed(service, fay).actor.roles == {Role.DESIGNATED_SAFEGUARDING_LEAD}
    assert not refreshed(service, fay).actor.holds_keys
    assert approvals(service, cast.olive) == []
    with pytest.raises(NotFound):
        approve(service, cast.olive.actor, fay.membership_id)


def test_nobody_is_approved_whose_key_is_gone(cast: Cast, service: Service, fay):
    with service.database.writing() as session:
        session.execute(update(PersonKey).where(PersonKey.person_id == fay.person_id).values(state=KeyState.RETIRED))
    with pytest.raises(NotFound):
        approve(service, cast.olive.actor, fay.membership_id)


def test_an_officer_who_was_away_gives_the_password_before_approving_and_need_not_to_refuse(
    cast: Cast, service: Service, fay
):
    olive = cast.olive
    service.clock.move(minutes=10)
    with pytest.raises(NeedsPassword):
        approve(service, olive.actor, fay.membership_id)
    confirm_password(service.database, service.at, service.work, olive.actor, password=olive.password, device=HOME)
    approve(service, olive.actor, fay.membership_id)
    assert refreshed(service, fay).actor.roles == {Role.DESIGNATED_SAFEGUARDING_LEAD}
    gil = join_service(service, name="Gil Tran", role=Role.DESIGNATED_SAFEGUARDING_LEAD, school_id=cast.keyless)
    service.clock.move(minutes=10)
    refuse(service, olive.actor, gil.membership_id)


def test_refusing_ends_the_role_and_tells_the_person(cast: Cast, service: Service, fay):
    refuse(service, cast.olive.actor, fay.membership_id)
    assert leaves(service)[-1].event == "membership.refused"
    assert ("membership.refused", fay.email) in alerts(service)
    with service.database.reading() as session:
        assert session.get_one(Membership, fay.membership_id).state is MembershipState.ENDED


def test_who_may_not_approve(cast: Cast, service: Service, fay):
    for act in (approve, refuse):
        for outsider in (cast.alma, cast.ada, cast.oscar):
            with pytest.raises(NotFound):
                act(service, outsider.actor, fay.membership_id)
        with pytest.raises(NotFound):
            act(service, cast.olive.actor, cast.edie.membership_id)
        with pytest.raises(NotFound):
            act(service, cast.olive.actor, service.at.new_id())
        without_role = Actor(
            person_id=cast.olive.person_id,
            organisation_id=cast.warwickshire,
            organisation_kind=OrganisationKind.AUTHORITY,
            roles=frozenset(),
        )
        with pytest.raises(PermissionRefused):
            act(service, without_role, fay.membership_id)
    with service.database.reading() as session, pytest.raises(PermissionRefused):
        list_approvals(session, service.at, without_role)
    with service.database.reading() as session, pytest.raises(NotFound):
        list_approvals(session, service.at, cast.alma.actor)


def test_an_officer_does_not_approve_herself(cast: Cast, service: Service):
    from transfer_service.use_cases.people.accepting import accept_another_invitation
    from transfer_service.use_cases.people.inviting import invite_person

    with service.database.writing() as session:
        invited = invite_person(
            session,
            service.at,
            None,
            email=cast.olive.email,
            role=Role.DESIGNATED_SAFEGUARDING_LEAD,
            school_id=cast.keyless,
        )
        accept_another_invitation(session, service.at, cast.olive.actor, token=invited.token)
    with pytest.raises(RuleForbids) as refused:
        approve(service, cast.olive.actor, invited.membership_id)
    assert refused.value.rule == "own_membership"


def test_a_key_that_was_substituted_is_not_approved(cast: Cast, service: Service, fay):
    theirs = cast.stella.person_key.public
    with service.database.writing() as session:
        session.execute(
            update(PersonKey)
            .where(PersonKey.person_id == fay.person_id)
            .values(kem_public=theirs.kem_public, fingerprint=theirs.fingerprint.digest)
        )
    with pytest.raises(CannotOpen):
        approve(service, cast.olive.actor, fay.membership_id)


def test_somebody_without_a_key_is_not_approved(cast: Cast, service: Service, fay):
    with service.database.writing() as session:
        for row in session.query(PersonKey).filter(PersonKey.person_id == fay.person_id):
            session.delete(row)
    with pytest.raises(NotFound):
        approve(service, cast.olive.actor, fay.membership_id)
    assert approvals(service, cast.olive)[0].words == ()
