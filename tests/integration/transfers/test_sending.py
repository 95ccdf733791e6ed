"""Sending a file, declaring nil, and delivering what waited for a key."""

from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import update

from tests import factories
from tests.cast import Member
from tests.integration.transfers.stage import Stage, enrol_keyless
from transfer_service.audit.leaf import decode_leaf
from transfer_service.crypto.manifest import Manifest
from transfer_service.db import models
from transfer_service.domain.errors import AlreadyDone, CannotOpen, Conflict, KeyMissing, RuleForbids
from transfer_service.domain.events import Basis
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.notes import WithheldReason
from transfer_service.domain.transfer import DispatchKind, Status
from transfer_service.use_cases.keys.epochs import renew_epoch
from transfer_service.use_cases.recording import record_all
from transfer_service.use_cases.transfers import delivering, notes, sending
from transfer_service.use_cases.transfers.texts import Withheld


def alerts(stage: Stage, kind: str) -> list[str]:
    with stage.database.reading() as session:
        return sorted(alert.address for alert in session.query(models.Alert).filter_by(kind=kind))


def deliver(stage: Stage, member: Member) -> delivering.Delivery:
    keys = member.school_keys(stage.service)
    with stage.database.writing() as session:
        return delivering.deliver_waiting(session, stage.at, member.actor, keys, storage=stage.storage)


def deliverable(stage: Stage, member: Member) -> tuple[UUID, ...]:
    with stage.database.reading() as session:
        return delivering.find_deliverable(session, member.actor)


def test_sending_signs_a_manifest_whose_hash_is_the_digest_of_its_leaf(stage: Stage) -> None:
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.receiving, attachments=("a.pdf",))
    sent = factories.send(stage, stage.alma, dispatch_id)
    with stage.database.reading() as session:
        dispatch = session.get_one(models.Dispatch, dispatch_id)
        leaf = decode_leaf(session.get_one(models.LogLeaf, sent.leaf).body).said
        manifest = Manifest.decode(dispatch.manifest or b"")
        assert (leaf.event, leaf.digest, leaf.epoch) == ("dispatch.sent", manifest.hash, 1)
        assert (leaf.dispatch, leaf.org, leaf.actor) == (dispatch_id, stage.cast.sending, stage.alma.person_id)
        assert (dispatch.manifest_hash, dispatch.sent_leaf) == (manifest.hash, sent.leaf)
        assert [one.org for one in manifest.recipients] == [stage.cast.sending, stage.cast.receiving]
        assert len(manifest.items) == 2
        assert (dispatch.status, dispatch.sent_by) == (Status.SENT, stage.alma.person_id)
        assert dispatch.sent_at == dispatch.delivered_at == stage.clock()
        assert dispatch.receiver_due_on == date(2026, 9, 14)
        assert dispatch.clock["receiver"]["start"] == "sent"
        kinds = sorted(place.item.kind.value for place in dispatch.items)
        assert kinds == ["attachment", "cover", "note"]
        assert session.query(models.ItemGrant).count() == 6


def test_the_receiving_safeguarding_leads_are_alerted_and_nobody_else(stage: Stage) -> None:
    factories.dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora)
    assert alerts(stage, "dispatch.arrived") == ["cora.whitlock@example.org", "dev.anand@example.org"]
    with stage.database.reading() as session:
        assert session.query(models.Alert).count() == 2


def test_a_double_click_sends_once(stage: Stage) -> None:
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.receiving)
    factories.send(stage, stage.alma, dispatch_id)
    for member in (stage.alma, stage.ben):
        with pytest.raises(AlreadyDone) as refused:
            factories.send(stage, member, dispatch_id)
        assert refused.value.sentence == "This was already sent. Nothing was sent twice."
    with stage.database.reading() as session:
        assert session.query(models.LogLeaf).filter_by(event="dispatch.sent").count() == 1
        assert session.query(models.Alert).count() == 2


def test_an_empty_file_is_not_sent(stage: Stage) -> None:
    dispatch_id = factories.empty_draft(stage, stage.alma, stage.cast.receiving)
    with pytest.raises(RuleForbids) as refused:
        factories.send(stage, stage.alma, dispatch_id)
    assert refused.value.rule == "empty_file"


def test_a_school_that_closed_since_the_draft_is_found_at_sending(stage: Stage) -> None:
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.receiving)
    with stage.database.writing() as session:
        session.execute(update(models.School).where(models.School.id == stage.cast.receiving).values(status="Closed"))
    with pytest.raises(RuleForbids) as refused:
        factories.send(stage, stage.alma, dispatch_id)
    assert refused.value.rule == "school_closed"


def test_a_wording_that_changed_meanwhile_is_not_stated_unread(stage: Stage) -> None:
    dispatch_id = factories.empty_draft(stage, stage.alma, stage.cast.receiving)
    with stage.database.writing() as session, pytest.raises(Conflict):
        sending.declare_nil(
            session,
            stage.at,
            stage.alma.actor,
            dispatch_id=dispatch_id,
            person_key=stage.alma.person_key,
            storage=stage.storage,
            statement_version="nil/0",
        )


def test_whoever_was_not_granted_the_schools_key_cannot_send(stage: Stage) -> None:
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.receiving)
    with stage.database.writing() as session:
        session.query(models.KeyGrant).filter_by(grantee_id=stage.ben.person_id).delete()
    with pytest.raises(KeyMissing):
        factories.send(stage, stage.ben, dispatch_id)


def test_a_damaged_draft_is_found_before_anything_leaves(stage: Stage) -> None:
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.receiving, attachments=("a.pdf",))
    with stage.database.reading() as session:
        key = session.query(models.Item).filter_by(kind=ItemKind.ATTACHMENT).one().blob_key
    stage.storage.delete(key or "")
    with pytest.raises(CannotOpen) as refused:
        factories.send(stage, stage.alma, dispatch_id)
    assert refused.value.reason == "ciphertext_missing"


def test_the_answers_say_where_it_goes_and_whether_it_can_be_opened_there(stage: Stage) -> None:
    to_receiving = factories.draft(stage, stage.alma, stage.cast.receiving)
    to_keyless = factories.draft(stage, stage.alma, stage.cast.keyless)
    with stage.database.writing() as session:
        withheld = [Withheld(WithheldReason.THIRD_PARTY, "A statement")]
        notes.set_withheld(session, stage.at, stage.alma.actor, dispatch_id=to_keyless, withheld=withheld)
    with stage.database.reading() as session:
        one = sending.check_answers(session, stage.at, stage.alma.actor, dispatch_id=to_receiving)
        other = sending.check_answers(session, stage.at, stage.alma.actor, dispatch_id=to_keyless)
    assert (one.receiver_has_key, one.items, one.withheld, one.known_terms) == (True, 1, 0, True)
    assert (other.receiver_has_key, other.items, other.withheld) == (False, 1, 1)
    assert one.receiving_school.name == "Birchwater High School"


def test_without_a_key_at_the_receiver_it_waits_and_the_authority_is_told(stage: Stage) -> None:
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.keyless)
    assert factories.send(stage, stage.alma, dispatch_id).status is Status.WAITING
    with stage.database.reading() as session:
        dispatch = session.get_one(models.Dispatch, dispatch_id)
        assert (dispatch.sent_at, dispatch.delivered_at, dispatch.receiver_due_on) == (stage.clock(), None, None)
        assert {grant.recipient_id for grant in session.query(models.ItemGrant)} == {stage.cast.sending}
        assert session.query(models.LogLeaf).filter_by(event="dispatch.waiting").count() == 1
    assert alerts(stage, "key.wanted") == ["olive.hartley@example.org"]
    assert deliverable(stage, stage.alma) == ()
    assert deliver(stage, stage.alma) == delivering.Delivery(delivered=0, failed=0)


def test_what_waited_is_delivered_at_a_senders_next_unlock_and_opens(stage: Stage) -> None:
    waiting = factories.draft(stage, stage.alma, stage.cast.keyless, attachments=("a.pdf",))
    factories.send(stage, stage.alma, waiting)
    nil = factories.empty_draft(stage, stage.alma, stage.cast.keyless)
    assert factories.declare_nil(stage, stage.alma, nil).status is Status.SENT
    kit = enrol_keyless(stage)
    with pytest.raises(RuleForbids) as refused:
        factories.show_cover(stage, kit, nil)
    assert refused.value.rule == "not_delivered"
    stage.clock.move(days=1)
    assert set(deliverable(stage, stage.ben)) == {waiting, nil}
    assert (
        deliverable(stage, stage.edie) == deliverable(stage, stage.cora) == deliverable(stage, stage.cast.olive) == ()
    )
    with stage.database.reading() as session:
        before = session.get_one(models.Dispatch, waiting).manifest_hash
    assert deliver(stage, stage.ben) == delivering.Delivery(delivered=2, failed=0)
    with stage.database.reading() as session:
        dispatch = session.get_one(models.Dispatch, waiting)
        assert Manifest.decode(dispatch.manifest or b"").previous_hash == before
        assert (dispatch.status, dispatch.delivered_at) == (Status.SENT, stage.clock())
        assert (dispatch.sent_by, dispatch.receiver_due_on) == (stage.alma.person_id, date(2026, 9, 15))
    assert alerts(stage, "dispatch.arrived") == ["kit.farrow@example.org"] * 2
    assert sorted(set(alerts(stage, "dispatch.delivered"))) == ["alma.reyes@example.org", "ben.okafor@example.org"]
    assert factories.open_dispatch(stage, kit, waiting).has_opened
    assert factories.show_cover(stage, kit, nil).failure is None
    assert not factories.acknowledge(stage, kit, nil, nil=True).again
    assert deliver(stage, stage.alma) == delivering.Delivery(delivered=0, failed=0)


def test_one_damaged_file_keeps_no_other_from_being_delivered(stage: Stage) -> None:
    damaged, sound = (factories.draft(stage, stage.alma, stage.cast.keyless) for _ in range(2))
    for dispatch_id in (damaged, sound):
        factories.send(stage, stage.alma, dispatch_id)
    with stage.database.writing() as session:
        note = next(
            place.item for place in session.get_one(models.Dispatch, damaged).items if place.item.kind is ItemKind.NOTE
        )
        session.execute(update(models.Item).where(models.Item.id == note.id).values(ciphertext=b"x" * 100))
    enrol_keyless(stage)
    assert deliver(stage, stage.alma) == delivering.Delivery(delivered=1, failed=1)
    assert deliver(stage, stage.alma) == delivering.Delivery(delivered=0, failed=1)
    with stage.database.reading() as session:
        assert session.get_one(models.Dispatch, sound).status is Status.SENT
        assert session.get_one(models.Dispatch, damaged).status is Status.WAITING
        assert session.query(models.LogLeaf).filter_by(event="item.open_failed").count() == 1
    assert len(alerts(stage, "item.unreadable")) == 2


def test_a_nil_declaration_keeps_the_words_that_were_stated(stage: Stage) -> None:
    dispatch_id = factories.empty_draft(stage, stage.alma, stage.cast.receiving)
    sent = factories.declare_nil(stage, stage.alma, dispatch_id)
    with stage.database.reading() as session:
        dispatch = session.get_one(models.Dispatch, dispatch_id)
        assert (dispatch.kind, dispatch.status) == (DispatchKind.NIL, Status.SENT)
        assert (dispatch.statement_version, dispatch.sent_leaf) == ("nil/1", sent.leaf)
        assert Manifest.decode(dispatch.manifest or b"").items == ()
    with pytest.raises(AlreadyDone):
        factories.declare_nil(stage, stage.ben, dispatch_id)


def test_a_file_with_contents_is_no_nil(stage: Stage) -> None:
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.receiving)
    with pytest.raises(RuleForbids) as refused:
        factories.declare_nil(stage, stage.alma, dispatch_id)
    assert refused.value.rule == "not_empty"
    with stage.database.reading() as session:
        assert session.get_one(models.Dispatch, dispatch_id).kind is DispatchKind.FILE


def test_a_file_of_which_everything_was_left_out_is_no_nil(stage: Stage) -> None:
    dispatch_id = factories.empty_draft(stage, stage.alma, stage.cast.receiving)
    left_out = Withheld(reason=WithheldReason.THIRD_PARTY, words="A neighbour's letter.")
    with stage.database.writing() as session:
        notes.set_withheld(session, stage.at, stage.alma.actor, dispatch_id=dispatch_id, withheld=[left_out])
    with pytest.raises(RuleForbids) as refused:
        factories.declare_nil(stage, stage.alma, dispatch_id)
    assert refused.value.rule == "not_empty"


def test_a_draft_begun_under_an_older_key_is_sent_under_the_new_one(stage: Stage) -> None:
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.receiving)
    keys = stage.alma.school_keys(stage.service)
    with stage.database.writing() as session:
        _, leaves = renew_epoch(session, stage.at, stage.alma.actor, school_keys=keys, basis=Basis.ROLE)
        record_all(session, stage.at, leaves)
    factories.send(stage, stage.ben, dispatch_id)
    with stage.database.reading() as session:
        assert session.get_one(models.Dispatch, dispatch_id).sender_epoch == 2
        grants = session.query(models.ItemGrant).filter_by(recipient_id=stage.cast.sending)
        assert sorted(grant.epoch for grant in grants) == [1, 2, 2]
    assert factories.open_dispatch(stage, stage.cora, dispatch_id).has_opened
