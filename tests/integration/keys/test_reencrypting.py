"""Rotation R3: what a school holds is encrypted again under new data keys, for everybody who holds it."""

from uuid import UUID

import pytest
from sqlalchemy import select, update

from tests import factories
from tests.integration.keys.reencrypting import blobs, failures, grants, items, new_epoch, progress, reencrypt
from tests.integration.transfers.stage import Stage
from tests.observing import leaves, rows
from transfer_service.crypto.reencryption import Reencryption, reencryption_hash
from transfer_service.db.models import Dispatch, Item, ItemReencryption
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.transfer import Status
from transfer_service.use_cases.keys import reencryption
from transfer_service.use_cases.keys.rotation import reseal_all, reseal_round
from transfer_service.use_cases.retention import shred_dispatch
from transfer_service.use_cases.transfers import (
    redirecting,
)
from transfer_service.use_cases.transfers.drafting import discard_draft
from transfer_service.use_cases.transfers.notes import edit_note

ONE = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)


def test_everything_is_encrypted_again_and_opens_for_both_schools(stage: Stage, kept: UUID):
    old, old_blobs = items(stage, kept), blobs(stage)
    assert progress(stage, stage.cora) == (0, 3)
    done = reencrypt(stage, stage.cora)
    assert (done.epoch, done.done, done.left, done.total, done.is_begun, done.is_wanted) == (2, 3, 0, 3, True, False)
    new, new_blobs = items(stage, kept), blobs(stage)
    for kind, before in old.items():
        after = new[kind]
        assert (before.revision, after.revision) == (1, 2)
        assert after.content_digest == before.content_digest
        assert after.commitment != before.commitment
        assert after.ciphertext_sha256 != before.ciphertext_sha256
        assert after.created_at == before.created_at
        assert after.reencrypted_at == stage.clock()
    assert (len(old_blobs), len(new_blobs), old_blobs & new_blobs) == (1, 1, set())
    assert grants(stage) == {("sender", 1), ("receiver", 2)}
    for member in (stage.alma, stage.ben, stage.cora):
        assert failures(stage, member, kept) == []
    assert (
        factories.contents(stage, stage.alma, kept).notes[0].note
        == factories.contents(stage, stage.cora, kept).notes[0].note
    )


def test_each_item_leaves_a_leaf_with_the_hash_of_what_the_school_signed(stage: Stage, kept: UUID):
    before = len(leaves(stage.service))
    reencrypt(stage, stage.cora)
    said = leaves(stage.service)[before:]
    assert [leaf.event for leaf in said] == ["item.reencrypted"] * 3
    with stage.database.reading() as session:
        stated = {row.item_id: row for row in session.scalars(select(ItemReencryption))}
    number, key = stage.cora.school_keys(stage.service).active
    for leaf in said:
        assert leaf.item is not None
        statement = Reencryption.decode(stated[leaf.item].statement)
        assert (leaf.subject, leaf.org, leaf.actor) == (leaf.item, stage.cast.receiving, stage.cora.person_id)
        assert leaf.digest == reencryption_hash(stated[leaf.item].statement)
        assert (leaf.epoch, leaf.key) == (number, key.fingerprint.hex)
        assert (statement.old_revision, statement.new_revision) == (1, 2)
        assert (statement.signer_org, statement.signer_epoch) == (stage.cast.receiving, 2)


def test_a_round_more_changes_nothing(stage: Stage, kept: UUID):
    reencrypt(stage, stage.cora)
    before = rows(stage.service), blobs(stage)
    reencrypt(stage, stage.cora)
    assert (rows(stage.service), blobs(stage)) == before


def test_both_schools_may_one_after_the_other(stage: Stage, kept: UUID):
    reencrypt(stage, stage.cora)
    new_epoch(stage, stage.alma)
    assert progress(stage, stage.alma) == (0, 3)
    assert reencrypt(stage, stage.alma).left == 0
    assert grants(stage) == {("sender", 2), ("receiver", 2)}
    assert {item.revision for item in items(stage, kept).values()} == {3}
    assert (failures(stage, stage.alma, kept), failures(stage, stage.cora, kept)) == ([], [])


@ONE
def test_a_few_at_once_and_the_next_call_goes_on(stage: Stage, kept: UUID):
    assert (reencrypt(stage, stage.cora, at_most=2).done, progress(stage, stage.cora)) == (2, (2, 1))
    assert failures(stage, stage.cora, kept) == []
    assert reencrypt(stage, stage.cora).left == 0


@ONE
def test_after_many_bytes_a_call_ends_and_the_next_goes_on(stage: Stage, kept: UUID, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reencryption, "BYTES_AT_ONCE", 1)
    assert [reencrypt(stage, stage.cora).done for _ in range(4)] == [1, 2, 3, 3]


@ONE
def test_grants_to_an_earlier_key_of_another_school_become_grants_to_its_present_one(stage: Stage, kept: UUID):
    new_epoch(stage, stage.alma)
    assert ("sender", 1) in grants(stage)
    reencrypt(stage, stage.cora)
    assert grants(stage) == {("sender", 2), ("receiver", 2)}
    assert failures(stage, stage.alma, kept) == []


@ONE
def test_a_renewal_half_done_does_not_stand_in_the_way(stage: Stage, kept: UUID):
    with stage.database.writing() as session:
        reseal_round(session, stage.at, stage.cora.actor, person_key=stage.cora.person_key)
    reencrypt(stage, stage.cora, at_most=1)
    resealed = reseal_all(stage.database, stage.at, stage.cora.actor, person_key=stage.cora.person_key)
    assert resealed.left == 0
    assert reencrypt(stage, stage.cora).left == 0
    assert failures(stage, stage.cora, kept) == []


@ONE
def test_what_the_receiver_has_not_opened_is_left_to_the_sender(stage: Stage):
    sent = factories.dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora)
    new_epoch(stage, stage.cora)
    assert progress(stage, stage.cora) == (0, 0)
    new_epoch(stage, stage.alma)
    assert reencrypt(stage, stage.alma).done == 2
    factories.open_dispatch(stage, stage.cora, sent)
    assert failures(stage, stage.cora, sent) == []


@ONE
def test_a_draft_is_encrypted_again_and_can_be_edited_and_sent(stage: Stage):
    draft = factories.draft(stage, stage.alma, stage.cast.receiving, attachments=["a.pdf"])
    new_epoch(stage, stage.alma)
    assert reencrypt(stage, stage.alma).done == 2
    note = items(stage, draft)[ItemKind.NOTE]
    with stage.database.writing() as session:
        assert (
            edit_note(
                session,
                stage.at,
                stage.alma.actor,
                dispatch_id=draft,
                item_id=note.id,
                revision=2,
                note=factories.a_note("She is collected by her aunt."),
            )
            == 3
        )
    factories.send(stage, stage.alma, draft)
    factories.open_dispatch(stage, stage.cora, draft)
    assert failures(stage, stage.cora, draft) == []
    new_epoch(stage, stage.alma)
    assert reencrypt(stage, stage.alma).done == 3
    assert items(stage, draft)[ItemKind.NOTE].revision == 4
    assert failures(stage, stage.cora, draft) == []


def test_a_draft_that_was_encrypted_again_is_discarded_with_its_statements(stage: Stage):
    draft = factories.draft(stage, stage.alma, stage.cast.receiving, attachments=["a.pdf"])
    new_epoch(stage, stage.alma)
    reencrypt(stage, stage.alma)
    with stage.database.writing() as session:
        keys = discard_draft(session, stage.at, stage.alma.actor, dispatch_id=draft)
    assert set(keys) == blobs(stage)
    with stage.database.reading() as session:
        assert session.scalars(select(ItemReencryption)).all() == []
        assert session.scalars(select(Item)).all() == []


@ONE
def test_what_is_redirected_afterwards_names_the_new_ciphertext(stage: Stage):
    back = factories.dispatch_in(stage, Status.REJECTED, sender=stage.alma, receiver=stage.cora)
    new_epoch(stage, stage.alma)
    # The cover, the note, and the words with which it was sent back are the sender's to read.
    assert reencrypt(stage, stage.alma).left == 0
    with stage.database.writing() as session:
        again = redirecting.redirect(
            session,
            stage.at,
            stage.alma.actor,
            dispatch_id=back,
            receiving_school_id=stage.cast.stranger,
            person_key=stage.alma.person_key,
            storage=stage.storage,
        )
    factories.open_dispatch(stage, stage.stella, again.dispatch_id)
    assert failures(stage, stage.stella, again.dispatch_id) == []


@ONE
@pytest.mark.parametrize("when", ["before", "as a draft", "after"])
def test_a_forwarded_file_opens_for_all_three_schools_whenever_it_was_encrypted_again(
    stage: Stage, kept: UUID, when: str
):
    if when == "before":
        reencrypt(stage, stage.cora)
    on = factories.forward(stage, stage.cora, kept, stage.cast.stranger)
    if when == "as a draft":
        reencrypt(stage, stage.cora)
    factories.send(stage, stage.cora, on)
    factories.open_dispatch(stage, stage.stella, on)
    if when == "after":
        new_epoch(stage, stage.stella)
        assert reencrypt(stage, stage.stella).left == 0
    assert failures(stage, stage.alma, kept) == []
    assert failures(stage, stage.cora, kept) == []
    assert failures(stage, stage.cora, on) == []
    assert failures(stage, stage.stella, on) == []


@ONE
def test_what_was_sent_on_opens_at_the_next_school_although_the_first_sending_was_sent_back(stage: Stage, kept: UUID):
    on = factories.forward(stage, stage.cora, kept, stage.cast.stranger)
    factories.send(stage, stage.cora, on)
    factories.open_dispatch(stage, stage.stella, on)
    factories.send_back(stage, stage.cora, kept)
    new_epoch(stage, stage.alma)
    assert reencrypt(stage, stage.alma).left == 0
    assert failures(stage, stage.stella, on) == []
    assert failures(stage, stage.cora, on) == []
    assert failures(stage, stage.alma, kept) == []
    new_epoch(stage, stage.cora)
    assert reencrypt(stage, stage.cora).left == 0
    assert failures(stage, stage.stella, on) == []


@ONE
def test_a_shredded_file_is_not_encrypted_again(stage: Stage, kept: UUID):
    with stage.database.writing() as session:
        session.execute(update(Dispatch).values(exported_at=stage.clock(), filed_at=stage.clock()))
    stage.clock.move(days=31)
    with stage.database.writing() as session:
        shred_dispatch(session, stage.at, dispatch_id=kept)
    assert progress(stage, stage.cora) == (0, 0)
