"""A pupil comes back to a school and leaves it again: what that school once sealed goes on as it was, unchanged."""

from uuid import UUID

import pytest
from sqlalchemy import select

from tests import factories
from tests.integration.transfers.stage import Stage
from transfer_service.db.models import Dispatch, ItemGrant
from transfer_service.domain.errors import NotFound
from transfer_service.domain.notes import WithheldReason
from transfer_service.domain.transfer import RejectionReason, Status
from transfer_service.use_cases.transfers.notes import edit_note, remove_item, set_withheld
from transfer_service.use_cases.transfers.returning import read_return_remark
from transfer_service.use_cases.transfers.texts import Withheld


def come_back(stage: Stage, *, attachments: tuple[str, ...] = ()) -> tuple[UUID, UUID]:
    """Alma's school sends to Cora's, which forwards the file back; return both dispatches, the second one sent."""
    first = factories.draft(stage, stage.alma, stage.cast.receiving, attachments=attachments)
    with stage.database.writing() as session:
        left_out = Withheld(reason=WithheldReason.THIRD_PARTY, words="A neighbour's letter.")
        set_withheld(session, stage.at, stage.alma.actor, dispatch_id=first, withheld=[left_out])
    factories.send(stage, stage.alma, first)
    factories.open_dispatch(stage, stage.cora, first)
    factories.acknowledge(stage, stage.cora, first)
    back = factories.forward(stage, stage.cora, first, stage.cast.sending)
    factories.send(stage, stage.cora, back)
    return first, back


def test_a_school_does_not_change_what_it_sealed_when_the_pupil_left_the_first_time(stage: Stage) -> None:
    first, back = come_back(stage)
    factories.open_dispatch(stage, stage.alma, back)
    factories.acknowledge(stage, stage.alma, back)
    onward = factories.forward(stage, stage.alma, back, stage.cast.stranger)
    note = factories.contents(stage, stage.alma, onward).notes[0]
    with pytest.raises(NotFound), stage.database.writing() as session:
        edit_note(
            session,
            stage.at,
            stage.alma.actor,
            dispatch_id=onward,
            item_id=note.item_id,
            revision=note.revision,
            note=factories.a_note("Something else."),
        )
    with pytest.raises(NotFound), stage.database.writing() as session:
        remove_item(session, stage.at, stage.alma.actor, dispatch_id=onward, item_id=note.item_id)
    factories.send(stage, stage.alma, onward)
    for member, dispatch_id in ((stage.cora, first), (stage.alma, back), (stage.alma, onward)):
        assert [part.failure for part in factories.contents(stage, member, dispatch_id).parts] == [None, None]
    assert factories.open_dispatch(stage, stage.stella, onward).failures == ()


def test_what_goes_on_is_told_from_what_was_sealed_for_this_transfer(stage: Stage) -> None:
    _, back = come_back(stage)
    factories.open_dispatch(stage, stage.alma, back)
    factories.acknowledge(stage, stage.alma, back)
    onward = factories.forward(stage, stage.alma, back, stage.cast.stranger)
    own = factories.add_note(stage, stage.alma, onward)
    with stage.database.reading() as session:
        transfer_id = session.get_one(Dispatch, onward).transfer_id
    sealed_here = [
        part.item_id for part in factories.contents(stage, stage.alma, onward).parts if part.sealed_for == transfer_id
    ]
    assert sealed_here == [own]


def test_the_words_of_sending_back_are_found_beside_what_the_school_itself_left_out_before(stage: Stage) -> None:
    _, back = come_back(stage)
    factories.send_back(stage, stage.alma, back, reason=RejectionReason.NOT_JOINING, words="She stays with you.")
    for member in (stage.alma, stage.cora):
        with stage.database.writing() as session:
            remark = read_return_remark(
                session,
                stage.at,
                member.actor,
                dispatch_id=back,
                person_key=member.person_key,
                storage=stage.storage,
            )
        assert remark.words == "She stays with you."


@pytest.mark.parametrize("status", [Status.WITHDRAWN, Status.REJECTED])
@pytest.mark.parametrize("comes_back", [True, False])
def test_no_key_of_a_forwarded_file_stays_with_the_school_that_does_not_get_it(
    stage: Stage, status: Status, comes_back: bool
) -> None:
    """Neither of what the forwarding school sealed, nor of what an earlier one did."""
    if comes_back:
        _, going = come_back(stage, attachments=("a.pdf",))
        receiver = stage.alma
    else:
        received = factories.dispatch_in(stage, Status.ACKNOWLEDGED, sender=stage.alma, receiver=stage.cora)
        going = factories.forward(stage, stage.cora, received, stage.cast.stranger)
        factories.add_note(stage, stage.cora, going)
        factories.send(stage, stage.cora, going)
        receiver = stage.stella
    if status is Status.WITHDRAWN:
        factories.withdraw(stage, stage.cora, going)
    else:
        factories.send_back(stage, receiver, going)
    with stage.database.reading() as session:
        left = session.scalars(
            select(ItemGrant.item_id).where(
                ItemGrant.dispatch_id == going, ItemGrant.recipient_id == receiver.actor.organisation_id
            )
        ).all()
    assert left == []
