"""Sending back, withdrawing, redirecting, and sealing again."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from tests import factories
from tests.cast import Member, add_school
from tests.integration.transfers.stage import Stage, enrol_keyless
from transfer_service.audit.leaf import decode_leaf
from transfer_service.crypto.manifest import Manifest
from transfer_service.db import models
from transfer_service.domain.errors import (
    AlreadyDone,
    CannotOpen,
    Invalid,
    KeyMissing,
    NotFound,
    RuleForbids,
    StateForbids,
)
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.transfer import DispatchKind, RejectionReason, Status
from transfer_service.use_cases.transfers import delivering, redirecting, resealing, returning, sending
from transfer_service.use_cases.transfers.breaches import get_breach
from transfer_service.use_cases.transfers.texts import Remark


def redirect(stage: Stage, member: Member, dispatch_id: UUID, to: UUID) -> sending.Sent:
    with stage.database.writing() as session:
        return redirecting.redirect(
            session,
            stage.at,
            member.actor,
            dispatch_id=dispatch_id,
            receiving_school_id=to,
            person_key=member.person_key,
            storage=stage.storage,
        )


def remark(stage: Stage, member: Member, dispatch_id: UUID) -> returning.ReturnRemark:
    with stage.database.writing() as session:
        return returning.read_return_remark(
            session,
            stage.at,
            member.actor,
            dispatch_id=dispatch_id,
            person_key=member.person_key,
            storage=stage.storage,
        )


def grants_of_receiver(stage: Stage) -> int:
    with stage.database.reading() as session:
        return session.query(models.ItemGrant).filter_by(recipient_id=stage.cast.receiving).count()


def test_sending_back_at_the_cover_sheet_proves_that_nothing_was_opened(stage: Stage) -> None:
    dispatch_id = factories.dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora)
    done = factories.send_back(stage, stage.cora, dispatch_id, reason=RejectionReason.WRONG_SCHOOL)
    assert not done.is_breach
    assert grants_of_receiver(stage) == 0
    with stage.database.reading() as session:
        dispatch = session.get_one(models.Dispatch, dispatch_id)
        assert (dispatch.status, dispatch.rejection_reason) == (Status.REJECTED, RejectionReason.WRONG_SCHOOL)
        assert (dispatch.opened_at, dispatch.rejected_by) == (None, stage.cora.person_id)
        assert session.query(models.Breach).count() == 0
        assert session.query(models.Alert).filter_by(kind="dispatch.rejected").count() == 2
    assert remark(stage, stage.alma, dispatch_id).words is None
    with pytest.raises(AlreadyDone):
        factories.send_back(stage, stage.dev, dispatch_id)


@pytest.mark.parametrize("status", [Status.OPENED, Status.ACKNOWLEDGED])
def test_a_file_that_was_opened_at_the_wrong_school_is_a_breach_of_the_sender(stage: Stage, status: Status) -> None:
    dispatch_id = factories.dispatch_in(stage, status, sender=stage.alma, receiver=stage.cora)
    stage.clock.move(hours=1)
    assert factories.send_back(stage, stage.cora, dispatch_id, reason=RejectionReason.NOT_JOINING).is_breach
    with stage.database.reading() as session:
        breach = session.get_one(models.Breach, dispatch_id)
        assert (breach.school_id, breach.known_at) == (stage.cast.sending, stage.clock())
        assert breach.report_by - breach.known_at == timedelta(hours=72)
        told = session.query(models.Alert).filter_by(kind="breach.recorded")
        assert sorted(alert.address for alert in told) == [
            "alma.reyes@example.org",
            "ben.okafor@example.org",
            "hugh.prescott@example.org",
        ]
        leaf = decode_leaf(session.query(models.LogLeaf).filter_by(event="breach.recorded").one().body).said
        assert (leaf.org, leaf.on_behalf, leaf.basis) == (stage.cast.sending, stage.cast.receiving, "misdirected")


def test_an_incomplete_file_is_sent_back_without_a_breach(stage: Stage) -> None:
    dispatch_id = factories.dispatch_in(stage, Status.OPENED, sender=stage.alma, receiver=stage.cora)
    assert not factories.send_back(stage, stage.cora, dispatch_id, reason=RejectionReason.INCOMPLETE).is_breach


def test_the_reason_in_words_is_sealed_to_both_schools_and_bound_to_its_leaf(stage: Stage) -> None:
    dispatch_id = factories.dispatch_in(stage, Status.OPENED, sender=stage.alma, receiver=stage.cora)
    words = "Her brother's chronology was in it."
    factories.send_back(stage, stage.cora, dispatch_id, reason=RejectionReason.WRONG_PUPIL, words=words)
    for member in (stage.ben, stage.dev):
        assert remark(stage, member, dispatch_id).words == words
    with pytest.raises(NotFound):
        remark(stage, stage.stella, dispatch_id)
    with stage.database.writing() as session:
        item = session.query(models.Item).filter_by(sender_id=stage.cast.receiving).one()
        assert b"chronology" not in (item.ciphertext or b"")
        session.execute(update(models.Item).where(models.Item.id == item.id).values(content_digest=bytes(32)))
    with pytest.raises(CannotOpen) as refused:
        remark(stage, stage.alma, dispatch_id)
    assert refused.value.reason == "content_changed"
    with stage.database.writing() as session:
        session.query(models.ItemGrant).filter_by(item_id=item.id).delete()
        session.query(models.DispatchItem).filter_by(item_id=item.id).delete()
        session.query(models.Item).filter_by(id=item.id).delete()
    with pytest.raises(CannotOpen) as refused:
        remark(stage, stage.alma, dispatch_id)
    assert refused.value.reason == "ciphertext_missing"


def test_words_that_somebody_put_in_the_place_of_the_schools_are_not_shown(stage: Stage) -> None:
    """Anybody can seal to the two schools' public keys: what counts is the digest in the leaf of sending back."""
    dispatch_id = factories.dispatch_in(stage, Status.OPENED, sender=stage.alma, receiver=stage.cora)
    factories.send_back(stage, stage.cora, dispatch_id, reason=RejectionReason.DUPLICATE, words="We have it already.")
    with stage.database.writing() as session:
        dispatch = session.get_one(models.Dispatch, dispatch_id)
        genuine = session.query(models.Item).filter_by(sender_id=stage.cast.receiving).one()
        session.query(models.DispatchItem).filter_by(item_id=genuine.id).delete()
        forged = Remark(reason="duplicate", words="Never send us anything again.")
        returning._seal_words(session, stage.at, stage.cora.actor, dispatch, forged)
    with pytest.raises(CannotOpen) as refused:
        remark(stage, stage.alma, dispatch_id)
    assert refused.value.reason == "content_changed"


def test_a_file_that_was_not_sent_back_has_no_remark(stage: Stage) -> None:
    dispatch_id = factories.dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora)
    with pytest.raises(NotFound):
        remark(stage, stage.alma, dispatch_id)


@pytest.mark.parametrize(("reason", "words"), [("other", " "), ("duplicate", "x" * 5001)])
def test_another_reason_needs_words_and_words_have_a_limit(stage: Stage, reason: str, words: str) -> None:
    dispatch_id = factories.dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora)
    with pytest.raises(Invalid) as refused:
        factories.send_back(stage, stage.cora, dispatch_id, reason=RejectionReason(reason), words=words)
    assert list(refused.value.fields) == ["words"]


def test_withdrawing_takes_the_receivers_grants_and_tells_it(stage: Stage) -> None:
    dispatch_id = factories.dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora)
    assert grants_of_receiver(stage) == 2
    factories.withdraw(stage, stage.ben, dispatch_id)
    assert grants_of_receiver(stage) == 0
    with stage.database.reading() as session:
        assert session.get_one(models.Dispatch, dispatch_id).withdrawn_at == stage.clock()
        assert session.query(models.Alert).filter_by(kind="dispatch.withdrawn").count() == 2


def test_the_same_sealed_items_go_to_another_school_and_the_due_date_does_not_move(stage: Stage) -> None:
    first = factories.draft(stage, stage.alma, stage.cast.receiving, attachments=("a.pdf",), urgent=True)
    factories.send(stage, stage.alma, first)
    factories.send_back(stage, stage.cora, first, words="Try the school in Warwick")
    stage.clock.move(days=10)
    with stage.database.reading() as session:
        sealed = {item.id: item.ciphertext_sha256 for item in session.query(models.Item)}
    done = redirect(stage, stage.ben, first, stage.cast.stranger)
    assert done.status is Status.SENT
    with stage.database.reading() as session:
        old, new = session.get_one(models.Dispatch, first), session.get_one(models.Dispatch, done.dispatch_id)
        assert {item.id: item.ciphertext_sha256 for item in session.query(models.Item)} == sealed
        own = [place.item_id for place in old.items if place.item.sender_id == stage.cast.sending]
        assert [place.item_id for place in new.items] == own
        assert (new.number, new.previous_id, new.urgent) == (2, old.id, True)
        assert (new.due_on, new.clock["sender"]) == (old.due_on, old.clock["sender"])
        assert new.clock["receiver"] != old.clock["receiver"]
        manifest = Manifest.decode(new.manifest or b"")
        assert (manifest.previous_hash, manifest.kind.name) == (old.manifest_hash, "REDIRECT")
        assert [one.org for one in manifest.recipients] == [stage.cast.sending, stage.cast.stranger]
        assert session.get_one(models.LogLeaf, done.leaf).event == "dispatch.redirected"
    assert factories.open_dispatch(stage, stage.stella, done.dispatch_id).has_opened
    with pytest.raises(NotFound):
        factories.show_cover(stage, stage.cora, done.dispatch_id)
    with pytest.raises(AlreadyDone):
        redirect(stage, stage.alma, first, stage.cast.stranger)


def test_a_redirect_to_a_school_without_keys_waits_and_is_delivered(stage: Stage) -> None:
    first = factories.dispatch_in(stage, Status.WITHDRAWN, sender=stage.alma, receiver=stage.cora)
    done = redirect(stage, stage.alma, first, stage.cast.keyless)
    assert done.status is Status.WAITING
    kit = enrol_keyless(stage)
    keys = stage.alma.school_keys(stage.service)
    with stage.database.writing() as session:
        delivering.deliver_waiting(session, stage.at, stage.alma.actor, keys, storage=stage.storage)
    assert factories.open_dispatch(stage, kit, done.dispatch_id).has_opened


def test_a_nil_declaration_is_redirected_with_its_statement(stage: Stage) -> None:
    first = factories.dispatch_in(stage, Status.REJECTED, sender=stage.alma, receiver=stage.cora, kind=DispatchKind.NIL)
    done = redirect(stage, stage.alma, first, stage.cast.stranger)
    assert not factories.acknowledge(stage, stage.stella, done.dispatch_id, nil=True).again
    with stage.database.reading() as session:
        assert session.get_one(models.Dispatch, done.dispatch_id).statement_version == "nil/1"


def test_nothing_is_redirected_beside_what_is_under_way_or_to_a_closed_school(stage: Stage) -> None:
    first = factories.dispatch_in(stage, Status.WITHDRAWN, sender=stage.alma, receiver=stage.cora)
    closed = add_school(
        stage.service, stage.cast.warwickshire, urn="125590", name="Old Elms", town="Rugby", status="Closed"
    )
    with pytest.raises(RuleForbids) as refused:
        redirect(stage, stage.alma, first, closed)
    assert refused.value.rule == "school_closed"
    second = redirect(stage, stage.alma, first, stage.cast.receiving).dispatch_id
    factories.withdraw(stage, stage.alma, second)
    third = redirect(stage, stage.alma, second, stage.cast.receiving).dispatch_id
    with pytest.raises(AlreadyDone):
        redirect(stage, stage.alma, first, stage.cast.receiving)
    with stage.database.writing() as session:
        # As if the second dispatch had not come from the first, which then stands free beside a live one.
        session.execute(update(models.Dispatch).where(models.Dispatch.id == second).values(previous_id=None))
    with pytest.raises(RuleForbids) as refused:
        redirect(stage, stage.alma, first, stage.cast.receiving)
    assert refused.value.rule == "still_under_way"
    factories.open_dispatch(stage, stage.cora, third)
    factories.acknowledge(stage, stage.cora, third)
    with pytest.raises(RuleForbids) as refused:
        redirect(stage, stage.alma, first, stage.cast.receiving)
    assert refused.value.rule == "already_received"


def reseal(stage: Stage, member: Member, dispatch_id: UUID) -> int:
    with stage.database.writing() as session:
        return resealing.reseal_grants(
            session,
            stage.at,
            member.actor,
            dispatch_id=dispatch_id,
            person_key=member.person_key,
            storage=stage.storage,
        )


def test_a_damaged_grant_is_made_again_by_the_sender_and_then_opens_and_is_acknowledged(stage: Stage) -> None:
    dispatch_id = factories.dispatch_in(
        stage, Status.SENT, sender=stage.alma, receiver=stage.cora, attachments=("a.pdf",)
    )
    with stage.database.writing() as session:
        attachment = session.query(models.Item).filter_by(kind=ItemKind.ATTACHMENT).one()
        session.query(models.ItemGrant).filter_by(item_id=attachment.id, recipient_id=stage.cast.receiving).delete()
    outcome = factories.open_dispatch(stage, stage.cora, dispatch_id)
    assert outcome.has_opened
    assert [failure.reason for failure in outcome.failures] == ["no_grant"]
    with pytest.raises(RuleForbids) as refused:
        factories.acknowledge(stage, stage.cora, dispatch_id)
    assert refused.value.rule == "items_not_opened"
    reseal(stage, stage.ben, dispatch_id)
    assert factories.open_dispatch(stage, stage.cora, dispatch_id).failures == ()
    assert not factories.acknowledge(stage, stage.cora, dispatch_id).again


def test_bytes_that_are_damaged_for_the_sender_too_cannot_be_sealed_again(stage: Stage) -> None:
    dispatch_id = factories.dispatch_in(stage, Status.OPENED, sender=stage.alma, receiver=stage.cora)
    with stage.database.writing() as session:
        session.execute(update(models.Item).where(models.Item.kind == ItemKind.NOTE).values(ciphertext=b"x" * 200))
    with pytest.raises(CannotOpen) as refused:
        reseal(stage, stage.alma, dispatch_id)
    assert refused.value.reason == "commitment"


def test_sealing_again_needs_a_file_under_way_and_a_key_at_the_receiver(stage: Stage) -> None:
    dispatch_id = factories.dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora)
    with stage.database.writing() as session:
        session.execute(
            update(models.SchoolEpoch)
            .where(models.SchoolEpoch.school_id == stage.cast.receiving)
            .values(state="retired")
        )
    with pytest.raises(KeyMissing):
        reseal(stage, stage.alma, dispatch_id)
    factories.withdraw(stage, stage.alma, dispatch_id)
    with pytest.raises(StateForbids):
        reseal(stage, stage.alma, dispatch_id)


def test_a_breach_record_tells_what_the_other_school_saw_and_not_what_the_own_one_did(stage: Stage) -> None:
    dispatch_id = factories.dispatch_in(stage, Status.OPENED, sender=stage.alma, receiver=stage.cora)
    factories.read(stage, stage.alma, dispatch_id)
    factories.send_back(stage, stage.cora, dispatch_id, reason=RejectionReason.WRONG_SCHOOL)
    with stage.database.reading() as session:
        reference = session.get_one(models.Dispatch, dispatch_id).transfer.reference
        seen = get_breach(session, stage.alma.actor, reference=reference).seen
    assert [(who, what) for _, who, what in seen] == [("Cora Whitlock", "opened the file")]
