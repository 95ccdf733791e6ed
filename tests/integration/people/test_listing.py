"""Who is listed at a place, to whom, and which ways back are told: on both databases."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.cast import HOME, Cast, Member, Service
from transfer_service.db.models import Membership, Person
from transfer_service.domain.errors import Invalid, NotFound, PermissionRefused, RuleForbids, SessionEnded
from transfer_service.domain.roles import MembershipState, Role
from transfer_service.use_cases.keys.showing import show_school_key
from transfer_service.use_cases.oversight.people import get_school_people
from transfer_service.use_cases.people.accepting import accept_another_invitation
from transfer_service.use_cases.people.inviting import invite_person
from transfer_service.use_cases.people.listing import get_colleague, list_people, list_roles_to_invite
from transfer_service.use_cases.people.naming import change_name
from transfer_service.use_cases.people.pending import get_pending_sign_in
from transfer_service.use_cases.people.reset_links import make_token
from transfer_service.use_cases.people.signing_in import begin_sign_in
from transfer_service.use_cases.people.ways_back import list_waiting_schools, list_ways_back

Statements = Callable[[], AbstractContextManager[list[str]]]


def test_a_schools_people_are_listed_by_name_with_who_holds_the_key(cast: Cast, service: Service) -> None:
    with service.database.reading() as session:
        here = list_people(session, cast.hugh.actor)

    assert [(one.name, one.holds_key, one.is_self) for one in here.colleagues] == [
        ("Alma Reyes", True, False),
        ("Ben Okafor", True, False),
        ("Edie Nakamura", False, False),
        ("Hugh Prescott", False, True),
    ]
    assert here.keys is not None
    assert here.keys.level.value == "green"


def test_listing_people_takes_three_statements(cast: Cast, service: Service, statements: Statements) -> None:
    with statements() as made, service.database.reading() as session:
        list_people(session, cast.alma.actor)

    assert len(made) == 3


def test_the_office_may_not_list_people(cast: Cast, service: Service) -> None:
    with service.database.reading() as session, pytest.raises(PermissionRefused):
        list_people(session, cast.edie.actor)


def test_somebody_of_another_school_is_not_found(cast: Cast, service: Service) -> None:
    with service.database.reading() as session, pytest.raises(NotFound):
        get_colleague(session, cast.cora.actor, membership_id=cast.ben.membership_id)


def test_roles_to_invite_are_those_of_ones_own_place(cast: Cast) -> None:
    assert list_roles_to_invite(cast.olive.actor) == (Role.HEAD_OF_SERVICE, Role.AUTHORITY_OFFICER)
    assert list_roles_to_invite(cast.ada.actor) == (Role.ADMINISTRATOR,)
    assert list_roles_to_invite(cast.edie.actor) == ()


@pytest.mark.parametrize(
    "who, others",
    [("alma", 1), ("stella", 0)],
)
def test_ways_back_count_the_colleagues_who_hold_the_key(cast: Cast, service: Service, who: str, others: int) -> None:
    member: Member = getattr(cast, who)
    with service.database.reading() as session:
        token = make_token(service.at, session.get_one(Person, member.person_id))
        ways = list_ways_back(session, service.at, token=token)

    assert ways.has_recovery_code
    assert [(school.authority, school.other_holders, school.is_waiting) for school in ways.schools] == [
        ("Warwickshire", others, False)
    ]


def test_ways_back_are_told_to_nobody_without_a_link(service: Service, cast: Cast) -> None:
    with service.database.reading() as session, pytest.raises(RuleForbids):
        list_ways_back(session, service.at, token="nothing")


def test_nothing_waits_for_somebody_who_holds_the_key(cast: Cast, service: Service) -> None:
    with service.database.reading() as session:
        assert list_waiting_schools(session, cast.alma.actor) == ()


def test_of_two_roles_at_one_school_the_one_that_waits_is_told_of(cast: Cast, service: Service) -> None:
    with service.database.writing() as session:
        session.add(
            Membership(
                id=service.at.new_id(),
                person_id=cast.alma.person_id,
                school_id=cast.sending,
                role=Role.DEPUTY_DSL,
                state=MembershipState.AWAITING_APPROVAL,
                created_at=service.clock(),
            )
        )
    with service.database.reading() as session:
        waiting = list_waiting_schools(session, cast.alma.actor)
    assert [(school.school_id, school.is_waiting) for school in waiting] == [(cast.sending, True)]


def test_a_name_is_changed_once_and_leaves_its_leaf(cast: Cast, service: Service) -> None:
    for _ in range(2):
        with service.database.writing() as session:
            change_name(session, service.at, cast.alma.actor, name=" Alma  Reyes-Lund ")

    with service.database.reading() as session:
        assert session.get_one(Person, cast.alma.person_id).name == "Alma Reyes-Lund"
        with pytest.raises(Invalid):
            change_name(session, service.at, cast.alma.actor, name="")


def test_a_pending_sign_in_tells_whether_the_device_may_be_trusted(cast: Cast, service: Service) -> None:
    trusted = []
    for member in (cast.edie, cast.hugh, cast.alma, cast.olive):
        begun = begin_sign_in(
            service.database, service.at, service.work, email=member.email, password=member.password, device=HOME
        )
        with service.database.reading() as session:
            pending = get_pending_sign_in(session, service.at, cookie=begun.cookie)
        assert pending.has_second_factor
        trusted.append(pending.may_trust_device)
    assert trusted == [True, True, False, False]


def test_a_whole_session_is_no_pending_one(cast: Cast, service: Service) -> None:
    with service.database.reading() as session, pytest.raises(SessionEnded):
        get_pending_sign_in(session, service.at, cookie=cast.alma.cookie)


def test_a_schools_key_is_shown_with_both_words(cast: Cast, service: Service) -> None:
    with service.database.reading() as session:
        shown = show_school_key(session, service.at, cast.alma.actor)

    assert (shown.number, shown.holders, len(shown.words), len(shown.own_words)) == (1, 2, 8, 8)
    assert shown.words == cast.alma.school_keys(service).active[1].fingerprint.words()
    assert shown.own_words == cast.alma.person_key.public.fingerprint.words()


def test_a_schools_key_is_due_from_its_day_on(cast: Cast, service: Service) -> None:
    due = []
    with service.database.reading() as session:
        renew_by = show_school_key(session, service.at, cast.alma.actor).renew_by
        assert renew_by is not None
        service.clock.move(days=(renew_by - service.clock().date()).days - 1)
        for _ in range(2):
            due.append(show_school_key(session, service.at, cast.alma.actor).is_due)
            service.clock.move(days=1)
    assert due == [False, True]


def test_the_authority_is_shown_no_schools_key(cast: Cast, service: Service) -> None:
    with service.database.reading() as session, pytest.raises(NotFound):
        show_school_key(session, service.at, cast.olive.actor)


def test_an_invited_person_is_listed_by_address(cast: Cast, service: Service) -> None:
    with service.database.writing() as session:
        invite_person(
            session,
            service.at,
            cast.alma.actor,
            email="new@example.org",
            role=Role.DEPUTY_DSL,
            school_id=cast.sending,
        )
    with service.database.reading() as session:
        listed = {one.email: (one.name, one.waits_for_key) for one in list_people(session, cast.alma.actor).colleagues}

    assert listed["new@example.org"] == ("", False)


def test_who_invites_an_address_does_not_learn_whose_it_is(cast: Cast, service: Service):
    with service.database.writing() as session:
        invited = invite_person(
            session, service.at, cast.alma.actor, email=cast.stella.email, role=Role.DEPUTY_DSL, school_id=cast.sending
        )
    with service.database.reading() as session:
        here = list_people(session, cast.alma.actor)
        shown = [one for one in here.colleagues if one.membership_id == invited.membership_id]
        (holder,) = [one for one in here.keys.holders if one.membership_id == invited.membership_id]
        seen = get_school_people(session, cast.olive.actor, urn="125580").people
    assert [(one.name, one.email) for one in shown] == [("", "stella.moran@example.org")]
    assert here.colleagues[0] == shown[0]
    assert holder.name == ""
    assert [one.name for one in seen if one.membership_id == invited.membership_id] == [""]
    with service.database.writing() as session:
        accept_another_invitation(session, service.at, cast.stella.actor, token=invited.token)
    with service.database.reading() as session:
        assert "Stella Moran" in {one.name for one in list_people(session, cast.alma.actor).colleagues}
