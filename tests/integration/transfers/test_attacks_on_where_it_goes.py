"""Somebody can write the database and acts with another school: what was addressed to one school opens for no other."""

from uuid import UUID

import pytest
from sqlalchemy import update

from tests import factories
from tests.integration.transfers.stage import Stage, enrol_keyless
from transfer_service.db.models import Dispatch, ItemGrant
from transfer_service.domain.errors import CannotOpen
from transfer_service.domain.transfer import DispatchKind, Status
from transfer_service.use_cases.transfers import delivering
from transfer_service.use_cases.transfers.redirecting import redirect
from transfer_service.use_cases.transfers.resealing import reseal_grants


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
