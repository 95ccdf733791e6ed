"""A file goes on from the school that received it to the next one, with the signature of the school that sealed it."""

from datetime import date

import pytest
from sqlalchemy import select, update

from tests import factories
from tests.integration.transfers.stage import Stage
from tests.observing import leaves, rows
from transfer_service.crypto import formats
from transfer_service.db.models import Dispatch, DispatchItem, Item
from transfer_service.domain.errors import CannotOpen, NotFound, PermissionRefused, RuleForbids, StateForbids
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.transfer import DispatchKind, Status
from transfer_service.use_cases.keys.public_keys import find_active_epoch
from transfer_service.use_cases.transfers import forwarding
from transfer_service.use_cases.transfers.drafting import MoveDates, discard_draft
from transfer_service.use_cases.transfers.manifests import verify_manifest
from transfer_service.use_cases.transfers.provenance import find_provenance
from transfer_service.use_cases.transfers.sealing import grant, place_item, seal_row
from transfer_service.use_cases.transfers.texts import JSON_TYPE, NOTE_NAME

DATES = MoveDates(leaving_on=date(2026, 9, 4))


def received(stage: Stage, status: Status = Status.ACKNOWLEDGED, **more):
    return factories.dispatch_in(stage, status, sender=stage.alma, receiver=stage.cora, **more)


def forward(stage: Stage, dispatch_id, member=None, to=None):
    return factories.forward(stage, member or stage.cora, dispatch_id, to or stage.cast.stranger)


def test_the_third_school_reads_what_the_first_sealed_and_what_the_second_added(stage: Stage):
    first = received(stage, attachments=["genogram.pdf"])
    going = forward(stage, first)
    factories.add_note(stage, stage.cora, going, factories.a_note("She settled in well at our school."))
    sent = factories.send(stage, stage.cora, going)
    assert sent.status is Status.SENT
    assert factories.open_dispatch(stage, stage.stella, going).failures == ()
    found = factories.contents(stage, stage.stella, going)
    assert [part.failure for part in found.parts] == [None, None, None]
    assert [part.note.text for part in found.notes] == [factories.NOTE_TEXT, "She settled in well at our school."]
    assert found.attachments[0].name == "genogram.pdf"
    assert factories.acknowledge(stage, stage.stella, going)
    with stage.database.reading() as session:
        row, origin = session.get_one(Dispatch, going), session.get_one(Dispatch, first)
        manifest, earlier = verify_manifest(session, stage.at, row), verify_manifest(session, stage.at, origin)
        assert (manifest.kind, manifest.previous_hash) == (formats.DispatchKind.FORWARD, earlier.hash)
        assert (manifest.signer_org, earlier.signer_org) == (stage.cast.receiving, stage.cast.sending)
        assert set(earlier.items) < set(manifest.items)
        provenance = find_provenance(session, row)
        assert provenance is not None
        assert provenance.school.id == stage.cast.sending
        assert find_provenance(session, origin) is None


def test_nothing_is_encrypted_anew_and_the_first_schools_copy_stays_as_it_is(stage: Stage):
    first = received(stage)
    with stage.database.reading() as session:
        before = {row.id: row.ciphertext_sha256 for row in session.scalars(select(Item))}
    going = forward(stage, first)
    with stage.database.reading() as session:
        assert {row.id: row.ciphertext_sha256 for row in session.scalars(select(Item))} == before
        assert session.get_one(Dispatch, first).status is Status.ACKNOWLEDGED
        assert session.get_one(Dispatch, going).transfer.sending_school_id == stage.cast.receiving
    assert leaves(stage.service)[-1].event == "dispatch.forwarded"
    assert factories.contents(stage, stage.alma, first).failure is None


def test_the_first_school_and_others_do_not_see_the_new_transfer(stage: Stage):
    going = forward(stage, received(stage))
    for member in (stage.alma, stage.stella):
        with pytest.raises(NotFound):
            factories.contents(stage, member, going)


def test_a_file_is_forwarded_twice_and_leads_back_to_its_first_sender(stage: Stage):
    going = forward(stage, received(stage))
    factories.send(stage, stage.cora, going)
    factories.open_dispatch(stage, stage.stella, going)
    factories.acknowledge(stage, stage.stella, going)
    back = forward(stage, going, stage.stella, to=stage.cast.sending)
    factories.send(stage, stage.stella, back)
    assert factories.open_dispatch(stage, stage.alma, back).failures == ()
    with stage.database.reading() as session:
        provenance = find_provenance(session, session.get_one(Dispatch, back))
        assert provenance is not None
        assert provenance.school.id == stage.cast.sending


def test_an_item_that_the_first_school_never_signed_is_not_accepted(stage: Stage):
    first, other = received(stage), received(stage)
    going = forward(stage, first)
    factories.send(stage, stage.cora, going)
    with stage.database.writing() as session:
        session.execute(update(Dispatch).where(Dispatch.id == going).values(previous_id=other))
    opened = factories.open_dispatch(stage, stage.stella, going)
    assert not opened.has_opened
    assert [failure.reason.value for failure in opened.failures] == ["manifest_signature"]


def test_an_item_that_somebody_put_beside_the_forwarded_ones_is_not_accepted(stage: Stage):
    """Sealed in the first school's name to the forwarding school's public key, as whoever writes the database can."""
    first = received(stage)
    going = forward(stage, first)
    with stage.database.writing() as session:
        origin, draft = session.get_one(Dispatch, first), session.get_one(Dispatch, going)
        sealed = seal_row(
            stage.at,
            stage.alma.actor,
            transfer_id=origin.transfer_id,
            sender_id=stage.cast.sending,
            kind=ItemKind.NOTE,
            name=NOTE_NAME,
            media_type=JSON_TYPE,
            body=factories.a_note("What the first school never wrote.").encode(),
        )
        place_item(session, draft, sealed.item, 9)
        epoch = find_active_epoch(session, stage.at, stage.cast.receiving)
        keyed = {"item": sealed.item, "data_key": sealed.data_key, "recipient_id": stage.cast.receiving}
        grant(session, stage.at, stage.cora.actor, dispatch=draft, epoch=epoch, **keyed)
    factories.send(stage, stage.cora, going)
    opened = factories.open_dispatch(stage, stage.stella, going)
    assert not opened.has_opened
    assert [failure.reason.value for failure in opened.failures] == ["content_changed"]


def test_a_forwarded_file_that_lost_its_origin_is_not_accepted(stage: Stage):
    going = forward(stage, received(stage))
    factories.send(stage, stage.cora, going)
    with stage.database.writing() as session:
        session.execute(update(Dispatch).where(Dispatch.id == going).values(previous_id=None))
    opened = factories.open_dispatch(stage, stage.stella, going)
    assert [failure.reason.value for failure in opened.failures] == ["content_changed"]


def test_a_forged_first_signature_is_found(stage: Stage):
    first = received(stage)
    going = forward(stage, first)
    factories.send(stage, stage.cora, going)
    with stage.database.writing() as session:
        session.execute(update(Dispatch).where(Dispatch.id == first).values(manifest_signature=bytes(64)))
    opened = factories.open_dispatch(stage, stage.stella, going)
    assert [failure.reason.value for failure in opened.failures] == ["manifest_signature"]


def test_a_discarded_forwarding_leaves_the_received_file_readable(stage: Stage):
    first = received(stage, attachments=["genogram.pdf"])
    going = forward(stage, first)
    with stage.database.writing() as session:
        assert discard_draft(session, stage.at, stage.cora.actor, dispatch_id=going) == ()
    assert [part.failure for part in factories.contents(stage, stage.cora, first).parts] == [None, None]
    with stage.database.reading() as session:
        assert session.scalars(select(DispatchItem).where(DispatchItem.dispatch_id == going)).all() == []


@pytest.mark.parametrize("status", [Status.SENT, Status.OPENED, Status.REJECTED, Status.WITHDRAWN])
def test_only_an_acknowledged_file_goes_on(stage: Stage, status: Status):
    with pytest.raises(StateForbids):
        forward(stage, received(stage, status))


def test_a_nil_declaration_and_a_shredded_file_do_not_go_on(stage: Stage):
    with pytest.raises(RuleForbids) as refused:
        forward(stage, received(stage, kind=DispatchKind.NIL))
    assert refused.value.rule == "nil"
    gone = received(stage)
    with stage.database.writing() as session:
        session.get_one(Dispatch, gone).shredded_at = stage.clock()
    with pytest.raises(StateForbids) as forbidden:
        forward(stage, gone)
    assert forbidden.value.status == "shredded"


def test_only_the_receiving_schools_leads_forward(stage: Stage):
    first = received(stage)
    for member in (stage.alma, stage.stella, stage.cast.olive):
        with pytest.raises(NotFound):
            forward(stage, first, member)
    with pytest.raises((NotFound, PermissionRefused)):
        forward(stage, first, stage.edie)


def test_not_to_ones_own_school(stage: Stage):
    with pytest.raises(RuleForbids) as refused:
        forward(stage, received(stage), to=stage.cast.receiving)
    assert refused.value.rule == "same_school"


def test_a_damaged_file_is_not_forwarded(stage: Stage):
    first = received(stage)
    with stage.database.writing() as session:
        session.execute(update(Item).values(ciphertext=bytes(2000)))
    with pytest.raises(CannotOpen):
        forward(stage, first)


def test_one_damaged_item_is_found_before_anything_is_forwarded(stage: Stage):
    first = received(stage)
    with stage.database.writing() as session:
        session.execute(update(Item).where(Item.kind == ItemKind.NOTE).values(ciphertext=bytes(2000)))
    with pytest.raises(CannotOpen) as refused:
        forward(stage, first)
    assert refused.value.reason == "commitment"


def test_where_the_last_step_breaks_nothing_is_forwarded(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    first = received(stage)
    before = rows(stage.service)

    def broken(*_given: object) -> None:
        raise RuntimeError("the last step")

    monkeypatch.setattr(forwarding, "record_all", broken)
    with pytest.raises(RuntimeError, match="the last step"):
        forward(stage, first)
    assert rows(stage.service) == before


def test_what_a_draft_forwards_is_not_sent_back_before_the_draft_is_discarded(stage: Stage):
    first = received(stage)
    going = forward(stage, first)
    before = rows(stage.service)
    with pytest.raises(RuleForbids) as refused:
        factories.send_back(stage, stage.cora, first)
    assert refused.value.rule == "being_forwarded"
    assert rows(stage.service) == before
    with stage.database.writing() as session:
        discard_draft(session, stage.at, stage.cora.actor, dispatch_id=going)
    factories.send_back(stage, stage.cora, first)
    with stage.database.reading() as session:
        assert session.get_one(Dispatch, first).status is Status.REJECTED
