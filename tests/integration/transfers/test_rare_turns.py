"""Turns that hardly ever happen: races that the lists lose, rows that somebody broke, schools between two keys."""

from types import SimpleNamespace
from uuid import UUID

import pytest
from sqlalchemy import event, update

from tests import factories
from tests.cast import Member
from tests.integration.transfers.stage import Stage, acting_for, enrol_keyless
from transfer_service.db import models
from transfer_service.db.queries import transfers as queries
from transfer_service.domain.errors import CannotOpen, Conflict, KeyMissing, NotFound, RuleForbids, StateForbids
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.transfer import DispatchKind, RejectionReason, Status
from transfer_service.use_cases.transfers import (
    attaching,
    covers,
    delivering,
    downloading,
    drafting,
    listing,
    manifests,
    redirecting,
    returning,
    timeline,
    viewing,
)
from transfer_service.use_cases.transfers.texts import Note, Remark


def keyed(stage: Stage, member: Member, dispatch_id: UUID) -> dict[str, object]:
    return {"dispatch_id": dispatch_id, "person_key": member.person_key, "storage": stage.storage}


def count(stage: Stage, name: str) -> int:
    with stage.database.reading() as session:
        return session.query(models.LogLeaf).filter_by(event=name).count()


def test_a_nil_that_a_colleague_just_acknowledged_is_left_out(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    dispatch_id = factories.dispatch_in(
        stage, Status.ACKNOWLEDGED, sender=stage.alma, receiver=stage.cora, kind=DispatchKind.NIL
    )
    monkeypatch.setattr(queries, "list_awaiting_nil_ids", lambda *_, **__: [dispatch_id])
    with stage.database.writing() as session:
        shown = covers.show_nils(
            session, stage.at, stage.cora.actor, person_key=stage.cora.person_key, storage=stage.storage
        )
    assert shown == []


def test_what_a_colleague_just_delivered_or_cannot_go_yet_is_left_alone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = factories.dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora)
    waiting = factories.dispatch_in(
        stage, Status.WAITING, sender=stage.alma, receiver=stage.cora, keyless_school_id=stage.cast.keyless
    )
    monkeypatch.setattr(queries, "list_undelivered_ids", lambda *_, **__: [sent, waiting])
    keys = stage.alma.school_keys(stage.service)
    with stage.database.writing() as session:
        done = delivering.deliver_waiting(session, stage.at, stage.alma.actor, keys, storage=stage.storage)
    assert (done.delivered, done.failed, count(stage, "dispatch.delivered")) == (0, 0, 0)


def test_a_damaged_attachment_is_listed_with_its_reason_and_not_downloaded(stage: Stage) -> None:
    dispatch_id = factories.dispatch_in(
        stage, Status.OPENED, sender=stage.alma, receiver=stage.cora, attachments=("a.pdf", "b.pdf")
    )
    with stage.database.reading() as session:
        item = session.query(models.Item).filter_by(kind=ItemKind.ATTACHMENT).first()
    assert item is not None
    stage.storage.delete(item.blob_key or "")
    contents = factories.read(stage, stage.cora, dispatch_id)
    assert sorted(part.failure.reason.value if part.failure else "" for part in contents.attachments) == [
        "",
        "ciphertext_missing",
    ]
    with stage.database.reading() as session:
        one = downloading.prepare_download(
            session, stage.at, stage.cora.actor, item_id=item.id, **keyed(stage, stage.cora, dispatch_id)
        )
    with stage.database.writing() as session:
        assert downloading.record_download(session, stage.at, stage.cora.actor, one) is None
    assert (count(stage, "attachment.downloaded"), count(stage, "item.open_failed")) == (0, 1)
    with stage.database.reading() as session:
        whole = downloading.prepare_archive(
            session, stage.at, stage.cora.actor, **keyed(stage, stage.cora, dispatch_id)
        )
    with stage.database.writing() as session:
        archive = downloading.record_archive(session, stage.at, stage.cora.actor, whole)
    assert not archive.is_whole
    assert "missing from the store" in archive.manifest_text
    with stage.database.reading() as session:
        assert session.get_one(models.Dispatch, dispatch_id).exported_at is None


def test_a_file_whose_manifest_was_exchanged_after_opening_is_neither_read_nor_exported(stage: Stage) -> None:
    dispatch_id = factories.dispatch_in(stage, Status.OPENED, sender=stage.alma, receiver=stage.cora)
    with stage.database.writing() as session:
        session.get_one(models.Dispatch, dispatch_id).manifest_signature = bytes(64)
    for member in (stage.cora, stage.alma):
        contents = factories.read(stage, member, dispatch_id)
        assert (contents.parts, contents.pupil) == ((), None)
        assert contents.failure is not None
        assert contents.failure.reason == "manifest_signature"
    assert count(stage, "notes.read") == 0
    with stage.database.reading() as session:
        whole = downloading.prepare_archive(
            session, stage.at, stage.cora.actor, **keyed(stage, stage.cora, dispatch_id)
        )
    with stage.database.writing() as session, pytest.raises(RuleForbids):
        downloading.record_archive(session, stage.at, stage.cora.actor, whole)


def test_a_sender_reads_a_file_whose_pupil_columns_were_damaged(stage: Stage) -> None:
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.receiving)
    with stage.database.writing() as session:
        session.execute(update(models.Transfer).values(surname=b"\x00\x01damaged"))
    contents = factories.read(stage, stage.alma, dispatch_id)
    assert (contents.pupil, len(contents.notes)) == (None, 1)


def test_the_second_draft_of_a_transfer_is_discarded_alone(stage: Stage) -> None:
    first = factories.dispatch_in(stage, Status.WITHDRAWN, sender=stage.alma, receiver=stage.cora)
    with stage.database.reading() as session:
        reference = session.get_one(models.Dispatch, first).transfer.reference
    with stage.database.writing() as session, pytest.raises(NotFound):
        drafting.draft_again(
            session, stage.at, stage.stella.actor, reference=reference, receiving_school_id=stage.cast.receiving
        )
    with stage.database.writing() as session:
        second = drafting.draft_again(
            session, stage.at, stage.alma.actor, reference=reference, receiving_school_id=stage.cast.receiving
        ).id
    factories.add_note(stage, stage.alma, second)
    with stage.database.writing() as session:
        assert drafting.discard_draft(session, stage.at, stage.alma.actor, dispatch_id=second) == ()
    with stage.database.reading() as session:
        assert [one.id for one in session.query(models.Dispatch)] == [first]


def test_an_item_that_another_dispatch_carries_too_is_never_deleted(stage: Stage) -> None:
    sent = factories.dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora)
    draft = factories.empty_draft(stage, stage.alma, stage.cast.receiving)
    with stage.database.writing() as session:
        item = session.query(models.Item).filter_by(kind=ItemKind.NOTE).one()
        session.add(models.DispatchItem(dispatch_id=draft, item_id=item.id, position=0))
    with stage.database.writing() as session, pytest.raises(Conflict):
        drafting.discard_draft(session, stage.at, stage.alma.actor, dispatch_id=draft)
    assert factories.open_dispatch(stage, stage.cora, sent).has_opened


def test_a_reference_that_is_taken_is_drawn_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []

    def is_taken(_session: object, reference: str) -> bool:
        taken.append(reference)
        return len(taken) == 1

    monkeypatch.setattr(queries, "has_reference", is_taken)
    dispatch_id = factories.empty_draft(stage, stage.alma, stage.cast.receiving)
    with stage.database.reading() as session:
        assert session.get_one(models.Dispatch, dispatch_id).transfer.reference == taken[1] != taken[0]


def test_without_its_cover_nothing_is_sent_again(stage: Stage) -> None:
    dispatch_id = factories.dispatch_in(stage, Status.WITHDRAWN, sender=stage.alma, receiver=stage.cora)
    with stage.database.writing() as session:
        cover = session.query(models.Item).filter_by(kind=ItemKind.COVER).one()
        session.query(models.DispatchItem).filter_by(item_id=cover.id).delete()
    with stage.database.writing() as session, pytest.raises(CannotOpen) as refused:
        redirecting.redirect(
            session,
            stage.at,
            stage.alma.actor,
            receiving_school_id=stage.cast.receiving,
            **keyed(stage, stage.alma, dispatch_id),  # type: ignore[arg-type]
        )
    assert refused.value.reason == "ciphertext_missing"


def test_a_draft_row_without_its_bytes_is_not_sent(stage: Stage) -> None:
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.receiving)
    with stage.database.writing() as session:
        session.execute(update(models.Item).values(ciphertext=None))
    with pytest.raises(CannotOpen) as refused:
        factories.send(stage, stage.alma, dispatch_id)
    assert refused.value.reason == "ciphertext_missing"


def test_a_school_without_a_key_seals_nothing_and_is_told_how_it_gets_one(stage: Stage) -> None:
    somebody = acting_for(stage.alma, stage.cast.keyless)
    dispatch_id = factories.empty_draft(stage, somebody, stage.cast.receiving)
    with pytest.raises(KeyMissing) as refused:
        factories.add_note(stage, somebody, dispatch_id)
    assert "Your school has no key yet" in refused.value.sentence


def test_leaves_that_cannot_be_read_break_no_page(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    dispatch_id = factories.dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora)
    factories.send_back(stage, stage.cora, dispatch_id, reason=RejectionReason.OTHER, words="Call me")
    with stage.database.reading() as session:
        reference = session.get_one(models.Dispatch, dispatch_id).transfer.reference
        whole = timeline.list_happenings(session, stage.alma.actor, reference=reference)
    real = queries.list_leaf_bodies
    monkeypatch.setattr(queries, "list_leaf_bodies", lambda *given, **named: [b"junk", *real(*given, **named)])
    with stage.database.writing() as session:
        assert timeline.list_happenings(session, stage.alma.actor, reference=reference) == whole
        remark = returning.read_return_remark(
            session,
            stage.at,
            stage.alma.actor,
            **keyed(stage, stage.alma, dispatch_id),  # type: ignore[arg-type]
        )
    assert remark.words == "Call me"


def test_a_leaf_of_sending_that_cannot_be_read_opens_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    dispatch_id = factories.dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora)
    monkeypatch.setattr(manifests, "get_leaf_body", lambda *_: b"junk")
    shown = factories.show_cover(stage, stage.cora, dispatch_id)
    assert shown.failure is not None
    assert shown.failure.reason == "manifest_not_as_logged"


def test_words_of_an_earlier_return_are_not_taken_for_those_of_a_later_one(stage: Stage) -> None:
    first = factories.dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora)
    factories.send_back(stage, stage.cora, first, words="First")
    with stage.database.writing() as session:
        second = redirecting.redirect(
            session,
            stage.at,
            stage.alma.actor,
            receiving_school_id=stage.cast.receiving,
            **keyed(stage, stage.alma, first),  # type: ignore[arg-type]
        ).dispatch_id
    factories.send_back(stage, stage.cora, second, words="Second")
    with stage.database.writing() as session:
        words = [
            returning.read_return_remark(
                session,
                stage.at,
                stage.alma.actor,
                **keyed(stage, stage.alma, one),  # type: ignore[arg-type]
            ).words
            for one in (first, second)
        ]
    assert words == ["First", "Second"]


def test_words_are_sealed_to_whichever_school_has_a_key(stage: Stage) -> None:
    dispatch_id = factories.dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora)
    with stage.database.writing() as session:
        session.query(models.SchoolEpoch).filter_by(school_id=stage.cast.sending).update({"state": "retired"})
    factories.send_back(stage, stage.cora, dispatch_id, words="Ours alone")
    with stage.database.reading() as session:
        item = session.query(models.Item).filter_by(sender_id=stage.cast.receiving).one()
        assert [grant.recipient_id for grant in session.query(models.ItemGrant).filter_by(item_id=item.id)] == [
            stage.cast.receiving
        ]


def test_a_row_that_nobody_sent_is_not_acknowledged(stage: Stage) -> None:
    dispatch_id = factories.dispatch_in(
        stage, Status.SENT, sender=stage.alma, receiver=stage.cora, kind=DispatchKind.NIL
    )
    with stage.database.writing() as session:
        session.get_one(models.Dispatch, dispatch_id).sent_by = None
    with pytest.raises(StateForbids):
        factories.acknowledge(stage, stage.cora, dispatch_id, nil=True)


def test_the_receiving_office_finds_no_transfer(stage: Stage) -> None:
    dispatch_id = factories.dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora)
    office = acting_for(stage.edie, stage.cast.receiving)
    with stage.database.reading() as session, pytest.raises(NotFound):
        reference = session.get_one(models.Dispatch, dispatch_id).transfer.reference
        viewing.get_transfer(session, stage.at, office.actor, reference=reference)


def test_a_lead_may_narrow_the_list_of_what_was_sent(stage: Stage) -> None:
    for status in (Status.SENT, Status.DRAFT):
        factories.dispatch_in(stage, status, sender=stage.alma, receiver=stage.cora)
    with stage.database.reading() as session:
        page = listing.list_transfers(
            session, stage.at, stage.alma.actor, box=listing.Box.OUT, statuses=frozenset({Status.DRAFT})
        )
    assert [row.status for row in page.rows] == [Status.DRAFT]


def test_a_store_that_takes_not_all_bytes_is_noticed(stage: Stage) -> None:
    dispatch_id = factories.empty_draft(stage, stage.alma, stage.cast.receiving)
    with stage.database.reading() as session:
        plan = attaching.begin_attachment(session, stage.at, stage.alma.actor, dispatch_id=dispatch_id)
    idle = SimpleNamespace(put_new=lambda _key, _chunks: None)
    with pytest.raises(RuntimeError):
        attaching.seal_upload(stage.at, idle, plan, name="a.pdf", chunks=[factories.PDF])  # type: ignore[arg-type]


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"v":2}', b'{"v":1}', b"\xff"])
def test_texts_of_another_form_are_named_and_not_guessed_at(body: bytes) -> None:
    for read_it in (Note.decode, Remark.decode):
        with pytest.raises(CannotOpen) as refused:
            read_it(body)
        assert refused.value.reason == "unknown_format"


def test_neither_pupil_nor_note_nor_remark_prints_what_it_holds() -> None:
    assert repr(factories.PUPIL) == "Pupil(redacted)"
    assert factories.PUPIL.initials == "ZO"
    assert "arrested" not in repr(factories.a_note())
    assert "secret" not in repr(Remark(reason="other", words="secret"))


def test_sending_and_opening_take_a_bounded_number_of_statements(stage: Stage) -> None:
    """A file of three items; the same acts on a file of nine may take more rows, never a query an item to find them."""

    def statements(items: int) -> tuple[int, int]:
        dispatch_id = factories.empty_draft(stage, stage.alma, stage.cast.receiving)
        for _ in range(items):
            factories.add_note(stage, stage.alma, dispatch_id)
        factories.send(stage, stage.alma, dispatch_id)
        seen: list[str] = []

        def listen(*given: object) -> None:
            seen.append(str(given[2]))

        event.listen(stage.database.engine, "before_cursor_execute", listen)
        factories.open_dispatch(stage, stage.cora, dispatch_id)
        event.remove(stage.database.engine, "before_cursor_execute", listen)
        return len([one for one in seen if one.startswith("SELECT")]), len(seen)

    few, many = statements(3), statements(9)
    assert few[0] == many[0] <= 40


def test_enrolling_twice_is_not_needed_for_what_is_delivered(stage: Stage) -> None:
    kit = enrol_keyless(stage)
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.keyless)
    assert factories.send(stage, stage.alma, dispatch_id).status is Status.SENT
    assert factories.open_dispatch(stage, kit, dispatch_id).has_opened
    with stage.database.reading() as session:
        assert delivering.find_deliverable(session, stage.alma.actor) == ()
        with pytest.raises(NotFound):
            queries.get_school(session, stage.at.new_id())


def test_what_cannot_be_delivered_waits_behind_what_can(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A school whose first files are damaged still delivers the later ones, however few are tried at once."""
    monkeypatch.setattr(delivering, "AT_ONCE", 1)
    damaged, sound = (factories.draft(stage, stage.alma, stage.cast.keyless) for _ in range(2))
    for dispatch_id in (damaged, sound):
        factories.send(stage, stage.alma, dispatch_id)
        stage.clock.move(minutes=1)
    enrol_keyless(stage)
    with stage.database.writing() as session:
        session.execute(update(models.Dispatch).where(models.Dispatch.id == damaged).values(manifest=b"nothing"))
    keys = stage.alma.school_keys(stage.service)
    done = []
    for _ in range(3):
        with stage.database.writing() as session:
            done.append(delivering.deliver_waiting(session, stage.at, stage.alma.actor, keys, storage=stage.storage))
    assert [(one.delivered, one.failed) for one in done] == [(0, 1), (1, 0), (0, 1)]
