"""Notes, edits, removals, and what was left out."""

from dataclasses import replace

import pytest

from tests import factories
from tests.integration.transfers.stage import Stage
from transfer_service.db import models
from transfer_service.domain import notes as limits
from transfer_service.domain.errors import Invalid, NotFound, PermissionRefused, RuleForbids, StateForbids
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.notes import WithheldReason
from transfer_service.use_cases.transfers import notes
from transfer_service.use_cases.transfers.texts import Withheld


def test_a_note_is_sealed_to_the_senders_key_and_read_by_a_colleague(stage: Stage) -> None:
    dispatch_id = factories.empty_draft(stage, stage.alma, stage.cast.receiving)
    item_id = factories.add_note(stage, stage.alma, dispatch_id)
    with stage.database.reading() as session:
        item = session.get_one(models.Item, item_id)
        grant = session.query(models.ItemGrant).one()
        assert (item.kind, item.revision, item.blob_key) == (ItemKind.NOTE, 1, None)
        assert (grant.recipient_id, grant.epoch) == (stage.cast.sending, 1)
        assert b"partner" not in (item.ciphertext or b"")
        leaf = session.query(models.LogLeaf).filter_by(event="note.sealed").one()
        assert item.content_digest.hex().encode() in leaf.body
    contents = factories.read(stage, stage.ben, dispatch_id)
    assert contents.notes[0].note == replace(factories.a_note(), written_by="Alma Reyes")
    with stage.database.reading() as session:
        assert session.query(models.LogLeaf).filter_by(event="notes.read").count() == 1


def test_an_edit_is_a_new_revision_under_a_fresh_key(stage: Stage) -> None:
    dispatch_id = factories.empty_draft(stage, stage.alma, stage.cast.receiving)
    item_id = factories.add_note(stage, stage.alma, dispatch_id)
    with stage.database.reading() as session:
        before = session.get_one(models.Item, item_id)
        sealed_before = session.query(models.ItemGrant).one().sealed
    change = {"dispatch_id": dispatch_id, "item_id": item_id, "note": factories.a_note("Corrected.")}
    with stage.database.writing() as session:
        assert notes.edit_note(session, stage.at, stage.ben.actor, revision=1, **change) == 2
    with stage.database.reading() as session:
        after = session.get_one(models.Item, item_id)
        assert (after.revision, after.id) == (2, before.id)
        assert after.commitment != before.commitment
        assert session.query(models.ItemGrant).one().sealed != sealed_before
    note = factories.read(stage, stage.alma, dispatch_id).notes[0].note
    assert note is not None
    assert (note.text, note.written_by) == ("Corrected.", "Ben Okafor")
    with stage.database.writing() as session, pytest.raises(StateForbids):
        notes.edit_note(session, stage.at, stage.alma.actor, revision=1, **change)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"text": "  "}, "text"),
        ({"text": "x" * (limits.NOTE_TEXT_LIMIT + 1)}, "text"),
        ({"why_shared": (), "why_shared_words": " "}, "why_shared"),
        ({"why_shared_words": "x" * (limits.WHY_SHARED_LIMIT + 1)}, "why_shared_words"),
    ],
)
def test_a_note_that_says_nothing_or_too_much_is_refused(stage: Stage, change: dict[str, object], field: str) -> None:
    dispatch_id = factories.empty_draft(stage, stage.alma, stage.cast.receiving)
    with pytest.raises(Invalid) as refused:
        factories.add_note(stage, stage.alma, dispatch_id, replace(factories.a_note(), **change))  # type: ignore[arg-type]
    assert list(refused.value.fields) == [field]


def test_the_office_seals_no_note_and_a_stranger_finds_no_draft(stage: Stage) -> None:
    dispatch_id = factories.empty_draft(stage, stage.alma, stage.cast.receiving)
    with pytest.raises(PermissionRefused):
        factories.add_note(stage, stage.edie, dispatch_id)
    for other in (stage.stella, stage.cora, stage.cast.olive):
        with pytest.raises(NotFound):
            factories.add_note(stage, other, dispatch_id)


def test_a_removed_note_is_gone_with_its_grants(stage: Stage) -> None:
    dispatch_id = factories.empty_draft(stage, stage.alma, stage.cast.receiving)
    item_id = factories.add_note(stage, stage.alma, dispatch_id)
    with stage.database.writing() as session:
        assert notes.remove_item(session, stage.at, stage.alma.actor, dispatch_id=dispatch_id, item_id=item_id) is None
    with stage.database.reading() as session:
        assert session.query(models.Item).count() == session.query(models.ItemGrant).count() == 0
    with stage.database.writing() as session, pytest.raises(NotFound):
        notes.remove_item(session, stage.at, stage.alma.actor, dispatch_id=dispatch_id, item_id=item_id)


def test_what_is_withheld_is_listed_by_reason_and_said_only_inside_a_sealed_item(stage: Stage) -> None:
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.receiving)
    first = [Withheld(WithheldReason.THIRD_PARTY, "A statement by the neighbour")]
    second = [Withheld(WithheldReason.LEGAL_PRIVILEGE, "Counsel's advice")]
    for withheld in (first, second):
        with stage.database.writing() as session:
            notes.set_withheld(session, stage.at, stage.alma.actor, dispatch_id=dispatch_id, withheld=withheld)
    with stage.database.reading() as session:
        dispatch = session.get_one(models.Dispatch, dispatch_id)
        assert [one["reason"] for one in dispatch.withheld] == ["legal_privilege"]
        assert session.query(models.Item).filter_by(kind=ItemKind.REMARK).count() == 1
    remark = factories.read(stage, stage.alma, dispatch_id).remarks[0].remark
    assert remark is not None
    assert (remark.reason, remark.words) == ("legal_privilege", "Counsel's advice")
    with stage.database.writing() as session:
        notes.set_withheld(session, stage.at, stage.alma.actor, dispatch_id=dispatch_id, withheld=[])
    with stage.database.reading() as session:
        assert session.get_one(models.Dispatch, dispatch_id).withheld is None
    with stage.database.writing() as session, pytest.raises(Invalid):
        blank = [Withheld(WithheldReason.THIRD_PARTY, " ")]
        notes.set_withheld(session, stage.at, stage.alma.actor, dispatch_id=dispatch_id, withheld=blank)


def test_a_remark_is_no_note_to_edit_or_remove(stage: Stage) -> None:
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.receiving)
    withheld = [Withheld(WithheldReason.THIRD_PARTY, "A statement")]
    with stage.database.writing() as session:
        notes.set_withheld(session, stage.at, stage.alma.actor, dispatch_id=dispatch_id, withheld=withheld)
    with stage.database.reading() as session:
        remark = session.query(models.Item).filter_by(kind=ItemKind.REMARK).one().id
    act = {"dispatch_id": dispatch_id, "item_id": remark}
    with stage.database.writing() as session, pytest.raises(RuleForbids):
        notes.remove_item(session, stage.at, stage.alma.actor, **act)
    with stage.database.writing() as session, pytest.raises(RuleForbids):
        notes.edit_note(session, stage.at, stage.alma.actor, revision=1, note=factories.a_note(), **act)


def test_a_file_takes_so_many_items_and_no_more(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ITEMS", 1)
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.receiving)
    with pytest.raises(RuleForbids) as refused:
        factories.add_note(stage, stage.alma, dispatch_id)
    assert refused.value.rule == "too_many_items"
