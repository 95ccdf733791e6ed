from dataclasses import replace

import pytest
from sqlalchemy import select

from tests.cast import Cast, Service, actor_of
from tests.integration.people.steps import begin, finish
from tests.observing import leaves
from transfer_service.db.models import Membership, SignInSession
from transfer_service.domain.errors import NotFound, SessionEnded
from transfer_service.domain.roles import MembershipState, OrganisationKind, Role
from transfer_service.use_cases.people.accepting import accept_another_invitation
from transfer_service.use_cases.people.inviting import invite_person
from transfer_service.use_cases.people.sessions import (
    choose_place,
    end_other_sessions,
    end_own_session,
    end_session,
    list_own_sessions,
    load_session,
    note_seen,
)
from transfer_service.use_cases.people.unlocking import open_person_key


def load(service: Service, cookie: bytes, **more):
    with service.database.reading() as session:
        return load_session(session, service.at, cookie=cookie, **more)


def sign_in(service: Service, member):
    service.clock.move(seconds=30)
    cookie = finish(service, member, begin(service, member).cookie).cookie
    return replace(member, cookie=cookie, actor=actor_of(service, cookie))


def add_role(service: Service, member, role: Role, school_id) -> None:
    with service.database.writing() as session:
        token = invite_person(session, service.at, None, email=member.email, role=role, school_id=school_id).token
        accept_another_invitation(session, service.at, member.actor, token=token)


def test_a_session_says_who_where_and_how_long(cast: Cast, service: Service, statements):
    with service.database.reading() as session, statements() as made:
        live = load_session(session, service.at, cookie=cast.alma.cookie, request_id="r-1")
    assert len(made) <= 4
    assert live is not None
    assert live.actor.person_id == cast.alma.person_id
    assert live.actor.organisation_id == cast.sending
    assert live.actor.roles == {Role.DESIGNATED_SAFEGUARDING_LEAD}
    assert live.actor.request_id == "r-1"
    assert live.actor.holds_keys
    assert live.place is not None
    assert (live.place.name, live.place.where) == ("Alderford Primary School", "Rugby, Warwickshire, URN 125580")
    assert live.person_name == "Alma Reyes"
    assert live.has_recovery_code
    assert (live.expires_at - service.clock()).total_seconds() == 25 * 60
    assert (live.ends_at - service.clock()).total_seconds() == 8 * 3600 - 300
    assert live.seen_is_stale


def test_officers_and_administrators_act_for_their_own_places(cast: Cast, service: Service):
    olive, ada = load(service, cast.olive.cookie), load(service, cast.ada.cookie)
    assert (olive.place.name, olive.place.where, olive.actor.organisation_id) == ("Warwickshire", "", cast.warwickshire)
    assert (ada.place.name, ada.actor.organisation_id, ada.actor.organisation_kind) == (
        "This service", None, OrganisationKind.INSTALLATION,
    )  # fmt: skip
    assert ada.actor.effective_roles == {Role.ADMINISTRATOR}


def test_after_half_an_hour_without_use_a_session_is_over(cast: Cast, service: Service):
    service.clock.move(minutes=24, seconds=59)
    assert load(service, cast.alma.cookie) is not None
    service.clock.move(seconds=1)
    assert load(service, cast.alma.cookie) is None
    with service.database.reading() as session, pytest.raises(SessionEnded):
        open_person_key(session, service.at, cookie=cast.alma.cookie)
    with pytest.raises(SessionEnded), service.database.writing() as session:
        note_seen(session, service.at, cast.alma.actor)


def test_use_extends_a_session_to_eight_hours_and_no_further(cast: Cast, service: Service):
    for _ in range(23):
        service.clock.move(minutes=20)
        with service.database.writing() as session:
            note_seen(session, service.at, cast.alma.actor)
        live = load(service, cast.alma.cookie)
        assert live is not None
        assert not live.seen_is_stale
    service.clock.move(minutes=14)
    live = load(service, cast.alma.cookie)
    assert live is not None
    assert live.expires_at == live.ends_at
    service.clock.move(minutes=1)
    assert load(service, cast.alma.cookie) is None


def test_noting_use_is_due_once_a_minute(cast: Cast, service: Service):
    with service.database.writing() as session:
        note_seen(session, service.at, cast.alma.actor)
    before = len(leaves(service))
    service.clock.move(seconds=59)
    assert not load(service, cast.alma.cookie).seen_is_stale
    service.clock.move(seconds=1)
    assert load(service, cast.alma.cookie).seen_is_stale
    assert len(leaves(service)) == before


@pytest.mark.parametrize("cookie", [b"", b"\x01" * 32, b"\x01" * 33])
def test_a_cookie_that_leads_nowhere_is_nobody(cast: Cast, service: Service, cookie: bytes):
    assert load(service, cookie) is None
    with service.database.writing() as session:
        end_session(session, service.at, cookie=cookie)


def test_signing_out_ends_the_session_with_a_leaf(cast: Cast, service: Service):
    with service.database.writing() as session:
        end_session(session, service.at, cookie=cast.alma.cookie)
    assert load(service, cast.alma.cookie) is None
    assert (leaves(service)[-1].event, leaves(service)[-1].actor) == ("session.ended", cast.alma.person_id)


def test_giving_up_a_sign_in_leaves_no_leaf(cast: Cast, service: Service):
    begun = begin(service, cast.alma)
    before = len(leaves(service))
    with service.database.writing() as session:
        end_session(session, service.at, cookie=begun.cookie)
    assert len(leaves(service)) == before
    with pytest.raises(SessionEnded):
        finish(service, cast.alma, begun.cookie)


def test_ones_own_sessions_are_listed_and_ended(cast: Cast, service: Service):
    second = sign_in(service, cast.alma)
    with service.database.reading() as session:
        listed = list_own_sessions(session, service.at, second.actor)
    assert [(one.is_this, one.device_label) for one in listed] == [
        (True, "Firefox on Windows"),
        (False, "Firefox on Windows"),
    ]
    with service.database.writing() as session:
        end_own_session(session, service.at, second.actor, session_id=listed[1].session_id)
    assert load(service, cast.alma.cookie) is None
    assert load(service, second.cookie) is not None
    with pytest.raises(NotFound), service.database.writing() as session:
        end_own_session(session, service.at, second.actor, session_id=cast.ben.actor.session_id)


def test_all_others_are_ended_at_once(cast: Cast, service: Service):
    second = sign_in(service, cast.alma)
    begin(service, cast.alma)
    with service.database.writing() as session:
        assert end_other_sessions(session, service.at, second.actor) == 1
    assert load(service, cast.alma.cookie) is None
    assert load(service, second.cookie) is not None
    with service.database.reading() as session:
        assert (
            len(session.scalars(select(SignInSession).where(SignInSession.person_id == cast.alma.person_id)).all()) == 1
        )


def test_a_person_at_two_places_picks_one(cast: Cast, service: Service):
    add_role(service, cast.edie, Role.SCHOOL_OFFICE, cast.stranger)
    live = load(service, cast.edie.cookie)
    assert live.place is None
    assert live.actor.roles == frozenset()
    assert [place.name for place in live.places] == ["Alderford Primary School", "Cloverhill School"]
    with service.database.writing() as session:
        choose_place(session, service.at, live.actor, kind=OrganisationKind.SCHOOL, organisation_id=cast.stranger)
    live = load(service, cast.edie.cookie)
    assert live.place.name == "Cloverhill School"
    assert live.actor.organisation_id == cast.stranger
    for elsewhere in (cast.receiving, None):
        with pytest.raises(NotFound), service.database.writing() as session:
            choose_place(session, service.at, live.actor, kind=OrganisationKind.SCHOOL, organisation_id=elsewhere)


def test_a_role_that_waits_gives_nothing_yet_and_is_shown(cast: Cast, service: Service):
    add_role(service, cast.edie, Role.DEPUTY_DSL, cast.sending)
    live = load(service, cast.edie.cookie)
    assert live.actor.roles == {Role.SCHOOL_OFFICE}
    assert live.place.waiting_roles == {Role.DEPUTY_DSL}
    assert not live.actor.holds_keys


def test_a_role_that_ended_is_gone_at_the_next_page(cast: Cast, service: Service):
    with service.database.writing() as session:
        session.get_one(Membership, cast.edie.membership_id).state = MembershipState.ENDED
    live = load(service, cast.edie.cookie)
    assert (live.places, live.place, live.actor.roles) == ((), None, frozenset())


@pytest.mark.parametrize("column", ["wrapped_seed", "person_id", "expires_at", "key_version"])
def test_a_session_row_that_was_swapped_or_prolonged_unlocks_nothing(cast: Cast, service: Service, column: str):
    from datetime import timedelta

    with service.database.writing() as session:
        mine = session.get_one(SignInSession, cast.alma.actor.session_id)
        his = session.get_one(SignInSession, cast.ben.actor.session_id)
        value = {
            "wrapped_seed": his.wrapped_seed,
            "person_id": his.person_id,
            "expires_at": mine.expires_at + timedelta(days=1),
            "key_version": 2,
        }[column]
        setattr(mine, column, value)
    with service.database.reading() as session, pytest.raises(SessionEnded):
        open_person_key(session, service.at, cookie=cast.alma.cookie)


def test_a_place_only_offered_is_no_place_yet(cast: Cast, service: Service):
    with service.database.writing() as session:
        invite_person(
            session, service.at, None, email=cast.edie.email, role=Role.SCHOOL_OFFICE, school_id=cast.stranger
        )
    live = load(service, cast.edie.cookie)
    assert [place.name for place in live.places] == ["Alderford Primary School"]
    assert live.actor.roles == {Role.SCHOOL_OFFICE}
