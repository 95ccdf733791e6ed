"""One file from the first word to the receipt, between two schools."""

from tests import factories
from tests.integration.transfers.stage import Stage
from transfer_service.db import models
from transfer_service.domain.transfer import Status
from transfer_service.use_cases.transfers import timeline


def test_a_file_is_sent_opened_and_acknowledged(stage: Stage) -> None:
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.receiving, attachments=("genogram.pdf",))
    sent = factories.send(stage, stage.alma, dispatch_id)
    assert sent.status is Status.SENT
    shown = factories.show_cover(stage, stage.cora, dispatch_id)
    assert shown.failure is None
    assert shown.cover is not None
    assert (shown.cover.forename, shown.cover.surname, shown.items) == ("Zoë", "O'Brien-Łącki", 2)
    outcome = factories.open_dispatch(stage, stage.cora, dispatch_id)
    assert (outcome.has_opened, outcome.failures) == (True, ())
    contents = factories.read(stage, stage.cora, dispatch_id)
    assert [part.note.text for part in contents.notes if part.note] == [factories.NOTE_TEXT]
    assert [part.name for part in contents.attachments] == ["genogram.pdf"]
    acknowledged = factories.acknowledge(stage, stage.cora, dispatch_id)
    assert not acknowledged.again
    with stage.database.reading() as session:
        dispatch = session.get_one(models.Dispatch, dispatch_id)
        assert dispatch.status is Status.ACKNOWLEDGED
        told = [
            one.did for one in timeline.list_happenings(session, stage.alma.actor, reference=acknowledged.reference)
        ]
    assert told == [
        "recorded the transfer",
        "began a draft",
        "sealed a note",
        "sealed an attachment",
        "sent the file",
        "confirmed that the pupil is joining",
        "opened the file",
        "acknowledged the file",
    ]
