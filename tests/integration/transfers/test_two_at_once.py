"""Two people act on the same dispatch in the same moment, in two threads: one act counts, once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from tests import factories
from tests.cast import Member
from tests.integration.transfers.stage import Stage, enrol_keyless
from transfer_service.db import models
from transfer_service.domain.errors import AlreadyDone, RuleForbids, ServiceError
from transfer_service.domain.transfer import DispatchKind, Status
from transfer_service.use_cases.transfers import delivering, drafting, redirecting


def together(*acts: Callable[[], object]) -> list[object]:
    """Run acts in threads that start together; what one raises is its result."""
    barrier = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> object:
        barrier.wait(10)
        try:
            return act()
        except ServiceError as error:
            return error

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def count(stage: Stage, event: str) -> int:
    with stage.database.reading() as session:
        return session.query(models.LogLeaf).filter_by(event=event).count()


def test_two_leads_who_acknowledge_at_once_get_the_same_receipt(stage: Stage) -> None:
    dispatch_id = factories.dispatch_in(stage, Status.OPENED, sender=stage.alma, receiver=stage.cora)
    factories.open_dispatch(stage, stage.dev, dispatch_id)
    one, other = together(
        lambda: factories.acknowledge(stage, stage.cora, dispatch_id),
        lambda: factories.acknowledge(stage, stage.dev, dispatch_id),
    )
    assert {one.again, other.again} == {True, False}  # type: ignore[attr-defined]
    assert one.leaf == other.leaf is not None  # type: ignore[attr-defined]
    assert count(stage, "dispatch.acknowledged") == 1
    with stage.database.reading() as session:
        assert session.query(models.Alert).filter_by(kind="dispatch.acknowledged").count() == 2


def test_two_who_send_at_once_send_once(stage: Stage) -> None:
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.receiving)
    results = together(
        lambda: factories.send(stage, stage.alma, dispatch_id),
        lambda: factories.send(stage, stage.ben, dispatch_id),
    )
    assert sorted(isinstance(result, AlreadyDone) for result in results) == [False, True]
    assert count(stage, "dispatch.sent") == 1


@pytest.mark.parametrize("kind", [DispatchKind.FILE, DispatchKind.NIL])
def test_withdrawing_and_sending_back_at_once_leave_one_of_both(stage: Stage, kind: DispatchKind) -> None:
    dispatch_id = factories.dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora, kind=kind)
    results = together(
        lambda: factories.withdraw(stage, stage.alma, dispatch_id),
        lambda: factories.send_back(stage, stage.cora, dispatch_id),
    )
    assert sum(isinstance(result, ServiceError) for result in results) == 1
    assert count(stage, "dispatch.withdrawn") + count(stage, "dispatch.rejected") == 1


def test_opening_and_withdrawing_at_once_never_opens_what_was_withdrawn(stage: Stage) -> None:
    dispatch_id = factories.dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora)
    results = together(
        lambda: factories.open_dispatch(stage, stage.cora, dispatch_id),
        lambda: factories.withdraw(stage, stage.alma, dispatch_id),
    )
    assert sum(isinstance(result, ServiceError) for result in results) == 1
    with stage.database.reading() as session:
        dispatch = session.get_one(models.Dispatch, dispatch_id)
    assert (dispatch.status is Status.OPENED) == (dispatch.opened_at is not None)
    assert (dispatch.status is Status.WITHDRAWN) == (dispatch.withdrawn_at is not None)


def test_two_senders_who_unlock_at_once_deliver_once(stage: Stage) -> None:
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.keyless)
    factories.send(stage, stage.alma, dispatch_id)
    enrol_keyless(stage)

    def deliver(name: str) -> Callable[[], object]:
        member = getattr(stage, name)
        keys = member.school_keys(stage.service)

        def act() -> object:
            with stage.database.writing() as session:
                return delivering.deliver_waiting(session, stage.at, member.actor, keys, storage=stage.storage)

        return act

    results = together(deliver("alma"), deliver("ben"))
    assert sorted(result.delivered for result in results) == [0, 1]  # type: ignore[attr-defined]
    assert count(stage, "dispatch.delivered") == 1


def test_many_files_sent_at_once_leave_a_log_without_gaps(stage: Stage) -> None:
    ids = [factories.draft(stage, stage.alma, stage.cast.receiving) for _ in range(8)]

    def send(dispatch_id: UUID) -> Callable[[], object]:
        return lambda: factories.send(stage, stage.ben, dispatch_id)

    results = together(*(send(dispatch_id) for dispatch_id in ids))
    assert not [result for result in results if isinstance(result, ServiceError)]
    with stage.database.reading() as session:
        found = [idx for (idx,) in session.query(models.LogLeaf.idx).order_by(models.LogLeaf.idx)]
    assert found == list(range(len(found)))


def test_two_who_begin_again_at_once_begin_one_draft(stage: Stage) -> None:
    dispatch_id = factories.dispatch_in(stage, Status.WITHDRAWN, sender=stage.alma, receiver=stage.cora)
    with stage.database.reading() as session:
        reference = session.get_one(models.Dispatch, dispatch_id).transfer.reference

    def begin(member: Member) -> Callable[[], object]:
        def act() -> object:
            with stage.database.writing() as session:
                return drafting.draft_again(
                    session, stage.at, member.actor, reference=reference, receiving_school_id=stage.cast.receiving
                )

        return act

    results = together(begin(stage.alma), begin(stage.ben))
    assert [result.rule for result in results if isinstance(result, RuleForbids)] == ["still_under_way"]
    assert count(stage, "dispatch.drafted") == 2


def test_beginning_again_and_sending_again_at_once_leave_one_of_both(stage: Stage) -> None:
    dispatch_id = factories.dispatch_in(stage, Status.WITHDRAWN, sender=stage.alma, receiver=stage.cora)
    with stage.database.reading() as session:
        reference = session.get_one(models.Dispatch, dispatch_id).transfer.reference

    def begin() -> object:
        with stage.database.writing() as session:
            return drafting.draft_again(
                session, stage.at, stage.alma.actor, reference=reference, receiving_school_id=stage.cast.receiving
            )

    def send_again() -> object:
        with stage.database.writing() as session:
            return redirecting.redirect(
                session,
                stage.at,
                stage.ben.actor,
                dispatch_id=dispatch_id,
                receiving_school_id=stage.cast.stranger,
                person_key=stage.ben.person_key,
                storage=stage.storage,
            )

    results = together(begin, send_again)
    assert [result.rule for result in results if isinstance(result, RuleForbids)] == ["still_under_way"]
    with stage.database.reading() as session:
        assert session.query(models.Dispatch).count() == 2
