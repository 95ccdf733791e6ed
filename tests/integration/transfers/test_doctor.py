"""The doctor finds each ailment by name, and nothing in a healthy service."""

from pathlib import Path

import pytest
from sqlalchemy import delete, select, text, update

from tests import factories
from transfer_service.db.models import (
    Alert,
    Dispatch,
    Item,
    ItemGrant,
    KeyGrant,
    LogLeaf,
    PersonKey,
    SchoolEpoch,
    Unlock,
)
from transfer_service.domain.ailments import DIAGNOSES, Ailment, Severity
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.events import Event
from transfer_service.domain.keys import GranteeKind, KeyState, UnlockKind
from transfer_service.domain.transfer import Status
from transfer_service.use_cases.oversight.doctor import examine, record_examination
from transfer_service.use_cases.retention import shred_dispatch


@pytest.fixture
def sent(stage):
    """A file with a note and an attachment, sent to the receiving school."""
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.receiving)
    factories.add_attachment(stage, stage.alma, dispatch_id)
    factories.send(stage, stage.alma, dispatch_id)
    return dispatch_id


def found(stage, **files):
    examination = examine(stage.database, stage.at, stage.storage, secret_files=files)
    return examination, {(finding.ailment, finding.school_id) for finding in examination.findings}


def change(stage, statement):
    with stage.database.writing() as session:
        session.execute(statement)


def test_a_healthy_service_has_nothing_red_in_any_state(stage):
    for status in Status:
        factories.dispatch_in(
            stage, status, sender=stage.alma, receiver=stage.cora, keyless_school_id=stage.cast.keyless
        )
    examination, ailments = found(stage)
    assert examination.is_healthy
    # Schools of the cast with one key holder alone are a warning, not an illness.
    assert {ailment for ailment, _ in ailments} <= {
        Ailment.EPOCH_WITH_ONE_HOLDER,
        Ailment.PERSON_WITHOUT_RECOVERY_CODE,
    }
    assert (Ailment.EPOCH_WITH_ONE_HOLDER, stage.cast.sending) not in ailments


def test_a_sent_item_without_its_grants_is_found_for_each_school(stage, sent):
    change(stage, delete(ItemGrant).where(ItemGrant.dispatch_id == sent))
    examination, ailments = found(stage)
    assert not examination.is_healthy
    assert (Ailment.SENDER_HAS_NO_GRANT, stage.cast.sending) in ailments
    assert (Ailment.RECEIVER_HAS_NO_GRANT, stage.cast.receiving) in ailments


def test_a_forwarded_item_is_well_when_the_dispatch_that_it_came_by_was_shredded(stage):
    first = factories.dispatch_in(stage, Status.ACKNOWLEDGED, sender=stage.alma, receiver=stage.cora)
    going = factories.forward(stage, stage.cora, first, stage.cast.stranger)
    with stage.database.writing() as session:
        dispatch = session.get_one(Dispatch, first)
        dispatch.exported_at = dispatch.filed_at = stage.clock()
    stage.clock.move(days=31)
    with stage.database.writing() as session:
        shred_dispatch(session, stage.at, dispatch_id=first)
    assert found(stage)[0].is_healthy
    change(stage, delete(ItemGrant).where(ItemGrant.dispatch_id == going))
    assert (Ailment.SENDER_HAS_NO_GRANT, stage.cast.receiving) in found(stage)[1]


def test_a_grant_to_a_destroyed_epoch_does_not_count(stage, sent):
    change(
        stage,
        update(SchoolEpoch).where(SchoolEpoch.school_id == stage.cast.receiving).values(state=KeyState.DESTROYED),
    )
    _, ailments = found(stage)
    assert (Ailment.GRANT_TO_DESTROYED_EPOCH, stage.cast.receiving) in ailments
    assert (Ailment.RECEIVER_HAS_NO_GRANT, stage.cast.receiving) in ailments


def test_a_key_that_the_custodians_could_not_recover_is_found(stage):
    change(stage, delete(KeyGrant).where(KeyGrant.grantee_kind == GranteeKind.RECOVERY))
    _, ailments = found(stage)
    assert (Ailment.EPOCH_WITHOUT_ESCROW, stage.cast.sending) in ailments


def test_a_school_without_a_holder_is_red_and_with_one_amber(stage):
    epoch = select(SchoolEpoch.id).where(SchoolEpoch.school_id == stage.cast.sending).scalar_subquery()
    change(stage, delete(KeyGrant).where(KeyGrant.school_epoch_id == epoch, KeyGrant.grantee_id == stage.ben.person_id))
    assert (Ailment.EPOCH_WITH_ONE_HOLDER, stage.cast.sending) in found(stage)[1]
    assert DIAGNOSES[Ailment.EPOCH_WITH_ONE_HOLDER].severity is Severity.AMBER
    change(stage, delete(KeyGrant).where(KeyGrant.grantee_kind == GranteeKind.PERSON))
    examination, ailments = found(stage)
    assert (Ailment.EPOCH_WITHOUT_HOLDER, stage.cast.sending) in ailments
    assert not examination.is_healthy


def test_a_holder_without_a_password_or_a_recovery_code_is_found(stage):
    mine = Unlock.person_id == stage.alma.person_id
    change(stage, delete(Unlock).where(mine, Unlock.kind == UnlockKind.PASSWORD))
    change(stage, delete(Unlock).where(mine, Unlock.kind == UnlockKind.RECOVERY_CODE))
    examination, _ = found(stage)
    hers = {finding.ailment for finding in examination.findings if finding.subject == stage.alma.person_id}
    assert hers == {Ailment.PERSON_WITHOUT_UNLOCK, Ailment.PERSON_WITHOUT_RECOVERY_CODE}


@pytest.mark.parametrize("table", [SchoolEpoch, PersonKey])
def test_a_public_key_that_somebody_changed_is_found(stage, table):
    with stage.database.writing() as session:
        row = session.scalars(select(table).limit(1)).one()
        row.kem_public = bytes([row.kem_public[0] ^ 1]) + row.kem_public[1:]
        changed = row.id
    examination, _ = found(stage)
    wrong = [finding for finding in examination.findings if finding.ailment is Ailment.KEY_NOT_AUTHENTIC]
    assert [finding.subject for finding in wrong] == [changed]


def test_a_recovery_key_that_somebody_changed_is_found(stage):
    change(stage, text("UPDATE recovery_key SET number = number + 6"))
    examination, _ = found(stage)
    assert examination.counts[Ailment.KEY_NOT_AUTHENTIC] >= 1


def test_sealed_bytes_that_are_missing_changed_or_nobodys_are_found(stage, sent):
    with stage.database.reading() as session:
        key = session.scalars(select(Item.blob_key).where(Item.blob_key.is_not(None))).one()
    path = stage.blobs / key
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    examination, ailments = found(stage)
    assert (Ailment.SEALED_BYTES_CHANGED, stage.cast.sending) in ailments
    assert examination.blobs_read == 1
    path.write_bytes(whole[:-1])
    assert (Ailment.SEALED_BYTES_CHANGED, stage.cast.sending) in found(stage)[1]
    path.unlink()
    assert (Ailment.SEALED_BYTES_MISSING, stage.cast.sending) in found(stage)[1]
    path.write_bytes(whole)
    change(stage, update(Item).where(Item.blob_key == key).values(blob_key=None, ciphertext=whole))
    examination, ailments = found(stage)
    assert (Ailment.SEALED_BYTES_WITHOUT_ROW, None) in ailments
    assert examination.is_healthy


def test_secret_files_must_be_there_and_closed_to_others(stage, tmp_path: Path):
    secret = tmp_path / "peppers"
    secret.write_text("1:secret")
    secret.chmod(0o600)
    gone = tmp_path / "gone"
    assert (Ailment.SECRET_FILE_READABLE, None) not in found(stage, PEPPERS=secret)[1]
    secret.chmod(0o640)
    examination, ailments = found(stage, PEPPERS=secret, FIELD_KEYS=gone)
    assert {(Ailment.SECRET_FILE_READABLE, None), (Ailment.SECRET_FILE_MISSING, None)} <= ailments
    assert {finding.setting for finding in examination.findings if finding.setting} == {"PEPPERS", "FIELD_KEYS"}


def test_what_is_red_leaves_a_leaf_and_alerts_the_authority_and_health_is_silent(stage, sent):
    def recorded():
        with stage.database.writing() as session:
            record_examination(session, stage.at, found(stage)[0])
        with stage.database.reading() as session:
            leaves = session.scalars(select(LogLeaf).where(LogLeaf.event == Event.DOCTOR_FAILED)).all()
            alerts = session.scalars(select(Alert).where(Alert.kind == AlertKind.DOCTOR_FAILED)).all()
        return len(leaves), {alert.person_id for alert in alerts}

    assert recorded() == (0, set())
    change(stage, delete(ItemGrant).where(ItemGrant.dispatch_id == sent))
    count, told = recorded()
    assert count == 1
    assert {stage.cast.olive.person_id, stage.cast.oscar.person_id} <= told


def test_every_ailment_says_what_to_do():
    assert set(DIAGNOSES) == set(Ailment)
    assert all(diagnosis.sentence.endswith(".") for diagnosis in DIAGNOSES.values())
