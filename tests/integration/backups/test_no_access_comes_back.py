from types import SimpleNamespace

import pytest
from sqlalchemy import select

from tests import factories
from tests.cast import HOME, join_service
from tests.integration.backups.conftest import Living
from tests.integration.backups.going_on import (
    destroy,
    holders_of,
    leave,
    renew,
    restored,
    service_of,
    signed_in_again,
)
from transfer_service.crypto.recovery_files import RecoveryPublic
from transfer_service.crypto.suites import RecoveryKey as Key
from transfer_service.crypto.values import Seed
from transfer_service.db.models import (
    Alert,
    Custodian,
    Invitation,
    KeyGrant,
    Membership,
    Person,
    RecoveryKey,
    RecoveryRequest,
    SchoolEpoch,
    Unlock,
)
from transfer_service.domain.alerts import AlertKind, AlertState
from transfer_service.domain.custodians import RecoveryState
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.keys import KeyState, UnlockKind
from transfer_service.domain.roles import MembershipState, Role
from transfer_service.domain.transfer import Status
from transfer_service.use_cases.alerting import alert_person
from transfer_service.use_cases.keys.custodians import (
    CustodianTold,
    end_custodian,
    record_custodian,
    replace_recovery_key,
)
from transfer_service.use_cases.keys.recovery import refuse_recovery, request_recovery
from transfer_service.use_cases.keys.waiting import complete_waiting_acts
from transfer_service.use_cases.people.accepting import accept_invitation
from transfer_service.use_cases.people.inviting import invite_person, resend_invitation
from transfer_service.use_cases.people.recovery_codes import confirm_recovery_code, issue_recovery_code
from transfer_service.use_cases.people.reset_links import make_token
from transfer_service.use_cases.people.resetting import reset_password
from transfer_service.use_cases.recording import record


def test_who_left_after_the_old_key_was_destroyed_holds_it_no_more_although_no_leaf_took_it_singly(
    living: Living, elsewhere: Living
):
    cast = living.cast
    factories.dispatch_in(living, Status.SENT, sender=cast.alma, receiver=cast.cora)
    living.sign()
    living.back_up()
    renew(living, cast.cora)
    destroy(living, cast.cora)
    leave(living, cast.olive, cast.dev)
    restored(living, elsewhere)
    assert holders_of(elsewhere, cast.receiving) == {cast.cora.person_id}


def test_links_that_were_used_or_replaced_work_no_more(living: Living, elsewhere: Living):
    cast, service = living.cast, service_of(living)

    def invite(email: str):
        with living.database.writing() as session:
            return invite_person(
                session, living.at, cast.hugh.actor, email=email, role=Role.SCHOOL_OFFICE, school_id=cast.sending
            )

    used, replaced, untouched = invite("gil@example.org"), invite("kit@example.org"), invite("lou@example.org")
    living.sign()
    living.back_up()
    accept_invitation(
        living.database, living.at, service.work, token=used.token, name="Gil Tran",
        password="four purple kettles whistle", device=HOME,
    )  # fmt: skip
    with living.database.writing() as session:
        resend_invitation(session, living.at, cast.hugh.actor, membership_id=replaced.membership_id)
    report = restored(living, elsewhere)
    assert (report.replayed["invitation.accepted"], report.replayed["person.invited"]) == (1, 1)
    with elsewhere.database.reading() as session:
        open_links = select(Invitation.membership_id).where(Invitation.accepted_at.is_(None))
        assert session.scalars(open_links).all() == [untouched.membership_id]
    hugh = signed_in_again(service_of(elsewhere), cast.hugh)
    with elsewhere.database.writing() as session:
        resend_invitation(session, elsewhere.at, hugh.actor, membership_id=used.membership_id)


def test_a_new_recovery_code_that_the_backup_has_is_good_and_the_one_before_is_not(living: Living, elsewhere: Living):
    alma = living.cast.alma
    with living.database.writing() as session:
        shown = issue_recovery_code(session, living.at, alma.actor, cookie=alma.cookie)
    living.sign()
    living.back_up()
    first, second = (shown.groups[place] for place in shown.asked)
    with living.database.writing() as session:
        confirm_recovery_code(session, living.at, alma.actor, person_key=alma.person_key, retyped=(first, second))
    assert restored(living, elsewhere).replayed == {"recovery_code.confirmed": 1}
    mine = (Unlock.person_id == alma.person_id, Unlock.kind == UnlockKind.RECOVERY_CODE)
    with living.database.reading() as session, elsewhere.database.reading() as other:
        kept = session.scalars(select(Unlock).where(*mine)).one()
        back = other.scalars(select(Unlock).where(*mine)).one()
    assert (back.id, back.confirmed_at) == (kept.id, kept.confirmed_at)


def test_a_person_who_got_a_new_key_waits_to_be_granted_again_and_the_old_password_opens_nothing(
    living: Living, elsewhere: Living
):
    ben = living.cast.ben
    living.sign()
    living.back_up()
    with living.database.reading() as session:
        token = make_token(living.at, session.get_one(Person, ben.person_id))
    reset_password(
        living.database, living.at, service_of(living).work, token=token, password="nine copper lanterns drift",
        device=HOME,
    )  # fmt: skip
    restored(living, elsewhere)
    with elsewhere.database.reading() as session:
        assert session.get_one(Membership, ben.membership_id).state is MembershipState.AWAITING_APPROVAL
        assert session.get_one(Person, ben.person_id).password_verifier == bytes(32)
        assert session.scalars(select(Unlock).where(Unlock.person_id == ben.person_id)).all() == []
    assert ben.person_id not in holders_of(elsewhere, living.cast.sending)


def test_without_a_second_factor_of_its_own_the_password_alone_sets_no_other_up(living: Living, elsewhere: Living):
    hugh = living.cast.hugh
    with living.database.writing() as session:
        session.get_one(Person, hugh.person_id).totp_seed = None
    living.back_up()
    with living.database.writing() as session:
        record(session, living.at, hugh.actor, Event.SECOND_FACTOR_ENROLLED, subject=hugh.person_id)
    assert restored(living, elsewhere).replayed == {"second_factor.enrolled": 1}
    with elsewhere.database.reading() as session:
        assert session.get_one(Person, hugh.person_id).password_verifier == bytes(32)


def test_a_mail_that_was_given_up_is_not_tried_again_and_its_link_is_gone(living: Living, elsewhere: Living):
    with living.database.writing() as session:
        person = session.get_one(Person, living.cast.alma.person_id)
        mail = alert_person(session, living.at, AlertKind.INVITATION, person, secret="/invitations/abc").id
    living.back_up()
    with living.database.writing() as session:
        record(session, living.at, None, Event.ALERT_ABANDONED, basis=Basis.SCHEDULE.value, subject=mail)
    assert restored(living, elsewhere).replayed == {"alert.abandoned": 1}
    with elsewhere.database.reading() as session:
        alert = session.get_one(Alert, mail)
    assert (alert.state, alert.secret) == (AlertState.GIVEN_UP, None)


def test_a_refused_request_stays_refused_and_a_custodian_who_gave_the_share_back_stays_gone(
    living: Living, elsewhere: Living
):
    cast, at = living.cast, living.at
    fern = join_service(
        service_of(living), name="Fern Castellan", role=Role.DESIGNATED_SAFEGUARDING_LEAD, school_id=cast.sending
    )
    for leaver in (cast.alma, cast.ben):
        leave(living, cast.hugh, leaver)
    told = CustodianTold(
        share=1, name="Rowan Ashe", employer="A solicitor", works_for_authority=False, is_head_of_service=False,
        operates_service=False,
    )  # fmt: skip
    with living.database.writing() as session:
        request = request_recovery(session, at, cast.olive.actor, membership_id=fern.membership_id)
    with living.database.writing() as session:
        custodian = record_custodian(session, at, cast.olive.actor, told=told)
    living.sign()
    living.back_up()
    with living.database.writing() as session:
        refuse_recovery(session, at, cast.olive.actor, request_id=request)
    with living.database.writing() as session:
        end_custodian(session, at, cast.olive.actor, custodian_id=custodian)
    assert restored(living, elsewhere).replayed == {"recovery.refused": 1, "custodian.ended": 1}
    with elsewhere.database.reading() as session:
        assert session.get_one(RecoveryRequest, request).state is RecoveryState.REFUSED
        assert session.get_one(Custodian, custodian).ended_by == cast.olive.person_id


@pytest.mark.parametrize(("failed", "left"), [(0, 0), (1, 1)])
def test_grants_to_a_former_recovery_key_go_again_where_the_drill_of_the_new_one_was_good(
    living: Living, elsewhere: Living, failed: int, left: int
):
    former = replace_recovery_key_of(living)
    living.sign()
    living.back_up()
    with living.database.writing() as session:
        record(
            session, living.at, None, Event.DRILL_RECORDED, subject=former.new, org=living.cast.warwickshire,
            detail={"opened": 1, "failed": failed},
        )  # fmt: skip
    restored(living, elsewhere)
    with elsewhere.database.reading() as session:
        grants = session.scalars(
            select(KeyGrant).where(KeyGrant.grantee_id == former.old, KeyGrant.school_epoch_id == former.epoch)
        ).all()
        others = session.scalars(select(KeyGrant).where(KeyGrant.grantee_id == former.old)).all()
    assert len(grants) == left
    assert len(others) == 2 + left, "a key that is not sealed to the new one keeps its grant to the former"


def replace_recovery_key_of(living: Living):
    """A second recovery key, to which one school has sealed its key and two have not yet."""
    cast, at = living.cast, living.at
    fresh = RecoveryPublic(public=Key.from_seed(Seed(b"\x47" * 32)).public, authority="Warwickshire", demo=False)
    with living.database.reading() as session:
        old = session.scalars(
            select(RecoveryKey.id).where(
                RecoveryKey.authority_id == cast.warwickshire, RecoveryKey.state == KeyState.ACTIVE
            )
        ).one()
    at.recovery_keys["937"] = fresh.public.fingerprint.hex
    with living.database.writing() as session:
        new = replace_recovery_key(session, at, la_code="937", recovery=fresh, is_demo=False)
    with living.database.writing() as session:
        complete_waiting_acts(session, at, cast.alma.actor, person_key=cast.alma.person_key)
    with living.database.reading() as session:
        epoch = session.scalars(select(SchoolEpoch.id).where(SchoolEpoch.school_id == cast.sending)).one()
    return SimpleNamespace(old=old, new=new, epoch=epoch)
