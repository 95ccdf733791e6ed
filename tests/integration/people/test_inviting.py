import pytest
from sqlalchemy import select

from tests.cast import Cast, Service, add_school
from tests.observing import alerts, leaves
from transfer_service.db.models import Alert, Authority, Invitation, Membership
from transfer_service.domain.errors import (
    AlreadyDone,
    Invalid,
    NotFound,
    PermissionRefused,
    RuleForbids,
    TooManyAttempts,
)
from transfer_service.domain.roles import MembershipState, Role
from transfer_service.use_cases.people.invitation_links import find_invitation_facts
from transfer_service.use_cases.people.inviting import (
    invite_person,
    resend_invitation,
    roles_that_may_be_invited,
    withdraw_invitation,
)

DSL, DEPUTY, OFFICE, HEAD = (
    Role.DESIGNATED_SAFEGUARDING_LEAD,
    Role.DEPUTY_DSL,
    Role.SCHOOL_OFFICE,
    Role.HEAD_TEACHER,
)
OFFICER, HEAD_OF_SERVICE, ADMINISTRATOR = Role.AUTHORITY_OFFICER, Role.HEAD_OF_SERVICE, Role.ADMINISTRATOR


def invite(service: Service, actor, role: Role, *, email: str = "new@example.org", **place):
    with service.database.writing() as session:
        return invite_person(session, service.at, actor, email=email, role=role, **place)


def facts(service: Service, token: str):
    with service.database.reading() as session:
        return find_invitation_facts(session, service.at, token=token)


def test_a_link_goes_by_mail_and_stands_nowhere_in_clear(cast: Cast, service: Service):
    invited = invite(service, cast.alma.actor, DEPUTY, email="  Dee.Ray@Example.ORG ", school_id=cast.sending)
    assert alerts(service) == [("invitation", "dee.ray@example.org")]
    with service.database.reading() as session:
        alert = session.scalars(select(Alert)).one()
        invitation = session.get_one(Invitation, invited.invitation_id)
    assert alert.secret is not None
    assert service.at.field_keys.open_text(alert.secret, table="alert", column="secret", row=alert.id) == invited.path
    assert invited.path == f"/invitations/{invited.token}"
    assert invited.token.encode() not in invitation.token_hash + alert.secret
    assert invited.token not in repr(invited)
    last = leaves(service)[-1]
    assert (last.event, last.subject, last.org) == ("person.invited", invited.membership_id, cast.sending)


def test_the_link_says_what_it_offers(cast: Cast, service: Service):
    invited = invite(service, cast.alma.actor, DEPUTY, school_id=cast.sending)
    offered = facts(service, invited.token)
    assert (offered.email, offered.role, offered.organisation_name) == (
        "new@example.org",
        DEPUTY,
        "Alderford Primary School",
    )
    assert offered.has_account is False
    again = invite(service, cast.cora.actor, DEPUTY, email=cast.ben.email, school_id=cast.receiving)
    assert facts(service, again.token).has_account is True
    officer = invite(service, cast.olive.actor, OFFICER, authority_id=cast.warwickshire)
    assert facts(service, officer.token).organisation_name == "Warwickshire"
    administrator = invite(service, None, ADMINISTRATOR)
    assert facts(service, administrator.token).organisation_name == "this service"


def test_a_link_works_for_fourteen_days(cast: Cast, service: Service):
    invited = invite(service, cast.alma.actor, DEPUTY, school_id=cast.sending)
    service.clock.move(days=14, seconds=-1)
    facts(service, invited.token)
    service.clock.move(seconds=1)
    with pytest.raises(RuleForbids) as refused:
        facts(service, invited.token)
    assert refused.value.rule == "invitation_expired"


@pytest.mark.parametrize("token", ["", "nonsense", "A" * 43])
def test_a_link_that_never_was_one_is_not_found(cast: Cast, service: Service, token: str):
    with pytest.raises(NotFound):
        facts(service, token)


@pytest.mark.parametrize(
    ("who", "may"),
    [
        ("alma", {DSL, DEPUTY, OFFICE, HEAD}),
        ("ben", {DSL, DEPUTY, OFFICE, HEAD}),
        ("hugh", {DSL, DEPUTY, OFFICE, HEAD}),
        ("edie", set()),
        ("olive", {DSL, DEPUTY, HEAD, OFFICER, HEAD_OF_SERVICE}),
        ("oscar", {DSL, DEPUTY, HEAD, OFFICER, HEAD_OF_SERVICE}),
        ("ada", {OFFICER, HEAD_OF_SERVICE, ADMINISTRATOR}),
    ],
)
def test_who_may_invite_whom(cast: Cast, service: Service, who: str, may: set[Role]):
    assert roles_that_may_be_invited(getattr(cast, who).actor) == may


def test_roles_that_are_not_ones_own_to_give_are_refused(cast: Cast, service: Service):
    with pytest.raises(PermissionRefused):
        invite(service, cast.edie.actor, OFFICE, school_id=cast.sending)
    with pytest.raises(PermissionRefused):
        invite(service, cast.olive.actor, OFFICE, school_id=cast.sending)
    with pytest.raises(PermissionRefused):
        invite(service, cast.alma.actor, OFFICER, school_id=cast.sending)


def test_places_that_are_not_ones_own_are_not_found(cast: Cast, service: Service):
    with pytest.raises(NotFound):
        invite(service, cast.alma.actor, DEPUTY, school_id=cast.receiving)
    with pytest.raises(NotFound):
        invite(service, cast.oscar.actor, DSL, school_id=cast.sending)
    with pytest.raises(NotFound):
        invite(service, cast.olive.actor, OFFICER, authority_id=cast.coventry)
    with pytest.raises(NotFound):
        invite(service, cast.alma.actor, OFFICER, authority_id=cast.warwickshire)
    with pytest.raises(NotFound):
        invite(service, cast.ada.actor, DSL, school_id=cast.sending)
    with pytest.raises(NotFound):
        invite(service, cast.olive.actor, ADMINISTRATOR)
    with pytest.raises(NotFound):
        invite(service, None, DSL, school_id=service.at.new_id())
    with pytest.raises(NotFound):
        invite(service, None, OFFICER, authority_id=service.at.new_id())


def test_an_administrator_invites_the_head_of_an_authority_and_other_administrators(cast: Cast, service: Service):
    invite(service, cast.ada.actor, HEAD_OF_SERVICE, authority_id=cast.coventry)
    invite(service, cast.ada.actor, ADMINISTRATOR)
    assert leaves(service)[-2].on_behalf is None


@pytest.mark.parametrize(
    ("role", "place"), [(OFFICER, "school"), (DSL, "authority"), (DSL, "installation"), (ADMINISTRATOR, "school")]
)
def test_a_role_must_exist_at_the_place(cast: Cast, service: Service, role: Role, place: str):
    where = {"school": {"school_id": cast.sending}, "authority": {"authority_id": cast.warwickshire}}.get(place, {})
    with pytest.raises(Invalid) as refused:
        invite(service, None, role, **where)
    assert set(refused.value.fields) == {"role"}


@pytest.mark.parametrize(
    "email", ["", "nobody", "a@b", "a b@example.org", "a@example.org,b@example.org", "x" * 249 + "@e.org"]
)
def test_what_is_no_address_is_refused_without_repeating_it(cast: Cast, service: Service, email: str):
    with pytest.raises(Invalid) as refused:
        invite(service, cast.alma.actor, DEPUTY, email=email, school_id=cast.sending)
    assert refused.value.fields == {"email": ("Enter an email address in the correct format, like name@example.com",)}


def test_an_address_may_be_254_characters_long(cast: Cast, service: Service):
    assert invite(service, cast.alma.actor, DEPUTY, email="x" * 248 + "@e.org", school_id=cast.sending)


@pytest.mark.parametrize(
    "email", ["we\u00df@example.org", "\u212aim@example.org", "k\u0456m@example.org", "a@ex\u00e4mple.org"]
)
def test_an_address_that_would_become_or_look_like_another_is_refused(cast: Cast, service: Service, email: str):
    with pytest.raises(Invalid) as refused:
        invite(service, cast.alma.actor, DEPUTY, email=email, school_id=cast.sending)
    assert refused.value.fields == {"email": ("Email address must not have accents or letters that are not English",)}


def test_nobodys_mailbox_is_flooded_with_invitations(cast: Cast, service: Service):
    membership_id = invite(service, cast.alma.actor, DEPUTY, school_id=cast.sending).membership_id

    def again() -> None:
        with service.database.writing() as session:
            resend_invitation(session, service.at, cast.alma.actor, membership_id=membership_id)

    for _ in range(9):
        again()
    with pytest.raises(TooManyAttempts):
        again()
    with pytest.raises(TooManyAttempts):
        invite(service, cast.cora.actor, DEPUTY, school_id=cast.receiving)
    assert alerts(service) == [("invitation", "new@example.org")] * 10
    service.clock.move(hours=1)
    again()


def test_the_same_role_twice_says_so(cast: Cast, service: Service):
    with pytest.raises(AlreadyDone):
        invite(service, cast.alma.actor, DEPUTY, email=cast.ben.email, school_id=cast.sending)
    invite(service, cast.alma.actor, DEPUTY, school_id=cast.sending)
    with pytest.raises(AlreadyDone, match="invited already"):
        invite(service, cast.alma.actor, DEPUTY, school_id=cast.sending)
    invite(service, cast.alma.actor, HEAD, school_id=cast.sending)


def test_a_closed_school_and_an_authority_that_has_not_joined_take_nobody(cast: Cast, service: Service):
    closed = add_school(service, cast.warwickshire, urn="125599", name="Old School", town="Rugby", status="Closed")
    with pytest.raises(RuleForbids) as refused:
        invite(service, cast.olive.actor, DSL, school_id=closed)
    assert refused.value.rule == "school_closed"
    with service.database.writing() as session:
        session.add(Authority(id=(elsewhere := service.at.new_id()), la_code="330", name="Birmingham"))
    with pytest.raises(RuleForbids) as refused:
        invite(service, cast.ada.actor, OFFICER, authority_id=elsewhere)
    assert refused.value.rule == "authority_not_enrolled"


def test_sending_again_makes_a_new_link_and_ends_the_old_one(cast: Cast, service: Service):
    first = invite(service, cast.alma.actor, DEPUTY, school_id=cast.sending)
    service.clock.move(days=20)
    with service.database.writing() as session:
        second = resend_invitation(session, service.at, cast.hugh.actor, membership_id=first.membership_id)
    assert facts(service, second.token).membership_id == first.membership_id
    with pytest.raises(NotFound):
        facts(service, first.token)
    assert len(alerts(service)) == 2


def test_a_withdrawn_invitation_works_no_more(cast: Cast, service: Service):
    invited = invite(service, cast.alma.actor, DEPUTY, school_id=cast.sending)
    with service.database.writing() as session:
        withdraw_invitation(session, service.at, cast.alma.actor, membership_id=invited.membership_id)
    with pytest.raises(NotFound):
        facts(service, invited.token)
    with service.database.reading() as session:
        assert session.get_one(Membership, invited.membership_id).state is MembershipState.ENDED
    assert leaves(service)[-1].event == "invitation.withdrawn"


def test_only_people_of_the_place_send_again_or_withdraw_and_only_what_is_open(cast: Cast, service: Service):
    invited = invite(service, cast.alma.actor, DEPUTY, school_id=cast.sending)
    for act in (resend_invitation, withdraw_invitation):
        with pytest.raises(NotFound), service.database.writing() as session:
            act(session, service.at, cast.stella.actor, membership_id=invited.membership_id)
        with pytest.raises(PermissionRefused), service.database.writing() as session:
            act(session, service.at, cast.edie.actor, membership_id=invited.membership_id)
        with pytest.raises(NotFound), service.database.writing() as session:
            act(session, service.at, cast.alma.actor, membership_id=cast.ben.membership_id)
        with pytest.raises(NotFound), service.database.writing() as session:
            act(session, service.at, cast.alma.actor, membership_id=service.at.new_id())
