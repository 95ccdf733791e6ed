"""A school signs only what the log recorded when it was sealed; after a restore the rows are older than the log."""

from dataclasses import replace

import pytest
from sqlalchemy import select, update

from tests import factories
from tests.integration.backups.conftest import KEY, Living
from tests.integration.backups.going_on import restored
from tests.integration.backups.test_succeeding import NEXT
from transfer_service.db.models import Dispatch, Item
from transfer_service.domain.errors import RuleForbids
from transfer_service.domain.transfer import Status
from transfer_service.use_cases.transfers.notes import edit_note


def test_a_draft_that_was_changed_after_the_backup_stands_as_it_was_and_can_be_sent(living: Living, elsewhere: Living):
    alma = living.cast.alma
    draft = factories.empty_draft(living, alma, living.cast.receiving)
    note = factories.add_note(living, alma, draft)
    living.sign()
    living.back_up()
    with living.database.writing() as session:
        edit_note(
            session, living.at, alma.actor, dispatch_id=draft, item_id=note, revision=1,
            note=factories.a_note("Corrected since."),
        )  # fmt: skip
    factories.add_note(living, alma, draft, factories.a_note("Added since."))
    restored(living, elsewhere)
    assert elsewhere.events()[-3:] == ["note.sealed", "item.removed", "restored"]
    assert factories.send(elsewhere, alma, draft).status is Status.SENT
    factories.open_dispatch(elsewhere, living.cast.cora, draft)


def test_a_draft_is_sent_under_a_successor_too(living: Living, elsewhere: Living):
    alma = living.cast.alma
    draft = factories.draft(living, alma, living.cast.receiving, attachments=["genogram.pdf"])
    living.sign()
    living.back_up()
    successor = replace(elsewhere, key=NEXT)
    state_file = living.folder / "successor.json"
    assert successor.restore(is_successor=True, keys=[KEY.verifier], state_file=state_file).is_open
    assert factories.send(successor, alma, draft).status is Status.SENT


def test_what_no_leaf_records_as_sealed_is_not_vouched_for_by_a_restore(living: Living, elsewhere: Living):
    alma = living.cast.alma
    draft = factories.draft(living, alma, living.cast.receiving)
    living.sign()
    with living.database.writing() as session:
        session.execute(update(Item).values(content_digest=b"\x01" * 32))
    living.back_up()
    restored(living, elsewhere)
    assert elsewhere.events()[-2:] == ["backup.made", "restored"]
    with pytest.raises(RuleForbids):
        factories.send(elsewhere, alma, draft)
    with elsewhere.database.reading() as session:
        assert session.scalars(select(Dispatch.status)).all() == [Status.DRAFT]
