"""What is encrypted again is killed at every step, damaged, changed meanwhile, or tried by those who may not."""

from contextlib import suppress
from uuid import UUID

import pytest
from sqlalchemy import delete, select, update

from tests import factories
from tests.cast import make_first_holder
from tests.integration.keys.reencrypting import blobs, failures, grants, items, new_epoch, reencrypt
from tests.integration.transfers.stage import Stage
from tests.observing import alerts, leaves, rows
from transfer_service.crypto.items import check_commitment
from transfer_service.crypto.values import DataKey
from transfer_service.db.models import Dispatch, Item, ItemGrant, KeyGrant, SchoolEpoch
from transfer_service.domain.ailments import Severity
from transfer_service.domain.errors import (
    CannotOpen,
    Conflict,
    NeedsPassword,
    NotFound,
    OpeningFailure,
    PermissionRefused,
)
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.statements import PUPIL_CONFIRMATION
from transfer_service.domain.transfer import Status
from transfer_service.use_cases.keys import probing, reencryption
from transfer_service.use_cases.keys.exposure import report_exposure
from transfer_service.use_cases.keys.holding import open_school_keys
from transfer_service.use_cases.keys.reencryption import get_reencryption, reencrypt_item
from transfer_service.use_cases.keys.rotation import reseal_all
from transfer_service.use_cases.oversight import doctor
from transfer_service.use_cases.transfers import (
    exchanging_grants,
    opening,
    reencrypting,
)
from transfer_service.use_cases.transfers.reading import prepare_reading, record_reading
from transfer_service.use_cases.transfers.reencrypting import make_item, prepare_item, swap_item
from transfer_service.use_cases.transfers.sealing import item_context, open_key, read_start
from transfer_service.use_cases.transfers.unsealing import load_sealed

ONE = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)


STEPS = [
    (reencryption, "prepare_item"),
    (reencryption, "make_item"),
    (reencrypting, "check_reencrypted"),
    (reencryption, "swap_item"),
    (reencrypting, "exchange_grants"),
    (exchanging_grants, "open_key"),
    (reencrypting, "record_all"),
]


@ONE
@pytest.mark.parametrize("step", STEPS, ids=[name for _, name in STEPS])
@pytest.mark.parametrize("done_before", [0, 2])
def test_killed_at_any_step_it_leaves_every_item_openable_and_is_taken_up(
    stage: Stage, kept: UUID, step: tuple[object, str], done_before: int, monkeypatch: pytest.MonkeyPatch
):
    reencrypt(stage, stage.cora, at_most=done_before)
    before = rows(stage.service)

    def killed(*_given: object, **_named: object) -> None:
        raise SystemExit("killed")

    monkeypatch.setattr(*step, killed)
    with pytest.raises(SystemExit, match="killed"):
        reencrypt(stage, stage.cora)
    monkeypatch.undo()
    assert rows(stage.service) == before
    assert (failures(stage, stage.alma, kept), failures(stage, stage.cora, kept)) == ([], [])
    assert reencrypt(stage, stage.cora).left == 0
    assert (failures(stage, stage.alma, kept), failures(stage, stage.cora, kept)) == ([], [])


@ONE
def test_killed_after_the_commit_only_old_bytes_are_left_over(
    stage: Stage, kept: UUID, monkeypatch: pytest.MonkeyPatch
):
    old = blobs(stage)

    def killed(*_given: object) -> None:
        raise SystemExit("killed")

    monkeypatch.setattr(type(stage.storage), "delete", killed)
    with pytest.raises(SystemExit, match="killed"):
        reencrypt(stage, stage.cora)
    monkeypatch.undo()
    assert reencrypt(stage, stage.cora).left == 0
    assert failures(stage, stage.cora, kept) == []
    named = items(stage, kept)[ItemKind.ATTACHMENT].blob_key
    assert blobs(stage) - {named} == old


@ONE
def test_new_bytes_that_do_not_read_back_take_nothing_away(stage: Stage, kept: UUID, monkeypatch: pytest.MonkeyPatch):
    old, before = blobs(stage), items(stage, kept)[ItemKind.ATTACHMENT]
    real = type(stage.storage).put_new

    def badly(storage, key, chunks):
        return real(storage, key, [b"".join(chunks)[:-1]])

    monkeypatch.setattr(type(stage.storage), "put_new", badly)
    assert reencrypt(stage, stage.cora).left == 1
    monkeypatch.undo()
    after = items(stage, kept)[ItemKind.ATTACHMENT]
    assert (after.revision, after.blob_key, blobs(stage)) == (before.revision, before.blob_key, old)
    assert failures(stage, stage.cora, kept) == []


@ONE
def test_an_item_that_does_not_open_stays_and_is_told_once(stage: Stage, kept: UUID):
    note = items(stage, kept)[ItemKind.NOTE]
    with stage.database.writing() as session:
        session.execute(update(Item).where(Item.id == note.id).values(ciphertext=bytes(1096)))
    assert reencrypt(stage, stage.cora).left == 1
    assert reencrypt(stage, stage.cora).left == 1
    assert [leaf.event for leaf in leaves(stage.service)].count("item.open_failed") == 1
    assert ("item.unreadable", "alma.reyes@example.org") in alerts(stage.service)


@ONE
@pytest.mark.parametrize("meanwhile", ["encrypted again", "shredded", "sent back"])
def test_what_changes_meanwhile_is_not_overwritten(stage: Stage, meanwhile: str):
    status = Status.OPENED if meanwhile == "sent back" else Status.ACKNOWLEDGED
    kept = factories.dispatch_in(stage, status, sender=stage.alma, receiver=stage.cora, attachments=["a.pdf"])
    new_epoch(stage, stage.cora)
    new_epoch(stage, stage.alma)
    item = items(stage, kept)[ItemKind.ATTACHMENT]
    with stage.database.reading() as session:
        keys = open_school_keys(session, stage.at, stage.cora.actor, stage.cora.person_key)
        prepared = prepare_item(session, stage.at, keys, item.id)
    made = make_item(stage.at, stage.storage, prepared)
    if meanwhile == "encrypted again":
        reencrypt(stage, stage.alma)
    elif meanwhile == "sent back":
        factories.send_back(stage, stage.cora, kept)
    else:
        with stage.database.writing() as session:
            session.execute(delete(ItemGrant))
            session.execute(update(Item).values(shredded_at=stage.clock(), blob_key=None, ciphertext=None))
    before = rows(stage.service)
    with pytest.raises(Conflict), stage.database.writing() as session:
        swap_item(session, stage.at, stage.cora.actor, keys, made)
    assert rows(stage.service) == before


@ONE
def test_only_key_holders_with_their_password_given_just_now_may(stage: Stage, kept: UUID):
    note = items(stage, kept)[ItemKind.NOTE]

    def one(member) -> None:
        reencrypt_item(
            stage.database, stage.at, member.actor, item_id=note.id, person_key=member.person_key, storage=stage.storage
        )

    with pytest.raises(PermissionRefused):
        one(stage.cast.hugh)
    with pytest.raises(NotFound):
        one(stage.cast.olive)
    with pytest.raises(Conflict):
        one(stage.stella)
    with pytest.raises(PermissionRefused), stage.database.reading() as session:
        get_reencryption(session, stage.edie.actor)
    stage.clock.move(minutes=11)
    with pytest.raises(NeedsPassword):
        one(stage.cora)


@ONE
def test_a_row_that_grants_it_to_a_stranger_is_not_made_anew(stage: Stage, kept: UUID):
    note = items(stage, kept)[ItemKind.NOTE]
    with stage.database.writing() as session:
        session.add(
            ItemGrant(
                id=stage.at.new_id(),
                item_id=note.id,
                dispatch_id=kept,
                recipient_id=stage.cast.stranger,
                epoch=1,
                fingerprint=bytes(32),
                suite=2,
                sealed=bytes(1168),
                created_at=stage.clock(),
                created_by=stage.cora.person_id,
            )
        )
    reencrypt(stage, stage.cora)
    assert grants(stage) == {("sender", 1), ("receiver", 2)}


def test_a_school_whose_key_was_lost_is_told_that_its_data_keys_may_be_known(stage: Stage):
    with stage.database.writing() as session:
        report_exposure(session, stage.at, stage.cora.actor)
    stage.clock.move(minutes=1)
    again = make_first_holder(stage.service, stage.cast.olive, stage.cora)
    with stage.database.reading() as session:
        found = get_reencryption(session, again.actor)
    assert (found.epoch, found.is_wanted) == (2, True)


@ONE
def test_who_opens_while_it_is_encrypted_again_is_asked_to_try_again_and_nothing_is_reported(stage: Stage):
    sent = factories.dispatch_in(
        stage, Status.SENT, sender=stage.alma, receiver=stage.cora, attachments=["genogram.pdf"]
    )
    new_epoch(stage, stage.alma)
    with stage.database.reading() as session:
        session.get_one(Item, items(stage, sent)[ItemKind.ATTACHMENT].id)
        keys = open_school_keys(session, stage.at, stage.cora.actor, stage.cora.person_key)
        sealed = load_sealed(session, stage.at, session.get_one(Dispatch, sent), keys)
        assert [place.item.kind for place in sealed.places] == [ItemKind.NOTE, ItemKind.ATTACHMENT, ItemKind.COVER]
        reencrypt(stage, stage.alma)
        prepared = opening.prepare_opening(
            session,
            stage.at,
            stage.cora.actor,
            dispatch_id=sent,
            person_key=stage.cora.person_key,
            storage=stage.storage,
        )
    assert [failure.reason for _, failure in prepared.failures] == [OpeningFailure.CIPHERTEXT_MISSING]
    with pytest.raises(Conflict, match="encrypted again while you were"), stage.database.writing() as session:
        opening.record_opening(
            session, stage.at, stage.cora.actor, prepared, confirmation_version=PUPIL_CONFIRMATION.version
        )
    factories.open_dispatch(stage, stage.cora, sent)
    assert "item.open_failed" not in [leaf.event for leaf in leaves(stage.service)]


@ONE
def test_reading_meanwhile_is_asked_for_again_as_well(stage: Stage, kept: UUID):
    with stage.database.reading() as session:
        load_sealed(session, stage.at, session.get_one(Dispatch, kept), stage.cora.school_keys(stage.service))
        reencrypt(stage, stage.cora)
        prepared = prepare_reading(
            session,
            stage.at,
            stage.cora.actor,
            dispatch_id=kept,
            person_key=stage.cora.person_key,
            storage=stage.storage,
        )
    with pytest.raises(Conflict, match="try again"), stage.database.writing() as session:
        record_reading(session, stage.at, stage.cora.actor, prepared)


@ONE
def test_a_grant_that_is_tried_meanwhile_is_not_reported(stage: Stage, kept: UUID, monkeypatch: pytest.MonkeyPatch):
    real = probing._try

    def while_it_is_encrypted_again(session, at, storage, keys, grant):
        session.get_one(Item, grant.item_id)
        reencrypt(stage, stage.cora)
        return real(session, at, storage, keys, grant)

    monkeypatch.setattr(probing, "_try", while_it_is_encrypted_again)
    found = probing.probe_grants(
        stage.database,
        stage.at,
        stage.cora.actor,
        person_key=stage.cora.person_key,
        storage=stage.storage,
        choose=lambda count: count - 1,
    )
    assert found == 0
    assert "item.open_failed" not in [leaf.event for leaf in leaves(stage.service)]


@ONE
def test_the_doctor_finds_an_old_revision_and_is_not_misled_by_a_new_one(stage: Stage, kept: UUID):
    class Busy:
        """The store, in which everything is encrypted again as soon as the doctor begins to read it."""

        def read_chunks(self, key):
            reencrypt(stage, stage.cora)
            return stage.storage.read_chunks(key)

        def list_keys(self, prefix=""):
            return iter(())

    def found(store) -> set[str]:
        seen = doctor.examine(stage.database, stage.at, store, secret_files={})
        return {finding.ailment.value for finding in seen.findings if finding.severity is Severity.RED}

    assert found(Busy()) == set()
    assert found(stage.storage) == set()
    with stage.database.writing() as session:
        session.execute(update(Item).where(Item.kind == ItemKind.NOTE).values(revision=1))
    assert found(stage.storage) == {"item_of_an_earlier_revision"}


@ONE
def test_what_a_colleague_was_never_granted_is_left_to_another_and_alarms_nobody(stage: Stage, kept: UUID):
    with stage.database.writing() as session:
        old = select(SchoolEpoch.id).where(SchoolEpoch.school_id == stage.cast.receiving, SchoolEpoch.number == 1)
        session.execute(
            delete(KeyGrant).where(KeyGrant.grantee_id == stage.dev.person_id, KeyGrant.school_epoch_id.in_(old))
        )
    assert reencrypt(stage, stage.dev).left == 3
    assert "item.open_failed" not in [leaf.event for leaf in leaves(stage.service)]
    assert reencrypt(stage, stage.cora).left == 0


@ONE
def test_many_damaged_items_do_not_keep_the_others_back(stage: Stage, kept: UUID, monkeypatch: pytest.MonkeyPatch):
    note = items(stage, kept)[ItemKind.NOTE]
    with stage.database.writing() as session:
        session.execute(update(Item).where(Item.id == note.id).values(ciphertext=bytes(1096)))
    assert reencrypt(stage, stage.cora, at_most=2).left == 1
    monkeypatch.setattr(reencryption, "DAMAGED_AT_ONCE", 1)
    assert reencrypt(stage, stage.cora).left == 1


@ONE
def test_who_took_the_old_key_and_the_data_keys_opens_nothing_of_what_is_stored_afterwards(stage: Stage):
    kept = factories.dispatch_in(
        stage, Status.ACKNOWLEDGED, sender=stage.alma, receiver=stage.cora, attachments=["genogram.pdf"]
    )
    stolen = stage.cora.school_keys(stage.service)

    def open_with_stolen_keys() -> dict[UUID, DataKey]:
        found = {}
        with stage.database.reading() as session:
            for grant in session.scalars(select(ItemGrant).where(ItemGrant.recipient_id == stage.cast.receiving)):
                item, dispatch = session.get_one(Item, grant.item_id), session.get_one(Dispatch, kept)
                with suppress(CannotOpen):
                    found[item.id] = open_key(stage.at, stolen, dispatch=dispatch, item=item, grants=[grant])
        return found

    data_keys = open_with_stolen_keys()
    assert len(data_keys) == 3
    new_epoch(stage, stage.cora)
    reseal_all(stage.database, stage.at, stage.cora.actor, person_key=stage.cora.person_key)
    assert open_with_stolen_keys() == {}

    def fitting() -> list[UUID]:
        with stage.database.reading() as session:
            return [
                item.id
                for item in session.scalars(select(Item))
                if check_commitment(
                    data_keys[item.id], context=item_context(stage.at, item), header=read_start(stage.storage, item)
                )
            ]

    assert len(fitting()) == 3  # sealed to another key, and still the same data keys
    assert reencrypt(stage, stage.cora).left == 0
    assert fitting() == []
