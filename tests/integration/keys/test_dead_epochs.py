import pytest
from sqlalchemy import select

from tests import factories
from tests.cast import Member, join_service, make_first_holder, refreshed
from tests.integration.transfers.stage import Stage, enrol_keyless
from tests.observing import alerts, leaves, rows
from transfer_service.db.models import Acknowledgement, Alert, Dispatch, Opening
from transfer_service.domain.errors import RuleForbids, StateForbids
from transfer_service.domain.roles import Role
from transfer_service.domain.statements import FILING_CONFIRMATION
from transfer_service.domain.transfer import DispatchKind, Status
from transfer_service.use_cases.keys import epochs
from transfer_service.use_cases.keys.epochs import make_first_epoch
from transfer_service.use_cases.keys.exposure import report_exposure
from transfer_service.use_cases.oversight.approvals import approve_first_dsl
from transfer_service.use_cases.people.memberships import end_membership
from transfer_service.use_cases.transfers.acknowledging import confirm_filed
from transfer_service.use_cases.transfers.delivering import Delivery, deliver_waiting
from transfer_service.use_cases.transfers.downloading import prepare_archive, record_archive


def lose_the_key(stage: Stage) -> Member:
    """Both leads of the receiving school leave; a new one is approved, who has not made the key yet."""
    stage.clock.move(minutes=1)
    head = join_service(stage.service, name="Hal Dunn", role=Role.HEAD_TEACHER, school_id=stage.cast.receiving)
    for member in (stage.cora, stage.dev):
        with stage.database.writing() as session:
            end_membership(session, stage.at, head.actor, membership_id=member.membership_id)
    return join_service(
        stage.service,
        name="Fay Lund",
        role=Role.DESIGNATED_SAFEGUARDING_LEAD,
        school_id=stage.cast.receiving,
        inviter=head.actor,
    )


def deliver(stage: Stage) -> Delivery:
    keys = stage.alma.school_keys(stage.service)
    with stage.database.writing() as session:
        return deliver_waiting(session, stage.at, stage.alma.actor, keys, storage=stage.storage)


def export(stage: Stage, member: Member, dispatch_id) -> None:
    with stage.database.reading() as session:
        prepared = prepare_archive(
            session,
            stage.at,
            member.actor,
            dispatch_id=dispatch_id,
            person_key=member.person_key,
            storage=stage.storage,
        )
    with stage.database.writing() as session:
        record_archive(session, stage.at, member.actor, prepared)


def file(stage: Stage, member: Member, dispatch_id) -> None:
    with stage.database.writing() as session:
        confirm_filed(
            session, stage.at, member.actor, dispatch_id=dispatch_id, statement_version=FILING_CONFIRMATION.version
        )


def status_of(stage: Stage, dispatch_id) -> Status:
    with stage.database.reading() as session:
        return session.get_one(Dispatch, dispatch_id).status


@pytest.mark.parametrize("status", [Status.SENT, Status.OPENED])
def test_what_was_sent_to_a_lost_key_waits_and_is_delivered_again_to_the_next_one(stage: Stage, status: Status):
    sent = factories.dispatch_in(stage, status, sender=stage.alma, receiver=stage.cora)
    fay = lose_the_key(stage)
    assert status_of(stage, sent) is status
    fay = make_first_holder(stage.service, stage.cast.olive, fay)
    with stage.database.reading() as session:
        row = session.get_one(Dispatch, sent)
        assert (row.status, row.delivered_at, row.opened_at, row.receiver_due_on) == (Status.WAITING, None, None, None)
        assert session.scalars(select(Opening).where(Opening.dispatch_id == sent)).all() == []
    waiting = next(leaf for leaf in leaves(stage.service) if leaf.event == "dispatch.undelivered")
    assert (waiting.dispatch, waiting.org, waiting.basis) == (sent, stage.cast.receiving, "rule")
    assert ("delivery.wanted", stage.alma.email) in alerts(stage.service)
    with pytest.raises(StateForbids):
        factories.open_dispatch(stage, fay, sent)
    assert deliver(stage) == Delivery(delivered=1, failed=0)
    assert factories.open_dispatch(stage, fay, sent).has_opened
    assert factories.acknowledge(stage, fay, sent)
    assert status_of(stage, sent) is Status.ACKNOWLEDGED


def test_what_a_leaver_exported_does_not_stand_for_the_export_of_who_follows(stage: Stage):
    sent = factories.dispatch_in(stage, Status.OPENED, sender=stage.alma, receiver=stage.cora)
    export(stage, stage.cora, sent)
    fay = make_first_holder(stage.service, stage.cast.olive, lose_the_key(stage))
    deliver(stage)
    factories.open_dispatch(stage, fay, sent)
    factories.acknowledge(stage, fay, sent)
    with pytest.raises(RuleForbids) as refused:
        file(stage, fay, sent)
    assert refused.value.rule == "not_exported"
    export(stage, fay, sent)
    file(stage, fay, sent)


def test_an_acknowledged_file_stays_so_with_its_receipt_and_opens_with_the_next_key(stage: Stage):
    kept = factories.dispatch_in(stage, Status.ACKNOWLEDGED, sender=stage.alma, receiver=stage.cora)
    with stage.database.reading() as session:
        before = session.get_one(Dispatch, kept).manifest_hash
    fay = make_first_holder(stage.service, stage.cast.olive, lose_the_key(stage))
    assert status_of(stage, kept) is Status.ACKNOWLEDGED
    assert ("delivery.wanted", stage.alma.email) in alerts(stage.service)
    assert deliver(stage) == Delivery(delivered=1, failed=0)
    assert deliver(stage) == Delivery(delivered=0, failed=0)
    with stage.database.reading() as session:
        row = session.get_one(Dispatch, kept)
        assert (row.manifest_hash, row.delivered_at) == (before, stage.clock())
        assert session.get_one(Acknowledgement, kept).person_id == stage.cora.person_id
    assert leaves(stage.service)[-1].event == "item.granted"
    assert factories.open_dispatch(stage, fay, kept).has_opened
    assert status_of(stage, kept) is Status.ACKNOWLEDGED


def test_a_nil_declaration_stays_sent_and_reaches_the_next_key(stage: Stage):
    nil = factories.dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora, kind=DispatchKind.NIL)
    fay = make_first_holder(stage.service, stage.cast.olive, lose_the_key(stage))
    assert status_of(stage, nil) is Status.SENT
    with pytest.raises(RuleForbids) as refused:
        factories.show_cover(stage, fay, nil)
    assert refused.value.rule == "not_delivered"
    assert deliver(stage) == Delivery(delivered=1, failed=0)
    assert factories.show_cover(stage, fay, nil)


@pytest.mark.parametrize("status", [Status.DRAFT, Status.REJECTED, Status.WITHDRAWN])
def test_what_the_school_does_not_have_stays_as_it_is(stage: Stage, status: Status):
    other = factories.dispatch_in(stage, status, sender=stage.alma, receiver=stage.cora)
    make_first_holder(stage.service, stage.cast.olive, lose_the_key(stage))
    assert status_of(stage, other) is status
    assert "dispatch.undelivered" not in [leaf.event for leaf in leaves(stage.service)]


def test_what_was_shredded_is_not_asked_for_again(stage: Stage):
    gone = factories.dispatch_in(stage, Status.ACKNOWLEDGED, sender=stage.alma, receiver=stage.cora)
    with stage.database.writing() as session:
        session.get_one(Dispatch, gone).shredded_at = stage.clock()
    make_first_holder(stage.service, stage.cast.olive, lose_the_key(stage))
    with stage.database.reading() as session:
        assert session.scalars(select(Alert).where(Alert.kind == "delivery.wanted")).all() == []


def test_what_was_shredded_is_not_delivered_although_a_restore_left_it_waiting(stage: Stage):
    keyless = stage.cast.keyless
    waiting = factories.dispatch_in(
        stage, Status.WAITING, sender=stage.alma, receiver=stage.cora, keyless_school_id=keyless
    )
    with stage.database.writing() as session:
        session.get_one(Dispatch, waiting).shredded_at = stage.clock()
    enrol_keyless(stage)
    assert deliver(stage) == Delivery(delivered=0, failed=0)


def test_where_the_key_cannot_be_made_nothing_waits(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    factories.dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora)
    fay = lose_the_key(stage)
    with stage.database.writing() as session:
        approve_first_dsl(session, stage.at, stage.cast.olive.actor, membership_id=fay.membership_id)
    before = rows(stage.service)

    def broken(*_given: object) -> None:
        raise RuntimeError("the last step")

    monkeypatch.setattr(epochs, "record_all", broken)
    approved = refreshed(stage.service, fay)
    with pytest.raises(RuntimeError, match="the last step"), stage.database.writing() as session:
        make_first_epoch(session, stage.at, approved.actor, person_key=approved.person_key)
    assert rows(stage.service) == before


def test_what_only_a_leaver_could_open_is_delivered_again_to_those_who_stay(stage: Stage):
    """Fay made the next key and was granted no earlier one; then the last who held that leaves."""
    sent = factories.dispatch_in(stage, Status.OPENED, sender=stage.alma, receiver=stage.cora)
    kept = factories.dispatch_in(stage, Status.ACKNOWLEDGED, sender=stage.alma, receiver=stage.cora)
    with stage.database.writing() as session:
        report_exposure(session, stage.at, stage.cora.actor)
    fay = join_service(
        stage.service, name="Fay Lund", role=Role.DESIGNATED_SAFEGUARDING_LEAD, school_id=stage.cast.receiving
    )
    stage.clock.move(minutes=1)
    fay = make_first_holder(stage.service, stage.cast.olive, fay)
    assert status_of(stage, sent) is Status.OPENED, "Cora and Dev can be granted the new key, and seal it again"
    for member in (stage.cora, stage.dev):
        with stage.database.writing() as session:
            end_membership(session, stage.at, fay.actor, membership_id=member.membership_id)
    assert (status_of(stage, sent), status_of(stage, kept)) == (Status.WAITING, Status.ACKNOWLEDGED)
    assert alerts(stage.service).count(("delivery.wanted", stage.alma.email)) == 2
    assert deliver(stage) == Delivery(delivered=2, failed=0)
    assert factories.open_dispatch(stage, fay, sent).has_opened
    assert factories.open_dispatch(stage, fay, kept).has_opened
