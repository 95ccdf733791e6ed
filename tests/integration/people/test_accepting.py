from dataclasses import replace

import pytest
from sqlalchemy import select

from tests.cast import HOME, Cast, Service, actor_of, join_service
from tests.observing import alerts, leaves
from transfer_service.crypto.errors import UnknownKey
from transfer_service.db.models import Membership, Person, PersonKey, SignInSession, Unlock
from transfer_service.domain.errors import Invalid, NotFound, RuleForbids, Unavailable
from transfer_service.domain.keys import UnlockKind
from transfer_service.domain.roles import MembershipState, Role
from transfer_service.domain.sign_in import SessionStage
from transfer_service.use_cases.people.accepting import accept_another_invitation, accept_invitation, check_name
from transfer_service.use_cases.people.invitation_links import find_invitation_facts
from transfer_service.use_cases.people.inviting import invite_person

PASSWORD = "four purple kettles whistle"


def invite(service: Service, cast: Cast, role: Role, *, email: str = "new@example.org", school=None) -> str:
    with service.database.writing() as session:
        return invite_person(session, service.at, None, email=email, role=role, school_id=school or cast.sending).token


def accept(service: Service, token: str, *, name: str = "Nia O’Brien-Šafář", password: str = PASSWORD):
    return accept_invitation(
        service.database, service.at, service.work, token=token, name=name, password=password, device=HOME
    )


def test_accepting_makes_a_key_of_ones_own_and_leads_to_the_second_factor(cast: Cast, service: Service):
    token = invite(service, cast, Role.SCHOOL_OFFICE)
    before = len(leaves(service))
    started = accept(service, token)
    assert started.stage is SessionStage.PASSWORD_GIVEN
    assert started.needs_enrolment
    assert not started.is_full
    assert [leaf.event for leaf in leaves(service)[before:]] == ["person_key.created", "invitation.accepted"]
    with service.database.reading() as session:
        person = session.get_one(Person, started.person_id)
        key = session.scalars(select(PersonKey).where(PersonKey.person_id == person.id)).one()
        unlock = session.scalars(select(Unlock).where(Unlock.person_id == person.id)).one()
        membership = session.scalars(select(Membership).where(Membership.person_id == person.id)).one()
    assert person.name == "Nia O’Brien-Šafář"
    assert (key.version, unlock.kind, unlock.key_version) == (1, UnlockKind.PASSWORD, 1)
    assert membership.state is MembershipState.ACTIVE
    assert person.password_parameters is not None
    assert "m=65536,t=3,p=1,keyid=1" in person.password_parameters


def test_a_second_safeguarding_lead_waits_for_a_colleague(cast: Cast, service: Service):
    accept(service, invite(service, cast, Role.DEPUTY_DSL))
    assert [pair for pair in alerts(service) if pair[0] != "invitation"] == [
        ("grant.wanted", cast.alma.email),
        ("grant.wanted", cast.ben.email),
    ]


def test_a_first_safeguarding_lead_waits_for_the_authority(cast: Cast, service: Service):
    accept(service, invite(service, cast, Role.DESIGNATED_SAFEGUARDING_LEAD, school=cast.keyless))
    assert ("approval.wanted", cast.olive.email) in alerts(service)
    with service.database.reading() as session:
        states = set(session.scalars(select(Membership.state).where(Membership.school_id == cast.keyless)))
    assert states == {MembershipState.AWAITING_APPROVAL}


def test_a_link_works_once(cast: Cast, service: Service):
    token = invite(service, cast, Role.SCHOOL_OFFICE)
    accept(service, token)
    with pytest.raises(RuleForbids) as refused:
        accept(service, token)
    assert refused.value.rule == "invitation_used"


def test_two_browsers_accepting_at_once_make_one_account(cast: Cast, service: Service, monkeypatch):
    token = invite(service, cast, Role.SCHOOL_OFFICE)
    derive = service.work.derive

    def meanwhile(password, parameters):
        monkeypatch.setattr(service.work, "derive", derive)
        accept(service, token, password="another set of words entirely")
        return derive(password, parameters)

    monkeypatch.setattr(service.work, "derive", meanwhile)
    with pytest.raises(RuleForbids):
        accept(service, token)
    with service.database.reading() as session:
        person = session.scalars(select(Person).where(Person.email == "new@example.org")).one()
        assert len(session.scalars(select(PersonKey).where(PersonKey.person_id == person.id)).all()) == 1


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("short", "12 characters or more"),
        ("a" * 257, "256 characters or fewer"),
        ("abcabcabcabcabc", "repeated"),
        ("passwordpassword1", "too easy to guess"),
        ("new@example.org", "your name, your email address"),
        ("Alderford Primary School", "school’s name"),
    ],
)
def test_a_password_that_is_easy_to_guess_is_refused_without_repeating_it(
    cast: Cast, service: Service, password: str, says: str
):
    token = invite(service, cast, Role.SCHOOL_OFFICE)
    with pytest.raises(Invalid) as refused:
        accept(service, token, password=password)
    (message,) = refused.value.fields["password"]
    assert says in message
    assert password not in message
    accept(service, token)


@pytest.mark.parametrize("name", ["É", "O'Neil-Łukasiewicz", "שירה כהן", "x" * 100])
def test_names_of_people_are_taken_as_they_are(name: str):
    assert check_name(f"  {name} ") == name


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "Zero\u200bWidth"])
def test_names_that_cannot_be_shown_are_refused(name: str):
    with pytest.raises(Invalid) as refused:
        check_name(name)
    assert set(refused.value.fields) == {"name"}


def test_somebody_with_an_account_signs_in_first_and_then_accepts(cast: Cast, service: Service):
    token = invite(service, cast, Role.SCHOOL_OFFICE, email=cast.cora.email)
    with pytest.raises(RuleForbids) as refused:
        accept(service, token)
    assert refused.value.rule == "has_account"
    with service.database.writing() as session:
        accept_another_invitation(session, service.at, cast.cora.actor, token=token)
    with service.database.writing() as session, pytest.raises(RuleForbids):
        accept_another_invitation(session, service.at, cast.cora.actor, token=token)
    assert leaves(service)[-1].event == "invitation.accepted"
    assert actor_of(service, cast.cora.cookie).organisation_id is None, "at two places one has to choose"


def test_nobody_accepts_an_invitation_of_somebody_else(cast: Cast, service: Service):
    token = invite(service, cast, Role.SCHOOL_OFFICE, email=cast.cora.email)
    with pytest.raises(NotFound), service.database.writing() as session:
        accept_another_invitation(session, service.at, cast.stella.actor, token=token)
    with service.database.reading() as session:
        assert find_invitation_facts(session, service.at, token=token).email == cast.cora.email


def test_a_missing_pepper_is_a_setting_to_put_back(cast: Cast, service: Service, monkeypatch):
    token = invite(service, cast, Role.SCHOOL_OFFICE)

    def gone(pepper_id: int) -> bytes:
        raise UnknownKey("gone")

    class NoPeppers:
        primary_id = 1
        get_pepper = staticmethod(gone)

    monkeypatch.setattr(service.work, "peppers", NoPeppers())
    with pytest.raises(Unavailable, match="setting is missing"):
        accept(service, token)


def test_a_person_who_gave_up_half_way_sets_the_second_factor_up_at_the_next_sign_in(cast: Cast, service: Service):
    from transfer_service.use_cases.people.second_factor import prepare_second_factor
    from transfer_service.use_cases.people.signing_in import begin_sign_in

    accept(service, invite(service, cast, Role.SCHOOL_OFFICE))
    service.clock.move(hours=2)
    again = begin_sign_in(
        service.database, service.at, service.work, email="new@example.org", password=PASSWORD, device=HOME
    )
    assert again.needs_enrolment
    with service.database.writing() as session:
        assert prepare_second_factor(session, service.at, cookie=again.cookie).secret


def test_a_session_that_was_only_begun_opens_no_page(cast: Cast, service: Service):
    from transfer_service.use_cases.people.sessions import load_session

    started = accept(service, invite(service, cast, Role.SCHOOL_OFFICE))
    with service.database.reading() as session:
        assert load_session(session, service.at, cookie=started.cookie) is None
        assert session.get_one(SignInSession, started.session_id).stage is SessionStage.PASSWORD_GIVEN


def test_joining_twice_under_one_address_keeps_one_person(cast: Cast, service: Service):
    one = join_service(service, name="Jo Park", role=Role.SCHOOL_OFFICE, school_id=cast.sending)
    token = invite(service, cast, Role.HEAD_TEACHER, email=one.email)
    with service.database.writing() as session:
        accept_another_invitation(session, service.at, one.actor, token=token)
    both = replace(one, actor=actor_of(service, one.cookie))
    assert both.actor.roles == {Role.SCHOOL_OFFICE, Role.HEAD_TEACHER}


def test_a_code_is_no_way_past_setting_the_second_factor_up(cast: Cast, service: Service):
    from transfer_service.domain.errors import SignInRefused
    from transfer_service.use_cases.people.signing_in import finish_sign_in

    started = accept(service, invite(service, cast, Role.SCHOOL_OFFICE))
    with pytest.raises(SignInRefused):
        finish_sign_in(service.database, service.at, cookie=started.cookie, code="000000", device=HOME)


def test_an_invitation_whose_role_ended_meanwhile_is_not_taken_up(cast: Cast, service: Service):
    token = invite(service, cast, Role.SCHOOL_OFFICE)
    with service.database.writing() as session:
        offered = find_invitation_facts(session, service.at, token=token)
        session.get_one(Membership, offered.membership_id).state = MembershipState.ENDED
    with pytest.raises(RuleForbids):
        accept(service, token)


def test_a_wrap_that_does_not_open_again_is_not_stored(cast: Cast, service: Service, monkeypatch):
    from transfer_service.crypto.values import Seed
    from transfer_service.domain.errors import CannotOpen
    from transfer_service.use_cases.people import person_keys

    wrap = person_keys.wrap_person_seed
    monkeypatch.setattr(
        person_keys, "wrap_person_seed", lambda key, seed, *, context: wrap(key, Seed(b"x" * 32), context=context)
    )
    token = invite(service, cast, Role.SCHOOL_OFFICE)
    with pytest.raises(CannotOpen):
        accept(service, token)
    monkeypatch.undo()
    accept(service, token)
