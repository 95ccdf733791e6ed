"""Somebody can write the database and acts with another school: what was addressed to one school opens for no other.

Nor does a school sign as its own what somebody put into its draft, or send again what it never signed.
"""

from uuid import UUID

import pytest
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from tests import factories
from tests.integration.transfers.stage import Stage, enrol_keyless
from transfer_service.db.models import Dispatch, DispatchItem, ItemGrant
from transfer_service.domain.errors import CannotOpen, RuleForbids
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.transfer import DispatchKind, Status
from transfer_service.use_cases.keys.public_keys import find_active_epoch
from transfer_service.use_cases.transfers import delivering
from transfer_service.use_cases.transfers.notes import edit_note, remove_item
from transfer_service.use_cases.transfers.redirecting import redirect
from transfer_service.use_cases.transfers.resealing import reseal_grants
from transfer_service.use_cases.transfers.sealing import grant, place_item, seal_row
from transfer_service.use_cases.transfers.texts import JSON_TYPE, NOTE_NAME


def write(stage: Stage, dispatch_id: UUID, **values: object) -> None:
    with stage.database.writing() as session:
        session.execute(update(Dispatch).where(Dispatch.id == dispatch_id).values(**values))


def deliver(stage: Stage) -> delivering.Delivery:
    keys = stage.alma.school_keys(stage.service)
    with stage.database.writing() as session:
        return delivering.deliver_waiting(session, stage.at, stage.alma.actor, keys, storage=stage.storage)


def grants_of(stage: Stage, dispatch_id: UUID, school_id: UUID) -> int:
    with stage.database.reading() as session:
        return session.query(ItemGrant).filter_by(dispatch_id=dispatch_id, recipient_id=school_id).count()


@pytest.mark.parametrize("kind", [DispatchKind.FILE, DispatchKind.NIL])
def test_what_waits_for_one_school_is_not_delivered_to_another(stage: Stage, kind: DispatchKind) -> None:
    if kind is DispatchKind.NIL:
        dispatch_id = factories.empty_draft(stage, stage.alma, stage.cast.keyless)
        factories.declare_nil(stage, stage.alma, dispatch_id)
    else:
        dispatch_id = factories.draft(stage, stage.alma, stage.cast.keyless)
        factories.send(stage, stage.alma, dispatch_id)
    write(stage, dispatch_id, receiving_school_id=stage.cast.stranger)
    assert deliver(stage) == delivering.Delivery(delivered=0, failed=1)
    assert grants_of(stage, dispatch_id, stage.cast.stranger) == 0


def test_what_was_sent_to_one_school_is_not_sealed_again_to_another(stage: Stage) -> None:
    dispatch_id = factories.dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora)
    write(stage, dispatch_id, receiving_school_id=stage.cast.stranger)
    shown = factories.show_cover(stage, stage.stella, dispatch_id)
    assert shown.failure is not None
    assert shown.failure.reason == "manifest_signature"
    with pytest.raises(CannotOpen) as refused, stage.database.writing() as session:
        reseal_grants(
            session,
            stage.at,
            stage.alma.actor,
            dispatch_id=dispatch_id,
            person_key=stage.alma.person_key,
            storage=stage.storage,
        )
    assert refused.value.reason == "manifest_signature"
    assert grants_of(stage, dispatch_id, stage.cast.stranger) == 0


def test_a_delivered_file_does_not_pass_for_a_nil_declaration(stage: Stage) -> None:
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.keyless)
    factories.send(stage, stage.alma, dispatch_id)
    kit = enrol_keyless(stage)
    assert deliver(stage).delivered == 1
    write(stage, dispatch_id, kind=DispatchKind.NIL)
    shown = factories.show_cover(stage, kit, dispatch_id)
    assert shown.failure is not None
    assert shown.failure.reason == "manifest_signature"
    with pytest.raises(CannotOpen) as refused:
        factories.acknowledge(stage, kit, dispatch_id, nil=True)
    assert refused.value.reason == "manifest_signature"


def test_a_redirected_nil_does_not_pass_for_a_file(stage: Stage) -> None:
    old = factories.dispatch_in(stage, Status.WITHDRAWN, sender=stage.alma, receiver=stage.cora, kind=DispatchKind.NIL)
    with stage.database.writing() as session:
        again = redirect(
            session,
            stage.at,
            stage.alma.actor,
            dispatch_id=old,
            receiving_school_id=stage.cast.receiving,
            person_key=stage.alma.person_key,
            storage=stage.storage,
        ).dispatch_id
    write(stage, again, kind=DispatchKind.FILE)
    assert [failure.reason.value for failure in factories.open_dispatch(stage, stage.cora, again).failures] == [
        "manifest_signature"
    ]


def test_a_forged_manifest_is_not_sent_again(stage: Stage) -> None:
    old = factories.dispatch_in(stage, Status.WITHDRAWN, sender=stage.alma, receiver=stage.cora)
    write(stage, old, manifest_signature=bytes(64))
    with pytest.raises(CannotOpen) as refused, stage.database.writing() as session:
        redirect(
            session,
            stage.at,
            stage.alma.actor,
            dispatch_id=old,
            receiving_school_id=stage.cast.stranger,
            person_key=stage.alma.person_key,
            storage=stage.storage,
        )
    assert refused.value.reason == "manifest_signature"


def put_in(session: Session, stage: Stage, dispatch: Dispatch, text: str) -> None:
    """Seal a note to the sending school's public key, as anybody can, and write all its rows; no leaf tells of it."""
    sealed = seal_row(
        stage.at,
        stage.alma.actor,
        transfer_id=dispatch.transfer_id,
        sender_id=stage.cast.sending,
        kind=ItemKind.NOTE,
        name=NOTE_NAME,
        media_type=JSON_TYPE,
        body=factories.a_note(text).encode(),
    )
    place_item(session, dispatch, sealed.item, 9)
    epoch = find_active_epoch(session, stage.at, stage.cast.sending)
    assert epoch is not None
    grant(
        session,
        stage.at,
        stage.alma.actor,
        dispatch=dispatch,
        item=sealed.item,
        data_key=sealed.data_key,
        recipient_id=stage.cast.sending,
        epoch=epoch,
    )


@pytest.mark.parametrize("change", ["added", "exchanged", "taken away"])
def test_a_school_does_not_sign_what_somebody_else_put_into_its_draft(stage: Stage, change: str) -> None:
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.receiving)
    factories.add_note(stage, stage.alma, dispatch_id, factories.a_note("A second note."))
    with stage.database.writing() as session:
        dispatch = session.get_one(Dispatch, dispatch_id)
        if change != "added":
            session.execute(delete(DispatchItem).where(DispatchItem.item_id == dispatch.items[0].item_id))
        if change != "taken away":
            put_in(session, stage, dispatch, "Her father is a danger to her.")
    with pytest.raises(RuleForbids) as refused:
        factories.send(stage, stage.alma, dispatch_id)
    assert refused.value.rule == "not_as_recorded"
    assert "tell the administrator" in refused.value.sentence


def test_a_draft_that_was_edited_and_shortened_by_its_school_is_sent(stage: Stage) -> None:
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.receiving, attachments=("a.pdf", "b.pdf"))
    with stage.database.reading() as session:
        note, file, _ = [place.item_id for place in session.get_one(Dispatch, dispatch_id).items]
    with stage.database.writing() as session:
        changed = factories.a_note("What was meant.")
        at, actor = stage.at, stage.alma.actor
        edit_note(session, at, actor, dispatch_id=dispatch_id, item_id=note, revision=1, note=changed)
        remove_item(session, at, actor, dispatch_id=dispatch_id, item_id=file)
    assert factories.send(stage, stage.alma, dispatch_id).status is Status.SENT


@pytest.mark.parametrize(("change", "reason"), [("added", "content_changed"), ("taken away", "ciphertext_missing")])
def test_what_a_school_signed_is_not_sent_again_with_more_or_less_in_it(stage: Stage, change: str, reason: str) -> None:
    old = factories.dispatch_in(stage, Status.WITHDRAWN, sender=stage.alma, receiver=stage.cora)
    with stage.database.writing() as session:
        dispatch = session.get_one(Dispatch, old)
        if change == "added":
            put_in(session, stage, dispatch, "Her father is a danger to her.")
        else:
            note = next(place.item_id for place in dispatch.items if place.item.kind is ItemKind.NOTE)
            session.execute(delete(DispatchItem).where(DispatchItem.item_id == note))
    with pytest.raises(CannotOpen) as refused, stage.database.writing() as session:
        redirect(
            session,
            stage.at,
            stage.alma.actor,
            dispatch_id=old,
            receiving_school_id=stage.cast.stranger,
            person_key=stage.alma.person_key,
            storage=stage.storage,
        )
    assert refused.value.reason == reason
