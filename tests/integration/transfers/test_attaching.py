"""Attachments are sealed as they arrive; what is refused leaves nothing."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from tests import factories
from tests.integration.transfers.stage import Stage
from transfer_service.db import models
from transfer_service.domain.errors import Invalid, NotFound, PermissionRefused, RuleForbids, StateForbids, TooLarge
from transfer_service.use_cases.transfers import attaching, drafting, notes
from transfer_service.use_cases.transfers.unsealing import Depth

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00bruise" * 9000


def bodies(stage: Stage, dispatch_id: UUID) -> dict[str | None, bytes | None]:
    found = factories.contents(stage, stage.alma, dispatch_id, depth=Depth.BODIES)
    return {part.name: part.body for part in found.attachments}


@pytest.mark.parametrize("body", [b"%PDF-", factories.PDF, b"%PDF-1.7\n" + bytes(300_000)])
def test_an_attachment_of_any_size_opens_as_it_was_and_is_nowhere_in_clear(stage: Stage, body: bytes) -> None:
    dispatch_id = factories.empty_draft(stage, stage.alma, stage.cast.receiving)
    factories.add_attachment(stage, stage.alma, dispatch_id, name="Zoë's plan.pdf", body=body)
    factories.add_attachment(stage, stage.alma, dispatch_id, name="arm.png", body=PNG)
    assert bodies(stage, dispatch_id) == {"Zoë's plan.pdf": body, "arm.png": PNG}
    stored = b"".join(path.read_bytes() for path in stage.blobs.rglob("*") if path.is_file())
    for clear in (b"genogram", b"%PDF", b"bruise", "Zoë".encode()):
        assert clear not in stored
    with stage.database.reading() as session:
        assert all(item.ciphertext is None for item in session.query(models.Item))


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("notes.pdf", b""),
        ("notes.exe", b"MZ\x90" * 3000),
        ("notes.pdf", b"MZ\x90" * 3000),
        ("photo.jpg", PNG),
        ("", factories.PDF),
        ("plan.docm", b"PK\x03\x04" * 2000),
    ],
)
def test_a_file_that_is_not_taken_leaves_nothing(stage: Stage, name: str, body: bytes) -> None:
    dispatch_id = factories.empty_draft(stage, stage.alma, stage.cast.receiving)
    with pytest.raises(Invalid) as refused:
        factories.add_attachment(stage, stage.alma, dispatch_id, name=name, body=body)
    assert list(refused.value.fields) == ["file"]
    assert list(stage.storage.list_keys()) == []


def test_a_file_past_the_limit_is_stopped_on_the_way_and_leaves_nothing(stage: Stage) -> None:
    dispatch_id = factories.empty_draft(stage, stage.alma, stage.cast.receiving)
    with stage.database.reading() as session:
        plan = attaching.begin_attachment(
            session, stage.at, stage.alma.actor, dispatch_id=dispatch_id, limit=2 * 1024 * 1024
        )
    taken = []

    def endless() -> Iterator[bytes]:
        while True:
            taken.append(1)
            yield b"%PDF-1.7" + bytes(100_000)

    with pytest.raises(TooLarge) as refused:
        attaching.seal_upload(stage.at, stage.storage, plan, name="a.pdf", chunks=endless())
    assert refused.value.sentence == "The file is larger than 2 MB. Make it smaller or split it, and try again."
    assert len(taken) == 21
    assert [path for path in stage.blobs.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("more", [0, 1])
def test_a_file_may_be_as_large_as_the_limit_and_not_a_byte_larger(stage: Stage, more: int) -> None:
    dispatch_id = factories.empty_draft(stage, stage.alma, stage.cast.receiving)
    limit = 50_000
    with stage.database.reading() as session:
        plan = attaching.begin_attachment(session, stage.at, stage.alma.actor, dispatch_id=dispatch_id, limit=limit)
    body = b"%PDF-1.7" + bytes(limit - 8 + more)
    if more:
        with pytest.raises(TooLarge):
            attaching.seal_upload(stage.at, stage.storage, plan, name="a.pdf", chunks=[body[:9_000], body[9_000:]])
        return
    upload = attaching.seal_upload(stage.at, stage.storage, plan, name="a.pdf", chunks=[body[:9_000], body[9_000:]])
    assert upload.facts.true_size == 50_000


def test_a_line_that_breaks_leaves_nothing(stage: Stage) -> None:
    dispatch_id = factories.empty_draft(stage, stage.alma, stage.cast.receiving)
    with stage.database.reading() as session:
        plan = attaching.begin_attachment(session, stage.at, stage.alma.actor, dispatch_id=dispatch_id)

    def broken() -> Iterator[bytes]:
        yield factories.PDF
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        attaching.seal_upload(stage.at, stage.storage, plan, name="a.pdf", chunks=broken())
    assert [path for path in stage.blobs.rglob("*") if path.is_file()] == []


def test_an_upload_that_ends_after_the_file_was_sent_is_refused_and_abandoned(stage: Stage) -> None:
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.receiving)
    with stage.database.reading() as session:
        plan = attaching.begin_attachment(session, stage.at, stage.alma.actor, dispatch_id=dispatch_id)
    upload = attaching.seal_upload(stage.at, stage.storage, plan, name="a.pdf", chunks=[factories.PDF])
    factories.send(stage, stage.alma, dispatch_id)
    with stage.database.writing() as session, pytest.raises(StateForbids):
        attaching.finish_attachment(session, stage.at, stage.alma.actor, upload)
    attaching.abandon_upload(stage.storage, upload)
    assert list(stage.storage.list_keys()) == []
    with stage.database.reading() as session, pytest.raises(StateForbids):
        attaching.begin_attachment(session, stage.at, stage.alma.actor, dispatch_id=dispatch_id)


def test_the_office_attaches_nothing(stage: Stage) -> None:
    dispatch_id = factories.empty_draft(stage, stage.edie, stage.cast.receiving)
    with stage.database.reading() as session, pytest.raises(PermissionRefused):
        attaching.begin_attachment(session, stage.at, stage.edie.actor, dispatch_id=dispatch_id)


def test_the_attachments_of_one_file_have_a_limit_together(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attaching, "MAX_FILE_BYTES", 50_000)
    dispatch_id = factories.empty_draft(stage, stage.alma, stage.cast.receiving)
    factories.add_attachment(stage, stage.alma, dispatch_id)
    with pytest.raises(RuleForbids) as refused:
        factories.add_attachment(stage, stage.alma, dispatch_id)
    assert refused.value.rule == "file_full"


def test_removing_an_attachment_names_the_bytes_to_delete(stage: Stage) -> None:
    dispatch_id = factories.empty_draft(stage, stage.alma, stage.cast.receiving)
    item_id = factories.add_attachment(stage, stage.alma, dispatch_id)
    with stage.database.writing() as session:
        blob = notes.remove_item(session, stage.at, stage.alma.actor, dispatch_id=dispatch_id, item_id=item_id)
    assert [blob] == list(stage.storage.list_keys())


def test_a_discarded_draft_takes_no_attachment(stage: Stage) -> None:
    dispatch_id = factories.empty_draft(stage, stage.alma, stage.cast.receiving)
    with stage.database.reading() as session:
        plan = attaching.begin_attachment(session, stage.at, stage.alma.actor, dispatch_id=dispatch_id)
    upload = attaching.seal_upload(stage.at, stage.storage, plan, name="a.pdf", chunks=[factories.PDF])
    with stage.database.writing() as session:
        drafting.discard_draft(session, stage.at, stage.alma.actor, dispatch_id=dispatch_id)
    with stage.database.writing() as session, pytest.raises(NotFound):
        attaching.finish_attachment(session, stage.at, stage.alma.actor, upload)
