"""The signed acknowledgement, of files and of nil declarations, and the statement that a file was filed."""

from uuid import UUID

import pytest

from tests import factories
from tests.cast import Member
from tests.integration.transfers.stage import Stage, acting_for, hold_also
from transfer_service.audit.leaf import decode_leaf
from transfer_service.crypto.manifest import acknowledgement_hash
from transfer_service.crypto.suites import verify_signature
from transfer_service.db import models
from transfer_service.domain.errors import AlreadyDone, Conflict, NotFound, PermissionRefused, RuleForbids, StateForbids
from transfer_service.domain.statements import FILING_CONFIRMATION, NIL_ACKNOWLEDGEMENT
from transfer_service.domain.transfer import DispatchKind, Status
from transfer_service.use_cases.keys.public_keys import get_public_epoch
from transfer_service.use_cases.transfers import acknowledging, downloading, listing


def opened(stage: Stage) -> UUID:
    return factories.dispatch_in(stage, Status.OPENED, sender=stage.alma, receiver=stage.cora)


def acknowledge_nils(stage: Stage, member: Member, *dispatch_ids: UUID) -> acknowledging.NilsAcknowledged:
    with stage.database.writing() as session:
        return acknowledging.acknowledge_nils(
            session,
            stage.at,
            member.actor,
            dispatch_ids=dispatch_ids,
            person_key=member.person_key,
            storage=stage.storage,
            statement_version=NIL_ACKNOWLEDGEMENT.version,
        )


def test_the_statement_is_signed_word_for_word_and_its_hash_is_the_leafs_digest(stage: Stage) -> None:
    dispatch_id = opened(stage)
    done = factories.acknowledge(stage, stage.cora, dispatch_id)
    with stage.database.reading() as session:
        row = session.get_one(models.Acknowledgement, dispatch_id)
        leaf = decode_leaf(session.get_one(models.LogLeaf, done.leaf).body).said
        public = get_public_epoch(session, stage.at, stage.cast.receiving, row.epoch).public
        dispatch = session.get_one(models.Dispatch, dispatch_id)
        assert verify_signature(public, row.signature, row.signed_bytes)
        assert row.statement.encode() in row.signed_bytes
        assert (dispatch.manifest_hash or b"") in row.signed_bytes
        assert (leaf.event, leaf.digest) == ("dispatch.acknowledged", acknowledgement_hash(row.signed_bytes))
        assert (row.person_id, row.senco_told, row.key_staff_told) == (stage.cora.person_id, True, False)
        assert (dispatch.status, dispatch.acknowledged_at) == (Status.ACKNOWLEDGED, stage.clock())
        told = session.query(models.Alert).filter_by(kind="dispatch.acknowledged")
        assert sorted(alert.address for alert in told) == ["alma.reyes@example.org", "ben.okafor@example.org"]


def test_acknowledging_again_returns_the_same_receipt_to_everybody(stage: Stage) -> None:
    dispatch_id = opened(stage)
    first = factories.acknowledge(stage, stage.cora, dispatch_id)
    for member in (stage.cora, stage.dev):
        again = factories.acknowledge(stage, member, dispatch_id)
        assert (again.leaf, again.again) == (first.leaf, True)
    with stage.database.reading() as session:
        assert session.query(models.LogLeaf).filter_by(event="dispatch.acknowledged").count() == 1


def test_whoever_sent_it_does_not_acknowledge_it_even_as_lead_of_both_schools(stage: Stage) -> None:
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.receiving)
    both = acting_for(stage.cora, stage.cast.sending)
    hold_also(stage, stage.cora, stage.alma)
    factories.send(stage, both, dispatch_id)
    factories.open_dispatch(stage, stage.cora, dispatch_id)
    with pytest.raises(RuleForbids) as refused:
        factories.acknowledge(stage, stage.cora, dispatch_id)
    assert refused.value.rule == "acknowledged_by_sender"
    factories.open_dispatch(stage, stage.dev, dispatch_id)
    assert not factories.acknowledge(stage, stage.dev, dispatch_id).again


def test_a_wording_that_changed_meanwhile_is_not_signed(stage: Stage) -> None:
    dispatch_id = opened(stage)
    with stage.database.writing() as session, pytest.raises(Conflict):
        acknowledging.acknowledge(
            session,
            stage.at,
            stage.cora.actor,
            dispatch_id=dispatch_id,
            person_key=stage.cora.person_key,
            storage=stage.storage,
            statement_version="ack/0",
            senco_told=True,
            key_staff_told=True,
        )


def test_many_nil_declarations_are_acknowledged_at_once_and_the_rest_named(stage: Stage) -> None:
    nils = []
    for _ in range(3):
        dispatch_id = factories.empty_draft(stage, stage.alma, stage.cast.receiving)
        factories.declare_nil(stage, stage.alma, dispatch_id)
        nils.append(dispatch_id)
    file_id = opened(stage)
    factories.acknowledge(stage, stage.dev, nils[0], nil=True)
    factories.withdraw(stage, stage.alma, nils[1])
    nowhere = stage.at.new_id()
    result = acknowledge_nils(stage, stage.cora, *nils, file_id, nowhere, nils[2])
    assert {one.dispatch_id: one.again for one in result.done} == {nils[0]: True, nils[2]: False}
    assert {dispatch_id: type(error) for dispatch_id, error in result.refused} == {
        nils[1]: StateForbids,
        file_id: RuleForbids,
        nowhere: NotFound,
    }
    with stage.database.reading() as session:
        assert session.get_one(models.Dispatch, nils[2]).status is Status.ACKNOWLEDGED
        row = session.get_one(models.Acknowledgement, nils[2])
        assert row.statement_version == "nil-ack/1"
        leaf = session.get_one(models.LogLeaf, row.leaf)
        assert (leaf.event, decode_leaf(leaf.body).said.dispatch) == ("nil.acknowledged", nils[2])


def test_a_changed_wording_stops_the_whole_list_of_nils(stage: Stage) -> None:
    dispatch_id = factories.empty_draft(stage, stage.alma, stage.cast.receiving)
    factories.declare_nil(stage, stage.alma, dispatch_id)
    with stage.database.writing() as session, pytest.raises(Conflict):
        acknowledging.acknowledge_nils(
            session,
            stage.at,
            stage.cora.actor,
            dispatch_ids=[dispatch_id],
            person_key=stage.cora.person_key,
            storage=stage.storage,
            statement_version="nil-ack/0",
        )


def test_a_file_is_filed_only_after_its_whole_export(stage: Stage) -> None:
    dispatch_id = opened(stage)

    def confirm(member: Member, version: str = FILING_CONFIRMATION.version) -> None:
        with stage.database.writing() as session:
            acknowledging.confirm_filed(
                session, stage.at, member.actor, dispatch_id=dispatch_id, statement_version=version
            )

    with pytest.raises(StateForbids):
        confirm(stage.cora)
    factories.acknowledge(stage, stage.cora, dispatch_id)
    with pytest.raises(RuleForbids) as refused:
        confirm(stage.cora)
    assert refused.value.rule == "not_exported"
    keyed = {"dispatch_id": dispatch_id, "person_key": stage.cora.person_key, "storage": stage.storage}
    with stage.database.reading() as session:
        one = downloading.prepare_archive(session, stage.at, stage.cora.actor, **keyed)
    with stage.database.writing() as session:
        downloading.record_archive(session, stage.at, stage.cora.actor, one)
    with pytest.raises(Conflict):
        confirm(stage.cora, "filed/0")
    with pytest.raises(NotFound):
        confirm(stage.alma)
    confirm(stage.dev)
    with pytest.raises(AlreadyDone):
        confirm(stage.cora)
    with stage.database.reading() as session:
        dispatch = session.get_one(models.Dispatch, dispatch_id)
        assert (dispatch.filed_at, dispatch.filed_by) == (stage.clock(), stage.dev.person_id)


def test_after_each_acknowledgement_the_next_of_todays_is_named(stage: Stage) -> None:
    ids = []
    for urgent in (False, False, True):
        dispatch_id = factories.draft(stage, stage.alma, stage.cast.receiving, urgent=urgent)
        factories.send(stage, stage.alma, dispatch_id)
        ids.append(dispatch_id)
        stage.clock.move(minutes=1)

    def following() -> tuple[UUID, int, int] | None:
        with stage.database.reading() as session:
            found = listing.find_next_awaiting(session, stage.at, stage.cora.actor)
        return None if found is None else (found.dispatch_id, found.position, found.total)

    assert following() == (ids[2], 1, 3)
    for done, expected in ((ids[2], (ids[0], 2, 3)), (ids[0], (ids[1], 3, 3)), (ids[1], None)):
        factories.open_dispatch(stage, stage.cora, done)
        factories.acknowledge(stage, stage.cora, done)
        assert following() == expected


def test_a_receipt_is_taken_by_both_schools_leads_with_a_leaf(stage: Stage) -> None:
    dispatch_id = factories.dispatch_in(
        stage, Status.ACKNOWLEDGED, sender=stage.alma, receiver=stage.cora, kind=DispatchKind.NIL
    )
    draft = factories.draft(stage, stage.alma, stage.cast.receiving)
    for member in (stage.ben, stage.dev):
        with stage.database.writing() as session:
            acknowledging.record_receipt_download(session, stage.at, member.actor, dispatch_id=dispatch_id)
    for member, one, error in (
        (stage.edie, dispatch_id, PermissionRefused),
        (stage.stella, dispatch_id, NotFound),
        (stage.alma, draft, StateForbids),
    ):
        with stage.database.writing() as session, pytest.raises(error):
            acknowledging.record_receipt_download(session, stage.at, member.actor, dispatch_id=one)
    with stage.database.reading() as session:
        assert session.query(models.LogLeaf).filter_by(event="receipt.downloaded").count() == 2
