"""Two acts on the same person in the same moment: the second sees what the first did, whatever it read before."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.cast import HOME, Cast, Member, Service, join_service
from tests.integration.people.test_resetting import ask, reset
from transfer_service.db.models import KeyGrant, Membership, Person
from transfer_service.domain.errors import NotFound, RuleForbids, ServiceError
from transfer_service.domain.events import Basis
from transfer_service.domain.roles import MembershipState, Role
from transfer_service.use_cases.keys.granting import compare_fingerprints, grant_school_keys
from transfer_service.use_cases.oversight.approvals import approve_first_dsl
from transfer_service.use_cases.people.accepting import accept_invitation
from transfer_service.use_cases.people.inviting import invite_person
from transfer_service.use_cases.people.memberships import end_membership, suspend_membership

UNTIL_IT_WAITS = 0.8
"""Seconds in which the second act comes as far as the lock that the first one holds."""


def overlapping(service: Service, first: Callable[[Session], object], second: Callable[[], object]) -> object:
    """Commit the first act when the second has read what it reads before it waits; return what came of the second."""
    started = threading.Event()

    def run() -> object:
        started.set()
        try:
            return second()
        except ServiceError as error:
            return error

    with ThreadPoolExecutor(1) as pool:
        with service.database.writing() as session:
            first(session)
            session.flush()
            result = pool.submit(run)
            assert started.wait(10)
            time.sleep(UNTIL_IT_WAITS)
        return result.result(30)


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
