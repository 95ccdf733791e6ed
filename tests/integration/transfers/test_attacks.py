"""Somebody can write the database or the store, and holds no key: what was sealed is refused, named, and recorded."""

from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from tests import factories
from tests.integration.transfers.stage import Stage, enrol_keyless
from transfer_service.audit.leaf import decode_leaf
from transfer_service.crypto import formats
from transfer_service.crypto.manifest import Manifest, manifest_hash
from transfer_service.crypto.suites import EpochKey
from transfer_service.crypto.values import Seed
from transfer_service.db import models
from transfer_service.db.models import Dispatch, DispatchItem, Item, ItemGrant, SchoolEpoch, Transfer
from transfer_service.domain.errors import CannotOpen, RuleForbids
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.transfer import DispatchKind, Status
from transfer_service.use_cases.transfers import delivering

Attack = Callable[[Session, Stage, UUID, UUID], None]


def two_files(stage: Stage) -> tuple[UUID, UUID]:
    """Two files under way between the same schools, about two pupils."""
    other = factories.Pupil(forename="Ann", surname="Kay", date_of_birth=factories.PUPIL.date_of_birth)
    first = factories.draft(stage, stage.alma, stage.cast.receiving, attachments=("a.pdf",))
    second = factories.draft(stage, stage.alma, stage.cast.receiving, attachments=("b.pdf",), pupil=other)
    for dispatch_id in (first, second):
        factories.send(stage, stage.alma, dispatch_id)
    return first, second


def item_of(session: Session, dispatch_id: UUID, kind: ItemKind = ItemKind.NOTE) -> Item:
    return (
        session.query(Item)
        .join(DispatchItem, DispatchItem.item_id == Item.id)
        .filter(DispatchItem.dispatch_id == dispatch_id, Item.kind == kind)
        .one()
    )


def grant_of(session: Session, stage: Stage, dispatch_id: UUID, kind: ItemKind = ItemKind.NOTE) -> ItemGrant:
    item = item_of(session, dispatch_id, kind)
    return (
        session.query(ItemGrant)
        .filter_by(item_id=item.id, dispatch_id=dispatch_id, recipient_id=stage.cast.receiving)
        .one()
    )


def swap(session: Session, one: object, other: object, *columns: str) -> None:
    for column in columns:
        first, second = getattr(one, column), getattr(other, column)
        setattr(one, column, second)
        setattr(other, column, first)
    session.flush()


# On one item


def swapped_ciphertexts(session: Session, stage: Stage, first: UUID, second: UUID) -> None:
    swap(session, item_of(session, first), item_of(session, second), "ciphertext")


def swapped_ciphertexts_with_their_facts(session: Session, stage: Stage, first: UUID, second: UUID) -> None:
    facts = ("ciphertext", "ciphertext_length", "ciphertext_sha256", "commitment", "content_digest")
    swap(session, item_of(session, first), item_of(session, second), *facts)


def a_changed_byte(session: Session, stage: Stage, first: UUID, second: UUID) -> None:
    item = item_of(session, first)
    item.ciphertext = (item.ciphertext or b"")[:-1] + b"\x00"


def a_row_without_its_bytes(session: Session, stage: Stage, first: UUID, second: UUID) -> None:
    item_of(session, first).ciphertext = None


def swapped_grants(session: Session, stage: Stage, first: UUID, second: UUID) -> None:
    swap(session, grant_of(session, stage, first), grant_of(session, stage, second), "sealed")


def a_deleted_grant(session: Session, stage: Stage, first: UUID, second: UUID) -> None:
    session.delete(grant_of(session, stage, first))


def a_grant_of_another_suite(session: Session, stage: Stage, first: UUID, second: UUID) -> None:
    grant_of(session, stage, first).suite = 1


def a_grant_of_another_fingerprint(session: Session, stage: Stage, first: UUID, second: UUID) -> None:
    grant_of(session, stage, first).fingerprint = bytes(32)


def a_grant_of_an_epoch_that_nobody_holds(session: Session, stage: Stage, first: UUID, second: UUID) -> None:
    grant_of(session, stage, first).epoch = 9


def another_commitment(session: Session, stage: Stage, first: UUID, second: UUID) -> None:
    item_of(session, first).commitment = bytes(32)


def a_replayed_revision(session: Session, stage: Stage, first: UUID, second: UUID) -> None:
    item_of(session, first).revision = 7


def a_hidden_item(session: Session, stage: Stage, first: UUID, second: UUID) -> None:
    session.execute(
        delete(DispatchItem).where(
            DispatchItem.dispatch_id == first, DispatchItem.item_id == item_of(session, first).id
        )
    )


ON_ONE_ITEM: list[tuple[Attack, str]] = [
    (swapped_ciphertexts, "ciphertext_changed"),
    (swapped_ciphertexts_with_their_facts, "content_changed"),
    (a_changed_byte, "ciphertext_changed"),
    (a_row_without_its_bytes, "ciphertext_missing"),
    (swapped_grants, "grant_unreadable"),
    (a_deleted_grant, "no_grant"),
    (a_grant_of_another_suite, "grant_unreadable"),
    (a_grant_of_another_fingerprint, "grant_unreadable"),
    (a_grant_of_an_epoch_that_nobody_holds, "no_grant"),
    (another_commitment, "grant_unreadable"),
    (a_replayed_revision, "content_changed"),
    (a_hidden_item, "ciphertext_missing"),
]


@pytest.mark.parametrize(("attack", "reason"), ON_ONE_ITEM, ids=[attack.__name__ for attack, _ in ON_ONE_ITEM])
def test_one_damaged_item_is_named_and_the_rest_of_the_page_works(stage: Stage, attack: Attack, reason: str) -> None:
    first, second = two_files(stage)
    with stage.database.writing() as session:
        attack(session, stage, first, second)
    outcome = factories.open_dispatch(stage, stage.cora, first)
    assert outcome.has_opened
    assert [failure.reason.value for failure in outcome.failures] == [reason]
    contents = factories.read(stage, stage.cora, first)
    assert [part.name for part in contents.attachments] == ["a.pdf"]
    assert [part.failure.reason.value for part in contents.parts if part.failure] == [reason]
    with pytest.raises(RuleForbids) as refused:
        factories.acknowledge(stage, stage.cora, first)
    assert refused.value.rule == "items_not_opened"
    assert_reported(stage, first, reason)


def an_item_that_nobody_sent(session: Session, stage: Stage, first: UUID, second: UUID) -> None:
    session.add(DispatchItem(dispatch_id=first, item_id=item_of(session, second).id, position=9))


def test_an_item_that_the_manifest_does_not_list_is_not_shown(stage: Stage) -> None:
    first, second = two_files(stage)
    with stage.database.writing() as session:
        an_item_that_nobody_sent(session, stage, first, second)
    outcome = factories.open_dispatch(stage, stage.cora, first)
    assert [failure.reason.value for failure in outcome.failures] == ["content_changed"]


def test_a_lost_or_exchanged_blob_is_one_damaged_item(stage: Stage) -> None:
    first, second = two_files(stage)
    with stage.database.writing() as session:
        one, other = (item_of(session, each, ItemKind.ATTACHMENT) for each in (first, second))
        stage.storage.delete(one.blob_key or "")
    assert [one.reason.value for one in factories.open_dispatch(stage, stage.cora, first).failures] == [
        "ciphertext_missing"
    ]
    path = stage.blobs / (other.blob_key or "")
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    assert [one.reason.value for one in factories.open_dispatch(stage, stage.cora, second).failures] == [
        "ciphertext_changed"
    ]


# On the whole dispatch


def swapped_pupils(session: Session, stage: Stage, first: UUID, second: UUID) -> None:
    one, other = (session.get_one(Dispatch, each).transfer for each in (first, second))
    swap(session, one, other, "forename", "surname", "date_of_birth", "upn")


def pupils_swapped_by_somebody_with_the_field_keys(session: Session, stage: Stage, first: UUID, second: UUID) -> None:
    transfer = session.get_one(Dispatch, first).transfer
    transfer.surname = stage.at.field_keys.seal_field("Kay", table="transfer", column="surname", row=transfer.id)


def another_leaving_date(session: Session, stage: Stage, first: UUID, second: UUID) -> None:
    transfer_id = session.get_one(Dispatch, first).transfer_id
    session.execute(update(Transfer).where(Transfer.id == transfer_id).values(leaving_on=stage.clock().date()))


def swapped_manifests(session: Session, stage: Stage, first: UUID, second: UUID) -> None:
    one, other = (session.get_one(Dispatch, each) for each in (first, second))
    swap(session, one, other, "manifest", "manifest_signature", "manifest_hash", "sent_leaf")


def a_forged_manifest(session: Session, stage: Stage, first: UUID, second: UUID) -> None:
    dispatch = session.get_one(Dispatch, first)
    manifest = dispatch.manifest or b""
    encoded = manifest[:-1] + bytes([manifest[-1] ^ 1])
    dispatch.manifest, dispatch.manifest_hash = encoded, manifest_hash(encoded)


def a_manifest_signed_anew_by_the_sender(session: Session, stage: Stage, first: UUID, second: UUID) -> None:
    dispatch = session.get_one(Dispatch, first)
    manifest = Manifest.decode(dispatch.manifest or b"")
    shorter = Manifest(
        **{
            **{name: getattr(manifest, name) for name in Manifest.__dataclass_fields__},
            "items": manifest.items[:1],
        }
    )
    dispatch.manifest, dispatch.manifest_hash = shorter.encode(), shorter.hash
    dispatch.manifest_signature = stage.alma.school_keys(stage.service).active[1].sign(shorter.encode())


def bytes_that_are_no_manifest(session: Session, stage: Stage, first: UUID, second: UUID) -> None:
    dispatch = session.get_one(Dispatch, first)
    dispatch.manifest = b"nothing"
    dispatch.manifest_signature = stage.alma.school_keys(stage.service).active[1].sign(b"nothing")


def no_manifest(session: Session, stage: Stage, first: UUID, second: UUID) -> None:
    session.get_one(Dispatch, first).manifest = None


def a_leaf_that_is_not_there(session: Session, stage: Stage, first: UUID, second: UUID) -> None:
    session.get_one(Dispatch, first).sent_leaf = 10_000


def a_leaf_of_another_act(session: Session, stage: Stage, first: UUID, second: UUID) -> None:
    session.get_one(Dispatch, first).sent_leaf = 0


def an_exchanged_list_of_what_is_withheld(session: Session, stage: Stage, first: UUID, second: UUID) -> None:
    session.get_one(Dispatch, first).withheld = [{"item": str(first), "reason": "third_party"}]


def a_cover_that_is_gone(session: Session, stage: Stage, first: UUID, second: UUID) -> None:
    cover = item_of(session, first, ItemKind.COVER)
    session.execute(delete(DispatchItem).where(DispatchItem.item_id == cover.id))


def swapped_covers(session: Session, stage: Stage, first: UUID, second: UUID) -> None:
    one, other = (item_of(session, each, ItemKind.COVER) for each in (first, second))
    swap(session, one, other, "ciphertext", "ciphertext_sha256", "commitment")


def a_substituted_public_key(session: Session, stage: Stage, first: UUID, second: UUID) -> None:
    forged = EpochKey.from_seed(Seed.generate()).public
    session.execute(
        update(SchoolEpoch)
        .where(SchoolEpoch.school_id == stage.cast.sending)
        .values(
            kem_public=forged.kem_public,
            signing_public=forged.signing_public,
            fingerprint=forged.fingerprint.digest,
        )
    )


ON_THE_WHOLE: list[tuple[Attack, str]] = [
    (swapped_pupils, "cover_not_this_pupil"),
    (pupils_swapped_by_somebody_with_the_field_keys, "cover_not_this_pupil"),
    (another_leaving_date, "cover_not_this_pupil"),
    (swapped_manifests, "manifest_signature"),
    (a_forged_manifest, "manifest_signature"),
    (a_manifest_signed_anew_by_the_sender, "manifest_not_as_logged"),
    (bytes_that_are_no_manifest, "unknown_format"),
    (no_manifest, "manifest_signature"),
    (a_leaf_that_is_not_there, "manifest_not_as_logged"),
    (a_leaf_of_another_act, "manifest_not_as_logged"),
    (an_exchanged_list_of_what_is_withheld, "manifest_signature"),
    (a_cover_that_is_gone, "ciphertext_missing"),
    (swapped_covers, "grant_unreadable"),
    (a_substituted_public_key, "public_key_not_authentic"),
]


@pytest.mark.parametrize(("attack", "reason"), ON_THE_WHOLE, ids=[attack.__name__ for attack, _ in ON_THE_WHOLE])
def test_nothing_is_opened_where_manifest_cover_or_columns_do_not_hold(
    stage: Stage, attack: Attack, reason: str
) -> None:
    first, second = two_files(stage)
    with stage.database.writing() as session:
        attack(session, stage, first, second)
    shown = factories.show_cover(stage, stage.cora, first)
    assert shown.cover is None
    assert shown.failure is not None
    assert shown.failure.reason.value == reason
    outcome = factories.open_dispatch(stage, stage.cora, first)
    assert not outcome.has_opened
    assert [failure.reason.value for failure in outcome.failures] == [reason]
    with stage.database.reading() as session:
        dispatch = session.get_one(Dispatch, first)
        assert (dispatch.status, dispatch.opened_at, dispatch.cover_shown_at) == (Status.SENT, None, None)
        assert session.query(models.Opening).count() == 0
    assert_reported(stage, first, reason)


def assert_reported(stage: Stage, dispatch_id: UUID, reason: str) -> None:
    """There is a leaf that commits to the reason, one alert to each lead of the sender, and no name in either."""
    with stage.database.reading() as session:
        leaves = [
            decode_leaf(row.body).said for row in session.query(models.LogLeaf).filter_by(event="item.open_failed")
        ]
        assert leaves
        assert {leaf.dispatch for leaf in leaves} == {dispatch_id}
        told = [alert.address for alert in session.query(models.Alert).filter_by(kind="item.unreadable")]
        assert told.count("alma.reyes@example.org") == told.count("ben.okafor@example.org") == 1
        details = session.query(models.LogDetail).all()
        opened = [
            stage.at.field_keys.open_field(one.sealed, table="log_detail", column="sealed", row=UUID(int=one.idx))
            for one in details
        ]
    assert any(reason.encode() in detail for detail in opened)
    assert not any(b"Brien" in detail or b"Kay" in detail for detail in opened)


def test_acknowledging_what_was_exchanged_after_opening_is_refused(stage: Stage) -> None:
    first, second = two_files(stage)
    factories.open_dispatch(stage, stage.cora, first)
    with stage.database.writing() as session:
        a_manifest_signed_anew_by_the_sender(session, stage, first, second)
    with pytest.raises(CannotOpen) as refused:
        factories.acknowledge(stage, stage.cora, first)
    assert refused.value.reason == "manifest_not_as_logged"


def test_a_nil_about_a_swapped_pupil_is_not_acknowledged(stage: Stage) -> None:
    dispatch_id = factories.dispatch_in(
        stage, Status.SENT, sender=stage.alma, receiver=stage.cora, kind=DispatchKind.NIL
    )
    with stage.database.writing() as session:
        pupils_swapped_by_somebody_with_the_field_keys(session, stage, dispatch_id, dispatch_id)
    with pytest.raises(CannotOpen) as refused:
        factories.acknowledge(stage, stage.cora, dispatch_id, nil=True)
    assert refused.value.reason == "cover_not_this_pupil"


def test_a_forged_manifest_is_never_delivered_on(stage: Stage) -> None:
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.keyless)
    factories.send(stage, stage.alma, dispatch_id)
    enrol_keyless(stage)
    with stage.database.writing() as session:
        a_forged_manifest(session, stage, dispatch_id, dispatch_id)
    keys = stage.alma.school_keys(stage.service)
    with stage.database.writing() as session:
        done = delivering.deliver_waiting(session, stage.at, stage.alma.actor, keys, storage=stage.storage)
    assert (done.delivered, done.failed) == (0, 1)


def test_nothing_is_sealed_to_a_substituted_receiver(stage: Stage) -> None:
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.receiving)
    forged = EpochKey.from_seed(Seed.generate()).public
    with stage.database.writing() as session:
        session.execute(
            update(SchoolEpoch)
            .where(SchoolEpoch.school_id == stage.cast.receiving)
            .values(kem_public=forged.kem_public, fingerprint=forged.fingerprint.digest)
        )
    with pytest.raises(CannotOpen) as refused:
        factories.send(stage, stage.alma, dispatch_id)
    assert refused.value.reason == "public_key_not_authentic"


def test_the_authoritys_recovery_key_is_no_way_in_by_another_label(stage: Stage) -> None:
    """A key row of another kind does not pass for a school's epoch: kind and owner are authenticated."""
    with stage.database.writing() as session:
        recovery = session.query(models.RecoveryKey).filter_by(authority_id=stage.cast.warwickshire).one()
        mac = stage.at.field_keys.authenticate_public_key(
            stage.alma.person_key.public,
            kind=formats.KeyKind.PERSON,
            owner=stage.cast.receiving,
            epoch=1,
            state="active",
        )
        session.execute(
            update(SchoolEpoch)
            .where(SchoolEpoch.school_id == stage.cast.receiving)
            .values(kem_public=recovery.kem_public, signing_public=b"", fingerprint=recovery.fingerprint, mac=mac)
        )
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.receiving)
    with pytest.raises(CannotOpen):
        factories.send(stage, stage.alma, dispatch_id)
