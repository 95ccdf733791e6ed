from pathlib import Path

from sqlalchemy import select

from tests import factories
from tests.database import migrated_database
from tests.integration.backups.conftest import Living
from tests.integration.backups.test_restoring import leaves, log_holds
from transfer_service.db.models import Alert, Dispatch, Item, ItemGrant, Membership, Person, Unlock
from transfer_service.db.session import Database
from transfer_service.domain.alerts import AlertKind, AlertState
from transfer_service.domain.events import Event
from transfer_service.domain.keys import UnlockKind
from transfer_service.domain.roles import MembershipState
from transfer_service.domain.transfer import RejectionReason, Status
from transfer_service.use_cases.alerting import alert_person
from transfer_service.use_cases.people.memberships import suspend_membership
from transfer_service.use_cases.recording import entry, record, record_all
from transfer_service.use_cases.transfers.notes import remove_item


def test_what_was_sent_back_stays_sent_back_with_its_reason_and_without_the_receivers_grants(
    living: Living, elsewhere: Living
):
    cast = living.cast
    sent = factories.dispatch_in(living, Status.SENT, sender=cast.alma, receiver=cast.cora)
    living.sign()
    living.back_up()
    factories.send_back(living, cast.cora, sent, reason=RejectionReason.NOT_JOINING, words="The family moved away.")
    living.sign()
    assert elsewhere.restore(exports=(living.export(),)).replayed["dispatch.rejected"] == 1
    with elsewhere.database.reading() as session:
        dispatch = session.get_one(Dispatch, sent)
        held = session.scalars(select(ItemGrant.recipient_id).where(ItemGrant.dispatch_id == sent)).all()
    assert (dispatch.status, dispatch.rejection_reason) == (Status.REJECTED, RejectionReason.NOT_JOINING)
    assert set(held) == {cast.sending}


def test_an_item_taken_out_of_a_draft_and_a_suspended_colleague_stay_so(living: Living, elsewhere: Living):
    cast = living.cast
    draft = factories.draft(living, cast.alma, cast.receiving)
    note = factories.add_note(living, cast.alma, draft)
    living.sign()
    living.back_up()
    with living.database.writing() as session:
        remove_item(session, living.at, cast.alma.actor, dispatch_id=draft, item_id=note)
    with living.database.writing() as session:
        suspend_membership(session, living.at, cast.alma.actor, membership_id=cast.ben.membership_id)
    living.sign()
    elsewhere.restore(exports=(living.export(),))
    with elsewhere.database.reading() as session:
        assert session.get(Item, note) is None
        assert session.get_one(Membership, cast.ben.membership_id).state is MembershipState.SUSPENDED


def test_used_codes_replaced_apps_and_sent_mails_are_not_live_again(living: Living, elsewhere: Living):
    alma, ben = living.cast.alma, living.cast.ben
    with living.database.writing() as session:
        person = session.get_one(Person, alma.person_id)
        mail = alert_person(session, living.at, AlertKind.PASSWORD_CHANGED, person).id
        code = session.scalars(
            select(Unlock.id).where(Unlock.person_id == alma.person_id, Unlock.kind == UnlockKind.RECOVERY_CODE)
        ).one()
    living.back_up()
    with living.database.writing() as session:
        record_all(
            session,
            living.at,
            [
                entry(alma.actor, Event.RECOVERY_CODE_USED, subject=code),
                entry(ben.actor, Event.SECOND_FACTOR_REPLACED, subject=ben.person_id),
                entry(None, Event.ALERT_SENT, subject=mail),
                entry(ben.actor, Event.RECOVERY_CODE_CONFIRMED, subject=living.at.new_id()),
            ],
        )
    living.sign()
    report = elsewhere.restore(exports=(living.export(),))
    assert report.replayed == {
        "recovery_code.used": 1, "second_factor.replaced": 1, "alert.sent": 1, "recovery_code.confirmed": 1,
    }  # fmt: skip
    with elsewhere.database.reading() as session:
        assert session.get_one(Unlock, code).used_at is not None
        assert session.get_one(Person, ben.person_id).totp_seed is None
        assert session.get_one(Alert, mail).state is AlertState.SENT
        assert session.scalars(select(Unlock).where(Unlock.person_id == ben.person_id)).all() == []


def test_a_school_whose_key_changed_since_is_asked_for_a_new_one(living: Living, elsewhere: Living):
    cast = living.cast
    living.back_up()
    with living.database.writing() as session:
        record(session, living.at, cast.alma.actor, Event.EPOCH_CREATED, org=cast.sending, epoch=2)
    living.sign()
    report = elsewhere.restore(exports=(living.export(),))
    assert report.is_open
    assert elsewhere.events()[-2:] == ["epoch.requested", "restored"]
    with elsewhere.database.reading() as session:
        wanted = session.scalars(select(Alert).where(Alert.kind == AlertKind.EPOCH_WANTED.value)).all()
    assert {alert.organisation_id for alert in wanted} == {cast.sending}


def test_a_backup_of_one_kind_of_database_is_put_into_the_other(living: Living, run_folder: Path, tmp_path: Path):
    sent = factories.dispatch_in(living, Status.SENT, sender=living.cast.alma, receiver=living.cast.cora)
    living.sign()
    living.back_up()
    kind = "postgresql" if living.database.is_sqlite else "sqlite"
    folder = tmp_path / "other"
    folder.mkdir()
    with migrated_database(kind, run_folder=run_folder, folder=folder) as made:
        database = Database(made.url)
        other = living.restored(database)
        assert other.restore().is_open
        assert leaves(other) == leaves(living) + 1
        assert log_holds(other)
        factories.open_dispatch(other, living.cast.cora, sent)
        factories.acknowledge(other, living.cast.cora, sent)
        database.dispose()
