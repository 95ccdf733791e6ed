"""Somebody who lost device, backup codes and recovery code begins again at the same address; nobody else can."""

from dataclasses import replace

import pyotp
import pytest
from sqlalchemy import select

from tests.cast import HOME, Cast, Member, Service, actor_of, grant_keys, join_service, make_first_holder, refreshed
from tests.integration.people.steps import begin, finish, overlapping
from tests.observing import alerts, leaves, rows
from transfer_service.db.models import BackupCodeHash, HeldForm, Membership, Person, TrustedDevice, Unlock
from transfer_service.domain.errors import (
    Invalid,
    KeyMissing,
    NotFound,
    PermissionRefused,
    RuleForbids,
    SignInRefused,
    TooManyAttempts,
)
from transfer_service.domain.events import Basis
from transfer_service.domain.roles import MembershipState, Role
from transfer_service.use_cases.keys.public_keys import find_active_epoch
from transfer_service.use_cases.oversight.approvals import approve_first_dsl
from transfer_service.use_cases.people.accepting import accept_another_invitation
from transfer_service.use_cases.people.beginning_again import begin_again
from transfer_service.use_cases.people.invitation_links import find_invitation_facts
from transfer_service.use_cases.people.inviting import Invited, invite_person, withdraw_invitation
from transfer_service.use_cases.people.letting_begin_again import (
    LetBeginAgain,
    let_begin_again,
    let_overseer_begin_again,
)
from transfer_service.use_cases.people.memberships import end_membership, return_membership, suspend_membership
from transfer_service.use_cases.people.second_factor import confirm_second_factor, prepare_second_factor
from transfer_service.use_cases.people.sessions import load_session
from transfer_service.use_cases.people.unlocking import open_person_key

PASSWORD = "eleven brass kites descending"


def let(
    service: Service,
    actor,
    membership_id,
    *,
    basis: Basis = Basis.TELEPHONE_CHECK,
    school_keys=None,
) -> LetBeginAgain:
    with service.database.writing() as session:
        return let_begin_again(
            session, service.at, actor, membership_id=membership_id, basis=basis, school_keys=school_keys
        )


def restart(service: Service, token: str, password: str = PASSWORD):
    return begin_again(service.database, service.at, service.work, token=token, password=password, device=HOME)


def become_new(service: Service, member: Member, invited: Invited) -> Member:
    """Follow the link, choose a password, set up another app: the same person with all that they know now."""
    begun = restart(service, invited.token)
    with service.database.writing() as session:
        secret = prepare_second_factor(session, service.at, cookie=begun.cookie).secret
    code = pyotp.TOTP(secret).at(service.clock())
    cookie = confirm_second_factor(service.database, service.at, cookie=begun.cookie, code=code, device=HOME).cookie
    with service.database.reading() as session:
        key = open_person_key(session, service.at, cookie=cookie)
    return replace(
        member,
        password=PASSWORD,
        totp_secret=secret,
        cookie=cookie,
        membership_id=invited.membership_id,
        actor=actor_of(service, cookie),
        person_key=key,
    )


def test_a_lead_who_lost_everything_reads_again_between_two_lessons(cast: Cast, service: Service):
    before = len(leaves(service))
    done = let(service, cast.alma.actor, cast.ben.membership_id, school_keys=cast.alma.school_keys(service))
    (invited,) = done.offered
    assert (done.only_ended, done.has_new_epoch) == ((), True)
    ben = become_new(service, cast.ben, invited)
    assert ben.actor.roles == frozenset(), "nobody has vouched for the new key"
    ben = grant_keys(service, cast.alma, ben)
    assert ben.actor.holds_keys
    assert set(ben.school_keys(service).epochs) == {1, 2}
    assert [(leaf.event, leaf.basis) for leaf in leaves(service)[before:]] == [
        ("membership.ended", "telephone_check"),
        ("key.revoked", "leaver"),
        ("epoch.created", "leaver"),
        ("key.granted", "leaver"),
        ("escrow.granted", None),
        ("epoch.retired", "leaver"),
        ("session.ended", None),
        ("person.invited", "telephone_check"),
        ("person_key.replaced", "invitation"),
        ("account.renewed", "invitation"),
        ("invitation.accepted", "invitation"),
        ("second_factor.enrolled", "invitation"),
        ("session.started", "role"),
        ("key.compared", "telephone_check"),
        ("membership.approved", "colleague"),
        ("key.granted", "telephone_check"),
        ("key.granted", "telephone_check"),
    ]


def test_the_person_is_told_of_both_acts_at_the_address(cast: Cast, service: Service):
    (invited,) = let(service, cast.hugh.actor, cast.ben.membership_id).offered
    assert {kind for kind, address in alerts(service) if address == cast.ben.email} == {"role.ended", "invitation"}
    become_new(service, cast.ben, invited)
    told = [kind for kind, address in alerts(service) if address == cast.ben.email]
    assert sorted(told) == ["account.renewed", "invitation", "role.ended"]
    assert ("grant.wanted", cast.alma.email) in alerts(service)


def test_nothing_of_before_works_any_more(cast: Cast, service: Service):
    (invited,) = let(service, cast.hugh.actor, cast.ben.membership_id).offered
    old_key = cast.ben.person_key.fingerprint
    ben = become_new(service, cast.ben, invited)
    assert ben.person_id == cast.ben.person_id, "what was done stays that person's"
    assert ben.person_key.fingerprint != old_key
    service.clock.move(seconds=30)
    with pytest.raises(SignInRefused):
        begin(service, cast.ben)
    begun = begin(service, ben)
    with pytest.raises(SignInRefused):
        finish(service, cast.ben, begun.cookie)
    assert finish(service, ben, begun.cookie).is_full
    with service.database.reading() as session:
        assert load_session(session, service.at, cookie=cast.ben.cookie) is None
        kinds = session.scalars(select(Unlock.kind).where(Unlock.person_id == ben.person_id)).all()
        assert kinds == ["password"], "the recovery code of before is gone"
        for model in (BackupCodeHash, HeldForm, TrustedDevice):
            assert session.scalars(select(model).where(model.person_id == ben.person_id)).all() == []
    with pytest.raises(KeyMissing):
        cast.ben.school_keys(service)


def test_a_person_who_has_a_role_somewhere_begins_nothing_again(cast: Cast, service: Service):
    """Who reads somebody's mail and has a friend at one school gets nothing at another."""
    with service.database.writing() as session:
        elsewhere = invite_person(
            session, service.at, cast.cora.actor, email=cast.ben.email, role=Role.HEAD_TEACHER, school_id=cast.receiving
        )
        accept_another_invitation(session, service.at, cast.ben.actor, token=elsewhere.token)
    (invited,) = let(service, cast.alma.actor, cast.ben.membership_id).offered
    before = rows(service)
    with pytest.raises(RuleForbids) as refused:
        restart(service, invited.token)
    assert refused.value.rule == "has_role"
    assert rows(service) == before
    with service.database.reading() as session:
        facts = find_invitation_facts(session, service.at, token=invited.token)
    assert (facts.has_account, facts.account_name) == (True, "")
    let(service, cast.cora.actor, elsewhere.membership_id)
    with service.database.reading() as session:
        assert find_invitation_facts(session, service.at, token=invited.token).account_name == "Ben Okafor"
    assert become_new(service, cast.ben, invited).person_id == cast.ben.person_id


@pytest.mark.parametrize("state", [MembershipState.SUSPENDED, MembershipState.AWAITING_APPROVAL])
def test_a_role_that_rests_or_waits_is_a_role(cast: Cast, service: Service, state: MembershipState):
    with service.database.writing() as session:
        other = invite_person(
            session, service.at, cast.cora.actor, email=cast.ben.email, role=Role.DEPUTY_DSL, school_id=cast.receiving
        )
        accept_another_invitation(session, service.at, cast.ben.actor, token=other.token)
    if state is MembershipState.SUSPENDED:
        with service.database.writing() as session:
            suspend_membership(session, service.at, cast.cora.actor, membership_id=other.membership_id)
    (invited,) = let(service, cast.alma.actor, cast.ben.membership_id).offered
    with pytest.raises(RuleForbids, match="still have a role"):
        restart(service, invited.token)


def test_who_has_no_account_yet_follows_the_link_as_ever(cast: Cast, service: Service):
    with service.database.writing() as session:
        invited = invite_person(
            session, service.at, cast.alma.actor, email="x@example.org", role=Role.DEPUTY_DSL, school_id=cast.sending
        )
    with pytest.raises(RuleForbids) as refused:
        restart(service, invited.token)
    assert refused.value.rule == "no_account"


def test_a_link_lets_nobody_begin_twice(cast: Cast, service: Service):
    (invited,) = let(service, cast.alma.actor, cast.ben.membership_id).offered
    restart(service, invited.token)
    with pytest.raises(RuleForbids) as refused:
        restart(service, invited.token)
    assert refused.value.rule == "invitation_used"
    with pytest.raises(NotFound):
        restart(service, "A" * 43)


def test_a_poor_password_changes_nothing(cast: Cast, service: Service):
    (invited,) = let(service, cast.alma.actor, cast.ben.membership_id).offered
    before = rows(service)
    with pytest.raises(Invalid):
        restart(service, invited.token, "ben okafor ben")
    assert rows(service) == before


def test_a_withdrawn_offer_lets_nobody_begin(cast: Cast, service: Service):
    (invited,) = let(service, cast.alma.actor, cast.ben.membership_id).offered
    with service.database.writing() as session:
        withdraw_invitation(session, service.at, cast.alma.actor, membership_id=invited.membership_id)
    with pytest.raises(NotFound):
        restart(service, invited.token)


def test_a_leaver_who_comes_back_years_later_begins_again_too(cast: Cast, service: Service):
    with service.database.writing() as session:
        end_membership(session, service.at, cast.alma.actor, membership_id=cast.ben.membership_id)
    service.clock.move(days=700)
    with service.database.writing() as session:
        invited = invite_person(
            session, service.at, None, email=cast.ben.email, role=Role.DEPUTY_DSL, school_id=cast.receiving
        )
    ben = become_new(service, cast.ben, invited)
    with service.database.reading() as session:
        assert session.get_one(Membership, ben.membership_id).state is MembershipState.AWAITING_APPROVAL


def test_every_role_at_the_place_ends_and_is_offered_anew(cast: Cast, service: Service):
    with service.database.writing() as session:
        second = invite_person(
            session, service.at, cast.hugh.actor, email=cast.ben.email, role=Role.HEAD_TEACHER, school_id=cast.sending
        )
        accept_another_invitation(session, service.at, cast.ben.actor, token=second.token)
    done = let(service, cast.alma.actor, cast.ben.membership_id, school_keys=cast.alma.school_keys(service))
    assert len(done.offered) == 2
    with service.database.reading() as session:
        memberships = [session.get_one(Membership, one.membership_id) for one in done.offered]
        assert {one.role for one in memberships} == {Role.DEPUTY_DSL, Role.HEAD_TEACHER}
        assert session.get_one(Membership, second.membership_id).state is MembershipState.ENDED
    ben = become_new(service, cast.ben, done.offered[0])
    with service.database.writing() as session:
        accept_another_invitation(session, service.at, ben.actor, token=done.offered[1].token)
    assert refreshed(service, ben).actor.roles == {Role.HEAD_TEACHER}


def test_two_resting_leads_roles_of_one_person_make_one_new_key(cast: Cast, service: Service):
    with service.database.writing() as session:
        second = invite_person(
            session,
            service.at,
            cast.hugh.actor,
            email=cast.ben.email,
            role=Role.DESIGNATED_SAFEGUARDING_LEAD,
            school_id=cast.sending,
        )
        accept_another_invitation(session, service.at, cast.ben.actor, token=second.token)
    grant_keys(service, cast.alma, replace(cast.ben, membership_id=second.membership_id))
    for membership_id in (cast.ben.membership_id, second.membership_id):
        with service.database.writing() as session:
            suspend_membership(session, service.at, cast.alma.actor, membership_id=membership_id)
    done = let(service, cast.alma.actor, second.membership_id, school_keys=cast.alma.school_keys(service))
    assert done.has_new_epoch
    assert len(done.offered) == 2
    assert cast.alma.school_keys(service).active[0] == 2


def test_nobody_lets_themselves_begin_again(cast: Cast, service: Service):
    with pytest.raises(RuleForbids) as refused:
        let(service, cast.alma.actor, cast.alma.membership_id)
    assert refused.value.rule == "own_membership"


@pytest.mark.parametrize("basis", [Basis.ROLE, Basis.INVITATION, Basis.COLLEAGUE])
def test_without_a_word_with_the_person_nothing_is_done(cast: Cast, service: Service, basis: Basis):
    before = rows(service)
    with pytest.raises(RuleForbids) as refused:
        let(service, cast.alma.actor, cast.ben.membership_id, basis=basis)
    assert refused.value.rule == "not_spoken"
    assert rows(service) == before


def test_it_is_nobodys_elses_to_do(cast: Cast, service: Service):
    with pytest.raises(NotFound):
        let(service, cast.cora.actor, cast.ben.membership_id)
    with pytest.raises(NotFound):
        let(service, cast.oscar.actor, cast.ben.membership_id)
    with pytest.raises(NotFound):
        let(service, cast.ada.actor, cast.ben.membership_id)
    with pytest.raises(PermissionRefused):
        let(service, cast.edie.actor, cast.ben.membership_id)
    with pytest.raises(PermissionRefused):
        let(service, cast.olive.actor, cast.edie.membership_id)


def test_who_is_only_invited_or_has_left_is_not_let_begin_again(cast: Cast, service: Service):
    (invited,) = let(service, cast.alma.actor, cast.ben.membership_id).offered
    for membership_id in (invited.membership_id, cast.ben.membership_id):
        with pytest.raises(NotFound):
            let(service, cast.alma.actor, membership_id)


def test_a_role_that_is_not_the_officers_to_give_only_ends(cast: Cast, service: Service):
    with service.database.writing() as session:
        second = invite_person(
            session, service.at, cast.hugh.actor, email=cast.stella.email, role=Role.SCHOOL_OFFICE,
            school_id=cast.sending,
        )  # fmt: skip
        accept_another_invitation(session, service.at, cast.stella.actor, token=second.token)
        office = invite_person(
            session, service.at, cast.stella.actor, email=cast.edie.email, role=Role.HEAD_TEACHER,
            school_id=cast.stranger,
        )  # fmt: skip
        accept_another_invitation(session, service.at, cast.edie.actor, token=office.token)
        also = invite_person(
            session, service.at, cast.stella.actor, email=cast.edie.email, role=Role.SCHOOL_OFFICE,
            school_id=cast.stranger,
        )  # fmt: skip
        accept_another_invitation(session, service.at, cast.edie.actor, token=also.token)
    done = let(service, cast.olive.actor, office.membership_id)
    assert len(done.offered) == 1
    assert done.only_ended == (Role.SCHOOL_OFFICE,)


def test_too_many_offers_to_one_mailbox_are_refused_whole(cast: Cast, service: Service):
    with service.database.writing() as session:
        for _ in range(9):  # the first of ten made Ben's account
            one = invite_person(
                session,
                service.at,
                cast.alma.actor,
                email=cast.ben.email,
                role=Role.SCHOOL_OFFICE,
                school_id=cast.sending,
            )
            withdraw_invitation(session, service.at, cast.alma.actor, membership_id=one.membership_id)
    before = rows(service)
    with pytest.raises(TooManyAttempts):
        let(service, cast.alma.actor, cast.ben.membership_id)
    assert rows(service) == before


def officer_of_warwickshire(service: Service, cast: Cast) -> Member:
    return join_service(service, name="Otto Brandt", role=Role.AUTHORITY_OFFICER, authority_id=cast.warwickshire)


def test_a_schools_only_lead_begins_again_through_two_officers(cast: Cast, service: Service):
    """Whoever took the key from the last who held it does not choose who holds the next one."""
    otto = officer_of_warwickshire(service, cast)
    (invited,) = let(service, cast.olive.actor, cast.stella.membership_id).offered
    with service.database.reading() as session:
        assert find_active_epoch(session, service.at, cast.stranger) is None
    stella = become_new(service, cast.stella, invited)
    before = rows(service)
    with service.database.writing() as session, pytest.raises(RuleForbids) as refused:
        approve_first_dsl(session, service.at, cast.olive.actor, membership_id=stella.membership_id)
    assert refused.value.rule == "another_officer"
    assert rows(service) == before
    stella = make_first_holder(service, otto, stella)
    assert stella.school_keys(service).active[0] == 2
    assert set(stella.school_keys(service).epochs) == {2}, "what was sealed before, senders deliver again"


@pytest.mark.parametrize("act", ["end", "suspend"])
def test_an_officer_alone_puts_nobody_in_a_leads_place(cast: Cast, service: Service, act: str):
    with service.database.writing() as session:
        taking = end_membership if act == "end" else suspend_membership
        taking(session, service.at, cast.olive.actor, membership_id=cast.stella.membership_id)
    fay = join_service(
        service, name="Fay Lund", role=Role.DESIGNATED_SAFEGUARDING_LEAD, school_id=cast.stranger,
        inviter=cast.olive.actor,
    )  # fmt: skip
    with service.database.writing() as session, pytest.raises(RuleForbids) as refused:
        approve_first_dsl(session, service.at, cast.olive.actor, membership_id=fay.membership_id)
    assert refused.value.rule == "another_officer"
    fay = make_first_holder(service, officer_of_warwickshire(service, cast), fay)
    assert fay.actor.holds_keys


def test_once_the_school_has_its_next_key_the_officer_approves_there_again(cast: Cast, service: Service):
    otto = officer_of_warwickshire(service, cast)
    (invited,) = let(service, cast.olive.actor, cast.stella.membership_id).offered
    stella = make_first_holder(service, otto, become_new(service, cast.stella, invited))
    with service.database.writing() as session:
        end_membership(session, service.at, otto.actor, membership_id=stella.membership_id)
    fay = join_service(service, name="Fay Lund", role=Role.DEPUTY_DSL, school_id=cast.stranger)
    make_first_holder(service, cast.olive, fay)


def test_an_officer_corrects_an_invitation_at_a_school_without_a_key_alone(cast: Cast, service: Service):
    wrong = join_service(service, name="Wanda Rye", role=Role.DEPUTY_DSL, school_id=cast.keyless)
    with service.database.writing() as session:
        approve_first_dsl(session, service.at, cast.olive.actor, membership_id=wrong.membership_id)
        end_membership(session, service.at, cast.olive.actor, membership_id=wrong.membership_id)
    right = join_service(service, name="Fay Lund", role=Role.DEPUTY_DSL, school_id=cast.keyless)
    make_first_holder(service, cast.olive, right)


def test_a_role_given_back_meanwhile_stops_the_beginning(cast: Cast, service: Service):
    """The role rested when the link was looked at: ended rows alone are not read once for all."""
    with service.database.writing() as session:
        other = invite_person(
            session, service.at, cast.cora.actor, email=cast.ben.email, role=Role.HEAD_TEACHER, school_id=cast.receiving
        )
    (invited,) = let(service, cast.alma.actor, cast.ben.membership_id).offered

    def take_up(session) -> None:
        row = session.get_one(Person, cast.ben.person_id, with_for_update=True)
        assert row is not None
        session.get_one(Membership, other.membership_id).state = MembershipState.ACTIVE

    came = overlapping(service, take_up, lambda: restart(service, invited.token))
    assert isinstance(came, RuleForbids)
    assert came.rule == "has_role"


def test_an_officer_or_administrator_without_a_colleague_is_helped_from_the_command_line(cast: Cast, service: Service):
    for member, authority_id in ((cast.oscar, cast.coventry), (cast.ada, None)):
        with service.database.writing() as session:
            done = let_overseer_begin_again(session, service.at, email=member.email, authority_id=authority_id)
        (invited,) = done.offered
        again = become_new(service, member, invited)
        assert again.actor.roles == member.actor.roles
    said = [(leaf.event, leaf.basis, leaf.role) for leaf in leaves(service) if leaf.event == "membership.ended"]
    assert said == [("membership.ended", "command_line", "service")] * 2


def test_the_command_line_lets_nobody_of_a_school_begin_again(cast: Cast, service: Service):
    for email, authority_id in ((cast.alma.email, None), ("nobody@example.org", None), (cast.ada.email, cast.coventry)):
        with service.database.writing() as session, pytest.raises(RuleForbids) as refused:
            let_overseer_begin_again(session, service.at, email=email, authority_id=authority_id)
        assert refused.value.rule == "nobody_there"


def test_who_comes_back_from_a_rest_keeps_the_account(cast: Cast, service: Service):
    with service.database.writing() as session:
        suspend_membership(session, service.at, cast.hugh.actor, membership_id=cast.ben.membership_id)
        return_membership(session, service.at, cast.hugh.actor, membership_id=cast.ben.membership_id)
    service.clock.move(seconds=30)
    assert finish(service, cast.ben, begin(service, cast.ben).cookie).is_full
