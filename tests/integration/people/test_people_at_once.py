"""Two acts on the same person in the same moment: the second sees what the first did, whatever it read before."""

from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.cast import HOME, Cast, Member, Service, join_service
from tests.integration.people.steps import overlapping
from tests.integration.people.test_resetting import ask, reset
from tests.observing import alerts, leaves
from transfer_service.db.models import KeyGrant, Membership, Person
from transfer_service.domain.errors import AlreadyDone, NotFound, RuleForbids, SessionEnded
from transfer_service.domain.events import Basis
from transfer_service.domain.roles import MembershipState, OrganisationKind, Role
from transfer_service.use_cases.keys.granting import compare_fingerprints, grant_school_keys
from transfer_service.use_cases.oversight.approvals import approve_first_dsl
from transfer_service.use_cases.people.accepting import accept_another_invitation, accept_invitation
from transfer_service.use_cases.people.inviting import invite_person, withdraw_invitation
from transfer_service.use_cases.people.memberships import end_membership, suspend_membership
from transfer_service.use_cases.people.sessions import choose_place, end_own_session, end_session, note_seen


@pytest.fixture
def gil(cast: Cast, service: Service) -> Member:
    """A deputy of the sending school who waits for the key."""
    return join_service(service, name="Gil Tran", role=Role.DEPUTY_DSL, school_id=cast.sending, inviter=cast.hugh.actor)


def granting(cast: Cast, service: Service, gil: Member) -> Callable[[Session], object]:
    keys = cast.alma.school_keys(service)
    with service.database.reading() as session:
        words = compare_fingerprints(
            session, service.at, cast.alma.actor, membership_id=gil.membership_id
        ).colleague_words

    def grant(session: Session) -> object:
        return grant_school_keys(
            session,
            service.at,
            cast.alma.actor,
            school_keys=keys,
            membership_id=gil.membership_id,
            confirmed_words=words,
            basis=Basis.IN_PERSON_CHECK,
        )

    return grant


def committed(service: Service, act: Callable[[Session], object]) -> Callable[[], object]:
    def run() -> object:
        with service.database.writing() as session:
            return act(session)

    return run


def state_and_grants(service: Service, member: Member) -> tuple[MembershipState, int]:
    with service.database.reading() as session:
        membership = session.get_one(Membership, member.membership_id)
        grants = session.scalars(select(KeyGrant).where(KeyGrant.grantee_id == member.person_id)).all()
    return membership.state, len(grants)


def test_a_colleague_whose_role_ends_while_the_key_is_granted_is_granted_nothing(
    cast: Cast, service: Service, gil: Member
) -> None:
    grant = granting(cast, service, gil)
    refusal = overlapping(
        service,
        lambda session: end_membership(session, service.at, cast.hugh.actor, membership_id=gil.membership_id),
        committed(service, grant),
    )
    assert isinstance(refusal, NotFound)
    assert state_and_grants(service, gil) == (MembershipState.ENDED, 0)


@pytest.mark.parametrize(
    ("act", "state"), [(end_membership, MembershipState.ENDED), (suspend_membership, MembershipState.SUSPENDED)]
)
def test_a_key_that_is_granted_while_the_role_ends_is_taken_away_again(
    cast: Cast, service: Service, gil: Member, act: Callable[..., object], state: MembershipState
) -> None:
    overlapping(
        service,
        granting(cast, service, gil),
        committed(service, lambda session: act(session, service.at, cast.hugh.actor, membership_id=gil.membership_id)),
    )
    assert state_and_grants(service, gil) == (state, 0)


def test_a_role_that_ends_while_an_officer_approves_it_stays_ended(cast: Cast, service: Service) -> None:
    ivo = join_service(service, name="Ivo Brandt", role=Role.DESIGNATED_SAFEGUARDING_LEAD, school_id=cast.keyless)
    refusal = overlapping(
        service,
        lambda session: end_membership(session, service.at, cast.olive.actor, membership_id=ivo.membership_id),
        committed(
            service,
            lambda session: approve_first_dsl(session, service.at, cast.olive.actor, membership_id=ivo.membership_id),
        ),
    )
    assert isinstance(refusal, NotFound)
    assert state_and_grants(service, ivo) == (MembershipState.ENDED, 0)


def set_a_password(email: str) -> Callable[[Session], object]:
    """Stand for the first of two requests: it holds the person's row, and a new password is in it."""

    def change(session: Session) -> object:
        person = session.scalars(select(Person).where(Person.email == email).with_for_update()).one()
        person.password_verifier = b"\x5a" * 32
        return person

    return change


def test_two_requests_with_the_same_reset_link_set_one_password(cast: Cast, service: Service) -> None:
    token = ask(service, cast.ben.email)
    refusal = overlapping(service, set_a_password(cast.ben.email), lambda: reset(service, token))
    assert isinstance(refusal, RuleForbids)
    assert refusal.rule == "reset_link_over"
    with service.database.reading() as session:
        assert session.get_one(Person, cast.ben.person_id).password_verifier == b"\x5a" * 32


def test_two_invitations_that_are_accepted_at_once_make_one_account(cast: Cast, service: Service) -> None:
    with service.database.writing() as session:
        tokens = [
            invite_person(
                session, service.at, None, email="nia@example.org", role=Role.SCHOOL_OFFICE, school_id=school
            ).token
            for school in (cast.sending, cast.receiving)
        ]
    refusal = overlapping(
        service,
        set_a_password("nia@example.org"),
        lambda: accept_invitation(
            service.database,
            service.at,
            service.work,
            token=tokens[1],
            name="Nia Lund",
            password="four purple kettles whistle",
            device=HOME,
        ),
    )
    assert isinstance(refusal, RuleForbids)
    assert refusal.rule == "has_account"


@pytest.mark.parametrize("pair", ["leads", "officers", "administrators"])
@pytest.mark.parametrize("act", [end_membership, suspend_membership])
def test_of_two_who_end_each_others_roles_at_once_one_stays(
    cast: Cast, service: Service, pair: str, act: Callable[..., object]
) -> None:
    """Else a school, an authority or the whole service could be left with nobody."""
    one, other = cast.alma, cast.ben
    if pair == "officers":
        one = cast.olive
        other = join_service(
            service, name="Otto Lind", role=Role.AUTHORITY_OFFICER, authority_id=cast.warwickshire, inviter=one.actor
        )
    if pair == "administrators":
        one = cast.ada
        other = join_service(service, name="Abel Stroud", role=Role.ADMINISTRATOR, inviter=one.actor)
    refusal = overlapping(
        service,
        lambda session: act(session, service.at, one.actor, membership_id=other.membership_id),
        committed(service, lambda session: act(session, service.at, other.actor, membership_id=one.membership_id)),
    )
    assert isinstance(refusal, SessionEnded)
    assert state_and_grants(service, one)[0] is MembershipState.ACTIVE
    assert state_and_grants(service, other)[0] is not MembershipState.ACTIVE


def invite(cast: Cast, service: Service, *, email: str = "nia@example.org") -> Callable[[Session], object]:
    return lambda session: invite_person(
        session, service.at, cast.hugh.actor, email=email, role=Role.SCHOOL_OFFICE, school_id=cast.sending
    )


def test_two_first_invitations_of_one_address_at_once_are_one_and_a_plain_answer(cast: Cast, service: Service) -> None:
    refusal = overlapping(service, invite(cast, service), committed(service, invite(cast, service)))
    assert isinstance(refusal, AlreadyDone)
    assert refusal.sentence == "This person is invited already. Send the invitation again if it was lost."
    with service.database.reading() as session:
        person = session.scalars(select(Person).where(Person.email == "nia@example.org")).one()
        assert len(session.scalars(select(Membership).where(Membership.person_id == person.id)).all()) == 1
    assert alerts(service) == [("invitation", "nia@example.org")]


def test_an_invitation_that_is_withdrawn_while_it_is_accepted_gives_no_role(cast: Cast, service: Service) -> None:
    invited = committed(service, invite(cast, service))()
    refusal = overlapping(
        service,
        lambda session: withdraw_invitation(session, service.at, cast.hugh.actor, membership_id=invited.membership_id),
        lambda: accept_invitation(
            service.database,
            service.at,
            service.work,
            token=invited.token,
            name="Nia Lund",
            password="four purple kettles whistle",
            device=HOME,
        ),
    )
    assert isinstance(refusal, NotFound)
    with service.database.reading() as session:
        assert session.get_one(Membership, invited.membership_id).state is MembershipState.ENDED
        assert session.scalars(select(Person).where(Person.email == "nia@example.org")).one().password_verifier is None


def test_an_invitation_that_is_accepted_while_it_is_withdrawn_stays_accepted(cast: Cast, service: Service) -> None:
    with service.database.writing() as session:
        invited = invite_person(
            session,
            service.at,
            cast.olive.actor,
            email=cast.edie.email,
            role=Role.HEAD_TEACHER,
            school_id=cast.sending,
        )
    refusal = overlapping(
        service,
        lambda session: accept_another_invitation(session, service.at, cast.edie.actor, token=invited.token),
        committed(
            service,
            lambda session: withdraw_invitation(
                session, service.at, cast.hugh.actor, membership_id=invited.membership_id
            ),
        ),
    )
    assert isinstance(refusal, NotFound)
    with service.database.reading() as session:
        assert session.get_one(Membership, invited.membership_id).state is MembershipState.ACTIVE


AGAIN: dict[str, Callable[[Session, Cast, Service], object]] = {
    "sign out": lambda session, cast, service: end_session(session, service.at, cookie=cast.alma.cookie),
    "seen": lambda session, cast, service: note_seen(session, service.at, cast.alma.actor),
    "end": lambda session, cast, service: end_own_session(
        session, service.at, cast.alma.actor, session_id=cast.alma.actor.session_id
    ),
    "choose": lambda session, cast, service: choose_place(
        session,
        service.at,
        cast.alma.actor,
        kind=OrganisationKind.SCHOOL,
        organisation_id=cast.sending,
    ),
}


@pytest.mark.parametrize("second", AGAIN)
def test_a_session_that_is_used_while_it_ends_is_ended_once_and_breaks_nothing(
    cast: Cast, service: Service, second: str
) -> None:
    before = [leaf.event for leaf in leaves(service)].count("session.ended")
    came_of = overlapping(
        service,
        lambda session: end_session(session, service.at, cookie=cast.alma.cookie),
        committed(service, lambda session: AGAIN[second](session, cast, service)),
    )
    assert came_of is None or isinstance(came_of, SessionEnded | NotFound)
    assert [leaf.event for leaf in leaves(service)].count("session.ended") == before + 1
