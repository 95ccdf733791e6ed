"""The cover sheet, opening, reading and downloading at the receiving school."""

from uuid import UUID

import pytest
from sqlalchemy import update

from tests import factories
from tests.cast import Member
from tests.integration.transfers.stage import Stage
from transfer_service.audit.leaf import decode_leaf
from transfer_service.db import models
from transfer_service.domain import permissions
from transfer_service.domain.errors import (
    Conflict,
    KeyMissing,
    NotFound,
    PermissionRefused,
    RuleForbids,
    StateForbids,
)
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Role
from transfer_service.domain.statements import PUPIL_CONFIRMATION
from transfer_service.domain.transfer import Side, Status
from transfer_service.use_cases.people.memberships import end_membership
from transfer_service.use_cases.transfers import covers, downloading, opening, reading


def sent(stage: Stage, *attachments: str) -> UUID:
    return factories.dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora, attachments=attachments)


def prepared(stage: Stage, member: Member, dispatch_id: UUID) -> opening.PreparedOpening:
    with stage.database.reading() as session:
        return opening.prepare_opening(
            session,
            stage.at,
            member.actor,
            dispatch_id=dispatch_id,
            person_key=member.person_key,
            storage=stage.storage,
        )


def record(stage: Stage, member: Member, one: opening.PreparedOpening) -> opening.OpeningOutcome:
    with stage.database.writing() as session:
        return opening.record_opening(
            session, stage.at, member.actor, one, confirmation_version=PUPIL_CONFIRMATION.version
        )


def events(stage: Stage, transfer_of: UUID) -> list[str]:
    with stage.database.reading() as session:
        transfer_id = session.get_one(models.Dispatch, transfer_of).transfer_id
        leaves = session.query(models.LogLeaf).filter_by(transfer=transfer_id).order_by(models.LogLeaf.idx)
        return [leaf.event for leaf in leaves]


def test_each_showing_of_the_cover_leaves_a_leaf_and_opens_nothing(stage: Stage) -> None:
    dispatch_id = sent(stage)
    first_at = stage.clock()
    for _ in range(2):
        shown = factories.show_cover(stage, stage.dev, dispatch_id)
        stage.clock.move(minutes=1)
    assert shown.sending_school.name == "Alderford Primary School"
    assert events(stage, dispatch_id)[-2:] == ["cover.shown", "cover.shown"]
    with stage.database.reading() as session:
        dispatch = session.get_one(models.Dispatch, dispatch_id)
        assert (dispatch.status, dispatch.cover_shown_at, dispatch.opened_at) == (Status.SENT, first_at, None)


def test_the_cover_is_for_safeguarding_leads_of_the_receiving_school(stage: Stage) -> None:
    dispatch_id = sent(stage)
    for other in (stage.alma, stage.stella, stage.cast.olive, stage.cast.ada):
        with pytest.raises(NotFound):
            factories.show_cover(stage, other, dispatch_id)
    with stage.database.writing() as session:
        session.query(models.KeyGrant).filter_by(grantee_id=stage.dev.person_id).delete()
    with pytest.raises(KeyMissing):
        factories.show_cover(stage, stage.dev, dispatch_id)


def test_opening_records_who_confirmed_what_and_tells_the_sender(stage: Stage) -> None:
    dispatch_id = sent(stage, "a.pdf")
    stage.clock.move(hours=2)
    assert factories.open_dispatch(stage, stage.cora, dispatch_id).has_opened
    assert events(stage, dispatch_id)[-2:] == ["pupil.confirmed", "dispatch.opened"]
    with stage.database.reading() as session:
        dispatch = session.get_one(models.Dispatch, dispatch_id)
        assert (dispatch.status, dispatch.opened_by) == (Status.OPENED, stage.cora.person_id)
        assert dispatch.opened_at == stage.clock()
        opened = [place.opened_at for place in dispatch.items if place.item.kind is not ItemKind.COVER]
        assert opened == [stage.clock(), stage.clock()]
        told = session.query(models.Alert).filter_by(kind="dispatch.opened")
        assert sorted(alert.address for alert in told) == ["alma.reyes@example.org", "ben.okafor@example.org"]
        leaf = session.query(models.LogLeaf).filter_by(event="dispatch.opened").one()
        assert decode_leaf(leaf.body).said.basis == "pupil_joining"


def test_a_colleague_who_opens_later_is_recorded_and_the_sender_is_told_once(stage: Stage) -> None:
    dispatch_id = sent(stage)
    for member in (stage.cora, stage.dev, stage.dev):
        assert factories.open_dispatch(stage, member, dispatch_id).has_opened
    with stage.database.reading() as session:
        assert session.get_one(models.Dispatch, dispatch_id).opened_by == stage.cora.person_id
        assert session.query(models.Opening).count() == 2
        assert session.query(models.Alert).filter_by(kind="dispatch.opened").count() == 2
    assert events(stage, dispatch_id).count("dispatch.opened") == 2


def test_the_second_phase_finds_what_changed_since_the_first(stage: Stage) -> None:
    dispatch_id = sent(stage)
    one = prepared(stage, stage.cora, dispatch_id)
    with pytest.raises(Conflict):
        record(stage, stage.dev, one)
    with stage.database.writing() as session, pytest.raises(Conflict):
        opening.record_opening(session, stage.at, stage.cora.actor, one, confirmation_version="joining/0")
    with stage.database.writing() as session:
        dispatch = session.get_one(models.Dispatch, dispatch_id)
        kept, dispatch.manifest_hash = dispatch.manifest_hash, bytes(32)
    with pytest.raises(Conflict):
        record(stage, stage.cora, one)
    with stage.database.writing() as session:
        session.get_one(models.Dispatch, dispatch_id).manifest_hash = kept
    factories.withdraw(stage, stage.alma, dispatch_id)
    with pytest.raises(StateForbids):
        record(stage, stage.cora, one)
    with stage.database.reading() as session:
        assert session.query(models.Opening).count() == 0


def test_whoever_lost_the_key_between_the_phases_opens_nothing(stage: Stage) -> None:
    dispatch_id = sent(stage)
    one = prepared(stage, stage.cora, dispatch_id)
    with stage.database.writing() as session:
        session.query(models.KeyGrant).filter_by(grantee_id=stage.cora.person_id).delete()
    with pytest.raises(KeyMissing):
        record(stage, stage.cora, one)


def test_items_whose_grants_went_between_the_phases_are_not_opened(stage: Stage) -> None:
    dispatch_id = sent(stage)
    one = prepared(stage, stage.cora, dispatch_id)
    with stage.database.writing() as session:
        session.query(models.ItemGrant).filter_by(recipient_id=stage.cast.receiving).delete()
    with pytest.raises(Conflict):
        record(stage, stage.cora, one)


def test_a_waiting_withdrawn_or_returned_file_shows_no_cover(stage: Stage) -> None:
    dispatch_id = sent(stage)
    factories.send_back(stage, stage.cora, dispatch_id)
    with pytest.raises(StateForbids):
        factories.show_cover(stage, stage.cora, dispatch_id)


def test_what_was_decrypted_is_not_shown_to_somebody_whose_key_was_taken_away_meanwhile(stage: Stage) -> None:
    dispatch_id = sent(stage, "a.pdf")
    factories.open_dispatch(stage, stage.dev, dispatch_id)
    one = factories.prepared_reading(stage, stage.dev, dispatch_id)
    with stage.database.writing() as session:
        end_membership(session, stage.at, stage.cora.actor, membership_id=stage.dev.membership_id)
    with pytest.raises(KeyMissing), stage.database.writing() as session:
        reading.record_reading(session, stage.at, stage.dev.actor, one)


def test_reading_needs_ones_own_opening_and_leaves_a_leaf_each_time(stage: Stage) -> None:
    dispatch_id = sent(stage, "a.pdf")
    with pytest.raises(StateForbids):
        factories.prepared_reading(stage, stage.cora, dispatch_id)
    factories.open_dispatch(stage, stage.cora, dispatch_id)
    with pytest.raises(RuleForbids) as refused:
        factories.prepared_reading(stage, stage.dev, dispatch_id)
    assert refused.value.rule == "not_opened"
    for _ in range(2):
        one = factories.prepared_reading(stage, stage.cora, dispatch_id)
        with stage.database.writing() as session:
            contents = reading.record_reading(session, stage.at, stage.cora.actor, one)
    assert contents.side is Side.RECEIVING
    assert contents.pupil == factories.PUPIL
    assert events(stage, dispatch_id).count("notes.read") == 2
    with pytest.raises(PermissionRefused):
        factories.prepared_reading(stage, stage.edie, dispatch_id)
    with stage.database.writing() as session, pytest.raises(Conflict):
        reading.record_reading(session, stage.at, stage.dev.actor, one)


def test_what_was_decrypted_is_not_shown_after_it_was_sent_back(stage: Stage) -> None:
    dispatch_id = sent(stage)
    factories.open_dispatch(stage, stage.cora, dispatch_id)
    one = factories.prepared_reading(stage, stage.cora, dispatch_id)
    factories.send_back(stage, stage.dev, dispatch_id)
    with stage.database.writing() as session, pytest.raises(StateForbids):
        reading.record_reading(session, stage.at, stage.cora.actor, one)


def test_reading_again_after_the_manifest_changed_is_refused(stage: Stage) -> None:
    dispatch_id = sent(stage)
    factories.open_dispatch(stage, stage.cora, dispatch_id)
    one = factories.prepared_reading(stage, stage.cora, dispatch_id)
    with stage.database.writing() as session:
        session.get_one(models.Dispatch, dispatch_id).manifest_hash = bytes(32)
    with stage.database.writing() as session, pytest.raises(Conflict):
        reading.record_reading(session, stage.at, stage.cora.actor, one)


def test_the_sender_reads_what_it_sent(stage: Stage) -> None:
    dispatch_id = sent(stage, "a.pdf")
    one = factories.prepared_reading(stage, stage.ben, dispatch_id)
    with stage.database.writing() as session:
        contents = reading.record_reading(session, stage.at, stage.ben.actor, one)
    assert (contents.side, len(contents.notes), len(contents.attachments)) == (Side.SENDING, 1, 1)


def test_shredded_contents_can_be_neither_opened_nor_read(stage: Stage) -> None:
    dispatch_id = sent(stage)
    factories.open_dispatch(stage, stage.cora, dispatch_id)
    with stage.database.writing() as session:
        session.execute(
            update(models.Dispatch).where(models.Dispatch.id == dispatch_id).values(shredded_at=stage.clock())
        )
    with pytest.raises(StateForbids):
        factories.prepared_reading(stage, stage.cora, dispatch_id)
    with pytest.raises(StateForbids):
        prepared(stage, stage.cora, dispatch_id)


def test_an_attachment_is_downloaded_as_it_was_with_a_leaf_first(stage: Stage) -> None:
    dispatch_id = sent(stage, "Zoë's plan.pdf")
    factories.open_dispatch(stage, stage.cora, dispatch_id)
    with stage.database.reading() as session:
        note, attachment = (
            session.query(models.Item).filter_by(kind=kind).one().id for kind in (ItemKind.NOTE, ItemKind.ATTACHMENT)
        )
    keyed = {"dispatch_id": dispatch_id, "person_key": stage.cora.person_key, "storage": stage.storage}
    with stage.database.reading() as session:
        one = downloading.prepare_download(session, stage.at, stage.cora.actor, item_id=attachment, **keyed)
        for other in (note, dispatch_id):
            with pytest.raises(NotFound):
                downloading.prepare_download(session, stage.at, stage.cora.actor, item_id=other, **keyed)
    with stage.database.writing() as session:
        file = downloading.record_download(session, stage.at, stage.cora.actor, one)
    assert file is not None
    assert (file.name, file.media_type, file.body) == ("Zoë's plan.pdf", "application/pdf", factories.PDF)
    assert events(stage, dispatch_id)[-1] == "attachment.downloaded"
    assert "Zoë" not in repr(file)


def test_downloading_needs_a_permission_of_its_own(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    dispatch_id = sent(stage, "a.pdf")
    factories.open_dispatch(stage, stage.cora, dispatch_id)
    with stage.database.reading() as session:
        item_id = session.query(models.Item).filter_by(kind=ItemKind.ATTACHMENT).one().id
    lead = permissions.GRANTS[Role.DESIGNATED_SAFEGUARDING_LEAD]
    monkeypatch.setattr(
        permissions,
        "GRANTS",
        {**permissions.GRANTS, Role.DESIGNATED_SAFEGUARDING_LEAD: lead - {Permission.NOTES_DOWNLOAD}},
    )
    keyed = {"dispatch_id": dispatch_id, "person_key": stage.cora.person_key, "storage": stage.storage}
    with stage.database.reading() as session:
        assert reading.prepare_reading(session, stage.at, stage.cora.actor, **keyed).contents.failure is None
        with pytest.raises(PermissionRefused):
            downloading.prepare_download(session, stage.at, stage.cora.actor, item_id=item_id, **keyed)
        with pytest.raises(PermissionRefused):
            downloading.prepare_archive(session, stage.at, stage.cora.actor, **keyed)


def test_the_whole_file_is_exported_with_every_original(stage: Stage) -> None:
    dispatch_id = sent(stage, "a.pdf", "b.pdf")
    factories.open_dispatch(stage, stage.cora, dispatch_id)
    keyed = {"dispatch_id": dispatch_id, "person_key": stage.cora.person_key, "storage": stage.storage}
    with stage.database.reading() as session:
        one = downloading.prepare_archive(session, stage.at, stage.cora.actor, **keyed)
    with stage.database.writing() as session:
        archive = downloading.record_archive(session, stage.at, stage.cora.actor, one)
    assert archive.is_whole
    assert [part.body for part in archive.contents.attachments] == [factories.PDF, factories.PDF]
    assert archive.manifest_text.count("content digest") == 3
    assert "a.pdf" not in archive.manifest_text
    with stage.database.reading() as session:
        assert session.get_one(models.Dispatch, dispatch_id).exported_at == stage.clock()
    assert events(stage, dispatch_id)[-1] == "archive.downloaded"


def test_the_senders_own_export_starts_no_window_of_shredding(stage: Stage) -> None:
    dispatch_id = sent(stage)
    keyed = {"dispatch_id": dispatch_id, "person_key": stage.alma.person_key, "storage": stage.storage}
    with stage.database.reading() as session:
        one = downloading.prepare_archive(session, stage.at, stage.alma.actor, **keyed)
    with stage.database.writing() as session:
        downloading.record_archive(session, stage.at, stage.alma.actor, one)
    with stage.database.reading() as session:
        assert session.get_one(models.Dispatch, dispatch_id).exported_at is None
    draft = factories.draft(stage, stage.alma, stage.cast.receiving)
    with stage.database.reading() as session, pytest.raises(StateForbids):
        downloading.prepare_archive(session, stage.at, stage.alma.actor, **{**keyed, "dispatch_id": draft})


def test_an_export_that_lacks_an_item_is_not_the_export_of_the_file(stage: Stage) -> None:
    dispatch_id = sent(stage)
    factories.open_dispatch(stage, stage.cora, dispatch_id)
    with stage.database.writing() as session:
        note = session.query(models.Item).filter_by(kind=ItemKind.NOTE).one()
        note.ciphertext = (note.ciphertext or b"")[:-1]
    keyed = {"dispatch_id": dispatch_id, "person_key": stage.cora.person_key, "storage": stage.storage}
    with stage.database.reading() as session:
        one = downloading.prepare_archive(session, stage.at, stage.cora.actor, **keyed)
    with stage.database.writing() as session:
        assert not downloading.record_archive(session, stage.at, stage.cora.actor, one).is_whole
    with stage.database.reading() as session:
        assert session.get_one(models.Dispatch, dispatch_id).exported_at is None


def test_nil_declarations_are_shown_together(stage: Stage) -> None:
    nils = [factories.empty_draft(stage, stage.alma, stage.cast.receiving) for _ in range(3)]
    for dispatch_id in nils:
        factories.declare_nil(stage, stage.alma, dispatch_id)
        stage.clock.move(minutes=1)
    with stage.database.writing() as session:
        shown = covers.show_nils(
            session, stage.at, stage.cora.actor, person_key=stage.cora.person_key, storage=stage.storage
        )
    assert [one.dispatch_id for one in shown] == nils
    assert {one.cover.surname for one in shown if one.cover} == {"O'Brien-Łącki"}
    with stage.database.reading() as session:
        assert session.query(models.LogLeaf).filter_by(event="cover.shown").count() == 3
